"""Scores as functions of one confusion matrix: statistics first, over the whole set; reduction later.

``matrix[t, p]`` is the number of pixels of class t that were predicted as class p. A mean over batches or images of
any of these scores is another number, larger or smaller. A class that is neither in truth nor prediction is left out of
means: it does not count as 1, nor as 0. A score of nothing is NaN.

A mean is "macro": over classes. The "micro" IoU, all hits over all unions, is no such mean: with A the global accuracy
it is always ``A / (2 - A)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from data.arguments import whole_number
from fcn.losses.labels import check_values, void_label


def confusion_matrix(labels: np.ndarray, predictions: np.ndarray, classes: int, void: int = 255) -> np.ndarray:
    """Count the pixels of each true class (rows) by predicted class (columns); matrices of images can be added up.

    >>> confusion_matrix(np.array([0, 0, 1, 255]), np.array([0, 1, 1, 0]), classes=2)
    array([[1, 1],
           [0, 1]])

    Args:
        labels: integers of any shape.
        predictions: classes, integers of the same shape; what is predicted for void pixels is not looked at.
        classes: how many there are.
        void: the label that counts nothing.

    Returns:
        int64 ``(classes, classes)``.

    Raises:
        TypeError: not integers.
        ValueError: shapes that differ, labels or predictions of no class.
    """
    classes, void = whole_number("classes", classes), void_label(void)
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    for name, array in (("labels", labels), ("predictions", predictions)):
        if array.dtype.kind not in "iu":
            raise TypeError(f"{name} must be integers; got {array.dtype}")
    if labels.shape != predictions.shape:
        raise ValueError(f"labels has shape {labels.shape}, predictions {predictions.shape}; they must be the same")
    valid = labels != void
    check_values("labels", labels, classes, void)
    check_values("predictions", predictions[valid], classes, None)
    cells = labels[valid].astype(np.int64) * classes + predictions[valid].astype(np.int64)
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes).astype(np.int64)


def mean_iou(matrix: Any, *, xp: Any = np) -> Any:
    """The mean of ``hits / union`` over the classes in truth or prediction.

    >>> round(float(mean_iou([[2, 1, 0], [1, 4, 0], [0, 0, 0]])), 3)  # the mean of 2/4 and 4/6; class 2 is nowhere
    0.583

    Args:
        matrix: ``(classes, classes)``, truth in rows; numbers of pixels.
        xp: whose ``sum`` and ``where`` are used: ``numpy``, or ``keras.ops`` in a graph (the matrix is not checked).

    Raises:
        TypeError, ValueError: no such matrix.

    Source: Long, Shelhamer and Darrell 2015, section 5.
    """
    hits, truth, predicted = _areas(matrix, xp)
    return _mean(hits, truth + predicted - hits, xp)


def global_accuracy(matrix: Any, *, xp: Any = np) -> Any:
    """The share of pixels that are right. Arguments, errors and source as in `mean_iou`."""
    hits, truth, _ = _areas(matrix, xp)
    return _share(xp.sum(hits), xp.sum(truth), xp)


def class_average(matrix: Any, *, xp: Any = np) -> Any:
    """The mean of ``hits / pixels of the class`` over the classes in truth ("class average accuracy" of SegNet).

    A class that is predicted but never true has no such share; the pixels that it took are missing elsewhere.
    Arguments, errors and source as in `mean_iou`.
    """
    hits, truth, _ = _areas(matrix, xp)
    return _mean(hits, truth, xp)


def frequency_weighted_iou(matrix: Any, *, xp: Any = np) -> Any:
    """The mean of the IoU weighted with the pixels of each class. Arguments, errors and source as in `mean_iou`."""
    hits, truth, predicted = _areas(matrix, xp)
    union = truth + predicted - hits
    return _share(xp.sum(truth * hits / xp.where(union > 0, union, 1)), xp.sum(truth), xp)


def dice(matrix: Any, *, xp: Any = np) -> Any:
    """The mean of ``2 hits / (true + predicted)`` over the classes in truth or prediction: the mean F1 of pixels.

    Arguments and errors as in `mean_iou`. Source: Dice 1945.
    """
    hits, truth, predicted = _areas(matrix, xp)
    return _mean(2 * hits, truth + predicted, xp)


def class_scores(matrix: Any) -> dict[str, np.ndarray]:
    """Scores of each class by itself, float64 ``(classes,)``, NaN where there is nothing to count.

    Returns:
        By name: ``share`` of the true pixels, ``accuracy``, ``iou``, ``dice``.

    Raises:
        TypeError, ValueError: as in `mean_iou`.
    """
    hits, truth, predicted = _areas(matrix, np)
    return {
        "share": _share(truth, truth.sum(), np),
        "accuracy": _share(hits, truth, np),
        "iou": _share(hits, truth + predicted - hits, np),
        "dice": _share(2 * hits, truth + predicted, np),
    }


def per_class_table(matrix: Any, class_names: Sequence[str]) -> str:
    """The scores of each class in per cent as a table that reads as text and as Markdown, the means below.

    >>> print(per_class_table([[2, 1, 0], [1, 4, 0], [0, 0, 0]], ["sky", "road", "sign"]))
    | class | share | accuracy |  IoU | Dice |
    |-------|------:|---------:|-----:|-----:|
    | sky   |  37.5 |     66.7 | 50.0 | 66.7 |
    | road  |  62.5 |     80.0 | 66.7 | 80.0 |
    | sign  |   0.0 |        - |    - |    - |
    | mean  |       |     73.3 | 58.3 | 73.3 |
    <BLANKLINE>
    Global accuracy 75.0, frequency-weighted IoU 60.4 (per cent).

    Args:
        matrix: as in `mean_iou`.
        class_names: one for each class.

    Raises:
        TypeError, ValueError: no such matrix; names that are no strings, or another number of them.
    """
    scores, names = class_scores(matrix), list(class_names)
    if isinstance(class_names, str) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"class_names is {class_names!r}; a list of names is wanted")
    if len(names) != len(scores["iou"]):
        raise ValueError(f"class_names has {len(names)} names, matrix {len(scores['iou'])} classes")
    heads = ["class", "share", "accuracy", "IoU", "Dice"]
    rows = [[name.replace("|", "\\|"), *map(_per_cent, one)] for name, *one in zip(names, *scores.values())]
    rows.append(["mean", "", *(_per_cent(score(matrix)) for score in (class_average, mean_iou, dice))])
    widths = [max(map(len, column)) for column in zip(heads, *rows)]
    aligned = [
        "| " + " | ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) + " |"
        for row in (heads, *rows)
    ]
    rule = "|" + "|".join(["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])]) + "|"
    footer = (
        f"Global accuracy {_per_cent(global_accuracy(matrix))}, "
        f"frequency-weighted IoU {_per_cent(frequency_weighted_iou(matrix))} (per cent)."
    )
    return "\n".join([aligned[0], rule, *aligned[1:], "", footer])


def _per_cent(share: float) -> str:
    return "-" if np.isnan(share) else f"{100 * share:.1f}"


def _areas(matrix: Any, xp: Any) -> tuple[Any, Any, Any]:
    """Of each class the pixels that are right, those that are true, and those that are predicted."""
    if xp is np:
        matrix = np.asarray(matrix)
        if matrix.dtype.kind not in "iuf":
            raise TypeError(f"matrix holds {matrix.dtype}; numbers of pixels are wanted")
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            raise ValueError(f"matrix has shape {matrix.shape}; (classes, classes) is wanted")
        if not (np.isfinite(matrix).all() and (matrix >= 0).all()):
            raise ValueError("matrix holds negative numbers, infinity or NaN; numbers of pixels are wanted")
        matrix = matrix.astype(np.float64)
    return xp.diagonal(matrix), xp.sum(matrix, axis=1), xp.sum(matrix, axis=0)


def _share(part: Any, whole: Any, xp: Any) -> Any:
    """Part of the whole, NaN where there is none."""
    return xp.where(whole > 0, part / xp.where(whole > 0, whole, 1), np.nan)[()]


def _mean(part: Any, whole: Any, xp: Any) -> Any:
    """The mean of the shares over those that have a whole."""
    there = whole > 0
    shares = xp.where(there, part / xp.where(there, whole, 1), 0)
    return _share(xp.sum(shares), xp.sum(xp.where(there, xp.ones_like(whole), 0)), xp)
