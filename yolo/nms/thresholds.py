"""Which boxes and classes score enough: asked of the logits, before anything is decoded.

Of 10647 boxes and 80 classes a handful matter. ``score = sigmoid(o) sigmoid(c)``, so ``score >= t`` asks first for
``o >= log(t / (1 - t))``: one comparison per box and no exponential. For the boxes that pass, ``score >= t`` is
``c >= log(t / (sigmoid(o) - t))``: one comparison per class. Only what passes both is computed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from yolo.boxes.arrays import sigmoid, softmax
from yolo.nms.checks import finite

_SLACK = 1 - 1e-5
"""The comparisons of logits let a little too much through, against rounding; the scores then decide exactly."""


class Enough(NamedTuple):
    """What scores enough, in the order of the rows, and of the classes in a row."""

    rows: np.ndarray
    """(k,) int64, into the rows of logits."""
    classes: np.ndarray
    """(k,) int64."""
    scores: np.ndarray
    """(k,), objectness times class, each at least the threshold."""


def enough(logits: np.ndarray, threshold: float, *, logistic: bool = True) -> Enough:
    """The pairs of box and class whose score is at least ``threshold``.

    Args:
        logits: (n, 5 + classes), each row x, y, w, h, objectness, classes.
        threshold: 0 to 1.
        logistic: a sigmoid for each class (v3), or a softmax over them (v2).

    Raises:
        ValueError: a NaN or an infinity, wherever it could have mattered.

    >>> logits = np.array([[0, 0, 0, 0, 3, 3, -3], [0, 0, 0, 0, -3, 9, 9]])
    >>> found = enough(logits, 0.5)
    >>> found.rows, found.classes, found.scores.round(3)
    (array([0]), array([0]), array([0.907]))
    """
    objectness = logits[:, 4].copy()  # one of 85 numbers: looked at twice, fetched once
    finite("objectness logits", objectness)
    lower = threshold * _SLACK
    with np.errstate(divide="ignore"):
        rows = np.flatnonzero(objectness >= np.log(lower) - np.log1p(-lower))
        some = logits[rows]
        finite("logits of boxes that pass by their objectness", some)
        objects, kinds = sigmoid(some[:, 4]), some[:, 5:]
        if logistic:
            spare = objects.astype(np.float64) - lower  # 0 or less where only rounding let the row through
            limits = np.log(lower) - np.log(np.maximum(spare, np.finfo(np.float64).tiny))
            found, classes = np.nonzero(kinds >= limits[:, None].astype(kinds.dtype))
            scores = objects[found] * sigmoid(kinds[found, classes])
        else:
            every = objects[:, None] * softmax(kinds)
            found, classes = np.nonzero(every >= threshold)
            scores = every[found, classes]
    passes = scores >= threshold
    return Enough(rows[found[passes]], classes[passes], scores[passes])
