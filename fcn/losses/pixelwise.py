"""Cross-entropy of every pixel, with weights for rare classes, and the focal loss."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fcn.losses.labels import all_known, check_pixels, void_label


class PixelLoss(keras.losses.Loss):
    """What all losses here share: logits in, void out, one number for the batch.

    Args:
        void: the label that counts nothing; its logits get no gradient, whatever they are.
        name: of the loss.
    """

    def __init__(self, *, void: int = 255, name: str | None = None) -> None:
        super().__init__(name=name, dtype="float32")
        self.void = void_label(void)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The loss of a batch, a float32 number; 0 where every pixel is void.

        Args:
            y_true: labels, integers ``(batch, height, width)``.
            y_pred: logits, floats of any kind ``(batch, height, width, classes)``; calculated in float32.
            sample_weight: not taken.

        Raises:
            TypeError: labels that are not integers, logits that are not floating-point.
            ValueError: shapes that do not fit, labels of no class (a graph raises TensorFlow's InvalidArgumentError,
                XLA gives NaN), ``sample_weight``.
        """
        if sample_weight is not None:
            raise ValueError(f"{type(self).__name__} takes no sample_weight; label what is to be left out as void")
        return super().__call__(*check_pixels(y_true, y_pred, self.void))

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """What the subclass calculates, of the pixels in one row."""
        classes = y_pred.shape[-1]
        labels, logits = tf.reshape(tf.cast(y_true, tf.int32), [-1]), tf.reshape(y_pred, [-1, classes])
        valid = labels != self.void
        known = all_known(labels, valid, classes)
        # Cut off here, void cannot reach a sum, and an infinite logit there cannot make a gradient NaN.
        logits = tf.where(valid[:, None], logits, tf.zeros_like(logits))
        loss = self.of_pixels(tf.where(valid, tf.clip_by_value(labels, 0, classes - 1), 0), logits, valid)
        # One number in a vector: Keras divides it by the replicas of a tf.distribute strategy, a scalar it does not.
        return tf.where(known, loss, math.nan)[None]

    def of_pixels(self, labels: Any, logits: Any, valid: Any) -> Any:
        """The loss of ``labels (pixels,)`` and ``logits (pixels, classes)``, where ``valid (pixels,)``: a scalar."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """What the constructor takes."""
        return {"name": self.name, "void": self.void}


class _WeightedLoss(PixelLoss):
    """A loss for each pixel, times the weight of its class."""

    def __init__(self, class_weights: Sequence[float] | None, void: int, name: str | None) -> None:
        super().__init__(void=void, name=name)
        self.class_weights = None if class_weights is None else _checked_weights(class_weights)

    def of_pixels(self, labels: Any, logits: Any, valid: Any) -> Any:
        losses = self.of_each(labels, logits)
        if self.class_weights is not None:
            if len(self.class_weights) != logits.shape[1]:
                raise ValueError(
                    f"class_weights has {len(self.class_weights)} numbers, logits {logits.shape[1]} classes"
                )
            losses *= tf.gather(tf.constant(self.class_weights, tf.float32), labels)
        total = tf.reduce_sum(tf.where(valid, losses, tf.zeros_like(losses)))
        return total / tf.maximum(tf.reduce_sum(tf.cast(valid, tf.float32)), 1)

    def of_each(self, labels: Any, logits: Any) -> Any:
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """What the constructor takes."""
        return {**super().get_config(), "class_weights": self.class_weights}


@keras.saving.register_keras_serializable(package="fcn")
class CrossEntropy(_WeightedLoss):
    """Minus the logarithm of the probability of the true class, the mean over all pixels that are not void.

    With weights, ``sum of weight[label] * loss / number of pixels``, so that their scale acts as one on the learning
    rate. PyTorch divides by the sum of the weights instead: the same gradient up to a factor that changes with the
    batch.

    Args:
        class_weights: one for each class, not negative; see `median_frequency_weights`.
        void: the label that counts nothing.
        name: of the loss.

    Raises:
        TypeError, ValueError: weights or ``void`` that are none; see `PixelLoss.__call__` for labels and logits.

    Source: Badrinarayanan, Kendall and Cipolla 2017, "SegNet", section 3.2.
    """

    def __init__(
        self, class_weights: Sequence[float] | None = None, void: int = 255, name: str | None = "cross_entropy"
    ) -> None:
        """See the class."""
        super().__init__(class_weights, void, name)

    def of_each(self, labels: Any, logits: Any) -> Any:
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)


@keras.saving.register_keras_serializable(package="fcn")
class Focal(_WeightedLoss):
    """Cross-entropy times ``(1 - p) ** gamma``, p the probability of the true class: what is known counts little.

    Args:
        gamma: 0 is cross-entropy; the paper's best is 2.
        class_weights: one for each class, not negative: the paper's alpha.
        void: the label that counts nothing.
        name: of the loss.

    Raises:
        TypeError, ValueError: a ``gamma`` that is negative or no number, and as in `CrossEntropy`.

    Source: Lin et al. 2017, "Focal loss for dense object detection", equations 4 and 5, for softmax.
    """

    def __init__(
        self,
        gamma: float = 2,
        class_weights: Sequence[float] | None = None,
        void: int = 255,
        name: str | None = "focal",
    ) -> None:
        """See the class."""
        super().__init__(class_weights, void, name)
        if isinstance(gamma, bool) or not isinstance(gamma, (int, float, np.number)):
            raise TypeError(f"gamma is {gamma!r}; a number is wanted")
        if not 0 <= gamma < math.inf:
            raise ValueError(f"gamma is {gamma}; 0 or more is wanted")
        self.gamma = float(gamma)

    def of_each(self, labels: Any, logits: Any) -> Any:
        logarithms = tf.nn.log_softmax(logits)
        true = tf.one_hot(labels, logits.shape[1], on_value=True, off_value=False)
        own = tf.reduce_sum(tf.where(true, logarithms, tf.zeros_like(logarithms)), axis=1)
        # log(1 - p) from the other classes: 1 - p itself is 0 for a sure pixel, and the slope of its power infinite.
        others = tf.reduce_logsumexp(tf.where(true, tf.fill(tf.shape(logits), logits.dtype.min), logarithms), axis=1)
        return -tf.exp(self.gamma * others) * own

    def get_config(self) -> dict[str, Any]:
        """What the constructor takes."""
        return {**super().get_config(), "gamma": self.gamma}


def _checked_weights(weights: Any) -> list[float]:
    """Weights as a list of floats."""
    try:
        array = np.asarray(weights, np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"class_weights is {weights!r}; one number for each class is wanted") from None
    if array.ndim != 1 or not len(array):
        raise ValueError(f"class_weights has shape {array.shape}; one number for each class is wanted")
    if not (np.isfinite(array).all() and (array >= 0).all()):
        raise ValueError(f"class_weights is {array.tolist()}; finite numbers of 0 or more are wanted")
    return array.tolist()
