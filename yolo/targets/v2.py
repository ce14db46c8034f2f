"""Targets of YOLOv2: one head, the anchor of the best shape.

Redmon and Farhadi 2017, "YOLO9000", section 2; Darknet's ``region_layer.c`` with ``bias_match=1``, as all its cfg files
have it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from data.arguments import whole_number
from yolo.targets.assigned import Assigned
from yolo.targets.truths import Truths, check_classes, read_truths
from yolo.targets.v3 import assign_head, best_anchors, checked_masks


def assign_v2(
    boxes: Any,
    classes: Any,
    anchors: Any,
    size: int | tuple[int, int],
    grid: tuple[Any, Any],
    class_count: int,
    dtype: Any = tf.float32,
) -> Assigned:
    """Which cell and anchor each truth belongs to.

    Where several truths want one prediction, the last one is learned, box and class: a softmax can say one class only.

    Args:
        boxes: (batch, n, 4), "xyxy" in pixels of the network's input.
        classes: (batch, n) whole numbers; -1 for padding.
        anchors: (anchors, 2), width and height **in cells**, as `yolo.decoding.decode_v2_head` takes them.
        size: ``(height, width)`` of the network's input, pixels.
        grid: ``(rows, columns)`` of the head.
        class_count: how many classes there are.
        dtype: of the numbers that are returned.

    Raises:
        ValueError, TypeError: as ``assign_v3``.
    """
    truths = read_truths(boxes, classes, size)
    check_classes(truths, whole_number("class_count", class_count))
    return assign_truths(truths, anchors, grid, class_count, dtype)


def assign_truths(truths: Truths, anchors: Any, grid: tuple[Any, Any], class_count: int, dtype: Any) -> Assigned:
    """``assign_v2`` of truths that have been read."""
    (mask,) = checked_masks(anchors, [range(len(anchors))])
    rows, columns = grid
    height, width = truths.size
    cell = tf.cast(tf.stack([width / columns, height / rows]), truths.boxes.dtype)
    shapes = tf.constant(np.asarray(anchors, np.float64), truths.boxes.dtype) * cell
    bits = tf.one_hot(truths.classes, class_count, dtype=dtype)
    return assign_head(truths, best_anchors(truths, shapes), shapes, mask, grid, bits, joint=False)
