"""Involution, the convolution inside out: a kernel for each pixel, shared by the channels."""

from __future__ import annotations

from typing import Any

from data.arguments import number_pair
from fcn.convolutions.fitting import Pair, divides, image_tensor, tensor


def involution(images: Any, kernels: Any, *, strides: int | Pair = 1) -> Any:
    """``Y[i, j, c] = sum over u, v of H[i, j, u, v, g] X[s i + u - p, s j + v - p, c]``, g the group of channel c.

    A convolution has one kernel for all pixels and another for each channel; this has one for all channels of a group
    and another for each pixel.

    Args:
        images: ``(batch, height, width, channels)``; zeros are put around them as Keras' ``"same"`` does.
        kernels: ``(batch, output rows, output columns, kernel rows, kernel columns, groups)``. Where they come from is
            not asked; `fcn.convolutions.layers.Involution2D` makes them of the pixels.
        strides: by how many pixels the window moves.

    Returns:
        Tensor ``(batch, output rows, output columns, channels)``.

    Raises:
        TypeError: no floating point; strides that are no whole numbers.
        ValueError: wrong ranks; kernels that do not fit the images; channels that do not divide into the groups.

    Source: Li et al. 2021, eq. 4.
    """
    from keras import ops

    images = image_tensor(images)
    kernels = tensor("kernels", kernels, "batch, rows, columns, kernel rows, kernel columns, groups", like=images)
    strides = number_pair("strides", strides)
    kernel, groups, channels = kernels.shape[3:5], kernels.shape[5], images.shape[3]
    shapes = f"images has the shape {tuple(images.shape)} and kernels {tuple(kernels.shape)}"
    if None in (*kernel, groups):
        raise ValueError(f"{shapes}; the last three numbers of the kernels must be known")
    each = divides("groups", groups, channels, f"the channels ({shapes})")
    wanted = [None if side is None else -(-side // step) for side, step in zip(images.shape[1:3], strides, strict=True)]
    for one, two in zip(kernels.shape[:3], (images.shape[0], *wanted), strict=True):
        if None not in (one, two) and one != two:
            raise ValueError(f"{shapes}; for strides of {strides} kernels must begin with {(images.shape[0], *wanted)}")

    # Enough zeros for any size of image; those that "same" leaves out are stepped over.
    padded = ops.pad(images, [(0, 0), (kernel[0] - 1,) * 2, (kernel[1] - 1,) * 2, (0, 0)])
    padded = ops.reshape(padded, (*ops.shape(padded)[:3], groups, each))
    counts, starts = [], []
    for side, step, taps in zip(ops.shape(images)[1:3], strides, kernel, strict=True):
        counts.append(-(-side // step))
        starts.append(taps - 1 - ops.maximum((counts[-1] - 1) * step + taps - side, 0) // 2)
    total = 0.0
    for u in range(kernel[0]):
        for v in range(kernel[1]):
            top, left = starts[0] + u, starts[1] + v
            rows = slice(top, top + (counts[0] - 1) * strides[0] + 1, strides[0])
            columns = slice(left, left + (counts[1] - 1) * strides[1] + 1, strides[1])
            total = total + ops.expand_dims(kernels[:, :, :, u, v], -1) * padded[:, rows, columns]
    return ops.reshape(total, (ops.shape(images)[0], *counts, channels))
