"""CamVid: street scenes from a driving car, 360 x 480, eleven classes (Brostow et al. 2009; SegNet's selection)."""

from __future__ import annotations

from data import fetch
from data.arguments import one_of
from fcn.datasets.pairs import SegmentationData

# In the order of the ids in the label files, with the colours of SegNet's demo.
CLASSES = {
    "Sky": (128, 128, 128),
    "Building": (128, 0, 0),
    "Pole": (192, 192, 128),
    "Road": (128, 64, 128),
    "Pavement": (60, 40, 222),
    "Tree": (128, 128, 0),
    "SignSymbol": (192, 128, 128),
    "Fence": (64, 64, 128),
    "Car": (64, 0, 128),
    "Pedestrian": (64, 64, 0),
    "Bicyclist": (0, 128, 192),
}
VOID_ID = 11  # "unlabelled" in the files
_LISTS = {"train": "train", "validation": "val"}


def camvid(split: str = "train", *, verbose: bool = True) -> SegmentationData:
    """CamVid as SegNet's authors published it: 367 images to train, 101 to validate.

    The validation images are one sequence of consecutive frames, with eight times the training images' share of
    Bicyclist: a poor guide for choosing a model. `SegmentationData.subset` holds a part of the training images out.

    Args:
        split: "train" or "validation". The 233 test images are not among the files that the registry names.
        verbose: show a progress bar if the files are downloaded (125 MB).

    Raises:
        ValueError: another split.
        data.assets.AssetUnavailableError, data.assets.HashMismatchError: as `data.fetch`.
    """
    if split == "test":
        raise ValueError("split is 'test'; CamVid's test images are not to be had here; accepted: train, validation")
    one_of("split", split, tuple(_LISTS))
    folder = fetch("camvid", verbose=verbose)
    lines = (folder / f"{_LISTS[split]}.txt").read_text(encoding="utf-8").splitlines()
    # A line is two paths on the authors' machine, of which the last two parts hold here.
    pairs = [["/".join(path.split("/")[-2:]) for path in line.split()] for line in lines if line.strip()]
    return SegmentationData(
        images=[folder / image for image, _ in pairs],
        labels=[folder / label for _, label in pairs],
        class_names=tuple(CLASSES),
        colours=list(CLASSES.values()),
        void_ids=(VOID_ID,),
    )
