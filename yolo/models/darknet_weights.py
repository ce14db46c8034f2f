"""Darknet's weights files and the networks of `yolo.models`.

A file holds the layers in the order in which Darknet runs them: the body, then for each head from coarse to fine the
way to it, its neck and itself. The parts of our networks have names that say which they are, so that this order can be
written down once for all of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import keras

from yolo.darknet.keras_weights import Unit, assign, collect, units
from yolo.darknet.records import Record
from yolo.darknet.weights import Header, Weights, read_weights, write_weights

ORDER = ("body", *(f"{part}_{stride}" for stride in (32, 16, 8) for part in ("lateral", "neck", "head")), "classifier")
"""Parts in the order of the file; a network has those that it needs."""


def darknet_units(model: keras.Model) -> list[tuple[str, Unit]]:
    """A network's convolutions in the order of Darknet's file, with their path: ``("neck_32/squeeze1", unit)``.

    Raises:
        ValueError: a part with weights whose place in the file is not known.
    """
    parts = {layer.name: layer for layer in model.layers if layer.weights}
    if strange := sorted(set(parts) - set(ORDER)):
        raise ValueError(f"{model.name} has parts that no Darknet file holds: {', '.join(strange)}")
    found = []
    for part in (name for name in ORDER if name in parts):
        for unit in units(_layers(parts[part])):
            inside = isinstance(parts[part], keras.Model)
            found.append((f"{part}/{unit.layer.name}" if inside else part, unit))
    return found


def load_darknet(model: keras.Model, source: str | os.PathLike[str] | bytes, *, cut_off: bool = False) -> Weights:
    """Set a network's weights from a Darknet file.

    Args:
        model: from ``yolov3``, ``yolov3_tiny``, ``yolov3_spp`` or ``darknet53``.
        source: the file, or its bytes.
        cut_off: accept a file of the first layers only, as darknet53.conv.74, which is the whole body of YOLOv3.

    Returns:
        What was read: its ``layers`` are those that were set.

    Raises:
        ValueError: the file does not fit, with the layer where it ends or the bytes that are left; nothing is set.
    """
    named = darknet_units(model)
    weights = read_weights(source, _records(named), cut_off=cut_off)
    for path, unit in named:
        if path in weights.layers:
            assign([unit], Weights(weights.header, {unit.layer.name: weights.layers[path]}))
    return weights


def save_darknet(path: str | os.PathLike[str], model: keras.Model, header: Header | None = None) -> None:
    """Write a network's weights as a file for Darknet and OpenCV; ``load_darknet`` gives the same to the bit."""
    named = darknet_units(model)
    layers = {path_: collect([unit]).layers[unit.layer.name] for path_, unit in named}
    write_weights(path, Weights(header or Header(), layers), _records(named))


def _records(named: list[tuple[str, Unit]]) -> list[Record]:
    return [Record(path, unit.record.parts) for path, unit in named]


def _layers(part: keras.layers.Layer) -> Iterator[keras.layers.Layer]:
    """The layers of a part; every part is a chain but for shortcuts, so that Keras's order is the order of running."""
    yield from part.layers if isinstance(part, keras.Model) else [part]
