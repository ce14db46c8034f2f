"""From the raw heads of a batch to the detections of each image: threshold, decode, suppress."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from data.arguments import whole_number
from yolo.boxes.arrays import is_tensor
from yolo.decoding import place, unfold
from yolo.nms.checks import Kept, share
from yolo.nms.fast import fast
from yolo.nms.thresholds import enough


class Detections(NamedTuple):
    """What was found in one image, the highest score first."""

    boxes: np.ndarray
    """(k, 4), "xyxy" in pixels of the network's input; not clipped."""
    scores: np.ndarray
    """(k,), 0 to 1."""
    classes: np.ndarray
    """(k,) int64."""
    left_out: int = 0
    """How many more there were than ``limit`` let through."""


def detect(
    heads: Sequence[Any],
    anchors: Sequence[Any],
    size: tuple[int, int],
    *,
    threshold: float = 0.3,
    suppress: Callable[..., Kept] = fast,
    class_agnostic: bool = False,
    logistic: bool = True,
    limit: int | None = None,
) -> list[Detections]:
    """Find the objects in a batch of raw heads.

    The result is that of ``yolo.decoding.decode``, a threshold and ``suppress``; but the threshold comes first, on the
    logits, and only what passes is decoded.

    Args:
        heads: each (batch, rows, columns, anchors * (5 + classes)), raw; arrays or eager tensors.
        anchors: for each head, (anchors, 2), pixels.
        size: ``(height, width)`` of the network's input.
        threshold: of the score, objectness times class; a score equal to it passes.
        suppress: takes boxes, scores, classes, returns ``Kept``; another overlap: ``partial(fast, overlap=0.6)``.
        class_agnostic: boxes of different classes strike each other out too.
        logistic: classes by sigmoid (v3) or softmax (v2; anchors in pixels, which is 32 times those of its cfg).
        limit: at most so many per image, the best. None: all. Where it bites, a warning says so, and ``left_out``.

    Returns:
        For each image its ``Detections``.

    Raises:
        ValueError: shapes that do not fit; logits that are NaN or infinite.
        TypeError: not numbers; a tensor inside a ``tf.function``, where the number of objects is not known.
    """
    threshold = share("threshold", threshold)
    limit = None if limit is None else whole_number("limit", limit)
    if len(heads) != len(anchors) or not len(heads):
        raise ValueError(f"{len(heads)} heads and {len(anchors)} lists of anchors; as many of each, at least one")
    unfolded = [unfold(_array(head), priors, size)[1:] for head, priors in zip(heads, anchors)]
    shapes = [(len(raw), raw.shape[-1] - 5) for raw, _, _ in unfolded]
    if len(set(shapes)) > 1:
        raise ValueError(f"the heads have (images, classes) {shapes}; they must agree")
    found = []
    for image in range(shapes[0][0]):
        parts = [_candidates(raw[image], priors, stride, threshold, logistic) for raw, priors, stride in unfolded]
        boxes, scores, classes = (np.concatenate(column) for column in zip(*parts))
        kept = suppress(boxes, scores, None if class_agnostic else classes)
        left_out = 0 if limit is None else max(0, len(kept.indices) - limit)
        if left_out:
            warnings.warn(f"image {image}: {left_out} detections beyond the limit of {limit} left out", stacklevel=2)
        indices = kept.indices[:limit]
        found.append(Detections(boxes[indices], kept.scores[:limit], classes[indices], left_out))
    return found


def _array(head: Any) -> np.ndarray:
    if is_tensor(head) and not hasattr(head, "numpy"):
        raise TypeError("heads are tensors of a tf.function; pass eager tensors or arrays")
    return head.numpy() if is_tensor(head) else head


def _candidates(
    raw: np.ndarray, anchors: np.ndarray, stride: np.ndarray, threshold: float, logistic: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Boxes, scores and classes of one head of one image that pass the threshold."""
    rows, columns, count, channels = raw.shape
    logits = raw.reshape(-1, channels)
    found = enough(logits, threshold, logistic=logistic)
    cell, anchor = np.divmod(found.rows, count)
    cells = np.stack([cell % columns, cell // columns], axis=-1).astype(raw.dtype)
    boxes = place(np, logits[found.rows, :4], cells, anchors[anchor], stride)
    return boxes, found.scores, found.classes
