"""Many explanations of one picture, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnviz.plots.attributions import attribution_map
from cnnviz.plots.canvas import ACCENT, DARK, MIDDLE
from cnnviz.plots.overlays import overlay

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

EMPTY = "zero everywhere"
TITLES = {
    "cam": "CAM",
    "deconvnet": "deconvnet's rule",
    "grad_cam": "Grad-CAM",
    "grad_cam_plus_plus": "Grad-CAM++",
    "guided_grad_cam": "guided Grad-CAM",
    "gradient_times_input": "gradient x input",
    "hires_cam": "HiResCAM",
    "layer_cam": "Layer-CAM",
    "xgrad_cam": "XGrad-CAM",
    "score_cam": "Score-CAM",
    "ablation_cam": "Ablation-CAM",
    "eigen_cam": "Eigen-CAM",
    "rise": "RISE",
    "smooth_grad": "SmoothGrad",
    "var_grad": "VarGrad",
}


def contact_sheet(
    photograph: np.ndarray,
    maps: Mapping[str, Any],
    *,
    answers: Sequence[tuple] = (),
    explained: str | None = None,
    notes: Mapping[str, str] | None = None,
    signed: bool = False,
    columns: int | None = None,
    title: str | None = None,
) -> Figure:
    """The photograph with the network's answer, and beside it what each method makes of it.

    Args:
        photograph: uint8 RGB ``(height, width, 3)``, as the network saw it.
        maps: for each method, by name, its map of this one picture: ``(rows, columns)`` from `cnnviz.cam`, drawn over
            the photograph, or signed attributions ``(height, width, channels)`` from `cnnviz.saliency`, drawn by
            themselves. A batch of one is taken, too, and what has a field ``attributions``.
        answers: class and probability, best first; one row of ``Classifier.decode``. The first three are shown.
        explained: the class that the methods explain; the first answer by default.
        notes: a line below the name of a method: a score that it reached, say.
        signed: draw attributions with their signs, what speaks for the class in one colour and what speaks against it
            in another, rather than by how much they matter.
        columns: tiles in a row; up to five by default.
        title: above everything.

    Returns:
        A figure. A map that is zero everywhere says so.

    Raises:
        TypeError: the photograph is not uint8.
        ValueError: no maps, maps of several pictures or of another shape, with NaN, or notes without a method.
    """
    import matplotlib.pyplot as plt

    if not isinstance(photograph, np.ndarray) or photograph.dtype != np.uint8:
        kind = getattr(photograph, "dtype", type(photograph).__name__)
        raise TypeError(f"photograph is {kind}; uint8 is wanted: photograph.astype('uint8') if it is 0..255")
    if photograph.ndim != 3 or photograph.shape[-1] != 3:
        raise ValueError(f"photograph has shape {photograph.shape}; (height, width, 3) is wanted")
    if not maps:
        raise ValueError("maps is empty; give the map of at least one method")
    notes = dict(notes or {})
    if set(notes) - set(maps):
        raise ValueError(f"notes are given for {sorted(set(notes) - set(maps))}, maps for {list(maps)}")
    if columns is not None and columns < 1:
        raise ValueError(f"columns is {columns}; at least 1 is wanted")
    tiles = {name: _one(map_, name) for name, map_ in maps.items()}
    count = len(tiles) + 1
    columns = min(columns or _columns(count), count)
    rows = -(-count // columns)
    answer, others = _answers(answers)
    lines = 2 if notes or others or not all(tile.any() for tile in tiles.values()) else 1
    side = 2.45
    height = side * photograph.shape[0] / photograph.shape[1] + 0.19 * lines + 0.1
    figure = plt.figure(figsize=(side * columns, rows * height + 0.35), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes:
        ax.set_axis_off()
    axes[0].imshow(photograph)
    _caption(axes[0], answer, others, lines)
    explained = explained or (answers[0][0] if answers else None)
    if title is None and explained:
        title = f"what speaks for \N{LEFT DOUBLE QUOTATION MARK}{_words(explained)}\N{RIGHT DOUBLE QUOTATION MARK}"
    for ax, (name, tile) in zip(axes[1:], tiles.items(), strict=False):
        _draw(ax, photograph, tile, signed)
        note = notes.get(name, "") if tile.any() else EMPTY
        _caption(ax, method_title(name), note, lines)
    if title:
        figure.suptitle(title, fontsize=11, x=0.5, color=DARK)
    return figure


def _one(found: Any, name: str) -> np.ndarray:
    """The map of one picture: ``(rows, columns)`` or ``(height, width, channels)``."""
    found = np.asarray(getattr(found, "attributions", found), np.float32)
    few = found.ndim == 3 and found.shape[-1] <= 4
    if found.ndim == 4 or (found.ndim == 3 and not few and found.shape[0] == 1):
        if len(found) != 1:
            raise ValueError(f"maps[{name!r}] is of {len(found)} pictures; take one: maps[{name!r}][0]")
        found = found[0]
    if found.ndim not in (2, 3) or 0 in found.shape or (found.ndim == 3 and found.shape[-1] > 4):
        raise ValueError(
            f"maps[{name!r}] has shape {found.shape}; (rows, columns) or (height, width, channels) is wanted"
        )
    if not np.isfinite(found).all():
        raise ValueError(f"maps[{name!r}] holds NaN or infinity")
    return found


def _columns(count: int) -> int:
    """As many tiles in a row as leave the fewest places empty, from five down to three."""
    if count <= 5:
        return count
    return min((5, 4, 3), key=lambda columns: (-count % columns, -columns))


def _draw(ax: Axes, photograph: np.ndarray, tile: np.ndarray, signed: bool) -> None:
    if tile.ndim == 2 and tile.min() >= 0:
        overlay(photograph, tile, ax=ax)
        return
    attribution_map(tile, kind="signed" if signed or tile.ndim == 2 else "absolute", ax=ax)


def _caption(ax: Axes, name: str, note: str, lines: int) -> None:
    """A name, and under it in smaller letters a note; above the picture."""
    ax.set_title(name + "\n" * (lines - 1), fontsize=10, loc="left", color=DARK, linespacing=1.25)
    colour = ACCENT if note == EMPTY else MIDDLE
    ax.annotate(
        note, (0, 1), (0, 5), "axes fraction", "offset points", fontsize=8.5, color=colour, annotation_clip=False
    )


def _answers(answers: Sequence[tuple]) -> tuple[str, str]:
    """The first answer, and the two behind it, where there is something to be said of them."""
    words = [
        f"{_words(name)} {share:.0%}" for name, share, *_ in answers[:3] if share >= 0.005 or name == answers[0][0]
    ]
    return (words[0], ", ".join(words[1:])) if words else ("photograph", "")


def method_title(name: str) -> str:
    """A method as people write it: ``grad_cam`` as Grad-CAM."""
    return TITLES.get(name, _words(name))


def _words(name: str) -> str:
    return str(name).replace("_", " ")
