"""Batch norm folded into the convolution before it: the same numbers, one pass over memory less per layer.

In use a batch norm multiplies each channel by a constant and adds another. So does a convolution whose filters are
multiplied by the first and whose bias is the second:
``scale * (w * x) + shift = (scale * w) * x + shift``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from yolo.darknet.batch_norm import scale_and_shift

LINEAR = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.Dense)


def fold(model: keras.Model, dtype: str | None = None) -> keras.Model:
    """A copy of a model without its batch norms: for use, not for training.

    Args:
        model: Functional, with others nested in it; from ``yolo.models`` or ``yolo.darknet.build``.
        dtype: what the copy computes with and keeps its weights in, "bfloat16" say; None: as the model.

    Returns:
        A new model whose layers have the same names. Its outputs are equal but for rounding. A batch norm that does
        not directly follow a convolution of its own stays.

    Raises:
        TypeError: a model whose graph is not known (a subclassed one) or that is not Functional.
    """
    config = model.get_config() if isinstance(model, keras.Model) and not isinstance(model, keras.Sequential) else {}
    if "input_layers" not in config:
        raise TypeError(f"{type(model).__name__} {getattr(model, 'name', model)!r} is not a Functional model")
    pairs = {name: norm for name, norm in _pairs(config) if _foldable(model.get_layer(name), model.get_layer(norm))}
    norms = set(pairs.values())

    def copy(layer: keras.layers.Layer) -> keras.layers.Layer:
        if isinstance(layer, keras.Model):
            return fold(layer, dtype)
        if layer.name in norms:
            return keras.layers.Identity(name=layer.name)  # not called, see below
        extra: dict[str, Any] = {"use_bias": True} if layer.name in pairs else {}
        extra |= {"dtype": dtype} if dtype else {}
        return type(layer).from_config({**layer.get_config(), **extra})

    def call(layer: keras.layers.Layer, *args: Any, **kwargs: Any) -> Any:
        return args[0] if layer.name in norms else layer(*args, **kwargs)

    folded = keras.models.clone_model(model, clone_function=copy, call_function=call)
    for layer in model.layers:
        if layer.name in pairs:
            _fold_into(folded.get_layer(layer.name), layer, model.get_layer(pairs[layer.name]))
        elif layer.weights and layer.name not in norms and not isinstance(layer, keras.Model):
            for variable, value in zip(folded.get_layer(layer.name).weights, layer.weights):
                variable.assign(keras.ops.cast(value, variable.dtype))
    return folded


def _fold_into(target: keras.layers.Layer, layer: keras.layers.Layer, norm: keras.layers.BatchNormalization) -> None:
    scale, shift = scale_and_shift(norm)  # float64: rounded once, at the end
    kernel = layer.kernel.numpy().astype(np.float64)
    if layer.use_bias:
        shift = shift + scale * layer.bias.numpy()
    # The output channel is the kernel's last axis, of a depthwise one the last two.
    per_filter = scale.reshape(kernel.shape[2:]) if isinstance(layer, keras.layers.DepthwiseConv2D) else scale
    target.kernel.assign(keras.ops.cast(kernel * per_filter, target.kernel.dtype))
    target.bias.assign(keras.ops.cast(shift, target.bias.dtype))


def _foldable(layer: keras.layers.Layer, norm: keras.layers.Layer) -> bool:
    if not isinstance(norm, keras.layers.BatchNormalization) or not isinstance(layer, LINEAR):
        return False
    axis = norm.axis[0] if isinstance(norm.axis, (list, tuple)) else norm.axis
    last = axis in (-1, len(layer.output.shape) - 1)
    return last and layer.activation is keras.activations.linear


def _pairs(config: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Names of layers that are called once, each with the one layer that reads it, likewise called once."""
    calls = {layer["name"]: [list(_histories(call)) for call in layer["inbound_nodes"]] for layer in config["layers"]}
    readers: dict[str, list[str]] = {name: [] for name in calls}
    for name, its_calls in calls.items():
        for source in (source for call in its_calls for source in call):
            readers[source].append(name)
    outputs = set(_first_words(config["output_layers"]))
    for name, read_by in readers.items():
        once = len(calls[name]) == 1 and len(read_by) == 1 and len(calls[read_by[0]]) == 1
        if once and name not in outputs:
            yield name, read_by[0]


def _histories(structure: Any) -> Iterator[str]:
    """Names of the layers whose outputs stand in the arguments of a call, as Keras serialises them."""
    if isinstance(structure, dict):
        if structure.get("class_name") == "__keras_tensor__":
            yield structure["config"]["keras_history"][0]
        else:
            for value in structure.values():
                yield from _histories(value)
    elif isinstance(structure, (list, tuple)):
        for value in structure:
            yield from _histories(value)


def _first_words(structure: Any) -> Iterator[str]:
    """Names of the layers in nested lists of ``[name, call, tensor]``."""
    if isinstance(structure, dict):
        structure = list(structure.values())
    if structure and isinstance(structure[0], str):
        yield structure[0]
    else:
        for value in structure:
            yield from _first_words(value)
