"""Darknet-53: the body of YOLOv3, and as a classifier (Redmon and Farhadi, YOLOv3, 2018, table 1)."""

from __future__ import annotations

import keras

from data.arguments import whole_number
from yolo.darknet.batch_norm import EPSILON
from yolo.models.blocks import convolution, picture, residual, widened

STAGES = ((64, 1), (128, 2), (256, 8), (512, 8), (1024, 4))
"""Filters and residual blocks of each stage; each begins by halving the sides."""


def darknet53_body(
    size: int | tuple[int, int] | None = None, *, width: float = 1.0, epsilon: float = EPSILON
) -> keras.Model:
    """The 52 convolutions, as a model from pictures to the maps at strides 8, 16 and 32.

    Args:
        size: rows and columns of the input, multiples of 32; None for any.
        width: factor on all numbers of filters.
        epsilon: of batch norm, as for ``yolo.darknet.build``.

    Returns:
        (batch, rows, columns, 3) to a list of (batch, rows / s, columns / s, filters) for s = 8, 16, 32, with 256,
        512 and 1024 filters at width 1.
    """
    wide = widened(width)
    inputs = picture(size)
    tensor = convolution(inputs, wide(32), 3, "stem", epsilon=epsilon)
    maps = []
    for number, (filters, blocks) in enumerate(STAGES, start=1):
        tensor = convolution(tensor, wide(filters), 3, f"stage{number}_halve", strides=2, epsilon=epsilon)
        for block in range(1, blocks + 1):
            tensor = residual(tensor, wide(filters), f"stage{number}_block{block}", epsilon)
        maps.append(tensor)
    return keras.Model(inputs, maps[2:], name="body")


def darknet53(
    size: int | tuple[int, int] | None = 256, *, classes: int = 1000, width: float = 1.0, epsilon: float = EPSILON
) -> keras.Model:
    """The classifier: the body, the mean over the picture, one logit per class (Darknet's darknet53.cfg, whose last
    layer would make a softmax of them).
    """
    inputs = picture(size)
    *_, coarse = darknet53_body(size, width=width, epsilon=epsilon)(inputs)
    mean = keras.layers.GlobalAveragePooling2D(keepdims=True, name="mean")(coarse)
    logits = keras.layers.Conv2D(whole_number("classes", classes), 1, name="classifier")(mean)
    return keras.Model(inputs, keras.layers.Flatten(name="logits")(logits), name="darknet53")
