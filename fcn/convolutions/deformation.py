"""Deformable convolution: the points that the window looks at move, each by an offset of its own at every pixel."""

from __future__ import annotations

from typing import Any

from data.arguments import number_pair
from fcn.convolutions.fitting import Pair, check_fits, image_tensor, tensor

OFFSETS = "batch, rows, columns, points, 2"


def deformable(
    images: Any,
    kernel: Any,
    offsets: Any,
    *,
    mask: Any = None,
    strides: int | Pair = 1,
    padding: str = "same",
    dilation: int | Pair = 1,
) -> Any:
    """``Y[p, o] = sum over n, c of m_n(p) X[p + p_n + offset_n(p), c] K[n, c, o]``, X read bilinearly.

    The p_n are the points of an ordinary window. With offsets of zero, and no mask, this is the ordinary convolution.

    Args:
        images: ``(batch, height, width, channels in)``.
        kernel: ``(rows, columns, channels in, channels out)``.
        offsets: ``(batch, output rows, output columns, points, 2)`` in pixels, down and to the right; the points of
            the kernel row by row, so ``points`` is rows * columns.
        mask: ``(batch, output rows, output columns, points)``, by which what is read is multiplied (version 2).
        strides: by how many pixels the window moves.
        padding: ``"same"`` or ``"valid"``: where the windows of zero offset lie. Points may leave the image in any
            case and read zeros there.
        dilation: distance of neighbouring points of the window of zero offset.

    Returns:
        Tensor ``(batch, output rows, output columns, channels out)``.

    Raises:
        TypeError: no floating point; strides or a dilation that are no whole numbers.
        ValueError: wrong ranks; channels, offsets or mask that do not fit.

    Source: Dai et al. 2017, eqs. 2 to 4; with the mask Zhu et al. 2019, eq. 1.
    """
    from keras import ops

    images = image_tensor(images)
    kernel = tensor("kernel", kernel, "rows, columns, channels in, channels out", like=images)
    rows, columns, channels, filters = kernel.shape
    if channels != images.shape[3]:
        raise ValueError(
            f"kernel has the shape {tuple(kernel.shape)} and images {tuple(images.shape)}; "
            f"the third number of the kernel must be the channels of the images"
        )
    options = {"kernel": (rows, columns), "strides": strides, "padding": padding, "dilation": dilation}
    points = _moved(images, offsets, **options)
    values = bilinear_values(images, points)
    if mask is not None:
        mask = tensor("mask", mask, OFFSETS[:-3], like=images)
        _check_shape("mask", mask, points.shape[:-1])
        values = values * ops.expand_dims(mask, -1)
    batch, height, width = ops.shape(values)[:3]
    values = ops.reshape(values, (batch, height, width, rows * columns * channels))
    return ops.matmul(values, ops.reshape(kernel, (rows * columns * channels, filters)))


def sampling_points(
    offsets: Any,
    size: Pair,
    *,
    kernel: int | Pair = 3,
    strides: int | Pair = 1,
    padding: str = "same",
    dilation: int | Pair = 1,
) -> Any:
    """Where a deformable convolution reads the image.

    Args:
        offsets: ``(batch, output rows, output columns, points, 2)``; see `deformable`.
        size: height and width of the image in pixels.
        kernel: the kernel's rows and columns, or one number for both.
        strides: as in `deformable`.
        padding: as there.
        dilation: as there.

    Returns:
        Tensor of the shape of the offsets: row and column in pixels, (0, 0) in the middle of the first pixel; float32,
        or float64 for offsets in it.

    Raises:
        TypeError, ValueError: as `deformable`.
    """
    from keras import ops

    offsets = tensor("offsets", offsets, OFFSETS)
    image = ops.zeros((ops.shape(offsets)[0], *number_pair("size", size), 1))
    options = {"strides": strides, "padding": padding, "dilation": dilation}
    return _moved(image, offsets, kernel=number_pair("kernel", kernel), **options)


def bilinear_values(images: Any, points: Any) -> Any:
    """The images between their pixels: the four around each point, each weighted by how near it is; zero outside.

    ``X(y, x) = sum over pixels q of max(0, 1 - |y - q_y|) max(0, 1 - |x - q_x|) X[q]``

    Args:
        images: tensor ``(batch, height, width, channels)``.
        points: tensor ``(batch, rows, columns, points, 2)``: row and column in pixels.

    Returns:
        Tensor ``(batch, rows, columns, points, channels)``.

    Source: Dai et al. 2017, eqs. 3 and 4.
    """
    from keras import ops

    batch, height, width, channels = ops.shape(images)
    pixels = ops.reshape(images, (-1, channels))
    first = ops.reshape(ops.arange(batch, dtype="int32") * height * width, (-1, 1, 1, 1))
    # One pixel outside all is zero already, and further away nothing changes; so no number is too large to be a place.
    sides = ops.cast(height, points.dtype), ops.cast(width, points.dtype)
    y, x = ops.clip(points[..., 0], -1, sides[0]), ops.clip(points[..., 1], -1, sides[1])
    top, left = ops.floor(y), ops.floor(x)
    total = 0.0
    for row, near_row in ((top, 1 - (y - top)), (top + 1, y - top)):
        for column, near_column in ((left, 1 - (x - left)), (left + 1, x - left)):
            outside = (row < 0) | (row >= sides[0]) | (column < 0) | (column >= sides[1])
            weight = ops.where(outside, 0, near_row * near_column)
            # Clipped after the cast, or NaN would be a place.
            row_inside = ops.clip(ops.cast(row, "int32"), 0, height - 1)
            column_inside = ops.clip(ops.cast(column, "int32"), 0, width - 1)
            values = ops.take(pixels, first + row_inside * width + column_inside, axis=0)
            total = total + values * ops.expand_dims(ops.cast(weight, images.dtype), -1)
    return total


def _moved(images: Any, offsets: Any, *, kernel: Pair, strides: Any, padding: str, dilation: Any) -> Any:
    """The points of the ordinary windows plus the offsets, in float32 at least: float16 ends counting at 2048."""
    from keras import ops

    strides, dilation = number_pair("strides", strides), number_pair("dilation", dilation)
    offsets = tensor("offsets", offsets, OFFSETS)
    offsets = ops.cast(offsets, "float64" if offsets.dtype == "float64" else "float32")
    extent = tuple((side - 1) * step + 1 for side, step in zip(kernel, dilation, strict=True))
    check_fits(images, extent, padding)
    lines, counts = [], []
    for axis in (0, 1):
        size = ops.shape(images)[1 + axis]
        if padding == "valid":
            count, before = (size - extent[axis]) // strides[axis] + 1, 0
        else:
            count = -(-size // strides[axis])
            around = (count - 1) * strides[axis] + extent[axis] - size
            before = ops.maximum(around, 0) // 2  # the odd pixel comes behind, as Keras has it
        starts = ops.arange(count, dtype="int32") * strides[axis] - before
        taps = ops.arange(kernel[axis], dtype="int32") * dilation[axis]
        lines.append(ops.cast(ops.expand_dims(starts, 1) + taps, offsets.dtype))
        counts.append(count if isinstance(count, int) else None)
    _check_shape("offsets", offsets, (images.shape[0], *counts, kernel[0] * kernel[1], 2), images)
    rows = ops.reshape(lines[0], (-1, 1, kernel[0], 1))
    columns = ops.reshape(lines[1], (1, -1, 1, kernel[1]))
    grid = ops.stack([rows + 0 * columns, columns + 0 * rows], axis=-1)
    shape = ops.shape(grid)
    return offsets + ops.reshape(grid, (shape[0], shape[1], kernel[0] * kernel[1], 2))


def _check_shape(name: str, given: Any, wanted: tuple, images: Any = None) -> None:
    """Refuse what does not fit, as far as the sizes are known."""
    if any(None not in (one, two) and one != two for one, two in zip(given.shape, wanted, strict=True)):
        of = "" if images is None else f" for images of the shape {tuple(images.shape)}"
        raise ValueError(f"{name} has the shape {tuple(given.shape)}; {tuple(wanted)} is wanted{of}")
