"""Three ways to write a box, and two units.

- ``"xyxy"``: left, top, right, bottom. What this package computes with.
- ``"xywh"``: left, top, width, height (COCO).
- ``"cxcywh"``: centre x, centre y, width, height (Darknet, there in parts of the picture).

Pixels are counted between their edges: the first pixel spans 0 to 1, a box from 0 to 10 is 10 wide, nothing is added.
"""

from __future__ import annotations

import math
from typing import Any

from data.arguments import one_of
from yolo.boxes.arrays import boxes_together, boxes_with, is_tensor

FORMATS = ("xyxy", "xywh", "cxcywh")


def convert(boxes: Any, source: str, target: str) -> Any:
    """Boxes from one format to another.

    Args:
        boxes: (..., 4), NumPy, list or tensor, in any unit.
        source: the format that they have: "xyxy", "xywh" or "cxcywh".
        target: the format that is wanted.

    Returns:
        (..., 4), array or tensor as ``boxes``, float32 or float64 (see `yolo.boxes.arrays.together`).

    Raises:
        ValueError: another last axis; an unknown format.
        TypeError: not numbers.

    >>> convert([10, 20, 40, 60], "xyxy", "xywh").tolist()
    [10.0, 20.0, 30.0, 40.0]
    >>> convert([10, 20, 40, 60], "xyxy", "cxcywh").tolist()
    [25.0, 40.0, 30.0, 40.0]
    """
    one_of("source", source, FORMATS)
    one_of("target", target, FORMATS)
    xp, boxes = boxes_together(boxes=boxes)
    if source == target:
        return boxes
    start, end = boxes[..., :2], boxes[..., 2:]
    if source == "xywh":
        end = start + end
    elif source == "cxcywh":
        start, end = start - end / 2, start + end / 2
    if target == "xywh":
        end = end - start
    elif target == "cxcywh":
        start, end = (start + end) / 2, end - start
    return xp.concat([start, end], axis=-1)


def normalise(boxes: Any, size: Any) -> Any:
    """Boxes in pixels to parts of the picture, 0 to 1; any of the three formats.

    Args:
        boxes: (..., 4).
        size: ``(height, width)`` of the picture, pixels.

    Raises:
        ValueError: another last axis; a size that is not two positive numbers.

    >>> normalise([10, 20, 40, 60], (100, 200)).tolist()
    [0.05, 0.2, 0.2, 0.6]
    """
    xp, boxes, sides = with_sides(boxes, size)
    return boxes / sides


def to_pixels(boxes: Any, size: Any) -> Any:
    """Boxes in parts of the picture to pixels: the inverse of ``normalise``.

    >>> to_pixels([0.05, 0.2, 0.2, 0.6], (100, 200)).tolist()
    [10.0, 20.0, 40.0, 60.0]
    """
    xp, boxes, sides = with_sides(boxes, size)
    return boxes * sides


def with_sides(boxes: Any, size: Any) -> tuple[Any, Any, Any]:
    """The module, the boxes, and (width, height, width, height) of the picture in the dtype of the boxes.

    Raises:
        ValueError: another last axis; a size that is not two positive numbers (those of a tensor are not looked at).
    """
    xp, boxes, sides = boxes_with(boxes, size=size)
    if tuple(sides.shape) != (2,):
        raise ValueError(f"size has shape {tuple(sides.shape)}; accepted: (height, width)")
    if not is_tensor(size) and not all(0 < float(side) < math.inf for side in size):
        raise ValueError(f"size is {size}; (height, width), both above 0, is wanted")
    height, width = sides[0], sides[1]
    return xp, boxes, xp.stack([width, height, width, height])
