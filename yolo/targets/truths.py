"""What is really there: the boxes and classes of a batch of pictures, as many in each as the fullest one has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from data.arguments import number_pair, whole_number
from yolo.boxes.arrays import boxes_together

PADDING = -1
"""The class of a row that only fills up."""


class Truths(NamedTuple):
    """Boxes and classes that can be computed with; rows that count nothing hold zeros."""

    boxes: Any
    """(batch, n, 4) float64, "xyxy" in pixels of the network's input: in float32 the width of a small box on the right
    of a picture has five digits."""
    classes: Any
    """(batch, n) int32; 0 where not valid."""
    valid: Any
    """(batch, n) bool."""
    size: tuple[int, int]
    """Height and width of the network's input, pixels."""

    @property
    def centres(self) -> Any:
        """(batch, n, 2), x and y in pixels."""
        return (self.boxes[..., :2] + self.boxes[..., 2:]) / 2

    @property
    def sides(self) -> Any:
        """(batch, n, 2), width and height in pixels; 1 where not valid, so that it has a logarithm."""
        sides = self.boxes[..., 2:] - self.boxes[..., :2]
        return tf.where(self.valid[..., None], sides, tf.ones_like(sides))


def pad_truths(boxes: Sequence[Any], classes: Sequence[Any], count: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Boxes and classes of several pictures as two arrays.

    Args:
        boxes: of each picture (n, 4), "xyxy".
        classes: of each picture (n,), whole numbers from 0.
        count: rows of each; None: as many as the fullest picture has.

    Returns:
        (batch, count, 4) float32 and (batch, count) int32, filled up with zeros and the class -1.

    Raises:
        ValueError: boxes and classes that do not fit; a picture with more than ``count``.

    >>> pad_truths([[[0, 0, 4, 4]], []], [[2], []])[1].tolist()
    [[2], [-1]]
    """
    boxes = [np.asarray(some, np.float32).reshape(-1, 4) for some in boxes]
    classes = [np.asarray(some).reshape(-1) for some in classes]
    lengths = [len(some) for some in boxes]
    if lengths != [len(some) for some in classes]:
        raise ValueError(f"the pictures have {lengths} boxes and {[len(some) for some in classes]} classes")
    most = max(lengths, default=0)
    count = most if count is None else whole_number("count", count, 0)
    if most > count:
        raise ValueError(f"a picture has {most} boxes; there is room for {count}")
    padded = np.zeros((len(boxes), count, 4), np.float32), np.full((len(boxes), count), PADDING, np.int32)
    for picture, (some, kinds) in enumerate(zip(boxes, classes)):
        padded[0][picture, : len(some)], padded[1][picture, : len(some)] = some, kinds
    return padded


def read_truths(boxes: Any, classes: Any, size: int | tuple[int, int]) -> Truths:
    """Check truths, and leave out what nothing can be learned from.

    Not valid are rows of a class below 0 (padding), boxes without area (Darknet too passes over boxes of less than a
    thousandth of the picture), and boxes whose centre is outside the picture, for which there is no cell.

    Args:
        boxes: (batch, n, 4), "xyxy" in pixels of the network's input.
        classes: (batch, n) whole numbers, -1 for padding.
        size: ``(height, width)`` of the network's input, or one number for both.

    Raises:
        ValueError: shapes that do not fit; eagerly, also boxes that are not finite.
        TypeError: not numbers.
    """
    height, width = number_pair("size", size)
    boxes = tf.cast(boxes_together(boxes=boxes)[1], tf.float64)
    classes = tf.convert_to_tensor(classes)
    if not (classes.dtype.is_integer or classes.shape.num_elements() == 0):
        raise TypeError(f"classes are {classes.dtype.name}; whole numbers are wanted")
    if boxes.shape.rank != 3 or not boxes.shape[:2].is_compatible_with(classes.shape):
        raise ValueError(
            f"boxes have shape {tuple(boxes.shape)}, classes {tuple(classes.shape)}; (batch, n, 4) and (batch, n) are "
            "wanted (see yolo.targets.pad_truths)"
        )
    if tf.executing_eagerly() and not np.isfinite(boxes.numpy()).all():
        raise ValueError("boxes hold coordinates that are not finite")
    classes = tf.cast(classes, tf.int32)
    sides, centres = boxes[..., 2:] - boxes[..., :2], (boxes[..., 2:] + boxes[..., :2]) / 2
    edge = tf.constant([width, height], boxes.dtype)
    valid = (classes >= 0) & tf.reduce_all((sides > 0) & (centres >= 0) & (centres <= edge), axis=-1)
    return Truths(
        tf.where(valid[..., None], boxes, tf.zeros_like(boxes)),
        tf.where(valid, classes, tf.zeros_like(classes)),
        valid,
        (height, width),
    )


def check_classes(truths: Truths, count: int) -> Any:
    """Whether every truth is of a class that is predicted, (batch, n) bool.

    Raises:
        ValueError: eagerly, where there is one that is not.
    """
    known = truths.classes < count
    if tf.executing_eagerly() and not known.numpy().all():
        raise ValueError(f"a truth is of class {truths.classes.numpy().max()}; there are {count}, from 0")
    return known
