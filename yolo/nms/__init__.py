"""Non-maximum suppression: of many boxes on one object, one.

``greedy`` is written out to be read; ``fast`` gives the same answer sooner; ``soft`` and ``matrix`` lower scores
instead of striking out. All take boxes (n, 4), scores (n,) and classes (n,) or none, and return ``Kept``. With
``measure=yolo.boxes.diou`` greedy suppression is DIoU-NMS. ``detect`` goes from raw heads to detections.
"""

from yolo.nms.checks import Kept
from yolo.nms.detections import Detections, detect
from yolo.nms.fast import fast
from yolo.nms.greedy import greedy
from yolo.nms.parallel import matrix
from yolo.nms.soft import soft
from yolo.nms.thresholds import Enough, enough

__all__ = ["Detections", "Enough", "Kept", "detect", "enough", "fast", "greedy", "matrix", "soft"]
