"""From photographs to the class of every pixel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from data.arguments import number_pair

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

MOST_CLASSES = 255  # the last number of uint8 is void


def predict(network: keras.Model, image: np.ndarray, *, size: int | Sequence[int] | None = None) -> np.ndarray:
    """The class of every pixel of one image; see `predict_each` for arguments and errors.

    Nothing is compiled: for one image that would take longer than the image does.
    """
    return predictor(network, compiled=False)(image, size=size)


def predict_each(
    network: keras.Model, images: Iterable[np.ndarray], *, size: int | Sequence[int] | None = None
) -> Iterator[np.ndarray]:
    """The class of every pixel of images of any sizes, one after the other; compiled.

    Args:
        network: float RGB ``(1, height, width, 3)`` in 0..255 to logits ``(1, height, width, classes)``.
        images: uint8 RGB ``(height, width, 3)``.
        size: height and width that the network sees (one number for both); None: those of the image. The logits, not
            the classes, are interpolated back to the image's size.

    Yields:
        uint8 ``(height, width)`` for each image, at its own size.

    Raises:
        TypeError: an image that is not uint8.
        ValueError: an image of another shape, or that the network cannot see at its own size; a network whose output
            has another height and width than its input, or more than 255 classes.
    """
    predict_one = predictor(network)
    for image in images:
        yield predict_one(image, size=size)


def predictor(network: keras.Model, *, compiled: bool = True) -> Callable[..., np.ndarray]:
    """A function of an image and ``size=`` that gives classes as in `predict_each`.

    Args:
        network: as in `predict_each`.
        compiled: the first image, and the first of another size, take seconds; all others less time.
    """
    import tensorflow as tf

    def logits_of(seen: tf.Tensor) -> tf.Tensor:
        return _float_logits(network(tf.cast(seen[None], tf.float32), training=False), seen)

    def classes_of(seen: tf.Tensor) -> tf.Tensor:
        return tf.cast(tf.argmax(logits_of(seen)[0], axis=-1), tf.uint8)

    def interpolated_classes_of(seen: tf.Tensor, sides: tf.Tensor) -> tf.Tensor:
        logits = tf.image.resize(logits_of(seen), sides)
        return tf.cast(tf.argmax(logits[0], axis=-1), tf.uint8)

    if compiled:
        compile_it = tf.function(autograph=False, reduce_retracing=True)
        classes_of, interpolated_classes_of = compile_it(classes_of), compile_it(interpolated_classes_of)

    def predict_one(image: np.ndarray, *, size: int | Sequence[int] | None = None) -> np.ndarray:
        from data import resize

        _check(image)
        sides = image.shape[:2] if size is None else number_pair("size", size)
        _check_sides(network, image, sides)
        if sides == image.shape[:2]:
            return classes_of(tf.constant(image)).numpy()
        # Sizes as tensors: of each Python number there would be a graph.
        return interpolated_classes_of(tf.constant(resize(image, sides, "area")), tf.constant(image.shape[:2])).numpy()

    return predict_one


def _float_logits(logits: Any, seen: tf.Tensor) -> tf.Tensor:
    import tensorflow as tf

    if logits.shape.rank != 4 or not logits.shape[1:3].is_compatible_with(seen.shape[:2]):
        raise ValueError(
            f"the network gives {tuple(logits.shape)} for an image {tuple(seen.shape)}; logits (1, height, width, "
            "classes) of the same height and width are wanted"
        )
    if logits.shape[3] > MOST_CLASSES:
        raise ValueError(f"the network gives {logits.shape[3]} classes; {MOST_CLASSES} at most are wanted")
    return tf.cast(logits, tf.float32)


def _check(image: Any) -> None:
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        raise TypeError(f"image is {getattr(image, 'dtype', type(image).__name__)}; a uint8 array is wanted (0..255)")
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(f"image has shape {image.shape}; (height, width, 3) is wanted")


def _check_sides(network: keras.Model, image: np.ndarray, sides: tuple[int, int]) -> None:
    """Refuse what a network that was built for one size cannot see."""
    shape = getattr(network, "input_shape", None) or (None,) * 4
    wanted = shape[1:3]
    if any(n not in (None, m) for n, m in zip(wanted, sides)):
        raise ValueError(
            f"{network.name!r} sees images of {wanted[0]} x {wanted[1]} (height x width), this one would be "
            f"{sides[0]} x {sides[1]}; give size={tuple(wanted)}"
        )
