"""What a training leaves: weights, their card, and its curves."""

from __future__ import annotations

import argparse
import datetime
import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.runs import replaced
from fcn.command_line import building
from fcn.command_line.measuring import Measured
from fcn.command_line.sources import FOLDER_OPTIONS, colours_of, short
from fcn.datasets import SegmentationData

if TYPE_CHECKING:
    import keras

# What decides the result, in the order of the card's command.
DECIDING = (
    "network", "encoder", "encoder_file", "encoder_weights", "width", "decoder_epochs", "epochs", "rate", "batch",
    "hold_out", "loss", "balance", "size", "crop", "scale", "seed", "keep", "patience", "precision", "jit",
)  # fmt: skip


def write_results(
    network: keras.Model,
    options: argparse.Namespace,
    history: list[dict[str, Any]],
    full: SegmentationData,
    data: SegmentationData,
    held: SegmentationData | None,
    measured: Mapping[str, Measured],
) -> None:
    """Write ``--out`` with its card, and ``history.json`` and ``curves.png`` in the run's folder; say where they are.

    Args:
        network: that is shipped.
        options: of the command, complete.
        history: of `fcn.training.train`.
        full: all pairs.
        data: those that were learnt from.
        held: those that were held out, or None.
        measured: the scores, by the name of what was measured.
    """
    from fcn.segmenter import export

    with replaced(options.run / "history.json") as part:
        part.write_text(json.dumps(history, indent=0) + "\n", encoding="utf-8")
    curves = options.run / "curves.png"
    with replaced(curves) as part:
        _draw(history, part)
    kind = "a whole model" if building.keeps_encoder_file(options) else "weights in float16"
    facts = {
        "what": f"{options.network} for the {len(full.class_names)} classes of {short(options.data)}, {kind}",
        "command": command(options),
        "data": data_facts(options, data, held),
        "seed": options.seed,
        "epochs": len(history),
        "figures": {name: one.figures() for name, one in measured.items()},
        "minutes": round(sum(row["seconds"] for row in history) / 60, 1),
        "date": datetime.date.today().isoformat(),
        **({"note": options.note} if options.note else {}),
    }
    names, colours = list(full.class_names), colours_of(full)
    if building.keeps_encoder_file(options):
        with replaced(options.out) as part:
            network.save(part)
        with replaced(options.out.with_suffix(".json")) as part:
            card = {**facts, "class_names": names, "colours": colours.tolist()}
            part.write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    else:
        arguments = building.arguments_of(options)
        export(network, options.out, name=options.network, arguments=arguments, class_names=names, colours=colours,
               facts=facts)  # fmt: skip
    print(f"\n{curves}\n{options.out}, and its card")


def command(options: argparse.Namespace) -> str:
    """The command with all that decides the result, as one would type it; of paths only the last part."""
    words = ["python", "-m", "fcn", "train", short(options.data)]
    if options.data.partition(":")[0] == "scenes":
        words += ["--count", str(options.count)]
    for name, usual in FOLDER_OPTIONS.items():
        if getattr(options, name) != usual:
            words += _typed(name, getattr(options, name))
    for name in DECIDING:
        words += _typed(name, getattr(options, name))
    if options.validation:
        words += ["--validation", short(options.validation)]
    return shlex.join(words)


def _typed(name: str, value: Any) -> list[str]:
    option = f"--{name.replace('_', '-')}"
    if value is None or value is False:
        return []
    if value is True:
        return [option]
    if name == "loss":
        return [option, "+".join(value)]
    if name == "scale":
        return [option, "..".join(f"{bound:g}" for bound in value)]
    if name in ("size", "crop") and not isinstance(value, int):
        return [option, "x".join(map(str, value))]
    if name == "void":
        return [option, ",".join(map(str, value))]
    if name in ("encoder_file", "class_dict", "classes"):
        return [option, Path(value).name]
    return [option, f"{value:g}" if isinstance(value, float) else str(value)]


def data_facts(options: argparse.Namespace, data: SegmentationData, held: SegmentationData | None) -> dict[str, str]:
    """What was learnt from and what was measured on, in words."""
    kept = f", {len(held)} held out, in blocks of neighbours" if held is not None else ""
    facts = {"learnt_from": f"{short(options.data)}: {len(data)} pairs{kept}"}
    if options.validation:
        facts["validation"] = f"{short(options.validation)}: measured on, never learnt from"
    return facts


def _draw(history: list[dict[str, Any]], path: Path) -> None:
    from matplotlib.figure import Figure

    from fcn.plots.training import draw_history

    figure = Figure(figsize=(10, 3.6), layout="constrained")
    for ax, score in zip(figure.subplots(1, 2), ("loss", "mean_iou")):
        draw_history(history, score, ax=ax)
    figure.savefig(path, dpi=120)
