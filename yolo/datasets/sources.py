"""Data sets that need no path: street scenes drawn from a seed, and blood cells."""

from __future__ import annotations

from collections.abc import Sequence

from data import fetch
from data.arguments import one_of
from yolo.datasets.records import DetectionData, Record
from yolo.datasets.voc import read_voc

BCCD_CLASSES = ("RBC", "WBC", "Platelets")
_SPLITS = {"train": "train", "validation": "val", "trainval": "trainval"}


def scenes(count: int, seed: int = 0, size: int | Sequence[int] = 128, *, verbose: bool = True) -> DetectionData:
    """Drawn street scenes in memory: cars, pedestrians and signs; image i is ``data.scenes.scene((seed, i), size)``.

    Args:
        count: how many; 1000 of 128 x 128 take 50 MB.
        seed: other seeds, other scenes: one to train, another one to validate.
        size: height and width in pixels, or one number for both.
        verbose: show a progress bar when it takes more than two seconds.

    Raises:
        TypeError, ValueError: count or seed are no whole numbers; a size that `data.scenes.scene` refuses.
    """
    from data.scenes import OBJECT_CLASSES, drawn

    records = [
        Record(one.image, one.boxes, one.box_classes, OBJECT_CLASSES, id=index)
        for index, one in enumerate(drawn(count, seed, size, verbose=verbose))
    ]
    return DetectionData(records, OBJECT_CLASSES)


def bccd(split: str = "train", *, verbose: bool = True) -> DetectionData:
    """Blood cells under the microscope, 480 x 640: red, white, and platelets; 205 images to train, 87 to validate.

    Two boxes have no area (BloodImage_00338 and BloodImage_00343): `mended` takes them out.

    Args:
        split: "train", "validation", or "trainval" for both. The 72 test images are not among the files.
        verbose: show a progress bar if the files are downloaded (7 MB).

    Raises:
        ValueError: another split.
        data.assets.AssetUnavailableError, data.assets.HashMismatchError: as `data.fetch`.
    """
    one_of("split", split, tuple(_SPLITS))
    folder = fetch("bccd", verbose=verbose) / "BCCD"
    return read_voc(folder, _SPLITS[split], names=BCCD_CLASSES)
