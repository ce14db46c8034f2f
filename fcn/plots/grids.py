"""The grid pictures of a convolution and of its transpose: which cells a window reads, and which one it produces.

After the pictures of Dumoulin and Visin 2016, "A guide to convolution arithmetic for deep learning"; drawn anew, flat.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fcn.matrix import convolution_matrix, real_numbers
from fcn.plots.matrix import DARK, MIDDLE, weight_names
from fcn.sliding import Padding, Windows, whole_numbers, windows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Tints of Okabe and Ito 2008: blue what comes in, orange the window, green what goes out.
INPUT, WINDOW, OUTPUT, PRODUCED, PAD, ZERO = "#bcd9ec", "#f4b942", "#d3ebe2", "#009e73", "#ffffff", "#ededed"
WIDEST, TALLEST, LARGEST_CELL = 10, 5.5, 0.5  # inches
SMALLEST_LETTER = 5  # points
GAP = 2.5  # cells between the grids
MOST = 64  # cells along one side
PADDED, INSERTED, GIVEN = range(3)  # kinds of cells


class _Scene(NamedTuple):
    """What is drawn: everything but the place of the window."""

    kinds: np.ndarray  # of the cells that the windows lie on
    across: tuple[Windows, Windows]  # of the windows over these cells, without any padding
    names: np.ndarray | None  # of the weights, as the window holds them
    values: np.ndarray | None  # in the cells
    results: np.ndarray | None  # in the output
    title: str
    below: str


def draw_convolution(
    input_size: int | Sequence[int],
    kernel: Any,
    *,
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    dilation: int | Sequence[int] = 1,
    position: Sequence[int] = (0, 0),
    image: np.ndarray | None = None,
    ax: Axes | None = None,
) -> Axes:
    """The input with its padding, the window on it, and the cell of the output that the window produces.

    Args:
        input_size: side of the input, or ``(height, width)``.
        kernel: its side, or ``(height, width)`` as a tuple; or its weights, as an array of numbers or names
            ``(height, width)``, which are then written into the window.
        stride: like padding and dilation as for `fcn.matrix.convolution_matrix`.
        padding: drawn dashed.
        dilation: from one tap to the next.
        position: row and column of the cell of the output.
        image: numbers ``(height, width)`` to be written into the input; where the weights are numbers too, the outputs
            up to this one are written as well.
        ax: where to draw; a new figure, at most 10 inches wide, by default.

    Raises:
        TypeError, ValueError: as `fcn.sliding.windows`; or ``position`` lies outside the output, ``image`` has another
            size than the input, or the padded input has more than 64 cells a side.
    """
    return _draw(_convolution(input_size, kernel, stride, padding, dilation, image), position, ax)


def draw_transposed_convolution(
    input_size: int | Sequence[int],
    kernel: Any,
    *,
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    dilation: int | Sequence[int] = 1,
    output_padding: int | Sequence[int] = 0,
    position: Sequence[int] = (0, 0),
    image: np.ndarray | None = None,
    ax: Axes | None = None,
) -> Axes:
    """A transposed convolution as a convolution: zeros between and around the input, and the kernel turned by 180°.

    The stride becomes the zeros between the inputs; the window itself moves by one.

    Args:
        input_size: side of the input of the transposed convolution, or ``(height, width)``.
        kernel: as for `draw_convolution`, as the layer holds it: it is turned here.
        stride: like padding and dilation that of the convolution whose transpose this is.
        padding: as PyTorch counts it, or as Keras's "same" and "valid": every zero more makes the output smaller.
        dilation: from one tap to the next.
        output_padding: rows and columns more at the end, less than the stride; with numbers as padding only.
        position: row and column of the cell of the output.
        image: as for `draw_convolution`.
        ax: where to draw.

    Raises:
        TypeError, ValueError: as `draw_convolution`; the padding is larger than the kernel allows (``span - 1``), or
            leaves no output; ``output_padding`` is not below the stride.

    Source: Dumoulin and Visin 2016, sections 4.3 to 4.6.
    """
    scene = _transposed(input_size, kernel, stride, padding, dilation, output_padding, image)
    return _draw(scene, position, ax)


def draw_positions(
    input_size: int | Sequence[int], kernel: Any, *, transposed: bool = False, most: int = 12, **options: Any
) -> Figure:
    """Small multiples: the window at every position of the output, in reading order.

    Args:
        input_size: like the kernel and all options as for `draw_convolution` or `draw_transposed_convolution`.
        kernel: see there.
        transposed: which of the two.
        most: how many positions are drawn, the first ones.
        **options: of the convolution.

    Raises:
        TypeError, ValueError: as the functions above.
    """
    import matplotlib.pyplot as plt

    full = {"stride": 1, "padding": 0, "dilation": 1, "image": None} | ({"output_padding": 0} if transposed else {})
    if unknown := set(options) - set(full):
        raise TypeError(f"{', '.join(sorted(unknown))}: no such option here; there are {', '.join(full)}")
    full |= options
    (most,) = whole_numbers("most", most, 1)
    scene = (_transposed if transposed else _convolution)(input_size, kernel, **full)
    places = list(product(*(range(one.count) for one in scene.across)))
    title = scene.title + f" (the first {most} of {len(places)})" * (len(places) > most)
    places = places[:most]
    wide, high = _extent(scene)
    columns = min(len(places), scene.across[1].count if scene.across[1].count in (2, 3, 4) else 3)
    rows = -(-len(places) // columns)
    width = min(WIDEST, columns * wide * 0.3)
    cell = width / columns / wide
    figure = plt.figure(figsize=(width, rows * high * cell + 0.35))
    for number, place in enumerate(places):
        row, column = divmod(number, columns)
        top = 1 - 0.35 / figure.get_figheight()
        box = (column / columns, top * (1 - (row + 1) / rows), 1 / columns, top / rows)
        _draw(scene, place, figure.add_axes(box), labelled=False)
    figure.text(
        0.5,
        1 - 0.18 / figure.get_figheight(),
        title.replace("\n", ", "),
        ha="center",
        va="center",
        fontsize=11,
        color=DARK,
    )
    return figure


def _convolution(input_size, kernel, stride, padding, dilation, image) -> _Scene:
    names, kernel_size = _kernel(kernel)
    found = windows(input_size, kernel_size, stride=stride, padding=padding, dilation=dilation)
    sizes = [one.size for one in found]
    _check_sides([one.before + one.size + one.after for one in found])
    around = [(one.before, one.after) for one in found]
    kinds = np.pad(np.full(sizes, GIVEN), around, constant_values=PADDED)
    values, results = _image(image, sizes), None
    if values is not None and names is not None and np.asarray(kernel).dtype.kind != "U":
        matrix = convolution_matrix(kernel, input_size, stride=stride, padding=padding, dilation=dilation)
        results = (matrix @ values.ravel()).reshape([one.count for one in found])
    if values is not None:
        values = np.pad(values, around)
    grown = [f"{one.size}{_plus(one.before, one.after)}" for one in found]
    title = _title(grown, [one.count for one in found], found)
    below = f"input {_times(sizes)}" + "\npadding dashed" * bool(sum(map(sum, around)))
    bare = [one._replace(size=one.before + one.size + one.after, before=0, after=0) for one in found]
    return _Scene(kinds, tuple(bare), names, values, results, title, below)


def _transposed(input_size, kernel, stride, padding, dilation, output_padding, image) -> _Scene:
    names, kernel_size = _kernel(kernel)
    sizes = whole_numbers("input_size", input_size, 2)
    strides = whole_numbers("stride", stride, 2)
    extra = whole_numbers("output_padding", output_padding, 2, least=0)
    options = {"stride": stride, "dilation": dilation}
    spans = [one.span for one in windows(10**9, kernel_size, **options)]
    full = [(size - 1) * step + span for size, step, span in zip(sizes, strides, spans)]
    if isinstance(padding, str):
        if any(extra):
            raise ValueError(f"output_padding is {output_padding!r}, and padding {padding!r} leaves no choice of size")
        same = [size * step for size, step in zip(sizes, strides)]
        wanted = same if padding == "same" else [max(one, other) for one, other in zip(full, same)]
    else:
        if any(more >= step for more, step in zip(extra, strides)):
            raise ValueError(f"output_padding is {output_padding!r}; it must be less than the stride, {stride!r}")
        pads = [(one.before, one.after) for one in windows(full, kernel_size, padding=padding, **options)]
        if any(max(pair) >= span for pair, span in zip(pads, spans)):
            raise ValueError(f"padding is {padding!r}; a kernel that covers {tuple(spans)} allows less than that")
        wanted = [whole - sum(pair) + more for whole, pair, more in zip(full, pads, extra)]
        if min(wanted) < 1:
            raise ValueError(f"padding is {padding!r}; of an output of {tuple(full)} nothing is left")
    found = windows(wanted, kernel_size, padding=padding, **options)
    more = [size - (whole - one.before - one.after) for size, whole, one in zip(wanted, full, found)]
    around = [(one.span - 1 - one.before, one.span - 1 - one.after + add) for one, add in zip(found, more)]
    spread = [(size - 1) * step + 1 for size, step in zip(sizes, strides)]
    _check_sides([side + sum(pair) for side, pair in zip(spread, around)])
    stuffed = np.full(spread, INSERTED)
    stuffed[:: strides[0], :: strides[1]] = GIVEN
    kinds = np.pad(stuffed, around, constant_values=PADDED)
    values, results = _image(image, sizes), None
    if values is not None:
        if names is not None and np.asarray(kernel).dtype.kind != "U":
            matrix = convolution_matrix(kernel, wanted, padding=padding, **options)
            results = (matrix.T @ values.ravel()).reshape(wanted)
        given, values = values, np.zeros(kinds.shape, values.dtype)
        values[kinds == GIVEN] = given.ravel()
    grown = [
        f"({size} − 1)·{one.stride} + {one.span}{_plus(one.before, one.after, '−')}{f' + {add}' if add else ''}"
        for size, one, add in zip(sizes, found, more)
    ]
    title = _title(grown, wanted, found)
    zeros = ["between: grey"] * (INSERTED in kinds) + ["around: dashed"] * (PADDED in kinds)
    below = f"input {_times(sizes)}" + f"\nzeros {', '.join(zeros)}" * bool(zeros)
    over = tuple(Windows(side, one.taps, dilation=one.dilation) for side, one in zip(kinds.shape, found))
    return _Scene(kinds, over, None if names is None else names[::-1, ::-1], values, results, title, below)


def _draw(scene: _Scene, position: Sequence[int], ax: Axes | None, labelled: bool = True) -> Axes:
    import matplotlib.pyplot as plt
    from matplotlib.collections import LineCollection

    down, across = scene.across
    position = whole_numbers("position", position, 2, least=0)
    if position[0] >= down.count or position[1] >= across.count:
        raise ValueError(f"position is {position}; the output is {(down.count, across.count)}")
    wide, high = _extent(scene)
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
            (scene.below, f"output {_times((down.count, across.count))}"),
            (columns / 2, right + across.count / 2),
        )
        # Under narrow grids their first lines would run into each other: as far apart as they are wide, about.
        wide = [0.55 * min(10, size) * len(caption.split("\n")[0]) for caption in captions]
        missing = max(0, sum(wide) / 2 + 8 - (centres[1] - centres[0]) * 72 * cell) / (72 * cell)
        for words, x in zip(captions, (centres[0] - missing / 2, centres[1] + missing / 2), strict=True):
            ax.text(x, tall + 0.12 / cell, words, va="top", fontsize=min(10, size), **style)
    return ax


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


def _check_sides(sides: Sequence[int]) -> None:
    """Refuse what is too large to be drawn, before it is made."""
    if max(sides) > MOST:
        raise ValueError(f"the input has {_times(sides)} cells with its zeros; at most {MOST} a side are drawn")


def _squares(ax, places, left, top, **style):
    """Unit squares at these rows and columns, as one artist: many patches are slow."""
    from matplotlib.collections import PolyCollection

    corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)])
    vertices = np.asarray(places, float).reshape(-1, 2)[:, None, ::-1] + corners + (left, top)
    ax.add_collection(PolyCollection(vertices, **({"edgecolor": "white", "linewidth": 0.8, "zorder": 2} | style)))


def _kernel(kernel: Any) -> tuple[np.ndarray | None, tuple[int, ...]]:
    """Names of its weights, or None; and its size."""
    named = isinstance(kernel, str) or np.asarray(kernel).dtype.kind == "U"
    if not named and (np.ndim(kernel) == 0 or (isinstance(kernel, tuple) and np.ndim(kernel) == 1)):
        return None, whole_numbers("kernel", kernel, 2)
    names = weight_names(kernel if named else real_numbers("kernel", kernel, (1, 2)))
    if names.ndim != 2:
        raise ValueError(
            f"kernel has shape {names.shape}; it must be a side, (height, width), or weights of this shape"
        )
    return names, names.shape


def _image(image: Any, sizes: Sequence[int]) -> np.ndarray | None:
    if image is None:
        return None
    image = real_numbers("image", image, (2,))
    if image.shape != tuple(sizes):
        raise ValueError(f"image has shape {image.shape}, and the input is {tuple(sizes)}")
    return image.astype(np.int64) if image.dtype.kind in "iu" else image


def _extent(scene: _Scene) -> tuple[float, float]:
    """Width and height in cells, with a margin."""
    down, across = scene.across
    return scene.kinds.shape[1] + GAP + across.count + 1, max(scene.kinds.shape[0], down.count) + 0.5


def _title(grown: Sequence[str], sizes: Sequence[int], found: Sequence[Windows]) -> str:
    """From what to what, and how: each direction by itself where they differ."""
    steps = [f"{one} → {size}" for one, size in zip(grown, sizes)]
    words = []
    for name, numbers in (
        ("kernel", [one.taps for one in found]),
        ("stride", [one.stride for one in found]),
        ("dilation", [one.dilation for one in found]),
    ):
        if name == "kernel" or set(numbers) != {1}:
            words.append(f"{name} {numbers[0] if numbers[0] == numbers[1] else _times(numbers)}")
    if steps[0] == steps[1]:
        return ", ".join([steps[0], *words])
    return f"{steps[0]} high, {steps[1]} wide\n{', '.join(words)}"


def _plus(before: int, after: int, sign: str = "+") -> str:
    if before == after:
        return f" {sign} 2·{before}" if before else ""
    return f" {sign} {before} {sign} {after}"


def _times(sizes: Sequence[int]) -> str:
    return " × ".join(map(str, sizes))


def _number(value: Any) -> str:
    return f"{value:.3g}".replace("-", "−") if isinstance(value, float | np.floating) else f"{value}".replace("-", "−")
