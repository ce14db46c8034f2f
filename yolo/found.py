"""`Found`: what was found in one picture; as a table, as JSON, as COCO wants its results."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas

COLUMNS = ("name", "class", "score", "x1", "y1", "x2", "y2")
"""Of the tables."""


@dataclass(frozen=True, eq=False)
class Found:
    """What was found in one picture, the highest score first.

    Raises:
        TypeError, ValueError: shapes that do not fit together; classes without a name.

    >>> found = Found([[10, 20, 40, 60]], [0.9], [1], ("cat", "dog"), (100, 200))
    >>> print(found)
    dog  0.90  10, 20, 40, 60
    >>> found.to_coco(7)
    [{'image_id': 7, 'category_id': 2, 'bbox': [10.0, 20.0, 30.0, 40.0], 'score': 0.9}]
    """

    boxes: Any
    """(k, 4) float32, "xyxy" in pixels of the picture, inside of it."""
    scores: Any
    """(k,) float32, 0 to 1."""
    classes: Any
    """(k,) int64, numbers into ``names``."""
    names: Sequence[str]
    """Of all classes that the detector knows, not only of those in this picture."""
    size: tuple[int, int]
    """Height and width of the picture, pixels."""

    def __post_init__(self) -> None:
        """Check, and bring into one form."""
        boxes, scores = np.asarray(self.boxes, np.float32), np.asarray(self.scores, np.float32)
        boxes = np.zeros((0, 4), np.float32) if boxes.size == 0 else boxes
        classes = np.asarray(self.classes) if np.size(self.classes) else np.zeros(0, np.int64)
        if boxes.ndim != 2 or boxes.shape[1] != 4 or not scores.shape == classes.shape == boxes.shape[:1]:
            raise ValueError(
                f"boxes have shape {boxes.shape}, scores {scores.shape}, classes {classes.shape}; (k, 4), (k,), (k,)"
            )
        if classes.dtype.kind not in "iu":
            raise TypeError(f"classes are {classes.dtype}; whole numbers are wanted")
        if isinstance(self.names, str):
            raise TypeError(f"names is {self.names!r}; a sequence of names is wanted")
        if len(classes) and not 0 <= classes.min() <= classes.max() < len(self.names):
            raise ValueError(f"classes are {classes.min()} to {classes.max()}; there are {len(self.names)} names")
        values = {"boxes": boxes, "scores": scores, "classes": classes.astype(np.int64), "names": tuple(self.names)}
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        """How many objects."""
        return len(self.boxes)

    @property
    def labels(self) -> list[str]:
        """The name of each object's class."""
        return [self.names[number] for number in self.classes.tolist()]

    def only(self, mask: Any) -> Found:
        """The objects where the mask, ``(k,)`` bool, holds; or those of these indices."""
        mask = np.asarray(mask) if np.size(mask) else np.zeros(0, np.int64)
        return replace(self, boxes=self.boxes[mask], scores=self.scores[mask], classes=self.classes[mask])

    def __str__(self) -> str:
        """A line for each object."""
        if not len(self):
            return "nothing found"
        wide = max(map(len, self.labels))
        return "\n".join(
            f"{name:{wide}}  {score:.2f}  {', '.join(f'{corner:.0f}' for corner in box)}"
            for name, score, box in zip(self.labels, self.scores.tolist(), self.boxes.tolist())
        )

    def rows(self) -> list[tuple[Any, ...]]:
        """For each object the values of `COLUMNS`; numbers as short as float32 allows."""
        return [
            (name, number, score, *box)
            for name, number, score, box in zip(self.labels, self.classes.tolist(), _short(self.scores), _each(self))
        ]

    def to_pandas(self) -> pandas.DataFrame:
        """A table with the columns name, class (its number), score, x1, y1, x2, y2.

        Raises:
            ImportError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise ImportError("to_pandas needs pandas: pip install pandas; rows() gives the same without it") from None
        return pandas.DataFrame(self.rows(), columns=list(COLUMNS))

    def to_dict(self) -> dict[str, Any]:
        """What `to_json` writes."""
        objects = [
            {"name": name, "class": number, "score": score, "box": list(box)}
            for name, number, score, *box in self.rows()
        ]
        return {"size": list(self.size), "objects": objects}

    def to_json(self, indent: int | None = None) -> str:
        """``{"size": [height, width], "objects": [{"name", "class", "score", "box": [x1, y1, x2, y2]}, ...]}``."""
        return json.dumps(self.to_dict(), indent=indent, ensure_ascii=False)

    def to_coco(self, image_id: int, category_ids: Sequence[int] | None = None) -> list[dict[str, Any]]:
        """The entries of this picture in a file of COCO results; ``json.dump`` the lists of all pictures, joined.

        Args:
            image_id: as in the file of annotations.
            category_ids: for each class its id there: ``yolo.coco.COCO_CATEGORY_IDS`` for COCO's own. None: 1, 2, ...,
                as `yolo.datasets.write_coco` has them.

        Raises:
            ValueError: not one id per class.
        """
        ids = range(1, len(self.names) + 1) if category_ids is None else category_ids
        if len(ids) != len(self.names):
            raise ValueError(f"{len(ids)} category_ids; one for each of {len(self.names)} classes is wanted")
        return [
            {
                "image_id": image_id,
                "category_id": int(ids[number]),
                "bbox": [box[0], box[1], _width(box[0], box[2]), _width(box[1], box[3])],
                "score": score,
            }
            for number, score, box in zip(self.classes.tolist(), _short(self.scores), _each(self))
        ]


def _width(start: float, end: float) -> float:
    return float(str(np.float32(end - start)))


def _each(found: Found) -> list[list[float]]:
    return [_short(box) for box in found.boxes]


def _short(values: np.ndarray) -> list[float]:
    """As Python's numbers that read as the same float32, with the fewest digits: 0.9, not 0.8999999761581421."""
    return [float(str(value)) for value in values]
