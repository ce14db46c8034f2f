"""What every suppression takes and gives, and its checks at the door."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from yolo.boxes.arrays import boxes_together


class Kept(NamedTuple):
    """What a suppression returns: the highest score first; of equal scores, the candidate that came first."""

    indices: np.ndarray
    """(kept,) int64, into the candidates."""
    scores: np.ndarray
    """(kept,), lowered where the method lowers scores."""


def candidates(boxes: Any, scores: Any, classes: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Candidates as arrays: (n, 4) float64, (n,) floats, (n,) integers; without ``classes`` all are of class 0.

    Raises:
        ValueError: shapes that do not fit; a box or a score that is NaN or infinite, with its index.
        TypeError: not numbers; classes that are not whole.
    """
    _, boxes = boxes_together(boxes=np.asarray(boxes) if np.size(boxes) else np.zeros((0, 4)))
    scores = np.asarray(scores) if np.size(scores) else np.zeros(0)
    if scores.dtype.kind not in "fiu" and scores.dtype.name != "bfloat16":
        raise TypeError(f"scores are of {scores.dtype}; real numbers are wanted")
    if scores.dtype.name not in ("float32", "float64"):
        scores = scores.astype(np.float32 if scores.dtype.itemsize == 2 else np.float64)
    if boxes.ndim != 2 or scores.shape != boxes.shape[:1]:
        raise ValueError(f"boxes have shape {boxes.shape}, scores {scores.shape}; accepted: (n, 4) and (n,)")
    finite("boxes", boxes)
    finite("scores", scores)
    classes = np.zeros(scores.shape, np.int64) if classes is None else np.asarray(classes)
    if classes.size == 0:
        classes = classes.astype(np.int64)
    if classes.dtype.kind not in "iu":
        raise TypeError(f"classes are of {classes.dtype}; whole numbers are wanted")
    if classes.shape != scores.shape:
        raise ValueError(f"classes have shape {classes.shape}, scores {scores.shape}; one class per score is wanted")
    return boxes.astype(np.float64), scores, classes


def spared(common: np.ndarray, overlap: float) -> np.ndarray:
    """True where an overlap is not too large.

    Compared are the distances 1 - IoU in float32, of overlaps in float64: two overlaps that are equal on paper are
    equal here too, however they were rounded. It is also how OpenCV compares.
    """
    return np.float32(1 - common) >= np.float32(1 - overlap)


def finite(name: str, values: np.ndarray) -> None:
    """Refuse NaN and infinity: NaN is larger than nothing, so it would vanish without a word.

    Raises:
        ValueError: with the place of the first.
    """
    # A sum is much quicker than looking at each, and only a sum that is not finite needs a second look.
    with np.errstate(over="ignore", invalid="ignore"):
        total = values.sum()
    if not np.isfinite(total) and not np.isfinite(values).all():
        place = tuple(int(index) for index in np.argwhere(~np.isfinite(values))[0])
        raise ValueError(f"{name} hold {values[place]} at {place[0] if len(place) == 1 else place}; finite are wanted")


def of_the_best(suppress: Callable[..., Kept], most: int) -> Callable[..., Kept]:
    """A suppression that looks at no more than the ``most`` best candidates; of equal scores, those that come first."""

    def of_some(boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray | None = None) -> Kept:
        if len(scores) <= most:
            return suppress(boxes, scores, classes)
        best = np.sort(np.argsort(-scores, kind="stable")[:most])
        kept = suppress(boxes[best], scores[best], None if classes is None else classes[best])
        return Kept(best[kept.indices], kept.scores)

    return of_some


def share(name: str, value: Any) -> float:
    """A threshold, 0 to 1.

    Raises:
        TypeError: not a number.
        ValueError: outside.
    """
    if isinstance(value, (bool, np.bool_, str)) or np.ndim(value) != 0:
        raise TypeError(f"{name} is {value!r}; a number from 0 to 1 is wanted")
    if not 0 <= float(value) <= 1:
        raise ValueError(f"{name} is {value}; a number from 0 to 1 is wanted")
    return float(value)


def positive(name: str, value: Any) -> float:
    """A width of a bell curve.

    Raises:
        ValueError: not above 0, or not finite.
    """
    if not 0 < float(value) < math.inf:
        raise ValueError(f"{name} is {value}; a number above 0 is wanted")
    return float(value)


def best_first(indices: np.ndarray, scores: np.ndarray) -> Kept:
    """Sort what is kept: by score, and by index where scores are equal."""
    order = np.lexsort((indices, -scores))
    return Kept(indices[order].astype(np.int64), scores[order])
