"""The convolutions that learn more than one kernel, as Keras layers, channels last."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from data.arguments import number_pair, one_of, whole_number
from fcn.convolutions.deformation import deformable
from fcn.convolutions.fitting import PADDINGS, Pair, divides, image_tensor
from fcn.convolutions.groups import channel_shuffle
from fcn.convolutions.pixel_kernels import involution


@keras.saving.register_keras_serializable(package="fcn")
class ChannelShuffle(keras.layers.Layer):
    """`fcn.convolutions.channel_shuffle`: the channels are dealt out again, one of each group in turn.

    Args:
        groups: how many groups the channels are in.
    """

    def __init__(self, groups: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.groups = whole_number("groups", groups)

    def build(self, input_shape: tuple) -> None:
        """Refuse channels that do not divide."""
        divides("groups", self.groups, _channels(self, input_shape), f"the channels of the input {tuple(input_shape)}")
        self.built = True

    def call(self, inputs: Any) -> Any:
        """The same, in another order."""
        return channel_shuffle(inputs, self.groups)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """That of the input."""
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        """What `from_config` takes."""
        return {**super().get_config(), "groups": self.groups}


@keras.saving.register_keras_serializable(package="fcn")
class DeformableConv2D(keras.layers.Layer):
    """Deformable convolution: a convolution finds the offsets, at which `fcn.convolutions.deformable` reads.

    The offsets begin at zero, so that at first it is an ordinary convolution; with a mask, half of one.

    Args:
        filters: channels of the output.
        kernel_size: rows and columns of the kernel, or one number for both.
        strides: by how many pixels the window moves.
        padding: ``"same"`` or ``"valid"``.
        dilation_rate: distance of the points of the window before they are moved; with strides of 1 only.
        modulated: learn a mask in 0..1 for each point, too (version 2).
        activation: after it; as in Keras.
        use_bias: add a number to each channel. The convolution that finds the offsets has a bias in any case.
        kernel_initializer: of the kernel.
        kernel_regularizer: of the kernel.
        kwargs: of every layer: ``name``, ``dtype``, ...

    Source: Dai et al. 2017, section 2.1; Zhu et al. 2019, section 3.2 (sigmoid for the mask, all of it begins at zero).
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | Pair,
        strides: int | Pair = 1,
        padding: str = "same",
        dilation_rate: int | Pair = 1,
        *,
        modulated: bool = False,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        kernel_regularizer: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        one_of("padding", padding, PADDINGS)
        self.filters = whole_number("filters", filters)
        self.kernel_size = number_pair("kernel_size", kernel_size)
        self.strides, self.dilation_rate = number_pair("strides", strides), number_pair("dilation_rate", dilation_rate)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(f"strides is {strides} and dilation_rate {dilation_rate}; one of them must be 1")
        self.padding, self.modulated, self.use_bias = padding, bool(modulated), bool(use_bias)
        self.activation = keras.activations.get(activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.points = self.kernel_size[0] * self.kernel_size[1]
        self.finder = keras.layers.Conv2D(
            (3 if self.modulated else 2) * self.points,
            self.kernel_size,
            self.strides,
            self.padding,
            "channels_last",
            self.dilation_rate,
            kernel_initializer="zeros",
            dtype=self.dtype_policy,
            name="finder",
        )

    def build(self, input_shape: tuple) -> None:
        """Make the weights."""
        channels = _channels(self, input_shape, rank=4)
        self.kernel = self.add_weight(
            shape=(*self.kernel_size, channels, self.filters),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            name="kernel",
        )
        self.bias = self.add_weight(shape=(self.filters,), name="bias", initializer="zeros") if self.use_bias else None
        self.finder.build(input_shape)
        self.built = True

    def find(self, inputs: Any) -> tuple[Any, Any]:
        """Where the layer looks: the offsets ``(batch, rows, columns, points, 2)`` in pixels, down and to the right,
        and the mask ``(batch, rows, columns, points)`` in 0..1, or None.

        Raises:
            TypeError: inputs of no floating point.
        """
        found = self.finder(image_tensor(inputs))
        shape = (*ops.shape(found)[:3], self.points)
        offsets = ops.reshape(found[..., : 2 * self.points], (*shape, 2))
        mask = ops.reshape(ops.sigmoid(found[..., 2 * self.points :]), shape) if self.modulated else None
        return offsets, mask

    def call(self, inputs: Any) -> Any:
        """Find the offsets, read there, sum."""
        offsets, mask = self.find(inputs)
        options = {"strides": self.strides, "padding": self.padding, "dilation": self.dilation_rate}
        outputs = deformable(inputs, self.kernel, offsets, mask=mask, **options)
        outputs = outputs + ops.cast(self.bias, outputs.dtype) if self.use_bias else outputs
        return self.activation(outputs)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """As of an ordinary convolution."""
        _channels(self, input_shape, rank=4)
        return (*self.finder.compute_output_shape(tuple(input_shape))[:3], self.filters)

    def get_config(self) -> dict[str, Any]:
        """What `from_config` takes."""
        names = "filters", "kernel_size", "strides", "padding", "dilation_rate", "modulated", "use_bias"
        return {
            **super().get_config(),
            **{name: getattr(self, name) for name in names},
            "activation": keras.activations.serialize(self.activation),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
        }


@keras.saving.register_keras_serializable(package="fcn")
class Involution2D(keras.layers.Layer):
    """Involution whose kernels are made of the pixels: ``H[i, j] = W1 relu(W0 X[i, j])``, the same W at every pixel.

    Args:
        kernel_size: rows and columns of the kernels, or one number for both; the paper's is 7.
        groups: of channels; those of one group share the kernels.
        strides: by how many pixels the window moves; the kernels are then made of means over that many pixels.
        reduction: W0 makes so many times fewer channels; it must divide them.
        batch_normalisation: before the ReLU, as in the paper; without it the costs are those of
            `fcn.convolutions.convolution_costs`.
        use_bias: of W0 and W1.
        kwargs: of every layer: ``name``, ``dtype``, ...

    Source: Li et al. 2021, eqs. 4 to 6 and algorithm 1.
    """

    def __init__(
        self,
        kernel_size: int | Pair = 7,
        groups: int = 1,
        strides: int | Pair = 1,
        *,
        reduction: int = 4,
        batch_normalisation: bool = False,
        use_bias: bool = True,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.kernel_size, self.strides = number_pair("kernel_size", kernel_size), number_pair("strides", strides)
        self.groups, self.reduction = whole_number("groups", groups), whole_number("reduction", reduction)
        self.batch_normalisation, self.use_bias = bool(batch_normalisation), bool(use_bias)

    def build(self, input_shape: tuple) -> None:
        """Make the weights."""
        channels, shape = _channels(self, input_shape, rank=4), tuple(input_shape)
        divides("groups", self.groups, channels, f"the channels of the input {shape}")
        narrow = divides("reduction", self.reduction, channels, f"the channels of the input {shape}")
        kernels = self.kernel_size[0] * self.kernel_size[1] * self.groups
        options = {"use_bias": self.use_bias, "dtype": self.dtype_policy}
        self.reduce = keras.layers.Dense(narrow, name="reduce", **options)
        self.span = keras.layers.Dense(kernels, name="span", **options)
        self.reduce.build(shape)
        self.span.build((*shape[:-1], narrow))
        self.normalise = None
        if self.batch_normalisation:
            self.normalise = keras.layers.BatchNormalization(name="normalise", dtype=self.dtype_policy)
            self.normalise.build((*shape[:-1], narrow))
        self.built = True

    def kernels(self, inputs: Any, training: bool | None = None) -> Any:
        """The kernels ``(batch, output rows, output columns, kernel rows, kernel columns, groups)``."""
        if max(self.strides) > 1:
            inputs = ops.average_pool(inputs, self.strides, self.strides, "same", data_format="channels_last")
        found = self.reduce(inputs)
        found = self.normalise(found, training=training) if self.normalise else found
        found = self.span(ops.relu(found))
        return ops.reshape(found, (*ops.shape(found)[:3], *self.kernel_size, self.groups))

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Make the kernels, apply them."""
        return involution(inputs, self.kernels(inputs, training), strides=self.strides)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """As of an ordinary convolution with padding "same"; the channels stay."""
        _channels(self, input_shape, rank=4)
        sides = (side and -(-side // step) for side, step in zip(tuple(input_shape)[1:3], self.strides, strict=True))
        return (input_shape[0], *sides, input_shape[3])

    def get_config(self) -> dict[str, Any]:
        """What `from_config` takes."""
        names = "kernel_size", "groups", "strides", "reduction", "batch_normalisation", "use_bias"
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def _channels(layer: keras.Layer, input_shape: tuple, rank: int | None = None) -> int:
    """The number of channels of an input that is one."""
    shape = tuple(input_shape)
    if rank and len(shape) != rank:
        raise ValueError(f"layer {layer.name!r} is given {shape}; (batch, height, width, channels) is wanted")
    if not shape or shape[-1] is None:
        raise ValueError(f"layer {layer.name!r} is given {shape}; the number of channels must be known")
    return shape[-1]
