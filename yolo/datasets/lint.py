"""What is in the labels of a data set, and what is wrong with them: a report, printed as a table."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from data.arguments import number_pair
from yolo.anchors import YOLOV3_ANCHORS, YOLOV3_MASKS, shape_iou
from yolo.datasets.files import image_size
from yolo.datasets.records import DetectionData, LabelError, Record

STRIDES = (32, 16, 8)  # of YOLOv3's heads
SHOWN = 8  # lines of one kind in the printed report


@dataclass(frozen=True)
class BoxProblem:
    """A box that a training cannot use as it is."""

    image: str
    box: int
    where: str
    """File and line."""
    kind: str
    """"no area", "corners swapped", "outside" (wholly) or "across the edge"."""
    corners: tuple[float, float, float, float]

    def __str__(self) -> str:
        """One line."""
        return f"{self.where}: {self.kind}, {', '.join(f'{corner:g}' for corner in self.corners)}"


@dataclass(frozen=True)
class LintReport:
    """What `lint` found; ``str()`` is a table, ``ok`` says whether training can begin."""

    images: int
    names: Sequence[str]
    boxes_of: np.ndarray
    """``(classes,)`` boxes of each class."""
    images_of: np.ndarray
    """``(classes,)`` images that hold it."""
    sizes: Counter = field(default_factory=Counter)
    """Images by (height, width)."""
    without_boxes: int = 0
    marks: tuple[int, int] = (0, 0)
    """Difficult objects, and crowds."""
    boxes: Sequence[BoxProblem] = ()
    unreadable: Sequence[tuple[str, str]] = ()
    """``(file, words)`` of labels and images."""
    mismatches: Sequence[tuple[str, str]] = ()
    """Images of another size than the labels say."""
    twice: Sequence[str] = ()
    """Boxes that are there before, of the same class, to the digit."""
    anchors: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))
    boxes_of_anchor: np.ndarray = field(default_factory=lambda: np.zeros(0, int))
    """``(anchors,)`` boxes whose best anchor each one is."""
    mean_iou: float = np.nan
    """Of the boxes with their best anchor."""
    cells: Sequence[tuple[int, int, int, int]] = ()
    """For each scale: stride, its boxes, those in a cell that an earlier one has, those with its anchor, too."""
    images_without_label: Sequence[Path] = ()
    labels_without_image: Sequence[Path] = ()
    notes: Sequence[str] = ()
    """What is no error but worth a look."""

    @property
    def ok(self) -> bool:
        """Every file can be read and every box has an area in its image; across the edge is not held against it."""
        return not (self.unreadable or self.mismatches or any(one.kind != "across the edge" for one in self.boxes))

    @property
    def never_used(self) -> np.ndarray:
        """Numbers of the anchors that are the best for no box."""
        return np.flatnonzero(self.boxes_of_anchor == 0)

    def __str__(self) -> str:
        """The table."""
        sizes = ", ".join(f"{h} x {w} ({n})" for (h, w), n in self.sizes.most_common(5))
        more = f", and {len(self.sizes) - 5} sizes more" if len(self.sizes) > 5 else ""
        lines = [
            f"{self.images} images; height x width (images): {sizes or 'not known'}{more}",
            f"{self.boxes_of.sum()} boxes, {self.marks[0]} of them difficult, {self.marks[1]} crowds; "
            f"{self.without_boxes} images without boxes",
            "",
        ]
        wide = max(len("class"), *(len(name) for name in self.names))
        lines.append(f"{'id':>3}  {'class':{wide}}    boxes  images")
        for number, name in enumerate(self.names):
            lines.append(f"{number:3}  {name:{wide}}  {self.boxes_of[number]:7}  {self.images_of[number]:6}")
        if len(self.boxes_of_anchor):
            lines += ["", f"anchors (mean IoU with the boxes {self.mean_iou:.2f}), boxes of each:"]
            pairs = zip(self.anchors.tolist(), self.boxes_of_anchor.tolist())
            lines.append("  " + ", ".join(f"{w:g} x {h:g}: {n}" for (w, h), n in pairs))
            lines += ["", "stride  boxes  in an occupied cell  with the same anchor, too (one of the two is lost)"]
            lines += [f"{s:6}  {n:5}  {cell:19}  {anchor:21}" for s, n, cell, anchor in self.cells]
        lines += _section("boxes", self.boxes)
        lines += _section("unreadable", [words for _, words in self.unreadable])
        lines += _section("the image is of another size than its labels say", [words for _, words in self.mismatches])
        lines += _section("twice", self.twice)
        lines += _section("images without label", [os.fspath(path) for path in self.images_without_label])
        lines += _section("labels without image", [os.fspath(path) for path in self.labels_without_image])
        lines += _section("notes", self.notes)
        return "\n".join([*lines, "", "ok" if self.ok else "NOT ok: what is listed above stops or spoils a training"])


def lint(
    data: DetectionData,
    *,
    size: int | Sequence[int] = 416,
    anchors: Any = YOLOV3_ANCHORS,
    masks: Sequence[Sequence[int]] = YOLOV3_MASKS,
    strides: Sequence[int] = STRIDES,
    read: bool = True,
    verbose: bool = True,
) -> LintReport:
    """Look at every record and report what the labels hold and what is wrong; bad files are reported, not raised.

    Reported: boxes without area, with swapped corners, outside and across the edge; labels and images that cannot be
    read; images of another size than their labels say; boxes twice; counts of classes; and, for a network, anchors that
    are the best for no box, and how many boxes fall into a cell of their scale that an earlier box of the image has: in
    Darknet the later of two boxes in one cell and with one anchor overwrites the other.

    Args:
        data: the records; read with ``strict=False`` it brings the files that could not be read along.
        size: height and width of the network's input: boxes go there by letterbox.
        anchors: ``(n, 2)`` in its pixels; a box belongs to the anchor of best IoU of widths and heights among all.
        masks: for each scale the numbers of its anchors; each anchor in one scale.
        strides: of the scales, in pixels.
        read: decode every image. False: only its header is read.
        verbose: show a progress bar when it takes more than two seconds.

    Raises:
        TypeError: ``data`` is something else.
        ValueError: masks that are not each anchor once; other lengths of masks and strides.
    """
    if not isinstance(data, DetectionData):
        raise TypeError(f"data is a {type(data).__name__}; a DetectionData is wanted")
    size, anchors = number_pair("size", size), np.asarray(anchors, np.float64).reshape(-1, 2)
    scale_of = {anchor: scale for scale, mask in enumerate(masks) for anchor in mask}
    if sorted(anchor for mask in masks for anchor in mask) != list(range(len(anchors))) or len(masks) != len(strides):
        raise ValueError(
            f"masks {masks} of {len(anchors)} anchors and strides {strides}; each anchor once, one stride a mask"
        )
    from tqdm.auto import tqdm

    boxes_of, images_of = (np.zeros(len(data.names), np.int64) for _ in range(2))
    sizes, problems, mismatches, twice, marks = Counter(), [], [], [], np.zeros(2, np.int64)
    unreadable = [(os.fspath(one.file), str(one)) for one in data.problems]
    used, ious = np.zeros(len(anchors), np.int64), []
    counts = np.zeros((len(masks), 3), np.int64)
    for record in tqdm(data, desc="lint", disable=not verbose, delay=2):
        boxes_of += np.bincount(record.classes, minlength=len(data.names))
        images_of[np.unique(record.classes)] += 1
        marks += (record.difficult.sum(), record.crowd.sum())
        try:
            real = _real_size(record, read)
        except (OSError, ValueError, TypeError) as error:
            unreadable.append((record.name, str(error)))
            real = None
        stated = record.size
        if real is not None and stated is not None and tuple(real) != tuple(stated):
            mismatches.append((record.name, f"{record.name}: {real[0]} x {real[1]}, labels {stated[0]} x {stated[1]}"))
        here = real or stated
        sizes.update([] if here is None else [tuple(here)])
        found = list(_problems(record, here))
        problems.extend(found)
        twice.extend(_twice(record))
        bad = {one.box for one in found if one.kind != "across the edge"}
        good = ~record.crowd & ~np.isin(np.arange(len(record)), list(bad))
        if here is not None and good.any():
            boxes = record.boxes[good].astype(np.float64)
            iou, best, cells = _assigned(boxes, here, size, anchors, scale_of, strides)
            ious.append(iou)
            used += np.bincount(best, minlength=len(anchors))
            counts += _collisions(best, cells, len(masks))
    return LintReport(
        images=len(data),
        names=data.names,
        boxes_of=boxes_of,
        images_of=images_of,
        sizes=sizes,
        without_boxes=sum(not len(record) for record in data),
        marks=(int(marks[0]), int(marks[1])),
        boxes=problems,
        unreadable=unreadable,
        mismatches=mismatches,
        twice=twice,
        anchors=anchors,
        boxes_of_anchor=used,
        mean_iou=float(np.concatenate(ious).mean()) if ious else np.nan,
        cells=[(int(stride), *map(int, row)) for stride, row in zip(strides, counts)],
        images_without_label=data.images_without_label,
        labels_without_image=data.labels_without_image,
        notes=_notes(data.names, boxes_of, anchors, used),
    )


def _real_size(record: Record, read: bool) -> tuple[int, int]:
    if read:
        return record.read_image().shape[:2]
    if isinstance(record.image, np.ndarray):
        return record.image.shape[:2]
    if not Path(record.image).is_file():
        raise LabelError(record.image, None, "there is no such file")
    return image_size(record.image)


def _problems(record: Record, size: tuple[int, int] | None) -> list[BoxProblem]:
    kinds: dict[int, str] = {}
    corners = record.boxes
    sides = corners[:, 2:] - corners[:, :2]
    if size is not None:
        edge = np.array(size[::-1])
        across = (corners[:, :2] < 0).any(axis=1) | (corners[:, 2:] > edge).any(axis=1)
        outside = (corners[:, 2:] <= 0).any(axis=1) | (corners[:, :2] >= edge).any(axis=1)
        kinds |= dict.fromkeys(np.flatnonzero(across).tolist(), "across the edge")
        kinds |= dict.fromkeys(np.flatnonzero(outside).tolist(), "outside")
    kinds |= dict.fromkeys(np.flatnonzero((sides == 0).any(axis=1)).tolist(), "no area")
    kinds |= dict.fromkeys(np.flatnonzero((sides < 0).any(axis=1)).tolist(), "corners swapped")
    return [
        BoxProblem(record.name, box, record.where(box), kinds[box], tuple(corners[box].tolist()))
        for box in sorted(kinds)
    ]


def _twice(record: Record) -> list[str]:
    seen: dict[tuple, int] = {}
    lines = []
    for box, (corners, kind) in enumerate(zip(record.boxes.tolist(), record.classes.tolist())):
        first = seen.setdefault((kind, *corners), box)
        if first != box:
            lines.append(f"{record.where(box)}: {record.names[kind]}, the same as box {first}")
    return lines


def _assigned(
    boxes: np.ndarray, image: tuple[int, int], size: tuple[int, int], anchors: np.ndarray, scale_of: dict, strides: Any
) -> tuple[np.ndarray, np.ndarray, list[tuple[int, int, int]]]:
    """IoU with the best anchor, the anchor, and scale, row and column of the cell, for each box."""
    scale = min(size[0] / image[0], size[1] / image[1])
    border = (np.array(size) - np.array(image) * scale)[::-1] / 2
    iou = shape_iou((boxes[:, 2:] - boxes[:, :2]) * scale, anchors)
    best = iou.argmax(axis=1)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2 * scale + border
    cells = []
    for anchor, (x, y) in zip(best.tolist(), centres.tolist()):
        stride = strides[scale_of[anchor]]
        cells.append((scale_of[anchor], int(y // stride), int(x // stride)))
    return iou.max(axis=1), best, cells


def _collisions(best: np.ndarray, cells: list[tuple[int, int, int]], scales: int) -> np.ndarray:
    counts = np.zeros((scales, 3), np.int64)
    anchors_in: dict[tuple[int, int, int], set[int]] = defaultdict(set)
    for anchor, cell in zip(best.tolist(), cells):
        counts[cell[0]] += (1, bool(anchors_in[cell]), anchor in anchors_in[cell])
        anchors_in[cell].add(anchor)
    return counts


def _notes(names: Sequence[str], boxes_of: np.ndarray, anchors: np.ndarray, used: np.ndarray) -> list[str]:
    empty = [name for name, count in zip(names, boxes_of.tolist()) if not count]
    more = f", and {len(empty) - 5} more" if len(empty) > 5 else ""
    notes = [f"classes without a box: {', '.join(empty[:5])}{more}"] if empty else []
    idle = [f"{width:g} x {height:g}" for (width, height), count in zip(anchors.tolist(), used.tolist()) if not count]
    if idle and used.any():
        notes.append(f"anchors that are the best for no box: {', '.join(idle)}; yolo.anchors.cluster finds others")
    return notes


def _section(title: str, lines: Sequence[Any]) -> list[str]:
    if not lines:
        return []
    more = [f"  ... and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return ["", f"{title} ({len(lines)}):", *(f"  {line}" for line in lines[:SHOWN]), *more]
