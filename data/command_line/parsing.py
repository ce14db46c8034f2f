"""The parser: wrong usage is told in one line, and status 2."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn


class Parser(argparse.ArgumentParser):
    """Wrong usage in one line."""

    words: Sequence[str] = ()

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:
        """As of the class; the words are kept, for `error`."""
        self.words = sys.argv[1:] if args is None else args
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        dashed = next((word for word in self.words if word.startswith("-") and Path(word).exists()), None)
        hint = f"; for the file '{dashed}' write ./{dashed}" if dashed else ""
        self.exit(2, f"{self.prog}: {' '.join(message.split())}{hint} (see {self.prog} --help)\n")


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


def share(text: str) -> float:
    """A number from 0 to 1.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    return _number(text, 0, 1, "a number from 0 to 1")


def positive(text: str) -> float:
    """A number above 0.

    Raises:
        argparse.ArgumentTypeError: it is none, or so large or small that it means nothing.
    """
    return _number(text, 1e-12, 1e12, "a number above 0")


def words(text: str) -> list[str]:
    """Names with commas between.

    Raises:
        argparse.ArgumentTypeError: there are none.
    """
    found = [word.strip() for word in text.split(",") if word.strip()]
    if not found:
        raise argparse.ArgumentTypeError("names with commas between are wanted")
    return found


def scale_range(text: str) -> tuple[float, float]:
    """The least and the largest enlargement, ``.6..1.5``.

    Raises:
        argparse.ArgumentTypeError: they are none.
    """
    found = re.fullmatch(r"(\d*\.?\d+)\.\.(\d*\.?\d+)", text)
    least, largest = map(float, found.groups()) if found else (1, 0)
    if not 0.01 <= least <= largest <= 100:
        raise argparse.ArgumentTypeError(f"{text!r}; .6..1.5, the least and the largest enlargement, is wanted")
    return least, largest


def order_options(group: Any) -> None:
    """The options of a training that are about its order and what is kept: ``--seed`` to ``--precision``."""
    group.add_argument("--seed", type=seed, default=0, help="of weights, order and views (default: 0)")
    group.add_argument("--precision", choices=("auto", "float32", "bfloat16"), default="auto",
                       help="auto: bfloat16 where a step is faster with it")  # fmt: skip


def result_options(made: argparse.ArgumentParser) -> None:
    """The options of a training that say where its results go."""
    group = made.add_argument_group("results")
    group.add_argument("--validation", metavar="DATA", help="to be measured at the end, too; never learnt from")
    group.add_argument("--run", type=Path, metavar="FOLDER", help="checkpoint and curves (default: runs/DATA)")
    group.add_argument("--out", type=Path, metavar="FILE", help="weights, with a card (default: in the run's folder)")
    group.add_argument("--note", help="a sentence for the card")
    group.add_argument("-f", "--force", action="store_true", help="replace weights that are there already")


def _number(text: str, least: float, most: float, wanted: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not least <= number <= most:
        raise argparse.ArgumentTypeError(f"{text!r}; {wanted} is wanted")
    return number
