"""`SegmentationData`: images and their labels, as files or arrays, and what the numbers in the labels mean."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data import read_image, resize
from data.arguments import number_pair, one_of, whole_number
from fcn.datasets.labels import label_of_colours, label_of_ids, read_label

if TYPE_CHECKING:
    import tensorflow as tf

Source = str | os.PathLike | np.ndarray


@dataclass(frozen=True, eq=False)
class SegmentationData:
    """Pairs of an image and its label.

    ``data[i]`` reads pair ``i``: image uint8 ``(height, width, 3)`` RGB, label uint8 ``(height, width)`` with ids
    0..classes - 1 and ``void``.

    Raises:
        TypeError, ValueError: fields that are of another kind or do not fit one another.
    """

    images: Sequence[Source]
    """Files, or uint8 arrays ``(height, width, 3)``."""
    labels: Sequence[Source]
    """Files or arrays, in the same order."""
    class_names: Sequence[str]
    colours: Any = None
    """``(classes, 3)`` uint8 for showing labels; None: not given."""
    void: int = 255
    """The id of pixels without a class in all that is read: the loss and the metrics leave them out."""
    ids: Sequence[int] | None = None
    """The number by which the files mean each class; None: 0, 1, 2, ..."""
    void_ids: Sequence[int] = ()
    """Numbers in the files that mean void, besides ``void``."""
    by_colour: bool = False
    """The label files hold ``colours``, not ids."""
    void_colours: Any = ()
    """With ``by_colour``: the colours that mean void."""
    unknown: str = "raise"
    """What becomes of ids and colours without a meaning: "raise" an error or take them as "void"."""
    images_without_label: Sequence[Path] = field(default=(), repr=False)
    labels_without_image: Sequence[Path] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        """Check what can be checked without reading a file."""
        if len(self.images) != len(self.labels) or not len(self.images):
            raise ValueError(f"{len(self.images)} images and {len(self.labels)} labels; as many of both, at least one")
        classes = len(self.class_names)
        if isinstance(self.class_names, str) or not classes or len(set(self.class_names)) != classes:
            raise ValueError(f"class_names is {self.class_names!r}; different names are wanted, at least one")
        if not classes <= whole_number("void", self.void, 0) <= 255:
            raise ValueError(f"void is {self.void}; with {classes} classes a number in {classes}..255 is wanted")
        one_of("unknown", self.unknown, ("raise", "void"))
        for name, count in (("colours", classes), ("void_colours", None)):
            object.__setattr__(self, name, _colours(name, getattr(self, name), count))
        ids = tuple(range(classes)) if self.ids is None else tuple(self.ids)
        if len(ids) != classes or len({*ids, *self.void_ids, self.void}) < classes + len({*self.void_ids, self.void}):
            raise ValueError(
                f"ids {ids}, void_ids {tuple(self.void_ids)} and void {self.void} for {classes} classes: every class "
                "has one number, which nothing else has"
            )
        object.__setattr__(self, "ids", ids)
        if self.by_colour:
            if self.colours is None:
                raise ValueError("by_colour is True and colours is None; give the colour of every class")
            rows = np.concatenate([self.colours, self.void_colours]).tolist()
            twice = next((row for i, row in enumerate(rows) if row in rows[:i]), None)
            if twice:
                raise ValueError(f"the colour {tuple(twice)} stands for two classes; colours must differ")

    def __len__(self) -> int:
        """How many pairs."""
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Read one pair; see the class.

        Raises:
            FileNotFoundError, ImageError: a file that cannot be read.
            ValueError: image and label differ in size; the label holds what has no meaning and ``unknown`` is "raise".
        """
        image, stored = self.image(index), self.stored_label(index)
        if image.shape[:2] != stored.shape[:2]:
            raise ValueError(
                f"{self.name(index)}: the image is {image.shape[0]} x {image.shape[1]}, the label {stored.shape[0]} x "
                f"{stored.shape[1]} (height x width); they must be equal"
            )
        label, unknown = self.decode(stored)
        if self.unknown == "raise" and unknown.any():
            values = np.unique(stored[unknown], axis=0).tolist()
            kind = "colours" if self.by_colour else "ids"
            shown = ", ".join(str(tuple(v) if self.by_colour else v) for v in values[:5])
            raise ValueError(
                f"{self.name(index)}: the label holds {kind} without a class: {shown}{', ...' * (len(values) > 5)} in "
                f"{int(unknown.sum())} pixels; lint(data) lists all, unknown='void' takes them as void"
            )
        return image, label

    def image(self, index: int) -> np.ndarray:
        """The image of a pair, uint8 ``(height, width, 3)``."""
        return read_image(self.images[index])

    def stored_label(self, index: int) -> np.ndarray:
        """The label of a pair as it is stored, see `fcn.datasets.labels.read_label`."""
        return read_label(self.labels[index], self.by_colour)

    def decode(self, stored: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A stored label as ids, uint8, and where it holds what has no meaning (void in the ids)."""
        if self.by_colour:
            return label_of_colours(stored, self.colours, self.void, self.void_colours)
        return label_of_ids(stored, self.ids, self.void, self.void_ids)

    def name(self, index: int) -> str:
        """The file name of an image without its ending, or its number."""
        source = self.images[index]
        return f"pair {index}" if isinstance(source, np.ndarray) else Path(source).stem

    def subset(self, indices: Sequence[int]) -> SegmentationData:
        """The data set of these pairs only, in this order; to hold a part out, say.

        Raises:
            TypeError, ValueError: indices that are not whole numbers from 0 on; none.
            IndexError: there is no such pair.
        """
        chosen = [(self.images[i], self.labels[i]) for i in (whole_number("an index", i, 0) for i in indices)]
        images, labels = zip(*chosen) if chosen else ((), ())
        return replace(self, images=images, labels=labels, images_without_label=(), labels_without_image=())

    def loaded(self, size: int | Sequence[int] | None = None, *, verbose: bool = True) -> SegmentationData:
        """The same data set in memory: every file read once, resized as in `as_tf_data`. Raises as ``data[i]``."""
        from tqdm.auto import tqdm

        size = None if size is None else number_pair("size", size)
        bar = tqdm(range(len(self)), desc="reading", disable=not verbose, delay=2)
        images, labels = zip(*(resized(*self[i], size) for i in bar))
        return replace(self, images=images, labels=labels, ids=None, void_ids=(), by_colour=False, void_colours=())

    def as_tf_data(
        self,
        size: int | Sequence[int] | None = None,
        batch: int | None = 8,
        *,
        seed: int | None = None,
        augment: Callable[[Any, Any, Any], tuple[Any, Any]] | None = None,
        epoch: int | Callable[[], int] | None = None,
        dtype: str = "float32",
        drop_remainder: bool = False,
    ) -> tf.data.Dataset:
        """Batches of images and labels for `keras.Model.fit`.

        Args:
            size: height and width in pixels (one number for both): images are averaged where they shrink and bilinear
                where they grow, labels take the nearest pixel. None: as they are.
            batch: pairs in a batch; None: single pairs, without a batch axis.
            seed: shuffle with this seed, anew on every pass. None: in order.
            augment: called in the graph with image, label and a seed of two numbers for each pair, as
                `fcn.augment.augment`; ``functools.partial`` gives it other arguments. Wants ``seed``.
            epoch: None: every pass is the next epoch, 0, 1, 2, ... A number: this epoch in every pass. A function:
                called for the number when a pass begins. What a pass shows depends on seed and epoch alone, so a
                training that is resumed can see what it would have seen.
            dtype: of the images: "float32" or "uint8", 0..255 both.
            drop_remainder: leave out the last batch if it is smaller.

        Returns:
            A dataset of known length: images ``(batch, height, width, 3)``, labels int32 ``(batch, height, width)``.

        Raises:
            TypeError, ValueError: arguments of another kind or range; images of several sizes with neither a size nor
                a crop. What ``data[i]`` raises becomes TensorFlow's error, with its words, when the batch is read.
        """
        from fcn.datasets.batches import batches

        return batches(self, size, batch, seed, augment, epoch, dtype, drop_remainder)


def resized(image: np.ndarray, label: np.ndarray, size: tuple[int, int] | None) -> tuple[np.ndarray, np.ndarray]:
    """A pair at another size, the label by its nearest pixel."""
    if size is None or image.shape[:2] == size:
        return image, label
    return resize(image, size, "area"), resize(label, size, "nearest")


def _colours(name: str, colours: Any, count: int | None) -> np.ndarray | None:
    if colours is None:
        return None
    table = np.asarray(colours)
    if table.size == 0 and count is None:
        return np.zeros((0, 3), np.uint8)
    if table.ndim != 2 or table.shape[1] != 3 or (count is not None and len(table) != count):
        raise ValueError(f"{name} has shape {table.shape}; ({count or 'any'}, 3) is wanted")
    if not np.issubdtype(table.dtype, np.integer) or table.min() < 0 or table.max() > 255:
        raise ValueError(f"{name} holds {table.dtype} {table.min()}..{table.max()}; whole numbers 0..255 are wanted")
    return table.astype(np.uint8)
