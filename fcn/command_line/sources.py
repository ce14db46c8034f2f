"""What the word DATA on the command line stands for."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from fcn.command_line.parsing import SCENES
from fcn.datasets import SegmentationData, camvid, folder_pairs, scenes, voc, voc_palette
from fcn.datasets.folders import ENDINGS

# The options of the command that say how a folder is to be read, and what they are by themselves.
FOLDER_OPTIONS = {"images": "images", "labels": "labels", "label_ending": "", "class_dict": None, "classes": None,
                  "void": (), "unknown_is_void": False}  # fmt: skip
TABLE = "class_dict.csv"
KINDS = "DATA is camvid, camvid:validation, scenes, or a folder with images/ and labels/ in it"
# Where the parts of a data set lie: {part}, and {images} and {labels} as the options name them.
LAYOUTS = (
    ("{part}/{images}", "{part}/{labels}"),
    ("{images}/{part}", "{labels}/{part}"),
    ("{part}", "{part}_{labels}"),
    ("{part}", "{part}annot"),
)


def open_data(word: str, options: argparse.Namespace, class_names: Sequence[str] | None = None) -> SegmentationData:
    """The pairs that a word stands for: see `fcn.command_line.parsing.DATA`.

    Args:
        word: ``camvid``, ``camvid:validation``, ``scenes``, ``scenes:SEED``, ``FOLDER`` or ``FOLDER:PART``.
        options: how a folder is to be read.
        class_names: of numbers that neither the folder nor an option names; None: those that occur, "class 0", ...

    Raises:
        OSError, ValueError: there is no such data, or it cannot be read; options that do not belong to it.
    """
    if not word.strip():
        raise ValueError(f"DATA is an empty word; '.' is the folder that you are in; {KINDS}")
    _check_options(options)
    name, _, part = word.partition(":")
    if name == "camvid":
        return camvid(part or "train", verbose=not options.quiet)
    if name == "scenes":
        if part and not part.isdecimal():
            raise ValueError(f"'{word}': {part!r} is no seed; scenes:1, say, is drawn from seed 1")
        return scenes(options.count, int(part or 0), verbose=not options.quiet)
    folder, part = _folder(word)
    if not folder.exists():
        raise FileNotFoundError(f"there is no '{folder}'; {KINDS}")
    if not folder.is_dir():
        raise NotADirectoryError(f"'{folder}' is a file; {KINDS}")
    if _is_voc(folder):
        return voc(folder, part or "train")
    images, labels = _places(folder, part, options)
    unknown = "void" if options.unknown_is_void else "raise"
    if options.classes and options.class_dict:
        raise ValueError("--classes names numbers and --class-dict colours; give the one that the labels hold")
    if options.classes:
        class_names = read_names(options.classes)
    table = None if options.classes else _table(folder, labels, options)
    if table is not None:
        if options.void:
            raise ValueError(f"--void is for labels of numbers; in '{table}' the colours named void are void")
        return folder_pairs(images, labels, table, label_ending=options.label_ending, unknown=unknown)
    return folder_pairs(
        images,
        labels,
        class_names=class_names,
        void_ids=options.void,
        label_ending=options.label_ending,
        unknown=unknown,
    )


def _check_options(options: argparse.Namespace) -> None:
    """Refuse options that would do nothing.

    Raises:
        ValueError: neither DATA nor --validation is of the kind that they belong to.
    """
    words = [word for word in (options.data, getattr(options, "validation", None)) if word]
    drawn = [word for word in words if word.partition(":")[0] == "scenes"]
    own = [
        word for word in words if word.partition(":")[0] not in ("camvid", "scenes") and not _is_voc(_folder(word)[0])
    ]
    named = f"{' and '.join(map(repr, words))} {'is' if len(words) == 1 else 'are'} not"
    given = [f"--{name.replace('_', '-')}" for name, usual in FOLDER_OPTIONS.items() if getattr(options, name) != usual]
    if given and not own:
        raise ValueError(f"{', '.join(given)}: for a folder of one's own, which {named}; leave it out")
    if options.count != SCENES and not drawn:
        raise ValueError(f"--count: for drawn scenes, as DATA scenes or scenes:1, which {named}; leave it out")


def _folder(word: str) -> tuple[Path, str]:
    """The folder and the part that a word stands for."""
    if not Path(word).exists() and ":" in word:
        before, _, part = word.rpartition(":")
        return Path(before), part
    return Path(word), ""


def _is_voc(folder: Path) -> bool:
    return (folder / "ImageSets" / "Segmentation").is_dir()


def colours_of(data: SegmentationData) -> np.ndarray:
    """Its colours, or, where it has none, VOC's without the first, which is black; uint8 ``(classes, 3)``."""
    return other_colours(len(data.class_names)) if data.colours is None else data.colours


def other_colours(count: int) -> np.ndarray:
    """Colours for classes that have none."""
    return voc_palette(count + 1)[1:]


def read_names(path: str) -> list[str]:
    """Names of classes, one in each line.

    Raises:
        OSError, ValueError: no such file; no text; no names.
    """
    try:
        lines = [line.strip() for line in Path(path).read_text(encoding="utf-8-sig").splitlines()]
    except UnicodeDecodeError:
        raise ValueError(f"--classes '{path}' is no text in UTF-8; a name in each line is wanted") from None
    names = [line for line in lines if line]
    if not names:
        raise ValueError(f"--classes '{path}' is empty; a name in each line is wanted")
    return names


def _places(folder: Path, part: str, options: argparse.Namespace) -> tuple[Path, Path]:
    """The folders of images and labels."""
    layouts = LAYOUTS if part else (("{images}", "{labels}"),)
    named = {"part": part, "images": options.images, "labels": options.labels}
    pairs = [tuple(folder / place.format(**named) for place in layout) for layout in layouts]
    for images, labels in pairs:
        if images.is_dir() and labels.is_dir():
            return images, labels
    inside = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    there = f"it has {', '.join(inside[:8])}{', ...' * (len(inside) > 8)}" if inside else "it has no folders"
    wanted = " nor ".join(" and ".join(f"{path.relative_to(folder)}/" for path in pair) for pair in pairs)
    hint = "name them with --images and --labels"
    if not part and any(name in ("train", "training") for name in inside):
        hint = f"name a part, as {folder}:train, or the folders with --images and --labels"
    raise FileNotFoundError(f"'{folder}' has no {wanted} ({there}); {hint}")


def _table(folder: Path, labels: Path, options: argparse.Namespace) -> Path | None:
    """The table of colours, if there is one.

    Raises:
        ValueError: there is one, but labels hold numbers.
    """
    if options.class_dict:
        return Path(options.class_dict)
    found = [path for path in (folder / TABLE, labels.parent / TABLE, folder.parent / TABLE) if path.is_file()]
    if not found:
        return None
    first = next((path for path in sorted(labels.iterdir()) if path.suffix.lower() in ENDINGS), None)
    try:
        with Image.open(first or "") as picture:
            grey = picture.mode in ("1", "L", "I", "I;16")
    except OSError:
        grey = False  # reading it says why
    if grey:
        raise ValueError(
            f"the labels in '{labels}' are grey, numbers of classes, and '{found[0]}' names colours; name the classes "
            "in the order of their numbers with --classes FILE, or give --class-dict if grey is a colour"
        )
    return found[0]
