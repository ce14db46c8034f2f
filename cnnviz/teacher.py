"""Soft labels for the training of the embedded classifier (Hinton, Vinyals and Dean 2015)."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from cnnviz.training_data import PHOTOGRAPH, VIEW


def soft_labels(views: np.ndarray, labels: np.ndarray, classes: int, seed: int, path: Path) -> np.ndarray:
    """What an ImageNet MobileNetV2 with a linear head makes of every view: float32 ``(n, views, classes)``.

    Each half of the photographs is labelled by the head that was trained on the other half.
    """
    import keras
    import tensorflow as tf
    from tqdm.auto import tqdm

    if path.exists():
        return np.load(path)
    count, each = views.shape[:2]
    backbone = keras.applications.MobileNetV2(
        include_top=False, weights=None, pooling="avg", input_shape=(None, None, 3)
    )
    # The file of the whole network serves: by name, so that its last layer is left out.
    whole = keras.applications.MobileNetV2(weights="imagenet")
    for layer in backbone.layers:
        if layer.weights:
            layer.set_weights(whole.get_layer(layer.name).get_weights())

    @tf.function
    def features_of(batch):
        batch = tf.image.resize(tf.cast(batch, tf.float32), (PHOTOGRAPH, PHOTOGRAPH))
        return backbone(batch / 127.5 - 1, training=False)

    flat = views.reshape(-1, VIEW, VIEW, 3)
    features = np.concatenate(
        [features_of(flat[start : start + 128]).numpy() for start in tqdm(range(0, len(flat), 128), desc="teacher")]
    ).reshape(count, each, -1)

    keras.utils.set_random_seed(seed)
    half = np.random.default_rng((seed, 2)).permutation(count) % 2
    opinion = np.zeros((count, each, classes), np.float32)
    for side in (0, 1):
        head = keras.Sequential([keras.layers.Dropout(0.3), keras.layers.Dense(classes)])
        head.compile(
            keras.optimizers.AdamW(1e-3, weight_decay=1e-3),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        learn, judge = half == side, half != side
        head.fit(
            features[learn].reshape(-1, features.shape[-1]),
            np.repeat(labels[learn], each),
            batch_size=256,
            epochs=6,
            verbose=0,
        )
        logits = head.predict(features[judge].reshape(-1, features.shape[-1]), batch_size=1024, verbose=0)
        opinion[judge] = tf.nn.softmax(logits).numpy().reshape(-1, each, classes)
    agree = (opinion.argmax(-1) == labels[:, None]).mean()
    print(f"teacher: right on {agree:.3f} of the views that its head has not seen")
    np.save(path.with_suffix(".part.npy"), opinion)
    os.replace(path.with_suffix(".part.npy"), path)
    return opinion
