"""Remember a climb: the objective after every step, and the picture now and then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

Callback: TypeAlias = Callable[[int, np.ndarray, Callable[[], np.ndarray]], Any]
"""``callback(step, scores, pictures)``: how many steps were taken, the objective ``(count,)`` there, and a function
that returns the pictures, uint8 ``(count, height, width, 3)``. It is called before every step and at the end. The
objective is that of the pictures as the network saw them: moved a little."""


class Climb:
    """Remembers a climb: hand it over as ``callback``.

    Attributes:
        every: after how many steps the pictures are kept; the first and the last are kept in any case.
        steps: after how many steps each of ``pictures`` was kept.
        scores: the objective, float32 ``(steps + 1, count)``.
        pictures: uint8 ``(n, count, height, width, 3)``.

    Example:
        ``climb = Climb(); maximise(net, class_neuron("church"), callback=climb); climb.scores[-1]``
    """

    def __init__(self, every: int = 10) -> None:
        """Set how often the pictures are kept."""
        if every < 1:
            raise ValueError(f"every is {every}; at least 1 is wanted")
        self.every = every
        self._begin()

    def _begin(self) -> None:
        self.steps: list[int] = []
        self._scores: list[np.ndarray] = []
        self._pictures: list[np.ndarray] = []
        self._last: tuple[int, Callable[[], np.ndarray]] | None = None

    def __call__(self, step: int, scores: np.ndarray, pictures: Callable[[], np.ndarray]) -> None:
        """Note one step; a climb that begins anew is noted anew."""
        if step == 0:
            self._begin()
        self._scores.append(scores)
        self._last = step, pictures
        if step % self.every == 0:
            self._keep()

    def _keep(self) -> None:
        if self._last:
            self.steps.append(self._last[0])
            self._pictures.append(self._last[1]())
            self._last = None

    @property
    def scores(self) -> np.ndarray:
        """The objective after each step."""
        return np.array(self._scores)

    @property
    def pictures(self) -> np.ndarray:
        """The pictures that were kept."""
        self._keep()
        return np.array(self._pictures)
