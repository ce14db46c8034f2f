"""The table says what the costs say, nothing is cut off, and the bars are as long as the numbers are large."""

import keras
import matplotlib.pyplot as plt
import pytest

from fcn.arithmetic import costs, receptive_fields
from fcn.plots.tables import cost_table

L = keras.layers


@pytest.fixture
def model():
    steps = [L.Conv2D(16, 1, name="narrow"), L.ReLU(name="relu"), L.Conv2D(32, (5, 3), padding="same", name="wide")]
    yield keras.Sequential([keras.Input((28, 28, 192)), *steps, L.GlobalMaxPool2D(name="top"), L.Dense(2, name="out")])
    plt.close("all")


def words(ax):
    return [text.get_text() for text in ax.texts]


def test_what_it_says(model):
    said = words(cost_table(model, fields=receptive_fields(model)))
    for cell in ("narrow", "28 x 28 x 16", "3,088", "2.4 M", "1 / 1", "5 x 3 / 1", "all", "64", "sum"):
        assert cell in said
    assert f"{model.count_params():,}" in said
    assert "relu" not in words(cost_table(model, free=False))


def test_bars_are_in_proportion(model):
    ax = cost_table(model)
    layers = costs(model).layers
    lengths = [bar.get_width() for bar in ax.patches]
    for kind, part in (("parameters", lengths[: len(layers)]), ("multiply_adds", lengths[len(layers) :])):
        counts = [getattr(layer, kind) for layer in layers]
        assert part == pytest.approx([max(part) * count / max(counts) for count in counts])


@pytest.mark.parametrize("width", [10, 5])
def test_nothing_is_cut_off_or_written_over(model, width):
    inputs = keras.Input((28, 28, 192))
    maps = L.Conv2D(192, 1, name="a_rather_long_name_for_a_layer_in_front_of_the_model")(inputs)
    model = keras.Model(inputs, model(maps))
    figure, ax = plt.subplots(figsize=(width, 3))
    cost_table(model, fields=receptive_fields(model), ax=ax)
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts]
    for one in boxes:
        assert one.x0 >= 0 and one.x1 <= figure.bbox.x1 and one.y0 >= 0 and one.y1 <= figure.bbox.y1
        assert not any(one is not other and one.overlaps(other) and one.width and other.width for other in boxes)


def test_unknown_is_said():
    inputs = keras.Input((6, 8))
    model = keras.Model(inputs, L.MultiHeadAttention(2, 4)(inputs, inputs))
    assert {"unknown", "at least 0"} <= set(words(cost_table(model)))
    plt.close("all")


def test_bad_input(model):
    with pytest.raises(TypeError, match="must be a keras.Model"):
        cost_table("vgg16")
    free = keras.Sequential([keras.Input((8, 8, 3)), L.ReLU()])
    with pytest.raises(ValueError, match="no layer to draw"):
        cost_table(free, free=False)


def test_names_of_wide_letters(model):
    inputs = keras.Input((28, 28, 192))
    wide = keras.Model(inputs, L.Conv2D(16, 1, name="MWMWMWMWMWMWMWMWMWMW_WMWMWM")(inputs))
    ax = cost_table(wide)
    ax.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts if text.get_text()]
    assert not any(one.overlaps(other) for number, one in enumerate(boxes) for other in boxes[:number])


def test_bad_width(model):
    for width in (-1, 0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=f"width is {width}"):
            cost_table(model, width=width)
    with pytest.raises(TypeError, match="width is '10'"):
        cost_table(model, width="10")
