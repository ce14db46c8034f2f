"""The pictures of a training, read once before it begins: what is broken is left out and told, or stops it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from data.command_line.quiet import one_line
from data.command_line.training import MEMORY
from yolo.datasets import DetectionData, Record, mended

Failed = Callable[[str], None]


def failed_or_stop(options: argparse.Namespace, failures: list[str]) -> Failed:
    """What to do with a broken label or picture: note it, or, with ``--strict``, stop.

    The function raises:
        ValueError: with ``--strict``.
    """

    def failed(problem: str) -> None:
        if options.strict:
            raise ValueError(problem)
        failures.append(problem)

    return failed


def split(data: DetectionData, share: float, seed: int) -> tuple[DetectionData, DetectionData | None]:
    """What is learnt from, and a share that is not, drawn by a seed; both in their order.

    Raises:
        ValueError: nothing would be left of one of them.
    """
    if not share:
        return data, None
    count = round(share * len(data))
    if not 0 < count < len(data):
        raise ValueError(f"--hold-out: {share:g} of {len(data)} pictures is {count}; 0 holds nothing out")
    order = np.random.default_rng(seed).permutation(len(data)).tolist()
    return data.subset(sorted(order[count:])), data.subset(sorted(order[:count]))


def read(
    data: DetectionData, bound: tuple[int, int] | None, failed: Failed, *, strict: bool = False, verbose: bool = True
) -> DetectionData:
    """The data set with boxes as a training wants them, and in memory, where there is room for it.

    Args:
        data: as it was opened.
        bound: height and width that the pictures are made to fit into, to save memory; None: as they are.
        failed: told of each picture that cannot be read and is left out.
        strict: a box without area is an error.
        verbose: show a progress bar when it takes more than two seconds.

    Raises:
        ValueError: with ``strict``, a box that has no area in its picture; nothing could be read.
    """
    from tqdm.auto import tqdm

    sides = [record.size if bound is None or record.size is None else np.minimum(record.size, bound) for record in data]
    keep = 3 * sum(int(np.prod(one if one is not None else bound or (0, 0))) for one in sides) <= MEMORY

    def records() -> Iterator[Record]:
        for index in tqdm(range(len(data)), desc="reading", unit="picture", disable=not verbose, delay=2):
            try:
                if keep:
                    yield data.subset([index]).loaded(bound, verbose=False)[0]
                else:
                    yield replace(data[index], size=data[index].read_image().shape[:2])
            except (OSError, ValueError) as error:
                problem = one_line(error)
                failed(problem if data[index].name in problem else f"{data[index].name}: {problem}")

    found, changes = mended(DetectionData(list(records()), data.names))
    removed = [change for change in changes if change.what == "removed"]
    if removed and strict:
        raise ValueError(f"{removed[0].where}: the box has no area in its picture")
    if changes:
        print(
            f"python -m yolo train: boxes left out, as they have no area in their picture: {len(removed)}; clipped at "
            f"its edge: {len(changes) - len(removed)}; python -m yolo lint lists them",
            file=sys.stderr,
        )
    return found


def of_classes(data: DetectionData, names: Sequence[str], failed: Failed) -> DetectionData:
    """The pictures of a data set that is to be measured on in which nothing is of a class that nobody learns.

    Args:
        data: as it was opened.
        names: of the classes that are learnt.
        failed: told of each picture that is left out, with file and line.
    """
    known = {name.lower() for name in names}
    strange = np.array([name.lower() not in known for name in data.names], bool)
    kept = []
    for index, record in enumerate(data):
        if strange[record.classes].any():
            box = int(strange[record.classes].argmax())
            name = data.names[record.classes[box]]
            failed(f"{record.where(box)}: the class {name!r} is not among those that are learnt: {', '.join(names)}")
        else:
            kept.append(index)
    return data.subset(kept)
