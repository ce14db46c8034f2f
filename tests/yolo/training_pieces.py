"""Small detectors and scenes for the tests of training; kept apart, as a process that is killed needs them too."""

import os
import signal
from functools import lru_cache, partial

import keras
import numpy as np

from yolo import Detector
from yolo.augment import augment
from yolo.datasets import DetectionData, Record, scenes
from yolo.training import body_then_all, train

PHASES = body_then_all(1, 2, 1e-2)
ALONE = partial(augment, mosaic=0)


@lru_cache
def drawn(count=4, seed=0):
    return scenes(count, seed, 64, verbose=False)


def detector(seed=0, batch_norm=True, **options):
    """One head at a stride of 32, behind a body of two convolutions."""
    keras.utils.set_random_seed(seed)
    names = drawn(1).names
    inside = [
        keras.layers.Conv2D(8, 4, 4, name="first"),
        *([keras.layers.BatchNormalization(momentum=0.8)] if batch_norm else []),
        keras.layers.LeakyReLU(negative_slope=0.1),
        keras.layers.Conv2D(16, 8, 8, name="second"),
    ]
    maps = picture = keras.Input((None, None, 3))
    for layer in inside:
        maps = layer(maps)
    body, picture = keras.Model(picture, maps, name="body"), keras.Input((None, None, 3))
    raw = keras.layers.Conv2D(2 * (5 + len(names)), 1, name="raw")(body(picture))
    return Detector(keras.Model(picture, raw, name="small"), names, [[(12, 20), (30, 16)]], size=64, **options)


def with_crowd():
    """Five scenes, in one of which everything is a crowd."""
    data = drawn(5)
    last = data[4]
    crowd = Record(last.image, last.boxes, last.classes, last.names, crowd=[True] * len(last), id="crowd")
    return DetectionData([*list(data)[:4], crowd], data.names)


def train_it(one, run=None, data=None, **options):
    options = {"augment": ALONE, "batch": 2, "ema": 0.8, "clip": 1.0, "verbose": False, **options}
    return train(one, data or drawn(), PHASES, validation=drawn(3, 1), run=run, **options)


class Killed(DetectionData):
    """Scenes that kill the process, without a word, when the given number of them has been looked up."""

    looks_left = 0

    def __getitem__(self, index):
        type(self).looks_left -= 1
        if not self.looks_left:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__getitem__(index)


def after(data, looks):
    Killed.looks_left = looks
    return Killed(data.records, data.names)


def same(one, other):
    """Whether two lists of arrays are equal, bit for bit."""
    return len(one) == len(other) and all(np.array_equal(a, b) for a, b in zip(one, other))


def numbers(history):
    """A history without what the clock says."""
    return [{name: value for name, value in row.items() if name != "seconds"} for row in history]
