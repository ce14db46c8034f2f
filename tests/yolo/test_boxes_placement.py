"""Boxes and the picture: clipping, letterboxes, flips and affine maps, against pictures that are really changed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data import letterbox
from yolo import boxes

side = st.integers(1, 700)


def around(mask):
    """The box around what is marked."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]


def picture(box, size):
    mask = np.zeros(size, np.uint8)
    mask[box[1] : box[3], box[0] : box[2]] = 255
    return mask


def test_clip_shows_what_is_left():
    """Counted in cells, for boxes on all sides of a picture of 7 x 9."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        x, y = np.sort(rng.integers(-10, 20, (2, 2)), axis=1)
        box = [x[0], y[0], x[1], y[1]]
        inside = sum(1 for a in range(*x) for b in range(*y) if 0 <= a < 9 and 0 <= b < 7)
        area = (x[1] - x[0]) * (y[1] - y[0])
        clipped, visible = boxes.clip(box, (7, 9))
        assert boxes.area(clipped) == inside
        assert visible == pytest.approx(inside / area if area else 0)
        assert (clipped >= 0).all() and (clipped <= [9, 7, 9, 7]).all()


@given(side, side, side, side)
@settings(max_examples=30, deadline=None)
def test_letterbox_there_and_back(height, width, rows, columns):
    """Any picture into any input, also one that is not square; the same numbers as the letterbox's own."""
    _, fit = letterbox(np.zeros((height, width), np.uint8), (rows, columns), method="nearest")
    some = np.array([[0, 0, width, height], [width / 3, height / 7, width / 2, height / 2]])
    there = boxes.to_letterbox(some, fit)
    assert there == pytest.approx(fit.apply_boxes(some), rel=1e-13)
    assert boxes.from_letterbox(there, fit) == pytest.approx(some, rel=1e-12, abs=1e-9)
    assert boxes.from_letterbox([-5, -5, columns + 5, rows + 5], fit, clipped=True).tolist() == [0, 0, width, height]
    rows_slice, columns_slice = fit.window
    window = [columns_slice.start, rows_slice.start, columns_slice.stop, rows_slice.stop]
    assert there[0] == pytest.approx(window, rel=1e-13)


@pytest.mark.parametrize("size", [(64, 128), (128, 64), (96, 96)])
def test_letterbox_follows_the_pixels(size):
    box = [8, 4, 24, 12]
    canvas, fit = letterbox(picture(box, (16, 32)), size, fill=0, method="nearest")
    assert boxes.to_letterbox(box, fit).tolist() == around(canvas)


def test_flips_follow_the_pixels():
    box, size = [3, 1, 8, 4], (10, 20)
    mask = picture(box, size)
    assert boxes.flip_left_right(box, 20).tolist() == around(mask[:, ::-1])
    assert boxes.flip_up_down(box, 10).tolist() == around(mask[::-1])
    assert boxes.flip_left_right(boxes.flip_left_right(box, 20), 20).tolist() == box


def test_affine_follows_the_pixels():
    box, size = [3, 1, 8, 4], (10, 20)
    mask = picture(box, size)
    assert boxes.affine(box, [[0, -1, 10], [1, 0, 0]]).tolist() == around(np.rot90(mask, -1))
    assert boxes.affine(box, [[-1, 0, 20], [0, 1, 0]]).tolist() == boxes.flip_left_right(box, 20).tolist()
    assert boxes.affine(box, [[2, 0, 0], [0, 3, 0]]).tolist() == around(mask.repeat(2, 1).repeat(3, 0))


@given(st.integers(0, 10**6))
@settings(max_examples=50, deadline=None)
def test_affine_is_the_box_of_the_four_corners(seed):
    rng = np.random.default_rng(seed)
    transform, box = rng.normal(size=(2, 3)), np.sort(rng.normal(size=(2, 2)), axis=0).ravel()
    x, y = np.meshgrid(box[[0, 2]], box[[1, 3]])
    corners = transform @ np.stack([x.ravel(), y.ravel(), np.ones(4)])
    expected = [*corners.min(axis=1), *corners.max(axis=1)]
    assert boxes.affine(box, transform) == pytest.approx(expected, abs=1e-12)


def test_many_at_once_and_empty():
    many = np.arange(24.0).reshape(2, 3, 4)
    for call in (
        lambda b: boxes.clip(b, (9, 9)).boxes,
        lambda b: boxes.flip_left_right(b, 9),
        lambda b: boxes.affine(b, [[1, 2, 3], [4, 5, 6]]),
    ):
        assert call(many).shape == many.shape
        assert call([]).shape == (0, 4)
        assert np.array_equal(call(many)[1, 2], call(many[1, 2]))
