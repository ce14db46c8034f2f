"""Which numbers a training computes with: bfloat16 where a step is faster with it, else float32."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from data.precision import POLICIES, WORTH, has_units, numbers

if TYPE_CHECKING:
    import keras

STEPS = 3


def choose(wanted: str, build: Callable[[], keras.Model], shape: tuple[int, int, int]) -> tuple[str, str]:
    """Decide.

    Args:
        wanted: "float32", "bfloat16", or "auto": measured, where the processor has units for it at all.
        build: makes the network under the dtype policy of the moment.
        shape: batch, height and width of the images of a step.

    Returns:
        "float32" or "bfloat16", and why, in words.
    """
    if wanted != "auto":
        return wanted, "as asked for"
    if not has_units():
        return "float32", "this processor has no units for bfloat16"
    seconds = {}
    for name in POLICIES:
        with numbers(name):
            seconds[name] = step_time(build(), shape)
    gain = seconds["float32"] / seconds["bfloat16"]
    return "bfloat16" if gain >= WORTH else "float32", f"a step with bfloat16 is {gain:.2f} times as fast"


def step_time(network: keras.Model, shape: tuple[int, int, int]) -> float:
    """Seconds of a step, forward and backward: the best of three, after one that compiles."""
    import tensorflow as tf

    images = tf.constant(np.random.default_rng(0).uniform(0, 255, (*shape, 3)), tf.float32)

    @tf.function(autograph=False)
    def step() -> tf.Tensor:
        with tf.GradientTape() as tape:
            outputs = tf.nest.flatten(network(images, training=True))
            loss = tf.add_n([tf.reduce_mean(tf.cast(one, tf.float32) ** 2) for one in outputs])
        return tf.add_n([tf.reduce_sum(one) for one in tape.gradient(loss, network.trainable_variables)])

    times = []
    for _ in range(STEPS + 1):
        start = time.perf_counter()
        step().numpy()
        times.append(time.perf_counter() - start)
    return min(times[1:])
