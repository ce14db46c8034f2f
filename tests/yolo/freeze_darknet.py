"""Make frozen_darknet.json: raw heads of four networks as OpenCV 4 computes them, for tests/yolo/test_darknet.py.

It needs OpenCV 4, whose importer of Darknet files version 5 has dropped, and NumPy; not TensorFlow. In an environment
of its own, from the repository's root:

    pip install "opencv-python-headless==4.12.0.88"
    LECTURE_DATA=FOLDERS PYTHONPATH=. python tests/yolo/freeze_darknet.py

FOLDERS hold what ``FILES`` names: the assets "yolov3-tiny.weights", "darknet-photos", "yolo-fastest" and
"yolov3-tiny-aix" of ``python -m data``. The pictures and YOLOv3's weights come from a seed.
"""

import json
import tempfile
from pathlib import Path

import cv2
import numpy as np

from tests.yolo.darknet_networks import located, picture, random_weights, yolov3_cfg
from yolo.darknet.network import read_cfg
from yolo.darknet.verification import opencv_outputs
from yolo.darknet.weights import write_weights

FILES = {
    "yolov3-tiny": ("darknet/yolov3-tiny.cfg", "yolov3-tiny.weights"),
    "yolo-fastest-1.1": ("darknet/yolo-fastest/yolo-fastest-1.1.cfg", "darknet/yolo-fastest/yolo-fastest-1.1.weights"),
    "yolov3-tiny-aix": (
        "darknet/yolov3-tiny-aix/yolov3-tiny-aix2022.cfg",
        "darknet/yolov3-tiny-aix/yolov3-tiny-aix2022.weights",
    ),
}
SAMPLES = 48
FROZEN = Path(__file__).with_name("frozen_darknet.json")


def sampled(array):
    """Where the samples lie in a head, flat."""
    return np.random.default_rng(array.size).choice(array.size, SAMPLES, replace=False)


def frozen(cfg, weights):
    """The samples of every head, and the mean of all absolute values, which no shift or swap leaves alone."""
    network = read_cfg(cfg)
    heads = opencv_outputs(cfg, weights, network, picture(network.size))
    return [
        {
            "shape": head.shape,
            "mean_absolute": float(np.abs(head, dtype=np.float64).mean()),
            "samples": [float(f"{number:.8g}") for number in head.ravel()[sampled(head)]],
        }
        for head in heads
    ]


def main():
    """Write the file."""
    networks = {name: frozen(located(cfg), located(weights)) for name, (cfg, weights) in FILES.items()}
    with tempfile.TemporaryDirectory() as folder:
        cfg, weights = Path(folder, "yolov3.cfg"), Path(folder, "yolov3.weights")
        cfg.write_text(yolov3_cfg(96, 128))
        records = read_cfg(cfg).records
        write_weights(weights, random_weights(records), records)
        networks["yolov3, random"] = frozen(cfg, weights)
    lines = [f"{json.dumps(name)}: {json.dumps(heads)}" for name, heads in networks.items()]
    lines = [f'"engine": "OpenCV {cv2.__version__}"', *lines]
    FROZEN.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
