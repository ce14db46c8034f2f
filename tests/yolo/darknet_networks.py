"""Darknet networks for tests: cfg texts, weights from a seed, and where files from elsewhere lie."""

import os
from pathlib import Path

import numpy as np

from yolo.darknet.weights import Header, Weights

YOLOV3_ANCHORS = "10,13, 16,30, 33,23, 30,61, 62,45, 59,119, 116,90, 156,198, 373,326"
TINY_ANCHORS = "10,14, 23,27, 37,58, 81,82, 135,169, 344,319"


def located(path):
    """A file of one of the folders of $LECTURE_DATA, or None."""
    for root in os.environ.get("LECTURE_DATA", "").split(os.pathsep):
        if root and (Path(root) / path).exists():
            return Path(root) / path
    return None


def net(rows, columns=None, channels=3):
    return f"[net]\nheight={rows}\nwidth={columns or rows}\nchannels={channels}\n"


def conv(filters, size=1, stride=1, activation="leaky", norm=1, **extra):
    lines = "".join(f"{key}={value}\n" for key, value in extra.items())
    return (
        f"[convolutional]\nbatch_normalize={norm}\nfilters={filters}\nsize={size}\nstride={stride}\npad=1\n"
        f"activation={activation}\n{lines}\n"
    )


def yolo(mask, anchors, classes):
    num = len(anchors.split(",")) // 2
    return conv((5 + classes) * 3, activation="linear", norm=0) + (
        f"[yolo]\nmask={mask}\nanchors={anchors}\nclasses={classes}\nnum={num}\n\n"
    )


def join(filters, layer):
    return f"[route]\nlayers=-4\n\n{conv(filters)}[upsample]\nstride=2\n\n[route]\nlayers=-1,{layer}\n\n"


def yolov3_cfg(rows, columns=None, classes=80, share=1, spp=False):
    """The text of yolov3.cfg, each number of filters divided by ``share``; or of yolov3-spp.cfg."""
    text = net(rows, columns) + conv(32 // share, 3)
    for filters, blocks in ((64, 1), (128, 2), (256, 8), (512, 8), (1024, 4)):
        text += conv(filters // share, 3, 2)
        block = conv(filters // 2 // share) + conv(filters // share, 3) + "[shortcut]\nfrom=-3\nactivation=linear\n\n"
        text += blocks * block
    for filters, mask, skip in ((512, "6,7,8", None), (256, "3,4,5", 61), (128, "0,1,2", 36)):
        narrow, wide = conv(filters // share), conv(2 * filters // share, 3)
        if skip:
            text += join(filters // share, skip)
        text += narrow + wide + narrow
        if spp and not skip:
            for size, route in ((5, "-2"), (9, "-4"), (13, "-1,-3,-5,-6")):
                text += f"[maxpool]\nstride=1\nsize={size}\n\n[route]\nlayers={route}\n\n"
            text += narrow
        text += wide + narrow + wide + yolo(mask, YOLOV3_ANCHORS, classes)
    return text


def tiny_cfg(rows, columns=None, classes=80, share=1):
    """The text of yolov3-tiny.cfg, each number of filters divided by ``share``."""
    text = net(rows, columns)
    for filters in (16, 32, 64, 128, 256):
        text += conv(filters // share, 3) + "[maxpool]\nsize=2\nstride=2\n\n"
    text += conv(512 // share, 3) + "[maxpool]\nsize=2\nstride=1\n\n" + conv(1024 // share, 3)
    text += conv(256 // share) + conv(512 // share, 3) + yolo("3,4,5", TINY_ANCHORS, classes)
    return text + join(128 // share, 8) + conv(256 // share, 3) + yolo("0,1,2", TINY_ANCHORS, classes)


def random_weights(records, seed=0):
    """Weights that keep numbers near 1 in every layer."""
    rng = np.random.default_rng(seed)
    layers = {}
    for record in records:
        arrays = layers[record.name] = {}
        for part, shape in record.parts:
            if part == "weights":
                # He's initialisation, somewhat smaller as residual blocks add up
                gain = np.float32(0.65 * np.sqrt(2 / np.prod(shape[1:])))
                arrays[part] = rng.standard_normal(shape, np.float32) * gain
            elif part in ("scales", "variance"):
                arrays[part] = rng.random(shape, np.float32) + np.float32(0.5)
            else:
                arrays[part] = rng.standard_normal(shape, np.float32) * np.float32(0.1)
    return Weights(Header(0, 2, 5, 64), layers)


def picture(size, channels=3, seed=0, batch=1):
    return np.random.default_rng(seed).random((batch, *size, channels), np.float32)
