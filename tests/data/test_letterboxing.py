from __future__ import annotations

from fractions import Fraction
from math import floor

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from data.letterboxing import METHODS, Letterbox, letterbox, resize

RNG = np.random.default_rng(3)
PICTURE = RNG.integers(0, 256, (37, 53, 3), dtype=np.uint8)
SIDES = st.integers(1, 70)
INTERPOLATING = [method for method in METHODS if method != "nearest"]


def triangle_resized(line: np.ndarray, out: int) -> np.ndarray:
    """Antialiased linear interpolation of a line of numbers, by definition: a triangle of half-width max(1, step)."""
    step = len(line) / out
    centres = (np.arange(out) + 0.5) * step
    distance = np.abs(np.arange(len(line)) + 0.5 - centres[:, None]) / max(1.0, step)
    weights = np.maximum(0, 1 - distance)
    return weights @ line / weights.sum(1)


# --- resize ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(20, 30), (37, 53), (80, 100), (15, 90), (90, 15), (1, 1)])
def test_bilinear_is_the_antialiased_triangle_filter(size: tuple[int, int]) -> None:
    expected = np.apply_along_axis(triangle_resized, 0, PICTURE.astype(float), size[0])
    expected = np.apply_along_axis(triangle_resized, 1, expected, size[1])
    assert np.abs(resize(PICTURE, size).astype(float) - expected).max() <= 1.1  # rounded after each direction


def test_bilinear_growing_agrees_with_opencv_half_pixel_centres() -> None:
    by_opencv = cv2.resize(PICTURE, (100, 80), interpolation=cv2.INTER_LINEAR)
    assert np.abs(resize(PICTURE, (80, 100)).astype(int) - by_opencv).max() <= 1


def test_shrinking_averages_a_fine_texture() -> None:
    stripes = np.tile(np.array([0, 255], np.uint8), (64, 32))
    for method in INTERPOLATING:
        inner = resize(stripes, (8, 8), method)[:, 1:-1]
        assert np.abs(inner.astype(int) - 127).max() <= 4, method
    assert set(np.unique(resize(stripes, (8, 8), "nearest"))) <= {0, 255}


def test_area_is_the_mean_of_the_covered_area() -> None:
    line = RNG.integers(0, 256, 50).astype(np.uint8)
    total = np.concatenate([[0], np.cumsum(line, dtype=float)])
    edges = np.interp(np.linspace(0, 50, 8), np.arange(51), total)
    expected = np.diff(edges) / (50 / 7)
    for image, size in ((np.tile(line, (4, 1)), (4, 7)), (np.tile(line[:, None], (1, 4)), (7, 9))):
        got = resize(image, size, "area")
        got = got[0] if size[1] == 7 else got[:, 0]
        assert np.abs(got - expected).max() <= 0.51
    blocks = PICTURE[:36, :52].reshape(18, 2, 26, 2, 3).mean((1, 3))
    assert np.abs(resize(PICTURE[:36, :52], (18, 26), "area") - blocks).max() <= 0.51


def test_bicubic_and_lanczos_reproduce_a_constant_and_keep_the_symmetry() -> None:
    for method in ("bicubic", "lanczos"):
        assert (resize(np.full((9, 7, 3), 77, np.uint8), (30, 4), method) == 77).all()
        flipped = resize(PICTURE[::-1, ::-1], (50, 20), method)[::-1, ::-1]
        assert np.abs(resize(PICTURE, (50, 20), method).astype(int) - flipped).max() <= 1
    expected = Image.fromarray(PICTURE).resize((20, 50), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(resize(PICTURE, (50, 20), "bicubic"), np.asarray(expected))


@settings(max_examples=60, deadline=None)
@given(SIDES, SIDES, SIDES, SIDES)
@example(3, 3, 7, 5)
@example(1, 1, 9, 9)
def test_nearest_is_the_exact_half_pixel_rule(rows: int, columns: int, height: int, width: int) -> None:
    labels = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    got = resize(labels, (height, width), "nearest")
    y, x = (
        [floor(Fraction(2 * i + 1, 2) * length / out) for i in range(out)]
        for length, out in ((rows, height), (columns, width))
    )
    np.testing.assert_array_equal(got, labels[np.ix_(y, x)])
    assert got.dtype == labels.dtype
    # OpenCV's fixed point may fall a hair short where the position is a whole number, halfway between two pixels
    clear_y, clear_x = (
        [i for i in range(out) if (2 * i + 1) * length % (2 * out)]
        for length, out in ((rows, height), (columns, width))
    )
    by_opencv = cv2.resize(labels.astype(np.uint16), (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
    np.testing.assert_array_equal(got[np.ix_(clear_y, clear_x)], by_opencv[np.ix_(clear_y, clear_x)])


def test_size_as_one_number_is_the_shorter_side() -> None:
    assert resize(np.zeros((480, 640, 3), np.uint8), 240).shape == (240, 320, 3)
    assert resize(np.zeros((640, 480), np.uint8), np.int64(240)).shape == (320, 240)
    assert resize(np.zeros((2, 5), np.uint8), 1).shape == (1, 3)  # 2.5, halves up
    assert resize(np.zeros((2, 1), np.uint8), 1).shape == (2, 1)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 3), (1, 1, 1), (5, 4, 1), (40_000, 2, 3), (3, 70_000)])
def test_odd_shapes(method: str, shape: tuple[int, ...]) -> None:
    image = np.full(shape, 9, np.uint8)
    for size in ((3, 5), (1, 1), (1, 40_000)):
        resized = resize(image, size, method)
        assert resized.shape == (*size, *shape[2:]) and (resized == 9).all() and resized.flags.writeable
        assert not np.shares_memory(resized, image)


def test_same_size_is_a_copy() -> None:
    for method in METHODS:
        same = resize(PICTURE, PICTURE.shape[:2], method)
        np.testing.assert_array_equal(same, PICTURE)
        assert not np.shares_memory(same, PICTURE)
    np.testing.assert_array_equal(resize(PICTURE[::-1, ::2], (37, 27)), PICTURE[::-1, ::2])


@pytest.mark.parametrize(
    ("image", "size", "method", "error", "message"),
    [
        (PICTURE, 0, "bilinear", ValueError, "size is 0"),
        (PICTURE, (5, -1), "nearest", ValueError, "width is -1"),
        (PICTURE, 2.5, "bilinear", TypeError, "size is 2.5"),
        (PICTURE, True, "bilinear", TypeError, "size is True"),
        (PICTURE, (1, 2, 3), "bilinear", ValueError, r"accepted: \(height, width\)"),
        (PICTURE, "big", "bilinear", TypeError, "'big'"),
        (PICTURE, 8, "linear", ValueError, "methods: bilinear, nearest"),
        (PICTURE / 255, 8, "bilinear", TypeError, "float64"),
        (PICTURE > 9, 8, "area", TypeError, "bool"),
        (PICTURE[None], 8, "bilinear", ValueError, "batch"),
        (PICTURE[0, 0], 8, "bilinear", ValueError, "shape"),
        (np.zeros((19, 37, 53), bool), 8, "nearest", ValueError, r"shape \(19, 37, 53\)"),
        (PICTURE[:0], 8, "bilinear", ValueError, "no pixels"),
    ],
)
def test_resize_refuses(image: np.ndarray, size: object, method: str, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        resize(image, size, method)


# --- letterbox ---------------------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(SIDES, SIDES, SIDES, SIDES, st.sampled_from(METHODS))
@example(1, 70, 3, 3, "bilinear")
@example(70, 1, 3, 3, "area")
def test_letterbox_holds_the_resized_picture(rows: int, columns: int, height: int, width: int, method: str) -> None:
    image = np.random.default_rng(rows * 71 + columns).integers(0, 256, (rows, columns, 3), dtype=np.uint8)
    canvas, fit = letterbox(image, (height, width), fill=(1, 2, 3), method=method)
    assert canvas.shape == (height, width, 3) == (*fit.canvas, 3)
    np.testing.assert_array_equal(canvas[fit.window], resize(image, fit.content, method))
    outside = np.ones((height, width), bool)
    outside[fit.window] = False
    assert (canvas[outside] == (1, 2, 3)).all()
    # the picture touches two sides, its aspect is kept to half a pixel, and it lies in the middle
    scale = min(height / rows, width / columns)
    assert fit.content[0] == height or fit.content[1] == width
    for content, side, canvas_side, start in zip(
        fit.content, (rows, columns), (height, width), (fit.top, fit.left), strict=True
    ):
        assert content == 1 or abs(content - side * scale) <= 0.5 + 1e-9
        assert 0 <= (canvas_side - content - start) - start <= 1


@settings(max_examples=150, deadline=None)
@given(SIDES, SIDES, SIDES, SIDES, st.lists(st.floats(-200, 200), min_size=4, max_size=4))
def test_points_and_boxes_go_there_and_back(rows: int, columns: int, height: int, width: int, values: list) -> None:
    _, fit = letterbox(np.zeros((rows, columns), np.uint8), (height, width))
    points, box = np.array(values).reshape(2, 2), np.array(values)
    for there, back, coordinates in (
        (fit.apply_points, fit.invert_points, points),
        (fit.apply_boxes, fit.invert_boxes, box),
    ):
        np.testing.assert_allclose(back(there(coordinates)), coordinates, rtol=0, atol=1e-9)
        np.testing.assert_allclose(there(back(coordinates)), coordinates, rtol=0, atol=1e-9)
        single = back(there(coordinates.astype(np.float32)))
        assert single.dtype == np.float32
        np.testing.assert_allclose(single, coordinates, rtol=0, atol=3e-3)
    np.testing.assert_array_equal(fit.apply_boxes(box), fit.apply_points(points).ravel())
    # the picture's corners are the window's corners, exactly
    window = [fit.left, fit.top, fit.left + fit.content[1], fit.top + fit.content[0]]
    np.testing.assert_allclose(fit.apply_boxes([0, 0, columns, rows]), window, rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [96, 416, (50, 300), (300, 50), (37, 53)])
@pytest.mark.parametrize("shape", [(60, 90), (91, 47), (375, 500)])
def test_a_drawn_dot_lands_where_its_point_goes(size: object, shape: tuple[int, int]) -> None:
    for y, x in RNG.integers(4, np.array(shape) - 4, (5, 2)):
        image = np.zeros(shape, np.uint8)
        image[y - 3 : y + 4, x - 3 : x + 4] = 255
        canvas, fit = letterbox(image, size, fill=0)
        weights = canvas / canvas.sum()
        centroid = [
            (weights.sum(0) * (np.arange(canvas.shape[1]) + 0.5)).sum(),
            (weights.sum(1) * (np.arange(canvas.shape[0]) + 0.5)).sum(),
        ]
        np.testing.assert_allclose(fit.apply_points([x + 0.5, y + 0.5]), centroid, atol=0.1)


def test_letterbox_by_hand() -> None:
    canvas, fit = letterbox(np.full((300, 451, 3), 7, np.uint8), 224)
    # 300 * 224 / 451 = 149.002..., so 149 rows; 75 rows of padding, 37 above and 38 below
    assert fit == Letterbox(source=(300, 451), content=(149, 224), canvas=(224, 224), top=37, left=0)
    assert (fit.scale_y, fit.scale_x) == (149 / 300, 224 / 451)
    assert (canvas[:37] == 128).all() and (canvas[37:186] == 7).all() and (canvas[186:] == 128).all()
    assert fit.invert_boxes([-5, 0, 300, 300], clip=True).tolist() == [0, 0, 451, 300]
    assert fit.invert_boxes([-5, 0, 300, 300])[0] < 0
    assert fit.invert_boxes(np.zeros((2, 0, 4))).shape == (2, 0, 4)
    assert fit.apply_boxes([]).shape == (0, 4) and fit.apply_points([]).shape == (0, 2)


def test_letterbox_of_labels_invents_none() -> None:
    labels = RNG.choice(np.array([0, 7, 200], np.uint8), (20, 33))
    canvas, fit = letterbox(labels, 50, fill=255, method="nearest")
    assert set(np.unique(canvas)) == {0, 7, 200, 255} and (canvas[fit.window] != 255).all()
    mask, _ = letterbox(labels > 0, (10, 50), fill=0, method="nearest")
    assert mask.dtype == bool and mask.shape == (10, 50)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 0}, "height is 0"),
        ({"size": (5, 5, 5)}, "accepted"),
        ({"size": 5, "fill": 256}, "fill is 256, which uint8 cannot hold"),
        ({"size": 5, "fill": 0.5}, "fill is 0.5"),
        ({"size": 5, "fill": float("nan")}, "fill is nan"),
        ({"size": 5, "fill": (1, 2)}, "one per channel"),
        ({"size": 5, "method": "best"}, "methods: bilinear"),
    ],
)
def test_letterbox_refuses(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        letterbox(PICTURE, **arguments)


def test_coordinates_of_the_wrong_width_are_refused() -> None:
    _, fit = letterbox(PICTURE, 64)
    with pytest.raises(ValueError, match="x1, y1, x2, y2"):
        fit.apply_boxes(np.zeros((3, 5)))
    with pytest.raises(ValueError, match="as x, y"):
        fit.invert_points(3.0)
