"""Whole networks against other programs: OpenCV 4 (frozen numbers), and what the cfg files say of themselves."""

import json
import subprocess
import sys

import numpy as np
import pytest

from tests.yolo.darknet_networks import located, picture, random_weights, tiny_cfg, yolov3_cfg
from tests.yolo.freeze_darknet import FILES, FROZEN, sampled
from yolo import darknet
from yolo.darknet.verification import OPENCV_EPSILON

EXPECTED = json.loads(FROZEN.read_text())


def check(model, network, expected):
    heads = model(picture(network.size), training=False)
    assert len(heads) == len(expected)
    for head, frozen in zip(heads, expected):
        head = np.asarray(head)
        assert list(head.shape) == frozen["shape"]
        np.testing.assert_allclose(head.ravel()[sampled(head)], frozen["samples"], rtol=0, atol=1e-4)
        assert np.abs(head, dtype=np.float64).mean() == pytest.approx(frozen["mean_absolute"], rel=1e-5)


@pytest.mark.parametrize("name", FILES)
def test_published_networks_are_those_of_opencv(name, tmp_path):
    cfg, weights = map(located, FILES[name])
    if not (cfg and weights):
        pytest.skip(f"{FILES[name]} are not in $LECTURE_DATA")
    network = darknet.read_cfg(cfg)
    contents = darknet.read_weights(weights, network.records)
    model = darknet.build(network, contents, epsilon=OPENCV_EPSILON)
    check(model, network, EXPECTED[name])
    darknet.save(tmp_path / "again.weights", model, network, contents.header)
    assert (tmp_path / "again.weights").read_bytes() == weights.read_bytes()


def test_a_random_yolov3_is_that_of_opencv():
    network = darknet.parse_cfg(yolov3_cfg(96, 128))
    model = darknet.build(network, random_weights(network.records), epsilon=OPENCV_EPSILON)
    check(model, network, EXPECTED["yolov3, random"])


@pytest.mark.parametrize(("path", "text"), [("yolov3.cfg", yolov3_cfg(608)), ("yolov3-tiny.cfg", tiny_cfg(416))])
def test_the_cfg_texts_of_the_tests_are_the_published_ones(path, text):
    if not located(f"darknet/{path}"):
        pytest.skip(f"darknet/{path} is not in $LECTURE_DATA")
    network, ours = darknet.read_cfg(located(f"darknet/{path}")), darknet.parse_cfg(text)
    assert (network.size, network.heads, network.records) == (ours.size, ours.heads, ours.records)
    for layer, other in zip(network.layers, ours.layers, strict=True):
        assert (layer.name, layer.inputs, layer.shape, layer.options) == (
            other.name,
            other.inputs,
            other.shape,
            other.options,
        )


@pytest.mark.parametrize(
    ("text", "file_bytes", "bflops"),
    [
        (yolov3_cfg(416), 248_007_048, 65.864),
        (yolov3_cfg(608), 248_007_048, 140.692),
        (tiny_cfg(416), 35_434_956, 5.565),
    ],
    ids=["yolov3-416", "yolov3-608", "tiny-416"],
)
def test_sizes_of_the_published_files_and_darknets_own_count_of_operations(text, file_bytes, bflops):
    network = darknet.parse_cfg(text)
    assert 20 + 4 * network.parameters == file_bytes
    assert 2 * network.operations / 1e9 == pytest.approx(bflops, abs=1e-3)


def test_reading_a_cfg_does_not_start_tensorflow():
    code = (
        "import sys, yolo.models; from yolo.darknet import parse_cfg, read_weights, verify; "
        "print([name for name in ('tensorflow', 'keras', 'cv2') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
