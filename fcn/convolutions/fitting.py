"""Whether images, kernels and groups fit each other; refused in words where they do not."""

from __future__ import annotations

from typing import Any

from data.arguments import one_of

Pair = tuple[int, int]
PADDINGS = "same", "valid"


def tensor(name: str, value: Any, axes: str | tuple[str, ...], like: Any = None) -> Any:
    """A tensor of floating point with as many axes as are named; of the type of ``like``, where that is given.

    Raises:
        TypeError: no floating point, or no numbers at all.
        ValueError: another number of axes or an unknown one, an empty axis, or lists of different lengths.
    """
    from keras import backend, ops

    # Python's lists have no type; they become what Keras computes in.
    value = any_tensor(name, value, backend.floatx() if isinstance(value, (list, tuple)) else None)
    wanted = (axes,) if isinstance(axes, str) else axes
    if rank(value) not in [len(names.split(",")) for names in wanted]:
        raise ValueError(f"{name} has the shape {shape(value)}; {' or '.join(f'({one})' for one in wanted)} is wanted")
    if like is not None and 0 in tuple(value.shape)[wanted[0].startswith("batch") :]:  # an empty batch is one
        raise ValueError(f"{name} has the shape {shape(value)}; it is empty")
    if not backend.is_float_dtype(value.dtype):
        raise TypeError(f"{name} is of {backend.standardize_dtype(value.dtype)}; floating point is wanted")
    return value if like is None else ops.cast(value, like.dtype)


def any_tensor(name: str, value: Any, dtype: str | None = None) -> Any:
    """A tensor of whatever holds numbers.

    Raises:
        TypeError: it does not.
        ValueError: lists of different lengths.
    """
    from keras import ops

    if value is None or isinstance(value, (str, bytes)):
        raise TypeError(f"{name} is {value!r}; an array or a tensor is wanted")
    try:
        return ops.convert_to_tensor(value, dtype=dtype)
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{name} is {value!r}; an array or a tensor of numbers is wanted, its rows equally long") from error


def rank(value: Any) -> int | None:
    """How many axes; None where that is not known."""
    try:
        return len(value.shape)
    except ValueError:  # TensorFlow's, for an unknown rank
        return None


def shape(value: Any) -> str:
    """The shape in words, whether it is known or not."""
    return str(value.shape) if rank(value) is None else str(tuple(value.shape))


def image_tensor(images: Any) -> Any:
    """Images as a tensor ``(batch, height, width, channels)`` of floating point, the number of channels known."""
    images = tensor("images", images, "batch, height, width, channels")
    if images.shape[-1] is None:
        raise ValueError(f"images has the shape {tuple(images.shape)}; the number of channels must be known")
    return images


def check_fits(images: Any, extent: Pair, padding: str) -> None:
    """Padding is one of Keras' two; without it the window must fit into the image, as far as its size is known."""
    one_of("padding", padding, PADDINGS)
    sides = images.shape[1:3]
    if padding == "valid" and any(side is not None and side < size for side, size in zip(sides, extent, strict=True)):
        raise ValueError(
            f"images has the shape {tuple(images.shape)}; a window of {extent} does not fit into it without padding"
        )


def divides(name: str, parts: int, whole: int, what: str) -> int:
    """How many are in each of so many equal parts.

    >>> divides("groups", 2, 6, "the channels of images")
    3
    """
    if whole % parts:
        raise ValueError(f"{name} is {parts}, which does not divide {what}, {whole}")
    return whole // parts
