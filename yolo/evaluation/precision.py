"""Precision, recall, and average precision in its three conventions.

Detections in falling order of score; the first i of them hold ``TP`` right ones: precision TP / i, recall TP / truths.
Average precision is the mean of the *interpolated* precision, the largest one at this recall or a larger one:

- "eleven_point": at the recalls 0, .1, ..., 1 (VOC until 2009);
- "every_point": at every recall that exists, which is the area under the staircase (VOC from 2010 on);
- "coco": at the recalls 0, .01, ..., 1.
"""

from __future__ import annotations

import numpy as np

CONVENTIONS = ("eleven_point", "every_point", "coco")
_RECALLS = {"eleven_point": np.linspace(0, 1, 11), "coco": np.linspace(0, 1, 101)}


def average_precision(precision: np.ndarray, truths: int) -> tuple[float, float, float]:
    """Average precision in the three conventions, in the order of `CONVENTIONS`; NaN without truths.

    Args:
        precision: where the first, second, ... truth was found; of truths never found there is none.
        truths: how many there are.

    >>> [round(value, 4) for value in average_precision(np.array([1, 2 / 3]), 4)]
    [0.4545, 0.4167, 0.4224]
    """
    if not truths:
        return np.nan, np.nan, np.nan
    if not len(precision):
        return 0.0, 0.0, 0.0
    interpolated = np.maximum.accumulate(precision[::-1])[::-1]
    eleven, coco = (_mean_at(_RECALLS[name], interpolated, truths) for name in ("eleven_point", "coco"))
    return eleven, float(interpolated.sum() / truths), coco


def cumulated(outcome: np.ndarray, starts: np.ndarray, ends: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Right ones, and all that count, among the first 1, 2, ... detections of each run.

    Args:
        outcome: ``(n,)`` 1 for right, 0 for wrong, -1 for what does not count; runs in falling order of score.
        starts: where the runs begin, and n.
        ends: from `last_of_equals`, to take equal scores together; None: one by one.
    """
    lengths, counts = np.diff(starts), []
    for mask in (outcome == 1, outcome >= 0):
        total = np.concatenate([[0], np.cumsum(mask, dtype=np.int32)])
        counts.append(total[1:] - np.repeat(total[starts[:-1]], lengths))
    true, all_of_them = counts
    return (true, all_of_them) if ends is None else (true[ends], all_of_them[ends])


def last_of_equals(scores: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """The place of the last of the scores that equal each one, within its run.

    Args:
        scores: ``(n,)``, runs of falling scores.
        starts: where the runs begin, and n.

    >>> last_of_equals(np.array([0.9, 0.5, 0.5, 0.1, 0.5]), np.array([0, 4, 5])).tolist()
    [0, 2, 2, 3, 4]
    """
    last = np.ones(len(scores), bool)
    last[:-1] = scores[1:] != scores[:-1]
    last[starts[1:] - 1] = True
    places = np.flatnonzero(last)
    return places[np.searchsorted(places, np.arange(len(scores)))]


def _mean_at(recalls: np.ndarray, interpolated: np.ndarray, truths: int) -> float:
    # The truths that must have been found to reach each recall; the quotient must round as TP / truths does.
    needed = np.searchsorted(np.arange(truths + 1) / truths, recalls)
    reached = needed <= len(interpolated)
    return float(interpolated[np.maximum(needed[reached], 1) - 1].sum() / len(recalls))
