"""Anchors: the shapes that boxes are measured from, found by clustering the shapes of a data set.

Redmon and Farhadi 2017, "YOLO9000", section 2 (dimension clusters): k-means on widths and heights with the distance
1 - IoU, both boxes with one corner in common, because with the Euclidean distance large boxes would count more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from data.arguments import number_pair, one_of, whole_number

YOLOV3_ANCHORS = ((10, 13), (16, 30), (33, 23), (30, 61), (62, 45), (59, 119), (116, 90), (156, 198), (373, 326))
"""Width and height in pixels of the input, by k-means on COCO at 416 pixels (Redmon and Farhadi 2018)."""
YOLOV3_MASKS = ((6, 7, 8), (3, 4, 5), (0, 1, 2))
"""Which of them each head uses, coarse to fine."""
UPDATES = {"mean": np.mean, "median": np.median}


@dataclass(frozen=True)
class Anchors:
    """What `cluster` found."""

    anchors: np.ndarray
    """``(count, 2)`` float64: width and height, sorted by area."""
    counts: np.ndarray
    """``(count,)`` boxes for which each anchor is the best."""
    mean_iou: float
    """Mean over the boxes of the IoU with their best anchor."""
    iterations: int


def shape_iou(shapes: Any, anchors: Any) -> np.ndarray:
    """IoU of every shape with every anchor, a corner in common.

    Args:
        shapes: ``(n, 2)`` widths and heights, more than 0, in the unit of the anchors.
        anchors: ``(count, 2)``.

    Returns:
        ``(n, count)`` float64.

    Raises:
        ValueError: another shape; sides that are not positive and finite.

    >>> shape_iou([[2, 2], [4, 1]], [[2, 2], [4, 4]]).round(3).tolist()
    [[1.0, 0.25], [0.333, 0.25]]
    """
    shapes, anchors = _sides("shapes", shapes), _sides("anchors", anchors)
    both = np.minimum(shapes[:, None], anchors).prod(axis=-1)
    return both / (shapes.prod(axis=-1)[:, None] + anchors.prod(axis=-1) - both)


def mean_iou(shapes: Any, anchors: Any) -> float:
    """Mean over the shapes of the IoU with their best anchor. Arguments and errors as `shape_iou`."""
    return float(shape_iou(shapes, anchors).max(axis=1).mean())


def best_possible_recall(shapes: Any, anchors: Any, threshold: float = 0.5) -> float:
    """Share of the shapes whose best anchor has an IoU above the threshold: what could be found by shape alone.

    Raises:
        ValueError: as `shape_iou`; a threshold outside 0..1.
    """
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold is {threshold}; a number of 0..1 is wanted")
    return float((shape_iou(shapes, anchors).max(axis=1) > threshold).mean())


def cluster(
    shapes: Any, count: int, *, seed: int = 0, update: str = "mean", restarts: int = 1, iterations: int = 300
) -> Anchors:
    """Anchors of a data set by k-means with the distance 1 - IoU.

    It starts as k-means++ (Arthur and Vassilvitskii 2007): each anchor is a shape drawn with a probability in
    proportion to its squared distance from the anchors so far. An anchor that is the best for no shape moves to the
    shape that is worst off. The same shapes and seed give the same anchors.

    Args:
        shapes: ``(n, 2)`` widths and heights, see `shapes_of`.
        count: how many anchors; at most as many as there are different shapes.
        seed: of the start.
        update: how an anchor is made of its shapes, width and height apart: "mean", as in the paper, or "median", which
            a few very large boxes do not pull. Neither is the exact centre under this distance, so a step may make the
            mean IoU smaller: the best anchors of all steps are returned.
        restarts: starts with other draws, of which the best one counts.
        iterations: steps at most; it ends when no shape changes its anchor.

    Raises:
        TypeError, ValueError: numbers out of range; sides that are not positive and finite; fewer different shapes than
            anchors.
    """
    shapes = _sides("shapes", shapes)
    count, restarts = whole_number("count", count), whole_number("restarts", restarts)
    iterations = whole_number("iterations", iterations)
    one_of("update", update, tuple(UPDATES))
    different, weights = np.unique(shapes, axis=0, return_counts=True)
    if count > len(different):
        raise ValueError(f"count is {count}, and there are {len(different)} different shapes; fewer anchors are wanted")
    generator = np.random.default_rng(whole_number("seed", seed, 0))
    best, quality, steps = None, -1.0, 0
    for _ in range(restarts):
        anchors, owner = _start(different, weights, count, generator), None
        for step in range(1, iterations + 1):
            iou = shape_iou(shapes, anchors)
            score = float(iou.max(axis=1).mean())
            if score > quality:
                best, quality, steps = anchors, score, step
            previous, owner = owner, iou.argmax(axis=1)
            if previous is not None and (owner == previous).all():
                break
            anchors = _moved(shapes, iou, owner, count, UPDATES[update])
    anchors = best[np.lexsort((best[:, 0], best.prod(axis=1)))]
    owner = shape_iou(shapes, anchors).argmax(axis=1)
    return Anchors(anchors, np.bincount(owner, minlength=count), quality, steps)


def shapes_of(records: Sequence[Any], size: int | Sequence[int] | None = None) -> np.ndarray:
    """Widths and heights of all boxes, as the network sees them after a letterbox.

    Args:
        records: with ``boxes``, xyxy in pixels, and ``size``, height and width of the image; of `yolo.datasets`, say.
        size: of the network's input; None: pixels of the images.

    Returns:
        ``(n, 2)`` float64. Boxes without area have no shape and are left out (`yolo.datasets.lint` reports them), and
        so are crowds, which are not one object.

    Raises:
        TypeError, ValueError: a size that is no one or two whole numbers; with a size, a record without one.
    """
    height, width = (None, None) if size is None else number_pair("size", size)
    shapes = [np.zeros((0, 2))]
    for number, record in enumerate(records):
        boxes = np.asarray(record.boxes, np.float64).reshape(-1, 4)
        crowd = getattr(record, "crowd", None)
        if crowd is not None:
            boxes = boxes[~np.asarray(crowd, bool)]
        scale = 1.0
        if size is not None:
            if record.size is None:
                raise ValueError(f"record {number} has no size; the scale of its boxes is not known")
            scale = min(height / record.size[0], width / record.size[1])
        shapes.append((boxes[:, 2:] - boxes[:, :2]) * scale)
    found = np.concatenate(shapes)
    return found[(found > 0).all(axis=1)]


def _start(shapes: np.ndarray, weights: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    chance = weights / weights.sum()
    chosen = [int(generator.choice(len(shapes), p=chance))]
    while len(chosen) < count:
        distance = weights * (1 - shape_iou(shapes, shapes[chosen]).max(axis=1)) ** 2
        distance[chosen] = 0  # also where rounding leaves something
        if distance.sum() > 0:
            chosen.append(int(generator.choice(len(shapes), p=distance / distance.sum())))
        else:
            chosen.append(next(i for i in range(len(shapes)) if i not in chosen))
    return shapes[chosen]


def _moved(shapes: np.ndarray, iou: np.ndarray, owner: np.ndarray, count: int, update: Any) -> np.ndarray:
    anchors = np.empty((count, 2))
    worst = np.argsort(iou.max(axis=1), kind="stable")
    homeless = iter(worst)
    for number in range(count):
        members = shapes[owner == number]
        anchors[number] = update(members, axis=0) if len(members) else shapes[next(homeless)]
    return anchors


def _sides(name: str, values: Any) -> np.ndarray:
    sides = np.asarray(values, np.float64)
    if sides.ndim != 2 or sides.shape[1] != 2 or not len(sides):
        raise ValueError(f"{name} has shape {sides.shape}; (n, 2) widths and heights, at least one, are wanted")
    if not (np.isfinite(sides).all() and (sides > 0).all()):
        raise ValueError(f"{name} holds sides that are not positive and finite; boxes without area have no shape")
    return sides
