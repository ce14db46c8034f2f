"""How many pixels come out: windows that fit, padding that keeps a size, and the way back up. One axis at a time."""

from __future__ import annotations

from typing import Any

import numpy as np

from data.arguments import whole_number
from data.padding import same_padding

Padding = str | int | tuple[int, int]


def output_size(size: int, kernel: int, stride: int = 1, padding: Padding = "valid", dilation: int = 1) -> int:
    """How many places a window has along one axis: ``floor((W - F + 2P) / S) + 1``.

    With dilation ``d`` the window spans ``F = d (kernel - 1) + 1`` pixels. The same holds for pooling.

    Args:
        size: W, pixels along the axis.
        kernel: weights of the window along the axis.
        stride: S, pixels from one place to the next.
        padding: "valid" (none), "same" (Keras: as much as ``ceil(W / S)`` places need), P zeros on both sides, or
            ``(before, after)``.
        dilation: pixels from one weight to the next.

    Raises:
        ValueError: a number out of range, or a window that does not fit into the padded pixels.
        TypeError: a number that is not whole.

    Source: lecture on convolutional layers; Dumoulin and Visin 2016, relationships 5 and 15.

    >>> output_size(227, 11, stride=4), output_size(224, 3, padding="same"), output_size(7, 3, stride=2, padding=1)
    (55, 224, 4)
    """
    size, kernel, stride, dilation = _whole(size, kernel, stride, dilation)
    before, after = paddings(size, kernel, stride=stride, padding=padding, dilation=dilation)
    return (before + size + after - window_size(kernel, dilation)) // stride + 1


def left_over(size: int, kernel: int, stride: int = 1, padding: Padding = "valid", dilation: int = 1) -> int:
    """How many pixels at the end of the axis no window reaches, for where the division above is rounded down.

    Arguments and errors are those of `output_size`.

    >>> left_over(224, 11, stride=4), left_over(227, 11, stride=4)
    (1, 0)
    """
    size, kernel, stride, dilation = _whole(size, kernel, stride, dilation)
    before, after = paddings(size, kernel, stride=stride, padding=padding, dilation=dilation)
    places = (before + size + after - window_size(kernel, dilation)) // stride + 1
    end = (places - 1) * stride + window_size(kernel, dilation) - before  # of the last window, in pixels of the image
    return min(size, max(0, size - end))  # the last window may lie in the padding before


def transposed_output_size(
    size: int,
    kernel: int,
    stride: int = 1,
    padding: str | int = "valid",
    output_padding: int | None = None,
    dilation: int = 1,
) -> int:
    """How many pixels a transposed convolution gives along one axis.

    Every one of the W pixels lays down a window of ``F = dilation (kernel - 1) + 1`` pixels, S apart: together
    ``(W - 1) S + F``. Padding P then takes P pixels away at both ends, and output padding adds some at the end: several
    sizes are convolved to W, and it says which of them is meant.

    Args:
        size: W.
        kernel: weights of the window along the axis.
        stride: S.
        padding: P as in PyTorch, or "valid" or "same" as in Keras. Without output padding Keras gives ``W S`` for
            "same", and ``(W - 1) S + max(F, S)`` for "valid".
        output_padding: see above; None leaves it to Keras, and is 0 for PyTorch.
        dilation: pixels from one weight to the next.

    Raises:
        ValueError: a number out of range, more output padding than there are sizes to choose from, or no pixel left.
        TypeError: a number that is not whole.

    Source: Dumoulin and Visin 2016, relationship 14; `keras.layers.Conv2DTranspose`; `torch.nn.ConvTranspose2d`.

    >>> transposed_output_size(16, 4, stride=2, padding="same"), transposed_output_size(3, 3, stride=2, padding=1)
    (32, 5)
    """
    size, kernel, stride, dilation = _whole(size, kernel, stride, dilation)
    of_keras = _is_keras(padding)
    if output_padding is not None:
        output_padding = whole_number("output_padding", output_padding, least=0)
        most = stride if of_keras else max(stride, dilation)
        if output_padding >= most:
            raise ValueError(f"output_padding is {output_padding}; it must be less than {most}, the stride or dilation")
    span = window_size(kernel, dilation)
    full = (size - 1) * stride + span
    if not of_keras:
        taken, added = 2 * whole_number("padding", padding, least=0), output_padding or 0
    elif padding == "valid":
        taken, added = 0, max(stride - span, 0) if output_padding is None else output_padding
    else:
        taken, added = (full, size * stride) if output_padding is None else (span - span % 2, output_padding)
    left = full - taken + added
    if left < 1:
        raise ValueError(f"padding {padding} takes {taken} pixels away at the ends; there are only {full}")
    return left


def paddings(size: int, kernel: int, *, stride: int, padding: Padding, dilation: int) -> tuple[int, int]:
    """The zeros before and after, for every way to ask for them, when a window fits; errors as `output_size`."""
    size, kernel, stride, dilation = _whole(size, kernel, stride, dilation)
    if _is_keras(padding):
        before, after = (0, 0) if padding == "valid" else same_padding(size, kernel, stride=stride, dilation=dilation)
    else:
        several = isinstance(padding, (tuple, list, np.ndarray)) and getattr(padding, "ndim", 1)
        pair = tuple(padding) if several else (padding, padding)
        if len(pair) != 2:
            raise ValueError(f"padding is {padding!r}; a pair is (before, after)")
        before, after = (whole_number("padding", number, least=0) for number in pair)
    span = window_size(kernel, dilation)
    if before + size + after < span:
        raise ValueError(
            f"a window of {span} pixels (kernel {kernel}, dilation {dilation}) does not fit into "
            f"{before + size + after} (size {size}, padding {before} before and {after} after)"
        )
    return before, after


def window_size(kernel: int, dilation: int = 1) -> int:
    """Pixels that a window spans, from its first to its last weight.

    >>> window_size(3, dilation=4)
    9
    """
    return dilation * (kernel - 1) + 1


def _whole(*numbers: Any) -> tuple[int, ...]:
    """Size, kernel, stride and dilation as numbers of Python, which do not overflow as those of NumPy do."""
    return tuple(whole_number(*pair) for pair in zip(("size", "kernel", "stride", "dilation"), numbers, strict=True))


def _is_keras(padding: Padding) -> bool:
    """Is the padding named, as in Keras?"""
    if isinstance(padding, str) and padding not in ("valid", "same"):
        raise ValueError(f'padding is {padding!r}; it is "valid", "same", a number of pixels or (before, after)')
    return isinstance(padding, str)
