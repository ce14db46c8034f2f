"""A training as curves over the epochs, with its phases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEARNT, HELD_OUT = "#0072B2", "#D55E00"  # Okabe and Ito 2008
DARK, MIDDLE = "#333333", "#8a8a8a"


def draw_curves(
    history: Sequence[Mapping[str, Any]],
    score: str,
    *,
    words: str | None = None,
    share: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """One number over the epochs: on the views that are learnt from and on what is held out, as far as it was measured.

    Where a phase ends there is a line; the phases' names stand above.

    Args:
        history: rows of a training: ``epoch``, ``phase``, numbers, and with ``val_`` before them those held out.
        score: name of the number, without ``val_``.
        words: for the axis; None: the name.
        share: it is of 0..1: the axis shows all of that.
        ax: where to draw.

    Raises:
        ValueError: no rows; no row with this number.
    """
    import matplotlib.pyplot as plt

    if not history:
        raise ValueError("history is empty; a training of at least one epoch is wanted")
    if not any(score in row or f"val_{score}" in row for row in history):
        raise ValueError(f"score is {score!r}; the history has {', '.join(history[0])}")
    if ax is None:
        ax = plt.figure(figsize=(5, 3.4), layout="constrained").subplots()
    epochs = [row["epoch"] for row in history]
    lines = ((score, LEARNT, "views learnt from"), (f"val_{score}", HELD_OUT, "held out"))
    for name, colour, label in lines:
        there = [row for row in history if name in row]
        if there:
            ax.plot(
                [row["epoch"] for row in there], [row[name] for row in there], color=colour, linewidth=1.8, label=label,
                **({"marker": "o", "markersize": 4} if len(there) < 3 else {}),
            )  # fmt: skip
    # Two phases may have one name; then numbers tell them apart.
    numbers = [row.get("phase_number", row.get("phase")) for row in history]
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
    ax.set(xlabel="epoch", ylabel=words or score, xlim=(epochs[0] - margin, epochs[-1] + margin))
    ax.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    if share:
        ax.set_ylim(0, 1)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.25)
    ax.legend(frameon=False, fontsize=9, labelcolor=DARK)
    return ax
