"""Boundary F1: are the edges of a segmentation where they should be?"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from fcn.losses.labels import void_label


def boundary_f1(
    labels: Iterable[np.ndarray], predictions: Iterable[np.ndarray], *, tolerance: float = 0.0075, void: int = 255
) -> float:
    """The F1 score of the boundaries, the mean over the classes of an image, then over the images.

    A pixel is on the boundary of its class if one of its four neighbours is of another class. Precision is the share of
    the predicted boundary that has true boundary of the class within the tolerance; recall the share of the true
    boundary that has predicted boundary within it.

    Void is taken out of both: what is predicted there is not looked at, and where a class meets void, or the edge of
    the image, nobody knows of a boundary. The classes of an image are those in its labels; one without any boundary,
    true or predicted, is left out, and so is an image without any such class.

    Args:
        labels: integers ``(height, width)``, one after the other, of any sizes; or ``(batch, height, width)``.
        predictions: classes, likewise, of the same sizes.
        tolerance: as share of the diagonal of the image; .0075 of 360 x 480 is 4.5 pixels.
        void: the label that counts nothing.

    Returns:
        Between 0 and 1; NaN if no image has a boundary.

    Raises:
        TypeError: arrays that are not integers.
        ValueError: sizes that differ, another number of images, void among the predictions, a tolerance that is not
            from 0 to 1 (pixels, perhaps?).

    Source: Csurka, Larlus and Perronnin 2013, "What is a good evaluation measure for semantic segmentation?"; the
    means as in SegNet, section 3.3.
    """
    void = void_label(void)
    if not 0 <= tolerance <= 1:
        raise ValueError(f"tolerance is {tolerance}; a share of the diagonal of the image is wanted, from 0 to 1")
    labels, predictions = list(labels), list(predictions)
    if len(labels) != len(predictions):
        raise ValueError(f"labels has {len(labels)} images, predictions {len(predictions)}")
    scores = [
        _image_f1(*_checked(*pair, number, void), tolerance, void)
        for number, pair in enumerate(zip(labels, predictions))
    ]
    scores = [score for score in scores if not np.isnan(score)]
    return float(np.mean(scores)) if scores else float("nan")


def _checked(labels: np.ndarray, predictions: np.ndarray, number: int, void: int) -> tuple[np.ndarray, np.ndarray]:
    """One image and its prediction, void in the same places."""
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    for name, array in (("labels", labels), ("predictions", predictions)):
        if array.dtype.kind not in "iu":
            raise TypeError(f"{name}[{number}] must hold integers; got {array.dtype}")
    if labels.ndim != 2 or labels.shape != predictions.shape:
        raise ValueError(
            "labels and predictions (height, width) of the same size are wanted; "
            f"labels[{number}] has shape {labels.shape}, predictions[{number}] {predictions.shape}"
        )
    labels, predictions = labels.astype(np.int64), predictions.astype(np.int64)
    if ((predictions == void) & (labels != void)).any():
        raise ValueError(f"predictions[{number}] holds {void}, which is void, where labels holds a class")
    return labels, np.where(labels == void, void, predictions)


def _image_f1(labels: np.ndarray, predictions: np.ndarray, tolerance: float, void: int) -> float:
    """The mean over the classes of one image; NaN if none has a boundary."""
    reach = tolerance * np.hypot(*labels.shape)
    true_edges, predicted_edges = _edges(labels, void), _edges(predictions, void)
    scores = []
    for label in np.unique(labels[labels != void]):
        true, predicted = true_edges & (labels == label), predicted_edges & (predictions == label)
        if true.any() and predicted.any():
            precision, recall = _near(predicted, true, reach), _near(true, predicted, reach)
            scores.append(2 * precision * recall / (precision + recall) if precision + recall else 0.0)
        elif true.any() or predicted.any():
            scores.append(0.0)
    return float(np.mean(scores)) if scores else float("nan")


def _edges(labels: np.ndarray, void: int) -> np.ndarray:
    """Pixels with a neighbour, above, below, left or right, of another class; neither of them void."""
    found = np.zeros(labels.shape, bool)
    for axis in (0, 1):
        one, other = (np.moveaxis(labels, axis, 0)[part] for part in (slice(None, -1), slice(1, None)))
        differ = (one != other) & (one != void) & (other != void)
        np.moveaxis(found, axis, 0)[:-1] |= differ
        np.moveaxis(found, axis, 0)[1:] |= differ
    return found


def _near(pixels: np.ndarray, others: np.ndarray, reach: float) -> float:
    """The share of the pixels that have one of the others within ``reach``, in pixels."""
    from scipy.ndimage import distance_transform_edt

    return float(np.mean(distance_transform_edt(~others)[pixels] <= reach))
