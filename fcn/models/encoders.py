"""Maps of a classifier at each of its scales, for the networks that take any encoder."""

from __future__ import annotations

import math
from typing import Any

import keras

from fcn.models.blocks import MOMENTUM, Size, image_input, scaled

SIDE = 512  # at which the scales of a model are looked up
DEEPEST = 32  # stride beyond which a map is no map any more (squeeze-and-excitation has maps of one pixel)
# What their preprocess_input does; those named in neither line scale to -1..1. The last ones do it inside.
CAFFE = ("vgg16", "vgg19", "resnet50", "resnet101", "resnet152")
IMAGENET = ("densenet",)
INSIDE = ("efficientnet", "mobilenetv3", "convnext")


def given_encoder(
    encoder: str | keras.Model, weights: str | None, size: int | Size | None, deepest: int = DEEPEST
) -> tuple[Any, dict]:
    """A classifier as an encoder: one layer, ``"encoder"``, that gives its last maps at each scale.

    Args:
        encoder: a network of `keras.applications` by name, or any Functional or Sequential model of one RGB image. Its
            head is left out. A given model's layers and weights are used, not copied.
        weights: for a name: None (random) or ``"imagenet"`` (Keras downloads them, or finds them in
            ``$KERAS_HOME/models``).
        size: of the images, as in `fcn.models.blocks.image_input`.
        deepest: stride beyond which layers are left out.

    Returns:
        ``(images, maps)``: the input, RGB in 0..255 for a name (what the network expects is computed inside), or what
        the given model takes; and for each stride (1, 2, 4, ... 32, as far as there are convolutions there) the maps.

    Raises:
        TypeError: ``encoder`` is neither, or a subclassed model.
        ValueError: no network of that name; ``weights`` that are neither, or for a given model; a model that takes
            another size, or has no convolutions.
    """
    if weights not in (None, "imagenet"):
        raise ValueError(f'weights is {weights!r}; accepted: None and "imagenet"')
    images = image_input(size)
    if isinstance(encoder, str):
        key, build = _constructor(encoder)
        encoder, pixels = build(include_top=False, weights=weights, input_shape=(None, None, 3)), _expected(key, images)
        for layer in encoder.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.momentum = min(layer.momentum, MOMENTUM)
    elif not isinstance(encoder, keras.Model):
        raise TypeError(f"encoder is {encoder!r}; None, a name of keras.applications or a keras.Model is accepted")
    elif weights is not None:
        raise ValueError(f"weights is {weights!r} and encoder a model, which has its weights; leave weights out")
    else:
        pixels = images
    taps = {stride: maps for stride, maps in last_maps(encoder).items() if stride <= deepest}
    takes = tuple(encoder.inputs[0].shape[1:])
    if any(n is not None and n != m for n, m in zip(takes, images.shape[1:])):
        raise ValueError(
            f"encoder {encoder.name!r} takes images of {takes}, the network of {tuple(images.shape[1:])}; give the "
            f"same size=, or build the encoder with input_shape=(None, None, 3)"
        )
    outputs = keras.Model(encoder.inputs[0], list(taps.values()), name="encoder")(pixels)
    return images, dict(zip(taps, outputs if isinstance(outputs, (list, tuple)) else [outputs]))


def last_maps(model: keras.Model) -> dict[int, Any]:
    """For each stride, from small to large, the last maps of a Functional or Sequential model that have it.

    Layers before the first convolution and those that only pad are passed over.

    Raises:
        TypeError: a subclassed model, or one of several images.
        ValueError: no convolutions.
    """
    inputs = getattr(model, "inputs", None) or []
    if len(inputs) != 1 or len(inputs[0].shape) != 4:
        raise TypeError(f"encoder {model.name!r} is no Functional or Sequential model of one image (with known layers)")
    is_convolution = [isinstance(layer, (keras.layers.Conv2D, keras.Model)) for layer in model.layers]
    if True not in is_convolution:
        raise ValueError(f"encoder {model.name!r} has no convolutions; its layers: {_names(model)}")
    later = model.layers[is_convolution.index(True) :]
    found = [layer.output for layer in later if not isinstance(layer, keras.layers.ZeroPadding2D)]
    found = [maps for maps in found if isinstance(maps, keras.KerasTensor) and len(maps.shape) == 4]
    height, width, colours = inputs[0].shape[1:]
    probe = keras.KerasTensor((1, height or SIDE, width or SIDE, colours))
    shapes = [maps.shape for maps in keras.Model(inputs[0], found).compute_output_spec(probe)]
    taps = {}
    for maps, shape in zip(found, shapes):
        stride = 2 ** round(math.log2(probe.shape[1] / shape[1]))
        if stride <= DEEPEST and min(shape[1:3]) > 1:
            taps[stride] = maps
    return dict(sorted(taps.items()))


def _constructor(name: str) -> tuple[str, Any]:
    known = {one.lower(): getattr(keras.applications, one) for one in dir(keras.applications) if one[0].isupper()}
    key = name.lower().replace("_", "").replace("-", "")
    if key not in known:
        raise ValueError(f"encoder is {name!r}; of keras.applications there is: {', '.join(sorted(known))}")
    return key, known[key]


def _expected(key: str, images: Any) -> Any:
    """What a network of `keras.applications` expects where RGB in 0..255 comes in."""
    if key.startswith(INSIDE):
        return images
    if key in CAFFE:
        from fcn.models.vgg16 import minus_mean

        return minus_mean(images)
    if key.startswith(IMAGENET):
        means, deviations = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
        scale = [1 / (255 * deviation) for deviation in deviations]
        offset = [-mean / deviation for mean, deviation in zip(means, deviations)]
        return keras.layers.Rescaling(scale, offset=offset, name="encoder_rescale")(images)
    return scaled(images)


def _names(model: keras.Model) -> str:
    return ", ".join(layer.name for layer in model.layers)
