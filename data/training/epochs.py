"""What goes on beside an epoch: its number, a progress bar, a line in the end."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from data.training.checkpoints import Row


@dataclass
class Epochs:
    """The epoch that is shown now; the data ask for it whenever a pass begins."""

    now: int = 0

    def number(self) -> int:
        """Of the epoch, from 0 on."""
        return self.now


@dataclass
class Watch:
    """The epochs of a phase, as they go by."""

    epochs: Epochs
    """Set to the epoch before it begins."""
    phase: str
    """Named by the bar."""
    steps: int
    """In an epoch."""
    last: int
    """Number of the last epoch."""
    verbose: bool
    """Show the bar, and a line for each epoch."""
    shown: Mapping[str, str] = field(default_factory=dict)
    """Beside the loss: the name of a number -> what the bar calls it."""
    _bar: Any = field(default=None, init=False, repr=False)
    _start: float = field(default=0.0, init=False, repr=False)
    _title: str = field(default="", init=False, repr=False)

    def begin(self, epoch: int) -> None:
        """An epoch begins, counted from 0."""
        from tqdm.auto import tqdm

        self.epochs.now, self._start, self._title = epoch, time.perf_counter(), f"{self.phase} {epoch + 1}/{self.last}"
        self._bar = tqdm(total=self.steps, desc=self._title, unit="step", disable=not self.verbose, leave=False)

    def step(self, number: int, logs: Mapping[str, float]) -> None:
        """A step is done, counted from 0.

        Raises:
            ValueError: the loss is no number any more.
        """
        if not math.isfinite(logs["loss"]):
            raise ValueError(
                f"the loss is {logs['loss']} in epoch {self._title}, step {number + 1}; take a lower rate for the "
                "phase (and start the run anew)"
            )
        self._bar.update()
        text = ", ".join(f"{words} {logs[name]:.3f}" for name, words in {"loss": "loss", **self.shown}.items())
        self._bar.set_postfix_str(text, refresh=False)

    def end(self, logs: Mapping[str, float]) -> Row:
        """The epoch is over: its row, ``epoch`` (from 1 on), the numbers, ``seconds``."""
        from tqdm.auto import tqdm

        self.close()
        row: Row = {"epoch": self.epochs.now + 1, **{name: float(value) for name, value in logs.items()}}
        row["seconds"] = round(time.perf_counter() - self._start, 1)
        if self.verbose:
            scores = ", ".join(f"{name} {row[name]:.3f}" for name in logs)
            tqdm.write(f"{self._title}: {scores} ({row['seconds']:.0f} s)")
        return row

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
