"""Decoding: against the equation written out cell by cell, Darknet's own numbers, and NumPy against TensorFlow."""

import math
import os
from pathlib import Path

import numpy as np
import pytest

from yolo.decoding import decode, decode_v2_head, decode_v3_head

ANCHORS = np.array([[5, 7], [10, 14], [23, 27], [37, 58], [50, 40], [75, 80]])
# Next to the mirror of the data, where there is one: the numbers that the original program gave.
ORACLE = Path(os.environ.get("LECTURE_DATA", "").split(os.pathsep)[0]).parent / "oracles" / "darknet_yolov3_mini.npz"


def logistic(x):
    return 1 / (1 + math.exp(-x))


def by_hand(logits, anchors, size, unit=1.0):
    """Darknet's get_yolo_box, in plain Python loops."""
    batch, rows, columns, channels = logits.shape
    per = channels // len(anchors)
    found = []
    for image in range(batch):
        for row in range(rows):
            for column in range(columns):
                for k, (width, height) in enumerate(anchors):
                    x, y, w, h, o, *c = logits[image, row, column, k * per : (k + 1) * per].tolist()
                    cx, cy = (column + logistic(x)) / columns * size[1], (row + logistic(y)) / rows * size[0]
                    w, h = math.exp(w) * width * unit, math.exp(h) * height * unit
                    found.append([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2, logistic(o), *c])
    return np.array(found).reshape(batch, rows * columns * len(anchors), per)


@pytest.mark.parametrize(("size", "grid"), [((64, 64), (2, 2)), ((96, 160), (3, 5)), ((160, 32), (10, 2))])
def test_v3_by_hand(size, grid):
    """Also where the input is not square."""
    logits = np.random.default_rng(0).normal(size=(2, *grid, 3 * 7))
    expected = by_hand(logits, ANCHORS[:3], size)
    boxes, objectness, classes = decode_v3_head(logits, ANCHORS[:3], size)
    assert boxes == pytest.approx(expected[..., :4], abs=1e-12)
    assert objectness == pytest.approx(expected[..., 4], abs=1e-15)
    assert classes == pytest.approx(np.vectorize(logistic)(expected[..., 5:]), abs=1e-15)


def test_v2_by_hand():
    """Anchors in cells of 32 pixels, classes that compete."""
    logits = np.random.default_rng(1).normal(size=(2, 3, 5, 2 * 8))
    anchors = np.array([[1.08, 1.19], [3.42, 4.41]])
    expected = by_hand(logits, anchors, (96, 160), unit=32)
    decoded = decode_v2_head(logits, anchors, (96, 160))
    assert decoded.boxes == pytest.approx(expected[..., :4], abs=1e-12)
    powers = np.exp(expected[..., 5:])
    assert decoded.classes == pytest.approx(powers / powers.sum(axis=-1, keepdims=True), abs=1e-14)
    assert decoded.scores.sum(axis=-1) == pytest.approx(decoded.objectness)


def test_darknets_own_numbers():
    """Image 0, coarse head of 6 x 6 on 96 x 96, row 2, column 3, anchor 1: frozen from the original program."""
    raw_logits = [
        0.948223829,
        -2.66112542,
        -0.959373772,
        0.484642506,
        -0.675315917,
        0.185957342,
        -0.66502583,
        -1.43879199,
    ]
    activated = [0.720757842, 0.0653066039, 0.337307543, 0.546355844, 0.33961153, 0.191732481]
    logits = np.zeros((1, 6, 6, 24), np.float32)
    logits[0, 2, 3, 8:16] = raw_logits
    decoded = decode_v3_head(logits, ANCHORS[3:], (96, 96))
    row = (2 * 6 + 3) * 3 + 1
    x, y, objectness, *classes = activated
    assert decoded.objectness[0, row] == pytest.approx(objectness, abs=2e-7)
    assert decoded.classes[0, row] == pytest.approx(classes, abs=2e-7)
    x1, y1, x2, y2 = decoded.boxes[0, row]
    assert ((x1 + x2) / 2, (y1 + y2) / 2) == pytest.approx(((3 + x) * 16, (2 + y) * 16), abs=1e-5)
    assert (x2 - x1, y2 - y1) == pytest.approx((50 * math.exp(raw_logits[2]), 40 * math.exp(raw_logits[3])), rel=1e-6)


@pytest.mark.skipif(not ORACLE.is_file(), reason="the original program's numbers are not on this machine")
def test_darknets_own_numbers_in_full():
    oracle = np.load(ORACLE)
    for name, anchors in (("coarse", ANCHORS[3:]), ("fine", ANCHORS[:3])):
        logits, expected = (oracle[f"inference_{kind}_{name}"].transpose(0, 2, 3, 1) for kind in ("logits", "decoded"))
        side = logits.shape[1]
        expected = expected.reshape(2, side, side, 3, 8).astype(np.float64)
        decoded = decode_v3_head(logits, anchors, (96, 96))
        assert np.abs(decoded.objectness - expected[..., 4].reshape(2, -1)).max() < 2e-7
        assert np.abs(decoded.classes - expected[..., 5:].reshape(2, -1, 3)).max() < 2e-7
        column, row = np.meshgrid(np.arange(side), np.arange(side))
        centre = (np.stack([column, row], -1)[:, :, None] + expected[..., :2]) * (96 / side)
        half = np.exp(expected[..., 2:4]) * anchors / 2
        boxes = np.concatenate([centre - half, centre + half], axis=-1).reshape(2, -1, 4)
        assert np.abs(decoded.boxes - boxes).max() < 5e-5


def test_all_heads_together():
    rng = np.random.default_rng(2)
    heads = [rng.normal(size=(2, side, 2 * side, 3 * 6)) for side in (1, 2)]
    masks = [ANCHORS[3:], ANCHORS[:3]]
    decoded = decode(heads, masks, (32, 64))
    assert decoded.boxes.shape == (2, 3 * (2 + 8), 4)
    for start, head, anchors in ((0, heads[0], masks[0]), (6, heads[1], masks[1])):
        one = decode_v3_head(head, anchors, (32, 64))
        for whole, part in zip(decoded, one):
            assert np.array_equal(whole[:, start : start + part.shape[1]], part)


@pytest.mark.parametrize("decoder", [decode_v3_head, decode_v2_head])
def test_wild_logits_stay_finite(decoder):
    logits = np.random.default_rng(3).uniform(-1e4, 1e4, (1, 4, 4, 12)).astype(np.float32)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        decoded = decoder(logits, [[10, 20], [30, 40]], (128, 128))
    assert all(np.isfinite(part).all() for part in decoded)


@pytest.mark.parametrize("decoder", [decode_v3_head, decode_v2_head])
def test_tensors(decoder):
    """Eagerly, with sides that a graph learns when it runs, and under XLA; half precision is widened."""
    tf = pytest.importorskip("tensorflow")
    logits = np.random.default_rng(4).normal(size=(2, 3, 5, 2 * 7)).astype(np.float32)
    anchors = ANCHORS[:2] / 4
    expected = decoder(logits, anchors, (96, 160))

    def run(head):
        return decoder(head, anchors, (96, 160))

    unknown = tf.function(run, input_signature=[tf.TensorSpec((None, None, None, 14), tf.float32)])
    for call in (run, unknown, tf.function(run, jit_compile=True)):
        for found, wanted in zip(call(tf.constant(logits)), expected):
            assert found.dtype == tf.float32
            assert np.abs(found - wanted).max() <= 1e-6 * max(1, np.abs(wanted).max())
    half = run(tf.cast(logits, tf.bfloat16))
    assert half.boxes.dtype == tf.float32
    assert np.abs(half.boxes - expected.boxes).max() < 1


def test_gradients_of_wild_logits():
    tf = pytest.importorskip("tensorflow")
    logits = tf.constant(np.random.default_rng(5).uniform(-1e4, 1e4, (1, 2, 2, 6)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        decoded = decode_v3_head(logits, [[10, 20]], (64, 64))
        total = tf.add_n([tf.reduce_sum(part) for part in decoded])
    assert np.isfinite(tape.gradient(total, logits)).all()


@pytest.mark.parametrize(
    ("shape", "anchors", "size", "words"),
    [
        ((1, 2, 2, 20), ANCHORS[:3], (64, 64), r"logits have shape \(1, 2, 2, 20\), anchors \(3, 2\)"),
        ((1, 2, 2, 15), ANCHORS[:3], (64, 64), "accepted"),  # no class
        ((2, 2, 18), ANCHORS[:3], (64, 64), "accepted"),
        ((1, 2, 3, 18), ANCHORS[:3], (96, 64), r"2 rows and 3 columns does not fit the size \(96, 64\)"),
        ((1, 2, 2, 18), ANCHORS[:3], (65, 65), "does not fit"),
        ((1, 2, 2, 18), ANCHORS[:3].ravel(), (64, 64), "anchors have shape"),
        ((1, 2, 2, 18), ANCHORS[:3], (64, 0), "size is 0"),
    ],
)
def test_refusals(shape, anchors, size, words):
    for decoder in (decode_v3_head, decode_v2_head):
        with pytest.raises(ValueError, match=words):
            decoder(np.zeros(shape), anchors, size)


def test_heads_must_agree():
    heads = [np.zeros((1, 1, 1, 6)), np.zeros((1, 1, 1, 7))]
    with pytest.raises(ValueError, match="2 heads and 1 lists"):
        decode(heads, [[[1, 2]]], (32, 32))
    with pytest.raises(ValueError, match=r"\[1, 2\] classes"):
        decode(heads, [[[1, 2]]] * 2, (32, 32))
