"""The pointing game: does the brightest place of a map lie on the object?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cnnviz.sanity.maps import Explanation, enlarged, explained, importance

if TYPE_CHECKING:
    import keras

    from cnnviz.models import Classifier
    from cnnviz.targets import Target


class Pointing(NamedTuple):
    """The outcome of a pointing game.

    Attributes:
        hits: bool ``(batch,)``.
        points: int ``(batch, 2)``: x, y of the pixel that each map points at; -1 where it points nowhere.
        accuracy: share of the maps that hit, 0..1.
        per_class: the same for each class apart.
        mean: the mean of those, which is what the paper reports: rare classes count as much as common ones.
        chance: the share that a map would hit that points anywhere, with equal probability.
    """

    hits: np.ndarray
    points: np.ndarray
    accuracy: float
    per_class: dict[Any, float]
    mean: float
    chance: float


def pointing_game(
    explanation: Explanation,
    model: keras.Model | Classifier | None,
    images: Any,
    boxes: Sequence[np.ndarray],
    target: Target = None,
    *,
    classes: Sequence[Any] | None = None,
    tolerance: float = 15.0,
) -> Pointing:
    """Does the largest value of each map lie on an object of the class, or near it?

    Args:
        explanation: see `cnnviz.sanity.Explanation`. A coarse map is enlarged to the images' size first.
        model: what is explained; may be None where maps are given.
        images: ``(batch, height, width, channels)``, as the model takes them.
        boxes: for each image those of its objects *of the class that is explained*: ``(n, 4)`` or ``(4,)``, x1, y1,
            x2, y2 in pixels of the image, on the pixels' edges. `data.scenes` gives such boxes.
        target: the class that is explained; see `cnnviz.targets.Target`.
        classes: the class of each image by which the accuracy is split; ``target`` by default, where it is a list.
        tolerance: how many pixels beside a box still count. Zhang et al. take 15, on photographs of some 500 pixels:
            take less on small ones.

    Returns:
        See `Pointing`. A map of one value throughout points nowhere, and misses.

    Raises:
        ValueError: not one set of boxes, or class, for each image; a set without boxes; boxes that are none.

    Source: Zhang et al. 2018, "Top-down neural attention by excitation backprop", section 4.1.
    """
    maps = importance(explained(explanation, model, images, target))
    height, width = np.shape(images)[1:3]
    maps = enlarged(maps, (height, width))
    if len(boxes) != len(maps):
        raise ValueError(f"boxes are given for {len(boxes)} images, there are {len(maps)}")
    if tolerance < 0:
        raise ValueError(f"tolerance is {tolerance}; pixels from 0 up are wanted")
    if classes is None and isinstance(target, (list, tuple, np.ndarray)):
        classes = target
    if classes is not None and len(classes) != len(maps):
        raise ValueError(f"classes names {len(classes)} of them for {len(maps)} images")
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    points, hits, chances = [], [], []
    for index, (one, theirs) in enumerate(zip(maps, boxes, strict=True)):
        inside = _distance(_checked(theirs, index), x, y) <= tolerance
        row, column = np.unravel_index(one.argmax(), one.shape)
        nowhere = one.min() == one.max()
        points.append((-1, -1) if nowhere else (column, row))
        hits.append(bool(inside[row, column]) and not nowhere)
        chances.append(inside.mean())
    hits = np.array(hits)
    names = [] if classes is None else [one.item() if isinstance(one, np.generic) else one for one in classes]
    per_class = {name: float(hits[[one == name for one in names]].mean()) for name in dict.fromkeys(names)}
    return Pointing(
        hits,
        np.array(points),
        float(hits.mean()),
        per_class,
        float(np.mean(list(per_class.values()))) if per_class else float(hits.mean()),
        float(np.mean(chances)),
    )


def _checked(boxes: Any, index: int) -> np.ndarray:
    boxes = np.atleast_2d(np.asarray(boxes, np.float64))
    if boxes.size == 0:
        raise ValueError(f"image {index} has no boxes: leave it out, nothing of the class is there to be hit")
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not (boxes[:, 2:] > boxes[:, :2]).all():
        raise ValueError(
            f"the boxes of image {index} are {boxes.tolist()}; x1, y1, x2, y2 with x2 > x1, y2 > y1 are wanted"
        )
    return boxes


def _distance(boxes: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """How far each point is from the nearest box, in pixels; 0 inside."""
    x1, y1, x2, y2 = (side[:, None, None] for side in boxes.T)
    sideways = np.maximum(np.maximum(x1 - x, x - x2), 0)
    upwards = np.maximum(np.maximum(y1 - y, y - y2), 0)
    return np.hypot(sideways, upwards).min(axis=0)
