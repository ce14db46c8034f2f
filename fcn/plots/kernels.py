"""Figures of upsampling: kernels, the steps from a signal to a longer one, conventions of alignment, checkerboards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from data.arguments import whole_number
from fcn.checkerboard import checkerboard_energy
from fcn.interpolation import ALIGNMENTS, REACH, interpolation_kernel, profile, source_positions, tap_offsets

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The first two from Okabe and Ito 2008.
OLD, NEW, FAINT, MIDDLE, DARK = (
    "#0072B2",
    "#D55E00",
    "#b8b8b8",
    "#777777",
    "#333333",
)  # the first two from Okabe and Ito 2008


def draw_kernels(factor: int, *, a: float = -0.5) -> Figure:
    """Nearest, bilinear and bicubic: above, the profile with the taps that the factor takes of it; below, the kernel.

    Args:
        factor: 1 or more; the taps are half-pixel ones.
        a: see `fcn.interpolation.profile`.

    Raises:
        TypeError, ValueError: see `fcn.interpolation.interpolation_kernel`.
    """
    import matplotlib.pyplot as plt

    factor = whole_number("factor", factor)
    figure = plt.figure(figsize=(9.6, 5.6), layout="constrained")
    axes = figure.subplots(2, 3, height_ratios=(1, 1.25))
    # One scale for all three: that of the largest. Slopes out of the ordinary reach further than the others.
    heights = profile("bicubic", np.linspace(0, 2, 401), a=a)
    low, high = min(-0.25, 1.1 * heights.min()), max(1.12, 1.05 * heights.max())
    top = max(1, np.abs(heights).max() ** 2)
    left, right = tap_offsets("bicubic", factor)[[0, -1]] + (-0.5, 0.5)
    ticks = np.arange(-4 * factor, 4 * factor, max(1, factor // 2))
    ticks = ticks[(left < ticks) & (ticks < right)]
    for (above, below), method in zip(axes.T, REACH, strict=True):
        distance = np.linspace(-2.5, 2.5, 1001)
        kernel = interpolation_kernel(method, factor, a=a, dimensions=1)
        taps = (tap_offsets(method, factor) - (factor - 1) / 2) / factor
        above.axhline(0, color=FAINT, linewidth=0.8)
        above.plot(distance, profile(method, distance, a=a), color=OLD, linewidth=1.6)
        above.vlines(taps, 0, kernel, color=NEW, linewidth=1.2)
        above.plot(taps, kernel, "o", color=NEW, markersize=5)
        above.set(xlim=(-2.5, 2.5), ylim=(low, high), xticks=range(-2, 3), yticks=(0, 0.5, 1))
        above.set_title(f"{method}, {len(kernel)} tap{'s' * (len(kernel) > 1)}", fontsize=11, loc="left")
        above.set_xlabel("distance (old pixels)", fontsize=10)
        _plain(above)
        first, last = tap_offsets(method, factor)[[0, -1]] + (-0.5, 0.5)
        picture = below.imshow(
            np.outer(kernel, kernel), cmap="RdBu_r", vmin=-top, vmax=top, extent=(first, last, last, first)
        )
        below.set(xlim=(left, right), ylim=(right, left), xticks=ticks, yticks=ticks)
        below.tick_params(labelsize=9, colors=DARK)
        below.set_xlabel("offset (new pixels)", fontsize=10)
    axes[0, 0].set_ylabel("weight", fontsize=10)
    axes[1, 0].set_ylabel("offset (new pixels)", fontsize=10)
    figure.colorbar(picture, ax=axes[1], shrink=0.9, label="weight")
    return figure


def draw_upsampling_1d(
    signal: Sequence[float] | np.ndarray, factor: int, method: str = "bilinear", *, alignment: str = "half_pixel"
) -> Figure:
    """A signal, the zeros put in, the kernel, and the sum of one kernel for each sample, in four panels.

    Beyond the ends the outermost samples are repeated; their kernels are drawn with broken lines.

    Args:
        signal: numbers, ``(samples,)``.
        factor: 1 or more.
        method: "nearest", "bilinear" or "bicubic".
        alignment: "half_pixel" or "asymmetric"; see `fcn.interpolation`.

    Raises:
        TypeError, ValueError: a signal that is no row of finite numbers; what `fcn.upsampling.upsample` refuses.
    """
    import matplotlib.pyplot as plt

    signal = np.asarray(signal, np.float64)
    if signal.ndim != 1 or not signal.size or not np.isfinite(signal).all():
        raise ValueError(f"signal has shape {signal.shape}; finite numbers of shape (samples,) are wanted")
    factor = whole_number("factor", factor)
    if alignment == "align_corners":
        raise ValueError("alignment is 'align_corners'; the panels show 'half_pixel' or 'asymmetric'")
    kernel = interpolation_kernel(method, factor, alignment=alignment, dimensions=1)
    offsets = tap_offsets(method, factor, alignment)
    beyond = int(-(-np.abs(offsets).max() // factor))
    pieces = []  # of each old sample, those beyond the ends too: is it one of the signal's, where, how much
    total = np.zeros(factor * len(signal))
    for number, value in enumerate(np.pad(signal, beyond, mode="edge"), -beyond):
        places = number * factor + offsets
        inside = (places >= 0) & (places < len(total))
        total[places[inside]] += value * kernel[inside]
        pieces.append((0 <= number < len(signal), places, value * kernel))
    zeros = np.zeros(factor * len(signal))
    zeros[::factor] = signal

    figure = plt.figure(figsize=(9.6, 5.4), layout="constrained")
    (first, second), (third, fourth) = figure.subplots(2, 2)
    _stems(first, np.arange(len(signal)), signal, OLD)
    first.set_title(f"1  the signal: {len(signal)} samples", fontsize=11, loc="left")
    _stems(second, np.arange(len(zeros)), zeros, OLD)
    second.plot(
        np.flatnonzero(np.arange(len(zeros)) % factor),
        0 * zeros[np.arange(len(zeros)) % factor > 0],
        "o",
        color="white",
        markeredgecolor=OLD,
        markersize=5,
    )
    second.set_title(f"2  {factor - 1} zero{'s' * (factor != 2)} after each", fontsize=11, loc="left")
    third.axvline(0, color=OLD, linewidth=1, linestyle="--")  # where the sample stands
    _stems(third, offsets, kernel, NEW)
    third.set_ylim(min(-0.05, 1.2 * kernel.min()), 1.1)
    third.set_title(f"3  the {method} kernel, {alignment}; the sample is at 0", fontsize=11, loc="left")
    for own, places, values in pieces:
        ends = [places[0] - 1, *places, places[-1] + 1]
        fourth.plot(ends, [0, *values, 0], "-" if own else "--", color=FAINT if own else MIDDLE, linewidth=1.3)
    _stems(fourth, np.arange(len(total)), total, NEW)
    fourth.set_xlim(-0.7, len(total) - 0.3)
    fourth.set_title("4  a kernel for each sample (grey), and the sum", fontsize=11, loc="left")
    low, high = min(0, *signal, *total), max(0, *signal, *total)
    high += low == high  # all zero
    for ax in (first, second, fourth):
        ax.set(ylim=(low - 0.06 * (high - low), high + 0.06 * (high - low)))
    for ax, name in ((first, "old sample"), (second, "new sample"), (third, "offset"), (fourth, "new sample")):
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.set_xlabel(name, fontsize=10)
        _plain(ax)
    return figure


def draw_alignment(size: int, factor: int, *, ax: Axes | None = None) -> Axes:
    """Where ``factor * size`` new samples lie among ``size`` old ones, for each convention; the squares are old pixels.

    Args:
        size: of the old grid, 1 or more.
        factor: 1 or more.
        ax: where to draw.

    Raises:
        TypeError, ValueError: see `fcn.interpolation.source_positions`.
    """
    import matplotlib.pyplot as plt

    size, factor = whole_number("size", size), whole_number("factor", factor)
    ax = ax or plt.figure(figsize=(9, 2.9), layout="constrained").subplots()
    for row, alignment in enumerate(ALIGNMENTS):
        ax.bar(range(size), 0.5, 1, bottom=row - 0.25, color="#eef3f7", edgecolor=FAINT, linewidth=1)
        new = source_positions(size, factor * size, alignment)
        ax.plot(range(size), [row] * size, "o", color="none", markeredgecolor=OLD, markeredgewidth=1.8, markersize=13)
        ax.plot(new, [row] * len(new), "o", color=NEW, markersize=5)
    ax.plot([], [], "o", color="none", markeredgecolor=OLD, markeredgewidth=1.8, markersize=10, label="old samples")
    ax.plot([], [], "o", color=NEW, markersize=5, label="new samples")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False, fontsize=10)
    ax.set_yticks(range(len(ALIGNMENTS)), ALIGNMENTS, fontsize=11)
    ax.set(xticks=range(0, size, -(-size // 25)), xlim=(-0.75, size), ylim=(len(ALIGNMENTS) - 0.55, -0.45))
    ax.set_xlabel("position (old pixels)", fontsize=10)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax


def draw_checkerboard(maps: Mapping[str, np.ndarray], stride: int, *, border: int = 0) -> Figure:
    """Maps side by side, each with the share of its energy that repeats with the stride.

    Args:
        maps: by name, each ``(height, width)``, or ``(1, height, width, 1)`` as a layer gives it.
        stride: see `fcn.checkerboard.checkerboard_energy`.
        border: likewise; the pixels left out are outside the frame that is drawn.

    Raises:
        TypeError, ValueError: no maps or no names, a map of another shape, or what `checkerboard_energy` refuses.
    """
    import textwrap

    import matplotlib.pyplot as plt
    from matplotlib.patches import Rectangle

    if not isinstance(maps, Mapping):
        raise TypeError(f"maps is a {type(maps).__name__}; a dict is wanted, of maps by their names")
    if not maps:
        raise ValueError("maps is empty; at least one is wanted")
    columns = min(4, len(maps))
    rows = -(-len(maps) // columns)
    figure = plt.figure(figsize=(2.4 * columns, 2.85 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax, (name, found) in zip(axes, maps.items(), strict=False):
        found = np.asarray(found)
        picture = found[0, :, :, 0] if found.ndim == 4 and found.shape[0] == found.shape[3] == 1 else found
        if picture.ndim != 2:
            raise ValueError(
                f"map {name!r} has shape {found.shape}; (height, width) or (1, height, width, 1) is wanted"
            )
        energy = checkerboard_energy(picture, stride, border=border)
        picture = picture.astype(np.float64)  # int8 has no 128
        top = np.abs(picture).max()
        signed = picture.min() < 0
        ax.imshow(picture, cmap="RdBu_r" if signed else "magma", vmin=-top if signed else 0, vmax=top)
        if border:
            height, width = (side - 2 * border for side in picture.shape)
            frame = {"fill": False, "edgecolor": DARK if signed else "#56B4E9", "linestyle": "--", "linewidth": 1.5}
            ax.add_patch(Rectangle((border - 0.5,) * 2, width, height, **frame))
        lines = [textwrap.fill(line, 24) for line in str(name).split("\n")]
        ax.set_title("\n".join([*lines, f"checkerboard {100 * energy:.1f} %"]), fontsize=10.5)
    for ax in axes:
        ax.axis("off")
    return figure


def _stems(ax: Axes, places: np.ndarray, values: np.ndarray, colour: str) -> None:
    ax.axhline(0, color=FAINT, linewidth=0.8)
    ax.vlines(places, 0, values, color=colour, linewidth=1.2)
    ax.plot(places, values, "o", color=colour, markersize=5)


def _plain(ax: Axes) -> None:
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=9, colors=DARK)
