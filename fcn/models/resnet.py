"""A ResNet that keeps its resolution: strides beyond a limit become dilations. The encoder of PSPNet and DeepLab."""

from __future__ import annotations

from typing import Any

import keras

from fcn.models.blocks import Size, channels, conv_bn_relu, image_input, scaled
from fcn.models.encoders import given_encoder

FILTERS = (64, 128, 256, 512)
STRIDES = (8, 16, 32)


def dilated_resnet(size: int | Size | None, width: float, output_stride: int) -> tuple[Any, dict]:
    """ResNet-18 without its head: a 7x7 convolution, pooling, four stages of two blocks; two 3x3 convolutions a block.

    A stage that would go beyond ``output_stride`` has a dilation instead of the stride: its kernels see what they
    would have seen, and the maps stay as large as they are.

    Args:
        size: as in `fcn.models.blocks.image_input`.
        width: all channels times this.
        output_stride: 8, 16 or 32 pixels from one cell of the last maps to the next.

    Returns:
        ``(images, {stride: maps})``.

    Source: He et al. 2016, "Deep residual learning", table 1; Chen et al. 2017 (DeepLab v3), section 3.1.
    """
    images = image_input(size)
    maps = conv_bn_relu(scaled(images), channels(64, width), 7, strides=2, name="encoder_stem")
    levels, stride, dilation = {2: maps}, 4, 1
    maps = keras.layers.MaxPooling2D(3, 2, "same", name="encoder_stem_pool")(maps)
    for stage, filters in enumerate(FILTERS, start=1):
        step, first = 1, dilation  # the first kernel of a stage comes before its stride
        if stage > 1 and stride < output_stride:
            stride, step = 2 * stride, 2
        elif stage > 1:
            dilation *= 2
        filters = channels(filters, width)
        maps = _residual(maps, filters, step, (first, dilation), f"encoder{stage}_block1")
        maps = _residual(maps, filters, 1, (dilation, dilation), f"encoder{stage}_block2")
        levels[stride] = maps
    return images, levels


def _residual(maps: Any, filters: int, strides: int, dilations: tuple[int, int], name: str) -> Any:
    short = maps
    if strides > 1 or maps.shape[-1] != filters:
        short = conv_bn_relu(maps, filters, 1, strides=strides, relu=False, name=f"{name}_short")
    maps = conv_bn_relu(maps, filters, strides=strides, dilation=dilations[0], name=f"{name}_conv1")
    maps = conv_bn_relu(maps, filters, dilation=dilations[1], relu=False, name=f"{name}_conv2")
    return keras.layers.ReLU(name=f"{name}_relu")(keras.layers.Add(name=f"{name}_add")([short, maps]))


def fine_encoder(
    size: int | Size | None,
    width: float,
    encoder: str | keras.Model | None,
    weights: str | None,
    output_stride: int,
) -> tuple[Any, dict]:
    """`dilated_resnet`, or a given classifier as far as ``output_stride``: what lies deeper is left out.

    Returns:
        ``(images, {stride: maps})``; the largest stride is ``output_stride``.

    Raises:
        ValueError: ``output_stride`` is not 8, 16 or 32; a classifier without such maps; ``weights`` without a name.
    """
    if output_stride not in STRIDES:
        raise ValueError(f"output_stride is {output_stride!r}; accepted: 8, 16, 32")
    if encoder is None:
        if weights is not None:
            raise ValueError(f"weights is {weights!r} and encoder None; weights are those of an encoder given by name")
        return dilated_resnet(size, width, output_stride)
    images, levels = given_encoder(encoder, weights, size, deepest=output_stride)
    if output_stride not in levels:
        raise ValueError(f"the encoder has no maps at output_stride={output_stride}; it has some at {list(levels)}")
    return images, levels
