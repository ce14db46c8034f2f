"""Average precision from COCO's JSON files, and the twelve numbers that COCO's own program prints."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from yolo.evaluation.average import COCO_AREAS, COCO_THRESHOLDS, Evaluation, evaluate
from yolo.evaluation.gathering import Detection, Truth

Source = str | os.PathLike[str]


def evaluate_coco(
    annotations: Source | Mapping[str, Any], results: Source | Sequence[Mapping[str, Any]], **options: Any
) -> Evaluation:
    """Average precision of detections in COCO's format: `read_coco`, then `evaluate`.

    Args:
        annotations: JSON file, or its content: images, annotations, categories.
        results: JSON file, or its content: a list of ``{"image_id", "category_id", "bbox": [x, y, w, h], "score"}``.
        options: of `evaluate`, but ``names``. With ``ties="order"`` the numbers are those of pycocotools also where
            scores are equal.

    Raises:
        FileNotFoundError, ValueError: as `read_coco` and `evaluate`.
    """
    truths, detections, names = read_coco(annotations, results)
    return evaluate(truths, detections, names=names, **options)


def read_coco(
    annotations: Source | Mapping[str, Any], results: Source | Sequence[Mapping[str, Any]]
) -> tuple[list[Truth], list[Detection], list[str]]:
    """Truths and detections for each image, sorted by its id, in double precision; and the names of the classes.

    Classes are numbered in the order of the categories' ids. Every image of ``annotations`` is there, also if nothing
    is in it. "iscrowd" is a crowd, and "difficult", which `yolo.datasets.write_coco` adds, is difficult.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no JSON (with its line), an entry that lacks a field or is of an image or category that does not
            exist; the message names the file and the entry.
    """
    where, content = _content("annotations", annotations)
    if not isinstance(content, Mapping) or not {"images", "annotations", "categories"} <= content.keys():
        raise ValueError(f"{where}: the keys images, annotations and categories are wanted")
    images = sorted(_field(where, "images", content["images"], "id"))
    categories = dict(
        zip(
            _field(where, "categories", content["categories"], "id"),
            _field(where, "categories", content["categories"], "name"),
        )
    )
    ids = sorted(categories)
    entries = content["annotations"]
    boxes, image, kind = _table(where, "annotations", entries, images, ids)
    sides = boxes[:, 2:].prod(axis=1)
    areas = np.array([entry.get("area", side) for entry, side in zip(entries, sides.tolist())], np.float64)
    crowd = np.array([bool(entry.get("iscrowd", 0)) for entry in entries], bool)
    difficult = np.array([bool(entry.get("difficult", 0)) for entry in entries], bool)
    truths = [
        Truth(_corners(boxes[i]), kind[i], difficult[i], crowd[i], areas[i]) for i in _by_image(image, len(images))
    ]
    where, entries = _content("results", results)
    boxes, image, kind = _table(where, "results", entries, images, ids)
    scores = np.array(_field(where, "results", entries, "score"), np.float64)
    detections = [
        # The area from the sides: the difference of the corners may round to the other side of COCO's bounds.
        Detection(_corners(boxes[i]), scores[i], kind[i], boxes[i, 2:].prod(axis=1))
        for i in _by_image(image, len(images))
    ]
    return truths, detections, [str(categories[number]) for number in ids]


def coco_summary(evaluation: Evaluation) -> dict[str, float]:
    """The twelve numbers that ``COCOeval.summarize`` prints, in its order; NaN where it prints -1.

    Raises:
        ValueError: not measured with COCO's thresholds, areas and limits of 1, 10 and 100 detections (the defaults).
    """
    if (
        evaluation.iou_thresholds.tolist() != list(COCO_THRESHOLDS)
        or dict(evaluation.areas) != COCO_AREAS
        or tuple(evaluation.max_detections) != (1, 10, 100)
    ):
        raise ValueError("the evaluation has other thresholds, areas or limits than COCO; evaluate with the defaults")
    sizes = ("small", "medium", "large")
    return {
        "AP": evaluation.ap(),
        "AP50": evaluation.ap(iou=0.5),
        "AP75": evaluation.ap(iou=0.75),
        **{f"AP {size}": evaluation.ap(area=size) for size in sizes},
        **{f"AR{most}": evaluation.average_recall(most) for most in (1, 10, 100)},
        **{f"AR {size}": evaluation.average_recall(area=size) for size in sizes},
    }


def _content(argument: str, source: Any) -> tuple[str, Any]:
    if not isinstance(source, (str, os.PathLike)):
        return argument, source
    path = Path(source)
    if not path.is_file():
        raise FileNotFoundError(f"{argument}: no file '{path}'")
    try:
        return f"'{path}'", json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"'{path}' is no JSON: {error}") from error


def _field(where: str, what: str, entries: Any, name: str) -> list[Any]:
    if not isinstance(entries, Sequence) or isinstance(entries, str):
        raise ValueError(f"{where}: {what} is a {type(entries).__name__}; a list of entries is wanted")
    try:
        return [entry[name] for entry in entries]
    except (KeyError, TypeError):
        wrong = next(i for i, one in enumerate(entries) if not isinstance(one, Mapping) or name not in one)
        raise ValueError(f"{where}: {what}[{wrong}] lacks {name!r}") from None


def _table(
    where: str, what: str, entries: Any, images: list[Any], categories: list[Any]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Boxes as xywh, ``(n, 4)`` float64, and the numbers of image and class."""
    boxes = _field(where, what, entries, "bbox")
    wrong = next((i for i, box in enumerate(boxes) if not _is_box(box)), None)
    if wrong is not None:
        raise ValueError(
            f"{where}: {what}[{wrong}] has bbox {boxes[wrong]}; four finite numbers x, y, width, height, the last two "
            "not negative, are wanted"
        )
    numbers = []
    for name, known in (("image_id", images), ("category_id", categories)):
        place = {value: number for number, value in enumerate(known)}
        column = _field(where, what, entries, name)
        unknown = next((i for i, value in enumerate(column) if value not in place), None)
        if unknown is not None:
            raise ValueError(f"{where}: {what}[{unknown}] is of {name} {column[unknown]!r}, which does not exist")
        numbers.append(np.array([place[value] for value in column], np.int64))
    return np.array(boxes, np.float64).reshape(-1, 4), *numbers


def _is_box(box: Any) -> bool:
    try:
        x, y, width, height = box
        return abs(x) < np.inf and abs(y) < np.inf and 0 <= width < np.inf and 0 <= height < np.inf
    except (TypeError, ValueError):
        return False


def _corners(boxes: np.ndarray) -> np.ndarray:
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def _by_image(image: np.ndarray, count: int) -> list[np.ndarray]:
    order = np.argsort(image, kind="stable")
    return np.split(order, np.searchsorted(image[order], np.arange(1, count)))
