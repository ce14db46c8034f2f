"""What the words on the command line stand for: pictures."""

from __future__ import annotations

import glob
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from data.command_line.outputs import OutputError, free, writable_folder
from data.command_line.quiet import one_line

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
VIDEOS = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v")
RESULTS = (".png", ".mp4")  # what is made of a picture, and of a video


class Picture(NamedTuple):
    """A picture to be read.

    Attributes:
        path: where it lies; for a sample photograph its name.
        place: where its results go inside an output folder, without a suffix: ``animals/cat``.
    """

    path: Path
    place: Path


def pictures_in(folder: Path, suffixes: Sequence[str] = SUFFIXES) -> list[Path]:
    """All pictures of a folder and of those inside it, by name; hidden ones are left out."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() in suffixes and path.is_file())
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts))


def find_pictures(
    names: Sequence[str],
    report: Callable[[str], Any],
    suffixes: Sequence[str] = SUFFIXES,
    results: Sequence[str] = (),
) -> list[Picture]:
    """The pictures that paths stand for; a folder stands for all pictures in it.

    Args:
        names: files, folders and patterns (``holiday/*.jpg``, ``**/*.png``), which stand for pictures and folders.
        report: told in words of each path that is nothing.
        suffixes: of the files that are taken from a folder or by a pattern.
        results: as ``what`` of `place_of`: files of a folder that are named so were made of its pictures, and are
            left out; how many is said on stderr.

    Returns:
        Each once, no two with the same place.
    """
    from data import photos

    found: dict[Path, Picture] = {}
    taken: set[Path] = set()
    for name in _spelt_out(names, report, suffixes):
        path = Path(name)
        if path.is_dir():
            inside = _without_results(path, pictures_in(path, suffixes), results)
            if not inside:
                report(f"there are no pictures in the folder '{path}' ({', '.join(suffixes)})")
            pairs = [(one, one.relative_to(path).with_suffix("")) for one in inside]
        elif path.exists() or name not in photos():
            pairs = [(path, Path(path.stem))]
            if not path.exists():
                report(_missing(path))
                continue
        else:
            pairs = [(path, Path(name))]
        for one, place in pairs:
            if one.resolve() in found:
                continue
            number = 1
            unique = place
            while unique in taken:  # cat.jpg beside cat.png
                number += 1
                unique = place.with_name(f"{place.name}-{number}")
            taken.add(unique)
            found[one.resolve()] = Picture(one, unique)
    return list(found.values())


def _without_results(folder: Path, inside: list[Path], results: Sequence[str]) -> list[Path]:
    made = tuple(f"-{what}{suffix}" for what in results for suffix in RESULTS)
    kept = [path for path in inside if not path.name.endswith(made)]
    if len(kept) < len(inside):
        words = f"{len(inside) - len(kept)} of {len(inside)} files in '{folder}' are named as results"
        print(f"{words} ({', '.join(f'*-{what}' for what in results)}) and left out; name them to have them, too",
              file=sys.stderr)  # fmt: skip
    return kept


def _spelt_out(names: Sequence[str], report: Callable[[str], Any], suffixes: Sequence[str]) -> Iterator[str]:
    """The names, and in the place of a pattern what it stands for; not every shell does that."""
    for name in names:
        if not name.strip():
            report("an empty word stands for no picture; '.' is the folder that you are in")
            continue
        if not glob.has_magic(name) or Path(name).exists():
            yield name
            continue
        found = sorted(glob.glob(name, recursive=True))
        files = [one for one in found if Path(one).is_file() and Path(one).suffix.lower() in suffixes]
        # "**" names what is inside of folders, too; else a folder that matches stands for its pictures.
        found = files if "**" in name else [one for one in found if one in files or Path(one).is_dir()]
        if not found:
            report(f"there are no pictures that '{name}' stands for ({', '.join(suffixes)})")
        yield from found


def is_video(picture: Picture) -> bool:
    """By its ending."""
    return picture.path.suffix.lower() in VIDEOS


def place_of(
    picture: Picture, what: str, output: Path | None, report: Callable[[str], Any], several: bool, force: bool
) -> Path | None:
    """Where the result of a picture goes: a PNG, of a video an MP4.

    Args:
        picture: from `find_pictures`.
        what: the part of the result's name that says what it is.
        output: a file, a folder, or None: the current folder.
        report: told in words why it cannot go there.
        several: whether there are other pictures.
        force: whether a file that is there already is replaced.

    Returns:
        The path, free and in a folder that can be written to; None if it was reported.
    """
    suffix = RESULTS[is_video(picture)]
    try:
        if output is not None and output.suffix.lower() in (*SUFFIXES, *VIDEOS) and not output.is_dir():
            if several:
                raise OutputError(f"--output '{output}' is one file, and there are several pictures; name a folder")
            if output.suffix.lower() != suffix:
                raise OutputError(f"--output '{output}': of '{picture.path}' a {suffix} is made; name it so")
            path = output
        else:
            path = (output or Path()) / picture.place.with_name(f"{picture.place.name}-{what}{suffix}")
        free(path, force, source=picture.path)
        writable_folder(path.parent)
    except OutputError as error:
        report(one_line(error))
        return None
    return path


def _missing(path: Path) -> str:
    from data import read_image

    try:
        read_image(path)
    except OSError as error:  # names those that look alike
        return str(error)
    return f"there is no '{path}'"


def read(picture: Picture) -> np.ndarray:
    """The picture, uint8 RGB.

    Raises:
        OSError, ValueError: it cannot be read.
    """
    from data import photo, photos, read_image

    if not picture.path.exists() and str(picture.path) in photos():
        return photo(str(picture.path))
    return read_image(picture.path)
