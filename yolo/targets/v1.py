"""Targets of YOLO v1: the cell of the centre has one object.

Redmon et al. 2016, "You Only Look Once", section 2; Darknet's ``detection_layer.c``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from data.arguments import whole_number
from yolo.targets.assigned import cells, owners, winners
from yolo.targets.truths import Truths, check_classes, read_truths


class AssignedCells(NamedTuple):
    """What a grid of cells has to learn; which box of the cell does it is seen when the network has spoken."""

    cell: Any
    """(batch, n) int32, ``row * side + column`` of the truth's centre; -1: none."""
    row: Any
    """(batch, n) int32."""
    column: Any
    """(batch, n) int32."""
    box: Any
    """(batch, n, 4): centre x and y within the cell, 0 to 1; width and height as parts of the picture."""
    wins: Any
    """(batch, n) bool: the cell learns this truth."""
    classes: Any
    """(batch, n, classes), 0 or 1."""
    owner: Any
    """(batch, side, side) int32: the truth that each cell learns, -1: none."""


def assign_v1(
    boxes: Any, classes: Any, size: int | tuple[int, int], side: int, class_count: int, dtype: Any = tf.float32
) -> AssignedCells:
    """Which cell each truth belongs to. Of several truths in one cell the first is learned, and the others by nobody.

    Darknet does so too (``fill_truth_region``); it shuffles the boxes of a picture before.

    Args:
        boxes: (batch, n, 4), "xyxy" in pixels of the network's input.
        classes: (batch, n) whole numbers; -1 for padding.
        size: ``(height, width)`` of the network's input, pixels.
        side: cells in a row, and rows: 7 in the paper.
        class_count: how many classes there are.
        dtype: of the numbers that are returned.

    Raises:
        ValueError, TypeError: as `yolo.targets.assign_v3`.
    """
    truths = read_truths(boxes, classes, size)
    check_classes(truths, whole_number("class_count", class_count))
    return assign_truths(truths, whole_number("side", side), class_count, dtype)


def assign_truths(truths: Truths, side: int, class_count: int, dtype: Any) -> AssignedCells:
    """``assign_v1`` of truths that have been read."""
    row, column, offset = cells(truths, side, side)
    cell = tf.where(truths.valid, row * side + column, -1)
    owner = owners(cell, side * side, first=True)
    height, width = truths.size
    parts = truths.sides / tf.constant([width, height], truths.boxes.dtype)
    return AssignedCells(
        cell=cell,
        row=row,
        column=column,
        box=tf.cast(tf.concat([offset, parts], axis=-1), dtype),
        wins=winners(cell, owner),
        classes=tf.one_hot(truths.classes, class_count, dtype=dtype),
        owner=tf.reshape(owner, [-1, side, side]),
    )
