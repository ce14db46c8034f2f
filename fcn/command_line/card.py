"""What a training leaves: weights, their card, and its curves."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

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
from data.runs import replaced
from fcn.command_line import building
from fcn.command_line.measuring import Measured
from fcn.command_line.sources import FOLDER_OPTIONS, colours_of
from fcn.datasets import SegmentationData

if TYPE_CHECKING:
    import keras

# What decides the result, in the order of the card's command.
DECIDING = (
    "network", "encoder", "encoder_file", "encoder_weights", "width", "decoder_epochs", "epochs", "rate", "batch",
    "hold_out", "loss", "balance", "size", "crop", "scale", "seed", "keep", "patience", "precision", "jit",
)  # fmt: skip
# How their values are written.
FORMS = {
    "loss": "+".join,
    "scale": bounds,
    **dict.fromkeys(("size", "crop"), sides),
    "void": lambda numbers: ",".join(map(str, numbers)),
    **dict.fromkeys(("encoder_file", "class_dict", "classes"), last_part),
}


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
    from fcn.plots.training import draw_history
    from fcn.segmenter import export

    curves = write_history(options.run, history, draw_history, ("loss", "mean_iou"))
    kind = "a whole model" if building.keeps_encoder_file(options) else "weights in float16"
    kept = f"{len(held)} held out, in blocks of neighbours" if held is not None else ""
    facts = facts_of(
        options,
        history,
        what=f"{options.network} for the {len(full.class_names)} classes of {short(options.data)}, {kind}",
        command=command(options),
        data=data_facts(options, f"{len(data)} pairs", kept),
        figures={name: one.figures() for name, one in measured.items()},
    )
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
    return command_of("fcn", options, DECIDING, FOLDER_OPTIONS, FORMS)
