"""`yolo.drawing`: frames in closed form, colours for all kinds of eyes, labels that do not hide each other."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yolo.drawing import PALETTE, class_colours, contrast, draw_boxes, ink_on, place_labels
from yolo.drawing.labels import gap, tag, words

GREY = np.full((60, 80, 3), 100, np.uint8)
# How colours look without red, green and blue cones: linear RGB, severity 1 (Machado, Oliveira and Fernandes 2009).
EYES = {
    "all cones": np.eye(3),
    "no red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "no blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def objects(*boxes, classes=None, scores=None, names=("a", "b", "c")):
    kinds = [0] * len(boxes) if classes is None else classes
    return SimpleNamespace(boxes=np.array(boxes).reshape(-1, 4), classes=kinds, names=names, scores=scores)


def test_a_frame_pixel_by_pixel():
    """The line lies on the edge, half on each side; around it one black pixel; nothing else is touched."""
    drawn = draw_boxes(GREY, objects((20, 15, 60, 45)), thickness=2, labels=False)
    expected = GREY.copy()
    for grow, colour in ((2, 0), (1, PALETTE[0])):
        expected[15 - grow : 45 + grow, 20 - grow : 60 + grow] = colour
    expected[16:44, 21:59] = 0
    expected[17:43, 22:58] = 100
    np.testing.assert_array_equal(drawn, expected)
    assert (GREY == 100).all()
    thin = draw_boxes(GREY, objects((20, 15, 60, 45)), thickness=1, labels=False)
    lines = (thin == PALETTE[0]).all(axis=-1)
    assert lines[15, 20:61].all() and lines[15:46, 60].all() and lines.sum() == 2 * 41 + 2 * 29


def test_a_frame_of_the_whole_picture_is_seen_on_all_sides():
    drawn = draw_boxes(GREY, objects((-9, 0, 80, 70)), thickness=3, labels=False)
    lines = (drawn == PALETTE[0]).all(axis=-1)
    for side in (lines[30, :6], lines[30, -6:], lines[:6, 40], lines[-6:, 40]):
        assert side.sum() == 3


def test_the_best_lies_on_top_in_the_colour_of_its_class():
    boxes = (20, 15, 60, 45), (20, 15, 60, 45)
    for scores, kind in (((0.9, 0.2), 1), ((0.2, 0.9), 2)):
        drawn = draw_boxes(GREY, objects(*boxes, classes=[1, 2], scores=scores), labels=False, thickness=1)
        assert tuple(drawn[15, 40]) == PALETTE[kind]
    own = np.array([(1, 2, 3), (4, 5, 6), (7, 8, 9)], np.uint8)
    assert tuple(draw_boxes(GREY, objects(*boxes), colours=own, labels=False, thickness=1)[15, 40]) == (1, 2, 3)


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 700, 3), (700, 2, 3), (15, 15, 3)])
def test_pictures_of_any_size(shape):
    image = np.zeros(shape, np.uint8)
    whole = (0, 0, shape[1], shape[0])
    assert draw_boxes(image, objects(whole, whole, (-50, -50, 5000, 5000), (9e5, 9e5, 9e5, 9e5))).shape == shape
    np.testing.assert_array_equal(draw_boxes(image, objects()), image)


def test_larger():
    small = objects((10, 10, 30, 20))
    large = objects((30, 30, 90, 60))
    drawn = draw_boxes(GREY, small, enlarge=3)
    np.testing.assert_array_equal(drawn, draw_boxes(GREY.repeat(3, 0).repeat(3, 1), large))


def test_labels_say_name_and_score():
    assert words(("a", "b"), np.array([1, 0]), [0.934, 0.5]) == ["b 0.93", "a 0.50"]
    assert words(("a", "b"), np.array([1]), None) == ["b"]
    one = objects((20, 20, 70, 55), scores=[0.93])
    label = tag("a 0.93", 12, PALETTE[0])
    drawn = draw_boxes(GREY, one, thickness=2, text=12)
    row, column = 20 - 2 - label.shape[0], 20 - 2
    np.testing.assert_array_equal(drawn[row : row + label.shape[0], column : column + label.shape[1]], label)
    assert (draw_boxes(GREY, one, scores=False) != drawn).any()
    assert label.min() == 0 and not label.flags.writeable


def test_letters_can_be_read_on_every_colour():
    for colour in [*PALETTE, (0, 0, 0), (255, 255, 255), (127, 127, 127), (117, 117, 117), (255, 0, 0), (0, 0, 255)]:
        assert contrast(ink_on(colour), colour) >= 4.58 - 0.01


def test_a_frame_is_seen_on_every_ground():
    """Of the frame's two colours, one has a contrast of 2 with any ground (3 for most classes)."""
    grounds = np.repeat(np.arange(256)[:, None], 3, axis=1)
    worst = [np.maximum(contrast(grounds, (0, 0, 0)), contrast(grounds, colour)).min() for colour in PALETTE]
    assert min(worst) > 2.2 and np.median(worst) > 3


def lab(linear):
    ratio = linear @ np.array([[0.4125, 0.3576, 0.1804], [0.2127, 0.7152, 0.0722], [0.0193, 0.1192, 0.9503]]).T
    ratio = ratio / [0.9505, 1, 1.0888]
    root = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    x, y, z = root.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


@pytest.mark.parametrize("eye", EYES)
def test_colours_are_told_apart_with_any_eyes(eye):
    share = np.array(PALETTE) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    seen = lab(np.clip(linear @ np.array(EYES[eye]).T, 0, 1))
    apart = np.linalg.norm(seen[:, None] - seen, axis=-1) + 1000 * np.eye(len(seen))
    assert apart[:6, :6].min() >= 34 and apart[:10, :10].min() >= 19 and apart.min() >= 11


def test_colours_are_stable():
    np.testing.assert_array_equal(class_colours(80)[:20], class_colours(20))
    assert tuple(class_colours(80)[47]) == PALETTE[7]
    with pytest.raises(ValueError, match="count is 0"):
        class_colours(0)


def overlaps(corners, sizes):
    ends = corners + np.array(sizes).reshape(-1, 2)[:, ::-1]
    common = np.minimum(ends[:, None], ends) - np.maximum(corners[:, None], corners)
    area = common.clip(0).prod(axis=-1)
    return area[~np.eye(len(corners), dtype=bool)]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.floats(0, 300), st.floats(0, 300), st.floats(1, 200), st.floats(1, 200)), max_size=12))
def test_where_there_is_room_no_label_hides_another(drawn):
    boxes = np.array([(x, y, x + w, y + h) for x, y, w, h in drawn]).reshape(-1, 4)
    sizes, span = [(14, 60)] * len(boxes), np.array([60, 14])
    corners = place_labels(boxes, sizes, (500, 500))
    assert not overlaps(corners, sizes).any()
    assert (corners >= 0).all() and (corners + span <= 500).all()
    if len(boxes):
        place = np.concatenate([corners[:1], corners[:1] + span], axis=1)
        assert gap(place, boxes[0])[0] <= 30  # the first has free choice but for what it would hide


def test_labels_go_beside_what_they_would_hide():
    boxes = [(100, 100, 140, 110)]
    assert place_labels(boxes, [(16, 60)], (300, 300)).tolist() == [[100, 84]]
    assert place_labels([(100, 2, 140, 12)], [(16, 60)], (300, 300)).tolist() == [[100, 12]]  # no room above: below
    # A small box just above would be hidden: the label goes elsewhere, and hides at most half of it.
    ((x, y),) = place_labels([(100, 100, 200, 180)], [(16, 60)], (300, 300)).tolist()
    crowd = [(100, 100, 200, 180), (105, 85, 125, 98)]
    ((u, v), _) = place_labels(crowd, [(16, 60)] * 2, (300, 300)).tolist()
    assert (x, y) == (100, 84) and (u, v) == (140, 84)


def test_no_room_at_all():
    corners = place_labels([(0, 0, 40, 40)] * 5, [(30, 30)] * 5, (40, 40))
    assert ((corners >= 0) & (corners <= 10)).all()
    assert place_labels([(0, 0, 4, 4)], [(30, 90)], (20, 20)).tolist() == [[0, 0]]  # larger than the picture


def test_what_was_moved_has_a_line_to_its_box():
    many = objects(*[(30, 30, 34, 34)] * 6, classes=[0, 1, 2, 0, 1, 2])
    without = draw_boxes(np.full((200, 200, 3), 250, np.uint8), many, text=12)
    corners = place_labels(many.boxes, [tag("a", 12, PALETTE[0]).shape[:2]] * 6, (200, 200))
    assert len(np.unique(corners, axis=0)) == 6 and (without != 250).any()


@pytest.mark.parametrize(
    ("image", "found", "options", "error", "message"),
    [
        (GREY / 255, objects(), {}, TypeError, "image is float64; a uint8"),
        (GREY[..., 0], objects(), {}, ValueError, r"image has shape \(60, 80\)"),
        (GREY, objects((0, 0, np.nan, 3)), {}, ValueError, "boxes hold nan"),
        (GREY, objects((0, 0, 2, 3)), {"colours": np.zeros((2, 3))}, ValueError, r"\(3, 3\) is wanted, one for each"),
        (GREY, objects((0, 0, 2, 3)), {"thickness": 0}, ValueError, "thickness is 0"),
        (GREY, objects((0, 0, 2, 3)), {"text": 1.5}, TypeError, "text is 1.5"),
        (GREY, objects((0, 0, 2, 3)), {"enlarge": 0}, ValueError, "enlarge is 0"),
    ],
)
def test_what_cannot_be_drawn_is_refused(image, found, options, error, message):
    with pytest.raises(error, match=message):
        draw_boxes(image, found, **options)
