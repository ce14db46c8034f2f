"""Max pooling with indices, and unpooling, against MaxPooling2D and UpSampling2D: what a step of training costs.

    python benchmarks/fcn_unpooling.py [--rounds 9] [--batch 2] [--training]

Forward and backward of the two layers alone, at SegNet's sizes, with and without XLA (which Keras uses by default when
a model is trained), alternately in one run: CPU and wall seconds, medians, as ratios to the peer, Keras's pair of
layers. Beside it: TensorFlow's argmax operation with a scatter (the usual recipe; not under XLA), the indices of ours
with a scatter, and PyTorch's pair, if it is installed. ``--training`` times ``fit`` on a small encoder and decoder.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from alternating import medians

from fcn.layers.pooling import MaxPoolingWithArgmax2D, MaxUnpooling2D, indices_from_tensorflow

Run = Callable[[], object]
SIZES = ((180, 240, 64), (90, 120, 128), (45, 60, 256))
PEER = "Keras: MaxPooling2D + UpSampling2D"
OURS = "fcn: MaxPoolingWithArgmax2D + MaxUnpooling2D"


def scatter(maps: tf.Tensor, indices: tf.Tensor, shape: tuple[int, ...]) -> tf.Tensor:
    """Unpooling as most write it, with the batch in the index."""
    batch, height, width, channels = shape
    pixels = tf.range(batch)[:, None, None, None] * (height * width) + indices
    flat = tf.reshape(pixels * channels + tf.range(channels), (-1, 1))
    return tf.reshape(tf.scatter_nd(flat, tf.reshape(maps, [-1]), [tf.math.reduce_prod(shape)]), shape)


def keras_pair() -> Callable:
    """The peer; where a row is left over, the image is padded back, as SegNets made of these layers must."""
    pool, up = keras.layers.MaxPooling2D(), keras.layers.UpSampling2D()

    def run(images: tf.Tensor) -> tf.Tensor:
        larger = up(pool(images))
        missing = [[0, n - m] for n, m in zip(images.shape, larger.shape)]
        return tf.pad(larger, missing) if images.shape != larger.shape else larger

    return run


def fcn_pair() -> Callable:
    """Ours."""
    pool, unpool = MaxPoolingWithArgmax2D(), MaxUnpooling2D()
    return lambda images: unpool(*pool(images), like=images)


def fcn_scatter() -> Callable:
    """Our pooling, with a scatter."""
    pool = MaxPoolingWithArgmax2D()
    return lambda images: scatter(*pool(images), images.shape)


def argmax_scatter(images: tf.Tensor) -> tf.Tensor:
    """TensorFlow's operation, with a scatter."""
    maxima, argmax = tf.nn.max_pool_with_argmax(images, 2, 2, "VALID")
    return scatter(maxima, indices_from_tensorflow(argmax), images.shape)


def step(function: Callable, images: tf.Tensor, jit: bool) -> Run:
    """Forward and backward, compiled."""

    @tf.function(jit_compile=jit)
    def run(images: tf.Tensor, upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(images)
            found = function(images)
        # Both are given back: the gradient does not need the unpooled maps, and a graph would leave them out.
        return found, tape.gradient(found, images, upstream)

    return lambda: run(images, images)


def torch_step(images: np.ndarray) -> Run | None:
    """PyTorch's pair, forward and backward, if it is installed; channels last in memory, as ours."""
    try:
        import torch
    except ImportError:
        return None
    pool, unpool = torch.nn.MaxPool2d(2, return_indices=True), torch.nn.MaxUnpool2d(2)
    tensor = torch.tensor(images.transpose(0, 3, 1, 2)).to(memory_format=torch.channels_last).requires_grad_()

    def run() -> object:
        found = unpool(*pool(tensor), output_size=tensor.shape[2:])
        return torch.autograd.grad(found, tensor, tensor)

    return run


def measure(runs: dict[str, Run], rounds: int) -> None:
    """Alternately; prints medians, and their ratios to the first."""
    found = medians(runs, rounds)
    first = next(iter(found.values()))
    for name, (cpu, wall) in found.items():
        print(f"  {name:46} CPU {1e3 * cpu:7.1f} ms ({cpu / first[0]:5.2f})   wall {1e3 * wall:7.1f} ms", end="")
        print(f" ({wall / first[1]:5.2f})", flush=True)


def trained(ours: bool, jit: bool, side: tuple[int, int] = (180, 240), channels: int = 16) -> Run:
    """One epoch of four batches on an encoder and decoder of three levels."""
    maps, places = keras.Input((*side, 3)), []
    inputs = maps
    for level in range(3):
        maps = keras.layers.Conv2D(channels << level, 3, padding="same", activation="relu")(maps)
        before, indices = maps, None
        maps = keras.layers.MaxPooling2D(padding="same")(before) if not ours else None
        if ours:
            maps, indices = MaxPoolingWithArgmax2D(padding="same")(before)
        places.append((before, indices))
    for level in reversed(range(3)):
        before, indices = places.pop()
        if ours:
            maps = MaxUnpooling2D(padding="same")(maps, indices, like=before)
        else:
            maps = keras.layers.UpSampling2D()(maps)
            odd = [[0, m - n] for n, m in zip(before.shape[1:3], maps.shape[1:3])]
            maps = keras.layers.Cropping2D(odd)(maps) if np.any(odd) else maps
        maps = keras.layers.Conv2D(channels << max(level - 1, 0), 3, padding="same", activation="relu")(maps)
    model = keras.Model(inputs, keras.layers.Conv2D(1, 1)(maps))
    model.compile("sgd", "mse", jit_compile=jit)
    images = np.random.default_rng(0).normal(size=(8, *side, 3)).astype(np.float32)
    return lambda: model.fit(images, images[..., :1], batch_size=2, verbose=0)


def main() -> None:
    """Print a table for each size, with and without XLA."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--training", action="store_true")
    arguments = parser.parse_args()
    for jit in (False, True):
        if arguments.training:
            print(f"fit, 8 images of 180 x 240, three levels, {'XLA' if jit else 'graph'}")
            measure({PEER: trained(False, jit), OURS: trained(True, jit)}, arguments.rounds)
            continue
        for size in SIZES:
            images = np.random.default_rng(0).normal(size=(arguments.batch, *size)).astype(np.float32)
            tensor = tf.constant(images)
            pairs = {PEER: keras_pair(), OURS: fcn_pair(), "fcn's indices, tf.scatter_nd": fcn_scatter()}
            if not jit:
                pairs["tf.nn.max_pool_with_argmax, tf.scatter_nd"] = argmax_scatter
            runs = {name: step(pair, tensor, jit) for name, pair in pairs.items()}
            peer = torch_step(images)
            if peer is not None:
                runs["PyTorch: MaxPool2d + MaxUnpool2d"] = peer
            print(f"{arguments.batch} x {' x '.join(map(str, size))}, {'XLA' if jit else 'graph'}")
            measure(runs, arguments.rounds)


if __name__ == "__main__":
    main()
