"""A training as curves: loss and mean IoU over the epochs, with its phases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEARNT, HELD_OUT = "#0072B2", "#D55E00"  # Okabe and Ito 2008
DARK, MIDDLE = "#333333", "#8a8a8a"
SCORES = {"loss": "loss", "mean_iou": "mean IoU", "global_accuracy": "global accuracy"}


def draw_history(history: Sequence[Mapping[str, Any]], score: str = "mean_iou", *, ax: Axes | None = None) -> Axes:
    """One score over the epochs: on the views that are learnt from and, where it was measured, on the pairs held out.

    Where a phase ends there is a line; the phases' names stand above.

    Args:
        history: rows of `fcn.training.train`.
        score: "loss", "mean_iou", "global_accuracy", or another number of the rows.
        ax: where to draw.

    Raises:
        ValueError: no rows; rows without this score.
    """
    import matplotlib.pyplot as plt

    if not history:
        raise ValueError("history is empty; a training of at least one epoch is wanted")
    if any(score not in row for row in history):
        raise ValueError(f"score is {score!r}; the history has {', '.join(history[0])}")
    if ax is None:
        ax = plt.figure(figsize=(5, 3.4), layout="constrained").subplots()
    epochs = [row["epoch"] for row in history]
    alone = {"marker": "o", "markersize": 4} if len(history) < 3 else {}
    ax.plot(epochs, [row[score] for row in history], color=LEARNT, linewidth=1.8, label="views learnt from", **alone)
    measured = [row.get(f"val_{score}", np.nan) for row in history]
    if not np.isnan(measured).all():
        ax.plot(epochs, measured, color=HELD_OUT, linewidth=1.8, label="held out", **alone)
    numbers = [row.get("phase_number", 0) for row in history]
    starts = [i for i in range(len(history)) if i == 0 or numbers[i] != numbers[i - 1]]
    for start, end in zip(starts, [*starts[1:], len(history)]):
        if start:
            ax.axvline((epochs[start - 1] + epochs[start]) / 2, color=MIDDLE, linewidth=1, linestyle="--")
        if len(starts) > 1:
            middle = (epochs[start] + epochs[end - 1]) / 2
            ax.annotate(
                history[start].get("phase", ""), (middle, 1), xycoords=("data", "axes fraction"), xytext=(0, 3),
                textcoords="offset points", ha="center", fontsize=9, color=MIDDLE, annotation_clip=False,
            )  # fmt: skip
    margin = 0.5 if len(history) < 3 else 0.02 * (epochs[-1] - epochs[0])
    ax.set(xlabel="epoch", ylabel=SCORES.get(score, score), xlim=(epochs[0] - margin, epochs[-1] + margin))
    ax.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    if score != "loss":
        ax.set_ylim(0, 1)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.25)
    ax.legend(frameon=False, fontsize=9, labelcolor=DARK)
    return ax
