"""A trained network with what is needed to use it: names of its classes, anchors, size; and its card.

import yolo

detector = yolo.load("yolov3-tiny")
found = detector("photo.jpg")        # one picture, one `Found`
print(found)
for found in detector(["a.jpg", "b.jpg"]): ...
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from data.arguments import number_pair, one_of, whole_number
from data.letterboxing import Letterbox, letterbox, resize
from yolo.boxes import from_letterbox
from yolo.found import Found
from yolo.inference import DTYPES, Inference
from yolo.nms import Detections, detect, fast
from yolo.nms.checks import of_the_best, share

if TYPE_CHECKING:
    import keras

THRESHOLD, OVERLAP = 0.3, 0.45
STRIDE = 32
"""Pixels of the coarsest cell: sizes of the network's input are multiples of it."""


class Sight(NamedTuple):
    """What the network was shown, and what it said, before anything is decoded."""

    canvas: np.ndarray
    """uint8 RGB (rows, columns, 3): the picture in its letterbox."""
    fit: Letterbox
    """From the picture to the canvas and back."""
    heads: list[np.ndarray]
    """Raw, each float32 (1, rows, columns, anchors * (5 + classes))."""


@dataclass(frozen=True, eq=False)
class Detector:
    """A network that finds objects.

    Attributes:
        network: float32 RGB 0..1 (batch, rows, columns, 3) to raw heads, each (batch, rows, columns,
            anchors * (5 + classes)).
        names: of the classes.
        anchors: for each head (anchors, 2), width and height in pixels of the network's input.
        size: height and width of the network's input, pixels, multiples of 32; pictures of any size are fitted into it.
        dtype: "float32", "bfloat16" or "auto": see `yolo.inference.Inference`.
        logistic: a sigmoid for each class (YOLOv3) or a softmax over all (YOLOv2).
        stretch: fit pictures into the input by making them as wide and as high, as the Darknet of YOLOv4 does unless it
            is told ``-letter_box``; else with a border, as the original one. As the network was trained: what it has
            learned of shapes is wrong for the other.
        card: what the weights are, how they were trained, what was measured.
        live: the network is being trained: every call computes with the weights that it has at that moment. Else those
            of the first call stay, folded, which is faster. ``dataclasses.replace(detector, live=True)`` makes one.

    Raises:
        TypeError, ValueError: anchors, names or size do not fit the network.
    """

    network: keras.Model = field(repr=False)
    names: Sequence[str] = field(repr=False)
    anchors: Sequence[Any] = field(repr=False)
    size: int | Sequence[int] = 416
    dtype: str = "float32"
    logistic: bool = True
    stretch: bool = False
    card: dict[str, Any] = field(repr=False, default_factory=dict)
    live: bool = False

    def __post_init__(self) -> None:
        """Check, and bring into one form."""
        one_of("dtype", self.dtype, DTYPES)
        if self.live and self.dtype != "float32":
            raise ValueError(f"dtype is {self.dtype!r}; a live network computes in its own, leave dtype at 'float32'")
        if isinstance(self.names, str) or not len(self.names):
            raise TypeError(f"names is {self.names!r}; a sequence of names, one for each class, is wanted")
        anchors = [np.asarray(one, np.float32) for one in self.anchors]
        if any(one.ndim != 2 or one.shape[1:] != (2,) or not len(one) or not (one > 0).all() for one in anchors):
            raise ValueError(
                f"anchors have shapes {[one.shape for one in anchors]}; (anchors, 2) for each head, above 0"
            )
        found = self.network.outputs
        wanted = [len(one) * (5 + len(self.names)) for one in anchors]
        if [head.shape[-1] for head in found] != wanted:
            raise ValueError(
                f"the network's heads have {[head.shape[-1] for head in found]} channels; {len(self.names)} names and "
                f"{[len(one) for one in anchors]} anchors want {wanted}, anchors * (5 + classes)"
            )
        for name, value in {"names": tuple(self.names), "anchors": anchors, "size": self._checked(self.size)}.items():
            object.__setattr__(self, name, value)

    def __call__(
        self,
        images: Any,
        *,
        threshold: float = THRESHOLD,
        overlap: float = OVERLAP,
        class_agnostic: bool = False,
        size: int | Sequence[int] | None = None,
        batch: int = 8,
    ) -> Found | list[Found]:
        """Find the objects in a picture, or in each of many.

        Args:
            images: a picture as `data.read_image` takes it: a path, the bytes of a file, an array (height, width) or
                (height, width, 1 to 4), uint8, uint16, bool or floats in 0..1. Or many: a sequence of such, of any
                sizes, or an array (n, height, width, channels).
            threshold: least score, objectness times class, 0 to 1.
            overlap: IoU above which the weaker of two boxes of a class goes, 0 to 1.
            class_agnostic: boxes of different classes strike each other out too.
            size: of the network's input, instead of the detector's: larger finds smaller objects, and takes longer.
            batch: so many pictures go through the network at a time.

        Returns:
            `Found` for a picture, a list of them for many. Boxes are in pixels of each picture, and inside of it; one
            that lies in the letterbox's border altogether is left out.

        Raises:
            FileNotFoundError, data.ImageError, TypeError: a picture that cannot be read; of many, the message says
                which.
            ValueError: an argument out of range; logits that are not finite.
        """
        alone = _is_one(images)
        options = {"threshold": threshold, "overlap": overlap, "class_agnostic": class_agnostic, "size": size}
        found = list(self._find([_read(images)] if alone else _each(images), batch=batch, **options))
        return found[0] if alone else found

    def each(
        self,
        images: Iterable[Any],
        *,
        threshold: float = THRESHOLD,
        overlap: float = OVERLAP,
        class_agnostic: bool = False,
        size: int | Sequence[int] | None = None,
        batch: int = 1,
        most: int | None = None,
    ) -> Iterator[Found]:
        """One picture after the other, as they come: for a film, or for more pictures than fit into memory.

        Args, yields and raises as a call; ``images`` is asked for ``batch`` pictures at a time. Of each picture at most
        the ``most`` best candidates are looked at (None: all): at a low threshold a network that has learnt little has
        a hundred thousand.
        """
        options = {"threshold": threshold, "overlap": overlap, "class_agnostic": class_agnostic, "size": size}
        return self._find(_each(images), batch=batch, most=most, **options)

    def _find(
        self,
        pictures: Iterable[np.ndarray],
        *,
        threshold: Any,
        overlap: Any,
        class_agnostic: bool,
        size: Any,
        batch: Any,
        most: Any = None,
    ) -> Iterator[Found]:
        threshold, batch = share("threshold", threshold), whole_number("batch", batch)
        suppress = partial(fast, overlap=share("overlap", overlap))
        if most is not None:
            suppress = of_the_best(suppress, whole_number("most", most))
        size = self.size if size is None else self._checked(size)

        def found(waiting: list[tuple[np.ndarray, Letterbox]]) -> Iterator[Found]:
            detections = detect(
                self.inference(np.stack([canvas for canvas, _ in waiting])),
                self.anchors,
                size,
                threshold=threshold,
                suppress=suppress,
                class_agnostic=class_agnostic,
                logistic=self.logistic,
            )
            for one, (_, fit) in zip(detections, waiting):
                yield self._found(one, fit)

        waiting: list[tuple[np.ndarray, Letterbox]] = []
        for picture in pictures:
            waiting.append(self._fitted(picture, size))
            if len(waiting) == batch:
                yield from found(waiting)
                waiting = []
        if waiting:
            yield from found(waiting)

    def look(self, image: Any, *, size: int | Sequence[int] | None = None) -> Sight:
        """What the network is shown of a picture, and its raw answer: for figures, and to see how boxes come about."""
        canvas, fit = self._fitted(_read(image), self.size if size is None else self._checked(size))
        return Sight(canvas, fit, self.inference(canvas[None]))

    @cached_property
    def inference(self) -> Inference:
        """The network, folded and compiled."""
        return Inference(self.network, len(self.names), self.dtype, logistic=self.logistic, live=self.live)

    def forget(self) -> None:
        """Drop the folded copy of the network: it is made anew when it is needed. For when the network has learnt."""
        vars(self).pop("inference", None)

    def _fitted(self, picture: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, Letterbox]:
        if self.stretch:
            return resize(picture, size), Letterbox(picture.shape[:2], size, size, top=0, left=0)
        return letterbox(picture, size)

    def _found(self, detections: Detections, fit: Letterbox) -> Found:
        boxes = from_letterbox(detections.boxes, fit, clipped=True)
        seen = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        return Found(boxes[seen], detections.scores[seen], detections.classes[seen], self.names, fit.source)

    def _checked(self, size: int | Sequence[int]) -> tuple[int, int]:
        height, width = number_pair("size", size)
        fixed = self.network.inputs[0].shape[1:3]
        if any(wanted not in (None, side) for wanted, side in zip(fixed, (height, width))):
            raise ValueError(
                f"size is {height} x {width}; this network was built for {fixed[0]} x {fixed[1]} (height x width): "
                "load it with another size="
            )
        if height % STRIDE or width % STRIDE:
            raise ValueError(f"size is {height} x {width}; multiples of {STRIDE} are wanted, the coarsest cell's side")
        return height, width


def _is_one(images: Any) -> bool:
    """Whether this is a single picture, rather than many."""
    if isinstance(images, (str, bytes, bytearray, memoryview, os.PathLike)) or hasattr(images, "read"):
        return True
    if hasattr(images, "__array__") or hasattr(images, "__array_interface__"):  # an array, a tensor, Pillow's image
        return np.ndim(images) != 4
    return not isinstance(images, Iterable)  # what is neither is refused as one


def _read(image: Any) -> np.ndarray:
    from data import read_image

    return read_image(image)


def _each(images: Iterable[Any]) -> Iterator[np.ndarray]:
    """Pictures that are read; what is wrong is told with its place."""
    from data import ImageError

    if isinstance(images, dict) or not isinstance(images, Iterable):
        raise TypeError(f"images is a {type(images).__name__}; a picture or a sequence of pictures is wanted")

    def read() -> Iterator[np.ndarray]:
        for index, image in enumerate(images):
            try:
                yield _read(image)
            except (ImageError, TypeError) as error:
                raise type(error)(f"images[{index}]: {error}") from error

    return read()
