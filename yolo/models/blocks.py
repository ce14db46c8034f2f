"""The few pieces that all the networks are made of."""

from __future__ import annotations

import keras

from data.arguments import number_pair, whole_number
from yolo.darknet.batch_norm import EPSILON, batch_norm

LEAK = 0.1
"""Slope of the leaky relu below zero; Keras's own default would be .3."""


def convolution(tensor, filters: int, size: int, name: str, strides: int = 1, epsilon: float = EPSILON):
    """What Darknet calls a convolutional layer: convolution, batch norm, leaky relu.

    Args:
        tensor: (batch, rows, columns, channels).
        filters: channels that come out.
        size: rows and columns of a filter, odd.
        name: of the convolution; ``_bn`` and ``_leaky`` are added for the others.
        strides: 1, or 2 to halve the sides.
        epsilon: of batch norm.
    """
    if strides > 1:
        # Darknet pads all four sides alike; "same" with a stride pads an even side below and to the right only, and
        # every window would lie one pixel off.
        tensor = keras.layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(tensor)
    padding = "valid" if strides > 1 else "same"
    tensor = keras.layers.Conv2D(filters, size, strides, padding, use_bias=False, name=name)(tensor)
    tensor = batch_norm(epsilon, f"{name}_bn")(tensor)
    return keras.layers.LeakyReLU(negative_slope=LEAK, name=f"{name}_leaky")(tensor)


def residual(tensor, filters: int, name: str, epsilon: float = EPSILON):
    """A residual block: squeeze to half the channels, expand again, add what came in."""
    inside = convolution(tensor, filters // 2, 1, f"{name}_squeeze", epsilon=epsilon)
    inside = convolution(inside, filters, 3, f"{name}_expand", epsilon=epsilon)
    return keras.layers.Add(name=f"{name}_add")([tensor, inside])


def up_and_join(tensor, skip, filters: int, stride: int, epsilon: float = EPSILON):
    """The way to the next finer scale: fewer channels, twice the side, and the body's map of that size beside it."""
    inputs = keras.Input(tensor.shape[1:])
    outputs = convolution(inputs, filters, 1, "narrow", epsilon=epsilon)
    outputs = keras.layers.UpSampling2D(2, name="double")(outputs)
    tensor = keras.Model(inputs, outputs, name=f"lateral_{stride}")(tensor)
    return keras.layers.Concatenate(name=f"join_{stride}")([tensor, skip])


def head(tensor, filters: int, outputs: int, stride: int, epsilon: float = EPSILON):
    """A 3x3 convolution, then the raw numbers of every cell: (batch, rows, columns, anchors * (5 + classes))."""
    inputs = keras.Input(tensor.shape[1:])
    tensor_inside = convolution(inputs, filters, 3, "widen", epsilon=epsilon)
    raw = keras.layers.Conv2D(outputs, 1, name="raw")(tensor_inside)
    return keras.Model(inputs, raw, name=f"head_{stride}")(tensor)


def picture(size: int | tuple[int, int] | None) -> keras.KerasTensor:
    """The input: float32 RGB in 0..1, (batch, rows, columns, 3).

    Args:
        size: rows and columns, multiples of 32; None to leave both open.

    Raises:
        ValueError: not multiples of 32; TypeError: not whole numbers.
    """
    if size is None:
        return keras.Input((None, None, 3), name="picture")
    rows, columns = number_pair("size", size, 32)
    if rows % 32 or columns % 32:
        raise ValueError(f"size is {rows} x {columns}; multiples of 32 are wanted, the side of the coarsest cell")
    return keras.Input((rows, columns, 3), name="picture")


def widened(width: float):
    """A function that scales numbers of filters: to a multiple of 8, at least 8. For 1 they stay.

    >>> narrow = widened(0.25)
    >>> narrow(32), narrow(64), narrow(1024)
    (8, 16, 256)
    """
    if isinstance(width, (bool, str)) or not 0 < width <= 16:
        raise ValueError(f"width is {width!r}; a number above 0 and at most 16 is wanted, 1 for the published network")
    return lambda filters: filters if width == 1 else max(8, 8 * round(filters * width / 8))


def numbers_per_cell(classes: int, anchors: int) -> int:
    """Channels of a head: x, y, w, h, objectness and the classes, for each anchor."""
    return whole_number("anchors", anchors) * (5 + whole_number("classes", classes))
