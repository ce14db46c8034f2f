"""Greedy non-maximum suppression, written out to be read; `yolo.nms.fast` gives the same answer sooner."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from yolo.boxes.overlap import iou
from yolo.nms.checks import Kept, best_first, candidates, share, spared


def greedy(
    boxes: Any,
    scores: Any,
    classes: Any = None,
    *,
    overlap: float = 0.45,
    measure: Callable[[Any, Any], Any] = iou,
) -> Kept:
    """Keep the best box, strike out all of its class that overlap it too much, go on with the best that is left.

    Args:
        boxes: (n, 4), "xyxy", any unit.
        scores: (n,), any finite numbers.
        classes: (n,) whole numbers; boxes of different classes never strike each other out. Without it all compete:
            class-agnostic suppression.
        overlap: a box goes when its overlap with a kept one is **larger** than this; equal stays. As in Darknet (.45).
        measure: ``yolo.boxes.iou``, or ``yolo.boxes.diou`` for DIoU-NMS (Zheng et al. 2020, section 3.4), which spares
            a box whose centre is elsewhere.

    Returns:
        ``Kept``. Equal scores: the lower index counts as the better. A box without area overlaps nothing and stays.

    Raises:
        ValueError, TypeError: shapes that do not fit, numbers that are not finite.

    >>> boxes = [[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]]
    >>> greedy(boxes, [0.8, 0.9, 0.7]).indices.tolist()
    [1, 2]
    >>> greedy(boxes, [0.8, 0.9, 0.7], classes=[0, 1, 0]).indices.tolist()
    [1, 0, 2]
    """
    overlap = share("overlap", overlap)
    boxes, scores, classes = candidates(boxes, scores, classes)
    kept: list[int] = []
    for one_class in np.unique(classes):
        left = np.flatnonzero(classes == one_class)
        left = left[np.argsort(-scores[left], kind="stable")]  # stable: of equal scores the first stays first
        while len(left):
            best, others = left[0], left[1:]
            kept.append(best)
            left = others[spared(measure(boxes[best], boxes[others]), overlap)]
    indices = np.array(kept, np.int64)
    return best_first(indices, scores[indices])
