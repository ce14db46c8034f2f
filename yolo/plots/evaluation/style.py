"""Greys, numbers and names of the figures."""

from __future__ import annotations

DARK, MIDDLE, PALE = "#333333", "#8a8a8a", "#c9ccd1"


def points(value: float) -> str:
    """Two decimals, no leading zero: .83, 1.00.

    >>> points(0.834), points(1)
    ('.83', '1.00')
    """
    text = f"{value:.2f}"
    return text.removeprefix("0") if text.startswith("0.") else text


def short(name: str, most: int = 24) -> str:
    """The beginning of a long name.

    >>> short("parking meter", 8)
    'parking…'
    """
    return name if len(name) <= most else name[: most - 1] + "\u2026"
