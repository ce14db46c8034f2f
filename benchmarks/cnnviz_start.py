"""How long a student waits: importing cnnviz and loading its classifier, each in a fresh process.

Peers, in the same run: importing TensorFlow with Keras, and building MobileNetV2 (random weights) with Keras.

    python benchmarks/cnnviz_start.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys

ROUNDS = 3
MEASURE = "import time; start = time.perf_counter(); {run}; print(time.perf_counter() - start)"
KERAS = "import tensorflow, keras; "
CASES = {
    "import cnnviz": MEASURE.format(run="import cnnviz"),
    "import tensorflow, keras": MEASURE.format(run="import tensorflow, keras"),
    "cnnviz.load(), TensorFlow imported before": KERAS + MEASURE.format(run="import cnnviz; cnnviz.load()"),
    "keras MobileNetV2, random weights": KERAS + MEASURE.format(run="keras.applications.MobileNetV2(weights=None)"),
}


def seconds(code: str) -> float:
    """What a fresh interpreter prints last."""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(run.stdout.split()[-1])


def main() -> None:
    """Print the median of each case and its ratio to importing TensorFlow."""
    times = {name: [] for name in CASES}
    for _ in range(ROUNDS):
        for name, code in CASES.items():
            times[name].append(seconds(code))
    base = statistics.median(times["import tensorflow, keras"])
    for name, values in times.items():
        value = statistics.median(values)
        print(f"{name:44} {value:6.3f} s   {value / base:6.3f} of importing TensorFlow")


if __name__ == "__main__":
    main()
