"""Random views of an image and its label together: flip, scale, crop, rotation, brightness, contrast, saturation.

All of it runs inside the graph (`tf.data.Dataset.map`) and depends on ``seed`` alone: the same seed, the same view.
Flip, scale, rotation and crop are one affine map, so that the image is interpolated once; the label goes through the
same map, always to its nearest pixel, as a mean of two class numbers is a third class. What lies outside is void.

>>> import numpy as np
>>> image, label = np.zeros((4, 6, 3), np.uint8), np.arange(24).reshape(4, 6)
>>> mirrored = geometric(image, label, (0, 0), flip=1, scale=(1, 1), rotation=0)[1]
>>> mirrored.numpy()[0].tolist()
[5, 4, 3, 2, 1, 0]
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from data.arguments import number_pair

if TYPE_CHECKING:
    import tensorflow as tf

GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601: the share of red, green and blue in brightness
OUTSIDE = 127.5  # what the image shows where there is none: neither black nor white, as such edges would be learnt


def augment(
    images: Any,
    labels: Any,
    seed: Any,
    *,
    flip: float = 0.5,
    scale: Sequence[float] = (0.75, 1.5),
    rotation: float = 5.0,
    crop: int | Sequence[int] | None = None,
    brightness: float = 0.25,
    contrast: float = 0.25,
    saturation: float = 0.3,
    void: int = 255,
) -> tuple[tf.Tensor, tf.Tensor]:
    """A random view of every image, its label with it: `geometric`, then `photometric`.

    Args:
        images: RGB 0..255, ``(height, width, 3)`` or ``(batch, height, width, 3)``, any number type.
        labels: whole numbers, ``(height, width)`` or ``(batch, height, width)``.
        seed: two whole numbers; in a batch every image has its own draw.
        flip: probability of left and right exchanged.
        scale: least and largest enlargement.
        rotation: largest angle in degrees, either way.
        crop: height and width of the view in pixels, None for those of the image.
        brightness: strength 0..1, see `photometric`.
        contrast: likewise.
        saturation: likewise.
        void: the label of what lies outside the image.

    Returns:
        Images as float32 in 0..255, labels in the type in which they came.

    Raises:
        TypeError, ValueError: as in `geometric` and `photometric`.
    """
    images, labels = geometric(images, labels, seed, flip=flip, scale=scale, rotation=rotation, crop=crop, void=void)
    return photometric(images, seed, brightness=brightness, contrast=contrast, saturation=saturation), labels


def geometric(
    images: Any,
    labels: Any,
    seed: Any,
    *,
    flip: float = 0.5,
    scale: Sequence[float] = (0.75, 1.5),
    rotation: float = 5.0,
    crop: int | Sequence[int] | None = None,
    void: int = 255,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Flip, scale, rotate and crop images and labels by the same affine map.

    A point of the view at ``p`` from the view's middle shows the image at ``c + R(angle) diag(+-1, 1) p / scale``. The
    middle ``c`` is drawn so that, before it is turned, the view lies within the image, or, where it is the larger of
    the two, the image within the view; on whole pixels, so that a crop alone interpolates nothing.

    Args:
        images: ``(height, width, 3)`` or ``(batch, height, width, 3)``, any number type.
        labels: whole numbers, ``(height, width)`` or ``(batch, height, width)``.
        seed: two whole numbers.
        flip: probability of left and right exchanged.
        scale: least and largest enlargement, log-uniform between them; ``(1, 1)`` for none.
        rotation: largest angle in degrees, either way, uniform.
        crop: height and width of the view in pixels (one number for both). None: those of the image.
        void: the label of what lies outside the image.

    Returns:
        Images as float32, interpolated bilinearly, labels in their own type, nearest. Sizes are those of ``crop``.

    Raises:
        TypeError: labels that are not whole numbers; an argument of another kind.
        ValueError: shapes that do not fit; an argument out of its range; a void that the labels' type cannot hold.
    """
    import tensorflow as tf

    flip = _within("flip", flip, 0, 1)
    rotation = _within("rotation", rotation, 0, 180)
    if isinstance(scale, numbers.Number) or len(scale) != 2:
        raise ValueError(f"scale is {scale!r}; two numbers are wanted, (least, largest)")
    least, largest = (_within("scale", bound, 0.01, 100) for bound in scale)
    if least > largest:
        raise ValueError(f"scale is {tuple(scale)}; the first is the least, the second the largest")
    images, labels, single = _batches(images, labels)
    if not labels.dtype.min <= void <= labels.dtype.max:
        raise ValueError(f"void is {void}; labels are {labels.dtype.name}, {labels.dtype.min}..{labels.dtype.max}")

    sides = tf.shape(images)[1:3] if crop is None else tf.constant(number_pair("crop", crop))
    place, angle, larger, mirrored = (_draws(seed, 0, tf.shape(images)[0], 5)[:, i] for i in (slice(2), 2, 3, 4))
    enlargement = tf.exp(math.log(least) + larger * (math.log(largest) - math.log(least)))
    matrices = _matrices((2 * angle - 1) * math.radians(rotation), enlargement, mirrored < flip)
    transforms = _transforms(matrices, place, enlargement, tf.shape(images)[1:3], sides)

    def view(tensor: tf.Tensor, interpolation: str, fill: float) -> tf.Tensor:
        new = tf.raw_ops.ImageProjectiveTransformV3(
            images=tensor,
            transforms=transforms,
            output_shape=sides,
            fill_value=tf.cast(fill, tf.float32),
            interpolation=interpolation,
            fill_mode="CONSTANT",
        )
        height, width = tensor.shape[1:3] if crop is None else number_pair("crop", crop)
        return tf.ensure_shape(new, (tensor.shape[0], height, width, tensor.shape[3]))

    # The operation reads few types; int32 holds every label of those that it does not.
    readable = labels if labels.dtype in (tf.uint8, tf.int32, tf.int64) else tf.cast(labels, tf.int32)
    views = view(tf.cast(images, tf.float32), "BILINEAR", OUTSIDE)
    new_labels = tf.cast(view(readable[..., None], "NEAREST", void)[..., 0], labels.dtype)
    return (views[0], new_labels[0]) if single else (views, new_labels)


def photometric(
    images: Any, seed: Any, *, brightness: float = 0.25, contrast: float = 0.25, saturation: float = 0.3
) -> tf.Tensor:
    """Change brightness, contrast and saturation of every image, each by its own random factor.

    With grey value ``g`` of a pixel ``x``, mean grey value ``m`` of its image and factors b, c, s, the pixel becomes
    ``b m + c (g + s (x - g) - m)``, cut to 0..255.

    Args:
        images: RGB 0..255, ``(height, width, 3)`` or ``(batch, height, width, 3)``.
        seed: two whole numbers.
        brightness: the factor b is uniform in ``1 - brightness .. 1 + brightness``; 0 changes nothing.
        contrast: likewise for c.
        saturation: likewise for s.

    Returns:
        float32, the shape of ``images``.

    Raises:
        TypeError: an argument of another kind.
        ValueError: another shape; a strength outside 0..1.
    """
    import tensorflow as tf

    named = {"brightness": brightness, "contrast": contrast, "saturation": saturation}
    strengths = [_within(name, value, 0, 1) for name, value in named.items()]
    images = tf.cast(images, tf.float32)
    if images.shape.rank not in (3, 4) or images.shape[-1] != 3:
        raise ValueError(f"images have shape {tuple(images.shape)}; (height, width, 3) or a batch of these is wanted")
    single = images.shape.rank == 3
    batch = images[None] if single else images
    draws = _draws(seed, 1, tf.shape(batch)[0], 3)
    b, c, s = (1 + strength * (2 * draws[:, i] - 1) for i, strength in enumerate(strengths))
    weights = tf.constant(GREY)
    mean = tf.reduce_sum(tf.reduce_mean(batch, axis=(1, 2)) * weights, axis=1)
    # The formula as one matrix for each image: c s x + c (1 - s) g, and a constant.
    colours = (c * s)[:, None, None] * tf.eye(3) + (c * (1 - s))[:, None, None] * weights[:, None] * tf.ones((1, 3))
    constant = ((b - c) * mean)[:, None, None]
    flat = tf.matmul(tf.reshape(batch, (tf.shape(batch)[0], -1, 3)), colours) + constant
    changed = tf.clip_by_value(tf.reshape(flat, tf.shape(images)), 0, 255)
    return tf.ensure_shape(changed, images.shape)


def _within(name: str, value: float, least: float, largest: float) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} is {value!r}; a number is wanted")
    if not least <= value <= largest:  # NaN is not
        raise ValueError(f"{name} is {value}; {least}..{largest} is wanted")
    return float(value)


def _batches(images: Any, labels: Any) -> tuple[tf.Tensor, tf.Tensor, bool]:
    """Both as batches, checked as far as shapes are known before the graph runs; whether they came without a batch."""
    import tensorflow as tf

    images, labels = tf.convert_to_tensor(images), tf.convert_to_tensor(labels)
    if not labels.dtype.is_integer:
        raise TypeError(f"labels are {labels.dtype.name}; whole numbers are wanted")
    shapes = f"images {tuple(images.shape)}, labels {tuple(labels.shape)}"
    if images.shape.rank not in (3, 4) or labels.shape.rank != images.shape.rank - 1:
        raise ValueError(f"{shapes}; (height, width, 3) with (height, width) is wanted, or batches of both")
    if not images.shape[:-1].is_compatible_with(labels.shape):
        raise ValueError(f"{shapes}; these do not fit, an image and its label have the same height and width")
    single = images.shape.rank == 3
    return (images[None], labels[None], True) if single else (images, labels, False)


def _draws(seed: Any, stream: int, count: Any, each: int) -> tf.Tensor:
    """Uniform numbers in 0..1, ``(count, each)``; a stream does not repeat what another one draws."""
    import tensorflow as tf

    seed = tf.convert_to_tensor(seed)
    if seed.shape.rank != 1 or seed.shape[0] not in (2, None) or not seed.dtype.is_integer:
        raise ValueError(f"seed has shape {tuple(seed.shape)} and is {seed.dtype.name}; two whole numbers are wanted")
    return tf.random.stateless_uniform((count, each), tf.random.experimental.stateless_fold_in(seed, stream))


def _matrices(angles: tf.Tensor, enlargement: tf.Tensor, mirrored: tf.Tensor) -> tf.Tensor:
    """From the view's coordinates (x, y) to the image's, ``(batch, 2, 2)``."""
    import tensorflow as tf

    cos, sin = tf.cos(angles) / enlargement, tf.sin(angles) / enlargement
    sign = tf.where(mirrored, -1.0, 1.0)
    return tf.stack([tf.stack([sign * cos, -sin], axis=1), tf.stack([sign * sin, cos], axis=1)], axis=1)


def _transforms(
    matrices: tf.Tensor, place: tf.Tensor, enlargement: tf.Tensor, old_sides: tf.Tensor, new_sides: tf.Tensor
) -> tf.Tensor:
    """The eight numbers for each image that the operation wants: from pixel numbers of the view to the image's."""
    import tensorflow as tf

    old, new = (tf.cast(tf.stack([sides[1], sides[0]]), tf.float32) for sides in (old_sides, new_sides))  # as x, y
    covered = new / enlargement[:, None]
    # The corner lies between 0 and what is left over, which is negative where the view is the larger one.
    corner = tf.round(place * (old - covered))
    exact = tf.abs(old - covered) < 0.5  # the view is as large as the image
    corner = tf.where(exact, (old - covered) / 2, corner)
    middle = corner + covered / 2
    shift = middle - 0.5 + tf.linalg.matvec(matrices, 0.5 - new / 2)  # pixel i has its middle at i + 0.5
    rows = tf.concat([matrices, shift[:, :, None]], axis=2)
    return tf.concat([tf.reshape(rows, (-1, 6)), tf.zeros((tf.shape(rows)[0], 2))], axis=1)
