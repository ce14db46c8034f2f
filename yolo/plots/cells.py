"""The grid over a picture: responsible cells, anchors in a cell, the most likely class of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from data.arguments import number_pair
from yolo.boxes import convert
from yolo.cells import ClassMap, responsible_cells
from yolo.drawing import class_colours, place_labels
from yolo.plots.anchors import HUES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_NAMES = 12  # in a legend


def draw_responsible_cells(
    image: np.ndarray,
    boxes: Any,
    stride: int,
    *,
    classes: Any = None,
    names: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """The grid, each box with its centre, and the cell with the centre in it, which is responsible for the box.

    Args:
        image: uint8 RGB, the network's input: `yolo.detector.Sight.canvas`.
        boxes: (n, 4) xyxy in its pixels.
        stride: side of a cell in pixels.
        classes: (n,) whole numbers, for the colours.
        names: of all classes.
        ax: where to draw.

    Raises:
        ValueError: as `yolo.cells.responsible_cells`; not one class per box.
    """
    from matplotlib.patches import Rectangle

    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    cells = responsible_cells(boxes, image.shape[:2], stride)
    kinds = np.zeros(len(boxes), np.int64) if classes is None else np.asarray(classes)
    if kinds.shape != (len(boxes),):
        raise ValueError(f"classes have shape {kinds.shape}, boxes {boxes.shape}; one class per box is wanted")
    ax = _picture(image, ax)
    _grid(ax, image.shape[:2], stride)
    colours = class_colours(max(kinds.tolist(), default=0) + 1) / 255
    centres = convert(boxes, "xyxy", "cxcywh")[:, :2]
    for (row, column), box, centre, kind in zip(cells.tolist(), boxes.tolist(), centres.tolist(), kinds.tolist()):
        colour, sides = colours[kind], (box[2] - box[0], box[3] - box[1])
        cell = (column * stride, row * stride), stride, stride
        ax.add_patch(Rectangle(*cell, facecolor=(*colour, 0.5), edgecolor="black", linewidth=1.2))
        _outlined(ax.add_patch(Rectangle(box[:2], *sides, fill=False, edgecolor=colour, linewidth=2)))
        ax.plot(*centre, "o", color=colour, markeredgecolor="black", markersize=6)
    if names is not None and len(boxes):
        _names(ax, boxes, [names[kind] for kind in kinds.tolist()], colours[kinds], image.shape[:2])
    rows, columns = image.shape[0] // stride, image.shape[1] // stride
    ax.set_title(f"{rows} × {columns} cells of {stride} pixels: the cell of the centre is responsible", fontsize=11)
    return ax


def draw_anchors_in_cell(
    image: np.ndarray,
    anchors: Any,
    stride: int,
    *,
    cell: Sequence[int] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """The anchors of a head where they stand in a cell: the shapes that its boxes are measured from.

    Args:
        image: uint8 RGB, the network's input.
        anchors: (anchors, 2), width and height in its pixels.
        stride: side of a cell in pixels.
        cell: row and column; None: the middle one.
        ax: where to draw.

    Raises:
        ValueError: a cell that is not in the grid; anchors of another shape.
    """
    from matplotlib.patches import Rectangle

    anchors = np.asarray(anchors, np.float64)
    if anchors.ndim != 2 or anchors.shape[1] != 2:
        raise ValueError(f"anchors have shape {anchors.shape}; (anchors, 2), width and height, is wanted")
    rows, columns = image.shape[0] // stride, image.shape[1] // stride
    row, column = (rows // 2, columns // 2) if cell is None else number_pair("cell", cell, 0)
    if row >= rows or column >= columns:
        raise ValueError(f"cell is row {row}, column {column}; there are {rows} rows and {columns} columns")
    ax = _picture(image, ax)
    _grid(ax, image.shape[:2], stride)
    ax.add_patch(Rectangle((column * stride, row * stride), stride, stride, facecolor="white", alpha=0.6))
    x, y = (column + 0.5) * stride, (row + 0.5) * stride
    for number, (width, height) in enumerate(anchors):
        colour = HUES[number % len(HUES)]
        frame = Rectangle((x - width / 2, y - height / 2), width, height, fill=False, edgecolor=colour, linewidth=2.2)
        frame.set_label(f"{width:g} × {height:g}")
        _outlined(ax.add_patch(frame), "white")
    ax.plot(x, y, "o", color="black", markeredgecolor="white", markersize=6)
    ax.legend(title="anchors (pixels)", loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, alignment="left")
    ax.set_title(f"{len(anchors)} anchors in a cell of {stride} pixels", fontsize=11)
    return ax


def draw_class_map(
    image: np.ndarray,
    found: ClassMap,
    names: Sequence[str],
    *,
    alpha: float = 0.55,
    by_objectness: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """The class probability map: each cell in the colour of its most likely class, if there is an object.

    Args:
        image: uint8 RGB, the network's input.
        found: from `yolo.cells.class_map`.
        names: of all classes.
        alpha: how much of the picture the colours cover, 0 to 1.
        by_objectness: less, where the cell is less sure that there is an object.
        ax: where to draw.

    Raises:
        ValueError: a grid that does not fit the picture; an alpha outside 0..1; classes without a name.
    """
    from matplotlib.patches import Patch

    rows, columns = found.classes.shape
    height, width = image.shape[:2]
    if height % rows or width % columns or height // rows != width // columns:
        raise ValueError(f"image is {height} x {width}; {rows} x {columns} square cells do not fit it")
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha is {alpha}; from 0 to 1 is wanted")
    if found.classes.max() >= len(names):
        raise ValueError(f"classes hold {found.classes.max()}; there are {len(names)} names")
    ax = _picture(image, ax)
    cover = alpha * (found.objectness if by_objectness else np.ones((rows, columns)))
    colours = class_colours(len(names)) / 255
    layer = np.concatenate([colours[found.classes], cover[..., None]], axis=-1)
    ax.imshow(layer, extent=(0, width, height, 0), interpolation="nearest")
    _grid(ax, (height, width), height // rows)
    counts = np.bincount(found.classes.ravel(), minlength=len(names))
    order = [number for number in np.argsort(-counts, kind="stable").tolist() if counts[number]]
    patches = [
        Patch(facecolor=colours[number], edgecolor="black", linewidth=0.6, label=f"{names[number]}: {counts[number]}")
        for number in order[:MOST_NAMES]
    ]
    if len(order) > MOST_NAMES:
        patches.append(Patch(facecolor="none", label=f"and {len(order) - MOST_NAMES} more"))
    ax.legend(
        handles=patches,
        title="class: cells",
        loc="upper left",
        bbox_to_anchor=(1.01, 1),
        frameon=False,
        alignment="left",
    )
    title = "most likely class of each cell" + (", fainter where no object" if by_objectness else ", if there is one")
    ax.set_title(title, fontsize=11)
    return ax


def _picture(image: np.ndarray, ax: Axes | None) -> Axes:
    """The picture in axes that count its pixels from edge to edge."""
    import matplotlib.pyplot as plt

    height, width = image.shape[:2]
    if ax is None:
        ax = plt.figure(figsize=(9, float(np.clip(6.5 * height / width, 2.5, 9))), layout="constrained").subplots()
    ax.imshow(image, extent=(0, width, height, 0))
    ax.set(xlim=(0, width), ylim=(height, 0), xticks=(), yticks=())
    return ax


def _grid(ax: Axes, size: tuple[int, int], stride: int) -> None:
    """White lines with a dark edge: seen on any picture."""
    for lines, side in ((ax.axhline, size[0]), (ax.axvline, size[1])):
        for place in range(0, side + 1, stride):
            lines(place, color="black", linewidth=1.1, alpha=0.45)
            lines(place, color="white", linewidth=0.5, alpha=0.9)


def _outlined(patch: Any, edge: str = "black") -> None:
    from matplotlib.patheffects import Normal, Stroke

    patch.set_path_effects([Stroke(linewidth=patch.get_linewidth() + 1.8, foreground=edge), Normal()])


def _names(ax: Axes, boxes: np.ndarray, names: Sequence[str], colours: Any, size: tuple[int, int]) -> None:
    """Names at their boxes, none over another; as large as they are in a figure of the usual size."""
    unit = max(size) / 416
    sizes = [(round(15 * unit), round((8 + 7 * len(name)) * unit)) for name in names]
    for name, colour, (x, y) in zip(names, colours, place_labels(boxes, sizes, size).tolist()):
        paper = {"facecolor": colour, "edgecolor": "black", "linewidth": 0.6, "boxstyle": "square,pad=0.15"}
        ax.text(x + 2 * unit, y + 3 * unit, name, fontsize=9, color="black", va="top", bbox=paper, clip_on=True)
