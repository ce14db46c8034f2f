"""Darknet's labels: a text file for each image, for each box a line "class x y width height" in shares."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from yolo.datasets.files import Placed, image_files, image_size
from yolo.datasets.records import Collected, DetectionData, LabelError, Record, number

SHARES = ("x", "y", "width", "height")
LARGEST = 2.0
"""A share above this is no box that leaves the image a little, but another unit."""


def read_yolo(
    images: str | os.PathLike[str],
    labels: str | os.PathLike[str] | None = None,
    *,
    names: Sequence[str] | str | os.PathLike[str],
    strict: bool = True,
) -> DetectionData:
    """Labels as Darknet reads them.

    Args:
        images: folder of images.
        labels: folder of the text files; None: beside the images if there is one, otherwise the folder ``labels`` that
            stands where ``images`` stands in the path (Darknet's rule).
        names: of the classes, or the file with one in each line (``coco.names``).
        strict: raise at the first problem. False: leave out the file and keep the problem in ``problems``.

    Returns:
        The records by name. An image with an empty file has no boxes; what has no counterpart is told apart
        (``images_without_label``, ``labels_without_image``).

    Raises:
        NotADirectoryError: images or labels is no folder.
        FileNotFoundError: no file of names.
        ValueError: no image with a label.
        LabelError: with ``strict``, a line that is not five numbers, a class without a name, boxes in another unit, an
            image whose size cannot be read.
    """
    pictures = image_files(images)
    names = read_names(names) if isinstance(names, (str, os.PathLike)) else tuple(names)
    folder = _labels_of(Path(images)) if labels is None else Path(labels)
    if not folder.is_dir():
        raise NotADirectoryError(f"labels is '{folder}'; that is no folder")
    texts = {path.stem: path for path in sorted(folder.glob("*.txt"))}
    both = sorted(pictures.keys() & texts.keys())
    if not both:
        raise ValueError(f"no image in '{images}' has a label of its name in '{folder}'")
    collected, records = Collected(strict), []
    for stem in both:
        try:
            records.append(_record(pictures[stem], texts[stem], names))
        except LabelError as error:
            collected.add(error)
    return DetectionData(
        records,
        names,
        collected.problems,
        images_without_label=[pictures[stem] for stem in sorted(pictures.keys() - texts.keys())],
        labels_without_image=[texts[stem] for stem in sorted(texts.keys() - pictures.keys())],
    )


def write_yolo(
    data: DetectionData, folder: str | os.PathLike[str], *, drop_marks: bool = False, copy: bool = True
) -> Path:
    """Write ``images``, ``labels`` and ``classes.names``; `read_yolo` reads the same boxes.

    Args:
        data: the records; of each the size must be known.
        folder: where to; made if it is not there.
        drop_marks: write difficult objects and crowds as any other. The format has no word for them.
        copy: copy the images; arrays become PNG. False: write labels only.

    Returns:
        The folder.

    Raises:
        ValueError: a difficult object or a crowd, without ``drop_marks``; two images of one name; a size that is not
            known; a class name with a line break.
        FileExistsError: there are labels already.
    """
    folder = Path(folder)
    if not drop_marks:
        marked = next((one for one in data if one.difficult.any() or one.crowd.any()), None)
        if marked is not None:
            raise ValueError(
                f"{marked.name} has a difficult object or a crowd, which this format cannot say; drop_marks=True "
                "writes them as any other"
            )
    if any(name != name.strip() or not name or "\n" in name for name in data.names):
        raise ValueError(f"names is {data.names}; each must be one line, without space around it")
    placed = Placed(data, folder / "images", copy)
    labels = folder / "labels"
    labels.mkdir(parents=True, exist_ok=True)
    if any(labels.iterdir()):
        raise FileExistsError(f"'{labels}' holds files already; give an empty folder")
    for record, image in placed:
        corners = record.boxes.astype(np.float64) / np.tile(record.size[::-1], 2)
        shares = np.concatenate([(corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]], axis=1)
        lines = [" ".join([str(kind), *map(repr, row)]) for kind, row in zip(record.classes, shares.tolist())]
        (labels / f"{image.stem}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    (folder / "classes.names").write_text("".join(f"{name}\n" for name in data.names), encoding="utf-8")
    return folder


def read_names(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """The names of classes, one in a line; empty lines at the end do not count.

    Raises:
        FileNotFoundError: no such file.
        LabelError: an empty line between names, a name twice, none.
    """
    lines = [line.strip() for line in Path(path).read_text(encoding="utf-8-sig").rstrip().splitlines()]
    for place, name in enumerate(lines):
        if not name or name in lines[:place]:
            raise LabelError(path, place + 1, f"{name!r} is no new name; one different name in each line is wanted")
    if not lines:
        raise LabelError(path, None, "no name of a class")
    return tuple(lines)


def _labels_of(images: Path) -> Path:
    parts = list(images.parts)
    if any(images.glob("*.txt")) or "images" not in parts:
        return images
    last = len(parts) - 1 - parts[::-1].index("images")
    return Path(*parts[:last], "labels", *parts[last + 1 :])


def _record(image: Path, file: Path, names: Sequence[str]) -> Record:
    size = image_size(image)
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise LabelError(file, None, f"no text: {error}") from error
    rows, classes, places = [], [], []
    for place, line in enumerate(lines, start=1):
        cells = line.split()
        if not cells:
            continue
        if len(cells) != 5:
            raise LabelError(file, place, f"{line.strip()!r} has {len(cells)} cells; class x y width height is wanted")
        kind = number(cells[0], "the class", file, place)
        if kind != int(kind) or not 0 <= kind < len(names):
            raise LabelError(file, place, f"the class is {cells[0]}; a number 0..{len(names) - 1} is wanted")
        row = [number(cell, what, file, place) for what, cell in zip(SHARES, cells[1:])]
        if max(abs(value) for value in row) > LARGEST:
            raise LabelError(file, place, f"the box {cells[1:]} is not in shares of the image, 0..1; is it in pixels?")
        if min(row[2:]) < 0:
            raise LabelError(file, place, f"the box {cells[1:]} has a negative side")
        rows.append(row)
        classes.append(int(kind))
        places.append(place)
    shares = np.array(rows, np.float64).reshape(-1, 4)
    corners = np.concatenate([shares[:, :2] - shares[:, 2:] / 2, shares[:, :2] + shares[:, 2:] / 2], axis=1)
    corners *= np.tile(size[::-1], 2)
    return Record(image, corners, classes, names, size=size, source=file, lines=tuple(places))
