"""A trained network with what is needed to use it: names and colours of its classes, and its card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data.shipped import card, weights_file, write_weights

if TYPE_CHECKING:
    import keras

SHIPPED = "camvid"
# Where the networks are; the card of weights names the function and its arguments.
MODULES = {
    "attention_unet": "attention_unet",
    "deeplab_v3": "deeplab",
    "deeplab_v3_plus": "deeplab",
    "fcn32s": "fcn_vgg16",
    "fcn16s": "fcn_vgg16",
    "fcn8s": "fcn_vgg16",
    "pspnet": "pspnet",
    "segnet": "segnet",
    "segnet_basic": "segnet_basic",
    "segnet_light": "segnet_light",
    "unet": "unet",
    "unet_plus_plus": "unet_plus_plus",
}


@dataclass(frozen=True)
class Segmenter:
    """A network that gives every pixel a class.

        street = fcn.load()
        classes = street(photograph)  # uint8 (height, width)

    Attributes:
        network: float RGB ``(batch, height, width, 3)`` in 0..255 to logits ``(batch, height, width, classes)``.
        class_names: the name of each logit.
        colours: uint8 ``(classes, 3)``, for showing labels.
        card: what the weights are, how they were trained, what was measured.
    """

    network: keras.Model
    class_names: tuple[str, ...] = field(repr=False)
    colours: np.ndarray = field(repr=False)
    card: dict[str, Any] = field(repr=False)

    def __call__(self, image: np.ndarray, *, size: int | Sequence[int] | None = None) -> np.ndarray:
        """The class of every pixel of a photograph: uint8 ``(height, width)``; see `fcn.prediction.predict`."""
        from fcn.prediction import predict

        return predict(self.network, image, size=size)


def build(network: str, classes: int, **arguments: Any) -> keras.Model:
    """A network of `fcn.models` by name.

    Args:
        network: "segnet", "unet", "deeplab_v3_plus", ...
        classes: number of logits for each pixel.
        arguments: of the network's function.

    Raises:
        ValueError: no network of that name.
        TypeError, ValueError: as of the function.
    """
    if network not in MODULES:
        raise ValueError(f"network is {network!r}; there is: {', '.join(sorted(MODULES))}")
    return getattr(import_module(f"fcn.models.{MODULES[network]}"), network)(classes, **arguments)


def load(name: str = SHIPPED) -> Segmenter:
    """A trained network that ships with the lectures, without a download.

    Args:
        name: of the weights, see `available`.

    Raises:
        ValueError: no weights of that name; weights that are not those that their card names.
    """
    if name not in available():
        raise ValueError(f"name is {name!r}; shipped weights: {', '.join(available())}")
    facts = card(name)
    network = build(facts["network"], len(facts["class_names"]), **facts["arguments"])
    with weights_file(name) as path:
        network.load_weights(path)
    return Segmenter(network, tuple(facts["class_names"]), np.array(facts["colours"], np.uint8), facts)


def available() -> tuple[str, ...]:
    """The names of all shipped weights of segmentation networks."""
    from importlib import resources

    names = [entry.name for entry in resources.files("data").joinpath("weights").iterdir()]
    cards = sorted(name.removesuffix(".json") for name in names if name.endswith(".json"))
    return tuple(name for name in cards if card(name).get("network") in MODULES)


def export(
    network: keras.Model,
    path: Path,
    *,
    name: str,
    arguments: dict[str, Any],
    class_names: Sequence[str],
    colours: np.ndarray,
    facts: dict[str, Any],
) -> None:
    """Write a trained network's weights as float16, and their card: what `load` reads.

    Args:
        network: trained.
        path: ends in ``.weights.h5``; the card is written beside it.
        name: of the function in `fcn.models` that built the network.
        arguments: with which it built it, without those that only say what to start with (``weights``).
        class_names: one for each logit.
        colours: uint8 ``(classes, 3)``.
        facts: what else the card says: what it is, command, data, seed, figures.

    Raises:
        ValueError: ``name`` and ``arguments`` build another network; weights that float16 cannot hold.
    """
    import keras

    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float16")
    try:
        small = build(name, len(class_names), **arguments)
    finally:
        keras.config.set_dtype_policy(policy)
    if [tuple(w.shape) for w in small.weights] != [tuple(w.shape) for w in network.weights]:
        raise ValueError(f"{name}({arguments}) is not the network that was given: the shapes of its weights differ")
    halves = [weight.astype(np.float16) for weight in network.get_weights()]
    if not all(np.isfinite(weight).all() for weight in halves):
        raise ValueError("there are weights beyond 65504, which float16 cannot hold")
    small.set_weights(halves)
    names = {"class_names": list(class_names), "colours": np.asarray(colours).tolist()}
    write_weights(small, path, {**facts, "network": name, "arguments": arguments, **names})
