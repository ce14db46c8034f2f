"""Interpolation kernels, and the conventions on where a new sample lies on the old grid.

Nearest, bilinear and bicubic interpolation differ in the kernel alone. Libraries hold to different conventions of
alignment (`alignment_table` prints them); with ``f`` the factor and ``o`` the new sample it lies, in old samples, at

- ``half_pixel``: ``(o + 0.5)/f - 0.5``; samples are the middles of squares. No new sample falls on an old one unless
  the factor is odd; the bilinear kernel for 2 is (.25, .75, .75, .25).
- ``asymmetric``: ``o/f``; the first samples coincide. The bilinear kernel for 2 is (.5, 1, .5), whose outer product is
  the one on the slide. The picture lies ``(f - 1)/2`` new pixels further left and up than with half_pixel.
- ``align_corners``: the first samples coincide, and the last ones. For a new size of ``f (n - 1) + 1`` that is ``o/f``
  once more: the same kernel, without what follows the last sample. For any other size the weights change from sample
  to sample, and no zero insertion with one kernel does it.

Sources: Keys 1981, "Cubic convolution interpolation for digital image processing", equation 15 (``a = -0.5``); the
slides on upsampling.
"""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import numpy as np

from data.arguments import one_of, whole_number

REACH = {"nearest": 0.5, "bilinear": 1.0, "bicubic": 2.0}  # in old samples, to either side
ALIGNMENTS = ("half_pixel", "asymmetric", "align_corners")


def profile(method: str, distance: Any, *, a: float = -0.5) -> np.ndarray:
    """How much an old sample counts at a distance from it: the kernel before it is sampled.

    Args:
        method: "nearest", "bilinear" or "bicubic".
        distance: in old samples, any shape.
        a: slope of the cubic at distance 1. Keys, `tf.image.resize` and Pillow: -0.5; PyTorch and OpenCV: -0.75.

    Returns:
        float64, of that shape.

    Raises:
        TypeError: ``a`` is no number.
        ValueError: another method, or ``a`` is not finite.

    >>> profile("bilinear", [-0.5, 0, 0.25, 2]).tolist()
    [0.5, 1.0, 0.75, 0.0]
    """
    one_of("method", method, tuple(REACH))
    try:
        finite = not isinstance(a, str | bytes) and math.isfinite(a)
    except TypeError:
        finite = False
    if not finite:
        raise (ValueError if isinstance(a, Real) else TypeError)(
            f"a is {a!r}; a finite number is wanted, -0.5 or -0.75 as a rule"
        )
    distance = np.asarray(distance, np.float64)
    if method == "nearest":  # a tie goes to the sample on the right, as rounding half up
        return ((distance >= -0.5) & (distance < 0.5)).astype(np.float64)
    t = np.abs(distance)
    if method == "bilinear":
        return np.maximum(0, 1 - t)
    near, far = ((a + 2) * t - (a + 3)) * t**2 + 1, ((t - 5) * t + 8) * t * a - 4 * a
    return np.where(t < 1, near, np.where(t < 2, far, 0))


def interpolation_kernel(
    method: str, factor: int, *, alignment: str = "half_pixel", a: float = -0.5, dimensions: int = 2
) -> np.ndarray:
    """The kernel that fills the zeros in: `profile` at the new samples' distances.

    Half-pixel kernels of an even factor have an even number of taps, with the middle between two of them.

    Args:
        method: "nearest", "bilinear" or "bicubic".
        factor: 1 or more.
        alignment: "half_pixel"; or "asymmetric" or "align_corners", whose kernels have their middle on a tap. Nearest
            is the same for the first two; with align_corners the nearest old sample is the rounded one.
        a: see `profile`.
        dimensions: 2 for the outer product, which is what the separable filter amounts to, or 1.

    Returns:
        float64 ``(taps, taps)`` or ``(taps,)``; it sums to ``factor ** dimensions``, since each new sample sees one
        tap in ``factor`` and those sum to 1.

    Raises:
        TypeError, ValueError: another method or alignment, a factor that is no whole number or below 1.

    >>> interpolation_kernel("bilinear", 2, dimensions=1).tolist()
    [0.25, 0.75, 0.75, 0.25]
    >>> interpolation_kernel("bilinear", 2, alignment="asymmetric").tolist()
    [[0.25, 0.5, 0.25], [0.5, 1.0, 0.5], [0.25, 0.5, 0.25]]
    """
    one_of("method", method, tuple(REACH))
    factor = whole_number("factor", factor)
    if whole_number("dimensions", dimensions) > 2:
        raise ValueError(f"dimensions is {dimensions}; 1 or 2 is wanted")
    offsets = tap_offsets(method, factor, alignment)
    if method == "nearest":
        kernel = np.ones(factor)
    else:
        middle = (factor - 1) / 2 if alignment == "half_pixel" else 0
        kernel = profile(method, (offsets - middle) / factor, a=a)
    return kernel if dimensions == 1 else np.outer(kernel, kernel)


def tap_offsets(method: str, factor: int, alignment: str = "half_pixel") -> np.ndarray:
    """How far right of an old sample, in new ones, each tap of its kernel writes; int64 ``(taps,)``.

    Raises:
        ValueError: another method or alignment.

    >>> tap_offsets("bilinear", 2).tolist(), tap_offsets("bilinear", 2, "asymmetric").tolist()
    ([-1, 0, 1, 2], [-1, 0, 1])
    """
    one_of("method", method, tuple(REACH))
    one_of("alignment", alignment, ALIGNMENTS)
    if method == "nearest":
        return np.arange(factor) - (factor // 2 if alignment == "align_corners" else 0)
    # Twice the distance to the middle stays a whole number where the middle lies between two taps.
    doubled = factor - 1 if alignment == "half_pixel" else 0
    offsets = np.arange(-4 * factor, 4 * factor)
    return offsets[np.abs(2 * offsets - doubled) < 2 * REACH[method] * factor]


def source_positions(size: int, new_size: int, alignment: str = "half_pixel") -> np.ndarray:
    """Where the new samples lie on the old grid, in old samples: 0 is the middle of the first.

    Args:
        size: of the old grid, 1 or more.
        new_size: of the new one, 1 or more; any ratio.
        alignment: see the head of this module.

    Returns:
        float64 ``(new_size,)``.

    Raises:
        TypeError, ValueError: sizes that are no whole numbers or below 1, another alignment.

    >>> source_positions(2, 4).tolist(), source_positions(2, 4, "asymmetric").tolist()
    ([-0.25, 0.25, 0.75, 1.25], [0.0, 0.5, 1.0, 1.5])
    >>> source_positions(2, 5, "align_corners").tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    one_of("alignment", alignment, ALIGNMENTS)
    size, new = whole_number("size", size), np.arange(whole_number("new_size", new_size))
    if alignment == "half_pixel":
        return (new + 0.5) * size / new_size - 0.5
    if alignment == "asymmetric":
        return new * size / new_size
    return new * (size - 1) / max(new_size - 1, 1)


def alignment_table(size: int, factor: int) -> str:
    """The conventions side by side, as a table in Markdown: where the ``factor * size`` new samples lie.

    Raises:
        TypeError, ValueError: see `source_positions`.

    >>> print(alignment_table(2, 2))
    | alignment | new sample o lies at | of 2, made 4 | who does so |
    |---|---|---|---|
    | half_pixel | (o + 1/2)/f - 1/2 | -0.25 0.25 0.75 1.25 | tf.image.resize, Keras, OpenCV, PyTorch |
    | asymmetric | o/f | 0 0.5 1 1.5 | TensorFlow 1 |
    | align_corners | o (n - 1)/(f n - 1) | 0 0.33 0.67 1 | PyTorch with align_corners=True |
    """
    new_size = whole_number("factor", factor) * whole_number("size", size)
    rows = [f"| alignment | new sample o lies at | of {size}, made {new_size} | who does so |", "|---|---|---|---|"]
    for alignment, formula, who in (
        ("half_pixel", "(o + 1/2)/f - 1/2", "tf.image.resize, Keras, OpenCV, PyTorch"),
        ("asymmetric", "o/f", "TensorFlow 1"),
        ("align_corners", "o (n - 1)/(f n - 1)", "PyTorch with align_corners=True"),
    ):
        positions = " ".join(f"{round(one, 2):g}" for one in source_positions(size, new_size, alignment))
        rows.append(f"| {alignment} | {formula} | {positions} | {who} |")
    return "\n".join(rows)
