"""A folder of images and a folder of labels, matched by file name, by id or by the colours of a class_dict.csv."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data import ImageError
from fcn.datasets.labels import read_label
from fcn.datasets.pairs import SegmentationData

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".gif")
VOID_NAMES = ("void", "unlabelled", "unlabeled", "ignore")


def folder_pairs(
    images: str | os.PathLike[str],
    labels: str | os.PathLike[str],
    class_dict: str | os.PathLike[str] | None = None,
    *,
    class_names: Sequence[str] | None = None,
    ids: Sequence[int] | None = None,
    void_ids: Sequence[int] = (),
    label_ending: str = "",
    unknown: str = "raise",
) -> SegmentationData:
    """Pairs of files that share a name: ``images/a.jpg`` with ``labels/a.png``, in alphabetical order.

    Args:
        images: folder of pictures.
        labels: folder of labels (the same folder if ``label_ending`` tells them apart).
        class_dict: a CSV file of names and colours, see `read_class_dict`: labels are read by colour. None: by id.
        class_names: of the ids. None, without a class_dict: "class 0", "class 1", ... up to the largest id that a label
            holds, for which all labels are read.
        ids: the number of each of ``class_names`` in the files; None: 0, 1, 2, ...
        void_ids: numbers that mean void, besides 255.
        label_ending: what label files have at the end of their name in addition, as "_L" in ``a_L.png``.
        unknown: "raise" for ids and colours without a meaning, or "void" to take them as void.

    Returns:
        The pairs; what has no counterpart is in ``images_without_label`` and ``labels_without_image``, for `lint`.

    Raises:
        NotADirectoryError: images or labels is no folder.
        ValueError: no pair; two files of one name; both class_dict and class_names; labels of colours and no
            class_dict; ids and no class_names.
    """
    if class_dict is not None and (class_names is not None or ids is not None or len(void_ids)):
        raise ValueError("class_dict is given, and class_names, ids or void_ids too; labels are by colour or by id")
    if ids is not None and class_names is None:
        raise ValueError(f"ids is {ids!r} and class_names None; say which class each number is")
    names = _files("labels", labels, label_ending)
    pictures = _files("images", images, "")
    if label_ending and Path(images) == Path(labels):
        pictures = {stem: path for stem, path in pictures.items() if path not in names.values()}
    both = sorted(pictures.keys() & names.keys())
    if not both:
        raise ValueError(
            f"no image and label share a name: {_some(pictures)} in '{images}', {_some(names)} in '{labels}'"
            + (f" (without '{label_ending}')" if label_ending else "; label_ending= is for names as a_L.png")
        )
    found = {
        "images": [pictures[stem] for stem in both],
        "labels": [names[stem] for stem in both],
        "images_without_label": [pictures[stem] for stem in sorted(pictures.keys() - names.keys())],
        "labels_without_image": [names[stem] for stem in sorted(names.keys() - pictures.keys())],
        "unknown": unknown,
    }
    if class_dict is not None:
        colours, void_colours = read_class_dict(class_dict)
        return SegmentationData(
            class_names=tuple(colours),
            colours=list(colours.values()),
            by_colour=True,
            void_colours=void_colours,
            **found,
        )
    if class_names is None:
        class_names = [f"class {i}" for i in range(_largest_id(found["labels"], {255, *void_ids}) + 1)]
    return SegmentationData(class_names=tuple(class_names), ids=ids, void_ids=tuple(void_ids), **found)


def read_class_dict(
    path: str | os.PathLike[str], void_names: Sequence[str] = VOID_NAMES
) -> tuple[dict[str, tuple[int, int, int]], list[tuple[int, int, int]]]:
    """Read a table of classes: lines ``name,r,g,b``, with or without a line of headings.

    Args:
        path: a CSV file.
        void_names: names, in any case, that are no class but void.

    Returns:
        Class name -> colour, in the order of the lines; and the colours of void.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no text; a line without a name and three numbers 0..255; a name or a colour twice; no class.
    """
    colours: dict[str, tuple[int, int, int]] = {}
    void: list[tuple[int, int, int]] = []
    try:
        with open(path, newline="", encoding="utf-8-sig") as stream:  # spreadsheets put a mark at the beginning
            rows = [(number, [cell.strip() for cell in row]) for number, row in enumerate(csv.reader(stream), 1)]
    except (UnicodeDecodeError, csv.Error):
        raise ValueError(f"'{path}' is no text in UTF-8; lines name,r,g,b are wanted") from None
    rows = [(number, row) for number, row in rows if any(row)]
    if rows and not any(cell.isdigit() for cell in rows[0][1][1:]):
        rows = rows[1:]  # headings
    for number, row in rows:
        if len(row) != 4 or not row[0] or not all(cell.isdecimal() and int(cell) <= 255 for cell in row[1:]):
            raise ValueError(f"'{path}', line {number}: {','.join(row)!r}; name,r,g,b with 0..255 is wanted")
        colour = (int(row[1]), int(row[2]), int(row[3]))
        if row[0] in colours or colour in (*colours.values(), *void):
            raise ValueError(f"'{path}', line {number}: {','.join(row)!r} has a name or colour that came before")
        if row[0].lower() in void_names:
            void.append(colour)
        else:
            colours[row[0]] = colour
    if not colours:
        raise ValueError(f"'{path}' names no class; lines name,r,g,b are wanted")
    return colours, void


def _files(argument: str, folder: str | os.PathLike[str], ending: str) -> dict[str, Path]:
    """Name without ending -> picture file."""
    if not Path(folder).is_dir():
        raise NotADirectoryError(f"{argument} is '{os.fspath(folder)}'; that is no folder")
    files: dict[str, Path] = {}
    for path in sorted(Path(folder).iterdir()):
        if path.suffix.lower() in ENDINGS and path.stem.endswith(ending) and not path.name.startswith("."):
            stem = path.stem.removesuffix(ending)
            if stem in files:
                raise ValueError(f"{argument}: '{files[stem].name}' and '{path.name}' in '{folder}' share a name")
            files[stem] = path
    return files


def _some(files: dict[str, Path]) -> str:
    names = ", ".join(path.name for path in list(files.values())[:3])
    return f"{len(files)} files ({names}{', ...' if len(files) > 3 else ''})" if files else "no pictures"


def _largest_id(paths: Sequence[Path], void: set[int]) -> int:
    largest = -1
    for path in paths:
        try:
            stored = read_label(path)
        except ImageError as error:
            if "colours, not ids" in str(error):
                raise
            continue  # lint reports it, and reading it raises
        values = np.unique(stored)
        largest = max(largest, *(int(value) for value in values if value not in void), -1)
    if not 0 <= largest < 255:
        raise ValueError(
            f"the labels' largest id is {largest}; 0..254 is wanted"
            if largest >= 0
            else "the labels hold nothing but void; give class_names="
        )
    return largest
