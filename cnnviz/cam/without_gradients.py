"""The class activation maps that need no gradient: they try out what each map is worth, or do not ask at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnviz.cam.default_layer import last_maps
from cnnviz.cam.heat_maps import check_maps, scaled
from cnnviz.compiled import Compiled
from cnnviz.derivatives import as_batch, derivatives, forward, scores_given
from cnnviz.models import Classifier
from cnnviz.taps import check_batch, taps
from cnnviz.targets import Target, class_logits, keras_model

if TYPE_CHECKING:
    import keras


def score_cam(
    model: keras.Model | Classifier,
    images: Any,
    target: Target = None,
    layer: str | keras.Layer | None = None,
    *,
    relu: bool = True,
    normalise: bool = True,
    channels: int | None = None,
    batch_size: int = 32,
    verbose: bool = True,
) -> np.ndarray:
    """Score-CAM: show the network only what one map lights up, and weigh the map by what it then says.

        S = sum_k w_k A_k,    w_k ~ p_c(X * H_k),    H_k = (A_k - min A_k) / (max A_k - min A_k), upsampled

    p_c is the probability of the class: the softmax of the model's logits, taken once, wherever the model ends (of one
    with sigmoids at its end, or with a single output, the sigmoid). The weights are divided by their sum. A map that
    is constant hides and shows nothing, so it has the weight 0. What is hidden is zero for the model: grey, for one
    that takes -1..1.

    Args:
        model: any model that `cnnviz.taps` takes, or a `Classifier`.
        images: as the model takes them, ``(batch, height, width, channels)`` or one image.
        target: see `cnnviz.targets.Target`; the weights of a function are its values as they are.
        layer: whose maps are weighed; by default the last ones, see `cnnviz.cam.last_maps`.
        relu: keep only what is positive.
        normalise: divide each map by its maximum.
        channels: take only so many maps, those of the largest variance; all by default. Every one costs a pass.
        batch_size: how many masked images go through the model at once.
        verbose: show a progress bar.

    Returns:
        float32 ``(batch, rows, columns)``; of a single image ``(rows, columns)``.

    Raises:
        ValueError: as for `cnnviz.derivatives.derivatives`, or less than one channel or image at once.

    Source: Wang et al. 2020, equation 7 and algorithm 1; p rather than the logit: section 3.3.
    """
    _check_counts(channels=channels, batch_size=batch_size)
    (images, single), network = as_batch(images), keras_model(model)
    layer = last_maps(model, images) if layer is None else layer
    found = derivatives(model, images, target, by_image=False, layers=[layer])
    (activations,) = found.activations.values()
    check_maps(activations, layer)
    images = check_batch(network, images)
    lowest, highest = activations.min(axis=(1, 2)), activations.max(axis=(1, 2))
    masks = activations - lowest[:, None, None]
    masks /= np.where(highest > lowest, highest - lowest, 1)[:, None, None]
    wanted = highest > lowest
    if channels is not None:
        ranks = np.argsort(np.argsort(-activations.var(axis=(1, 2)), axis=1, kind="stable"), axis=1)
        wanted &= ranks < channels
    run = Compiled(_score_masked, network, (), target if callable(target) else None)
    weights = np.zeros(wanted.shape, np.float32)
    for index, chosen, count in _chunks(wanted, batch_size, verbose, "Score-CAM"):
        masked = run(images[index : index + 1], masks[index][..., chosen], found.classes[index])
        weights[index, chosen[:count]] = np.asarray(masked)[:count]
    if not callable(target):
        sums = weights.sum(axis=1, keepdims=True)
        weights /= np.where(sums > 0, sums, 1)
    maps = scaled(np.einsum("nijk,nk->nij", activations, weights), relu, normalise)
    return maps[0] if single else maps


def ablation_cam(
    model: keras.Model | Classifier,
    images: Any,
    target: Target = None,
    layer: str | keras.Layer | None = None,
    *,
    relu: bool = True,
    normalise: bool = True,
    batch_size: int = 32,
    verbose: bool = True,
) -> np.ndarray:
    """Ablation-CAM: set one map to zero, and weigh it by how far the score falls.

        S = sum_k w_k A_k,    w_k = y_c - y_c(A_k = 0)

    The paper divides w_k by y_c. That is one number for all maps, so S / S_max does not know of it, except that it
    would turn the map round where the score is negative; it is left out. Only what lies behind the layer is computed
    again.

    Args:
        model: any model that `cnnviz.taps` takes, or a `Classifier`.
        images: as the model takes them, ``(batch, height, width, channels)`` or one image.
        target: see `cnnviz.targets.Target`.
        layer: whose maps are weighed; by default the last ones, see `cnnviz.cam.last_maps`.
        relu: keep only what is positive.
        normalise: divide each map by its maximum.
        batch_size: how many variants of the maps are scored at once.
        verbose: show a progress bar.

    Returns:
        float32 ``(batch, rows, columns)``; of a single image ``(rows, columns)``.

    Raises:
        ValueError: as for `cnnviz.derivatives.derivatives`, or less than one variant at once.

    Source: Desai and Ramaswamy 2020, equations 3 and 4.
    """
    _check_counts(batch_size=batch_size)
    images, single = as_batch(images)
    layer = last_maps(model, images) if layer is None else layer
    found = derivatives(model, images, target, by_image=False, layers=[layer])
    (activations,) = found.activations.values()
    check_maps(activations, layer)
    wanted = activations.any(axis=(1, 2))  # a map that is zero already loses nothing
    weights = np.zeros(wanted.shape, np.float32)
    for index, chosen, count in _chunks(wanted, batch_size, verbose, "Ablation-CAM"):
        ablated = np.repeat(activations[index : index + 1], len(chosen), axis=0)
        ablated[np.arange(len(chosen)), ..., chosen] = 0
        same = np.repeat(np.asarray(images[index : index + 1]), len(chosen), axis=0)
        what = target if callable(target) else int(found.classes[index])
        without = scores_given(model, same, layer, ablated, what)
        weights[index, chosen[:count]] = found.scores[index] - without[:count]
    maps = scaled(np.einsum("nijk,nk->nij", activations, weights), relu, normalise)
    return maps[0] if single else maps


def eigen_cam(
    model: keras.Model | Classifier,
    images: Any,
    target: Target = None,
    layer: str | keras.Layer | None = None,
    *,
    relu: bool = True,
    normalise: bool = True,
) -> np.ndarray:
    """Eigen-CAM: the first principal component of the maps: what they show most of, whatever class that speaks for.

        A = U S V^T  (a row for each cell, a column for each channel),    map = A v_1

    It does not know the class: ``target`` is accepted, so that all methods can be called alike, and makes no
    difference. The maps are not centred, as in the paper. A principal component has no sign; this one is taken so that
    the map's sum is positive, which it is for free behind a ReLU.

    Args:
        model: any model that `cnnviz.taps` takes, or a `Classifier`.
        images: as the model takes them, ``(batch, height, width, channels)`` or one image.
        target: makes no difference.
        layer: whose maps are looked at; by default the last ones, see `cnnviz.cam.last_maps`.
        relu: keep only what is positive.
        normalise: divide each map by its maximum.

    Returns:
        float32 ``(batch, rows, columns)``; of a single image ``(rows, columns)``.

    Raises:
        ValueError: as for `cnnviz.taps.taps`.

    Source: Muhammad and Yeasin 2020, section III.
    """
    images, single = as_batch(images)
    layer = last_maps(model, images) if layer is None else layer
    network = keras_model(model)
    (activations,) = taps(network, layer, outputs=False, differentiable=False)(images)[1].values()
    activations = np.asarray(activations, np.float64)
    check_maps(activations, layer)
    batch, rows, columns, channels = activations.shape
    flat = activations.reshape(batch, rows * columns, channels)
    # The eigenvectors of the smaller of A A^T and A^T A: seconds less than the singular values of A.
    if rows * columns <= channels:
        values, vectors = np.linalg.eigh(flat @ flat.transpose(0, 2, 1))
        maps = vectors[..., -1] * np.sqrt(np.maximum(values[:, -1:], 0))
    else:
        _, vectors = np.linalg.eigh(flat.transpose(0, 2, 1) @ flat)
        maps = (flat @ vectors[..., -1:])[..., 0]
    maps = np.where(maps.sum(axis=1, keepdims=True) < 0, -maps, maps)
    maps = scaled(maps.reshape(batch, rows, columns), relu, normalise)
    return maps[0] if single else maps


def _score_masked(model: keras.Model, target: Any, notes: dict, image: Any, masks: Any, index: Any) -> Any:
    """The body that is compiled: what the model says of one image under each mask."""
    import tensorflow as tf

    masks = tf.transpose(tf.cast(masks, image.dtype), (2, 0, 1))[..., None]
    masks = tf.cast(tf.image.resize(masks, tf.shape(image)[1:3]), image.dtype)
    outputs, _ = forward(model, image * masks)
    if target is not None:
        return tf.cast(target(outputs), tf.float32)
    logits = class_logits(outputs)
    probabilities = tf.cast(outputs, tf.float32)
    ready = logits is not outputs  # the model makes probabilities itself
    if tf.executing_eagerly():  # its operations are not to be seen: do its outputs look like probabilities?
        ready = bool(tf.reduce_all(probabilities >= 0) & tf.reduce_all(tf.abs(tf.reduce_sum(outputs, -1) - 1) < 1e-3))
    single = outputs.shape[-1] == 1
    if not ready:
        probabilities = tf.sigmoid(probabilities) if single else tf.nn.softmax(probabilities)
    if single:
        probabilities = tf.concat([1 - probabilities, probabilities], axis=-1)
    return tf.gather(probabilities, index, axis=-1)


def _chunks(wanted: np.ndarray, batch_size: int, verbose: bool, what: str) -> Iterator[tuple[int, np.ndarray, int]]:
    """Go through the channels of all images in pieces of one size, so that one graph serves all.

    Args:
        wanted: bool ``(batch, channels)``.
        batch_size: the largest piece.
        verbose: show a progress bar.
        what: its name.

    Yields:
        The image, channels, and how many of these count: the last ones of a piece may be repeated to fill it.
    """
    from tqdm.auto import tqdm

    size = min(batch_size, wanted.shape[1])
    with tqdm(total=int(wanted.sum()), desc=what, unit="map", disable=not verbose, leave=False) as progress:
        for index, row in enumerate(wanted):
            chosen = np.flatnonzero(row)
            for start in range(0, len(chosen), size):
                piece = chosen[start : start + size]
                yield index, np.resize(piece, size), len(piece)
                progress.update(len(piece))


def _check_counts(**counts: int | None) -> None:
    for name, count in counts.items():
        if count is not None and count < 1:
            raise ValueError(f"{name} is {count}; at least 1 is wanted")
