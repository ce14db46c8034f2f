"""`Phase`: a part of a training with its own learning rate, in which the body learns or does not."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from data.arguments import whole_number
from data.training import BasePhase
from data.training import frozen as stands_still
from yolo.training.splitting import split

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Phase(BasePhase):
    """Some epochs of a training.

    The learning rate rises to ``rate`` within the first twentieth of the steps and falls to 0 along a cosine.

    Attributes:
        name: for the log.
        epochs: passes over the training pictures.
        rate: the highest learning rate.
        freeze_body: the body's weights stay as they are, and its batch norms keep their statistics: at the start the
            gradients of new heads are noise, which would destroy what the body has learnt.

    Raises:
        TypeError, ValueError: a name that is no string, fewer than one epoch, a rate that is not above 0.
    """

    freeze_body: bool = False


def body_then_all(heads: int, everything: int, rate: float = 1e-3) -> tuple[Phase, ...]:
    """The lecture's procedure for a body that has learnt before: its heads first, then all.

    Args:
        heads: epochs in which the body is frozen; 0 for none, where the body knows nothing yet.
        everything: epochs in which all learns; 0 for none.
        rate: the highest learning rate of both.

    Raises:
        TypeError, ValueError: as of `Phase`; both 0.
    """
    if not whole_number("heads", heads, 0) + whole_number("everything", everything, 0):
        raise ValueError("heads and everything are 0; at least one epoch is wanted")
    first = (Phase("heads", heads, rate, freeze_body=True),) if heads else ()
    return (*first, *((Phase("everything", everything, rate),) if everything else ()))


@contextlib.contextmanager
def body_frozen(network: keras.Model, frozen: bool = True, head: Sequence[str] | None = None) -> Iterator[None]:
    """Within the context the body of a network learns nothing; afterwards it is as it was.

    Args:
        network: of a detector.
        frozen: False: nothing is done.
        head: the first layers that learn, as `split` takes them. None: all behind the layer "body" of a network of
            `yolo.models`, the last layers of any other.

    Raises:
        ValueError: no such layers.
    """
    if not frozen:
        yield
        return
    bodies = [layer for layer in network.layers if layer.name == "body"]
    with stands_still(bodies if bodies and head is None else split(network, head or last_layers(network)).body.layers):
        yield


def last_layers(network: keras.Model) -> tuple[str, ...]:
    """The layers that make the raw heads, as `split` takes them: ``("head_32/raw", "head_16/raw")`` of YOLOv3-tiny."""
    import keras

    layers = [network.get_layer(name) for name in network.output_names]
    return tuple(
        f"{layer.name}/{layer.output_names[0]}" if isinstance(layer, keras.Model) else layer.name for layer in layers
    )
