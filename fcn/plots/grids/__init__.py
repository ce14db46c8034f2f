"""The grid pictures of a convolution and of its transpose: which cells a window reads, and which one it produces.

After the pictures of Dumoulin and Visin 2016, "A guide to convolution arithmetic for deep learning"; drawn anew, flat.
"""

from fcn.plots.grids.cells import INPUT, OUTPUT, PAD, PRODUCED, WINDOW, ZERO
from fcn.plots.grids.pictures import draw_convolution, draw_positions, draw_transposed_convolution

__all__ = [
    "INPUT",
    "OUTPUT",
    "PAD",
    "PRODUCED",
    "WINDOW",
    "ZERO",
    "draw_convolution",
    "draw_positions",
    "draw_transposed_convolution",
]
