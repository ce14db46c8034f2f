"""`python -m fcn evaluate DATA`: scores of a network on labelled pictures."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from data.command_line.outputs import free, whole, writable_folder
from data.command_line.quiet import start_tensorflow
from fcn.command_line.measuring import measure
from fcn.command_line.networks import open_segmenter, size_for
from fcn.command_line.sources import open_data


def run(options: argparse.Namespace) -> int:
    """Print the tables, and write them as JSON with --output; 1 if a pair could not be measured."""
    if options.output is not None:
        if options.output.suffix.lower() != ".json":
            raise ValueError(f"--output '{options.output}': scores are written as .json")
        free(options.output, options.force)
        writable_folder(options.output.parent)
    start_tensorflow()
    segmenter = open_segmenter(options.weights)
    size = size_for(segmenter, options)
    data = open_data(options.data, options, segmenter.class_names)
    check_classes(segmenter.class_names, data.class_names)
    if data.colours is None and not options.classes and segmenter.class_names != numbered(len(data.class_names)):
        first = ", ".join(f"{index} is {name}" for index, name in enumerate(data.class_names[:2]))
        print(
            "python -m fcn evaluate: the labels hold numbers, not names; they are taken to be the "
            f"{len(data.class_names)} classes of the weights ({first}, ...): if they are others, name them with "
            "--classes FILE",
            file=sys.stderr,
        )
    failures: list[str] = []
    found = measure(segmenter.network, data, size, failures.append, verbose=not options.quiet)
    print(found)
    if options.output is not None:
        facts = {"data": options.data, "weights": options.weights or "", "size": options.size, **found.figures()}
        with whole(options.output) as partial:
            partial.write_text(json.dumps({**facts, "left_out": failures}, indent=1) + "\n", encoding="utf-8")
        print(options.output)
    for problem in failures:
        print(f"left out: {problem}", file=sys.stderr)
    return 1 if failures else 0


def check_classes(of_network: Sequence[str], of_data: Sequence[str]) -> None:
    """Refuse to compare numbers of other classes.

    Raises:
        ValueError: other classes; names that only number the classes are let pass.
    """
    if len(of_network) != len(of_data):
        raise ValueError(
            f"the network has {len(of_network)} classes ({_some(of_network)}), the data {len(of_data)} "
            f"({_some(of_data)}); take weights that were trained for these classes"
        )
    if numbered(len(of_data)) in (tuple(of_network), tuple(of_data)):
        return
    for one, other in zip(of_network, of_data):
        if one.strip().lower() != other.strip().lower():
            raise ValueError(
                f"where the network has {one!r}, the data has {other!r}; take weights that were trained for these "
                "classes, or name the data's with --classes"
            )


def numbered(count: int) -> tuple[str, ...]:
    """The names of classes that have none."""
    return tuple(f"class {index}" for index in range(count))


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + ", ..." * (len(names) > 3)
