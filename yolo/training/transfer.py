"""A detector for other classes that begins with what one has learnt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from yolo.detector import Detector
from yolo.training.phases import last_layers

if TYPE_CHECKING:
    import keras


def new_heads(
    detector: Detector,
    names: Sequence[str],
    anchors: Sequence[Any] | None = None,
    *,
    size: int | Sequence[int] | None = None,
) -> Detector:
    """A copy of a detector with new last layers, for other classes; all before them has the weights of the first.

        detector = new_heads(yolo.load("yolov3-tiny"), data.names)
        train(detector, data, body_then_all(5, 20))

    It is built within the scope of the strategy and under the dtype policy of the moment. The new layers are random, by
    Keras's seed.

    Args:
        detector: trained.
        names: of the new classes.
        anchors: for each head (anchors, 2), pixels; None: the detector's own.
        size: of the network's input; None: the detector's own.

    Raises:
        TypeError, ValueError: as of `Detector`.
    """
    anchors = [np.asarray(one, np.float32) for one in (detector.anchors if anchors is None else anchors)]
    paths = last_layers(detector.network)
    if len(anchors) != len(paths):
        raise ValueError(f"there are anchors for {len(anchors)} heads; the network has {len(paths)}")
    filters = {path: len(one) * (5 + len(names)) for path, one in zip(paths, anchors)}
    options = {"dtype": detector.dtype, "logistic": detector.logistic, "stretch": detector.stretch}
    network = _copy(detector.network, filters)
    return Detector(network, names, anchors, detector.size if size is None else size, **options)


def _copy(model: keras.Model, filters: Mapping[str, int]) -> keras.Model:
    """The model with its weights, but for layers that get another number of filters: they are new."""
    import keras

    def copy(layer: keras.layers.Layer) -> keras.layers.Layer:
        if isinstance(layer, keras.Model):
            start = f"{layer.name}/"
            return _copy(layer, {path[len(start) :]: n for path, n in filters.items() if path.startswith(start)})
        config = {key: value for key, value in layer.get_config().items() if key != "dtype"}
        return type(layer).from_config(config | ({"filters": filters[layer.name]} if layer.name in filters else {}))

    copied = keras.models.clone_model(model, clone_function=copy)
    for layer in model.layers:
        if layer.weights and layer.name not in filters and not isinstance(layer, keras.Model):
            copied.get_layer(layer.name).set_weights(layer.get_weights())
    return copied
