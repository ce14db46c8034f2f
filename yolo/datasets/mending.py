"""Boxes as training wants them: inside the image, with an area; and a list of what that changed."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from yolo.datasets.records import DetectionData, Record


class Change(NamedTuple):
    """A box that was not kept as it was."""

    image: str
    box: int
    """Its number in the record that was given."""
    where: str
    """File and line."""
    what: str
    """"removed" or "clipped"."""
    corners: tuple[float, float, float, float]
    """As they were."""


def mended(data: DetectionData, least: float = 0.0) -> tuple[DetectionData, list[Change]]:
    """Clip boxes to their image and take out those of which nothing is left.

    Args:
        data: the records. Where the size is not known boxes are not clipped.
        least: pixels; what is not wider and higher than this is taken out.

    Returns:
        The data set, and what was changed: nothing is lost without being told.
    """
    records, changes = [], []
    for record in data:
        record, changed = _mended(record, least)
        records.append(record)
        changes.extend(changed)
    return replace(data, records=records), changes


def _mended(record: Record, least: float) -> tuple[Record, list[Change]]:
    boxes = record.boxes
    if record.size is not None and len(boxes):
        height, width = record.size
        boxes = np.clip(boxes, 0, np.array([width, height, width, height], np.float32))
    keep = (boxes[:, 2:] - boxes[:, :2] > least).all(axis=1)
    clipped = keep & (boxes != record.boxes).any(axis=1)
    changes = [
        Change(record.name, box, record.where(box), "clipped" if keep[box] else "removed", tuple(corners))
        for box, corners in enumerate(record.boxes.tolist())
        if clipped[box] or not keep[box]
    ]
    areas = record.areas
    if areas is not None:  # the outline cannot be larger than what is left of its box
        areas = np.minimum(areas, np.maximum(boxes[:, 2:] - boxes[:, :2], 0).prod(axis=1))
    return replace(record, boxes=boxes, areas=areas).only(keep), changes
