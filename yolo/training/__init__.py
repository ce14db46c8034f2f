"""Training a detector.

- `split(model, layers)`: a model in two, what is frozen and what learns.
- `bottleneck(body, data, size, folder)`: what the frozen part makes of all pictures, calculated once and kept on disk.
"""

from __future__ import annotations

from yolo.training.features import Bottleneck, bottleneck
from yolo.training.splitting import Parts, split

__all__ = ["Bottleneck", "Parts", "bottleneck", "split"]
