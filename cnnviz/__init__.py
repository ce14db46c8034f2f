"""cnnviz: what a convolutional network sees.

=======================  ==============================================================================================
`cnnviz.models`          `load`: a trained network, with what is needed to feed it and to read its answer
`cnnviz.activations`     what every layer makes of a photograph (lecture 1)
`cnnviz.ascent`          what a neuron would like to see; what to climb is said by `cnnviz.objectives` (lecture 2)
`cnnviz.dream`           a photograph in which a layer sees more of what it sees (lecture 3)
`cnnviz.saliency`        which pixels matter (lecture 4)
`cnnviz.cam`             where what speaks for a class is (lecture 5)
`cnnviz.sanity`          whether such an explanation is any good
`cnnviz.live`            all of it on the pictures of a camera; ``python -m cnnviz`` does it from the command line
`cnnviz.plots`           the figures
=======================  ==============================================================================================

Beneath them lie `cnnviz.taps` (read inside any model), `cnnviz.derivatives` (one compiled pass: forward, a score, its
gradients), `cnnviz.folding`, `cnnviz.targets` and `cnnviz.layers`.

Names are imported when they are first used, so that ``import cnnviz`` does not import TensorFlow.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cnnviz.activations import activation_maps as activation_maps
    from cnnviz.activations import cut_patches as cut_patches
    from cnnviz.activations import rectified_layers as rectified_layers
    from cnnviz.activations import statistics as statistics
    from cnnviz.activations import top_patches as top_patches
    from cnnviz.models import Classifier as Classifier
    from cnnviz.models import load as load

_HOME = {
    "activation_maps": "activations",
    "cut_patches": "activations",
    "rectified_layers": "activations",
    "statistics": "activations",
    "top_patches": "activations",
    "Classifier": "models",
    "load": "models",
}
_MODULES = (
    "activations",
    "answers",
    "ascent",
    "cam",
    "dream",
    "layers",
    "live",
    "models",
    "network",
    "objectives",
    "plots",
    "receptive_field",
    "saliency",
    "sanity",
    "taps",
    "targets",
    "train",
)

__all__ = [*_HOME, *_MODULES]


def __getattr__(name: str):
    if name in _HOME:
        value = getattr(import_module(f"cnnviz.{_HOME[name]}"), name)
    elif name in _MODULES:
        value = import_module(f"cnnviz.{name}")
    else:
        raise AttributeError(f"module 'cnnviz' has no attribute {name!r}; it has {', '.join(__all__)}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
