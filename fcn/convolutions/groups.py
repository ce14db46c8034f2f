"""Grouped convolution, and the shuffle that lets the groups meet."""

from __future__ import annotations

from typing import Any

from data.arguments import whole_number
from fcn.convolutions.fitting import Pair, any_tensor, divides, image_tensor, rank, shape, tensor
from fcn.convolutions.plain import ordinary


def grouped(images: Any, kernel: Any, groups: int, *, strides: int | Pair = 1, padding: str = "same") -> Any:
    """Split the channels into groups, convolve each by itself, put the results side by side.

    Args:
        images: ``(batch, height, width, channels in)``.
        kernel: ``(rows, columns, channels in / groups, channels out)``; the first ``channels out / groups`` of its
            last axis belong to the first group, and so on.
        groups: how many.
        strides: as in `fcn.convolutions.ordinary`.
        padding: as there.

    Returns:
        Tensor ``(batch, rows, columns, channels out)``.

    Raises:
        TypeError: no floating point; groups is no whole number.
        ValueError: wrong ranks, or channels that do not divide into the groups.

    Source: Krizhevsky et al. 2012 (two groups, for two graphics cards); Xie et al. 2017 (ResNeXt), figure 3.
    """
    from keras import ops

    images, groups = image_tensor(images), whole_number("groups", groups)
    kernel = tensor("kernel", kernel, "rows, columns, channels in / groups, channels out", like=images)
    shapes = f"images has the shape {tuple(images.shape)} and kernel {tuple(kernel.shape)}"
    if images.shape[3] % groups or kernel.shape[3] % groups:
        raise ValueError(f"{shapes}; their last numbers do not both divide into {groups} groups")
    if kernel.shape[2] * groups != images.shape[3]:
        raise ValueError(
            f"{shapes}; in {groups} groups the third number of the kernel must be {images.shape[3] // groups}"
        )
    parts = zip(ops.split(images, groups, axis=-1), ops.split(kernel, groups, axis=-1), strict=True)
    return ops.concatenate([ordinary(x, k, strides=strides, padding=padding) for x, k in parts], axis=-1)


def channel_shuffle(images: Any, groups: int) -> Any:
    """Deal the channels out again: the first of every group, then the second of every group, ...

    Written as a matrix with a row for each group, the channels are transposed. So what undoes it is a shuffle with the
    other factor, ``channels / groups``.

    Args:
        images: ``(..., channels)``, of any rank and type.
        groups: how many groups the channels are in.

    Raises:
        TypeError: groups is no whole number, or images neither array nor tensor.
        ValueError: the channels do not divide into the groups, or are not known.

    Source: Zhang et al. 2018 (ShuffleNet), section 3.1.
    """
    from keras import ops

    images, groups = any_tensor("images", images), whole_number("groups", groups)
    channels = images.shape[-1] if rank(images) else None
    if channels is None:
        raise ValueError(f"images has the shape {shape(images)}; the number of channels must be known")
    each = divides("groups", groups, channels, f"the channels of images {tuple(images.shape)}")
    before = ops.shape(images)[:-1]
    matrix = ops.swapaxes(ops.reshape(images, (*before, groups, each)), -1, -2)
    return ops.reshape(matrix, (*before, channels))
