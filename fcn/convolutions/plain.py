"""The ordinary convolution, which all others are compared with."""

from __future__ import annotations

from typing import Any

from data.arguments import number_pair
from fcn.convolutions.fitting import Pair, check_fits, image_tensor, tensor


def ordinary(images: Any, kernel: Any, *, strides: int | Pair = 1, padding: str = "same") -> Any:
    """``Y[i, j, o] = sum over u, v, c of X[s i + u - p, s j + v - p, c] K[u, v, c, o]``.

    Args:
        images: ``(batch, height, width, channels in)``, floating point.
        kernel: ``(rows, columns, channels in, channels out)``; it is cast to the type of the images.
        strides: by how many pixels the window moves from one output to the next.
        padding: ``"same"`` (zeros around, as Keras does it) or ``"valid"`` (none).

    Returns:
        Tensor ``(batch, rows, columns, channels out)``.

    Raises:
        TypeError: no floating point; strides that are no whole numbers.
        ValueError: wrong ranks, or channels of images and kernel that differ; a window larger than the image.
    """
    from keras import ops

    images = image_tensor(images)
    kernel = tensor("kernel", kernel, "rows, columns, channels in, channels out", like=images)
    if kernel.shape[2] != images.shape[3]:
        raise ValueError(
            f"kernel has the shape {tuple(kernel.shape)} and images {tuple(images.shape)}; "
            f"the third number of the kernel must be the channels of the images"
        )
    check_fits(images, kernel.shape[:2], padding)
    return ops.conv(images, kernel, number_pair("strides", strides), padding, data_format="channels_last")
