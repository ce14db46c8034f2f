"""The parser: wrong usage is told in one line, and status 2."""

from __future__ import annotations

import argparse
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """Wrong usage in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {' '.join(message.split())} (see {self.prog} --help)\n")


def whole_number(text: str) -> int:
    """A whole number from 0 up.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 up")
    return int(text)


def counted(text: str) -> int:
    """A whole number from 1 up.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    if not whole_number(text):
        raise argparse.ArgumentTypeError(f"{text!r}; at least 1 is wanted")
    return int(text)


def seed(text: str) -> int:
    """A seed that Keras and NumPy take.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    if not text.isdecimal() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"{text!r} is no seed; a whole number from 0 to {2**32 - 1} is wanted")
    return int(text)


def size(text: str) -> int | tuple[int, int]:
    """A side, ``224``, or height and width, ``180x240``, in pixels.

    Raises:
        argparse.ArgumentTypeError: it is neither.
    """
    sides = text.lower().split("x")
    if len(sides) > 2 or not all(side.isdecimal() and int(side) > 0 for side in sides):
        raise argparse.ArgumentTypeError(f"{text!r} is no size; 224, or 180x240 (height x width), is wanted")
    return int(sides[0]) if len(sides) == 1 else (int(sides[0]), int(sides[1]))
