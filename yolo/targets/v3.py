"""Targets of YOLOv3: the anchor of the best shape among those of all scales.

Redmon and Farhadi 2018, "YOLOv3", section 2.1; Darknet's ``yolo_layer.c``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from data.arguments import whole_number
from yolo.boxes import matrix
from yolo.targets.assigned import Assigned, cells, owners, winners
from yolo.targets.truths import Truths, check_classes, read_truths


def assign_v3(
    boxes: Any,
    classes: Any,
    anchors: Any,
    masks: Sequence[Sequence[int]],
    size: int | tuple[int, int],
    grids: Sequence[tuple[Any, Any]],
    class_count: int,
    dtype: Any = tf.float32,
) -> tuple[Assigned, ...]:
    """Which head, cell and anchor each truth belongs to.

    The anchor is the one with the largest IoU with the truth, both at one place, among the anchors of all heads; the
    first, where two are as good. A truth whose anchor is in no mask is learned by nobody, one whose anchor is in two
    masks (the official YOLOv3-tiny's anchor 3) by two heads.

    Where several truths want one prediction, the box of the last one is learned and the classes of all of them: so does
    Darknet, which writes one over the other.

    Args:
        boxes: (batch, n, 4), "xyxy" in pixels of the network's input.
        classes: (batch, n) whole numbers; -1 for padding.
        anchors: (anchors, 2), width and height in pixels, of all heads: `yolo.anchors.YOLOV3_ANCHORS`, say.
        masks: for each head, which of them it uses: `yolo.anchors.YOLOV3_MASKS`.
        size: ``(height, width)`` of the network's input, pixels.
        grids: for each head, its ``(rows, columns)``.
        class_count: how many classes there are.
        dtype: of the numbers that are returned.

    Returns:
        For each head its ``Assigned``. Truths that cannot be learned (see `yolo.targets.truths.read_truths`) have no
        prediction.

    Raises:
        ValueError: shapes that do not fit, masks that name no anchor; eagerly, a class that does not exist.
        TypeError: not numbers.
    """
    truths = read_truths(boxes, classes, size)
    if len(grids) != len(masks):
        raise ValueError(f"there are {len(masks)} masks and {len(grids)} grids; one of each for each head is wanted")
    check_classes(truths, whole_number("class_count", class_count))
    return assign_heads(truths, anchors, masks, grids, class_count, dtype)


def assign_heads(
    truths: Truths,
    anchors: Any,
    masks: Sequence[Sequence[int]],
    grids: Sequence[tuple[Any, Any]],
    class_count: int,
    dtype: Any,
) -> tuple[Assigned, ...]:
    """``assign_v3`` of truths that have been read."""
    masks = checked_masks(anchors, masks)
    shapes = tf.constant(np.asarray(anchors, np.float64), truths.boxes.dtype)
    best = best_anchors(truths, shapes)
    bits = tf.one_hot(truths.classes, class_count, dtype=dtype)
    return tuple(assign_head(truths, best, shapes, mask, grid, bits) for mask, grid in zip(masks, grids))


def checked_masks(anchors: Any, masks: Sequence[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    """The masks as tuples.

    Raises:
        ValueError: anchors that are not (anchors, 2) positive numbers; a mask that is empty, names what is not there,
            or one anchor twice.
    """
    shapes = np.asarray(anchors, np.float64)
    if shapes.ndim != 2 or shapes.shape[1] != 2 or not len(shapes) or not (np.isfinite(shapes) & (shapes > 0)).all():
        raise ValueError(f"anchors are {anchors!r}; (anchors, 2), width and height above 0, are wanted")
    if not len(masks):
        raise ValueError("masks are empty; one for each head is wanted")
    checked = tuple(tuple(whole_number("mask", index, 0) for index in mask) for mask in masks)
    for mask in checked:
        if not mask or max(mask) >= len(shapes) or len(set(mask)) < len(mask):
            raise ValueError(f"a mask is {mask}; different numbers 0..{len(shapes) - 1} are wanted")
    return checked


def best_anchors(truths: Truths, shapes: Any) -> Any:
    """For each truth the number of the anchor, of a tensor (anchors, 2) in pixels, whose shape is nearest."""
    corner = tf.zeros_like(truths.sides)
    iou = matrix(tf.concat([corner, truths.sides], -1), tf.concat([tf.zeros_like(shapes), shapes], -1))
    return tf.argmax(iou, axis=-1, output_type=tf.int32)


def assign_head(
    truths: Truths, best: Any, shapes: Any, mask: Sequence[int], grid: tuple[Any, Any], bits: Any, *, joint: bool = True
) -> Assigned:
    """The truths of one head.

    Args:
        truths: of the batch.
        best: (batch, n) int32, the anchor of each, among all.
        shapes: a tensor (anchors, 2), the anchors of all heads, pixels.
        mask: the anchors of this head.
        grid: its rows and columns.
        bits: (batch, n, classes), the class of each truth as a row of 0 and a 1.
        joint: truths with one prediction give it the classes of all of them; else those of the last.
    """
    rows, columns = grid
    count, dtype = len(mask), bits.dtype
    places = np.full(shapes.shape[0], -1, np.int32)
    places[list(mask)] = np.arange(count)
    anchor = tf.where(truths.valid, tf.gather(tf.constant(places), best), -1)
    row, column, offset = cells(truths, rows, columns)
    prediction = tf.where(anchor >= 0, (row * columns + column) * count + anchor, -1)
    owner = owners(prediction, rows * columns * count)
    if joint:
        same = (prediction[:, :, None] == prediction[:, None, :]) & (prediction >= 0)[:, None, :]
        bits = tf.minimum(tf.matmul(tf.cast(same, dtype), bits), 1)
    height, width = truths.size
    parts = truths.sides / tf.constant([width, height], truths.sides.dtype)
    return Assigned(
        prediction=prediction,
        row=row,
        column=column,
        anchor=anchor,
        offset=tf.cast(offset, dtype),
        log_sides=tf.cast(tf.math.log(truths.sides / tf.gather(shapes, best)), dtype),
        weight=tf.cast(2 - tf.reduce_prod(parts, axis=-1), dtype),
        wins=winners(prediction, owner),
        classes=bits,
        owner=tf.reshape(owner, [-1, rows, columns, count]),
    )
