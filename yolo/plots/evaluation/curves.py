"""Precision against recall."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolo.evaluation import Curve, Evaluation
from yolo.plots.anchors import HUES
from yolo.plots.evaluation.style import DARK, MIDDLE, PALE, points, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_CURVES = len(HUES)
"""Curves that are told apart by their colours."""


def draw_precision_recall(
    evaluation: Evaluation, *, iou: float | None = None, area: str = "all", ax: Axes | None = None
) -> Axes:
    """Precision against recall of each class: interpolated as a line, as measured (where there is room) a pale one.

    AP in the legend is the area under the line ("every_point"). A point marks the best F1, and the legend says from
    which score on detections have to be kept to be there. Of more classes than colours, the three best and the three
    worst have one, and there is the mean of all.

    Args:
        evaluation: from `yolo.evaluation.evaluate`.
        iou: a measured threshold; None: the first one.
        area: a measured range of size.
        ax: where to draw; there has to be room on the right for the legend.

    Raises:
        ValueError: what was not measured; no truths at all.
    """
    import matplotlib.pyplot as plt

    iou = float(evaluation.iou_thresholds[0]) if iou is None else iou
    scores = evaluation.by_name("every_point", iou, area)
    known = np.flatnonzero(np.isfinite(scores))
    if not len(known):
        raise ValueError(f"there are no truths of size {area!r}: recall is not defined")
    ranked = known[np.argsort(-scores[known], kind="stable")]
    few = len(ranked) <= MOST_CURVES
    named = ranked if few else np.concatenate([ranked[:3], ranked[-3:]])
    wide = min(max(len(evaluation.names[number]) for number in named), 24)
    if ax is None:
        ax = plt.figure(figsize=(min(10, 7.4 + 0.075 * wide), 4.6), layout="constrained").subplots()
    _draw_f1(ax)
    if not few:
        for number in ranked:
            x, y = _staircase(evaluation.curve(int(number), iou, area))
            ax.plot(x[:-1], y[:-1], color=PALE, linewidth=0.7, zorder=2)
        recall = np.linspace(0, 1, 501)
        curves = [_at(evaluation.curve(int(number), iou, area), recall) for number in ranked]
        label = f"mean of {len(ranked)}  {points(evaluation.ap('every_point', iou, area))}"
        ax.plot(recall, np.mean(curves, axis=0), color="black", linewidth=2.4, label=label, zorder=5)
    for place, number in enumerate(named):
        curve, colour = evaluation.curve(int(number), iou, area), HUES[place]
        label = f"{short(evaluation.names[number])}  {points(scores[number])}"
        if len(curve.scores):
            best = int(curve.f1.argmax())
            label += f"  (F1 {points(curve.f1[best])} at {points(curve.scores[best])})"
            point = curve.recall[best], curve.precision[best]
            ax.plot(*point, "o", color=colour, markeredgecolor="white", markersize=7, zorder=7, clip_on=False)
        if len(named) <= 3:
            ax.plot(curve.recall, curve.precision, color=colour, linewidth=0.8, alpha=0.5, zorder=3)
        ax.plot(*_staircase(curve), color=colour, linewidth=1.8, label=label, zorder=4)
    ax.set(xlim=(0, 1), ylim=(0, 1.01), xlabel="recall", ylabel="precision")
    ax.spines[["top", "right"]].set_visible(False)
    size = "" if area == "all" else f", {area} objects"
    mean = "" if len(ranked) == 1 else f": mean AP {points(evaluation.ap('every_point', iou, area))}"
    ax.set_title(f"IoU at least {points(iou)}{size}{mean}", fontsize=11, loc="left", color=DARK)
    without = len(scores) - len(known)
    title = "AP  (best F1 at this score)" + (f"\n{without} without truths left out" if without else "")
    ax.legend(
        title=title, loc="upper left", bbox_to_anchor=(1.1, 1), frameon=False, fontsize=9, title_fontsize=9,
        alignment="left", labelcolor=DARK, borderaxespad=0, handlelength=1.6,
    )  # fmt: skip
    return ax


def _draw_f1(ax: Axes) -> None:
    """Faint lines of equal F1."""
    for f1 in (0.2, 0.4, 0.6, 0.8):
        recall = np.linspace(f1 / (2 - f1), 1, 100)
        ax.plot(recall, f1 * recall / (2 * recall - f1), color="#e3e5e8", linewidth=0.9, zorder=1)
        ax.text(1.01, f1 / (2 - f1), f"F1 {points(f1)}", fontsize=8, color=MIDDLE, va="center")


def _staircase(curve: Curve) -> tuple[np.ndarray, np.ndarray]:
    """The corners of the interpolated curve, from recall 0 to the largest, and down."""
    reached, first = np.unique(curve.recall, return_index=True)
    high = curve.interpolated[first]
    keep = reached > 0
    reached, high = reached[keep], high[keep]
    x = np.concatenate([[0], np.repeat(reached, 2)])
    y = np.concatenate([np.repeat(high, 2), [0]]) if len(high) else np.zeros(1)
    return x, y


def _at(curve: Curve, recall: np.ndarray) -> np.ndarray:
    """The interpolated precision at these recalls, 0 where they are not reached."""
    place = np.searchsorted(curve.recall, recall)
    return np.append(curve.interpolated, 0.0)[place]
