"""What a classifier answers: the probability of every class, whatever its last layer is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from cnnviz.compiled import Compiled
from cnnviz.derivatives import forward
from cnnviz.models import Classifier
from cnnviz.taps import check_batch
from cnnviz.targets import class_logits, keras_model

if TYPE_CHECKING:
    import keras

Head = Literal["softmax", "sigmoid", "probabilities"]
"""How logits become probabilities; "probabilities" where they are some already."""


class Answer(NamedTuple):
    """The most probable class of one picture.

    Attributes:
        name: its name, or "class 7" where the model has no names.
        probability: 0..1.
        index: its number.
    """

    name: str
    probability: float
    index: int


def head(model: keras.Model | Classifier, images: Any) -> Head:
    """How this model's logits (those of `cnnviz.derivatives.Derivatives`) become probabilities.

    A softmax for classes of which one is true, which is also taken for a model that ends in logits; a sigmoid where the
    model ends in one, or has a single output.

    Args:
        model: any model that `cnnviz.taps` takes.
        images: a batch that it takes; one image is enough.

    Raises:
        ValueError: not a classifier of one input and one output ``(batch, classes)``.
    """
    network = keras_model(model)
    run = Compiled(_find_head, network)
    if "head" not in run.notes:
        run(check_batch(network, images))
    return run.notes["head"]


def probabilities(logits: np.ndarray, head: Head) -> np.ndarray:
    """Logits ``(batch, classes)`` as probabilities of the same shape, float64 in 0..1.

    >>> probabilities(np.array([[0.0, 0.0, -np.inf]]), "softmax")
    array([[0.5, 0.5, 0. ]])
    """
    logits = np.asarray(logits, np.float64)
    if head == "probabilities":
        return logits
    if head == "sigmoid":
        # Of a single output z the logits are (-z, z): the sigmoid of each is the probability of its class.
        return 0.5 * (1 + np.tanh(logits / 2))
    shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return shares / shares.sum(axis=-1, keepdims=True)


def answers(
    model: keras.Model | Classifier, logits: np.ndarray, head: Head = "softmax", top: int = 5
) -> list[list[Answer]]:
    """The most probable classes of each picture, best first.

    Args:
        model: a `Classifier` where classes are named.
        logits: ``(batch, classes)``.
        head: see `head`.
        top: how many classes to name.
    """
    shares = probabilities(logits, head)
    order = np.argsort(-shares, axis=-1, kind="stable")[:, :top]
    return [
        [Answer(class_name(model, int(index)), float(row[index]), int(index)) for index in best]
        for row, best in zip(shares, order, strict=True)
    ]


def class_name(model: keras.Model | Classifier, index: int) -> str:
    """The name of a class for people: ``"golf ball"``; ``"class 7"`` where the model has no names."""
    if isinstance(model, Classifier) and 0 <= index < len(model.class_names):
        return model.class_names[index].replace("_", " ")
    return f"class {index}"


def _find_head(model: keras.Model, target: Callable | None, notes: dict, images: Any) -> Any:
    """The body that is compiled; only what it notes while it is traced matters."""
    import tensorflow as tf

    outputs, _ = forward(model, images)
    logits = class_logits(outputs)
    if tf.executing_eagerly():
        # A model that cannot be compiled hides its last operation; then the numbers must tell.
        sums = tf.reduce_sum(tf.cast(outputs, tf.float32), axis=-1)
        notes["head"] = "probabilities" if np.allclose(sums, 1, atol=1e-2) and np.min(outputs) >= 0 else "softmax"
    elif logits.shape[-1] == 1:
        notes["head"] = "sigmoid"
    else:
        notes["head"] = "sigmoid" if logits is not outputs and _ends_in(outputs) == "Sigmoid" else "softmax"
    return tf.reduce_sum(logits)


def _ends_in(outputs: Any) -> str:
    """The type of the last operation that is not a mere copy."""
    operation = outputs.op
    while operation.type in ("Identity", "Cast"):
        operation = operation.inputs[0].op
    return operation.type
