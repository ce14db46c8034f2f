"""`python -m yolo evaluate DATA`: average precision of a detector, or of files of detections."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from data.command_line.outputs import free, whole, writable_folder
from data.command_line.quiet import one_line, start_tensorflow
from yolo.command_line.detect import MODEL, chosen, open_detector
from yolo.command_line.sources import open_data
from yolo.evaluation import (
    Detection,
    Evaluation,
    Truth,
    coco_summary,
    confusion,
    detections_of,
    evaluate,
    false_positives,
    read_coco,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURES = (".png", ".pdf", ".svg")
OUTPUTS = ("json", "curves", "confusion", "errors")


class Pairs(NamedTuple):
    """Truths and detections, one of each for a picture; and what they are."""

    truths: Sequence[Any]
    detections: Sequence[Any]
    names: Sequence[str]
    facts: dict[str, Any]


def run(options: argparse.Namespace) -> int:
    """Print the tables, write scores and figures; 1 if labels or pictures could not be read, which is said last."""
    _check(options)
    failures: list[str] = []
    pairs = _from_files(options) if options.results else _from_detector(options, failures.append)
    pairs = _only(pairs, options.only)
    found = evaluate(pairs.truths, pairs.detections, names=pairs.names, matching=options.matching, ties=options.ties)
    if not found.truths.any():
        raise ValueError("there is nothing to be found: no boxes, or only difficult ones and crowds")
    print(f"{found}\n\n{by_size(found)}\n{in_words(found, len(pairs.truths))}")
    if options.json:
        scores = {**pairs.facts, "pictures": len(pairs.truths), **figures(found), "left_out": failures}
        with whole(options.json) as partial:
            partial.write_text(json.dumps(scores, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(options.json)
    for path, draw in _drawings(options, pairs, found):
        _save(draw(), path)
        print(path)
    for problem in failures:
        print(f"left out: {problem}", file=sys.stderr)
    return 1 if failures else 0


def figures(found: Evaluation) -> dict[str, Any]:
    """The scores as JSON can hold them, with four decimals; None where there is nothing to find."""

    def rounded(scores: dict[str, float]) -> dict[str, float | None]:
        return {name: None if np.isnan(value) else round(float(value), 4) for name, value in scores.items()}

    everything = list(found.areas).index("all")
    by_class = {convention: found.by_name(convention, 0.5) for convention in found.precision} | {"AP": found.by_name()}
    return {
        "objects": int(found.truths[everything].sum()),
        "coco": rounded(coco_summary(found)),
        "ap50": rounded({convention: found.ap(convention, 0.5) for convention in found.precision}),
        "classes": {
            name: {"objects": int(count), **rounded({kind: values[number] for kind, values in by_class.items()})}
            for number, (name, count) in enumerate(zip(found.names, found.truths[everything]))
        },
    }


def by_size(found: Evaluation) -> str:
    """A table of the ranges of size: how many objects, and COCO's numbers."""
    lines = [f"{'size':<22}  {'truths':>6}  {'AP':>5}  {'AP50':>5}  {'AP75':>5}  {'recall':>6}"]
    for name, count in zip(found.areas, found.truths.sum(axis=1)):
        least, most = (round(area**0.5) for area in found.areas[name])
        bounds = {"all": "", "small": f", up to {most}²", "large": f", from {least}²"}.get(
            name, f", {least}² to {most}²"
        )
        scores = (found.ap(area=name), found.ap(iou=0.5, area=name), found.ap(iou=0.75, area=name))
        cells = "  ".join("    -" if np.isnan(score) else f"{score:5.3f}" for score in scores)
        recall = found.average_recall(area=name)
        lines.append(f"{name + bounds:<22}  {count:6}  {cells}  {'     -' if np.isnan(recall) else f'{recall:6.3f}'}")
    return "\n".join(lines)


def in_words(found: Evaluation, pictures: int) -> str:
    """The numbers that are quoted."""
    objects = int(found.truths[list(found.areas).index("all")].sum())
    return f"{pictures} pictures, {objects} objects: AP50 {found.ap(iou=0.5):.3f}, AP {found.ap():.3f}."


def _check(options: argparse.Namespace) -> None:
    """Refuse now, rather than at the end, what does not go together or cannot be written."""
    if options.results or options.truth:
        if not (options.results and options.truth):
            options.wrong("--results and --truth belong together: detections and annotations")
        if options.data is not None:
            options.wrong(f"DATA is '{options.data}' and there are --results; measure a detector, or files")
        given = [
            name for name in ("model", "weights", "names", "size", "stretch") if getattr(options, name) is not None
        ]
        if given or options.same:
            options.wrong(f"--{(given or ['same'])[0]} is of a detector, and with --results there is none")
    elif options.data is None:
        options.wrong("DATA is wanted, or --results and --truth")
    outputs = {name: path for name in OUTPUTS if (path := getattr(options, name))}
    if len(set(outputs.values())) < len(outputs):
        raise ValueError(f"one file is named for two results: {', '.join(f'--{n} {p}' for n, p in outputs.items())}")
    for name, path in outputs.items():
        if name != "json" and path.suffix.lower() not in FIGURES:
            raise ValueError(f"--{name} '{path}': figures are written as {', '.join(FIGURES)}")
        free(path, options.force, f"--{name}")
        writable_folder(path.parent, f"--{name}")


def _from_files(options: argparse.Namespace) -> Pairs:
    truths, detections, names = read_coco(options.truth, options.results)
    return Pairs(truths, detections, names, {"data": str(options.truth), "results": str(options.results)})


def _from_detector(options: argparse.Namespace, failed: Callable[[str], Any]) -> Pairs:
    data = open_data(options.data, options)
    if options.only:
        numbers = chosen(options.only, data.names, "the data")
        data = replace(data, records=[record.only(np.isin(record.classes, numbers)) for record in data])
    for problem in data.problems:
        failed(one_line(problem))
    if not len(data):
        why = f"; the first problem: {one_line(data.problems[0])}" if data.problems else ""
        raise ValueError(f"'{options.data}' has no labelled pictures{why}")
    flat = sum(int((record.boxes[:, 2:] <= record.boxes[:, :2]).any(axis=1).sum()) for record in data)
    if flat:
        print(f"python -m yolo evaluate: {flat} boxes have no area, so that nothing can find them; "
              "python -m yolo lint lists them", file=sys.stderr)  # fmt: skip
    start_tensorflow()
    model = options.model or MODEL
    of_model = {"names": options.names if model.lower().endswith(".cfg") else None}
    detector = open_detector(argparse.Namespace(**{**vars(options), **of_model}))

    def unread(index: int, error: Exception) -> None:
        problem = one_line(error)
        failed(problem if data[index].name in problem else f"{data[index].name}: {problem}")

    try:
        found = detections_of(
            detector,
            data,
            threshold=options.threshold,
            overlap=options.overlap,
            batch=options.batch,
            same=options.same,
            failed=unread,
            verbose=not options.quiet,
        )
    except ValueError as error:
        raise ValueError(str(error).replace("same=", "--same")) from error
    read = [index for index, one in enumerate(found) if one is not None]
    if not read:
        raise ValueError(f"not one of {len(data)} pictures could be read")
    facts = {"data": options.data, "model": model, "size": list(detector.size)}
    return Pairs([data[index] for index in read], [found[index] for index in read], data.names, facts)


def _only(pairs: Pairs, words: Sequence[str] | None) -> Pairs:
    """What is of these classes, as if there were no others."""
    numbers = chosen(words, pairs.names, "the data")
    if numbers is None:
        return pairs
    numbers = sorted(set(numbers))
    place = np.full(len(pairs.names), -1)
    place[numbers] = np.arange(len(numbers))

    def some(one: Any, kind: type[Truth] | type[Detection]) -> Any:
        mask = place[one.classes] >= 0
        columns = {name: getattr(one, name, None) for name in kind._fields}
        kept = {name: None if column is None else column[mask] for name, column in columns.items()}
        return kind(**{**kept, "classes": place[one.classes[mask]]})

    return pairs._replace(
        truths=[some(one, Truth) for one in pairs.truths],
        detections=[some(one, Detection) for one in pairs.detections],
        names=[pairs.names[number] for number in numbers],
    )


def _drawings(options: argparse.Namespace, pairs: Pairs, found: Evaluation) -> list[tuple[Path, Callable[[], Figure]]]:
    """The files that are asked for, and what draws each."""
    from yolo.plots.evaluation import draw_confusion, draw_errors, draw_precision_recall

    both = pairs.truths, pairs.detections

    def errors() -> Figure:
        # Counted is what is good enough to be shown; but average precision, and so the cost, is about all.
        counted = false_positives(*both, names=pairs.names, score=options.score)
        return draw_errors(
            replace(counted, cost=false_positives(*both, names=pairs.names).cost), pairs.names, score=options.score
        )

    wanted = {
        "curves": lambda: draw_precision_recall(found).figure,
        "confusion": lambda: draw_confusion(confusion(*both, names=pairs.names, score=options.score)),
        "errors": errors,
    }
    return [(getattr(options, name), draw) for name, draw in wanted.items() if getattr(options, name)]


def _save(figure: Figure, path: Path) -> None:
    import matplotlib.pyplot as plt

    with whole(path) as partial:
        figure.savefig(partial, dpi=150)
    plt.close(figure)
