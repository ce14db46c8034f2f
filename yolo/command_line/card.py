"""What a training of a detector leaves: weights, their card, and its curves."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from data.command_line.training import (
    bounds,
    command_of,
    data_facts,
    facts_of,
    last_part,
    short,
    sides,
    write_history,
)
from yolo.command_line.evaluate import figures
from yolo.command_line.starting import Start
from yolo.datasets import DetectionData
from yolo.detector import Detector
from yolo.evaluation import Evaluation
from yolo.loading import export

# What decides the result, in the order of the card's command.
DECIDING = (
    "weights", "cfg", "network", "width", "size", "anchors", "head_only", "freeze_epochs", "epochs", "rate", "batch",
    "hold_out", "measure_every", "patience", "keep", "ema", "clip", "box_term", "focal", "smooth", "multi_scale",
    "mosaic", "mixup", "scale", "seed", "precision",
)  # fmt: skip
# The options that say how data are read, and what they are by themselves.
DATA_OPTIONS = {"images": None, "labels": None, "names": None, "strict": False}
FORMS = {"size": sides, "scale": bounds, "weights": last_part, "cfg": last_part} | dict.fromkeys(
    ("images", "labels", "names"), last_part
)


def write_results(
    detector: Detector,
    start: Start,
    options: argparse.Namespace,
    history: list[dict[str, Any]],
    sets: Mapping[str, DetectionData | None],
    measured: Mapping[str, tuple[DetectionData, Evaluation]],
) -> None:
    """Write ``--out`` with its card, and ``history.json`` and ``curves.png`` in the run's folder; say where they are.

    Args:
        detector: that is shipped.
        start: what it began with.
        options: of the command, complete.
        history: of `yolo.training.train`.
        sets: ``learnt``, ``held_out`` and ``validation``.
        measured: the pictures and the scores, by the name of what was measured.
    """
    from yolo.plots.training import draw_history

    scores = ("loss", "ap50") if any("val_ap50" in row for row in history) else ("loss",)
    curves = write_history(options.run, history, draw_history, scores)
    held = f"{len(sets['held_out'])} held out, drawn by the seed" if sets["held_out"] is not None else ""
    facts = facts_of(
        options,
        history,
        what=f"{start.network} for the {len(detector.names)} classes of {short(options.data)}, weights in float16",
        command=command(options),
        data=data_facts(options, f"{len(sets['learnt'])} pictures", held),
        figures={name: {"pictures": len(data), **figures(found)} for name, (data, found) in measured.items()},
    )
    export(
        detector.network,
        options.out,
        name=start.network,
        arguments=start.arguments,
        class_names=detector.names,
        anchors=detector.anchors,
        size=detector.size,
        facts=facts,
    )
    print(f"\n{curves}\n{options.out}, and its card")


def command(options: argparse.Namespace) -> str:
    """The command with all that decides the result, as one would type it."""
    drawn = any(word and word.partition(":")[0] == "scenes" for word in (options.data, options.validation))
    usual = DATA_OPTIONS | ({"scene_size": None} if drawn else {})
    return command_of("yolo", options, DECIDING, usual, FORMS | {"scene_size": sides})
