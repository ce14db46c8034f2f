"""How much two boxes have in common: IoU, and the kin that still say something when it is 0 or when boxes are nested.

All are paired and broadcast as arithmetic does; ``matrix`` compares every box with every other. Boxes are "xyxy", NumPy
or tensors, and edges are continuous: 0 to 10 is 10 wide, no pixel is added. A box without area (also one whose right is
left of its left) overlaps nothing: its IoU is 0, even with itself, and never NaN. In TensorFlow the gradients of such
boxes are finite. Coordinates up to 1e18 are safe in float32; NaN coordinates give NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from yolo.boxes.arrays import ALMOST_NOTHING, boxes_together, quotient


def area(boxes: Any) -> Any:
    """Width times height, (..., 4) to (...); 0 where a side is negative.

    >>> area([[0, 0, 10, 20], [5, 5, 5, 9], [9, 9, 0, 0]]).tolist()
    [200.0, 0.0, 0.0]
    """
    xp, boxes = boxes_together(boxes=boxes)
    width, height = _sides(xp, boxes)
    return width * height


def iou(first: Any, second: Any) -> Any:
    """Intersection over union.

    Args:
        first: (..., 4), "xyxy".
        second: (..., 4); the leading axes broadcast.

    Returns:
        (...), 0 to 1.

    Raises:
        ValueError: another last axis.
        TypeError: not numbers.

    >>> float(iou([0, 0, 10, 10], [5, 0, 15, 10]))  # 50 / 150
    0.3333333333333333
    """
    xp, first, second = boxes_together(first=first, second=second)
    overlap, union = _overlap(xp, first, second)
    return quotient(xp, overlap, union)


def giou(first: Any, second: Any) -> Any:
    """Generalised IoU: less the share of the enclosing box that neither covers. Arguments as ``iou``; -1 to 1.

    Rezatofighi et al. 2019, "Generalized Intersection over Union", algorithm 1.

    >>> float(giou([0, 0, 1, 1], [3, 0, 4, 1]))  # IoU 0; of the enclosing 4, 2 are empty
    -0.5
    """
    xp, first, second = boxes_together(first=first, second=second)
    overlap, union = _overlap(xp, first, second)
    width, height = _enclosing(xp, first, second)
    enclosing = width * height
    # Without a negative share where rounding makes the enclosing box smaller than the union.
    empty = xp.maximum(enclosing - union, xp.zeros_like(union))
    return quotient(xp, overlap, union) - quotient(xp, empty, enclosing)


def diou(first: Any, second: Any) -> Any:
    """Distance IoU: less the squared distance of the centres over that of the enclosing box's corners; -1 to 1.

    Zheng et al. 2020, "Distance-IoU Loss", equation 7. Arguments as ``iou``.

    >>> float(diou([0, 0, 2, 2], [2, 0, 4, 2]))  # IoU 0, centres 2 apart, diagonal squared 20
    -0.2
    """
    xp, first, second = boxes_together(first=first, second=second)
    return _iou_less_distance(xp, first, second)


def ciou(first: Any, second: Any) -> Any:
    """Complete IoU: ``diou`` less ``alpha * v``, which compares the shapes.

    Zheng et al. 2020, equations 8 to 11, with ``v = 4 / pi**2 * (atan(w1 / h1) - atan(w2 / h2))**2`` and
    ``alpha = v / ((1 - IoU) + v)``. As in the authors' code, alpha is a weight and has no gradient of its own. A box of
    no width and no height has no shape: it counts as square.

    >>> round(float(ciou([0, 0, 4, 4], [0, 0, 4, 2])), 4)  # IoU .5, centres 1 apart, diagonal squared 32
    0.4655
    """
    xp, first, second = boxes_together(first=first, second=second)
    angles = _angle(xp, first) - _angle(xp, second)
    v = 4 / math.pi**2 * angles * angles
    overlap, union = _overlap(xp, first, second)
    weight = v / xp.maximum(1 - quotient(xp, overlap, union) + v, xp.zeros_like(v) + ALMOST_NOTHING)
    alpha = weight if xp is np else xp.stop_gradient(weight)
    return _iou_less_distance(xp, first, second) - alpha * v


def matrix(first: Any, second: Any, measure: Callable[[Any, Any], Any] = iou) -> Any:
    """Every box with every other.

    Args:
        first: (..., n, 4).
        second: (..., m, 4).
        measure: ``iou``, ``giou``, ``diou`` or ``ciou``.

    Returns:
        (..., n, m).

    Raises:
        ValueError: a single box, or another last axis.

    >>> matrix([[0, 0, 2, 2], [0, 0, 1, 2]], [[0, 0, 2, 2]]).tolist()
    [[1.0], [0.5]]
    """
    _, first, second = boxes_together(first=first, second=second)
    for name, boxes in (("first", first), ("second", second)):
        if len(boxes.shape) < 2:
            raise ValueError(f"{name} have shape {tuple(boxes.shape)}; accepted: (..., boxes, 4)")
    return measure(first[..., :, None, :], second[..., None, :, :])


def _sides(xp: Any, boxes: Any) -> tuple[Any, Any]:
    width, height = boxes[..., 2] - boxes[..., 0], boxes[..., 3] - boxes[..., 1]
    return xp.maximum(width, xp.zeros_like(width)), xp.maximum(height, xp.zeros_like(height))


def _area(xp: Any, boxes: Any) -> Any:
    width, height = _sides(xp, boxes)
    return width * height


def _overlap(xp: Any, first: Any, second: Any) -> tuple[Any, Any]:
    """The areas of intersection and union."""
    width = xp.minimum(first[..., 2], second[..., 2]) - xp.maximum(first[..., 0], second[..., 0])
    height = xp.minimum(first[..., 3], second[..., 3]) - xp.maximum(first[..., 1], second[..., 1])
    overlap = xp.maximum(width, xp.zeros_like(width)) * xp.maximum(height, xp.zeros_like(height))
    return overlap, _area(xp, first) + _area(xp, second) - overlap


def _enclosing(xp: Any, first: Any, second: Any) -> tuple[Any, Any]:
    """Width and height of the smallest box around both."""
    width = xp.maximum(first[..., 2], second[..., 2]) - xp.minimum(first[..., 0], second[..., 0])
    height = xp.maximum(first[..., 3], second[..., 3]) - xp.minimum(first[..., 1], second[..., 1])
    return xp.maximum(width, xp.zeros_like(width)), xp.maximum(height, xp.zeros_like(height))


def _iou_less_distance(xp: Any, first: Any, second: Any) -> Any:
    overlap, union = _overlap(xp, first, second)
    # twice the distance of the centres
    x = (first[..., 0] + first[..., 2]) - (second[..., 0] + second[..., 2])
    y = (first[..., 1] + first[..., 3]) - (second[..., 1] + second[..., 3])
    width, height = _enclosing(xp, first, second)
    return quotient(xp, overlap, union) - quotient(xp, (x * x + y * y) / 4, width * width + height * height)


def _angle(xp: Any, boxes: Any) -> Any:
    """atan(width / height), where the height may be 0."""
    width, height = _sides(xp, boxes)
    point = width * width + height * height < ALMOST_NOTHING  # atan2(0, 0) has no gradient
    one = xp.ones_like(width)
    return xp.atan2(xp.where(point, one, width), xp.where(point, one, height))
