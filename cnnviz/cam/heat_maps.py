"""What all class activation maps share: they are scaled to their maximum, and enlarged to the size of the image."""

from __future__ import annotations

import operator
import warnings
from typing import Any

import numpy as np


class ZeroMapWarning(UserWarning):
    """A map is zero everywhere: nothing that the method looks at speaks for the class."""


def scaled(maps: Any, relu: bool = True, normalise: bool = True, *, stacklevel: int = 3) -> np.ndarray:
    """S / S_max, for each map by itself, and what speaks against the class set to zero.

    Args:
        maps: ``(batch, rows, columns)``.
        relu: keep only what is positive (Selvaraju et al. 2017, equation 2); ``False`` keeps the sign.
        normalise: divide each map by its maximum, so that it is 1 where it is hottest. With ``relu=False``, a map that
            is nowhere positive is divided by its largest absolute value: dividing by a negative maximum would turn it
            round. ``False`` keeps the scale, for maps that are to be compared with each other.
        stacklevel: of the warning, as in `warnings.warn`.

    Returns:
        float32 ``(batch, rows, columns)``. What is zero everywhere stays so, and is warned of.

    Warns:
        ZeroMapWarning: once, naming the images whose maps are zero everywhere.
    """
    maps = np.asarray(maps, np.float64)  # so that the smallest gradients survive being divided by their maximum
    maps = np.maximum(maps, 0) if relu else maps
    highest, largest = (values.max(axis=(1, 2), keepdims=True) for values in (maps, np.abs(maps)))
    empty = np.flatnonzero(largest == 0)
    if len(empty):
        which = f"of image {empty[0]}" if len(empty) == 1 else f"of images {', '.join(map(str, empty))}"
        why = "nothing in the layer speaks for the target" if relu else "the layer says nothing about the target"
        hint = "; relu=False shows what speaks against it" if relu else ""
        warnings.warn(f"the map {which} is zero everywhere: {why}{hint}", ZeroMapWarning, stacklevel=stacklevel)
    if normalise:
        divisor = np.where(highest > 0, highest, largest)
        maps = maps / np.where(divisor > 0, divisor, 1)
    return maps.astype(np.float32)


def check_maps(activations: np.ndarray, layer: Any) -> None:
    """Refuse a layer that has no maps."""
    if activations.ndim != 4:
        name = repr(layer if isinstance(layer, str) else layer.name)
        raise ValueError(
            f"layer {name} returns {activations.shape}; a layer with maps, (batch, rows, columns, channels), is wanted"
        )


def upsample(maps: Any, size: int | tuple[int, int]) -> np.ndarray:
    """Enlarge maps to the size of an image: bilinear, between the centres of the cells.

    A cell of a 7x7 map stands for 32 of 224 pixels, so cell (0, 1) is centred on pixel 47.5 (half-pixel centres), where
    the enlarged map takes just its value. ``tf.image.resize`` and OpenCV do the same. ``scipy.ndimage.zoom`` lays the
    centres of the corner cells on the corner pixels: its heat is off by up to half a cell.

    Args:
        maps: ``(batch, rows, columns)``, or one map ``(rows, columns)``.
        size: ``(height, width)`` in pixels, or the side of a square.

    Returns:
        float32 ``(batch, height, width)``, or ``(height, width)`` of a single map.

    Raises:
        TypeError: a size that is not made of whole numbers.
        ValueError: not maps, or a size of another kind.

    Example:
        >>> upsample(np.array([[0.0, 1.0]]), (1, 4))
        array([[0.  , 0.25, 0.75, 1.  ]], dtype=float32)
    """
    import cv2

    maps = np.asarray(maps, np.float32)
    if maps.ndim not in (2, 3) or 0 in maps.shape:
        raise ValueError(f"maps has shape {maps.shape}; (batch, rows, columns) or (rows, columns) is wanted")
    sides = (size, size) if np.ndim(size) == 0 else tuple(size)
    if len(sides) != 2 or any(isinstance(side, (bool, np.bool_)) for side in sides):
        raise ValueError(f"size is {size!r}; (height, width) or the side of a square is wanted")
    height, width = map(operator.index, sides)
    if min(height, width) < 1:
        raise ValueError(f"size is {size!r}; at least one pixel is wanted")
    single, maps = maps.ndim == 2, maps.reshape(-1, *maps.shape[-2:])
    enlarged = np.stack([cv2.resize(one, (width, height), interpolation=cv2.INTER_LINEAR) for one in maps])
    return enlarged[0] if single else enlarged
