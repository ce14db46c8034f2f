"""The loss of YOLOv3: cross-entropy of x, y, objectness and classes, squares of w and h.

Redmon and Farhadi 2018, "YOLOv3", section 2.1; Darknet's ``yolo_layer.c``, whose delta is minus the gradient of this.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from yolo.boxes import iou
from yolo.boxes.arrays import shape_of
from yolo.decoding import decode_v3_head, place, unfold
from yolo.losses.entropy import binary, check_gamma, objectness, smoothed
from yolo.losses.overlap import best_overlap, check_box_term, overlap_loss
from yolo.losses.terms import Parts, Terms, added_up, of_known, where
from yolo.targets.assigned import Assigned
from yolo.targets.truths import Truths, check_classes, read_truths
from yolo.targets.v3 import assign_heads, checked_masks


def loss_v3(
    heads: Sequence[Any],
    boxes: Any,
    classes: Any,
    anchors: Any,
    masks: Sequence[Sequence[int]],
    size: int | tuple[int, int],
    *,
    weights: Any = None,
    ignore: float = 0.5,
    box_term: str = "darknet",
    focal: float = 0.0,
    label_smoothing: float = 0.0,
) -> Terms:
    """The loss of each picture of a batch.

    1. A truth belongs to one prediction: `yolo.targets.assign_v3`.
    2. box: cross-entropy of sigmoid(x) and sigmoid(y) with the place of the centre in its cell, and half the squared
       difference of w and h from the logarithms of the sides over the anchor's; times 2 - w * h (parts of the picture).
       The cross-entropy is not 0 where the centre is right: it is smallest there.
    3. objectness: cross-entropy with 1, of the predictions that have a truth.
    4. no_objectness: cross-entropy with 0, of all others; but not of those whose box has an IoU above ``ignore`` with
       any truth of the picture.
    5. classes: cross-entropy of every class by itself, of the predictions that have a truth.

    Args:
        heads: (batch, rows, columns, anchors * (5 + classes)) each, raw.
        boxes: (batch, n, 4), "xyxy" in pixels of the network's input.
        classes: (batch, n) whole numbers; -1 for padding.
        anchors: (anchors, 2), width and height in pixels, of all heads.
        masks: for each head, which of them it uses.
        size: ``(height, width)`` of the network's input, pixels.
        weights: (batch, n), how much each truth counts: its box, objectness and classes are multiplied. 0, for a crowd:
            it is learned by nobody, but predictions near to it are not called wrong, see 4. None: 1 each.
        ignore: see 4; 0.5 in the paper, 0.7 in yolov3.cfg and yolov3-tiny.cfg.
        box_term: "darknet", or "giou", "diou", "ciou": 1 less that, times the same weight.
        focal: exponent of the focal loss, for objectness and no_objectness; 0: plain cross-entropy.
        label_smoothing: of the classes, see `yolo.losses.entropy.smoothed`.

    Returns:
        ``Terms`` of (batch,). Darknet adds up the batch and divides the learning rate by its size: that is the mean.

    Raises:
        ValueError: shapes that do not fit, options out of range; eagerly, a class that does not exist (compiled, it
            makes the loss NaN).
        TypeError: not numbers.
    """
    return added_up(
        parts_v3(
            heads, boxes, classes, anchors, masks, size, weights=weights, ignore=ignore, box_term=box_term,
            focal=focal, label_smoothing=label_smoothing,
        )
    )  # fmt: skip


def parts_v3(
    heads: Sequence[Any],
    boxes: Any,
    classes: Any,
    anchors: Any,
    masks: Sequence[Sequence[int]],
    size: int | tuple[int, int],
    *,
    weights: Any = None,
    ignore: float = 0.5,
    box_term: str = "darknet",
    focal: float = 0.0,
    label_smoothing: float = 0.0,
) -> tuple[Parts, ...]:
    """``loss_v3`` before it is added up: the parts of each head. Arguments and errors as there."""
    check_box_term(box_term)
    gamma, masks = check_gamma(focal), checked_masks(anchors, masks)
    if not isinstance(heads, (list, tuple)) or len(heads) != len(masks):
        raise ValueError(f"there are {len(masks)} masks; a list of as many heads is wanted")
    raws = []
    for head, mask in zip(heads, masks):
        _, raw, priors, stride = unfold(tf.convert_to_tensor(head), [anchors[index] for index in mask], size)
        raws.append((raw, priors, stride))
    counts = {raw.shape[-1] - 5 for raw, _, _ in raws}
    if len(counts) > 1:
        raise ValueError(f"the heads have {sorted(counts)} classes; they must agree")
    truths = read_truths(boxes, classes, size)
    known = check_classes(truths, *counts)
    weights = _weights(weights, truths, raws[0][0].dtype)
    # One of weight 0 takes no prediction from another one.
    learnt = truths._replace(valid=truths.valid & (weights > 0))
    assigned = assign_heads(
        learnt, anchors, masks, [shape_of(raw)[1:3] for raw, _, _ in raws], *counts, raws[0][0].dtype
    )
    found = []
    for head, mask, (raw, priors, stride), mine in zip(heads, masks, raws, assigned):
        everywhere = decode_v3_head(tf.stop_gradient(head), [anchors[index] for index in mask], size).boxes
        nearest = tf.reshape(best_overlap(everywhere, truths), tf.shape(mine.owner))
        logits, predicted = predicted_for(raw, priors, stride, mine)
        labels = smoothed(mine.classes, label_smoothing, exclusive=False)
        free = mine.owner < 0
        ignored = free & (nearest > ignore)
        if box_term == "darknet":
            box = mine.weight * _box(mine, logits)
        else:
            box = mine.weight * overlap_loss(box_term, predicted, truths)
        found.append(
            Parts(
                box=where(mine.wins, weights * box),
                objectness=where(mine.wins, weights * objectness(True, logits[..., 4], gamma)),
                classes=of_known(
                    known, where(mine.wins, weights * tf.reduce_sum(binary(labels, logits[..., 5:]), axis=-1))
                ),
                no_objectness=where(free & ~ignored, objectness(False, raw[..., 4], gamma)),
                priors=None,
                prediction=mine.prediction,
                wins=mine.wins,
                iou=overlap_with_truth(predicted, truths, mine),
                best_iou=nearest,
                owner=mine.owner,
                ignored=ignored,
            )
        )
    return tuple(found)


def _weights(weights: Any, truths: Truths, dtype: Any) -> Any:
    if weights is None:
        return tf.ones_like(truths.boxes[..., 0], dtype)
    weights = tf.cast(weights, dtype)
    if not weights.shape.is_compatible_with(truths.valid.shape):
        raise ValueError(
            f"weights have shape {tuple(weights.shape)}; {tuple(truths.valid.shape)}, as classes, is wanted"
        )
    if tf.executing_eagerly() and not (tf.math.is_finite(weights) & (weights >= 0)).numpy().all():
        raise ValueError("weights hold numbers below 0 or that are not finite")
    return weights


def predicted_for(raw: Any, priors: Any, stride: Any, mine: Assigned) -> tuple[Any, Any]:
    """What the network says where each truth belongs.

    Args:
        raw: (batch, rows, columns, anchors, 5 + classes).
        priors: (anchors, 2), of this head, pixels.
        stride: (2,), width and height of a cell in pixels.
        mine: where they belong.

    Returns:
        The logits (batch, n, 5 + classes) and the boxes (batch, n, 4), "xyxy" in pixels; of the first prediction for
        truths of other heads.
    """
    batch, rows, columns, count, channels = shape_of(raw)
    flat = tf.reshape(raw, [batch, rows * columns * count, channels])
    logits = tf.gather(flat, tf.maximum(mine.prediction, 0), batch_dims=1)
    cell = tf.cast(tf.stack([mine.column, mine.row], axis=-1), raw.dtype)
    return logits, place(tf, logits, cell, tf.gather(priors, tf.maximum(mine.anchor, 0)), stride)


def overlap_with_truth(predicted: Any, truths: Truths, mine: Assigned) -> Any:
    """IoU of the box predicted for each truth with it, (batch, n); no gradient."""
    return where(mine.prediction >= 0, iou(tf.stop_gradient(predicted), tf.cast(truths.boxes, predicted.dtype)))


def _box(mine: Assigned, logits: Any) -> Any:
    centre = binary(mine.offset, logits[..., 0:2])
    sides = tf.square(mine.log_sides - logits[..., 2:4]) / 2
    return tf.reduce_sum(centre + sides, axis=-1)
