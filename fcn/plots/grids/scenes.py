"""What stands in a grid picture: the cells with their padding and zeros, the weights, the numbers and the words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fcn.matrix import convolution_matrix, real_numbers
from fcn.plots.matrix import weight_names
from fcn.sliding import Padding, Windows, whole_numbers, windows

MOST = 64  # cells along one side
PADDED, INSERTED, GIVEN = range(3)  # kinds of cells


class Scene(NamedTuple):
    """What is drawn: everything but the place of the window."""

    kinds: np.ndarray  # of the cells that the windows lie on
    across: tuple[Windows, Windows]  # of the windows over these cells, without any padding
    names: np.ndarray | None  # of the weights, as the window holds them
    values: np.ndarray | None  # in the cells
    results: np.ndarray | None  # in the output
    title: str
    below: str


def convolution_scene(
    input_size: int | Sequence[int],
    kernel: Any,
    stride: int | Sequence[int],
    padding: Padding,
    dilation: int | Sequence[int],
    image: Any,
) -> Scene:
    """A convolution; arguments and errors are those of `fcn.plots.grids.draw_convolution`."""
    names, kernel_size = _kernel(kernel)
    found = windows(input_size, kernel_size, stride=stride, padding=padding, dilation=dilation)
    sizes = [one.size for one in found]
    _check_sides([one.before + one.size + one.after for one in found])
    around = [(one.before, one.after) for one in found]
    kinds = np.pad(np.full(sizes, GIVEN), around, constant_values=PADDED)
    values, results = _image(image, sizes), None
    if values is not None and names is not None and np.asarray(kernel).dtype.kind != "U":
        matrix = convolution_matrix(kernel, input_size, stride=stride, padding=padding, dilation=dilation)
        results = (matrix @ values.ravel()).reshape([one.count for one in found])
    if values is not None:
        values = np.pad(values, around)
    grown = [f"{one.size}{_plus(one.before, one.after)}" for one in found]
    title = _title(grown, [one.count for one in found], found)
    below = f"input {times(sizes)}" + "\npadding dashed" * bool(sum(map(sum, around)))
    bare = [one._replace(size=one.before + one.size + one.after, before=0, after=0) for one in found]
    return Scene(kinds, tuple(bare), names, values, results, title, below)


def transposed_scene(
    input_size: int | Sequence[int],
    kernel: Any,
    stride: int | Sequence[int],
    padding: Padding,
    dilation: int | Sequence[int],
    output_padding: int | Sequence[int],
    image: Any,
) -> Scene:
    """A transposed convolution; arguments and errors are those of `fcn.plots.grids.draw_transposed_convolution`."""
    names, kernel_size = _kernel(kernel)
    sizes = whole_numbers("input_size", input_size, 2)
    strides = whole_numbers("stride", stride, 2)
    extra = whole_numbers("output_padding", output_padding, 2, least=0)
    options = {"stride": stride, "dilation": dilation}
    spans = [one.span for one in windows(10**9, kernel_size, **options)]
    full = [(size - 1) * step + span for size, step, span in zip(sizes, strides, spans)]
    if isinstance(padding, str):
        if any(extra):
            raise ValueError(f"output_padding is {output_padding!r}, and padding {padding!r} leaves no choice of size")
        same = [size * step for size, step in zip(sizes, strides)]
        wanted = same if padding == "same" else [max(one, other) for one, other in zip(full, same)]
    else:
        if any(more >= step for more, step in zip(extra, strides)):
            raise ValueError(f"output_padding is {output_padding!r}; it must be less than the stride, {stride!r}")
        pads = [(one.before, one.after) for one in windows(full, kernel_size, padding=padding, **options)]
        if any(max(pair) >= span for pair, span in zip(pads, spans)):
            raise ValueError(f"padding is {padding!r}; a kernel that covers {tuple(spans)} allows less than that")
        wanted = [whole - sum(pair) + more for whole, pair, more in zip(full, pads, extra)]
        if min(wanted) < 1:
            raise ValueError(f"padding is {padding!r}; of an output of {tuple(full)} nothing is left")
    found = windows(wanted, kernel_size, padding=padding, **options)
    more = [size - (whole - one.before - one.after) for size, whole, one in zip(wanted, full, found)]
    around = [(one.span - 1 - one.before, one.span - 1 - one.after + add) for one, add in zip(found, more)]
    spread = [(size - 1) * step + 1 for size, step in zip(sizes, strides)]
    _check_sides([side + sum(pair) for side, pair in zip(spread, around)])
    stuffed = np.full(spread, INSERTED)
    stuffed[:: strides[0], :: strides[1]] = GIVEN
    kinds = np.pad(stuffed, around, constant_values=PADDED)
    values, results = _image(image, sizes), None
    if values is not None:
        if names is not None and np.asarray(kernel).dtype.kind != "U":
            matrix = convolution_matrix(kernel, wanted, padding=padding, **options)
            results = (matrix.T @ values.ravel()).reshape(wanted)
        given, values = values, np.zeros(kinds.shape, values.dtype)
        values[kinds == GIVEN] = given.ravel()
    grown = [
        f"({size} − 1)·{one.stride} + {one.span}{_plus(one.before, one.after, '−')}{f' + {add}' if add else ''}"
        for size, one, add in zip(sizes, found, more)
    ]
    title = _title(grown, wanted, found)
    zeros = ["between: grey"] * (INSERTED in kinds) + ["around: dashed"] * (PADDED in kinds)
    below = f"input {times(sizes)}" + f"\nzeros {', '.join(zeros)}" * bool(zeros)
    over = tuple(Windows(side, one.taps, dilation=one.dilation) for side, one in zip(kinds.shape, found))
    return Scene(kinds, over, None if names is None else names[::-1, ::-1], values, results, title, below)


def _check_sides(sides: Sequence[int]) -> None:
    """Refuse what is too large to be drawn, before it is made."""
    if max(sides) > MOST:
        raise ValueError(f"the input has {times(sides)} cells with its zeros; at most {MOST} a side are drawn")


def _kernel(kernel: Any) -> tuple[np.ndarray | None, tuple[int, ...]]:
    """Names of its weights, or None; and its size."""
    named = isinstance(kernel, str) or np.asarray(kernel).dtype.kind == "U"
    if not named and (np.ndim(kernel) == 0 or (isinstance(kernel, tuple) and np.ndim(kernel) == 1)):
        return None, whole_numbers("kernel", kernel, 2)
    names = weight_names(kernel if named else real_numbers("kernel", kernel, (1, 2)))
    if names.ndim != 2:
        raise ValueError(
            f"kernel has shape {names.shape}; it must be a side, (height, width), or weights of this shape"
        )
    return names, names.shape


def _image(image: Any, sizes: Sequence[int]) -> np.ndarray | None:
    if image is None:
        return None
    image = real_numbers("image", image, (2,))
    if image.shape != tuple(sizes):
        raise ValueError(f"image has shape {image.shape}, and the input is {tuple(sizes)}")
    return image.astype(np.int64) if image.dtype.kind in "iu" else image


def _title(grown: Sequence[str], sizes: Sequence[int], found: Sequence[Windows]) -> str:
    """From what to what, and how: each direction by itself where they differ."""
    steps = [f"{one} → {size}" for one, size in zip(grown, sizes)]
    words = []
    for name, numbers in (
        ("kernel", [one.taps for one in found]),
        ("stride", [one.stride for one in found]),
        ("dilation", [one.dilation for one in found]),
    ):
        if name == "kernel" or set(numbers) != {1}:
            words.append(f"{name} {numbers[0] if numbers[0] == numbers[1] else times(numbers)}")
    if steps[0] == steps[1]:
        return ", ".join([steps[0], *words])
    return f"{steps[0]} high, {steps[1]} wide\n{', '.join(words)}"


def _plus(before: int, after: int, sign: str = "+") -> str:
    if before == after:
        return f" {sign} 2·{before}" if before else ""
    return f" {sign} {before} {sign} {after}"


def times(sizes: Sequence[int]) -> str:
    """Height and width, or more numbers, as they are written.

    >>> times((3, 4))
    '3 × 4'
    """
    return " × ".join(map(str, sizes))
