import matplotlib.pyplot as plt
import numpy as np
import pytest

from cnnviz.plots.contact_sheet import contact_sheet

PHOTOGRAPH = np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)
ANSWERS = [("golf_ball", 0.8, 7), ("dog", 0.15, 2), ("cat", 0.001, 1)]


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def words(figure):
    texts = [ax.get_title(loc="left") for ax in figure.axes] + [
        text.get_text() for ax in figure.axes for text in ax.texts
    ]
    return [text.strip() for text in [*texts, figure.get_suptitle()] if text.strip()]


def test_it_names_the_answer_the_class_the_methods_and_the_notes():
    maps = {"grad_cam": np.eye(4), "gradient": np.ones((20, 30, 3)), "eigen_cam": np.zeros((4, 4))}
    figure = contact_sheet(PHOTOGRAPH, maps, answers=ANSWERS, notes={"gradient": "deletion 0.30"})
    found = words(figure)
    assert "golf ball 80%" in found
    assert "dog 15%" in found  # and not the cat, of which there is nothing to say
    assert "what speaks for “golf ball”" in found
    assert {"Grad-CAM", "gradient", "Eigen-CAM", "deletion 0.30"} <= set(found)
    assert found.count("zero everywhere") == 1
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array(), PHOTOGRAPH)
    another = contact_sheet(PHOTOGRAPH, maps, answers=ANSWERS, explained="dog")
    assert "what speaks for “dog”" in words(another)


def test_every_map_is_drawn_where_it_belongs():
    """A map that is hot in one corner brightens that corner of its own tile only."""
    heat = np.zeros((2, 3))
    heat[1, 2] = 1
    black = np.zeros((20, 30, 3), np.uint8)
    figure = contact_sheet(black, {"one": heat, "two": heat[::-1, ::-1]})
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(int)

    def brightness(ax, x, y):
        column, row = ax.transData.transform((x, y))
        return pixels[pixels.shape[0] - 1 - int(row), int(column)].sum()

    _, one, two = figure.axes[:3]
    assert brightness(one, 28, 18) > 300 > 100 > brightness(one, 2, 2)
    assert brightness(two, 2, 2) > 300 > 100 > brightness(two, 28, 18)


def test_signs_have_their_colours():
    map_ = np.zeros((20, 30, 3))
    map_[:, :10, 0], map_[:, 20:, 0] = 1, -1
    figure = contact_sheet(PHOTOGRAPH, {"gradient": map_}, signed=True)
    image = figure.axes[1].images[-1]
    left, middle, right = image.cmap(image.norm(image.get_array()))[5, [2, 15, 27], :3]
    assert left[0] > 2 * left[2]  # red speaks for it
    assert right[2] > 2 * right[0]  # blue against
    assert (middle > 0.9).all()
    flat = contact_sheet(PHOTOGRAPH, {"gradient": map_}).axes[1].images[-1]
    shown = flat.norm(flat.get_array())
    assert shown[5, 2] == shown[5, 27] == 1


def test_a_batch_of_one_and_a_named_tuple_are_taken():
    class Found:
        attributions = np.ones((1, 20, 30, 3))

    figure = contact_sheet(PHOTOGRAPH, {"a": np.ones((1, 5, 5)), "b": Found(), "c": np.ones((5, 4))})
    assert len([ax for ax in figure.axes if ax.images]) == 4


@pytest.mark.parametrize("count", [1, 4, 5, 9, 11])
def test_no_tile_is_lost(count):
    figure = contact_sheet(PHOTOGRAPH, {str(number): np.ones((3, 3)) for number in range(count)})
    assert sum(bool(ax.images) for ax in figure.axes) == count + 1
    assert len(figure.axes) - count - 1 <= 2  # few places stay empty


def test_bad_input_is_refused_in_words():
    with pytest.raises(TypeError, match="uint8 is wanted"):
        contact_sheet(PHOTOGRAPH / 255, {"a": np.ones((3, 3))})
    with pytest.raises(ValueError, match=r"\(height, width, 3\)"):
        contact_sheet(PHOTOGRAPH[..., 0], {"a": np.ones((3, 3))})
    with pytest.raises(ValueError, match="maps is empty"):
        contact_sheet(PHOTOGRAPH, {})
    with pytest.raises(ValueError, match="of 2 pictures"):
        contact_sheet(PHOTOGRAPH, {"a": np.ones((2, 20, 30, 3))})
    with pytest.raises(ValueError, match="has shape"):
        contact_sheet(PHOTOGRAPH, {"a": np.ones(3)})
    with pytest.raises(ValueError, match="NaN"):
        contact_sheet(PHOTOGRAPH, {"a": np.full((3, 3), np.nan)})
    with pytest.raises(ValueError, match="notes are given"):
        contact_sheet(PHOTOGRAPH, {"a": np.ones((3, 3))}, notes={"b": "x"})
    with pytest.raises(ValueError, match="columns is 0"):
        contact_sheet(PHOTOGRAPH, {"a": np.ones((3, 3))}, columns=0)
