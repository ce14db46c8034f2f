"""Training a detector.

    from yolo.augment import augment
    from yolo.training import body_then_all, train
    rows = train(detector, data, body_then_all(5, 40), validation=held_out, augment=augment, run="runs/cells")
    detector("photo.jpg")

- `train`, `Phase`, `body_then_all`: the body frozen, the heads trained, then all; resumable.
- `new_heads`: a detector for other classes that begins with what one has learnt; `expect_little`, for one from scratch.
- `split(model, layers)`: a model in two, what is frozen and what learns.
- `bottleneck(body, data, size, folder)`: what the frozen part makes of all pictures, calculated once and kept on disk;
  ``train(..., features=folder)`` learns from it.
"""

from __future__ import annotations

from yolo.training.features import Bottleneck, bottleneck
from yolo.training.phases import Phase, body_frozen, body_then_all
from yolo.training.procedure import train
from yolo.training.splitting import Parts, split
from yolo.training.transfer import expect_little, new_heads

__all__ = [
    "Bottleneck",
    "Parts",
    "Phase",
    "body_frozen",
    "body_then_all",
    "bottleneck",
    "expect_little",
    "new_heads",
    "split",
    "train",
]
