"""What the word DATA on the command line stands for."""

from __future__ import annotations

import argparse
from pathlib import Path

from yolo.datasets import DetectionData, bccd, read_coco, read_csv, read_names, read_voc, read_yolo, scenes

KINDS = "DATA is bccd, scenes, a folder (Pascal VOC's or Darknet's), a COCO .json or a .csv"
SCENE_SIZE = 128  # pixels


def open_data(word: str, options: argparse.Namespace) -> DetectionData:
    """The records that a word stands for: see `yolo.command_line.parsing.DATA`. What cannot be read is in ``problems``.

    Args:
        word: ``bccd``, ``bccd:validation``, ``scenes:SEED``, ``FOLDER``, ``FOLDER:LIST``, a file.
        options: ``images``, ``labels``, ``names``, ``count``, ``scene_size`` and ``quiet``; with ``strict`` the first
            label that cannot be read is an error.

    Raises:
        OSError, ValueError: there is no such data.
    """
    strict = getattr(options, "strict", False)
    name, _, part = word.partition(":")
    if name == "bccd":
        return bccd(part or "train", verbose=not options.quiet)
    if name == "scenes":
        if part and not part.isdecimal():
            raise ValueError(f"'{word}': {part!r} is no seed; scenes:1, say, is drawn from seed 1")
        return scenes(options.count, int(part or 0), options.scene_size or SCENE_SIZE, verbose=not options.quiet)
    path, split = Path(word), None
    if not path.exists() and ":" in word:
        before, _, split = word.rpartition(":")
        path = Path(before)
    if not path.exists():
        raise FileNotFoundError(f"there is no '{path}'; {KINDS}")
    if path.is_file():
        return _from_file(path, options, strict)
    names = None if options.names is None else read_names(options.names)
    if (path / "Annotations").is_dir():
        return read_voc(path, split, names=names, strict=strict)
    if split:
        raise ValueError(f"'{word}': a list is Pascal VOC's, and '{path}' has no folder Annotations")
    images = options.images or next(place for place in (path / "images", path) if place.is_dir())
    return read_yolo(images, options.labels, names=names or read_names(_names_in(path)), strict=strict)


def _from_file(path: Path, options: argparse.Namespace, strict: bool) -> DetectionData:
    if path.suffix.lower() == ".json":
        return read_coco(path, options.images, strict=strict)
    if path.suffix.lower() == ".csv":
        names = None if options.names is None else read_names(options.names)
        return read_csv(path, options.images, names=names, strict=strict)
    raise ValueError(f"'{path}' is neither .json nor .csv; {KINDS}")


def _names_in(folder: Path) -> Path:
    """The one file of names in a folder or in that above.

    Raises:
        ValueError: there is none, or several.
    """
    for place in (folder, folder.parent):
        found = [
            *sorted(place.glob("*.names")),
            *(place / name for name in ("classes.txt",) if (place / name).is_file()),
        ]
        if len(found) == 1:
            return found[0]
        if found:
            raise ValueError(f"'{place}' has {', '.join(path.name for path in found)}; name one with --names")
    raise ValueError(f"'{folder}' has no .names file with a class in each line; name one with --names")
