"""What the cells of a head say: which cell a box belongs to, how sure each is of an object, its most likely class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from data.arguments import number_pair, whole_number
from yolo.boxes import convert
from yolo.boxes.arrays import sigmoid, softmax


class ClassMap(NamedTuple):
    """The most likely class of every cell."""

    classes: np.ndarray
    """(rows, columns) int64."""
    probabilities: np.ndarray
    """(rows, columns), of that class if there is an object, 0 to 1."""
    objectness: np.ndarray
    """(rows, columns), of the anchor that was asked, 0 to 1."""


def responsible_cells(boxes: Any, size: int | Sequence[int], stride: int) -> np.ndarray:
    """The cell that each box belongs to: the one with its centre in it. (Redmon et al. 2016, section 2.)

    Args:
        boxes: (n, 4) xyxy in pixels of the network's input.
        size: height and width of that, multiples of the stride.
        stride: side of a cell in pixels.

    Returns:
        (n, 2) int64, row and column. A centre on a border between cells belongs to the one behind it.

    Raises:
        ValueError: a size that is no multiple of the stride; a centre outside of the picture.

    >>> responsible_cells([[0, 0, 40, 20], [60, 40, 68, 80]], (96, 96), 32).tolist()
    [[0, 0], [1, 2]]
    """
    height, width = number_pair("size", size)
    if height % whole_number("stride", stride) or width % stride:
        raise ValueError(f"size is {height} x {width}; multiples of the stride, {stride}, are wanted")
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    centres = convert(boxes, "xyxy", "cxcywh")[:, :2]
    outside = ~((centres >= 0) & (centres < (width, height))).all(axis=1)
    if outside.any():
        x, y = centres[outside][0]
        raise ValueError(f"a box has its centre at {x:g}, {y:g}, outside of {width} x {height} pixels (width x height)")
    return np.floor(centres[:, ::-1] / stride).astype(np.int64)


def objectness(head: Any, anchors: int) -> np.ndarray:
    """How sure each anchor of each cell is that there is an object.

    Args:
        head: raw, (rows, columns, anchors * (5 + classes)), or a batch of one.
        anchors: how many there are in a cell.

    Returns:
        (rows, columns, anchors), 0 to 1.

    Raises:
        ValueError: shapes that do not fit.
    """
    return sigmoid(_unfolded(head, anchors)[..., 4])


def class_map(head: Any, anchors: int, *, logistic: bool = True) -> ClassMap:
    """The most likely class of every cell, object or not: of its anchor that is most sure of an object.

    In YOLOv1 a cell has one set of classes for all its boxes; from v2 on each anchor has its own.

    Args:
        head: as of `objectness`.
        anchors: as of `objectness`.
        logistic: a sigmoid for each class (v3) or a softmax over all (v2).

    Raises:
        ValueError: shapes that do not fit.
    """
    raw = _unfolded(head, anchors)
    sure = sigmoid(raw[..., 4])
    best = sure.argmax(axis=-1)[..., None]
    kinds = np.take_along_axis(raw[..., 5:], best[..., None], axis=2)[:, :, 0]
    every = (sigmoid if logistic else softmax)(kinds)
    return ClassMap(every.argmax(axis=-1), every.max(axis=-1), np.take_along_axis(sure, best, axis=-1)[..., 0])


def _unfolded(head: Any, anchors: int) -> np.ndarray:
    raw, count = np.asarray(head), whole_number("anchors", anchors)
    raw = raw[0] if raw.ndim == 4 and len(raw) == 1 else raw
    if raw.ndim != 3 or raw.shape[2] % count or raw.shape[2] // count < 6:
        raise ValueError(
            f"head has shape {raw.shape}; (rows, columns, {count} * (5 + classes)) is wanted, or a batch of one"
        )
    return raw.reshape(*raw.shape[:2], count, -1)
