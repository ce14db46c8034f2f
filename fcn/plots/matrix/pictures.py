"""The pictures: a matrix, or a convolution's and its transpose's side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fcn.plots.matrix.panel import Panel
from fcn.sliding import Padding

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDEST, TALLEST, LARGEST_CELL = 10, 9, 0.36  # inches
MOST = 62  # cells beside each other; of more only the matrix is drawn, without letters


def draw_matrix(
    kernel: Any,
    input_size: int | Sequence[int],
    *,
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    dilation: int | Sequence[int] = 1,
    inputs: Sequence[str] | None = None,
    transpose: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """The matrix of a convolution, times its input, equals its output, with the sums written out where there is room.

    Every weight of the kernel has one colour, which it keeps wherever it stands; the zeros are pale. Heavy lines part
    the blocks that belong to one row of the image.

    Args:
        kernel: as for `fcn.matrix.convolution_matrix`, numbers or names: ``[1, 2, 1]``, "zyx", ``["abc", "def"]``
            (rows of letters), or an array of longer names.
        input_size: like stride, padding and dilation: see `fcn.matrix.convolution_matrix`.
        stride: from one window to the next.
        padding: with zeros.
        dilation: from one tap to the next.
        inputs: what the numbers that the matrix is multiplied with are called, one each, or numbers; "0" is left out
            of the sums. Letters that the kernel does not use, by default.
        transpose: draw the transposed convolution.
        ax: where to draw; a new figure, at most 10 inches wide, by default.

    Raises:
        TypeError, ValueError: as `convolution_matrix` does; rows of the kernel of different length, another number
            of names than of inputs, or a matrix with a side of more than 400.
    """
    return _draw([Panel(kernel, input_size, stride, padding, dilation, inputs, transpose)], ax)


def draw_transposes(
    kernel: Any,
    input_size: int | Sequence[int],
    *,
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    dilation: int | Sequence[int] = 1,
    inputs: Sequence[str] | None = None,
    transpose_inputs: Sequence[str] | None = None,
) -> Figure:
    """A convolution and its transpose, side by side, as `draw_matrix` draws them.

    Args:
        kernel: as for `draw_matrix`, like all others.
        input_size: of the convolution; the transpose leads back to it.
        stride: from one window to the next.
        padding: with zeros.
        dilation: from one tap to the next.
        inputs: names of the inputs of the convolution.
        transpose_inputs: names of the inputs of the transpose.

    Raises:
        TypeError, ValueError: see `draw_matrix`.
    """
    options = (kernel, input_size, stride, padding, dilation)
    return _draw([Panel(*options, inputs, False), Panel(*options, transpose_inputs, True)], None).figure


def _draw(panels: list[Panel], ax: Axes | None) -> Axes:
    """Panels side by side, their matrices beginning at the same height; one unit of the axes is one cell."""
    import matplotlib.pyplot as plt

    between = 1.5
    if sum(panel.width for panel in panels) + between * len(panels) > MOST:
        for panel in panels:
            panel.make_plain()
        between = 0.06 * max(panel.width for panel in panels)
    width = sum(panel.width for panel in panels) + between * len(panels)
    head = max(panel.head for panel in panels)
    height = head + max(max(panel.places.shape if not panel.plain else panel.places.shape[:1]) for panel in panels)
    if ax is None:
        cell = min(LARGEST_CELL, WIDEST / width, TALLEST / height)
        ax = plt.figure(figsize=(cell * width, cell * height * 1.04)).add_axes((0, 0, 1, 1))
    ax.set(xlim=(-between / 2, width - between / 2), ylim=(height * 1.03, -0.01 * height), aspect="equal")
    ax.set_axis_off()
    left = 0
    for panel in panels:
        panel.draw(ax, left, head)
        left += panel.width + between
    return ax
