"""How good a detector is, drawn: precision against recall, what is taken for what, what each kind of error costs."""

from __future__ import annotations

from yolo.plots.evaluation.confusion import confusion_shares, draw_confusion
from yolo.plots.evaluation.curves import draw_precision_recall
from yolo.plots.evaluation.errors import draw_errors

__all__ = ["confusion_shares", "draw_confusion", "draw_errors", "draw_precision_recall"]
