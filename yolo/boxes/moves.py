"""What happens to boxes when the picture is mirrored, turned, scaled or sheared.

Boxes are "xyxy" in pixels, NumPy or tensors. Points are those of the pixels' edges: a picture spans 0 to width.
"""

from __future__ import annotations

from typing import Any

from yolo.boxes.arrays import boxes_with


def flip_left_right(boxes: Any, width: Any) -> Any:
    """Boxes of the picture mirrored left to right.

    Args:
        boxes: (..., 4).
        width: of the picture, pixels.

    >>> flip_left_right([10, 20, 30, 40], 100).tolist()
    [70.0, 20.0, 90.0, 40.0]
    """
    xp, boxes, width = boxes_with(boxes, width=width)
    x1, y1, x2, y2 = (boxes[..., k] for k in range(4))
    return xp.stack([width - x2, y1, width - x1, y2], axis=-1)


def flip_up_down(boxes: Any, height: Any) -> Any:
    """Boxes of the picture mirrored top to bottom.

    >>> flip_up_down([10, 20, 30, 40], 100).tolist()
    [10.0, 60.0, 30.0, 80.0]
    """
    xp, boxes, height = boxes_with(boxes, height=height)
    x1, y1, x2, y2 = (boxes[..., k] for k in range(4))
    return xp.stack([x1, height - y2, x2, height - y1], axis=-1)


def affine(boxes: Any, transform: Any) -> Any:
    """The boxes around the transformed corners.

    A turned box is no longer upright; the upright box around its four corners is returned. It is larger than the
    object's own, so turning by 45 degrees and back does not return the first box.

    Args:
        boxes: (..., 4).
        transform: (2, 3), ``[[a, b, c], [d, e, f]]``: x becomes ``a x + b y + c``, y becomes ``d x + e y + f``. This is
            what ``cv2.warpAffine`` takes, but for its half pixel: it counts from the centre of the first pixel, here it
            is the edge.

    Returns:
        (..., 4), always with x1 <= x2 and y1 <= y2.

    Raises:
        ValueError: another last axis; a transform of another shape.

    >>> affine([1, 2, 3, 4], [[0, -1, 10], [1, 0, 0]]).tolist()  # a quarter turn
    [6.0, 1.0, 8.0, 3.0]
    """
    xp, boxes, transform = boxes_with(boxes, transform=transform)
    if tuple(transform.shape) != (2, 3):
        raise ValueError(f"transform has shape {tuple(transform.shape)}; accepted: (2, 3)")
    x1, y1, x2, y2 = (boxes[..., k] for k in range(4))
    low, high = [], []
    for along_x, along_y, shift in ((transform[row, 0], transform[row, 1], transform[row, 2]) for row in range(2)):
        # The extremes over the four corners: x and y contribute independently.
        low.append(xp.minimum(along_x * x1, along_x * x2) + xp.minimum(along_y * y1, along_y * y2) + shift)
        high.append(xp.maximum(along_x * x1, along_x * x2) + xp.maximum(along_y * y1, along_y * y2) + shift)
    return xp.stack([*low, *high], axis=-1)
