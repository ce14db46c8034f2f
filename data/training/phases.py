"""The parts of a training: what stands still in one, how fast it learns, when it is over."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from data.arguments import whole_number
from data.training.checkpoints import Row

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class BasePhase:
    """Some epochs of a training, with a learning rate of their own.

    Attributes:
        name: for the log.
        epochs: passes over what is learnt from.
        rate: the highest learning rate, see `learning_rate`.

    Raises:
        TypeError, ValueError: a name that is no string, fewer than one epoch, a rate that is not above 0.
    """

    name: str
    epochs: int
    rate: float

    def __post_init__(self) -> None:
        """Check."""
        if not isinstance(self.name, str):
            raise TypeError(f"name is {self.name!r}; words are wanted")
        whole_number("epochs", self.epochs)
        if isinstance(self.rate, bool) or not isinstance(self.rate, (int, float)) or not 0 < self.rate < float("inf"):
            raise ValueError(f"rate is {self.rate!r}; a number above 0 is wanted")


@contextlib.contextmanager
def frozen(layers: Sequence[keras.layers.Layer]) -> Iterator[None]:
    """Within the context these layers learn nothing; afterwards each is as it was, those within them too.

    What is compiled within the context keeps to it.
    """
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


def learning_rate(rate: float, steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """Up to ``rate`` in a line within the first twentieth of the steps, down to 0 along a cosine; no step with 0.

    >>> schedule = learning_rate(1.0, 40)
    >>> [round(float(schedule(step)), 3) for step in (0, 1, 2, 21, 39)]
    [0.5, 0.75, 1.0, 0.5, 0.002]
    """
    import keras

    warm_up = max(1, steps // 20)
    return keras.optimizers.schedules.CosineDecay(
        rate / warm_up, max(1, steps - warm_up), warmup_target=rate, warmup_steps=warm_up
    )


def stale(rows: Sequence[Row], patience: int | None, score: str) -> bool:
    """Whether the best of these epochs is ``patience`` epochs ago; no where the last was not measured.

    >>> rows = [{"ap": 0.5}, {}, {"ap": 0.4}]
    >>> [stale(rows[:count], 2, "ap") for count in (1, 2, 3)]
    [False, False, True]
    """
    if patience is None or not rows or score not in rows[-1]:
        return False
    scores = [row.get(score, -float("inf")) for row in rows]
    return len(scores) - 1 - scores.index(max(scores)) >= patience
