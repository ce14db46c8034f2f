"""Figures of attributions: how much each pixel matters, and in which direction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from cnnviz.plots.canvas import COLOURS, new_axes
from cnnviz.saliency.rendering import absolute, signed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Kind: TypeAlias = Literal["absolute", "signed"]
"""How much a pixel matters; or also in which direction."""

DIVERGING = "RdBu_r"  # red speaks for the score, blue against it, zero is white; legible for the colour-blind


def attribution_map(
    attributions: np.ndarray,
    *,
    kind: Kind = "absolute",
    photograph: np.ndarray | None = None,
    percentile: float = 99,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """The attributions of one image as a picture.

    Args:
        attributions: ``(height, width, channels)`` or ``(height, width)``, or a batch of one.
        kind: ``"absolute"``: black is zero, the brighter the more a pixel matters. ``"signed"``: white is zero, red
            speaks for the score, blue against it, and both scales are the same.
        photograph: uint8, RGB ``(height, width, 3)`` or grey ``(height, width)``, of any size; drawn in grey beneath,
            and seen where the attributions are small.
        percentile: of the absolute values: what gets the strongest colour; see `cnnviz.saliency.rendering.absolute`.
        title: above the picture.
        ax: where to draw; a small figure by default.

    Raises:
        TypeError: the photograph is not uint8.
        ValueError: more than one image, NaN, or another kind.
    """
    from matplotlib import colormaps

    if kind not in ("absolute", "signed"):
        raise ValueError(f"kind is {kind!r}; 'absolute' or 'signed' is wanted")
    values = (absolute if kind == "absolute" else signed)(attributions, percentile=percentile)
    if values.ndim == 3:
        if len(values) > 1:
            raise ValueError(f"attributions are of {len(values)} images; take one of them, or draw attribution_grid")
        values = values[0]
    ax = ax or new_axes(3.4, 3.4 * values.shape[0] / values.shape[1] + (0.3 if title else 0))
    colours, low = (colormaps[COLOURS], 0) if kind == "absolute" else (colormaps[DIVERGING], -1)
    if photograph is None:
        ax.imshow(values, cmap=colours, vmin=low, vmax=1, interpolation="nearest")
    else:
        extent = (0, photograph.shape[1], photograph.shape[0], 0)
        # Beneath the scale whose zero is white the photograph is lightened, or red and blue would be lost in its dark.
        darkest = 0 if kind == "absolute" else -1
        ax.imshow(_grey(photograph), cmap="gray", vmin=darkest, vmax=1, extent=extent)
        picture = colours((values - low) / (1 - low))
        # Where nothing matters, the photograph shows; the square root keeps what is faint from vanishing in it.
        picture[..., 3] = np.sqrt(np.abs(values))
        ax.imshow(picture, extent=extent, interpolation="nearest")
    ax.set_axis_off()
    if title:
        ax.set_title(title, fontsize=10)
    return ax


def attribution_grid(
    attributions: Mapping[str, np.ndarray],
    photographs: np.ndarray | Sequence[np.ndarray] | None = None,
    *,
    kind: Kind | Mapping[str, Kind] = "absolute",
    beneath: bool = False,
    labels: Sequence[str] | None = None,
    columns: int | None = None,
    percentile: float = 99,
    title: str | None = None,
) -> Figure:
    """Several methods side by side: a row for each image, or, of one image, as many rows as are needed.

    Args:
        attributions: for each method by name its attributions, of one image or of a batch; all of as many images.
        photographs: uint8, one for each image; drawn first in each row.
        kind: see `attribution_map`; one for all methods, or for each by name (the others are ``"absolute"``).
        beneath: draw the photographs in grey beneath the attributions, too.
        labels: one for each image, left of its row.
        columns: pictures in a row, where there is one image.
        percentile: see `attribution_map`.
        title: above all.

    Raises:
        ValueError: nothing to draw; as many photographs or labels as there are images are wanted; or as for
            `attribution_map`.
    """
    import matplotlib.pyplot as plt

    if not attributions:
        raise ValueError("attributions is empty; give at least one method")
    if isinstance(kind, Mapping) and not set(kind) <= set(attributions):
        raise ValueError(f"kind names {sorted(set(kind) - set(attributions))}; the methods are {list(attributions)}")
    # Rendered once for each method: it also tells one image from a batch.
    batches = {name: _as_batch(maps) for name, maps in attributions.items()}
    counts = {name: len(maps) for name, maps in batches.items()}
    images = next(iter(counts.values()))
    if set(counts.values()) != {images}:
        raise ValueError(f"attributions are of different numbers of images: {counts}")
    photographs = _photographs(photographs, images)
    if beneath and not photographs:
        raise ValueError("beneath=True draws the photographs beneath; give photographs")
    if labels is not None and (isinstance(labels, str) or len(labels) != images):
        raise ValueError(f"labels is {labels!r}; one for each of the {images} images is wanted")
    tiles = len(batches) + bool(photographs)
    columns = min(columns or tiles, tiles) if images == 1 else tiles
    rows = images * -(-tiles // columns)
    height, width = next(iter(batches.values())).shape[1:3]
    wide = min(2.1, 14 / columns)
    headings = 0.3 * (rows if images == 1 else 1)
    size = (wide * columns + (0.3 if labels else 0), wide * height / width * rows + headings + (0.3 if title else 0))
    figure = plt.figure(figsize=size, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for ax in grid.ravel():
        ax.set_axis_off()
    for image in range(images):
        axes = iter(grid.reshape(images, -1)[image])
        first = grid.reshape(images, -1)[image][0]
        if photographs:
            next(axes).imshow(photographs[image], cmap="gray", vmin=0, vmax=255)
        for name, maps in batches.items():
            options = {"kind": kind.get(name, "absolute") if isinstance(kind, Mapping) else kind}
            photograph = photographs[image] if beneath else None
            heading = name if image == 0 else None
            ax = next(axes)
            attribution_map(maps[image], photograph=photograph, percentile=percentile, title=heading, ax=ax, **options)
        if labels is not None:
            first.text(
                -0.04, 0.5, labels[image], rotation=90, ha="right", va="center", fontsize=10, transform=first.transAxes
            )
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def _as_batch(attributions: np.ndarray) -> np.ndarray:
    """With an axis for the batch; `cnnviz.saliency.rendering.absolute` knows which axes are which."""
    values = np.asarray(attributions)
    return values[None] if absolute(values).ndim == 2 else values


def _photographs(photographs: np.ndarray | Sequence[np.ndarray] | None, images: int) -> list[np.ndarray]:
    """One photograph for each image, or none."""
    if photographs is None:
        return []
    if isinstance(photographs, np.ndarray) and (photographs.ndim == 2 or (photographs.ndim == 3 and images == 1)):
        photographs = photographs[None] if photographs.shape[0] != 1 else photographs
    found = list(photographs)
    if len(found) != images:
        raise ValueError(f"there are {len(found)} photographs for {images} images; one for each is wanted")
    for photograph in found:
        _grey(photograph)
    return found


def _grey(photograph: np.ndarray) -> np.ndarray:
    """The brightness of a photograph, 0..1.

    Raises:
        TypeError: not uint8.
        ValueError: neither RGB nor grey.
    """
    photograph = np.asarray(photograph)
    if photograph.dtype != np.uint8:
        raise TypeError(
            f"photograph is {photograph.dtype}; uint8 is wanted: photograph.astype('uint8') if it is 0..255"
        )
    if photograph.ndim == 3 and photograph.shape[-1] == 3:
        return photograph @ np.array([0.299, 0.587, 0.114]) / 255
    if photograph.ndim == 2:
        return photograph / 255
    raise ValueError(f"photograph has shape {photograph.shape}; (height, width, 3) or (height, width) is wanted")
