import matplotlib as mpl
import numpy as np
import pytest

from cnnviz.plots.attributions import attribution_grid, attribution_map
from cnnviz.saliency.rendering import absolute, signed

mpl.use("Agg")
import matplotlib.pyplot as plt

GENERATOR = np.random.default_rng(0)
VALUES = GENERATOR.normal(size=(2, 8, 12, 3)).astype(np.float32)
PHOTOGRAPHS = GENERATOR.integers(0, 256, (2, 8, 12, 3), np.uint8)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_absolute_is_dark_at_zero_and_signed_is_white():
    for kind, render, low in (("absolute", absolute, 0), ("signed", signed, -1)):
        values = VALUES[0].copy()
        values[2, 3] = 0
        (image,) = attribution_map(values, kind=kind, percentile=90).images
        np.testing.assert_allclose(image.get_array(), render(values, percentile=90))
        assert image.get_clim() == (low, 1)
        colour = image.to_rgba(image.get_array())[2, 3, :3]
        assert (colour.max() < 0.02) if kind == "absolute" else (colour.min() > 0.95)


def test_red_speaks_for_and_blue_against():
    (image,) = attribution_map(np.array([[1.0, -1.0]]), kind="signed").images
    red, blue = image.to_rgba(image.get_array())[0, :, :3]
    assert red[0] > 2 * red[2] and blue[2] > 2 * blue[0]


def test_a_zero_map_is_drawn_in_the_colour_of_zero():
    for kind in ("absolute", "signed"):
        (image,) = attribution_map(np.zeros((4, 4, 3)), kind=kind).images
        assert not np.asarray(image.get_array()).any()


def test_the_photograph_shows_where_nothing_matters():
    values = np.zeros((8, 12))
    values[1, 2] = 5
    large = PHOTOGRAPHS[0].repeat(2, axis=0).repeat(2, axis=1)
    for kind in ("absolute", "signed"):
        beneath, above = attribution_map(values, kind=kind, photograph=large).images
        alpha = above.get_array()[..., 3]
        assert alpha[1, 2] == 1 and alpha.sum() == 1
        assert beneath.get_extent() == above.get_extent()
        brightness = large[0, 0] @ [0.299, 0.587, 0.114] / 255
        np.testing.assert_allclose(beneath.get_array()[0, 0], brightness)


def pictures(figure):
    return [ax for ax in figure.axes if ax.images]


def test_a_grid_has_a_row_for_each_image_and_a_column_for_each_method():
    methods = {"one": VALUES, "two": VALUES[..., 0], "three": -VALUES}
    figure = attribution_grid(methods, PHOTOGRAPHS, kind={"three": "signed"}, labels=["cat", "dog"], title="all")
    assert len(pictures(figure)) == 8
    assert [ax.get_title() for ax in pictures(figure)[:4]] == ["", "one", "two", "three"]
    np.testing.assert_array_equal(pictures(figure)[4].images[0].get_array(), PHOTOGRAPHS[1])
    np.testing.assert_allclose(pictures(figure)[6].images[0].get_array(), absolute(VALUES[1, ..., 0]))
    np.testing.assert_allclose(pictures(figure)[7].images[0].get_array(), signed(-VALUES[1]))
    assert [text.get_text() for ax in figure.axes for text in ax.texts] == ["cat", "dog"]


def test_a_grid_of_one_image_is_wrapped():
    methods = {str(index): VALUES[0] for index in range(5)}
    figure = attribution_grid(methods, PHOTOGRAPHS[0], columns=3, beneath=True)
    assert len(pictures(figure)) == 6
    assert len({round(ax.get_position().y0, 2) for ax in pictures(figure)}) == 2
    assert all(len(ax.images) == 2 for ax in pictures(figure)[1:])
    assert len(pictures(attribution_grid(methods))) == 5


@pytest.mark.parametrize(
    ("draw", "error", "words"),
    [
        (lambda: attribution_map(VALUES), ValueError, "2 images"),
        (lambda: attribution_map(VALUES[0], kind="both"), ValueError, "kind is 'both'"),
        (lambda: attribution_map(VALUES[0], photograph=VALUES[0]), TypeError, "uint8 is wanted"),
        (lambda: attribution_map(VALUES[0], photograph=PHOTOGRAPHS), ValueError, "photograph has shape"),
        (lambda: attribution_grid({}), ValueError, "at least one method"),
        (lambda: attribution_grid({"a": VALUES, "b": VALUES[0]}), ValueError, "different numbers"),
        (lambda: attribution_grid({"a": VALUES}, PHOTOGRAPHS[:1]), ValueError, "1 photographs for 2"),
        (lambda: attribution_grid({"a": VALUES}, kind={"b": "signed"}), ValueError, r"\['b'\]"),
        (lambda: attribution_grid({"a": VALUES}, labels="ab"), ValueError, "one for each"),
        (lambda: attribution_grid({"a": VALUES}, beneath=True), ValueError, "give photographs"),
    ],
)
def test_refusals(draw, error, words):
    with pytest.raises(error, match=words):
        draw()
