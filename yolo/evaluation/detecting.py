"""A detector measured on a data set: everything that it finds at a low threshold, and how good that is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from yolo.evaluation.average import Evaluation, evaluate
from yolo.found import Found

if TYPE_CHECKING:
    from yolo.datasets import DetectionData
    from yolo.detector import Detector

THRESHOLD, OVERLAP, BATCH = 0.005, 0.45, 8
"""Of the scores (Darknet's, when it measures): what is missing at the end of the curve costs average precision."""
MOST = 2000
"""Candidates of a picture: twenty times what counts of a class. A network that has learnt little has far more."""


def evaluate_detector(
    detector: Detector,
    data: DetectionData,
    *,
    threshold: float = THRESHOLD,
    overlap: float = OVERLAP,
    size: int | Sequence[int] | None = None,
    batch: int = BATCH,
    same: Mapping[str, str] | None = None,
    verbose: bool = True,
    **options: Any,
) -> Evaluation:
    """Average precision and recall of a detector on a data set: `detections_of`, then `evaluate`.

    The two numbers that are most often wanted, COCO's: ``result.ap(iou=0.5)`` and, over .5 to .95, ``result.ap()``.

    Args:
        detector: while its network is trained, a live one: ``dataclasses.replace(detector, live=True)``, made once.
        data: the labelled pictures.
        threshold: as of `detections_of`, and so the next four.
        overlap: likewise.
        size: likewise.
        batch: likewise.
        same: likewise.
        verbose: likewise.
        options: of `evaluate`, but ``names``.

    Raises:
        TypeError, ValueError, OSError: as `detections_of` and `evaluate`.
    """
    found = detections_of(
        detector, data, threshold=threshold, overlap=overlap, size=size, batch=batch, same=same, verbose=verbose
    )
    return evaluate(data, found, names=data.names, **options)


def detections_of(
    detector: Detector,
    data: DetectionData,
    *,
    threshold: float = THRESHOLD,
    overlap: float = OVERLAP,
    size: int | Sequence[int] | None = None,
    batch: int = BATCH,
    same: Mapping[str, str] | None = None,
    failed: Callable[[int, Exception], Any] | None = None,
    verbose: bool = True,
) -> list[Found | None]:
    """What a detector finds in every picture of a data set, with the data's numbers and names of the classes.

    Classes are the same if their names are, upper and lower case aside; names that only number the classes ("class 0",
    ...) mean the same classes in the same order. What is found of classes that the data does not have is left out.

    Args:
        detector: as of `evaluate_detector`.
        data: the pictures.
        threshold: least score. Low, as average precision is about everything that is found.
        overlap: IoU above which the weaker of two boxes of a class goes.
        size: of the network's input, instead of the detector's.
        batch: so many pictures go through the network at a time.
        same: where names differ, {the data's: the detector's}, such as ``{"sofa": "couch"}``.
        failed: told the number of a picture that cannot be read, and why; in the list it is None. Without, the first
            such picture ends it.
        verbose: show a progress bar when it takes more than two seconds.

    Raises:
        TypeError: data or detector are something else.
        ValueError: data without pictures; a class of the data that the detector does not know; arguments out of range.
        OSError, data.ImageError: a picture that cannot be read.
    """
    from tqdm.auto import tqdm

    from data import ImageError

    numbers = class_numbers(detector, data, same)
    there: list[int] = []

    def pictures() -> Iterator[np.ndarray]:
        for index in range(len(data)):
            try:
                picture = data[index].read_image()
            except (OSError, ImageError) as error:
                if failed is None:
                    raise
                failed(index, error)
                continue
            there.append(index)
            yield picture

    found: list[Found | None] = [None] * len(data)
    each = detector.each(pictures(), threshold=threshold, overlap=overlap, size=size, batch=batch, most=MOST)
    with tqdm(total=len(data), desc="detecting", unit="picture", disable=not verbose, delay=2, file=sys.stderr) as bar:
        for place, one in enumerate(each):
            known = numbers[one.classes] >= 0
            some = one.only(known)
            found[there[place]] = replace(some, classes=numbers[some.classes], names=data.names)
            bar.update()
    return found


def class_numbers(detector: Detector, data: DetectionData, same: Mapping[str, str] | None = None) -> np.ndarray:
    """For each class of the detector its number in the data, or -1.

    Raises:
        TypeError: what is neither data nor detector.
        ValueError: data without pictures; a class of the data that has boxes and that the detector does not know.
    """
    for name, value, wanted in (("detector", detector, "network"), ("data", data, "records")):
        if not hasattr(value, "names") or not hasattr(value, wanted):
            kind = "yolo.Detector" if name == "detector" else "DetectionData, as of yolo.datasets,"
            raise TypeError(f"{name} is a {type(value).__name__}; a {kind} is wanted")
    if not len(data):
        raise ValueError("data has no pictures; there is nothing to measure on")
    theirs, ours = list(detector.names), list(data.names)
    if len(theirs) == len(ours) and not same and (_numbered(theirs) or _numbered(ours)):
        return np.arange(len(theirs))
    plain = _plain if len({_plain(name) for name in ours}) == len(ours) else str  # "Car" beside "car": as written
    other = {plain(one): plain(name) for one, name in (same or {}).items()}
    wrong = [one for one in same or () if plain(one) not in map(plain, ours)]
    if wrong:
        raise ValueError(f"same has {wrong[0]!r}, which is no class of the data; it has {_some(ours)}")
    place = {other.get(plain(name), plain(name)): number for number, name in enumerate(ours)}
    numbers = np.array([place.get(plain(name), -1) for name in theirs])
    with_boxes = np.unique(np.concatenate([record.classes for record in data]))
    unknown = [ours[number] for number in with_boxes.tolist() if number not in numbers]
    if unknown:
        raise ValueError(
            f"the data's {_some(unknown, quoted=True)} {'is' if len(unknown) == 1 else 'are'} not among the "
            f"{len(theirs)} classes of the detector ({_some(theirs)}); if it has another name for it, say so with same="
        )
    return numbers


def _numbered(names: Sequence[str]) -> bool:
    return list(names) == [f"class {number}" for number in range(len(names))]


def _plain(name: str) -> str:
    return " ".join(name.split()).lower()


def _some(names: Sequence[str], quoted: bool = False) -> str:
    words = [repr(name) if quoted else name for name in names[:4]]
    return ", ".join(words) + ", ..." * (len(names) > 4)
