"""Checks of arguments, in words that say what is wanted."""

from __future__ import annotations

import operator
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
