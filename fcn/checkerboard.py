"""Checkerboards: why a transposed convolution draws them, and how strong they are.

Where the stride does not divide the kernel, neighbouring pixels are written a different number of times. What comes of
it repeats with the stride, and so lies at the frequencies ``m / stride`` of the picture.

Source: Odena et al. 2016, "Deconvolution and checkerboard artifacts", https://distill.pub/2016/deconv-checkerboard.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from data.arguments import one_of, whole_number

if TYPE_CHECKING:
    import tensorflow as tf


def overlap(kernel: int, stride: int, size: int, *, padding: str = "valid") -> np.ndarray:
    """How many times a transposed convolution writes each of its output pixels.

    That is the transposed convolution of ones with ones; in the interior it is the same everywhere exactly where the
    stride divides the kernel.

    Args:
        kernel: taps along one side.
        stride: 1 or more.
        size: of the input, along one side.
        padding: "valid", all that is written, or "same", as Keras crops it to ``size * stride``; what a stride larger
            than the kernel leaves out counts 0.

    Returns:
        int64 ``(side, side)``; "valid": ``side = (size - 1) * stride + max(kernel, stride)``.

    Raises:
        TypeError, ValueError: numbers that are not whole, or below 1; another padding.

    >>> overlap(3, 2, 2).tolist()
    [[1, 1, 2, 1, 1], [1, 1, 2, 1, 1], [2, 2, 4, 2, 2], [1, 1, 2, 1, 1], [1, 1, 2, 1, 1]]
    """
    kernel, stride, size = whole_number("kernel", kernel), whole_number("stride", stride), whole_number("size", size)
    one_of("padding", padding, ("valid", "same"))
    counts = np.zeros((size - 1) * stride + max(kernel, stride), np.int64)
    np.add.at(counts, np.arange(size)[:, None] * stride + np.arange(kernel), 1)
    if padding == "same":
        first = max(kernel - stride, 0) // 2
        counts = counts[first : first + size * stride]
    return np.outer(counts, counts)


def checkerboard_energy(maps: np.ndarray | tf.Tensor, stride: int, *, border: int = 0) -> float:
    """The share of the energy (sum of squares) of maps that repeats with the stride and is not constant.

    The mean over all pixels of the same place in their ``stride x stride`` block is the part that repeats; its variance
    is the energy. Where the sides are multiples of the stride it equals the share of the squared Fourier coefficients
    at the frequencies ``(m / stride, n / stride)`` cycles per pixel, ``(0, 0)`` left out. A picture has some energy
    there without any artefact, so compare with the same picture resized.

    Args:
        maps: ``(height, width)``, ``(height, width, channels)`` or ``(batch, height, width, channels)``, any real
            numbers: a response to a constant input, or a gradient. Energies are added up over batch and channels.
        stride: 2 or more.
        border: pixels left out along all four sides, where padding with zeros makes another picture.

    Returns:
        From 0, as for constant maps, to 1, as for ``+1 -1 +1 -1 ...``.

    Raises:
        TypeError, ValueError: numbers that are not whole or too small, complex maps, another rank, NaN or infinite,
            maps that are zero everywhere, or too small for a block of ``stride x stride`` inside the border.

    >>> checkerboard_energy(overlap(4, 2, 8, padding="same"), 2, border=2)
    0.0
    >>> round(checkerboard_energy(overlap(3, 2, 8, padding="same"), 2, border=2), 2)
    0.19
    """
    stride, border = whole_number("stride", stride, 2), whole_number("border", border, 0)
    maps = np.asarray(maps)
    if maps.dtype.kind in "cOSU":
        raise TypeError(f"maps hold {maps.dtype}; real numbers are wanted")
    maps = maps.astype(np.float64)
    if maps.ndim not in (2, 3, 4):
        raise ValueError(
            f"maps have shape {maps.shape}; (height, width), (height, width, channels) or (batch, height, width, "
            "channels) is wanted"
        )
    whole = maps.shape
    maps = maps[None, :, :, None] if maps.ndim == 2 else maps[None] if maps.ndim == 3 else maps
    maps = maps[:, border : maps.shape[1] - border, border : maps.shape[2] - border]
    if not maps.size or min(maps.shape[1:3]) < stride:
        raise ValueError(f"maps of shape {whole} have no block of {stride}x{stride} inside a border of {border}")
    if not np.isfinite(maps).all():
        raise ValueError("maps have NaN or infinite numbers among them")
    largest = np.abs(maps).max()
    if largest == 0:
        raise ValueError("maps are zero everywhere; there is no energy to take a share of")
    # The share does not change with the scale, but squares overflow or vanish. A power of two rounds nothing.
    maps = np.ldexp(maps, -np.frexp(largest)[1])
    total = np.mean(maps**2)
    places = range(stride)
    blocks = np.array([[maps[:, row::stride, column::stride].mean((1, 2)) for column in places] for row in places])
    shares = np.outer(*(np.bincount(np.arange(side) % stride) / side for side in maps.shape[1:3]))[..., None, None]
    differences = blocks - np.sum(shares * blocks, axis=(0, 1))
    return float(np.mean(np.sum(shares * differences**2, axis=(0, 1))) / total)


def response_to_constant(layer: Callable[[tf.Tensor], Any], *, size: int = 16, channels: int = 1) -> np.ndarray:
    """What a layer makes of ones: any pattern in it is the layer's own.

    Args:
        layer: a Keras layer or a function of a tensor ``(1, size, size, channels)``.
        size: of the input.
        channels: of the input.

    Returns:
        float32 ``(1, height, width, channels)``.

    Raises:
        TypeError, ValueError: numbers that are not whole, or below 1.
    """
    import tensorflow as tf

    size, channels = whole_number("size", size), whole_number("channels", channels)
    return tf.cast(layer(tf.ones((1, size, size, channels))), tf.float32).numpy()


def gradient_of_sum(layer: Callable[[tf.Tensor], Any], *, size: int = 16, channels: int = 1) -> np.ndarray:
    """The gradient of the sum of a layer's outputs for an input of ones: how much each input pixel counts.

    The gradient of a convolution with a stride is a transposed convolution, checkerboard and all.

    Args:
        layer: a Keras layer or a function of a tensor ``(1, size, size, channels)``.
        size: of the input.
        channels: of the input.

    Returns:
        float32 ``(1, size, size, channels)``.

    Raises:
        TypeError, ValueError: numbers that are not whole, or below 1; an output that does not depend on the input.
    """
    import tensorflow as tf

    size, channels = whole_number("size", size), whole_number("channels", channels)
    images = tf.ones((1, size, size, channels))
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(tf.cast(layer(images), tf.float32))
    gradient = tape.gradient(total, images)
    if gradient is None:
        raise ValueError("the output of layer does not depend on its input")
    return gradient.numpy()
