"""Labels and logits that belong together: what losses and metrics check before they count.

Labels are integers ``(batch, height, width)``, logits floats ``(batch, height, width, classes)``. One label, ``void``,
says that nobody knows what the pixel shows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from data.arguments import whole_number


def void_label(void: Any) -> int:
    """The label of void: any whole number, also a negative one.

    Raises:
        TypeError: not a whole number.
    """
    return whole_number("void", void, least=-(2**31))


def check_pixels(labels: Any, logits: Any, void: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Both as tensors, if they fit.

    Labels that are no class and not void are refused where their values are known, in eager mode.

    Raises:
        TypeError: labels that are not integers (were they resized bilinearly?), logits that are not floating-point.
        ValueError: shapes that do not fit, one class only, labels of no class.
    """
    labels, logits = tf.convert_to_tensor(labels), tf.convert_to_tensor(logits)
    if tf.distribute.has_strategy() and tf.distribute.in_cross_replica_context() and not tf.executing_eagerly():
        labels = tf.cast(labels, tf.int32)  # Keras builds the model there with the mean of the replicas' labels
    if not labels.dtype.is_integer:
        raise TypeError(
            f"labels must be integers; got {labels.dtype.name}. Labels are never interpolated: resize them with the "
            "nearest neighbour"
        )
    if not logits.dtype.is_floating:
        raise TypeError(f"logits must be floating-point; got {logits.dtype.name}")
    ranks, shapes = (labels.shape.rank, logits.shape.rank), (tuple(labels.shape), tuple(logits.shape))
    if ranks != (3, 4) or not labels.shape.is_compatible_with(logits.shape[:3]):
        raise ValueError(
            "labels (batch, height, width) and logits (batch, height, width, classes) of the same pixels are wanted; "
            f"labels has shape {shapes[0]}, logits {shapes[1]}"
        )
    classes = logits.shape[3]
    if classes is None or classes < 2:
        raise ValueError(f"logits has shape {shapes[1]}; a fixed number of classes is wanted, at least 2")
    if tf.executing_eagerly():
        check_values("labels", labels.numpy(), classes, void)
    return labels, logits


def check_values(name: str, labels: np.ndarray, classes: int, void: int | None) -> None:
    """Refuse labels that are no class, and not void.

    Raises:
        ValueError: there are some.
    """
    wrong = (labels < 0) | (labels >= classes)
    wrong &= True if void is None else labels != void
    if wrong.any():
        found = np.unique(labels[wrong])
        shown = ", ".join(map(str, found[:5])) + (", ..." if len(found) > 5 else "")
        accepted = f"0 to {classes - 1}" + ("" if void is None else f", and {void} for void")
        raise ValueError(f"{name} holds {shown}; accepted: {accepted}")


def all_known(labels: tf.Tensor, valid: tf.Tensor, classes: int) -> tf.Tensor:
    """Whether every label that is not void is a class, as a tensor, for code that is being traced.

    A graph stops with a message where there is another; XLA cannot, so that what is counted must become NaN.
    """
    known = tf.reduce_all(~valid | ((labels >= 0) & (labels < classes)))
    if not tf.executing_eagerly():
        tf.debugging.Assert(known, ["labels holds a number that is no class, and not void; classes:", classes])
    return known
