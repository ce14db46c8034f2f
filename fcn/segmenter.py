"""A trained network with what is needed to use it: names and colours of its classes, and its card."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data.arguments import one_of
from data.shipped import card, card_names, names_of, weights_file, write_half

if TYPE_CHECKING:
    import keras

SHIPPED = "camvid"
ENTRIES = ("network", "arguments", "class_names", "colours", "sha256")  # that a card must have
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


@dataclass(frozen=True, eq=False)
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
        """The class of every pixel of a photograph: uint8 ``(height, width)``; see `fcn.prediction.predict_each`.

        The first photograph takes seconds, in which the network is compiled; all others less.
        """
        return self._predict(image, size=size)

    @cached_property
    def _predict(self) -> Callable[..., np.ndarray]:
        from fcn.prediction import predictor

        return predictor(self.network)


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
    one_of("network", network, sorted(MODULES))
    return getattr(import_module(f"fcn.models.{MODULES[network]}"), network)(classes, **arguments)


def load(name: str = SHIPPED) -> Segmenter:
    """A trained network that ships with the lectures, without a download.

    Args:
        name: of the weights, see `available`.

    Raises:
        ValueError: no weights of that name; weights that are not those that their card names; a damaged card.
    """
    there = f"shipped weights of segmentation networks: {', '.join(available())}"
    if name not in card_names():
        raise ValueError(f"name is {name!r}; {there}")
    facts = card(name)
    if "colours" not in facts and facts.get("network") not in [*MODULES]:
        raise ValueError(f"name is {name!r}, weights of another package; {there}")
    facts = card(name, *ENTRIES)
    with weights_file(name) as path:
        return from_card(facts, path, f"the card of {name!r}")


def from_card(facts: dict[str, Any], path: Path, what: str) -> Segmenter:
    """The network that a card describes.

    Args:
        facts: the card, with all `ENTRIES`.
        path: the weights.
        what: the card, in the words of a message.

    Raises:
        ValueError: the card does not fit the weights.
    """
    try:
        network = build(facts["network"], len(facts["class_names"]), **facts["arguments"])
        network.load_weights(path)
        colours = colour_table(facts["colours"], len(facts["class_names"]))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{what} does not fit its weights: {error}") from error
    return Segmenter(network, tuple(facts["class_names"]), colours, facts)


def available() -> tuple[str, ...]:
    """The names of all shipped weights of segmentation networks."""
    return names_of(MODULES)


def export(
    network: keras.Model,
    path: Path | str,
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
        TypeError: arguments or facts that JSON cannot hold, a model as encoder for instance.
        ValueError: ``name`` and ``arguments`` build another network, or would download weights; names or colours that
            do not fit; weights that float16 cannot hold.
    """
    if arguments.get("weights") is not None:
        raise ValueError(f"arguments has weights={arguments['weights']!r}, which `load` would download; leave it out")
    table = colour_table(colours, len(class_names))
    names = {"class_names": list(class_names), "colours": table.tolist()}
    facts = {**facts, "network": name, "arguments": arguments, **names}
    write_half(network, lambda: build(name, len(class_names), **arguments), path, facts, what=f"{name}({arguments})")


def colour_table(colours: Any, classes: int) -> np.ndarray:
    """Colours as uint8 ``(classes, 3)``.

    Raises:
        ValueError: they are not that.
    """
    table = np.asarray(colours)
    if table.shape != (classes, 3) or table.dtype.kind not in "iu" or table.min() < 0 or table.max() > 255:
        raise ValueError(f"colours is {table.dtype} {table.shape}; ({classes}, 3) whole numbers 0..255 are wanted")
    return table.astype(np.uint8)
