"""`Phase`: a part of a training with its own learning rate, in which the encoder learns or does not."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from data.arguments import whole_number

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Phase:
    """Some epochs of a training.

    The learning rate rises to ``rate`` within the first twentieth of the steps and falls to 0 along a cosine.

    Attributes:
        name: for the log.
        epochs: passes over the training pairs.
        rate: the highest learning rate.
        freeze_encoder: the encoder's weights stay as they are, and its batch normalisations keep their statistics: at
            the start the decoder's gradients are noise, which would destroy what the encoder has learnt.

    Raises:
        TypeError, ValueError: a name that is no string, fewer than one epoch, a rate that is not above 0.
    """

    name: str
    epochs: int
    rate: float
    freeze_encoder: bool = False

    def __post_init__(self) -> None:
        """Check."""
        if not isinstance(self.name, str):
            raise TypeError(f"name is {self.name!r}; words are wanted")
        whole_number("epochs", self.epochs)
        if isinstance(self.rate, bool) or not isinstance(self.rate, (int, float)) or not 0 < self.rate < float("inf"):
            raise ValueError(f"rate is {self.rate!r}; a number above 0 is wanted")


def decoder_then_all(decoder: int, everything: int, rate: float = 1e-3) -> tuple[Phase, ...]:
    """The lecture's procedure for an encoder that was a classifier: learn to decode first, then learn all.

    Args:
        decoder: epochs in which the encoder is frozen; 0 for none, where the encoder knows nothing yet.
        everything: epochs in which all learns.
        rate: the highest learning rate of both.

    Raises:
        TypeError, ValueError: as of `Phase`.
    """
    whole_number("decoder", decoder, 0)
    frozen = (Phase("decoder", decoder, rate, freeze_encoder=True),) if decoder else ()
    return (*frozen, Phase("everything", everything, rate))


@contextlib.contextmanager
def encoder_frozen(network: keras.Model, frozen: bool = True) -> Iterator[None]:
    """Within the context the encoder of a network from `fcn.models` learns nothing; afterwards it is as it was.

    What is compiled within the context keeps to it.

    Raises:
        ValueError: the network has no layers whose names begin with "encoder".
    """
    if not frozen:
        yield
        return
    from fcn.models.blocks import encoder_layers

    layers = encoder_layers(network)
    before = [(layer, layer.trainable) for layer in _with_inner(layers)]
    for layer in layers:
        layer.trainable = False
    try:
        yield
    finally:
        for layer, trainable in before:  # outer ones first: they set the flags of those within, which come later
            layer.trainable = trainable


def _with_inner(layers: Iterable[keras.layers.Layer]) -> Iterator[keras.layers.Layer]:
    """Layers, and after each the layers that it is made of: of a nested model, of a wrapper, of a layer of layers."""
    import keras

    for layer in layers:
        yield layer
        held = [one for value in vars(layer).values() for one in (value if isinstance(value, list) else [value])]
        yield from _with_inner(one for one in held if isinstance(one, keras.Layer))
