"""Where a network suspects objects: the objectness of every cell, head by head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from yolo.cells import objectness

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = "magma"


def draw_objectness(
    image: np.ndarray, heads: Sequence[Any], anchors: Sequence[Any], *, every_anchor: bool = False
) -> Figure:
    """The picture, and beside it the objectness of each head over the picture in grey: black is 0, white 1.

    Args:
        image: uint8 RGB, the network's input: `yolo.detector.Sight.canvas`.
        heads: raw, each (rows, columns, anchors * (5 + classes)) or a batch of one.
        anchors: for each head (anchors, 2), pixels.
        every_anchor: a panel for each anchor; else the largest of a cell's anchors.

    Raises:
        ValueError: shapes that do not fit.
    """
    import matplotlib.pyplot as plt

    if len(heads) != len(anchors) or not len(heads):
        raise ValueError(f"{len(heads)} heads and {len(anchors)} lists of anchors; as many of each, at least one")
    height, width = image.shape[:2]
    rows = []
    for head, priors in zip(heads, anchors):
        sure = objectness(head, len(priors))
        stride = height // sure.shape[0]
        if sure.shape[0] * stride != height or sure.shape[1] * stride != width:
            raise ValueError(f"image is {height} x {width}; {sure.shape[0]} x {sure.shape[1]} cells do not fit it")
        if every_anchor:
            maps = [(sure[..., index], f"stride {stride}, anchor {w:g} × {h:g}") for index, (w, h) in enumerate(priors)]
        else:
            maps = [(sure.max(axis=-1), f"stride {stride}: {sure.shape[0]} × {sure.shape[1]} cells")]
        rows.append(maps)
    if not every_anchor:
        rows = [[one for maps in rows for one in maps]]
    columns = 1 + max(map(len, rows))
    side = 10 / columns
    figure = plt.figure(figsize=(10, len(rows) * side * height / width + 0.9), layout="constrained")
    panels = figure.subplots(len(rows), columns, squeeze=False)
    shown = None
    for place, (row, maps) in enumerate(zip(panels, rows)):
        for ax in row:
            ax.set_axis_off()
        if place == 0:
            row[0].imshow(image)
            row[0].set_title("the network's input", fontsize=10)
        for ax, (sure, title) in zip(row[1:], maps):
            ax.imshow(image.mean(axis=-1), cmap="gray", vmin=0, vmax=255)
            # The picture shines through where nothing is suspected, and where something is the map covers it.
            cover = np.clip(0.55 + 0.45 * sure, 0, 1)
            shown = ax.imshow(sure, cmap=COLOURS, vmin=0, vmax=1, alpha=cover, extent=(0, width, height, 0))
            ax.set(xlim=(0, width), ylim=(height, 0))
            ax.set_title(title, fontsize=10)
    bar = figure.colorbar(shown, ax=panels, location="bottom", shrink=0.5, aspect=40, pad=0.02)
    bar.set_label("objectness")
    bar.solids.set_alpha(1)
    return figure
