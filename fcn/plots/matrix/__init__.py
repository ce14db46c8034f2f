"""The matrix of a convolution, drawn beside the sums that it computes; and its transpose."""

from fcn.plots.matrix.panel import DARK, MIDDLE, PALE
from fcn.plots.matrix.pictures import draw_matrix, draw_transposes
from fcn.plots.matrix.weights import weight_colours, weight_names, written_out

__all__ = [
    "DARK",
    "MIDDLE",
    "PALE",
    "draw_matrix",
    "draw_transposes",
    "weight_colours",
    "weight_names",
    "written_out",
]
