from itertools import pairwise

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from fcn.layers.pooling import MaxPoolingWithArgmax2D, MaxUnpooling2D
from fcn.plots.unpooling import draw_unpooling

IMAGE = np.array([[1, 2, 6, 3], [3, 5, 2, 1], [1, 2, 2, 1], [7, 3, 4, 8]], np.float32)
PROCESSED = np.array([[1, 2], [3, 4]], np.float32)


def steps(image=IMAGE, processed=PROCESSED):
    image, processed = image[None, ..., None], processed[None, ..., None]
    pooled, indices = MaxPoolingWithArgmax2D()(image)
    unpooled = MaxUnpooling2D()(processed, indices, like=image)
    return [np.asarray(array)[0, ..., 0] for array in (image, pooled, indices, processed, unpooled)]


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def cells(ax):
    """Numbers and colours, as drawn."""
    found = {}
    for patch, text in zip(ax.patches, ax.texts, strict=True):
        assert tuple(np.add(patch.get_xy(), 0.5)) == text.get_position()
        found[text.get_position()[::-1]] = (float(text.get_text()), to_rgb(patch.get_facecolor()))
    return found


def test_the_slide_with_its_colours():
    figure = draw_unpooling(*steps())
    grids = [cells(ax) for ax in figure.axes]
    np.testing.assert_array_equal([number for number, _ in grids[0].values()], IMAGE.ravel())
    np.testing.assert_array_equal([number for number, _ in grids[1].values()], [5, 6, 7, 8])
    np.testing.assert_array_equal([number for number, _ in grids[2].values()], [1, 2, 3, 4])
    expected = [0, 0, 2, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 0, 0, 4]
    np.testing.assert_array_equal([number for number, _ in grids[3].values()], expected)
    maxima = {(0, 0): (1, 1), (0, 1): (0, 2), (1, 0): (3, 0), (1, 1): (3, 3)}
    colours = {grids[1][window][1] for window in maxima}
    assert len(colours) == 4 and (1, 1, 1) not in colours
    for window, pixel in maxima.items():
        assert grids[1][window][1] == grids[2][window][1] == grids[0][pixel][1] == grids[3][pixel][1]
    for at in set(grids[0]) - set(maxima.values()):
        assert grids[0][at][1] == grids[3][at][1] == (1, 1, 1)


@pytest.mark.parametrize("side", [(4, 4), (5, 7), (2, 2)])
def test_nothing_is_clipped_and_cells_are_of_one_size(side):
    image = np.random.default_rng(0).integers(-99, 99, side).astype(np.float32)
    figure = draw_unpooling(*steps(image, np.zeros((side[0] // 2, side[1] // 2), np.float32)))
    figure.canvas.draw()
    assert figure.get_figwidth() <= 10
    whole = figure.bbox
    sizes = []
    for ax in figure.axes:
        sizes.append(ax.patches[0].get_window_extent().width)
        for text in (*ax.texts, ax.title):
            box = text.get_window_extent()
            assert whole.x0 <= box.x0 and box.x1 <= whole.x1 and whole.y0 <= box.y0 and box.y1 <= whole.y1
        for text in ax.texts:
            assert text.get_window_extent().width < sizes[-1]
    np.testing.assert_allclose(sizes, sizes[0], rtol=0.03)
    titles = [ax.title.get_window_extent() for ax in figure.axes]
    assert all(one.x1 < other.x0 for one, other in pairwise(titles))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({0: IMAGE[None]}, r"image must be \(height, width\).*got \(1, 4, 4\)"),
        ({3: PROCESSED[:1]}, r"processed is \(1, 2\), pooled \(2, 2\)"),
        ({4: PROCESSED}, r"unpooled is \(2, 2\), image \(4, 4\)"),
        ({2: np.array([[5, 2], [12, 16]])}, "from 0 to 15"),
        ({2: PROCESSED}, "float32"),
    ],
    ids=range(5),
)
def test_refused(change, words):
    with pytest.raises(ValueError, match=words):
        draw_unpooling(*(change.get(number, array) for number, array in enumerate(steps())))


def test_too_large_to_be_read():
    with pytest.raises(ValueError, match="image is 40 x 40, too large"):
        draw_unpooling(*steps(np.zeros((40, 40), np.float32), np.zeros((20, 20), np.float32)))


def test_long_numbers_stay_in_their_cells():
    figure = draw_unpooling(*steps(IMAGE * -1.2345e-7, PROCESSED * -123456.7))
    figure.canvas.draw()
    for ax in figure.axes:
        width = ax.patches[0].get_window_extent().width
        assert max(text.get_window_extent().width for text in ax.texts) < width


@pytest.mark.parametrize("array", [np.array([["a"] * 4] * 4), IMAGE * 1j, IMAGE > 2])
def test_no_numbers(array):
    with pytest.raises(TypeError, match="image holds .*; real numbers are wanted"):
        draw_unpooling(array, *steps()[1:])


def test_nothing_at_all():
    with pytest.raises(ValueError, match=r"pooled is \(0, 2\): it is empty"):
        draw_unpooling(IMAGE, *[np.zeros((0, 2), int)] * 3, IMAGE)
