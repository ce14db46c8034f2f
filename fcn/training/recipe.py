"""What decides the result of a training, as JSON can hold it: a folder is not taken for that of another training."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from data.training import network_in_words, update_with_array, words

if TYPE_CHECKING:
    import keras

    from fcn.datasets import SegmentationData

VIEWS = 6  # of the first epoch, by which an augmentation is known


def recipe(
    network: keras.Model,
    data: SegmentationData,
    phases: Sequence[Any],
    loss: keras.losses.Loss,
    *,
    validation: SegmentationData | None,
    size: int | Sequence[int] | None,
    augment: Callable[[Any, Any, Any], tuple[Any, Any]] | None,
    seed: int,
    **numbers: Any,
) -> dict[str, Any]:
    """Arguments of `fcn.training.train`, each in a few words.

    Not in it: the network's first weights (they are in the checkpoint), and what a function ``augment`` is made of. An
    augmentation is known by its name, its arguments if it is a `functools.partial`, and by what it makes of the first
    pairs.

    Raises:
        ValueError: ``augment`` makes different views with the same seed.
        OSError: a file of the data is missing.
    """
    import keras

    return {
        "network": network_in_words(network),
        "data": data_in_words(data),
        "validation": validation and data_in_words(validation),
        "phases": [vars(phase) for phase in phases],
        "loss": json.dumps(keras.saving.serialize_keras_object(loss), sort_keys=True, default=words),
        "size": size if size is None else np.asarray(size).tolist(),
        "augment": augment and words(augment),
        "views": augment and views_in_numbers(data, size, seed, augment),
        "seed": seed,
        "replicas": network.distribute_strategy.num_replicas_in_sync,
        **numbers,
    }


def data_in_words(data: SegmentationData) -> str:
    """Number of pairs, and a digest of them: the contents of arrays, of files the name and the length."""
    digest = hashlib.sha256()
    meaning = (data.class_names, data.void, data.ids, data.void_ids, data.by_colour, data.unknown)
    colours = (data.colours, data.void_colours) if data.by_colour else ()
    digest.update(repr([list(one) if isinstance(one, Sequence) else one for one in meaning]).encode())
    digest.update(repr([np.asarray(one).tolist() for one in colours]).encode())
    for index in range(len(data)):
        digest.update(data.name(index).encode())
        for source in (data.images[index], data.labels[index]):
            if isinstance(source, np.ndarray):
                update_with_array(digest, source)
            else:
                digest.update(str(os.stat(source).st_size).encode())
    return f"{len(data)} pairs, {digest.hexdigest()[:16]}"


def views_in_numbers(
    data: SegmentationData,
    size: int | Sequence[int] | None,
    seed: int,
    augment: Callable[[Any, Any, Any], tuple[Any, Any]],
) -> list[int]:
    """Mean grey of the left and the right half of the first views, and the mean label: whole numbers.

    Whole, as another processor may differ in the last digits.

    Raises:
        ValueError: it makes other views the second time.
    """
    import tensorflow as tf

    plain = data.as_tf_data(size, None, seed=seed, epoch=0, dtype="uint8").take(VIEWS)
    for index, (image, label) in enumerate(plain):
        # Outside of a graph: there, a random function under a seed of TensorFlow's gives the same in each new one.
        once, again = (augment(image, label, tf.constant([seed, index], tf.int64)) for _ in range(2))
        if not all(np.array_equal(one, other) for one, other in zip(once, again)):
            raise ValueError(
                f"augment {words(augment)} makes different views with the same seed; with run= it must draw all by "
                "its third argument (tf.random.stateless_uniform), or a training could not go on as it began"
            )
    views = data.as_tf_data(size, None, seed=seed, augment=augment, epoch=0).take(VIEWS)
    pairs = [(image.numpy(), label.numpy()) for image, label in views]
    halves = [(image[:, : image.shape[1] // 2], image[:, image.shape[1] // 2 :], label) for image, label in pairs]
    return [round(float(half.mean())) if half.size else 0 for parts in halves for half in parts]
