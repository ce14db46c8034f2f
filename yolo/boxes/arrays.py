"""One code for NumPy and TensorFlow: the module that computes, and arguments made fit for it.

``numpy`` (from 2.1) and ``tensorflow`` share the names that boxes need (``maximum``, ``where``, ``stack``, ``concat``,
``exp``, ``atan2``), so a function asks for the module of its arguments and is written once. TensorFlow is not imported
here: who passes a tensor has imported it.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

ALMOST_NOTHING = 1e-30
"""A denominator below this counts as zero; its inverse is still finite in float32."""


def is_tensor(value: Any) -> bool:
    """A TensorFlow tensor or variable? False for everything where TensorFlow has not been imported."""
    tensorflow = sys.modules.get("tensorflow")
    return tensorflow is not None and tensorflow.is_tensor(value)


def together(**values: Any) -> tuple[Any, ...]:
    """The module to compute with, and the arguments as its floating arrays.

    One tensor among the arguments makes all of them tensors. float32 and float64 stay (the wider one wins); half
    precision becomes float32, as the area of a box of 300 pixels is too large for float16; integers become float64 in
    NumPy and float32 in TensorFlow.

    Raises:
        TypeError: what is not of real numbers; the message names the argument.

    >>> xp, boxes = together(boxes=[0, 0, 10, 20])
    >>> xp.__name__, boxes.dtype.name
    ('numpy', 'float64')
    """
    if not any(is_tensor(value) for value in values.values()):
        return (np, *(_array(name, value) for name, value in values.items()))
    tf = sys.modules["tensorflow"]
    for name, value in values.items():
        if is_tensor(value) and not (value.dtype.is_floating or value.dtype.is_integer):
            raise TypeError(f"{name} is a tensor of {value.dtype.name}; real numbers are wanted")
    wide = any(is_tensor(value) and value.dtype == tf.float64 for value in values.values())
    dtype = tf.float64 if wide else tf.float32
    made = [
        tf.cast(value, dtype) if is_tensor(value) else tf.constant(_array(name, value), dtype)
        for name, value in values.items()
    ]
    return (tf, *made)


def _array(name: str, value: Any) -> np.ndarray:
    try:
        array = np.asarray(value)
    except ValueError:
        raise TypeError(f"{name} is ragged: its rows differ in length") from None
    if array.dtype.name in ("float32", "float64"):
        return array
    if array.dtype.name in ("float16", "bfloat16"):
        return array.astype(np.float32)
    if array.dtype.kind in "iu":
        return array.astype(np.float64)
    raise TypeError(f"{name} is of {array.dtype}; real numbers are wanted")


def boxes_together(**values: Any) -> tuple[Any, ...]:
    """As ``together``, for boxes: the last axis must be 4. An empty list becomes shape (0, 4).

    Raises:
        TypeError: as ``together``.
        ValueError: another last axis.
    """
    xp, *arrays = together(**{name: np.zeros((0, 4)) if _is_empty(value) else value for name, value in values.items()})
    for name, array in zip(values, arrays):
        rank = array.shape.rank if is_tensor(array) else array.ndim
        # None: unknown while a graph is traced.
        if rank is not None and (rank == 0 or array.shape[-1] not in (4, None)):
            raise ValueError(f"{name} have shape {tuple(array.shape)}; accepted: (..., 4)")
    return (xp, *arrays)


def boxes_with(boxes: Any, **numbers: Any) -> tuple[Any, ...]:
    """The module, the boxes, and numbers that go with them (a size, a transform) in the dtype of the boxes.

    Raises:
        TypeError, ValueError: as ``boxes_together``.
    """
    _, boxes = boxes_together(boxes=boxes)
    xp, boxes, *arrays = together(boxes=boxes, **numbers)
    return (xp, boxes, *(cast(array, boxes) for array in arrays))


def cast(value: Any, like: Any) -> Any:
    """A number or an array in the dtype, and of the module, of ``like``."""
    return sys.modules["tensorflow"].cast(value, like.dtype) if is_tensor(like) else np.asarray(value, like.dtype)


def _is_empty(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and len(value) == 0


def shape_of(array: Any) -> tuple[Any, ...]:
    """The sides, as ints where they are known and as scalar tensors where a graph learns them only when it runs."""
    if not is_tensor(array):
        return array.shape
    tf = sys.modules["tensorflow"]
    return tuple(tf.shape(array)[axis] if side is None else side for axis, side in enumerate(array.shape))


def quotient(xp: Any, numerator: Any, denominator: Any) -> Any:
    """``numerator / denominator``, and 0 where there is nothing to divide by; so is its gradient (never NaN)."""
    nothing = denominator < ALMOST_NOTHING
    # Chosen before the division too: a gradient passes through both sides of `where`, and 0 * infinity is NaN.
    ratio = numerator / xp.where(nothing, xp.ones_like(denominator), denominator)
    return xp.where(nothing, xp.zeros_like(ratio), ratio)


def sigmoid(values: Any) -> Any:
    """1 / (1 + exp(-x)) of floats, without overflow."""
    if is_tensor(values):
        return sys.modules["tensorflow"].sigmoid(values)
    small = np.exp(-np.abs(values))
    return np.where(values >= 0, 1, small) / (1 + small)


def softmax(values: Any) -> Any:
    """Softmax over the last axis, without overflow."""
    if is_tensor(values):
        return sys.modules["tensorflow"].nn.softmax(values)
    powers = np.exp(values - values.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
