"""What is known of one layer before it is built: shapes, options, arrays; and two checks that many sections share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from yolo.darknet.cfg import Section
from yolo.darknet.heads import Head

Shape = tuple[int, int, int]
ACTIVATIONS = ("linear", "leaky", "relu", "mish", "swish", "logistic")
SHORT = {"convolutional": "conv", "connected": "dense", "scale_channels": "scale"}
"""Layers are named by kind and index, ``conv_12``; these kinds are shortened."""
_SILENT = """
stopbackward learning_rate onlyforward dontload dontloadscales burnin_update train_only_bn jitter ignore_thresh
truth_thresh random rescore thresh bias_match absolute object_scale noobject_scale class_scale coord_scale
mask_scale max resize iou_loss iou_thresh iou_normalizer cls_normalizer obj_normalizer uc_normalizer
delta_normalizer max_delta label_smooth_eps focal_loss objectness_smooth counters_per_class nms_kind beta_nms
map forced noloss cbn
"""
SILENT_KEYS = frozenset(_SILENT.split())
"""Options for training or for what comes after the head: they do not change what the network computes."""
LARGEST_WINDOW = 1024
"""Pixels of a window's side, and of padding: more would be padding, which takes memory."""


@dataclass(frozen=True)
class Layer:
    """One layer of a network."""

    index: int
    """Darknet's: 0 is the first after [net]."""
    kind: str
    inputs: tuple[int, ...]
    """Indices of the layers that it reads; -1 is the picture."""
    shape: Shape
    """Of its output."""
    options: dict[str, Any] = field(default_factory=dict)
    """What the Keras layer needs."""
    parts: tuple[tuple[str, tuple[int, ...]], ...] = ()
    """Its arrays in the weights file."""
    operations: int = 0
    """Multiply-adds for one picture."""
    head: Head | None = None
    known: tuple[str, ...] = ()
    """The options that were read."""
    line: int = 0

    @property
    def name(self) -> str:
        return f"{SHORT.get(self.kind, self.kind)}_{self.index}"


def shown(shape: Shape) -> str:
    """A shape for messages."""
    return " x ".join(map(str, shape))


def earlier(section: Section, key: str, index: int) -> tuple[int, ...]:
    """The layers that a section reads: indices from the start or, negative, back from this one.

    Raises:
        ValueError: one that does not come before it.
    """
    found = section.wholes(key)
    sources = tuple(index + number if number < 0 else number for number in found)
    for number, source in zip(found, sources):
        if not 0 <= source < index:
            raise section.error(f"{key}={number}: layer {source} does not come before this one, layer {index}", key)
    return sources


def window(section: Section, key: str, default: int, least: int) -> int:
    """The side of a window, or a padding.

    Raises:
        ValueError: less than ``least`` or more than ``LARGEST_WINDOW``.
    """
    number = section.whole(key, default, least)
    if number > LARGEST_WINDOW:
        raise section.error(f"{key}={number}; at most {LARGEST_WINDOW} is accepted", key)
    return number


def refuse(section: Section, *keys: str) -> None:
    """Raise ValueError if an option is set that would change the numbers and is not offered."""
    for key in keys:
        if section.flag(key):
            raise section.error(f"{key}={section.options[key]} is not offered", key)
