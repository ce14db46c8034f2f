"""Where a picture lies in its view: scaled, stretched, cropped, mirrored, and its boxes with it.

A point x of the picture is at ``scale_x * x + left`` of the view, y likewise; points are those of the pixels' edges.
All of it is one map, so that the picture is interpolated once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from data.arguments import number_pair
from yolo.augment.checks import between, bounds
from yolo.augment.views import GREY, View
from yolo.boxes import clip, flip_left_right

HIDDEN = 0.25
"""Boxes of which less than this share is seen are left out: too little to tell by what it is."""
SMALLEST = 1.0
"""So are boxes that are less than this many pixels wide or high."""


def place(
    view: View,
    size: int | Sequence[int],
    scale: Sequence[float],
    corner: Sequence[float],
    *,
    visible: float = HIDDEN,
) -> View:
    """The picture scaled, with its first corner at a place of a canvas that may be smaller or larger.

    Boxes are cut at the canvas. Those of which less than the share ``visible`` is left, or less than a pixel, are
    left out: the picture does not show what they are.

    Args:
        view: the picture.
        size: height and width of the canvas in pixels, or one number for both.
        scale: vertical and horizontal, more than 0.
        corner: top and left in pixels of the canvas; negative where the picture begins outside.
        visible: share of a box's area in 0..1.

    Raises:
        TypeError, ValueError: arguments of another kind or range.

    >>> view = View(np.zeros((4, 8, 3), np.uint8), np.float32([[2, 1, 6, 3]]), np.array([0]), np.ones(1, np.float32))
    >>> place(view, (8, 8), (2, 2), (0, -8)).boxes.tolist()  # twice as large, the right half of it
    [[0.0, 2.0, 4.0, 6.0]]
    """
    import cv2

    height, width = number_pair("size", size)
    scale_y, scale_x = (between("scale", one, 1e-3, 1e3) for one in scale)
    top, left = corner
    image = view.image
    # Where many pixels become one they are averaged first, in whole blocks; bilinear reads no more than two by two.
    block_y, block_x = max(1, int(1 / scale_y)), max(1, int(1 / scale_x))
    if max(block_y, block_x) > 1:
        below, beside = -image.shape[0] % block_y, -image.shape[1] % block_x
        if below or beside:
            image = cv2.copyMakeBorder(image, 0, below, 0, beside, cv2.BORDER_REPLICATE)
        fewer = image.shape[1] // block_x, image.shape[0] // block_y
        image = cv2.resize(image, fewer, interpolation=cv2.INTER_AREA)
    step_y, step_x = 1 / (scale_y * block_y), 1 / (scale_x * block_x)  # pixels of the image for one of the canvas
    # OpenCV counts from the centre of the first pixel, which is half a pixel from its edge.
    back = np.array([[step_x, 0, (0.5 - left) * step_x - 0.5], [0, step_y, (0.5 - top) * step_y - 0.5]])
    canvas = cv2.warpAffine(
        image,
        back,
        (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(GREY,) * 3,
    )
    moved = view.boxes * np.float32([scale_x, scale_y] * 2) + np.float32([left, top] * 2)
    boxes, seen = clip(moved, (height, width))
    # Single precision: a box that is wholly inside may come out as .9999999.
    keep = (seen >= between("visible", visible, 0, 1) - 1e-5) & (boxes[:, 2:] - boxes[:, :2] >= SMALLEST).all(axis=1)
    return View(canvas, boxes[keep], view.classes[keep], view.weights[keep])


def jitter(
    view: View,
    size: int | Sequence[int],
    generator: np.random.Generator,
    *,
    scale: Sequence[float] = (0.5, 1.5),
    stretch: float = 1.5,
    visible: float = HIDDEN,
    whole: int | Sequence[int] | None = None,
) -> View:
    """The picture at a random scale, aspect and place: Darknet's augmentation.

    Args:
        view: the picture.
        size: height and width of the canvas in pixels, or one number for both.
        generator: for four draws.
        scale: least and largest enlargement, log-uniform between them; 1 is the letterbox's, which shows the whole
            picture as large as it fits.
        stretch: width to height changes by a factor log-uniform in ``1 / stretch .. stretch``; 1: aspect kept. 1.5
            spreads as much as Darknet's ``jitter=.3``.
        visible: as in `place`.
        whole: the size whose letterbox is scale 1, where the canvas is but a part of a view. None: the canvas.

    Where the canvas has room to spare the picture lies anywhere in it, where it is too small it shows any part.

    Raises:
        TypeError, ValueError: arguments of another kind or range.
    """
    sides = np.array(number_pair("size", size))
    picture = np.array(view.image.shape[:2])
    fit = (sides if whole is None else np.array(number_pair("whole", whole))) / picture
    least, largest = bounds("scale", scale)
    widest = math.log(between("stretch", stretch, 1, 100))
    draws = generator.random(4)
    enlargement = fit.min() * math.exp(math.log(least) + draws[0] * math.log(largest / least))
    wider = math.exp((draws[1] - 0.5) * widest)  # half of it in width, half in height: the area stays
    factors = enlargement * np.array([1 / wider, wider])
    return place(view, sides.tolist(), factors, draws[2:] * (sides - factors * picture), visible=visible)


def flip(view: View) -> View:
    """Left and right exchanged."""
    import cv2

    return view._replace(image=cv2.flip(view.image, 1), boxes=flip_left_right(view.boxes, view.image.shape[1]))
