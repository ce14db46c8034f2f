"""Run a model once on nothing but shapes, and note which layers ran and what they were given: any Keras 3 model.

Nothing is asked of the model's structure. TensorFlow draws the graph of one pass (no pixel is computed), and while it
does, every call of a layer notes its tensors and which operations it added. Where layers are joined by plain code
(``x + y`` in a subclassed model), the graph tells what follows from what.
"""

from __future__ import annotations

import contextlib
import inspect
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fcn.arithmetic.inputs import Size, inputs_of

if TYPE_CHECKING:
    import keras

_one_at_a_time = threading.RLock()  # the method that is wrapped belongs to all layers


@dataclass
class Call:
    """One call of one layer during the pass.

    Attributes:
        name: path of the layer with slashes, as in "backbone/conv1"; from its second call on, with " (call 2)".
        layer: the layer.
        inputs, outputs: the tensors it was given and returned.
        inner: the calls it made of other layers.
        operations: those that it added to the graph itself, not by way of other layers; None where it ran in a
            function of its own, and they are not seen.
        parameters: of the layer itself, not of layers inside it or of an earlier call.
        again: whether it is not the layer's first call.
    """

    name: str
    layer: keras.Layer
    inputs: list[Any]
    outputs: list[Any] = field(default_factory=list)
    inner: list[Call] = field(default_factory=list)
    operations: list[Any] | None = field(default_factory=list)
    parameters: int = 0
    again: bool = False


@dataclass
class Trace:
    """One pass of a model; made by `trace`.

    Attributes:
        model: the model.
        calls: of its layers, in the order in which they began; the first is that of the model.
        inputs: the tensors that stand for what the model takes.
    """

    model: keras.Model
    calls: list[Call]
    inputs: list[Any]

    def find(self, layer: str | keras.Layer) -> Call:
        """The one call of a layer, given as the object, by name, by path with slashes or dots.

        Raises:
            ValueError: no such layer has run, or several calls answer to the name.
            TypeError: neither a name nor a layer.
        """
        import keras

        calls = self.calls[1:]
        if isinstance(layer, keras.Layer):
            found, layer = [call for call in calls if call.layer is layer], layer.name
        elif isinstance(layer, str):
            wanted = layer.replace(".", "/")
            names = [call.name.replace(".", "/") for call in calls]
            found = [call for call, name in zip(calls, names, strict=True) if name == wanted]
            ends = [call for call, name in zip(calls, names, strict=True) if f"/{name}".endswith(f"/{wanted}")]
            found = found or ends
            if "(call" not in wanted:  # a layer that runs several times is not clear by its name
                found = [call for call in calls if any(call.layer is one.layer for one in found)]
        else:
            raise TypeError(f"a layer is given by name or as the layer object, not as {layer!r}")
        if len(found) == 1:
            return found[0]
        if found:
            raise ValueError(
                f"layer {layer!r} is clear only as one of these calls of {self.model.name!r}: "
                + ", ".join(repr(call.name) for call in found)
            )
        offer = [call.name for call in calls if not call.inner and call.layer.weights] or [call.name for call in calls]
        more = f", ... ({len(offer) - 40} more)" if len(offer) > 40 else ""
        raise ValueError(
            f"layer {layer!r} does not run in {self.model.name!r}; layers: {', '.join(offer[:40]) or 'none'}{more}"
        )


def trace(model: keras.Model, size: Size = None, *, default: int | None = None) -> Trace:
    """Draw the graph of one pass, in inference mode, of a model.

    Args:
        model: any Keras 3 model on TensorFlow.
        size: side of the images in pixels, ``(height, width)`` or ``(height, width, channels)``; needed where the
            model does not say it. Where it does, it must be the same.
        default: the side for models that do not say it, if ``size`` does not either.

    Raises:
        ValueError: a size that is missing, or is not that of the model; a model that cannot be drawn as a graph.
        TypeError: not a Keras model, or one that is called with several arguments.
    """
    import keras
    import tensorflow as tf

    if not isinstance(model, keras.Model):
        hint = "; write .model behind it" if isinstance(getattr(model, "model", None), keras.Model) else ""
        raise TypeError(f"model must be a keras.Model, not {type(model).__name__}{hint}")
    _takes_one(model)
    given = inputs_of(model, size, default)

    def draw() -> tuple[list[Call], Any, bool]:
        calls: list[Call] = []
        with _noting(calls) as unbuilt:
            function = tf.function(lambda inputs: model(inputs, training=False), autograph=False)
            graph = function.get_concrete_function(given).graph
        return calls, graph, not unbuilt

    try:
        calls, graph, built = draw()
        if not built:  # layers that build themselves run once more to do so
            calls, graph, _ = draw()
    except tf.errors.OperatorNotAllowedInGraphError as error:
        raise ValueError(
            f"{model.name!r} asks for values while it runs ('if the mean is positive'), so its graph depends on the "
            "picture; measure receptive fields with cnnviz.receptive_field"
        ) from error
    except ValueError as error:
        if "Negative dimension" not in str(error) and "smaller than" not in str(error):
            raise
        raise ValueError(f"pictures of {tf.nest.map_structure(_shape, given)} are too small for {model.name!r}") from (
            error
        )
    _share_out(calls, graph)
    return Trace(model, calls, list(graph.inputs[: len(tf.nest.flatten(given))]))


def _takes_one(model: keras.Model) -> None:
    """Refuse ``call(self, a, b)``; several inputs come in one list or dict."""
    some = [one for one in inspect.signature(model.call).parameters.values() if one.kind is not one.VAR_KEYWORD]
    needed = [one.name for one in some if one.default is one.empty and one.kind is not one.VAR_POSITIONAL]
    needed = [name for name in needed if name != "training"]
    if len(needed) > 1 or not some:
        raise TypeError(f"{model.name!r} is called with {', '.join(needed) or 'nothing'}; it must take one argument")


@contextlib.contextmanager
def _noting(calls: list[Call]) -> Iterator[list[keras.Layer]]:
    """While it lasts, calls of layers in this thread are put into ``calls``; yields those that had no weights yet."""
    import keras
    import tensorflow as tf

    original, here = keras.Layer.__call__, threading.get_ident()
    stack: list[Call] = []
    times: Counter[int] = Counter()
    names: dict[int, str] = {}  # by the layer's id
    unbuilt: list[keras.Layer] = []

    def tensors(*structure: Any) -> list[Any]:
        return [part for part in tf.nest.flatten(structure, expand_composites=True) if tf.is_tensor(part)]

    def noted(layer: keras.Layer, *args: Any, **kwargs: Any) -> Any:
        graph = tf.compat.v1.get_default_graph()
        if threading.get_ident() != here or not graph.building_function:  # a layer that builds itself, say
            return original(layer, *args, **kwargs)
        if not layer.built:
            unbuilt.append(layer)
        times[id(layer)] += 1
        if id(layer) not in names:
            parent = f"{names[id(stack[-1].layer)]}/" if len(stack) > 1 else ""
            name, number = f"{parent}{layer.name}", 1
            while name in names.values():  # subclassed models may have two layers of one name
                name, number = f"{parent}{layer.name}#{number + 1}", number + 1
            names[id(layer)] = name
        name = names[id(layer)] + (f" (call {times[id(layer)]})" if times[id(layer)] > 1 else "")
        call = Call(name, layer, tensors(args, kwargs), again=times[id(layer)] > 1)
        if stack:
            stack[-1].inner.append(call)
        calls.append(call)
        stack.append(call)
        first = graph.version  # how many operations there are
        try:
            outputs = original(layer, *args, **kwargs)
        finally:
            stack.pop()
        call.outputs, call.operations = tensors(outputs), [first, graph.version]
        return outputs

    with _one_at_a_time:
        keras.Layer.__call__ = noted
        try:
            yield unbuilt
        finally:
            keras.Layer.__call__ = original


def _share_out(calls: list[Call], graph: Any) -> None:
    """Every operation and every weight belongs to the innermost call that has it."""
    operations = graph.get_operations()
    owner: list[Call | None] = [None] * len(operations)
    for call in calls:  # those inside come later
        # A call inside a function of its own ("@tf.function def call") adds nothing to this graph.
        here = all(tensor.graph is graph for tensor in call.outputs)
        if here:
            owner[slice(*call.operations)] = [call] * (call.operations[1] - call.operations[0])
        call.operations = [] if here else None
    for operation, call in zip(operations, owner, strict=True):
        if call is not None:
            call.operations.append(operation)
    taken: set[int] = set()
    for call in _inside_first(calls[0]):  # by way of the first call, so that the others have nothing left
        own = [weight for weight in call.layer.weights if id(weight) not in taken]
        taken.update(map(id, own))
        call.parameters = sum(_count(weight.shape) for weight in own)


def _inside_first(call: Call) -> Iterator[Call]:
    for inner in call.inner:
        yield from _inside_first(inner)
    yield call


def _count(shape: Any) -> int:
    count = 1
    for side in shape:
        count *= side
    return count


def _shape(spec: Any) -> tuple:
    return tuple(spec.shape)
