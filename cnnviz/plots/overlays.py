"""A map over the photograph that it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cnnviz.plots.canvas import COLOURS, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def overlay(photograph: np.ndarray, heat: np.ndarray, *, ax: Axes | None = None, title: str | None = None) -> Axes:
    """A map laid over the photograph that it belongs to.

    Args:
        photograph: uint8 RGB ``(height, width, 3)``.
        heat: ``(rows, columns)``, any size; drawn over the whole photograph, smooth between the centres of its cells.
        ax: where to draw; a small figure by default.
        title: above it.

    Raises:
        TypeError: the photograph is not uint8.
        ValueError: not one map.
    """
    if photograph.dtype != np.uint8:
        raise TypeError(
            f"photograph is {photograph.dtype}; uint8 is wanted: photograph.astype('uint8') if it is 0..255"
        )
    if np.ndim(heat) != 2:
        raise ValueError(f"heat has shape {np.shape(heat)}; one map (rows, columns) is wanted")
    ax = ax or new_axes(3.4, 3.7 if title else 3.4)
    extent = (0, photograph.shape[1], photograph.shape[0], 0)
    ax.imshow(photograph, extent=extent)
    ax.imshow(heat, cmap=COLOURS, alpha=0.6, extent=extent, interpolation="bilinear")
    ax.set_axis_off()
    if title:
        ax.set_title(title, fontsize=10)
    return ax
