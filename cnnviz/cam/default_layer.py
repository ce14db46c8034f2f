"""The last maps of a network: where it still knows where things are, and already what they are."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cnnviz.compiled import kept
from cnnviz.layers import layer_paths
from cnnviz.models import Classifier
from cnnviz.taps import check_batch, watching
from cnnviz.targets import keras_model

if TYPE_CHECKING:
    import keras


def last_maps(model: keras.Model | Classifier, images: Any) -> str:
    """Path of the layer that is explained unless another is named: of the coarsest maps, the last.

    Selvaraju et al. 2017, section 3, take the last convolutional layer: "the best compromise between high-level
    semantics and detailed spatial information". Here that is the last layer to finish, of those whose maps have the
    fewest cells (more than one), are no output of the model, and are the layer's own work: layers that pool or drop
    out are passed over, as is one that hands on what it was given. So it is ``block5_conv3`` of VGG16, ``out_relu`` of
    MobileNetV2, ``block5_conv2_relu`` of the network of the lectures. A sum that a model forms without a layer
    (``+`` in ConvNeXt's blocks) cannot be named: there it is the last layer before the sum.

    The model is traced once for each size of images, not run: what counts is which layers work, not which are listed.

    Args:
        model: any model that `cnnviz.taps` takes.
        images: what the model takes, ``(batch, height, width, channels)``; only its shape matters.

    Raises:
        ValueError: not a batch that the model takes, or no layer of it has such maps.
    """
    network = keras_model(model)
    size = tuple(getattr(images, "shape", ()))[1:]
    # The layers at the top stand for all: looking through all of them would cost as much as a small network.
    known = kept(network, ("last maps", tuple(map(id, getattr(network, "layers", ())))))
    if size not in known or not size:
        images = check_batch(network, images)
        size = tuple(images.shape)[1:]
        known[size] = _trace(network, images)
    if not known[size]:
        raise ValueError(
            f"no layer of {network.name!r} gives maps of more than one cell, (batch, rows, columns, channels), for "
            f"images of {' x '.join(map(str, size[:2]))} pixels; name the layer that is to be explained"
        )
    return known[size]


def _trace(model: keras.Model, images: Any) -> str:
    """The path; empty if there is none."""
    import keras
    import tensorflow as tf

    layers = layer_paths(model)
    pooling = [getattr(keras.layers, name) for name in dir(keras.layers) if "Pool" in name and name.endswith("2D")]
    left_out = (*pooling, keras.layers.Dropout, keras.layers.SpatialDropout2D, keras.layers.GaussianNoise)
    ran: dict[str, Any] = {}
    # A partial, because TensorFlow counts retracing by code object and would take many models for one.
    traced = tf.function(functools.partial(_run, model, layers, ran), autograph=False)
    try:
        traced.get_concrete_function(tf.TensorSpec(images.shape, images.dtype))
    except tf.errors.OperatorNotAllowedInGraphError:
        _run(model, layers, ran, images)  # the model asks for numbers while it runs: it cannot be traced
    except ValueError as error:
        if "Negative dimension" in str(error) or "empty output" in str(error):
            raise ValueError(f"the images are too small for {model.name!r}") from error
        raise
    outputs, seen, repeated = ran["outputs"], ran["seen"], ran["repeated"]
    known = {id(output) for output in tf.nest.flatten(outputs)}
    best, fewest = "", float("inf")
    for path, maps in seen.items():
        own = isinstance(maps, tf.Tensor) and id(maps) not in known
        known.add(id(maps))
        if not own or maps.shape.rank != 4 or path in repeated or isinstance(layers[path], left_out):
            continue
        cells = (maps.shape[1] or 0) * (maps.shape[2] or 0)
        if 1 < cells <= fewest:
            best, fewest = path, cells
    return best


def _run(model: keras.Model, layers: Mapping[str, keras.Layer], ran: dict[str, Any], images: Any) -> None:
    """Run the model, and note what came out of it and of its layers."""
    if not all(layer.built for layer in layers.values()):
        model(images, training=False)  # a composite layer that builds itself runs once more to do so
    repeated: list[str] = []
    with watching(layers, {}, repeated) as seen:
        outputs = model(images, training=False)
    ran.update(outputs=outputs, seen=dict(seen), repeated=repeated)
