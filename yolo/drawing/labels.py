"""Labels: each as a small picture, and where they go so that none covers another."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from data.letters import letters
from yolo.drawing.colours import BLACK, ink_on

MOST_HIDDEN = 0.5
"""Share of a box that a label may cover."""


@functools.lru_cache(maxsize=4096)  # of a film the same few come again and again
def tag(text: str, height: int, colour: tuple[int, int, int]) -> np.ndarray:
    """A label: black or white letters on the colour of the class, with a black edge.

    Args:
        text: what it says.
        height: of the letters in pixels.
        colour: of the paper.

    Returns:
        uint8 RGB, not to be written to.
    """
    from PIL import Image, ImageDraw

    font, gap = letters(height), max(2, round(0.3 * height))
    size = math.ceil(font.getlength(text)) + 2 * gap, round(1.3 * height) + 2
    picture = Image.new("RGB", size, colour)
    brush = ImageDraw.Draw(picture)
    brush.rectangle((0, 0, size[0] - 1, size[1] - 1), outline=BLACK)
    brush.text((gap, size[1] / 2), text, fill=ink_on(colour), font=font, anchor="lm")
    made = np.array(picture)
    made.setflags(write=False)
    return made


def place_labels(boxes: Any, sizes: Any, picture: tuple[int, int]) -> np.ndarray:
    """Where labels go: at their boxes, or, where others are already, at the nearest free place.

    Tried are, in this order: above the box, inside its upper edge, below, inside its lower edge, each at the left and
    at the right; beside it. Then any place in the picture, the nearest to the box first. A place is good if it covers
    no other label and at most half of any box. Where there is none, boxes count less than labels; and where there is no
    room for labels, one goes where it covers least of the others.

    Args:
        boxes: (n, 4) xyxy, pixels; the first chooses first.
        sizes: (n, 2), height and width of each label, pixels.
        picture: height and width.

    Returns:
        (n, 2) int64: column and row of each label's upper left corner; inside of the picture where the label fits in.

    >>> place_labels([[10, 40, 50, 80], [12, 40, 50, 80]], [[16, 60], [16, 60]], (100, 100)).tolist()
    [[10, 24], [12, 40]]
    """
    boxes, sizes = np.asarray(boxes, np.float64).reshape(-1, 4), np.asarray(sizes, np.int64).reshape(-1, 2)
    taken = np.zeros((len(boxes), 4))
    for index, (box, (high, wide)) in enumerate(zip(boxes, sizes)):
        free = np.array([picture[1] - wide, picture[0] - high]).clip(0)
        corners = _near(box, high, wide)
        inside = ((corners >= 0) & (corners <= free)).all(axis=1)
        # What is inside anyway comes before what has to be pushed inside.
        corners = np.concatenate([corners[inside], corners[~inside].clip(0, free)])
        labels, hidden = _covered(corners, high, wide, taken[:index]), _hidden(corners, high, wide, boxes)
        if not ((labels == 0) & (hidden <= MOST_HIDDEN)).any():
            corners = _anywhere(box, high, wide, free)
            labels, hidden = _covered(corners, high, wide, taken[:index]), _hidden(corners, high, wide, boxes)
        # lexsort is stable: of places that are as good the first.
        corner = corners[np.lexsort((np.maximum(hidden, MOST_HIDDEN), labels))[0]]
        taken[index, :2], taken[index, 2:] = corner, corner + np.array([wide, high])
    return taken[:, :2].astype(np.int64)


def _near(box: np.ndarray, high: int, wide: int) -> np.ndarray:
    left, top, right, bottom = np.round(box)
    rows = (top - high, top, bottom, bottom - high)
    sides = [(column, row) for row in rows for column in (left, right - wide)]
    return np.array([*sides, (right, top), (left - wide, top), (right, bottom - high), (left - wide, bottom - high)])


def _anywhere(box: np.ndarray, high: int, wide: int, free: np.ndarray) -> np.ndarray:
    """A grid over the picture, the nearest place to the box first."""
    columns = np.unique(np.append(np.arange(0, free[0], max(1, wide // 4)), free[0]))
    rows = np.unique(np.append(np.arange(0, free[1], max(1, high // 2)), free[1]))
    corners = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)
    apart = gap(np.concatenate([corners, corners + np.array([wide, high])], axis=1), box)
    # Of places as near, the one that covers least of the box itself.
    return corners[np.lexsort((np.abs(corners - (box[0], box[1] - high)).sum(axis=1), apart))]


def gap(rectangles: Any, box: Any) -> np.ndarray:
    """Pixels between rectangles (n, 4) and a box (4,), xyxy; 0 where they touch."""
    rectangles, box = np.asarray(rectangles, np.float64), np.asarray(box, np.float64)
    aside = np.maximum(box[:2] - rectangles[:, 2:], rectangles[:, :2] - box[2:]).clip(0)
    return np.hypot(*aside.T)


def _covered(corners: np.ndarray, high: int, wide: int, taken: np.ndarray) -> np.ndarray:
    """Pixels of the labels that are there which a label at each corner would cover."""
    return _common(corners, high, wide, taken).sum(axis=1)


def _hidden(corners: np.ndarray, high: int, wide: int, boxes: np.ndarray) -> np.ndarray:
    """The largest share of a box that a label at each corner would cover."""
    area = (boxes[:, 2:] - boxes[:, :2]).clip(1).prod(axis=1)
    return (_common(corners, high, wide, boxes) / area).max(axis=1)


def _common(corners: np.ndarray, high: int, wide: int, others: np.ndarray) -> np.ndarray:
    """Pixels that a label at each corner shares with each rectangle: (corners, others)."""
    start, end = corners[:, None], corners[:, None] + np.array([wide, high])
    return (np.minimum(end, others[:, 2:]) - np.maximum(start, others[:, :2])).clip(0).prod(axis=-1)


def words(names: Sequence[str], classes: np.ndarray, scores: Any) -> list[str]:
    """What the labels say: "dog 0.93", or "dog" without scores."""
    if scores is None:
        return [names[number] for number in classes]
    return [f"{names[number]} {score:.2f}" for number, score in zip(classes, np.asarray(scores, np.float64))]
