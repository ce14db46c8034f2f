"""`fcn.augment.augment` against Keras's random layers: images per second at 360 x 480.

    python benchmarks/fcn_augment.py [--rounds 9] [--batch 4]

The peer is keras.layers.RandomFlip, RandomZoom and RandomRotation one after the other, on images and labels (as
``segmentation_masks``, which Keras takes to the nearest pixel): three passes where ours is one. Ours with and without
brightness, contrast and saturation, which the peer gets from RandomBrightness, RandomContrast and RandomSaturation. And
OpenCV's warpAffine, which is not of the graph, as the floor. Alternately in one run: CPU and wall time, medians.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2
import keras
import numpy as np
import tensorflow as tf

from fcn.augment import augment, geometric

SIZE = (360, 480)
Run = Callable[[], object]


def layers(photometric: bool) -> Callable[[tf.Tensor, tf.Tensor], object]:
    """The peer, with the ranges of ours."""
    turn = 5 / 360
    steps = [
        keras.layers.RandomFlip("horizontal"),
        keras.layers.RandomZoom((-0.25, 0.5), fill_mode="constant"),
        keras.layers.RandomRotation(turn, fill_mode="constant"),
    ]
    if photometric:
        steps += [keras.layers.RandomBrightness(0.25), keras.layers.RandomContrast(0.25)]
        steps += [keras.layers.RandomSaturation(0.3, value_range=(0, 255))]

    def run(images: tf.Tensor, labels: tf.Tensor) -> object:
        both = {"images": tf.cast(images, tf.float32), "segmentation_masks": labels[..., None]}
        for step in steps:
            both = step(both, training=True)
        return both

    return run


def ours(function: Callable) -> Callable[[tf.Tensor, tf.Tensor], object]:
    """Ours, with another seed in every call."""
    calls = tf.Variable(0)

    def run(images: tf.Tensor, labels: tf.Tensor) -> object:
        return function(images, labels, tf.stack([0, calls.assign_add(1)]))

    return run


def opencv(images: np.ndarray, labels: np.ndarray) -> Run:
    """One affine map of each image and label by OpenCV."""
    matrix = cv2.getRotationMatrix2D((240, 180), 5, 1.2)

    def run() -> object:
        return [
            (
                cv2.warpAffine(image.astype(np.float32), matrix, SIZE[::-1]),
                cv2.warpAffine(label, matrix, SIZE[::-1], flags=cv2.INTER_NEAREST, borderValue=255),
            )
            for image, label in zip(images, labels)
        ]

    return run


def main() -> None:
    """Print images per second and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--batch", type=int, default=4)
    arguments = parser.parse_args()
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (arguments.batch, *SIZE, 3), dtype=np.uint8)
    labels = random.integers(0, 11, (arguments.batch, *SIZE), dtype=np.uint8)
    tensors = tf.constant(images), tf.constant(labels)

    def graph(function: Callable) -> Run:
        compiled = tf.function(function)
        return lambda: compiled(*tensors)

    runs = {
        "Keras: flip, zoom, rotation": graph(layers(False)),
        "fcn: geometric": graph(ours(geometric)),
        "Keras: and brightness, contrast, saturation": graph(layers(True)),
        "fcn: augment": graph(ours(augment)),
        "OpenCV: warpAffine alone": opencv(images, labels),
    }
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for run in runs.values():
        run()
    for _ in range(arguments.rounds):
        for name, run in runs.items():
            wall, cpu = time.perf_counter(), time.process_time()
            run()
            times[name].append((time.process_time() - cpu, time.perf_counter() - wall))
    print(f"{arguments.batch} images of {SIZE[0]} x {SIZE[1]} with labels, medians of {arguments.rounds} rounds")
    medians = {name: [statistics.median(column) for column in zip(*pairs)] for name, pairs in times.items()}
    for name, (cpu, wall) in medians.items():
        rates = f"{arguments.batch / cpu:7.1f} images per CPU-second  {arguments.batch / wall:7.1f} per second"
        print(f"  {name:44} {rates}")
    keras_only, geometric_only, keras_all, ours_all, _ = (cpu for cpu, _ in medians.values())
    print(f"  fcn is {keras_only / geometric_only:.1f} times as fast as Keras in CPU time, all together", end=" ")
    print(f"{keras_all / ours_all:.1f} times")


if __name__ == "__main__":
    main()
