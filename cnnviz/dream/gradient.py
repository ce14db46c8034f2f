"""The gradient that a dream climbs: of what layers say about a picture, by its pixels, tile by tile."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from cnnviz.compiled import Compiled
from cnnviz.derivatives import forward
from cnnviz.dream.tiles import Tile
from cnnviz.layers import find_layer
from cnnviz.models import Classifier
from cnnviz.targets import keras_model

if TYPE_CHECKING:
    import keras

Layers: TypeAlias = "str | keras.Layer | Sequence[str | keras.Layer] | Mapping[str | keras.Layer, float]"
"""One layer, several, or several with their weights."""


class Wish(NamedTuple):
    """What a dream wants more of; made by `wish`.

    Attributes:
        network: the model.
        scale: float RGB in 0..255 to what it takes, or None.
        weights: of each layer, by the name that it was asked for by.
        paths: the same layers' paths.
        channels: the only channels that count, int32; none for all.
        guides: for each layer the activation vectors of the guide, ``(cells, channels)``; none without a guide.
        fixed: height and width of the pictures that the model takes; None where it takes any.
    """

    network: keras.Model
    scale: Callable[[Any], Any] | None
    weights: dict[str, float]
    paths: tuple[str, ...]
    channels: np.ndarray
    guides: tuple[np.ndarray, ...]
    fixed: tuple[int | None, int | None]


def wish(
    model: keras.Model | Classifier,
    layers: Layers,
    channel: int | Sequence[int] | None = None,
    guide: np.ndarray | None = None,
    scale: Callable[[Any], Any] | None = None,
) -> Wish:
    """Check, at the door, what is dreamt of.

    Args:
        model: see `cnnviz.dream.dream`.
        layers: see there.
        channel: see there.
        guide: float32 RGB ``(height, width, 3)`` in 0..255, of a size that the model takes.
        scale: see `cnnviz.dream.dream`.

    Raises:
        ValueError: an unknown layer, a weight or channel that is none, a channel together with a guide or several
            layers, or a model that does not take one RGB picture.
        TypeError: not a model, not layers, weights or channels that are not numbers.
    """
    network = keras_model(model)
    scale = model.scale if scale is None and isinstance(model, Classifier) else scale
    weights = _weights(network, layers)
    paths = tuple(find_layer(network, name)[0] for name in weights)
    channels = [] if channel is None else [channel] if np.ndim(channel) == 0 else list(channel)
    for one in channels:
        if isinstance(one, (bool, np.bool_)) or not isinstance(one, (int, np.integer)):
            raise TypeError(f"channel is {channel!r}; the number of a channel, or a list of them, is wanted")
        if one < 0:
            raise ValueError(f"channel is {one}; channels are numbered from 0")
    if channel is not None and not channels:
        raise ValueError("channel is an empty list; None stands for all channels")
    if channels and (len(paths) > 1 or guide is not None):
        raise ValueError("channel picks from one layer, without a guide; leave out the other layers or the guide")
    found = Wish(network, scale, weights, paths, np.array(channels, np.int32), (), fixed_size(network))
    if guide is not None:
        vectors = Compiled(_vectors, network, (paths,), scale)(guide[None])
        found = found._replace(guides=tuple(np.asarray(one) for one in vectors))
    return found


def _weights(network: keras.Model, layers: Layers) -> dict[str, float]:
    import keras

    if isinstance(layers, Mapping):
        chosen = list(layers.items())
    elif isinstance(layers, (str, keras.Layer)):
        chosen = [(layers, 1.0)]
    elif isinstance(layers, Sequence):
        chosen = [(layer, 1.0) for layer in layers]
    else:
        raise TypeError(
            f"layers is {layers!r}; a layer, a list of them, or a dictionary from layer to weight is wanted"
        )
    if not chosen:
        raise ValueError("layers is empty; name at least one")
    weights: dict[str, float] = {}
    for layer, weight in chosen:
        name = layer if isinstance(layer, str) else find_layer(network, layer)[0]
        if isinstance(weight, (bool, str)) or np.ndim(weight) or not np.isrealobj(weight):
            raise TypeError(f"the weight of {name!r} is {weight!r}; a number is wanted")
        weights[name] = float(weight)
    if not all(map(np.isfinite, weights.values())) or not any(weights.values()):
        raise ValueError(f"the layers' weights are {weights}; finite numbers, not all of them 0, are wanted")
    return weights


def fixed_size(network: keras.Model) -> tuple[int | None, int | None]:
    """Height and width of the one RGB picture that a model takes; None where it takes any.

    Raises:
        ValueError: it takes something else.
    """
    try:
        shape = network.input_shape
    except AttributeError:  # a subclassed model takes what it is given
        return None, None
    if not isinstance(shape, tuple) or len(shape) != 4 or shape[3] not in (3, None):
        raise ValueError(f"{network.name!r} takes {shape}; only a model of one RGB picture, channels last, can dream")
    return shape[1], shape[2]


def dream_gradient(
    wanted: Wish, picture: np.ndarray, tiles: Sequence[Tile], told: Callable[[], Any] | None = None
) -> tuple[np.ndarray, dict[str, float]]:
    """Which way each pixel has to go, and how far the wish is fulfilled.

    The gradient of each layer is divided by its L1 norm, the mean of its absolute values over the whole picture, before
    it is weighted and added to the others; and so is the sum. So weights are shares, whatever the layers' scales.

    Args:
        wanted: from `wish`.
        picture: float32 RGB ``(height, width, 3)`` in 0..255.
        tiles: from `cnnviz.dream.tiles.cut`, for the picture's size.
        told: called after every tile.

    Returns:
        float32 ``(height, width, 3)``, its mean absolute value 1 (0 where no layer answers at all), and for each layer
        its objective: the mean over the tiles.

    Raises:
        ValueError: no such channel; a layer that the picture does not reach, or whose maps vanish; a picture too small.

    Source: the slide's ``I <- eps(I + eta * sum grad f_A(I))``; Mordvintsev et al., "Inceptionism", 2015 (the notebook
        divides by the mean absolute value, too).
    """
    run = Compiled(_slopes, wanted.network, (wanted.paths, len(wanted.channels) > 0), wanted.scale)
    slopes = np.empty((len(wanted.paths), *picture.shape), np.float32)
    objectives, norms = np.zeros((2, len(wanted.paths)))
    for tile in tiles:
        values, counts, slope = run(picture[tile.read][None], wanted.channels, wanted.guides)
        if len(wanted.channels) and wanted.channels.max() >= (count := int(counts[0])):
            known = f"layer {wanted.paths[0]!r} has the channels 0 to {count - 1}"
            raise ValueError(f"channel is {wanted.channels.max()}; {known}")
        objectives += np.asarray(values) / len(tiles)
        kept = np.asarray(slope)[:, *tile.kept]
        slopes[:, *tile.written] = kept
        norms += np.abs(kept).sum(axis=(1, 2, 3), dtype=np.float64)
        if told:
            told()
    if not np.isfinite(norms).all():
        raise ValueError(f"the gradient of {wanted.network.name!r} holds NaN or infinity; float16 overflows here")
    total = slopes[0]
    for index, weight in enumerate(wanted.weights.values()):
        share = weight / (norms[index] / picture.size) if norms[index] else 0.0
        slopes[index] *= np.float32(share)
        if index:
            total += slopes[index]
    if len(slopes) > 1 or weight != 1:
        total /= np.abs(total).mean() or 1
    return total, dict(zip(wanted.weights, objectives.tolist(), strict=True))


def _slopes(
    model: keras.Model,
    scale: Callable | None,
    notes: dict,
    paths: Sequence[str],
    some: bool,
    pixels: Any,
    channels: Any,
    guides: Sequence[Any],
) -> tuple[Any, Any, Any]:
    """The body that is compiled: objectives and numbers of channels ``(layers,)``, gradients ``(layers, h, w, 3)``."""
    import tensorflow as tf

    eager = tf.executing_eagerly()
    with tf.GradientTape(persistent=True) if eager else contextlib.nullcontext() as tape:
        pixels = tf.convert_to_tensor(pixels)
        if eager:
            tape.watch(pixels)
        maps = _maps(model, scale, paths, pixels)
        counts = [tf.shape(one)[-1] for one in maps]
        if some:
            # A product rather than a gather: a channel too large is refused afterwards, in words.
            chosen = tf.reduce_max(tf.one_hot(channels, counts[0]), axis=0)
            share = tf.reduce_sum(chosen) / tf.cast(counts[0], tf.float32)
            values = [tf.math.divide_no_nan(tf.reduce_mean(maps[0] ** 2 * chosen), share)]
        elif guides:
            values = [_likeness(one, guide) for one, guide in zip(maps, guides, strict=True)]
        else:
            values = [tf.reduce_mean(one**2) for one in maps]
    slopes = [tape.gradient(value, pixels) if eager else tf.gradients(value, pixels)[0] for value in values]
    for path, slope in zip(paths, slopes, strict=True):
        if slope is None:
            raise ValueError(f"layer {path!r} does not depend on the picture, or not differentiably")
    return tf.stack(values), tf.stack(counts), tf.concat(slopes, axis=0)


def _vectors(model: keras.Model, scale: Callable | None, notes: dict, paths: Sequence[str], pixels: Any) -> list[Any]:
    """The body that is compiled: the activation vectors of every cell, ``(cells, channels)``, of each layer."""
    import tensorflow as tf

    return [tf.reshape(one, (-1, tf.shape(one)[-1])) for one in _maps(model, scale, paths, pixels)]


def _maps(model: keras.Model, scale: Callable | None, paths: Sequence[str], pixels: Any) -> list[Any]:
    """The activations of each layer, float32, for pixels in 0..255; a dense layer is one cell."""
    import tensorflow as tf

    _, activations = forward(model, pixels if scale is None else scale(pixels), paths)
    for path in paths:
        maps = activations[path]
        if not tf.is_tensor(maps) or not maps.dtype.is_floating or maps.shape.rank not in (2, 4):
            raise ValueError(f"layer {path!r} does not return maps; name a convolutional one")
        if 0 in maps.shape:
            raise ValueError(f"the picture is too small: nothing is left of it at layer {path!r}")
    return [tf.cast(activations[path], tf.float32) for path in paths]


def _likeness(maps: Any, guide: Any) -> Any:
    """The mean, over the cells, of the dot product with that vector of the guide with which it is largest."""
    import tensorflow as tf

    def best(row: Any) -> Any:
        return tf.gather(guide, tf.argmax(tf.matmul(row, guide, transpose_b=True), axis=-1))

    rows = tf.reshape(maps, (-1, tf.shape(maps)[-2], tf.shape(maps)[-1])) if maps.shape.rank == 4 else maps[:, None]
    # Row by row: all dot products of an early layer at once would not fit into memory. As in the original notebook
    # the choice itself is not differentiated.
    matches = tf.stop_gradient(tf.map_fn(best, tf.stop_gradient(rows)))
    return tf.reduce_mean(tf.reduce_sum(rows * matches, axis=-1))
