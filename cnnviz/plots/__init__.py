"""The figures of cnnviz. Every function returns a matplotlib ``Figure`` or ``Axes`` and shows nothing itself."""

from cnnviz.plots.activations import channel_grid, channel_order, distillation, layer_statistics, patch_grid
from cnnviz.plots.attributions import attribution_grid, attribution_map
from cnnviz.plots.contact_sheet import contact_sheet
from cnnviz.plots.curves import probability_curves, randomisation_curves, randomisation_grid
from cnnviz.plots.overlays import blend, overlay
from cnnviz.plots.pictures import climb_curve, film_strip, picture_grid

__all__ = [
    "attribution_grid",
    "attribution_map",
    "blend",
    "channel_grid",
    "channel_order",
    "climb_curve",
    "contact_sheet",
    "distillation",
    "film_strip",
    "layer_statistics",
    "overlay",
    "patch_grid",
    "picture_grid",
    "probability_curves",
    "randomisation_curves",
    "randomisation_grid",
]
