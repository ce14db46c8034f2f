"""The network that a training begins with: by name, with an encoder that knows ImageNet, or one of one's own."""

from __future__ import annotations

import argparse
import inspect
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.command_line.quiet import start_tensorflow
from fcn.command_line.networks import open_model
from fcn.segmenter import MODULES, build

if TYPE_CHECKING:
    import keras

DEFAULT = {"network": "deeplab_v3_plus", "encoder": "mobilenet_v2", "encoder_weights": "imagenet", "width": 0.25}

COPYING = ("fcn32s", "fcn16s", "fcn8s", "segnet", "segnet_light")  # take weights from a classifier, not its layers


def keeps_encoder_file(options: argparse.Namespace) -> bool:
    """Whether the layers of ``--encoder-file`` are part of the network, which then is saved as a whole."""
    return bool(options.encoder_file) and (options.network or DEFAULT["network"]) not in COPYING


def complete(options: argparse.Namespace) -> None:
    """Fill in what was not said about the network; a network that was named is the paper's by itself.

    Raises:
        ValueError: what does not go together; no such network; one that takes no encoder.
    """
    if options.network is None:
        options.network = DEFAULT["network"]
        if options.encoder is None and options.encoder_file is None:
            options.encoder = DEFAULT["encoder"]
        options.width = DEFAULT["width"] if options.width is None else options.width
    options.width = 1.0 if options.width is None else options.width
    if options.encoder in ("none", ""):
        options.encoder = None
    if options.network not in MODULES:
        raise ValueError(f"--network: no network {options.network!r}; there is {', '.join(sorted(MODULES))}")
    start_tensorflow()
    takes = inspect.signature(getattr(import_module(f"fcn.models.{MODULES[options.network]}"), options.network))
    given = options.encoder or options.encoder_file
    if given and "encoder" not in takes.parameters:
        raise ValueError(f"--encoder: {options.network} has its own encoder; leave {given!r} out")
    if options.encoder and "weights" not in takes.parameters:
        raise ValueError(f"--encoder: {options.network} begins with a file's weights only: --encoder-file")
    if options.encoder and options.encoder_file:
        raise ValueError("--encoder and --encoder-file: give one of them")
    if options.encoder_weights is None:
        options.encoder_weights = "imagenet" if options.encoder else "none"
    if options.encoder_weights == "imagenet" and not options.encoder:
        raise ValueError("--encoder-weights imagenet: they need --encoder, mobilenet_v2 for instance")
    if options.decoder_epochs is None:
        options.decoder_epochs = 4 if options.encoder_weights == "imagenet" or options.encoder_file else 0


def arguments_of(options: argparse.Namespace) -> dict[str, Any]:
    """The arguments of the network's function, as a card can hold them."""
    encoder = {"encoder": options.encoder} if options.encoder else {}
    return {**encoder, "width": options.width}


def start(options: argparse.Namespace, classes: int) -> keras.Model:
    """Build the network from ``--seed`` and give its encoder what it is to know.

    Raises:
        OSError, ValueError: the weights cannot be had; the network refuses its arguments.
    """
    import keras

    keras.utils.set_random_seed(options.seed)
    if options.encoder_file:
        encoder = open_model(Path(options.encoder_file))
        return build(options.network, classes, encoder=encoder, width=options.width)
    network = build(options.network, classes, **arguments_of(options))
    if options.encoder_weights != "imagenet":
        return network
    layers = {layer.name: layer for layer in network.layers}
    try:
        if isinstance(layers.get("encoder"), keras.Model):
            take_over(layers["encoder"], _classifier(options.encoder))
        else:  # made of VGG16, whose weights it knows to take
            keras.utils.set_random_seed(options.seed)
            network = build(options.network, classes, weights="imagenet", **arguments_of(options))
    except ValueError:
        raise
    except Exception as error:  # Keras raises a bare Exception where a download fails
        raise OSError(
            f"the ImageNet weights of {options.encoder} cannot be had ({' '.join(str(error).split()):.200}); "
            "--encoder-weights none begins without them, with more --epochs"
        ) from error
    return network


def take_over(encoder: keras.Model, classifier: keras.Model) -> None:
    """Give an encoder the weights of the classifier that it is the first part of, layer by layer, by name.

    Raises:
        ValueError: the classifier has no layer of that name, or of that shape.
    """
    there = {layer.name: layer for layer in classifier.layers}
    for layer in encoder.layers:
        if not layer.weights:
            continue
        if layer.name not in there:
            raise ValueError(
                f"--encoder: {classifier.name} numbers its layers anew whenever it is built ({layer.name}); save it "
                "as a file, without its top, and give it with --encoder-file"
            )
        layer.set_weights(there[layer.name].get_weights())


def _classifier(name: str) -> keras.Model:
    """The whole classifier, as its file holds it; the one without its top would be another download."""
    import keras

    key = name.lower().replace("_", "").replace("-", "")
    found = next(one for one in dir(keras.applications) if one.lower() == key and one[0].isupper())
    return getattr(keras.applications, found)(weights="imagenet")
