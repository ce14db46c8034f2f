"""A convolution is one matrix product: the matrix of a kernel, and the matrix of all windows (``im2col``).

Sources: Dumoulin and Visin 2016, "A guide to convolution arithmetic for deep learning", section 4.1 (the matrix and its
transpose); Chellapilla et al. 2006, "High performance convolutional neural networks for document processing" (unrolling
the windows).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fcn.sliding import Padding, Windows, whole_numbers, windows

LARGEST = 50_000_000  # entries of a matrix that is still made: 400 MB of float64


def convolution_matrix(
    kernel: np.ndarray,
    input_size: int | Sequence[int],
    *,
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    dilation: int | Sequence[int] = 1,
) -> np.ndarray:
    """The matrix ``C`` of a convolution: ``C @ input.ravel()`` is its output, flattened.

    As in all networks the kernel is not flipped (cross-correlation). Row ``i`` holds the weights of window ``i``, each
    at the input that it meets; weights that meet the padding are left out. The transpose, ``C.T``, is the transposed
    convolution with the same kernel, stride, padding and dilation, from the size of the output back to ``input_size``.

    >>> convolution_matrix([1, 2, 3], 5, stride=2, padding=1)
    array([[2, 3, 0, 0, 0],
           [0, 1, 2, 3, 0],
           [0, 0, 0, 1, 2]])

    Args:
        kernel: the weights, as Keras lays them out: ``(k,)`` or ``(k, inputs, outputs)`` for one direction,
            ``(kh, kw)`` or ``(kh, kw, inputs, outputs)`` for two.
        input_size: size of the input, or ``(height, width)``; one number for two directions means a square.
        stride: from one window to the next; one number, or one for each direction.
        padding: how many zeros at every end; or pairs, ``(before, after)`` for one direction and ``((top, bottom),
            (left, right))`` for two; or "valid" (none) or "same" (as many as Keras, the odd one behind).
        dilation: from one tap of the kernel to the next.

    Returns:
        ``(outputs, inputs)`` in the dtype of the kernel, int64 for whole numbers (products of bytes do not fit into
        bytes), where inputs = ``height * width * channels`` and outputs
        likewise, channels last. Inputs at the end that no window reaches are columns of zeros.

    Raises:
        TypeError: the kernel does not hold numbers, or see `windows`.
        ValueError: a kernel of another rank, empty or not finite; more than `LARGEST` entries; or see `windows`.

    Source: Dumoulin and Visin 2016, section 4.1; the lecture's slides on transposed convolution.
    """
    kernel = real_numbers("kernel", kernel, (1, 2, 3, 4))
    kernel = kernel.astype(np.int64) if kernel.dtype.kind in "iu" else kernel
    directions = 2 - kernel.ndim % 2
    found = windows(input_size, kernel.shape[:directions], stride=stride, padding=padding, dilation=dilation)
    if kernel.ndim < 3:
        kernel = kernel[..., None, None]
    if directions == 1:  # a picture of one row
        kernel, found = kernel[None], (Windows(1, 1), *found)
    down, across = found
    inputs, outputs = kernel.shape[2:]
    rows, columns = down.count * across.count * outputs, down.size * across.size * inputs
    if rows * columns > LARGEST:
        raise ValueError(
            f"the matrix would be ({rows}, {columns}), {rows * columns:,} entries, nearly all of them 0; at most "
            f"{LARGEST:,} are made. Take a smaller input, or `convolve`, which needs no such matrix"
        )
    matrix = np.zeros((down.count, across.count, outputs, down.size, across.size, inputs), kernel.dtype)
    for (tap_down, tap_across), weights in zip(np.ndindex(kernel.shape[:2]), kernel.reshape(-1, inputs, outputs)):
        top, left = down.reads()[:, tap_down], across.reads()[:, tap_across]
        i, j = np.flatnonzero((top >= 0) & (top < down.size)), np.flatnonzero((left >= 0) & (left < across.size))
        matrix[i[:, None], j, :, top[i][:, None], left[j], :] = weights.T
    return matrix.reshape(rows, columns)


def im2col(
    images: np.ndarray,
    kernel_size: int | Sequence[int],
    *,
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    dilation: int | Sequence[int] = 1,
) -> np.ndarray:
    """All windows of a batch of images, one in each row.

    Args:
        images: any numbers, ``(batch, height, width, channels)``.
        kernel_size: of the windows, one number or ``(height, width)``.
        stride: as for `convolution_matrix`, like padding and dilation.
        padding: with zeros.
        dilation: from one pixel of a window to the next.

    Returns:
        ``(batch * rows * columns, height * width * channels)`` of the windows, in the dtype of the images: a copy,
        which holds a pixel as often as windows see it (9 times for a 3x3 kernel).

    Raises:
        TypeError, ValueError: ``images`` are no finite numbers of this rank, or see `windows`.
    """
    images = real_numbers("images", images, (4,))
    down, across = _two(images.shape[1:3], kernel_size, stride, padding, dilation)
    padded = np.pad(images, ((0, 0), (down.before, down.after), (across.before, across.after), (0, 0)))
    # A view: it says where the pixels of each window are found, and nothing is copied until the reshape.
    view = np.lib.stride_tricks.sliding_window_view(padded, (down.span, across.span), axis=(1, 2))
    view = view[:, :: down.stride, :: across.stride, :, :: down.dilation, :: across.dilation]
    return view.transpose(0, 1, 2, 4, 5, 3).reshape(len(images) * down.count * across.count, -1)


def col2im(
    columns: np.ndarray,
    images_shape: Sequence[int],
    kernel_size: int | Sequence[int],
    *,
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    dilation: int | Sequence[int] = 1,
) -> np.ndarray:
    """The adjoint of `im2col`, not its inverse: puts the windows back, and adds where they overlap.

    ``col2im(maps @ weights.T, ...)`` is the transposed convolution, with ``weights`` as in `convolve`.

    Args:
        columns: as `im2col` returns them.
        images_shape: ``(batch, height, width, channels)`` of the images.
        kernel_size: as for `im2col`, like all others.
        stride: from one window to the next.
        padding: what falls into it is dropped.
        dilation: from one pixel of a window to the next.

    Returns:
        ``images_shape``, in the dtype of ``columns``; int64 for whole numbers and float32 for float16, since sums of
        bytes do not fit into bytes.

    Raises:
        TypeError, ValueError: ``columns`` are not those of such images, or see `windows`.
    """
    columns = real_numbers("columns", columns, (2,))
    batch, height, width, channels = whole_numbers("images_shape", images_shape, 4)
    down, across = _two((height, width), kernel_size, stride, padding, dilation)
    wanted = (batch * down.count * across.count, down.taps * across.taps * channels)
    if columns.shape != wanted:
        raise ValueError(f"columns has shape {columns.shape}; images {tuple(images_shape)} give {wanted}")
    columns = columns.astype(_for_sums(columns.dtype), copy=False)
    columns = columns.reshape(batch, down.count, across.count, down.taps, across.taps, channels)
    padded = (batch, down.before + height + down.after, across.before + width + across.after, channels)
    images = np.zeros(padded, columns.dtype)
    rows, right = down.reads() + down.before, across.reads() + across.before
    for i, j in np.ndindex(down.taps, across.taps):
        # The windows do not overlap in one and the same tap, so += meets every pixel once.
        images[:, rows[:, i, None], right[:, j]] += columns[:, :, :, i, j]
    return images[:, down.before : down.before + height, across.before : across.before + width]


def convolve(
    images: np.ndarray,
    kernel: np.ndarray,
    *,
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    dilation: int | Sequence[int] = 1,
) -> np.ndarray:
    """A convolution as networks do it: ``im2col(images) @ kernel``, one matrix product.

    Args:
        images: ``(batch, height, width, inputs)``.
        kernel: ``(height, width, inputs, outputs)``.
        stride: as for `convolution_matrix`, like padding and dilation.
        padding: with zeros.
        dilation: from one tap of the kernel to the next.

    Returns:
        ``(batch, rows, columns, outputs)``; int64 where images and kernel are whole numbers, and float32 for float16,
        which ends at 65504.

    Raises:
        TypeError, ValueError: the channels differ, or see `im2col`.
    """
    images, kernel = real_numbers("images", images, (4,)), real_numbers("kernel", kernel, (4,))
    if images.shape[3] != kernel.shape[2]:
        raise ValueError(
            f"images {images.shape} have {images.shape[3]} channels, and the kernel {kernel.shape} takes "
            f"{kernel.shape[2]}"
        )
    dtype = _for_sums(np.result_type(images, kernel))
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    down, across = windows(images.shape[1:3], kernel.shape[:2], **options)
    columns = im2col(images, kernel.shape[:2], **options).astype(dtype, copy=False)
    product = columns @ kernel.reshape(-1, kernel.shape[3]).astype(dtype, copy=False)
    return product.reshape(len(images), down.count, across.count, -1)


def _for_sums(dtype: np.dtype) -> np.dtype:
    """In what sums are computed: bytes and half precision overflow."""
    if dtype.kind in "iu":
        return np.dtype(np.int64)
    return np.dtype(np.float32) if dtype == np.float16 else dtype


def _two(size: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any) -> tuple[Windows, ...]:
    """The windows in both directions of an image."""
    taps = whole_numbers("kernel_size", kernel_size, 2)
    return windows(size, taps, stride=stride, padding=padding, dilation=dilation)


def real_numbers(name: str, values: Any, ranks: Sequence[int]) -> np.ndarray:
    """The values as an array of finite numbers, of one of these ranks and not empty."""
    try:
        values = np.asarray(values)
    except ValueError as error:  # lists of different lengths
        raise ValueError(f"{name} is {values!r}; its rows must be equally long") from error
    if values.dtype.kind not in "iuf":
        raise TypeError(f"{name} holds {values.dtype}; it must hold real numbers")
    if values.ndim not in ranks:
        raise ValueError(f"{name} has shape {values.shape}; it must have {' or '.join(map(str, ranks))} dimensions")
    if not values.size:
        raise ValueError(f"{name} has shape {values.shape}: it is empty")
    if not np.isfinite(values).all():
        raise ValueError(f"{name} holds NaN or infinity; every number must be finite")
    return values
