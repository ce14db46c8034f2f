"""Boxes and labels on a picture, pixel by pixel: fast enough for a film. For figures with axes see `yolo.plots`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from data.arguments import whole_number
from yolo.drawing.colours import BLACK, PALETTE, class_colours, contrast, ink_on
from yolo.drawing.labels import gap, place_labels, tag, words

__all__ = ["PALETTE", "class_colours", "contrast", "draw_boxes", "ink_on", "place_labels"]

SMALLEST_TEXT = 12  # pixels


def draw_boxes(
    image: np.ndarray,
    found: Any,
    *,
    colours: Any = None,
    thickness: int | None = None,
    text: int | None = None,
    labels: bool = True,
    scores: bool = True,
    enlarge: int = 1,
) -> np.ndarray:
    """A picture with its objects: each in a frame in the colour of its class, with a label.

    The frames have a black edge on both sides, so that they are seen on any ground. Where many labels would cover each
    other, those of higher scores stay and the others move, with a line to their box.

    Args:
        image: uint8 RGB (height, width, 3).
        found: `yolo.found.Found`, a record of `yolo.datasets`, or anything with ``boxes``, ``classes``, ``names`` and
            perhaps ``scores``; boxes are xyxy in pixels of the picture.
        colours: uint8 (classes, 3); None: `class_colours`.
        thickness: of the frames in pixels without their edges; None: by the size of the picture.
        text: height of the letters in pixels; None: by the size of the picture.
        labels: write names.
        scores: write scores behind the names.
        enlarge: draw on the picture so many times as large: small ones have room for labels then.

    Returns:
        A new uint8 picture of the same size; or of ``enlarge`` times that.

    Raises:
        TypeError: an image that is not uint8; whole numbers that are none.
        ValueError: another shape; colours that are too few; boxes that are not finite.
    """
    image = np.asarray(image)
    if image.dtype != np.uint8:
        raise TypeError(f"image is {image.dtype}; a uint8 array is wanted (0..255)")
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(f"image has shape {image.shape}; (height, width, 3) is wanted")
    boxes, classes = np.asarray(found.boxes, np.float64).reshape(-1, 4), np.asarray(found.classes, np.int64)
    if not np.isfinite(boxes).all():
        raise ValueError(f"boxes hold {boxes[~np.isfinite(boxes)][0]}; finite numbers are wanted")
    table = class_colours(len(found.names)) if colours is None else np.asarray(colours)
    if table.ndim != 2 or table.shape[1] != 3 or len(table) < len(found.names):
        raise ValueError(f"colours has shape {table.shape}; ({len(found.names)}, 3) is wanted, one for each class")
    if whole_number("enlarge", enlarge) > 1:
        image, boxes = image.repeat(enlarge, axis=0).repeat(enlarge, axis=1), boxes * enlarge
    side = math.sqrt(image.shape[0] * image.shape[1])
    thickness = max(1, round(side / 300)) if thickness is None else whole_number("thickness", thickness)
    text = max(SMALLEST_TEXT, round(side / 52)) if text is None else whole_number("text", text)

    given = getattr(found, "scores", None)
    order = np.arange(len(boxes)) if given is None else np.argsort(-np.asarray(given, np.float64), kind="stable")
    boxes, classes = boxes[order], classes[order]
    paint = [tuple(colour) for colour in table[classes].tolist()]
    picture = image.copy()
    frames = [_inside(box, image.shape[:2], thickness) for box in boxes]
    for frame, colour in reversed(list(zip(frames, paint))):  # the best is drawn last, and lies on top
        _draw_frame(picture, frame, thickness, colour)
    if labels and len(boxes):
        shown = words(found.names, classes, None if given is None or not scores else np.asarray(given)[order])
        tags = [tag(*one) for one in zip(shown, [text] * len(shown), paint)]
        _draw_tags(picture, frames, tags, paint, thickness)
    return picture


def _inside(box: np.ndarray, size: tuple[int, int], thickness: int) -> tuple[int, int, int, int]:
    """The box in whole pixels, so far inside of the picture that its frame is seen on all sides."""
    margin, sides = thickness // 2 + 1, (size[1], size[0])
    rest = thickness - thickness // 2 + 1
    corners = []
    for axis in (0, 1):
        low, high = (math.floor(box[axis + step] + 0.5) for step in (0, 2))
        most = max(sides[axis] - rest, margin)
        corners.append((min(max(low, margin), most), min(max(high, margin), most)))
    return corners[0][0], corners[1][0], corners[0][1], corners[1][1]


def _draw_frame(
    picture: np.ndarray, frame: tuple[int, int, int, int], thickness: int, colour: tuple[int, int, int]
) -> None:
    """A frame whose middle runs along the edges of the box, with a black edge of a pixel on both sides."""
    left, top, right, bottom = frame
    before = thickness // 2
    for more, paint in ((1, BLACK), (0, colour)):
        out, into = before + more, thickness - before + more  # of the line: towards 0, and away from it
        outer = slice(max(top - out, 0), bottom + into), slice(max(left - out, 0), right + into)
        for row in (top, bottom):
            picture[max(row - out, 0) : row + into, outer[1]] = paint
        for column in (left, right):
            picture[outer[0], max(column - out, 0) : column + into] = paint


def _draw_tags(picture: np.ndarray, frames: list, tags: list[np.ndarray], paint: list, thickness: int) -> None:
    reach = thickness - thickness // 2 + 1
    outer = np.array(frames) + np.array([-reach, -reach, reach, reach])
    corners = place_labels(outer, [one.shape[:2] for one in tags], picture.shape[:2])
    lying = np.array([(x, y, x + one.shape[1], y + one.shape[0]) for (x, y), one in zip(corners, tags)])
    for box, place, colour in zip(outer, lying, paint):
        if gap(place[None], box)[0] > 0:
            _draw_leader(picture, place, box, thickness, colour)
    for (left, top), one in reversed(list(zip(corners.tolist(), tags))):
        room = picture[top : top + one.shape[0], left : left + one.shape[1]]
        room[...] = one[: room.shape[0], : room.shape[1]]


def _draw_leader(picture: np.ndarray, place: np.ndarray, box: np.ndarray, thickness: int, colour: tuple) -> None:
    """A line from a label to the nearest point of its box."""
    import cv2  # here, not above: few pictures need it

    middle = (place[:2] + place[2:]) / 2
    target = np.clip(middle, box[:2], box[2:])
    start = np.clip(target, place[:2], place[2:] - 1)
    ends = [tuple(round(float(number)) for number in point) for point in (start, target)]
    width = max(1, thickness // 2)
    cv2.line(picture, *ends, BLACK, width + 2, cv2.LINE_AA)
    cv2.line(picture, *ends, colour, width, cv2.LINE_AA)
