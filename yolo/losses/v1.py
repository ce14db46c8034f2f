"""The loss of YOLO v1: the sum of squares of the paper's equation 3, with the IoU as the confidence to learn.

Redmon et al. 2016, "You Only Look Once", section 2.2; Darknet's ``detection_layer.c``, ``sqrt=1``, ``rescore=1``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from data.arguments import whole_number
from yolo.boxes import iou
from yolo.boxes.arrays import shape_of, together
from yolo.losses.terms import Parts, Terms, added_up, of_known, where
from yolo.targets.assigned import owners
from yolo.targets.truths import check_classes, read_truths
from yolo.targets.v1 import assign_truths


class CellOutputs(NamedTuple):
    """The numbers of Darknet's [detection] layer, by cell."""

    classes: Any
    """(batch, side * side, classes)."""
    confidence: Any
    """(batch, side * side, boxes)."""
    boxes: Any
    """(batch, side * side, boxes, 4): centre x, y in the cell; roots of width and height as parts of the picture."""


def loss_v1(
    outputs: Any,
    boxes: Any,
    classes: Any,
    size: int | tuple[int, int],
    side: int,
    class_count: int,
    *,
    lambda_coord: float = 5.0,
    lambda_noobj: float = 0.5,
    square_root: bool = True,
    rescore: bool = True,
) -> Terms:
    """The loss of each picture of a batch: the five sums of the equation, the first two together as ``box``.

    1. The cell with the centre of an object learns it; the first, if there are several: `yolo.targets.assign_v1`.
    2. Of the boxes of the cell one is responsible: the one with the largest IoU with the truth, or, where none touches
       it, the one with the smallest root mean square error of x, y, width, height.
    3. box: ``lambda_coord`` times the squared differences of x, y and of the square roots of width and height.
    4. objectness: the squared difference of the confidence from the IoU of the responsible box and the truth (a
       number, with no gradient), or from 1 without ``rescore``.
    5. no_objectness: ``lambda_noobj`` times the confidence squared, of all boxes that are not responsible.
    6. classes: the squared differences of all class probabilities, of the cells that have an object.

    The gradient is -2 times Darknet's delta, which leaves out the factor of the squares.

    Args:
        outputs: (batch, side * side * (classes + boxes * 5)) or as many numbers otherwise: all class probabilities,
            then all confidences, then all boxes, as they leave the network (nothing is squashed).
        boxes: (batch, n, 4), "xyxy" in pixels of the network's input.
        classes: (batch, n) whole numbers; -1 for padding.
        size: ``(height, width)`` of the network's input, pixels.
        side: cells in a row, and rows: 7 in the paper.
        class_count: 20 in the paper. The number of boxes follows from the numbers of ``outputs``.
        lambda_coord: see 3.
        lambda_noobj: see 5.
        square_root: the network predicts the roots of width and height; else themselves (``sqrt=0``).
        rescore: see 4.

    Returns:
        ``Terms`` of (batch,).

    Raises:
        ValueError: shapes that do not fit; eagerly, a class that does not exist (compiled, it makes the loss NaN).
        TypeError: not numbers.
    """
    return added_up(
        [
            parts_v1(
                outputs, boxes, classes, size, side, class_count, lambda_coord=lambda_coord, lambda_noobj=lambda_noobj,
                square_root=square_root, rescore=rescore,
            )
        ]
    )  # fmt: skip


def open_v1(outputs: Any, side: int, class_count: int) -> CellOutputs:
    """The vector of YOLO v1, cut into its parts.

    Raises:
        ValueError: another number of numbers.
        TypeError: not numbers.
    """
    (_, outputs) = together(outputs=tf.convert_to_tensor(outputs))
    cells = whole_number("side", side) ** 2
    class_count = whole_number("class_count", class_count)
    numbers = outputs.shape[1:].num_elements() if outputs.shape.rank else None
    over = 0 if numbers is None else numbers - cells * class_count
    if over < 1 or over % (5 * cells):
        raise ValueError(
            f"outputs have shape {tuple(outputs.shape)}; (batch, {cells} * ({class_count} + 5 * boxes)) is wanted for "
            f"{side} x {side} cells and {class_count} classes"
        )
    count, batch = over // (5 * cells), shape_of(outputs)[0]
    kinds, confidence, boxes = tf.split(
        tf.reshape(outputs, [batch, numbers]), [cells * class_count, cells * count, cells * count * 4], axis=1
    )
    return CellOutputs(
        tf.reshape(kinds, [batch, cells, class_count]),
        tf.reshape(confidence, [batch, cells, count]),
        tf.reshape(boxes, [batch, cells, count, 4]),
    )


def boxes_v1(boxes: Any, row: Any, column: Any, side: int, size: tuple[int, int], *, square_root: bool = True) -> Any:
    """The boxes that a cell predicts, "xyxy" in pixels.

    Args:
        boxes: (..., 4), x, y in the cell, and width, height, or their roots.
        row: (...) of the cell.
        column: (...) of the cell.
        side: cells in a row.
        size: height and width of the picture.
        square_root: the last two are roots.
    """
    height, width = size
    picture = tf.constant([width, height], boxes.dtype)
    corner = tf.cast(tf.stack([column, row], axis=-1), boxes.dtype)
    centre = (boxes[..., 0:2] + corner) / side * picture
    half = (tf.square(boxes[..., 2:4]) if square_root else boxes[..., 2:4]) * picture / 2
    return tf.concat([centre - half, centre + half], axis=-1)


def parts_v1(
    outputs: Any,
    boxes: Any,
    classes: Any,
    size: int | tuple[int, int],
    side: int,
    class_count: int,
    *,
    lambda_coord: float = 5.0,
    lambda_noobj: float = 0.5,
    square_root: bool = True,
    rescore: bool = True,
) -> Parts:
    """``loss_v1`` before it is added up. Arguments and errors as there."""
    found = open_v1(outputs, side, class_count)
    batch, count = shape_of(found.confidence)[0], found.confidence.shape[-1]
    truths = read_truths(boxes, classes, size)
    known = check_classes(truths, class_count)
    mine = assign_truths(truths, side, class_count, found.boxes.dtype)

    cell = tf.maximum(mine.cell, 0)
    said = tf.gather(found.boxes, cell, batch_dims=1)  # (batch, n, boxes, 4)
    row, column = (tf.repeat(place[..., None], count, axis=-1) for place in (mine.row, mine.column))
    predicted = boxes_v1(tf.stop_gradient(said), row, column, side, truths.size, square_root=square_root)
    overlaps = iou(predicted, tf.cast(truths.boxes[:, :, None], predicted.dtype))  # (batch, n, boxes)
    best, overlap = responsible(tf.stop_gradient(said), mine.box, overlaps, side, square_root=square_root)

    def chosen(values: Any) -> Any:
        """Of each truth, what its responsible box has."""
        return tf.gather(values, best, axis=2, batch_dims=2)

    prediction = tf.where(mine.cell >= 0, mine.cell * count + best, -1)
    owner = owners(tf.where(mine.wins, prediction, -1), side * side * count)
    owner = tf.reshape(owner, [batch, side, side, count])
    sides = tf.sqrt(mine.box[..., 2:]) if square_root else mine.box[..., 2:]
    wanted = tf.concat([mine.box[..., :2], sides], axis=-1)
    there = overlap if rescore else tf.ones_like(overlap)
    confidence = chosen(tf.gather(found.confidence, cell, batch_dims=1))
    kinds = tf.gather(found.classes, cell, batch_dims=1)
    alone = tf.square(tf.reshape(found.confidence, [batch, side, side, count]))
    return Parts(
        box=where(mine.wins, lambda_coord * tf.reduce_sum(tf.square(wanted - chosen(said)), axis=-1)),
        objectness=where(mine.wins, tf.square(there - confidence)),
        classes=of_known(known, where(mine.wins, tf.reduce_sum(tf.square(mine.classes - kinds), axis=-1))),
        no_objectness=where(owner < 0, lambda_noobj * alone),
        priors=None,
        prediction=prediction,
        wins=mine.wins,
        iou=where(mine.cell >= 0, overlap),
        best_iou=None,
        owner=owner,
        ignored=tf.zeros_like(owner, tf.bool),
    )


def responsible(said: Any, truth: Any, overlaps: Any, side: int, *, square_root: bool = True) -> tuple[Any, Any]:
    """Which box of its cell learns each truth, (batch, n) int32, and the IoU of the two, (batch, n).

    Args:
        said: (batch, n, boxes, 4), as they leave the network.
        truth: (batch, n, 4), x, y in the cell, width and height as parts of the picture.
        overlaps: (batch, n, boxes), the IoU of each with the truth.
        side: cells in a row.
        square_root: the network predicts roots.
    """
    centre = (said[..., :2] - truth[..., None, :2]) / side
    sides = (tf.square(said[..., 2:]) if square_root else said[..., 2:]) - truth[..., None, 2:]
    distance = tf.reduce_sum(tf.square(centre) + tf.square(sides), axis=-1)
    touched = tf.reduce_max(overlaps, axis=-1) > 0
    nearest = tf.argmin(distance, axis=-1, output_type=tf.int32)
    best = tf.where(touched, tf.argmax(overlaps, axis=-1, output_type=tf.int32), nearest)
    return best, tf.gather(overlaps, best, axis=2, batch_dims=2)
