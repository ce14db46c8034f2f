"""Which numbers a network computes with: whether a processor has units for bfloat16, and how layers are told."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
UNITS = ("amx_bf16", "avx512_bf16", "bf16")  # as Linux names them: Intel's, Intel's and AMD's, ARM's
WORTH = 1.15
"""How many times as fast bfloat16 has to be, to be worth its few digits."""


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
    """What is built within the context computes with these, "float32" or "bfloat16"; its weights are float32."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(POLICIES[name])
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
