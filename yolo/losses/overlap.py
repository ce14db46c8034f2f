"""The predicted boxes beside the truths: how much they overlap, which predictions are ignored, losses of overlap."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from data.arguments import one_of
from yolo.boxes import ciou, diou, giou, matrix
from yolo.targets.truths import Truths

OVERLAPS = {"giou": giou, "diou": diou, "ciou": ciou}
BOX_TERMS = ("darknet", *OVERLAPS)


def check_box_term(name: str) -> None:
    """Refuse a name that is not of a box term.

    Raises:
        ValueError: it is not.
    """
    one_of("box_term", name, BOX_TERMS)


def overlap_loss(name: str, predicted: Any, truths: Truths) -> Any:
    """1 - GIoU, DIoU or CIoU of the box predicted for each truth, (batch, n); 0 to 2, a little more for CIoU.

    Rezatofighi et al. 2019; Zheng et al. 2020. See `yolo.boxes`.
    """
    return 1 - OVERLAPS[name](predicted, tf.cast(truths.boxes, predicted.dtype))


def best_overlap(predicted: Any, truths: Truths) -> Any:
    """For each predicted box (batch, m, 4) its largest IoU with any truth of the picture, (batch, m); no gradient.

    Any truth, also one that another scale learns: losses that look at the truths of one scale only punish good boxes.
    """
    iou = matrix(tf.stop_gradient(predicted), tf.cast(truths.boxes, predicted.dtype))
    return tf.maximum(tf.reduce_max(iou, axis=-1), 0)
