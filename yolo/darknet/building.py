"""From a ``Network`` to a Keras model.

    network = read_cfg("yolov3-tiny.cfg")
    model = build(network, read_weights("yolov3-tiny.weights", network.records))
    coarse, fine = model(pictures)     # float32 RGB 0..1, (batch, rows, columns, 3)

Every layer has Darknet's index in its name: ``conv_12``, its batch norm ``conv_12_bn``, its activation
``conv_12_leaky``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import keras

from yolo.darknet.batch_norm import EPSILON, batch_norm
from yolo.darknet.keras_weights import assign, collect, units
from yolo.darknet.layers import ChannelGroup, PadWithLowest, Reorg, Shortcut, Softmax
from yolo.darknet.network import Network
from yolo.darknet.weights import write_weights

if TYPE_CHECKING:
    from yolo.darknet.spec import Layer
    from yolo.darknet.weights import Header, Weights

LEAK = 0.1
"""Slope of Darknet's leaky below zero."""


def build(network: Network, weights: Weights | None = None, *, epsilon: float | str = EPSILON) -> keras.Model:
    """The Keras model of a network.

    Args:
        network: what ``read_cfg`` returns.
        weights: what ``read_weights`` returns; None for random ones. Of a file that is cut off the layers that it
            holds are set, the others stay random.
        epsilon: of batch norm. A number is added to the variance: 1e-5 is Darknet on a GPU, 1e-6 OpenCV's importer.
            "cpu" adds 1e-6 to the standard deviation as Darknet does on a CPU.

    Returns:
        A model from (batch, rows, columns, channels), float32 in 0..1, to a list of raw heads (batch, rows, columns,
        anchors * (5 + classes)) in the cfg's order; a head that is the only one comes without a list, as Keras has it.
        Of a [detection] section it is (batch, numbers); a cfg without heads gives what its last layer gives.

    Raises:
        ValueError: weights of other shapes; an epsilon that is not accepted.
    """
    picture = keras.Input((*network.size, network.channels), name="picture")
    tensors: dict[int, keras.KerasTensor] = {-1: picture}
    heads = []
    for layer in network.layers:
        sources = [tensors[index] for index in layer.inputs]
        tensors[layer.index] = _MAKERS[layer.kind](sources, layer, epsilon)
        if layer.head:
            heads.append(tensors[layer.index])
    model = keras.Model(picture, heads or tensors[len(network.layers) - 1], name="darknet")
    if weights is not None:
        assign(layer_units(model, network), weights)
    return model


def save(path: str | os.PathLike[str], model: keras.Model, network: Network, header: Header | None = None) -> None:
    """Write a model's weights to a Darknet file; read again they are the same to the bit.

    Args:
        path: the file.
        model: from ``build``, trained or not.
        network: what it was built from.
        header: version and pictures seen; for a copy of a file, its own.
    """
    write_weights(path, collect(layer_units(model, network), header), network.records)


def layer_units(model: keras.Model, network: Network) -> list:
    """The layers with weights, in the order of the weights file: for ``assign`` and ``collect``."""
    wanted = [(record.name, f"{record.name}_bn") for record in network.records]
    layers = {layer.name: layer for layer in model.layers}
    return units([layers[name] for pair in wanted for name in pair if name in layers])


def _activated(tensor, name: str, activation: str):
    if activation == "linear":
        return tensor
    if activation == "leaky":
        return keras.layers.LeakyReLU(negative_slope=LEAK, name=f"{name}_leaky")(tensor)
    function = {"logistic": "sigmoid", "swish": "silu"}.get(activation, activation)
    return keras.layers.Activation(function, name=f"{name}_{activation}")(tensor)


def _convolutional(sources, layer: Layer, epsilon):
    (tensor,), options = sources, layer.options
    filters, size, groups, channels = options["filters"], options["size"], options["groups"], sources[0].shape[-1]
    padding = "valid"
    if options["stride"] == 1 and 2 * options["padding"] == (size - 1) * options["dilation"]:
        padding = "same"
    elif options["padding"]:
        # Darknet pads all four sides alike; "same" with a stride pads an even side below and to the right only.
        tensor = keras.layers.ZeroPadding2D(options["padding"], name=f"{layer.name}_pad")(tensor)
    common = {
        "strides": options["stride"],
        "padding": padding,
        "dilation_rate": options["dilation"],
        "use_bias": not options["norm"],
        "name": layer.name,
    }
    if groups == channels > 1:
        convolution = keras.layers.DepthwiseConv2D(size, depth_multiplier=filters // groups, **common)
    else:
        convolution = keras.layers.Conv2D(filters, size, groups=groups, **common)
    tensor = convolution(tensor)
    if options["norm"]:
        tensor = batch_norm(epsilon, f"{layer.name}_bn")(tensor)
    return _activated(tensor, layer.name, options["activation"])


def _connected(sources, layer: Layer, epsilon):
    (tensor,), (_, _, outputs) = sources, layer.shape
    if tensor.shape[1:3] != (1, 1):  # Darknet's numbers lie channel by channel
        tensor = keras.layers.Permute((3, 1, 2), name=f"{layer.name}_order")(tensor)
    tensor = keras.layers.Flatten(name=f"{layer.name}_flat")(tensor)
    tensor = keras.layers.Dense(outputs, use_bias=not layer.options["norm"], name=layer.name)(tensor)
    if layer.options["norm"]:
        tensor = batch_norm(epsilon, f"{layer.name}_bn")(tensor)
    tensor = _activated(tensor, layer.name, layer.options["activation"])
    return keras.layers.Reshape((1, 1, outputs), name=f"{layer.name}_shape")(tensor)


def _maxpool(sources, layer: Layer, epsilon):
    (tensor,), size, stride = sources, layer.options["size"], layer.options["stride"]
    before, borders, same = layer.options["before"], [], []
    for side, out in zip(tensor.shape[1:3], layer.shape):
        after = max((out - 1) * stride + size - side - before, 0)
        borders.append((before, after))
        total = max((-(-side // stride) - 1) * stride + size - side, 0)  # what "same" adds
        same.append((total // 2, total - total // 2))
    padding = "same" if borders == same else "valid"
    if padding == "valid" and borders != [(0, 0)] * 2:
        tensor = PadWithLowest(tuple(borders), name=f"{layer.name}_pad")(tensor)
    return keras.layers.MaxPooling2D(size, stride, padding, name=layer.name)(tensor)


def _avgpool(sources, layer: Layer, epsilon):
    return keras.layers.GlobalAveragePooling2D(keepdims=True, name=layer.name)(sources[0])


def _upsample(sources, layer: Layer, epsilon):
    tensor = keras.layers.UpSampling2D(layer.options["stride"], name=layer.name)(sources[0])
    if layer.options["scale"] != 1:
        tensor = keras.layers.Rescaling(layer.options["scale"], name=f"{layer.name}_scale")(tensor)
    return tensor


def _route(sources, layer: Layer, epsilon):
    if layer.options["groups"] > 1:
        sources = [
            ChannelGroup(layer.options["groups"], layer.options["group"], name=f"{layer.name}_group_{place}")(source)
            for place, source in enumerate(sources)
        ]
    if len(sources) == 1:
        return keras.layers.Identity(name=layer.name)(sources[0])
    return keras.layers.Concatenate(name=layer.name)(sources)


def _shortcut(sources, layer: Layer, epsilon):
    add = keras.layers.Add if layer.options["same"] else Shortcut
    return _activated(add(name=layer.name)(sources), layer.name, layer.options["activation"])


def _scale(sources, layer: Layer, epsilon):
    return _activated(keras.layers.Multiply(name=layer.name)(sources), layer.name, layer.options["activation"])


def _dropout(sources, layer: Layer, epsilon):
    return keras.layers.Dropout(layer.options["probability"], name=layer.name)(sources[0])


def _softmax(sources, layer: Layer, epsilon):
    return Softmax(**layer.options, name=layer.name)(sources[0])


def _reorg(sources, layer: Layer, epsilon):
    return Reorg(**layer.options, name=layer.name)(sources[0])


def _raw(sources, layer: Layer, epsilon):
    return keras.layers.Identity(name=layer.name)(sources[0])


def _vector(sources, layer: Layer, epsilon):
    (tensor,) = sources
    if tensor.shape[1:3] != (1, 1):
        tensor = keras.layers.Permute((3, 1, 2), name=f"{layer.name}_order")(tensor)
    return keras.layers.Flatten(name=layer.name)(tensor)


_MAKERS = {
    "convolutional": _convolutional,
    "connected": _connected,
    "maxpool": _maxpool,
    "avgpool": _avgpool,
    "upsample": _upsample,
    "route": _route,
    "shortcut": _shortcut,
    "sam": _scale,
    "scale_channels": _scale,
    "dropout": _dropout,
    "softmax": _softmax,
    "reorg": _reorg,
    "yolo": _raw,
    "region": _raw,
    "detection": _vector,
}
