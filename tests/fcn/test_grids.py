import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex

from fcn.matrix import convolution_matrix
from fcn.plots import grids
from fcn.plots.grids import draw_convolution, draw_positions, draw_transposed_convolution

CASES = [
    {},
    {"stride": 2, "padding": 1},
    {"padding": "same", "stride": (1, 2)},
    {"padding": ((1, 0), (0, 2))},
    {"dilation": (1, 2), "stride": 2},
]
KERNEL = np.arange(1, 7).reshape(2, 3)


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def squares(ax, colour):
    """Lower left corners ``(row, column)`` of all squares of this colour, in cells of the axes."""
    found = []
    for collection in ax.collections:
        if isinstance(collection, PolyCollection) and to_hex(collection.get_facecolor()[0]) == colour:
            found += [tuple(path.vertices[:, ::-1].min(axis=0)) for path in collection.get_paths()]
    return sorted(found)


def words_at(ax, cell):
    """What is written in this square."""
    return [
        text.get_text()
        for text in ax.texts
        if 0 < text.get_position()[1] - cell[0] < 1 and 0 < text.get_position()[0] - cell[1] < 1
    ]


def check(ax, matrix, sizes, output, position):
    """The window's cells that are inputs, and the weights in them, are what the row of the matrix says."""
    inputs = sorted(squares(ax, grids.INPUT) + squares(ax, grids.WINDOW))
    assert len(inputs) == np.prod(sizes)
    row = matrix[np.ravel_multi_index(position, output)]
    for cell, weight in zip(inputs, row, strict=True):
        assert (cell in squares(ax, grids.WINDOW)) == (weight != 0)
        assert words_at(ax, cell) == ([str(weight)] if weight else [])
    (produced,) = squares(ax, grids.PRODUCED)
    outputs = squares(ax, grids.OUTPUT)
    assert len(outputs) == np.prod(output)
    assert outputs[np.ravel_multi_index(position, output)] == produced


@pytest.mark.parametrize("options", CASES, ids=str)
def test_the_window_is_the_row_of_the_matrix(options):
    sizes = (4, 7)
    matrix = convolution_matrix(KERNEL, sizes, **options)
    padding = options.get("padding", 0)
    image = np.ones(sizes) if isinstance(padding, str) else np.pad(np.ones(sizes), padding)
    # TensorFlow refuses stride and dilation at once: take every window, then some.
    stride, dilation = options.get("stride", 1), options.get("dilation", 1)
    output = keras.ops.conv(
        image[None, ..., None],
        KERNEL[..., None, None].astype(float),
        1 if dilation != 1 else stride,
        padding if isinstance(padding, str) else "valid",
        dilation_rate=dilation,
    ).shape[1:3]
    output = tuple(-(-side // (stride if dilation != 1 else 1)) for side in output)
    assert len(matrix) == np.prod(output)
    for position in [*list(np.ndindex(output))[::4], (output[0] - 1, output[1] - 1)]:
        ax = draw_convolution(sizes, KERNEL, position=position, **options)
        check(ax, matrix, sizes, output, position)
        plt.close("all")


@pytest.mark.parametrize(
    ("options", "output"),
    [
        ({}, (3, 5)),
        ({"stride": 2, "padding": 1}, (2, 5)),
        ({"stride": 2, "padding": 1, "output_padding": (1, 0)}, (3, 5)),
        ({"stride": 2, "padding": "same"}, (4, 6)),
        ({"stride": 3, "padding": "same"}, (6, 9)),
        ({"stride": 3, "padding": "valid"}, (6, 9)),
        ({"padding": ((0, 1), (2, 0)), "dilation": 2}, (3, 5)),
    ],
    ids=str,
)
def test_the_transposed_window_is_the_column_of_the_matrix(options, output):
    sizes = (2, 3)
    of_the_matrix = {name: value for name, value in options.items() if name != "output_padding"}
    matrix = convolution_matrix(KERNEL, output, **of_the_matrix).T
    for position in [*list(np.ndindex(output))[::4], (output[0] - 1, output[1] - 1)]:
        check(draw_transposed_convolution(sizes, KERNEL, position=position, **options), matrix, sizes, output, position)
        plt.close("all")


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("stride", [1, 2, 3, 4])
def test_sizes_of_keras(stride, padding):
    layer = keras.layers.Conv2DTranspose(1, 3, stride, padding)
    expected = layer.compute_output_shape((1, 2, 3, 1))[1:3]
    ax = draw_transposed_convolution((2, 3), 3, stride=stride, padding=padding)
    assert len(squares(ax, grids.OUTPUT)) == np.prod(expected)
    assert f"output {expected[0]} × {expected[1]}" in [text.get_text() for text in ax.texts]


def test_numbers_up_to_the_window():
    image = np.random.default_rng(0).integers(-9, 9, (5, 5))
    kernel = np.array([[0, 1, 2], [2, 2, 0], [0, 1, 2]])
    expected = keras.ops.conv(
        np.pad(image, 1)[None, ..., None].astype(float), kernel[..., None, None].astype(float), 2, "valid"
    )
    ax = draw_convolution(5, kernel, stride=2, padding=1, image=image, position=(1, 1))
    written = [words_at(ax, cell) for cell in squares(ax, grids.OUTPUT)]
    wanted = [[f"{value:.0f}".replace("-", "−")] for value in np.ravel(expected)]
    assert written == wanted[:5] + [[]] * 4
    cells = sorted(squares(ax, grids.INPUT) + squares(ax, grids.WINDOW))
    assert [words_at(ax, cell)[0] for cell in cells] == [str(value).replace("-", "−") for value in image.ravel()]


def test_numbers_of_the_transpose():
    # By hand: every input puts a 2x2 copy of the kernel, times itself, side by side.
    ax = draw_transposed_convolution(2, [[1, 2], [3, 4]], stride=2, image=[[1, 2], [3, 4]], position=(3, 3))
    written = [int(words_at(ax, cell)[0]) for cell in squares(ax, grids.OUTPUT)]
    np.testing.assert_array_equal(np.reshape(written, (4, 4)), np.kron([[1, 2], [3, 4]], [[1, 2], [3, 4]]))


@pytest.mark.parametrize(
    ("draw", "title"),
    [
        (lambda: draw_convolution(5, 3, stride=2, padding=1), "5 + 2·1 → 3, kernel 3, stride 2"),
        (lambda: draw_convolution(7, 3, dilation=2), "7 → 3, kernel 3, dilation 2"),
        (lambda: draw_convolution(6, 3, stride=2, padding="same"), "6 + 0 + 1 → 3, kernel 3, stride 2"),
        (lambda: draw_convolution((5, 6), (3, 2)), "5 → 3 high, 6 → 5 wide\nkernel 3 × 2"),
        (
            lambda: draw_transposed_convolution(3, 3, stride=2, padding=1, output_padding=1),
            "(3 − 1)·2 + 3 − 2·1 + 1 → 6, kernel 3, stride 2",
        ),
    ],
)
def test_titles(draw, title):
    assert title in [text.get_text() for text in draw().texts]


def test_padding_and_inserted_zeros():
    ax = draw_transposed_convolution(3, 3, stride=2, padding=1, position=(2, 2))
    # 5x5 with the zeros, 9 of them inputs; the window in the middle covers 8 zeros, and the input in the centre.
    assert len(squares(ax, grids.ZERO)) == 5 * 5 - 9 - 8
    assert len(squares(ax, grids.WINDOW)) == 1
    assert len(squares(ax, grids.PAD)) == 7 * 7 - 5 * 5


def test_all_positions():
    figure = draw_positions(5, 3, stride=2, padding=1)
    assert len(figure.axes) == 9 and figure.texts[0].get_text() == "5 + 2·1 → 3, kernel 3, stride 2"
    produced = [squares(ax, grids.PRODUCED)[0] for ax in figure.axes]
    assert produced == squares(figure.axes[0], grids.OUTPUT)
    figure = draw_positions(2, 3, transposed=True, stride=2, most=10)
    assert len(figure.axes) == 10 and figure.texts[0].get_text().endswith("(the first 10 of 25)")


@pytest.mark.parametrize(
    "draw",
    [
        lambda: draw_convolution(5, np.eye(3), stride=2, padding=1, image=np.eye(5)).figure,
        lambda: draw_convolution((6, 8), ["abc", "def"], stride=(1, 2), padding=((1, 0), (0, 2))).figure,
        lambda: draw_convolution(1, 1).figure,
        lambda: draw_convolution(40, 7).figure,
        lambda: draw_convolution((1, 9), (1, 3)).figure,
        lambda: draw_transposed_convolution((4, 6), 3, stride=(2, 1), padding=1).figure,
        lambda: draw_transposed_convolution((3, 12), (3, 5), stride=(3, 2), dilation=(2, 1), padding=1).figure,
        lambda: draw_positions(5, 3, stride=2, padding=1),
    ],
)
def test_all_words_are_inside(draw):
    figure = draw()
    assert figure.get_figwidth() <= 10.001
    figure.canvas.draw()
    for text in [*figure.texts, *(text for ax in figure.axes for text in ax.texts)]:
        box = text.get_window_extent()
        inside = box.x0 >= 0 and box.x1 <= figure.bbox.x1 and box.y0 >= 0 and box.y1 <= figure.bbox.y1
        assert inside, text.get_text()


def test_into_given_axes():
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    assert draw_convolution(5, 3, ax=right) is right
    assert not left.collections and right.collections


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: draw_convolution(5, 3, position=(3, 0)), ValueError, "position is (3, 0); the output is (3, 3)"),
        (lambda: draw_convolution(5, 3, position=(-1, 0)), ValueError, "position is -1"),
        (lambda: draw_convolution(5, 3, image=np.ones((4, 5))), ValueError, "(4, 5), and the input is (5, 5)"),
        (lambda: draw_convolution(5, 3, image=np.full((5, 5), np.nan)), ValueError, "image holds NaN"),
        (lambda: draw_convolution(5, [1, 2, 3]), ValueError, "kernel has shape (3,)"),
        (lambda: draw_convolution(5, 3.0), TypeError, "kernel is 3.0"),
        (lambda: draw_convolution(5, 3, stride=0), ValueError, "stride is 0"),
        (lambda: draw_convolution(2, 3), ValueError, "no window fits"),
        (lambda: draw_transposed_convolution(3, 3, padding=3), ValueError, "padding is 3; a kernel that covers (3, 3)"),
        (lambda: draw_transposed_convolution(1, 3, padding=2), ValueError, "nothing is left"),
        (lambda: draw_transposed_convolution(3, 3, padding="full"), ValueError, "padding is 'full'"),
        (lambda: draw_transposed_convolution(3, 3, stride=2, output_padding=2), ValueError, "less than the stride, 2"),
        (
            lambda: draw_transposed_convolution(3, 3, stride=2, padding="same", output_padding=1),
            ValueError,
            "no choice",
        ),
        (lambda: draw_transposed_convolution(3, 3, output_padding=-1), ValueError, "output_padding is -1"),
        (lambda: draw_positions(5, 3, strides=2), TypeError, "strides: no such option here"),
        (lambda: draw_positions(5, 3, most=0), ValueError, "most is 0"),
    ],
)
def test_refused_in_words(call, error, words):
    with pytest.raises(error) as caught:
        call()
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "call",
    [
        lambda: draw_convolution(65, 3),
        lambda: draw_convolution((8, 64), 3, padding=1),
        lambda: draw_convolution(10**7, 3),
        lambda: draw_transposed_convolution(32, 3, stride=2),
        lambda: draw_transposed_convolution(10**7, 3),
        lambda: draw_positions(65, 3),
    ],
)
def test_too_large_to_be_drawn(call):
    with pytest.raises(ValueError, match="at most 64 a side are drawn"):
        call()


def test_long_numbers_stay_in_their_cells():
    image = np.random.default_rng(0).normal(size=(4, 4)) * 1e-7
    for draw in (draw_convolution, draw_transposed_convolution):
        ax = draw(4, np.array([[1e5, 2], [3, 4]]), image=image, position=(1, 1))
        ax.figure.canvas.draw()
        cell = ax.transData.transform((1, 0))[0] - ax.transData.transform((0, 0))[0]
        assert (
            max(
                text.get_window_extent().width
                for text in ax.texts
                if {"e−", "e+"} & {text.get_text()[n : n + 2] for n in range(8)}
            )
            < cell
        )


def test_captions_under_narrow_grids_are_apart():
    ax = draw_convolution((40, 3), (3, 3), padding="same", stride=(1, 2))
    ax.figure.canvas.draw()
    one, other = (text.get_window_extent() for text in ax.texts if text.get_text()[:5] in ("input", "outpu"))
    assert one.x1 < other.x0
