"""What is to be explained: a class by number or name, the predicted one, or any number that the outputs give."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from cnnviz.models import Classifier

if TYPE_CHECKING:
    import keras

Target: TypeAlias = int | str | Sequence[int | str | None] | Callable[[Any], Any] | None
"""A class index or name, ``None`` for the predicted class, one of these for each image, or a function.

A function takes the model's outputs as the model gives them (softmax and all) and returns one number per image, in
TensorFlow operations: ``lambda masks: tf.reduce_sum(masks[..., 3], axis=(1, 2))`` explains the pixels of class 3.
Define it once and pass the same object again: it is compiled at first use.

A model with a single output (``Dense(1, activation="sigmoid")``) is taken to tell two classes apart: class 1 is its
output, class 0 the opposite.
"""

PREDICTED = -1  # stands for "the predicted class" among the indices


def keras_model(model: keras.Model | Classifier) -> keras.Model:
    """The Keras model itself, of a model or of a `Classifier`."""
    import keras

    model = model.model if isinstance(model, Classifier) else model
    if not isinstance(model, keras.Model):
        raise TypeError(f"model is {type(model).__name__}; a Keras model or a Classifier (cnnviz.load) is wanted")
    return model


def class_indices(model: keras.Model | Classifier, target: Target, images: int) -> np.ndarray:
    """One class index per image, `PREDICTED` where it is the predicted class; zeros for a callable.

    Args:
        model: a `Classifier` where classes are named.
        target: see `Target`.
        images: how many there are.

    Raises:
        TypeError: a target of another type.
        ValueError: an unknown class, a name for a model without names, or not one target per image.
    """
    if callable(target):
        return np.zeros(images, np.int32)
    if target is None or isinstance(target, str) or np.ndim(target) == 0:
        return np.full(images, _class_index(model, target), np.int32)
    if len(target) != images:
        raise ValueError(f"target names {len(target)} classes for {images} images; one for each is wanted, or one")
    return np.array([_class_index(model, one) for one in target], np.int32)


def _class_index(model: keras.Model | Classifier, target: Any) -> int:
    if target is None:
        return PREDICTED
    if isinstance(target, str):
        if isinstance(model, Classifier):
            return model.class_index(target)
        raise ValueError(
            f"target is {target!r}, but a bare Keras model does not know the names of its classes: pass the Classifier "
            "(cnnviz.load gives one) in place of its model, or the number of the class"
        )
    try:
        if isinstance(target, (bool, np.bool_)):
            raise TypeError
        index = operator.index(target)
    except TypeError:
        raise TypeError(
            f"target is {target!r}; a class index or name, None, a list of these, or a function is wanted"
        ) from None
    if not 0 <= index < 2**31:
        raise ValueError(f"target is {index}; classes are numbered from 0")
    return index


def class_logits(outputs: Any) -> Any:
    """What a softmax or sigmoid at the end of the model was given; the outputs themselves where there is none.

    A softmax ties the classes together: the probability of one class rises, too, where the others' logits fall. Its
    gradient vanishes where the network is sure, and so do its maps. Works while it is traced, whatever the model is
    made of: it looks at the operation that the output came from.

    Args:
        outputs: the model's output, a tensor ``(batch, classes)``.
    """
    import tensorflow as tf

    if not isinstance(outputs, tf.Tensor):
        raise ValueError("the model has several outputs: give a function of them as target")
    if tf.executing_eagerly():
        return outputs
    source = outputs
    while _passes_on(source):
        source = source.op.inputs[0]
    if source.op.type.endswith("PartitionedCall"):
        raise ValueError(
            "the model's output comes out of a tf.function inside the model, so it is not to be seen whether a softmax "
            "is its end: take @tf.function away from its call, or give a function of the outputs as target"
        )
    if source.op.type in ("Softmax", "Sigmoid"):
        logits = source.op.inputs[0]
        outputs = logits if source is outputs or logits.shape.rank == 2 else tf.reshape(logits, tf.shape(outputs))
    if outputs.shape.rank != 2:
        shape = tuple(outputs.shape)
        raise ValueError(
            f"the model's output is {shape}, not (batch, classes): give a function as target that returns one "
            "number per image",
        )
    return outputs


def _passes_on(tensor: Any) -> bool:
    """Whether an operation leaves the numbers as they are: another type, or another shape of one vector per image."""
    if tensor.op.type in ("Identity", "Cast"):
        return tensor.op.inputs[0].dtype.is_floating
    sides = tensor.op.inputs[0].shape[1:-1] if tensor.op.type in ("Reshape", "Squeeze") else ()
    return bool(sides) and all(side == 1 for side in sides)


def scores(outputs: Any, target: Callable | None, indices: Any) -> tuple[Any, Any, Any]:
    """The number to be explained for each image, the class that it is of, and the logits.

    Args:
        outputs: the model's outputs.
        target: a function of the outputs, or None for classes.
        indices: int32 ``(batch,)`` from `class_indices`.

    Returns:
        Scores and classes ``(batch,)``, logits ``(batch, classes)``. For a function there are no logits, and the
        class is `PREDICTED` throughout.
    """
    import tensorflow as tf

    if target is not None:
        found = target(outputs)
        found = tf.convert_to_tensor(found)
        batch = tf.nest.flatten(outputs)[0].shape[0]
        if found.shape.rank != 1 or (batch and found.shape[0] not in (None, batch)):
            raise ValueError(
                f"the target function returned shape {tuple(found.shape)}; one number per image, (batch,), is "
                "wanted: tf.reduce_sum over the other axes",
            )
        if not found.dtype.is_floating:
            raise ValueError(f"the target function returned {found.dtype.name}; it has no gradient: return a float")
        return found, tf.fill(tf.shape(found), PREDICTED), None
    logits = class_logits(outputs)
    logits = tf.cast(logits, tf.float32) if logits.dtype.size < 4 else logits
    if logits.shape[-1] == 1:
        logits = tf.concat([-logits, logits], axis=-1)
    indices = tf.where(indices == PREDICTED, tf.argmax(logits, axis=-1, output_type=tf.int32), indices)
    # A product rather than a gather: an index too large is refused afterwards, in words.
    chosen = tf.one_hot(indices, logits.shape[-1], dtype=logits.dtype)
    return tf.reduce_sum(logits * chosen, axis=-1), indices, logits


def check_indices(indices: np.ndarray, classes: int, name: str) -> None:
    """Refuse a class that the model does not have."""
    if np.max(indices) >= classes:
        raise ValueError(f"target is {np.max(indices)}; {name!r} has the classes 0 to {classes - 1}")
