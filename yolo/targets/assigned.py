"""Truths in a grid of predictions: whose cell, and who wins where two truths want the same prediction."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from yolo.boxes.arrays import shape_of
from yolo.targets.truths import Truths


class Assigned(NamedTuple):
    """What one head has to learn: a row for each truth, and the same seen from the predictions.

    The predictions of a head are counted as `yolo.decoding` does, ``(row * columns + column) * anchors + anchor``.
    """

    prediction: Any
    """(batch, n) int32, the number of the prediction that belongs to the truth; -1: none of this head."""
    row: Any
    """(batch, n) int32, of the cell with the truth's centre."""
    column: Any
    """(batch, n) int32."""
    anchor: Any
    """(batch, n) int32, among the anchors of this head; -1: none of this head."""
    offset: Any
    """(batch, n, 2), where the centre lies in its cell, x and y, 0 to 1."""
    log_sides: Any
    """(batch, n, 2), the logarithms of width and height, as parts of the anchor's."""
    weight: Any
    """(batch, n), 2 - w * h with w and h as parts of the picture: small boxes count up to twice as much."""
    wins: Any
    """(batch, n) bool: the prediction learns this truth, and not another one with the same cell and anchor."""
    classes: Any
    """(batch, n, classes), 0 or 1: what the prediction has to say of the classes."""
    owner: Any
    """(batch, rows, columns, anchors) int32: the truth that each prediction learns, -1: none."""


def cells(truths: Truths, rows: Any, columns: Any) -> tuple[Any, Any, Any]:
    """Row and column (batch, n) int32 of each truth's centre, and where in the cell it is, (batch, n, 2), 0 to 1."""
    height, width = truths.size
    grid = tf.cast(tf.stack([columns, rows]), truths.boxes.dtype)
    position = truths.centres * (grid / tf.constant([width, height], truths.boxes.dtype))
    # A centre on the right or lower edge of the picture belongs to the last cell.
    corner = tf.minimum(tf.floor(position), grid - 1)
    column, row = tf.unstack(tf.cast(corner, tf.int32), axis=-1)
    return row, column, position - corner


def owners(prediction: Any, count: Any, *, first: bool = False) -> Any:
    """For each prediction the number of the truth that has it, (batch, count) int32; -1: none.

    Args:
        prediction: (batch, n) int32, -1 for truths that have none.
        count: of the predictions of a picture.
        first: of several truths with one prediction the first, else the last.
    """
    batch, n = shape_of(prediction)
    number = tf.range(n)
    rank = tf.broadcast_to(n - 1 - number if first else number, [batch, n])
    # Numbers below 0 are dropped.
    place = tf.where(prediction >= 0, prediction + count * tf.range(batch)[:, None], -1)
    best = tf.math.unsorted_segment_max(tf.reshape(rank, [-1]), tf.reshape(place, [-1]), batch * count)
    best = tf.reshape(best, [batch, count])
    if first:
        return tf.where(best < 0, -1, n - 1 - best)
    return tf.maximum(best, -1)


def winners(prediction: Any, owner: Any) -> Any:
    """Whether each truth has the prediction that it wants, (batch, n) bool."""
    found = tf.gather(owner, tf.maximum(prediction, 0), batch_dims=1)
    return (prediction >= 0) & (found == tf.range(shape_of(prediction)[1]))
