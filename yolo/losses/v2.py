"""The loss of YOLOv2: squares, but for the classes, which are a softmax.

Redmon and Farhadi 2017, "YOLO9000", section 2; Darknet's ``region_layer.c`` with the numbers of ``yolov2.cfg``.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from yolo.boxes.arrays import shape_of
from yolo.decoding import decode_v2_head, unfold
from yolo.losses.entropy import smoothed
from yolo.losses.overlap import best_overlap, check_box_term, overlap_loss
from yolo.losses.terms import Parts, Terms, added_up, of_known, where
from yolo.losses.v3 import overlap_with_truth, predicted_for
from yolo.targets.truths import check_classes, read_truths
from yolo.targets.v2 import assign_truths

DRAWN = 12_800
"""Pictures at the start of training during which predictions are drawn to their anchors."""
DRAWN_WEIGHT = 0.01


def loss_v2(
    head: Any,
    boxes: Any,
    classes: Any,
    anchors: Any,
    size: int | tuple[int, int],
    *,
    seen: Any = DRAWN,
    ignore: float = 0.6,
    object_scale: float = 5.0,
    noobject_scale: float = 1.0,
    class_scale: float = 1.0,
    coord_scale: float = 1.0,
    rescore: bool = True,
    box_term: str = "darknet",
    label_smoothing: float = 0.0,
) -> Terms:
    """The loss of each picture of a batch.

    With s = sigmoid, and all squares halved, as Darknet's delta has it:

    1. A truth belongs to one prediction: `yolo.targets.assign_v2`.
    2. box: the squared differences of s(x), s(y) from the place of the centre in its cell and of w, h from the
       logarithms of the sides over the anchor's; times ``coord_scale`` * (2 - w * h), w and h as parts of the picture.
    3. objectness: ``object_scale`` times the squared difference of s(objectness) from the IoU of the predicted box and
       the truth (a number, with no gradient), or from 1 without ``rescore``.
    4. no_objectness: ``noobject_scale`` times s(objectness) squared, of all other predictions; but not of those whose
       box has an IoU above ``ignore`` with any truth.
    5. classes: ``class_scale`` times the cross-entropy of the softmax, of the predictions that have a truth.
    6. priors: during the first 12,800 pictures, .01 times the squared differences of the predictions without a truth
       from their anchor in the middle of the cell: s(x) = s(y) = 1/2, w = h = 0.

    Args:
        head: (batch, rows, columns, anchors * (5 + classes)), raw.
        boxes: (batch, n, 4), "xyxy" in pixels of the network's input.
        classes: (batch, n) whole numbers; -1 for padding.
        anchors: (anchors, 2), width and height **in cells**, as `yolo.decoding.decode_v2_head` takes them.
        size: ``(height, width)`` of the network's input, pixels.
        seen: how many pictures there were before this batch, a number or a tensor; from 12,800 on there is no 6.
        ignore: see 4.
        object_scale: see 3.
        noobject_scale: see 4.
        class_scale: see 5.
        coord_scale: see 2.
        rescore: see 3.
        box_term: "darknet", or "giou", "diou", "ciou": 1 less that, times the same weight.
        label_smoothing: of the classes, see `yolo.losses.entropy.smoothed`.

    Returns:
        ``Terms`` of (batch,). Darknet adds up the batch and divides the learning rate by its size: that is the mean.

    Raises:
        ValueError, TypeError: as ``yolo.losses.loss_v3``.
    """
    raw, priors, stride = opened(head, anchors, size)
    return added_up(
        [
            parts_v2(
                raw, activated(raw), priors, stride, boxes, classes, anchors, size, seen=seen, ignore=ignore,
                object_scale=object_scale, noobject_scale=noobject_scale, class_scale=class_scale,
                coord_scale=coord_scale, rescore=rescore, box_term=box_term, label_smoothing=label_smoothing,
            )
        ]
    )  # fmt: skip


def opened(head: Any, anchors: Any, size: Any) -> tuple[Any, Any, Any]:
    """The head with an axis for its anchors, the anchors in pixels, and the sides of a cell."""
    _, raw, priors, stride = unfold(tf.convert_to_tensor(head), anchors, size)
    return raw, priors * stride, stride


def activated(raw: Any) -> Any:
    """What the squares are of: sigmoids of x, y and objectness; w, h and the classes as they are."""
    return tf.concat([tf.sigmoid(raw[..., 0:2]), raw[..., 2:4], tf.sigmoid(raw[..., 4:5]), raw[..., 5:]], axis=-1)


def parts_v2(
    raw: Any,
    outputs: Any,
    priors: Any,
    stride: Any,
    boxes: Any,
    classes: Any,
    anchors: Any,
    size: Any,
    *,
    seen: Any = DRAWN,
    ignore: float = 0.6,
    object_scale: float = 5.0,
    noobject_scale: float = 1.0,
    class_scale: float = 1.0,
    coord_scale: float = 1.0,
    rescore: bool = True,
    box_term: str = "darknet",
    label_smoothing: float = 0.0,
) -> Parts:
    """``loss_v2`` before it is added up.

    ``raw``, ``priors`` and ``stride`` are the head as `opened` returns it, ``outputs`` is ``activated(raw)``, all else
    as for ``loss_v2``.
    """
    check_box_term(box_term)
    batch, rows, columns, count, channels = shape_of(raw)
    truths = read_truths(boxes, classes, size)
    known = check_classes(truths, channels - 5)
    mine = assign_truths(truths, anchors, (rows, columns), channels - 5, raw.dtype)

    flat = tf.reshape(tf.stop_gradient(raw), [batch, rows, columns, count * channels])
    everywhere = decode_v2_head(flat, anchors, size).boxes
    nearest = tf.reshape(best_overlap(everywhere, truths), tf.shape(mine.owner))
    _, predicted = predicted_for(raw, priors, stride, mine)
    said = tf.gather(
        tf.reshape(outputs, [batch, rows * columns * count, channels]), tf.maximum(mine.prediction, 0), batch_dims=1
    )
    overlap = overlap_with_truth(predicted, truths, mine)
    if box_term == "darknet":
        wanted = tf.concat([mine.offset, mine.log_sides], axis=-1)
        box = tf.reduce_sum(tf.square(wanted - said[..., :4]), axis=-1) / 2
    else:
        box = overlap_loss(box_term, predicted, truths)
    there = overlap if rescore else tf.ones_like(overlap)
    labels = smoothed(mine.classes, label_smoothing, exclusive=True)
    kind = tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=said[..., 5:])

    free = mine.owner < 0
    ignored = free & (nearest > ignore)
    middle = tf.constant([0.5, 0.5, 0, 0], raw.dtype)
    away = tf.reduce_sum(tf.square(outputs[..., :4] - middle), axis=-1) / 2
    early = tf.cast(tf.convert_to_tensor(seen) < DRAWN, raw.dtype)
    return Parts(
        box=where(mine.wins, coord_scale * mine.weight * box),
        objectness=where(mine.wins, object_scale * tf.square(there - said[..., 4]) / 2),
        classes=of_known(known, where(mine.wins, class_scale * kind)),
        no_objectness=where(free & ~ignored, noobject_scale * tf.square(outputs[..., 4]) / 2),
        priors=where(free, DRAWN_WEIGHT * early * away),
        prediction=mine.prediction,
        wins=mine.wins,
        iou=overlap,
        best_iou=nearest,
        owner=mine.owner,
        ignored=ignored,
    )
