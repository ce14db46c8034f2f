"""Figures of the sanity checks: how a probability falls or rises, and how maps change with the weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from cnnviz.plots.canvas import ACCENT, COLOURS, DARK, MIDDLE, new_axes
from cnnviz.plots.contact_sheet import method_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from cnnviz.sanity import Curve, ModelRandomisation

LINES = ("#000000", "#E69F00", "#56B4E9", "#009E73", "#D55E00", "#CC79A7", "#0072B2")  # Okabe and Ito 2008
DASHES = ("-", "--", "-.", ":")


def probability_curves(curves: Mapping[str, Curve], *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """How the probability changes while pixels are deleted, or inserted, the mean over the images; one line a method.

    Args:
        curves: from `cnnviz.sanity.deletion` or `cnnviz.sanity.insertion`, by the name of the method.
        title: above it.
        ax: where to draw.

    Raises:
        ValueError: no curves.
    """
    if not curves:
        raise ValueError("curves is empty; give the curve of at least one method")
    ax = ax or new_axes(5, 3.6)
    for number, (name, curve) in enumerate(curves.items()):
        label = f"{method_title(name)}: {curve.auc.mean():.2f}"
        style = {"color": LINES[number % len(LINES)], "linestyle": DASHES[number // len(LINES) % len(DASHES)]}
        ax.plot(100 * curve.shares, curve.probabilities.mean(axis=0), label=label, linewidth=1.8, **style)
    ax.set(xlabel="pixels changed (%)", ylabel="probability of the class", xlim=(0, 100), ylim=(0, None))
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=9, title="area under the curve", title_fontsize=9)
    if title:
        ax.set_title(title, fontsize=10, loc="left")
    return ax


def randomisation_curves(
    found: Mapping[str, ModelRandomisation], *, title: str | None = None, ax: Axes | None = None
) -> Axes:
    """How alike the maps stay while the weights are randomised, from the last layer down; one line for each method.

    Args:
        found: from `cnnviz.sanity.model_randomisation`, by the name of the method; all with the same layers.
        title: above it.
        ax: where to draw.

    Raises:
        ValueError: nothing to draw, or other layers in another step.
    """
    if not found:
        raise ValueError("found is empty; give the result of at least one method")
    (layers, *others) = [one.layers for one in found.values()]
    if any(other != layers for other in others):
        raise ValueError("the methods were tested on different layers, and cannot be drawn side by side")
    ax = ax or new_axes(max(5, 0.5 * len(layers) + 2), 3.8)
    for number, (name, one) in enumerate(found.items()):
        style = {"color": LINES[number % len(LINES)], "linestyle": DASHES[number // len(LINES) % len(DASHES)]}
        values = [1, *one.absolute.mean(axis=1)]
        ax.plot(values, "o", markersize=4, linewidth=1.8, label=method_title(name), **style)
    ax.axhline(0, color=MIDDLE, linewidth=0.8)
    ax.set_xticks(
        range(len(layers) + 1), ["(none)", *(step[0] for step in layers)], rotation=60, ha="right", fontsize=8
    )
    ax.set(ylim=(min(-0.1, ax.get_ylim()[0]), 1.05), ylabel="rank correlation")
    ax.set_xlabel("weights randomised down to this layer")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=9)
    if title:
        ax.set_title(title, fontsize=10, loc="left")
    return ax


def randomisation_grid(
    photographs: np.ndarray, found: Mapping[str, ModelRandomisation], *, image: int = 0, most: int = 6
) -> Figure:
    """The maps themselves, a row for each method: of the whole model, and after some of the steps.

    Args:
        photographs: uint8 RGB ``(batch, height, width, 3)``.
        found: as for `randomisation_curves`.
        image: which one of the batch.
        most: how many steps are shown; they are spread evenly, and the last one is among them.

    Raises:
        ValueError: nothing to draw.
    """
    import matplotlib.pyplot as plt

    if not found:
        raise ValueError("found is empty; give the result of at least one method")
    steps = len(next(iter(found.values())).layers)
    shown = np.unique(np.rint(np.linspace(0, steps, min(most, steps) + 1)).astype(int))
    figure = plt.figure(figsize=(1.5 * (len(shown) + 1), 1.6 * len(found) + 0.35), layout="constrained")
    axes = figure.subplots(len(found), len(shown) + 1, squeeze=False)
    for number, (name, one) in enumerate(found.items()):
        row = axes[number]
        for ax in row:
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
        row[0].imshow(photographs[image])
        row[0].set_ylabel(method_title(name), fontsize=9, color=DARK)
        for ax, step in zip(row[1:], shown, strict=True):
            map_ = one.maps[step, image]
            top = np.percentile(map_, 99) or map_.max() or 1
            ax.imshow(map_ / top, cmap=COLOURS, vmin=0, vmax=1)
            if number == 0:
                ax.set_title(
                    "as trained" if step == 0 else f"... {one.layers[step - 1][0]}",
                    fontsize=8,
                    color=DARK if step == 0 else ACCENT,
                )
    return figure
