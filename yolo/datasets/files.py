"""What readers and writers share: image files by name, their size from the header, and where copies go."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from yolo.datasets.records import DetectionData, LabelError, Record

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif")
_TURNED = (5, 6, 7, 8)  # values of EXIF's orientation that swap height and width
_ORIENTATION = 0x0112


def image_files(folder: str | os.PathLike[str]) -> dict[str, Path]:
    """Name without ending -> image file, by the alphabet.

    Raises:
        NotADirectoryError: no such folder.
        ValueError: two images of one name.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise NotADirectoryError(f"'{folder}' is no folder")
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in ENDINGS and not path.name.startswith("."):
            if path.stem in files:
                raise ValueError(f"'{files[path.stem].name}' and '{path.name}' in '{folder}' share a name")
            files[path.stem] = path
    return files


def image_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Height and width from the file's header, held upright as `data.read_image` does.

    Raises:
        LabelError: no such file, or no picture.
    """
    import PIL.Image

    try:
        with PIL.Image.open(path) as picture:
            width, height = picture.size
            turned = picture.getexif().get(_ORIENTATION) in _TURNED
    except (OSError, ValueError, SyntaxError, PIL.Image.DecompressionBombError) as error:
        raise LabelError(path, None, f"the size of the image cannot be read: {error}") from error
    return (width, height) if turned else (height, width)


def text_of(value: float) -> str:
    """The shortest text that reads as the same number, without a point where it is whole.

    >>> text_of(3.0), text_of(0.1)
    ('3', '0.1')
    """
    value = float(value)
    return str(int(value)) if value.is_integer() else repr(value)


class Placed:
    """The records of a data set, each with its image's place in the folder that is written."""

    def __init__(self, data: DetectionData, folder: Path, copy: bool) -> None:
        """Copy the images, or write them as PNG where they are arrays.

        Raises:
            ValueError: two images of one name; a size that is not known.
        """
        self.pairs: list[tuple[Record, Path]] = []
        seen: set[str] = set()
        for index, record in enumerate(data):
            if isinstance(record.image, np.ndarray):
                name = Path(f"{index:06d}.png" if record.id is None else f"{record.id}.png".replace("/", "_"))
            else:
                name = Path(Path(record.image).name)
            if name.stem in seen:
                raise ValueError(f"two images are called {name.stem!r}; in one folder their labels would be one file")
            if record.size is None:
                raise ValueError(f"{record.name}: size is not known; read the data set from its images")
            seen.add(name.stem)
            self.pairs.append((record, folder / name))
        if copy:
            folder.mkdir(parents=True, exist_ok=True)
            for record, file in self.pairs:
                _put(record, file)

    def __iter__(self) -> Iterator[tuple[Record, Path]]:
        """Record and file."""
        return iter(self.pairs)


def _put(record: Record, file: Path) -> None:
    import PIL.Image

    if isinstance(record.image, np.ndarray):
        PIL.Image.fromarray(record.read_image()).save(file)
    elif Path(record.image).resolve() != file.resolve():
        shutil.copyfile(record.image, file)
