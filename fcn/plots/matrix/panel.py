"""One matrix with its kernel, its input and its output, in cells of the axes."""

from __future__ import annotations

import math
from string import ascii_lowercase
from typing import TYPE_CHECKING

import numpy as np

from fcn.matrix import convolution_matrix, real_numbers
from fcn.plots.matrix.weights import weight_colours, weight_names, written_out
from fcn.sliding import windows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DARK, MIDDLE, PALE, TINT = "#333333", "#8a8a8a", "#f0f0ee", "#dfe8ee"
SMALLEST_LETTER = 6  # points
LONGEST = 4  # products of a sum that is written out
ZEROS = 300  # cells of a matrix in which the zeros are written, too
LARGEST_SIDE = 400  # of a matrix that is drawn: of more its cells are below a pixel, and it takes many seconds
SIGN, GAP = 1.2, 0.5  # width of the equals sign, and space between the columns, in cells


class Panel:
    """One matrix, its input and its output: their places in cells, and how they are drawn."""

    def __init__(self, kernel, input_size, stride, padding, dilation, inputs, transpose):
        if np.asarray(kernel).dtype.kind != "U":
            real_numbers("kernel", kernel, (1, 2, 3, 4))  # refuses NaN
        names = weight_names(kernel)
        # Which weight stands where: the matrix of the kernel 1, 2, 3 and so on.
        numbered = real_numbers("kernel", np.arange(1, names.size + 1).reshape(names.shape), (1, 2, 3, 4))
        self.blocks = self._blocks(names, input_size, stride, padding, dilation)
        self.places = convolution_matrix(numbered, input_size, stride=stride, padding=padding, dilation=dilation)
        self.kernel, self.transpose = numbered, transpose
        if transpose:
            self.places, self.blocks = self.places.T, self.blocks[::-1]
        self.names = np.array(["0", *names.ravel()])
        self.colours = np.concatenate([[_rgb(PALE)], weight_colours(names.shape)])
        rows, columns = self.places.shape
        free = [letter for letter in ascii_lowercase if letter not in self.names]
        if inputs is not None:
            inputs = [str(one).replace("-", "−") for one in inputs]
            if len(inputs) != columns or "" in inputs:
                raise ValueError(f"inputs has {len(inputs)} names, and the matrix {self.places.shape} takes {columns}")
        self.inputs = inputs if inputs is not None else free[:columns] if columns <= len(free) else None
        self.sums = written_out(self.names[self.places], self.inputs, LONGEST) if self.inputs else None
        self.result = max(1, max(map(len, self.sums)) * 0.32 + 0.5) if self.sums else 1
        self.width = max(columns + GAP + 1 + SIGN + self.result, 9)
        self.head = 1.8 if names.ndim > 2 else len(np.atleast_2d(names)) + 2.3
        self.plain = False

    def make_plain(self):
        """Leave the matrix alone: too large for anything beside it."""
        self.plain, self.width = True, self.places.shape[1]
        self.head = 0.08 * max(self.places.shape)

    def _blocks(self, names, input_size, stride, padding, dilation):
        """Rows and columns of the matrix that belong to one row of the image, or to one place with its channels.

        Raises:
            ValueError: the matrix is too large to be drawn; said before it is made.
        """
        directions = 2 - names.ndim % 2
        found = windows(input_size, names.shape[:directions], stride=stride, padding=padding, dilation=dilation)
        inputs, outputs = names.shape[directions:] or (1, 1)
        shape = math.prod(one.count for one in found) * outputs, math.prod(one.size for one in found) * inputs
        if max(shape) > LARGEST_SIDE:
            raise ValueError(f"the matrix would be {shape}; with at most {LARGEST_SIDE} a side it is drawn")
        count, size = (found[1].count, found[1].size) if directions == 2 else (1, 1)
        return count * outputs, size * inputs

    def draw(self, ax, left, top):
        """With the upper left corner of the matrix here."""
        rows, columns = self.places.shape
        point = _points_per_cell(ax)
        letters = 0 if self.plain else max(SMALLEST_LETTER, min(12, 0.56 * point))
        text = {"ha": "center", "va": "center", "color": DARK, "fontsize": letters}
        what = "transposed convolution" if self.transpose else "convolution"
        title = {"fontsize": 9 if self.plain else min(12, max(8, 0.8 * point)), "va": "center", "color": DARK}
        above = top - (0.4 * self.head if self.plain else self.head - 0.5)
        ax.text(left, above, f"{what}: {rows} × {columns}", **title)
        _cells(ax, self.colours[self.places], left, top, point, self.blocks)
        if self.plain:
            return
        _write(ax, self.names[self.places], self.colours[self.places], left, top, letters)
        if self.kernel.ndim < 3:
            kernel = np.atleast_2d(self.kernel)
            above = top - 0.9 - len(kernel)
            _cells(ax, self.colours[kernel], left, above, point)
            _write(ax, self.names[kernel], self.colours[kernel], left, above, letters)
            beside = left + kernel.shape[1] + 0.4
            ax.text(beside, above + len(kernel) / 2, "kernel", va="center", color=DARK, fontsize=0.8 * letters)
        first, second = left + columns + GAP, left + columns + GAP + 1 + SIGN
        for label, x, wide, count, block, words in (
            ("input", first, 1, columns, self.blocks[1], self.inputs),
            ("output", second, self.result, rows, self.blocks[0], self.sums),
        ):
            _cells(ax, np.broadcast_to(_rgb(TINT), (count, 1, 3)), x, top, point, (block, 1), wide)
            ax.text(x + wide / 2, top - 0.45, label, **(text | {"fontsize": 0.8 * letters}))
            for row, word in enumerate(words or ()):
                ax.text(x + wide / 2, top + row + 0.5, word, **text)
        ax.text(second - SIGN / 2, top + min(rows, columns) / 2, "=", **(text | {"fontsize": 1.4 * letters}))


def _rgb(colour: str) -> tuple[float, float, float]:
    from matplotlib.colors import to_rgb

    return to_rgb(colour)


def _points_per_cell(ax: Axes) -> float:
    box, (left, right), (bottom, top) = ax.get_position(original=True), ax.get_xlim(), ax.get_ylim()
    width, height = ax.figure.get_size_inches()
    return 72 * min(box.width * width / (right - left), box.height * height / (bottom - top))


def _cells(ax, colours, left, top, point, blocks=(0, 0), wide=1.0):
    """A table of coloured cells, with white lines between them and dark ones around the blocks."""
    rows, columns = colours.shape[:2]
    right, bottom = left + columns * wide, top + rows
    ax.imshow(colours, extent=(left, right, bottom, top), interpolation="nearest", aspect="equal", zorder=1)
    thin = {"color": "white", "linewidth": min(1.2, 0.06 * point), "zorder": 2}
    ax.vlines(left + np.arange(1, columns) * wide, top, bottom, **thin)
    ax.hlines(top + np.arange(1, rows), left, right, **thin)
    heavy = {"color": MIDDLE, "linewidth": 0.9, "zorder": 3}
    # Blocks of one cell need no lines: all cells have them.
    across = np.arange(0, columns + 1, blocks[1]) if blocks[1] > 1 else np.array([0, columns])
    down = np.arange(0, rows + 1, blocks[0]) if blocks[0] > 1 else np.array([0, rows])
    ax.vlines(left + across * wide, top, bottom, **heavy)
    ax.hlines(top + down, left, right, **heavy)


def _write(ax, names, colours, left, top, size):
    """A word in every cell: dark on a light one, light on a dark one, faint where the matrix is zero."""
    zero = (colours == _rgb(PALE)).all(axis=-1)
    light = colours @ (0.299, 0.587, 0.114) > 0.5
    if zero.size <= ZEROS:  # as the marks of one artist: a text for each of them is slow
        rows, columns = np.nonzero(zero)
        style = {"marker": "$0$", "s": 0.45 * size**2, "color": "#b4b4b4", "linewidths": 0}
        ax.scatter(left + columns + 0.5, top + rows + 0.5, zorder=3, **style)
    for row, column in np.argwhere(~zero):
        name, shade = names[row, column], DARK if light[row, column] else "white"
        small = size if len(name) < 3 else size * 2.2 / len(name)
        ax.text(left + column + 0.5, top + row + 0.5, name, fontsize=small, color=shade, ha="center", va="center")
