"""A `tf.data.Dataset` of pairs whose order and views depend on seed and epoch alone."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from data.arguments import number_pair, one_of, whole_number
from fcn.datasets.pairs import SegmentationData, resized

if TYPE_CHECKING:
    import tensorflow as tf

_EXIF_ORIENTATION = 0x0112  # 5..8: the picture lies on its side


def batches(
    data: SegmentationData,
    size: int | Sequence[int] | None,
    batch: int | None,
    seed: int | None,
    augment: Callable[[Any, Any, Any], tuple[Any, Any]] | None,
    epoch: int | Callable[[], int] | None,
    dtype: str,
    drop_remainder: bool,
) -> tf.data.Dataset:
    """See `SegmentationData.as_tf_data`."""
    size = None if size is None else number_pair("size", size)
    batch = None if batch is None else whole_number("batch", batch)
    seed = None if seed is None else whole_number("seed", seed, 0)
    epoch = epoch if epoch is None or callable(epoch) else whole_number("epoch", epoch, 0)
    one_of("dtype", dtype, ("float32", "uint8"))
    if augment is not None and not callable(augment):
        raise TypeError(
            f"augment is {augment!r}; a function of image, label and seed is wanted, as fcn.augment.augment"
        )
    if augment is not None and seed is None:
        raise ValueError("augment is given and seed is not; it draws at random, so give seed=")
    sizes = {size: 0} if size else image_sizes(data)

    import tensorflow as tf

    count, passes = len(data), itertools.count()
    length = count

    def order() -> np.ndarray:
        now = next(passes) if epoch is None else epoch() if callable(epoch) else epoch
        indices = np.arange(count) if seed is None else np.random.default_rng((seed, now)).permutation(count)
        return np.stack([indices, now * count + indices], axis=1)

    def read(index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return resized(*data[int(index)], size)

    def one_pass(_: tf.Tensor) -> tf.data.Dataset:
        pairs = tf.ensure_shape(tf.numpy_function(order, [], tf.int64), (count, 2))
        return tf.data.Dataset.from_tensor_slices(pairs)

    def element(pair: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        # not Dataset.from_generator: in TensorFlow 2.21 it sets malloc's trim threshold for the whole process, which
        # halves the speed of training on a CPU
        image, label = tf.numpy_function(read, [pair[0]], [tf.uint8, tf.uint8])
        sides = next(iter(sizes)) if len(sizes) == 1 else (None, None)
        image, label = tf.ensure_shape(image, (*sides, 3)), tf.cast(tf.ensure_shape(label, sides), tf.int32)
        if augment is not None:
            image, label = augment(image, label, tf.stack([tf.constant(seed, tf.int64), pair[1]]))
        if dtype == "uint8" and image.dtype != tf.uint8:
            image = tf.round(tf.clip_by_value(image, 0, 255))
        return tf.cast(image, dtype), tf.cast(label, tf.int32)

    dataset = tf.data.Dataset.range(1).flat_map(one_pass)
    dataset = dataset.map(element, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    if batch is not None:
        if batch > 1 and len(sizes) > 1 and not dataset.element_spec[0].shape.is_fully_defined():
            (first, i), (second, j) = list(sizes.items())[:2]
            raise ValueError(
                f"images have {len(sizes)} sizes, {data.name(i)} {first[0]} x {first[1]} and {data.name(j)} "
                f"{second[0]} x {second[1]} (height x width); for batches give size=, or a crop in augment, or batch=1"
            )
        dataset = dataset.batch(batch, drop_remainder)
        length = count // batch if drop_remainder else -(-count // batch)
    if not length:
        raise ValueError(f"batch is {batch} and drop_remainder True with {len(data)} pairs: nothing would be left")
    return dataset.apply(tf.data.experimental.assert_cardinality(length)).prefetch(tf.data.AUTOTUNE)


def image_sizes(data: SegmentationData) -> dict[tuple[int, int], int]:
    """Every ``(height, width)`` among the images and the first image that has it; of files only headers are read.

    An image whose header cannot be read is left out: reading it says why.
    """
    sizes: dict[tuple[int, int], int] = {}
    for index, source in enumerate(data.images):
        if isinstance(source, np.ndarray):
            sides = source.shape[:2]
        else:
            try:
                with Image.open(source) as picture:
                    lying = picture.getexif().get(_EXIF_ORIENTATION, 1) >= 5
                    sides = picture.size if lying else picture.size[::-1]
            except (OSError, ValueError, SyntaxError):
                continue
        sizes.setdefault(tuple(sides), index)
    return sizes
