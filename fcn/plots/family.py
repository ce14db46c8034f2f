"""Networks compared: what each makes of one scene, what it costs, and from where its answer comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fcn.plots.overlays import label_colours

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Annotation

DARK, FAINT, ACCENT = "#333333", "#8a8a8a", "#0072B2"
# Of a name beside its point: the distance in points (1/72 inch), and which side of the name it is taken from.
PLACES = (
    ((7, 0), "left", "center"),
    ((-7, 0), "right", "center"),
    ((0, 7), "center", "bottom"),
    ((0, -7), "center", "top"),
    ((5, 6), "left", "bottom"),
    ((-5, 6), "right", "bottom"),
    ((5, -6), "left", "top"),
    ((-5, -6), "right", "top"),
)


def draw_side_by_side(
    pictures: Mapping[str, np.ndarray],
    colours: Any,
    *,
    detail: tuple[int, int, int, int],
    columns: int = 6,
    width: float = 10,
) -> Figure:
    """Each picture whole, and below it an enlarged detail, whose place is framed.

    Args:
        pictures: by title: uint8 RGB ``(height, width, 3)``, or classes ``(height, width)``, all of one height and
            width.
        colours: of the classes, ``(classes, 3)``, 0..255.
        detail: ``(row, column, height, width)`` of what is enlarged, in pixels.
        columns: pictures beside each other.
        width: of the figure in inches.

    Raises:
        ValueError: no pictures; sizes that differ; a detail that is not within them.
    """
    import matplotlib.pyplot as plt

    sizes = {picture.shape[:2] for picture in pictures.values()}
    if len(sizes) != 1:
        raise ValueError(f"pictures have the sizes {sorted(sizes)}; one is wanted")
    ((high, wide),) = sizes
    row, column, height, across = detail
    if min(row, column) < 0 or min(height, across) < 1 or row + height > high or column + across > wide:
        raise ValueError(
            f"detail {detail} is not within {high} x {wide} pixels; (row, column, height, width) is wanted"
        )
    columns = min(columns, len(pictures))
    bands = -(-len(pictures) // columns)
    panel = width / columns
    ratios = [high / wide, height / across] * bands
    figure = plt.figure(figsize=(width, panel * sum(ratios) + 0.32 * bands), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, hspace=0, wspace=0)
    axes = figure.subplots(2 * bands, columns, squeeze=False, height_ratios=ratios)
    for ax in axes.flat:
        ax.set_axis_off()
    for number, (title, picture) in enumerate(pictures.items()):
        band, place = divmod(number, columns)
        if picture.ndim == 2:
            picture = label_colours(picture, colours)
        whole, part = axes[2 * band, place], axes[2 * band + 1, place]
        whole.imshow(picture, interpolation="nearest")
        whole.set_title(title, fontsize=10, color=DARK, pad=3)
        for edge, ink in ((2.6, "white"), (1.2, "black")):
            whole.add_patch(
                plt.Rectangle((column - 0.5, row - 0.5), across, height, fill=False, edgecolor=ink, linewidth=edge)
            )
        part.imshow(picture[row : row + height, column : column + across], interpolation="nearest")
    return figure


def draw_tradeoff(
    costs: Mapping[str, float],
    scores: Mapping[str, float],
    intervals: Mapping[str, Sequence[float]] | None = None,
    *,
    ax: Axes | None = None,
    cost: str = "multiply-adds (millions)",
    score: str = "mean IoU",
    logarithmic: bool = True,
) -> Axes:
    """A point for each network, with its name and the interval of its score.

    Args:
        costs: by name, above 0: what a network costs, or another score.
        scores: by name.
        intervals: by name, lower and upper end, around the score.
        ax: where to draw.
        cost: what lies on the horizontal axis.
        score: what lies on the vertical axis.
        logarithmic: whether equal distances there are equal ratios.

    Raises:
        ValueError: the mappings are of other names; a cost that is not above 0.
    """
    import matplotlib.pyplot as plt
    from matplotlib.ticker import NullFormatter, ScalarFormatter

    for other in (scores, intervals):
        if other is not None and set(other) != set(costs):
            raise ValueError(
                f"costs is of {sorted(costs)}, scores or intervals of {sorted(other)}; the same are wanted"
            )
    if not costs or min(costs.values()) <= 0:
        raise ValueError(f"costs is {dict(costs)}; numbers above 0 are wanted, one or more")
    ax = plt.figure(figsize=(8, 4.6), layout="constrained").subplots() if ax is None else ax
    for name, x in costs.items():
        if intervals is not None:
            ax.plot([x, x], intervals[name], color=ACCENT, alpha=0.35, linewidth=3, solid_capstyle="butt")
        ax.plot(x, scores[name], "o", color=ACCENT, markersize=6)
    ax.margins(x=0.14)
    if logarithmic:
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter(ScalarFormatter())
        ax.xaxis.set_minor_formatter(NullFormatter())
        low, high = min(costs.values()), max(costs.values())
        ticks = [
            n
            for n in (1, 2, 3, 5, 7, 10, 20, 30, 50, 70, 100, 200, 300, 500, 700, 1000)
            if 0.6 * low <= n <= 1.7 * high
        ]
        if ticks:
            ax.set_xticks(ticks)
    ax.set(xlabel=cost, ylabel=score)
    ax.spines[["top", "right"]].set_visible(False)
    _name_points(ax, {name: (x, scores[name]) for name, x in costs.items()})
    return ax


def _name_points(ax: Axes, points: Mapping[str, tuple[float, float]]) -> None:
    """Each name beside its point, where it covers neither a point nor another name, as far as there is room."""

    def write(name: str, offset: tuple[int, int], horizontal: str, vertical: str) -> Annotation:
        how = {"ha": horizontal, "va": vertical, "fontsize": 10, "color": DARK}
        return ax.annotate(name, points[name], offset, textcoords="offset points", **how)

    ax.figure.draw_without_rendering()  # only now is it known where points and bars are
    taken = [line.get_window_extent() for line in ax.lines]
    within = ax.get_window_extent()
    for name in points:
        for place in PLACES:
            text = write(name, *place)
            box = text.get_window_extent()
            if within.contains(*box.min) and within.contains(*box.max) and not box.count_overlaps(taken):
                break
            text.remove()
        else:
            box = write(name, *PLACES[0]).get_window_extent()
        taken.append(box)


def draw_fields(fields: Mapping[str, np.ndarray], *, columns: int = 5, width: float = 10, decades: float = 3) -> Figure:
    """How strongly each pixel speaks for one output, brightness logarithmic; a cross where the output is.

    Args:
        fields: by title: strengths ``(height, width)``, not negative; each is divided by its largest.
        columns: panels beside each other.
        width: of the figure in inches.
        decades: what is ten to this power weaker than the strongest, or more, is black.

    Raises:
        ValueError: no fields, or one with a negative number or without any strength.
    """
    import matplotlib.pyplot as plt
    from matplotlib.colors import LogNorm

    if not fields:
        raise ValueError("fields is empty; one or more are wanted")
    for title, field in fields.items():
        if not (np.min(field) >= 0 and np.max(field) > 0):
            raise ValueError(f"field {title!r} is {np.min(field)}..{np.max(field)}; strengths from 0 up, not all 0")
    columns = min(columns, len(fields))
    rows = -(-len(fields) // columns)
    ratio = max(field.shape[0] / field.shape[1] for field in fields.values())
    figure = plt.figure(figsize=(width, rows * (width * 0.92 / columns * ratio + 0.3)), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    norm = LogNorm(10**-decades, 1)
    for ax, (title, field) in zip(axes.flat, fields.items()):
        strength = np.maximum(field / np.max(field), 10**-decades)
        shown = ax.imshow(strength, cmap="magma", norm=norm, interpolation="nearest")
        ax.plot(field.shape[1] // 2, field.shape[0] // 2, "+", color="#56B4E9", markersize=7)
        ax.set_title(title, fontsize=10, color=DARK, pad=3)
    figure.colorbar(shown, ax=axes, shrink=0.7, label="of the strongest", aspect=25)
    return figure
