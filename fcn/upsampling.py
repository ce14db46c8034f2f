"""Upsampling in two steps: put zeros between the samples, then convolve with a kernel of `fcn.interpolation`.

Sources: Dumoulin and Visin 2016, "A guide to convolution arithmetic for deep learning", section 4 (zeros between the
samples); the slides on upsampling: by 2, bilinear, with the kernel ((.25, .5, .25), (.5, 1, .5), (.25, .5, .25)).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from data.arguments import number_pair, one_of
from fcn.interpolation import interpolation_kernel, tap_offsets

if TYPE_CHECKING:
    import tensorflow as tf

BORDERS = ("edge", "renormalise", "zero")


def insert_zeros(images: np.ndarray | tf.Tensor, factor: int | Sequence[int]) -> tf.Tensor:
    """The first step: every sample, and ``factor - 1`` zeros after it in both directions.

    Args:
        images: floating ``(batch, height, width, channels)``; whole numbers are taken as float32.
        factor: 1 or more; or two, ``(vertical, horizontal)``.

    Returns:
        ``(batch, factor * height, factor * width, channels)``, in the type of the images.

    Raises:
        TypeError, ValueError: a factor that is no whole number or below 1; images of another rank, of no numbers, NaN.

    >>> insert_zeros([[[[1.0], [2.0]]]], 2).numpy()[0, :, :, 0].tolist()
    [[1.0, 0.0, 2.0, 0.0], [0.0, 0.0, 0.0, 0.0]]
    """
    vertical, horizontal = number_pair("factor", factor)
    return _spread(as_images(images), vertical, horizontal)


def _spread(images: tf.Tensor, vertical: int, horizontal: int) -> tf.Tensor:
    import tensorflow as tf

    batch, height, width, channels = (
        size if size is not None else tf.shape(images)[axis] for axis, size in enumerate(images.shape)
    )
    spread = tf.pad(
        images[:, :, None, :, None], [[0, 0], [0, 0], [0, vertical - 1], [0, 0], [0, horizontal - 1], [0, 0]]
    )
    return tf.reshape(spread, (batch, height * vertical, width * horizontal, channels))


def upsample(
    images: np.ndarray | tf.Tensor,
    factor: int | Sequence[int],
    method: str = "bilinear",
    *,
    alignment: str = "half_pixel",
    border: str = "edge",
    a: float = -0.5,
) -> tf.Tensor:
    """Insert zeros, then filter the columns and the rows. Gradients flow; XLA may compile it.

    The same numbers come from `tf.image.resize` and `keras.layers.UpSampling2D` (for bicubic with
    ``border="renormalise"``: TensorFlow reads the weights from a table of 1024 distances, and for factors that are no
    power of two differs by some thousandths; XLA compiles their bicubic not at all, and their bilinear wrongly for odd
    factors, TensorFlow issue 118344), and from PyTorch's `interpolate` (for bicubic with ``a=-0.75``).

    Args:
        images: floating ``(batch, height, width, channels)``; whole numbers are taken as float32. Half precision is
            filtered in float32 and rounded once.
        factor: 1 or more; or two, ``(vertical, horizontal)``.
        method: "nearest", "bilinear" or "bicubic".
        alignment: "half_pixel", "asymmetric" or "align_corners"; see `fcn.interpolation`.
        border: what lies outside the images. "edge": the outermost pixels again. "renormalise": nothing, and the
            weights that are left are divided by their sum. "zero": zeros, as a plain convolution has it; the border
            darkens. The first two differ for bicubic only.
        a: see `profile`.

    Returns:
        ``(batch, factor * height, factor * width, channels)`` in the type of the images; with align_corners
        ``factor * (side - 1) + 1`` for each side.

    Raises:
        TypeError, ValueError: what the arguments do not allow; images of another rank, of no numbers, empty, NaN.
    """
    import tensorflow as tf

    one_of("border", border, BORDERS)
    factors = number_pair("factor", factor)
    images = as_images(images)
    dtype = images.dtype
    images = tf.cast(images, tf.float32) if dtype.size < 4 else images
    for axis, count in zip((1, 2), factors, strict=True):
        images = _upsample_axis(images, axis, count, method, alignment, border, a)
    return tf.cast(images, dtype)


def _upsample_axis(
    images: tf.Tensor, axis: int, factor: int, method: str, alignment: str, border: str, a: float
) -> Any:
    import tensorflow as tf

    offsets = tap_offsets(method, factor, alignment)
    kernel = interpolation_kernel(method, factor, alignment=alignment, a=a, dimensions=1)
    size = images.shape[axis] if images.shape[axis] is not None else tf.shape(images)[axis]
    new_size = factor * (size - 1) + 1 if alignment == "align_corners" else factor * size
    first, last = int(offsets[0]), int(offsets[-1])

    def zeros_and_filter(samples: tf.Tensor) -> tf.Tensor:
        padding = -(-max(last, -first) // factor)  # old samples beyond the border that the kernel reaches
        if border == "edge":
            around = tf.clip_by_value(tf.range(-padding, size + padding), 0, size - 1)
            samples = tf.gather(samples, around, axis=axis)
        else:
            samples = tf.pad(samples, [[padding * (one == axis)] * 2 for one in range(4)])
        spread = _spread(samples, *(factor if one == axis else 1 for one in (1, 2)))
        start, count = padding * factor - last, new_size + last - first
        spread = tf.gather(spread, tf.range(start, start + count), axis=axis)
        # tf.nn's convolution does not turn the kernel round; here it is a true one.
        taps = tf.constant(kernel[::-1].reshape([-1 if one == axis else 1 for one in (1, 2, 3, 4)]), samples.dtype)
        return tf.nn.depthwise_conv2d(spread, tf.tile(taps, (1, 1, tf.shape(spread)[3], 1)), [1, 1, 1, 1], "VALID")

    found = zeros_and_filter(images)
    return found / zeros_and_filter(tf.ones_like(images)) if border == "renormalise" else found


def as_images(images: Any) -> tf.Tensor:
    """Images as a tensor of floating numbers, checked as far as it can be seen before the graph runs.

    Raises:
        TypeError: of no real numbers, or no array.
        ValueError: not ``(batch, height, width, channels)``, without a pixel, or NaN among them.
    """
    import tensorflow as tf

    try:
        images = tf.convert_to_tensor(images)
    except (TypeError, ValueError):
        raise TypeError(
            f"images is a {type(images).__name__} of which no tensor can be made; numbers of shape (batch, height, "
            "width, channels) are wanted"
        ) from None
    if images.dtype.is_integer:
        images = tf.cast(images, tf.float32)
    if not images.dtype.is_floating:
        raise TypeError(f"images are of {images.dtype.name}; floating numbers are wanted")
    if images.shape.rank != 4:
        raise ValueError(f"images have shape {images.shape}; (batch, height, width, channels) is wanted")
    if 0 in images.shape[1:]:
        raise ValueError(f"images of shape {tuple(images.shape)} have no pixels")
    if tf.executing_eagerly() and bool(tf.reduce_any(tf.math.is_nan(images))):
        raise ValueError("images have NaN among them")
    return images
