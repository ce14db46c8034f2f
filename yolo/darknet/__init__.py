"""Darknet's networks: read a ``.cfg``, its ``.weights``, and have the Keras model that computes the same.

    from yolo import darknet

    network = darknet.read_cfg("yolov3-tiny.cfg")
    weights = darknet.read_weights("yolov3-tiny.weights", network.records)
    model = darknet.build(network, weights)
    print(darknet.verify("yolov3-tiny.cfg", "yolov3-tiny.weights"))

- `read_cfg`, `parse_cfg`: what a cfg describes, with every shape, before memory is taken.
- `read_weights`, `write_weights`: the files, exact to the byte.
- `build`: the Keras model; `save` writes its weights back.
- `verify`: compared with OpenCV, head by head; masks that leave an anchor dead; parameters and operations.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yolo.darknet.building import build as build
    from yolo.darknet.building import save as save
    from yolo.darknet.heads import Head as Head
    from yolo.darknet.network import Network as Network
    from yolo.darknet.network import parse_cfg as parse_cfg
    from yolo.darknet.network import read_cfg as read_cfg
    from yolo.darknet.verification import verify as verify
    from yolo.darknet.weights import Header as Header
    from yolo.darknet.weights import Weights as Weights
    from yolo.darknet.weights import read_weights as read_weights
    from yolo.darknet.weights import write_weights as write_weights

_HOME = {
    "Head": "heads",
    "Header": "weights",
    "Network": "network",
    "Weights": "weights",
    "build": "building",
    "parse_cfg": "network",
    "read_cfg": "network",
    "read_weights": "weights",
    "save": "building",
    "verify": "verification",
    "write_weights": "weights",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'yolo.darknet' has no attribute {name!r}; it has {', '.join(__all__)}")
    value = getattr(import_module(f"yolo.darknet.{_HOME[name]}"), name)
    globals()[name] = value
    return value
