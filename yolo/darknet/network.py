"""A cfg as a graph: which layer reads which, every shape, every weight, before any memory is taken.

    network = yolo.darknet.read_cfg("yolov3.cfg", size=416)
    print(network)

The shapes follow Darknet's C source (``parser.c``, ``make_*_layer``); `yolo.darknet.sections` has each section's rule.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from data.arguments import number_pair
from yolo.darknet import cfg
from yolo.darknet.heads import Head
from yolo.darknet.records import Record
from yolo.darknet.sections import RULES
from yolo.darknet.spec import SILENT_KEYS, Layer, Shape, refuse, shown

LARGEST_SIDE = 2**14
"""Pixels of the input's height or width."""
MOST_LAYERS = 2000
MOST_PARAMETERS = 2**29
"""2 GiB of float32; YOLOv3 has 62 million parameters, YOLOv4-P7 287 million."""
LARGEST_LAYER = 2**28
"""Numbers in one layer's output for one picture, 1 GiB of float32; YOLOv3 at 608 has 12 million at most."""


@dataclass(frozen=True)
class Network:
    """What a cfg describes."""

    source: str
    """Name of the file."""
    size: tuple[int, int]
    """Height and width of the input, pixels."""
    channels: int
    layers: tuple[Layer, ...]
    remarks: tuple[str, ...]
    """What was passed over: keys that nothing here knows, keys that are written twice."""

    @property
    def heads(self) -> tuple[Head, ...]:
        """The detection sections ([yolo], [region], [detection]), in their order."""
        return tuple(layer.head for layer in self.layers if layer.head)

    @property
    def records(self) -> tuple[Record, ...]:
        """The layers that have weights, in the order of the weights file."""
        return tuple(Record(layer.name, layer.parts) for layer in self.layers if layer.parts)

    @property
    def parameters(self) -> int:
        """Numbers in the weights file, the statistics of batch norm among them."""
        return sum(record.numbers for record in self.records)

    @property
    def operations(self) -> int:
        """Multiply-adds of the convolutions and connected layers for one picture; Darknet's "BFLOPs" are twice that."""
        return sum(layer.operations for layer in self.layers)

    def __str__(self) -> str:
        rows, columns = self.size
        lines = [f"{self.source}: {rows} x {columns} x {self.channels}, {len(self.layers)} layers"]
        for layer in self.layers:
            sources = ", ".join("picture" if index < 0 else self.layers[index].name for index in layer.inputs)
            lines.append(f"{layer.name:14} {shown(layer.shape):>18}  from {sources}")
        lines.append(f"{self.parameters:,} parameters, {self.operations / 1e9:.3f} billion multiply-adds")
        return "\n".join([*lines, *(f"passed over: {remark}" for remark in self.remarks)])


def read_cfg(path: str | os.PathLike[str], size: int | tuple[int, int] | None = None) -> Network:
    """Read a cfg file.

    Args:
        path: the file.
        size: height and width of the input in pixels, or one number for both, in place of the file's own.

    Raises:
        ValueError: what is wrong, with file and line: a section or an option that is not offered, a layer that reads
            one that has not run yet, shapes that do not fit, anything larger than this module's limits.
        OSError: the file cannot be read.
    """
    return _network(*cfg.read(path), size)


def parse_cfg(text: str, size: int | tuple[int, int] | None = None, source: str = "cfg") -> Network:
    """``read_cfg`` of the text itself."""
    return _network(*cfg.parse(text, source), size)


def _network(sections: Sequence[cfg.Section], remarks: list[str], size: int | tuple[int, int] | None) -> Network:
    net, *rest = sections
    if net.kind != "net":
        raise net.error("the first section must be [net]")
    if not rest:
        raise net.error("no layers follow")
    if len(rest) > MOST_LAYERS:
        raise rest[MOST_LAYERS].error(f"more than {MOST_LAYERS} layers")
    height, width = (
        (net.whole("height", None, 1), net.whole("width", None, 1))
        if size is None
        else number_pair("size", size)  # as the file's own, which needs not be there then
    )
    channels = net.whole("channels", 3, 1)
    if max(height, width) > LARGEST_SIDE or channels > LARGEST_SIDE:
        raise net.error(f"an input of {shown((height, width, channels))}; at most {LARGEST_SIDE} each is accepted")

    layers: list[Layer] = []
    shapes: list[Shape] = []
    parameters = 0
    for index, section in enumerate(rest):
        if section.kind not in RULES:
            raise section.error(f"this kind of section is not known; known: {', '.join(sorted(RULES))}")
        refuse(section, "dontload", "dontloadscales")  # they would shift all that follows in the weights file
        previous = shapes[-1] if shapes else (height, width, channels)
        layer = replace(RULES[section.kind](section, index, previous, shapes), line=section.line)
        for source in layer.inputs:
            if source >= 0 and layers[source].head and not layer.head:
                raise section.error(
                    f"reads {layers[source].name}, which is a detection head; its decoded boxes are no input"
                )
        numbers = layer.shape[0] * layer.shape[1] * layer.shape[2]
        if numbers > LARGEST_LAYER:
            raise section.error(f"an output of {shown(layer.shape)}, {numbers} numbers; at most {LARGEST_LAYER}")
        parameters += sum(Record(layer.name, layer.parts).sizes)
        if parameters > MOST_PARAMETERS:
            raise section.error(f"{parameters} parameters up to here; at most {MOST_PARAMETERS} are accepted")
        if layer.head:
            rows, columns = layer.shape[:2]
            stride = (height / rows, width / columns)
            layer = replace(layer, head=layer.head.at(stride, layer.shape))
        unknown = set(section.options) - set(layer.known) - SILENT_KEYS
        remarks += [
            f"line {section.lines[key]}, [{section.kind}]: {key}={section.options[key]}" for key in sorted(unknown)
        ]
        layers.append(layer)
        shapes.append(layer.shape)
    return Network(net.source, (height, width), channels, tuple(layers), tuple(remarks))
