"""What all networks begin, go on and end with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from data.arguments import number_pair, whole_number
from fcn.layers import BilinearUpsampling2D

SMALLEST = 32  # pixels: five poolings leave one
# Of the running statistics of batch normalisation. Keras's .99 lags by hundreds of steps, and a training on a few
# hundred images may have no more: what is measured meanwhile would be of another network.
MOMENTUM = 0.9
Size = tuple[int, int]


def check_numbers(classes: int, width: float) -> None:
    """Refuse at the door what no network can be made of.

    Raises:
        TypeError, ValueError: ``classes`` is no whole number, or below 1; ``width`` as in `channels`.
    """
    whole_number("classes", classes)
    channels(1, width)


def image_input(size: int | Size | None) -> Any:
    """Where RGB images in 0..255 come in.

    Args:
        size: ``(height, width)``, one number for both, or None for images of any size.

    Raises:
        TypeError, ValueError: a size of no whole numbers, or below 32.
    """
    height, width = (None, None) if size is None else number_pair("size", size, SMALLEST)
    return keras.Input((height, width, 3), name="image")


def scaled(images: Any) -> Any:
    """From 0..255 to -1..1; inside the network, so that no caller can forget it."""
    return keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="encoder_rescale")(images)


def channels(count: int, width: float) -> int:
    """How many channels a network of this ``width`` has where the paper's has ``count``; at least one.

    >>> channels(64, 0.25), channels(3, 0.1)
    (16, 1)

    Raises:
        TypeError: ``width`` is no number.
        ValueError: it is not above 0.
    """
    if isinstance(width, bool) or not isinstance(width, (int, float)):
        raise TypeError(f"width is {width!r}; a number is wanted, 1.0 for the paper's channels")
    if not (math.isfinite(width) and width > 0):
        raise ValueError(f"width is {width}; a number above 0 is wanted, 1.0 for the paper's channels")
    return max(1, round(count * width))


def conv_bn_relu(
    maps: Any,
    filters: int,
    kernel_size: int = 3,
    *,
    name: str,
    strides: int = 1,
    dilation: int = 1,
    batch_norm: bool = True,
    relu: bool = True,
    use_bias: bool = False,
    separable: bool = False,
) -> Any:
    """Convolution ("same"), batch normalisation, rectifier: ``name``, ``name_bn``, ``name_relu``.

    Args:
        maps: ``(batch, height, width, channels)``.
        filters: channels of the result.
        kernel_size: side of the kernel.
        name: of the convolution.
        strides: of the convolution.
        dilation: distance of the kernel's points; "atrous" where above 1.
        batch_norm: normalise; without it the convolution always has a bias.
        relu: rectify.
        use_bias: a bias although the normalisation has one too (VGG16's weights need the place).
        separable: one kernel for each channel, then a 1x1 convolution (each normalised), instead of the convolution.
    """
    if separable:
        maps = keras.layers.DepthwiseConv2D(
            kernel_size, strides, "same", dilation_rate=dilation, use_bias=False, name=f"{name}_depthwise"
        )(maps)
        maps = keras.layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_depthwise_bn")(maps)
        maps = keras.layers.ReLU(name=f"{name}_depthwise_relu")(maps)
        kernel_size = strides = dilation = 1
    maps = keras.layers.Conv2D(
        filters,
        kernel_size,
        strides,
        "same",
        dilation_rate=dilation,
        use_bias=use_bias or not batch_norm,
        kernel_initializer="he_normal",
        name=name,
    )(maps)
    if batch_norm:
        maps = keras.layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_bn")(maps)
    return keras.layers.ReLU(name=f"{name}_relu")(maps) if relu else maps


def double_conv(maps: Any, filters: int, *, name: str, batch_norm: bool = True) -> Any:
    """Two 3x3 convolutions: what U-Net and its descendants have at every level."""
    for step in (1, 2):
        maps = conv_bn_relu(maps, filters, name=f"{name}_conv{step}", batch_norm=batch_norm)
    return maps


def logits(maps: Any, classes: int, *, kernel_size: int = 1, like: Any = None, name: str = "logits") -> Any:
    """A number for each class and pixel, float32 in every dtype policy; brought to the size of ``like``, if given."""
    maps = keras.layers.Conv2D(classes, kernel_size, padding="same", dtype="float32", name=name)(maps)
    if like is None:
        return maps
    return BilinearUpsampling2D(dtype="float32", name=f"{name}_upsampled")(maps, like=like)


def up(maps: Any, filters: int, like: Any, *, name: str, aligned: bool = True) -> Any:
    """Twice as large, ``filters`` channels, the size of ``like``.

    Args:
        maps: ``(batch, rows, columns, channels)``.
        filters: channels of the result.
        like: maps about twice as large; only their height and width are used.
        name: of the convolution.
        aligned: ``maps`` has ``ceil(n / 2)`` rows where ``like`` has ``n`` ("same" padding). Then a transposed
            convolution, 2x2 with a stride of 2, whose last row or column is cut off where ``n`` is odd. Otherwise (an
            encoder that pads in its own way) a 2x2 convolution, then bilinear interpolation to the size.
    """
    if aligned:
        maps = keras.layers.Conv2DTranspose(filters, 2, 2, "same", kernel_initializer="he_normal", name=name)(maps)
        return CropLike(name=f"{name}_crop")(maps, like)
    maps = keras.layers.Conv2D(filters, 2, padding="same", kernel_initializer="he_normal", name=name)(maps)
    return BilinearUpsampling2D(name=f"{name}_upsampled")(maps, like=like)


def encoder_layers(model: keras.Model) -> list[keras.Layer]:
    """The layers of a network's encoder, those whose names begin with ``encoder``; to freeze them, say.

    Raises:
        ValueError: it has none.
    """
    found = [layer for layer in model.layers if layer.name.startswith("encoder")]
    if not found:
        raise ValueError(f"no layer of {model.name!r} has a name that begins with 'encoder'; is it from fcn.models?")
    return found


@keras.saving.register_keras_serializable(package="fcn")
class CropLike(keras.layers.Layer):
    """The first rows and columns, as many as another tensor has.

    What was pooled with "same" padding and upsampled again is aligned at the top left; what is too much, because a
    side was no multiple of the stride, lies at the bottom and on the right.

    Call arguments:
        maps: ``(batch, height, width, channels)``.
        like: ``(batch, height or less, width or less, any)``; its values do not matter.

    Raises:
        ValueError: other ranks; ``like`` is larger (as far as is known before the layer runs).
    """

    def call(self, maps: Any, like: Any) -> Any:
        """Cut off; see the class."""
        self._check(maps.shape, like.shape)
        if maps.shape[1:3] == like.shape[1:3] and None not in maps.shape[1:3]:
            return maps
        height, width = (tf.shape(like)[axis] if like.shape[axis] is None else like.shape[axis] for axis in (1, 2))
        return maps[:, :height, :width]

    def compute_output_shape(self, maps_shape: Sequence, like_shape: Sequence) -> tuple:
        """``(batch, height and width of like, channels)``."""
        self._check(maps_shape, like_shape)
        return (maps_shape[0], *like_shape[1:3], maps_shape[3])

    def _check(self, maps: Sequence, like: Sequence) -> None:
        if len(maps) != 4 or len(like) != 4:
            raise ValueError(
                f"maps and like must be (batch, height, width, channels); they are {tuple(maps)}, {tuple(like)}"
            )
        if any(n is not None and m is not None and n < m for n, m in zip(maps[1:3], like[1:3])):
            raise ValueError(f"maps is {tuple(maps)}, smaller than like, {tuple(like)}; there is nothing to cut off")
