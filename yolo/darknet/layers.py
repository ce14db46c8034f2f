"""The Darknet layers that Keras does not have, as Keras layers on (batch, rows, columns, channels)."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable("yolo")
class PadWithLowest(keras.layers.Layer):
    """A border of -infinity, so that a maximum never comes from the padding."""

    def __init__(self, padding: tuple[tuple[int, int], tuple[int, int]], **kwargs):
        """``padding`` is ((above, below), (left, right))."""
        super().__init__(**kwargs)
        self.padding = tuple(tuple(pair) for pair in padding)

    def call(self, inputs):
        return ops.pad(inputs, ((0, 0), *self.padding, (0, 0)), constant_values=-float("inf"))

    def get_config(self):
        return {**super().get_config(), "padding": self.padding}


@keras.saving.register_keras_serializable("yolo")
class ChannelGroup(keras.layers.Layer):
    """One of several equal groups of channels: a [route] with groups."""

    def __init__(self, groups: int, group: int, **kwargs):
        super().__init__(**kwargs)
        self.groups, self.group = groups, group

    def call(self, inputs):
        width = inputs.shape[-1] // self.groups
        return inputs[..., self.group * width : (self.group + 1) * width]

    def get_config(self):
        return {**super().get_config(), "groups": self.groups, "group": self.group}


@keras.saving.register_keras_serializable("yolo")
class Shortcut(keras.layers.Layer):
    """The first input plus the others where they differ in shape (``shortcut_cpu`` of Darknet's blas.c).

    Only channels that both have are added. An input that is larger by a factor is read at every factor-th pixel, one
    that is smaller is added at every factor-th pixel; what then still reaches over an edge is cut off.
    """

    def call(self, inputs):
        total, *others = inputs
        for other in others:
            total = total + self._fitted(other, total.shape)
        return total

    @staticmethod
    def _fitted(other, shape):
        rows, columns, channels = shape[1:]
        stride = max(other.shape[1] // rows, 1)
        sample = max(rows // other.shape[1], 1)
        height, width = min(other.shape[1], rows), min(other.shape[2], columns)
        part = other[:, ::stride, ::stride, :channels][:, :height, :width]
        if sample > 1:  # zeros after every pixel
            kept = part.shape[-1]
            part = ops.reshape(part, (-1, height, 1, width, 1, kept))
            part = ops.pad(part, ((0, 0), (0, 0), (0, sample - 1), (0, 0), (0, sample - 1), (0, 0)))
            part = ops.reshape(part, (-1, height * sample, width * sample, kept))[:, :rows, :columns]
        missing = [(0, have - found) for have, found in zip(shape[1:], part.shape[1:])]
        return ops.pad(part, ((0, 0), *missing))

    def compute_output_shape(self, input_shape):
        return input_shape[0]


@keras.saving.register_keras_serializable("yolo")
class Reorg(keras.layers.Layer):
    """Darknet's [reorg]: blocks of pixels become channels, but not as one would think.

    ``reorg_cpu`` takes the numbers of a (channels, rows, columns) picture as if they were those of one with a
    ``stride ** 2``-th of the channels and sides ``stride`` times as long, and takes blocks of that apart. The result
    is a fixed shuffle, not the space-to-depth of the picture; YOLOv2's weights have learned to live with it.
    ``reverse`` is the plain depth-to-space of the (rows, columns, channels) picture.
    """

    def __init__(self, stride: int, reverse: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.stride, self.reverse = stride, reverse

    def call(self, inputs):
        step = self.stride
        rows, columns, channels = inputs.shape[1:]
        kept = channels // step**2
        if self.reverse:
            blocks = ops.reshape(inputs, (-1, rows, columns, step, step, kept))
            blocks = ops.transpose(blocks, (0, 1, 3, 2, 4, 5))
            return ops.reshape(blocks, (-1, rows * step, columns * step, kept))
        numbers = ops.transpose(inputs, (0, 3, 1, 2))
        numbers = ops.reshape(numbers, (-1, kept, rows, step, columns, step))
        numbers = ops.transpose(numbers, (0, 3, 5, 1, 2, 4))
        numbers = ops.reshape(numbers, (-1, channels * step**2, rows // step, columns // step))
        return ops.transpose(numbers, (0, 2, 3, 1))

    def get_config(self):
        return {**super().get_config(), "stride": self.stride, "reverse": self.reverse}


@keras.saving.register_keras_serializable("yolo")
class Softmax(keras.layers.Layer):
    """Darknet's [softmax]: over equal groups of all numbers of a picture, channel by channel as Darknet stores them.

    With ``spatial`` over the channels of each pixel, at temperature 1.
    """

    def __init__(self, groups: int = 1, temperature: float = 1.0, spatial: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.groups, self.temperature, self.spatial = groups, temperature, spatial

    def call(self, inputs):
        if self.spatial:
            return ops.softmax(inputs, axis=-1)
        rows, columns, channels = inputs.shape[1:]
        numbers = ops.transpose(inputs, (0, 3, 1, 2)) / self.temperature
        numbers = ops.reshape(numbers, (-1, self.groups, rows * columns * channels // self.groups))
        numbers = ops.reshape(ops.softmax(numbers, axis=-1), (-1, channels, rows, columns))
        return ops.transpose(numbers, (0, 2, 3, 1))

    def get_config(self):
        extra = {"groups": self.groups, "temperature": self.temperature, "spatial": self.spatial}
        return {**super().get_config(), **extra}
