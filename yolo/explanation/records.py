"""What an explanation of a loss holds, and how it prints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class Lesson(NamedTuple):
    """A truth and the prediction that belongs to it."""

    truth: int
    """Number of the truth."""
    name: str
    """Of its class."""
    box: tuple[float, float, float, float]
    """"xyxy" in pixels of the network's input."""
    head: int | None
    """Number of the head; None where no prediction belongs to it, and then all that follows is empty or 0."""
    row: int = 0
    column: int = 0
    anchor: int = 0
    """Among the anchors of all heads; for v1 the number of the box in its cell."""
    anchor_sides: tuple[float, float] | None = None
    """Width and height in pixels; None for v1."""
    predicted: tuple[float, float, float, float] | None = None
    """The box that the prediction says now."""
    iou: float = 0.0
    """Of that box and the truth."""
    objectness: float = 0.0
    """What the prediction says now: a probability (for v1 the confidence as it comes)."""
    losses: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Of box, objectness, classes."""
    note: str = ""
    """Why it is not learned, or not alone."""


@dataclass(frozen=True)
class HeadView:
    """All predictions of a head; arrays begin with its rows, columns, anchors (for v1: boxes)."""

    anchors: tuple[int, ...]
    """Their numbers among the anchors of all heads."""
    boxes: np.ndarray
    """(rows, columns, anchors, 4), "xyxy" in pixels of the network's input."""
    objectness: np.ndarray
    """What they say now."""
    no_objectness: np.ndarray
    """The loss of those that should say nothing."""
    ignored: np.ndarray
    """bool: has no truth but overlaps one so well that it is not called wrong."""
    best_iou: np.ndarray | None
    """With the nearest truth; None for v1."""
    owner: np.ndarray
    """The truth that each learns; -1: none."""

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.owner.shape[:2]


class Prediction(NamedTuple):
    """One prediction among all."""

    head: int
    row: int
    column: int
    anchor: int
    objectness: float
    best_iou: float
    loss: float


@dataclass(frozen=True)
class Explanation:
    """What `explain_loss` found; ``print`` it."""

    version: str
    picture: np.ndarray
    """uint8 RGB (height, width, 3), what the network saw."""
    lessons: tuple[Lesson, ...]
    heads: tuple[HeadView, ...]
    terms: dict[str, float]
    """The loss of the picture by term."""

    @property
    def total(self) -> float:
        """The loss of the picture."""
        return sum(self.terms.values())

    @property
    def shares(self) -> dict[str, float]:
        """Of each term in the whole, 0 to 1."""
        return {name: value / self.total if self.total else 0.0 for name, value in self.terms.items()}

    @property
    def ignored(self) -> tuple[Prediction, ...]:
        """The predictions that have no truth and are not called wrong, the nearest to a truth first."""
        found = [one for number, head in enumerate(self.heads) for one in _listed(number, head, head.ignored)]
        return tuple(sorted(found, key=lambda one: -one.best_iou))

    def false_alarms(self, count: int = 5) -> tuple[Prediction, ...]:
        """The predictions that say "something" where nothing is, and cost most."""
        found = []
        for number, head in enumerate(self.heads):
            flat = head.no_objectness.ravel()
            chosen = np.zeros(flat.size, bool)
            chosen[np.argsort(-flat, kind="stable")[:count]] = True
            found += _listed(number, head, (chosen & (flat > 0)).reshape(head.owner.shape))
        return tuple(sorted(found, key=lambda one: -one.loss)[:count])

    def __str__(self) -> str:
        height, width = self.picture.shape[:2]
        grids = ", ".join("{} x {}".format(*head.grid) for head in self.heads)
        shape = "box" if self.version == "v1" else "anchor"
        lines = [f"YOLO{self.version}, picture {height} x {width}, grids {grids}: loss {self.total:.3f}", ""]
        lines += [f"  {name.replace('_', ' '):<14}{value:>10.3f}{100 * self.shares[name]:>6.0f} %"
                  for name, value in self.terms.items()]  # fmt: skip
        lines += ["", _table([("truth", "grid", "row", "column", shape, "IoU", "says", "box", "object", "classes", ""),
                              *map(self._row, self.lessons)])]  # fmt: skip
        if self.version != "v1":
            ignored = self.ignored
            lines += ["", f"ignored, as their box overlaps a truth well: {len(ignored)}"]
            lines += [f"  {self._where(one)}: IoU {one.best_iou:.2f}, says {one.objectness:.2f}" for one in ignored[:5]]
            lines += [f"  and {len(ignored) - 5} more"] if len(ignored) > 5 else []
        alarms = self.false_alarms()
        lines += ["", "the dearest predictions where nothing is:"] if alarms else []
        lines += [f"  {self._where(one)}: says {one.objectness:.2f}, costs {one.loss:.3f}" for one in alarms]
        return "\n".join(lines)

    def _row(self, one: Lesson) -> tuple[str, ...]:
        truth = f"{one.truth} {one.name}"
        if one.head is None:
            return (truth, *[""] * 9, one.note)
        sides = "" if one.anchor_sides is None else " ({:.0f} x {:.0f})".format(*one.anchor_sides)
        grid = "{} x {}".format(*self.heads[one.head].grid)
        losses = [f"{loss:.3f}" for loss in one.losses]
        return (
            truth, grid, str(one.row), str(one.column), f"{one.anchor}{sides}", f"{one.iou:.2f}",
            f"{one.objectness:.2f}", *losses, one.note,
        )  # fmt: skip

    def _where(self, one: Prediction) -> str:
        rows, columns = self.heads[one.head].grid
        shape = "box" if self.version == "v1" else "anchor"
        return f"{rows} x {columns}, row {one.row}, column {one.column}, {shape} {one.anchor}"


def _listed(number: int, head: HeadView, chosen: np.ndarray) -> list[Prediction]:
    return [
        Prediction(
            number,
            int(row),
            int(column),
            head.anchors[anchor],
            float(head.objectness[row, column, anchor]),
            0.0 if head.best_iou is None else float(head.best_iou[row, column, anchor]),
            float(head.no_objectness[row, column, anchor]),
        )
        for row, column, anchor in np.argwhere(chosen)
    ]


def _table(rows: list[tuple[str, ...]]) -> str:
    """Columns as wide as they must be: words to the left, numbers to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    left = {0, 1, 4, len(widths) - 1}
    return "\n".join(
        "  ".join(
            cell.ljust(w) if i in left else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths))
        ).rstrip()
        for row in rows
    )
