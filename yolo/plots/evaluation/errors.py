"""Why detections are wrong, and what each kind of error costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolo.drawing.colours import ink_on
from yolo.evaluation import Errors
from yolo.plots.evaluation.style import DARK, points, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KINDS = {
    "correct": "#c9ccd1", "localisation": "#E69F00", "class": "#0072B2", "both": "#CC79A7", "duplicate": "#009E73",
    "similar": "#56B4E9", "other": "#0072B2", "background": "#D55E00", "missed": "#333333",
}  # fmt: skip
"""Okabe and Ito 2008, and greys."""
MOST_BARS = 12
"""Classes whose errors are drawn one by one."""


def draw_errors(
    errors: Errors,
    names: list[str] | tuple[str, ...] | None = None,
    *,
    score: float | None = None,
    width: float = 10,
) -> Figure:
    """How many detections are wrong in each way, and what each way costs in average precision; then class by class.

    With more than 12 classes those with the most errors are drawn.

    Args:
        errors: from `yolo.evaluation.false_positives`; "hoiem" has no costs.
        names: of the classes; None: "class 0", ...
        score: from which on the detections were counted, where the costs are those of all; for the titles.
        width: of the figure in inches.

    Raises:
        ValueError: not one name per class.
    """
    import matplotlib.pyplot as plt

    classes = len(errors.counts)
    names = [f"class {number}" for number in range(classes)] if names is None else list(names)
    if len(names) != classes:
        raise ValueError(f"there are {len(names)} names and {classes} classes")
    kinds = [*errors.kinds[1:], "missed"]
    by_class = np.flatnonzero(errors.counts.sum(axis=1))
    wrong = errors.counts[:, 1:].sum(axis=1)
    if len(by_class) > MOST_BARS:
        by_class = np.sort(by_class[np.argsort(-wrong[by_class], kind="stable")[:MOST_BARS]])
    high, low = 0.34 * len(kinds) + (0.75 if score is None else 0.93), 0.34 * (len(by_class) + 1) + 0.95
    several = len(by_class) > 1
    figure = plt.figure(figsize=(width, high + low * several), layout="constrained")
    rows = figure.subfigures(1 + several, 1, height_ratios=(high, low)[: 1 + several], squeeze=False)[:, 0]
    panels = rows[0].subplots(1, 1 + bool(errors.cost), sharey=True, squeeze=False)[0]
    totals = np.array([*errors.counts[:, 1:].sum(axis=0), errors.missed.sum()])
    _bars(panels[0], kinds, totals, [f" {count}" for count in totals.tolist()])
    everything, right = int(errors.counts.sum()), int(errors.counts[:, 0].sum())
    since = ", " if score is None else f" from score {points(score)} on:\n"
    title = f"{everything} detections{since}{right} of them right; {int(totals[-1])} truths missed"
    panels[0].set_title(title, fontsize=10, loc="left", color=DARK)
    if errors.cost:
        costs = np.array([100 * errors.cost[kind] for kind in kinds])
        _bars(panels[1], kinds, np.nan_to_num(costs), [f" {cost:.1f}" for cost in costs])
        where = ", " if score is None else ",\nof detections of any score, "
        title = f"AP that would be won without them{where}in points of 100"
        panels[1].set_title(title, fontsize=10, loc="left", color=DARK)
    panels[0].invert_yaxis()
    if several:
        _draw_by_class(rows[1].subplots(), errors, names, by_class)
    return figure


def _bars(ax: Axes, kinds: list[str], values: np.ndarray, words: list[str]) -> None:
    ax.barh(kinds, values, color=[KINDS[kind] for kind in kinds], height=0.66)
    for place, (value, word) in enumerate(zip(values.tolist(), words)):
        ax.text(max(value, 0), place, word, va="center", ha="left", fontsize=9, color=DARK)
    ax.set_xlim(min(0, values.min()), 1.16 * max(values.max(), 1e-9))
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=9, colors=DARK)
    ax.tick_params(axis="y", length=0)
    ax.xaxis.get_major_locator().set_params(nbins=6)


def _draw_by_class(ax: Axes, errors: Errors, names: list[str], chosen: np.ndarray) -> None:
    from matplotlib.colors import to_rgb

    counts = np.concatenate([errors.counts.sum(axis=0, keepdims=True), errors.counts[chosen]])
    labels = ["all classes", *(short(names[number]) for number in chosen)]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    left = np.zeros(len(counts))
    for kind, column in zip(errors.kinds, shares.T):
        ax.barh(labels, 100 * column, left=left, color=KINDS[kind], height=0.7, label=kind)
        for place, (start, share) in enumerate(zip(left, 100 * column)):
            if share >= 6:
                ink = np.divide(ink_on(255 * np.array(to_rgb(KINDS[kind]))), 255)
                ax.text(start + share / 2, place, f"{share:.0f}", va="center", ha="center", fontsize=8, color=ink)
        left += 100 * column
    for place, count in enumerate(counts.sum(axis=1).tolist()):
        ax.text(101, place, str(count), va="center", ha="left", fontsize=9, color=DARK)
    ax.invert_yaxis()
    ax.set_xlim(0, 100)
    ax.spines[:].set_visible(False)
    ax.tick_params(labelsize=9, colors=DARK)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("per cent of the detections, whose number is on the right", fontsize=9, color=DARK)
    left_out = int((errors.counts.sum(axis=1) > 0).sum()) - len(chosen)
    title = "class by class" + (
        f", the {len(chosen)} with the most errors of {len(chosen) + left_out}" if left_out else ""
    )
    ax.set_title(title, fontsize=10, loc="left", color=DARK)
    ax.legend(
        loc="lower right", bbox_to_anchor=(1, 1), ncols=len(errors.kinds), frameon=False, fontsize=8.5, labelcolor=DARK,
        handlelength=1, handleheight=1, columnspacing=1, borderaxespad=0.1,
    )  # fmt: skip
