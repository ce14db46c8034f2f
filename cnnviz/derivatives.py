"""The one compiled pass under every explanation: forward, a score for each image, and its gradients."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import numpy as np

from cnnviz.compiled import Compiled
from cnnviz.fast_gradients import fast_gradients
from cnnviz.folding import folded
from cnnviz.layers import find_layer, layer_paths
from cnnviz.models import Classifier
from cnnviz.taps import check_batch, taps
from cnnviz.targets import Target, check_indices, class_indices, keras_model, scores

if TYPE_CHECKING:
    import keras

Rule = Literal["gradient", "guided", "deconvnet"]
"""How a ReLU hands a gradient down: where its input was positive; or also only what is positive of it; or only that."""

HALF_SCALES = (2.0**14, 2.0**7, 1.0)
"""In float16 small gradients vanish, so they are enlarged on their way, as in training; by less where they overflow."""

RECTIFIERS = ("Relu", "Relu6")
RECTIFIER_GRADIENTS = ("ReluGrad", "Relu6Grad")


class Derivatives(NamedTuple):
    """What one pass found out; NumPy arrays.

    Attributes:
        scores: ``(batch,)``: the number that was differentiated.
        classes: ``(batch,)``: the class it is of; -1 throughout where the target is a function.
        logits: ``(batch, classes)``, before a softmax or sigmoid; None where the target is a function. Of a model with
            a single output z they are (-z, z).
        images: d score / d image, ``(batch, height, width, channels)``; None unless asked for.
        activations: the activation of each layer that was named.
        gradients: d score / d activation of each layer that was named.
    """

    scores: np.ndarray
    classes: np.ndarray
    logits: np.ndarray | None
    images: np.ndarray | None
    activations: dict[str, np.ndarray]
    gradients: dict[str, np.ndarray]


def derivatives(
    model: keras.Model | Classifier,
    images: Any,
    target: Target = None,
    *,
    by_image: bool = True,
    layers: Sequence[str | keras.Layer] = (),
    rule: Rule = "gradient",
) -> Derivatives:
    """Score a batch, and differentiate each image's score by the image, by activations, or by both, in one pass.

    Only what is asked for is computed: with ``by_image=False`` the gradient stops at the layers. Batch normalisation
    is folded into the convolutions (`cnnviz.folding`).

    Args:
        model: any model that `cnnviz.taps` takes; a `Classifier` where classes are named.
        images: float ``(batch, height, width, channels)``, as the model takes it.
        target: see `cnnviz.targets.Target`; classes are taken before a softmax or sigmoid.
        by_image: whether the gradient by the images is wanted.
        layers: whose activations, and gradients by them, are wanted.
        rule: how the gradient passes a ReLU; another than ``"gradient"`` needs a model that has some.

    Raises:
        ValueError: not a batch that the model takes, an unknown class or layer, a target function that does not give
            one number per image, a layer that the score does not depend on, or a rule without a ReLU.
    """
    if rule not in get_args(Rule):
        raise ValueError(f"rule is {rule!r}; 'gradient', 'guided' or 'deconvnet' is wanted")
    network = keras_model(model)
    images = check_batch(network, images)
    if isinstance(images, (dict, list, tuple)):
        raise ValueError(f"{network.name!r} takes several inputs; only models of one image can be explained")
    if isinstance(model, Classifier):
        model.check_range(images)
    indices = class_indices(model, target, images.shape[0])
    names = dict(_find(network, layer) for layer in layers)
    run = Compiled(_derive, network, (by_image, tuple(names.values()), rule), target if callable(target) else None)
    _build(network, images, run.notes)
    for scale in HALF_SCALES if "float16" in (network.compute_dtype, images.dtype.name) else (1.0,):
        found, classes, logits, slope, activations, gradients = run(images, indices, np.float32(scale))
        if scale == 1 or all(np.isfinite(one).all() for one in ([slope] * by_image + list(gradients.values()))):
            break
    if logits is not None:
        check_indices(indices, logits.shape[-1], network.name)
    return Derivatives(
        np.asarray(found),
        np.asarray(classes),
        None if logits is None else np.asarray(logits),
        np.asarray(slope) if by_image else None,
        {name: _array(activations[path]) for name, path in names.items()},
        {name: _array(gradients[path]) for name, path in names.items()},
    )


def scores_given(
    model: keras.Model | Classifier, images: Any, layer: str | keras.Layer, activations: Any, target: Target = None
) -> np.ndarray:
    """The score of each image, had the layer returned these activations; only what lies behind it is computed.

    Args:
        model: as for `derivatives`.
        images: ``(batch, height, width, channels)``; they matter where part of the signal goes round the layer.
        layer: whose activations are replaced.
        activations: ``(batch, rows, columns, channels)``, of the shape that the layer returns.
        target: as for `derivatives`.

    Returns:
        ``(batch,)``.

    Raises:
        ValueError: as for `derivatives`.
    """
    network = keras_model(model)
    images = check_batch(network, images)
    indices = class_indices(model, target, images.shape[0])
    path, _ = find_layer(network, layer)
    run = Compiled(_rescore, network, (path,), target if callable(target) else None)
    _build(network, images, run.notes)
    found, _, logits = run(images, activations, indices)
    if logits is not None:
        check_indices(indices, logits.shape[-1], network.name)
    return np.asarray(found)


def as_batch(images: Any) -> tuple[Any, bool]:
    """A single image ``(height, width, channels)`` as a batch of one, and whether it was single."""
    single = np.ndim(images) == 3
    return (images[None], True) if single else (images, False)


def forward(
    model: keras.Model,
    images: Any,
    paths: Sequence[str] = (),
    rule: Rule = "gradient",
    given: Mapping[str, Any] | None = None,
) -> tuple[Any, dict[str, Any]]:
    """One pass in inference mode, for code that is being traced: the outputs, and the activations by path.

    Batch normalisation is folded into the convolutions, except where their own activations are asked for. ``given``
    takes the place of activations, as in `cnnviz.taps.Taps`.
    """
    layers = layer_paths(model)
    with fast_gradients(), rectified_by(rule), folded(layers, keep=[layers[path] for path in paths]):
        return taps(model, paths)(images, given) if paths else (model(images, training=False), {})


@contextlib.contextmanager
def rectified_by(rule: Rule) -> Iterator[None]:
    """While a graph is traced in it, every ReLU of the model hands the gradient down by this rule.

    The operations are told, not the layers: so it holds for ``ReLU``, ``activation="relu"`` and ``keras.ops.relu``
    alike, and the model stays as it is.
    """
    import tensorflow as tf

    if rule == "gradient":
        yield
        return
    _register_rules()
    graph = tf.compat.v1.get_default_graph()
    with graph.gradient_override_map(dict.fromkeys(RECTIFIERS, f"cnnviz_{rule}")):
        yield


@functools.cache
def _register_rules() -> None:
    """Tell TensorFlow of the rules, once in a process."""
    import tensorflow as tf

    @tf.RegisterGradient("cnnviz_guided")
    def guided(op: tf.Operation, gradient: tf.Tensor) -> tf.Tensor:
        # Springenberg et al. 2015, figure 1: what both the gradient's and the deconvnet's rule let through.
        return tf.where((op.inputs[0] > 0) & (gradient > 0), gradient, tf.zeros_like(gradient))

    @tf.RegisterGradient("cnnviz_deconvnet")
    def deconvnet(op: tf.Operation, gradient: tf.Tensor) -> tf.Tensor:
        # Zeiler and Fergus 2014, section 2.1: the signal that comes down is rectified like that which went up.
        return tf.nn.relu(gradient)


def _derive(
    model: keras.Model,
    target: Callable | None,
    notes: dict,
    by_image: bool,
    paths: Sequence[str],
    rule: Rule,
    images: Any,
    indices: Any,
    scale: Any,
) -> tuple[Any, ...]:
    """The body that is compiled; see `derivatives`. The gradient is multiplied by ``scale`` on its way down."""
    import tensorflow as tf

    eager = tf.executing_eagerly()
    if eager and rule != "gradient":
        raise ValueError(f"{model.name!r} cannot be compiled, so its ReLUs cannot be given the rule {rule!r}")
    with tf.GradientTape() if eager else contextlib.nullcontext() as tape:
        if eager:
            tape.watch(images)
        outputs, activations = forward(model, images, paths, rule)
        found, classes, logits = scores(outputs, target, indices)
        scaled = tf.cast(found, tf.float64 if found.dtype == tf.float64 else tf.float32)
        scaled *= tf.cast(scale, scaled.dtype)
    if rule != "gradient":
        _check_rectifiers(model, rule)
        forward_pass = {operation.name for operation in tf.compat.v1.get_default_graph().get_operations()}
    sources = [images] * by_image + [activations[path] for path in paths]
    slopes = tape.gradient(scaled, sources) if eager else tf.gradients(scaled, sources) if sources else []
    if rule != "gradient":
        _check_nothing_is_recomputed(model, rule, forward_pass)
    for path, slope in zip(["the image"] * by_image + [f"layer {path!r}" for path in paths], slopes, strict=True):
        if slope is None:
            raise ValueError(f"the score does not depend on {path}")
    slopes = [tf.convert_to_tensor(slope) for slope in slopes]
    slopes = [tf.cast(slope, tf.float32) if slope.dtype.size < 4 else slope for slope in slopes]
    slopes = [slope / tf.cast(scale, slope.dtype) for slope in slopes]
    gradients = dict(zip(paths, slopes[by_image:], strict=True))
    return found, classes, logits, slopes[0] if by_image else None, activations, gradients


def _check_rectifiers(model: keras.Model, rule: Rule) -> None:
    """Refuse a rule for ReLUs where the graph that is being traced has none, or has some that it cannot reach."""
    import tensorflow as tf

    graph = tf.compat.v1.get_default_graph()
    hidden = [node.op for function in graph.as_graph_def().library.function for node in function.node_def]
    if not {*RECTIFIERS}.isdisjoint(hidden):
        raise ValueError(
            f"some ReLUs of {model.name!r} are inside a tf.function of its own, where the rule {rule!r} "
            "cannot reach them; build the model without it"
        )
    if {*RECTIFIERS}.isdisjoint(operation.type for operation in graph.get_operations()):
        raise ValueError(f"{model.name!r} has no ReLU; the rule {rule!r} is one for ReLUs")


def _check_nothing_is_recomputed(model: keras.Model, rule: Rule, forward_pass: Collection[str]) -> None:
    """Refuse a rule where ReLUs came into the graph with the gradient: run once more, on a tape that has its own rules.

    Args:
        model: for the message.
        rule: for the message.
        forward_pass: the names of the operations that were in the graph before the gradient.
    """
    import tensorflow as tf

    for operation in tf.compat.v1.get_default_graph().get_operations():
        # By its second input: the ReLU that it is the gradient of. Those of a target function were there before.
        if operation.type in RECTIFIER_GRADIENTS and operation.inputs[1].op.name not in forward_pass:
            raise ValueError(
                f"some ReLUs of {model.name!r} are recomputed for the gradient (keras.remat, keras.RematScope or "
                f"tf.recompute_grad), where the rule {rule!r} cannot reach them; build the model without it"
            )


def _rescore(
    model: keras.Model, target: Callable | None, notes: dict, path: str, images: Any, activations: Any, indices: Any
) -> tuple[Any, ...]:
    """The body that is compiled; see `scores_given`."""
    outputs, _ = forward(model, images, [path], given={path: activations})
    return scores(outputs, target, indices)


def _build(model: keras.Model, images: Any, notes: dict) -> None:
    """Let a subclassed model that never ran make its variables now; half made while it is traced, they stay so."""
    if "built" not in notes and not all(layer.built for layer in layer_paths(model).values()):
        model(images[:1], training=False)
    notes["built"] = True


def _find(model: keras.Model, layer: str | keras.Layer) -> tuple[str, str]:
    """The name by which a layer was asked for, and its path."""
    path, _ = find_layer(model, layer)
    return (layer if isinstance(layer, str) else path), path


def _array(tensor: Any) -> np.ndarray:
    """A NumPy array; of a half-precision tensor a float32 one."""
    array = np.asarray(tensor)
    return array if array.dtype == np.float64 else array.astype(np.float32)
