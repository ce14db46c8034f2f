"""What `train` refuses at the door, as it would fail after minutes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from data.arguments import one_of, whole_number
from yolo.detector import STRIDE, Detector
from yolo.training.phases import Phase

if TYPE_CHECKING:
    from yolo.datasets import DetectionData


def check(
    detector: Detector,
    data: DetectionData,
    phases: tuple[Phase, ...],
    validation: DetectionData | None,
    batch: int,
    weight_decay: float,
    clip: float | None,
    ema: float | None,
    measure_every: int,
    patience: int | None,
    keep: str,
) -> None:
    """Refuse arguments of another kind or range, and data with other class names."""
    from yolo.datasets import DetectionData

    if not isinstance(detector, Detector):
        raise TypeError(f"detector is a {type(detector).__name__}; a yolo.Detector is wanted")
    if not detector.logistic:
        raise ValueError("the detector is a YOLOv2, with a softmax over the classes; the loss of YOLOv3 is not for it")
    for name, one in (("data", data), ("validation", validation)):
        if one is None and name == "validation":
            continue
        if not isinstance(one, DetectionData):
            raise TypeError(f"{name} is a {type(one).__name__}; a DetectionData is wanted, as of yolo.datasets")
        if tuple(one.names) != tuple(detector.names):
            raise ValueError(
                f"{name} has the classes {tuple(one.names)}, the detector {tuple(detector.names)}; build a detector "
                "for these classes"
            )
    if validation is not None and not any((~(record.difficult | record.crowd)).any() for record in validation):
        raise ValueError("validation has no object that is asked for; there is nothing to measure")
    if not phases or not all(isinstance(phase, Phase) for phase in phases):
        raise TypeError(f"phases is {phases!r}; yolo.training.Phase is wanted, one or more")
    replicas = detector.network.distribute_strategy.num_replicas_in_sync
    if whole_number("batch", batch) and replicas > 1 and (batch % replicas or batch > len(data)):
        raise ValueError(
            f"batch is {batch}, shared among {replicas} replicas, of {len(data)} pictures; a multiple of {replicas} is "
            "wanted, no more than there are pictures"
        )
    _number("weight_decay", weight_decay, 0, math.inf)
    if clip is not None:
        _number("clip", clip, 0, math.inf, more=True)
    if ema is not None:
        _number("ema", ema, 0, 1)
    whole_number("measure_every", measure_every)
    if patience is not None and whole_number("patience", patience) and validation is None:
        raise ValueError(f"patience is {patience} and validation is not given; it is measured on validation")
    one_of("keep", keep, ("best", "last"))


def check_ways(detector: Detector, augment: Any, sides: Any, features: Any, jit: bool) -> None:
    """Refuse what does not go together."""
    if features is not None and (augment is not None or sides is not None or detector.stretch):
        raise ValueError(
            "features are of pictures that are always the same, in a letterbox: they go neither with augment nor with "
            "sizes, nor with a detector that stretches pictures"
        )
    if augment is not None and not callable(augment):
        raise TypeError(
            f"augment is {augment!r}; a function of data, index, seed and size is wanted, as yolo.augment.augment"
        )
    for height, width in sides or ():
        if height % STRIDE or width % STRIDE:
            raise ValueError(
                f"sizes has {height} x {width}; multiples of {STRIDE} are wanted, the coarsest cell's side"
            )
        fixed = detector.network.inputs[0].shape[1:3]
        if any(wanted not in (None, side) for wanted, side in zip(fixed, (height, width))):
            raise ValueError(f"sizes has {height} x {width}; this network was built for {fixed[0]} x {fixed[1]}")
    if jit and detector.network.distribute_strategy.num_replicas_in_sync > 1:
        raise ValueError("jit is True; with several replicas of a strategy XLA is not used")


def _number(name: str, value: Any, least: float, below: float, *, more: bool = False) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} is {value!r}; a number is wanted")
    if not least <= value < below or (more and value == least):
        text = f"of {least} or more" if not more else f"above {least}"
        raise ValueError(
            f"{name} is {value}; a number {text}{'' if below == math.inf else f', below {below}'} is wanted"
        )
