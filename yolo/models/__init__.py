"""The networks, written to be read: Darknet-53, YOLOv3, YOLOv3-SPP, YOLOv3-tiny.

    from yolo import models

    network = models.yolov3_tiny(classes=80, size=416)
    models.load_darknet(network, "yolov3-tiny.weights")
    coarse, fine = network(pictures)     # raw heads (batch, 13, 13, 255) and (batch, 26, 26, 255)

They are the graphs of Darknet's cfg files, with the same weights files; `yolo.darknet` reads any other cfg.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yolo.models.darknet_weights import load_darknet as load_darknet
    from yolo.models.darknet_weights import save_darknet as save_darknet
    from yolo.models.residual_body import darknet53 as darknet53
    from yolo.models.residual_body import darknet53_body as darknet53_body
    from yolo.models.three_scales import yolov3 as yolov3
    from yolo.models.three_scales import yolov3_spp as yolov3_spp
    from yolo.models.two_scales import tiny_body as tiny_body
    from yolo.models.two_scales import yolov3_tiny as yolov3_tiny

_HOME = {
    "darknet53": "residual_body",
    "darknet53_body": "residual_body",
    "load_darknet": "darknet_weights",
    "save_darknet": "darknet_weights",
    "tiny_body": "two_scales",
    "yolov3": "three_scales",
    "yolov3_spp": "three_scales",
    "yolov3_tiny": "two_scales",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'yolo.models' has no attribute {name!r}; it has {', '.join(__all__)}")
    value = getattr(import_module(f"yolo.models.{_HOME[name]}"), name)
    globals()[name] = value
    return value
