"""Which pixels an activation can see, measured with the gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cnnviz.layers import find_layer
from cnnviz.taps import Taps, taps
from data.receptive_field import Pair, ReceptiveField

if TYPE_CHECKING:
    import keras

LARGEST = 1024  # pixels by which a picture is made larger, at most, to find the end of a field


def receptive_field(
    model: keras.Model,
    layer: str | keras.Layer,
    *,
    size: int | Pair | None = None,
    trials: int = 8,
    seed: int = 0,
) -> ReceptiveField:
    """Measure the receptive field of a layer of any model.

    The pixels at which the gradient of one activation (summed over the channels) is not zero are those it sees. A
    rectifier or a maximum hides some of them for one picture, so the pixels are collected over several of noise.

    Args:
        model: any model of one image that `cnnviz.taps` takes.
        layer: see `cnnviz.layers.find_layer`.
        size: side of the images in pixels, or ``(height, width)``. Where a stride meets padding ("same"), the start
            depends on it; the model's own size, or 128, by default.
        trials: how many pictures of noise.
        seed: of the noise.

    Returns:
        Size, stride and start. Along a direction in which the field does not fit into the image that the model takes,
        ``size`` is that image's side and ``stride`` 0: every activation sees, or may see, all of it.

    Raises:
        ValueError: no such layer, its output is no map ``(batch, height, width, channels)``, no gradient reaches the
            image, or the field does not move in equal steps (behind an upsampling).

    Source: Luo et al. 2016, "Understanding the effective receptive field", section 2.
    """
    name, _ = find_layer(model, layer)
    shape = getattr(model, "input_shape", None) or (None, None, None, 3)
    if not (isinstance(shape, tuple) and len(shape) == 4):
        raise ValueError(f"{model.name!r} takes {shape}; a receptive field is that of a model of one image")
    wanted = (size, size) if isinstance(size, int) else size or (128, 128)
    base = [shape[1] or wanted[0], shape[2] or wanted[1]]
    read = taps(model, name, outputs=False)
    generator = np.random.default_rng(seed)

    growth = 0
    while True:
        # By multiples of 64, so that "same" padding falls as it does in an image of the wanted size.
        sides = [side if fixed else side + growth for side, fixed in zip(base, shape[1:3], strict=True)]
        noise = generator.uniform(0, 255, (trials, *sides, shape[3] or 3)).astype(np.float32)
        spans = [_span(read, name, noise[:2], ahead) for ahead in (-1, 1)]
        open_ended = [axis for axis in (0, 1) if _touches(spans, axis, sides[axis])]
        if not any(shape[1 + axis] is None and growth < LARGEST for axis in open_ended):
            break
        growth = max(64, 2 * growth)

    before, here, after = (_span(read, name, noise, ahead) for ahead in (-1, 0, 1))
    if here is None:
        raise ValueError(f"no gradient of layer {name!r} reaches the image; on noise the layer is inactive or constant")
    middle = read(noise[:1])[1][name].shape[1:3]
    found = []
    for axis in (0, 1):
        if axis in open_ended or before is None or after is None:
            found.append((sides[axis], 0, 0))
            continue
        steps = {two[axis][end] - one[axis][end] for one, two in ((before, here), (here, after)) for end in (0, 1)}
        if len(steps) > 1 or 0 in steps:
            raise ValueError(f"the field of layer {name!r} does not move in equal steps: it lies behind an upsampling")
        (step,) = steps
        first, end = here[axis]
        found.append((end - first, step, first - step * (int(middle[axis]) // 2)))
    return ReceptiveField(*(tuple(map(int, pair)) for pair in zip(*found, strict=True)))


def _touches(spans: list, axis: int, side: int) -> bool:
    """Does the field reach the edge of the image, so that more of it may lie outside?"""
    return any(span is None or span[axis][0] == 0 or span[axis][1] == side for span in spans)


def _span(read: Taps, name: str, noise: np.ndarray, ahead: int) -> tuple[Pair, Pair] | None:
    """First and end row, first and end column of the pixels that the activation ``ahead`` of the middle one sees.

    None where there is no such activation, or where it sees nothing.
    """
    import tensorflow as tf

    seen = np.zeros(noise.shape[1:3], bool)
    for start in range(0, len(noise), 4):  # few at a time: a large picture needs much memory
        images = tf.constant(noise[start : start + 4])
        with tf.GradientTape() as tape:
            tape.watch(images)
            maps = read(images)[1][name]
            if maps.shape.rank != 4:
                raise ValueError(f"layer {name!r} gives {tuple(maps.shape)}, not maps (batch, height, width, channels)")
            row, column = maps.shape[1] // 2 + ahead, maps.shape[2] // 2 + ahead
            if not (0 <= row < maps.shape[1] and 0 <= column < maps.shape[2]):
                return None
            score = tf.reduce_sum(maps[:, row, column])
        gradient = tape.gradient(score, images, unconnected_gradients="zero")
        seen |= tf.reduce_any(gradient != 0, axis=(0, 3)).numpy()
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    return ((rows[0], rows[-1] + 1), (columns[0], columns[-1] + 1)) if len(rows) else None
