"""COCO's JSON (Lin et al. 2014): images, categories and annotations in one file, boxes as x, y, width, height."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from yolo.datasets.files import Placed
from yolo.datasets.records import Collected, DetectionData, LabelError, Record, number, pixels_not_shares

SIDES = ("x", "y", "width", "height")


def read_coco(
    file: str | os.PathLike[str], images: str | os.PathLike[str] | None = None, *, strict: bool = True
) -> DetectionData:
    """The annotations of a COCO file.

    Args:
        file: the JSON.
        images: the folder that its "file_name" are in; None: the folder of ``file``.
        strict: raise at the first problem. False: leave out the image and keep the problem in ``problems``.

    Returns:
        The records in the order of the images' ids; classes in the order of the categories' ids. "iscrowd" and "area"
        are read, and "difficult" as `write_coco` writes it. Whether the images are there is `lint`'s to say.

    Raises:
        FileNotFoundError: no such file.
        LabelError: no JSON, or not COCO's (also without ``strict``); with it, an annotation without a box of four
            numbers, or of an image or category that does not exist. Entries are named by their place in the list, as
            such a file is one line.
    """
    file = Path(file)
    images = file.parent if images is None else Path(images)
    content = _content(file)
    names, category_of = _categories(file, content["categories"])
    entries: dict[Any, Mapping[str, Any]] = {}
    collected, spoilt = Collected(strict), set()
    for place, entry in enumerate(content["images"]):
        if not isinstance(entry, Mapping) or not {"id", "file_name"} <= entry.keys() or entry["id"] in entries:
            collected.add(LabelError(file, None, f"images[{place}] lacks id or file_name, or its id came before"))
        else:
            entries[entry["id"]] = entry
    boxes = defaultdict(list)
    for place, one in enumerate(content["annotations"]):
        try:
            boxes[one["image_id"]].append(_annotation(file, place, one, entries, category_of))
        except (KeyError, TypeError) as error:
            spoilt.add(one.get("image_id") if isinstance(one, Mapping) else None)
            collected.add(LabelError(file, None, f"annotations[{place}] lacks {error}"))
        except LabelError as error:
            spoilt.add(one.get("image_id"))
            collected.add(error)
    records = []
    for key in sorted(entries.keys() - spoilt):
        columns = list(zip(*boxes[key])) or [()] * 5
        entry = entries[key]
        corners, kinds, crowd, difficult, areas = columns
        try:
            pixels_not_shares(np.array(corners).reshape(-1, 4), file, None)
        except LabelError as error:
            collected.add(LabelError(file, None, f"image {key!r}: {error.words}"))
            continue
        size = (entry["height"], entry["width"]) if {"height", "width"} <= entry.keys() else None
        records.append(
            Record(images / entry["file_name"], corners, kinds, names, difficult, crowd, size, areas, key, file)
        )
    return DetectionData(records, names, collected.problems)


def write_coco(data: DetectionData, folder: str | os.PathLike[str], *, copy: bool = True) -> Path:
    """Write ``annotations.json`` and ``images``; ``read_coco(file, folder / "images")`` reads the same records.

    Args:
        data: the records; of each the size must be known. Their ids are kept if all have different whole numbers.
        folder: where to; made if it is not there.
        copy: copy the images; arrays become PNG. False: write labels only.

    Returns:
        The JSON file. A box that is difficult has ``"difficult": 1`` there, which COCO itself does not know.

    Raises:
        ValueError: two images of one name; a size that is not known; corners in the wrong order.
        FileExistsError: the file is there already.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "annotations.json"
    if file.exists():
        raise FileExistsError(f"'{file}' is there already")
    placed = list(Placed(data, folder / "images", copy))
    ids = [record.id for record in data]
    if len(set(ids)) < len(ids) or not all(isinstance(one, int) for one in ids):
        ids = list(range(1, len(placed) + 1))
    annotations = []
    for key, (record, _) in zip(ids, placed):
        corners = record.boxes.astype(np.float64)
        sides = corners[:, 2:] - corners[:, :2]
        areas = sides.prod(axis=1) if record.areas is None else record.areas
        for box, side, kind, crowd, difficult, area in zip(
            corners, sides, record.classes, record.crowd, record.difficult, areas
        ):
            if (side < 0).any():
                raise ValueError(f"{record.name}: the box {box.tolist()} has x2 < x1 or y2 < y1; lint(data) lists all")
            one = {"id": len(annotations) + 1, "image_id": key, "category_id": int(kind) + 1}
            one |= {"bbox": [*box[:2].tolist(), *side.tolist()], "area": float(area), "iscrowd": int(crowd)}
            annotations.append(one | {"difficult": 1} if difficult else one)
    content = {
        "images": [
            {"id": key, "file_name": image.name, "height": record.size[0], "width": record.size[1]}
            for key, (record, image) in zip(ids, placed)
        ],
        "categories": [{"id": place + 1, "name": name} for place, name in enumerate(data.names)],
        "annotations": annotations,
    }
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def _content(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise FileNotFoundError(f"no file '{file}'")
    try:
        content = json.loads(file.read_bytes())
    except json.JSONDecodeError as error:
        raise LabelError(file, error.lineno, f"broken JSON: {error}") from error
    except UnicodeDecodeError as error:
        raise LabelError(file, None, f"no text: {error}") from error
    keys = ("images", "annotations", "categories")
    if not isinstance(content, dict) or not all(isinstance(content.get(key), list) for key in keys):
        raise LabelError(file, None, "lists of images, annotations and categories are wanted")
    return content


def _categories(file: Path, categories: list[Any]) -> tuple[list[str], dict[Any, int]]:
    try:
        pairs = sorted((one["id"], str(one["name"])) for one in categories)
    except (KeyError, TypeError) as error:
        raise LabelError(file, None, f"a category lacks {error}") from error
    names = [name for _, name in pairs]
    if len(set(names)) < len(names) or len({key for key, _ in pairs}) < len(pairs):
        raise LabelError(file, None, f"two categories share a name or an id: {pairs}")
    return names, {key: place for place, (key, _) in enumerate(pairs)}


def _annotation(
    file: Path, place: int, one: Mapping[str, Any], images: Mapping[Any, Any], category_of: Mapping[Any, int]
) -> tuple[list[float], int, bool, bool, float]:
    for key, known in (("image_id", images), ("category_id", category_of)):
        if one[key] not in known:
            raise LabelError(file, None, f"annotations[{place}] is of {key} {one[key]!r}, which does not exist")
    if len(one["bbox"]) != 4:
        raise LabelError(file, None, f"annotations[{place}]: bbox is {one['bbox']}; x, y, width, height are wanted")
    what = f"annotations[{place}]: bbox"
    x, y, width, height = (number(value, f"{what} {side}", file, None) for side, value in zip(SIDES, one["bbox"]))
    area = number(one.get("area", abs(width * height)), f"annotations[{place}]: area", file, None)
    corners = [x, y, x + width, y + height]
    return corners, category_of[one["category_id"]], bool(one.get("iscrowd", 0)), bool(one.get("difficult", 0)), area
