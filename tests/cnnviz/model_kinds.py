"""One small network in every form that Keras 3 allows; the test matrix of everything that takes a model."""

from __future__ import annotations

import keras
import numpy as np

SIDE, CLASSES = 16, 4


def _head(maps):
    return keras.layers.Dense(CLASSES, name="logits")(keras.layers.GlobalAveragePooling2D(name="average")(maps))


def _layers(prefix: str = "") -> list[keras.Layer]:
    return [
        keras.layers.Conv2D(5, 3, padding="same", name=f"{prefix}conv1"),
        keras.layers.BatchNormalization(name=f"{prefix}norm"),
        keras.layers.ReLU(name=f"{prefix}relu"),
        keras.layers.MaxPooling2D(name=f"{prefix}pool"),
        keras.layers.Conv2D(6, 3, padding="same", activation="relu", name=f"{prefix}conv2"),
    ]


def _chain(layers, maps):
    for layer in layers:
        maps = layer(maps)
    return maps


def functional() -> keras.Model:
    inputs = keras.Input((SIDE, SIDE, 3))
    return keras.Model(inputs, _head(_chain(_layers(), inputs)), name="functional")


def sequential() -> keras.Model:
    head = [keras.layers.GlobalAveragePooling2D(name="average"), keras.layers.Dense(CLASSES, name="logits")]
    return keras.Sequential([keras.Input((SIDE, SIDE, 3)), *_layers(), *head], name="sequential")


def _backbone() -> keras.Model:
    inputs = keras.Input((SIDE, SIDE, 3))
    return keras.Model(inputs, _chain(_layers(), inputs), name="backbone")


def nested() -> keras.Model:
    inputs = keras.Input((SIDE, SIDE, 3))
    return keras.Model(inputs, _head(_backbone()(inputs)), name="nested")


def sequential_of_nested() -> keras.Model:
    head = [keras.layers.GlobalAveragePooling2D(name="average"), keras.layers.Dense(CLASSES, name="logits")]
    return keras.Sequential([keras.Input((SIDE, SIDE, 3)), _backbone(), *head], name="sequential_of_nested")


class _Block(keras.Layer):
    """A layer made of layers."""

    def __init__(self):
        super().__init__(name="block")
        self.steps = _layers()

    def call(self, maps, training=False):
        for step in self.steps[:1]:
            maps = step(maps)
        maps = self.steps[1](maps, training=training)
        for step in self.steps[2:]:
            maps = step(maps)
        return maps


class _Subclassed(keras.Model):
    def __init__(self):
        super().__init__(name="subclassed")
        self.encoder = _Block()
        self.average = keras.layers.GlobalAveragePooling2D(name="average")
        self.head = keras.layers.Dense(CLASSES, name="logits")

    def call(self, images, training=False):
        return self.head(self.average(self.encoder(images, training=training)))


def subclassed() -> keras.Model:
    model = _Subclassed()
    model.build((None, SIDE, SIDE, 3))
    return model


def residual() -> keras.Model:
    """conv1 lies inside the skip connection: part of the signal goes round it."""
    inputs = keras.Input((SIDE, SIDE, 3))
    stem = keras.layers.Conv2D(5, 3, padding="same", activation="relu", name="stem")(inputs)
    maps = keras.layers.Conv2D(5, 3, padding="same", name="conv1")(stem)
    maps = keras.layers.Add(name="add")([stem, maps])
    return keras.Model(inputs, _head(keras.layers.Conv2D(6, 3, activation="relu", name="conv2")(maps)), name="residual")


def binary_sigmoid() -> keras.Model:
    inputs = keras.Input((SIDE, SIDE, 3))
    average = keras.layers.GlobalAveragePooling2D(name="average")(_chain(_layers(), inputs))
    return keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid", name="p")(average), name="binary_sigmoid")


def softmax() -> keras.Model:
    inputs = keras.Input((SIDE, SIDE, 3))
    logits = _head(_chain(_layers(), inputs))
    return keras.Model(inputs, keras.layers.Softmax(name="softmax")(logits), name="softmax")


def mixed_bfloat16() -> keras.Model:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        return functional()
    finally:
        keras.config.set_dtype_policy(before)


def shake(model: keras.Model, seed: int = 0) -> keras.Model:
    """Give a model weights as of a trained one: normalisations that do something, biases that are not zero."""
    if not model.weights:
        model(np.zeros((1, SIDE, SIDE, 3)))  # a subclassed model builds its layers when it is called
    generator = np.random.default_rng(seed)
    for weight in model.weights:
        positive = any(word in weight.path for word in ("gamma", "variance"))
        low, high = (0.5, 1.5) if positive else (-0.5, 0.5)
        if "seed" not in weight.path:
            weight.assign(generator.uniform(low, high, weight.shape))
    return model


KINDS = {
    kind.__name__: kind
    for kind in (
        functional,
        sequential,
        nested,
        sequential_of_nested,
        subclassed,
        residual,
        binary_sigmoid,
        softmax,
        mixed_bfloat16,
    )
}
