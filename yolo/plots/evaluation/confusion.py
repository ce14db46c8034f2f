"""What is taken for what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolo.drawing.colours import ink_on
from yolo.evaluation import Confusion
from yolo.plots.evaluation.style import DARK, MIDDLE, PALE, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

MOST_NUMBERS = 16
"""Classes whose matrix has room for numbers."""
COLOURS = "magma_r"


def draw_confusion(confusion: Confusion, *, width: float | None = None) -> Figure:
    """The confusion matrix: what is in the picture in rows, what was said in columns, the share as colour.

    Shares are of the truths of a row, so the diagonal is each class's recall; in the last row, where nothing was, they
    are of the detections of a column. Counts and shares are written in the cells where there is room; with more than 16
    classes the errors that are made most often are listed beside the matrix instead.

    Args:
        confusion: from `yolo.evaluation.confusion`.
        width: of the figure in inches; None: as the number of classes wants it, 10 at most.
    """
    import matplotlib.pyplot as plt
    from matplotlib.colors import PowerNorm
    from matplotlib.patches import Rectangle

    counts, classes = confusion.counts, len(confusion.names) - 1
    labels = [short(name) for name in confusion.names]
    shares = confusion_shares(counts)
    roomy = classes <= MOST_NUMBERS
    longest = max(map(len, labels))
    if width is None:
        width = min(10, 2.6 + 0.075 * longest + max(0.62, 1.05 - 0.06 * classes) * (classes + 1)) if roomy else 10
    figure = plt.figure(figsize=(width, (0.88 if roomy else 0.76) * width), layout="constrained")
    panels = figure.subplots(1, 1 if roomy else 2, width_ratios=(1,) if roomy else (1, 0.32), squeeze=False)[0]
    ax = panels[0]
    # The square root of the share: that of an error is small, and it is errors that one wants to see.
    shown = ax.imshow(np.ma.masked_equal(shares, 0), cmap=COLOURS, norm=PowerNorm(0.5, 0, 1))
    nothing = Rectangle((classes - 0.5, classes - 0.5), 1, 1, facecolor="#f1f2f4", edgecolor=PALE, hatch="//////", lw=0)
    ax.add_patch(nothing)  # who sees nothing where nothing is cannot be counted
    side = 72 * width * (0.55 if roomy else 0.69) / (classes + 1)  # of a cell in points, about
    size = float(np.clip(0.95 * side, 4, 10 if roomy else 9))
    places = np.arange(classes + 1)
    upright = 0.6 * size * longest < 0.9 * side
    ax.set_xticks(places, labels, rotation=0 if upright else 90, fontsize=size)
    ax.set_yticks(places, labels, fontsize=size)
    ax.set_xticks(places - 0.5, minor=True)
    ax.set_yticks(places - 0.5, minor=True)
    ax.tick_params(which="both", length=0, labelcolor=DARK, pad=3 if roomy else 1)
    ax.grid(which="minor", color="#e3e5e8", linewidth=0.6 if roomy else 0.25)
    ax.spines[:].set_color(PALE)
    for line in (ax.axhline, ax.axvline):
        line(classes - 0.5, color=MIDDLE, linewidth=1.2)
    ax.set_xlabel("said", fontsize=11, color=DARK)
    ax.set_ylabel("true", fontsize=11, color=DARK)
    where = {"ax": ax, "shrink": 0.75, "pad": 0.02}
    if roomy:
        _write_numbers(ax, counts, shares, shown, min(size, side / 4.2))
    else:
        _list_errors(panels[1], counts, shares, labels)
        where = {"cax": panels[1].inset_axes((0, 0.03, 1, 0.018)), "orientation": "horizontal"}
    bar = figure.colorbar(shown, ticks=[0, 0.05, 0.2, 0.5, 1], format=lambda share, _: f"{100 * share:.0f} %", **where)
    bar.ax.tick_params(labelsize=8, labelcolor=DARK)
    bar.outline.set_visible(False)
    bar.set_label("share of the truths of a row;\nlast row: of the detections of a column", fontsize=8, color=DARK)
    return figure


def confusion_shares(counts: np.ndarray) -> np.ndarray:
    """Of the truths of each row; in the last row, which has none, of the detections of each column. Zeros for none.

    >>> confusion_shares(np.array([[3, 1], [1, 0]])).tolist()
    [[0.75, 0.25], [0.25, 0.0]]
    """
    totals = np.repeat(counts.sum(axis=1, keepdims=True), len(counts), axis=1)
    totals[-1] = counts.sum(axis=0)
    return np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)


def _write_numbers(ax: Axes, counts: np.ndarray, shares: np.ndarray, shown: AxesImage, size: float) -> None:
    for row, column in zip(*np.nonzero(counts)):
        share = 100 * shares[row, column]
        percent = "<1 %" if share < 0.5 else f"{share:.0f} %"
        ink = np.divide(ink_on(255 * np.array(shown.to_rgba(shares[row, column])[:3])), 255)
        ax.text(
            column, row, f"{counts[row, column]}\n{percent}", ha="center", va="center", fontsize=size, color=ink,
            linespacing=1.15,
        )  # fmt: skip


def _list_errors(ax: Axes, counts: np.ndarray, shares: np.ndarray, names: list[str]) -> None:
    """The errors that are made most often: taken for another, missed, seen where nothing is."""
    last = len(names) - 1
    another, missed, nothing = np.zeros_like(counts), np.zeros_like(counts), np.zeros_like(counts)
    another[:last, :last] = counts[:last, :last] * ~np.eye(last, dtype=bool)
    missed[:last, last], nothing[last, :last] = counts[:last, last], counts[last, :last]
    lines = []
    for title, part, most, words in (
        ("taken for another", another, 12, "{0} as {1}"),
        ("missed", missed, 6, "{0}"),
        ("nothing there", nothing, 6, "{1}"),
    ):
        lines.append((title, ""))
        for place in np.argsort(-part, axis=None, kind="stable")[:most]:
            row, column = np.unravel_index(place, part.shape)
            if part[row, column]:
                name = words.format(names[row], names[column])
                lines.append((short(name, 29), f"{counts[row, column]}   {100 * shares[row, column]:2.0f} %"))
        lines.append(("", ""))
    ax.set_axis_off()
    ax.set(xlim=(0, 1), ylim=(32, 0))
    for place, (name, number) in enumerate(lines):
        ax.text(0, place, name, fontsize=8, color=DARK, va="top", weight="normal" if number else "bold")
        ax.text(1, place, number, fontsize=8, color=DARK, va="top", ha="right")
