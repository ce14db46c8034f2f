"""The family portrait of the convolutions, and where a deformable one looks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from data.arguments import number_pair, whole_number
from fcn.convolutions.fitting import Pair
from fcn.convolutions.sharing import UNSEEN, seen_weights

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HUES = ("#3B8BD0", "#E69F00", "#009E73", "#7A0177")  # near Okabe and Ito 2008; apart for the colour-blind, too
EMPTY, GRID, MIDDLE, DARK = "#f7f7f7", "#c8c8c8", "#8a8a8a", "#333333"
SHEAR, DEPTH, FLOOR = 0.42, 0.7, 4.05  # of a sheet of pixels, and the distance of the next, in widths of a pixel
ROWS, CHANNELS = 5, 4
# Row and column offsets of the nine points of the deformable one: a window drawn to something oblong.
MOVES = (
    (-0.7, -0.9),
    (-0.9, 0.2),
    (-0.3, 1.1),
    (-0.2, -1.4),
    (0.1, 0.3),
    (-0.4, 1.5),
    (0.4, -0.6),
    (0.7, 0.4),
    (0.5, 1.3),
)


class Member(NamedTuple):
    """One picture of the portrait.

    Attributes:
        kind: of convolution.
        outputs: row, column and channel of the outputs whose windows are coloured.
        steps: "one", or what happens between: "row", "pixel" or "shuffle".
        caption: two lines.
    """

    kind: str
    outputs: tuple[tuple[int, int, int], ...]
    steps: str
    caption: str


ALL = range(CHANNELS)
FAMILY = (
    Member("ordinary", ((1, 1, 1), (3, 5, 1)), "one", "a window of all channels;\nthe same weights at every pixel"),
    Member("pointwise", ((2, 3, 1),), "one", "one pixel of all channels:\na dense layer at every pixel (1x1)"),
    Member("dilated", ((2, 3, 1),), "one", "the same nine weights, further apart:\nsees more, costs the same"),
    Member(
        "depthwise", tuple((2, 3, one) for one in ALL), "one", "a window of its own channel only;\nchannels never meet"
    ),
    Member("depthwise separable", ((2, 2, 1),), "pixel", "first depthwise, then 1x1:\nspace and channels apart"),
    Member(
        "spatially separable",
        tuple((2, 2, one) for one in ALL),
        "row",
        "a column, then a row of three;\nhere the same filter for each channel",
    ),
    Member(
        "grouped", ((2, 2, 0), (2, 2, 2)), "shuffle", "a window of its own group only;\na shuffle then mixes the groups"
    ),
    Member("deformable", ((2, 3, 1),), "one", "the window's points move, by offsets\nlearnt from the picture"),
    Member(
        "involution",
        tuple((*place, one) for place in ((1, 1), (3, 5)) for one in ALL),
        "one",
        "other weights at every pixel,\nthe same for all channels of a group",
    ),
)


def draw_zoo() -> Figure:
    """One picture for each kind of convolution: which inputs an output sees, and which weights are the same.

    A sheet is a channel of 5 rows of pixels. Equal colours are equal weights, a hue for each set of them; what is dark
    is the output. The kernels are 3x3, with two groups where there are groups, and a dilation of 2.
    """
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(10, 8.5), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.06, h_pad=0.08, hspace=0.02)
    for ax, member in zip(figure.subplots(3, 3).flat, FAMILY, strict=True):
        _draw_member(ax, member)
    return figure


def draw_offsets(
    offsets: Any,
    image: Any,
    *,
    at: Sequence[Pair] | None = None,
    kernel: int | Pair = 3,
    strides: int | Pair = 1,
    padding: str = "same",
    dilation: int | Pair = 1,
    ax: Axes | None = None,
) -> Axes:
    """Where a deformable convolution looks: rings where an ordinary one would, dots where this one does.

    A cross stands for a point a pixel or more outside the image, which reads zero.

    Args:
        offsets: ``(output rows, output columns, points, 2)`` in pixels, down and to the right.
        image: ``(height, width)``, or RGB ``(height, width, 3)``: uint8, or floating point in 0..1.
        at: rows and columns of the outputs whose points are drawn; that in the middle by default.
        kernel: as this and all others in `fcn.convolutions.sampling_points`.
        strides: of the windows.
        padding: of the windows.
        dilation: of the windows.
        ax: where to draw.

    Raises:
        TypeError: ``at`` holds no pairs of whole numbers.
        ValueError: wrong ranks, offsets that do not fit the image or are not finite, a floating-point image of more
            than 0..1, an output that there is not.
    """
    import matplotlib.pyplot as plt

    from fcn.convolutions.deformation import sampling_points

    offsets, image = np.asarray(offsets), np.asarray(image)
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] != 3):
        raise ValueError(f"image has the shape {image.shape}; (height, width) or (height, width, 3) is wanted")
    if image.dtype.kind == "f" and image.size and not (image.min() > -0.01 and image.max() < 1.01):
        raise ValueError(
            f"image is floating point, from {image.min():.3g} to {image.max():.3g}; 0 to 1 is wanted, or uint8"
        )
    if offsets.ndim != 4:
        raise ValueError(f"offsets has the shape {offsets.shape}; (rows, columns, points, 2) is wanted")
    if not np.isfinite(offsets).all():
        raise ValueError("offsets holds NaN or infinity")
    size, (taps_down, taps_across) = image.shape[:2], number_pair("kernel", kernel)
    options = {"kernel": (taps_down, taps_across), "strides": strides, "padding": padding, "dilation": dilation}
    moved = np.asarray(sampling_points(offsets[None].astype(np.float32), size, **options))[0]
    at = [(offsets.shape[0] // 2, offsets.shape[1] // 2)] if at is None else list(at)
    if not at:
        raise ValueError("at is empty; give at least one output")
    if any(np.ndim(place) != 1 for place in at):
        raise TypeError(f"at holds {', '.join(map(repr, at))}; pairs (row, column) are wanted, as in [(1, 2)]")
    at = [tuple(whole_number("a row or column of at", one, 0) for one in place) for place in at]
    for place in at:
        if len(place) != 2 or not all(one < end for one, end in zip(place, offsets.shape[:2], strict=True)):
            raise ValueError(f"at holds {place}; the outputs are {offsets.shape[:2]}")
    ax = ax or plt.figure(figsize=(5, 5 * size[0] / size[1] + 0.2), layout="constrained").subplots()
    ax.imshow(image, cmap="gray" if image.ndim == 2 else None, interpolation="nearest")
    for number, place in enumerate(at):
        points = moved[place]
        grid = points - offsets[place]
        inside = ((points > -1) & (points < size)).all(axis=1)
        colour = HUES[(number + 1) % len(HUES)]
        for line in ({"color": "white", "lw": 2.6}, {"color": colour, "lw": 1.3}):
            ax.plot([grid[:, 1], points[:, 1]], [grid[:, 0], points[:, 0]], zorder=2, **line)
        ax.scatter(grid[:, 1], grid[:, 0], s=26, facecolors="none", edgecolors="white", linewidths=2.4, zorder=3)
        ax.scatter(grid[:, 1], grid[:, 0], s=26, facecolors="none", edgecolors=colour, linewidths=1.2, zorder=3)
        ax.scatter(*points[inside].T[::-1], s=46, color=colour, edgecolors="white", linewidths=1, zorder=4)
        ax.scatter(*points[~inside].T[::-1], s=46, marker="x", color=colour, linewidths=1.8, zorder=4)
    shown = np.concatenate([moved[tuple(place)] for place in at] + [np.zeros((1, 2)), np.array([size]) - 1.0])
    (top, left), (bottom, right) = shown.min(axis=0), shown.max(axis=0)
    outside = np.array([top < -0.5, left < -0.5, bottom > size[0] - 0.5, right > size[1] - 0.5])
    margin = np.where(outside, 0.03 * max(size) + 0.5, 0.5)
    ax.set(xlim=(left - margin[1], right + margin[3]), ylim=(bottom + margin[2], top - margin[0]))
    ax.set(xticks=[], yticks=[], facecolor=EMPTY)
    return ax


def _draw_member(ax: Axes, member: Member) -> None:
    """The sheets that go in, those that come out, and what leads from one to the other."""
    columns = 7 if member.steps == "one" else 5
    starts = (1.6, 15.2) if member.steps == "one" else (0.0, 9.4, 18.8)
    inputs, links = {}, []
    for row, column, channel in member.outputs:
        # The window of a deformable one is that of an ordinary one before it is moved.
        kind = "ordinary" if member.kind == "deformable" else member.kind
        seen = seen_weights(kind, (row, column), channel, rows=ROWS, columns=columns, channels=CHANNELS)
        inputs |= {tuple(place): seen[tuple(place)] for place in np.argwhere(seen != UNSEEN)}
        before = [one for one in ALL if (seen[..., one] != UNSEEN).any()]
        if member.steps in ("one", "shuffle"):
            links += [((row, column, one), (row, column, channel)) for one in before]
        else:
            links += [((row, column, one), (row, column, one)) for one in before]
    outputs = dict.fromkeys(member.outputs, DARK)
    moves = np.array(MOVES) if member.kind == "deformable" else None
    stacks, links = [_tints(inputs)], [links]
    if member.steps == "shuffle":  # what was channel 0, 1, 2, 3 becomes 0, 2, 1, 3
        stacks.append(outputs)
        links.append([((2, 2, one), (2, 2, after)) for one, after in enumerate((0, 2, 1, 3))])
        outputs = {(2, 2, 0): DARK, (2, 2, 1): DARK}
    elif member.steps != "one":
        if member.steps == "row":  # the same three weights for every channel, and others than those of the column
            between = {(2, 2 + v, one): 4 + 3 * v for one in ALL for v in (-1, 0, 1)}
            stacks.append(_tints(between, first=1))
            links.append([((2, 2, one), (2, 2, one)) for one in ALL])
        else:
            stacks.append(_tints({(2, 2, one): 9 * one + 4 for one in ALL}))
            links.append([((2, 2, one), member.outputs[0]) for one in ALL])
    stacks.append(outputs)
    names = ("in", "out") if member.steps == "one" else ("in", "between", "out")
    for number, (start, colours) in enumerate(zip(starts, stacks, strict=True)):
        _draw_sheets(ax, start, columns, colours, moves if number == 0 else None)
        foot = _corner(start, ROWS + 0.3, columns / 2, CHANNELS - 1)
        ax.text(*foot, names[number], fontsize=8, color=MIDDLE, ha="center", va="top")
    for number, lines in enumerate(links):
        for one, two in lines:
            ends = _corner(starts[number], *one, 0.5), _corner(starts[number + 1], *two, 0.5)
            ax.plot(*zip(*ends, strict=True), color=DARK, lw=0.8, alpha=0.6, zorder=3, solid_capstyle="round")
    ax.set(xlim=(-0.3, 26.3), ylim=(-(CHANNELS - 1) * FLOOR - ROWS * DEPTH - 1.7, 0.3))
    ax.set(xticks=[], yticks=[], aspect="equal")
    ax.axis("off")
    ax.set_title(member.kind, fontsize=12, fontweight="bold", color=DARK, loc="left", pad=29)
    ax.text(0, 1.025, member.caption, transform=ax.transAxes, fontsize=9, color=DARK, va="bottom", linespacing=1.2)


def _tints(numbers: dict[tuple[int, ...], int], first: int = 0) -> dict[tuple[int, ...], Any]:
    """A colour for each weight: the hue says which set it is of, how light it is says the place in the kernel."""
    from matplotlib.colors import to_rgb

    sets = sorted({number // 9 for number in numbers.values()})
    hues = {one: np.array(to_rgb(HUES[(first + order) % len(HUES)])) for order, one in enumerate(sets)}
    return {place: tuple(1 - (1 - hues[number // 9]) * (1 - 0.075 * (number % 9))) for place, number in numbers.items()}


def _corner(start: float, row: float, column: float, channel: float, shift: float = 0.0) -> tuple[float, float]:
    """Where a place of a sheet is drawn; sheets lie askew, one above the other."""
    row, column = row + shift, column + shift
    return start + column + SHEAR * (ROWS - row), -channel * FLOOR - DEPTH * row


def _draw_sheets(ax: Axes, start: float, columns: int, colours: dict, moves: np.ndarray | None = None) -> None:
    """A sheet of pixels for each channel; what has a colour is filled, or drawn as a dot where it has moved to."""
    from matplotlib.collections import PolyCollection

    corners = ((0, 0), (0, 1), (1, 1), (1, 0))
    places = list(np.ndindex(ROWS, columns, CHANNELS))
    cells = [
        [_corner(start, row + down, column + right, one) for down, right in corners] for row, column, one in places
    ]
    faces = [EMPTY if moves is not None else colours.get(place, EMPTY) for place in places]
    ax.add_collection(PolyCollection(cells, facecolors=faces, edgecolors=GRID, linewidths=0.5, zorder=1))
    if moves is None:
        return
    for (row, column, one), colour in colours.items():
        down, right = moves[3 * (row - 1) + column - 2]
        before, after = _corner(start, row, column, one, 0.5), _corner(start, row + down, column + right, one, 0.5)
        ax.plot(*zip(before, after, strict=True), color=MIDDLE, lw=0.7, zorder=3)
        ax.scatter(*after, s=13, color=[colour], edgecolors=DARK, linewidths=0.5, zorder=4)
