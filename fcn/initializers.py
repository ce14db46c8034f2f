"""Initial weights that make a layer interpolate from the first step on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from data.arguments import whole_number


def bilinear_filter(size: int) -> np.ndarray:
    """The bilinear kernel of a size: that of the factor ``(size + 1) // 2``, its middle in the middle.

    For ``size = 2 f - f % 2`` it is `fcn.interpolation.interpolation_kernel` for the factor ``f``, half-pixel.

    Args:
        size: taps along one side, 1 or more.

    Returns:
        float64 ``(size, size)``.

    Raises:
        TypeError, ValueError: no whole number, or below 1.

    Source: Shelhamer, Long and Darrell, fcn.berkeleyvision.org, surgery.py, ``upsample_filt``; Caffe's
    ``BilinearFiller``.

    >>> bilinear_filter(3).tolist()
    [[0.25, 0.5, 0.25], [0.5, 1.0, 0.5], [0.25, 0.5, 0.25]]
    """
    profile = _profile(whole_number("size", size))
    return np.outer(profile, profile)


def _profile(size: int) -> np.ndarray:
    return 1 - np.abs(np.arange(size) - (size - 1) / 2) / ((size + 1) // 2)


def _sides(shape: Any) -> tuple[int, ...]:
    """A kernel's shape as whole numbers."""
    if not isinstance(shape, Iterable):
        raise TypeError(f"the kernel's shape is {shape!r}; a tuple of whole numbers is wanted")
    return tuple(whole_number("a side of the kernel", side) for side in shape)


@keras.saving.register_keras_serializable(package="fcn")
class BilinearInitializer(keras.initializers.Initializer):
    """A transposed convolution that starts as bilinear upsampling, each channel on its own.

    With the factor ``f``, for ``Conv2DTranspose(channels, 2 * f - f % 2, strides=f, padding="same", use_bias=False)``.
    Its interior is half-pixel bilinear interpolation (`tf.image.resize`); at the border it adds zeros instead of
    repeating the edge, so that the outermost ``f // 2`` pixels are darker.

    Raises:
        TypeError: when called for a shape of no whole numbers.
        ValueError: when called for a kernel that is not ``(height, width, out, in)``, or that has more or fewer
            channels out than in: interpolation maps each channel to itself.

    Source: Long et al. 2015, "Fully convolutional networks for semantic segmentation", sections 3.3 and 4.
    """

    def __call__(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        """The kernel ``(height, width, channels, channels)`` in ``dtype``, by default Keras' ``floatx``."""
        shape = _sides(shape)
        if len(shape) != 4:
            raise ValueError(f"the kernel's shape is {shape}; (height, width, out, in) is wanted")
        height, width, out, channels = shape
        if out != channels:
            raise ValueError(
                f"the kernel's shape is {shape}: {channels} channels in, {out} out; bilinear interpolation maps "
                "each channel to itself. Set filters to the number of input channels, or put a 1x1 convolution before"
            )
        kernel = np.outer(_profile(height), _profile(width))[:, :, None, None] * np.eye(channels)
        return keras.ops.convert_to_tensor(kernel, dtype=dtype or keras.config.floatx())


@keras.saving.register_keras_serializable(package="fcn")
class ICNRInitializer(keras.initializers.Initializer):
    """A sub-pixel convolution that starts as a convolution followed by nearest upsampling: no checkerboard.

    ICNR: initialised to convolution, nearest-neighbour resize. All ``factor ** 2`` filters whose outputs become
    neighbours are the same at first.

    Args:
        factor: of the upsampling.
        initializer: draws the filters; a Keras initializer or its name.

    Raises:
        TypeError, ValueError: a factor that is no whole number or below 1; when called for a kernel whose last side is
            no multiple of ``factor ** 2``.

    Source: Aitken et al. 2017, "Checkerboard artifact free sub-pixel convolution", section 3.
    """

    def __init__(self, factor: int, initializer: Any = "glorot_uniform") -> None:
        """See the class."""
        self.factor = whole_number("factor", factor)
        self.initializer = keras.initializers.get(initializer)

    def __call__(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        """A kernel whose last axis is in the order of `tf.nn.depth_to_space`: pixel after pixel, not by filter."""
        shape, copies = _sides(shape), self.factor**2
        if not shape or shape[-1] % copies:
            raise ValueError(f"the kernel's shape is {shape}; its last side has to be a multiple of {copies}")
        drawn = self.initializer((*shape[:-1], shape[-1] // copies), dtype=dtype)
        return keras.ops.tile(drawn, (1,) * (len(shape) - 1) + (copies,))

    def get_config(self) -> dict[str, Any]:
        """What the constructor takes."""
        return {"factor": self.factor, "initializer": keras.initializers.serialize(self.initializer)}
