"""Matrix NMS: soft suppression without a loop over the boxes.

Wang et al. 2020, "SOLOv2: Dynamic and Fast Instance Segmentation", section 3.3, equations 3 to 5.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from data.arguments import one_of
from yolo.boxes.overlap import iou
from yolo.boxes.overlap import matrix as every_pair
from yolo.nms.checks import Kept, best_first, candidates, positive, share
from yolo.nms.soft import not_negative


def matrix(
    boxes: Any,
    scores: Any,
    classes: Any = None,
    *,
    method: str = "gaussian",
    sigma: float = 0.5,
    least: float = 0.001,
) -> Kept:
    """Lower every score by what overlaps it from above, all at the same time.

    Box j is lowered by the better box i through ``f(iou_ij)``, made good by how much i was probably lowered itself,
    ``f(max_k iou_ki)``; the smallest of these ratios counts. ``f(iou)`` is ``exp(-iou**2 / sigma)`` or ``1 - iou``.

    Args:
        boxes: (n, 4), "xyxy".
        scores: (n,), finite, not negative.
        classes: (n,) whole numbers; without it all compete.
        method: "gaussian" or "linear".
        sigma: for "gaussian", above 0.
        least: a box whose score falls below this goes.

    Returns:
        ``Kept`` with the lowered scores. Needs memory for m * m numbers where a class has m candidates.

    Raises:
        ValueError, TypeError: shapes that do not fit, numbers that are not finite, an unknown method.

    >>> kept = matrix([[0, 0, 10, 10], [0, 0, 10, 5]], [0.9, 0.8], method="linear")  # IoU .5
    >>> kept.indices.tolist(), kept.scores.tolist()
    ([0, 1], [0.9, 0.4])
    """
    one_of("method", method, ("gaussian", "linear"))
    sigma, least = positive("sigma", sigma), share("least", least)
    boxes, scores, classes = candidates(boxes, scores, classes)
    not_negative(scores)
    lowered = scores.copy()
    for one_class in np.unique(classes):
        mine = np.flatnonzero(classes == one_class)
        mine = mine[np.argsort(-scores[mine], kind="stable")]
        lowered[mine] *= _decay(np.triu(every_pair(boxes[mine], boxes[mine], iou), 1), method, sigma)
    indices = np.flatnonzero(lowered >= least)
    return best_first(indices, lowered[indices])


def _decay(common: np.ndarray, method: str, sigma: float) -> np.ndarray:
    """The factor of each box, from the IoU with each better one (rows: the better; 0 on and below the diagonal)."""
    most = common.max(axis=0)[:, None]  # of the better box, with those above it
    if method == "gaussian":
        ratio = np.exp((most**2 - common**2) / sigma)
    else:
        # A better box that is itself a copy (most = 1) says nothing new: its original is in the matrix too.
        ratio = np.where(most < 1, (1 - common) / np.where(most < 1, 1 - most, 1), 1)
    # Only better boxes count; the best of all is not lowered.
    ratio = np.where(np.triu(np.ones(common.shape, bool), 1), ratio, 1)
    return ratio.min(axis=0)
