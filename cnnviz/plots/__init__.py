"""The figures of cnnviz. Every function returns a matplotlib ``Figure`` or ``Axes`` and shows nothing itself."""

from cnnviz.plots.activations import channel_grid, channel_order, distillation, layer_statistics, patch_grid
from cnnviz.plots.attributions import attribution_grid, attribution_map
from cnnviz.plots.contact_sheet import contact_sheet
from cnnviz.plots.overlays import blend, overlay

__all__ = [
    "attribution_grid",
    "attribution_map",
    "blend",
    "channel_grid",
    "channel_order",
    "contact_sheet",
    "distillation",
    "layer_statistics",
    "overlay",
    "patch_grid",
]
