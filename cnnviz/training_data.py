"""What the embedded classifier is trained on: photographs, random views of them, and batches that can be repeated."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf

VIEW = 112  # side of a stored view in pixels
PHOTOGRAPH = 128  # side at which photographs are read and validated


def read_photographs(folders: Sequence[Path], split: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Read ``FOLDER/split/CLASS/*`` of all folders into memory.

    Args:
        folders: data sets; their classes are put together in order, alphabetical within a folder.
        split: ``"train"`` or ``"val"``.

    Returns:
        uint8 RGB images ``(n, 128, 128, 3)``, integer labels ``(n,)``, class names.

    Raises:
        FileNotFoundError: a folder has no such split.
        ValueError: two folders hold a class of the same name, a class has no pictures, or a picture is damaged.
    """
    import keras
    import tensorflow as tf

    images, labels, class_names = [], [], []
    for folder in folders:
        if not (folder / split).is_dir():
            raise FileNotFoundError(f"{folder / split} is not a folder; expected {folder}/{split}/CLASS/*.jpg")
        if not any(path.is_dir() for path in (folder / split).iterdir()):
            raise FileNotFoundError(f"{folder / split} has no class folders; expected {folder}/{split}/CLASS/*.jpg")
        dataset = keras.utils.image_dataset_from_directory(
            folder / split,
            image_size=(PHOTOGRAPH, PHOTOGRAPH),
            crop_to_aspect_ratio=True,
            batch_size=256,
            shuffle=False,
            verbose=False,
        )
        doubled = set(class_names) & set(dataset.class_names)
        if doubled:
            raise ValueError(f"class {sorted(doubled)[0]!r} is in more than one folder; rename one of the two")
        try:
            for batch, batch_labels in dataset:
                images.append(batch.numpy().round().astype(np.uint8))
                labels.append(batch_labels.numpy() + len(class_names))
        except tf.errors.InvalidArgumentError as error:
            raise ValueError(f"{_damaged(dataset.file_paths)} is not a readable picture; remove it") from error
        class_names += dataset.class_names
        empty = set(range(len(class_names))) - set(np.concatenate(labels).tolist())
        if empty:
            raise ValueError(f"class {class_names[min(empty)]!r} has no pictures in {folder / split}")
    return np.concatenate(images), np.concatenate(labels), class_names


def _damaged(paths: Sequence[str]) -> str:
    """The first of these pictures that TensorFlow cannot decode."""
    import tensorflow as tf

    for path in paths:
        try:
            tf.io.decode_image(tf.io.read_file(path))
        except tf.errors.InvalidArgumentError:
            return path
    return f"one of {len(paths)} pictures"


def random_boxes(
    count: int, generator: np.random.Generator, area: tuple[float, float] = (0.3, 1.0), ratio: float = 4 / 3
) -> np.ndarray:
    """Random crops as normalised ``(y1, x1, y2, x2)``, float32 ``(count, 4)``.

    The area is uniform in ``area``, the ratio of the sides log-uniform in ``1/ratio..ratio``, the place uniform
    (Szegedy et al. 2015, section 6).
    """
    areas = generator.uniform(*area, count)
    ratios = np.exp(generator.uniform(-np.log(ratio), np.log(ratio), count))
    height = np.minimum(np.sqrt(areas * ratios), 1)
    width = np.minimum(np.sqrt(areas / ratios), 1)
    top = generator.uniform(0, 1 - height)
    left = generator.uniform(0, 1 - width)
    return np.stack([top, left, top + height, left + width], axis=1).astype(np.float32)


def cut_views(images: np.ndarray, views: int, seed: int, path: Path) -> np.ndarray:
    """Cut ``views`` random crops out of every image, once: ``(n, views, 112, 112, 3)`` uint8, mapped from ``path``."""
    import tensorflow as tf
    from tqdm.auto import tqdm

    shape = (len(images), views, VIEW, VIEW, 3)
    if path.exists():
        stored = np.load(path, mmap_mode="r")
        if stored.shape == shape:
            return stored
    generator = np.random.default_rng((seed, 1))
    part = path.with_suffix(".part.npy")
    stored = np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=shape)
    for start in tqdm(range(0, len(images), 256), desc="cutting views"):
        batch = images[start : start + 256]
        for view in range(views):
            boxes = random_boxes(len(batch), generator)
            crops = tf.image.crop_and_resize(batch.astype(np.float32), boxes, tf.range(len(batch)), (VIEW, VIEW))
            stored[start : start + len(batch), view] = crops.numpy().round()
    stored.flush()
    os.replace(part, path)
    return np.load(path, mmap_mode="r")


def augment(images: tf.Tensor, size: tf.Tensor, seed: tf.Tensor, smallest: tf.Tensor = 0.8) -> tf.Tensor:
    """Random crop, flip, brightness, contrast, saturation, and now and then grey: one draw for every image.

    Args:
        images: uint8 ``(batch, height, width, 3)``.
        size: side of the result in pixels.
        seed: int32 ``(2,)``; the same seed gives the same pictures.
        smallest: least height and width of a crop, as a share; with 1 and the images' own size no pixel is mixed with
            its neighbours.

    Returns:
        float32 ``(batch, size, size, 3)`` in 0..255.
    """
    import tensorflow as tf

    count = tf.shape(images)[0]

    def uniform(index: int, low: float, high: float) -> tf.Tensor:
        return tf.random.stateless_uniform((count,), seed * (1, 16) + (0, index), low, high)

    height, width = uniform(0, smallest, 1), uniform(1, smallest, 1)
    top, left = uniform(2, 0, 1) * (1 - height), uniform(3, 0, 1) * (1 - width)
    flip = uniform(4, 0, 1) < 0.5
    x1, x2 = tf.where(flip, left + width, left), tf.where(flip, left, left + width)
    boxes = tf.stack([top, x1, top + height, x2], axis=1)
    images = tf.image.crop_and_resize(tf.cast(images, tf.float32), boxes, tf.range(count), (size, size))

    def each(index: int, low: float, high: float) -> tf.Tensor:
        return uniform(index, low, high)[:, None, None, None]

    grey = tf.image.rgb_to_grayscale(images)
    saturation = tf.where(each(5, 0, 1) < 0.1, 0.0, each(6, 0.6, 1.4))
    images = grey + saturation * (images - grey)
    mean = tf.reduce_mean(grey, axis=(1, 2), keepdims=True)
    images = mean * each(7, 0.75, 1.25) + (images - mean) * each(8, 0.7, 1.3)
    return tf.clip_by_value(images, 0, 255)


def training_batches(
    views: np.ndarray,
    targets: np.ndarray,
    batch: int,
    epochs: range,
    sizes: Sequence[int],
    seed: int,
    photographs: np.ndarray | None = None,
) -> tf.data.Dataset:
    """Batches of ``epochs``: in each, every photograph once, in one of its views; the batches take turns at ``sizes``.

    The order, the view and the augmentation depend on the seed and the step alone, so that a resumed run sees what
    an uninterrupted one would.

    Args:
        views: ``(n, views, 112, 112, 3)`` uint8.
        targets: ``(n, views, classes)`` float32, rows that add up to 1.
        batch: photographs in a batch.
        epochs: which epochs.
        sizes: sides in pixels.
        seed: of everything.
        photographs: ``(n, 128, 128, 3)`` uint8; every second batch then shows them instead of views, shifted but in
            their own pixels. Views were interpolated twice and are smoother than any photograph that a network will
            be asked about.
    """
    import tensorflow as tf

    count, each = views.shape[:2]
    steps = count // batch

    def gather(step):
        epoch, place = divmod(int(step), steps)
        order = np.random.default_rng((seed, 3, epoch)).permutation(count)
        chosen = np.sort(order[place * batch : (place + 1) * batch])
        which = (chosen + epoch) % each
        if photographs is None or step % 2:
            return views[chosen, which], targets[chosen, which], False
        corners = np.random.default_rng((seed, 4, int(step))).integers(0, PHOTOGRAPH - VIEW + 1, (batch, 2))
        windows = [photographs[i, y : y + VIEW, x : x + VIEW] for i, (y, x) in zip(chosen, corners, strict=True)]
        return np.stack(windows), targets[chosen].mean(axis=1), True

    def load(step):
        images, labels, own = tf.numpy_function(gather, (step,), (tf.uint8, tf.float32, tf.bool))
        images.set_shape((batch, VIEW, VIEW, 3))
        labels.set_shape((batch, targets.shape[-1]))
        own.set_shape(())
        turn = step if photographs is None else step // 2
        size = tf.where(own, VIEW, tf.constant(sizes)[turn % len(sizes)])
        key = tf.stack([seed, tf.cast(step, tf.int32)])
        images = augment(images, size, key, smallest=tf.where(own, 1.0, 0.8))
        side = sizes[0] if len(sizes) == 1 and photographs is None else None  # TensorFlow gains by knowing the shape
        return tf.ensure_shape(images, (batch, side, side, 3)), labels

    # Not from_generator: in TensorFlow 2.21 it sets malloc's trim threshold for the whole process, which halves the
    # speed of training on a CPU.
    dataset = tf.data.Dataset.range(epochs.start * steps, epochs.stop * steps)
    return dataset.map(load, num_parallel_calls=2, deterministic=True).prefetch(4)
