"""One confusion matrix of a whole set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fcn.metrics import confusion_matrix
from fcn.prediction import predict_each

if TYPE_CHECKING:
    import keras

    from fcn.datasets import SegmentationData


def evaluate(
    network: keras.Model,
    data: SegmentationData,
    *,
    size: int | Sequence[int] | None = None,
    verbose: bool = True,
) -> np.ndarray:
    """Count the pixels of every true class by predicted class, at the labels' own size, whatever the network sees.

    `fcn.metrics` has the scores: ``mean_iou(matrix)``, ``per_class_table(matrix, data.class_names)``.

    Args:
        network: images to logits, as in `fcn.prediction.predict_each`.
        data: the pairs to measure on; void pixels count nothing.
        size: height and width that the network sees; None: those of each image.
        verbose: show a progress bar.

    Returns:
        int64 ``(classes, classes)``, truth in rows.

    Raises:
        ValueError: another number of classes; what ``data[i]`` raises.
    """
    from tqdm.auto import tqdm

    classes = len(data.class_names)
    if network.output_shape[-1] != classes:
        raise ValueError(f"{network.name!r} gives {network.output_shape[-1]} logits, data has {classes} classes")
    matrix = np.zeros((classes, classes), np.int64)
    labels = []

    def images() -> np.ndarray:
        for index in range(len(data)):
            image, label = data[index]
            labels.append(label)
            yield image

    bar = tqdm(predict_each(network, images(), size=size), total=len(data), desc="measuring", disable=not verbose)
    for predicted in bar:
        matrix += confusion_matrix(labels.pop(), predicted, classes, data.void)
    return matrix
