"""Several losses as one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras

from fcn.losses.pixelwise import PixelLoss


@keras.saving.register_keras_serializable(package="fcn")
class Combined(PixelLoss):
    """A weighted sum of losses: cross-entropy, which learns fast, with an overlap, which is nearer to the score.

    Args:
        losses: of this package, all with the same ``void``.
        weights: one for each, above 0; None: 1 for all.
        name: of the loss.

    Raises:
        TypeError: no list; something in it that is no loss of this package.
        ValueError: no losses, losses that differ in void, weights that do not fit.
    """

    def __init__(
        self, losses: Sequence[PixelLoss], weights: Sequence[float] | None = None, name: str | None = "combined"
    ) -> None:
        """See the class."""
        if not isinstance(losses, (list, tuple)):
            raise TypeError(f"losses is {losses!r}; a list of losses of fcn.losses is wanted")
        losses = [keras.losses.deserialize(loss) if isinstance(loss, dict) else loss for loss in losses]
        strangers = [loss for loss in losses if not isinstance(loss, PixelLoss)]
        if strangers:
            raise TypeError(f"losses holds {strangers[0]!r}; losses of fcn.losses are wanted")
        if len({loss.void for loss in losses}) != 1:
            raise ValueError(f"losses have void {[loss.void for loss in losses]}; at least one loss, the same void")
        super().__init__(void=losses[0].void, name=name)
        self.losses = losses
        self.weights = [1.0] * len(losses) if weights is None else [float(weight) for weight in weights]
        if len(self.weights) != len(losses) or not all(0 < weight < math.inf for weight in self.weights):
            raise ValueError(f"weights is {weights}; {len(losses)} numbers above 0 are wanted, one for each loss")

    def of_pixels(self, labels: Any, logits: Any, valid: Any) -> Any:
        return sum(weight * loss.of_pixels(labels, logits, valid) for weight, loss in zip(self.weights, self.losses))

    def get_config(self) -> dict[str, Any]:
        """What the constructor takes."""
        losses = [keras.losses.serialize(loss) for loss in self.losses]
        return {"losses": losses, "weights": self.weights, "name": self.name}
