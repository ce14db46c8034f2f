"""The Lovasz-softmax loss: IoU itself, extended to probabilities."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from fcn.losses.overlap import mean_of_present
from fcn.losses.pixelwise import PixelLoss


@keras.saving.register_keras_serializable(package="fcn")
class Lovasz(PixelLoss):
    """One minus IoU as a convex function of the errors, the mean over the classes in the labels of the batch.

    The error of a pixel is ``1 - p`` where it is of the class and ``p`` where not. Pixels are sorted by their error,
    the largest first, and each error is weighted with what its pixel takes from the IoU when it becomes wrong after all
    before it. Where every probability is 0 or 1 the loss is exactly one minus the mean IoU of those classes.

    Args:
        void: the label that counts nothing.
        name: of the loss.

    Raises:
        TypeError: a ``void`` that is no whole number; see `PixelLoss.__call__` for labels and logits.

    Source: Berman, Triki and Blaschko 2018, "The Lovasz-softmax loss", section 3 and algorithm 1; classes "present",
    over the batch.
    """

    def __init__(self, void: int = 255, name: str | None = "lovasz") -> None:
        """See the class."""
        super().__init__(void=void, name=name)

    def of_pixels(self, labels: Any, logits: Any, valid: Any) -> Any:
        classes = logits.shape[1]
        probabilities = tf.transpose(tf.nn.softmax(logits))
        truth = (labels == tf.range(classes)[:, None]) & valid  # (classes, pixels)
        # Void is sorted behind all errors, which are not negative, and has no weight there.
        errors = tf.where(valid, tf.abs(tf.cast(truth, logits.dtype) - probabilities), -1.0)
        order = tf.argsort(errors, axis=1, direction="DESCENDING")
        weights = _weights(tf.gather(truth, order, batch_dims=1)) * tf.cast(tf.gather(valid, order), logits.dtype)
        losses = tf.reduce_sum(tf.gather(errors, order, batch_dims=1) * tf.stop_gradient(weights), axis=1)
        return mean_of_present(losses, tf.reduce_any(truth, axis=1))


def _weights(truth: Any) -> Any:
    """How much IoU is lost when pixel k becomes wrong after all before it; ``truth`` is ``(classes, pixels)``.

    The paper subtracts neighbours of ``1 - intersection / union``, which in float32 leaves noise where there are many
    pixels. Counted exactly: a pixel of the class takes 1 from the intersection, another adds 1 to the union.
    """
    ones = tf.cast(truth, tf.int32)
    labelled = tf.reduce_sum(ones, axis=1, keepdims=True)
    intersection = tf.cast(labelled - tf.cumsum(ones, axis=1), tf.float32)
    union = tf.cast(labelled + tf.cumsum(1 - ones, axis=1), tf.float32)
    before = tf.maximum(union - 1, 1)  # 0 only for a class that is not there, which is left out
    return tf.where(truth, 1 / tf.maximum(union, 1), intersection / (tf.maximum(union, 1) * before))
