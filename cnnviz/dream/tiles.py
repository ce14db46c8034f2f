"""Cut a picture into equal tiles, so that what is computed tile by tile fits into memory and shows no seams."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

GRAIN = 32
"""Tiles lie a multiple of this apart, in pixels: the stride of most networks, so that poolings meet the same pixels."""


class Tile(NamedTuple):
    """One tile, by the pixels of the whole picture that it reads and writes.

    Attributes:
        read: row and column numbers of the picture, ``(rows, 1)`` and ``(1, columns)``: ``picture[tile.read]``. Beyond
            the picture's edges they run back, as in a mirror.
        kept: the part of the tile that is neither margin nor mirrored: ``inside = result[tile.kept]``.
        written: where that belongs: ``whole[tile.written] = inside``.
    """

    read: tuple[np.ndarray, np.ndarray]
    kept: tuple[slice, slice]
    written: tuple[slice, slice]


class _Span(NamedTuple):
    """A tile along one axis."""

    read: np.ndarray
    kept: slice
    written: slice


def cut(
    size: tuple[int, int],
    tile: int,
    *,
    margin: int = GRAIN,
    jitter: int = 0,
    place: tuple[float, float] = (0.0, 0.0),
    fixed: tuple[int | None, int | None] = (None, None),
) -> list[Tile]:
    """Tiles of equal size that together keep each pixel of a picture exactly once.

    The grid of tiles is larger than the picture, by ``jitter`` pixels at least, and ``place`` says where in it the
    picture lies: drawn anew for every step, it moves the seams, and the cells of the network, over the picture.

    Args:
        size: height and width of the picture in pixels.
        tile: the longest side of a tile in pixels, its margins included. A side no longer than this is not cut.
        margin: pixels on each side of a tile that it sees but does not keep, where a side is cut.
        jitter: by how many pixels the picture may be moved. A side that is cut moves by two times `GRAIN` at least.
        place: 0 <= vertical, horizontal < 1: the picture's place in the grid.
        fixed: height and width that every tile must have, where a model takes no others; None where it takes any.

    Returns:
        The tiles, row by row.

    Example:
        >>> [tile.read[0].ravel().tolist() for tile in cut((3, 1), 8, jitter=2, place=(0.5, 0))]
        [[0, 0, 1, 2, 2]]
    """
    rows, columns = (
        list(_spans(length, tile if only is None else only, margin, jitter, where, only))
        for length, where, only in zip(size, place, fixed, strict=True)
    )
    return [
        Tile((row.read[:, None], column.read[None]), (row.kept, column.kept), (row.written, column.written))
        for row in rows
        for column in columns
    ]


def _spans(length: int, longest: int, margin: int, jitter: int, place: float, fixed: int | None) -> Iterator[_Span]:
    if length <= longest:
        # A model of one size sees a smaller picture between mirrors.
        side = fixed or length + jitter
        before = int(place * (side - length + 1))
        yield _Span(_mirrored(length, -before, side), slice(before, before + length), slice(0, length))
        return
    margin = min(margin, longest // 14) if fixed else margin  # a model of one size pays dearly for margins
    room = longest - 2 * margin
    grid = length + max(jitter, 2 * GRAIN if fixed is None else room // 4)
    count = -(-grid // room)
    core = -(-grid // count)  # as equal as can be, so that the last tile is not mostly thrown away
    core = min(room, -(-core // GRAIN) * GRAIN) if fixed is None else core
    side = fixed or core + 2 * margin
    before = (side - core) // 2
    offset = int(place * (count * core - length + 1))
    for first in range(-offset, count * core - offset, core):
        start, stop = max(first, 0), min(first + core, length)
        if start < stop:
            kept = slice(start - first + before, stop - first + before)
            yield _Span(_mirrored(length, first - before, side), kept, slice(start, stop))


def _mirrored(length: int, start: int, count: int) -> np.ndarray:
    """The numbers from ``start`` on, reflected at both ends of 0..length-1, the ends themselves twice."""
    numbers = np.arange(start, start + count) % (2 * length)
    return np.minimum(numbers, 2 * length - 1 - numbers)
