"""A scene drawn: squares, the window, lines to the cell that it produces, and words that stay in their cells."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from fcn.plots.grids.scenes import GIVEN, INSERTED, PADDED, Scene, times
from fcn.plots.matrix import DARK, MIDDLE
from fcn.sliding import whole_numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Tints of Okabe and Ito 2008: blue what comes in, orange the window, green what goes out.
INPUT, WINDOW, OUTPUT, PRODUCED, PAD, ZERO = "#bcd9ec", "#f4b942", "#d3ebe2", "#009e73", "#ffffff", "#ededed"
WIDEST, TALLEST, LARGEST_CELL = 10, 5.5, 0.5  # inches
SMALLEST_LETTER = 5  # points
GAP = 2.5  # cells between the grids


def draw_scene(scene: Scene, position: Sequence[int], ax: Axes | None, labelled: bool = True) -> Axes:
    """The scene with its window at one position.

    Args:
        scene: what is drawn.
        position: row and column of the cell of the output.
        ax: where to draw; a new figure by default.
        labelled: with the title, and the words below.

    Raises:
        TypeError, ValueError: ``position`` is no pair of whole numbers, or lies outside the output.
    """
    import matplotlib.pyplot as plt
    from matplotlib.collections import LineCollection

    down, across = scene.across
    position = whole_numbers("position", position, 2, least=0)
    if position[0] >= down.count or position[1] >= across.count:
        raise ValueError(f"position is {position}; the output is {(down.count, across.count)}")
    wide, high = extent(scene)
    if ax is None:
        cell = min(WIDEST / max(wide, 15), TALLEST / (high + 2), LARGEST_CELL)
        wide = max(wide, 7 / cell)  # room for the title
        ax = plt.figure(figsize=(cell * wide, cell * high + 1.1)).add_axes((0, 0, 1, 1))
    figure = ax.figure.get_size_inches()
    box = ax.get_position(original=True)
    words = min(0.55, 0.2 * box.height * figure[1]) if labelled else 0  # inches, above and below
    cell = min(box.width * figure[0] / wide, (box.height * figure[1] - 2 * words) / high)
    margin = words / cell
    rows, columns = scene.kinds.shape
    right, tall = columns + GAP, max(rows, down.count)
    ax.set(aspect="equal", ylim=((tall + high) / 2 + margin, (tall - high) / 2 - margin))
    middle = (right + across.count) / 2
    ax.set(xlim=(middle - wide / 2, middle + wide / 2))
    ax.set_axis_off()
    top, level = (tall - rows) / 2, (tall - down.count) / 2

    reads = down.reads()[position[0]], across.reads()[position[1]]
    taken = np.zeros(scene.kinds.shape, bool)
    taken[np.ix_(*reads)] = True
    # Dashed cells first, so that their lines do not cross the others.
    for kind, free, within in ((PADDED, PAD, "#fbe7bb"), (INSERTED, ZERO, "#fbe7bb"), (GIVEN, INPUT, WINDOW)):
        dashed = {"edgecolor": "#a8a8a8", "linestyle": (0, (2, 2))} if kind == PADDED else {}
        _squares(ax, np.argwhere((scene.kinds == kind) & ~taken), 0, top, facecolor=free, **dashed)
        _squares(ax, np.argwhere((scene.kinds == kind) & taken), 0, top, facecolor=within)
    _squares(ax, np.argwhere(np.ones((down.count, across.count))), right, level, facecolor=OUTPUT)
    _squares(ax, [position], right, level, facecolor=PRODUCED)

    first, last = (reads[0][0] + top, reads[1][0]), (reads[0][-1] + 1 + top, reads[1][-1] + 1)
    y, x = position[0] + level, position[1] + right
    window = [(first[1], first[0]), (last[1], first[0]), (last[1], last[0]), (first[1], last[0]), (first[1], first[0])]
    lines = [[window[1], (x, y)], [window[2], (x, y + 1)]]
    ax.add_collection(LineCollection([window], colors="#b36b00", linewidths=1.8, zorder=4))
    ax.add_collection(LineCollection(lines, colors=MIDDLE, linewidths=0.9, alpha=0.7, zorder=4))
    _words(ax, scene, reads, position, (top, right, level), 72 * cell)
    if labelled:
        room = 72 * box.width * figure[0]
        size = min(11, room / (0.55 * max(map(len, scene.title.split("\n")))))
        style = {"ha": "center", "color": DARK}
        ax.text(middle, -0.28 / cell, scene.title, va="center", fontsize=size, **style)
        captions, centres = (
            (scene.below, f"output {times((down.count, across.count))}"),
            (columns / 2, right + across.count / 2),
        )
        # Under narrow grids their first lines would run into each other: as far apart as they are wide, about.
        wide = [0.55 * min(10, size) * len(caption.split("\n")[0]) for caption in captions]
        missing = max(0, sum(wide) / 2 + 8 - (centres[1] - centres[0]) * 72 * cell) / (72 * cell)
        for words, x in zip(captions, (centres[0] - missing / 2, centres[1] + missing / 2), strict=True):
            ax.text(x, tall + 0.12 / cell, words, va="top", fontsize=min(10, size), **style)
    return ax


def extent(scene: Scene) -> tuple[float, float]:
    """Width and height in cells, with a margin."""
    down, across = scene.across
    return scene.kinds.shape[1] + GAP + across.count + 1, max(scene.kinds.shape[0], down.count) + 0.5


def _words(ax, scene, reads, position, corner, point):
    """The numbers in the cells; the weights in the window, small and below on the right where there are both."""
    top, right, level = corner
    style = {"ha": "center", "va": "center", "color": DARK, "zorder": 5}
    if 0.38 * point < SMALLEST_LETTER:
        return
    if scene.values is not None:
        for (row, column), value in np.ndenumerate(scene.values):
            shade = {"color": DARK if scene.kinds[row, column] == GIVEN else "#9a9a9a"}
            word = _number(value)
            ax.text(column + 0.5, row + top + 0.5, word, fontsize=_fitting(0.38 * point, word), **(style | shade))
    aside, size = (0.5, 0.42) if scene.values is None else (0.8, 0.24)
    if scene.names is not None and size * point >= SMALLEST_LETTER:
        for (i, row), (j, column) in product(enumerate(reads[0]), enumerate(reads[1])):
            name = scene.names[i, j]
            small = size * point * min(1, 2.6 / len(name))
            ax.text(column + aside, row + top + aside, name, fontsize=small, **(style | {"color": "#6b3f00"}))
    if scene.results is not None:
        for (row, column), value in np.ndenumerate(scene.results):
            if (row, column) <= tuple(position):
                shade = {"color": "white" if (row, column) == tuple(position) else DARK}
                word, x, y = _number(value), right + column + 0.5, level + row + 0.5
                ax.text(x, y, word, fontsize=_fitting(0.38 * point, word), **(style | shade))


def _fitting(size: float, word: str) -> float:
    """A font size at which a long number stays in its cell, whose side is size / 0.38."""
    ems = sum({"−": 0.84, "+": 0.84, ".": 0.32}.get(letter, 0.64) for letter in word)  # as wide as DejaVu Sans is
    return size * min(1, 0.97 / (0.38 * ems))


def _squares(ax, places, left, top, **style):
    """Unit squares at these rows and columns, as one artist: many patches are slow."""
    from matplotlib.collections import PolyCollection

    corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)])
    vertices = np.asarray(places, float).reshape(-1, 2)[:, None, ::-1] + corners + (left, top)
    ax.add_collection(PolyCollection(vertices, **({"edgecolor": "white", "linewidth": 0.8, "zorder": 2} | style)))


def _number(value: Any) -> str:
    return f"{value:.3g}".replace("-", "−") if isinstance(value, float | np.floating) else f"{value}".replace("-", "−")
