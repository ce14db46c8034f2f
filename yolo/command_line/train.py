"""`python -m yolo train DATA`: train a detector, measure it, write its weights and card; goes on after a stop."""

from __future__ import annotations

import argparse
import functools
import sys
from typing import Any

import numpy as np

from data.arguments import number_pair
from data.command_line.quiet import one_line, start_tensorflow
from data.command_line.training import RESUMES, STOPPED, Say, settle, settle_paths, short, teller, told
from data.precision import numbers
from data.shipped import ENDING
from yolo.command_line import starting
from yolo.command_line.card import DECIDING, write_results
from yolo.command_line.evaluate import in_words
from yolo.command_line.reading import Failed, failed_or_stop, of_classes, read, split
from yolo.command_line.sources import open_data
from yolo.command_line.starting import Start
from yolo.datasets import DetectionData
from yolo.detector import STRIDE, Detector
from yolo.evaluation import Evaluation, evaluate_detector

MULTI_SCALE = (0.75, 1.25)  # of the size


def run(options: argparse.Namespace) -> int:
    """Train, measure, write; 1 if something was left out, which is said last."""
    starting.complete(options)
    settle_paths(options, ENDING)
    start_tensorflow()
    start = starting.open_start(options)
    options.size = start.size
    options.scene_size = options.scene_size or options.size
    failures: list[str] = []
    sets = _open(options, failed_or_stop(options, failures))
    try:
        detector, history = _learn(options, start, sets, teller(options))
        final = starting.as_shipped(detector, start, options.rate)
        measured: dict[str, tuple[DetectionData, Evaluation]] = {}
        for name in ("held_out", "validation"):
            if sets[name] is not None:
                found = evaluate_detector(final, sets[name], batch=options.batch, verbose=not options.quiet)
                measured[name] = sets[name], found
                print(f"\n{name.replace('_', ' ')}\n{found}\n{in_words(found, len(sets[name]))}")
        write_results(final, start, options, history, sets, measured)
    except KeyboardInterrupt:
        print(f"\n{STOPPED}", file=sys.stderr)
        return 130
    return told(failures)


def _open(options: argparse.Namespace, failed: Failed) -> dict[str, DetectionData | None]:
    """What is learnt from, what is held out, and what is measured on besides; read, as far as they can be.

    Raises:
        OSError, ValueError: there is no such data; none of it is of use; with ``--strict``, the first that is broken.
    """
    full = _opened(options.data, options, failed)
    sets: dict[str, DetectionData | None] = {"validation": None}
    if options.validation:
        validation = _opened(options.validation, options, failed)
        sets["validation"] = of_classes(validation, full.names, failed)
        if not len(sets["validation"]):
            raise ValueError(
                f"--validation: not one picture of '{options.validation}' has only classes that are learnt: "
                f"{', '.join(full.names)}"
            )
    sets["learnt"], sets["held_out"] = split(full, options.hold_out, options.seed)
    largest = max((options.scale or (1, 1))[1], 1) * (MULTI_SCALE[1] if options.multi_scale else 1)
    height, width = (int(np.ceil(side * largest)) for side in options.size)
    for name, data in sets.items():
        if data is None:
            continue
        bound = (height, width) if name == "learnt" else None  # what is measured is measured as it is
        data = read(data, bound, failed, strict=options.strict, verbose=not options.quiet)
        asked = (~(record.crowd | (record.difficult & (name != "learnt"))) for record in data)
        if not any(mask.any() for mask in asked):
            word = {"held_out": "--hold-out", "validation": "--validation"}.get(name, f"'{options.data}'")
            raise ValueError(f"{word}: {len(data)} pictures can be read, and there is no object in them")
        sets[name] = data
    return sets


def _opened(word: str, options: argparse.Namespace, failed: Failed) -> DetectionData:
    data = open_data(word, options)
    for problem in data.problems:
        failed(one_line(problem))
    if not len(data):
        why = f"; the first problem: {one_line(data.problems[0])}" if data.problems else ""
        raise ValueError(f"'{word}' has no labelled pictures{why}")
    return data


def _learn(
    options: argparse.Namespace, start: Start, sets: dict[str, DetectionData | None], say: Say
) -> tuple[Detector, list[dict[str, Any]]]:
    from yolo.augment import augment
    from yolo.training import Phase, body_then_all, train

    data, held = sets["learnt"], sets["held_out"]
    counts = np.bincount(np.concatenate([record.classes for record in data]), minlength=len(data.names))
    kept = f", {len(held)} held out" if held is not None else ""
    listed = ", ".join(f"{name} {count}" for name, count in zip(data.names, counts.tolist()))
    say(f"{short(options.data)}: {len(data)} pictures to learn from{kept}; {listed}")
    anchors = start.anchors if options.anchors == "keep" else starting.clustered(data, start, options.seed)
    say(f"anchors: {starting.in_words(anchors, data, options.size)}")
    build = functools.partial(starting.with_heads, start, data.names, anchors, options.seed)
    settle(options, DECIDING, lambda: build().network, (options.batch, *options.size), say)
    with numbers(options.precision):
        detector = build()
    origin = f" with what {short(options.weights)} has learnt" if options.weights else ""
    height, width = options.size
    say(f"network: {start.network}{origin}, {detector.network.count_params():,} weights, input {height}x{width}")
    say(f"run: {options.run}; {RESUMES}")
    if options.head_only:
        phases = (Phase("heads", options.epochs, options.rate, freeze_body=True),)
        views = {"features": options.run / "features"}
    else:
        phases = body_then_all(options.freeze_epochs, options.epochs, options.rate)
        chosen = {name: getattr(options, name) for name in starting.VIEWS}
        views = {
            "augment": functools.partial(augment, **chosen),
            "sizes": sizes_around(options.size) if options.multi_scale else None,
        }
    history = train(
        detector,
        data,
        phases,
        validation=held,
        batch=options.batch,
        seed=options.seed,
        clip=options.clip,
        ema=options.ema,
        measure_every=options.measure_every,
        patience=options.patience,
        keep=options.keep,
        run=options.run,
        verbose=not options.quiet,
        box_term=options.box_term,
        focal=options.focal or 0.0,
        label_smoothing=options.smooth or 0.0,
        **views,
    )
    return detector, history


def sizes_around(size: tuple[int, int]) -> list[tuple[int, int]]:
    """Sizes of about the same aspect, multiples of 32, the smallest first.

    >>> sizes_around((128, 256))
    [(96, 192), (128, 224), (128, 256), (128, 288), (160, 320)]
    """
    height, width = number_pair("size", size)
    least, most = (round(width * factor / STRIDE) for factor in MULTI_SCALE)
    columns = [STRIDE * count for count in range(max(least, 1), max(most, 1) + 1)]
    return [(max(STRIDE, STRIDE * round(height * one / width / STRIDE)), one) for one in columns]
