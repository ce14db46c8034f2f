"""cnnviz: what a convolutional network sees.

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
