"""From raw heads to detections: what threshold, decoding and suppression cost, against named peers.

    python benchmarks/yolo_nms.py [--rounds 15]

10647 boxes and 80 classes, the heads of YOLOv3 at 416: drawn logits with 25 objects, around each a cloud of boxes that
are nearly as sure, and everywhere a murmur of low scores. One thread each, alternately in one run: medians of CPU and
wall milliseconds, and their ratios to ours. All do the whole way from the raw heads.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from functools import partial

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2
import numpy as np
import tensorflow as tf
from alternating import medians

from yolo.anchors import YOLOV3_ANCHORS, YOLOV3_MASKS
from yolo.decoding import decode
from yolo.nms import Kept, detect, greedy

SIZE = (416, 416)
ANCHORS = [[YOLOV3_ANCHORS[index] for index in mask] for mask in YOLOV3_MASKS]
CLASSES, OVERLAP = 80, 0.45


def drawn_heads(seed: int = 0) -> list[np.ndarray]:
    """Raw heads (1, grid, grid, 3 * 85) that look like those of a trained network."""
    rng = np.random.default_rng(seed)
    heads = []
    for stride in (32, 16, 8):
        side = SIZE[0] // stride
        head = rng.normal(0, 0.5, (1, side, side, 3, 5 + CLASSES))
        head[..., 4] = rng.normal(-8, 2, head.shape[:-1])
        head[..., 5:] = rng.normal(-5, 1.5, head[..., 5:].shape)
        heads.append(head)
    for _ in range(25):
        head = heads[rng.integers(3)][0]
        row, column = rng.integers(0, len(head), 2)
        rows, columns = slice(max(0, row - 1), row + 2), slice(max(0, column - 1), column + 2)
        cloud = head[rows, columns, rng.integers(3)]
        cloud[..., 0] += 3 * (column - np.arange(len(head))[columns])  # towards the middle of the object
        cloud[..., 1] += 3 * (row - np.arange(len(head))[rows])[:, None]
        cloud[..., 2:4] /= 3
        cloud[..., 4] = rng.normal(1, 2.5, cloud.shape[:-1])
        cloud[..., 5 + rng.integers(CLASSES)] = rng.normal(3, 1, cloud.shape[:-1])
    return [head.reshape(*head.shape[:3], -1).astype(np.float32) for head in heads]


def batched(boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray) -> Kept:
    """OpenCV's own function for many classes; corner and size."""
    sizes = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1).astype(np.float64)
    kept = np.asarray(cv2.dnn.NMSBoxesBatched(sizes, scores, classes.astype(np.int32), 0.0, OVERLAP), np.int64).ravel()
    return Kept(kept, scores[kept])


def decode_first(heads: list[np.ndarray], threshold: float) -> Kept:
    """As most write it: decode all, compare all scores, then OpenCV."""
    decoded = decode(heads, ANCHORS, SIZE)
    scores = decoded.scores[0]
    rows, classes = np.nonzero(scores >= threshold)
    return batched(decoded.boxes[0][rows], scores[rows, classes], classes)


@tf.function
def combined(heads: list[tf.Tensor], threshold: tf.Tensor) -> object:
    """TensorFlow's operation, at most 100 a class and 1000 in all, which it leaves out without a word."""
    boxes, objectness, classes = decode(heads, ANCHORS, SIZE)
    return tf.image.combined_non_max_suppression(
        boxes[:, :, None], objectness[..., None] * classes, 100, 1000, OVERLAP, threshold, clip_boxes=False
    )


def measure(runs: dict[str, Callable[[], object]], rounds: int) -> None:
    """Alternately; prints medians, and their ratios to the first."""
    found = medians(runs, rounds)
    first = next(iter(found.values()))
    for name, (cpu, wall) in found.items():
        print(f"  {name:58} CPU {1e3 * cpu:8.2f} ms ({cpu / first[0]:6.2f})", end="")
        print(f"   wall {1e3 * wall:8.2f} ms ({wall / first[1]:6.2f})", flush=True)


def main() -> None:
    """Print a table for each threshold."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    cv2.setNumThreads(1)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    heads = drawn_heads()
    tensors = [tf.constant(head) for head in heads]
    for threshold in (0.3, 0.005):
        ours = partial(detect, heads, ANCHORS, SIZE, threshold=threshold)
        everything = ours(suppress=lambda boxes, scores, classes: Kept(np.arange(len(scores)), scores))[0]
        found = ours()[0]
        same = np.array_equal(found.boxes, ours(suppress=greedy)[0].boxes)
        print(f"threshold {threshold}: {len(everything.scores)} candidates, {len(found.scores)} kept", end="")
        print(f"; the readable suppression keeps {'the same' if same else 'OTHERS'}")
        measure(
            {
                "yolo.nms.detect": ours,
                "the threshold on logits, cv2.dnn.NMSBoxesBatched": partial(ours, suppress=batched),
                "decode, threshold, cv2.dnn.NMSBoxesBatched": partial(decode_first, heads, threshold),
                "tf.function: decode, tf.image.combined_non_max_suppression": partial(
                    combined, tensors, tf.constant(threshold)
                ),
                "yolo.nms.detect with the readable suppression": partial(ours, suppress=greedy),
            },
            rounds,
        )


if __name__ == "__main__":
    main()
