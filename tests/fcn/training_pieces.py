"""Small networks and pairs for the tests of training; kept apart, as a process that is to be killed needs them too."""

import os
import signal

import keras
import numpy as np

from fcn.datasets import SegmentationData

NAMES = ("sky", "road", "car")


def pairs(count=6, sides=(12, 10), seed=0, void=False):
    """Images whose colour says the class."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, (count, *sides), dtype=np.uint8)
    images = np.clip(labels[..., None] * 90 + random.integers(0, 60, (count, *sides, 3)), 0, 255).astype(np.uint8)
    if void:
        labels[:, :2] = 255
    return SegmentationData(images, labels, NAMES)


def network(seed=0, dropout=0.3, batch_norm=True):
    """An encoder in one layer, with batch normalisation and a layer that its user froze; a decoder with dropout."""
    keras.utils.set_random_seed(seed)
    images = keras.Input((None, None, 3))
    inside = [
        keras.layers.Rescaling(1 / 127.5, offset=-1),
        keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="own_frozen", trainable=False),
        keras.layers.Conv2D(4, 3, padding="same", activation="relu"),
        *([keras.layers.BatchNormalization(momentum=0.8)] if batch_norm else []),
    ]
    maps = keras.Sequential([keras.Input((None, None, 3)), *inside], name="encoder")(images)
    maps = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="decoder_conv")(maps)
    if batch_norm:
        maps = keras.layers.BatchNormalization(momentum=0.8, name="decoder_bn")(maps)
    if dropout:
        maps = keras.layers.Dropout(dropout, name="decoder_dropout")(maps)
    return keras.Model(images, keras.layers.Conv2D(3, 1, dtype="float32", name="logits")(maps), name="small")


def flags(model):
    """Of all layers, those within others too."""
    return [(layer.name, layer.trainable) for layer in [*model.layers, *model.get_layer("encoder").layers]]


class Killed(SegmentationData):
    """Pairs that kill the process, without a word, when the given number of them has been read."""

    reads_left = 0

    def __getitem__(self, index):
        type(self).reads_left -= 1
        if not self.reads_left:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__getitem__(index)


def after(data, reads):
    """The same pairs, that kill after so many were read."""
    Killed.reads_left = reads
    return Killed(data.images, data.labels, data.class_names)


def same(one, other):
    """Whether two lists of arrays are equal, bit for bit."""
    return len(one) == len(other) and all(np.array_equal(a, b, equal_nan=True) for a, b in zip(one, other))


def numbers(history):
    """A history without what the clock says."""
    return [{name: value for name, value in row.items() if name != "seconds"} for row in history]
