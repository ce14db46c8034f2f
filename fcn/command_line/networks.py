"""What --weights stands for: a network with the names and colours of its classes."""

from __future__ import annotations

import argparse
import difflib
import hashlib
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data.arguments import number_pair
from data.shipped import card as read_card
from fcn.command_line.sources import other_colours, read_names
from fcn.segmenter import ENTRIES, SHIPPED, Segmenter, available, colour_table, from_card, load

if TYPE_CHECKING:
    import keras

SMALLEST = 32  # pixels that a side of a picture has at least
MODELS = (".keras", ".h5", ".hdf5")
MOST = 2**25  # pixels: a frame of 8K video


def open_segmenter(weights: str | None, names_file: str | None = None) -> Segmenter:
    """A network by the name of its weights, or from a file.

    Args:
        weights: the word after ``--weights``, or None: those that ship.
        names_file: a text file with the names of a ``.keras`` file's classes; None: as its card says, or numbers.

    Raises:
        OSError, ValueError: there is none, it cannot be opened, or is none that gives classes to pixels.
    """
    name = weights or SHIPPED
    if names_file and (name.endswith(".weights.h5") or not name.endswith(MODELS)):
        raise ValueError(f"--classes is for {', '.join(MODELS)} files; the card of {name!r} names its classes")
    if name.endswith(".weights.h5"):
        return _from_weights(Path(name))
    if name.endswith(MODELS):
        return _from_model(Path(name), names_file)
    if name in available():
        return load(name)
    near = difflib.get_close_matches(name, available(), n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    there = f"there is {', '.join(available())}" if available() else "none are installed"
    raise ValueError(
        f"--weights: no weights {name!r} ship with this version ({there}); {hint}train some with 'python -m fcn train "
        "camvid' and name the file, as --weights runs/camvid/camvid.weights.h5"
    )


def size_for(segmenter: Segmenter, options: argparse.Namespace) -> Any:
    """The size that the network is to see: the option's, or the only one that it takes, or None: the picture's.

    Raises:
        ValueError: the network takes another size; one that is too small or too large for any.
    """
    sides = segmenter.network.input_shape[1:3]
    only = None if None in sides else sides
    wanted = options.size
    if wanted and only and number_pair("size", wanted) != only:
        raise ValueError(f"--size is {wanted}, and the network takes {only[0]}x{only[1]} only; leave --size out")
    if wanted and not only:
        check_sides("--size", *number_pair("size", wanted), "")
    return wanted or only


def check_picture(image: np.ndarray, size: Any) -> None:
    """Refuse what is too small or too large for a network.

    Raises:
        ValueError: it is.
    """
    height, width = image.shape[:2]
    if size is None:
        scale = (MOST / 4 / height / width) ** 0.5
        sides = (max(height, 64), max(width, 64)) if scale > 1 else (int(height * scale), int(width * scale))
        hint = "enlarges" if scale > 1 else "shrinks"
        check_sides("the picture", height, width, f"; --size {sides[0]}x{sides[1]} {hint} it")


def check_sides(what: str, height: int, width: int, hint: str) -> None:
    """Refuse sides that are too small or too large for a network.

    Raises:
        ValueError: they are.
    """
    words = f"{what} is {height} x {width} pixels (height x width), and a network wants"
    if min(height, width) < SMALLEST:
        raise ValueError(f"{words} {SMALLEST} at least{hint}")
    if height * width > MOST:
        raise ValueError(f"{words} {MOST / 1e6:.0f} million of them at most{hint}")


def _from_weights(path: Path) -> Segmenter:
    """Weights with the card that `fcn.segmenter.export` wrote."""
    card = path.with_name(path.name.removesuffix(".weights.h5") + ".json")
    for file, what in ((path, "weights file"), (card, "card, which says what network it is of,")):
        if not file.is_file():
            raise FileNotFoundError(f"there is no {what} '{file}'; 'python -m fcn train' writes both side by side")
    facts = read_card(card.stem, *ENTRIES, folder=path.parent)
    if hashlib.sha256(path.read_bytes()).hexdigest() != facts["sha256"]:
        raise ValueError(f"'{path}' is not the file that its card '{card.name}' names; copy both again")
    return from_card(facts, path, f"'{card}'")


def _from_model(path: Path, names_file: str | None) -> Segmenter:
    """A whole Keras model."""
    network = open_model(path)
    takes, gives = (getattr(network, f"{way}_shape", None) for way in ("input", "output"))
    if not all(isinstance(shape, tuple) and len(shape) == 4 for shape in (takes, gives)):
        raise ValueError(f"the model in '{path}' takes {takes} and gives {gives}; pictures to classes of pixels wanted")
    if takes[-1] != 3 or gives[-1] is None or not 2 <= gives[-1] <= 255:
        raise ValueError(
            f"the model in '{path}' takes {takes[-1]} channels and gives {gives[-1]}; 3, RGB, and 2 to 255 classes "
            "are wanted"
        )
    card = path.with_suffix(".json")
    facts = read_card(card.stem, folder=path.parent) if card.is_file() else {}
    names = read_names(names_file) if names_file else facts.get("class_names")
    names = names or [f"class {index}" for index in range(gives[-1])]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"'{card}': class_names is {names!r:.60}; a list of names is wanted")
    if len(names) != gives[-1]:
        raise ValueError(f"there are {len(names)} names of classes, and the model in '{path}' has {gives[-1]} classes")
    try:
        colours = colour_table(facts.get("colours", other_colours(len(names))), len(names))
    except ValueError as error:
        raise ValueError(f"'{card}': {error}") from None
    return Segmenter(network, tuple(names), colours, facts)


def open_model(path: Path) -> keras.Model:
    """A whole Keras model.

    Raises:
        OSError, ValueError: there is none; it cannot be opened.
    """
    import keras

    for name in ("convolutions.layers", "initializers", "layers", "models.blocks", "models.pspnet"):
        import_module(f"fcn.{name}")  # layers of the package, which Keras must know
    if not path.is_file():
        raise FileNotFoundError(f"there is no model file '{path}'")
    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:  # in a damaged file anything can be wrong: zip, JSON, HDF5, layers
        why = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"'{path}' cannot be opened as a Keras model: {why:.300}") from error
