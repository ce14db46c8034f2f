"""How good a detector is: average precision, its curve, what is confused with what, and why detections are wrong.

    from yolo.evaluation import evaluate
    result = evaluate(data, detections, names=data.names)
    print(result)
    result.ap("every_point", iou=0.5), result.curve("car", iou=0.5)

- `evaluate`: average precision and recall in three conventions, by IoU thresholds and sizes, in one pass.
- `evaluate_detector`: the same of a `yolo.Detector` on a data set; `detections_of`: what it finds there.
- `MeanAveragePrecision`: a callback for Keras's `fit`.
- `evaluate_coco`, `read_coco`, `coco_summary`: from COCO's JSON files, and the twelve numbers of COCO's own program.
- `confusion`: the confusion matrix.
- `false_positives`: errors of place, of class, duplicates, background, and what each kind costs (Hoiem; TIDE).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolo.evaluation.average import COCO_AREAS, COCO_THRESHOLDS, Curve, Evaluation, evaluate
from yolo.evaluation.coco_files import coco_summary, evaluate_coco, read_coco
from yolo.evaluation.confusion import Confusion, confusion
from yolo.evaluation.detecting import detections_of, evaluate_detector
from yolo.evaluation.errors import Errors, false_positives
from yolo.evaluation.gathering import Detection, Truth

if TYPE_CHECKING:
    from yolo.evaluation.callback import MeanAveragePrecision as MeanAveragePrecision

__all__ = [
    "COCO_AREAS",
    "COCO_THRESHOLDS",
    "Confusion",
    "Curve",
    "Detection",
    "Errors",
    "Evaluation",
    "MeanAveragePrecision",
    "Truth",
    "coco_summary",
    "confusion",
    "detections_of",
    "evaluate",
    "evaluate_coco",
    "evaluate_detector",
    "false_positives",
    "read_coco",
]


def __getattr__(name: str) -> object:
    if name == "MeanAveragePrecision":  # imports Keras, which nothing else here does
        from yolo.evaluation.callback import MeanAveragePrecision

        return MeanAveragePrecision
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
