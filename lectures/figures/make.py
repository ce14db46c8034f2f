"""Make the pictures of the README: ``python lectures/figures/make.py``."""

from pathlib import Path

import numpy as np
from PIL import Image

import cnnviz
from cnnviz import plots
from data import photo, scenes

HERE = Path(__file__).parent


def distillation() -> None:
    """The cat's way through the network."""
    net = cnnviz.load()
    images = net.preprocess(photo("cat"), size=192)
    layers = [f"block{block}_conv2_relu" for block in range(1, 6)]
    activations = cnnviz.activation_maps(net.model, images, layers)
    (answer,) = net.decode(net.model(images), top=3)
    figure = plots.distillation(images[0].astype(np.uint8), activations, answer)
    figure.savefig(HERE / "distillation.png", dpi=110)


def street_scenes(rows: int = 4, columns: int = 8) -> None:
    """A sheet of scenes with thin white lines between."""
    size, gap = 128, 3
    sheet = np.full(
        (rows * (size + gap) - gap, columns * (size + gap) - gap, 3), 255, np.uint8
    )
    for seed in range(rows * columns):
        top, left = seed // columns * (size + gap), seed % columns * (size + gap)
        sheet[top : top + size, left : left + size] = scenes.scene(seed, size).image
    Image.fromarray(sheet).save(HERE / "scenes.png", optimize=True)


if __name__ == "__main__":
    distillation()
    street_scenes()
