"""U-Net: down, up again, and at every level the encoder's maps are handed across."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from fcn.models.blocks import Size, channels, check_numbers, double_conv, image_input, logits, scaled, up
from fcn.models.encoders import given_encoder

FILTERS = (64, 128, 256, 512, 1024)


def unet(
    classes: int,
    *,
    size: int | Size | None = None,
    width: float = 1.0,
    encoder: str | keras.Model | None = None,
    weights: str | None = None,
    batch_norm: bool = True,
) -> keras.Model:
    """U-Net.

    Two 3x3 convolutions at each of five levels, 2x2 pooling between them; on the way up a 2x2 transposed convolution
    that halves the channels, the encoder's maps of the same level beside them, and two convolutions.

    The paper's convolutions are "valid", so that its output is smaller than the image and the maps that are handed
    across have to be cropped. Here padding is "same" and sizes match; where a side was odd, the last row or column
    of what was upsampled is cut off. The paper has no normalisation: ``batch_norm=False``.

    Weights for 2 classes: 31.03 M without batch normalisation, 31.04 M with it.

    Args:
        classes: number of logits for each pixel.
        size: ``(height, width)`` of the images, 32 or more; None for any.
        width: all channels times this; with a given ``encoder``, those of the decoder.
        encoder: None for the paper's, or a classifier; see `fcn.models.encoders.given_encoder`. Upsampling is then
            bilinear, to the size of what is handed across, since encoders treat odd sizes in their own ways.
        weights: of an encoder given by name: None or ``"imagenet"``.
        batch_norm: normalise after each convolution (but not after the upsampling).

    Returns:
        Functional model: float RGB ``(batch, height, width, 3)`` in 0..255 to float32 logits ``(batch, height, width,
        classes)``.

    Raises:
        TypeError, ValueError: arguments of the wrong kind, or out of range.

    Source: Ronneberger, Fischer and Brox 2015, "U-Net", section 2 and figure 1.
    """
    check_numbers(classes, width)
    images, levels = unet_encoder(size, width, encoder, weights, FILTERS, batch_norm)

    stride, maps = levels.popitem()
    while levels:
        stride, across = levels.popitem()
        filters = decoder_filters(stride, width, FILTERS)
        maps = up(maps, filters, across, name=f"decoder_{stride}_up", aligned=encoder is None)
        maps = keras.layers.Concatenate(name=f"decoder_{stride}_both")([across, maps])
        maps = double_conv(maps, filters, name=f"decoder_{stride}", batch_norm=batch_norm)

    # An encoder that begins with a stride has no maps of the image's size.
    return keras.Model(images, logits(maps, classes, like=None if stride == 1 else images), name="unet")


def unet_encoder(
    size: int | Size | None,
    width: float,
    encoder: str | keras.Model | None,
    weights: str | None,
    filters: Sequence[int],
    batch_norm: bool = True,
) -> tuple[Any, dict]:
    """The way down: ``(images, {stride: maps})``, of U-Net itself (``filters`` at each level) or of a classifier.

    Raises:
        ValueError: a classifier with fewer than two scales; ``weights`` without a name.
    """
    if encoder is None:
        if weights is not None:
            raise ValueError(f"weights is {weights!r} and encoder None; weights are those of an encoder given by name")
        images = image_input(size)
        maps, levels = scaled(images), {}
        for level, count in enumerate(filters):
            if level:
                maps = keras.layers.MaxPooling2D(padding="same", name=f"encoder{level}_pool")(maps)
            maps = double_conv(maps, channels(count, width), name=f"encoder{level + 1}", batch_norm=batch_norm)
            levels[2**level] = maps
        return images, levels
    images, levels = given_encoder(encoder, weights, size)
    if len(levels) < 2:
        raise ValueError(f"the encoder has convolutions at the strides {list(levels)} only; two or more are wanted")
    return images, levels


def decoder_filters(stride: int, width: float, filters: Sequence[int]) -> int:
    """Channels of the decoder at a stride: those of the paper's encoder there, at most those before its deepest."""
    return channels(min(filters[0] * stride, filters[-2]), width)
