import numpy as np
import pytest

from data import photo
from fcn.datasets import voc_palette
from fcn.plots.overlays import borders, label_colours, legend, overlay, with_legend

COLOURS = [(200, 0, 0), (0, 180, 0), (10, 20, 250)]
NAMES = ["red", "green", "blue"]
HALVES = np.array([[0, 0, 1, 1]] * 3 + [[0, 255, 1, 1]])


def grey(shape, level=100):
    return np.full((*shape, 3), level, np.uint8)


def test_the_mixture_is_the_weighted_mean_and_void_is_the_photograph():
    image = np.random.default_rng(0).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    for alpha in (0, 0.3, 1):
        found = overlay(image, HALVES, COLOURS, alpha=alpha, outline=False)
        paint = np.array([*COLOURS, (0, 0, 0)])[np.where(HALVES == 255, 3, HALVES)]
        wanted = np.floor((1 - alpha) * image + alpha * paint + 0.5)
        wanted[3, 1] = image[3, 1]
        assert np.abs(found.astype(int) - wanted).max() <= (0 if alpha in (0, 1) else 1)
        np.testing.assert_array_equal(found[3, 1], image[3, 1])


def test_the_line_runs_where_classes_meet_and_never_on_void():
    wanted = np.zeros((4, 4), bool)
    wanted[:3, 1] = True  # between the first class and the second, on the left of the two
    wanted[3, 0] = True  # where the first class meets void
    wanted[3, 2] = True  # void meets the second class: the line is on the class
    assert borders(HALVES)[2, 1] and not borders(HALVES)[3, 1]
    np.testing.assert_array_equal(borders(HALVES), wanted)
    thick = borders(HALVES, thickness=3)
    assert thick.sum() > wanted.sum() and not thick[3, 1]
    plain, lined = (overlay(grey((4, 4)), HALVES, COLOURS, outline=outline) for outline in (False, True))
    np.testing.assert_array_equal((plain != lined).any(axis=2), wanted)
    assert lined[wanted].min() > 160  # light on any colour


def test_the_line_is_seen_on_black_and_on_a_photograph():
    image = photo("rocket")
    classes = (np.arange(image.shape[1]) // 100 % 3)[None].repeat(image.shape[0], 0)
    before = image.copy()
    found = overlay(image, classes, COLOURS)
    np.testing.assert_array_equal(image, before)
    assert found[:, 99].min() >= 165 and found[:, 50].max() < 240


def test_a_label_in_its_colours():
    found = label_colours(HALVES, COLOURS)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found[0, 0], COLOURS[0])
    np.testing.assert_array_equal(found[3, 1], (0, 0, 0))
    np.testing.assert_array_equal(label_colours(np.array([[2, 9]]), COLOURS, void=9)[0, 0], COLOURS[2])


def colours_in(picture):
    return {tuple(colour) for colour in picture.reshape(-1, 3).tolist()}


def test_the_legend_shows_what_is_there_largest_first():
    panel = legend(NAMES, COLOURS, classes=HALVES, height=80)
    assert {COLOURS[0], COLOURS[1]} <= colours_in(panel) and COLOURS[2] not in colours_in(panel)
    rows = [np.flatnonzero((panel == COLOURS[i]).all(axis=2).any(axis=1)).mean() for i in (1, 0)]
    assert rows[0] < rows[1]  # 8 pixels of the second class, 7 of the first
    assert set(COLOURS) <= colours_in(legend(NAMES, COLOURS))
    assert legend(NAMES, COLOURS, classes=np.full((2, 2), 255)).min() == 255  # nothing but void


def test_shares_are_of_the_pixels_that_have_a_class():
    """7 and 8 of 15 are 47 % and 53 %; equal pictures for equal shares, whatever else the label holds."""
    more_void = np.concatenate([HALVES, np.full((9, 4), 255)])
    np.testing.assert_array_equal(legend(NAMES, COLOURS, classes=HALVES), legend(NAMES, COLOURS, classes=more_void))
    other = HALVES.copy()
    other[0, 0] = 255
    assert (legend(NAMES, COLOURS, classes=HALVES) != legend(NAMES, COLOURS, classes=other)).any()


@pytest.mark.parametrize("classes", [2, 11, 32])
@pytest.mark.parametrize("shape", [(360, 480), (480, 100), (40, 300), (24, 24), (1080, 1920)])
def test_the_picture_is_whole_beside_its_legend_and_every_class_is_in_it(classes, shape):
    colours = voc_palette(classes + 1)[1:]
    names = [f"a name of class {index}" for index in range(classes)]
    label = np.arange(shape[0] * shape[1]).reshape(shape) % classes
    picture = grey(shape, 77)
    both = with_legend(picture, names, colours, classes=label)
    height, width = shape
    np.testing.assert_array_equal(both[:height, :width], picture)
    rest = both.copy()
    rest[:height, :width] = 255
    assert {tuple(colour) for colour in colours.tolist()} <= colours_in(rest)
    assert (rest[:, -1] == 255).all() and (rest[-1] == 255).all()  # nothing is cut off at the edges
    assert both.shape[0] == height or both.shape[1] == width or min(shape) < 110  # grows one way, where it can


def test_letters_grow_with_the_picture():
    small, large = (legend(NAMES, COLOURS, text=text) for text in (13, 39))
    assert large.shape[0] == pytest.approx(3 * small.shape[0], rel=0.1)


def test_what_does_not_fit_is_refused():
    image = grey((4, 4))
    for problem, arguments, words in (
        (TypeError, (image / 255, HALVES, COLOURS), "uint8"),
        (TypeError, (image, HALVES / 2, COLOURS), "whole numbers"),
        (ValueError, (image[:3], HALVES, COLOURS), r"\(3, 4, 3\), classes \(4, 4\)"),
        (ValueError, (image, HALVES, COLOURS[:1]), "holds 1; there are colours for 0..0"),
        (ValueError, (image, HALVES - 1, COLOURS), "holds -1"),
        (ValueError, (image, HALVES, [(0, 0)]), "colours has shape"),
        (ValueError, (image, HALVES, [(0, 0, 300), (0, 0, 1)]), "0..255"),
    ):
        with pytest.raises(problem, match=words):
            overlay(*arguments)
    with pytest.raises(ValueError, match="alpha is 2"):
        overlay(image, HALVES, COLOURS, alpha=2)
    with pytest.raises(ValueError, match="void is 1"):
        label_colours(HALVES, COLOURS, void=1)
    with pytest.raises(ValueError, match="a name for each"):
        legend(["red"], COLOURS)
    with pytest.raises(ValueError, match="give one of them"):
        legend(NAMES, COLOURS, width=3, height=3)
