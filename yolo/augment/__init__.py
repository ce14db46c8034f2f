"""Random views of a picture together with its boxes, on NumPy and OpenCV: a picture of 416 in a few milliseconds.

    from yolo.augment import augment
    view = augment(train, 3, seed=(0, 5), size=416)     # a random view of picture 3: the same seed, the same view
    batches = train.as_tf_data(416, batch=8, seed=0, augment=augment)

- `View`: a picture and its boxes; `view_of(record)` reads one, `letterboxed(view, size)` fits it into the input.
- `augment(data, index, seed, size)`: all of the following, with chances that can be given.
- `jitter`: scale, stretch and crop in one step, `place` does it as told; boxes are cut, hidden ones left out.
- `flip`, `shift_hsv`: mirrored; hue, saturation and value by tables that cannot wrap.
- `mosaic`, `mixup`: four pictures in one, two pictures blended.
"""

from __future__ import annotations

from yolo.augment.colour import hsv_tables, shift_hsv
from yolo.augment.geometry import flip, jitter, place
from yolo.augment.mixing import mixup, mosaic
from yolo.augment.random_views import augment
from yolo.augment.views import View, letterboxed, view_of

__all__ = [
    "View",
    "augment",
    "flip",
    "hsv_tables",
    "jitter",
    "letterboxed",
    "mixup",
    "mosaic",
    "place",
    "shift_hsv",
    "view_of",
]
