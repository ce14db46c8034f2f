"""Images and their boxes: where they come from, how they are written in other formats, what is wrong with them.

    from yolo.datasets import bccd, lint, mended
    train, changes = mended(bccd("train"))
    print(lint(train))

Boxes are (x1, y1, x2, y2) in pixels, edges continuous. No box is lost unsaid: readers keep what is odd, `lint` reports
it, `mended` clips and removes and lists what it did, and what cannot be read is an error that names file and line, or,
with ``strict=False``, in ``problems``.

- `Record`: one image and its boxes; `DetectionData`: many; its `as_tf_data(size, batch)` gives batches for a training.
- `read_voc`, `read_coco`, `read_yolo`, `read_csv`, and `write_...` for each; `scenes(count)`, `bccd(split)`.
- `lint(data)`: what is in the labels, and what is wrong with them.
"""

from __future__ import annotations

from yolo.datasets.coco import read_coco, write_coco
from yolo.datasets.lint import BoxProblem, LintReport, lint
from yolo.datasets.mending import Change, mended
from yolo.datasets.records import DetectionData, LabelError, Record
from yolo.datasets.sources import bccd, scenes
from yolo.datasets.table import read_csv, write_csv
from yolo.datasets.voc import read_voc, write_voc
from yolo.datasets.yolo_txt import read_names, read_yolo, write_yolo

__all__ = [
    "BoxProblem",
    "Change",
    "DetectionData",
    "LabelError",
    "LintReport",
    "Record",
    "bccd",
    "lint",
    "mended",
    "read_coco",
    "read_csv",
    "read_names",
    "read_voc",
    "read_yolo",
    "scenes",
    "write_coco",
    "write_csv",
    "write_voc",
    "write_yolo",
]
