"""The windows of a pooling: where they lie, the maximum of each and its place, and values put back there.

The image is cut into blocks of one stride. A window reaches into ``ceil(pool / stride)`` of them each way (into one,
where windows do not overlap), and what lies in a block is compared with the windows that reach into it. There is no
scatter: batches, odd sizes, every stride, every float type, graphs and XLA are the same few lines. Sizes are numbers
where they are known, scalar tensors where not.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

Pair = tuple[int, int]


class Windows(NamedTuple):
    """Where the windows of a pooling lie; every pair is ``(vertical, horizontal)``, in pixels."""

    pool: Pair
    strides: Pair
    padding: str

    @property
    def blocks(self) -> Pair:
        """How many blocks of one stride a window reaches into."""
        return tuple(-(-pool // stride) for pool, stride in zip(self.pool, self.strides))

    def count(self, size: Sequence) -> list:
        """How many windows an image of this height and width has (numbers, tensors or None, as they come)."""
        if self.padding == "same":
            return [None if n is None else -(-n // stride) for n, stride in zip(size, self.strides)]
        return [None if n is None else (n - k) // s + 1 for n, k, s in zip(size, self.pool, self.strides)]

    def largest(self, count: Sequence) -> list:
        """Height and width that unpooling gives by itself; PyTorch's ``(count - 1) * stride + pool`` for "valid"."""
        reach = self.strides if self.padding == "same" else self.pool
        return [None if n is None else (n - 1) * s + last for n, s, last in zip(count, self.strides, reach)]

    def before(self, size: Sequence) -> list:
        """Rows above the image, and columns left of it, where the first window begins; TensorFlow's rule for "same"."""
        if self.padding == "valid":
            return [0, 0]
        # A window of one or two has its padding behind the image, if any.
        return [
            0 if k <= 2 else at_least_zero((count - 1) * s + k - n) // 2
            for n, count, k, s in zip(size, self.count(size), self.pool, self.strides)
        ]

    @property
    def smallest(self) -> Pair:
        """The image that still has a window."""
        return (1, 1) if self.padding == "same" else self.pool

    def check_size(self, shape: Sequence, what: str) -> None:
        """Refuse what is no map, or smaller than a window."""
        if len(shape) != 4:
            raise ValueError(f"{what} must be (batch, height, width, channels), channels last; got {tuple(shape)}")
        if any(n is not None and n < least for n, least in zip(shape[1:3], self.smallest)):
            raise ValueError(
                f"{what} is {shape[1]} x {shape[2]}, smaller than the window {self.pool[0]} x {self.pool[1]} "
                f'(padding "{self.padding}")'
            )


def checked(tensors: Sequence, condition: Any, words: Sequence) -> list:
    """The tensors once a condition holds that only the running graph knows; XLA leaves the check out.

    Raises:
        tf.errors.InvalidArgumentError: it does not hold; when the graph runs, and before the tensors are used.
    """
    import tensorflow as tf

    with tf.control_dependencies([tf.debugging.Assert(condition, words)]):
        return [tf.identity(one) for one in tensors]


def sizes(maps: Any) -> list:
    """The shape: numbers where they are known, scalar tensors where not."""
    import tensorflow as tf

    return [tf.shape(maps)[axis] if n is None else n for axis, n in enumerate(maps.shape)]


def at_least_zero(number: Any) -> Any:
    """A number or a scalar tensor, or 0 where that is more."""
    import tensorflow as tf

    return max(number, 0) if isinstance(number, int) else tf.maximum(number, 0)


def may_differ(number: Any, other: Any) -> bool:
    """Whether two sizes are not the same, or not known to be."""
    return not (isinstance(number, int) and isinstance(other, int)) or number != other


def fitted(maps: Any, before: Sequence, wanted: Sequence, fill: float) -> Any:
    """The maps with ``before`` rows and columns put in front (taken away where negative), cut or filled to a size."""
    import tensorflow as tf

    _, height, width, _ = sizes(maps)
    for axis, (n, front, length) in enumerate(zip((height, width), before, wanted), start=1):
        cut, front = at_least_zero(-front), at_least_zero(front)
        missing = length - front - (n - cut)
        last, behind = n - at_least_zero(-missing), at_least_zero(missing)
        if may_differ(cut, 0) or may_differ(last, n):
            maps = maps[:, cut:last] if axis == 1 else maps[:, :, cut:last]
        if may_differ(front, 0) or may_differ(behind, 0):
            pads = [[0, 0]] * 4
            pads[axis] = [front, behind]
            maps = tf.pad(maps, pads, constant_values=tf.constant(fill, maps.dtype))
    return maps


def in_blocks(images: Any, windows: Windows, count: Sequence, before: Sequence, fill: float = 0) -> Any:
    """The images as ``(batch, rows, stride, columns, stride, channels)``, from where the first window begins."""
    import tensorflow as tf

    batch, _, _, channels = sizes(images)
    (rows, columns), (down, right) = [n + b - 1 for n, b in zip(count, windows.blocks)], windows.strides
    images = fitted(images, before, (rows * down, columns * right), fill)
    return tf.reshape(images, (batch, rows, down, columns, right, channels))


def cells(blocks: Any, windows: Windows, count: Sequence) -> Any:
    """What each window has at each of its cells, row by row: ``(row, column, maps)``."""
    (rows, columns), (down, right) = count, windows.strides
    for i, j in itertools.product(range(windows.pool[0]), range(windows.pool[1])):
        top, left = i // down, j // right
        yield i, j, blocks[:, top : top + rows, i % down, left : left + columns, j % right]


def corners(size: Sequence, windows: Windows, inside: bool = False) -> Any:
    """The index of the first cell of each window, ``(rows, columns, 1)``; of the first in the image if ``inside``."""
    import tensorflow as tf

    rows, columns = (
        tf.range(n) * stride - before
        for n, stride, before in zip(windows.count(size), windows.strides, windows.before(size))
    )
    if inside:
        rows, columns = tf.maximum(rows, 0), tf.maximum(columns, 0)
    return (rows[:, None] * size[1] + columns)[..., None]


def pool_with_argmax(images: Any, windows: Windows) -> tuple[Any, Any]:
    """The maximum of each window, and its index; see `fcn.layers.pooling.MaxPoolingWithArgmax2D`."""
    import tensorflow as tf

    size = sizes(images)[1:3]
    count, before = windows.count(size), windows.before(size)

    @tf.custom_gradient
    def run(images: Any) -> Any:
        best, offset = None, None
        for i, j, cell in cells(in_blocks(images, windows, count, before, float("-inf")), windows, count):
            if best is None:
                best, offset = cell, tf.zeros_like(cell, tf.int32)
                continue
            wins = (cell > best) | tf.math.is_nan(cell)
            best, offset = tf.where(wins, cell, best), tf.where(wins, i * size[1] + j, offset)
        indices = offset + corners(size, windows)
        if any(may_differ(n, 0) for n in before):
            # The first cell may be padding; it stays "the maximum" only where all is -inf. Name a pixel of the image.
            indices = tf.where(offset == 0, corners(size, windows, inside=True), indices)

        def gradient(upstream: Any, _: Any = None) -> Any:
            return put_back(upstream, indices, size, windows, add=True)

        return (best, indices), gradient

    return run(images)


def put_back(maps: Any, indices: Any, size: Sequence, windows: Windows, *, add: bool = False) -> Any:
    """Each value at its index in an image of this size, zeros elsewhere; see `fcn.layers.pooling.MaxUnpooling2D`.

    Args:
        maps: floats ``(batch, rows, columns, channels)``.
        indices: int32, as many; one outside its own window puts nothing anywhere.
        size: height and width of the result.
        windows: those of the pooling.
        add: where windows overlap and name the same pixel, add; otherwise the last window's value is kept.
    """
    import tensorflow as tf

    batch, *count, channels = sizes(maps)
    before = windows.before(size)
    frame = [(n + b - 1) * stride for n, b, stride in zip(count, windows.blocks, windows.strides)]

    def place(maps: Any) -> Any:
        cell = indices - corners(size, windows)
        inside = tf.range(windows.strides[0])[:, None, None, None] * size[1] + tf.range(windows.strides[1])[:, None]
        placed = None
        # The last window first reaches a pixel with its first block: so that one is put down last, on top.
        for top, left in reversed(list(itertools.product(*map(range, windows.blocks)))):
            shift = (top, left), [n + b - 1 for n, b in zip(count, windows.blocks)]
            values = fitted(maps, *shift, 0)[:, :, None, :, None]
            # -1 is the offset of nothing: a window begins at 0.
            found = fitted(cell, *shift, -1)[:, :, None, :, None]
            here = inside + (top * windows.strides[0] * size[1] + left * windows.strides[1])
            rest = tf.zeros((), maps.dtype) if placed is None or add else placed
            # Of its last block a window may have a part only: what lies there beside it is not its own.
            down, right = (
                [first * stride + n < pool for n in range(stride)]
                for first, stride, pool in zip((top, left), windows.strides, windows.pool)
            )
            named = found == here
            if not all(down + right):
                named &= tf.constant(down)[:, None, None, None] & tf.constant(right)[:, None]
            value = tf.where(named, values, rest)
            placed = placed + value if add and placed is not None else value
        placed = tf.reshape(placed, (batch, *frame, channels))
        return fitted(placed, [-n for n in before], size, 0)

    if windows.blocks != (1, 1):
        return place(maps)

    @tf.custom_gradient
    def run(maps: Any) -> Any:
        # The same as TensorFlow would find, with one pass over each cell in place of a sum along two axes.
        return place(maps), lambda upstream: pick_up(upstream, indices, windows)

    return run(maps)


def pick_up(images: Any, indices: Any, windows: Windows) -> Any:
    """The pixel at each index: what `put_back` has put there, where windows do not overlap."""
    import tensorflow as tf

    size, count = sizes(images)[1:3], sizes(indices)[1:3]
    found = tf.zeros_like(indices, images.dtype)
    cell = indices - corners(size, windows)
    for i, j, values in cells(in_blocks(images, windows, count, windows.before(size)), windows, count):
        # Added, not replaced: in a window wider than the image, two cells count as one, and one of them is padding, 0.
        found += tf.where(cell == i * size[1] + j, values, tf.zeros((), values.dtype))
    return found
