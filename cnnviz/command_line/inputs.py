"""What the words on the command line stand for: pictures, and models."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from cnnviz.models import Classifier

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
SCALES = ("0..255", "0..1", "tf", "caffe", "torch")


class UnknownModelError(ValueError):
    """There is no such model."""


class Picture(NamedTuple):
    """A picture to be read.

    Attributes:
        path: where it lies; for a sample photograph its name.
        place: where its results go inside an output folder, without a suffix: ``animals/cat``.
    """

    path: Path
    place: Path


def pictures_in(folder: Path) -> list[Path]:
    """All pictures of a folder and of those inside it, by name; hidden ones are left out."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts))


def find_pictures(names: Sequence[str], report: Callable[[str], Any]) -> list[Picture]:
    """The pictures that paths stand for; a folder stands for all pictures in it.

    Args:
        names: files and folders.
        report: told in words of each path that is nothing.

    Returns:
        Each once, no two with the same place.
    """
    from data import photos

    found: dict[Path, Picture] = {}
    taken: set[Path] = set()
    for name in names:
        path = Path(name)
        if path.is_dir():
            inside = pictures_in(path)
            if not inside:
                report(f"there are no pictures in the folder '{path}' ({', '.join(SUFFIXES)})")
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


def open_model(name: str, scale: str, names: str | None) -> Classifier:
    """A model by name, or from a file.

    Args:
        name: as for `cnnviz.load`, or the path of a ``.keras`` or ``.h5`` file.
        scale: how a file's model takes pixels, one of `SCALES`; the named models know it themselves.
        names: a text file with a class name in each line, or None.

    Raises:
        UnknownModelError: there is none of that name.
        OSError, ValueError: it cannot be had.
    """
    import dataclasses

    from cnnviz.models import EMBEDDED, imagenet_models, load

    path = Path(name)
    is_file = path.suffix.lower() in (".keras", ".h5", ".hdf5") or path.exists()
    if not is_file and name != EMBEDDED:
        known = imagenet_models()
        key = name.lower().replace("_", "").replace("-", "")
        if key not in known:
            near = difflib.get_close_matches(key, [EMBEDDED, *known], n=3)
            hint = f"did you mean {' or '.join(near)}? " if near else ""
            raise UnknownModelError(
                f"--model: no model {name!r}; {hint}There is {EMBEDDED}, every network of keras.applications "
                "(mobilenet_v2, vgg16, resnet50, ...), and files that end in .keras"
            )
    classifier = _from_file(path, scale) if is_file else load(name)
    if names is None:
        return classifier
    lines = [line.strip() for line in Path(names).read_text(encoding="utf-8").splitlines() if line.strip()]
    if len(lines) != len(classifier.class_names):
        raise ValueError(f"'{names}' names {len(lines)} classes, the model has {len(classifier.class_names)}")
    return dataclasses.replace(classifier, class_names=tuple(lines))


def _from_file(path: Path, scale: str) -> Classifier:
    import keras

    from cnnviz.models import Classifier

    if not path.exists():
        raise FileNotFoundError(f"there is no model file '{path}'")
    try:
        model = keras.saving.load_model(path, compile=False)
    except (OSError, ValueError, TypeError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"'{path}' cannot be opened as a Keras model: {reason:.300}") from None
    shapes = getattr(model, "input_shape", None), getattr(model, "output_shape", None)
    if not all(isinstance(shape, tuple) for shape in shapes) or len(shapes[0]) != 4 or len(shapes[1]) != 2:
        raise ValueError(
            f"the model in '{path}' takes {shapes[0]} and gives {shapes[1]}; pictures to classes are wanted"
        )
    if shapes[0][-1] not in (3, None):
        raise ValueError(f"the model in '{path}' takes pictures of {shapes[0][-1]} channels; 3, RGB, are wanted")
    outputs = 2 if shapes[1][-1] == 1 else shapes[1][-1]
    return Classifier(model, tuple(f"class {index}" for index in range(outputs)), shapes[0][1] or 224, _scale(scale))


def _scale(scale: str) -> Callable[[Any], Any]:
    from keras.applications.imagenet_utils import preprocess_input

    plain = {"0..255": lambda images: images, "0..1": lambda images: images / 255}
    if scale in plain:
        return plain[scale]
    # NumPy arrays are changed in place by Keras: a copy keeps the caller's.
    return lambda images: preprocess_input(images + 0, mode=scale)
