"""Soft Dice and soft Jaccard: overlap of probabilities and labels, class by class.

Probabilities ``p`` stand for the prediction, 0 or 1 ``y`` for the label; sums run over all pixels of the batch that are
not void. The mean is over the classes that the labels of the batch hold. Of a class that they do not hold nothing
overlaps, whatever is predicted: its score would be the constant 0 without a gradient (or the constant 1, where a small
number is added above and below), so it is left out. Softmax still pushes it down: what another class gains, it loses.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from fcn.losses.pixelwise import PixelLoss


def mean_of_present(losses: Any, present: Any) -> Any:
    """The mean over the classes that are present; 0 where none is."""
    kept = tf.where(present, losses, tf.zeros_like(losses))
    return tf.reduce_sum(kept) / tf.maximum(tf.reduce_sum(tf.cast(present, losses.dtype)), 1)


class _OverlapLoss(PixelLoss):
    """One minus a score of overlap, for each class."""

    def of_pixels(self, labels: Any, logits: Any, valid: Any) -> Any:
        one = tf.cast(valid, logits.dtype)[:, None]
        probabilities = tf.nn.softmax(logits) * one
        truth = tf.one_hot(labels, logits.shape[1], dtype=logits.dtype) * one
        overlap, labelled = tf.reduce_sum(probabilities * truth, axis=0), tf.reduce_sum(truth, axis=0)
        both = tf.reduce_sum(probabilities, axis=0) + labelled
        present = labelled > 0
        return mean_of_present(1 - self.score(overlap, tf.where(present, both, tf.ones_like(both))), present)

    def score(self, overlap: Any, both: Any) -> Any:
        raise NotImplementedError


@keras.saving.register_keras_serializable(package="fcn")
class Dice(_OverlapLoss):
    """One minus the soft Dice score ``2 sum(p y) / (sum p + sum y)``, the mean over the classes in the labels.

    Args:
        void: the label that counts nothing.
        name: of the loss.

    Raises:
        TypeError: a ``void`` that is no whole number; see `PixelLoss.__call__` for labels and logits.

    Source: Milletari et al. 2016, "V-Net", section 3, with plain sums in place of squares, as Sudre et al. 2017.
    """

    def __init__(self, void: int = 255, name: str | None = "dice") -> None:
        """See the class."""
        super().__init__(void=void, name=name)

    def score(self, overlap: Any, both: Any) -> Any:
        return 2 * overlap / both


@keras.saving.register_keras_serializable(package="fcn")
class Jaccard(_OverlapLoss):
    """One minus the soft IoU ``sum(p y) / (sum p + sum y - sum(p y))``, the mean over the classes in the labels.

    Args:
        void: the label that counts nothing.
        name: of the loss.

    Raises:
        TypeError: a ``void`` that is no whole number; see `PixelLoss.__call__` for labels and logits.

    Source: Rahman and Wang 2016, "Optimizing intersection-over-union in deep neural networks".
    """

    def __init__(self, void: int = 255, name: str | None = "jaccard") -> None:
        """See the class."""
        super().__init__(void=void, name=name)

    def score(self, overlap: Any, both: Any) -> Any:
        return overlap / (both - overlap)
