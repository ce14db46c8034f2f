"""Targets: which prediction has to learn which truth. YOLO v1, v2 and v3, as Darknet does it.

A YOLO network predicts everything everywhere; a loss begins with the question which of its predictions an object
belongs to. The cell is that of the object's centre, always. In the cell

- v1 chooses by what the network says at that moment: the box with the largest IoU (`yolo.losses.v1`);
- v2 chooses the anchor whose shape is nearest to the object's (`assign_v2`);
- v3 does so among the anchors of all scales, so that it chooses the scale too (`assign_v3`).

All in TensorFlow, for a whole batch without a loop: eager, in a ``tf.function``, under XLA and in ``tf.data``.
Importing this imports no TensorFlow.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yolo.targets.truths import pad_truths as pad_truths
    from yolo.targets.v1 import assign_v1 as assign_v1
    from yolo.targets.v2 import assign_v2 as assign_v2
    from yolo.targets.v3 import assign_v3 as assign_v3

_HOME = {"assign_v1": "v1", "assign_v2": "v2", "assign_v3": "v3", "pad_truths": "truths"}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'yolo.targets' has no attribute {name!r}; it has {', '.join(__all__)}")
    value = getattr(import_module(f"yolo.targets.{_HOME[name]}"), name)
    globals()[name] = value
    return value
