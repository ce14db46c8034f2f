"""fcn: every pixel a class. Semantic segmentation with fully convolutional networks.

============================  ==========================================================================================
`fcn.arithmetic`              sizes, receptive fields, parameters and multiply-adds of any Keras model
`fcn.matrix`                  a convolution as a matrix, its transpose, im2col
`fcn.sliding`                 where the windows of a convolution stand
`fcn.convolutions`            the relatives: dilated, separable, grouped, deformable, involution
`fcn.upsampling`              zeros put in, then a filter: nearest, bilinear, bicubic
`fcn.interpolation`           the filters, and where samples lie
`fcn.layers`                  unpooling, bilinear and sub-pixel upsampling as Keras layers
`fcn.initializers`            a transposed convolution that starts as interpolation
`fcn.checkerboard`            the artefacts of transposed convolution, measured
`fcn.plots`                   all of it, drawn
`fcn.models`                  SegNet, FCN, U-Net and its kin, PSPNet, DeepLab
`fcn.datasets`                pairs of image and label: folders, CamVid, VOC, drawn scenes; a linter for labels
`fcn.augment`                 flip, scale, rotate, crop, photometric: image and label together, in the graph
`fcn.losses`                  cross-entropy, focal, Dice, Jaccard, Lovasz; median frequency balancing
`fcn.metrics`                 mean IoU and its relatives over a whole set, boundary F1
`fcn.training`                in phases, resumable, mean IoU while it learns; `evaluate` measures on a whole set
`fcn.prediction`              from photographs to the class of every pixel
`fcn.segmenter`               trained networks that ship with the lectures: `fcn.load()`
`fcn.family`                  networks of one size, trained alike on drawn scenes, to be compared
`python -m fcn`               train, evaluate, predict, overlay, lint
============================  ==========================================================================================
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fcn.prediction import predict as predict
    from fcn.segmenter import Segmenter as Segmenter
    from fcn.segmenter import load as load

_HOME = {"Segmenter": "segmenter", "load": "segmenter", "predict": "prediction"}

__all__ = ["Segmenter", "load", "predict"]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'fcn' has no attribute {name!r}; it has {', '.join(__all__)}, and its modules")
    value = getattr(import_module(f"fcn.{_HOME[name]}"), name)
    globals()[name] = value  # the next look-up finds it without coming here
    return value
