"""Which numbers a training computes with: bfloat16 where a step is faster with it, else float32."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras

POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
UNITS = ("amx_bf16", "avx512_bf16", "bf16")  # as Linux names them: Intel's, Intel's and AMD's, ARM's
WORTH = 1.15  # how many times as fast it has to be
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


def has_units() -> bool:
    """Whether there is a GPU, or the processor says that it computes bfloat16 itself."""
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        return True
    try:
        words = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split()
    except OSError:  # not Linux
        return False
    return not set(UNITS).isdisjoint(words)


@contextlib.contextmanager
def numbers(name: str) -> Iterator[None]:
    """What is built within the context computes with these; its weights are float32."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(POLICIES[name])
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def step_time(network: keras.Model, shape: tuple[int, int, int]) -> float:
    """Seconds of a step, forward and backward: the best of three, after one that compiles."""
    import tensorflow as tf

    images = tf.constant(np.random.default_rng(0).uniform(0, 255, (*shape, 3)), tf.float32)

    @tf.function(autograph=False)
    def step() -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.cast(network(images, training=True), tf.float32) ** 2)
        return tf.add_n([tf.reduce_sum(one) for one in tape.gradient(loss, network.trainable_variables)])

    times = []
    for _ in range(STEPS + 1):
        start = time.perf_counter()
        step().numpy()
        times.append(time.perf_counter() - start)
    return min(times[1:])
