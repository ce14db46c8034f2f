"""Pascal VOC: palette PNGs whose numbers are the classes, 255 the border around objects (Everingham et al. 2010)."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from data.arguments import one_of, whole_number
from fcn.datasets.pairs import SegmentationData

CLASSES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip
SPLITS = {"train": "train", "validation": "val", "trainval": "trainval"}


def voc(folder: str | os.PathLike[str], split: str = "train") -> SegmentationData:
    """The segmentation part of Pascal VOC: background and 20 classes; borders of objects and difficult ones are void.

    Args:
        folder: the one that holds ``JPEGImages``, ``SegmentationClass`` and ``ImageSets/Segmentation``
            (``VOCdevkit/VOC2012``).
        split: "train", "validation" or "trainval".

    Returns:
        The pairs in the order of the list; names in it whose image or label is not there are told apart
        (``images_without_label``, ``labels_without_image``), for `lint`.

    Raises:
        ValueError: another split; not one pair is whole.
        FileNotFoundError: the folder has no such list.
    """
    one_of("split", split, tuple(SPLITS))
    folder = Path(folder)
    listing = folder / "ImageSets" / "Segmentation" / f"{SPLITS[split]}.txt"
    if not listing.is_file():
        raise FileNotFoundError(
            f"no file '{listing}'; folder is the one that holds JPEGImages, SegmentationClass and ImageSets"
        )
    names = listing.read_text(encoding="utf-8").split()
    images = [folder / "JPEGImages" / f"{name}.jpg" for name in names]
    labels = [folder / "SegmentationClass" / f"{name}.png" for name in names]
    found = [(image.is_file(), label.is_file()) for image, label in zip(images, labels)]
    whole = [i for i, pair in enumerate(found) if all(pair)]
    if not whole:
        raise ValueError(f"'{listing}' has {len(names)} names; for none of them are image and label in '{folder}'")
    return SegmentationData(
        images=[images[i] for i in whole],
        labels=[labels[i] for i in whole],
        class_names=CLASSES,
        colours=voc_palette(len(CLASSES)),
        images_without_label=[images[i] for i, pair in enumerate(found) if pair == (True, False)],
        labels_without_image=[labels[i] for i, pair in enumerate(found) if pair == (False, True)],
    )


def voc_palette(count: int = 256) -> np.ndarray:
    """VOC's colours, ``(count, 3)`` uint8: the bits of the number dealt out to red, green and blue in turn.

    Raises:
        TypeError, ValueError: a count outside 1..256.

    >>> voc_palette(4).tolist()
    [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0]]
    """
    if whole_number("count", count) > 256:
        raise ValueError(f"count is {count}; VOC's palette has 256 colours")
    numbers = np.arange(count)
    palette = np.zeros((count, 3), int)
    for level in range(8):  # the lowest three bits give the highest bit of each channel
        for channel in range(3):
            palette[:, channel] |= (numbers >> (3 * level + channel) & 1) << (7 - level)
    return palette.astype(np.uint8)
