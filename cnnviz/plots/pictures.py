"""Figures of pictures that were drawn for a network, and of how they came about."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from cnnviz.plots.canvas import new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from cnnviz.ascent.climb import Climb


def picture_grid(
    pictures: Sequence[np.ndarray],
    labels: Sequence[str] | None = None,
    columns: int | None = None,
    title: str | None = None,
    *,
    width: float = 9.0,
) -> Figure:
    """Pictures side by side, each with its name above it.

    Args:
        pictures: uint8 RGB ``(n, height, width, 3)``, or a list of pictures.
        labels: one for each.
        columns: pictures in a row; as many as make the grid about twice as wide as high by default.
        title: above all.
        width: of the figure in inches.

    Raises:
        TypeError: not uint8.
        ValueError: no pictures, not RGB, or not one label for each.
    """
    import matplotlib.pyplot as plt

    pictures = [np.asarray(picture) for picture in pictures]
    for picture in pictures:
        if picture.dtype != np.uint8:
            raise TypeError(f"a picture is {picture.dtype}; uint8 is wanted")
        if picture.ndim != 3 or picture.shape[-1] != 3:
            raise ValueError(f"a picture has shape {picture.shape}; (height, width, 3) is wanted")
    if not pictures or (labels is not None and len(labels) != len(pictures)):
        raise ValueError(f"{len(pictures)} pictures and {len(labels or [])} labels; at least one, and a label for each")
    if columns is not None and columns < 1:
        raise ValueError(f"columns is {columns}; at least 1 is wanted")
    columns = min(columns or math.ceil(len(pictures) / max(math.isqrt(len(pictures) // 2), 1)), len(pictures))
    rows = -(-len(pictures) // columns)
    tile = width / columns
    tall = tile * max(picture.shape[0] / picture.shape[1] for picture in pictures)
    height = rows * (tall + (0.24 if labels is not None else 0.03)) + (0.35 if title else 0)
    figure = plt.figure(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.015, h_pad=0.015, wspace=0, hspace=0)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    size = min(10, 72 * tile / (0.62 * max(map(len, labels or [""])) + 1e-9))  # points: as large as fits
    for index, ax in enumerate(axes):
        ax.set_axis_off()
        if index < len(pictures):
            ax.imshow(pictures[index], interpolation="nearest" if max(pictures[index].shape) < 64 else "antialiased")
            if labels is not None:
                ax.set_title(labels[index], fontsize=size, pad=2)
    if title:
        figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    return figure


def climb_curve(
    climb: Climb, labels: Sequence[str] | None = None, *, title: str | None = None, ax: Axes | None = None
) -> Axes:
    """How the objective rose, step by step.

    Args:
        climb: what was handed to `cnnviz.ascent.maximise` as callback.
        labels: the name of each picture; written at the end of its line.
        title: above.
        ax: where to draw; a new figure by default.

    Raises:
        ValueError: nothing was climbed yet, or not one label for each picture.
    """
    scores = climb.scores
    if not scores.size:
        raise ValueError("this Climb has recorded nothing: hand it to maximise as callback first")
    if labels is not None and len(labels) != scores.shape[1]:
        raise ValueError(f"{len(labels)} labels for {scores.shape[1]} pictures; one for each is wanted")
    import matplotlib

    ax = ax or new_axes(6, 3)
    # Neighbours at the end have neighbouring colours, so that a name's colour leads to its line.
    order = np.argsort(scores[-1])
    colours = dict(zip(order, matplotlib.colormaps["viridis"](np.linspace(0, 0.75, len(order))), strict=True))
    for index, line in enumerate(scores.T):
        ax.plot(line, color=colours[index], linewidth=1.6)
    if labels is not None:
        # Names that would lie upon each other are moved apart, up and down alike.
        least = 0.058 * (np.ptp(scores) or 1)
        heights = scores[-1, order].astype(float)
        for index in range(1, len(heights)):
            heights[index] = max(heights[index], heights[index - 1] + least)
        heights -= (heights - scores[-1, order]).mean()
        for index, height in zip(order, heights, strict=True):
            place = {"xytext": (6, 0), "textcoords": "offset points", "va": "center", "annotation_clip": False}
            ax.annotate(labels[index], (len(scores) - 1, height), fontsize=8.5, color=colours[index], **place)
    ax.set(xlabel="step", ylabel="objective")
    ax.spines[["top", "right"]].set_visible(False)
    if title:
        ax.set_title(title, fontsize=10, loc="left")
    return ax


def film_strip(climb: Climb, picture: int = 0, *, most: int = 8, width: float = 9.0) -> Figure:
    """How one picture came about: what `climb` kept of it, from the first to the last.

    Args:
        climb: as for `climb_curve`.
        picture: its index in the batch.
        most: draw no more than so many, evenly spread.
        width: of the figure in inches.

    Raises:
        ValueError: nothing was climbed yet.
    """
    pictures = climb.pictures
    if not len(pictures):
        raise ValueError("this Climb has recorded nothing: hand it to maximise as callback first")
    chosen = np.unique(np.linspace(0, len(pictures) - 1, min(most, len(pictures))).round().astype(int))
    labels = [f"step {climb.steps[index]}" for index in chosen]
    return picture_grid(pictures[chosen, picture], labels, columns=len(chosen), width=width)
