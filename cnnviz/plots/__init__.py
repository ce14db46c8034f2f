"""The figures of cnnviz. Every function returns a matplotlib ``Figure`` or ``Axes`` and shows nothing itself."""

from cnnviz.plots.activations import channel_grid, channel_order, distillation, layer_statistics, patch_grid
from cnnviz.plots.overlays import overlay

__all__ = ["channel_grid", "channel_order", "distillation", "layer_statistics", "overlay", "patch_grid"]
