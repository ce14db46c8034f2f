import matplotlib.pyplot as plt
import numpy as np
import pytest
import tensorflow as tf

from cnnviz.plots.overlays import OPACITY, blend, overlay


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture
def photograph():
    return np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)


def drawn(ax):
    """What the axes show: the photograph with the heat's colours over it, by their opacity."""
    below, above = (np.asarray(image.get_array(), np.float64) for image in ax.images)
    below = below / 255
    return below * (1 - above[..., 3:]) + above[..., :3] * above[..., 3:]


def test_where_there_is_no_heat_the_photograph_is_as_it_was(photograph):
    heat = np.zeros((6, 9))
    np.testing.assert_array_equal(blend(photograph, heat), photograph)
    heat[1, 7] = 5
    blended = blend(photograph, heat)
    np.testing.assert_array_equal(blended[30:], photograph[30:])
    assert np.abs(blended[10:20, 70:80].astype(int) - photograph[10:20, 70:80]).max() > 50
    assert blended is not photograph


def test_the_hottest_pixel_has_the_lightest_colour(photograph):
    heat = np.zeros((60, 90))
    heat[20, 30] = 0.003
    lightest = 255 * np.array(plt.colormaps["magma"](1.0)[:3])
    wanted = (1 - OPACITY) * photograph[20, 30] + OPACITY * lightest
    np.testing.assert_allclose(blend(photograph, heat)[20, 30], wanted, atol=2)
    others = np.ones((60, 90), bool)
    others[20, 30] = False
    np.testing.assert_array_equal(blend(photograph, heat)[others], photograph[others])


def test_more_heat_covers_more_and_is_lighter():
    grey = np.full((1, 256, 3), 128, np.uint8)
    heat = np.arange(256.0)[None]
    black = blend(np.zeros_like(grey), heat)[0].astype(int)
    white = blend(np.full_like(grey, 255), heat)[0].astype(int)
    left = (white - black).mean(axis=1)  # how much of the photograph is left
    assert (np.diff(left) <= 0.5).all()
    assert left[0] == 255
    assert left[-1] == pytest.approx(255 * (1 - OPACITY), abs=2)
    assert (np.diff(black.sum(axis=1)) >= -2).all()


def test_the_figure_and_the_array_are_the_same(photograph):
    heat = np.random.default_rng(1).uniform(size=(4, 6))
    ax = overlay(photograph, heat, title="both")
    np.testing.assert_allclose(255 * drawn(ax), blend(photograph, heat), atol=2)
    assert ax.get_title() == "both"
    assert [image.get_extent() for image in ax.images] == [[0, 90, 60, 0]] * 2


def test_cells_lie_where_they_belong():
    """Half-pixel centres: the middle of the heat of one cell is the middle of its square."""
    photograph = np.zeros((224, 224, 3), np.uint8)
    cells = np.zeros((7, 7))
    cells[2, 1] = 1
    light = blend(photograph, cells).astype(np.float64).sum(axis=2)
    rows, columns = np.mgrid[:224, :224]
    assert (light * columns).sum() / light.sum() == pytest.approx(47.5, abs=0.01)
    assert (light * rows).sum() / light.sum() == pytest.approx(79.5, abs=0.01)
    smooth = tf.image.resize(cells[..., None], (224, 224)).numpy()[..., 0]
    order = np.argsort(smooth, axis=None)
    assert (np.diff(light.ravel()[order]) > -8).all()  # as bright as TensorFlow's heat is high, up to rounding


def test_rendered_heat_is_not_shifted():
    """The same of what matplotlib puts on the screen."""
    figure = plt.figure(figsize=(2.24, 2.24), dpi=100)
    ax = figure.add_axes((0, 0, 1, 1))
    cells = np.zeros((7, 7))
    cells[2, 1] = 1
    overlay(np.zeros((224, 224, 3), np.uint8), cells, ax=ax)
    figure.canvas.draw()
    light = np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(np.float64).sum(axis=2)
    rows, columns = np.mgrid[:224, :224]
    assert (light * columns).sum() / light.sum() == pytest.approx(47.5, abs=0.3)
    assert (light * rows).sum() / light.sum() == pytest.approx(79.5, abs=0.3)


def test_maps_can_be_compared_and_signs_seen(photograph):
    heat = np.random.default_rng(1).uniform(size=(4, 6))
    np.testing.assert_allclose(blend(photograph, heat / 7), blend(photograph, heat), atol=3)
    np.testing.assert_array_equal(blend(photograph, heat, hottest=heat.max()), blend(photograph, heat))
    half = blend(photograph, heat, hottest=2 * heat.max()).astype(int) - photograph
    assert np.abs(half).mean() < np.abs(blend(photograph, heat).astype(int) - photograph).mean()
    np.testing.assert_allclose(blend(photograph, heat - 1), blend(photograph, heat - heat.min()), atol=3)
    clipped = np.minimum(heat, 0.5)
    np.testing.assert_array_equal(blend(photograph, heat, hottest=0.5), blend(photograph, clipped))


def test_grey_photographs_and_a_given_axes(photograph):
    grey = photograph[..., 0]
    np.testing.assert_array_equal(blend(grey, np.eye(3)), blend(np.stack([grey] * 3, axis=-1), np.eye(3)))
    _, ax = plt.subplots()
    assert overlay(photograph, np.eye(3), ax=ax) is ax


def test_what_is_refused(photograph):
    for draw in (overlay, blend):
        with pytest.raises(TypeError, match="photograph is float64; uint8 is wanted"):
            draw(photograph / 255, np.eye(3))
        with pytest.raises(ValueError, match=r"heat has shape \(1, 3, 3\); one map"):
            draw(photograph, np.eye(3)[None])
        with pytest.raises(ValueError, match="heat holds NaN"):
            draw(photograph, np.full((3, 3), np.nan))
        with pytest.raises(ValueError, match="hottest is 0"):
            draw(photograph, np.eye(3), hottest=0)
        with pytest.raises(ValueError, match=r"photograph has shape \(60, 90, 4\)"):
            draw(np.zeros((60, 90, 4), np.uint8), np.eye(3))
