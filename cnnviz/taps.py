"""Read inside a model: the one place that does.

``taps(model, layers)`` gives a function from a batch to ``(outputs, {name: activation})``. It works on every kind of
Keras 3 model (Functional, Sequential, a backbone nested as a layer, subclassed, mixed precision), because it asks
nothing of the model's structure: while the model runs, the ``call`` of each tapped layer is wrapped, and the wrapper
keeps what the layer returned. TensorFlow compiles that run once and leaves out whatever the answer does not need.
"""

from __future__ import annotations

import contextlib
import functools
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cnnviz.compiled import AnySize, kept, one_at_a_time, state
from cnnviz.layers import find_layer, layer_paths

if TYPE_CHECKING:
    import keras


@contextlib.contextmanager
def watching(
    layers: Mapping[str, keras.Layer], given: Mapping[str, Any], repeated: list[str]
) -> Iterator[dict[str, Any]]:
    """While it lasts, collect what the layers return; a layer in ``given`` returns that instead.

    Layers that run a second time are put into ``repeated``.
    """
    seen: dict[str, Any] = {}
    here = threading.get_ident()

    def wrap(path: str, original):
        def call(*args, **kwargs):
            activation = original(*args, **kwargs)
            if threading.get_ident() != here:  # somebody else runs the same model just now
                return activation
            if path in seen:
                repeated.append(path)
            seen[path] = given.get(path, activation)
            return seen[path]

        return call

    with one_at_a_time, contextlib.ExitStack() as restore:
        for path, layer in layers.items():
            # Layers that were quantised run another method.
            method = "quantized_call" if getattr(layer, "quantization_mode", None) else "call"
            if method in vars(layer):
                restore.callback(setattr, layer, method, vars(layer)[method])
            else:
                restore.callback(delattr, layer, method)
            setattr(layer, method, wrap(path, getattr(layer, method)))
        yield seen


def _run(
    model: keras.Model, layers: Mapping[str, keras.Layer], images: Any, given: Mapping[str, Any]
) -> tuple[Any, dict[str, Any], str]:
    """One pass in inference mode: the outputs, the activations in the order in which the layers ran, and a problem.

    A problem is returned rather than raised: TensorFlow buries what is raised while it traces in its own words.
    """
    if not all(layer.built for layer in layer_paths(model).values()):
        model(images, training=False)  # a composite layer that builds itself runs once more to do so
    repeated: list[str] = []
    with watching(layers, given, repeated) as seen:
        outputs = model(images, training=False)
    missing = [path for path in layers if path not in seen]
    if repeated:
        return None, {}, f"layer {repeated[0]!r} runs more than once in one pass: which of its activations is unclear"
    if missing:
        return None, {}, f"layer {missing[0]!r} does not run when {model.name!r} is called; tap another one"
    return outputs, seen, ""


def _answer(
    want: str,
    model: weakref.ref,
    layers: Mapping[str, keras.Layer],
    shared: dict,
    images: Any,
    given: Mapping[str, Any],
) -> tuple[Any, dict[str, Any]]:
    """One pass, of which only ``want`` is returned: "all", "outputs", "activations" or the path of one layer."""
    outputs, seen, shared["problem"] = _run(model(), dict(layers), images, given)
    shared["ran"] = list(seen)
    if want == "all":
        return outputs, seen
    if want == "outputs":
        return outputs, {}
    return None, seen if want == "activations" else {path: seen[path] for path in seen if path == want}


class Taps:
    """A compiled function from a batch to ``(outputs, {name: activation})``; made by `taps`.

    Attributes:
        model: the model that is read.
        paths: for each name that was asked for, the path of its layer.
    """

    def __init__(self, model: keras.Model, paths: Mapping[str, str], outputs: bool, differentiable: bool) -> None:
        self.model = model
        self.paths = dict(paths)
        self.outputs = outputs
        self.differentiable = differentiable
        layers = layer_paths(model)
        self._layers = {path: layers[path] for path in self.paths.values()}
        self._state = state(model)

    def __call__(self, images: Any, given: Mapping[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Run the model on a batch.

        Args:
            images: what the model takes, most often float32 ``(batch, height, width, channels)``.
            given: activations to put in the place of what tapped layers return, by the same names: with a channel set
                to zero, say, to see what the answer would be without it. What leads only to them is not computed.

        Returns:
            The model's outputs (``None`` with ``outputs=False``) and the activation of each tapped layer, under the
            name by which it was asked for.

        Raises:
            ValueError: not a batch, an empty one, another number of channels than the model takes, NaN in it, or too
                small; or a layer that does not run, or runs twice.
        """
        import tensorflow as tf

        images = check_batch(self.model, images)
        if given and not set(given) <= set(self.paths):
            raise ValueError(f"given names {sorted(set(given) - set(self.paths))}; tapped are {list(self.paths)}")
        replaced = {self.paths[name]: activation for name, activation in (given or {}).items()}
        problem = ""
        if not tf.executing_eagerly():
            # Inside the caller's tf.function: become part of it, so that a tape there sees every activation.
            outputs, seen, problem = _run(self.model, self._layers, images, replaced)
        else:
            try:
                outputs, seen = self._compiled(images, replaced)
            except tf.errors.OperatorNotAllowedInGraphError:
                # The model asks for numbers while it runs ("if the mean is positive"): it cannot be compiled.
                outputs, seen, problem = _run(self.model, self._layers, images, replaced)
            except ValueError as error:
                if "Negative dimension" in str(error):
                    problem = f"images has shape {tuple(images.shape)}: too small for {self.model.name!r}"
                    raise ValueError(problem) from error
                raise
        if problem:
            raise ValueError(problem)
        for name, path in self.paths.items():
            if any(0 in part.shape for part in tf.nest.flatten(seen[path])):
                raise ValueError(f"the images are too small: nothing is left of them at layer {name!r}")
        return (outputs if self.outputs else None), {name: seen[path] for name, path in self.paths.items()}

    def _compiled(self, images: Any, replaced: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """One compiled pass, or, where a tape may want to differentiate by the activations, one for each stage.

        The pass is cut at the tapped layers, and each stage is handed the activations before it: that is what lets a
        ``tf.GradientTape`` outside see how the outputs follow from an activation. Where all of the signal passes
        through the tapped layer (most do), nothing is computed twice.
        """
        if not (self.differentiable and self.outputs):
            return self._stage("all" if self.outputs else "activations", images, replaced)
        order = list(self._layers)
        if len(order) > 1:
            if "ran" not in self._shared():
                self._function("activations").get_concrete_function(images, {})  # traced, not run: for the order
            order = self._shared()["ran"] or order
        given = dict(replaced)
        for path in (path for path in order if path not in replaced):
            given[path] = self._stage(path, images, dict(given))[1][path]
        return self._stage("outputs", images, given)[0], given

    def _stage(self, want: str, images: Any, given: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Run one compiled pass; see `_answer`."""
        found = self._function(want)(images, given)
        if self._shared()["problem"]:
            raise ValueError(self._shared()["problem"])
        return found

    def _shared(self) -> dict:
        """What is compiled for this model and these layers; it goes when the model goes."""
        return kept(self.model, (*self._layers, self._state))

    def _function(self, want: str) -> Any:
        """The compiled pass that answers ``want``; see `_answer`."""
        shared = self._shared()
        if want not in shared:
            # Weak, or the cache would keep the model alive for ever.
            model, layers = weakref.ref(self.model), weakref.WeakValueDictionary(self._layers)
            # Everything that the answer does not need is pruned from the graph here. A partial, because TensorFlow
            # counts retracing by code object and would take many models for one that is traced many times.
            shared[want] = AnySize(functools.partial(_answer, want, model, layers, shared), autograph=True)
        return shared[want]

    def __repr__(self) -> str:
        return f"Taps({self.model.name!r}, {', '.join(self.paths)})"


def taps(
    model: keras.Model,
    layers: str | keras.Layer | Iterable[str | keras.Layer],
    *,
    outputs: bool = True,
    differentiable: bool = True,
) -> Taps:
    """A compiled function that runs a model and also returns the activations of some of its layers.

    Args:
        model: any Keras 3 model on TensorFlow: Functional, Sequential, nested, subclassed, mixed precision.
        layers: one layer or several; see `cnnviz.layers.find_layer` for how to name them.
        outputs: ``False`` returns ``None`` for the outputs and computes nothing behind the last tapped layer.
        differentiable: ``True`` lets a ``tf.GradientTape`` around the call differentiate the outputs with respect to
            the activations as well as the images. ``False`` does everything in one pass, which is cheaper where a
            tapped layer lies inside a skip connection; the images can still be differentiated. Inside a
            ``tf.function`` of yours both hold at once, for the price of one pass.

    Returns:
        A `Taps`: ``outputs, activations = read(images)``. Compiled code is kept for as long as the model lives. New
        weights are seen at once; after another change to the model (a layer's activation, a flag) call ``taps`` anew,
        and after a change that only the code of a subclassed model knows of, build a new model.

    Raises:
        ValueError: no layers, a layer that the model does not have, or a name that is not unique.
        TypeError: not a Keras model.

    Example:
        >>> import keras, numpy as np
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3, name="conv")])
        >>> _, activations = taps(model, "conv", outputs=False)(np.zeros((1, 8, 8, 1)))
        >>> activations["conv"].shape
        TensorShape([1, 6, 6, 2])
    """
    import keras

    if not isinstance(layers, (str, keras.Layer, Iterable)):
        raise TypeError(f"layers are given by name or as layer objects, not as {layers!r}")
    chosen = [layers] if isinstance(layers, (str, keras.Layer)) else list(layers)
    if not chosen:
        raise ValueError("no layers given; name at least one")
    paths = {}
    for layer in chosen:
        path, _ = find_layer(model, layer)
        paths[layer if isinstance(layer, str) else path] = path
    return Taps(model, paths, outputs, differentiable)


def check_batch(model: keras.Model, images: Any) -> Any:
    """Refuse, in words, a batch that the model cannot take; return it as a float32 tensor.

    Lists, tuples and dictionaries (models of several inputs) are passed on as they are. Float tensors keep their type.

    Raises:
        ValueError: not four-dimensional, empty, of another number of channels than the model takes, or with NaN.
    """
    import numpy as np
    import tensorflow as tf

    expected = _input_shape(model)
    if isinstance(images, dict) or (isinstance(images, (list, tuple)) and not expected):
        return images
    if isinstance(images, (list, tuple)):
        if len({np.shape(image) for image in images}) > 1:
            raise ValueError(
                "images is a list of pictures of several sizes; a batch has one: Classifier.preprocess makes it"
            )
        images = np.asarray(images)
    if not isinstance(images, (tf.Tensor, tf.Variable)):
        images = np.asarray(images)
        if images.dtype == object or images.dtype.kind not in "biuf":
            raise ValueError(f"images must be an array of numbers, not {images.dtype}")
        images = tf.convert_to_tensor(images, "float64" if model.variable_dtype == "float64" else "float32")
    elif not images.dtype.is_floating:
        images = tf.cast(images, tf.float32)
    shape = tuple(images.shape)
    if len(shape) == 3 and expected and len(expected) == 4:
        raise ValueError(f"images has shape {shape}: one image, not a batch; write images[None]")
    if expected and len(shape) != len(expected):
        raise ValueError(f"images has shape {shape}, {model.name!r} takes {_words(expected)}")
    if 0 in shape:
        raise ValueError(f"images has shape {shape}: the batch is empty")
    if expected and any(want not in (None, have) for want, have in zip(expected[1:], shape[1:], strict=True) if have):
        raise ValueError(f"images has shape {shape}, {model.name!r} takes {_words(expected)}")
    if tf.executing_eagerly() and not np.isfinite(np.asarray(images)).all():
        raise ValueError("images holds NaN or infinity")
    return images


def _input_shape(model: keras.Model) -> Sequence[int | None] | None:
    """The shape of the model's one input, or None where the model does not say."""
    try:
        shape = model.input_shape
    except AttributeError:
        return None  # a subclassed model
    return shape if isinstance(shape, tuple) and all(side is None or isinstance(side, int) for side in shape) else None


def _words(shape: Sequence[int | None]) -> str:
    """(None, None, None, 3) as (batch, any, any, 3)."""
    return "(batch, " + ", ".join("any" if side is None else str(side) for side in shape[1:]) + ")"
