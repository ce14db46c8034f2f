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

if TYPE_CHECKING:
    import keras

_compiled: weakref.WeakKeyDictionary[keras.Model, dict] = weakref.WeakKeyDictionary()
_one_at_a_time = threading.RLock()  # tracing wraps methods of the model; two threads must not do so at once


def sublayers(layer: keras.Layer) -> list[keras.Layer]:
    """The layers directly inside a layer: a model's ``layers``, or what a composite layer holds as attributes."""
    import keras

    if isinstance(layer, keras.Model):
        return list(layer.layers)
    found: dict[int, keras.Layer] = {}
    for value in vars(layer).values():
        items = value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else [value]
        found.update((id(item), item) for item in items if isinstance(item, keras.Layer))
    return list(found.values())


def layer_paths(model: keras.Model) -> dict[str, keras.Layer]:
    """All layers of a model, nested ones included, by slashed path: ``{"conv1": ..., "backbone/conv1": ...}``.

    A layer that is reachable in two ways is listed once, under the shorter path.
    """
    import keras

    paths: dict[str, keras.Layer] = {}
    known: set[int] = {id(model)}
    queue: list[tuple[str, keras.Layer]] = [("", model)]
    while queue:
        prefix, parent = queue.pop(0)
        for layer in sublayers(parent):
            if id(layer) in known or isinstance(layer, keras.layers.InputLayer):
                continue
            known.add(id(layer))
            path, copy = f"{prefix}{layer.name}", 2
            while path in paths:  # subclassed models may hold two layers of one name
                path, copy = f"{prefix}{layer.name}#{copy}", copy + 1
            paths[path] = layer
            queue.append((f"{path}/", layer))
    return paths


def convolutional_layers(model: keras.Model) -> list[str]:
    """Paths of the layers that convolve in two dimensions, in the order in which the model holds them.

    Raises:
        ValueError: the model has none.
    """
    import keras

    kinds = (
        keras.layers.Conv2D,
        keras.layers.DepthwiseConv2D,
        keras.layers.SeparableConv2D,
        keras.layers.Conv2DTranspose,
    )
    found = [path for path, layer in layer_paths(model).items() if isinstance(layer, kinds)]
    if not found:
        raise ValueError(f"model {model.name!r} has no convolutional layers, so it has no activation maps")
    return found


def find_layer(model: keras.Model, layer: str | keras.Layer) -> tuple[str, keras.Layer]:
    """The path of a layer, and the layer.

    Args:
        model: any Keras 3 model.
        layer: its name where that is unique, its path with slashes or dots (``"backbone/conv1"``,
            ``"backbone.conv1"``), the path of attributes that leads to it (``"encoder.stem"``), or the layer itself.

    Raises:
        ValueError: the model has no such layer (the message lists those it has), or several of that name.
        TypeError: neither a name nor a layer; layers are never counted.
    """
    import keras

    paths = layer_paths(model)
    if isinstance(layer, keras.Layer):
        for path, candidate in paths.items():
            if candidate is layer:
                return path, layer
        raise ValueError(f"layer {layer.name!r} is not part of {model.name!r}; {_offer(model, paths)}")
    if not isinstance(layer, str):
        raise TypeError(f"a layer is given by name or as the layer object, not as {layer!r}")
    wanted = layer.replace(".", "/")
    matches = [path for path in paths if path == layer or path.replace(".", "/") == wanted]
    matches = matches or [path for path in paths if path.replace(".", "/").endswith("/" + wanted)]
    if len(matches) == 1:
        return matches[0], paths[matches[0]]
    if matches:
        raise ValueError(f"layer {layer!r} is found {len(matches)} times in {model.name!r}: {', '.join(matches)}")
    attribute: Any = model
    for step in wanted.split("/"):
        attribute = getattr(attribute, step, None)
    for path, candidate in paths.items():
        if candidate is attribute:
            return path, candidate
    raise ValueError(f"layer {layer!r} not in {model.name!r}; {_offer(model, paths)}")


def _offer(model: keras.Model, paths: Mapping[str, keras.Layer], most: int = 40) -> str:
    """The part of an error that lists what exists: the convolutional layers where there are some."""
    try:
        names, kind = convolutional_layers(model), "convolutional layers"
    except ValueError:
        names, kind = list(paths), "layers"
    if not names:
        return "it has no layers yet (is it built? call it on a batch first)"
    more = f", ... ({len(names) - most} more)" if len(names) > most else ""
    return f"{kind}: {', '.join(names[:most])}{more}"


@contextlib.contextmanager
def _watching(layers: Mapping[str, keras.Layer], given: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """While it lasts, collect what the layers return; a layer in ``given`` returns that instead."""
    seen: dict[str, Any] = {}

    def wrap(path: str, original):
        def call(*args, **kwargs):
            activation = original(*args, **kwargs)
            if path in seen:
                raise ValueError(f"layer {path!r} runs more than once in one pass: which of its activations is unclear")
            seen[path] = given.get(path, activation)
            return seen[path]

        return call

    with _one_at_a_time, contextlib.ExitStack() as restore:
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
) -> tuple[Any, dict[str, Any]]:
    """One pass in inference mode: the outputs and the activations in the order in which the layers ran."""
    if not all(layer.built for layer in layer_paths(model).values()):
        model(images, training=False)  # a composite layer that builds itself runs once more to do so
    with _watching(layers, given) as seen:
        outputs = model(images, training=False)
    missing = [path for path in layers if path not in seen]
    if missing:
        raise ValueError(f"layer {missing[0]!r} does not run when {model.name!r} is called; tap another one")
    return outputs, seen


def _answer(
    want: str,
    model: weakref.ref,
    layers: Mapping[str, keras.Layer],
    shared: dict,
    images: Any,
    given: Mapping[str, Any],
) -> tuple[Any, dict[str, Any]]:
    """One pass, of which only ``want`` is returned: "all", "outputs", "activations" or the path of one layer."""
    outputs, seen = _run(model(), dict(layers), images, given)
    shared["ran"] = list(seen)
    if want == "all":
        return outputs, seen
    if want == "outputs":
        return outputs, {}
    return None, seen if want == "activations" else {want: seen[want]}


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

    def __call__(self, images: Any) -> tuple[Any, dict[str, Any]]:
        """Run the model on a batch.

        Args:
            images: what the model takes, most often float32 ``(batch, height, width, channels)``.

        Returns:
            The model's outputs (``None`` with ``outputs=False``) and the activation of each tapped layer, under the
            name by which it was asked for.

        Raises:
            ValueError: not a batch, an empty one, another number of channels than the model takes, or NaN in it.
        """
        import tensorflow as tf

        images = check_batch(self.model, images)
        if not tf.executing_eagerly():
            # Inside the caller's tf.function: become part of it, so that a tape there sees every activation.
            outputs, seen = _run(self.model, self._layers, images, {})
        elif self.differentiable and self.outputs:
            outputs, seen = self._staged(images)
        else:
            outputs, seen = self._function("all" if self.outputs else "activations")(images, {})
        return (outputs if self.outputs else None), {name: seen[path] for name, path in self.paths.items()}

    def _staged(self, images: Any) -> tuple[Any, dict[str, Any]]:
        """The pass cut at the tapped layers: each stage is handed the activations before it.

        That is what lets a ``tf.GradientTape`` outside see how the outputs follow from an activation. Where all of
        the signal passes through the tapped layer (most do), nothing is computed twice.
        """
        order = list(self._layers)
        if len(order) > 1:
            shared, activations = self._shared(), self._function("activations")
            if "ran" not in shared:
                activations.get_concrete_function(images, {})  # traced, not run: only the order is wanted
            order = shared["ran"]
        given: dict[str, Any] = {}
        for path in order:
            given[path] = self._function(path)(images, dict(given))[1][path]
        return self._function("outputs")(images, given)[0], given

    def _shared(self) -> dict:
        """What is compiled for this model and these layers; it goes when the model goes."""
        key = tuple(self._layers)
        return _compiled.setdefault(self.model, {}).setdefault(key, {})

    def _function(self, want: str) -> Any:
        """The compiled pass that answers ``want``; see `_answer`."""
        import tensorflow as tf

        shared = self._shared()
        if want not in shared:
            # Weak, or the cache would keep the model alive for ever.
            model, layers = weakref.ref(self.model), weakref.WeakValueDictionary(self._layers)
            # Everything that the answer does not need is pruned from the graph here. A partial, because TensorFlow
            # counts retracing by code object and would take many models for one that is traced many times.
            shared[want] = tf.function(functools.partial(_answer, want, model, layers, shared), reduce_retracing=True)
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
        layers: one layer or several; see `find_layer` for how to name them.
        outputs: ``False`` returns ``None`` for the outputs and computes nothing behind the last tapped layer.
        differentiable: ``True`` lets a ``tf.GradientTape`` around the call differentiate the outputs with respect to
            the activations as well as the images. ``False`` does everything in one pass, which is cheaper where a
            tapped layer lies inside a skip connection; the images can still be differentiated. Inside a
            ``tf.function`` of yours both hold at once, for the price of one pass.

    Returns:
        A `Taps`: ``outputs, activations = read(images)``. Compiled code is kept for as long as the model lives; after
        a change to the model's structure (not its weights) build a new model.

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

    if not isinstance(model, keras.Model):
        raise TypeError(f"model must be a keras.Model, not {type(model).__name__}")
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

    if isinstance(images, (list, tuple, dict)):
        return images
    if not isinstance(images, (tf.Tensor, tf.Variable)):
        images = np.asarray(images)
        if images.dtype == object or images.dtype.kind not in "biuf":
            raise ValueError(f"images must be an array of numbers, not {images.dtype}")
        images = tf.convert_to_tensor(images, "float64" if model.variable_dtype == "float64" else "float32")
    elif not images.dtype.is_floating:
        images = tf.cast(images, tf.float32)
    shape = tuple(images.shape)
    expected = _input_shape(model)
    if len(shape) == 3 and expected and len(expected) == 4:
        raise ValueError(f"images has shape {shape}: one image, not a batch; write images[None]")
    if expected and len(shape) != len(expected):
        raise ValueError(f"images has shape {shape}, {model.name!r} takes {_words(expected)}")
    if 0 in shape:
        raise ValueError(f"images has shape {shape}: the batch is empty")
    if expected and any(want not in (None, have) for want, have in zip(expected[1:], shape[1:], strict=True) if have):
        raise ValueError(f"images has shape {shape}, {model.name!r} takes {_words(expected)}")
    if tf.executing_eagerly() and not bool(tf.reduce_all(tf.math.is_finite(images))):
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
