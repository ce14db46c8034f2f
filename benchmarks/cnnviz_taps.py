"""A tap pays only for what it needs: VGG16 at 224 pixels, CPU seconds, all alternately in one run.

The peer is a sub-model cut by hand, ``keras.Model(model.inputs, layer.output)``, compiled with ``tf.function``: the
least that reading this layer can cost. The whole forward pass stands beside it.

    python benchmarks/cnnviz_taps.py
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from cnnviz.taps import taps

ROUNDS, BATCH = 7, 4


def cpu_seconds(run: Callable[[], object]) -> float:
    """CPU seconds of one call, all threads together."""
    start = time.process_time()
    run()
    return time.process_time() - start


def main() -> None:
    """Print CPU seconds and ratios for an early and a late layer."""
    keras.utils.set_random_seed(0)
    model = keras.applications.VGG16(weights=None, classifier_activation=None)
    images = tf.constant(np.random.default_rng(0).normal(size=(BATCH, 224, 224, 3)).astype(np.float32))
    whole = tf.function(lambda batch: model(batch, training=False))
    contenders: dict[str, Callable[[], object]] = {"whole forward pass": lambda: whole(images)}
    for name in ("block2_conv2", "block5_conv3"):
        part = keras.Model(model.inputs, model.get_layer(name).output)
        by_hand = tf.function(lambda batch, part=part: part(batch, training=False))
        activations = taps(model, name, outputs=False)
        both = taps(model, name)
        contenders[f"{name}: sub-model by hand"] = lambda by_hand=by_hand: by_hand(images)
        contenders[f"{name}: taps, outputs=False"] = lambda read=activations: read(images)
        contenders[f"{name}: taps with outputs"] = lambda read=both: read(images)
    for run in contenders.values():
        run()  # tracing
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, run in contenders.items():
            seconds[name].append(cpu_seconds(run))
    median = {name: statistics.median(times) for name, times in seconds.items()}
    for name, value in median.items():
        peer = median[name.split(":")[0] + ": sub-model by hand"] if ":" in name else value
        print(f"{name:36} {value:6.3f} s   {value / peer:5.2f} of the sub-model", end="")
        print(f"   {value / median['whole forward pass']:5.2f} of the whole pass")


if __name__ == "__main__":
    main()
