"""The weights of a kernel: their names, their colours, and the sums that they make, written out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

# Okabe and Ito 2008, told apart by the colour-blind.
HUES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")


def weight_names(kernel: Any) -> np.ndarray:
    """The weights as text, in the shape of the kernel: as they are named, or their value in three digits.

    Raises:
        ValueError: rows of different length.
    """
    if isinstance(kernel, str) or (isinstance(kernel, list | tuple) and any(isinstance(row, str) for row in kernel)):
        rows = [list(row) if len(row) > 1 else row for row in kernel]
        if len({len(row) for row in rows}) > 1:
            raise ValueError(f"kernel is {kernel!r}; its rows must have the same length")
        return np.array(rows)
    values = np.asarray(kernel)
    if values.dtype.kind == "U":
        return values
    return np.array([f"{value:.3g}".replace("-", "−") for value in values.ravel()]).reshape(values.shape)


def weight_colours(shape: Sequence[int]) -> np.ndarray:
    """A colour for each weight of a kernel of this shape, RGB in [0, 1], ``(weights, 3)``.

    In one direction a hue for each weight; in two a hue for each row, lighter from left to right; with channels, or
    more than seven rows, the colours of viridis in order.
    """
    from matplotlib import colormaps
    from matplotlib.colors import to_rgb

    hues = np.array([to_rgb(hue) for hue in HUES])
    if len(shape) < 3 and shape[0] <= len(hues):
        lighter = np.array([0.25]) if len(shape) == 1 else np.linspace(0, 0.7, shape[1])
        hues = hues[: shape[0], None]
        return (hues + (1 - hues) * lighter[:, None]).reshape(-1, 3)
    return colormaps["viridis"](np.linspace(0, 1, int(np.prod(shape))))[:, :3]


def written_out(weights: np.ndarray, inputs: Sequence[str], longest: int | None = None) -> list[str]:
    """What a matrix times a column gives, in letters.

    >>> written_out(np.array([["y", "x"], ["0", "y"]]), "ab")
    ['ay + bx', 'by']
    >>> written_out(np.array([["2", "−1"], ["1", "0.5"]]), "ab")
    ['2a − b', 'a + 0.5b']

    Args:
        weights: names or numbers, as text, ``(outputs, inputs)``; "0" where there is none.
        inputs: their names; nothing is added for "0".
        longest: of a sum with more products, the first two and the last are written.
    """
    sums = []
    for row in weights:
        terms = [_product(weight, name) for weight, name in zip(row, inputs, strict=True) if "0" not in (weight, name)]
        if longest and len(terms) > longest:
            terms[2:-1] = ["…"]
        sums.append(" + ".join(terms).replace("+ −", "− ") or "0")
    return sums


def _product(weight: str, name: str) -> str:
    """Of one weight and one input."""
    try:
        number = float(weight.replace("−", "-"))
    except ValueError:  # a letter
        return name + weight
    if abs(number) == 1 and not name[0].isdigit():
        return weight[:-1] + name
    return weight + ("·" if name[0].isdigit() else "") + name
