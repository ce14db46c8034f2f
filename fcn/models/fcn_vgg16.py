"""FCN-32s, FCN-16s and FCN-8s: a classifier whose dense layers have become convolutions, and its skips."""

from __future__ import annotations

from typing import Any

import keras

from data.arguments import whole_number
from fcn.initializers import BilinearInitializer
from fcn.models.blocks import CropLike, Size, channels, check_numbers, conv_bn_relu, image_input
from fcn.models.vgg16 import BLOCKS, find_vgg16, minus_mean, transplant

layers = keras.layers


def fcn32s(
    classes: int,
    *,
    size: int | Size | None = None,
    width: float = 1.0,
    encoder: str | keras.Model | None = None,
    weights: str | None = None,
    dense: int = 4096,
    batch_norm: bool = False,
) -> keras.Model:
    """FCN-32s: VGG16 as convolutions, scored at every 32nd pixel, interpolated.

    fc6 is a 7x7 convolution, fc7 one of 1x1, each with its bias, ReLU and dropout; the scores are a 1x1 convolution
    that starts at zero. The last upsampling is a transposed convolution whose weights are bilinear interpolation and
    stay so, those before it (in 16s and 8s) start so and learn.

    The paper pads the image by 100 pixels, so that fc6 fits anywhere, and crops the scores. Here all padding is
    "same": cell ``i`` of the scores stands for the pixels ``32 i`` to ``32 i + 31``, and what the last cells
    reach beyond the image is cut off at the bottom and on the right. At the border, zeros enter into the interpolation:
    all classes are scaled down together, their order stays.

    Args:
        classes: number of logits for each pixel.
        size: ``(height, width)`` of the images, 32 or more; None for any.
        width: all channels times this.
        encoder: whose weights the network starts with: None for random ones, ``"vgg16"``, or a VGG16 (of the same
            ``width``). They are copied; those of fc1 and fc2 too, if it has them.
        weights: of ``"vgg16"``: None (random) or ``"imagenet"`` (Keras downloads them, 528 MB).
        dense: channels of fc6 and fc7, before ``width``: three quarters of all weights are between them and what is
            before. With another number the VGG16 must be one without dense layers.
        batch_norm: normalise after each convolution of the encoder. The paper does not, and need not, as its encoder
            has learnt before; from random weights sixteen layers hardly learn without.

    Returns:
        Functional model: float RGB ``(batch, height, width, 3)`` in 0..255 to float32 logits ``(batch, height, width,
        classes)``.

    Raises:
        TypeError, ValueError: arguments of the wrong kind, or out of range; an encoder that is no VGG16.

    Source: Long, Shelhamer and Darrell 2015, "Fully convolutional networks for semantic segmentation", sections 3 and
    4, figure 3; voc-fcn32s/net.py of its authors.
    """
    return _network("fcn32s", 0, classes, size, width, encoder, weights, dense, batch_norm)


def fcn16s(
    classes: int,
    *,
    size: int | Size | None = None,
    width: float = 1.0,
    encoder: str | keras.Model | None = None,
    weights: str | None = None,
    dense: int = 4096,
    batch_norm: bool = False,
) -> keras.Model:
    """FCN-16s: `fcn32s`, and to the scores, twice as large, are added those of pool4 before the last upsampling.

    The new scores start at zero: at first the network says what FCN-32s says.
    """
    return _network("fcn16s", 1, classes, size, width, encoder, weights, dense, batch_norm)


def fcn8s(
    classes: int,
    *,
    size: int | Size | None = None,
    width: float = 1.0,
    encoder: str | keras.Model | None = None,
    weights: str | None = None,
    dense: int = 4096,
    batch_norm: bool = False,
) -> keras.Model:
    """FCN-8s: `fcn16s`, and once more with those of pool3."""
    return _network("fcn8s", 2, classes, size, width, encoder, weights, dense, batch_norm)


def _network(
    name: str,
    skips: int,
    classes: int,
    size: int | Size | None,
    width: float,
    encoder: str | keras.Model | None,
    weights: str | None,
    dense: int,
    batch_norm: bool,
) -> keras.Model:
    check_numbers(classes, width)
    classifier = find_vgg16(encoder, weights, dense=whole_number("dense", dense) == 4096)
    dense = channels(dense, width)
    images = image_input(size)
    maps, pools = minus_mean(images), []

    # The base network.
    for block, (filters, count) in enumerate(BLOCKS, start=1):
        for step in range(1, count + 1):
            maps = _conv_relu(maps, channels(filters, width), 3, f"encoder{block}_conv{step}", batch_norm)
        maps = layers.MaxPooling2D(padding="same", name=f"encoder{block}_pool")(maps)
        pools.append(maps)

    # Fully convolutional.
    for number, kernel_size in ((6, 7), (7, 1)):
        maps = _conv_relu(maps, dense, kernel_size, f"encoder_fc{number}", batch_norm)
        maps = layers.Dropout(0.5, name=f"encoder_drop{number}")(maps)
    scores = _score(maps, classes, "score_fc7")

    # Skips: first pool4, then pool3.
    for pool in (4, 3)[:skips]:
        skip = _score(pools[pool - 1], classes, f"score_pool{pool}")
        twice = CropLike(name=f"crop_pool{pool}", dtype="float32")(
            _upscore(scores, classes, 2, f"upscore_pool{pool}"), skip
        )
        scores = layers.Add(name=f"fuse_pool{pool}", dtype="float32")([twice, skip])

    factor = 32 >> skips
    scores = _upscore(scores, classes, factor, f"upscore{factor}")
    network = keras.Model(images, CropLike(name="logits", dtype="float32")(scores, images), name=name)
    network.get_layer(f"upscore{factor}").trainable = False
    if classifier is not None:
        transplant(network, classifier)
    return network


def _conv_relu(maps: Any, filters: int, kernel_size: int, name: str, batch_norm: bool) -> Any:
    if batch_norm:
        return conv_bn_relu(maps, filters, kernel_size, name=name, use_bias=True)
    initializer = keras.initializers.HeNormal()
    return layers.Conv2D(
        filters, kernel_size, padding="same", activation="relu", kernel_initializer=initializer, name=name
    )(maps)


def _score(maps: Any, classes: int, name: str) -> Any:
    return layers.Conv2D(classes, 1, kernel_initializer="zeros", dtype="float32", name=name)(maps)


def _upscore(scores: Any, classes: int, factor: int, name: str) -> Any:
    return layers.Conv2DTranspose(
        classes,
        2 * factor,
        factor,
        "same",
        use_bias=False,
        kernel_initializer=BilinearInitializer(),
        dtype="float32",
        name=name,
    )(scores)
