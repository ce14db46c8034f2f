"""yolo: every object a box. Object detection with YOLO v1 to v3.

====================================  ==================================================================================
`yolo.boxes`                          formats, overlap, letterbox and back, flips
`yolo.darknet`                        Darknet's cfg and weights files, read, written, verified
`yolo.models`                         Darknet-53, YOLOv3, YOLOv3-tiny, written to be read
`yolo.decoding`, `yolo.nms`           from raw heads to boxes; of many boxes on one object, one
`yolo.detector`                       from pictures to what is in them; `yolo.load()`: trained detectors
`yolo.found`                          what was found: as a table, as JSON, as COCO's results
`yolo.drawing`, `yolo.plots`          boxes and labels on pictures; grids, anchors and maps as figures
`yolo.datasets`, `yolo.augment`       images and their boxes: VOC, COCO, YOLO, CSV; a linter for labels; views of them
`yolo.anchors`                        shapes found by clustering
`yolo.targets`, `yolo.losses`         which cell learns which box, and Darknet's three losses; `yolo.explain_loss`
`yolo.training`                       in phases, resumable; new heads for other classes; features kept on disk
`yolo.evaluation`                     average precision and what stands behind it
`python -m yolo`                      detect, verify, lint, train, evaluate
====================================  ==================================================================================
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yolo.detector import Detector as Detector
    from yolo.drawing import draw_boxes as draw_boxes
    from yolo.explanation import explain_loss as explain_loss
    from yolo.found import Found as Found
    from yolo.loading import load as load

_HOME = {
    "Detector": "detector",
    "Found": "found",
    "draw_boxes": "drawing",
    "explain_loss": "explanation",
    "load": "loading",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'yolo' has no attribute {name!r}; it has {', '.join(__all__)}, and its modules")
    value = getattr(import_module(f"yolo.{_HOME[name]}"), name)
    globals()[name] = value  # the next look-up finds it without coming here
    return value
