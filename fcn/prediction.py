"""From photographs to the class of every pixel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from data.arguments import number_pair

if TYPE_CHECKING:
    import keras


def predict(network: keras.Model, image: np.ndarray, *, size: int | Sequence[int] | None = None) -> np.ndarray:
    """The class of every pixel of one image; see `predict_each` for arguments and errors."""
    return next(predict_each(network, [image], size=size))


def predict_each(
    network: keras.Model, images: Iterable[np.ndarray], *, size: int | Sequence[int] | None = None
) -> Iterator[np.ndarray]:
    """The class of every pixel of images of any sizes, one after the other; compiled once for each size.

    Args:
        network: float RGB ``(1, height, width, 3)`` in 0..255 to logits ``(1, height, width, classes)``.
        images: uint8 RGB ``(height, width, 3)``.
        size: height and width that the network sees (one number for both); None: those of the image. The logits, not
            the classes, are interpolated back to the image's size.

    Yields:
        uint8 ``(height, width)`` for each image, at its own size.

    Raises:
        TypeError: an image that is not uint8.
        ValueError: an image of another shape; more than 255 classes.
    """
    import tensorflow as tf

    size = None if size is None else number_pair("size", size)

    @tf.function(autograph=False, reduce_retracing=True)
    def classes_of(seen: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
        logits = network(tf.cast(seen[None], tf.float32), training=False)
        if size is not None:
            logits = tf.image.resize(logits, (height, width))
        return tf.cast(tf.argmax(logits[0], axis=-1), tf.uint8)

    for image in images:
        _check(image)
        yield classes_of(tf.constant(_seen(image, size)), *image.shape[:2]).numpy()


def _seen(image: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
    from data import resize

    return image if size is None or image.shape[:2] == size else resize(image, size, "area")


def _check(image: Any) -> None:
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        raise TypeError(f"image is {getattr(image, 'dtype', type(image).__name__)}; a uint8 array is wanted (0..255)")
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(f"image has shape {image.shape}; (height, width, 3) is wanted")
