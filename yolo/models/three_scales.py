"""YOLOv3 (Redmon and Farhadi, 2018): Darknet-53, and three heads from coarse to fine; with or without SPP.

body -> 32 -> neck_32 -> head_32                       13 x 13 of a 416-pixel picture: large objects
                 |
             lateral_16, join with body 16 -> neck_16 -> head_16                  26 x 26
                                                 |
                                             lateral_8, join with body 8 -> neck_8 -> head_8     52 x 52: small ones
"""

from __future__ import annotations

import keras

from yolo.anchors import YOLOV3_ANCHORS, YOLOV3_MASKS
from yolo.darknet.batch_norm import EPSILON
from yolo.models.blocks import convolution, head, numbers_per_cell, picture, up_and_join, widened
from yolo.models.residual_body import darknet53_body

ANCHORS, MASKS = YOLOV3_ANCHORS, YOLOV3_MASKS


def yolov3(
    classes: int = 80,
    size: int | tuple[int, int] | None = None,
    *,
    width: float = 1.0,
    anchors: int = 3,
    epsilon: float = EPSILON,
) -> keras.Model:
    """YOLOv3.

    Args:
        classes: how many.
        size: rows and columns of the input, multiples of 32; None for any.
        width: factor on all numbers of filters but the heads' last.
        anchors: per head.
        epsilon: of batch norm, as for ``yolo.darknet.build``.

    Returns:
        A model from float32 RGB in 0..1, (batch, rows, columns, 3), to three raw heads (batch, rows / s, columns / s,
        anchors * (5 + classes)) for s = 32, 16, 8. ``yolo.models.load_darknet`` reads yolov3.weights into it.

    Raises:
        ValueError, TypeError: an argument out of range.
    """
    return _yolov3(classes, size, width, anchors, epsilon, pyramid=False)


def yolov3_spp(
    classes: int = 80,
    size: int | tuple[int, int] | None = None,
    *,
    width: float = 1.0,
    anchors: int = 3,
    epsilon: float = EPSILON,
) -> keras.Model:
    """YOLOv3 with spatial pyramid pooling before the coarsest head (yolov3-spp.cfg); arguments as for ``yolov3``."""
    return _yolov3(classes, size, width, anchors, epsilon, pyramid=True)


def _yolov3(classes, size, width, anchors, epsilon, pyramid: bool) -> keras.Model:
    wide, outputs = widened(width), numbers_per_cell(classes, anchors)
    inputs = picture(size)
    fine, middle, coarse = darknet53_body(size, width=width, epsilon=epsilon)(inputs)

    coarse = neck(coarse, wide(512), 32, epsilon, pyramid)
    middle = neck(up_and_join(coarse, middle, wide(256), 16, epsilon), wide(256), 16, epsilon)
    fine = neck(up_and_join(middle, fine, wide(128), 8, epsilon), wide(128), 8, epsilon)

    heads = [
        head(coarse, wide(1024), outputs, 32, epsilon),
        head(middle, wide(512), outputs, 16, epsilon),
        head(fine, wide(256), outputs, 8, epsilon),
    ]
    return keras.Model(inputs, heads, name="yolov3_spp" if pyramid else "yolov3")


def neck(tensor, filters: int, stride: int, epsilon: float = EPSILON, pyramid: bool = False):
    """Five convolutions, 1x1 and 3x3 in turn, narrow and wide; with ``pyramid`` the poolings after the third."""
    inputs = keras.Input(tensor.shape[1:])
    inside = convolution(inputs, filters, 1, "squeeze1", epsilon=epsilon)
    inside = convolution(inside, 2 * filters, 3, "expand1", epsilon=epsilon)
    inside = convolution(inside, filters, 1, "squeeze2", epsilon=epsilon)
    if pyramid:
        inside = pooling_pyramid(inside)
        inside = convolution(inside, filters, 1, "squeeze_pyramid", epsilon=epsilon)
    inside = convolution(inside, 2 * filters, 3, "expand2", epsilon=epsilon)
    inside = convolution(inside, filters, 1, "squeeze3", epsilon=epsilon)
    return keras.Model(inputs, inside, name=f"neck_{stride}")(tensor)


def pooling_pyramid(tensor, sizes: tuple[int, ...] = (13, 9, 5)):
    """The maximum over windows of several sizes around every cell, beside the map itself (He et al., SPP-net, 2014)."""
    pooled = [keras.layers.MaxPooling2D(size, 1, "same", name=f"pool{size}")(tensor) for size in sizes]
    return keras.layers.Concatenate(name="pyramid")([*pooled, tensor])
