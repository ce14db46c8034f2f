"""Which class is taken for which: the confusion matrix of a detector, with a row and a column for the background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from yolo.evaluation.gathering import gather
from yolo.evaluation.matching import overlapping

BACKGROUND = "background"


@dataclass(frozen=True)
class Confusion:
    """Counts ``(classes + 1, classes + 1)``: a row for each true class, a column for each that was said.

    The last row holds what was found where nothing is, the last column what was missed.
    """

    counts: np.ndarray
    names: Sequence[str]
    """Of the classes, and "background" at the end."""

    @property
    def recall(self) -> np.ndarray:
        """Share of each class's truths that was found as what it is, ``(classes,)``; NaN without truths."""
        return self._share(self.counts.sum(axis=1))

    @property
    def precision(self) -> np.ndarray:
        """Share of each class's detections that is right, ``(classes,)``; NaN without detections."""
        return self._share(self.counts.sum(axis=0))

    def _share(self, totals: np.ndarray) -> np.ndarray:
        right = np.diag(self.counts)[:-1].astype(np.float64)
        return np.divide(right, totals[:-1], out=np.full(len(right), np.nan), where=totals[:-1] > 0)


def confusion(
    truths: Sequence[Any],
    detections: Sequence[Any],
    *,
    names: Sequence[str] | None = None,
    score: float = 0.25,
    iou: float = 0.5,
) -> Confusion:
    """The confusion matrix at one threshold on the score.

    Detections and truths of an image are paired whatever their classes, each at most once: the pair of largest IoU
    first; of equal ones first those of one class, then the better score. Difficult truths and crowds, and what found
    them, are not counted.

    Args:
        truths: as `yolo.evaluation.evaluate`.
        detections: likewise.
        names: likewise.
        score: what a detection must have at least.
        iou: what a pair must have at least, of 0..1, more than 0.

    Raises:
        TypeError, ValueError: as `yolo.evaluation.evaluate`; an iou out of range.
    """
    if not 0 < iou <= 1:
        raise ValueError(f"iou is {iou}; a number of 0..1, more than 0, is wanted")
    gathered = gather(truths, detections, classes=None if names is None else len(names))
    objects, classes = gathered.truths, gathered.classes
    found = gathered.detections.only(gathered.detections.scores >= score)
    pairs = overlapping(found, objects, iou, classes, any_class=True)
    same = found.classes[pairs.detection] == objects.classes[pairs.truth]
    # Truths that are ignored take only what no other wants.
    order = np.lexsort(
        (pairs.truth, pairs.detection, -found.scores[pairs.detection], ~same, -pairs.iou, objects.ignored[pairs.truth])
    )
    free, missed = np.ones(len(found.scores), bool), np.ones(len(objects.classes), bool)
    counts = np.zeros((classes + 1, classes + 1), np.int64)
    for detection, truth in zip(pairs.detection[order].tolist(), pairs.truth[order].tolist()):
        if free[detection] and (missed[truth] or objects.crowd[truth]):
            free[detection] = missed[truth] = False
            if not objects.ignored[truth]:
                counts[objects.classes[truth], found.classes[detection]] += 1
    counts[-1, :-1] = np.bincount(found.classes[free], minlength=classes)
    counts[:-1, -1] = np.bincount(objects.classes[missed & ~objects.ignored], minlength=classes)
    names = [f"class {number}" for number in range(classes)] if names is None else list(names)
    return Confusion(counts, (*names, BACKGROUND))
