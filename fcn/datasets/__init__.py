"""Pairs of an image and its label map: where they come from, how they become batches, what is wrong with them.

    from fcn.datasets import camvid, lint
    train = camvid("train")
    print(lint(train))
    batches = train.as_tf_data(size=(180, 240), batch=4, seed=0, augment=fcn.augment.augment)

Labels are never interpolated, and what has no class is void, 255, whatever number or colour it has in the files.

- `SegmentationData`: the pairs, from files or arrays.
- `camvid(split)`, `folder_pairs(images, labels)`, `voc(folder, split)`, `scenes(count)`: sources.
- `lint(data)`: what is in the labels, and what is wrong with them.
"""

from __future__ import annotations

from fcn.datasets.camvid import camvid
from fcn.datasets.drawn import scenes
from fcn.datasets.folders import folder_pairs, read_class_dict
from fcn.datasets.lint import LintReport, lint
from fcn.datasets.pairs import SegmentationData
from fcn.datasets.splitting import hold_out
from fcn.datasets.voc import voc, voc_palette

__all__ = [
    "LintReport",
    "SegmentationData",
    "camvid",
    "folder_pairs",
    "hold_out",
    "lint",
    "read_class_dict",
    "scenes",
    "voc",
    "voc_palette",
]
