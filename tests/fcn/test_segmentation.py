import matplotlib.pyplot as plt
import numpy as np
import pytest

from data import annotated_photo
from fcn.datasets import voc_palette
from fcn.plots.overlays import label_colours, overlay
from fcn.plots.segmentation import VOID, mistakes, show_segmentation

PEOPLE = annotated_photo()
COLOURS = voc_palette(21)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_mistakes_are_coloured_and_void_is_no_mistake():
    image = np.random.default_rng(0).integers(0, 256, (2, 3, 3), dtype=np.uint8)
    truth, prediction = np.array([[0, 1, 255], [1, 1, 0]]), np.array([[0, 0, 1], [1, 0, 0]])
    found = mistakes(image, prediction, truth).astype(int)
    strong = found[..., 0] - found[..., 2] > 100
    np.testing.assert_array_equal(strong, [[False, True, False], [False, True, False]])
    np.testing.assert_array_equal(found[0, 2], VOID)
    assert (np.ptp(found, axis=2)[~strong] == 0).all()  # the photograph is grey
    with pytest.raises(ValueError, match="differ in size"):
        mistakes(image, prediction[:1], truth)


def test_four_panels_with_their_pictures_and_one_legend():
    truth = PEOPLE.class_mask.copy()
    truth[:10] = 255
    prediction = np.zeros_like(truth)
    figure = show_segmentation(PEOPLE.image, prediction, truth, class_names=PEOPLE.class_names, colours=COLOURS)
    assert [ax.get_title() for ax in figure.axes[:3]] == ["photograph", "truth", "prediction"]
    share = 100 * np.mean(truth[truth != 255] != 0)
    assert figure.axes[3].get_title() == f"wrong: {share:.0f} %"
    shown = [ax.images[0].get_array() for ax in figure.axes]
    np.testing.assert_array_equal(shown[0], PEOPLE.image)
    np.testing.assert_array_equal(shown[1], label_colours(truth, COLOURS))
    np.testing.assert_array_equal(shown[3], mistakes(PEOPLE.image, prediction, truth))
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["background", "bottle", "chair", "diningtable", "person", "void"]


def test_without_truth_and_in_several_rows_everything_is_inside_the_figure():
    narrow = PEOPLE.image[:, :150], PEOPLE.class_mask[:, :150]
    names = [f"a long name of class {index}" for index in range(21)]
    label = np.arange(375 * 500).reshape(375, 500) % 21
    figure = show_segmentation([PEOPLE.image, narrow[0]], [label, narrow[1]], class_names=names, colours=COLOURS)
    assert len(figure.axes) == 6 and figure.get_size_inches()[0] == 10
    np.testing.assert_array_equal(figure.axes[2].images[0].get_array(), overlay(PEOPLE.image, label, COLOURS))
    figure.canvas.draw()
    legend = figure.legends[0].get_window_extent()
    assert legend.x0 >= 0 and legend.x1 <= figure.bbox.x1 and legend.y0 >= 0
    assert all(ax.get_window_extent().y0 >= legend.y1 - 1 for ax in figure.axes)


def test_what_does_not_fit_is_refused():
    image, label = PEOPLE.image, PEOPLE.class_mask
    options = {"class_names": PEOPLE.class_names, "colours": COLOURS}
    with pytest.raises(ValueError, match="2, 1 images"):
        show_segmentation([image, image], [label], **options)
    with pytest.raises(ValueError, match="shape"):
        show_segmentation(image, label[:9], **options)
    with pytest.raises(ValueError, match="names"):
        show_segmentation(image, label, class_names=["one"], colours=COLOURS)
