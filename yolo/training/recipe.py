"""What decides the result of a training of a detector, as JSON can hold it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from data.training import update_with_array, words

if TYPE_CHECKING:
    from yolo.datasets import DetectionData

VIEWS = 4  # by which an augmentation is known


def data_in_words(data: DetectionData) -> str:
    """Number of pictures, and a digest of them and their boxes: the contents of arrays, of files name and length."""
    digest = hashlib.sha256(repr(tuple(data.names)).encode())
    for record in data:
        digest.update(record.name.encode())
        for array in (record.boxes, record.classes, record.difficult, record.crowd):
            update_with_array(digest, array)
        if isinstance(record.image, np.ndarray):
            update_with_array(digest, record.image)
        else:
            digest.update(str(os.stat(record.image).st_size).encode())
    return f"{len(data)} pictures, {digest.hexdigest()[:16]}"


def views_in_numbers(
    data: DetectionData, size: Sequence[int], seed: int, augment: Callable[..., Any]
) -> list[list[int]]:
    """Mean grey of the left and the right half of some views, and their boxes in tens of pixels: whole numbers.

    Whole, as another processor may differ in the last digits.

    Raises:
        ValueError: it makes other views the second time.
    """
    found = []
    for index in range(min(VIEWS, len(data))):
        once, again = (augment(data, index, (seed, index), tuple(size)) for _ in range(2))
        if not all(np.array_equal(one, other) for one, other in zip(once, again)):
            raise ValueError(
                f"augment {words(augment)} makes different views with the same seed; with run= it must draw all by its "
                "third argument (numpy.random.default_rng(seed)), or a training could not go on as it began"
            )
        middle = once.image.shape[1] // 2
        greys = [round(float(half.mean())) for half in (once.image[:, :middle], once.image[:, middle:])]
        found.append([*greys, *np.round(np.asarray(once.boxes).ravel() / 10).astype(int).tolist()])
    return found
