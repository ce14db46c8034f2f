"""Boxes as a CSV table: a row for each, with the columns' names in the first line, or RetinaNet's six without."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from yolo.datasets.files import Placed, text_of
from yolo.datasets.records import (
    Collected,
    DetectionData,
    LabelError,
    Record,
    class_number,
    number,
    pixels_not_shares,
)

COLUMNS = ("image", "x1", "y1", "x2", "y2", "class", "difficult", "crowd", "height", "width")
BARE = COLUMNS[:6]
"""Without a line of names: the order of keras-retinanet."""
ALSO = {
    "filename": "image", "file": "image", "path": "image", "image_path": "image", "xmin": "x1", "ymin": "y1",
    "xmax": "x2", "ymax": "y2", "label": "class", "name": "class", "class_name": "class", "iscrowd": "crowd",
}  # fmt: skip


def read_csv(
    file: str | os.PathLike[str],
    images: str | os.PathLike[str] | None = None,
    *,
    names: Sequence[str] | None = None,
    strict: bool = True,
) -> DetectionData:
    """A table of boxes, xyxy in pixels.

    Args:
        file: CSV. With a line of names: image, x1, y1, x2, y2, class in any order (or the names of TensorFlow's
            tables: filename, xmin, ..., label), and, if there, difficult, crowd, height, width. Without: image, x1, y1,
            x2, y2, class. A row whose box and class are empty is an image without boxes.
        images: the folder that the images' names are in; None: the folder of ``file``.
        names: of the classes, in the order of their numbers; None: those that occur, by the alphabet.
        strict: raise at the first problem. False: leave out the image and keep the problem in ``problems``.

    Returns:
        The records in the order of their first rows. Whether the images are there is `lint`'s to say.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no record at all.
        LabelError: no table (also without ``strict``); with it, a row with another number of cells, a corner that is no
            number, a class that is not among ``names``, boxes in shares of the image.
    """
    file = Path(file)
    images = file.parent if images is None else Path(images)
    columns, rows = _rows(file)
    if names is None:
        names = sorted({row["class"] for _, row in rows if row.get("class")})
    collected = Collected(strict)
    boxes: dict[str, list[tuple]] = {}
    sizes: dict[str, tuple[int, int] | None] = {}
    spoilt = set()
    for line, row in rows:
        name = row.get("image", "")
        try:
            if len(row) != len(columns) or None in row:
                raise LabelError(file, line, f"another number of cells than the {len(columns)}: {', '.join(columns)}")
            if not name:
                raise LabelError(file, line, "the name of the image is empty")
            sizes[name] = _size(file, line, row) or sizes.get(name)
            boxes.setdefault(name, [])
            if any(row[column] for column in BARE[1:]):
                boxes[name].append(_box(file, line, row, names))
        except LabelError as error:
            spoilt.add(name)
            collected.add(error)
    records = []
    for name, found in boxes.items():
        if name in spoilt:
            continue
        corners, kinds, difficult, crowd, lines = list(zip(*found)) or [()] * 5
        try:
            pixels_not_shares(np.array(corners).reshape(-1, 4), file, lines[0] if lines else None)
        except LabelError as error:
            collected.add(error)
            continue
        marks = (np.array(mark, bool) for mark in (difficult, crowd))
        records.append(
            Record(images / name, corners, kinds, names, *marks, sizes[name], source=file, lines=tuple(lines))
        )
    if not records:
        raise ValueError(f"'{file}': no row can be read")
    return DetectionData(records, names, collected.problems)


def write_csv(data: DetectionData, folder: str | os.PathLike[str], *, copy: bool = True) -> Path:
    """Write ``boxes.csv`` and ``images``; ``read_csv(file, folder / "images", names=data.names)`` reads the same.

    Args:
        data: the records; of each the size must be known.
        folder: where to; made if it is not there.
        copy: copy the images; arrays become PNG. False: write the table only.

    Returns:
        The CSV file.

    Raises:
        ValueError: two images of one name; a size that is not known.
        FileExistsError: the file is there already.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "boxes.csv"
    placed = Placed(data, folder / "images", copy)
    with open(file, "x", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(COLUMNS)
        for record, image in placed:
            for box, kind, *marks in zip(record.boxes, record.classes, record.difficult, record.crowd):
                marks = [int(mark) for mark in marks]
                table.writerow([image.name, *map(text_of, box), record.names[kind], *marks, *record.size])
            if not len(record):
                table.writerow([image.name, *[""] * 7, *record.size])
    return file


def _rows(file: Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """The columns, and line and cells of every row that is not empty."""
    if not file.is_file():
        raise FileNotFoundError(f"no file '{file}'")
    try:
        with open(file, newline="", encoding="utf-8-sig") as stream:  # spreadsheets put a mark at the beginning
            reader = csv.reader(stream)
            rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except (csv.Error, UnicodeDecodeError) as error:
        raise LabelError(file, None, f"no CSV: {error}") from error
    rows = [(line, row) for line, row in rows if any(row)]
    if not rows:
        raise LabelError(file, None, "the file is empty")
    heads = [ALSO.get(cell.lower(), cell.lower()) for cell in rows[0][1]]
    if {"x1", "class"} <= set(heads):
        lacking = [column for column in BARE if column not in heads]
        if lacking or len(set(heads)) < len(heads):
            raise LabelError(file, rows[0][0], f"the columns are {', '.join(heads)}; lacking: {', '.join(lacking)}")
        rows = rows[1:]
    else:
        heads = list(BARE)
    # Cells beyond the columns are kept under None, so that nothing is cut off unseen.
    return heads, [
        (line, dict(zip(heads, row)) | ({None: row[len(heads) :]} if len(row) > len(heads) else {}))
        for line, row in rows
    ]


def _size(file: Path, line: int, row: dict[str, str]) -> tuple[int, int] | None:
    if not row.get("height") or not row.get("width"):
        return None
    size = tuple(int(number(row[side], side, file, line)) for side in ("height", "width"))
    if min(size) < 1:
        raise LabelError(file, line, f"the image is {size[0]} x {size[1]}; at least 1 x 1 is wanted")
    return size


def _box(file: Path, line: int, row: dict[str, str], names: Sequence[str]) -> tuple:
    corners = [number(row[column], column, file, line) for column in BARE[1:5]]
    marks = [row.get(mark, "").lower() in ("1", "true") for mark in ("difficult", "crowd")]
    return corners, class_number(row["class"], names, file, line), *marks, line
