"""Attention U-Net: before the encoder's maps are handed across, what lies below says which pixels of them count."""

from __future__ import annotations

from typing import Any

import keras

from fcn.layers import BilinearUpsampling2D
from fcn.models.blocks import Size, channels, check_numbers, double_conv, logits, up
from fcn.models.unet import FILTERS, decoder_filters, unet_encoder

layers = keras.layers


def attention_unet(
    classes: int,
    *,
    size: int | Size | None = None,
    width: float = 1.0,
    encoder: str | keras.Model | None = None,
    weights: str | None = None,
    batch_norm: bool = True,
) -> keras.Model:
    """U-Net with an attention gate (`attention_gate`) on its four connections; the authors leave the finest without.

    The weights of the gates are the outputs of the layers ``decoder_STRIDE_gate``: a picture of what the network looks
    at. All else, and the arguments, as in `fcn.models.unet.unet`.

    Args:
        classes: number of logits for each pixel.
        size: ``(height, width)`` of the images, 32 or more; None for any.
        width: all channels times this; with a given ``encoder``, those of the decoder.
        encoder: None for U-Net's, or a classifier.
        weights: of an encoder given by name: None or ``"imagenet"``.
        batch_norm: normalise after each convolution of the two at a level.

    Returns:
        Functional model: float RGB ``(batch, height, width, 3)`` in 0..255 to float32 logits ``(batch, height, width,
        classes)``.

    Raises:
        TypeError, ValueError: arguments of the wrong kind, or out of range.

    Source: Oktay et al. 2018, "Attention U-Net", section 2, figures 1 and 2 (there in three dimensions).
    """
    check_numbers(classes, width)
    images, levels = unet_encoder(size, width, encoder, weights, FILTERS, batch_norm)

    stride, maps = levels.popitem()
    while levels:
        stride, across = levels.popitem()
        filters, name = decoder_filters(stride, width, FILTERS), f"decoder_{stride}"
        across = attention_gate(across, maps, channels(filters / 2, 1.0), name=name)
        maps = up(maps, filters, across, name=f"{name}_up", aligned=encoder is None)
        maps = layers.Concatenate(name=f"{name}_both")([across, maps])
        maps = double_conv(maps, filters, name=name, batch_norm=batch_norm)

    return keras.Model(images, logits(maps, classes, like=None if stride == 1 else images), name="attention_unet")


def attention_gate(maps: Any, below: Any, filters: int, *, name: str) -> Any:
    """Maps times a weight in 0..1 for each pixel, which depends on themselves and on the maps below.

    ``sigmoid(psi(relu(W_x x + W_g g)))``, where ``W_x`` is 2x2 with a stride of 2, so that the two meet at the lower
    resolution, ``W_g`` and ``psi`` are 1x1; the weights are then interpolated to the size of ``x``.

    Args:
        maps: ``x``, ``(batch, height, width, channels)``.
        below: ``g``, about half as large.
        filters: channels in which they meet.
        name: the weights are the output of the layer ``name_gate``.

    Source: Oktay et al. 2018, equations 1 and 2.
    """
    mine = layers.Conv2D(filters, 2, 2, "same", use_bias=False, name=f"{name}_gate_x")(maps)
    theirs = layers.Conv2D(filters, 1, name=f"{name}_gate_g")(below)
    theirs = BilinearUpsampling2D(name=f"{name}_gate_g_fit")(theirs, like=mine)
    sum_ = layers.ReLU(name=f"{name}_gate_relu")(layers.Add(name=f"{name}_gate_sum")([mine, theirs]))
    weights = layers.Conv2D(1, 1, activation="sigmoid", name=f"{name}_gate_psi")(sum_)
    weights = BilinearUpsampling2D(name=f"{name}_gate")(weights, like=maps)
    return layers.Multiply(name=f"{name}_gated")([maps, weights])
