"""A map over the photograph that it belongs to."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnviz.cam.heat_maps import upsample
from cnnviz.plots.canvas import COLOURS, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OPACITY = 0.8  # of the heat where it is greatest; it falls to none where there is no heat


def overlay(
    photograph: np.ndarray,
    heat: np.ndarray,
    *,
    hottest: float | None = None,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """A map laid over the photograph that it belongs to.

    The more heat, the lighter its colour and the more it covers: where there is none, the photograph is as it was.

    Args:
        photograph: uint8 RGB ``(height, width, 3)``.
        heat: ``(rows, columns)``, any size; drawn over the whole photograph, smooth between the centres of its cells
            (`cnnviz.cam.heat_maps.upsample`).
        hottest: the heat that has the lightest colour; the map's own maximum by default. Give it to compare maps.
        ax: where to draw; a small figure by default.
        title: above it.

    Raises:
        TypeError: the photograph is not uint8.
        ValueError: not one map, or NaN in it.
    """
    photograph, levels = _prepared(photograph, heat, hottest)
    ax = ax or new_axes(3.4, 3.7 if title else 3.4)
    extent = (0, photograph.shape[1], photograph.shape[0], 0)
    ax.imshow(photograph, extent=extent)
    # Enlarged here, to the photograph's own pixels: matplotlib's way of smoothing leaves the last half cell out.
    ax.imshow(np.append(_colours(), _opacities(), axis=1)[levels], extent=extent)
    ax.set_axis_off()
    if title:
        ax.set_title(title, fontsize=10)
    return ax


def blend(photograph: np.ndarray, heat: np.ndarray, *, hottest: float | None = None) -> np.ndarray:
    """What `overlay` draws, as a picture: for video, files and grids.

    Args:
        photograph: uint8 RGB ``(height, width, 3)``.
        heat: ``(rows, columns)``, any size.
        hottest: as for `overlay`.

    Returns:
        uint8 RGB ``(height, width, 3)``. A new array; a photograph of 640x480 takes a few milliseconds.

    Raises:
        TypeError: the photograph is not uint8.
        ValueError: not one map, or NaN in it.
    """
    import cv2

    photograph, levels = _prepared(photograph, heat, hottest)
    levels = cv2.merge([levels] * 3)
    keep = np.round(255 * (1 - _opacities())).astype(np.uint8)
    add = np.round(255 * _opacities() * _colours()).astype(np.uint8)
    kept = cv2.multiply(photograph, cv2.LUT(levels, keep), scale=1 / 255)
    return cv2.add(kept, cv2.LUT(levels, add[None]))


def _prepared(photograph: Any, heat: Any, hottest: float | None) -> tuple[np.ndarray, np.ndarray]:
    """The photograph in three channels, and the heat of each of its pixels as uint8."""
    photograph, heat = np.asarray(photograph), np.asarray(heat, np.float32)
    if photograph.dtype != np.uint8:
        raise TypeError(
            f"photograph is {photograph.dtype}; uint8 is wanted: photograph.astype('uint8') if it is 0..255"
        )
    if photograph.ndim == 2:
        photograph = np.repeat(photograph[..., None], 3, axis=2)
    if photograph.ndim != 3 or photograph.shape[2] != 3:
        raise ValueError(f"photograph has shape {photograph.shape}; (height, width, 3) is wanted")
    if heat.ndim != 2:
        raise ValueError(f"heat has shape {heat.shape}; one map (rows, columns) is wanted")
    if not np.isfinite(heat).all():
        raise ValueError("heat holds NaN or infinity")
    if hottest is not None and not hottest > 0:
        raise ValueError(f"hottest is {hottest}; more than 0 is wanted")
    # No heat is no colour. Only a map with a sign starts lower: at its lowest.
    lowest = min(float(heat.min()), 0.0)
    highest = float(heat.max()) if hottest is None else hottest
    scale = 255 / (highest - lowest) if highest > lowest else 0.0
    levels = upsample(np.clip((heat - lowest) * scale, 0, 255), photograph.shape[:2])
    return photograph, (levels + 0.5).astype(np.uint8)


@functools.cache
def _colours() -> np.ndarray:
    """RGB of 256 levels of heat, 0..1."""
    from matplotlib import colormaps

    return colormaps[COLOURS](np.arange(256))[:, :3]


@functools.cache
def _opacities() -> np.ndarray:
    """How much of the photograph 256 levels of heat cover, ``(256, 1)``."""
    return OPACITY * np.linspace(0, 1, 256)[:, None] ** 0.75  # so that a little heat can be seen, too
