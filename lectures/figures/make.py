"""Make the pictures of the README: ``python lectures/figures/make.py``."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

import cnnviz
from cnnviz import ascent, cam, dream, objectives, plots, saliency
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


def explanations() -> None:
    """What cnnviz makes of the cat, and what four neurons would like to see."""
    net = cnnviz.load()
    images = net.preprocess(photo("cat"), size=192)
    photograph = images[0].astype(np.uint8)
    heat = cam.grad_cam(net, images, "cat")[0]
    slope = saliency.integrated_gradients(net, images, "cat", baseline="blurred")
    classes = ["english_springer", "garbage_truck", "golf_ball", "cat"]
    drawn = ascent.maximise(
        net, objectives.class_neuron(classes), size=192, steps=96, seed=1
    )
    figure = plt.figure(figsize=(10, 5.4), layout="constrained")
    top, bottom = figure.subplots(2, 4)
    top[0].imshow(photograph)
    top[1].imshow(plots.blend(photograph, heat))
    top[2].imshow(saliency.absolute(slope.attributions)[0], cmap="magma")
    top[3].imshow(dream.dream(net, photograph, "block4_conv2_relu", steps=12))
    titles = ["a photograph", "Grad-CAM", "integrated gradients", "DeepDream"]
    for ax, picture in zip(bottom, drawn, strict=True):
        ax.imshow(picture)
    titles += [f"the neuron of {name.replace('_', ' ')}" for name in classes]
    for ax, title in zip([*top, *bottom], titles, strict=True):
        ax.set_title(title, fontsize=11)
        ax.set_axis_off()
    figure.savefig(HERE / "explanations.jpg", dpi=100)


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
    explanations()
    street_scenes()
