"""A training of a detector as curves: the loss, its terms, average precision, with its phases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from data.training.curves import draw_curves

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SCORES = {"ap50": "AP50", "map": "mAP over IoU .5 to .95", "no_objectness": "no objectness"}


def draw_history(history: Sequence[Mapping[str, Any]], score: str = "ap50", *, ax: Axes | None = None) -> Axes:
    """One number over the epochs; where a phase ends there is a line.

    Args:
        history: rows of `yolo.training.train`.
        score: "ap50" or "map", measured on pictures held out; or "loss" or one of its terms.
        ax: where to draw.

    Raises:
        ValueError: no rows; no row with this number.
    """
    return draw_curves(history, score, words=SCORES.get(score), share=score in ("ap50", "map"), ax=ax)
