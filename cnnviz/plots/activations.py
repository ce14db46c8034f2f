"""Figures of activation maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from cnnviz.plots.canvas import ACCENT, COLOURS, DARK, MIDDLE, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from cnnviz.activations import LayerStatistics


def channel_order(maps: np.ndarray, order: Literal["active", "index"] = "active") -> np.ndarray:
    """The channels of ``(height, width, channels)``, those of the largest mean activation first, or as they are.

    >>> channel_order(np.array([[[1.0, 3.0, 2.0]]]))
    array([1, 2, 0])
    """
    if order not in ("active", "index"):
        raise ValueError(f"order is {order!r}; 'active' or 'index' is wanted")
    if order == "index":
        return np.arange(maps.shape[-1])
    return np.argsort(-maps.mean(axis=(0, 1)), kind="stable")


def channel_grid(
    maps: np.ndarray,
    *,
    order: Literal["active", "index"] = "active",
    scale: Literal["own", "shared"] = "own",
    most: int | None = 512,
    columns: int | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """All activation maps of a layer as one grid of tiles.

    Args:
        maps: ``(height, width, channels)``: the activations of one image.
        order: the most active channel first, or as they are numbered.
        scale: ``"own"`` stretches every channel to the full range of colours, ``"shared"`` lets them be compared.
        most: draw no more channels than this, the most active ones or the first; the title says so.
        columns: tiles in a row; about as wide as two rows are high by default.
        title: above the grid.
        ax: where to draw; a figure of fitting size is made by default.

    Returns:
        The axes. Each tile bears its channel's number while there is room; a channel that is nowhere active is grey
        and crossed out.

    Raises:
        ValueError: not ``(height, width, channels)``, or NaN in it.
    """
    from matplotlib import colormaps

    if isinstance(maps, dict):
        raise TypeError(f"maps is a dictionary of layers; take one image of one of them: maps[{next(iter(maps))!r}][0]")
    maps = np.asarray(maps, np.float32)
    if maps.ndim != 3 or 0 in maps.shape:
        raise ValueError(f"maps has shape {maps.shape}; one image's (height, width, channels) is wanted")
    if not np.isfinite(maps).all():
        raise ValueError("maps holds NaN or infinity")
    if scale not in ("own", "shared"):
        raise ValueError(f"scale is {scale!r}; 'own' or 'shared' is wanted")
    if (most is not None and most < 1) or (columns is not None and columns < 1):
        raise ValueError(f"most is {most} and columns is {columns}; at least 1 is wanted")
    chosen = channel_order(maps, order)[:most]
    if len(chosen) < maps.shape[-1] and title is None:
        title = f"{len(chosen)} of {maps.shape[-1]} channels"
    height, width = maps.shape[:2]
    columns = min(columns or int(np.ceil(np.sqrt(2 * len(chosen) * height / width))), len(chosen))
    rows = -(-len(chosen) // columns)
    # Small maps are enlarged, so that the lines between the tiles stay thin beside them.
    repeat = max(1, 48 // max(height, width))
    gap = max(1, (height * repeat) // 24)
    step_y, step_x = height * repeat + gap, width * repeat + gap
    canvas = np.ones((rows * step_y - gap, columns * step_x - gap, 3))
    low, high = maps.min(axis=(0, 1)), maps.max(axis=(0, 1))
    dead = [channel for channel in chosen if high[channel] == low[channel] == 0]
    if scale == "shared":
        low, high = np.full_like(low, low.min()), np.full_like(high, high.max())
    corners = {}
    for place, channel in enumerate(chosen):
        top, left = place // columns * step_y, place % columns * step_x
        corners[channel] = top, left
        if channel in dead:
            tile = np.full((height, width, 3), 0.82)
        else:
            # A channel of one value has no range to stretch: bright, since it is not zero.
            span = high[channel] - low[channel]
            share = (maps[..., channel] - low[channel]) / span if span else np.ones((height, width))
            tile = colormaps[COLOURS](share)[..., :3]
        tile = tile.repeat(repeat, axis=0).repeat(repeat, axis=1)
        canvas[top : top + height * repeat, left : left + width * repeat] = tile
    if ax is None:
        wide = float(np.clip(columns * 0.8, 5, 13))
        ax = new_axes(wide, min(wide * canvas.shape[0] / canvas.shape[1] + (0.4 if title else 0.05), 60))
    ax.imshow(canvas, interpolation="nearest")
    for channel in dead:
        top, left = corners[channel]
        bottom, right = top + height * repeat - 1, left + width * repeat - 1
        ax.plot([left, right, np.nan, left, right], [top, bottom, np.nan, bottom, top], color=MIDDLE, linewidth=0.8)
    inches = ax.get_window_extent().width / ax.figure.dpi
    if inches / columns > 0.6:  # the numbers need about that much
        for channel, (top, left) in corners.items():
            ax.text(
                left + 0.04 * step_x,
                top + 0.05 * step_y,
                str(channel),
                color=DARK if channel in dead else "white",
                fontsize=7,
                va="top",
                bbox=None if channel in dead else {"facecolor": "black", "alpha": 0.45, "pad": 0.8, "linewidth": 0},
            )
    ax.set_axis_off()
    if title:
        ax.set_title(title, fontsize=10, loc="left")
    return ax


def distillation(
    photograph: np.ndarray,
    activations: dict[str, np.ndarray],
    decoded: Sequence[tuple[str, float]] = (),
    *,
    sheets: int = 6,
) -> Figure:
    """The whole way from the photograph to the answer: maps that get smaller, more and emptier.

    Args:
        photograph: uint8, RGB ``(height, width, 3)`` or grey ``(height, width)``, as the model saw it.
        activations: from `cnnviz.activation_maps` for a batch of this one image; one layer of every size reads best.
        decoded: the answer, one row of ``Classifier.decode``.
        sheets: how many of the most active maps are drawn of each layer.

    Returns:
        A figure: the photograph, a stack of maps for each layer with its size and its share of zeros, the answer.

    Raises:
        ValueError: a layer that has no maps, a dense one.
    """
    import matplotlib.pyplot as plt

    if decoded and not isinstance(decoded[0][0], str):
        raise ValueError("decoded holds the answers for a batch; take one: net.decode(logits)[0]")
    activations = {name: np.asarray(maps) for name, maps in activations.items()}
    flat = [name for name, maps in activations.items() if maps.ndim != 4]
    if flat:
        raise ValueError(f"layer {flat[0]!r} has no maps: its activations are {activations[flat[0]].shape}")
    gap, shift, text = 0.24, 0.055, {"ha": "center", "va": "top", "fontsize": 11}
    figure = plt.figure()
    ax = figure.add_axes((0, 0, 1, 1))

    def sheet(picture: np.ndarray, left: float, bottom: float, size: np.ndarray, layer: int, **colours) -> None:
        box = (left, left + size[1], bottom, bottom + size[0])
        ax.imshow(picture, extent=box, zorder=layer, aspect="equal", **colours)
        edge = {"fill": False, "edgecolor": "white" if layer > 1 else DARK, "linewidth": 0.7, "zorder": layer}
        ax.add_patch(plt.Rectangle((left, bottom), size[1], size[0], **edge))

    def arrow(left: float) -> None:
        ax.annotate("", (left + gap * 0.9, 0), (left + gap * 0.1, 0), arrowprops={"arrowstyle": "->", "color": MIDDLE})

    sides = np.array(photograph.shape[:2])
    unit = sides / sides.max()
    sheet(photograph, 0, -unit[0] / 2, unit, 1, cmap="gray")
    ax.text(unit[1] / 2, -0.62, "photograph\n" + " x ".join(map(str, photograph.shape)), **text)
    x = unit[1]
    for name, maps in activations.items():
        picture, label = maps[0], name.removesuffix("_relu")
        # The square root keeps the last maps, a hundredth of the photograph's area, large enough to be seen.
        size = np.maximum(np.sqrt(picture.shape[0] / sides[0]), 0.12) * unit
        order = channel_order(picture)[:sheets]
        width = size[1] + (len(order) - 1) * shift
        column = max(width, 0.75, 0.07 * len(label))
        arrow(x)
        left = x + gap + (column - width) / 2
        # Drawn back to front, so that the most active map lies on top, at the lower left.
        for depth, channel in reversed(list(enumerate(order))):
            one = picture[..., channel]
            colours = {"cmap": COLOURS, "vmin": min(one.min(), 0), "vmax": max(one.max(), 1e-12)}
            sheet(one, left + depth * shift, -size[0] / 2 + depth * shift, size, 20 - depth, **colours)
        shape = " x ".join(map(str, picture.shape))
        zeros = f"{(picture == 0).mean():.0%} zeros"
        ax.text(x + gap + column / 2, -0.62, f"{label}\n{shape}\n{zeros}", **text)
        x += gap + column
    if decoded:
        arrow(x)
        names, shares = [name.replace("_", " ") for name, _ in decoded], [share for _, share in decoded]
        labels = 0.07 * max(map(len, names)) + 0.08  # room for the names, in the units of the picture
        bars = ax.inset_axes((x + gap + labels, -0.5, 0.9, 1), transform=ax.transData)
        bars.barh(range(len(names)), shares, color=[ACCENT] + [MIDDLE] * (len(names) - 1))
        bars.set_yticks(range(len(names)), names, fontsize=11)
        bars.invert_yaxis()
        bars.set(xlim=(0, 1), xticks=(0, 0.5, 1), xlabel="probability")
        bars.spines[["top", "right"]].set_visible(False)
        x += gap + labels + 1
    ax.set(xlim=(-0.05, x + 0.05), ylim=(-1.05, 0.85))
    ax.set_axis_off()
    scale = max(13 / (x + 0.1), 1.75)  # inches: wider than a page rather than label upon label
    figure.set_size_inches(scale * (x + 0.1), scale * 1.9)
    return figure


def layer_statistics(rows: Sequence[LayerStatistics]) -> Figure:
    """Size against number of maps, values passed on, and sparsity, layer by layer.

    Args:
        rows: from `cnnviz.statistics`.
    """
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(max(12, 0.55 * len(rows)), 3.6), layout="constrained")
    sizes, values, zeros = figure.subplots(1, 3)
    places = range(len(rows))
    names = [row.layer.removesuffix("_relu") for row in rows]
    sizes.plot(places, [row.height for row in rows], "o-", color=DARK, label="side of a map")
    sizes.plot(places, [row.channels for row in rows], "s--", color=ACCENT, label="number of maps")
    sizes.set(title="maps: fewer cells, more of them", yscale="log")
    ticks = sorted({row.height for row in rows} | {row.channels for row in rows})
    sizes.set_yticks([tick for at, tick in enumerate(ticks) if not at or tick > 1.3 * ticks[at - 1]])
    sizes.yaxis.set_major_formatter("{x:.0f}")
    sizes.minorticks_off()
    sizes.legend(frameon=False)
    values.bar(places, [row.values / 1000 for row in rows], color=DARK)
    values.set(title="numbers passed on (thousands)")
    zeros.bar(places, [100 * row.sparsity for row in rows], color=ACCENT)
    zeros.set(title="activations that are zero (%)", ylim=(0, 100))
    for ax in (sizes, values, zeros):
        ax.set_xticks(places, names, rotation=60, ha="right", fontsize=8)
        ax.spines[["top", "right"]].set_visible(False)
        ax.title.set_fontsize(11)
    return figure


def patch_grid(patches: dict[str, Sequence[np.ndarray]]) -> Figure:
    """Rows of patches, one row for each name.

    Args:
        patches: for each row's label, uint8 RGB patches from `cnnviz.cut_patches`.
    """
    import matplotlib.pyplot as plt

    columns = max((len(row) for row in patches.values()), default=1) or 1
    figure = plt.figure(figsize=(1.25 * columns + 0.6, 1.3 * max(len(patches), 1)), layout="constrained")
    axes = figure.subplots(max(len(patches), 1), columns, squeeze=False)
    for row, (label, pictures) in zip(axes, patches.items(), strict=False):
        for ax in row:
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
        for ax, picture in zip(row, pictures, strict=False):
            ax.imshow(picture)
        row[0].set_ylabel(label, fontsize=9)
    return figure
