"""Which inputs one output sees, and with which weights: what makes each convolution what it is, in one array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from data.arguments import whole_number
from fcn.convolutions.fitting import Pair

UNSEEN = -1
GROUPS, DILATION = 2, 2
GridKind = Literal[
    "ordinary",
    "pointwise",
    "dilated",
    "spatially separable",
    "depthwise",
    "depthwise separable",
    "grouped",
    "involution",
]
GRID_KINDS: tuple[str, ...] = get_args(GridKind)  # all that look at whole pixels; a deformable one looks between them


def seen_weights(
    kind: GridKind, at: Pair, channel: int = 0, *, rows: int = 5, columns: int = 5, channels: int = 4
) -> np.ndarray:
    """For every input the number of the weight by which it is multiplied, on its way to one output.

    The kernel is 3x3, the dilation 2, the groups (of "grouped" and "involution") are two, and as many channels leave
    as enter. Equal numbers are equal weights, whatever the output; ``number // 9`` is the set of weights, and
    ``number % 9`` the place in the kernel. Of what has two steps this is the first: for "depthwise separable" all
    channels that the 1x1 convolution sums, and for "spatially separable" (one filter for each channel alone) the three
    columns that the row then sums, in which a weight occurs three times.

    >>> seen_weights("depthwise", (1, 1), rows=3, columns=4, channels=2)[..., 0].tolist()
    [[0, 1, 2, -1], [3, 4, 5, -1], [6, 7, 8, -1]]

    Args:
        kind: of convolution.
        at: row and column of the output.
        channel: of the output.
        rows: of the images; what lies outside is not seen.
        columns: of the images.
        channels: of the images and of the output.

    Returns:
        ``(rows, columns, channels)`` of whole numbers, -1 where the output does not see the input.

    Raises:
        TypeError: no whole numbers.
        ValueError: an unknown kind, or an output that there is not.
    """
    if kind not in GRID_KINDS:
        raise ValueError(f"kind is {kind!r}; one of {', '.join(GRID_KINDS)} is wanted")
    size = tuple(whole_number(*one) for one in (("rows", rows), ("columns", columns), ("channels", channels)))
    if not isinstance(at, Sequence | np.ndarray) or getattr(at, "ndim", 1) == 0:
        raise TypeError(f"at is {at!r}; (row, column) is wanted")
    place = (*(whole_number("at", number, 0) for number in at), whole_number("channel", channel, 0))
    if len(place) != 3 or any(number >= end for number, end in zip(place, size, strict=True)):
        raise ValueError(f"at is {at} and channel {channel}; the outputs are {size}")
    rows, columns, channels = size
    down, right, channel = place
    if kind in ("grouped", "involution") and channels % GROUPS:
        raise ValueError(f"channels is {channels}; a multiple of {GROUPS} is wanted")
    each = channels // GROUPS
    own = range(channels)
    if kind in ("depthwise", "involution", "spatially separable"):
        own = range(channel, channel + 1)
    elif kind == "grouped":
        own = range(channel // each * each, (channel // each + 1) * each)
    step, reach = (DILATION if kind == "dilated" else 1), (0 if kind == "pointwise" else 1)
    seen = np.full(size, UNSEEN)
    for one in own:
        weights = channel * channels + one
        if kind in ("depthwise", "depthwise separable"):
            weights = one
        elif kind == "spatially separable":
            weights = 0
        elif kind == "involution":
            weights = (down * columns + right) * GROUPS + one // each
        for u in range(-reach, reach + 1):
            for v in range(-reach, reach + 1):
                row, column = down + step * u, right + step * v
                if 0 <= row < rows and 0 <= column < columns:
                    tap = 3 * (u + 1) + (1 if kind == "spatially separable" else v + 1)
                    seen[row, column, one] = 9 * weights + tap
    return seen
