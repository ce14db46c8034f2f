"""Where boxes lie on the picture: cut at its edges, taken into a letterbox and back.

`data.letterbox` fits a picture into the network's input, square or not, and returns the ``Letterbox`` that is wanted
here. Boxes are "xyxy" in pixels, NumPy or tensors.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from data.letterboxing import Letterbox
from yolo.boxes.arrays import boxes_with, quotient
from yolo.boxes.formats import with_sides
from yolo.boxes.overlap import area


class Clipped(NamedTuple):
    """What ``clip`` returns."""

    boxes: Any
    """(..., 4), inside the picture."""
    visible: Any
    """(...), the share of the box's area that is left, 0 to 1; 0 for a box that had none."""


def clip(boxes: Any, size: Any) -> Clipped:
    """Cut boxes at the edges of the picture, and say how much of each is still seen.

    Args:
        boxes: (..., 4).
        size: ``(height, width)`` of the picture.

    Returns:
        The boxes, and the share of each that stays visible. Nothing is dropped: a box that lies outside becomes one
        without area, on the edge.

    Raises:
        ValueError: another last axis; a size that is not two positive numbers.

    >>> boxes, visible = clip([[-5, 0, 5, 10], [20, 0, 30, 10]], (10, 10))
    >>> boxes.tolist(), visible.tolist()
    ([[0.0, 0.0, 5.0, 10.0], [10.0, 0.0, 10.0, 10.0]], [0.5, 0.0])
    """
    xp, boxes, sides = with_sides(boxes, size)
    inside = xp.minimum(xp.maximum(boxes, xp.zeros_like(boxes)), sides)
    return Clipped(inside, quotient(xp, area(inside), area(boxes)))


def to_letterbox(boxes: Any, fit: Letterbox) -> Any:
    """Boxes on the picture to boxes on the letterbox canvas (the network's input).

    Args:
        boxes: (..., 4).
        fit: what ``data.letterbox`` returned beside the canvas.

    >>> from data.letterboxing import Letterbox
    >>> fit = Letterbox(source=(200, 400), content=(208, 416), canvas=(416, 416), top=104, left=0)
    >>> to_letterbox([0, 0, 400, 200], fit).tolist()
    [0.0, 104.0, 416.0, 312.0]
    """
    boxes, scale, offset = _map(boxes, fit)
    return boxes * scale + offset


def from_letterbox(boxes: Any, fit: Letterbox, *, clipped: bool = False) -> Any:
    """Boxes on the letterbox canvas back to the picture; the inverse of ``to_letterbox``.

    Args:
        boxes: (..., 4).
        fit: what ``data.letterbox`` returned beside the canvas.
        clipped: also cut them at the picture's edges.

    >>> from data.letterboxing import Letterbox
    >>> fit = Letterbox(source=(200, 400), content=(208, 416), canvas=(416, 416), top=104, left=0)
    >>> from_letterbox([0, 0, 416, 312], fit, clipped=True).tolist()
    [0.0, 0.0, 400.0, 200.0]
    """
    boxes, scale, offset = _map(boxes, fit)
    boxes = (boxes - offset) / scale
    return clip(boxes, fit.source).boxes if clipped else boxes


def _map(boxes: Any, fit: Letterbox) -> tuple[Any, Any, Any]:
    if not isinstance(fit, Letterbox):
        raise TypeError(f"fit is a {type(fit).__name__}; the Letterbox is wanted that data.letterbox returns")
    scale, offset = [fit.scale_x, fit.scale_y] * 2, [fit.left, fit.top] * 2
    return boxes_with(boxes, scale=scale, offset=offset)[1:]
