"""YOLOv3-tiny: a seventh of YOLOv3's parameters, a twelfth of its work, two heads."""

from __future__ import annotations

import keras

from yolo.darknet.batch_norm import EPSILON
from yolo.models.blocks import convolution, head, numbers_per_cell, picture, up_and_join, widened

ANCHORS = ((10, 14), (23, 27), (37, 58), (81, 82), (135, 169), (344, 319))
"""Width and height in pixels of the input."""
MASKS = ((3, 4, 5), (0, 1, 2))
"""Which of them each head uses, coarse to fine, for training."""
OFFICIAL_MASKS = ((3, 4, 5), (1, 2, 3))
"""What the official yolov3-tiny.weights were trained with: see ``yolo.darknet.verify``."""


def tiny_body(
    size: int | tuple[int, int] | None = None, *, width: float = 1.0, epsilon: float = EPSILON
) -> keras.Model:
    """Seven convolutions with poolings between: pictures to the maps at strides 16 and 32.

    Returns:
        (batch, rows, columns, 3) to a list of (batch, rows / s, columns / s, filters) for s = 16, 32, with 256 and
        1024 filters at width 1.
    """
    wide = widened(width)
    inputs = tensor = picture(size)
    for number, filters in enumerate((16, 32, 64, 128), start=1):
        tensor = convolution(tensor, wide(filters), 3, f"conv{number}", epsilon=epsilon)
        tensor = keras.layers.MaxPooling2D(2, name=f"halve{number}")(tensor)
    fine = convolution(tensor, wide(256), 3, "conv5", epsilon=epsilon)
    tensor = keras.layers.MaxPooling2D(2, name="halve5")(fine)
    tensor = convolution(tensor, wide(512), 3, "conv6", epsilon=epsilon)
    # A 2x2 window at every pixel; beyond the last row and column lies -infinity, not zero.
    tensor = keras.layers.MaxPooling2D(2, 1, "same", name="pool6")(tensor)
    coarse = convolution(tensor, wide(1024), 3, "conv7", epsilon=epsilon)
    return keras.Model(inputs, [fine, coarse], name="body")


def yolov3_tiny(
    classes: int = 80,
    size: int | tuple[int, int] | None = None,
    *,
    width: float = 1.0,
    anchors: int = 3,
    epsilon: float = EPSILON,
) -> keras.Model:
    """YOLOv3-tiny; arguments as for ``yolo.models.yolov3``, heads for s = 32 and 16.

    ``yolo.models.load_darknet`` reads yolov3-tiny.weights into it.
    """
    wide, outputs = widened(width), numbers_per_cell(classes, anchors)
    inputs = picture(size)
    fine, coarse = tiny_body(size, width=width, epsilon=epsilon)(inputs)

    coarse = neck(coarse, wide(256), epsilon)
    fine = up_and_join(coarse, fine, wide(128), 16, epsilon)

    heads = [head(coarse, wide(512), outputs, 32, epsilon), head(fine, wide(256), outputs, 16, epsilon)]
    return keras.Model(inputs, heads, name="yolov3_tiny")


def neck(tensor, filters: int, epsilon: float = EPSILON):
    """One 1x1 convolution: what the coarse head and the way to the fine one share."""
    inputs = keras.Input(tensor.shape[1:])
    outputs = convolution(inputs, filters, 1, "squeeze", epsilon=epsilon)
    return keras.Model(inputs, outputs, name="neck_32")(tensor)
