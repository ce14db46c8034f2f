"""Several pictures in one: `mosaic` puts four side by side, `mixup` shows two through each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data.arguments import number_pair
from yolo.augment.checks import between
from yolo.augment.geometry import HIDDEN, jitter
from yolo.augment.views import View

OFF_CENTRE = 0.2
"""Share of the side by which the four corners may meet off the middle of a mosaic."""


def mosaic(
    views: Sequence[View],
    size: int | Sequence[int],
    generator: np.random.Generator,
    *,
    scale: Sequence[float] = (0.5, 1.2),
    stretch: float = 1.5,
    visible: float = HIDDEN,
) -> View:
    """Four pictures around a random point: objects are smaller, and next to others than they are used to.

    Bochkovskiy, Wang and Liao 2020, "YOLOv4", section 3.3. Each quarter is a `jitter` of its picture.

    Args:
        views: four, upper left, upper right, lower left, lower right.
        size: height and width in pixels, at least 2, or one number for both.
        generator: for the point, then for each picture.
        scale: as in `jitter`; 1 is that of a picture that has the view for itself, 0.5 about fits into a quarter.
        stretch: likewise.
        visible: likewise.

    Raises:
        TypeError, ValueError: another number of views; arguments of another kind or range.
    """
    if len(views) != 4:
        raise ValueError(f"views are {len(views)}; four are wanted")
    height, width = number_pair("size", size, 2)
    shares = 0.5 + OFF_CENTRE * (2 * generator.random(2) - 1)
    middle_y, middle_x = (min(max(1, round(share * side)), side - 1) for share, side in zip(shares, (height, width)))
    canvas = np.empty((height, width, 3), np.uint8)
    parts = []
    quarters = [
        (rows, columns)
        for rows in ((0, middle_y), (middle_y, height))
        for columns in ((0, middle_x), (middle_x, width))
    ]
    options = {"scale": scale, "stretch": stretch, "visible": visible, "whole": (height, width)}
    for view, ((top, bottom), (left, right)) in zip(views, quarters):
        part = jitter(view, (bottom - top, right - left), generator, **options)
        canvas[top:bottom, left:right] = part.image
        parts.append(part._replace(boxes=part.boxes + np.float32([left, top, left, top])))
    return _together(canvas, parts)


def mixup(first: View, second: View, share: float) -> View:
    """Two pictures of one size shown through each other; each box counts by the share of its picture.

    Zhang et al. 2019, "Bag of Freebies for Training Object Detection Neural Networks", section 3.1.

    Args:
        first: counts by ``share``.
        second: by the rest.
        share: 0..1.

    Raises:
        TypeError, ValueError: sizes that differ; a share outside 0..1.
    """
    import cv2

    share = between("share", share, 0, 1)
    if first.image.shape != second.image.shape:
        raise ValueError(f"the pictures have shapes {first.image.shape} and {second.image.shape}; they must be equal")
    blend = cv2.addWeighted(first.image, share, second.image, 1 - share, 0)
    faded = [
        view._replace(weights=view.weights * np.float32(part)) for view, part in ((first, share), (second, 1 - share))
    ]
    return _together(blend, faded)


def _together(image: np.ndarray, parts: Sequence[View]) -> View:
    return View(image, *(np.concatenate([getattr(part, name) for part in parts]) for name in View._fields[1:]))
