"""What an explanation is: a function that returns maps, or maps; and how they become one number per pixel."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import keras

    from cnnviz.models import Classifier
    from cnnviz.targets import Target

Explanation: TypeAlias = Callable[..., Any] | np.ndarray
"""``explain(model, images, target)`` that returns maps for a batch, or the maps.

Maps are ``(batch, rows, columns)``, of any size, or signed attributions ``(batch, height, width, channels)``. What has
a field ``attributions`` (`cnnviz.saliency.integrated_gradients`) is taken by that.
"""


def explained(
    explanation: Explanation, model: keras.Model | Classifier | None, images: Any, target: Target
) -> np.ndarray:
    """The maps of an explanation, checked.

    Returns:
        float32 ``(batch, rows, columns)`` or ``(batch, rows, columns, channels)``.

    Raises:
        TypeError: neither a function nor maps.
        ValueError: maps of another shape or number, or with NaN.
    """
    found = explanation(model, images, target) if callable(explanation) else explanation
    found = getattr(found, "attributions", found)
    try:
        maps = np.asarray(found, np.float32)
    except (TypeError, ValueError):
        raise TypeError(
            f"an explanation is a function of (model, images, target) that returns maps, or maps, not {found!r:.80}"
        ) from None
    if maps.ndim not in (3, 4) or len(maps) != len(images) or 0 in maps.shape:
        raise ValueError(
            f"the explanation gave shape {maps.shape} for {len(images)} images; (batch, rows, columns) or (batch, "
            "height, width, channels) is wanted"
        )
    if not np.isfinite(maps).all():
        raise ValueError("the explanation gave NaN or infinity")
    return maps


def importance(maps: np.ndarray) -> np.ndarray:
    """One number per pixel, the larger the more it matters: ``(batch, rows, columns)``.

    Maps stay as they are. Of attributions the largest absolute value over the channels is taken.

    Source: Simonyan et al. 2014, section 3.
    """
    return maps if maps.ndim == 3 else np.abs(maps).max(axis=-1)


def enlarged(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Maps ``(batch, rows, columns)`` brought to ``(height, width)``, linear between the centres of the cells."""
    if maps.shape[1:3] == tuple(size):
        return maps
    import cv2

    # OpenCV puts the centres of the cells where they belong; scipy's zoom and skimage's default do not.
    return np.stack([cv2.resize(one, (size[1], size[0]), interpolation=cv2.INTER_LINEAR) for one in maps])
