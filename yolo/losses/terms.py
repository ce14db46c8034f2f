"""What a loss is made of: for each truth and each prediction, and added up for each picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf


class Terms(NamedTuple):
    """The loss of each picture, (batch,) per term; their weights are in them."""

    box: Any
    """Where the objects are."""
    objectness: Any
    """That there is something, where there is."""
    no_objectness: Any
    """That there is nothing, everywhere else."""
    classes: Any
    """What it is."""
    priors: Any = None
    """Of v2, early in training: predictions without an object, drawn towards their anchors. Else None."""

    @property
    def total(self) -> Any:
        """(batch,), their sum."""
        return sum(self.named().values())

    def named(self) -> dict[str, Any]:
        """The terms that there are, by name: for logs."""
        return {name: value for name, value in self._asdict().items() if value is not None}


class Parts(NamedTuple):
    """The loss of one head before it is added up.

    ``n`` are the truths of a picture; a truth that this head does not learn has 0. ``grid`` is rows, columns, anchors
    (for v1: rows, columns, boxes).
    """

    box: Any
    """(batch, n)."""
    objectness: Any
    """(batch, n)."""
    classes: Any
    """(batch, n)."""
    no_objectness: Any
    """(batch, *grid); 0 for predictions that have a truth or are ignored."""
    priors: Any
    """(batch, *grid), or None."""
    prediction: Any
    """(batch, n) int32, the number of the prediction that belongs to each truth, in the order of the grid; -1: none."""
    wins: Any
    """(batch, n) bool: it learns this truth."""
    iou: Any
    """(batch, n), of the predicted box and the truth; 0 for truths of other heads."""
    best_iou: Any
    """(batch, *grid), of each prediction with the nearest of all truths; None for v1, where it does not matter."""
    owner: Any
    """(batch, *grid) int32, the truth that each prediction learns; -1: none."""
    ignored: Any
    """(batch, *grid) bool: has no truth of its own but is so near to one that it is not called wrong."""


def added_up(parts: Sequence[Parts]) -> Terms:
    """The terms of all heads of each picture."""
    sums = {}
    for name in ("box", "objectness", "no_objectness", "classes", "priors"):
        values = [getattr(part, name) for part in parts]
        if values[0] is not None:
            sums[name] = sum(tf.reduce_sum(value, axis=list(range(1, value.shape.rank))) for value in values)
    return Terms(**sums)


def where(condition: Any, values: Any) -> Any:
    """The values where the condition holds, else 0."""
    return tf.where(condition, values, tf.zeros_like(values))


def of_known(known: Any, classes: Any) -> Any:
    """The loss of the classes; NaN for a truth whose class does not exist, as compiled code cannot raise an error."""
    return tf.where(known, classes, tf.constant(float("nan"), classes.dtype))
