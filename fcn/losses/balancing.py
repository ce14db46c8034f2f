"""Weights for classes of which there are few pixels."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from data.arguments import whole_number
from fcn.losses.labels import check_values, void_label


def median_frequency_weights(label_images: Iterable[np.ndarray], classes: int, void: int = 255) -> np.ndarray:
    """Median frequency balancing: the median of the frequencies of all classes over that of each class.

    The frequency of a class is its pixels over all pixels of the images in which it is present, so that a class that
    is in half of the images is not thought rare for the other half. The median class has weight 1. Void is no class and
    has no weight; "all pixels" are all that an image has, void among them, as the paper says.

    (SegNet's published table gives the sign class of CamVid 9.64; by this definition the same labels give 3.85.)

    >>> sky, road = np.zeros((2, 2), int), np.array([[0, 1], [1, 255]])
    >>> median_frequency_weights([sky, road], classes=2).round(3)  # frequencies 5/8 and 2/4
    array([0.9  , 1.125])

    Args:
        label_images: integers ``(height, width)``, one after the other, of any sizes; or ``(batch, height, width)``.
        classes: how many there are.
        void: the label that counts nothing.

    Returns:
        float64 ``(classes,)``, for `CrossEntropy` and `Focal`. A class that is in none of the images has no frequency:
        it is left out of the median, and its weight is 0.

    Raises:
        TypeError: labels that are not integers.
        ValueError: labels of another rank, or of no class; no pixel that is not void.

    Source: Eigen and Fergus 2015, "Predicting depth, surface normals and semantic labels", semantic labels;
    SegNet, section 3.2.
    """
    classes, void = whole_number("classes", classes), void_label(void)
    pixels, of_images = np.zeros((2, classes), np.int64)
    for number, image in enumerate(label_images):
        name, labels = f"label_images[{number}]", np.asarray(image)
        if labels.dtype.kind not in "iu":
            raise TypeError(f"{name} must hold integers; got {labels.dtype}")
        if labels.ndim != 2:
            raise ValueError(f"{name} has shape {labels.shape}; (height, width) is wanted")
        check_values(name, labels, classes, void)
        counts = np.bincount(labels[labels != void].astype(np.intp), minlength=classes)
        pixels += counts
        of_images += np.where(counts > 0, labels.size, 0)
    present = pixels > 0
    if not present.any():
        raise ValueError("label_images holds no pixel that is not void")
    frequencies = pixels[present] / of_images[present]
    weights = np.zeros(classes)
    weights[present] = np.median(frequencies) / frequencies
    return weights
