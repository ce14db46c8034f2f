"""Why detections are wrong: by place, by class, twice, or nothing there; and what each kind costs.

Hoiem, Chodpathumwan and Dai 2012, "Diagnosing Error in Object Detectors" (figure 4 of the YOLO paper is made so), and
Bolya et al. 2020, "TIDE: A General Toolbox for Identifying Object Detection Errors".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from data.arguments import one_of
from yolo.evaluation.gathering import Detections, Truths, gather
from yolo.evaluation.matching import Pairs, match, overlapping
from yolo.evaluation.precision import CONVENTIONS, average_precision

TIDE = ("class", "localisation", "both", "duplicate", "background")
HOIEM = ("localisation", "similar", "other", "background")
IGNORED, CORRECT = "ignored", "correct"


@dataclass(frozen=True)
class Errors:
    """What `false_positives` found."""

    kinds: Sequence[str]
    """"correct", then the kinds of error."""
    counts: np.ndarray
    """``(classes, kinds)``: detections of each class."""
    missed: np.ndarray
    """``(classes,)`` truths that no detection found; with TIDE also not nearly: by place or by class alone."""
    cost: Mapping[str, float]
    """TIDE: how much the mean average precision would rise if all errors of a kind, and no others, were put right."""
    of_detections: Sequence[np.ndarray]
    """For each image and detection, in the order given: a number into ``kinds``; -1 for what does not count."""

    @property
    def shares(self) -> np.ndarray:
        """``(kinds,)`` of all detections that count; zeros if there are none."""
        return self.counts.sum(axis=0) / max(self.counts.sum(), 1)


def false_positives(
    truths: Sequence[Any],
    detections: Sequence[Any],
    *,
    names: Sequence[str] | None = None,
    definitions: str = "tide",
    iou: float = 0.5,
    background: float = 0.1,
    similar: Sequence[Sequence[int]] = (),
    score: float | None = None,
) -> Errors:
    """Say of every detection what is wrong with it.

    Right is what finds a truth as in `yolo.evaluation.evaluate` at ``iou``, COCO's way. Of the rest, the first that
    holds, IoUs being with truths that are not ignored:

    - "tide": **localisation**, IoU in ``background..iou`` with one of its class (and no more with any of its class);
      **class**, at least ``iou`` with one of another class; **duplicate**, at least ``iou`` with one of its class,
      which a better one has found; **background**, at most ``background`` with any; **both**, in between with one of
      another class.
    - "hoiem": **localisation**, at least ``background`` with one of its class, which has duplicates in it; **similar**,
      at least ``background`` with one of a class that is similar; **other**, with one of any other class;
      **background**, less than that. Of each class only as many detections are looked at as it has truths, the best
      ones, as in both papers.

    Cost (TIDE, section 3.2): errors of class get the right class and errors of place the right place, if that truth is
    still to be found, the best score first, and vanish otherwise; the others vanish. Missed truths are taken from the
    number of truths. Average precision is the area under the curve, "every_point".

    Args:
        truths: as `yolo.evaluation.evaluate`.
        detections: likewise; all of an image count.
        names: likewise.
        definitions: "tide" or "hoiem".
        iou: from which on a detection is right.
        background: up to which there is nothing; less than ``iou``.
        similar: groups of classes that are similar, for "hoiem".
        score: what a detection must have at least; None: all.

    Raises:
        TypeError, ValueError: as `yolo.evaluation.evaluate`; other definitions; thresholds out of range; similar
            classes that do not exist.
    """
    one_of("definitions", definitions, ("tide", "hoiem"))
    if not 0 <= background < iou <= 1:
        raise ValueError(f"background is {background} and iou {iou}; 0 <= background < iou <= 1 is wanted")
    gathered = gather(truths, detections, classes=None if names is None else len(names))
    objects, classes = gathered.truths, gathered.classes
    group = np.arange(classes)
    for members in similar:
        if not all(0 <= member < classes for member in members):
            raise ValueError(f"similar holds {tuple(members)}; with {classes} classes 0..{classes - 1} is wanted")
        group[list(members)] = min(members, default=0)
    found = gathered.detections
    keep = np.ones(len(found.scores), bool) if score is None else found.scores >= score
    asked = np.bincount(objects.classes[~objects.ignored], minlength=classes)
    if definitions == "hoiem":
        order = np.lexsort((-found.scores, found.classes))
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order)) - np.searchsorted(found.classes[order], found.classes[order])
        keep &= place < asked[found.classes]
    found = found.only(keep)
    near = overlapping(found, objects, 0, classes, any_class=True)
    same = found.classes[near.detection] == objects.classes[near.truth]
    alike = Pairs(*(column[same] for column in near))
    matches = match(found, objects, alike, np.array([iou]), objects.ignored[None], classes)
    truth_of = np.full(len(found.scores), -1, np.int64)
    truth_of[matches.detection] = matches.truth[0, 0]

    asked_for = ~objects.ignored[near.truth]
    own = _largest(near, same & asked_for, len(truth_of))
    other = _largest(near, ~same & asked_for, len(truth_of))
    if definitions == "tide":
        kinds, conditions = (
            TIDE,
            [
                (own.iou < iou) & (other.iou >= iou),
                (own.iou >= background) & (own.iou < iou),
                np.maximum(own.iou, other.iou) > background,
                own.iou >= iou,
                np.ones(len(truth_of), bool),
            ],
        )
        order = [1, 0, 3, 2, 4]  # of the questions; "both" is what is left of those that are near something
    else:
        closest = group[objects.classes[near.truth]] == group[found.classes[near.detection]]
        kin = _largest(near, ~same & closest & asked_for, len(truth_of))
        kinds = HOIEM
        conditions = [own.iou >= background, kin.iou >= background, other.iou >= background]
        conditions.append(np.ones(len(truth_of), bool))
        order = [0, 1, 2, 3]
    kind = np.full(len(truth_of), -2)
    for number in order:
        kind[(kind == -2) & conditions[number]] = number + 1
    hit = truth_of >= 0
    kind[hit] = np.where(objects.ignored[truth_of[hit]], -1, 0)
    counts = np.zeros((classes, len(kinds) + 1), np.int64)
    np.add.at(counts, (found.classes[kind >= 0], kind[kind >= 0]), 1)

    missed = ~objects.ignored
    missed[truth_of[hit]] = False
    cost = {}
    if definitions == "tide":
        claim = np.where(kind == 1, other.truth, np.where(kind == 2, own.truth, -1))
        missed[claim[claim >= 0]] = False
        cost = _costs(found, objects, kind, claim, truth_of, asked, missed)
    return Errors(
        (CORRECT, *kinds), counts, np.bincount(objects.classes[missed], minlength=classes), cost,
        _as_given(kind, found.source, detections),
    )  # fmt: skip


@dataclass(frozen=True)
class _Largest:
    iou: np.ndarray
    truth: np.ndarray


def _largest(pairs: Pairs, mask: np.ndarray, count: int) -> _Largest:
    """For each detection the largest IoU among the pairs of the mask and its truth; 0 and -1 without any."""
    iou, truth = np.zeros(count), np.full(count, -1, np.int64)
    chosen = np.flatnonzero(mask)
    chosen = chosen[np.argsort(pairs.iou[chosen], kind="stable")]  # the largest is written last
    iou[pairs.detection[chosen]], truth[pairs.detection[chosen]] = pairs.iou[chosen], pairs.truth[chosen]
    return _Largest(iou, truth)


def _costs(
    found: Detections,
    objects: Truths,
    kind: np.ndarray,
    claim: np.ndarray,
    truth_of: np.ndarray,
    asked: np.ndarray,
    missed: np.ndarray,
) -> dict[str, float]:
    plain = _mean_ap(found.classes, found.scores, kind == 0, kind >= 0, asked)
    taken = np.zeros(len(objects.classes), bool)
    taken[truth_of[kind == 0]] = True
    costs = {}
    for number, name in enumerate(TIDE, start=1):
        wrong = np.flatnonzero(kind == number)
        right, counted, classes = kind == 0, (kind >= 0) & (kind != number), found.classes.copy()
        if name in ("class", "localisation"):
            wrong = wrong[~taken[claim[wrong]]]
            wrong = wrong[np.argsort(-found.scores[wrong], kind="stable")]
            wrong = wrong[np.unique(claim[wrong], return_index=True)[1]]
            right[wrong] = counted[wrong] = True
            classes[wrong] = objects.classes[claim[wrong]]
        costs[name] = _mean_ap(classes, found.scores, right, counted, asked) - plain
    fewer = asked - np.bincount(objects.classes[missed], minlength=len(asked))
    costs["missed"] = _mean_ap(found.classes, found.scores, kind == 0, kind >= 0, fewer) - plain
    return costs


def _mean_ap(
    classes: np.ndarray, scores: np.ndarray, right: np.ndarray, counted: np.ndarray, asked: np.ndarray
) -> float:
    every = CONVENTIONS.index("every_point")
    order = np.lexsort((-scores, classes))
    order = order[counted[order]]
    parts = np.split(right[order], np.searchsorted(classes[order], np.arange(1, len(asked))))
    values = []
    for hits, truths in zip(parts, asked.tolist()):
        at = np.flatnonzero(hits)
        values.append(average_precision((np.arange(len(at)) + 1) / (at + 1), truths)[every])
    return float(np.nanmean(values)) if np.isfinite(values).any() else np.nan


def _as_given(kind: np.ndarray, source: np.ndarray, detections: Sequence[Any]) -> list[np.ndarray]:
    lengths = [len(one.scores) for one in detections]
    flat = np.full(sum(lengths), -1)
    flat[source] = kind
    return np.split(flat, np.cumsum(lengths)[:-1])
