"""PSPNet: what a pixel is depends on what else is in the picture; averages over coarse grids tell it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from data.arguments import whole_number
from fcn.layers import BilinearUpsampling2D
from fcn.models.blocks import Size, channels, check_numbers, conv_bn_relu, logits
from fcn.models.resnet import fine_encoder

GRIDS = (1, 2, 3, 6)


def pspnet(
    classes: int,
    *,
    size: int | Size | None = None,
    width: float = 1.0,
    encoder: str | keras.Model | None = None,
    weights: str | None = None,
    output_stride: int = 8,
) -> keras.Model:
    """PSPNet: a pyramid of averages between encoder and classifier.

    The encoder's maps are averaged over grids of 1, 2, 3 and 6 cells each way, each grid brought to a quarter of the
    channels, interpolated back and put beside the maps; a 3x3 convolution, the logits, bilinear interpolation to the
    image's size. The cells divide any size (`GridAverage`), so that images need be no multiple of anything.

    The paper's encoder is a dilated ResNet-50 or deeper, and it has a second loss on its way; here it is a dilated
    ResNet-18, without.

    Args:
        classes: number of logits for each pixel.
        size: ``(height, width)`` of the images, 32 or more; None for any.
        width: all channels times this; with a given ``encoder``, those of the head.
        encoder: None for the ResNet, or a classifier (see `fcn.models.encoders.given_encoder`), of which the last maps
            at ``output_stride`` are used; what lies deeper is left out.
        weights: of an encoder given by name: None or ``"imagenet"``.
        output_stride: pixels from one cell of the encoder's maps to the next: 8, 16 or 32.

    Returns:
        Functional model: float RGB ``(batch, height, width, 3)`` in 0..255 to float32 logits ``(batch, height, width,
        classes)``.

    Raises:
        TypeError, ValueError: arguments of the wrong kind, or out of range.

    Source: Zhao et al. 2017, "Pyramid scene parsing network", section 3.2 and figure 3.
    """
    check_numbers(classes, width)
    images, levels = fine_encoder(size, width, encoder, weights, output_stride)
    maps = levels[output_stride]

    pyramid = [maps]
    for cells in GRIDS:
        average = GridAverage(cells, name=f"pyramid{cells}_average")(maps)
        average = conv_bn_relu(average, max(1, maps.shape[-1] // len(GRIDS)), 1, name=f"pyramid{cells}_conv")
        pyramid.append(BilinearUpsampling2D(name=f"pyramid{cells}_upsampled")(average, like=maps))
    maps = keras.layers.Concatenate(name="pyramid")(pyramid)

    maps = conv_bn_relu(maps, channels(512, width), name="head_conv")
    maps = keras.layers.Dropout(0.1, name="head_drop")(maps)
    return keras.Model(images, logits(maps, classes, like=images), name="pspnet")


@keras.saving.register_keras_serializable(package="fcn")
class GridAverage(keras.layers.Layer):
    """The average of each cell of a grid over the maps, whatever their size: PyTorch's ``AdaptiveAvgPool2d``.

    Cell ``i`` of ``n`` covers the rows from ``floor(i h / n)`` to ``ceil((i + 1) h / n)``, and columns likewise: the
    cells cover everything and overlap where ``n`` is no divisor. Maps ``(batch, h, w, channels)`` give ``(batch, n, n,
    channels)``, averaged in float32; where the maps have fewer rows or columns than ``n``, each is a cell (PyTorch
    would repeat some).

    Args:
        cells: each way.
        kwargs: of every Keras layer.

    Raises:
        TypeError, ValueError: no whole number, or below 1.
    """

    def __init__(self, cells: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cells = whole_number("cells", cells)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def call(self, maps: Any) -> Any:
        """Average; see the class."""
        full = tf.cast(maps, tf.float64 if self.compute_dtype == "float64" else tf.float32)
        sizes = (tf.shape(maps)[axis] if maps.shape[axis] is None else maps.shape[axis] for axis in (1, 2))
        down, across = (_shares(count, self.cells, full.dtype) for count in sizes)
        return tf.cast(tf.einsum("ih,jw,bhwc->bijc", down, across, full), self.compute_dtype)

    def compute_output_shape(self, maps_shape: Sequence) -> tuple:
        """``(batch, cells, cells, channels)``, None where it depends on an unknown size."""
        down, across = (count and min(count, self.cells) for count in maps_shape[1:3])
        return (maps_shape[0], down, across, maps_shape[3])

    def get_config(self) -> dict[str, Any]:
        """What the constructor takes."""
        return {**super().get_config(), "cells": self.cells}


def _shares(count: Any, cells: int, dtype: Any) -> Any:
    """By how much each of ``count`` rows enters into the average of each cell, ``(cells, count)``."""
    cells = min(count, cells) if isinstance(count, int) else tf.minimum(count, cells)
    cell, row = tf.range(cells)[:, None], tf.range(count)[None]
    inside = tf.cast((row >= cell * count // cells) & (row < -(-(cell + 1) * count // cells)), dtype)
    return inside / tf.reduce_sum(inside, axis=1, keepdims=True)
