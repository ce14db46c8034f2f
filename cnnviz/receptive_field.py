"""Which pixels an activation can see, measured with the gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cnnviz.taps import find_layer, taps

if TYPE_CHECKING:
    import keras

LARGEST = 1024  # pixels; a receptive field that does not fit in here is taken to be the whole image


class ReceptiveField(NamedTuple):
    """The square of the image that one activation depends on.

    Attributes:
        size: side of the square in pixels.
        stride: pixels by which the square moves from one activation to the next.
        start: first pixel of the square of activation 0; negative where it begins in the padding.
    """

    size: int
    stride: int
    start: int

    def box(self, row: int, column: int) -> tuple[int, int, int, int]:
        """The square of the activation at ``(row, column)`` as ``x1, y1, x2, y2`` in pixels, ends exclusive.

        >>> ReceptiveField(size=3, stride=1, start=-1).box(0, 4)
        (3, -1, 6, 2)
        """
        left, top = self.start + column * self.stride, self.start + row * self.stride
        return left, top, left + self.size, top + self.size


def receptive_field(model: keras.Model, layer: str | keras.Layer, *, trials: int = 8, seed: int = 0) -> ReceptiveField:
    """Measure the receptive field of a layer of any model.

    The pixels at which the gradient of one activation (summed over the channels) is not zero are those it sees. A
    rectifier or a maximum hides some of them for one picture, so the pixels are collected over several of noise.

    Args:
        model: any model that `cnnviz.taps` takes, with square convolutions.
        layer: see `cnnviz.taps.find_layer`.
        trials: how many pictures of noise.
        seed: of the noise.

    Returns:
        Size, stride and start in pixels. Where the field does not fit into the image that the model takes, ``size``
        is that image's side and ``stride`` 0: every activation sees (or may see) all of it.

    Raises:
        ValueError: no such layer, or its output is no map, ``(batch, height, width, channels)``.

    Source: Luo et al. 2016, "Understanding the effective receptive field", section 2.
    """
    name, _ = find_layer(model, layer)
    fixed = getattr(model, "input_shape", (None, None, None, 3))[1]
    channels = getattr(model, "input_shape", (None, None, None, 3))[3] or 3
    read = taps(model, name, outputs=False)
    generator = np.random.default_rng(seed)
    side = fixed or 64
    while True:
        noise = generator.uniform(0, 255, (trials, side, side, channels)).astype(np.float32)
        rows = _visible_rows(read, name, noise[:2], ahead=0)
        if rows is not None and rows[0] > 0 and rows[-1] < side - 1:
            rows = _visible_rows(read, name, noise, ahead=0)
            break
        if fixed or 2 * side > LARGEST:
            return ReceptiveField(size=side, stride=0, start=0)
        side *= 2
    moved = _visible_rows(read, name, noise, ahead=1)
    if moved is None or moved[-1] == side - 1:
        return ReceptiveField(size=side, stride=0, start=0)
    size, stride = rows[-1] - rows[0] + 1, moved[-1] - rows[-1]
    return ReceptiveField(int(size), int(stride), int(rows[0] - stride * _middle(read, name, noise)))


def _middle(read, name: str, noise: np.ndarray) -> int:
    """Row of the activation in the middle of the map."""
    return int(read(noise[:1])[1][name].shape[1]) // 2


def _visible_rows(read, name: str, noise: np.ndarray, ahead: int) -> np.ndarray | None:
    """Rows of pixels that the middle activation, or the one ``ahead`` of it, depends on; None where it sees none."""
    import tensorflow as tf

    seen = np.zeros(noise.shape[1], bool)
    for start in range(0, len(noise), 4):  # few at a time: a 1024-pixel picture needs much memory
        images = tf.constant(noise[start : start + 4])
        with tf.GradientTape() as tape:
            tape.watch(images)
            maps = read(images)[1][name]
            if maps.shape.rank != 4:
                raise ValueError(f"layer {name!r} gives {tuple(maps.shape)}, not maps (batch, height, width, channels)")
            middle = maps.shape[1] // 2 + ahead
            if middle >= maps.shape[1]:
                return None
            score = tf.reduce_sum(maps[:, middle, maps.shape[2] // 2])
        gradient = tape.gradient(score, images)
        seen |= tf.reduce_any(gradient != 0, axis=(0, 2, 3)).numpy()
    rows = np.flatnonzero(seen)
    return rows if len(rows) else None
