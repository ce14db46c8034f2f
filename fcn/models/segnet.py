"""SegNet: VGG16's convolutions, their mirror image, and the places of the maxima between them."""

from __future__ import annotations

import keras

from fcn.layers import MaxPoolingWithArgmax2D, MaxUnpooling2D
from fcn.models.blocks import Size, channels, check_numbers, conv_bn_relu, image_input, logits
from fcn.models.vgg16 import BLOCKS, find_vgg16, minus_mean, transplant


def segnet(
    classes: int,
    *,
    size: int | Size | None = None,
    width: float = 1.0,
    encoder: str | keras.Model | None = None,
    weights: str | None = None,
) -> keras.Model:
    """SegNet.

    The encoder is VGG16 without its dense layers, each 3x3 convolution followed by batch normalisation; each 2x2
    pooling keeps its indices. The decoder runs backwards through the same convolutions: unpooling, then 3x3
    convolution, normalisation and ReLU as many times as in the encoder, the last of a block with the channels of the
    block above. The very last convolution gives the logits. Where a side is odd, the last row or column is
    pooled by itself ("same" padding: as in Caffe, no pixel is left out) and unpooling gives the true size again.

    Weights for 11 classes: 29.45 M (convolutions with their biases, two numbers per channel of each batch
    normalisation); 14.7 M of them are VGG16's.

    Args:
        classes: number of logits for each pixel.
        size: ``(height, width)`` of the images, 32 or more; None for any.
        width: all channels times this.
        encoder: whose weights the encoder starts with: None for random ones, ``"vgg16"``, or a VGG16 (of the same
            ``width``). They are copied.
        weights: of ``"vgg16"``: None (random) or ``"imagenet"`` (Keras downloads them).

    Returns:
        Functional model: float RGB ``(batch, height, width, 3)`` in 0..255 to float32 logits ``(batch, height, width,
        classes)``.

    Raises:
        TypeError, ValueError: arguments of the wrong kind, or out of range; an encoder that is no VGG16.

    Source: Badrinarayanan, Kendall and Cipolla 2017, "SegNet", section 3 and figure 2.
    """
    check_numbers(classes, width)
    classifier = find_vgg16(encoder, weights, dense=False)
    images = image_input(size)
    maps, pooled = minus_mean(images), []

    for block, (filters, count) in enumerate(BLOCKS, start=1):
        for step in range(1, count + 1):
            maps = conv_bn_relu(maps, channels(filters, width), use_bias=True, name=f"encoder{block}_conv{step}")
        maxima, indices = MaxPoolingWithArgmax2D(2, padding="same", name=f"encoder{block}_pool")(maps)
        pooled.append((maps, indices))
        maps = maxima

    for block in (5, 4, 3, 2, 1):
        before, indices = pooled.pop()
        maps = MaxUnpooling2D(2, padding="same", name=f"decoder{block}_unpool")(maps, indices, like=before)
        filters, count = BLOCKS[block - 1]
        outward = BLOCKS[max(block - 2, 0)][0]  # channels of the block above
        steps = range(count, 0, -1) if block > 1 else (2,)  # the last convolution of all is that of the logits
        for step in steps:
            after = outward if step == 1 else filters
            maps = conv_bn_relu(maps, channels(after, width), use_bias=True, name=f"decoder{block}_conv{step}")

    network = keras.Model(images, logits(maps, classes, kernel_size=3), name="segnet")
    if classifier is not None:
        transplant(network, classifier)
    return network
