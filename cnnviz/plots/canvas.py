"""What all figures of cnnviz share: colours, and axes of a given size."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = "magma"  # perceptually uniform, legible for the colour-blind, and zero is black
MIDDLE, DARK, ACCENT = "#8a8a8a", "#333333", "#c2410c"


def new_axes(width: float, height: float) -> Axes:
    """Axes that fill a new figure of this size in inches."""
    import matplotlib.pyplot as plt

    return plt.figure(figsize=(width, height), layout="constrained").subplots()
