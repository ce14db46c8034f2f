"""Rows and columns apart: a kernel that is an outer product is two convolutions in one dimension."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fcn.convolutions.fitting import check_fits, image_tensor, tensor
from fcn.convolutions.plain import ordinary


class Separated(NamedTuple):
    """The outer product that is nearest to a kernel.

    Attributes:
        vertical: the factor a of ``a b^T``, one number for each row.
        horizontal: the factor b, one number for each column.
        error: ``|K - a b^T| / |K|``, root of the sums of squares: 0 where the kernel is separable, below 1 always.
    """

    vertical: np.ndarray
    horizontal: np.ndarray
    error: float


def separate(kernel: Any) -> Separated:
    """The two factors of the outer product ``a b^T`` nearest to a kernel, from its singular value decomposition.

    ``K = sum of s_n u_n v_n^T``, the largest first; the first term is the best approximation by one product (Eckart
    and Young 1936), and what it misses are the other singular values. The factors are scaled alike, ``sqrt(s)`` each,
    and the largest number of b is positive.

    >>> found = separate([[1, 0, -1], [2, 0, -2], [1, 0, -1]])  # Sobel
    >>> (found.vertical / found.vertical[0]).round(3).tolist(), round(found.error, 3)
    ([1.0, 2.0, 1.0], 0.0)

    Args:
        kernel: ``(rows, columns)``, numbers.

    Returns:
        The factors in float64 and the relative error.

    Raises:
        TypeError: no real numbers.
        ValueError: another rank, NaN or infinity, or nothing but zeros.
    """
    try:
        kernel = np.asarray(kernel)
    except ValueError as error:  # lists of different lengths
        raise ValueError(f"kernel is {kernel!r}; its rows must be equally long") from error
    if kernel.dtype.kind not in "iuf":
        raise TypeError(f"kernel is of {kernel.dtype}; real numbers are wanted")
    if kernel.ndim != 2 or not kernel.size:
        raise ValueError(f"kernel has the shape {kernel.shape}; (rows, columns) is wanted")
    kernel = kernel.astype(np.float64)
    if not np.isfinite(kernel).all():
        raise ValueError("kernel holds NaN or infinity")
    if not kernel.any():
        raise ValueError("kernel is zero everywhere; there is nothing to separate")
    largest = np.abs(kernel).max()  # by which all is divided: squares of very small or large numbers are 0 or infinity
    left, singular, right = np.linalg.svd(kernel / largest, full_matrices=False)
    sign = np.sign(right[0, np.abs(right[0]).argmax()])
    scale = sign * np.sqrt(singular[0]) * np.sqrt(largest)
    error = float(np.sqrt((singular[1:] ** 2).sum() / (singular**2).sum()))
    return Separated(scale * left[:, 0], scale * right[0], error)


def spatially_separable(images: Any, vertical: Any, horizontal: Any, *, padding: str = "same") -> Any:
    """A column convolution, then a row convolution: that of ``a b^T`` for ``rows + columns`` numbers instead of
    ``rows * columns``.

    Args:
        images: ``(batch, height, width, channels)``.
        vertical: ``(rows,)``: the same for every channel, each of which is filtered alone; or
            ``(rows, channels in, channels between)``, learnt weights.
        horizontal: ``(columns,)``; or ``(columns, channels between, channels out)``.
        padding: ``"same"`` or ``"valid"``.

    Raises:
        TypeError, ValueError: no floating point, wrong ranks, channels that differ.

    Source: Szegedy et al. 2016 (Inception v3), section 3.2.
    """
    from keras import ops

    images = image_tensor(images)
    shapes = "taps", "taps, channels in, channels out"
    for name, weights, axis in (("vertical", vertical, 1), ("horizontal", horizontal, 0)):
        weights = tensor(name, weights, shapes, like=images)
        if len(weights.shape) == 3:
            images = ordinary(images, ops.expand_dims(weights, axis), padding=padding)
        else:
            alone = ops.tile(ops.reshape(weights, (-1, 1, 1)), (1, images.shape[3], 1))
            alone = ops.expand_dims(alone, axis)
            check_fits(images, alone.shape[:2], padding)
            images = ops.depthwise_conv(images, alone, padding=padding, data_format="channels_last")
    return images
