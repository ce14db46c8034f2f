"""Checks of arguments that all packages share, in words that say what is wanted."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np


def whole_number(name: str, number: Any, least: int = 1) -> int:
    """An argument that counts something.

    Raises:
        TypeError: not a whole number.
        ValueError: less than ``least``.
    """
    try:
        if isinstance(number, (bool, np.bool_)):
            raise TypeError
        count = operator.index(number)
    except TypeError:
        raise TypeError(f"{name} is {number!r}; a whole number is wanted") from None
    if count < least:
        raise ValueError(f"{name} is {number}; at least {least} is wanted")
    return count


def number_pair(name: str, numbers: int | Sequence[int], least: int = 1) -> tuple[int, int]:
    """An argument that is one whole number for both directions, or one each, ``(vertical, horizontal)``.

    Raises:
        TypeError: something else.
        ValueError: not two, or less than ``least``.
    """
    several = isinstance(numbers, (Sequence, np.ndarray)) and not isinstance(numbers, (str, bytes, bytearray))
    if not several or getattr(numbers, "ndim", 1) == 0:
        return (whole_number(name, numbers, least),) * 2
    if len(numbers) != 2:
        raise ValueError(f"{name} is {numbers!r}; one whole number is wanted, or two, (vertical, horizontal)")
    return whole_number(name, numbers[0], least), whole_number(name, numbers[1], least)


def one_of(name: str, value: Any, accepted: Sequence[str]) -> None:
    """Refuse what is not among the words that are accepted.

    Raises:
        ValueError: it is not.
    """
    if not isinstance(value, str) or value not in accepted:
        raise ValueError(f"{name} is {value!r}; accepted: {', '.join(accepted)}")
