"""Which pixels an activation can see, by the closed form: of every layer of any Keras model, in one pass.

A window of F pixels, S apart, on maps whose cells see ``size`` pixels each and lie ``stride`` pixels apart:

    size  <- size + (F - 1) stride        start <- start - P stride        stride <- S stride

with P zeros before. Where branches meet, a cell sees what it sees through any of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from data.receptive_field import ReceptiveField
from fcn.arithmetic.inputs import Size
from fcn.arithmetic.steps import Axes, Axis, layer_step, operation_step
from fcn.arithmetic.tracing import Call, Trace, trace

if TYPE_CHECKING:
    import keras


def receptive_field(model: keras.Model, layer: str | keras.Layer, *, size: Size = None) -> ReceptiveField:
    """The receptive field of a layer, from kernels, strides, paddings and dilations alone.

    Exact for convolutions (dilated, grouped, depthwise, separable), pooling, padding, cropping, whatever works on each
    pixel by itself, global pooling, normalisation, and branches that are added, multiplied or concatenated. Anything
    else that mixes pixels is refused, not guessed.

    Args:
        model: any Keras 3 model of one image: Functional, Sequential, nested, subclassed.
        layer: its name, its path with slashes or dots, or the layer itself.
        size: side of the image in pixels, or ``(height, width)``. Where a stride meets padding ("same"), the start
            depends on it. The model's own size, or 128, by default.

    Returns:
        Size, stride and start, in the conventions of ``cnnviz.receptive_field``, which measures the same thing. Fields
        that are larger than the image are given in full. Behind global pooling or Flatten, ``size`` is the image's
        side, ``stride`` is 0.

    Raises:
        ValueError: no such layer; the model does not take one image; the way from the image to the layer has something
            in it that has no closed form here (it is named); or branches whose strides differ meet.
        TypeError: not a Keras model, or neither a name nor a layer.

    Source: Dumoulin and Visin 2016, section 2; Araujo, Norris and Sim 2019, "Computing receptive fields of CNNs".

    Example:
        >>> import keras
        >>> layers = [keras.layers.Conv2D(8, 3, name="a"), keras.layers.MaxPool2D(2), keras.layers.Conv2D(8, 3)]
        >>> model = keras.Sequential([keras.Input((None, None, 3)), *layers])
        >>> receptive_field(model, layers[2])
        ReceptiveField(size=(8, 8), stride=(2, 2), start=(0, 0))
    """
    drawn = _of_one_image(trace(model, size, default=128))
    return _field(_Walk(drawn), drawn.find(layer))


def receptive_fields(model: keras.Model, *, size: Size = None) -> dict[str, ReceptiveField | None]:
    """The receptive field of every layer, by path, in the order in which they run.

    None where `receptive_field` would refuse (and say why). Layers that consist of others are left out. Arguments and
    errors are otherwise those of `receptive_field`.
    """
    drawn = _of_one_image(trace(model, size, default=128))
    walk, found = _Walk(drawn), {}
    for call in drawn.calls[1:]:
        if not call.inner:
            try:
                found[call.name] = _field(walk, call)
            except ValueError:
                found[call.name] = None
    return found


def _of_one_image(drawn: Trace) -> Trace:
    shapes = [tuple(tensor.shape) for tensor in drawn.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 4:
        raise ValueError(f"{drawn.model.name!r} takes {shapes}; a receptive field is that of a model of one image")
    return drawn


def _field(walk: _Walk, call: Call) -> ReceptiveField:
    if len(call.outputs) != 1:
        raise ValueError(f"layer {call.name!r} gives {len(call.outputs)} tensors; a receptive field is that of one")
    axes = walk.axes(call.outputs[0])
    if axes is None:
        raise ValueError(f"layer {call.name!r} does not depend on the image")
    return ReceptiveField(*(tuple(pair) for pair in list(zip(*axes, strict=True))[:3]))


class _Walk:
    """From a tensor back to the image, remembering what was found on the way.

    What is found for a tensor is a pair of `Axis`; None if it does not depend on the image; or a ValueError, the reason
    why there is no closed form for it and what comes after it.
    """

    def __init__(self, drawn: Trace) -> None:
        image = drawn.inputs[0]
        self.sides = [int(side) for side in image.shape[1:3]]
        self.found: dict[str, Axes | ValueError | None] = {
            image.name: tuple(Axis(1, 1, 0, side) for side in self.sides)
        }
        self.steps: dict[str, tuple[Callable, Call, Any]] = {}  # by the tensor that the layer returns
        self.owner = {operation.name: call.name for call in drawn.calls for operation in call.operations or ()}
        for call in drawn.calls[1:]:
            step = layer_step(call.layer)
            # Only maps: a Dense works on each pixel by itself there, but across the columns of (batch, rows, columns).
            if step and call.outputs and call.inputs and len(call.inputs[0].shape) > 3:
                self.steps.setdefault(call.outputs[0].name, (step, call, call.inputs[0]))

    def axes(self, tensor: Any) -> Axes | None:
        """What the cells of a tensor see; the reason, raised, where that is not known."""
        waiting = [tensor]  # no recursion: networks are deep
        while waiting:
            name = waiting[-1].name
            if name in self.found:
                waiting.pop()
                continue
            sources = [self.steps[name][2]] if name in self.steps else list(waiting[-1].op.inputs)
            missing = [source for source in sources if source.name not in self.found]
            if missing:
                waiting += missing
                continue
            self.found[name] = self._step(waiting.pop(), sources)
        found = self.found[tensor.name]
        if isinstance(found, ValueError):
            raise found
        return found

    def _step(self, tensor: Any, sources: list[Any]) -> Axes | ValueError | None:
        before = [self.found[source.name] for source in sources]
        for reason in before:
            if isinstance(reason, ValueError):
                return reason
        step, call, _ = self.steps.get(tensor.name, (None, None, None))
        where = f"{tensor.op.type} in {self.owner.get(tensor.op.name, 'a function')!r}"
        try:
            if step and before[0] and any(axis.stride for axis in before[0]):
                where = f"layer {call.name!r}"
                return step(call.layer, before[0])
            if step:
                return before[0]  # it sees nothing of the image, or all of it
            return operation_step(tensor, before, self.sides)
        except ValueError as error:
            return ValueError(f"{where} {error}")
