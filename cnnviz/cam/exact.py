"""CAM itself: for networks in which a mean over the maps, and one dense layer, is all that follows the last maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnviz.cam.heat_maps import scaled
from cnnviz.compiled import Compiled
from cnnviz.derivatives import as_batch, forward
from cnnviz.layers import find_layer
from cnnviz.models import Classifier
from cnnviz.taps import check_batch
from cnnviz.targets import Target, check_indices, class_indices, keras_model, scores

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

_INSTEAD = "; grad_cam explains any network, and is the same map where this one exists"


def cam(
    model: keras.Model | Classifier,
    images: Any,
    target: Target = None,
    layer: str | keras.Layer | None = None,
    *,
    relu: bool = True,
    normalise: bool = True,
) -> np.ndarray:
    """The class activation map: how much each cell of the last maps adds to the score. Exact, no gradient.

        M_c(i, j) = sum_k w_k^c A_k(i, j),    y_c = b_c + 1/Z sum_ij M_c(i, j)

    The network must end with the mean of each of the maps A_k, then a dense layer with weights w (and a softmax or
    sigmoid, or none). That is found in the operations that ran, not in the list of layers, so it is found in nested and
    subclassed models too, and where the mean is a pooling as large as the maps, or the dense layer a 1x1 convolution.

    Args:
        model: a Keras model that ends so, or a `Classifier`.
        images: as the model takes them, ``(batch, height, width, channels)`` or one image.
        target: a class or one for each image, see `cnnviz.targets.Target`; not a function.
        layer: need not be named; if it is, it must be the one whose maps are averaged.
        relu: keep only what speaks for the class (Zhou et al. draw everything: ``relu=False``).
        normalise: divide each map by its maximum; ``False`` returns M_c as in the equation.

    Returns:
        float32 ``(batch, rows, columns)``; of a single image ``(rows, columns)``.

    Raises:
        ValueError: the network does not end so, or has no such class or layer; ``images`` is not what it takes.
        TypeError: the target is a function.

    Source: Zhou et al. 2016, equations 1 and 2.
    """
    if callable(target):
        raise TypeError("target is a function; cam is made of a class's own weights, so it explains classes" + _INSTEAD)
    network = keras_model(model)
    images, single = as_batch(images)
    images = check_batch(network, images)
    indices = class_indices(model, target, images.shape[0])
    path = () if layer is None else (find_layer(network, layer)[0],)
    maps, classes = Compiled(_activate, network, path)(images, indices)
    check_indices(indices, classes, network.name)
    found = scaled(maps, relu, normalise)
    return found[0] if single else found


def _activate(model: keras.Model, target: None, notes: dict, *rest: Any) -> tuple[Any, int]:
    """The body that is compiled: the maps of the classes, and how many classes there are."""
    import tensorflow as tf

    *path, images, indices = rest
    if tf.executing_eagerly():
        raise ValueError(f"{model.name!r} cannot be compiled, so cam cannot see how it ends" + _INSTEAD)
    outputs, activations = forward(model, images, path)
    _, classes, logits = scores(outputs, None, indices)
    maps, weights = _head(_ending(outputs), model.name)
    if path and activations[path[0]] is not maps:
        raise ValueError(
            f"the maps of layer {path[0]!r} are not those that {model.name!r} averages at its end" + _INSTEAD
        )
    maps, weights = tf.cast(maps, tf.float32), tf.cast(weights, tf.float32)
    if weights.shape[-1] == 1:
        weights = tf.concat([-weights, weights], axis=-1)  # a single output: see cnnviz.targets.Target
    chosen = tf.gather(weights, tf.minimum(classes, weights.shape[-1] - 1), axis=-1)  # (channels, batch)
    return tf.einsum("nijk,kn->nij", maps, chosen), tf.shape(logits)[-1]


def _ending(outputs: tf.Tensor) -> tf.Tensor:
    """The outputs without what only makes probabilities of them."""
    found = _before(outputs, ())
    return found.op.inputs[0] if found.op.type in ("Softmax", "Sigmoid") else found


def _before(tensor: tf.Tensor, others: Sequence[str] = ("Reshape", "Squeeze")) -> tf.Tensor:
    """Back past what leaves the numbers as they are: other types, other shapes of one vector for each image."""
    while tensor.op.type in ("Identity", "Cast") or (
        tensor.op.type in others and all(side == 1 for side in tensor.op.inputs[0].shape[1:-1])
    ):
        tensor = tensor.op.inputs[0]
    return tensor


def _head(logits: tf.Tensor, name: str) -> tuple[tf.Tensor, tf.Tensor]:
    """The maps that are averaged, and the matrix ``(channels, classes)`` that their means are multiplied by."""
    import tensorflow as tf

    found = _before(logits)
    if found.op.type == "BiasAdd" or (found.op.type in ("AddV2", "Add") and found.op.inputs[1].shape.rank == 1):
        found = _before(found.op.inputs[0])
    means, weights = found, None
    if found.op.type == "MatMul" and not (found.op.get_attr("transpose_a") or found.op.get_attr("transpose_b")):
        means, weights = found.op.inputs
    elif found.op.type == "Conv2D" and all(side == 1 for side in found.op.inputs[0].shape[1:3]):
        means, weights = found.op.inputs
        if weights.shape[:2] != (1, 1):
            raise ValueError(f"{name!r} ends with a convolution larger than 1x1" + _INSTEAD)
        weights = weights[0, 0]
    means = _before(means)
    if weights is None:
        weights = tf.eye(means.shape[-1])  # one map for each class, and its mean is the score
    if not _averages(means):
        raise ValueError(f"{name!r} does not end with the mean over its last maps and one dense layer" + _INSTEAD)
    return _before(means.op.inputs[0], ()), weights


def _averages(means: tf.Tensor) -> bool:
    """Whether it is the mean over the whole of each map."""
    import tensorflow as tf

    if means.op.type == "Mean" and means.op.inputs[0].shape.rank == 4:
        axes = tf.get_static_value(means.op.inputs[1])
        return axes is not None and sorted(np.ravel(axes) % 4) == [1, 2]
    if means.op.type == "AvgPool":
        sides = means.op.inputs[0].shape[1:3]
        return list(means.op.get_attr("ksize")[1:3]) == sides and all(side == 1 for side in means.shape[1:3])
    return False
