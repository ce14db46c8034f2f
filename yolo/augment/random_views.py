"""`augment`: a random view of a picture of a data set, which its seed alone decides."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from data.arguments import number_pair, whole_number
from yolo.augment.checks import between
from yolo.augment.colour import shift_hsv
from yolo.augment.geometry import HIDDEN, jitter
from yolo.augment.geometry import flip as mirrored
from yolo.augment.mixing import mixup as blended
from yolo.augment.mixing import mosaic as four_in_one
from yolo.augment.views import View, view_of
from yolo.datasets.records import Record

PICTURES = 5
"""A view shows at most so many pictures: four in a mosaic, and one blended with it."""
BLEND = 1.5
"""Both parameters of the beta distribution of the shares in a blend (Zhang et al. 2019)."""


def augment(
    data: Sequence[Record],
    index: int,
    seed: int | Sequence[int],
    size: int | Sequence[int],
    *,
    mosaic: float = 0.5,
    mixup: float = 0.0,
    flip: float = 0.5,
    scale: Sequence[float] = (0.5, 1.5),
    stretch: float = 1.5,
    mosaic_scale: Sequence[float] = (0.5, 1.2),
    visible: float = HIDDEN,
    hue: float = 0.1,
    saturation: float = 1.5,
    value: float = 1.5,
) -> View:
    """A random view of a picture. The same seed gives the same view, whatever was drawn before.

    Args:
        data: records; the other pictures of a mosaic and of a blend are drawn from them.
        index: of the picture.
        seed: whole numbers from 0 on, one or several.
        size: height and width in pixels, or one number for both.
        mosaic: chance that the picture is one of four, see `yolo.augment.mosaic`; 0 for never.
        mixup: chance that it is blended with another one, see `yolo.augment.mixup`. The loss must take weights.
        flip: chance of left and right exchanged.
        scale: least and largest enlargement of a picture that is alone, see `yolo.augment.jitter`.
        stretch: largest change of the aspect, see there.
        mosaic_scale: in place of ``scale`` in a mosaic, see there.
        visible: boxes of which a crop leaves less than this share are left out.
        hue: largest turn either way, as a share of the colour circle.
        saturation: largest factor; log-uniform in ``1 / saturation .. saturation``.
        value: likewise. These defaults are those of Darknet's yolov3.cfg.

    Raises:
        TypeError, ValueError: arguments of another kind or range; as `yolo.augment.view_of`.
    """
    sides = number_pair("size", size)
    chances = {"mosaic": mosaic, "mixup": mixup, "flip": flip}
    for name, chance in chances.items():
        between(name, chance, 0, 1)
    limits = [math.log(between(name, limit, 1, 100)) for name, limit in (("saturation", saturation), ("value", value))]
    between("hue", hue, 0, 0.5)
    options: dict[str, Any] = {"stretch": stretch, "visible": visible}
    generator = np.random.default_rng(seed)
    happens = dict(zip(chances, generator.random(len(chances)) < list(chances.values())))
    others = generator.integers(len(data), size=PICTURES - 1)
    place = generator.integers(4)
    colours = 2 * generator.random(3) - 1

    view = view_of(data[whole_number("index", index, 0)])
    if happens["mosaic"]:
        four = [view_of(data[int(other)]) for other in others[:3]]
        four.insert(place, view)
        view = four_in_one(four, sides, generator, scale=mosaic_scale, **options)
    else:
        view = jitter(view, sides, generator, scale=scale, **options)
    if happens["mixup"]:
        second = jitter(view_of(data[int(others[3])]), sides, generator, scale=scale, **options)
        view = blended(view, second, generator.beta(BLEND, BLEND))
    if happens["flip"]:
        view = mirrored(view)
    return view._replace(
        image=shift_hsv(
            view.image, hue * colours[0], *(math.exp(limit * draw) for limit, draw in zip(limits, colours[1:]))
        )
    )
