"""`View`: a picture and its boxes as a network is to learn them; read from a record, fitted into a network's input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from data import letterbox, resize
from data.arguments import number_pair
from yolo.boxes import clip, to_letterbox
from yolo.datasets.records import Record

GREY = 128
"""What a view shows where there is no picture: Darknet's 0.5."""


class View(NamedTuple):
    """A picture and what is in it."""

    image: np.ndarray
    """uint8 ``(height, width, 3)`` RGB."""
    boxes: np.ndarray
    """float32 ``(n, 4)``, xyxy in pixels of this picture, within it, each with an area."""
    classes: np.ndarray
    """int64 ``(n,)``."""
    weights: np.ndarray
    """float32 ``(n,)`` in 0..1, how much each box counts in a loss: 1; less in a blend (`mixup`); 0 for a crowd, which
    is not one object, but no background either."""


def view_of(record: Record) -> View:
    """Read the picture of a record; what of its boxes is outside of it is cut off.

    Raises:
        ValueError: a box of which nothing lies in the picture. `yolo.datasets.mended` takes these out and lists them.
        FileNotFoundError, data.ImageError: a picture that cannot be read.
    """
    image = record.read_image()
    boxes = clip(record.boxes, image.shape[:2]).boxes
    refuse_empty(record, boxes)
    return View(image, boxes, record.classes, np.where(record.crowd, 0, 1).astype(np.float32))


def refuse_empty(record: Record, boxes: np.ndarray) -> None:
    """Raise ValueError where one of the boxes, ``(n, 4)``, cut at the picture's edges, has no area."""
    empty = np.flatnonzero((boxes[:, 2:] <= boxes[:, :2]).any(axis=1))
    if len(empty):
        corners = ", ".join(f"{corner:g}" for corner in record.boxes[empty[0]])
        raise ValueError(
            f"{record.where(empty[0])}: the box {corners} has no area in the picture; "
            "yolo.datasets.mended(data) takes such boxes out and lists them"
        )


def letterboxed(view: View, size: int | Sequence[int]) -> View:
    """The whole picture in a canvas of ``size``, aspect kept, centred, the rest grey: what a detector is shown.

    Args:
        view: of any size.
        size: height and width in pixels, or one number for both.

    Raises:
        TypeError, ValueError: a size that is not one or two whole numbers.
    """
    canvas, fit = letterbox(view.image, number_pair("size", size), GREY)
    return view._replace(image=canvas, boxes=to_letterbox(view.boxes, fit))


def stretched(view: View, size: Sequence[int]) -> View:
    """The whole picture made as high and as wide as ``size``: what a `yolo.Detector` with ``stretch`` is shown.

    Args:
        view: of any size.
        size: height and width in pixels.
    """
    scale = np.array([size[1] / view.image.shape[1], size[0] / view.image.shape[0]] * 2, np.float32)
    return view._replace(image=resize(view.image, size), boxes=view.boxes * scale)
