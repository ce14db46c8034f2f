"""The answer of `yolo.nms.greedy`, sooner: OpenCV for IoU, all classes in step for every other measure.

OpenCV's function has ways of its own, which are dealt with here: it takes corner and size; it compares ``1 - IoU``,
rounded to float32; two boxes without area are the same thing to it, whatever their places; it wants float32 scores
above a threshold, which would make ties of scores that differ; its batched sister compares boxes of all classes with
each other and is slow for many.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from yolo.boxes.overlap import area, iou
from yolo.nms.checks import Kept, best_first, candidates, share, spared

_SMALLEST_AREA = 1e-12
"""OpenCV takes two boxes whose areas sum to less than 2.2e-16 for the same box."""
_MOST = 2**24
"""Ranks are exact in float32 up to here."""


def fast(
    boxes: Any,
    scores: Any,
    classes: Any = None,
    *,
    overlap: float = 0.45,
    measure: Callable[[Any, Any], Any] = iou,
) -> Kept:
    """Greedy suppression; arguments, result and errors as ``yolo.nms.greedy``.

    >>> fast([[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]], [0.8, 0.9, 0.7]).indices.tolist()
    [1, 2]
    """
    overlap = share("overlap", overlap)
    boxes, scores, classes = candidates(boxes, scores, classes)
    # Class by class, best first; lexsort is stable, so of equal scores the first stays first.
    order = np.lexsort((-scores, classes))
    boxes, ordered = boxes[order], classes[order]
    areas = area(boxes)
    if measure is iou and len(boxes) < _MOST and not ((areas > 0) & (areas < _SMALLEST_AREA)).any():
        kept = _through_opencv(boxes, ordered, areas > 0, overlap)
    else:
        kept = _in_step(boxes, ordered, overlap, measure)
    indices = order[kept]
    return best_first(indices, scores[indices])


def _through_opencv(boxes: np.ndarray, classes: np.ndarray, solid: np.ndarray, overlap: float) -> np.ndarray:
    """Indices of what is kept among boxes sorted by class and score; boxes without area overlap nothing."""
    import cv2  # here, not above: it takes a tenth of a second

    where = np.flatnonzero(solid)
    corner_and_size = np.concatenate([boxes[where, :2], boxes[where, 2:] - boxes[where, :2]], axis=1)
    classes = classes[where]
    starts = np.flatnonzero(np.concatenate([[True], classes[1:] != classes[:-1]])) if len(where) else []
    ranks = np.arange(len(where), 0, -1, dtype=np.float32)  # the order is known; OpenCV need not see the scores
    threshold = float(np.float32(1) - np.float32(1 - overlap))  # as OpenCV arrives at an overlap
    kept = [np.flatnonzero(~solid)]
    for start, end in zip(starts, [*starts[1:], len(where)]):
        found = cv2.dnn.NMSBoxes(corner_and_size[start:end], ranks[start:end], 0.0, threshold)
        kept.append(where[start + np.asarray(found, np.int64).ravel()])
    return np.concatenate(kept)


def _in_step(boxes: np.ndarray, classes: np.ndarray, overlap: float, measure: Callable[[Any, Any], Any]) -> np.ndarray:
    """The same for any measure, a round at a time: every class keeps its best box and strikes out what overlaps that.

    The classes know nothing of each other, so a round is a dozen operations on arrays, whatever the number of classes.
    """
    left = np.arange(len(boxes))
    columns = boxes.T.copy()  # x1, y1, x2, y2 each in one piece: quicker to compute with
    kept = [left[:0]]
    while len(left):
        leads = np.concatenate([[True], classes[1:] != classes[:-1]])  # the best of its class?
        kept.append(left[leads])
        leader = np.flatnonzero(leads)[np.cumsum(leads) - 1]
        stays = spared(measure(columns[:, leader].T, columns.T), overlap) & ~leads
        left, classes, columns = left[stays], classes[stays], columns[:, stays]
    return np.concatenate(kept)
