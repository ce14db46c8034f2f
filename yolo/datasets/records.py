"""`Record`: one image and its boxes. `DetectionData`: many of them, and what could not be read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data import letterbox, read_image
from data.arguments import number_pair, whole_number

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True, eq=False)
class Record:
    """One image and what is in it.

    Boxes are kept as they were read, also those without area or outside of the image: `lint` reports them, `mended`
    takes them out and says so.

    Raises:
        TypeError, ValueError: fields of another kind or shape; coordinates that are not finite; classes without a name.
    """

    image: str | os.PathLike[str] | np.ndarray
    """File, or uint8 array ``(height, width, 3)`` RGB."""
    boxes: Any
    """``(n, 4)`` float32, xyxy in pixels, edges continuous."""
    classes: Any
    """``(n,)`` int64, numbers into ``names``."""
    names: Sequence[str]
    """Of all classes of the data set, not only of those in this image."""
    difficult: Any = None
    """``(n,)`` bool: evaluation neither asks for it nor holds it against a detection (VOC). None: no object is."""
    crowd: Any = None
    """``(n,)`` bool: one box around many objects (COCO). None: no object is."""
    size: tuple[int, int] | None = None
    """Height and width of the image in pixels, as the labels say or the file; None: not known."""
    areas: Any = None
    """``(n,)`` float64 square pixels of the objects' outlines (COCO), for evaluation; None: of the boxes."""
    id: int | str | None = None
    """What the data set calls the image, where it has a number or a name."""
    source: Path | None = None
    """The file that holds the labels."""
    lines: Sequence[int] = ()
    """The line of each box in it; empty: not known."""

    def __post_init__(self) -> None:
        """Check, and bring into one form."""
        boxes = np.asarray(self.boxes, np.float64)
        boxes = np.zeros((0, 4)) if boxes.size == 0 else boxes
        if boxes.ndim != 2 or boxes.shape[1] != 4:
            raise ValueError(f"{self.name}: boxes has shape {boxes.shape}; (n, 4) as x1, y1, x2, y2 is wanted")
        with np.errstate(over="ignore"):
            narrow = boxes.astype(np.float32)
        if not np.isfinite(narrow).all():
            raise ValueError(
                f"{self.name}: a box is {boxes[~np.isfinite(narrow).all(axis=1)][0].tolist()}; it must be finite"
            )
        count = len(boxes)
        classes = np.asarray(self.classes)
        classes = np.zeros(0, np.int64) if classes.size == 0 else classes
        if not np.issubdtype(classes.dtype, np.integer):
            raise TypeError(f"{self.name}: classes is {classes.dtype}; whole numbers are wanted")
        if isinstance(self.names, str) or len(set(self.names)) != len(self.names):
            raise ValueError(f"{self.name}: names is {self.names!r}; different names are wanted")
        if classes.shape != (count,) or (count and not 0 <= classes.min() <= classes.max() < len(self.names)):
            raise ValueError(
                f"{self.name}: classes is {classes.tolist()}; {count} numbers 0..{len(self.names) - 1} are wanted"
            )
        if self.size is not None and (len(self.size) != 2 or min(self.size) < 1):
            raise ValueError(f"{self.name}: size is {self.size}; (height, width) in pixels is wanted")
        fields = {"boxes": narrow, "classes": classes.astype(np.int64), "names": tuple(self.names)}
        for mark in ("difficult", "crowd"):
            values = getattr(self, mark)
            fields[mark] = np.zeros(count, bool) if values is None else np.asarray(values, bool)
        if self.areas is not None:
            fields["areas"] = np.asarray(self.areas, np.float64)
        for name in ("difficult", "crowd", "areas"):
            if name in fields and fields[name].shape != (count,):
                raise ValueError(f"{self.name}: {name} has shape {fields[name].shape}; ({count},), as boxes, is wanted")
        if isinstance(self.image, np.ndarray) and self.size is None:
            fields["size"] = self.image.shape[:2]
        elif self.size is not None:
            fields["size"] = (int(self.size[0]), int(self.size[1]))
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        """How many boxes."""
        return len(self.boxes)

    @property
    def name(self) -> str:
        """The file name of the image without its ending; or its id; or "an array"."""
        if not isinstance(self.image, np.ndarray):
            return Path(self.image).stem
        return "an array" if self.id is None else str(self.id)

    def read_image(self) -> np.ndarray:
        """The image, uint8 ``(height, width, 3)`` RGB.

        Raises:
            FileNotFoundError, data.ImageError: a file that cannot be read.
        """
        return read_image(self.image)

    def where(self, box: int) -> str:
        """The file and line of a box, for a message; as far as they are known."""
        place = self.name if self.source is None else f"'{self.source}'"
        return f"{place}, line {self.lines[box]}" if len(self.lines) else f"{place}, box {box}"

    def only(self, mask: Any) -> Record:
        """The record with those boxes alone where the mask, ``(n,)`` bool, holds."""
        mask = np.asarray(mask, bool)
        return replace(
            self,
            boxes=self.boxes[mask],
            classes=self.classes[mask],
            difficult=self.difficult[mask],
            crowd=self.crowd[mask],
            areas=None if self.areas is None else self.areas[mask],
            lines=tuple(line for line, keep in zip(self.lines, mask) if keep),
        )


@dataclass(frozen=True, eq=False)
class DetectionData(Sequence):
    """Records with the same classes; ``data[i]`` and ``for record in data``.

    Raises:
        ValueError: a record with other names.
    """

    records: Sequence[Record]
    names: Sequence[str]
    problems: Sequence[LabelError] = field(default=(), repr=False)
    """Labels that could not be read: the records of these files are not there (`strict=False`)."""
    images_without_label: Sequence[Path] = field(default=(), repr=False)
    labels_without_image: Sequence[Path] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        """Check the names."""
        object.__setattr__(self, "names", tuple(self.names))
        other = next((one for one in self.records if tuple(one.names) != self.names), None)
        if other is not None:
            raise ValueError(f"{other.name} has the classes {other.names}, the data set {self.names}")

    def __len__(self) -> int:
        """How many images."""
        return len(self.records)

    def __getitem__(self, index: int) -> Record:
        """The record of an image."""
        return self.records[index]

    def __iter__(self) -> Iterator[Record]:
        """One after the other."""
        return iter(self.records)

    def subset(self, indices: Sequence[int]) -> DetectionData:
        """The data set of these images only, in this order.

        Raises:
            TypeError, ValueError: indices that are not whole numbers from 0 on.
            IndexError: there is no such image.
        """
        chosen = [self.records[i] for i in (whole_number("an index", i, 0) for i in indices)]
        return DetectionData(chosen, self.names)

    def loaded(self, size: int | Sequence[int] | None = None, *, verbose: bool = True) -> DetectionData:
        """The same data set in memory: every picture read once, so that a training need not decode it in each epoch.

        Args:
            size: height and width in pixels, or one number for both; pictures that do not fit into it are made smaller
                until they do, aspect kept, and their boxes with them. None: pictures as they are.
            verbose: show a progress bar when it takes more than two seconds.

        Raises:
            TypeError, ValueError: a size that is not one or two whole numbers.
            FileNotFoundError, data.ImageError: a picture that cannot be read.
        """
        from tqdm.auto import tqdm

        size = None if size is None else number_pair("size", size)
        bar = tqdm(self.records, desc="reading", disable=not verbose, delay=2)
        return replace(self, records=[_in_memory(record, size) for record in bar])

    def as_tf_data(
        self,
        size: int | Sequence[int] = 416,
        batch: int = 8,
        *,
        sizes: Sequence[int | Sequence[int]] | None = None,
        every: int = 10,
        seed: int | None = None,
        augment: Callable[..., Any] | None = None,
        epoch: int | Callable[[], int] | None = None,
        max_boxes: int | None = None,
        dtype: str = "float32",
        drop_remainder: bool = False,
    ) -> tf.data.Dataset:
        """Batches of pictures and their boxes for a training.

        Args:
            size: height and width of the network's input in pixels (one number for both).
            batch: pictures in a batch.
            sizes: instead of ``size``, several of them, of which one is drawn every ``every`` batches (Redmon and
                Farhadi 2017, "YOLO9000", multi-scale training). Wants ``seed``.
            every: batches from one draw of the size to the next.
            seed: shuffle with this seed, anew on every pass. None: in order.
            augment: called with the data set, the number of a picture, a seed of two numbers and a size, returns a
                `yolo.augment.View`; as `yolo.augment.augment`, to which ``functools.partial`` gives other arguments.
                Wants ``seed``. None: whole pictures, letterboxed.
            epoch: None: every pass is the next epoch, 0, 1, 2, ... A number: this epoch in every pass. A function:
                called for the number when a pass begins. What a pass shows depends on seed and epoch alone, so a
                training that is resumed can see what it would have seen.
            max_boxes: rows for boxes in a batch. None: as many as the picture with the most boxes needs, and with
                ``augment`` five times as many, since a view of `yolo.augment.augment` shows up to five pictures. More
                boxes than rows are an error, never left out.
            dtype: of the pictures: "float32" 0..1, as Darknet's networks want them, or "uint8" 0..255.
            drop_remainder: leave out the last batch if it is smaller.

        Returns:
            A dataset of known length: pictures ``(batch, height, width, 3)`` and a dictionary: ``boxes`` float32
            ``(batch, max_boxes, 4)``, xyxy in pixels of the input, ``classes`` int32 ``(batch, max_boxes)``, -1 in rows
            that only fill up, ``weights`` float32 of the same shape: 1; 0 in such rows and for crowds; less in a blend.

        Raises:
            TypeError, ValueError: arguments of another kind or range; a box without an area in its image (`mended`
                takes these out). What goes wrong when a picture is read becomes TensorFlow's error, with its words.
        """
        from yolo.datasets.batches import batches

        return batches(self, size, batch, sizes, every, seed, augment, epoch, max_boxes, dtype, drop_remainder)


def _in_memory(record: Record, size: tuple[int, int] | None) -> Record:
    image, boxes, areas = record.read_image(), record.boxes, record.areas
    if size is not None and (image.shape[0] > size[0] or image.shape[1] > size[1]):
        canvas, fit = letterbox(image, size)
        image, scale = canvas[fit.window].copy(), np.float32([fit.scale_x, fit.scale_y] * 2)
        boxes = boxes * scale
        areas = None if areas is None else areas * fit.scale_x * fit.scale_y
    name = record.name if record.id is None else record.id
    return replace(record, image=image, boxes=boxes, areas=areas, size=image.shape[:2], id=name)


class LabelError(ValueError):
    """Labels that cannot be read; the message names file and line."""

    def __init__(self, file: str | os.PathLike[str], line: int | None, words: str) -> None:
        """``line`` is counted from 1; None: of the whole file."""
        self.file, self.line, self.words = Path(file), line, words
        super().__init__(f"'{os.fspath(file)}'{'' if line is None else f', line {line}'}: {words}")


class Collected:
    """What is wrong with labels: raised at once if strict, kept otherwise."""

    def __init__(self, strict: bool) -> None:
        """With ``strict`` the first problem is raised."""
        self.strict, self.problems = strict, []

    def add(self, *errors: LabelError) -> None:
        """Note problems, or raise the first."""
        if self.strict and errors:
            raise errors[0]
        self.problems.extend(errors)


def class_number(name: str, names: Sequence[str], file: str | os.PathLike[str], line: int | None) -> int:
    """The number of a class by its name.

    Raises:
        LabelError: there is no such class.
    """
    if name not in names:
        raise LabelError(file, line, f"the class {name!r} is not among {', '.join(names)}")
    return list(names).index(name)


def number(text: str | None, what: str, file: str | os.PathLike[str], line: int | None) -> float:
    """A finite number in a label file.

    Raises:
        LabelError: something else.
    """
    try:
        value = float(text)
    except (TypeError, ValueError):
        value = np.nan
    if not np.isfinite(value) or abs(value) > np.finfo(np.float32).max:
        raise LabelError(file, line, f"{what} is {text!r}; a finite number is wanted")
    return value


def pixels_not_shares(boxes: np.ndarray, file: str | os.PathLike[str], line: int | None) -> None:
    """Refuse boxes in shares of the image where pixels are wanted.

    Raises:
        LabelError: all coordinates of the image's boxes are within 0..1, and not all are whole.
    """
    if len(boxes) and (boxes >= 0).all() and (boxes <= 1).all() and (boxes != np.floor(boxes)).any():
        raise LabelError(file, line, f"the box {boxes[0].tolist()} is in shares of the image; pixels are wanted")
