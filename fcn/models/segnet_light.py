"""A SegNet in the shape of the lectures' classifier: few channels where the maps are large."""

from __future__ import annotations

import keras

from fcn.layers import MaxPoolingWithArgmax2D, MaxUnpooling2D
from fcn.models.blocks import Size, channels, check_numbers, conv_bn_relu, image_input, logits, scaled

# Channels and number of 3x3 convolutions of each block: the first four of the classifier that ships with cnnviz.
BLOCKS = ((16, 2), (32, 2), (96, 2), (192, 2))


def segnet_light(
    classes: int, *, size: int | Size | None = None, width: float = 1.0, encoder: keras.Model | None = None
) -> keras.Model:
    """SegNet with four blocks, as `fcn.models.segnet.segnet` has five: 1.26 million weights for 11 classes.

    SegNet-Basic has as many weights, but 64 channels at every scale, 7x7 kernels on the largest maps, and eight times
    the multiply-adds. Like its big sister this one can begin with what a classifier has learnt.

    Args:
        classes: number of logits for each pixel.
        size: ``(height, width)`` of the images, 32 or more; None for any.
        width: all channels times this.
        encoder: None for random weights, or a classifier that begins with these convolutions and normalisations, such
            as the model of ``cnnviz.load()``. Its weights are copied.

    Returns:
        Functional model: float RGB ``(batch, height, width, 3)`` in 0..255 to float32 logits ``(batch, height, width,
        classes)``.

    Raises:
        TypeError, ValueError: arguments of the wrong kind, or out of range; a classifier of another shape.

    Source: Badrinarayanan, Kendall and Cipolla 2017, "SegNet", section 3.
    """
    check_numbers(classes, width)
    images = image_input(size)
    maps, pooled = scaled(images), []

    for block, (filters, count) in enumerate(BLOCKS, start=1):
        for step in range(1, count + 1):
            maps = conv_bn_relu(maps, channels(filters, width), name=f"encoder{block}_conv{step}")
        maxima, indices = MaxPoolingWithArgmax2D(2, padding="same", name=f"encoder{block}_pool")(maps)
        pooled.append((maps, indices))
        maps = maxima

    for block in (4, 3, 2, 1):
        before, indices = pooled.pop()
        maps = MaxUnpooling2D(2, padding="same", name=f"decoder{block}_unpool")(maps, indices, like=before)
        filters, outward = BLOCKS[block - 1][0], BLOCKS[max(block - 2, 0)][0]
        if block > 1:
            maps = conv_bn_relu(maps, channels(filters, width), name=f"decoder{block}_conv2")
        maps = conv_bn_relu(maps, channels(outward, width), name=f"decoder{block}_conv1")

    network = keras.Model(images, logits(maps, classes, kernel_size=3), name="segnet_light")
    if encoder is not None:
        _begin_like(network, encoder)
    return network


def _begin_like(network: keras.Model, classifier: keras.Model) -> None:
    """Copy the weights of a classifier's first convolutions and normalisations, in their order."""
    if not isinstance(classifier, keras.Model):
        raise TypeError(f"encoder is {classifier!r}; None or a keras.Model is accepted")
    places = [layer for layer in network.layers if layer.name.startswith("encoder") and layer.weights]
    layers = [layer for layer in classifier.layers if layer.weights]
    for place, layer in zip(places, [*layers, *[None] * len(places)]):
        wanted = [tuple(weight.shape) for weight in place.weights]
        found = [] if layer is None else [tuple(weight.shape) for weight in layer.weights]
        if type(place) is not type(layer) or wanted != found:
            raise ValueError(
                f"{place.name!r} has weights of {wanted}; where {classifier.name!r} should have the same there is "
                f"{'nothing' if layer is None else repr(layer.name)} with {found}. cnnviz.load().model would do"
            )
    for place, layer in zip(places, layers):
        place.set_weights(layer.get_weights())
