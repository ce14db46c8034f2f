"""The loss of one picture, drawn: who learns what on each grid, and what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolo.explanation.records import Explanation, HeadView, Lesson

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito 2008
TRUTH, ANCHOR, PREDICTED, IGNORED, ALARM = "#F0E442", "#FFFFFF", "#56B4E9", "#009E73", "#D55E00"
TERMS = {
    "box": "#0072B2", "objectness": "#E69F00", "classes": "#009E73", "no_objectness": "#999999", "priors": "#CC79A7",
}  # fmt: skip
DARK = "#333333"


def draw_explanation(explanation: Explanation, *, width: float = 10, alarms: int = 5) -> Figure:
    """A panel for each head, and below them (beside, if there is one) the terms and the truths, what each costs.

    In a panel: the grid of the head, on the picture that the network saw; of each truth that this head learns the box,
    its cell, the anchor in the middle of the cell, and the box that is predicted now; circles in the cells of
    predictions that are ignored, crosses in those of the dearest false alarms.

    Args:
        explanation: from `yolo.explain_loss`.
        width: of the figure in inches.
        alarms: how many false alarms are marked.
    """
    import matplotlib.pyplot as plt

    count = len(explanation.heads)
    rows, columns = explanation.picture.shape[:2]
    bars = 0.32 * max(len(explanation.terms), len(explanation.lessons)) + 0.75
    if count == 1:
        height = max(0.55 * width * rows / columns, 2 * bars) + 0.9
        figure = plt.figure(figsize=(width, min(height, width)), layout="constrained")
        left, right = figure.subfigures(1, 2, width_ratios=(1.25, 1))
        panels, below = [left.subplots()], right.subplots(2)
    else:
        top = width / count * rows / columns + 0.5
        figure = plt.figure(figsize=(width, top + bars + 0.5), layout="constrained")
        above, under = figure.subfigures(2, 1, height_ratios=(top, bars))
        panels, below = above.subplots(1, count), under.subplots(1, 2)
    worst = explanation.false_alarms(alarms)
    for number, ax in enumerate(panels):
        draw_head(explanation, number, ax, worst=worst)
    _draw_terms(explanation, below[0])
    _draw_truths(explanation, below[1])
    figure.legend(
        handles=_keys(explanation), loc="outside lower center", ncols=6, frameon=False, fontsize=9, labelcolor=DARK,
        handlelength=1.8, columnspacing=1.2,
    )  # fmt: skip
    return figure


def draw_head(explanation: Explanation, number: int, ax: Axes, *, worst: tuple = ()) -> None:
    """One panel of `draw_explanation`.

    Args:
        explanation: from `yolo.explain_loss`.
        number: of the head.
        ax: where to draw.
        worst: the false alarms to mark.
    """
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Rectangle

    head = explanation.heads[number]
    rows, columns = head.grid
    height, width = explanation.picture.shape[:2]
    wide, high = width / columns, height / rows
    ax.imshow(_pale(explanation.picture), extent=(0, width, height, 0))
    line = {"color": "white", "linewidth": 0.5, "alpha": 0.35 if rows * columns > 400 else 0.6}
    ax.hlines(np.arange(1, rows) * high, 0, width, **line)
    ax.vlines(np.arange(1, columns) * wide, 0, height, **line)

    learned = [one for one in explanation.lessons if one.head == number]
    for one in learned:
        left, top = one.column * wide, one.row * high
        ax.add_patch(
            Rectangle(
                (left, top), wide, high, facecolor=(*to_rgb(TRUTH), 0.5), edgecolor=TRUTH, linewidth=0.8, zorder=2
            )
        )
        x1, y1, x2, y2 = one.predicted
        _box(ax, (x1, y1, x2 - x1, y2 - y1), PREDICTED, "-", 1.4)
        if one.anchor_sides is not None:
            w, h = one.anchor_sides
            _box(ax, (left + wide / 2 - w / 2, top + high / 2 - h / 2, w, h), ANCHOR, "--", 1.2)
    for one in learned:
        x1, y1, x2, y2 = one.box
        _box(ax, (x1, y1, x2 - x1, y2 - y1), TRUTH, "-", 1.8)
        right = x2 > 0.8 * width
        ax.text(
            min(x2, width) if right else max(x1, 0), max(y1, 0.04 * height), _label(one, width), fontsize=8,
            color="black", va="bottom", ha="right" if right else "left", zorder=6,
            bbox={"facecolor": TRUTH, "edgecolor": "none", "pad": 1.2},
        )  # fmt: skip
    _mark(ax, head.ignored.any(axis=2), wide, high, "o", IGNORED)
    alarm = np.zeros((rows, columns), bool)
    for one in worst:
        if one.head == number:
            alarm[one.row, one.column] = True
    _mark(ax, alarm, wide, high, "X", ALARM)
    ax.set(xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[])
    shapes = f"{len(head.anchors)} boxes" if explanation.version == "v1" else f"anchors {_numbers(head)}"
    ignored = "" if head.best_iou is None else f", ignores {int(head.ignored.sum())}"
    ax.set_title(f"{rows} × {columns}, {shapes}: learns {len(learned)}{ignored}", fontsize=9, color=DARK)


def _label(one: Lesson, width: float) -> str:
    """The number, and the name where there is room."""
    return f"{one.truth} {one.name}" if one.box[2] - one.box[0] > width / 8 else str(one.truth)


def _numbers(head: HeadView) -> str:
    return ", ".join(map(str, head.anchors))


def _box(ax: Axes, place: tuple[float, float, float, float], colour: str, style: str, line: float) -> None:
    from matplotlib.patches import Rectangle

    left, top, width, height = place
    for under, shade in ((line + 1.4, "black"), (line, colour)):
        ax.add_patch(
            Rectangle((left, top), width, height, fill=False, edgecolor=shade, linestyle=style, linewidth=under,
                      alpha=0.6 if shade == "black" else 1, zorder=3)
        )  # fmt: skip


def _mark(ax: Axes, cells: np.ndarray, wide: float, high: float, mark: str, colour: str) -> None:
    row, column = np.nonzero(cells)
    filled = mark == "X"
    ax.scatter(
        (column + 0.5) * wide, (row + 0.5) * high, marker=mark, s=34 if filled else 26, zorder=5,
        facecolor=colour if filled else "none", edgecolor="white" if filled else colour,
        linewidths=0.8 if filled else 1.6,
    )  # fmt: skip


def _draw_terms(explanation: Explanation, ax: Axes) -> None:
    names, values = list(explanation.terms), list(explanation.terms.values())
    ax.barh([name.replace("_", " ") for name in names], values, color=[TERMS[name] for name in names], height=0.65)
    for place, name in enumerate(names):
        text = f" {values[place]:.2f} ({100 * explanation.shares[name]:.0f} %)"
        ax.text(values[place], place, text, va="center", ha="left", fontsize=9, color=DARK)
    _tidy(ax, max(values, default=0), 1.45, f"loss {explanation.total:.2f}, by term")


def _draw_truths(explanation: Explanation, ax: Axes) -> None:
    lessons = explanation.lessons
    left = np.zeros(len(lessons))
    for index, term in enumerate(("box", "objectness", "classes")):
        values = np.array([one.losses[index] for one in lessons], float)
        ax.barh(np.arange(len(lessons)), values, left=left, color=TERMS[term], height=0.65)
        left += values
    for place, one in enumerate(lessons):
        text = f" {left[place]:.2f}" if left[place] or not one.note else " not learned"
        ax.text(left[place], place, text, va="center", ha="left", fontsize=9, color=DARK)
    labels = [f"{one.truth} {one.name}" for one in lessons]
    if len(explanation.heads) > 1:
        grids = ["{} × {}".format(*explanation.heads[one.head].grid) if one.head is not None else "" for one in lessons]
        labels = [f"{label}, {grid}" if grid else label for label, grid in zip(labels, grids)]
    ax.set_yticks(np.arange(len(lessons)), labels)
    _tidy(ax, left.max(initial=0), 1.25, "box, objectness and classes of each truth")


def _tidy(ax: Axes, largest: float, room: float, title: str) -> None:
    ax.set_xlim(0, room * largest or 1)
    ax.invert_yaxis()
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=9, colors=DARK)
    ax.set_title(title, fontsize=10, loc="left", color=DARK)


def _keys(explanation: Explanation) -> list:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    grey = "#777777"
    keys = [Line2D([], [], color="#C9B800", label="truth"), Patch(facecolor=TRUTH, alpha=0.7, label="its cell")]
    if explanation.version != "v1":
        keys.append(Line2D([], [], color=grey, linestyle="--", label="its anchor"))
    keys.append(Line2D([], [], color=PREDICTED, label="predicted now"))
    if explanation.version != "v1":
        keys.append(Line2D([], [], marker="o", linestyle="", color="none", markeredgecolor=IGNORED,
                           markeredgewidth=1.6, label="ignored"))  # fmt: skip
    keys.append(Line2D([], [], marker="X", linestyle="", color=ALARM, markeredgecolor="white", markersize=8,
                       label="false alarm"))  # fmt: skip
    return keys


def _pale(picture: np.ndarray) -> np.ndarray:
    """Darker and less coloured, so that lines are seen on it."""
    grey = picture @ np.array([0.299, 0.587, 0.114])
    return (0.75 * (0.55 * picture + 0.45 * grey[..., None])).astype(np.uint8)
