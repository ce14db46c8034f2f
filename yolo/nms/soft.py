"""Soft-NMS: lower the scores of what overlaps, strike out nothing at once.

Bodla et al. 2017, "Soft-NMS: Improving Object Detection With One Line of Code", figure 2 and equations of section 3.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from data.arguments import one_of
from yolo.boxes.overlap import iou
from yolo.nms.checks import Kept, best_first, candidates, positive, share


def soft(
    boxes: Any,
    scores: Any,
    classes: Any = None,
    *,
    method: str = "gaussian",
    overlap: float = 0.3,
    sigma: float = 0.5,
    least: float = 0.001,
) -> Kept:
    """Keep the best box and lower all others of its class by their overlap; the best that is left comes next.

    Args:
        boxes: (n, 4), "xyxy".
        scores: (n,), finite, not negative.
        classes: (n,) whole numbers; without it all compete.
        method: "gaussian" multiplies by ``exp(-iou**2 / sigma)``; "linear" by ``1 - iou`` where the IoU is at least
            ``overlap``.
        overlap: for "linear", 0 to 1.
        sigma: for "gaussian", above 0.
        least: a box whose score falls below this goes.

    Returns:
        ``Kept`` with the lowered scores.

    Raises:
        ValueError, TypeError: shapes that do not fit, numbers that are not finite, an unknown method.

    >>> kept = soft([[0, 0, 10, 10], [0, 0, 10, 5]], [0.9, 0.8], method="linear")  # IoU .5
    >>> kept.indices.tolist(), kept.scores.tolist()
    ([0, 1], [0.9, 0.4])
    """
    one_of("method", method, ("gaussian", "linear"))
    overlap, sigma, least = share("overlap", overlap), positive("sigma", sigma), share("least", least)
    boxes, scores, classes = candidates(boxes, scores, classes)
    not_negative(scores)
    scores = scores.copy()
    kept: list[int] = []
    for one_class in np.unique(classes):
        left = np.flatnonzero((classes == one_class) & (scores >= least))
        while len(left):
            best = left[np.argmax(scores[left])]  # the first of equal ones
            kept.append(best)
            left = left[left != best]
            common = iou(boxes[best], boxes[left])
            if method == "linear":
                scores[left] *= np.where(common >= overlap, 1 - common, 1)
            else:
                scores[left] *= np.exp(-(common**2) / sigma)
            left = left[scores[left] >= least]
    indices = np.array(kept, np.int64)
    return best_first(indices, scores[indices])


def not_negative(scores: np.ndarray) -> None:
    """Refuse scores below 0: a factor below 1 would raise them.

    Raises:
        ValueError: with the index of the first.
    """
    if (scores < 0).any():
        index = int(np.argmax(scores < 0))
        raise ValueError(f"scores hold {scores[index]} at {index}; scores that are lowered must not be negative")
