"""What the words on the command line stand for: pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


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
    names: Sequence[str], report: Callable[[str], Any], suffixes: Sequence[str] = SUFFIXES
) -> list[Picture]:
    """The pictures that paths stand for; a folder stands for all pictures in it.

    Args:
        names: files and folders.
        report: told in words of each path that is nothing.
        suffixes: of the files that are taken from a folder.

    Returns:
        Each once, no two with the same place.
    """
    from data import photos

    found: dict[Path, Picture] = {}
    taken: set[Path] = set()
    for name in names:
        path = Path(name)
        if path.is_dir():
            inside = pictures_in(path, suffixes)
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
