"""How activations become one number per picture: what `cnnviz.objectives` means, in tensors, for code being traced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnviz.targets import scores

if TYPE_CHECKING:
    from cnnviz.objectives import Prepared

CENTRE = -1  # stands for the middle row or column of a map


def paths(structure: Sequence[tuple[Callable | None, str | None]]) -> list[str]:
    """The paths of the layers that are read."""
    return list(dict.fromkeys(path for measure, path in structure if measure is not None))


def value(
    prepared: tuple, function: Callable | None, tensors: Any, outputs: Any, activations: Any
) -> tuple[Any, list[Any]]:
    """The objective for each picture, and the shape of what each term has looked at; for code that is being traced.

    Args:
        prepared: ``structure`` of a `Prepared`.
        function: the target function, or None.
        tensors: its ``tensors``.
        outputs: of the model.
        activations: of the layers, by path.
    """
    import tensorflow as tf

    total, shapes = 0.0, []
    for (measure, path), (weight, *numbers) in zip(prepared, tensors, strict=True):
        if measure is None:
            found, _, logits = scores(outputs, function if path == "function" else None, numbers[0])
            shapes.append(tf.shape(found if logits is None else logits))
        else:
            maps = activations[path]
            if not isinstance(maps, tf.Tensor) or maps.shape.rank not in (2, 4):
                raise ValueError(f"layer {path!r} gives no maps (batch, rows, columns, channels), nor a vector")
            maps = maps if measure in (mean_of_squares, projection, unlikeness) else before_relu(maps)
            maps = tf.cast(maps, tf.float32) if maps.dtype.size < 4 else maps
            maps = maps if maps.shape.rank == 4 else maps[:, None, None]
            found = measure(maps, *numbers)
            shapes.append(tf.shape(maps))
        total += tf.cast(weight, found.dtype) * found
    return tf.cast(total, tf.float32), shapes


def check_shapes(prepared: Prepared, shapes: Sequence[Any], name: str) -> None:
    """Refuse, in words, what lies outside: a class, a channel or a cell that there is not."""
    for (measure, path), (_, *numbers), shape in zip(prepared.structure, prepared.tensors, shapes, strict=True):
        shape = np.asarray(shape)
        if 0 in shape:
            raise ValueError(f"the pictures are too small: nothing is left of them at layer {path!r}")
        if measure is None and path is None and numbers[0].max() >= shape[-1]:
            raise ValueError(f"target is {numbers[0].max()}; {name!r} has the classes 0 to {shape[-1] - 1}")
        if measure in (channel_mean, one_cell) and numbers[0].max() >= shape[-1]:
            raise ValueError(f"channel {numbers[0].max()} not in {path!r}; it has channels 0 to {shape[-1] - 1}")
        if measure is one_cell and (numbers[1].max() >= shape[1] or numbers[2].max() >= shape[2]):
            raise ValueError(
                f"cell ({numbers[1].max()}, {numbers[2].max()}) not in {path!r}: its maps have {shape[1]} rows and "
                f"{shape[2]} columns for pictures of this size"
            )
        if measure is projection and numbers[0].shape[-1] != shape[-1]:
            raise ValueError(f"vector has {numbers[0].shape[-1]} numbers, layer {path!r} has {shape[-1]} channels")


def before_relu(maps: Any) -> Any:
    """What a ReLU at the end of the layer was given; the maps themselves where there is none, or no graph."""
    import tensorflow as tf

    if tf.executing_eagerly():
        return maps
    source = maps
    while source.op.type in ("Identity", "Cast") and source.op.inputs[0].dtype.is_floating:
        source = source.op.inputs[0]
    return source.op.inputs[0] if source.op.type in ("Relu", "Relu6", "LeakyRelu") else maps


def channel_mean(maps: Any, index: Any) -> Any:
    """The mean of one channel's map."""
    import tensorflow as tf

    # A product rather than a gather: a channel too large is refused afterwards, in words.
    chosen = tf.one_hot(index, tf.shape(maps)[-1], dtype=maps.dtype)
    return tf.reduce_sum(tf.reduce_mean(maps, axis=(1, 2)) * chosen, axis=-1)


def one_cell(maps: Any, index: Any, row: Any, column: Any) -> Any:
    """One cell of one channel's map."""
    import tensorflow as tf

    _, height, width, channels = tf.unstack(tf.shape(maps))
    rows = tf.one_hot(tf.where(row == CENTRE, height // 2, row), height, dtype=maps.dtype)
    columns = tf.one_hot(tf.where(column == CENTRE, width // 2, column), width, dtype=maps.dtype)
    return tf.einsum("brck,br,bc,bk->b", maps, rows, columns, tf.one_hot(index, channels, dtype=maps.dtype))


def mean_of_squares(maps: Any) -> Any:
    """The mean of the squares of all activations."""
    import tensorflow as tf

    return tf.reduce_mean(tf.square(maps), axis=(1, 2, 3))


def projection(maps: Any, vectors: Any) -> Any:
    """The mean over the cells of their projection on unit vectors."""
    import tensorflow as tf

    average = tf.reduce_mean(maps, axis=(1, 2))
    if average.shape[-1] not in (None, vectors.shape[-1]):
        return 0 * average[:, 0]  # refused afterwards, in words
    return tf.reduce_sum(average * tf.cast(vectors, maps.dtype), axis=-1)


def unlikeness(maps: Any) -> Any:
    """Minus the mean cosine between a picture's Gram matrix and the others'."""
    import tensorflow as tf

    shape = tf.shape(maps)
    cells = tf.reshape(maps, (shape[0], -1, maps.shape[-1]))
    gram = tf.reshape(tf.matmul(cells, cells, transpose_a=True), (shape[0], -1))
    gram = tf.math.l2_normalize(gram, axis=-1, epsilon=1e-10)
    cosine = tf.matmul(gram, gram, transpose_b=True)
    others = tf.reduce_sum(cosine, axis=-1) - tf.linalg.diag_part(cosine)
    return -others / tf.cast(shape[0] - 1, maps.dtype)
