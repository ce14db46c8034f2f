"""The shapes that a model takes, for one picture of a given size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from data.arguments import whole_number

if TYPE_CHECKING:
    import keras

Size = int | tuple[int, int] | tuple[int, int, int] | None


def inputs_of(model: keras.Model, size: Size, default: int | None) -> Any:
    """What a model takes, in the structure in which it takes it, as TensorSpecs without gaps.

    Args:
        model: any Keras 3 model.
        size: see `fcn.arithmetic.tracing.trace`.
        default: the side of pictures where neither the model nor ``size`` says it.

    Raises:
        ValueError: a size that is missing, that is none, or that is not the model's.
        TypeError: a side that is not whole.
    """
    import keras
    import tensorflow as tf

    sides = () if size is None else size if isinstance(size, (tuple, list)) else (size, size)
    if size is not None and len(sides) not in (2, 3):
        raise ValueError(f"size is {size!r}; it is a side, (height, width) or (height, width, channels)")
    sides = tuple(whole_number("size", side) for side in sides)
    symbolic = getattr(model, "inputs", None)  # of Functional and Sequential models
    if symbolic:
        structure = symbolic[0] if isinstance(model, keras.Sequential) else model.input
        flat = [(tuple(one.shape), one.dtype) for one in tf.nest.flatten(structure)]
    else:
        built = (model.get_build_config() or {}).get("input_shape")
        # A subclassed model that has run keeps the size it was run with, but takes others.
        shape = (None, None, None, built[3] if built and len(built) == 4 else 3) if sides or not built else built
        if sides[2:] and not built:
            shape = (None, *sides)
        structure, flat = 0, [(tuple(shape), "float32")]
    return tf.nest.pack_sequence_as(
        structure, [tf.TensorSpec(_filled(model, shape, sides, default), dtype) for shape, dtype in flat]
    )


def _filled(model: keras.Model, shape: tuple, sides: tuple[int, ...], default: int | None) -> tuple[int, ...]:
    """The shape with one picture in the batch and the gaps filled."""
    filled = [1 if shape[0] is None else shape[0], *shape[1:]]
    if len(shape) == 4:
        for axis, side in enumerate(sides or (default, default), start=1):
            if filled[axis] is None:
                filled[axis] = side
            elif sides and filled[axis] != side:
                raise ValueError(f"size is {sides}, but {model.name!r} takes {shape[1:]}: height, width, channels")
    elif len(shape) == 3 and sides and filled[1] is None:
        filled[1] = sides[0]
    if None in filled:
        raise ValueError(f"{model.name!r} takes {tuple(shape)}; say how large the pictures are with size=")
    return tuple(filled)
