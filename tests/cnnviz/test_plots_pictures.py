"""Figures of pictures and climbs: that the right thing lies at the right place."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest

from cnnviz.ascent.climb import Climb
from cnnviz.plots.pictures import climb_curve, film_strip, picture_grid


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


@pytest.fixture
def climb():
    """Two pictures in five steps: the first rises by 1 in each, the second by 2; their grey tells the step."""
    climb = Climb(every=2)
    for step in range(6):
        pictures = np.full((2, 8, 8, 3), step, np.uint8) + np.array([0, 100], np.uint8)[:, None, None, None]
        climb(step, np.array([1.0, 2.0]) * step, lambda pictures=pictures: pictures)
    return climb


def test_each_picture_lies_under_its_label():
    pictures = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 10, 3), np.uint8)
    figure = picture_grid(pictures, list("abcde"), columns=3, title="five")
    shown = [ax for ax in figure.axes if ax.images]
    assert [ax.get_title() for ax in shown] == list("abcde")
    for index, ax in enumerate(shown):
        assert (ax.images[0].get_array() == index).all()
    figure.canvas.draw()
    lefts = [round(ax.get_position().x0, 2) for ax in shown]
    assert lefts[0] == lefts[3] < lefts[1] == lefts[4] < lefts[2]
    assert figure._suptitle.get_text() == "five"


def test_labels_do_not_run_into_each_other():
    names = ["a very long name", "another long one"] * 6
    figure = picture_grid(np.zeros((12, 8, 8, 3), np.uint8), names, columns=6)
    figure.canvas.draw()
    boxes = [ax.title.get_window_extent() for ax in figure.axes[:6]]
    for left, right in itertools.pairwise(boxes):
        assert left.x1 <= right.x0 + 1


def test_the_curve_is_the_climb(climb):
    ax = climb_curve(climb, ["slow", "fast"], title="up")
    np.testing.assert_allclose([line.get_ydata() for line in ax.lines], climb.scores.T)
    assert [text.get_text() for text in ax.texts] == ["slow", "fast"]
    assert ax.get_title(loc="left") == "up"
    mine = plt.figure().subplots()
    assert climb_curve(climb, ax=mine) is mine


def test_labels_of_curves_that_end_together_are_moved_apart():
    climb = Climb()
    for step in range(3):
        climb(step, np.array([5.0, 5.0, 5.01]) * step, lambda: np.zeros((3, 4, 4, 3), np.uint8))
    ax = climb_curve(climb, ["one", "two", "three"])
    ax.figure.canvas.draw()
    boxes = sorted((text.get_window_extent() for text in ax.texts), key=lambda box: box.y0)
    assert all(low.y1 <= high.y0 + 4 for low, high in itertools.pairwise(boxes))


def test_the_film_begins_with_the_first_and_ends_with_the_last(climb):
    figure = film_strip(climb, 1)
    assert [ax.get_title() for ax in figure.axes] == ["step 0", "step 2", "step 4", "step 5"]
    assert [int(ax.images[0].get_array()[0, 0, 0]) for ax in figure.axes] == [100, 102, 104, 105]
    assert [ax.get_title() for ax in film_strip(climb, most=2).axes] == ["step 0", "step 5"]


def test_bad_input(climb):
    with pytest.raises(TypeError, match="uint8 is wanted"):
        picture_grid(np.zeros((2, 4, 4, 3)))
    for pictures, labels in (
        (np.zeros((2, 4, 4), np.uint8), None),
        ([], None),
        (np.zeros((2, 4, 4, 3), np.uint8), "a"),
    ):
        with pytest.raises(ValueError, match="picture"):
            picture_grid(pictures, labels)
    with pytest.raises(ValueError, match="columns is 0"):
        picture_grid(np.zeros((2, 4, 4, 3), np.uint8), columns=0)
    for draw in (climb_curve, film_strip):
        with pytest.raises(ValueError, match="recorded nothing"):
            draw(Climb())
    with pytest.raises(ValueError, match="1 labels for 2"):
        climb_curve(climb, ["a"])
