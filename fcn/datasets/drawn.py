"""Street scenes drawn from a seed (`data.scenes`): the data set that needs no download."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

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
    from data.scenes import CLASSES, PALETTE, drawn

    pairs = [(one.image, one.class_mask) for one in drawn(count, seed, size, verbose=verbose)]
    images, labels = zip(*pairs)
    return SegmentationData(np.stack(images), np.stack(labels), CLASSES, colours=PALETTE)
