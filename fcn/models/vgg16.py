"""VGG16 inside other networks: its blocks, what it expects of an image, and the transplantation of its weights."""

from __future__ import annotations

import math
from typing import Any

import keras

# Channels and number of 3x3 convolutions of each block: Simonyan and Zisserman 2015, table 1, column D.
BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
CONVOLUTIONS = sum(count for _, count in BLOCKS)
MEANS = (103.939, 116.779, 123.68)  # of ImageNet's pixels: blue, green, red


def minus_mean(images: Any) -> Any:
    """RGB in 0..255 as VGG16 was trained with: blue first, less the mean (``vgg16.preprocess_input``)."""
    turned = keras.ops.flip(images, axis=-1)
    return keras.layers.Rescaling(1.0, offset=[-mean for mean in MEANS], name="encoder_minus_mean")(turned)


def find_vgg16(encoder: str | keras.Model | None, weights: str | None, *, dense: bool) -> keras.Model | None:
    """The VGG16 whose weights are wanted, or None where they are to be random.

    Args:
        encoder: None, ``"vgg16"``, or a VGG16 of `keras.applications`.
        weights: for ``"vgg16"``: None (random) or ``"imagenet"`` (Keras downloads them: 58 MB, or 528 MB with
            the dense layers).
        dense: with the dense layers.

    Raises:
        TypeError: ``encoder`` is something else.
        ValueError: another network's name; ``weights`` that are neither, or without ``"vgg16"``.
    """
    if weights not in (None, "imagenet"):
        raise ValueError(f'weights is {weights!r}; accepted: None and "imagenet"')
    if isinstance(encoder, str) and encoder != "vgg16":
        raise ValueError(f'encoder is {encoder!r}; this network is made of VGG16: None, "vgg16" or a VGG16 is accepted')
    if weights and encoder != "vgg16":
        raise ValueError(f'weights is {weights!r} and encoder {encoder!r}; weights go with encoder="vgg16"')
    if encoder is None or isinstance(encoder, keras.Model):
        return encoder
    if encoder != "vgg16":
        raise TypeError(f'encoder is {encoder!r}; None, "vgg16" or a keras.Model is accepted')
    return keras.applications.VGG16(weights=weights, include_top=dense) if weights else None


def transplant(network: keras.Model, classifier: keras.Model) -> None:
    """The weights of a VGG16 into a network of its shape, whatever its layers are called.

    The 13 convolutions go, in their order, into the network's ``encoder`` convolutions, biases too. Where the network
    has two convolutions more, they take the first two dense layers of the classifier (if it has them): a dense layer
    that sees all of the last maps, row by row, is a convolution as large as these maps. The dense layer that names
    ImageNet's classes stays behind.

    Where the network normalises after a convolution, the running averages are set so that the normalisation changes
    nothing at first.

    Raises:
        ValueError: other layers, or kernels of other shapes; the network is as before then.

    Source: Long et al. 2015, section 3.1 and figure 2; Shelhamer's surgery.py, ``transplant``.
    """
    places = [layer for layer in network.layers if _is(layer, keras.layers.Conv2D) and layer.name.startswith("encoder")]
    convolutions = [layer for layer in classifier.layers if _is(layer, keras.layers.Conv2D)]
    dense = [layer for layer in classifier.layers if _is(layer, keras.layers.Dense)]
    if len(convolutions) != CONVOLUTIONS:
        raise ValueError(
            f"{classifier.name!r} has {len(convolutions)} convolutions of its own, a VGG16 has {CONVOLUTIONS}"
        )
    pairs = list(zip(places, convolutions + dense[: len(places) - CONVOLUTIONS]))
    for place, layer in pairs:
        wanted, found = tuple(place.kernel.shape), tuple(layer.kernel.shape)
        fits = wanted == found if len(found) == 4 else (math.prod(wanted[:3]), wanted[3]) == found
        if not fits or layer.bias is None:
            bias = "a" if layer.use_bias else "no"
            raise ValueError(
                f"layer {layer.name!r} of {classifier.name!r} has a kernel of {found} and {bias} bias; {place.name!r} "
                f"of {network.name!r} wants {wanted} and a bias. Is it a VGG16, and the width the same?"
            )
    for place, layer in pairs:
        place.kernel.assign(keras.ops.reshape(layer.kernel, place.kernel.shape))
        place.bias.assign(layer.bias)
    for layer in network.layers:
        if _is(layer, keras.layers.BatchNormalization) and layer.name.startswith("encoder"):
            layer.moving_variance.assign(keras.ops.full_like(layer.moving_variance, 1 - layer.epsilon))


def _is(layer: keras.Layer, kind: type) -> bool:
    return type(layer) is kind  # kinds derived from it, like depthwise convolutions, have other weights
