"""Where detectors come from: those that ship, those that are downloaded, and anybody's files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data.arguments import number_pair, one_of
from data.shipped import ENDING, card, card_names, names_of, weights_file, write_half
from yolo.detector import Detector

if TYPE_CHECKING:
    import keras

SHIPPED = "scenes"
NETWORKS = ("yolov3", "yolov3_spp", "yolov3_tiny")
"""Functions of `yolo.models` that a card may name."""
ENTRIES = ("network", "arguments", "class_names", "anchors", "size", "sha256")  # that a card must have
FETCHED = {
    "yolov3-tiny": "Darknet's official YOLOv3-tiny, 80 classes of COCO (35 MB)",
    "yolo-fastest": "Yolo-Fastest 1.1, 80 classes of COCO (1.4 MB)",
    "yolov3-tiny-aix": "a narrow YOLOv3-tiny, 60 groceries (6 MB)",
}
"""Name -> what it is, of the detectors that `data.fetch` downloads."""
# cfg, weights and names inside the folder of the asset
_FILES = {
    "yolo-fastest": ("yolo-fastest-1.1.cfg", "yolo-fastest-1.1.weights", "coco.names"),
    "yolov3-tiny-aix": ("yolov3-tiny-aix2022.cfg", "yolov3-tiny-aix2022.weights", "yolohw.names"),
}
Path_ = str | os.PathLike[str]


def load(
    name: Path_ = SHIPPED,
    weights: Path_ | None = None,
    *,
    names: Sequence[str] | Path_ | None = None,
    size: int | Sequence[int] | None = None,
    dtype: str = "float32",
    stretch: bool | None = None,
) -> Detector:
    """A trained detector.

        yolo.load()                                   # what ships, if this version has one: see `available`
        yolo.load("yolov3-tiny")                      # Darknet's official weights, downloaded once, their hash checked
        yolo.load("x.cfg", "x.weights", names="x.names")
        yolo.load("runs/cells/cells.weights.h5")      # what `export` wrote

    Args:
        name: of a detector that ships (`available`) or is downloaded (`FETCHED`); or a file: Darknet's cfg, or weights
            that `export` wrote with a card beside them.
        weights: Darknet's weights file, with a cfg.
        names: of the classes of a cfg: a sequence, or a file with one in each line. None: "class 0", ...
        size: height and width of the network's input, multiples of 32, or one number for both; None: its own.
        dtype: "float32", "bfloat16" or "auto": see `yolo.inference.Inference`.
        stretch: see `Detector`; None: as it was trained where that is known, else False.

    Raises:
        ValueError: no such detector, with those that there are; files that do not fit together; a head that is decoded
            in another way than YOLOv2's or v3's.
        OSError: a file that cannot be read.
        data.assets.AssetUnavailableError, data.assets.HashMismatchError: as `data.fetch`.
    """
    text = os.fspath(name)
    if weights is not None or text.lower().endswith(".cfg"):
        if weights is None:
            raise ValueError(f"name is the cfg {text!r}; its weights file is wanted, too: load('x.cfg', 'x.weights')")
        return _from_darknet(name, weights, names, size, dtype=dtype, stretch=bool(stretch))
    if names is not None:
        raise ValueError(f"names are for a cfg and its weights; {text!r} has its own")
    if text.endswith(ENDING):
        path = Path(text)
        if not path.is_file():
            raise FileNotFoundError(f"there is no weights file '{path}'")
        return _changed(_from_card(path.name.removesuffix(ENDING), path.parent), size, dtype, stretch)
    if text in FETCHED:
        return _fetched(text, size, dtype, stretch)
    if text in card_names():
        card(text, "network")  # says what is wrong with it, if something is
    if text not in available():
        raise ValueError(f"name is {text!r}; {_choice()}")
    return _changed(_from_card(text, None), size, dtype, stretch)


def available() -> tuple[str, ...]:
    """The names of all detectors that ship."""
    return names_of(NETWORKS)


def export(
    network: keras.Model,
    path: Path_,
    *,
    name: str,
    arguments: dict[str, Any],
    class_names: Sequence[str],
    anchors: Sequence[Any],
    size: int | Sequence[int],
    stretch: bool = False,
    facts: dict[str, Any],
) -> None:
    """Write a trained network's weights as float16, and their card: what `load` reads.

    Args:
        network: trained.
        path: ends in ``.weights.h5``; the card is written beside it.
        name: of the function in `yolo.models` that built the network.
        arguments: with which it built it, without classes, size and number of anchors: ``{"width": 0.25}``.
        class_names: of the classes.
        anchors: for each head (anchors, 2), pixels of the network's input.
        size: height and width of the input that it is to be used with.
        stretch: whether pictures are to be stretched to it: see `Detector`.
        facts: what else the card says: what it is, command, data, seed, figures.

    Raises:
        TypeError: arguments or facts that JSON cannot hold.
        ValueError: ``name`` and ``arguments`` build another network; names, anchors or size that do not fit it; weights
            that float16 cannot hold.
    """
    detector = Detector(network, class_names, anchors, size)  # refuses what does not fit
    described = {
        "network": name,
        "arguments": arguments,
        "class_names": list(class_names),
        "anchors": [np.round(one.astype(np.float64), 3).tolist() for one in detector.anchors],
        "size": list(detector.size),
        "stretch": bool(stretch),
    }
    write_half(network, lambda: build(described), path, {**facts, **described}, what=f"{name}({arguments})")


def build(facts: Mapping[str, Any]) -> keras.Model:
    """The network that a card describes, with random weights, under the dtype policy of the moment.

    Args:
        facts: ``network``, ``arguments``, ``class_names`` and ``anchors``, as `export` writes them.

    Raises:
        ValueError: no such network.
    """
    one_of("network", facts["network"], NETWORKS)
    function = getattr(import_module("yolo.models"), facts["network"])
    return function(len(facts["class_names"]), anchors=len(facts["anchors"][0]), **facts["arguments"])


def _from_card(name: str, folder: Path | None) -> Detector:
    facts = card(name, *ENTRIES, folder=folder)
    with weights_file(name, folder) as path:
        try:
            network = build(facts)
            network.load_weights(path)
            kept = facts["class_names"], facts["anchors"], facts["size"]
            return Detector(network, *kept, stretch=bool(facts.get("stretch")), card=facts)
        except (TypeError, ValueError, IndexError) as error:
            raise ValueError(f"the card of {name!r} does not fit its weights: {error}") from error


def _changed(detector: Detector, size: Any, dtype: str, stretch: bool | None) -> Detector:
    changes = {"size": size, "stretch": stretch}
    return replace(detector, dtype=dtype, **{name: value for name, value in changes.items() if value is not None})


def _fetched(name: str, size: Any, dtype: str, stretch: bool | None) -> Detector:
    from data import fetch

    if name in _FILES:
        folder = fetch(name)
        cfg, weights, names = (folder / file for file in _FILES[name])
        # Both were trained with pictures that are stretched.
        options = {"dtype": dtype, "stretch": stretch is None or stretch, "card": {"what": FETCHED[name]}}
        return _from_darknet(cfg, weights, names, size, **options)
    from yolo.coco import COCO_NAMES
    from yolo.models import load_darknet, yolov3_tiny
    from yolo.models.two_scales import ANCHORS, OFFICIAL_MASKS

    file = fetch("yolov3-tiny.weights")
    network = yolov3_tiny(len(COCO_NAMES))
    load_darknet(network, file)
    anchors = [[ANCHORS[index] for index in mask] for mask in OFFICIAL_MASKS]
    detector = Detector(network, COCO_NAMES, anchors, 416, card={"what": FETCHED[name]})
    return _changed(detector, size, dtype, stretch)


def _from_darknet(cfg: Path_, weights: Path_, names: Any, size: Any, **options: Any) -> Detector:
    from yolo.darknet import build, read_cfg, read_weights
    from yolo.datasets.yolo_txt import read_names

    network = read_cfg(cfg, None if size is None else number_pair("size", size))
    heads = network.heads
    if not heads:
        raise ValueError(f"{network.source} has no detection head: it is no detector")
    for head in heads:
        if head.kind == "detection":
            raise ValueError(f"{network.source}: {head.name} is a head of YOLOv1; v2's and v3's are decoded")
        if head.new_coords or head.scale_x_y != 1:
            raise ValueError(
                f"{network.source}: {head.name} has scale_x_y={head.scale_x_y:g}, new_coords={int(head.new_coords)}: "
                "YOLOv4's way to place boxes, which is not offered; YOLOv2's and v3's is"
            )
    softmax = {head.kind == "region" and head.softmax for head in heads}
    classes = {head.classes for head in heads}
    if len(softmax) > 1 or len(classes) > 1:
        raise ValueError(f"{network.source}: its heads differ in their classes, and cannot be decoded together")
    (count,) = classes
    if names is None:
        names = [f"class {number}" for number in range(count)]
    elif isinstance(names, (str, os.PathLike)):
        names = read_names(names)
    if len(names) != count:
        raise ValueError(f"there are {len(names)} names, and {network.source} has {count} classes")
    model = build(network, read_weights(weights, network.records))
    anchors = [head.anchors for head in heads]
    return Detector(model, names, anchors, network.size, logistic=not softmax.pop(), **options)


def _choice() -> str:
    there = available()
    shipped = f"detectors that ship: {', '.join(there)}" if there else "no detector ships with this version"
    return f"{shipped}; downloaded: {', '.join(FETCHED)}; or files: load('x.cfg', 'x.weights'), load('x{ENDING}')"
