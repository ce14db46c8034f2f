"""One confusion matrix of a whole set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fcn.metrics import confusion_matrix
from fcn.prediction import predictor

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
        TypeError: ``data`` is something else.
        ValueError: another number of classes; what ``data[i]`` raises.
    """
    from tqdm.auto import tqdm

    check_data("data", data)
    check_classes(network, data)
    classes, predict = len(data.class_names), predictor(network)
    matrix = np.zeros((classes, classes), np.int64)
    for index in tqdm(range(len(data)), desc="measuring", disable=not verbose):
        image, label = data[index]
        matrix += confusion_matrix(label, predict(image, size=size), classes, data.void)
    return matrix


def check_data(name: str, data: Any) -> None:
    """Refuse what holds no pairs.

    Raises:
        TypeError: it is something else than a `fcn.datasets.SegmentationData`.
    """
    from fcn.datasets import SegmentationData

    if not isinstance(data, SegmentationData):
        raise TypeError(f"{name} is a {type(data).__name__}; a SegmentationData is wanted, as of fcn.datasets")


def check_classes(network: keras.Model, data: SegmentationData) -> None:
    """Refuse a network that has not one logit for each class.

    Raises:
        ValueError: it has more or fewer.
    """
    classes = len(data.class_names)
    # A subclassed model knows its output only when it is called.
    shape = getattr(network, "output_shape", None) or (classes,)
    if shape[-1] != classes:
        raise ValueError(
            f"{network.name!r} gives {shape[-1]} logits for each pixel, data has {classes} classes; build the network "
            f"with classes={classes}"
        )
