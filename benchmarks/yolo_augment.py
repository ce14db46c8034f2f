"""`yolo.augment.augment` against the augmentation of keras-yolo3: milliseconds for one picture at 416, on one core.

    python benchmarks/yolo_augment.py [--rounds 9] [--pictures 12]

The peer is written fresh in keras-yolo3's order of operations: PIL's bicubic resize of the whole picture to its new
size, pasted on grey, mirrored by PIL, then saturation and the rest in float64 by matplotlib's rgb_to_hsv and
hsv_to_rgb; boxes one array at a time. Both begin with pictures of 480 x 640 in memory, and, in the second half, with
JPEG files; both end with float32 in 0..1. Ours without mosaic does what the peer does; a mosaic reads four pictures.
Contenders by turns in one run, medians.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from alternating import medians
from matplotlib.colors import hsv_to_rgb, rgb_to_hsv
from PIL import Image

from yolo.augment import augment
from yolo.datasets import DetectionData, Record, scenes

SIZE = 416


def keras_yolo3(record: Record, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The peer: picture float32 ``(416, 416, 3)``, and boxes with their classes."""
    picture = Image.fromarray(record.image) if isinstance(record.image, np.ndarray) else Image.open(record.image)
    width, height = picture.size
    aspect = random.uniform(0.7, 1.3) / random.uniform(0.7, 1.3)
    scale = random.uniform(0.25, 2)
    if aspect < 1:
        tall = int(scale * SIZE)
        wide = int(tall * aspect)
    else:
        wide = int(scale * SIZE)
        tall = int(wide / aspect)
    picture = picture.resize((wide, tall), Image.BICUBIC)
    left, top = int(random.random() * (SIZE - wide)), int(random.random() * (SIZE - tall))
    canvas = Image.new("RGB", (SIZE, SIZE), (128, 128, 128))
    canvas.paste(picture, (left, top))
    mirrored = random.random() < 0.5
    if mirrored:
        canvas = canvas.transpose(Image.FLIP_LEFT_RIGHT)
    hue = random.uniform(-0.1, 0.1)
    factors = [random.uniform(1, 1.5) ** random.choice([-1, 1]) for _ in range(2)]
    colours = rgb_to_hsv(np.array(canvas) / 255.0)
    colours[..., 0] += hue
    colours[..., 0][colours[..., 0] > 1] -= 1
    colours[..., 0][colours[..., 0] < 0] += 1
    colours[..., 1] *= factors[0]
    colours[..., 2] *= factors[1]
    colours[colours > 1] = 1
    colours[colours < 0] = 0
    image = hsv_to_rgb(colours).astype(np.float32)

    boxes = np.column_stack([record.boxes, record.classes])
    random.shuffle(boxes)
    boxes[:, [0, 2]] = boxes[:, [0, 2]] * wide / width + left
    boxes[:, [1, 3]] = boxes[:, [1, 3]] * tall / height + top
    if mirrored:
        boxes[:, [0, 2]] = SIZE - boxes[:, [2, 0]]
    boxes[:, :4] = np.clip(boxes[:, :4], 0, SIZE)
    sides = boxes[:, 2:4] - boxes[:, :2]
    return image, boxes[(sides > 1).all(axis=1)]


def main() -> None:
    """Print milliseconds and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--pictures", type=int, default=12)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    memory = scenes(arguments.pictures, size=(480, 640), verbose=False)
    with tempfile.TemporaryDirectory() as folder:
        records = []
        for record in memory:
            path = Path(folder, f"{record.id}.jpg")
            Image.fromarray(record.image).save(path, quality=90)
            records.append(replace(record, image=path))
        files = DetectionData(records, memory.names)
        for words, data in (("in memory", memory), ("JPEG files", files)):
            measure(words, data, arguments.rounds)


def measure(words: str, data: DetectionData, rounds: int) -> None:
    """One table."""
    random, calls = np.random.default_rng(0), iter(range(10**9))

    def ours(**options: float) -> None:
        for index in range(len(data)):
            view = augment(data, index, (0, next(calls)), SIZE, **options)
            np.multiply(view.image, np.float32(1 / 255), dtype=np.float32)

    def peer() -> None:
        for record in data:
            keras_yolo3(record, random)

    runs = {
        "keras-yolo3's": peer,
        "yolo.augment, one picture": partial(ours, mosaic=0.0),
        "yolo.augment, as it is (every second one a mosaic)": ours,
        "yolo.augment, mosaics only": partial(ours, mosaic=1.0),
    }
    found = medians(runs, rounds)
    slowest = found["keras-yolo3's"]
    print(f"{len(data)} pictures of 480 x 640, {words}, to {SIZE} x {SIZE}; medians of {rounds} rounds, ms a picture")
    for name, (cpu, wall) in found.items():
        each = 1e3 / len(data)
        print(f"  {name:52} CPU {each * cpu:6.1f} (1/{slowest[0] / cpu:4.1f})", end="")
        print(f"   wall {each * wall:6.1f} (1/{slowest[1] / wall:4.1f})", flush=True)


if __name__ == "__main__":
    main()
