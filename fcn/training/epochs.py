"""What goes on beside an epoch: its number, a progress bar, a line in the end."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fcn.training.checkpoints import SCORE, Row

if TYPE_CHECKING:
    import keras


@dataclass
class Epochs:
    """The epoch that is shown now; the data ask for it whenever a pass begins."""

    now: int = 0

    def number(self) -> int:
        """Of the epoch, from 0 on."""
        return self.now


def each_epoch(
    epochs: Epochs, note: Callable[[Row], bool], phase: str, steps: int, last: int, verbose: bool
) -> keras.callbacks.Callback:
    """A callback for `keras.Model.fit`.

    Args:
        epochs: set to the epoch before it begins.
        note: called with the row of an epoch that is over: ``epoch`` (from 1 on), loss and scores, ``seconds``. Where
            it returns True, the training ends.
        phase: named by the bar.
        steps: in an epoch.
        last: number of the last epoch.
        verbose: show the bar, and a line for each epoch.

    Raises:
        ValueError: when it is called: the loss is no number any more; nothing to be measured on.
    """
    import keras
    from tqdm.auto import tqdm

    class EachEpoch(keras.callbacks.Callback):
        bar = None

        def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
            epochs.now, self.start, self.title = epoch, time.perf_counter(), f"{phase} {epoch + 1}/{last}"
            self.bar = tqdm(total=steps, desc=self.title, unit="step", disable=not verbose, leave=False)

        def on_train_batch_end(self, step: int, logs: dict[str, Any] | None = None) -> None:
            if not math.isfinite(logs["loss"]):
                raise ValueError(
                    f"the loss is {logs['loss']} in epoch {self.title}, step {step + 1}; take a lower rate for the "
                    "phase (and start the run anew)"
                )
            self.bar.update()
            self.bar.set_postfix_str(f"loss {logs['loss']:.3f}, mean IoU {logs['mean_iou']:.3f}", refresh=False)

        def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
            self.close()
            row = {"epoch": epoch + 1, **{name: float(value) for name, value in logs.items()}}
            if math.isnan(row.get(SCORE, 0)):
                raise ValueError("validation has no pixel of a class, all are void; there is nothing to measure")
            row["seconds"] = round(time.perf_counter() - self.start, 1)
            if verbose:
                scores = ", ".join(f"{name} {row[name]:.3f}" for name in logs)
                tqdm.write(f"{self.title}: {scores} ({row['seconds']:.0f} s)")
            self.model.stop_training = note(row)

        def close(self) -> None:
            if self.bar is not None:
                self.bar.close()

    return EachEpoch()
