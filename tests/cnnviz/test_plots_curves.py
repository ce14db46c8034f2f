import matplotlib.pyplot as plt
import numpy as np
import pytest

from cnnviz.plots.curves import probability_curves, randomisation_curves, randomisation_grid
from cnnviz.sanity import Curve, ModelRandomisation

CURVE = Curve(np.array([0, 0.5, 1]), np.array([[1, 0.5, 0], [0.8, 0.1, 0]]), np.array([0.5, 0.25]))
LAYERS = [("logits",), ("conv", "norm")]


def randomisation(layers=LAYERS):
    correlations = np.array([[0.6, 0.4], [0.1, -0.1]])
    return ModelRandomisation(
        layers, correlations, correlations, correlations, np.random.default_rng(0).uniform(size=(3, 2, 5, 6))
    )


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def test_curves_are_the_means_over_the_images():
    ax = probability_curves({"grad_cam": CURVE, "rise": CURVE})
    line = ax.lines[0]
    np.testing.assert_allclose(line.get_xdata(), [0, 50, 100])
    np.testing.assert_allclose(line.get_ydata(), [0.9, 0.3, 0])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["Grad-CAM: 0.38", "RISE: 0.38"]
    assert ax.lines[0].get_color() != ax.lines[1].get_color()


def test_randomisation_starts_from_the_model_as_it_is():
    ax = randomisation_curves({"gradient": randomisation()})
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [1, 0.5, 0])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["(none)", "logits", "conv"]


def test_the_grid_shows_the_photograph_and_the_maps_of_the_image():
    found = randomisation()
    photographs = np.random.default_rng(1).integers(0, 255, (2, 10, 12, 3), np.uint8)
    figure = randomisation_grid(photographs, {"a": found, "b": found}, image=1)
    assert len(figure.axes) == 8
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array(), photographs[1])
    assert [ax.get_title() for ax in figure.axes[:4]] == ["", "as trained", "... logits", "... conv"]
    drawn = figure.axes[3].images[0].get_array()
    np.testing.assert_allclose(drawn * np.percentile(found.maps[2, 1], 99), found.maps[2, 1])


def test_nothing_to_draw():
    for draw in (
        probability_curves,
        randomisation_curves,
        lambda found: randomisation_grid(np.zeros((1, 2, 2, 3)), found),
    ):
        with pytest.raises(ValueError, match="is empty"):
            draw({})
    with pytest.raises(ValueError, match="different layers"):
        randomisation_curves({"a": randomisation(), "b": randomisation([("x",), ("y",)])})
