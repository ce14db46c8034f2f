"""A detector in two parts: the body, which is not to learn, and the head, which is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import keras


class Parts(NamedTuple):
    """A model cut in two; both have the layers and the weights of the whole, so that what one learns it has learnt."""

    body: keras.Model
    """From pictures to a list of features."""
    head: keras.Model
    """From the features to the outputs of the whole."""


def split(model: keras.Model, layers: Sequence[str]) -> Parts:
    """Cut a model before some of its layers.

    For YOLOv3-tiny of `yolo.models`, ``("head_32/raw", "head_16/raw")`` leaves the last 1 x 1 convolutions to learn,
    ``("head_32", "head_16")`` also the 3 x 3 before each.

    Args:
        model: a functional model with one input.
        layers: the first layers that are to learn, on each way to an output one: names, of a layer within a model that
            is used as a layer with a slash.

    Raises:
        ValueError: no such layer; an output to which a way leads round the layers.
    """
    import keras

    if isinstance(layers, str) or not layers or len(set(layers)) != len(layers):
        raise ValueError(f"layers is {layers!r}; different names are wanted, at least one")
    inner = {}
    for path in layers:
        outer, _, name = path.partition("/")
        layer = _layer(model, outer, path)
        inner[outer] = (path, _layer(layer, name, path) if name else None)
    features: dict[str, Any] = {}

    def call(layer: keras.layers.Layer, *args: Any, **kwargs: Any) -> Any:
        path, first = inner.get(layer.name, (None, None))
        if path is None:
            return layer(*args, **kwargs)
        if first is None:
            (features[path],) = args
            return layer(*args, **kwargs)
        features[path] = keras.Model(layer.input, first.input)(*args)
        return keras.Model(first.input, layer.outputs[0])(features[path])

    # A clone with the same layers, to see what each of them is called with.
    whole = keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=call)
    cuts = [features[path] for path in layers]
    try:
        head = keras.Model(cuts, whole.outputs, name="head")
    except ValueError as error:
        raise ValueError(f"layers {tuple(layers)}: an output of {model.name} depends on more than these") from error
    return Parts(keras.Model(whole.input, cuts, name="body"), head)


def _layer(model: Any, name: str, path: str) -> Any:
    names = [layer.name for layer in getattr(model, "layers", ())]
    if name not in names:
        raise ValueError(f"layer {path!r} does not exist: {name!r} is not among {', '.join(names) or 'its layers'}")
    return model.get_layer(name)
