"""Dilated (atrous) convolution: the same weights, further apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from data.arguments import number_pair
from fcn.convolutions.fitting import Pair, any_tensor, image_tensor, rank, shape, tensor
from fcn.convolutions.plain import ordinary


def stuff_kernel(kernel: Any, dilation: int | Pair) -> Any:
    """Zeros between the weights of a kernel: ``dilation - 1`` of them between two neighbours.

    A side of k becomes ``(k - 1) dilation + 1``.

    >>> stuff_kernel(np.array([[1, 2], [3, 4]]), 2).tolist()
    [[1, 0, 2], [0, 0, 0], [3, 0, 4]]

    Args:
        kernel: ``(rows, columns, ...)``, an array or a tensor.
        dilation: distance of neighbouring weights in pixels, or ``(vertical, horizontal)``; 1 changes nothing.

    Returns:
        An array for an array and a tensor for a tensor.

    Raises:
        TypeError: dilation is no whole number; a kernel that is neither array nor tensor.
        ValueError: dilation below 1; a kernel of fewer than two axes, an empty one, or lists of different lengths.
    """
    from keras import ops

    # NumPy and keras.ops call the three operations alike.
    library: Any = np if isinstance(kernel, (np.ndarray, list, tuple)) else ops
    try:
        kernel = np.asarray(kernel) if library is np else any_tensor("kernel", kernel)
    except ValueError as error:  # lists of different lengths
        raise ValueError(f"kernel is {kernel!r}; numbers, its rows equally long, are wanted") from error
    vertical, horizontal = number_pair("dilation", dilation)
    if rank(kernel) is None or len(kernel.shape) < 2:
        raise ValueError(f"kernel has the shape {shape(kernel)}; (rows, columns, ...) is wanted")
    if 0 in tuple(kernel.shape):
        raise ValueError(f"kernel has the shape {shape(kernel)}; it is empty")
    rows, columns, *rest = kernel.shape
    cells = library.reshape(kernel, (rows, 1, columns, 1, *rest))
    cells = library.pad(cells, [(0, 0), (0, vertical - 1), (0, 0), (0, horizontal - 1)] + [(0, 0)] * len(rest))
    stuffed = library.reshape(cells, (rows * vertical, columns * horizontal, *rest))
    return stuffed[: (rows - 1) * vertical + 1, : (columns - 1) * horizontal + 1]


def dilated(images: Any, kernel: Any, dilation: int | Pair, *, padding: str = "same") -> Any:
    """``Y[i, j, o] = sum over u, v, c of X[i + d u - p, j + d v - p, c] K[u, v, c, o]``, with a zero-stuffed kernel.

    Libraries skip the zeros, so that it costs what the small kernel costs; here they are multiplied, too.

    Args:
        images: ``(batch, height, width, channels in)``.
        kernel: ``(rows, columns, channels in, channels out)``.
        dilation: distance of the pixels that are seen, or ``(vertical, horizontal)``.
        padding: ``"same"`` or ``"valid"``.

    Raises:
        TypeError, ValueError: as `stuff_kernel` and `fcn.convolutions.ordinary`.

    Source: Yu and Koltun 2016, eq. 2; Chen et al. 2018 (DeepLab), section 3.1.
    """
    images = image_tensor(images)
    kernel = tensor("kernel", kernel, "rows, columns, channels in, channels out", like=images)
    return ordinary(images, stuff_kernel(kernel, dilation), padding=padding)
