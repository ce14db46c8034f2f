"""Labelled street scenes drawn from a seed: the data set that needs no download.

`scene(seed)` draws one picture with its class mask, instance masks, boxes and label; `drawn(n)` gives many,
one after the other, `dataset(n)` makes a `tf.data.Dataset` of them. The same seed gives the same picture everywhere.
"""

from __future__ import annotations

import numpy as np

from data.scenes.canvas import CLASSES
from data.scenes.generate import CONDITIONS, Conditions, Scene, dataset, drawn, scene
from data.scenes.layout import LABELS, MAX_OBJECTS, OBJECT_CLASSES

# One colour per class for showing masks, told apart with any colour vision (after Okabe and Ito, 2008).
PALETTE = np.array(
    [
        (86, 180, 233),  # sky: sky blue
        (204, 121, 167),  # building: reddish purple
        (64, 64, 64),  # road: dark grey
        (190, 190, 190),  # pavement: light grey
        (0, 158, 115),  # tree: bluish green
        (240, 228, 66),  # sign: yellow
        (0, 114, 178),  # car: blue
        (213, 94, 0),  # pedestrian: vermilion
    ],
    np.uint8,
)
PALETTE.flags.writeable = False

__all__ = [
    "CLASSES",
    "CONDITIONS",
    "LABELS",
    "MAX_OBJECTS",
    "OBJECT_CLASSES",
    "PALETTE",
    "Conditions",
    "Scene",
    "dataset",
    "drawn",
    "scene",
]
