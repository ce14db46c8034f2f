"""What a receptive field is, for those who calculate one and those who measure one."""

from __future__ import annotations

from typing import NamedTuple

Pair = tuple[int, int]


class ReceptiveField(NamedTuple):
    """The rectangle of the image that one activation depends on; every pair is ``(vertical, horizontal)``, in pixels.

    Attributes:
        size: height and width of the rectangle.
        stride: by how much it moves from one activation to the next; 0 where every activation sees the whole image.
        start: first row and column of the rectangle of activation (0, 0); negative where it begins in the padding.
    """

    size: Pair
    stride: Pair
    start: Pair

    def box(self, row: int, column: int) -> tuple[int, int, int, int]:
        """The rectangle of the activation at ``(row, column)`` as ``x1, y1, x2, y2`` in pixels, ends exclusive.

        >>> ReceptiveField(size=(3, 3), stride=(1, 1), start=(-1, -1)).box(0, 4)
        (3, -1, 6, 2)
        """
        top, left = self.start[0] + row * self.stride[0], self.start[1] + column * self.stride[1]
        return left, top, left + self.size[1], top + self.size[0]
