"""Random choices from one seed, drawn in blocks: a single call to a NumPy generator costs more than the choice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain, cycle
from typing import TypeVar

import numpy as np

T = TypeVar("T")


class Dice:
    """Uniform numbers of `numpy.random.default_rng(seed)`, handed out one by one."""

    random: Callable[[], float]  # a number in 0..1

    def __init__(self, seed: Sequence[int], block: int = 512):
        self.generator = generator = np.random.default_rng(seed)
        blocks = iter(lambda: generator.random(block).tolist(), None)
        self.random = chain.from_iterable(blocks).__next__

    @classmethod
    def replay(cls, numbers: Sequence[float]) -> Dice:
        """Dice that show these numbers, over and over: cheaper than a generator for each of many small things."""
        dice = cls.__new__(cls)
        dice.random = cycle(numbers).__next__
        return dice

    def looks(self, n: int) -> list[float]:
        """As many numbers for `replay`."""
        return self.generator.random(n).tolist()

    def several(self, n: int) -> list[float]:
        """As many numbers in 0..1."""
        random = self.random
        return [random() for _ in range(n)]

    def grid(self, rows: int, columns: int) -> np.ndarray:
        """Numbers in 0..1, (rows, columns) float64."""
        return np.array(self.several(rows * columns)).reshape(rows, columns)

    def between(self, low: float, high: float) -> float:
        """A number in low..high."""
        return low + (high - low) * self.random()

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.random() < probability

    def below(self, n: int) -> int:
        """A whole number in 0..n-1."""
        return int(self.random() * n)

    def pick(self, options: Sequence[T]) -> T:
        """One of the options, all equally likely."""
        return options[int(self.random() * len(options))]

    def weighted(self, weights: dict[str, float]) -> str:
        """One key, with probability proportional to its weight."""
        mark = self.random() * sum(weights.values())
        for name, weight in weights.items():
            mark -= weight
            if mark < 0:
                return name
        return max(weights, key=weights.get)
