"""The losses of YOLO v1, v2 and v3, Darknet's, each as its terms.

    terms = loss_v3(heads, boxes, classes, YOLOV3_ANCHORS, YOLOV3_MASKS, size)
    loss = tf.reduce_mean(terms.total)       # terms.box, .objectness, .no_objectness, .classes: (batch,) each

A function takes raw heads and the truths of a batch (`yolo.targets.pad_truths`) and returns one number of each term for
each picture. All in TensorFlow, without a loop over pictures: eager, in a ``tf.function``, under XLA. Finite logits
give finite losses and gradients. Calculated in float32 where the heads are of half precision.

`darknet_delta` is what Darknet itself computes: its delta and the cost that it prints.

Importing this imports no TensorFlow.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yolo.losses.darknet import darknet_delta as darknet_delta
    from yolo.losses.terms import Terms as Terms
    from yolo.losses.v1 import loss_v1 as loss_v1
    from yolo.losses.v2 import loss_v2 as loss_v2
    from yolo.losses.v3 import loss_v3 as loss_v3

_HOME = {"Terms": "terms", "darknet_delta": "darknet", "loss_v1": "v1", "loss_v2": "v2", "loss_v3": "v3"}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'yolo.losses' has no attribute {name!r}; it has {', '.join(__all__)}")
    value = getattr(import_module(f"yolo.losses.{_HOME[name]}"), name)
    globals()[name] = value
    return value
