"""DeepLab v3 and v3+: the same maps seen through kernels with holes of several widths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from data.arguments import whole_number
from fcn.layers import BilinearUpsampling2D
from fcn.models.blocks import Size, channels, check_numbers, conv_bn_relu, logits
from fcn.models.resnet import fine_encoder

RATES = {8: (12, 24, 36), 16: (6, 12, 18), 32: (3, 6, 9)}  # the same pixels of the image


def deeplab_v3(
    classes: int,
    *,
    size: int | Size | None = None,
    width: float = 1.0,
    encoder: str | keras.Model | None = None,
    weights: str | None = None,
    output_stride: int = 16,
    rates: Sequence[int] | None = None,
) -> keras.Model:
    """DeepLab v3: an encoder that stops at ``output_stride``, the atrous pyramid (`atrous_pyramid`), interpolation.

    The paper's encoder is a ResNet-50 or -101; here it is a dilated ResNet-18
    (`fcn.models.resnet.dilated_resnet`).

    Args:
        classes: number of logits for each pixel.
        size: ``(height, width)`` of the images, 32 or more; None for any.
        width: all channels times this; with a given ``encoder``, those of the head.
        encoder: None for the ResNet, or a classifier (see `fcn.models.encoders.given_encoder`), of which the last maps
            at ``output_stride`` are used; what lies deeper is left out.
        weights: of an encoder given by name: None or ``"imagenet"``.
        output_stride: pixels from one cell of the encoder's maps to the next: 8, 16 or 32.
        rates: dilations of the pyramid, in cells of these maps; None: the paper's, which are for images of 513 pixels.
            A kernel whose rate is the side of the maps or more sees zeros beside its middle tap (section 3.3).

    Returns:
        Functional model: float RGB ``(batch, height, width, 3)`` in 0..255 to float32 logits ``(batch, height, width,
        classes)``.

    Raises:
        TypeError, ValueError: arguments of the wrong kind, or out of range.

    Source: Chen et al. 2017, "Rethinking atrous convolution for semantic image segmentation", section 3.3 and figure 5.
    """
    check_numbers(classes, width)
    images, levels = fine_encoder(size, width, encoder, weights, output_stride)
    maps = atrous_pyramid(levels[output_stride], channels(256, width), _rates(rates, output_stride))
    return keras.Model(images, logits(maps, classes, like=images), name="deeplab_v3")


def deeplab_v3_plus(
    classes: int,
    *,
    size: int | Size | None = None,
    width: float = 1.0,
    encoder: str | keras.Model | None = None,
    weights: str | None = None,
    output_stride: int = 16,
    rates: Sequence[int] | None = None,
) -> keras.Model:
    """DeepLab v3+: `deeplab_v3` with a small decoder, and separable convolutions in pyramid and decoder.

    The pyramid's maps are interpolated to the encoder's maps at stride 4, which are brought to 48 channels and put
    beside them; two 3x3 convolutions make the edges sharp. Arguments as in `deeplab_v3`.

    Raises:
        TypeError, ValueError: arguments of the wrong kind, or out of range; an encoder without maps at stride 4.

    Source: Chen et al. 2018, "Encoder-decoder with atrous separable convolution for semantic image segmentation",
    section 3.1 and figure 2.
    """
    check_numbers(classes, width)
    images, levels = fine_encoder(size, width, encoder, weights, output_stride)
    if 4 not in levels:
        raise ValueError(f"the encoder has no maps at stride 4; it has some at {list(levels)}")
    maps = atrous_pyramid(levels[output_stride], channels(256, width), _rates(rates, output_stride), separable=True)

    edges = conv_bn_relu(levels[4], channels(48, width), 1, name="decoder_edges")
    maps = BilinearUpsampling2D(name="decoder_upsampled")(maps, like=edges)
    maps = keras.layers.Concatenate(name="decoder_both")([maps, edges])
    for step in (1, 2):
        maps = conv_bn_relu(maps, channels(256, width), separable=True, name=f"decoder_conv{step}")
    return keras.Model(images, logits(maps, classes, like=images), name="deeplab_v3_plus")


def atrous_pyramid(maps: Any, filters: int, rates: Sequence[int], *, separable: bool = False) -> Any:
    """Atrous spatial pyramid: a 1x1 convolution, a 3x3 one for each rate, and the image's average, side by side.

    Args:
        maps: ``(batch, height, width, channels)``.
        filters: channels of each branch, and of the result.
        rates: dilations of the 3x3 kernels.
        separable: depthwise dilated convolutions, then 1x1 (DeepLab v3+).

    Returns:
        ``(batch, height, width, filters)``: the branches together, after a 1x1 convolution and dropout.
    """
    branches = [conv_bn_relu(maps, filters, 1, name="pyramid_1x1")]
    for rate in rates:
        branches.append(conv_bn_relu(maps, filters, dilation=rate, separable=separable, name=f"pyramid_rate{rate}"))
    average = keras.layers.GlobalAveragePooling2D(keepdims=True, name="pyramid_average")(maps)
    average = conv_bn_relu(average, filters, 1, name="pyramid_average_conv")
    branches.append(BilinearUpsampling2D(name="pyramid_average_upsampled")(average, like=maps))
    maps = keras.layers.Concatenate(name="pyramid")(branches)
    maps = conv_bn_relu(maps, filters, 1, name="pyramid_conv")
    return keras.layers.Dropout(0.1, name="pyramid_drop")(maps)


def _rates(rates: Sequence[int] | None, output_stride: int) -> tuple[int, ...]:
    """The dilations of the pyramid, all different (their layers are named after them)."""
    if rates is None:
        return RATES[output_stride]
    rates = tuple(whole_number("a rate", rate) for rate in rates)
    if len(set(rates)) < len(rates) or not rates:
        raise ValueError(f"rates is {rates}; different whole numbers are wanted, at least one")
    return rates
