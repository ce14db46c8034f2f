"""`python -m fcn predict PICTURE...`: label PNGs that hold the number of a class in every pixel."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from fcn.command_line.pictures import each
from fcn.segmenter import Segmenter


def run(options: argparse.Namespace) -> int:
    """Write the labels; see `fcn.command_line.pictures.each`."""
    return each(options, "label", _write)


def _write(segmenter: Segmenter, image: np.ndarray, classes: np.ndarray, path: Path) -> None:
    write_label(classes, segmenter.colours, path)


def write_label(classes: np.ndarray, colours: np.ndarray, path: Path) -> None:
    """A PNG whose pixels are the classes, with a palette that shows them in their colours.

    Args:
        classes: uint8 ``(height, width)``.
        colours: uint8 ``(classes, 3)``.
        path: ends in ``.png``.
    """
    from PIL import Image

    label = Image.fromarray(classes)
    label.putpalette(np.concatenate([colours, np.zeros((256 - len(colours), 3), np.uint8)]).tobytes())
    label.save(path)
