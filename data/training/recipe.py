"""What decides the result of a training, as JSON can hold it: a folder is not taken for that of another training."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

# Keras numbers the names of layers as they are made, so that the same network has others the second time.
_NAMES = ("name", "registered_name", "inbound_nodes", "input_layers", "output_layers", "build_config")


def network_in_words(network: keras.Model) -> str:
    """Number of weights, and a digest of the layers' configurations and the weights' shapes and types.

    >>> import keras
    >>> def one(rate):
    ...     return keras.Sequential([keras.Input((None, None, 3)), keras.layers.Dropout(rate)])
    >>> [network_in_words(one(0.1)) == network_in_words(one(rate)) for rate in (0.1, 0.2)]
    [True, False]
    """
    weights = [(list(weight.shape), str(weight.dtype), weight.trainable) for weight in network.weights]
    layers = [_configuration(layer) for layer in network.layers]
    text = json.dumps([weights, layers], sort_keys=True, default=words)
    return f"{network.count_params()} weights, {hashlib.sha256(text.encode()).hexdigest()[:16]}"


def update_with_array(digest: Any, array: np.ndarray) -> None:
    """Take an array into a digest of `hashlib`: its shape, type and contents."""
    digest.update(f"{array.shape} {array.dtype}".encode())
    digest.update(np.ascontiguousarray(array))


def words(anything: Any) -> str:
    """As Python shows it, without addresses in memory."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(anything))


def _configuration(layer: keras.layers.Layer) -> Any:
    import keras

    try:
        return _nameless(keras.saving.serialize_keras_object(layer))
    except (NotImplementedError, TypeError, ValueError):  # a layer that cannot be saved
        return type(layer).__name__


def _nameless(config: Any) -> Any:
    if isinstance(config, dict):
        return {key: _nameless(value) for key, value in config.items() if key not in _NAMES}
    return [_nameless(value) for value in config] if isinstance(config, (list, tuple)) else config
