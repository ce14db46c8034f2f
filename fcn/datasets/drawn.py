"""Street scenes drawn from a seed (`data.scenes`): the data set that needs no download."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data.arguments import whole_number
from fcn.datasets.pairs import SegmentationData


def scenes(count: int, seed: int = 0, size: int | Sequence[int] = 128, *, verbose: bool = True) -> SegmentationData:
    """Drawn street scenes in memory, eight classes, no void; pair i is ``data.scenes.scene((seed, i), size)``.

    Args:
        count: how many; 1000 of 128 x 128 take 66 MB.
        seed: other seeds, other scenes: one to train, another one to validate.
        size: height and width in pixels, or one number for both.
        verbose: show a progress bar when it takes more than two seconds.

    Raises:
        TypeError, ValueError: count or seed are no whole numbers; a size that `data.scenes.scene` refuses.
    """
    from tqdm.auto import tqdm

    from data.scenes import CLASSES, PALETTE, scene

    count, seed = whole_number("count", count), whole_number("seed", seed, 0)
    images, labels = [], []
    for index in tqdm(range(count), desc="drawing scenes", disable=not verbose, delay=2):
        drawn = scene((seed, index), size)
        images.append(drawn.image)
        labels.append(drawn.class_mask)
    return SegmentationData(np.stack(images), np.stack(labels), CLASSES, colours=PALETTE)
