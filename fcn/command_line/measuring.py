"""All scores of a network on a data set, in one pass over it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from data.command_line.quiet import expected, one_line
from fcn.command_line.networks import check_picture
from fcn.command_line.parsing import in_options
from fcn.datasets import SegmentationData

if TYPE_CHECKING:
    import keras


@dataclass
class Measured:
    """What was counted.

    Attributes:
        class_names: of the rows and columns of ``matrix``.
        matrix: int64 ``(classes, classes)``, pixels, truth in rows.
        boundary_scores: the boundary F1 of each picture that has a boundary.
        pairs: how many were measured.
    """

    class_names: tuple[str, ...]
    matrix: np.ndarray
    boundary_scores: list[float] = field(default_factory=list)
    pairs: int = 0

    @property
    def boundary_f1(self) -> float:
        """The mean over the pictures, as of `fcn.metrics.boundary_f1`."""
        return float(np.mean(self.boundary_scores)) if self.boundary_scores else float("nan")

    def figures(self) -> dict[str, Any]:
        """The scores as JSON can hold them, with four decimals; None where there is nothing to count."""
        from fcn.metrics import class_average, class_scores, global_accuracy, mean_iou

        def rounded(score: float) -> float | None:
            return None if np.isnan(score) else round(float(score), 4)

        scores = class_scores(self.matrix)
        return {
            "pairs": self.pairs,
            "global_accuracy": rounded(global_accuracy(self.matrix)),
            "class_average": rounded(class_average(self.matrix)),
            "mean_iou": rounded(mean_iou(self.matrix)),
            "boundary_f1": rounded(self.boundary_f1),
            "iou": {name: rounded(score) for name, score in zip(self.class_names, scores["iou"])},
        }

    def __str__(self) -> str:
        """A table of the classes, then the means."""
        from fcn.metrics import class_average, global_accuracy, mean_iou, per_class_table

        means = {
            "global accuracy": global_accuracy(self.matrix),
            "class average": class_average(self.matrix),
            "mean IoU": mean_iou(self.matrix),
            "boundary F1": self.boundary_f1,
        }
        line = ", ".join(f"{name} {'-' if np.isnan(score) else f'{100 * score:.1f}'}" for name, score in means.items())
        return f"{per_class_table(self.matrix, self.class_names)}\n{self.pairs} pairs: {line} (per cent)."


def measure(
    network: keras.Model,
    data: SegmentationData,
    size: Any,
    report: Callable[[str], Any],
    *,
    verbose: bool = True,
) -> Measured:
    """Measure on every pair that can be read, at the labels' own size; of the others ``report`` is told.

    Raises:
        ValueError: the network has another number of classes than the data; not one pair could be measured: why the
            first could not.
    """
    from tqdm.auto import tqdm

    from fcn.metrics import boundary_f1, confusion_matrix

    classes = len(data.class_names)
    if network.output_shape[-1] != classes:
        raise ValueError(f"the network gives {network.output_shape[-1]} classes, the data has {classes}")
    found = Measured(tuple(data.class_names), np.zeros((classes, classes), np.int64))

    def read(index: int) -> tuple[np.ndarray, np.ndarray]:
        image, label = data[index]
        check_picture(image, size)
        return image, label

    failures: list[str] = []

    def failed(index: int, problem: str) -> None:
        problem = in_options(problem)
        failures.append(problem if data.name(index) in problem else f"{data.name(index)}: {problem}")
        report(failures[-1])

    with tqdm(range(len(data)), desc="measuring", unit="pair", disable=not verbose, file=sys.stderr) as bar:
        for _, (_, label), predicted in predicted_each(network, bar, read, size, failed):
            found.matrix += confusion_matrix(label, predicted, classes, data.void)
            score = boundary_f1([label], [predicted], void=data.void)
            found.boundary_scores += [] if np.isnan(score) else [score]
            found.pairs += 1
    if not found.pairs:
        raise ValueError(f"not one of {len(data)} pairs could be measured; the first: {failures[0]}")
    return found


def predicted_each(
    network: keras.Model,
    jobs: Any,
    read: Callable[[Any], Any],
    size: Any,
    failed: Callable[[Any, str], Any],
) -> Iterator[tuple[Any, Any, np.ndarray]]:
    """Each job, what ``read`` makes of it, and the classes of its pixels; what fails is told, and the others are done.

    Args:
        network: as of `fcn.prediction.predict_each`.
        jobs: anything.
        read: gives the image of a job, or a tuple that begins with it.
        size: as of `fcn.prediction.predict_each`.
        failed: told of a job that failed, and why.
    """
    from fcn.prediction import predict_each

    rest, now = iter(jobs), []

    def images() -> Iterator[np.ndarray]:
        for job in rest:
            try:
                now[:] = [job, read(job)]
            except expected() as error:
                failed(job, one_line(error))
                continue
            yield now[1][0] if isinstance(now[1], tuple) else now[1]

    while True:
        try:
            for classes in predict_each(network, images(), size=size):
                yield now[0], now[1], classes
            return
        except expected() as error:  # this one was too large for the memory, say
            failed(now[0], one_line(error))
