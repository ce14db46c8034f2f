"""SegNet-Basic: four encoders, four decoders, and the places of the maxima between them."""

from __future__ import annotations

import keras

from fcn.layers import MaxPoolingWithArgmax2D, MaxUnpooling2D
from fcn.models.blocks import Size, channels, check_numbers, conv_bn_relu, image_input, logits, scaled


def segnet_basic(classes: int, *, size: int | Size | None = None, width: float = 1.0) -> keras.Model:
    """SegNet-Basic, as in the paper and in its authors' Caffe file.

    An encoder is a 7x7 convolution to 64 channels, batch normalisation, ReLU, 2x2 pooling that keeps its indices; a
    decoder is the unpooling, convolution and normalisation, without ReLU. Where a side is odd, the last row or column
    is pooled by itself ("same" padding: as in Caffe, no pixel is left out) and unpooling gives the true size again.

    The input is scaled to -1..1 where Caffe's file has local response normalisation.

    Weights for 11 classes: 1 416 587 (convolutions with their biases, and two numbers per channel of each batch
    normalisation; its running averages are not counted). Table 1 of the paper says 1.425 M: .6 % more.

    Args:
        classes: number of logits for each pixel.
        size: ``(height, width)`` of the images, 32 or more; None for any.
        width: all channels times this.

    Returns:
        Functional model: float RGB ``(batch, height, width, 3)`` in 0..255 to float32 logits ``(batch, height, width,
        classes)``.

    Raises:
        TypeError, ValueError: arguments of the wrong kind, or out of range.

    Source: Badrinarayanan, Kendall and Cipolla 2017, "SegNet", section 3.1 and table 1.
    """
    check_numbers(classes, width)
    filters = channels(64, width)
    images = image_input(size)
    maps, pooled = scaled(images), []

    for block in (1, 2, 3, 4):
        maps = conv_bn_relu(maps, filters, 7, use_bias=True, name=f"encoder{block}_conv")
        maxima, indices = MaxPoolingWithArgmax2D(2, padding="same", name=f"encoder{block}_pool")(maps)
        pooled.append((maps, indices))
        maps = maxima

    for block in (4, 3, 2, 1):
        before, indices = pooled.pop()
        maps = MaxUnpooling2D(2, padding="same", name=f"decoder{block}_unpool")(maps, indices, like=before)
        maps = conv_bn_relu(maps, filters, 7, use_bias=True, relu=False, name=f"decoder{block}_conv")

    return keras.Model(images, logits(maps, classes), name="segnet_basic")
