"""A `tf.data.Dataset` of pictures and padded boxes whose order, views and sizes depend on seed and epoch alone."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from data.arguments import number_pair, one_of, whole_number
from yolo.datasets.records import DetectionData

if TYPE_CHECKING:
    import tensorflow as tf

NOTHING = -1
"""The class of a row that only fills a batch up."""
# Beside the seed, so that order, sizes and views do not draw the same numbers.
_ORDER, _SIZES = 1, 2


def batches(
    data: DetectionData,
    size: int | Sequence[int],
    batch: int,
    sizes: Sequence[int | Sequence[int]] | None,
    every: int,
    seed: int | None,
    augment: Callable[..., Any] | None,
    epoch: int | Callable[[], int] | None,
    max_boxes: int | None,
    dtype: str,
    drop_remainder: bool,
) -> tf.data.Dataset:
    """See `DetectionData.as_tf_data`."""
    sides = [number_pair("size", size)] if sizes is None else [number_pair("sizes", one) for one in sizes]
    batch, every = whole_number("batch", batch), whole_number("every", every)
    seed = None if seed is None else whole_number("seed", seed, 0)
    one_of("dtype", dtype, ("float32", "uint8"))
    if augment is not None and not callable(augment):
        raise TypeError(
            f"augment is {augment!r}; a function of data, index, seed and size is wanted, as yolo.augment.augment"
        )
    if not sides:
        raise ValueError("sizes is empty; at least one size is wanted")
    for name, given in (("augment", augment), ("sizes", sizes)):
        if given is not None and seed is None:
            raise ValueError(f"{name} is given and seed is not; it draws at random, so give seed=")
    if not len(data):
        raise ValueError("there are no images")
    rows = _room(data, augment is not None, max_boxes)

    import tensorflow as tf

    from yolo.augment.views import letterboxed, view_of

    count, next_pass = len(data), pass_after_pass(len(data), seed, epoch)
    length = count // batch if drop_remainder else -(-count // batch)
    if not length:
        raise ValueError(f"batch is {batch} and drop_remainder True with {count} images: nothing would be left")

    def order() -> np.ndarray:
        """Index, number of the view, and size of each picture of a pass."""
        now, indices = next_pass()
        steps = now * length + np.arange(count) // batch
        chosen = [sides[size_at(seed, int(step) // every, len(sides))] for step in steps]
        return np.column_stack([indices, now * count + indices, chosen]).astype(np.int64)

    def read(row: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        index, number, *wanted = row.tolist()
        if augment is None:
            view = letterboxed(view_of(data[index]), wanted)
        else:
            view = augment(data, index, (seed, number), tuple(wanted))
        name, image = data[index].name, view.image
        if image.shape != (*wanted, 3) or image.dtype != np.uint8:
            raise ValueError(f"augment made {image.dtype} {image.shape} of {name}; uint8 {(*wanted, 3)} is wanted")
        if len(view.boxes) > rows:
            raise ValueError(f"a view of {name} has {len(view.boxes)} boxes and max_boxes is {rows}; give a larger one")
        return image, *_padded(view, rows)

    def one_pass(_: tf.Tensor) -> tf.data.Dataset:
        pairs = tf.ensure_shape(tf.numpy_function(order, [], tf.int64), (count, 4))
        return tf.data.Dataset.from_tensor_slices(pairs)

    def element(row: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        # not Dataset.from_generator: in TensorFlow 2.21 it sets malloc's trim threshold for the whole process, which
        # halves the speed of training on a CPU
        kinds = [tf.uint8, tf.float32, tf.int32, tf.float32]
        image, boxes, classes, weights = tf.numpy_function(read, [row], kinds)
        known = sides[0] if len(set(sides)) == 1 else (None, None)
        truth = {
            "boxes": tf.ensure_shape(boxes, (rows, 4)),
            "classes": tf.ensure_shape(classes, (rows,)),
            "weights": tf.ensure_shape(weights, (rows,)),
        }
        return tf.ensure_shape(image, (*known, 3)), truth

    dataset = tf.data.Dataset.range(1).flat_map(one_pass)
    dataset = dataset.map(element, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    dataset = dataset.batch(batch, drop_remainder)
    if dtype == "float32":
        dataset = dataset.map(lambda images, truth: (tf.cast(images, tf.float32) / 255, truth))
    return dataset.apply(tf.data.experimental.assert_cardinality(length)).prefetch(tf.data.AUTOTUNE)


def pass_after_pass(
    count: int, seed: int | None, epoch: int | Callable[[], int] | None
) -> Callable[[], tuple[int, np.ndarray]]:
    """A function that gives, whenever a pass begins, the number of its epoch and the order of ``count`` pictures.

    Raises:
        TypeError, ValueError: an epoch that is neither None nor a whole number from 0 on nor a function.
    """
    epoch = epoch if epoch is None or callable(epoch) else whole_number("epoch", epoch, 0)
    passes = itertools.count()

    def next_pass() -> tuple[int, np.ndarray]:
        now = next(passes) if epoch is None else epoch() if callable(epoch) else epoch
        if seed is None:
            return now, np.arange(count)
        return now, np.random.default_rng((seed, now, _ORDER)).permutation(count)

    return next_pass


def size_at(seed: int | None, turn: int, count: int) -> int:
    """Which of ``count`` sizes a network sees in a turn of so many batches; seed and turn alone decide."""
    return 0 if count == 1 else int(np.random.default_rng((seed, turn, _SIZES)).integers(count))


def _room(data: DetectionData, augmented: bool, max_boxes: int | None) -> int:
    """Rows for boxes, enough for every view; and refuse at the door what could not be read later."""
    from yolo.augment.random_views import PICTURES
    from yolo.augment.views import refuse_empty
    from yolo.boxes import clip

    for record in data:
        if record.size is not None:  # otherwise when it is read
            refuse_empty(record, clip(record.boxes, record.size).boxes)
    fullest = max(data, key=len)
    if max_boxes is None:
        return max(1, len(fullest) * (PICTURES if augmented else 1))
    if whole_number("max_boxes", max_boxes) < len(fullest):
        raise ValueError(f"max_boxes is {max_boxes} and {fullest.name} has {len(fullest)} boxes; none is to be lost")
    return max_boxes


def _padded(view: Any, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    boxes, classes = np.zeros((rows, 4), np.float32), np.full(rows, NOTHING, np.int32)
    weights, count = np.zeros(rows, np.float32), len(view.boxes)
    boxes[:count], classes[:count], weights[:count] = view.boxes, view.classes, view.weights
    return boxes, classes, weights
