import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest

from cnnviz import plots
from cnnviz.activations import statistics


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def maps(channels, side=12, seed=0):
    generator = np.random.default_rng(seed)
    return np.maximum(generator.normal(size=(side, side, channels)), 0).astype(np.float32)


def canvas(ax):
    return np.asarray(ax.images[0].get_array())


@pytest.mark.parametrize("channels", [1, 3, 16, 64, 320, 512])
def test_every_channel_has_its_tile(channels):
    picture = maps(channels)
    ax = plots.channel_grid(picture, order="index", columns=channels)
    tile, gap = 48, 2
    assert canvas(ax).shape[:2] == (tile, channels * tile + (channels - 1) * gap)
    for channel in {0, channels // 2, channels - 1}:
        found = canvas(ax)[::4, channel * (tile + gap) : channel * (tile + gap) + tile : 4]
        one = picture[..., channel]
        wanted = plt.colormaps["magma"]((one - one.min()) / (one.max() - one.min()))[..., :3]
        np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_most_active_first_and_numbered():
    picture = maps(5) * np.array([1, 5, 3, 0.1, 9])
    ax = plots.channel_grid(picture)
    assert [text.get_text() for text in ax.texts] == ["4", "1", "2", "0", "3"]
    assert [text.get_text() for text in plots.channel_grid(picture, most=2).texts] == ["4", "1"]


def test_dead_channels_are_crossed_out():
    picture = maps(6)
    picture[..., 2] = 0
    ax = plots.channel_grid(picture, order="index", columns=6)
    assert len(ax.lines) == 1
    tile = canvas(ax)[:48, 100:148]
    assert np.ptp(tile) == 0
    assert tile.mean() > 0.5


def test_a_shared_scale_keeps_channels_comparable():
    picture = maps(2)
    picture[..., 1] *= 0.1
    own, shared = (canvas(plots.channel_grid(picture, order="index", scale=scale)) for scale in ("own", "shared"))
    weak = slice(50, None)
    assert own[:, weak].mean() > 2 * shared[:, weak].mean()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"maps": np.zeros((2, 3, 3, 4))}, "one image's"),
        ({"maps": np.zeros((0, 3, 3))}, "one image's"),
        ({"maps": np.full((3, 3, 1), np.nan)}, "NaN"),
        ({"maps": np.zeros((3, 3, 1)), "order": "size"}, "'active' or 'index'"),
        ({"maps": np.zeros((3, 3, 1)), "scale": "log"}, "'own' or 'shared'"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        plots.channel_grid(**arguments)


def test_a_given_axes_is_drawn_into():
    _, ax = plt.subplots()
    assert plots.channel_grid(maps(4), ax=ax, title="conv") is ax
    assert ax.get_title(loc="left") == "conv"


def test_distillation_names_sizes_zeros_and_answer():
    photograph = np.zeros((48, 48, 3), np.uint8)
    activations = {"conv1_relu": maps(8, 48)[None], "conv2_relu": np.zeros((1, 6, 6, 30))}
    figure = plots.distillation(photograph, activations, [("garbage_truck", 0.9), ("cat", 0.1)])
    texts = [text.get_text() for text in figure.axes[0].texts]
    zeros = round(100 * (activations["conv1_relu"] == 0).mean())
    assert f"conv1\n48 x 48 x 8\n{zeros}% zeros" in texts
    assert "conv2\n6 x 6 x 30\n100% zeros" in texts
    bars = figure.axes[0].child_axes[0]
    assert [label.get_text() for label in bars.get_yticklabels()] == ["garbage truck", "cat"]
    assert [bar.get_width() for bar in bars.patches] == [0.9, 0.1]
    plots.distillation(photograph, activations)


def test_distillation_stays_inside_its_figure():
    activations = {f"block{n}_conv2_relu": maps(16 * n, 64 >> n)[None] for n in range(5)}
    figure = plots.distillation(np.zeros((64, 64, 3), np.uint8), activations, [("english_springer", 0.9)])
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    for text in figure.axes[0].texts:
        box = text.get_window_extent(renderer)
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.bbox.width


def test_layer_statistics_draws_what_it_is_given():
    rows = statistics({"a_relu": maps(8, 32)[None], "b_relu": maps(16, 16)[None]})
    sizes, values, zeros = plots.layer_statistics(rows).axes
    assert sizes.lines[0].get_ydata().tolist() == [32, 16]
    assert sizes.lines[1].get_ydata().tolist() == [8, 16]
    assert [bar.get_height() for bar in values.patches] == [8.192, 4.096]
    assert [bar.get_height() for bar in zeros.patches] == pytest.approx([100 * row.sparsity for row in rows])


def test_patch_grid_labels_its_rows():
    patch = np.zeros((5, 5, 3), np.uint8)
    figure = plots.patch_grid({"channel 3": [patch, patch], "channel 9": [patch]})
    assert len(figure.axes) == 4
    assert [ax.get_ylabel() for ax in figure.axes] == ["channel 3", "", "channel 9", ""]
    assert plots.patch_grid({"nothing": []}).axes


def test_overlay_stretches_the_map_over_the_photograph():
    ax = plots.overlay(np.zeros((20, 30, 3), np.uint8), maps(1, 4)[..., 0], title="both")
    assert [image.get_extent() for image in ax.images] == [[0, 30, 20, 0]] * 2
    assert ax.get_title() == "both"


def test_a_constant_channel_is_bright_not_black():
    picture = np.full((4, 4, 2), 3.0, np.float32)
    picture[..., 1] = 0
    first, second = (
        canvas(plots.channel_grid(picture, columns=2))[:, :48],
        canvas(plots.channel_grid(picture, columns=2))[:, 50:],
    )
    assert first.mean() > 0.7
    assert np.ptp(second) == 0


def test_channels_that_are_left_out_are_counted():
    assert plots.channel_grid(maps(20), most=8).get_title(loc="left") == "8 of 20 channels"
    with pytest.raises(ValueError, match="most is 0"):
        plots.channel_grid(maps(3), most=0)
    with pytest.raises(ValueError, match="columns is -3"):
        plots.channel_grid(maps(3), columns=-3)


def test_distillation_keeps_proportions_and_refuses_dense_layers():
    figure = plots.distillation(np.zeros((100, 300), np.uint8), {"conv": np.ones((1, 50, 150, 4))})
    left, right, bottom, top = figure.axes[0].images[-1].get_extent()
    assert (right - left) / (top - bottom) == pytest.approx(3)
    with pytest.raises(ValueError, match="'fc' has no maps"):
        plots.distillation(np.zeros((8, 8, 3), np.uint8), {"fc": np.ones((1, 9))})


@pytest.mark.parametrize(
    "names", [["a_very_long_name_of_a_layer_in_block_number_one", "x"], [f"conv_{n}" for n in range(17)]]
)
def test_labels_do_not_lie_upon_each_other(names):
    figure = plots.distillation(np.zeros((64, 64, 3), np.uint8), {name: maps(8, 16)[None] for name in names})
    figure.canvas.draw()
    boxes = [text.get_window_extent(figure.canvas.get_renderer()) for text in figure.axes[0].texts if text.get_text()]
    for before, after in itertools.pairwise(boxes):
        assert before.x1 <= after.x0 + 1


def test_what_a_student_may_hand_over_by_mistake():
    with pytest.raises(TypeError, match=r"take one image of one of them: maps\['a'\]\[0\]"):
        plots.channel_grid({"a": maps(3)[None]})
    with pytest.raises(ValueError, match=r"net.decode\(logits\)\[0\]"):
        plots.distillation(np.zeros((8, 8, 3), np.uint8), {}, [[("cat", 0.9)]])
    with pytest.raises(TypeError, match="photograph is float32; uint8 is wanted"):
        plots.overlay(np.zeros((8, 8, 3), np.float32), np.zeros((2, 2)))
    with pytest.raises(ValueError, match="one map"):
        plots.overlay(np.zeros((8, 8, 3), np.uint8), np.zeros((5, 8, 8), bool))
    with pytest.raises(TypeError, match="the dictionary of activation_maps"):
        statistics(maps(3))
