"""From attributions to pictures: one number for each pixel, on a scale that a colour map can take."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from cnnviz.saliency.variations import unbatched


def absolute(
    attributions: np.ndarray, *, channels: Literal["max", "sum"] = "max", percentile: float = 99
) -> np.ndarray:
    """Attributions as a picture of how much each pixel matters, in whichever direction.

    Args:
        attributions: ``(batch, height, width, channels)``, maps ``(batch, height, width)``, or either of one image.
            Three axes of which the last counts four or fewer are one image with its channels.
        channels: ``"max"``, as in Simonyan et al. 2014, or ``"sum"``, as in Google's PAIR.
        percentile: the value that becomes 1; the few that lie above it are cut off, since one pixel would otherwise
            darken all others. 100 cuts nothing off.

    Returns:
        Float32 ``(batch, height, width)``, 0..1, each image by its own scale; ``(height, width)`` of one image. What
        is zero stays zero, also where everything is.

    Raises:
        ValueError: other axes, NaN, or another choice.
    """
    if channels not in ("max", "sum"):
        raise ValueError(f"channels is {channels!r}; 'max' or 'sum' is wanted")
    values, single = _with_channels(attributions)
    sizes = np.abs(values)
    return _scaled(sizes.max(axis=-1) if channels == "max" else sizes.sum(axis=-1), percentile, single)


def signed(attributions: np.ndarray, *, percentile: float = 99) -> np.ndarray:
    """Attributions as a picture of what speaks for the score (positive) and what against it (negative).

    Args:
        attributions: as for `absolute`; the channels of a pixel are added up.
        percentile: of the absolute values: what becomes 1 or -1.

    Returns:
        As for `absolute`, but -1..1.

    Raises:
        ValueError: other axes, NaN, or another percentile.
    """
    values, single = _with_channels(attributions)
    return _scaled(values.sum(axis=-1), percentile, single)


def _with_channels(attributions: Any) -> tuple[np.ndarray, bool]:
    """``(batch, height, width, channels)``, and whether it was one image."""
    values = np.asarray(attributions, np.float64)
    if values.ndim not in (2, 3, 4) or 0 in values.shape:
        raise ValueError(
            f"attributions has shape {values.shape}; (batch, height, width, channels) or (batch, height, width) is "
            "wanted, or one image of these"
        )
    if not np.isfinite(values).all():
        raise ValueError("attributions holds NaN or infinity")
    if values.ndim == 4:
        return values, False
    if values.ndim == 2:
        return values[None, ..., None], True
    return (values[None], True) if values.shape[-1] <= 4 else (values[..., None], False)


def _scaled(maps: np.ndarray, percentile: float, single: bool) -> np.ndarray:
    """Each map divided by a high percentile of its absolute values, and cut off at 1 and -1."""
    if not 0 < percentile <= 100:
        raise ValueError(f"percentile is {percentile}; more than 0 and at most 100 is wanted")
    sizes = np.abs(maps)
    top = np.percentile(sizes, percentile, axis=(1, 2), keepdims=True)
    top = np.where(top > 0, top, sizes.max(axis=(1, 2), keepdims=True))  # nearly all of it is zero
    return unbatched(np.clip(maps / np.where(top > 0, top, 1), -1, 1).astype(np.float32), single)
