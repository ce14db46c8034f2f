"""Max pooling that remembers where its maxima were, and the unpooling that puts values back there, as Keras layers.

Source: Badrinarayanan, Kendall and Cipolla 2017, "SegNet", section 3; Zeiler and Fergus 2014, section 2.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from data.arguments import number_pair, one_of
from fcn.layers.windows import Pair, Windows, checked, pool_with_argmax, put_back, sizes

MOST_CELLS = 256  # of a window: each is an operation of the graph, and thousands of them take minutes to trace


class _WindowsLayer(keras.layers.Layer):
    """What both layers are made with."""

    def __init__(
        self,
        pool_size: int | Pair = 2,
        strides: int | Pair | None = None,
        padding: str = "valid",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        one_of("padding", padding, ("valid", "same"))
        pool = number_pair("pool_size", pool_size)
        if pool[0] * pool[1] > MOST_CELLS:
            raise ValueError(
                f"pool_size is {pool_size}; windows of {MOST_CELLS} cells (16 x 16) at most are wanted, and smaller "
                "ones one after another for more"
            )
        self.windows = Windows(pool, pool if strides is None else number_pair("strides", strides), padding)

    def get_config(self) -> dict:
        pool, strides, padding = self.windows
        return {**super().get_config(), "pool_size": pool, "strides": strides, "padding": padding}


@keras.saving.register_keras_serializable(package="fcn")
class MaxPoolingWithArgmax2D(_WindowsLayer):
    """The maximum of each window, and where in the image it was.

    Called with float maps ``(batch, height, width, channels)``; gives ``(maxima, indices)``, both ``(batch, rows,
    columns, channels)``. An index is int32, ``row * width + column`` of the image without its padding, for each image
    and channel by itself: PyTorch's ``MaxPool2d(return_indices=True)``. Of equal maxima the first, row by row, is
    taken; a NaN is larger than all, and the last of several is taken (as in PyTorch). The gradient goes to the pixel
    at the index; where windows overlap, that pixel collects from all of them.

    Args:
        pool_size: side of the window, or ``(height, width)``; at most 256 cells, for each is an operation of its own.
        strides: from one window to the next; ``pool_size`` by default. Smaller: windows overlap; larger: gaps.
        padding: "valid" (what is left over at the end is not seen) or "same" (as Keras pads).
        kwargs: of every Keras layer.

    Raises:
        ValueError: ``pool_size`` or ``strides`` below 1, a window of more than 256 cells, unknown ``padding``; maps of
            wrong rank, or smaller than the window, where their size is known before the layer runs.
        tf.errors.InvalidArgumentError: smaller than the window, where a graph learns it only as it runs. XLA leaves
            this check out, and gives empty maps.
        TypeError: sizes that are no whole numbers; maps that are not floating-point.

    Source: SegNet, section 3; the slide on unpooling.
    """

    def call(self, images: Any) -> tuple[Any, Any]:
        self._check(images)
        for n, least in zip(sizes(images)[1:3], self.windows.smallest, strict=True):
            if not isinstance(n, int):  # known only when the graph runs
                words = ["images have a side of", n, "and the window one of", least]
                (images,) = checked([images], n >= least, words)
        return pool_with_argmax(images, self.windows)

    def compute_output_shape(self, images_shape: tuple) -> tuple[tuple, tuple]:
        self.windows.check_size(images_shape, "images")
        shape = (images_shape[0], *self.windows.count(images_shape[1:3]), images_shape[3])
        return shape, shape

    def compute_output_spec(self, images: Any) -> tuple[Any, Any]:
        self._check(images)
        shape, _ = self.compute_output_shape(images.shape)
        return keras.KerasTensor(shape, dtype=self.compute_dtype), keras.KerasTensor(shape, dtype="int32")

    def _check(self, images: Any) -> None:
        if not hasattr(images, "shape"):
            raise TypeError(f"images is {images!r}; maps (batch, height, width, channels) are wanted")
        self.windows.check_size(images.shape, "images")
        if not tf.as_dtype(images.dtype).is_floating:
            raise TypeError(f"images must be floating-point; got {tf.as_dtype(images.dtype).name}")


@keras.saving.register_keras_serializable(package="fcn")
class MaxUnpooling2D(_WindowsLayer):
    """Each value back where its maximum was, zeros elsewhere: the unpooling of SegNet, PyTorch's ``MaxUnpool2d``.

    Called as ``unpool(maps, indices)`` or ``unpool(maps, indices, like=encoder_maps)``: ``maps`` (floats) and
    ``indices`` (int32 or int64, of `MaxPoolingWithArgmax2D` with the same arguments) are ``(batch, rows, columns,
    channels)``; of ``like``, the tensor that was pooled, only height and width are used. The gradient of a value is
    the one that arrives at its index; none reaches ``like``.

    Where windows overlap, several may name one pixel; the last window, row by row, is kept (PyTorch on a CPU), and
    the gradient goes to that one alone. An index outside its own window is refused where its value is known (eagerly)
    and puts nothing anywhere in a graph.

    Args:
        pool_size: as for the pooling.
        strides: as for the pooling.
        padding: as for the pooling.
        output_size: ``(height, width)`` of the result. By default ``(rows - 1) * stride + pool`` (for "same" padding
            ``rows * stride``), which is wrong if the pooling left something over: an index counts columns of the
            true width. Then give this, or ``like``.
        kwargs: of every Keras layer.

    Raises:
        ValueError: as for the pooling; ``maps`` and ``indices`` of different shapes; a size that does not give such
            maps; both ``like`` and ``output_size``; indices of another image size (where known).
        TypeError: indices that are not integers, maps that are not floats; not two tensors.

    Source: SegNet, section 3; the slide on unpooling; Zeiler and Fergus 2014, section 2.1.
    """

    def __init__(
        self,
        pool_size: int | Pair = 2,
        strides: int | Pair | None = None,
        padding: str = "valid",
        output_size: Pair | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, **kwargs)
        self.output_size = None if output_size is None else number_pair("output_size", output_size)

    def call(self, maps: Any, indices: Any = None, like: Any = None) -> Any:
        self._check(maps, indices, like)
        count = sizes(maps)[1:3]
        size = self.output_size or (self.windows.largest(count) if like is None else sizes(like)[1:3])
        if tf.executing_eagerly():
            check_indices(np.asarray(indices), size, self.windows)
        elif not all(isinstance(n, int) for n in (*count, *size)):
            # What could not be compared before: sizes known only when the graph runs (XLA knows them and skips this).
            fits = tf.reduce_all(tf.equal(self.windows.count(size), count))
            words = ["an image (height, width) of", size, "does not give maps of", count]
            maps, indices = checked([maps, indices], fits, words)
        if indices.dtype != tf.int32:  # what int32 does not hold would wrap round, into an image perhaps; -1 is nowhere
            indices = tf.where((indices < 0) | (indices > tf.int32.max), tf.cast(-1, indices.dtype), indices)
        return put_back(maps, tf.cast(indices, tf.int32), size, self.windows)

    def compute_output_shape(self, maps_shape: tuple, indices_shape: tuple, like_shape: tuple | None = None) -> tuple:
        self._check_shapes(maps_shape, indices_shape, like_shape)
        size = self.output_size or (self.windows.largest(maps_shape[1:3]) if like_shape is None else like_shape[1:3])
        return (maps_shape[0], *size, maps_shape[3])

    def compute_output_spec(self, maps: Any, indices: Any = None, like: Any = None) -> Any:
        self._check(maps, indices, like)
        shape = self.compute_output_shape(maps.shape, indices.shape, None if like is None else like.shape)
        return keras.KerasTensor(shape, dtype=self.compute_dtype)

    def get_config(self) -> dict:
        return {**super().get_config(), "output_size": self.output_size}

    def _check(self, maps: Any, indices: Any, like: Any) -> None:
        if not hasattr(maps, "shape") or not hasattr(indices, "shape"):
            raise TypeError(
                "unpooling is called with two tensors, unpool(maps, indices); "
                f"got {type(maps).__name__} and {type(indices).__name__}"
            )
        self._check_shapes(maps.shape, indices.shape, None if like is None else like.shape)
        if not tf.as_dtype(maps.dtype).is_floating:
            raise TypeError(f"maps must be floating-point; got {tf.as_dtype(maps.dtype).name}")
        if tf.as_dtype(indices.dtype) not in (tf.int32, tf.int64):
            raise TypeError(f"indices must be int32 or int64; got {tf.as_dtype(indices.dtype).name}")

    def _check_shapes(self, maps: Sequence, indices: Sequence, like: Sequence | None) -> None:
        if len(maps) != 4 or len(indices) != 4 or differ(maps, indices):
            raise ValueError(
                "maps and indices must have one shape (batch, rows, columns, channels); "
                f"maps is {tuple(maps)}, indices {tuple(indices)}"
            )
        if like is not None and self.output_size:
            raise ValueError(f"give like or output_size, not both; output_size is {self.output_size}")
        if like is None and not self.output_size:
            return
        if like is not None:
            self.windows.check_size(like, "like")
        name, size = ("output_size", self.output_size) if like is None else ("like", tuple(like))
        count = self.windows.count(size[-3:-1] if like is not None else size)
        if differ(count, maps[1:3]):
            raise ValueError(
                f"{name} {size} gives maps of {count[0]} x {count[1]} (window {self.windows.pool}, strides "
                f'{self.windows.strides}, padding "{self.windows.padding}"); maps is {tuple(maps)}'
            )


def differ(one: Sequence, other: Sequence) -> bool:
    """Whether two shapes, as far as they are known, are not the same."""
    return any(n is not None and m is not None and n != m for n, m in zip(one, other, strict=True))


def check_indices(indices: np.ndarray, size: Sequence[int], windows: Windows) -> None:
    """Refuse an index that lies outside the image, or outside its own window.

    Raises:
        ValueError: there is one.
    """
    height, width = size
    advice = "Were the images of another size? Give like=, the tensor that was pooled, or output_size="
    if indices.size and not (indices.min() >= 0 and indices.max() < height * width):
        wrong = indices.min() if indices.min() < 0 else indices.max()
        pixels = f"an image of {height} x {width} has the pixels 0 to {height * width - 1}"
        raise ValueError(f"indices holds {wrong}; {pixels}. {advice}")
    for axis, found in enumerate(np.divmod(indices, width)):
        first = np.arange(indices.shape[axis + 1]) * windows.strides[axis] - windows.before(size)[axis]
        first = first[:, None, None] if axis == 0 else first[:, None]
        outside = (found < first) | (found >= first + windows.pool[axis])
        if outside.any():
            at = tuple(map(int, np.argwhere(outside)[0]))
            row, column = divmod(indices[at], width)
            raise ValueError(
                f"indices{list(at)} is {indices[at]}, row {row} and column {column} of an image of {height} x {width}: "
                f"not in its own window. {advice}"
            )


def indices_from_tensorflow(argmax: Any) -> Any:
    """The indices of ``tf.nn.max_pool_with_argmax`` (with ``include_batch_in_index=False``), which count channels too,
    as `MaxUnpooling2D` takes them: int32 ``row * width + column``.
    """
    return tf.cast(argmax // argmax.shape[-1], tf.int32)
