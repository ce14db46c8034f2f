"""Layers that make maps larger: bilinear interpolation to any size, and sub-pixel convolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from data.arguments import number_pair, whole_number
from fcn.initializers import ICNRInitializer
from fcn.layers.windows import checked


@keras.saving.register_keras_serializable(package="fcn")
class BilinearUpsampling2D(keras.layers.Layer):
    """Half-pixel bilinear interpolation to a multiple of the size, to a size, or to the size of another tensor.

    The same numbers as `tf.image.resize`, which XLA compiles wrongly on the CPU when the factor is odd (TensorFlow
    issue 118344, seen in 2.21); this layer is right there too. Half precision is interpolated in float32.

    Maps are ``(batch, height, width, channels)``; sizes may be unknown until the layer runs.

    Args:
        factor: whole number, or two, ``(vertical, horizontal)``.
        size: new ``(height, width)``, or one number for both. Without ``factor`` and ``size`` the layer is called with
            ``like=``.
        **kwargs: of `keras.layers.Layer`.

    Call arguments:
        inputs: maps.
        like: a tensor ``(batch, height, width, channels)`` whose height and width are taken; for odd sizes the
            network's input, say. Its values do not matter.

    Raises:
        TypeError: a factor or size of no whole numbers.
        ValueError: both of them, or with ``like`` more than one of the three, or none; a size that is smaller than
            that of the inputs, where that is known before the layer runs.
        tf.errors.InvalidArgumentError: the same, where a graph learns it only as it runs. XLA leaves this check out.
    """

    def __init__(
        self, factor: int | Sequence[int] | None = None, size: int | Sequence[int] | None = None, **kwargs: Any
    ) -> None:
        """See the class."""
        super().__init__(**kwargs)
        if factor is not None and size is not None:
            raise ValueError(f"factor is {factor} and size is {size}; give one of them")
        self.factor = None if factor is None else number_pair("factor", factor)
        self.size = None if size is None else number_pair("size", size)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def call(self, inputs: Any, like: Any = None) -> Any:
        """Interpolate; see the class."""
        target = self._new_size(inputs.shape, None if like is None else like.shape)
        maps = tf.cast(inputs, tf.float64 if self.compute_dtype == "float64" else tf.float32)
        for axis, new_size in zip((1, 2), target, strict=True):
            known = new_size is not None and inputs.shape[axis] is not None
            if new_size is None:  # not before the layer runs
                new_size = tf.shape(inputs if like is None else like)[axis]
                new_size = new_size if like is not None else new_size * self.factor[axis - 1]
            if not known and self.factor is None:  # what _new_size could not compare; a factor never makes smaller
                size = tf.shape(inputs)[axis]
                words = [f"{self.name} makes maps larger; axis {axis}:", size, new_size]
                (maps,) = checked([maps], new_size >= size, words)
            maps = _interpolate(maps, axis, new_size)
        return tf.cast(maps, self.compute_dtype)

    def _new_size(self, inputs: Sequence[int | None], like: Sequence[int | None] | None) -> tuple[int | None, ...]:
        """New height and width, None where they are not known yet."""
        if (self.factor, self.size, like).count(None) != 2:
            raise ValueError(
                f"layer {self.name!r} has factor {self.factor}, size {self.size}, and is called "
                f"{'without like' if like is None else f'with like of shape {tuple(like)}'}; one of the three is wanted"
            )
        if like is not None:
            if len(like) != 4:
                raise ValueError(f"like has shape {tuple(like)}; (batch, height, width, channels) is wanted")
            target = tuple(like[1:3])
        elif self.size is not None:
            target = self.size
        else:
            target = tuple(old and old * factor for old, factor in zip(inputs[1:3], self.factor, strict=True))
        if any(old and new and new < old for old, new in zip(inputs[1:3], target, strict=True)):
            raise ValueError(f"layer {self.name!r} makes maps larger; {tuple(inputs[1:3])} to {target} is smaller")
        return target

    def compute_output_shape(
        self, inputs_shape: Sequence[int | None], like_shape: Sequence[int | None] | None = None
    ) -> tuple[int | None, ...]:
        """``(batch, new height, new width, channels)``."""
        return (inputs_shape[0], *self._new_size(inputs_shape, like_shape), inputs_shape[3])

    def get_config(self) -> dict[str, Any]:
        """What the constructor takes."""
        return {**super().get_config(), "factor": self.factor, "size": self.size}


def _interpolate(maps: tf.Tensor, axis: int, new_size: int | tf.Tensor) -> tf.Tensor:
    """Bilinear interpolation along one axis, half-pixel, the edge repeated."""
    size = maps.shape[axis] if maps.shape[axis] is not None else tf.shape(maps)[axis]
    # The position (o + 1/2) size / new_size - 1/2 as a fraction of whole numbers: exact for any size. Its numerator is
    # 2 * new_size * size at most, which int32 does not hold for sides of 33,000 and more.
    long, new = tf.cast(size, tf.int64), tf.cast(new_size, tf.int64)
    whole = 2 * new
    position = tf.clip_by_value((2 * tf.range(new) + 1) * long - new, 0, whole * (long - 1))
    before = tf.cast(position // whole, tf.int32)
    share = tf.cast(position % whole, maps.dtype) / tf.cast(whole, maps.dtype)
    share = tf.reshape(share, [-1 if one == axis else 1 for one in range(4)])
    first, second = (tf.gather(maps, tf.minimum(before + step, size - 1), axis=axis) for step in (0, 1))
    return first * (1 - share) + second * share


@keras.saving.register_keras_serializable(package="fcn")
class SubPixelUpsampling2D(keras.layers.Layer):
    """A convolution that makes ``factor ** 2`` numbers for each new channel, laid out as ``factor x factor`` pixels.

    Maps are ``(batch, height, width, channels)``; the result is ``(batch, factor * height, factor * width, filters)``.
    Channel ``(row * factor + column) * filters + filter`` of the convolution becomes pixel ``(row, column)`` of a block
    (`tf.nn.depth_to_space`). PyTorch's ``PixelShuffle`` reads channel ``(filter * factor + row) * factor + column``.

    Args:
        factor: of the upsampling.
        filters: channels of the result.
        kernel_size: of the convolution; whole number or ``(vertical, horizontal)``.
        activation: of the result, as in `keras.layers.Conv2D`: softmax is one over the ``filters`` of each pixel.
        use_bias: likewise.
        kernel_initializer: likewise.
        icnr: draw the filters once for each block instead of once for each pixel, so that training starts without a
            checkerboard; see `fcn.initializers.ICNRInitializer`.
        **kwargs: of `keras.layers.Layer`.

    Raises:
        TypeError, ValueError: numbers that are not whole, or below 1.

    Source: Shi et al. 2016, "Real-time single image and video super-resolution using an efficient sub-pixel
    convolutional neural network", section 3.2, equation 4.
    """

    def __init__(
        self,
        factor: int,
        filters: int,
        kernel_size: int | Sequence[int] = 3,
        *,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        icnr: bool = False,
        **kwargs: Any,
    ) -> None:
        """See the class."""
        super().__init__(**kwargs)
        self.factor, self.filters = whole_number("factor", factor), whole_number("filters", filters)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.icnr = bool(icnr)
        self.activation = keras.activations.get(activation)
        self.input_spec = keras.layers.InputSpec(ndim=4)
        self.convolution = keras.layers.Conv2D(
            self.filters * self.factor**2,
            number_pair("kernel_size", kernel_size),
            padding="same",
            use_bias=use_bias,
            kernel_initializer=ICNRInitializer(factor, self.kernel_initializer) if icnr else self.kernel_initializer,
            data_format="channels_last",
            dtype=self.dtype_policy,
            name="convolution",
        )

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Make the weights of the convolution."""
        self.convolution.build(input_shape)
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Convolve, lay the channels out, and only then activate: softmax is taken over the channels of a pixel."""
        maps = self.convolution(inputs)
        return self.activation(maps if self.factor == 1 else tf.nn.depth_to_space(maps, self.factor))

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """``(batch, factor * height, factor * width, filters)``."""
        batch, height, width, _ = input_shape
        return batch, height and height * self.factor, width and width * self.factor, self.filters

    def get_config(self) -> dict[str, Any]:
        """What the constructor takes."""
        return {
            **super().get_config(),
            "factor": self.factor,
            "filters": self.filters,
            "kernel_size": self.convolution.kernel_size,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.convolution.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "icnr": self.icnr,
        }
