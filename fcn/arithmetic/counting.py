"""Parameters and multiply-adds of every layer of any Keras model.

What is counted: one multiply-add for each use of a weight, for one picture. Windows over zeros of the padding count
like others. Biases, normalisation (in inference it can be folded into the convolution before it), activations,
pooling, additions of branches and resizing count nothing; where two tensors that both come of the picture are
multiplied and summed, the count is not known, unless the layer is one of `fcn.convolutions.layers`. All this is half of
what papers call FLOPs, where they count the multiplication and the addition apart.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from fcn.arithmetic.inputs import Size
from fcn.arithmetic.steps import ONLY_SHAPE, POINTWISE, REDUCTIONS
from fcn.arithmetic.tracing import Call, Trace, trace
from fcn.convolutions.costs import convolution_costs

if TYPE_CHECKING:
    import keras

# Operations without weights that a layer unknown here may consist of, and still cost nothing.
_MOVING = (
    "AvgPool AvgPool3D BatchToSpaceND BroadcastTo ConcatV2 Const DepthToSpace ExpandDims Fill GatherNd GatherV2 "
    "LogSoftmax MaxPool MaxPool3D MirrorPad NoOp OneHot Pack Pad PadV2 Placeholder Range ReadVariableOp Reshape "
    "ResizeBicubic ResizeBilinear ResizeNearestNeighbor ReverseV2 Slice Softmax SpaceToBatchND SpaceToDepth Split "
    "SplitV Squeeze StridedSlice Tile Transpose Unpack"
)
_FREE = POINTWISE | ONLY_SHAPE | REDUCTIONS | frozenset(_MOVING.split())


class LayerCost(NamedTuple):
    """What one call of one layer costs.

    Attributes:
        name: path of the layer, as in "backbone/conv1"; from its second call on, with " (call 2)".
        kind: class of the layer.
        output: shape of what it gives, without the batch; () where it gives several tensors. Where a model folds
            frames into the batch, that of one frame.
        parameters: numbers in its weights, those that are not trained included; 0 from the second call on.
        multiply_adds: for one picture, all frames of it; None where it is not known how this layer works.
    """

    name: str
    kind: str
    output: tuple[int, ...]
    parameters: int
    multiply_adds: int | None


@dataclass(frozen=True)
class Costs:
    """What a model costs, layer by layer; printed, or shown in a notebook, as a table. Made by `costs`.

    Attributes:
        model: its name.
        layers: in the order in which they run. Layers that consist of others are left out, unless they have weights
            of their own, or do by themselves what cannot be counted.
    """

    model: str
    layers: tuple[LayerCost, ...]

    @property
    def parameters(self) -> int:
        """Numbers in all weights; equals ``model.count_params()`` where the model uses all it has."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def multiply_adds(self) -> int:
        """For one picture, of the layers where they are known; see `unknown`."""
        return sum(layer.multiply_adds or 0 for layer in self.layers)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Names of the layers whose multiply-adds are not known: where there are any, the sum is too small."""
        return tuple(layer.name for layer in self.layers if layer.multiply_adds is None)

    def __getitem__(self, name: str) -> LayerCost:
        """The cost of a layer, by its name in the table."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise KeyError(f"{name!r} not in the costs of {self.model!r}: {', '.join(row.name for row in self.layers)}")

    def __str__(self) -> str:
        """A table in Markdown, which is readable as it is, too."""
        rows = [("layer", "kind", "output", "parameters", "multiply-adds")]
        for layer in self.layers:
            shape = " x ".join(map(str, layer.output))
            rows.append((layer.name, layer.kind, shape, f"{layer.parameters:,}", in_words(layer.multiply_adds)))
        least = "at least " if self.unknown else ""
        rows.append((self.model, "sum", "", f"{self.parameters:,}", least + in_words(self.multiply_adds)))
        wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["| " + " | ".join(_aligned(row, wide)) + " |" for row in rows]
        rule = (
            "|" + "|".join("-" * (width + 1) + ("-" if column < 3 else ":") for column, width in enumerate(wide)) + "|"
        )
        return "\n".join([lines[0], rule, *lines[1:]])

    def _repr_markdown_(self) -> str:
        return str(self)


def costs(model: keras.Model, *, size: Size = None) -> Costs:
    """Count the parameters and the multiply-adds of every layer, in inference and for one picture.

    Args:
        model: any Keras 3 model; one without a size of its own needs ``size``.
        size: side of the pictures in pixels, ``(height, width)`` or ``(height, width, channels)``.

    Raises:
        ValueError: the size is missing, is not that of the model, or is too small for it.
        TypeError: not a Keras model.

    Source: lecture on convolutional architectures (Inception); Howard et al. 2017, "MobileNets", section 3.1.

    Example:
        >>> import keras
        >>> slide = keras.Sequential([keras.Input((28, 28, 192)), keras.layers.Conv2D(32, 5, padding="same")])
        >>> costs(slide).multiply_adds
        120422400
    """
    drawn = trace(model, size)
    of_picture, pictures = _of_the_picture(drawn), drawn.inputs[0].shape[0]
    rows = []
    for call in drawn.calls:
        count = _multiply_adds(call, of_picture, pictures)
        if not call.inner or call.parameters or count != 0:
            rows.append(LayerCost(call.name, type(call.layer).__name__, _output(call), call.parameters, count))
    return Costs(model.name, tuple(rows))


def _output(call: Call) -> tuple[int, ...]:
    return tuple(call.outputs[0].shape[1:]) if len(call.outputs) == 1 else ()


def _multiply_adds(call: Call, of_picture: Set[str], pictures: int) -> int | None:
    """Without what the calls inside cost; None if not known."""
    for kind, count in _counts().items():
        if isinstance(call.layer, kind):
            # A derived class that is called in another way may do something else.
            one = count(call) if type(call.layer).call is kind.call else None
            batch = call.inputs[0].shape[0] if one else pictures  # larger, where frames are folded into it
            return None if one is None or batch is None or one * batch % pictures else one * batch // pictures
    # Of a layer that is not known: nothing if it has no weights of its own and only moves or changes single numbers.
    seen = call.operations is not None and all(operation.type in _FREE for operation in call.operations)
    if not seen or call.parameters or (call.again and call.layer.weights and not call.inner):
        return None
    return None if any(_sums_products(operation, of_picture) for operation in call.operations) else 0


def _of_the_picture(drawn: Trace) -> set[str]:
    """Names of the tensors whose numbers depend on what the model is given, not on weights alone."""
    names = {tensor.name for tensor in drawn.inputs}
    for operation in drawn.inputs[0].graph.get_operations():  # in the order in which they were made
        if operation.type not in ONLY_SHAPE and any(tensor.name in names for tensor in operation.inputs):
            names.update(tensor.name for tensor in operation.outputs)
    return names


def _sums_products(operation: Any, of_picture: Set[str]) -> bool:
    """Does it sum products of two tensors that both come of the picture, as attention written by hand does?"""
    if operation.type != "Sum":
        return False
    source = operation.inputs[0].op
    while source.type in ("Cast", "ExpandDims", "Identity", "Reshape", "Squeeze", "Transpose"):
        source = source.inputs[0].op
    names = {tensor.name for tensor in source.inputs}
    return source.type == "Mul" and len(names) == 2 and names <= of_picture  # one name: a square


@functools.cache
def _counts() -> dict[type, Callable[[Call], int]]:
    """How the kinds of layers that have weights are counted."""
    from keras import layers as kinds

    from fcn.convolutions.layers import DeformableConv2D, Involution2D

    free = "BatchNormalization Embedding GroupNormalization LayerNormalization Normalization PReLU RMSNormalization"
    counts: dict[type, Callable[[Call], int]] = {getattr(kinds, name): lambda call: 0 for name in free.split()}
    for name in ("1D", "2D", "3D"):
        counts[getattr(kinds, f"Conv{name}")] = _convolution
        counts[getattr(kinds, f"Conv{name}Transpose")] = _transposed
    for name in ("1D", "2D"):
        counts[getattr(kinds, f"DepthwiseConv{name}")] = _depthwise
        counts[getattr(kinds, f"SeparableConv{name}")] = _separable
    counts[Involution2D] = lambda call: _zoo(
        call, "involution", groups=call.layer.groups, reduction=call.layer.reduction
    )
    counts[DeformableConv2D] = lambda call: _zoo(call, "modulated deformable" if call.layer.modulated else "deformable")
    counts[kinds.Dense] = lambda call: math.prod(_output(call)) * call.inputs[0].shape[-1]
    return counts


def _channels(call: Call) -> int:
    return call.inputs[0].shape[1 if call.layer.data_format == "channels_first" else -1]


def _convolution(call: Call) -> int:
    """Each output is a sum over the kernel and the channels of its group."""
    return math.prod(_output(call)) * math.prod(call.layer.kernel_size) * _channels(call) // call.layer.groups


def _transposed(call: Call) -> int:
    """Each input is multiplied by the whole kernel, for each filter; what "same" crops is counted."""
    return math.prod(call.inputs[0].shape[1:]) * math.prod(call.layer.kernel_size) * call.layer.filters


def _depthwise(call: Call) -> int:
    """Each output is a sum over the kernel in one channel."""
    return math.prod(_output(call)) * math.prod(call.layer.kernel_size)


def _separable(call: Call) -> int:
    """Depthwise, then 1x1 across the channels."""
    between = _channels(call) * call.layer.depth_multiplier
    places = math.prod(_output(call)) // call.layer.filters
    return places * between * (math.prod(call.layer.kernel_size) + call.layer.filters)


def _zoo(call: Call, kind: str, **options: int) -> int:
    """The closed form, without what the layers inside it cost, which stand in the table by themselves."""
    shape = (*_output(call)[:2], call.layer.kernel_size, call.inputs[0].shape[-1], _output(call)[-1])
    inside = sum(_counts()[type(inner.layer)](inner) for inner in call.inner)
    return convolution_costs(kind, *shape, **options).multiply_adds - inside


def in_words(number: int | None) -> str:
    """A count with its unit.

    >>> in_words(15_346_630_656), in_words(120_422_400), in_words(12), in_words(None)
    ('15.35 G', '120.4 M', '12', 'unknown')
    """
    if number is None:
        return "unknown"
    for unit, name in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= 0.99995 * unit:  # what would be rounded to 1000.0 of the smaller one
            return f"{number / unit:.{2 if unit == 10**9 else 1}f} {name}"
    return str(number)


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Words to the left, the numbers of the last two columns to the right."""
    last = len(cells) - 2
    return [cell.ljust(wide) if at < last else cell.rjust(wide) for at, (cell, wide) in enumerate(zip(cells, widths))]
