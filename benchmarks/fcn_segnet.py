"""SegNet with real unpooling against PyTorch's equivalent, and against itself with UpSampling2D instead of unpooling.

    python benchmarks/fcn_segnet.py [--batch 1 4] [--width 1] [--size 180 240] [--rounds 7] [--jit] [--threads 1]

One forward pass in inference, and one step of training (cross-entropy, SGD), of `fcn.models.segnet.segnet`, of the
same layers with MaxPooling2D and UpSampling2D (Keras's own pair: no indices), and of the same layers in PyTorch
(MaxPool2d with indices, MaxUnpool2d; channels last in memory), alternately in one run: CPU and wall seconds, medians,
as ratios to ours. A ratio above 1 says that the peer takes longer. ``--jit`` adds both Keras networks under XLA.
All have the same number of parameters, and PyTorch's, given our weights, the same logits; both are asserted. Without
PyTorch its row says so.
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

from fcn.models.blocks import CropLike, channels, conv_bn_relu, image_input, logits
from fcn.models.segnet import segnet
from fcn.models.vgg16 import BLOCKS, MEANS, minus_mean

try:
    import torch
except ImportError:
    torch = None

Run = Callable[[], object]
CLASSES, RATE = 11, 1e-3
OURS = "fcn: segnet"
UPSAMPLING = "Keras: the same with UpSampling2D"
TORCH = "PyTorch: MaxPool2d, MaxUnpool2d"


def plan() -> list[tuple[str, int]]:
    """What follows what, for the peers: ``("conv", channels)`` in the order of the paper, "pool" and "unpool"."""
    encoder = [step for filters, count in BLOCKS for step in [("conv", filters)] * count + [("pool", 0)]]
    decoder = []
    for block, (filters, count) in reversed(list(enumerate(BLOCKS))):
        outward = BLOCKS[max(block - 1, 0)][0]
        # The last convolution of all is that of the logits.
        decoder += [("unpool", 0)] + [("conv", filters)] * (count - 1) + [("conv", outward)] * (block > 0)
    return encoder + decoder


def upsampling_segnet(size: tuple[int, int], width: float) -> keras.Model:
    """SegNet's layers with Keras's pair instead of indices; a row too many, where a side was odd, is cut off."""
    images = image_input(size)
    maps, pooled = minus_mean(images), []
    for number, (kind, filters) in enumerate(plan()):
        if kind == "conv":
            maps = conv_bn_relu(maps, channels(filters, width), use_bias=True, name=f"conv{number}")
        elif kind == "pool":
            pooled.append(maps)
            maps = keras.layers.MaxPooling2D(2, padding="same")(maps)
        else:
            maps = CropLike()(keras.layers.UpSampling2D(2)(maps), pooled.pop())
    return keras.Model(images, logits(maps, CLASSES, kernel_size=3))


def torch_segnet(width: float) -> torch.nn.Module:
    """The same layers in PyTorch; float RGB ``(batch, 3, height, width)`` in 0..255 to logits."""

    class SegNet(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("means", torch.tensor(MEANS)[:, None, None])
            self.pool = torch.nn.MaxPool2d(2, return_indices=True, ceil_mode=True)  # what Keras calls "same" padding
            self.unpool = torch.nn.MaxUnpool2d(2)
            self.convolutions, before = torch.nn.ModuleList(), 3
            for kind, filters in plan():
                if kind == "conv":
                    after = channels(filters, width)
                    self.convolutions.append(
                        torch.nn.Sequential(
                            torch.nn.Conv2d(before, after, 3, padding=1),
                            torch.nn.BatchNorm2d(after, eps=1e-3, momentum=0.1),  # Keras's, and 1 - .9
                            torch.nn.ReLU(inplace=True),
                        )
                    )
                    before = after
            self.logits = torch.nn.Conv2d(before, CLASSES, 3, padding=1)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            maps, places, convolutions = images.flip(1) - self.means, [], iter(self.convolutions)
            for kind, _ in plan():
                if kind == "conv":
                    maps = next(convolutions)(maps)
                elif kind == "pool":
                    size = maps.shape[2:]
                    maps, indices = self.pool(maps)
                    places.append((indices, size))
                else:
                    indices, size = places.pop()
                    maps = self.unpool(maps, indices, output_size=size)
            return self.logits(maps)

    return SegNet().to(memory_format=torch.channels_last)


def check_same(ours: keras.Model, peer: torch.nn.Module, images: np.ndarray) -> None:
    """Give the peer our weights, and see that it has the same number of them and gives the same logits."""
    weighty = [layer for layer in ours.layers if layer.weights]
    modules = [one for one in peer.modules() if isinstance(one, (torch.nn.Conv2d, torch.nn.BatchNorm2d))]
    with torch.no_grad():
        for layer, module in zip(weighty, modules, strict=True):
            first, *rest = (torch.tensor(np.asarray(weight)) for weight in layer.weights)
            if isinstance(module, torch.nn.Conv2d):
                first, places = first.permute(3, 2, 0, 1), (module.weight, module.bias)
            else:
                places = module.weight, module.bias, module.running_mean, module.running_var
            for place, weight in zip(places, (first, *rest), strict=True):
                place.copy_(weight)
        found = peer.eval()(torch.tensor(images.transpose(0, 3, 1, 2))).numpy().transpose(0, 2, 3, 1)
    assert parameters(ours) == sum(one.numel() for one in peer.parameters())
    expected = np.asarray(ours(images, training=False))
    # Of two pixels that are equal but for rounding, either may be the maximum: logits round it differ by more.
    difference = float(np.median(np.abs(found - expected)) / expected.std())
    assert difference < 1e-3, f"PyTorch's network gives other logits: {difference:.1e} of their spread"


def parameters(model: keras.Model) -> int:
    """What is trained."""
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def keras_runs(model: keras.Model, images: np.ndarray, labels: np.ndarray, jit: bool) -> dict[str, Run]:
    """Forward and training step of a Keras network."""
    batch, wanted = tf.constant(images), tf.constant(labels)
    plain = tf.function(lambda images: model(images, training=False), jit_compile=jit)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(RATE), loss, jit_compile=jit)
    return {
        "forward": lambda: plain(batch).numpy(),
        "step": lambda: float(model.train_on_batch(batch, wanted)),
    }


def torch_runs(model: torch.nn.Module, images: np.ndarray, labels: np.ndarray) -> dict[str, Run]:
    """Forward and training step of a PyTorch network."""
    batch = torch.tensor(images.transpose(0, 3, 1, 2)).to(memory_format=torch.channels_last)
    wanted = torch.tensor(labels, dtype=torch.int64)
    optimiser = torch.optim.SGD(model.parameters(), RATE)

    def forward() -> object:
        with torch.inference_mode():
            return model.eval()(batch).numpy()

    def step() -> float:
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(model.train()(batch), wanted)
        loss.backward()
        optimiser.step()
        return loss.item()

    return {"forward": forward, "step": step}


def contenders(images: np.ndarray, labels: np.ndarray, width: float, jit: bool) -> dict[str, dict[str, Run]]:
    """Each by name, with what it runs; ours first."""
    size, found = images.shape[1:3], {}
    for compiled in (False, True) if jit else (False,):
        ours, upsampling = segnet(CLASSES, size=size, width=width), upsampling_segnet(size, width)
        assert parameters(ours) == parameters(upsampling)
        for name, model in ((OURS, ours), (UPSAMPLING, upsampling)):
            found[name + ", XLA" * compiled] = keras_runs(model, images, labels, compiled)
        if torch is not None and not compiled:
            peer = torch_segnet(width)
            check_same(ours, peer, images)
            found[TORCH] = torch_runs(peer, images, labels)
    print(f"{len(images)} x {size[0]} x {size[1]}, width {width:g}, {parameters(ours) / 1e6:.2f} M parameters")
    return found


def measure(runs: dict[str, Run], rounds: int) -> None:
    """Alternately; prints medians, and their ratios to the first."""
    found = medians(runs, rounds)
    first = found[OURS]
    for name, (cpu, wall) in found.items():
        print(f"    {name:40} CPU {cpu:7.3f} s  {cpu / first[0]:5.2f}x   wall {wall:7.3f} s", end="")
        print(f"  {wall / first[1]:5.2f}x", flush=True)
    if torch is None:
        print(f"    {TORCH:40} PyTorch is not installed")


def main() -> None:
    """Print a table for each batch: forward, training step."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--size", type=int, nargs=2, default=[180, 240], metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--width", type=float, default=1.0, help="all channels times this")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, help="of each library; 1 counts work alone, without waiting for others")
    parser.add_argument("--jit", action="store_true", help="the Keras networks under XLA, too")
    parser.add_argument("--only", choices=("forward", "step"))
    arguments = parser.parse_args()
    if arguments.threads:
        tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
        tf.config.threading.set_inter_op_parallelism_threads(arguments.threads)
        if torch is not None:
            torch.set_num_threads(arguments.threads)
    for batch in arguments.batch:
        keras.utils.set_random_seed(0)
        generator = np.random.default_rng(0)
        images = generator.uniform(0, 255, (batch, *arguments.size, 3)).astype(np.float32)
        labels = generator.integers(0, CLASSES, (batch, *arguments.size)).astype(np.int32)
        runs = contenders(images, labels, arguments.width, arguments.jit)
        for kind in [arguments.only] if arguments.only else ["forward", "step"]:
            print(f"  {'forward pass' if kind == 'forward' else 'training step'}")
            measure({name: run[kind] for name, run in runs.items()}, arguments.rounds)
        keras.utils.clear_session()


if __name__ == "__main__":
    main()
