"""Speed of `data.scenes.scene` at 128 x 128 against `skimage.draw.random_shapes`, on one thread.

The peer draws what introductory courses use for a detection data set without a download: up to twelve flat circles,
rectangles and triangles with boxes, no masks. CPU time, both in this process, alternating, median of the rounds.

    python benchmarks/data_scenes.py
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import cv2
from skimage.draw import random_shapes

from data.scenes import scene

SIZE, PER_ROUND, ROUNDS = 128, 40, 9


def shapes(seed: int) -> None:
    """The peer: a picture of 4 to 12 shapes with their boxes."""
    random_shapes((SIZE, SIZE), max_shapes=12, min_shapes=4, min_size=8, max_size=64, allow_overlap=True, rng=seed)


def seconds_each(draw: Callable[[int], object], first: int) -> float:
    """CPU seconds for one picture, mean of a round."""
    start = time.process_time()
    for seed in range(first, first + PER_ROUND):
        draw(seed)
    return (time.process_time() - start) / PER_ROUND


def main() -> None:
    """Print scenes per CPU-second for both, and the ratio."""
    cv2.setNumThreads(1)
    scene(0)
    shapes(0)
    ours, theirs = [], []
    for i in range(ROUNDS):
        ours.append(seconds_each(lambda seed: scene(seed, SIZE), i * PER_ROUND))
        theirs.append(seconds_each(shapes, i * PER_ROUND))
    ours_rate, peer_rate = 1 / statistics.median(ours), 1 / statistics.median(theirs)
    print(f"data.scenes.scene           {ours_rate:7.0f} pictures per CPU-second (best round {1 / min(ours):.0f})")
    print(f"skimage.draw.random_shapes  {peer_rate:7.0f} pictures per CPU-second (best round {1 / min(theirs):.0f})")
    print(f"ratio                       {ours_rate / peer_rate:7.2f}")


if __name__ == "__main__":
    main()
