"""Arguments of the augmentations, checked in words."""

from __future__ import annotations

import numbers
from collections.abc import Sequence


def between(name: str, value: float, least: float, largest: float) -> float:
    """A number of a range.

    Raises:
        TypeError: not a number.
        ValueError: outside, or not a number in the other sense.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} is {value!r}; a number is wanted")
    if not least <= value <= largest:
        raise ValueError(f"{name} is {value}; {least:g}..{largest:g} is wanted")
    return float(value)


def bounds(name: str, pair: Sequence[float]) -> tuple[float, float]:
    """Least and largest of a factor, 0.01..100.

    Raises:
        TypeError, ValueError: not two such numbers, or in the wrong order.

    >>> bounds("scale", (0.5, 2))
    (0.5, 2.0)
    """
    if isinstance(pair, numbers.Number) or len(pair) != 2:
        raise ValueError(f"{name} is {pair!r}; two numbers are wanted, (least, largest)")
    least, largest = (between(name, one, 0.01, 100) for one in pair)
    if least > largest:
        raise ValueError(f"{name} is {tuple(pair)}; the first is the least, the second the largest")
    return least, largest
