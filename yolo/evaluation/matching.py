"""Which detection found which truth, for many images, thresholds and ranges of size at once.

A detection and a truth can meet if they are in one image and of one class and their IoU reaches the threshold. COCO and
VOC differ in what happens when several want the same truth, see `match`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from yolo.boxes import area, iou
from yolo.evaluation.gathering import Detections, Truths, places

BLOCK = 2_000_000
"""Pairs whose IoU is calculated at a time: 200 MB at most."""


class Pairs(NamedTuple):
    """Detections and truths of one image and class that overlap, sorted by detection."""

    detection: np.ndarray
    truth: np.ndarray
    iou: np.ndarray


def overlapping(
    detections: Detections, truths: Truths, least: float, classes: int, *, any_class: bool = False
) -> Pairs:
    """All pairs of one image and class (or any, with ``any_class``) whose IoU is at least ``least`` and more than 0.

    With a crowd the union is the area of the detection alone: a detection inside the crowd has 1 (COCO).
    """
    if any_class:
        groups, wanted = truths.images, detections.images
    else:
        groups, wanted = truths.images * classes + truths.classes, detections.images * classes + detections.classes
    first = np.searchsorted(groups, wanted)
    counts = np.searchsorted(groups, wanted, side="right") - first
    kept = [_with_iou(block, first, counts, detections, truths, least) for block in _blocks(counts)]
    return Pairs(*(np.concatenate(column) for column in zip(*kept)))


class Matches(NamedTuple):
    """What the detections found that can have found anything; all others found nothing."""

    detection: np.ndarray
    """``(m,)`` the detections, rising."""
    truth: np.ndarray
    """``(A, T, m)`` int32: the truth of each, or -1, for every range of size and threshold."""


def match(
    detections: Detections,
    truths: Truths,
    pairs: Pairs,
    thresholds: np.ndarray,
    ignored: np.ndarray,
    classes: int,
    matching: str = "coco",
) -> Matches:
    """The truth that each detection found.

    In both ways the detections of an image and class come in falling order of their scores, and a truth is found once.

    - "coco": a detection takes the truth of largest IoU among those that are free; one that is ignored only if it can
      have no other. A crowd is always free. (Of two truths with one IoU, the later, as pycocotools.)
    - "voc": a detection can have only the truth of largest IoU, and if that has been found by another it found nothing.
      Ignored truths are always free. (Of two truths with one IoU, the former, as VOCdevkit.)

    Args:
        detections: from `yolo.evaluation.gathering.gather`.
        truths: likewise.
        pairs: from `overlapping`, with at least the smallest of the thresholds.
        thresholds: ``(T,)`` IoU that is needed, of 0..1.
        ignored: ``(A, truths)`` bool: in each range of size, the truths that are neither asked for nor held against.
        classes: how many.
        matching: "coco" or "voc".
    """
    who, column = np.unique(pairs.detection, return_inverse=True)
    found = np.full((len(ignored), len(thresholds), len(who)), -1, np.int32)
    pairs = pairs._replace(detection=column)
    if matching == "voc":
        _match_voc(found, pairs, thresholds, ignored)
    elif len(who):
        _match_coco(
            found, pairs, thresholds, ignored, truths.crowd, detections.images[who] * classes + detections.classes[who]
        )
    return Matches(who, found)


def _blocks(counts: np.ndarray) -> Iterator[slice]:
    """Runs of detections that have about `BLOCK` pairs together; at least one run."""
    ends = np.cumsum(counts)
    start = 0
    while True:
        before = ends[start - 1] if start else 0
        stop = max(int(np.searchsorted(ends, before + BLOCK, side="right")), start + 1)
        yield slice(start, stop)
        start = stop
        if start >= len(counts):
            return


def _with_iou(
    block: slice, first: np.ndarray, counts: np.ndarray, detections: Detections, truths: Truths, least: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    number = counts[block]
    detection = np.repeat(np.arange(len(counts))[block], number)
    truth = np.arange(len(detection)) + np.repeat(first[block] - (np.cumsum(number) - number), number)
    overlap = iou(detections.boxes[detection], truths.boxes[truth])
    crowded = truths.crowd[truth] & (overlap > 0)
    if crowded.any():
        own, crowd = detections.boxes[detection[crowded]], truths.boxes[truth[crowded]]
        both = np.concatenate([np.maximum(own[:, :2], crowd[:, :2]), np.minimum(own[:, 2:], crowd[:, 2:])], axis=1)
        overlap[crowded] = area(both) / area(own)
    keep = (overlap >= least) & (overlap > 0)
    return detection[keep], truth[keep], overlap[keep]


def _match_voc(found: np.ndarray, pairs: Pairs, thresholds: np.ndarray, ignored: np.ndarray) -> None:
    order = np.lexsort((pairs.truth, -pairs.iou, pairs.detection))
    best = order[places(pairs.detection) == 0]
    detection, truth, iou = (column[best] for column in pairs)
    for number, threshold in enumerate(thresholds):
        enough = np.flatnonzero(iou >= threshold)
        # Detections of one truth are in falling order of score here: the first one has it.
        first = np.zeros(len(enough), bool)
        first[np.unique(truth[enough], return_index=True)[1]] = True
        for part, mask in enumerate(ignored):
            chosen = enough[first | mask[truth[enough]]]
            found[part, number, detection[chosen]] = truth[chosen]


def _match_coco(
    found: np.ndarray, pairs: Pairs, thresholds: np.ndarray, ignored: np.ndarray, crowd: np.ndarray, groups: np.ndarray
) -> None:
    """All images and classes take one step together: the best detection of each, then the second best of each, ..."""
    needed = np.minimum(thresholds, 1 - 1e-10)  # as pycocotools: an IoU of 1 may be a little less in floats
    step = places(groups)[pairs.detection]
    order = np.lexsort((-pairs.truth, -pairs.iou, pairs.detection, step))  # what a detection likes best comes first
    detection, truth, iou = (column[order] for column in pairs)
    bounds = np.searchsorted(step[order], np.arange(step.max() + 2))
    turn = np.cumsum(np.diff(detection, prepend=-1) != 0)
    for size, mask in enumerate(ignored):
        last = mask[truth]  # these are liked less than all others
        order = np.argsort(2 * turn + last, kind="stable") if last.any() else slice(None)
        free = np.ones((len(mask), len(thresholds)), bool)
        liked, overlap = truth[order], iou[order]
        for part in map(slice, bounds[:-1], bounds[1:]):
            possible = (overlap[part, None] >= needed) & free[liked[part]]
            _take_turn(found[size], detection[part], liked[part], possible, free, crowd)


def _take_turn(
    found: np.ndarray,
    detection: np.ndarray,
    truth: np.ndarray,
    possible: np.ndarray,
    free: np.ndarray,
    crowd: np.ndarray,
) -> None:
    """One detection of each image and class takes the first possible truth, at every threshold; ``(pairs, T)``."""
    # Counted down, so that the largest is the first that is possible, and 0 is none.
    countdown = np.arange(len(truth), 0, -1, dtype=np.int32)[:, None]
    first = np.flatnonzero(np.diff(detection, prepend=-1))
    chosen = np.maximum.reduceat(np.where(possible, countdown, 0), first, axis=0)
    which, at = np.nonzero(chosen)
    taken = truth[len(truth) - chosen[which, at]]
    found[at, detection[first[which]]] = taken
    free[taken, at] = crowd[taken]
