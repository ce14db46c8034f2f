"""Name the layers of any model: nested, subclassed or flat; by name, by path or as objects, never by number."""

from __future__ import annotations

import difflib
import functools
import re
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras


def sublayers(layer: keras.Layer) -> list[keras.Layer]:
    """The layers directly inside a layer: a model's ``layers``, or what a composite layer holds as attributes."""
    import keras

    if isinstance(layer, keras.Model):
        return list(layer.layers)
    if type(layer) in _plain_layers():
        return []
    found: dict[int, keras.Layer] = {}
    for value in vars(layer).values():
        if isinstance(value, (keras.Layer, dict, list, tuple)):
            items = value.values() if isinstance(value, dict) else [value] if isinstance(value, keras.Layer) else value
            found.update((id(item), item) for item in items if isinstance(item, keras.Layer))
    return list(found.values())


@functools.cache
def _plain_layers() -> frozenset[type[keras.Layer]]:
    """Keras's own layers that hold no others: most of any model. Every explanation walks through all of them."""
    import keras

    names = (
        "Activation Add AveragePooling2D BatchNormalization Concatenate Conv2D Conv2DTranspose Dense DepthwiseConv2D "
        "Dropout Flatten GlobalAveragePooling2D GlobalMaxPooling2D InputLayer LayerNormalization MaxPooling2D Multiply "
        "ReLU Rescaling Reshape SeparableConv2D Softmax UpSampling2D ZeroPadding2D"
    )
    return frozenset(getattr(keras.layers, name) for name in names.split())


def layer_paths(model: keras.Model) -> dict[str, keras.Layer]:
    """All layers of a model, nested ones included, by slashed path: ``{"backbone": ..., "backbone/conv1": ...}``.

    In the order in which the model holds them, the layers of a nested model right behind it. A layer that is held in
    two places is listed once. Layers of one name side by side (subclassed models allow it) are numbered: ``conv#1``,
    ``conv#2``.

    Raises:
        TypeError: not a Keras model.
    """
    import keras

    if not isinstance(model, keras.Model):
        hint = "; write .model behind it" if isinstance(getattr(model, "model", None), keras.Model) else ""
        raise TypeError(f"model must be a keras.Model, not {type(model).__name__}{hint}")

    paths: dict[str, keras.Layer] = {}
    known: set[int] = {id(model)}
    plain = _plain_layers()

    def walk(prefix: str, parent: keras.Layer) -> None:
        children = [
            child
            for child in sublayers(parent)
            if id(child) not in known and not isinstance(child, keras.layers.InputLayer)
        ]
        known.update(map(id, children))
        count, so_far = Counter(child.name for child in children), Counter()
        for child in children:
            so_far[child.name] += 1
            number = f"#{so_far[child.name]}" if count[child.name] > 1 else ""
            path = f"{prefix}{child.name}{number}"
            paths[path] = child
            if type(child) not in plain:
                walk(f"{path}/", child)

    walk("", model)
    return paths


def convolutional_layers(model: keras.Model) -> list[str]:
    """Paths of the layers that convolve in two dimensions, in the order in which the model holds them.

    Raises:
        ValueError: the model has none.
    """
    import keras

    kinds = (
        keras.layers.Conv2D,
        keras.layers.DepthwiseConv2D,
        keras.layers.SeparableConv2D,
        keras.layers.Conv2DTranspose,
    )
    found = [path for path, layer in layer_paths(model).items() if isinstance(layer, kinds)]
    if not found:
        raise ValueError(f"model {model.name!r} has no convolutional layers, so it has no activation maps")
    return found


def find_layer(model: keras.Model, layer: str | keras.Layer) -> tuple[str, keras.Layer]:
    """The path of a layer, and the layer.

    Args:
        model: any Keras 3 model.
        layer: its name where that is unique, its path with slashes or dots (``"backbone/conv1"``,
            ``"backbone.conv1"``), the path of attributes that leads to it (``"encoder.stem"``), or the layer itself.

    Raises:
        ValueError: the model has no such layer (the message lists those it has), or several of that name.
        TypeError: neither a name nor a layer; layers are never counted.
    """
    import keras

    paths = layer_paths(model)
    if isinstance(layer, keras.Layer):
        for path, candidate in paths.items():
            if candidate is layer:
                return path, layer
        raise ValueError(f"layer {layer.name!r} is not part of {model.name!r}; {_offer(model, paths)}")
    if not isinstance(layer, str):
        raise TypeError(f"a layer is given by name or as the layer object, not as {layer!r}")
    wanted = layer.replace(".", "/")
    matches = [path for path in paths if path == layer or path.replace(".", "/") == wanted]
    matches = matches or [
        path for path in paths if re.sub(r"#\d+", "", f"/{path}".replace(".", "/")).endswith("/" + wanted)
    ]
    if len(matches) == 1:
        return matches[0], paths[matches[0]]
    if matches:
        raise ValueError(f"layer {layer!r} is found {len(matches)} times in {model.name!r}: {', '.join(matches)}")
    attribute: Any = model
    for step in wanted.split("/"):
        attribute = getattr(attribute, step, None)
    for path, candidate in paths.items():
        if candidate is attribute:
            return path, candidate
    offer = _offer(model, paths)
    near = [path for path in difflib.get_close_matches(layer, paths, n=4, cutoff=0.6) if path not in offer]
    raise ValueError(f"layer {layer!r} not in {model.name!r}; {offer}" + (f"; near: {', '.join(near)}" if near else ""))


def _offer(model: keras.Model, paths: Mapping[str, keras.Layer], most: int = 40) -> str:
    """The part of an error that lists what exists: the convolutional layers where there are some."""
    try:
        names, kind = convolutional_layers(model), "convolutional layers"
    except ValueError:
        names, kind = list(paths), "layers"
    if not names:
        return "it has no layers yet (is it built? call it on a batch first)"
    more = f", ... ({len(names) - most} more)" if len(names) > most else ""
    return f"{kind}: {', '.join(names[:most])}{more}"
