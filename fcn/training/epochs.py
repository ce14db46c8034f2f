"""`data.training.Watch` as a callback for Keras's `fit`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from data.training import Row, Watch

if TYPE_CHECKING:
    import keras

SCORE = "val_mean_iou"  # what is best is so by this one
SHOWN = {"mean_iou": "mean IoU"}


def each_epoch(watch: Watch, note: Callable[[Row], bool]) -> keras.callbacks.Callback:
    """A callback for `keras.Model.fit`.

    Args:
        watch: of the phase.
        note: called with the row of an epoch that is over: ``epoch`` (from 1 on), loss and scores, ``seconds``. Where
            it returns True, the training ends.

    Raises:
        ValueError: when it is called: the loss is no number any more; nothing to be measured on.
    """
    import keras

    class EachEpoch(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
            watch.begin(epoch)

        def on_train_batch_end(self, step: int, logs: dict[str, Any] | None = None) -> None:
            watch.step(step, logs)

        def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
            if math.isnan(logs.get(SCORE, 0)):
                raise ValueError("validation has no pixel of a class, all are void; there is nothing to measure")
            self.model.stop_training = note(watch.end(logs))

    return EachEpoch()
