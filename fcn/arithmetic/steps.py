"""What one layer, or one operation of TensorFlow, does to receptive fields: along both axes of maps.

Maps are ``(batch, rows, columns, ...)``. What is not listed here is refused by name, never passed over.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from fcn.arithmetic.sizes import Padding, paddings, window_size

if TYPE_CHECKING:
    import keras

UNKNOWN = "mixes pixels in a way that has no closed form here; measure the field with cnnviz.receptive_field"
UNEVEN = "enlarges the maps, and behind it the field does not move in equal steps"
# Each number of the result depends on the numbers at the same place only (of all inputs, where there are several).
_POINTWISE = (
    "Abs Add AddN AddV2 BiasAdd Cast CheckNumerics ClipByValue Cos Div DivNoNan Elu EnsureShape Equal Erf Erfc Exp "
    "Expm1 Floor FloorDiv FloorMod FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 Greater GreaterEqual Identity "
    "IdentityN Inv IsFinite IsNan LeakyRelu Less LessEqual Log Log1p LogicalAnd LogicalNot LogicalOr Maximum Minimum "
    "Mul MulNoNan Neg NotEqual Pow PreventGradient RealDiv Reciprocal Relu Relu6 Rint Round Rsqrt Select SelectV2 Selu "
    "Sigmoid Sign Sin Softplus Softsign Sqrt Square SquaredDifference StopGradient Sub Tan Tanh Xdivy Xlogy"
)
POINTWISE = frozenset(_POINTWISE.split())
ONLY_SHAPE = frozenset(("OnesLike", "Rank", "Shape", "ShapeN", "Size", "ZerosLike"))
REDUCTIONS = frozenset(("All", "Any", "ArgMax", "ArgMin", "EuclideanNorm", "Max", "Mean", "Min", "Prod", "Sum"))
ENLARGING = frozenset(("Conv2DBackpropInput", "DepthToSpace", "ResizeArea", "ResizeBicubic", "ResizeBilinear"))


class Axis(NamedTuple):
    """What the cells of maps see along one axis, in pixels of the image.

    Attributes:
        size: pixels that one cell sees.
        stride: from what one cell sees to what the next one sees; 0 where each of them sees all of the image.
        start: first pixel that cell 0 sees; negative in the padding.
        cells: how many there are.
    """

    size: int
    stride: int
    start: int
    cells: int

    def slid(self, kernel: int, stride: int = 1, padding: Padding = "valid", dilation: int = 1) -> Axis:
        """What the cells behind a sliding window see."""
        before, after = paddings(self.cells, kernel, stride=stride, padding=padding, dilation=dilation)
        reach = window_size(kernel, dilation) - 1
        return Axis(
            self.size + reach * self.stride,
            self.stride * stride,
            self.start - before * self.stride,
            (before + self.cells + after - reach - 1) // stride + 1,
        )

    def moved(self, before: int, after: int) -> Axis:
        """Behind so many cells of padding; negative where cells are cut off."""
        return self._replace(start=self.start - before * self.stride, cells=before + self.cells + after)


Axes = tuple[Axis, Axis]


@functools.cache
def _layer_steps() -> dict[type, Callable[[keras.Layer, Axes], Axes]]:
    from keras import layers as kinds

    return {
        kinds.Conv2D: lambda layer, axes: _slid(
            axes, layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate
        ),
        kinds.DepthwiseConv2D: lambda layer, axes: _slid(
            axes, layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate
        ),
        kinds.SeparableConv2D: lambda layer, axes: _slid(
            axes, layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate
        ),
        kinds.MaxPooling2D: lambda layer, axes: _slid(axes, layer.pool_size, layer.strides, layer.padding),
        kinds.AveragePooling2D: lambda layer, axes: _slid(axes, layer.pool_size, layer.strides, layer.padding),
        kinds.Cropping2D: lambda layer, axes: tuple(
            axis.moved(-before, -after) for axis, (before, after) in zip(axes, layer.cropping, strict=True)
        ),
        kinds.Conv2DTranspose: _transposed,
        kinds.UpSampling2D: _upsampled,
        kinds.Dense: lambda layer, axes: axes,
    }


def layer_step(layer: keras.Layer) -> Callable[[keras.Layer, Axes], Axes] | None:
    """What a layer does to fields; None for those whose operations are looked at one by one."""
    for kind, step in _layer_steps().items():
        # A derived class that is called in another way may do something else.
        if isinstance(layer, kind) and type(layer).call is kind.call:
            return step if getattr(layer, "data_format", None) != "channels_first" else _channels_first
    return None


def _slid(axes: Axes, kernel: Sequence, strides: Sequence, padding: str, dilation: Sequence = (1, 1)) -> Axes:
    return tuple(axes[i].slid(kernel[i], strides[i], padding, dilation[i]) for i in (0, 1))


def _transposed(layer: keras.Layer, axes: Axes) -> Axes:
    if set(layer.strides) != {1} or layer.output_padding is not None:
        raise ValueError(UNEVEN)
    # With stride 1 it is a convolution with the kernel turned round, and with the padding that is left to "full".
    reach = [window_size(*pair) - 1 for pair in zip(layer.kernel_size, layer.dilation_rate, strict=True)]
    before = [0 if layer.padding == "valid" else one // 2 for one in reach]
    after = [0 if layer.padding == "valid" else one - one // 2 for one in reach]
    return tuple(axes[i].slid(reach[i] + 1, padding=(reach[i] - before[i], reach[i] - after[i])) for i in (0, 1))


def _upsampled(layer: keras.Layer, axes: Axes) -> Axes:
    if set(layer.size) != {1}:
        raise ValueError(UNEVEN)
    return axes


def _channels_first(layer: keras.Layer, axes: Axes) -> Axes:
    raise ValueError('has data_format "channels_first"; fields are followed through maps with the channels last')


def operation_step(tensor: Any, before: Sequence[Axes | None], sides: Sequence[int]) -> Axes | None:
    """What the cells of a tensor see, from what the inputs of the operation that gives it see.

    Args:
        tensor: of a graph, with a known shape.
        before: for each input; None where it does not depend on the image.
        sides: of the image.

    Raises:
        ValueError: an operation that is not known here, or fields that do not fit together.
    """
    import tensorflow as tf

    operation, kind = tensor.op, tensor.op.type
    if kind in ONLY_SHAPE or all(axes is None for axes in before):
        return None
    first = next(axes for axes in before if axes is not None)
    everything = tuple(Axis(side, 0, 0, 1) for side in sides)
    if all(axis.stride == 0 for axes in before if axes for axis in axes):
        return everything  # of numbers that see all of the image, nothing can see more or less
    seen = operation.inputs[before.index(first)].shape.as_list()
    shape = tensor.shape.as_list()
    ranks = {len(one.shape) for one, axes in zip(operation.inputs, before, strict=True) if axes and _moves(axes)}

    if kind in POINTWISE and ranks == {len(shape)}:
        return merged([axes for axes in before if axes is not None])
    if kind in ("Softmax", "LogSoftmax") and len(shape) > 3:  # over the last axis
        return first
    if kind in ("Conv2D", "DepthwiseConv2dNative", "MaxPool", "AvgPool"):
        return _window(operation, first)
    if kind == "SpaceToDepth" and operation.get_attr("data_format") == b"NHWC":
        return _slid(first, *[[operation.get_attr("block_size")] * 2] * 2, "valid")
    if kind in ("Pad", "PadV2", "MirrorPad"):
        added = tf.get_static_value(operation.inputs[1])
        if added is not None and not added[0].any():
            return tuple(axis.moved(*map(int, pair)) for axis, pair in zip(first, added[1:3], strict=True))
    if kind == "ConcatV2":
        axis = tf.get_static_value(operation.inputs[-1])
        if axis is not None and axis % len(shape) > 2 and ranks == {len(shape)}:
            return merged([axes for axes in before if axes is not None])
    if kind in REDUCTIONS:
        over = tf.get_static_value(operation.inputs[1])
        over = None if over is None else {int(axis) % len(seen) for axis in over.reshape(-1)}
        if over and {1, 2} <= over:
            return everything
        if over and 0 not in over and (not over & {1, 2} or len(shape) == len(seen)):
            return tuple(everything[i] if i + 1 in over else first[i] for i in (0, 1))
    if kind in ("Reshape", "Squeeze", "ExpandDims"):
        if shape[:3] == seen[:3]:
            return first
        if len(shape) == 2 and shape[0] == seen[0]:
            return everything  # a vector: what comes next sees all of it
    if kind == "Transpose":
        order = tf.get_static_value(operation.inputs[1])
        if order is not None and list(order[:3]) == [0, 1, 2]:
            return first
    if kind in ("Split", "SplitV", "Slice", "StridedSlice") and shape[:3] == seen[:3]:
        steps = tf.get_static_value(operation.inputs[3]) if kind == "StridedSlice" else [1]
        if steps is not None and min(steps) > 0:
            return first
    raise ValueError(UNEVEN if kind in ENLARGING or kind.startswith("ResizeNearest") else UNKNOWN)


def merged(branches: Sequence[Axes]) -> Axes:
    """What cells see through any of several branches that meet.

    Raises:
        ValueError: the branches move at different strides, or one is stretched over the others.
    """
    found = []
    for axis, many in enumerate(zip(*branches, strict=True)):
        whole_image = [one for one in many if one.stride == 0]
        if whole_image:
            found.append(whole_image[0]._replace(cells=max(one.cells for one in many)))
            continue
        strides, cells = sorted({one.stride for one in many}), {one.cells for one in many}
        way = ("vertical", "horizontal")[axis]
        if len(strides) > 1:
            raise ValueError(f"branches with the {way} strides {strides} meet: the field does not move in equal steps")
        if len(cells) > 1:
            raise ValueError(f"branches with {sorted(cells)} cells ({way}) meet: one is stretched over the other")
        start, end = min(one.start for one in many), max(one.start + one.size for one in many)
        found.append(Axis(end - start, strides[0], start, *cells))
    return tuple(found)


def _moves(axes: Axes) -> bool:
    return any(axis.stride for axis in axes)


def _window(operation: Any, axes: Axes) -> Axes:
    """A convolution or a pooling that no layer of Keras has made."""
    if operation.get_attr("data_format") != b"NHWC":
        raise ValueError("is told that the channels come first; fields are followed through maps with them last")
    pools = operation.type.endswith("Pool")
    kernel = operation.get_attr("ksize")[1:3] if pools else operation.inputs[1].shape.as_list()[:2]
    strides = operation.get_attr("strides")[1:3]
    dilation = [1, 1] if pools else operation.get_attr("dilations")[1:3]
    padding = operation.get_attr("padding").decode().lower()
    around = [padding, padding]
    if padding == "explicit":
        numbers = operation.get_attr("explicit_paddings")
        around = [tuple(numbers[2:4]), tuple(numbers[4:6])]
    return tuple(axes[i].slid(kernel[i], strides[i], around[i], dilation[i]) for i in (0, 1))
