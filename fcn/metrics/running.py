"""Keras metrics that run along with training: one confusion matrix over the whole epoch, and a score of it."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from data.arguments import whole_number
from fcn.losses.labels import all_known, check_pixels, void_label
from fcn.metrics import scores


@keras.saving.register_keras_serializable(package="fcn")
class ConfusionMatrix(keras.metrics.Metric):
    """The pixels of each true class (rows) by predicted class (columns), added up until ``reset_state()``.

    Counts are float64, exact up to 2 ** 53 pixels (float32 stops counting at 2 ** 24, 97 pictures of 360 x 480). Its
    result is a matrix, so it is for evaluation; in ``compile(metrics=[...])`` take `MeanIoU` and the others.

    Args:
        classes: how many there are.
        void: the label that counts nothing.
        name: of the metric.

    Raises:
        TypeError, ValueError: fewer than two classes, a ``void`` that is no whole number.
    """

    def __init__(self, classes: int, void: int = 255, name: str | None = "confusion_matrix") -> None:
        """See the class."""
        super().__init__(name=name, dtype="float64")
        self.classes, self.void = whole_number("classes", classes, least=2), void_label(void)
        self.counts = self.add_variable((self.classes,) * 2, "zeros", dtype="float64", name="counts")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch.

        Args:
            y_true: labels, integers ``(batch, height, width)``.
            y_pred: logits (or probabilities), floats ``(batch, height, width, classes)``.
            sample_weight: not taken.

        Raises:
            TypeError, ValueError: as of the losses; another number of classes. Labels of no class: ValueError in eager
                mode, TensorFlow's InvalidArgumentError in a graph; XLA makes all counts NaN.
        """
        if sample_weight is not None:
            raise ValueError(f"{type(self).__name__} takes no sample_weight; label what is to be left out as void")
        labels, logits = check_pixels(y_true, y_pred, self.void)
        if logits.shape[3] != self.classes:
            raise ValueError(f"{self.name} counts {self.classes} classes; logits has shape {tuple(logits.shape)}")
        labels = tf.reshape(tf.cast(labels, tf.int32), [-1])
        predicted = tf.reshape(tf.argmax(logits, axis=-1, output_type=tf.int32), [-1])
        valid = labels != self.void
        # Of -1 no sum is made. What is no class is clipped, so that a graph stops at the check and not at the sum.
        cells = tf.where(valid, tf.clip_by_value(labels, 0, self.classes - 1) * self.classes + predicted, -1)
        counts = tf.math.unsorted_segment_sum(tf.ones_like(cells), cells, self.classes**2)
        counts = tf.reshape(tf.cast(counts, tf.float64), (self.classes,) * 2)
        known = all_known(labels, valid, self.classes)
        self.counts.assign_add(tf.where(known, counts, math.nan))

    def result(self) -> Any:
        """float64 ``(classes, classes)``."""
        return tf.convert_to_tensor(self.counts)

    def get_config(self) -> dict[str, Any]:
        """What the constructor takes."""
        return {"classes": self.classes, "void": self.void, "name": self.name}


@keras.saving.register_keras_serializable(package="fcn")
class MeanIoU(ConfusionMatrix):
    """`fcn.metrics.mean_iou` of the epoch; arguments as of `ConfusionMatrix`."""

    def __init__(self, classes: int, void: int = 255, name: str | None = "mean_iou") -> None:
        """See `ConfusionMatrix`."""
        super().__init__(classes, void, name)

    def result(self) -> Any:
        """A number; NaN before the first pixel."""
        return scores.mean_iou(super().result(), xp=keras.ops)


@keras.saving.register_keras_serializable(package="fcn")
class GlobalAccuracy(ConfusionMatrix):
    """`fcn.metrics.global_accuracy` of the epoch; arguments as of `ConfusionMatrix`."""

    def __init__(self, classes: int, void: int = 255, name: str | None = "global_accuracy") -> None:
        """See `ConfusionMatrix`."""
        super().__init__(classes, void, name)

    def result(self) -> Any:
        """A number; NaN before the first pixel."""
        return scores.global_accuracy(super().result(), xp=keras.ops)


@keras.saving.register_keras_serializable(package="fcn")
class ClassAverage(ConfusionMatrix):
    """`fcn.metrics.class_average` of the epoch; arguments as of `ConfusionMatrix`."""

    def __init__(self, classes: int, void: int = 255, name: str | None = "class_average") -> None:
        """See `ConfusionMatrix`."""
        super().__init__(classes, void, name)

    def result(self) -> Any:
        """A number; NaN before the first pixel."""
        return scores.class_average(super().result(), xp=keras.ops)


@keras.saving.register_keras_serializable(package="fcn")
class FrequencyWeightedIoU(ConfusionMatrix):
    """`fcn.metrics.frequency_weighted_iou` of the epoch; arguments as of `ConfusionMatrix`."""

    def __init__(self, classes: int, void: int = 255, name: str | None = "frequency_weighted_iou") -> None:
        """See `ConfusionMatrix`."""
        super().__init__(classes, void, name)

    def result(self) -> Any:
        """A number; NaN before the first pixel."""
        return scores.frequency_weighted_iou(super().result(), xp=keras.ops)


@keras.saving.register_keras_serializable(package="fcn")
class MeanDice(ConfusionMatrix):
    """`fcn.metrics.dice` of the epoch; arguments as of `ConfusionMatrix`."""

    def __init__(self, classes: int, void: int = 255, name: str | None = "mean_dice") -> None:
        """See `ConfusionMatrix`."""
        super().__init__(classes, void, name)

    def result(self) -> Any:
        """A number; NaN before the first pixel."""
        return scores.dice(super().result(), xp=keras.ops)
