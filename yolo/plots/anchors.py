"""Anchors among the shapes of a data set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from yolo.anchors import best_possible_recall, shape_iou

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HUES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000")  # Okabe and Ito 2008
MARKS = ("o", "^", "s")
"""Together with `HUES`: 21 anchors are told apart."""


def draw_anchors(
    shapes: Any, anchors: Any, *, threshold: float = 0.5, title: str | None = None, ax: Axes | None = None
) -> Axes:
    """Every box as a point at its width and height, in the colour of its best anchor, and the anchors as rectangles.

    The rectangle of an anchor has its lower left corner at 0, and its upper right one where the anchor is as a point.

    Args:
        shapes: ``(n, 2)`` widths and heights in pixels, from `yolo.anchors.shapes_of`.
        anchors: ``(count, 2)``.
        threshold: of the share that could be found by shape, in the title.
        title: instead of mean IoU and that share.
        ax: where to draw.

    Raises:
        ValueError: as `yolo.anchors.shape_iou`.
    """
    import matplotlib.pyplot as plt
    from matplotlib.patches import Rectangle

    iou = shape_iou(shapes, anchors)
    shapes, anchors = np.asarray(shapes, np.float64), np.asarray(anchors, np.float64)
    if title is None:
        share = best_possible_recall(shapes, anchors, threshold)
        title = f"mean IoU {iou.max(axis=1).mean():.2f}; {100 * share:.1f} % have an anchor with IoU > {threshold:g}"
    farthest = np.concatenate([shapes, anchors]).max(axis=0) * 1.04
    if ax is None:
        # About as high as the shapes are, beside the legend.
        height = float(np.clip(0.9 + 4.6 * farthest[1] / farthest[0], 3, 8))
        ax = plt.figure(figsize=(7, height), layout="constrained").subplots()
    best = iou.argmax(axis=1)
    size = float(np.clip(9000 / len(shapes), 4, 30))
    for number, (width, height) in enumerate(anchors):
        colour, mark = HUES[number % len(HUES)], MARKS[number // len(HUES) % len(MARKS)]
        mine = shapes[best == number]
        ax.scatter(*mine.T, s=size, color=colour, marker=mark, alpha=0.35, linewidths=0, zorder=1)
        ax.add_patch(Rectangle((0, 0), width, height, fill=False, edgecolor=colour, linewidth=1.8, zorder=3))
        label = f"{width:.0f} × {height:.0f}: {len(mine)}"
        ax.plot(width, height, mark, color=colour, markeredgecolor="white", markersize=9, zorder=4, label=label)
    ax.set(xlim=(0, farthest[0]), ylim=(0, farthest[1]), xlabel="width (pixels)", ylabel="height (pixels)")
    ax.set_aspect("equal", adjustable="box")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(
        title="anchor: boxes", loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=9, alignment="left"
    )
    ax.set_title(title, fontsize=11, loc="left")
    return ax
