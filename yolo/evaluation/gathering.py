"""Truths and detections of many images, checked and put into flat arrays: what matching works on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

TIES = ("fixed", "order", "together")


class Truth(NamedTuple):
    """What is in one image. Anything with these attributes will do, such as a record of `yolo.datasets`."""

    boxes: Any
    """``(n, 4)`` xyxy, pixels."""
    classes: Any
    """``(n,)`` whole numbers from 0 on."""
    difficult: Any = None
    """``(n,)`` bool: neither asked for nor held against a detection (VOC). None: no object is."""
    crowd: Any = None
    """``(n,)`` bool: one box around many objects, as difficult for any number of detections inside it (COCO)."""
    areas: Any = None
    """``(n,)`` square pixels, for the ranges of size; COCO gives the area of the outline. None: of the box."""


class Detection(NamedTuple):
    """What was found in one image. Anything with these attributes will do, such as a detector's result."""

    boxes: Any
    """``(n, 4)`` xyxy, pixels."""
    scores: Any
    """``(n,)`` finite."""
    classes: Any
    """``(n,)`` whole numbers from 0 on."""
    areas: Any = None
    """``(n,)`` square pixels; None: of the box."""


class Truths(NamedTuple):
    """All truths, sorted by image and class."""

    boxes: np.ndarray
    classes: np.ndarray
    images: np.ndarray
    ignored: np.ndarray
    """Difficult or a crowd."""
    crowd: np.ndarray
    areas: np.ndarray


class Detections(NamedTuple):
    """All detections, sorted by image, class and falling score."""

    boxes: np.ndarray
    classes: np.ndarray
    images: np.ndarray
    scores: np.ndarray
    areas: np.ndarray
    rank: np.ndarray
    """Place among the detections of its image and class, from 0 on."""
    source: np.ndarray
    """Place among all detections as they were given, image by image."""

    def only(self, mask: np.ndarray) -> Detections:
        """Those where the mask, ``(n,)`` bool, holds."""
        return Detections(*(column[mask] for column in self))


class Gathered(NamedTuple):
    """Both, and how many images and classes there are."""

    truths: Truths
    detections: Detections
    images: int
    classes: int


def gather(
    truths: Sequence[Any],
    detections: Sequence[Any],
    *,
    classes: int | None = None,
    most: int | None = None,
    ties: str = "fixed",
) -> Gathered:
    """Check truths and detections, one of each for an image, and put them into flat arrays.

    Args:
        truths: `Truth` or the like, one for each image.
        detections: `Detection` or the like, in the same order.
        classes: how many there are; None: the largest number, and one.
        most: detections of one class in one image that count, the best ones; None: all.
        ties: what decides between equal scores, see `yolo.evaluation.evaluate`.

    Raises:
        ValueError: lengths, shapes or ranges that do not fit, NaN, a box whose second corner is before its first.
        TypeError: classes that are no whole numbers; what has no boxes.
    """
    if len(truths) != len(detections):
        raise ValueError(f"truths of {len(truths)} images and detections of {len(detections)}; one of each an image")
    if not len(truths):
        raise ValueError("truths is empty; at least one image is wanted")
    parts = [_truth(f"truths[{i}]", one) for i, one in enumerate(truths)]
    boxes, kinds, difficult, crowd, areas = (np.concatenate(column) for column in zip(*parts))
    images = np.repeat(np.arange(len(parts)), [len(part[0]) for part in parts])
    found = [_detection(f"detections[{i}]", one) for i, one in enumerate(detections)]
    d_boxes, d_kinds, scores, d_areas = (np.concatenate(column) for column in zip(*found))
    d_images = np.repeat(np.arange(len(found)), [len(part[0]) for part in found])

    largest = max(kinds.max(initial=-1), d_kinds.max(initial=-1))
    if classes is None:
        classes = int(largest) + 1
    elif largest >= classes:
        raise ValueError(f"a class is {largest}; with {classes} classes 0..{classes - 1} is wanted")
    # Which of two equal boxes comes first matters only where they are told apart, hence the marks at the end.
    content = (areas, crowd, difficult, *boxes.T[::-1])
    order = sorted_by(images * classes + kinds, np.zeros(len(boxes)), () if ties == "order" else content)
    all_truths = Truths(
        boxes[order], kinds[order], images[order], (difficult | crowd)[order], crowd[order], areas[order]
    )
    groups = d_images * classes + d_kinds
    order = sorted_by(groups, -scores, () if ties == "order" else (d_areas, *d_boxes.T[::-1]))
    rank = places(groups[order])
    if most is not None:
        order, rank = order[rank < most], rank[rank < most]
    all_found = Detections(
        d_boxes[order], d_kinds[order], d_images[order], scores[order], d_areas[order], rank, source=order
    )
    return Gathered(all_truths, all_found, len(parts), classes)


def places(groups: np.ndarray) -> np.ndarray:
    """How many members of its group stand before each one, in a sorted array of group numbers.

    >>> places(np.array([3, 3, 3, 7, 8, 8])).tolist()
    [0, 1, 2, 0, 0, 1]
    """
    return np.arange(len(groups)) - np.searchsorted(groups, groups)


def sorted_by(groups: np.ndarray, values: np.ndarray, content: Sequence[np.ndarray]) -> np.ndarray:
    """The order by group, then value; what is equal in both by the last of ``content``, the last but one, ...

    >>> sorted_by(np.array([1, 0, 1, 1]), np.array([0.5, 0.0, 0.2, 0.2]), [np.array([0, 0, 9, 8])]).tolist()
    [1, 3, 2, 0]
    """
    order = np.lexsort((values, groups))
    groups, values = groups[order], values[order]
    new = np.ones(len(order) + 1, bool)
    new[1:-1] = (groups[1:] != groups[:-1]) | (values[1:] != values[:-1])
    tied = np.flatnonzero(~(new[:-1] & new[1:]))  # they are few, as a rule: only these are sorted by all columns
    if len(content) and len(tied):
        runs = np.cumsum(new[:-1])[tied]
        order[tied] = order[tied][np.lexsort((*(column[order[tied]] for column in content), runs))]
    return order


def _truth(name: str, one: Any) -> tuple[np.ndarray, ...]:
    boxes = _boxes(name, one)
    count = len(boxes)
    marks = [_marks(f"{name}.{mark}", getattr(one, mark, None), count) for mark in ("difficult", "crowd")]
    return boxes, _classes(name, one, count), *marks, _areas(name, one, boxes)


def _detection(name: str, one: Any) -> tuple[np.ndarray, ...]:
    boxes = _boxes(name, one)
    scores = np.asarray(one.scores, np.float64)
    if scores.shape != (len(boxes),) or not np.isfinite(scores).all():
        raise ValueError(
            f"{name}.scores has shape {scores.shape}; ({len(boxes)},) finite numbers, as boxes, are wanted"
        )
    return boxes, _classes(name, one, len(boxes)), scores, _areas(name, one, boxes)


def _boxes(name: str, one: Any) -> np.ndarray:
    if not hasattr(one, "boxes") or not hasattr(one, "classes"):
        raise TypeError(f"{name} is a {type(one).__name__}; it needs the attributes boxes and classes")
    boxes = np.asarray(one.boxes, np.float64)
    if boxes.size == 0:
        return np.zeros((0, 4))
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"{name}.boxes has shape {boxes.shape}; (n, 4) as x1, y1, x2, y2 is wanted")
    wrong = ~(np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] >= boxes[:, :2]).all(axis=1))
    if wrong.any():
        first = int(wrong.argmax())
        raise ValueError(f"{name}.boxes[{first}] is {boxes[first].tolist()}; finite x1 <= x2 and y1 <= y2 are wanted")
    return boxes


def _classes(name: str, one: Any, count: int) -> np.ndarray:
    classes = np.asarray(one.classes)
    if classes.shape != (count,):
        raise ValueError(f"{name}.classes has shape {classes.shape}; ({count},), as boxes, is wanted")
    if count and not np.issubdtype(classes.dtype, np.integer):
        raise TypeError(f"{name}.classes is {classes.dtype}; whole numbers are wanted")
    if count and classes.min() < 0:
        raise ValueError(f"{name}.classes holds {classes.min()}; numbers from 0 on are wanted")
    return classes.astype(np.int64)


def _marks(name: str, marks: Any, count: int) -> np.ndarray:
    if marks is None:
        return np.zeros(count, bool)
    marks = np.asarray(marks)
    if marks.shape != (count,):
        raise ValueError(f"{name} has shape {marks.shape}; ({count},), as boxes, is wanted")
    return marks.astype(bool)


def _areas(name: str, one: Any, boxes: np.ndarray) -> np.ndarray:
    areas = getattr(one, "areas", None)
    if areas is None:
        return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    areas = np.asarray(areas, np.float64)
    if areas.shape != (len(boxes),) or not (np.isfinite(areas).all() and (areas >= 0).all()):
        raise ValueError(f"{name}.areas has shape {areas.shape}; ({len(boxes)},) numbers from 0 on are wanted")
    return areas
