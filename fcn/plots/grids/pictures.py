"""The pictures: a convolution, a transposed convolution, or either at every position of its window."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from fcn.plots.grids.cells import WIDEST, draw_scene, extent
from fcn.plots.grids.scenes import convolution_scene, transposed_scene
from fcn.plots.matrix import DARK
from fcn.sliding import Padding, whole_numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_convolution(
    input_size: int | Sequence[int],
    kernel: Any,
    *,
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    dilation: int | Sequence[int] = 1,
    position: Sequence[int] = (0, 0),
    image: np.ndarray | None = None,
    ax: Axes | None = None,
) -> Axes:
    """The input with its padding, the window on it, and the cell of the output that the window produces.

    Args:
        input_size: side of the input, or ``(height, width)``.
        kernel: its side, or ``(height, width)`` as a tuple; or its weights, as an array of numbers or names
            ``(height, width)``, which are then written into the window.
        stride: like padding and dilation as for `fcn.matrix.convolution_matrix`.
        padding: drawn dashed.
        dilation: from one tap to the next.
        position: row and column of the cell of the output.
        image: numbers ``(height, width)`` to be written into the input; where the weights are numbers too, the outputs
            up to this one are written as well.
        ax: where to draw; a new figure, at most 10 inches wide, by default.

    Raises:
        TypeError, ValueError: as `fcn.sliding.windows`; or ``position`` lies outside the output, ``image`` has another
            size than the input, or the padded input has more than 64 cells a side.
    """
    return draw_scene(convolution_scene(input_size, kernel, stride, padding, dilation, image), position, ax)


def draw_transposed_convolution(
    input_size: int | Sequence[int],
    kernel: Any,
    *,
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    dilation: int | Sequence[int] = 1,
    output_padding: int | Sequence[int] = 0,
    position: Sequence[int] = (0, 0),
    image: np.ndarray | None = None,
    ax: Axes | None = None,
) -> Axes:
    """A transposed convolution as a convolution: zeros between and around the input, and the kernel turned by 180°.

    The stride becomes the zeros between the inputs; the window itself moves by one.

    Args:
        input_size: side of the input of the transposed convolution, or ``(height, width)``.
        kernel: as for `draw_convolution`, as the layer holds it: it is turned here.
        stride: like padding and dilation that of the convolution whose transpose this is.
        padding: as PyTorch counts it, or as Keras's "same" and "valid": every zero more makes the output smaller.
        dilation: from one tap to the next.
        output_padding: rows and columns more at the end, less than the stride; with numbers as padding only.
        position: row and column of the cell of the output.
        image: as for `draw_convolution`.
        ax: where to draw.

    Raises:
        TypeError, ValueError: as `draw_convolution`; the padding is larger than the kernel allows (``span - 1``), or
            leaves no output; ``output_padding`` is not below the stride.

    Source: Dumoulin and Visin 2016, sections 4.3 to 4.6.
    """
    scene = transposed_scene(input_size, kernel, stride, padding, dilation, output_padding, image)
    return draw_scene(scene, position, ax)


def draw_positions(
    input_size: int | Sequence[int], kernel: Any, *, transposed: bool = False, most: int = 12, **options: Any
) -> Figure:
    """Small multiples: the window at every position of the output, in reading order.

    Args:
        input_size: like the kernel and all options as for `draw_convolution` or `draw_transposed_convolution`.
        kernel: see there.
        transposed: which of the two.
        most: how many positions are drawn, the first ones.
        **options: of the convolution.

    Raises:
        TypeError, ValueError: as the functions above.
    """
    import matplotlib.pyplot as plt

    full = {"stride": 1, "padding": 0, "dilation": 1, "image": None} | ({"output_padding": 0} if transposed else {})
    if unknown := set(options) - set(full):
        raise TypeError(f"{', '.join(sorted(unknown))}: no such option here; there are {', '.join(full)}")
    full |= options
    (most,) = whole_numbers("most", most, 1)
    scene = (transposed_scene if transposed else convolution_scene)(input_size, kernel, **full)
    places = list(product(*(range(one.count) for one in scene.across)))
    title = scene.title + f" (the first {most} of {len(places)})" * (len(places) > most)
    places = places[:most]
    wide, high = extent(scene)
    columns = min(len(places), scene.across[1].count if scene.across[1].count in (2, 3, 4) else 3)
    rows = -(-len(places) // columns)
    width = min(WIDEST, columns * wide * 0.3)
    cell = width / columns / wide
    figure = plt.figure(figsize=(width, rows * high * cell + 0.35))
    for number, place in enumerate(places):
        row, column = divmod(number, columns)
        top = 1 - 0.35 / figure.get_figheight()
        box = (column / columns, top * (1 - (row + 1) / rows), 1 / columns, top / rows)
        draw_scene(scene, place, figure.add_axes(box), labelled=False)
    figure.text(
        0.5,
        1 - 0.18 / figure.get_figheight(),
        title.replace("\n", ", "),
        ha="center",
        va="center",
        fontsize=11,
        color=DARK,
    )
    return figure
