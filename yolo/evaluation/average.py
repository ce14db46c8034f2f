"""`evaluate`: mean average precision of many images, in three conventions, by thresholds and sizes, in one pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from data.arguments import one_of, whole_number
from yolo.evaluation.gathering import TIES, gather
from yolo.evaluation.matching import Matches, match, overlapping
from yolo.evaluation.precision import CONVENTIONS, average_precision, cumulated, last_of_equals

COCO_THRESHOLDS = tuple(np.linspace(0.5, 0.95, 10).tolist())
COCO_AREAS = {"all": (0.0, 1e10), "small": (0.0, 1024.0), "medium": (1024.0, 9216.0), "large": (9216.0, 1e10)}
"""Square pixels, both ends included: 32 x 32 and 96 x 96 are the bounds."""
POOLINGS = ("class", "global", "image")


class Curve(NamedTuple):
    """Precision and recall while the threshold on the score falls, one point for each detection that counts."""

    recall: np.ndarray
    precision: np.ndarray
    scores: np.ndarray

    @property
    def interpolated(self) -> np.ndarray:
        """The largest precision at this recall or a larger one: what average precision is the mean of."""
        return np.maximum.accumulate(self.precision[::-1])[::-1]

    @property
    def f1(self) -> np.ndarray:
        """Harmonic mean of the two; 0 where both are."""
        both = self.precision + self.recall
        return np.divide(2 * self.precision * self.recall, both, out=np.zeros_like(both), where=both > 0)


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` measured. NaN wherever there are no truths; means leave NaN out."""

    names: Sequence[str]
    """Of what average precision is of: the classes; "all classes"; or the images, "image 0", ..."""
    iou_thresholds: np.ndarray
    areas: Mapping[str, tuple[float, float]]
    max_detections: Sequence[int | None]
    precision: Mapping[str, np.ndarray]
    """Average precision, by convention: ``(areas, thresholds, names)``, with the largest of ``max_detections``."""
    recall: np.ndarray
    """Share of the truths that was found at all, ``(max_detections, areas, thresholds, names)``."""
    truths: np.ndarray
    """How many were asked for, ``(areas, names)``."""
    _outcomes: np.ndarray = field(repr=False)
    _bounds: np.ndarray = field(repr=False)
    _scores: np.ndarray = field(repr=False)
    _together: bool = field(repr=False)

    def ap(self, convention: str = "coco", iou: float | None = None, area: str = "all") -> float:
        """The mean over the names, and over the thresholds too where ``iou`` is None; NaN if there is no truth.

        Raises:
            ValueError: a convention, threshold or area that was not measured.
        """
        values = self.by_name(convention, iou, area)
        return float(np.nanmean(values)) if np.isfinite(values).any() else np.nan

    def by_name(self, convention: str = "coco", iou: float | None = None, area: str = "all") -> np.ndarray:
        """Average precision of each name, ``(names,)``; the mean over the thresholds where ``iou`` is None."""
        one_of("convention", convention, CONVENTIONS)
        one_of("area", area, tuple(self.areas))
        values = self.precision[convention][list(self.areas).index(area)]
        return values.mean(axis=0) if iou is None else values[self._threshold(iou)]

    def average_recall(self, most: int | None = None, area: str = "all") -> float:
        """Mean over names and thresholds of the share that was found by at most ``most`` detections an image and class.

        None: the largest of ``max_detections``.

        Raises:
            ValueError: a number or area that was not measured.
        """
        one_of("area", area, tuple(self.areas))
        if most is not None and most not in self.max_detections:
            raise ValueError(f"most is {most}; measured: {', '.join(map(str, self.max_detections))}")
        number = -1 if most is None else list(self.max_detections).index(most)
        values = self.recall[number, list(self.areas).index(area)]
        return float(np.nanmean(values)) if np.isfinite(values).any() else np.nan

    def curve(self, name: int | str = 0, iou: float | None = None, area: str = "all") -> Curve:
        """Precision against recall of one class (or image).

        Args:
            name: its name or number.
            iou: a measured threshold; None: the first one.
            area: a measured range of size.

        Raises:
            ValueError: what was not measured; no truths, so no recall.
        """
        if isinstance(name, str):
            one_of("name", name, self.names)
            name = list(self.names).index(name)
        if not 0 <= name < len(self.names):
            raise ValueError(f"name is {name}; 0..{len(self.names) - 1} is wanted")
        one_of("area", area, tuple(self.areas))
        which = list(self.areas).index(area)
        total = self.truths[which, name]
        if not total:
            raise ValueError(f"there are no truths of {self.names[name]!r} of size {area!r}: recall is not defined")
        part = slice(self._bounds[name], self._bounds[name + 1])
        outcome = self._outcomes[which, 0 if iou is None else self._threshold(iou), part]
        scores = self._scores[part]
        runs = np.array([0, len(scores)])
        true, count = cumulated(outcome, runs, last_of_equals(scores, runs) if self._together else None)
        shown = np.flatnonzero(outcome >= 0)
        return Curve(true[shown] / total, true[shown] / count[shown], scores[shown])

    def _threshold(self, iou: float) -> int:
        near = np.flatnonzero(np.abs(self.iou_thresholds - iou) < 1e-6)
        if not len(near):
            raise ValueError(f"iou is {iou}; measured: {', '.join(f'{one:g}' for one in self.iou_thresholds)}")
        return int(near[0])

    def __str__(self) -> str:
        """A table: average precision of each name at the first threshold in three conventions, and COCO's mean."""
        first = float(self.iou_thresholds[0])
        wide = max(len("mean"), *(len(name) for name in self.names))
        heads = [f"11-point@{first:g}", f"every@{first:g}", f"101-point@{first:g}", "101-point, all IoUs"]
        columns = [self.by_name(convention, first) for convention in CONVENTIONS] + [self.by_name()]
        means = [self.ap(convention, first) for convention in CONVENTIONS] + [self.ap()]
        lines = [f"{'':{wide}}  truths  {'  '.join(heads)}"]
        everything = list(self.areas).index("all") if "all" in self.areas else 0
        rows = [*zip(self.names, self.truths[everything], *columns), ("mean", self.truths[everything].sum(), *means)]
        for name, count, *values in rows:
            cells = "  ".join(f"{value:{len(head)}.3f}" for value, head in zip(values, heads))
            lines.append(f"{name:{wide}}  {count:6}  {cells}")
        return "\n".join(lines)


def evaluate(
    truths: Sequence[Any],
    detections: Sequence[Any],
    *,
    names: Sequence[str] | None = None,
    iou_thresholds: float | Sequence[float] = COCO_THRESHOLDS,
    areas: Mapping[str, tuple[float, float]] | None = None,
    max_detections: int | Sequence[int] | None = (1, 10, 100),
    matching: str = "coco",
    ties: str = "fixed",
    pooling: str = "class",
) -> Evaluation:
    """Average precision and recall of detections, as pycocotools and VOCdevkit measure them, all at once.

    Difficult truths and crowds are neither asked for nor held against a detection that found them. In a range of size
    the same holds for truths outside of it, and detections outside of it that found nothing are left out (COCO).

    Equal scores: what comes first among them decides about the average precision, and nothing says what should.

    - "fixed": within an image, boxes of equal score are sorted by their corners; between images, by the images' order.
      So the order in which detections (and truths) are listed within an image has no influence. The default.
    - "order": as they are listed, sorted stably: pycocotools, digit for digit.
    - "together": in addition to "fixed", equal scores are one step of the curve, as no threshold on the score can part
      them: the order of the images has no influence either. A detector whose scores are all equal has the precision of
      all its detections, where the other two may find anything between none and the best.

    Redmon and Farhadi (YOLOv3, section 5) object that a mean over classes of one curve per class does not see boxes
    that any reader would call wrong, if only their scores are low or their class is another; ``pooling`` has what they
    suggest instead.

    Args:
        truths: `Truth` or anything with its attributes, one for each image (a data set of `yolo.datasets` will do).
        detections: `Detection` or anything with its attributes, in the same order.
        names: of the classes; None: "class 0", "class 1", ... as far as they occur.
        iou_thresholds: of 0..1, more than 0.
        areas: name -> smallest and largest area in square pixels; None: `COCO_AREAS`.
        max_detections: of one class in one image, rising: recall is measured for each number, precision for the last.
            None: all.
        matching: "coco" or "voc", see `yolo.evaluation.matching.match`.
        ties: see above.
        pooling: "class": a curve for each class. "global": one curve for all classes together, truths and detections
            meeting within their class as ever. "image": a curve for each image, over all classes; images without truths
            have none and are left out of the mean, whatever was found there.

    Raises:
        ValueError: arguments out of range, or that do not fit one another.
        TypeError: arguments of another kind.
    """
    for argument, value, accepted in (
        ("matching", matching, ("coco", "voc")),
        ("ties", ties, TIES),
        ("pooling", pooling, POOLINGS),
    ):
        one_of(argument, value, accepted)
    if isinstance(names, str):
        raise TypeError(f"names is {names!r}; a sequence of names is wanted")
    areas = COCO_AREAS if areas is None else dict(areas)
    if not areas:
        raise ValueError("areas is empty; at least one range of size is wanted")
    thresholds = np.atleast_1d(np.asarray(iou_thresholds, np.float64))
    if thresholds.ndim != 1 or not len(thresholds) or not ((thresholds > 0) & (thresholds <= 1)).all():
        raise ValueError(f"iou_thresholds is {iou_thresholds!r}; numbers of 0..1, more than 0, are wanted")
    limits = _limits(max_detections)
    gathered = gather(truths, detections, classes=None if names is None else len(names), most=limits[-1], ties=ties)
    found, objects = gathered.detections, gathered.truths
    bounds = np.array(list(areas.values()), np.float64)
    ignored = objects.ignored | (objects.areas < bounds[:, :1]) | (objects.areas > bounds[:, 1:])
    outside = (found.areas < bounds[:, :1]) | (found.areas > bounds[:, 1:])
    pairs = overlapping(found, objects, min(thresholds.min(), 1 - 1e-10), gathered.classes)
    matches = match(found, objects, pairs, thresholds, ignored, gathered.classes, matching)

    if names is None:
        names = [f"class {number}" for number in range(gathered.classes)]
    keys = objects.classes, found.classes
    if pooling == "global":
        names, keys = ["all classes"], tuple(np.zeros_like(key) for key in keys)
    elif pooling == "image":
        names, keys = [f"image {number}" for number in range(gathered.images)], (objects.images, found.images)
    order = np.lexsort((-found.scores, keys[1]))
    starts = np.searchsorted(keys[1][order], np.arange(len(names) + 1))
    ends = last_of_equals(found.scores[order], starts) if ties == "together" else None
    outcomes = _outcomes(matches, ignored, outside, order)
    asked = np.stack([np.bincount(keys[0][~mask], minlength=len(names)) for mask in ignored])
    shape = (len(CONVENTIONS), len(areas), len(thresholds), len(names))
    precision = np.full(shape, np.nan)
    recall = np.full((len(limits), *shape[1:]), np.nan)
    rank, key = found.rank[order], keys[1][order]
    for area, threshold in np.ndindex(shape[1:3]):
        outcome = outcomes[area, threshold]
        hits = np.flatnonzero(outcome == 1)
        true, count = cumulated(outcome, starts, ends)
        curve = true[hits] / count[hits]
        parts = np.searchsorted(hits, starts)
        for number in np.flatnonzero(asked[area]):
            part = curve[parts[number] : parts[number + 1]]
            precision[:, area, threshold, number] = average_precision(part, asked[area, number])
        for place, limit in enumerate(limits):
            within = hits if limit is None else hits[rank[hits] < limit]
            reached = np.bincount(key[within], minlength=len(names))
            np.divide(reached, asked[area], out=recall[place, area, threshold], where=asked[area] > 0)
    return Evaluation(
        names=tuple(names),
        iou_thresholds=thresholds,
        areas=areas,
        max_detections=limits,
        precision=dict(zip(CONVENTIONS, precision)),
        recall=recall,
        truths=asked,
        _outcomes=outcomes,
        _bounds=starts,
        _scores=found.scores[order],
        _together=ties == "together",
    )


def _outcomes(matches: Matches, ignored: np.ndarray, outside: np.ndarray, order: np.ndarray) -> np.ndarray:
    """1 for what is right, 0 for what is wrong, -1 for what does not count; ``(A, T, detections)`` int8, in order."""
    areas, thresholds, _ = matches.truth.shape
    outcomes = np.empty((areas, thresholds, len(order)), np.int8)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    for area, mask in enumerate(ignored):
        outcomes[area] = np.where(outside[area], -1, 0)[order]
        # One more at the end, for -1: nothing was found, which stays what it is.
        of_match = np.append(np.where(mask, -1, 1), 0).astype(np.int8)[matches.truth[area]]
        of_match[matches.truth[area] < 0] = outcomes[area][:, place[matches.detection]][matches.truth[area] < 0]
        outcomes[area][:, place[matches.detection]] = of_match
    return outcomes


def _limits(max_detections: int | Sequence[int] | None) -> tuple[int | None, ...]:
    if max_detections is None:
        return (None,)
    if not isinstance(max_detections, Sequence):
        return (whole_number("max_detections", max_detections),)
    limits = tuple(whole_number("max_detections", limit) for limit in max_detections)
    if not limits or list(limits) != sorted(set(limits)):
        raise ValueError(f"max_detections is {max_detections!r}; rising numbers are wanted")
    return limits
