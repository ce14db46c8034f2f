"""A network in use: batch norm folded, one graph for each size of input, float32 or bfloat16 inside."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from data.arguments import one_of
from data.precision import WORTH, has_units
from yolo.boxes.arrays import sigmoid, softmax

if TYPE_CHECKING:
    import keras

DTYPES = ("float32", "bfloat16", "auto")
LARGEST_CHANGE = 0.02
"""Of any score, up to which "auto" takes bfloat16."""


class Inference:
    """Raw heads of pictures, as fast as they come.

    bfloat16 has 8 significant bits. On processors with units for it (AVX512_BF16, AMX; GPUs) it takes about half the
    time of float32; on others it takes longer. "auto" looks for such units. Where there are some, it computes the first
    picture in both ways, and takes bfloat16 if it is 1.15 times as fast and moves no score by more than .02; ``why``
    says what was measured.

    While a network is trained its weights change, and what was folded is soon out of date. A live one is not folded: it
    computes with the weights that the network has at that moment, in the network's own dtype.

    Attributes:
        numbers: "float32" or "bfloat16"; of "auto", None until the first picture.
        why: in words.
    """

    def __init__(
        self, network: keras.Model, classes: int, dtype: str = "float32", *, logistic: bool = True, live: bool = False
    ) -> None:
        """Args are those of `yolo.detector.Detector`, which also checks that they fit.

        Raises:
            ValueError: another dtype.
        """
        one_of("dtype", dtype, DTYPES)
        self._network, self._classes, self._logistic, self._live = network, classes, logistic, live
        self.numbers = None if dtype == "auto" else dtype
        self.why = "measured with the first picture" if dtype == "auto" else "as asked for"
        self._folded: dict[str, keras.Model] = {}
        self._graphs: dict[tuple[str, tuple[int, int]], Callable[[Any], list[Any]]] = {}

    def __call__(self, pictures: np.ndarray) -> list[np.ndarray]:
        """The raw heads.

        Args:
            pictures: uint8 (batch, rows, columns, 3); of a new size they take seconds, in which it is compiled.

        Returns:
            For each head float32 (batch, rows, columns, anchors * (5 + classes)).
        """
        if self.numbers is None:
            self.numbers, self.why = self._choose(pictures[:1])
        return self._heads(self.numbers, pictures)

    def _heads(self, numbers: str, pictures: np.ndarray) -> list[np.ndarray]:
        key = numbers, pictures.shape[1:3]
        if key not in self._graphs:
            if self._live:
                self._folded[numbers] = self._network
            elif numbers not in self._folded:
                from yolo.folding import fold

                self._folded[numbers] = fold(self._network, None if numbers == "float32" else numbers)
            self._graphs[key] = _compiled(self._folded[numbers], key[1])
        return [head.numpy() for head in self._graphs[key](pictures)]

    def _choose(self, pictures: np.ndarray) -> tuple[str, str]:
        if not has_units():
            return "float32", "this processor has no units for bfloat16"
        heads = {numbers: self._heads(numbers, pictures) for numbers in ("float32", "bfloat16")}
        change = score_change(heads["float32"], heads["bfloat16"], self._classes, logistic=self._logistic)
        if not change <= LARGEST_CHANGE:  # NaN is not
            return "float32", f"bfloat16 moves a score by {change:.3f}"
        gain = self._seconds("float32", pictures) / self._seconds("bfloat16", pictures)
        why = f"bfloat16 is {gain:.2f} times as fast, and moves scores by {change:.3f} at most"
        return "bfloat16" if gain >= WORTH else "float32", why

    def _seconds(self, numbers: str, pictures: np.ndarray) -> float:
        times = []
        for _ in range(3):
            start = time.perf_counter()
            self._heads(numbers, pictures)
            times.append(time.perf_counter() - start)
        return min(times)


def score_change(
    heads: Sequence[np.ndarray], others: Sequence[np.ndarray], classes: int, *, logistic: bool = True
) -> float:
    """The largest difference of a score, objectness times class, between two computations of the same heads.

    Args:
        heads: raw, each (batch, rows, columns, anchors * (5 + classes)).
        others: of the same shapes.
        classes: how many.
        logistic: as of `yolo.nms.detect`.
    """

    def scores(head: np.ndarray) -> np.ndarray:
        rows = head.reshape(-1, 5 + classes)
        return sigmoid(rows[:, 4:5]) * (sigmoid if logistic else softmax)(rows[:, 5:])

    return max(float(np.abs(scores(one) - scores(other)).max()) for one, other in zip(heads, others))


def _compiled(network: keras.Model, size: tuple[int, int]) -> Callable[[Any], list[Any]]:
    import tensorflow as tf

    @tf.function(autograph=False, input_signature=[tf.TensorSpec((None, *size, 3), tf.uint8)])
    def heads(pictures: tf.Tensor) -> list[tf.Tensor]:
        found = network(tf.cast(pictures, tf.float32) / 255, training=False)
        return [tf.cast(head, tf.float32) for head in (found if isinstance(found, (list, tuple)) else [found])]

    # The graph itself: called as a function, TensorFlow would take a detector used in five sizes for one that is traced
    # again and again, and warn.
    graph = heads.get_concrete_function()
    return lambda pictures: graph(tf.constant(pictures))
