"""Where the windows of a convolution stand, in one direction or two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from data.arguments import whole_number
from data.padding import same_padding

Padding = int | str | Sequence


class Windows(NamedTuple):
    """Where the windows of a convolution stand along one direction.

    Attributes:
        size: of the input.
        taps: weights of the kernel.
        stride: from one window to the next.
        before: zeros put in front of the input.
        after: zeros put behind it.
        dilation: from one tap of a window to the next.
    """

    size: int
    taps: int
    stride: int = 1
    before: int = 0
    after: int = 0
    dilation: int = 1

    @property
    def span(self) -> int:
        """How much of the input a window covers, the gaps between its taps included."""
        return self.dilation * (self.taps - 1) + 1

    @property
    def count(self) -> int:
        """How many windows there are: the size of the output."""
        return (self.size + self.before + self.after - self.span) // self.stride + 1

    def reads(self) -> np.ndarray:
        """Which input each tap of each window reads, ``(count, taps)``; below 0 or from ``size`` on lies the padding.

        >>> Windows(size=5, taps=3, stride=2, before=1, after=1).reads().tolist()
        [[-1, 0, 1], [1, 2, 3], [3, 4, 5]]
        """
        first = np.arange(self.count) * self.stride - self.before
        return first[:, None] + np.arange(self.taps) * self.dilation


def windows(
    input_size: int | Sequence[int],
    kernel_size: Sequence[int],
    *,
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    dilation: int | Sequence[int] = 1,
) -> tuple[Windows, ...]:
    """The windows of a convolution, for each direction; all arguments as for `convolution_matrix`.

    >>> [one.count for one in windows((7, 5), (3, 3), stride=2, padding="same")]
    [4, 3]

    Raises:
        TypeError: an argument is no whole number where it must be one, or ``kernel_size`` is no sequence of them.
        ValueError: a number is too small, there are too many or too few of them, or the kernel does not fit.
    """
    if not _several(kernel_size):
        raise TypeError(f"kernel_size is {kernel_size!r}; a number for each direction is wanted, as in (3,) or (3, 3)")
    count = len(kernel_size)
    sizes = whole_numbers("input_size", input_size, count)
    taps = whole_numbers("kernel_size", kernel_size, count)
    strides = whole_numbers("stride", stride, count)
    dilations = whole_numbers("dilation", dilation, count)
    bare = [Windows(*numbers) for numbers in zip(sizes, taps, strides, [0] * count, [0] * count, dilations)]
    pairs = _padding(padding, bare)
    found = tuple(one._replace(before=before, after=after) for one, (before, after) in zip(bare, pairs))
    if any(one.span > one.size + one.before + one.after for one in found):
        padded = tuple(one.size + one.before + one.after for one in found)
        raise ValueError(
            f"the kernel covers {tuple(one.span for one in found)} with dilation {tuple(dilations)}, and the input of "
            f"size {tuple(sizes)} is {padded} with its padding: no window fits"
        )
    return found


def whole_numbers(name: str, value: Any, count: int, least: int = 1) -> tuple[int, ...]:
    """As many whole numbers as there are directions; one number stands for all of them."""
    values = tuple(value) if _several(value) else (value,) * count
    if len(values) != count:
        raise ValueError(f"{name} is {value!r}; it must be one number" + f", or {count} of them" * (count > 1))
    return tuple(whole_number(name, one, least) for one in values)


def _several(value: Any) -> bool:
    """Is it a sequence, not one number? Asked without NumPy's ndim, which fails where the parts are not alike."""
    return isinstance(value, Sequence | np.ndarray) and not isinstance(value, str) and bool(getattr(value, "ndim", 1))


def _padding(padding: Padding, directions: Sequence[Windows]) -> list[tuple[int, ...]]:
    """Zeros before and after, for each direction."""
    count = len(directions)
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise ValueError(f"padding is {padding!r}; it must be 'same', 'valid', a number or pairs of numbers")
        if padding == "valid":
            return [(0, 0)] * count
        return [same_padding(one.size, one.taps, one.stride, one.dilation) for one in directions]
    one_number = not _several(padding)
    pairs = [padding] * count if one_number else list(padding)
    if count == 1 and len(pairs) == 2 and not _several(pairs[0]):  # (before, after) without a second bracket
        pairs = [tuple(pairs)]
    if len(pairs) != count or not (one_number or all(_several(pair) and len(pair) == 2 for pair in pairs)):
        wanted = "(before, after)" if count == 1 else "((top, bottom), (left, right))"
        raise ValueError(f"padding is {padding!r}; it must be one number, 'same', 'valid' or {wanted}")
    return [whole_numbers("padding", pair, 2, least=0) for pair in pairs]
