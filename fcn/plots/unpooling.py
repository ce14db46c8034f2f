"""Max pooling and unpooling as four grids of numbers: each maximum has a colour, and keeps its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS, DARK, MIDDLE, PALE = "viridis", "#333333", "#8a8a8a", "#ffffff"
LARGEST_CELL, SMALLEST, WIDEST, TITLE, HEAD, GAP = 0.55, 0.34, 10, 1.3, 0.5, 0.2  # inches


def draw_unpooling(image: Any, pooled: Any, indices: Any, processed: Any, unpooled: Any) -> Figure:
    """One channel of one image, pooled, changed, and unpooled.

    Every window has a colour: its maximum in the image, its cell in the small maps, and the pixel to which the
    changed value returns. All other pixels stay white: in the last grid, they are zeros.

    Args:
        image: numbers ``(height, width)``.
        pooled: its maxima, ``(rows, columns)``.
        indices: where they were, ``row * width + column``, as many; of `fcn.layers.pooling.MaxPoolingWithArgmax2D`.
        processed: the small map when other layers have changed it, as many.
        unpooled: those values in the places of the maxima, as large as the image.

    Returns:
        The figure, at most 10 inches wide.

    Raises:
        ValueError: arrays that are not of two dimensions, are empty, do not fit one another, or are too large to be
            read; an index outside the image.
        TypeError: arrays of no real numbers.

    Source: the lecture's slide on unpooling.
    """
    import matplotlib.pyplot as plt

    image, pooled, indices, processed, unpooled = map(np.asarray, (image, pooled, indices, processed, unpooled))
    check(image, pooled, indices, processed, unpooled)
    # Not the ends of the colour map: black letters are read on none but light colours, white ones on dark.
    order = np.arange(pooled.size).reshape(pooled.shape) / max(pooled.size - 1, 1) * 0.75 + 0.2
    places = np.full(image.shape, np.nan)
    places.flat[indices.ravel()] = order.ravel()
    grids = [
        ("input", image, places),
        ("max pooling", pooled, order),
        ("after other layers", processed, order),
        ("unpooling", unpooled, places),
    ]
    # Placed by hand, in inches: cells are of one size in all grids, which a layout engine does not keep.
    widths = [numbers.shape[1] for _, numbers, _ in grids]
    cell = min(LARGEST_CELL, (WIDEST - 5 * GAP) / sum(widths))
    spans = [max(width * cell, TITLE) for width in widths]
    if cell < SMALLEST or sum(spans) + 5 * GAP > WIDEST:
        raise ValueError(f"image is {image.shape[0]} x {image.shape[1]}, too large for its numbers to be read")
    width, height = sum(spans) + 5 * GAP, image.shape[0] * cell + HEAD + GAP
    figure = plt.figure(figsize=(width, height))
    left = GAP
    for (title, numbers, colours), span in zip(grids, spans):
        box = (left / width, GAP / height, span / width, image.shape[0] * cell / height)
        ax = figure.add_axes(box)
        draw_grid(ax, numbers, colours)
        (rows, columns), tall, wide = numbers.shape, image.shape[0], span / cell
        ax.set(xlim=((columns - wide - 1) / 2, (columns + wide - 1) / 2))
        ax.set(ylim=((rows + tall - 1) / 2, (rows - tall - 1) / 2))
        ax.set_title(f"{title}\n{rows} × {columns}", fontsize=10, color=DARK)
        left += span + GAP
    return figure


def draw_grid(ax: Axes, numbers: np.ndarray, colours: np.ndarray) -> None:
    """Numbers in cells: coloured where ``colours`` (0 to 1) is not NaN, white elsewhere."""
    import matplotlib.pyplot as plt
    from matplotlib.patches import Rectangle

    chart = plt.get_cmap(COLOURS)
    for (row, column), number in np.ndenumerate(numbers):
        shade = colours[row, column]
        plain = np.isnan(shade)
        face = PALE if plain else chart(shade)
        edge = Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=face, edgecolor=MIDDLE, linewidth=0.8)
        edge.set_clip_on(False)
        ax.add_patch(edge)
        text = "white" if not plain and shade < 0.55 else MIDDLE if plain else "black"
        weight = "normal" if plain else "bold"
        word = f"{number:.3g}"
        size = 11 * min(1, 5 / len(word))  # a long number stays in its cell
        ax.text(column, row, word, ha="center", va="center", color=text, fontsize=size, weight=weight)
    ax.axis("off")


def check(image: np.ndarray, pooled: np.ndarray, indices: np.ndarray, processed: np.ndarray, unpooled: Any) -> None:
    """Refuse arrays that do not fit one another.

    Raises:
        ValueError: they do not, or hold nothing.
        TypeError: they hold no real numbers.
    """
    arrays = {"image": image, "pooled": pooled, "indices": indices, "processed": processed, "unpooled": unpooled}
    for name, array in arrays.items():
        if array.dtype.kind in "bcOSU":
            raise TypeError(f"{name} holds {array.dtype}; real numbers are wanted")
        if not array.size:
            raise ValueError(f"{name} is {array.shape}: it is empty")
        if array.ndim != 2:
            raise ValueError(f"{name} must be (height, width), one channel of one image; got {array.shape}")
        pattern = "image" if name == "unpooled" else "pooled"
        if name != "image" and array.shape != arrays[pattern].shape:
            raise ValueError(f"{name} is {array.shape}, {pattern} {arrays[pattern].shape}; they must be of one shape")
    if indices.dtype.kind not in "iu" or indices.min() < 0 or indices.max() >= image.size:
        raise ValueError(
            f"indices must be whole numbers from 0 to {image.size - 1}, the pixels of an image {image.shape}; "
            f"got {indices.min()} to {indices.max()} ({indices.dtype})"
        )
