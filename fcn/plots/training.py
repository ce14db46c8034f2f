"""A training as curves: loss and mean IoU over the epochs, with its phases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from data.training.curves import draw_curves

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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
    return draw_curves(history, score, words=SCORES.get(score), share=score != "loss", ax=ax)
