"""`yolo.augment`: a box painted in a flat colour is found where the view says, and what a seed decides."""

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import hsv_to_rgb, rgb_to_hsv

from data import letterbox
from yolo.augment import View, augment, flip, hsv_tables, jitter, letterboxed, mixup, mosaic, place, shift_hsv, view_of
from yolo.augment.geometry import SMALLEST
from yolo.datasets import DetectionData, Record

QUICK = settings(max_examples=30, deadline=None)
SEEDS = st.integers(0, 2**32 - 1)
PAINT, GROUND, HALF = (250, 20, 20), (128, 20, 250), 189  # red: half way from the paint to the ground, and to grey


def view(image, boxes, classes=None):
    boxes = np.float32(boxes).reshape(-1, 4)
    classes = np.zeros(len(boxes), np.int64) if classes is None else np.array(classes)
    return View(image, boxes, classes, np.ones(len(boxes), np.float32))


def painted(sides, box, ground=GROUND, paint=PAINT):
    image = np.full((*sides, 3), ground, np.uint8)
    x1, y1, x2, y2 = box
    image[y1:y2, x1:x2] = paint
    return image


def found(image, paint=(True, False, False)):
    """Edges of what is more painted than not, xyxy: where the channels of the paint are bright and no other is."""
    y, x = np.nonzero(((image > HALF) == paint).all(axis=2))
    return np.array([x.min(), y.min(), x.max() + 1, y.max() + 1])


@st.composite
def pictures(draw, least=16, largest=90):
    """Height and width, and a box of whole pixels within, at least 8 wide and high."""
    height, width = draw(st.integers(least, largest)), draw(st.integers(least, largest))
    x1, y1 = draw(st.integers(0, width - 8)), draw(st.integers(0, height - 8))
    return (height, width), (x1, y1, draw(st.integers(x1 + 8, width)), draw(st.integers(y1 + 8, height)))


def random_data(count=6, seed=0):
    """Picture number i has i boxes; sizes differ."""
    random, names = np.random.default_rng(seed), ("a", "b", "c")
    records = []
    for number in range(count):
        first = random.uniform(0, 12, (number, 2))
        boxes = np.concatenate([first, first + random.uniform(2, 30, (number, 2))], axis=1)
        image = random.integers(0, 256, (*random.integers(20, 80, 2), 3), dtype=np.uint8)
        records.append(Record(image, boxes, random.integers(0, 3, number), names, id=number))
    return DetectionData(records, names)


# Geometry


@QUICK
@given(pictures(), st.integers(5, 100), st.integers(5, 100), st.floats(0.2, 3), st.floats(0.2, 3), st.data())
def test_a_painted_box_is_where_the_view_says(picture, height, width, scale_y, scale_x, data):
    (rows, columns), box = picture
    top = data.draw(st.floats(-rows * scale_y, height))
    left = data.draw(st.floats(-columns * scale_x, width))
    new = place(view(painted((rows, columns), box), [box]), (height, width), (scale_y, scale_x), (top, left), visible=0)
    exact = np.array(box) * np.array([scale_x, scale_y] * 2) + np.array([left, top] * 2)
    inside = np.clip(exact, 0, [width, height] * 2)
    assert new.image.shape == (height, width, 3) and new.image.dtype == np.uint8
    if (inside[2:] - inside[:2] < SMALLEST).any():
        assert len(new.boxes) == 0
        return
    np.testing.assert_allclose(new.boxes, [inside], atol=1e-3)
    if (inside[2:] - inside[:2] > 3).all():
        # Pixels that are more than half covered, and where blocks were averaged a block's mean: at most one of the view
        np.testing.assert_allclose(found(new.image), inside, atol=1.05)


def test_whole_pixels_are_copied():
    image = np.random.default_rng(0).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    new = place(view(image, [(3, 2, 9, 8)]), (8, 10), (1, 1), (2, -3))
    np.testing.assert_array_equal(new.image[2:, :9], image[:6, 3:])
    assert (new.image[:2] == 128).all() and (new.image[:, 9:] == 128).all()
    assert new.boxes.tolist() == [[0, 4, 6, 8]]


@pytest.mark.parametrize("blocks", [(2, 2), (4, 3), (1, 5)])
def test_what_shrinks_is_averaged(blocks):
    down, across = blocks
    image = np.random.default_rng(1).integers(0, 256, (4 * down, 6 * across, 3), dtype=np.uint8)
    new = place(view(image, []), (4, 6), (1 / down, 1 / across), (0, 0))
    np.testing.assert_allclose(new.image, image.reshape(4, down, 6, across, 3).mean((1, 3)), atol=0.5 + 1e-6)


def test_a_picture_of_odd_sides_shrinks_to_its_true_size():
    """29 pixels in blocks of 4 are 7.25, not 8: what lies at the far end does not move."""
    box = (18, 16, 28, 28)
    new = place(view(painted((29, 29), box), [box]), (8, 8), (0.25, 0.25), (0, 0))
    assert new.boxes.tolist() == [[4.5, 4, 7, 7]]
    assert found(new.image)[3] == 7 and found(new.image)[2] == 7


def test_boxes_are_left_out_by_the_share_that_is_seen():
    boxes = [(0, 0, 10, 10), (4, 0, 14, 10), (8, 0, 18, 10), (20, 0, 30, 10)]
    image = np.zeros((10, 40, 3), np.uint8)
    for visible, expected in ((0, [0, 1, 2]), (0.2, [0, 1, 2]), (0.21, [0, 1]), (0.6, [0, 1]), (0.61, [0]), (1, [0])):
        new = place(view(image, boxes, [0, 1, 2, 3]), (10, 10), (1, 1), (0, 0), visible=visible)
        assert new.classes.tolist() == expected
        assert new.boxes[0].tolist() == [0, 0, 10, 10] and len(new.weights) == len(expected)
    assert place(view(image, boxes), (10, 10), (1, 1), (0, 0)).boxes[1].tolist() == [4, 0, 10, 10]


@QUICK
@given(pictures(), st.integers(20, 120), st.integers(20, 120), SEEDS)
def test_jitter_stays_within_its_ranges(picture, height, width, seed):
    """The box that is the whole picture shows where the picture went."""
    sides, _ = picture
    whole = view(np.zeros((*sides, 3), np.uint8), [(0, 0, *sides[::-1])])
    fit = min(height / sides[0], width / sides[1])
    new = jitter(whole, (height, width), np.random.default_rng(seed), scale=(0.5, 1), stretch=1.0, visible=0)
    (x1, y1, x2, y2) = new.boxes[0]
    assert x1 >= 0 and y1 >= 0 and x2 <= width and y2 <= height
    scale_x, scale_y = (x2 - x1) / sides[1], (y2 - y1) / sides[0]
    assert scale_x == pytest.approx(scale_y, rel=1e-3) and 0.5 * fit - 1e-4 <= scale_x <= fit + 1e-4
    stretched = jitter(whole, (height, width), np.random.default_rng(seed), scale=(0.5, 0.5), stretch=4, visible=0)
    (x1, y1, x2, y2) = stretched.boxes[0]
    scale_x, scale_y = (x2 - x1) / sides[1], (y2 - y1) / sides[0]
    assert 0.25 - 1e-3 <= scale_x / scale_y <= 4 + 1e-3
    assert scale_x * scale_y == pytest.approx((0.5 * fit) ** 2, rel=1e-3)


def test_jitter_without_chance_is_the_letterbox():
    image = np.random.default_rng(2).integers(0, 256, (30, 60, 3), dtype=np.uint8)
    new = jitter(view(image, [(6, 6, 30, 24)]), 60, np.random.default_rng(0), scale=(1, 1), stretch=1)
    top = new.boxes[0, 1] - 6
    np.testing.assert_allclose(new.boxes, [(6, 6 + top, 30, 24 + top)], atol=1e-4)
    fitted = letterboxed(view(image, [(6, 6, 30, 24)]), 60)
    assert fitted.boxes.tolist() == [[6, 21, 30, 39]] and 0 <= top <= 30
    np.testing.assert_array_equal(fitted.image, letterbox(image, 60)[0])


def test_draws_cover_the_range():
    """Scales are log-uniform, places uniform: means and extremes of 400 draws."""
    whole = view(np.zeros((40, 40, 3), np.uint8), [(0, 0, 40, 40)])
    generator = np.random.default_rng(3)
    boxes = np.array([jitter(whole, 80, generator, scale=(0.25, 1), stretch=1).boxes[0] for _ in range(400)])
    logs = np.log2((boxes[:, 2] - boxes[:, 0]) / 80)
    assert logs.min() < -1.9 and logs.max() > -0.1 and logs.mean() == pytest.approx(-1, abs=0.1)
    place_x = boxes[:, 0] / (80 - (boxes[:, 2] - boxes[:, 0]))
    assert place_x.mean() == pytest.approx(0.5, abs=0.05) and place_x.std() == pytest.approx(12**-0.5, abs=0.03)


@QUICK
@given(pictures(), SEEDS)
def test_flipped_twice_is_what_it_was(picture, seed):
    sides, box = picture
    image = np.random.default_rng(seed).integers(0, 256, (*sides, 3), dtype=np.uint8)
    before = view(image, [box, (0.25, 1, 7.5, 8)])
    after = flip(flip(before))
    np.testing.assert_array_equal(after.image, image)
    np.testing.assert_array_equal(after.boxes, before.boxes)
    mirrored = flip(view(painted(sides, box), [box]))
    np.testing.assert_array_equal(mirrored.boxes[0], found(mirrored.image))


# Colour


@QUICK
@given(st.floats(-1, 1), st.floats(0, 8), st.floats(0, 8))
def test_tables_cannot_wrap(hue, saturation, value):
    tables = hsv_tables(hue, saturation, value).astype(int)
    for column, factor in ((1, saturation), (2, value)):
        assert (np.diff(tables[:, column]) >= 0).all()  # a brighter pixel never becomes the darker one
        np.testing.assert_allclose(tables[:, column], np.minimum(np.arange(256) * factor, 255), atol=0.5 + 1e-9)
    assert sorted(tables[:, 0]) == list(range(256))  # hues turn, none is lost
    assert {(after - before) % 256 for before, after in pairwise(tables[:, 0])} == {1}


def test_saturation_that_wraps_elsewhere():
    """214 * 1.2 is 257, in eight bits 1 (experiencor's keras-yolo3: 214 becomes 33 at another factor)."""
    assert hsv_tables(0, 1.2, 1)[214, 1] == 255
    strong = np.array([[[250, 40, 40]]], np.uint8)
    assert shift_hsv(strong, saturation=1.2)[0, 0].tolist()[1] < 5


@QUICK
@given(st.floats(-0.5, 0.5), st.floats(0, 2), st.floats(0, 2), SEEDS)
def test_colours_against_matplotlib_in_floats(hue, saturation, value, seed):
    image = np.random.default_rng(seed).integers(0, 256, (6, 7, 3), dtype=np.uint8)
    hsv = rgb_to_hsv(image / 255)
    hsv[..., 0] = (hsv[..., 0] + hue) % 1
    hsv[..., 1:] = np.minimum(hsv[..., 1:] * (saturation, value), 1)
    expected = 255 * hsv_to_rgb(hsv)
    # A byte of hue is 1.4 degrees, half of it either way 3 levels of a strong colour, twice; saturation, value: as much
    assert np.abs(shift_hsv(image, hue, saturation, value) - expected).max() < 12
    assert np.abs(shift_hsv(image, hue, saturation, value) - expected).mean() < 2.5


def test_nothing_changed_is_the_same_picture():
    image = np.random.default_rng(0).integers(0, 256, (50, 50, 3), dtype=np.uint8)
    same = shift_hsv(image)
    np.testing.assert_array_equal(same, image)
    assert not np.shares_memory(same, image)
    grey = shift_hsv(image, 0.3, 0)
    assert (grey == grey[..., :1]).all() and (grey[..., 0] == image.max(axis=2)).all()


# Several pictures


@QUICK
@given(SEEDS, st.integers(48, 120), st.integers(48, 120))
def test_each_quarter_of_a_mosaic_shows_its_picture(seed, height, width):
    bright = [(True, False, False), (False, True, False), (False, False, True), (True, True, False)]
    paints = [np.where(one, 250, 128) for one in bright]
    box, sides = (10, 10, 50, 40), (60, 64)
    views = [view(painted(sides, box, (128, 128, 128), paint), [box], [i]) for i, paint in enumerate(paints)]
    new = mosaic(views, (height, width), np.random.default_rng(seed), visible=0)
    assert new.image.shape == (height, width, 3)
    for (x1, y1, x2, y2), number in zip(new.boxes, new.classes):
        assert 0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height
        if min(x2 - x1, y2 - y1) > 3:
            np.testing.assert_allclose(found(new.image, bright[number]), (x1, y1, x2, y2), atol=1.05)
        middle_x, middle_y = (x1 + x2) / 2, (y1 + y2) / 2
        assert middle_x < 0.71 * width if number % 2 == 0 else middle_x > 0.29 * width
        assert middle_y < 0.71 * height if number < 2 else middle_y > 0.29 * height


def test_a_blend():
    first = view(np.full((4, 6, 3), 200, np.uint8), [(0, 0, 2, 2)], [1])
    second = view(np.full((4, 6, 3), 40, np.uint8), [(1, 1, 4, 4), (2, 0, 6, 4)], [0, 2])
    second.weights[1] = 0  # a crowd
    new = mixup(first, second, 0.75)
    assert (new.image == 160).all() and new.classes.tolist() == [1, 0, 2]
    assert new.weights.tolist() == [0.75, 0.25, 0] and new.boxes[2].tolist() == [2, 0, 6, 4]
    with pytest.raises(ValueError, match=r"\(4, 6, 3\) and \(2, 6, 3\)"):
        mixup(first, first._replace(image=first.image[:2]), 0.5)


# All of it


@QUICK
@given(SEEDS, st.integers(1, 5), st.tuples(st.integers(24, 100), st.integers(24, 100)))
def test_boxes_stay_within_and_the_seed_decides(seed, index, size):
    data = random_data()
    options = {"mosaic": 0.5, "mixup": 0.5}
    first = augment(data, index, (seed, 1), size, **options)
    np.random.default_rng(0).random(7)
    again = augment(data, index, (seed, 1), size, **options)
    for one, other in zip(first, again):
        np.testing.assert_array_equal(one, other)
    assert first.image.shape == (*size, 3) and first.image.dtype == np.uint8
    x1, y1, x2, y2 = first.boxes.T
    assert (x1 >= 0).all() and (y1 >= 0).all() and (x2 <= size[1]).all() and (y2 <= size[0]).all()
    assert (x2 - x1 >= SMALLEST).all() and (y2 - y1 >= SMALLEST).all()
    assert len(first.boxes) == len(first.classes) == len(first.weights)
    assert first.boxes.dtype == first.weights.dtype == np.float32 and first.classes.dtype == np.int64
    other = augment(data, index, (seed, 2), size, **options)
    assert not np.array_equal(first.image, other.image)


@QUICK
@given(pictures(), SEEDS, st.sampled_from([0.0, 1.0]))
def test_a_painted_box_through_all_of_it(picture, seed, four):
    """Colours stay, so that the paint is known; of a mosaic the other three pictures have none."""
    sides, box = picture
    names, plain = ("painted",), np.full((*sides, 3), GROUND, np.uint8)

    class Once(list):
        def __getitem__(self, _):
            return self.pop() if len(self) > 1 else super().__getitem__(0)

    data = Once([Record(plain, [], [], names), Record(painted(sides, box), [box], [0], names)])
    new = augment(data, 0, seed, 128, mosaic=four, hue=0, saturation=1, value=1, visible=0)
    if len(new.boxes) and (new.boxes[0, 2:] - new.boxes[0, :2] > 3).all():
        np.testing.assert_allclose(found(new.image), new.boxes[0], atol=1.05)


def test_chances_are_what_they_are_called():
    """A blend of views shows weights below 1, a flip another side; 300 draws each."""
    box = (0, 0, 10, 40)
    names = ("left",)
    data = DetectionData([Record(painted((40, 40), box), [box], [0], names)], names)
    options = {
        "scale": (1, 1),
        "mosaic_scale": (0.25, 0.25),
        "stretch": 1,
        "visible": 0,
        "hue": 0,
        "saturation": 1,
        "value": 1,
    }
    for chances in ({"mosaic": 0.3, "mixup": 0, "flip": 0}, {"mosaic": 0, "mixup": 0.6, "flip": 0.2}):
        views = [augment(data, 0, (5, number), 40, **chances, **options) for number in range(300)]
        assert np.mean([len(one.boxes) == 4 for one in views]) == pytest.approx(chances["mosaic"], abs=0.08)
        assert np.mean([one.weights[0] < 1 for one in views]) == pytest.approx(chances["mixup"], abs=0.08)
        alone = [one for one in views if len(one.boxes) < 4]
        assert np.mean([one.boxes[0, 0] > 20 for one in alone]) == pytest.approx(chances["flip"], abs=0.08)


def test_colours_are_drawn_within_their_limits():
    names = ("a",)
    data = DetectionData([Record(np.full((8, 8, 3), (200, 100, 100), np.uint8), [], [], names)], names)
    pixels = np.array([augment(data, 0, (0, n), 8, mosaic=0, scale=(1, 1), stretch=1).image[4, 4] for n in range(300)])
    hsv = rgb_to_hsv(pixels / 255)
    turns = (hsv[:, 0] + 0.5) % 1 - 0.5
    assert np.abs(turns).max() < 0.11 and turns.min() < -0.08 and turns.max() > 0.08
    assert hsv[:, 2].min() == pytest.approx(200 / 255 / 1.5, abs=0.02) and hsv[:, 2].max() > 0.98
    assert hsv[:, 1].min() == pytest.approx(0.5 / 1.5, abs=0.03) and hsv[:, 1].max() == pytest.approx(0.75, abs=0.03)


def test_what_is_read():
    image = np.zeros((10, 20, 3), np.uint8)
    read = view_of(Record(image, [(-4, 2, 6, 8), (1, 1, 20, 9)], [0, 1], ("a", "b"), crowd=[False, True]))
    assert read.boxes.tolist() == [[0, 2, 6, 8], [1, 1, 20, 9]] and read.weights.tolist() == [1, 0]
    for box in ((3, 3, 3, 9), (9, 9, 5, 5), (30, 1, 40, 5)):
        with pytest.raises(ValueError, match="has no area in the picture; yolo.datasets.mended"):
            view_of(Record(image, [(1, 1, 5, 5), box], [0, 1], ("a", "b")))


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"mosaic": 1.1}, ValueError, "mosaic is 1.1"),
        ({"flip": True}, TypeError, "flip is True"),
        ({"scale": (2, 1)}, ValueError, "scale is"),
        ({"scale": 2}, ValueError, "two numbers"),
        ({"hue": 0.6}, ValueError, "hue is 0.6"),
        ({"saturation": 0.5}, ValueError, "saturation is 0.5; 1..100"),
        ({"stretch": float("nan")}, ValueError, "stretch is nan"),
        ({"visible": 2}, ValueError, "visible is 2"),
        ({"size": 0}, ValueError, "size is 0"),
        ({"index": -1}, ValueError, "index is -1"),
    ],
)
def test_arguments_in_words(options, error, words):
    with pytest.raises(error, match=words):
        augment(random_data(), **{"index": 1, "seed": 0, "size": 32, "mosaic": 0, **options})


def test_other_arguments_in_words():
    one = view(np.zeros((8, 8, 3), np.uint8), [])
    with pytest.raises(ValueError, match="views are 3; four"):
        mosaic([one] * 3, 16, np.random.default_rng(0))
    with pytest.raises(ValueError, match="uint8"):
        shift_hsv(np.zeros((4, 4, 3), np.float32))
    with pytest.raises(ValueError, match="share is -0.1"):
        mixup(one, one, -0.1)


def test_importing_it_does_not_import_tensorflow():
    code = "import sys, yolo.augment, yolo.datasets; print('tensorflow' in sys.modules, 'cv2' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "False"]
