"""What a weights file holds of one layer: the names and shapes of its arrays, in the file's order."""

from __future__ import annotations

import math
from dataclasses import dataclass

NORM_PARTS = ("scales", "mean", "variance")
"""The arrays of a batch norm beside its shift, which is the layer's ``biases``."""


@dataclass(frozen=True)
class Record:
    """One layer of a weights file; all numbers are float32.

    A convolution is ``biases``, with batch norm ``scales``, ``mean``, ``variance``, then ``weights`` (filters, channels
    of a group, rows, columns). A connected layer has its ``weights`` (outputs, inputs) before the batch norm's three.
    """

    name: str
    parts: tuple[tuple[str, tuple[int, ...]], ...]
    """Name and shape of each array."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many numbers each array has."""
        return tuple(math.prod(shape) for _, shape in self.parts)

    @property
    def numbers(self) -> int:
        """How many numbers all have."""
        return sum(self.sizes)


def convolution_parts(filters: int, channels: int, size: int, norm: bool) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """The arrays of a convolution; ``channels`` are those that one filter sees."""
    norms = tuple((part, (filters,)) for part in NORM_PARTS if norm)
    return ("biases", (filters,)), *norms, ("weights", (filters, channels, size, size))


def connected_parts(outputs: int, inputs: int, norm: bool) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """The arrays of a connected layer."""
    norms = tuple((part, (outputs,)) for part in NORM_PARTS if norm)
    return ("biases", (outputs,)), ("weights", (outputs, inputs)), *norms
