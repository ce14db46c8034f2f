"""How a training begins: heads for other classes on what has been learnt, and no object expected anywhere."""

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
    Keras's seed, and `expect_little`.

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
    expect_little(network, [len(one) for one in anchors])
    return Detector(network, names, anchors, detector.size if size is None else size, **options)


def expect_little(network: keras.Model, anchors: Sequence[int], objectness: float = 0.01) -> None:
    """Give new heads biases by which every prediction begins with a small objectness. In place.

    Nearly all predictions have no object. Heads that begin with an objectness of a half spend their first epoch on
    unlearning that, with a loss that is a hundred times as large as what the objects teach.

    Args:
        network: whose last layers have biases: not trained yet.
        anchors: how many each head has.
        objectness: that they begin with, more than 0 and less than 1.

    Raises:
        ValueError: another objectness.

    Source: Lin et al. 2017, "Focal loss for dense object detection", section 3.3.
    """
    if not 0 < objectness < 1:
        raise ValueError(f"objectness is {objectness}; a number between 0 and 1 is wanted")
    for path, count in zip(last_layers(network), anchors):
        layer = network
        for name in path.split("/"):
            layer = layer.get_layer(name)
        bias = layer.bias.numpy().reshape(count, -1)
        bias[:, 4] = np.log(objectness / (1 - objectness))
        layer.bias.assign(bias.ravel())


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
