"""Space and channels apart: depthwise, 1x1, and the two after one another."""

from __future__ import annotations

from typing import Any

from fcn.convolutions.fitting import image_tensor, tensor
from fcn.convolutions.groups import grouped


def depthwise(images: Any, kernel: Any, *, strides: int = 1, padding: str = "same") -> Any:
    """Every channel is convolved alone: as many groups as there are channels.

    Args:
        images: ``(batch, height, width, channels)``.
        kernel: ``(rows, columns, channels, multiplier)``: for each channel ``multiplier`` kernels of its own.
        strides: by how many pixels the window moves.
        padding: ``"same"`` or ``"valid"``.

    Returns:
        Tensor ``(batch, rows, columns, channels * multiplier)``; what comes of one channel stays together.

    Raises:
        TypeError, ValueError: as `fcn.convolutions.ordinary`.

    Source: Howard et al. 2017 (MobileNet), eq. 3.
    """
    from keras import ops

    images = image_tensor(images)
    kernel = tensor("kernel", kernel, "rows, columns, channels, multiplier", like=images)
    rows, columns, channels, multiplier = kernel.shape
    if channels != images.shape[3]:
        raise ValueError(
            f"kernel has the shape {tuple(kernel.shape)} and images {tuple(images.shape)}; "
            f"the third number of the kernel must be the channels of the images"
        )
    kernel = ops.reshape(kernel, (rows, columns, 1, channels * multiplier))
    return grouped(images, kernel, channels, strides=strides, padding=padding)


def pointwise(images: Any, kernel: Any) -> Any:
    """The 1x1 convolution: the same dense layer at every pixel, one matrix product.

    Args:
        images: ``(batch, height, width, channels in)``.
        kernel: ``(channels in, channels out)``.

    Raises:
        TypeError, ValueError: no floating point, wrong ranks, channels that differ.

    Source: Lin et al. 2014 (Network in network), section 3.1.
    """
    from keras import ops

    images = image_tensor(images)
    kernel = tensor("kernel", kernel, "channels in, channels out", like=images)
    if kernel.shape[0] != images.shape[3]:
        raise ValueError(
            f"kernel has the shape {tuple(kernel.shape)} and images {tuple(images.shape)}; "
            f"the first number of the kernel must be the channels of the images"
        )
    return ops.matmul(images, kernel)


def depthwise_separable(
    images: Any, depthwise_kernel: Any, pointwise_kernel: Any, *, strides: int = 1, padding: str = "same"
) -> Any:
    """First every channel alone (`depthwise`), then the channels at every pixel (`pointwise`).

    It is the ordinary convolution whose kernel is ``K[u, v, c, o] = D[u, v, c] P[c, o]``.

    Args:
        images: ``(batch, height, width, channels in)``.
        depthwise_kernel: ``(rows, columns, channels in, multiplier)``.
        pointwise_kernel: ``(channels in * multiplier, channels out)``.
        strides: of the first step.
        padding: of the first step.

    Raises:
        TypeError, ValueError: as the two steps.

    Source: Chollet 2017 (Xception), section 1; Howard et al. 2017 (MobileNet), section 3.1.
    """
    return pointwise(depthwise(images, depthwise_kernel, strides=strides, padding=padding), pointwise_kernel)
