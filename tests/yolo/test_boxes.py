"""Formats and overlaps, in NumPy: against cells that are counted, exact fractions, and laws that must hold."""

import math
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from yolo import boxes
from yolo.boxes.arrays import sigmoid, softmax, together
from yolo.boxes.formats import FORMATS

MEASURES = {"iou": boxes.iou, "giou": boxes.giou, "diou": boxes.diou, "ciou": boxes.ciou}

# Quarters of pixels are exact in floats; a few tiny, huge and equal ones are likely.
coordinate = st.one_of(
    st.integers(-400, 400).map(lambda n: n / 4), st.sampled_from([0.0, 1e-20, 1e-10, 1 / 3, 416.0, 1e6]), st.just(0.0)
)


def some_boxes(least=1, most=6):
    """(n, 4), ordered; sides may be 0."""
    return st.integers(least, most).flatmap(
        lambda n: arrays(np.float64, (n, 2, 2), elements=coordinate).map(lambda a: np.sort(a, axis=1).reshape(n, 4))
    )


whole = st.lists(st.integers(0, 9), min_size=4, max_size=4).map(
    lambda n: [min(n[0], n[2]), min(n[1], n[3]), max(n[0], n[2]), max(n[1], n[3])]
)


def cells(box):
    x1, y1, x2, y2 = box
    return {(x, y) for x in range(x1, x2) for y in range(y1, y2)}


def around(a, b):
    return [min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])]


@given(whole, whole)
@settings(max_examples=80, deadline=None)
def test_iou_and_giou_count_cells(a, b):
    """No pixel is added, on either side of the fraction."""
    both, either = cells(a) & cells(b), cells(a) | cells(b)
    enclosing = len(cells(around(a, b)))
    iou = Fraction(len(both), len(either)) if either else Fraction(0)
    giou = iou - (Fraction(enclosing - len(either), enclosing) if enclosing else 0)
    for dtype, tolerance in ((np.float64, 1e-15), (np.float32, 1e-6)):
        first, second = np.array(a, dtype), np.array(b, dtype)
        assert boxes.iou(first, second) == pytest.approx(float(iou), abs=tolerance)
        assert boxes.giou(first, second) == pytest.approx(float(giou), abs=tolerance)
        assert boxes.iou(first, second).dtype == dtype
    assert boxes.area(a) == len(cells(a))


@given(whole, whole)
@settings(max_examples=80, deadline=None)
def test_diou_and_ciou_in_fractions(a, b):
    """Equations 7 to 11 of the paper, by hand."""
    either = cells(a) | cells(b)
    iou = Fraction(len(cells(a) & cells(b)), len(either)) if either else Fraction(0)
    box = around(a, b)
    diagonal = (box[2] - box[0]) ** 2 + (box[3] - box[1]) ** 2
    apart = sum((Fraction(a[k] + a[k + 2], 2) - Fraction(b[k] + b[k + 2], 2)) ** 2 for k in (0, 1))
    diou = iou - (apart / diagonal if diagonal else 0)
    assert boxes.diou(a, b) == pytest.approx(float(diou), abs=1e-14)

    def angle(box):
        width, height = box[2] - box[0], box[3] - box[1]
        return math.pi / 4 if width == height == 0 else math.pi / 2 if height == 0 else math.atan(width / height)

    v = 4 / math.pi**2 * (angle(a) - angle(b)) ** 2
    alpha = v / ((1 - float(iou)) + v) if v else 0
    assert boxes.ciou(a, b) == pytest.approx(float(diou) - alpha * v, abs=1e-14)


@given(some_boxes(3, 3), some_boxes(3, 3))
@settings(max_examples=80, deadline=None)
def test_laws(first, second):
    values = {name: measure(first, second) for name, measure in MEASURES.items()}
    for name, measure in MEASURES.items():
        assert np.array_equal(values[name], measure(second, first)), f"{name} is not symmetric"
        assert np.isfinite(values[name]).all()
    assert (values["iou"] >= 0).all() and (values["iou"] <= 1).all()
    for low, high in (("giou", "iou"), ("diou", "iou"), ("ciou", "diou")):
        assert (values[low] <= values[high]).all(), f"{low} > {high}"
    assert (values["giou"] >= -1).all() and (values["diou"] >= -1 - 1e-12).all()


@given(some_boxes(3, 3), some_boxes(3, 3))
@settings(max_examples=50, deadline=None)
def test_single_precision_is_never_nan_nor_above_one(first, second):
    for measure in MEASURES.values():
        assert np.isfinite(measure(first.astype(np.float32), second.astype(np.float32))).all()
    assert (boxes.iou(first.astype(np.float32), second.astype(np.float32)) <= 1).all()


@given(some_boxes(3, 3))
@settings(max_examples=50, deadline=None)
def test_with_itself(first):
    solid = boxes.area(first) >= 1e-30
    for measure in MEASURES.values():
        assert np.array_equal(measure(first, first), solid.astype(float))


@pytest.mark.parametrize("name", MEASURES)
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_flips_shifts_and_scaling_change_nothing(name, data):
    quarters = st.integers(-400, 400).map(lambda n: n / 4)
    first, second = (
        np.sort(data.draw(arrays(np.float64, (3, 2, 2), elements=quarters)), axis=1).reshape(3, 4) for _ in range(2)
    )
    measure = MEASURES[name]
    plain = measure(first, second)
    moves = (
        lambda b: boxes.flip_left_right(b, 300),
        lambda b: boxes.flip_up_down(b, 300),
        lambda b: b * 8,
        lambda b: b + np.array([16, 32, 16, 32]),
        lambda b: boxes.affine(b, [[-3, 0, 7], [0, 3, 1]]),
    )
    for move in moves:
        assert measure(move(first), move(second)) == pytest.approx(plain, abs=1e-12)


@pytest.mark.parametrize("measure", MEASURES.values())
def test_matrix_is_every_pair(measure):
    rng = np.random.default_rng(0)
    first, second = (np.sort(rng.integers(0, 20, (2, n, 2, 2)), axis=2).reshape(2, n, 4) for n in (3, 5))
    table = boxes.matrix(first, second, measure)
    assert table.shape == (2, 3, 5)
    for image in range(2):
        for i in range(3):
            for j in range(5):
                assert table[image, i, j] == measure(first[image, i], second[image, j])


def test_nothing_against_something():
    assert boxes.matrix([], [[0, 0, 1, 1]]).shape == (0, 1)
    assert boxes.iou([], []).shape == (0,)


def test_the_pixel_that_others_add():
    """With +1 in the intersection only, this would be (6 * 11) / (200 - 66) = .49."""
    assert boxes.iou([0, 0, 10, 10], [5, 0, 15, 10]) == pytest.approx(1 / 3)
    assert boxes.iou([0, 0, 10, 10], [10, 0, 20, 10]) == 0  # they touch


def test_degenerate_boxes():
    point, line, turned, box = [5, 5, 5, 5], [0, 5, 10, 5], [9, 9, 1, 1], [0, 0, 10, 10]
    for bad in (point, line, turned):
        for other in (point, line, turned, box):
            assert boxes.iou(bad, other) == 0
            assert all(np.isfinite(measure(bad, other)) for measure in MEASURES.values())


def test_ciou_where_the_shapes_differ():
    """IoU .5, centres 1 apart, diagonal squared 32; v = 4/pi^2 (pi/4 - atan 2)^2."""
    v = 4 / math.pi**2 * (math.atan(1) - math.atan(2)) ** 2
    assert boxes.ciou([0, 0, 4, 4], [0, 0, 4, 2]) == pytest.approx(0.5 - 1 / 32 - v * v / (0.5 + v), rel=1e-12)


@given(some_boxes(), st.sampled_from(FORMATS), st.sampled_from(FORMATS))
@settings(max_examples=50, deadline=None)
def test_formats_round_trip(first, source, target):
    there = boxes.convert(first, source, target)
    scale = np.abs(first).max() + 1
    assert np.abs(boxes.convert(there, target, source) - first).max() <= 1e-15 * 4 * scale
    assert boxes.convert(there, target, "xyxy") == pytest.approx(
        boxes.convert(first, source, "xyxy"), abs=1e-14 * scale
    )


def test_formats_by_hand():
    """COCO's and Darknet's own example: a box of 30 x 40 at 10, 20; the centre keeps its half pixel."""
    ways = {"xyxy": [10, 20, 41, 60], "xywh": [10, 20, 31, 40], "cxcywh": [25.5, 40, 31, 40]}
    for source in FORMATS:
        for target in FORMATS:
            assert boxes.convert(ways[source], source, target).tolist() == ways[target]


@given(some_boxes(), st.integers(1, 900), st.integers(1, 900))
@settings(max_examples=50, deadline=None)
def test_pixels_and_parts_round_trip(first, height, width):
    parts = boxes.normalise(first, (height, width))
    assert np.allclose(boxes.to_pixels(parts, (height, width)), first, rtol=1e-14, atol=0)
    assert boxes.normalise([0, 0, width, height], (height, width)).tolist() == [0, 0, 1, 1]


def test_dtypes():
    assert boxes.iou(np.zeros((2, 4), np.float32), [0, 0, 1, 1]).dtype == np.float64
    assert boxes.iou(*np.zeros((2, 4), np.float16)).dtype == np.float32
    big = np.array([0, 0, 300, 300], np.float16)
    assert boxes.iou(big, big) == 1  # the area does not fit into float16
    assert boxes.iou(np.array([0, 0, 200, 200], np.uint8), np.array([100, 0, 255, 200], np.uint8)) == pytest.approx(
        100 / 255
    )
    for function in (boxes.normalise, boxes.to_pixels):
        assert function(np.ones((2, 4), np.float32), (10, 20)).dtype == np.float32
    for function in (boxes.flip_left_right, boxes.flip_up_down):
        assert function(np.ones((2, 4), np.float32), 10).dtype == np.float32


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: boxes.iou([1, 2, 3], [0, 0, 1, 1]), ValueError, r"first have shape \(3,\); accepted: \(..., 4\)"),
        (lambda: boxes.iou([0, 0, 1, 1], 3), ValueError, "second have shape"),
        (lambda: boxes.iou([0, 0, 1, "a"], [0, 0, 1, 1]), TypeError, "first is of"),
        (lambda: boxes.iou([True] * 4, [0, 0, 1, 1]), TypeError, "first is of bool"),
        (lambda: boxes.iou([[0, 0, 1, 1], [0, 0]], [0, 0, 1, 1]), TypeError, "first is ragged"),
        (lambda: boxes.iou(None, [0, 0, 1, 1]), TypeError, "first is of object"),
        (lambda: boxes.matrix([0, 0, 1, 1], [[0, 0, 1, 1]]), ValueError, r"first have shape \(4,\)"),
        (lambda: boxes.convert([0, 0, 1, 1], "xyxy", "yxyx"), ValueError, "target is 'yxyx'; accepted: xyxy"),
        (lambda: boxes.normalise([0, 0, 1, 1], 416), ValueError, "size has shape"),
        (lambda: boxes.normalise([0, 0, 1, 1], (0, 4)), ValueError, r"size is \(0, 4\)"),
        (lambda: boxes.normalise([0, 0, 1, 1], (math.nan, 4)), ValueError, "size is"),
        (lambda: boxes.affine([0, 0, 1, 1], np.eye(3)), ValueError, r"transform has shape \(3, 3\)"),
        (lambda: boxes.to_letterbox([0, 0, 1, 1], 416), TypeError, "fit is a int"),
    ],
)
def test_refusals(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_sigmoid_and_softmax_far_out():
    with np.errstate(all="raise", under="ignore"):
        assert sigmoid(np.array([-1e4, 0, 1e4])).tolist() == [0, 0.5, 1]
        assert softmax(np.array([1e4, 1e4, -1e4])).tolist() == [0.5, 0.5, 0]
    assert sigmoid(np.array([-40.0]))[0] == pytest.approx(math.exp(-40), rel=1e-12)
    assert sigmoid(np.zeros(2, np.float32)).dtype == np.float32


def test_numpy_does_not_wake_tensorflow():
    code = (
        "import sys, yolo.boxes, yolo.decoding, yolo.nms; yolo.boxes.ciou([0, 0, 1, 1], [0, 0, 2, 2]);"
        "print([name for name in ('tensorflow', 'keras', 'cv2') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
    assert together(a=1.0)[0] is np
