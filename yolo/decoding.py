"""From raw heads to boxes.

A head of YOLOv2 or v3 gives, for every cell and every anchor of it, ``x, y, w, h``, the objectness and the classes, all
as logits. The centre lies in the cell, at the sigmoid of x and y; the sides are the anchor's, times ``exp(w)`` and
``exp(h)``. ("YOLO9000", section 2, direct location prediction; "YOLOv3", section 2.1.)

All functions take NumPy arrays or tensors, in a ``tf.function`` and under XLA too. Importing this imports no
TensorFlow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from data.arguments import number_pair
from yolo.boxes.arrays import cast, shape_of, sigmoid, softmax, together

LARGEST_LOGIT = 20.0
"""Of w and h: exp(20) anchors are half a billion; beyond, float32 would soon overflow."""


class Predictions(NamedTuple):
    """What a network says, one row per anchor of each cell: cells in reading order, the anchors of a cell together."""

    boxes: Any
    """(batch, n, 4), "xyxy" in pixels of the network's input; not clipped."""
    objectness: Any
    """(batch, n), the probability that there is an object, 0 to 1."""
    classes: Any
    """(batch, n, classes), the probability of each class if there is one, 0 to 1."""

    @property
    def scores(self) -> Any:
        """(batch, n, classes): objectness times class, what is compared with a threshold."""
        return self.objectness[..., None] * self.classes


def decode(heads: Sequence[Any], anchors: Sequence[Any], size: tuple[int, int]) -> Predictions:
    """All heads of a YOLOv3 together, in their order.

    Args:
        heads: each as for ``decode_v3_head``.
        anchors: for each head, as for ``decode_v3_head``.
        size: ``(height, width)`` of the network's input, pixels.

    Raises:
        ValueError, TypeError: as ``decode_v3_head``; also as many heads as lists of anchors are wanted.
    """
    if len(heads) != len(anchors) or not len(heads):
        raise ValueError(f"{len(heads)} heads and {len(anchors)} lists of anchors; as many of each, at least one")
    decoded = [decode_v3_head(*pair, size) for pair in zip(heads, anchors)]
    if len({one.classes.shape[-1] for one in decoded}) > 1:
        raise ValueError(f"the heads have {[one.classes.shape[-1] for one in decoded]} classes; they must agree")
    xp = together(boxes=decoded[0].boxes)[0]
    return Predictions(*(xp.concat(list(parts), axis=1) for parts in zip(*decoded)))


def decode_v3_head(logits: Any, anchors: Any, size: tuple[int, int]) -> Predictions:
    """One head of YOLOv3: every class has its own sigmoid, so that a woman can be a person too.

    Args:
        logits: (batch, rows, columns, anchors * (5 + classes)).
        anchors: (anchors, 2), width and height in pixels of the network's input.
        size: ``(height, width)`` of the network's input, pixels: any multiple of the grid, square or not.

    Returns:
        ``Predictions`` with n = rows * columns * anchors.

    Raises:
        ValueError: shapes that do not fit together; both are named.
        TypeError: not numbers.

    >>> zeros = np.zeros((1, 1, 2, 6), np.float32)  # one row, two cells, one anchor, one class
    >>> decoded = decode_v3_head(zeros, [[10, 20]], (32, 64))
    >>> decoded.boxes.tolist()
    [[[11.0, 6.0, 21.0, 26.0], [43.0, 6.0, 53.0, 26.0]]]
    >>> decoded.scores.tolist()
    [[[0.25], [0.25]]]
    """
    raw, boxes = _boxes(logits, anchors, size)
    return Predictions(boxes, sigmoid(raw[..., 4]), sigmoid(raw[..., 5:]))


def decode_v2_head(logits: Any, anchors: Any, size: tuple[int, int]) -> Predictions:
    """The head of YOLOv2 (Darknet's region layer): classes compete in a softmax, anchors are counted in cells.

    Args:
        logits: (batch, rows, columns, anchors * (5 + classes)).
        anchors: (anchors, 2), width and height **in cells**, as in the cfg files of v2 (5 of 13 cells, not of 416).
        size: ``(height, width)`` of the network's input, pixels.

    Returns:
        ``Predictions`` with n = rows * columns * anchors; ``boxes`` in pixels, as for v3.

    Raises:
        ValueError, TypeError: as ``decode_v3_head``.

    >>> decode_v2_head(np.zeros((1, 1, 1, 7), np.float32), [[0.5, 1]], (32, 32)).boxes.tolist()
    [[[8.0, 0.0, 24.0, 32.0]]]
    """
    raw, boxes = _boxes(logits, anchors, size, in_cells=True)
    return Predictions(boxes, sigmoid(raw[..., 4]), softmax(raw[..., 5:]))


def place(xp: Any, raw: Any, cells: Any, anchors: Any, stride: Any) -> Any:
    """Boxes from raw x, y, w, h: the equation, for any choice of cells.

    Args:
        xp: ``numpy`` or ``tensorflow``.
        raw: (..., 4) logits or more; the first four are x, y, w, h.
        cells: (..., 2), column and row of each, from 0.
        anchors: (..., 2), width and height in pixels.
        stride: (2,), width and height of a cell in pixels.

    Returns:
        (..., 4), "xyxy" in pixels.
    """
    centre = (cells + sigmoid(raw[..., 0:2])) * stride
    logits = raw[..., 2:4]
    half = xp.exp(xp.minimum(logits, xp.zeros_like(logits) + LARGEST_LOGIT)) * anchors / 2
    return xp.concat([centre - half, centre + half], axis=-1)


def unfold(logits: Any, anchors: Any, size: tuple[int, int]) -> tuple[Any, Any, Any, Any]:
    """A head with an axis for its anchors, and what places its boxes.

    Args:
        logits: as for ``decode_v3_head``.
        anchors: as for ``decode_v3_head``.
        size: ``(height, width)`` of the network's input, pixels.

    Returns:
        The module; (batch, rows, columns, anchors, 5 + classes); the anchors (anchors, 2); the stride (2,), width and
        height of a cell in pixels. All of one dtype.

    Raises:
        ValueError, TypeError: as ``decode_v3_head``.
    """
    xp, logits, anchors = together(logits=logits, anchors=anchors)
    if len(anchors.shape) != 2 or anchors.shape[1] != 2:
        raise ValueError(f"anchors have shape {tuple(anchors.shape)}; accepted: (anchors, 2), width and height")
    height, width = number_pair("size", size)
    count = anchors.shape[0]
    if len(logits.shape) != 4 or logits.shape[3] is None or logits.shape[3] % count or logits.shape[3] // count < 6:
        raise ValueError(
            f"logits have shape {tuple(logits.shape)}, anchors {tuple(anchors.shape)}; "
            f"accepted: (batch, rows, columns, {count} * (5 + classes))"
        )
    batch, rows, columns, channels = shape_of(logits)
    if all(isinstance(side, int) for side in (rows, columns)) and (
        not rows or not columns or height % rows or width % columns or height // rows != width // columns
    ):
        raise ValueError(
            f"a grid of {rows} rows and {columns} columns does not fit the size {(height, width)} (height, width): "
            "its cells would not be squares of whole pixels"
        )
    stride = xp.stack([cast(width / columns, logits), cast(height / rows, logits)])
    return xp, xp.reshape(logits, (batch, rows, columns, count, channels // count)), cast(anchors, logits), stride


def _boxes(logits: Any, anchors: Any, size: tuple[int, int], *, in_cells: bool = False) -> tuple[Any, Any]:
    """Rows of logits (batch, n, 5 + classes), and their boxes (batch, n, 4)."""
    xp, raw, anchors, stride = unfold(logits, anchors, size)
    batch, rows, columns, count, channels = shape_of(raw)
    count_up = np.arange if xp is np else xp.range
    cells = cast(xp.stack(xp.meshgrid(count_up(columns), count_up(rows)), axis=-1), raw)
    boxes = place(xp, raw, cells[:, :, None], anchors * stride if in_cells else anchors, stride)
    n = rows * columns * count
    return xp.reshape(raw, (batch, n, channels)), xp.reshape(boxes, (batch, n, 4))
