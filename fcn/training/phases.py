"""`Phase`: a part of a training with its own learning rate, in which the encoder learns or does not."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from data.arguments import whole_number
from data.training import BasePhase
from data.training import frozen as stands_still

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Phase(BasePhase):
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

    freeze_encoder: bool = False


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

    with stands_still(encoder_layers(network)):
        yield
