"""`yolo.detector`: from pictures of any kind and size to boxes in their pixels."""

import io
import re

import keras
import numpy as np
import pytest
from PIL import Image

from data import ImageError
from data.letterboxing import letterbox
from yolo import detector as module
from yolo.boxes import to_letterbox
from yolo.decoding import decode
from yolo.detector import Detector
from yolo.nms import greedy

NAMES = ("red", "blue")
ANCHORS = [[(20, 30), (60, 40)]]


def spots(size=64):
    """A network that sees red and blue: each 16-pixel cell has a box where its middle is red or blue enough.

    Its one convolution looks at the cell's central pixel: objectness 20 (|red - blue|) - 10, classes by the difference.
    """
    inputs = keras.Input((None, None, 3))
    head = keras.layers.Conv2D(2 * 7, 16, strides=16, name="raw")
    network = keras.Model(inputs, head(inputs))
    kernel, bias = np.zeros((16, 16, 3, 14), np.float32), np.zeros(14, np.float32)
    bias[4::7] = -10
    bias[11] = -30  # the second anchor stays silent
    kernel[8, 8, 0, 4], kernel[8, 8, 2, 4], kernel[8, 8, 1, 4] = 20, 20, -20
    kernel[8, 8, 0, 5], kernel[8, 8, 2, 5], kernel[8, 8, 2, 6], kernel[8, 8, 0, 6] = 9, -9, 9, -9
    head.set_weights([kernel, bias])
    return Detector(network, NAMES, ANCHORS, size)


@pytest.fixture(scope="module")
def seer():
    return spots()


def picture(height=64, width=64, spot=(1, 2), colour=(255, 0, 0), side=16):
    image = np.zeros((height, width, 3), np.uint8)
    image[spot[0] * side : (spot[0] + 1) * side, spot[1] * side : (spot[1] + 1) * side] = colour
    return image


def test_one_spot_in_closed_form(seer):
    found = seer(picture())
    # sigmoid(0) = .5: the centre of cell (1, 2) is at (40, 24), and the anchor is 20 x 30.
    np.testing.assert_allclose(found.boxes, [[30, 9, 50, 39]])
    assert found.labels == ["red"] and found.size == (64, 64)
    assert found.scores[0] == pytest.approx(1 / (1 + np.exp(-10)) / (1 + np.exp(-9)), abs=1e-5)


def test_boxes_are_in_pixels_of_each_picture_and_inside_of_it(seer):
    large = picture(256, 256, side=64)
    wide = picture(128, 256, spot=(0, 2), colour=(0, 0, 255), side=64)
    many = [picture(), large, wide, picture(colour=(0, 0, 0))]
    found = seer(many, batch=3)
    np.testing.assert_allclose(found[0].boxes, [[30, 9, 50, 39]])
    np.testing.assert_allclose(found[1].boxes, [[120, 36, 200, 156]])
    # 128 x 256 lies in rows 16 to 48 of the input: the spot's cell is (1, 2), four times as large, 16 rows higher; cut.
    np.testing.assert_allclose(found[2].boxes, [[120, 0, 200, 92]])
    assert found[2].labels == ["blue"] and found[2].size == (128, 256)
    assert len(found[3]) == 0
    for batch in (1, 8):
        for one, other in zip(found, seer(many, batch=batch)):
            np.testing.assert_array_equal(one.boxes, other.boxes)
            np.testing.assert_allclose(one.scores, other.scores, atol=1e-6)
    assert [len(one) for one in seer(np.stack([picture()] * 2))] == [1, 1]
    assert seer([]) == []


def test_a_box_in_the_border_is_left_out(seer, monkeypatch):
    monkeypatch.setattr(Detector, "_fitted", lambda self, image, size: letterbox(image, size, fill=(255, 0, 0)))
    found = seer(np.zeros((16, 64, 3), np.uint8))  # the border, rows 0 to 24 and 40 to 64, is full of red
    assert len(found) and (found.boxes[:, 3] > found.boxes[:, 1]).all()
    assert found.boxes[:, 1].min() >= 0 and found.boxes[:, 3].max() <= 16


def test_stretched(seer):
    wide = np.zeros((64, 256, 3), np.uint8)
    wide[16:32, 128:192] = 255, 0, 0
    found = Detector(seer.network, NAMES, ANCHORS, 64, stretch=True)(wide)
    np.testing.assert_allclose(found.boxes, [[120, 9, 200, 39]])


def test_any_kind_of_picture(seer, tmp_path):
    image = picture()
    wanted = seer(image).boxes
    Image.fromarray(image).save(tmp_path / "a.png")
    stream = io.BytesIO((tmp_path / "a.png").read_bytes())
    clear = np.concatenate([image, np.full((64, 64, 1), 255, np.uint8)], axis=2)
    for one in (
        str(tmp_path / "a.png"), tmp_path / "a.png", stream, stream.getvalue(), clear, image / 255.0,
        (image / 255).astype(np.float32), image.astype(np.uint16) * 257, Image.fromarray(image),
        keras.ops.convert_to_tensor(image),
    ):  # fmt: skip
        np.testing.assert_allclose(seer(one).boxes, wanted)
    assert len(seer([str(tmp_path / "a.png"), image])) == 2
    assert len(seer(iter([image, image]))) == 2
    for shape in ((1, 1), (1, 1, 3), (1, 5000, 3), (4000, 2), (64, 64, 1)):
        found = seer(np.zeros(shape, np.uint8))
        assert len(found) == 0 and found.size == shape[:2]
    red = seer(np.full((1, 3000, 3), (255, 0, 0), np.uint8))
    assert (red.boxes[:, [1, 3]] == [0, 1]).all() or not len(red)


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (None, TypeError, "NoneType"),
        (3, TypeError, "int"),
        ({"a": 1}, TypeError, "images is a dict"),
        ("nowhere.jpg", FileNotFoundError, "no file 'nowhere.jpg'"),
        (np.zeros((4, 4, 5), np.uint8), ImageError, r"\(4, 4, 5\)"),
        (np.zeros((0, 4, 3), np.uint8), ImageError, "no pixels"),
        (np.full((4, 4, 3), 2.0), ImageError, "0..1"),
        (np.zeros((2, 3, 4, 4, 3), np.uint8), (ImageError, TypeError), "images|shape"),
        ([picture(), np.full((4, 4), np.nan)], ImageError, r"images\[1\]: array holds NaN"),
        ([picture(), None], TypeError, r"images\[1\]: "),
    ],
)
def test_anything_else_is_refused_in_words(seer, images, error, message):
    with pytest.raises(error, match=message):
        seer(images)


def test_options_are_those_of_decoding_and_suppression(seer):
    """Against decode, a threshold and greedy suppression, on raw heads of noise."""
    noise = np.random.default_rng(3).integers(0, 256, (40, 90, 3), dtype=np.uint8)
    sight = seer.look(noise, size=(64, 96))
    assert sight.canvas.shape == (64, 96, 3) and sight.heads[0].shape == (1, 4, 6, 14)
    decoded = decode(sight.heads, seer.anchors, (64, 96))
    for agnostic in (False, True):
        at, kinds = np.nonzero(decoded.scores[0] >= 0.001)
        boxes, scores = decoded.boxes[0][at], decoded.scores[0][at, kinds]
        kept = greedy(boxes, scores, None if agnostic else kinds, overlap=0.2).indices
        found = seer(noise, size=(64, 96), threshold=0.001, overlap=0.2, class_agnostic=agnostic)
        assert len(found) == len(kept) > 1
        cut = np.clip(boxes[kept], [0, sight.fit.top] * 2, [96, sight.fit.top + sight.fit.content[0]] * 2)
        np.testing.assert_allclose(to_letterbox(found.boxes, sight.fit), cut, atol=1e-3)
        np.testing.assert_allclose(found.scores, scores[kept], atol=1e-6)
    for options, message in (
        ({"threshold": 2}, "threshold is 2"),
        ({"overlap": -1}, "overlap is -1"),
        ({"batch": 0}, "batch is 0"),
        ({"size": 40}, "multiples of 32"),
        ({"size": (64, 64, 64)}, "size is"),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            seer(noise, **options)


def test_pictures_are_read_as_they_are_asked_for(seer):
    asked = []

    def film():
        for number in range(5):
            asked.append(number)
            yield picture()

    found = seer.each(film(), batch=2)
    next(found)
    assert asked == [0, 1]
    assert len(list(found)) == 4


def test_compiled_once(seer):
    run = seer.inference
    seer(picture()), seer(picture(100, 30))
    assert seer.inference is run and [key[1] for key in run._graphs].count((64, 64)) == 1


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"names": ("a",)}, ValueError, r"heads have \[14\] channels; 1 names and \[2\] anchors want \[12\]"),
        ({"names": "ab"}, TypeError, "names is 'ab'"),
        ({"anchors": [[(1, 2, 3)]]}, ValueError, r"anchors have shapes \[\(1, 3\)\]"),
        ({"anchors": [[(1, -2), (1, 1)]]}, ValueError, "above 0"),
        ({"anchors": ANCHORS * 2}, ValueError, r"want \[14, 14\]"),
        ({"size": 50}, ValueError, "multiples of 32"),
        ({"dtype": "half"}, ValueError, "dtype is 'half'"),
    ],
)
def test_what_does_not_fit_the_network_is_refused(seer, changes, error, message):
    given = {"network": seer.network, "names": NAMES, "anchors": ANCHORS, "size": 64, **changes}
    with pytest.raises(error, match=message):
        Detector(**given)
    assert module.STRIDE == 32
