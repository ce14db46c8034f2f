"""What a training starts with: a detector whose body is kept, or a network that knows nothing; and its anchors."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from data.arguments import number_pair
from data.command_line.training import through_halves
from data.precision import numbers
from yolo import loading
from yolo.anchors import best_possible_recall, cluster, mean_iou, shapes_of
from yolo.detector import STRIDE, Detector

if TYPE_CHECKING:
    from yolo.datasets import DetectionData

HEAD_ONLY, SIZE, FREEZE_EPOCHS = "yolov3-tiny", 416, 4
VIEWS = {"mosaic": 0.5, "mixup": 0.0, "scale": (0.5, 1.5)}
PROBE = 64  # pixels of a picture on which two networks are compared
WIDEST = 1024  # filters of a network of width 1
RESTARTS = 5  # of the clustering


class Start(NamedTuple):
    """What is known before the data are."""

    network: str
    """Name of the function in `yolo.models`."""
    arguments: dict[str, Any]
    """Of this function, as a card can hold them."""
    anchors: list[np.ndarray]
    """For each head, coarse to fine, (anchors, 2), pixels of the input."""
    size: tuple[int, int]
    detector: Detector | None
    """Whose body is kept; None: nothing is known."""


def complete(options: argparse.Namespace) -> None:
    """Fill in what was not said, and refuse what does not go together; all that needs neither data nor weights.

    Raises:
        ValueError: options that do not go together; a size that is no multiple of 32.
    """
    if options.cfg and not options.weights:
        raise ValueError("--cfg says how Darknet's --weights are to be read; name them, too")
    if options.weights and (options.network or options.width):
        raise ValueError(f"--network and --width are for a start from scratch; '{options.weights}' is a network")
    if options.head_only:
        names = ("freeze_epochs", "multi_scale", *VIEWS)
        values = {name: getattr(options, name) for name in names}
        given = [name for name, value in values.items() if value is not None and value is not False]  # 0 is said, too
        if given:
            raise ValueError(f"--{given[0].replace('_', '-')} does not go with --head-only: the body stays as it is, "
                             "and so do the pictures")  # fmt: skip
        if options.network or options.width:
            raise ValueError("--head-only wants a body that has learnt: --weights, and neither --network nor --width")
        options.weights = options.weights or HEAD_ONLY
        options.freeze_epochs = 0
    else:
        for name, usual in VIEWS.items():
            if getattr(options, name) is None:
                setattr(options, name, usual)
    if options.freeze_epochs is None:
        options.freeze_epochs = FREEZE_EPOCHS if options.weights else 0
    if not options.weights:
        options.network, options.width = options.network or "yolov3_tiny", options.width or 1.0
    if not options.hold_out and (options.patience or options.keep == "best"):
        raise ValueError("--patience and --keep best go by the pictures that are held out; --hold-out is 0")
    if options.ema == 1:
        raise ValueError("--ema is 1: nothing would ever be learnt; .99, say, is wanted")
    if options.size is not None:
        height, width = number_pair("size", options.size)
        if height % STRIDE or width % STRIDE:
            raise ValueError(f"--size is {height}x{width}; multiples of {STRIDE} are wanted, the coarsest cell's side")


def open_start(options: argparse.Namespace) -> Start:
    """What ``--weights``, or ``--network`` and ``--width``, stand for.

    Raises:
        OSError, ValueError: as `yolo.load`; a network that is none of `yolo.models`.
    """
    size = None if options.size is None else number_pair("size", options.size)
    if not options.weights:
        return Start(options.network, {"width": options.width}, _usual(options.network), size or (SIZE, SIZE), None)
    if options.cfg:
        name, arguments, detector = _of_cfg(options.cfg, options.weights)
    else:
        detector = loading.load(options.weights)
        if "network" not in detector.card and options.weights != HEAD_ONLY:
            raise ValueError(f"--weights {options.weights}: {_NO_START}")
        name, arguments = detector.card.get("network", "yolov3_tiny"), detector.card.get("arguments", {})
    return Start(name, arguments, list(detector.anchors), size or detector.size, detector)


def with_heads(start: Start, names: Sequence[str], anchors: Sequence[np.ndarray], seed: int) -> Detector:
    """The detector that is to learn, built under the dtype policy of the moment: new heads, random by the seed."""
    import keras

    from yolo.training import expect_little, new_heads

    keras.utils.set_random_seed(seed)
    if start.detector is None:
        network = loading.build(_described(start, names, anchors))
        expect_little(network, [len(one) for one in anchors])
        return Detector(network, names, anchors, start.size)
    # A letterbox, whatever the start was trained with: views keep the aspect of the pictures.
    return new_heads(replace(start.detector, stretch=False), names, anchors, size=start.size)


def as_shipped(detector: Detector, start: Start, rate: float) -> Detector:
    """The detector that whoever loads the file will have: float32, with weights that went through float16.

    Raises:
        ValueError: the weights grew beyond what float16 holds.
    """
    weights = through_halves(detector.network, rate)
    with numbers("float32"):
        network = loading.build(_described(start, detector.names, detector.anchors))
    network.set_weights(weights)
    return Detector(network, detector.names, detector.anchors, detector.size)


def clustered(data: DetectionData, start: Start, seed: int) -> list[np.ndarray]:
    """Anchors for the shapes of a data set, as many for each head as there were, the largest for the coarsest.

    Raises:
        ValueError: fewer different shapes than anchors.
    """
    counts = [len(one) for one in start.anchors]
    try:
        found = cluster(shapes_of(data, start.size), sum(counts), seed=seed, restarts=RESTARTS).anchors
    except ValueError as error:
        raise ValueError(f"--anchors cluster: {error}; --anchors keep takes those that there are") from None
    found, bounds = np.round(found, 2), np.cumsum([0, *counts[::-1]])
    return [found[low:high].astype(np.float32) for low, high in pairwise(bounds)][::-1]


def in_words(anchors: Sequence[np.ndarray], data: DetectionData, size: tuple[int, int]) -> str:
    """The anchors, and how well they fit the boxes of a data set."""
    every = np.unique(np.concatenate(anchors), axis=0)  # the official YOLOv3-tiny has one in two heads
    every = every[np.argsort(every.prod(axis=1), kind="stable")]
    shapes = shapes_of(data, size)
    listed = " ".join(f"{width:g}x{height:g}" for width, height in every.round(1).tolist())
    return (
        f"{listed} (width x height): mean IoU {mean_iou(shapes, every):.3f}, best possible recall "
        f"{best_possible_recall(shapes, every):.3f}"
    )


def _described(start: Start, names: Sequence[str], anchors: Sequence[np.ndarray]) -> dict[str, Any]:
    return {"network": start.network, "arguments": start.arguments, "class_names": names, "anchors": anchors}


def _usual(network: str) -> list[np.ndarray]:
    from yolo.anchors import YOLOV3_ANCHORS, YOLOV3_MASKS
    from yolo.models.two_scales import ANCHORS, MASKS

    anchors, masks = (ANCHORS, MASKS) if network == "yolov3_tiny" else (YOLOV3_ANCHORS, YOLOV3_MASKS)
    return [np.float32([anchors[index] for index in mask]) for mask in masks]


_NO_START = (
    f"a training starts from a network of yolo.models ({', '.join(loading.NETWORKS)}), of any width, so that its card "
    "can say how to build it; this one is another"
)


def _of_cfg(cfg: str, weights: str) -> tuple[str, dict[str, Any], Detector]:
    """Darknet's files as a network of `yolo.models`, if they are one of a single width."""
    from yolo.models import load_darknet

    given = loading.load(cfg, weights)
    if not given.logistic:
        raise ValueError(f"--cfg {cfg}: a YOLOv2, with a softmax over its classes; the loss of YOLOv3 is not for it")
    small = loading.load(cfg, weights, size=PROBE).network
    # Of the widest layer but the heads, which alone have a bias.
    filters = max(getattr(layer, "filters", 0) for layer in small.layers if not getattr(layer, "use_bias", True))
    picture = np.random.default_rng(0).random((1, PROBE, PROBE, 3), np.float32)
    for name in loading.NETWORKS:
        arguments = {"width": filters / WIDEST}
        facts = {"network": name, "arguments": arguments, "class_names": given.names, "anchors": given.anchors}
        try:
            network = loading.build(facts)
            load_darknet(network, weights)
            detector = Detector(network, given.names, given.anchors, given.size)
        except ValueError:  # not this one
            continue
        pairs = zip(network(picture), small(picture), strict=True)
        if all(np.allclose(ours, theirs, rtol=1e-3, atol=1e-3) for ours, theirs in pairs):
            return name, arguments, detector
    raise ValueError(f"--cfg {cfg}: {_NO_START}")
