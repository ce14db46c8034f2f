import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from fcn.matrix import convolution_matrix
from fcn.plots import matrix
from fcn.plots.matrix import draw_matrix, draw_transposes, weight_colours, weight_names, written_out


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def decoded(picture, kernel):
    """The matrix that is drawn: each colour is the weight that the kernel has there."""
    colours = [to_rgb(matrix.PALE), *weight_colours(np.shape(kernel))]
    distances = np.abs(np.asarray(picture)[:, :, None] - np.array(colours)).max(axis=-1)
    assert distances.min(axis=-1).max() < 1e-9
    return np.array([0, *np.ravel(kernel)])[distances.argmin(axis=-1)]


def output_words(ax):
    """What stands in the output column, from top to bottom."""
    words = [text for text in ax.texts if text.get_text() not in ("input", "output", "kernel", "=")]
    right = max(text.get_position()[0] for text in words)
    return [text.get_text() for text in words if text.get_position()[0] == right]


@pytest.mark.parametrize(
    ("stride", "sums", "of_the_transpose"),
    [
        (
            1,
            ["ax", "ay + bx", "az + by + cx", "bz + cy", "cz"],
            ["az", "ay + bz", "ax + by + cz", "bx + cy", "cx"],
        ),
        (2, ["ax", "az + by + cx", "cz"], ["ay", "ax + bz", "by", "bx + cz", "cy"]),
    ],
)
def test_the_slides(stride, sums, of_the_transpose):
    options = {"stride": stride, "padding": 1}
    assert output_words(draw_matrix("zyx", 5, inputs="0abc0", **options)) == sums
    back = draw_matrix("zyx", 5, transpose=True, inputs="0abc0" if stride == 1 else None, **options)
    assert output_words(back) == of_the_transpose


@pytest.mark.parametrize(
    ("kernel", "size", "options"),
    [
        ([1, 2, 3], 5, {"stride": 2, "padding": "same"}),
        (np.arange(1, 10).reshape(3, 3), 4, {}),
        (np.arange(1, 7).reshape(2, 3), (5, 4), {"stride": (2, 1), "padding": ((1, 0), (0, 2)), "dilation": (2, 1)}),
        (np.arange(1, 13).reshape(3, 2, 2), 5, {"padding": 1}),
        (np.arange(1, 25).reshape(2, 3, 2, 2), 3, {}),
        (np.arange(1, 10).reshape(9, 1), 9, {"padding": "same"}),
    ],
)
def test_a_colour_for_each_weight(kernel, size, options):
    expected = convolution_matrix(kernel, size, **options)
    for transpose, wanted in ((False, expected), (True, expected.T)):
        ax = draw_matrix(kernel, size, transpose=transpose, **options)
        np.testing.assert_array_equal(decoded(ax.images[0].get_array(), kernel), wanted)


def test_equal_weights_and_zeros_have_their_own_colours():
    ax = draw_matrix([[0, 5], [5, 5]], 3)
    colours = {tuple(colour) for colour in np.asarray(ax.images[0].get_array()).reshape(-1, 3)}
    assert len(colours) == 5  # four weights, and the zeros of the matrix


@pytest.mark.parametrize("transpose", [False, True])
def test_the_sums_have_the_value_of_the_product(transpose):
    generator = np.random.default_rng(0)
    letters = np.array(["rst", "uvw", "xyz"])
    kernel, numbers = generator.normal(size=(3, 3)), generator.normal(size=16)
    options = {"stride": (1, 2), "padding": 1}
    found = convolution_matrix(kernel, 4, **options)
    places = convolution_matrix(np.arange(1, 10).reshape(3, 3), 4, **options)
    found, places = (found.T, places.T) if transpose else (found, places)
    inputs = "abcdefghijklmnop"[: found.shape[1]]
    values = dict(zip("".join(letters), kernel.ravel(), strict=True)) | dict(zip(inputs, numbers))
    sums = written_out(np.array(["0", *"".join(letters)])[places], inputs)
    products = [[np.prod([values[letter] for letter in term]) for term in one.split(" + ")] for one in sums]
    np.testing.assert_allclose([sum(one) for one in products], found @ numbers[: found.shape[1]])


def test_how_sums_are_written():
    assert written_out(np.array([["1", "−1", "−2", "0.5"]]), "abcd") == ["a − b − 2c + 0.5d"]
    assert written_out(np.array([["−3", "2"]]), ["4", "5"]) == ["−3·4 + 2·5"]
    assert written_out(np.array([["1", "w"]]), ["4", "b"]) == ["1·4 + bw"]
    assert written_out(np.array([["0", "0"], ["x", "0"]]), "ab") == ["0", "ax"]
    assert written_out(np.array([list("vwxyz")]), "abcde", longest=4) == ["av + bw + … + ez"]


def test_names():
    assert weight_names(["ab", "cd"]).tolist() == [["a", "b"], ["c", "d"]]
    assert weight_names([-1, 0.25, 1 / 3]).tolist() == ["−1", "0.25", "0.333"]
    assert weight_names(np.array(["w1", "w2"])).tolist() == ["w1", "w2"]
    words = [text.get_text() for text in draw_matrix("ab", 2).texts]
    assert "ca + db" in words  # the inputs have other letters than the kernel


@pytest.mark.parametrize("shape", [(3,), (7,), (3, 3), (7, 5), (9, 9), (3, 2, 4)])
def test_colours_can_be_told_apart(shape):
    colours = np.concatenate([weight_colours(shape), [to_rgb(matrix.PALE)]])
    distances = np.linalg.norm(colours[:, None] - colours, axis=-1) + np.eye(len(colours))
    assert distances.min() > (0.05 if np.prod(shape) < 20 or shape == (7, 5) else 0.01)


FIGURES = {
    "slide": lambda: draw_transposes("zyx", 5, stride=2, padding=1, inputs="0abc0"),
    "smallest": lambda: draw_transposes("z", 1),
    "two directions": lambda: draw_transposes(["rst", "uvw", "xyz"], 4),
    "numbers": lambda: draw_matrix([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], 5, stride=2, padding=1).figure,
    "channels": lambda: draw_matrix(np.arange(12).reshape(3, 2, 2) / 4, 5).figure,
    "tall": lambda: draw_matrix("xyz", 30, padding="same").figure,
    "wide": lambda: draw_matrix(np.eye(3), 6, stride=3).figure,
    "large": lambda: draw_transposes(np.ones((3, 3)), 9, padding="same"),
}


@pytest.mark.parametrize("name", FIGURES)
def test_all_words_are_inside_and_apart(name):
    figure = FIGURES[name]()
    width, height = figure.get_size_inches()
    assert width <= 10.001 and height <= 10
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    edge = figure.bbox
    for text, box in zip(figure.axes[0].texts, boxes, strict=True):
        assert box.x0 >= edge.x0 and box.x1 <= edge.x1 and box.y0 >= edge.y0 and box.y1 <= edge.y1, text.get_text()
        assert text.get_fontsize() >= 4.5
    sides = np.array([(box.x0, box.y0, box.x1, box.y1) for box in boxes])
    low, high = np.maximum(sides[:, None, :2], sides[:, :2]), np.minimum(sides[:, None, 2:], sides[:, 2:])
    overlap = np.triu(((high - low) > 1).all(axis=-1), 1)
    assert not overlap.any(), [figure.axes[0].texts[i].get_text() for i in np.argwhere(overlap)[0]]


def test_a_large_matrix_is_drawn_without_letters():
    figure = FIGURES["large"]()
    assert [text.get_text() for text in figure.axes[0].texts] == [
        "convolution: 81 × 81",
        "transposed convolution: 81 × 81",
    ]


def test_into_given_axes():
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    assert draw_matrix("zyx", 5, padding=1, ax=right) is right
    assert not left.texts and right.texts


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: draw_matrix("zyx", 5, inputs="abc"), ValueError, "inputs has 3 names, and the matrix (3, 5) takes 5"),
        (lambda: draw_transposes("zyx", 5, transpose_inputs="abcd"), ValueError, "has 4 names, and the matrix (5, 3)"),
        (lambda: draw_matrix(["ab", "c"], 5), ValueError, "same length"),
        (lambda: draw_matrix([1, np.nan], 5), ValueError, "NaN"),
        (lambda: draw_matrix([True, False], 5), TypeError, "bool"),
        (lambda: draw_matrix("zyx", 2), ValueError, "no window fits"),
    ],
)
def test_refused_in_words(call, error, words):
    with pytest.raises(error) as caught:
        call()
    assert words in str(caught.value)


@pytest.mark.parametrize("draw", [draw_matrix, draw_transposes])
def test_too_large_to_be_drawn_is_refused_before_it_is_made(draw):
    assert draw([1, 2, 3], 400, padding=1) is not None
    for kernel, size, shape in ((np.ones((3, 3)), 60, "(3364, 3600)"), ("zyx", 10**6, "(999998, 1000000)")):
        with pytest.raises(ValueError, match=re.escape(f"the matrix would be {shape}; with at most 400 a side")):
            draw(kernel, size)


def test_inputs_may_be_numbers():
    assert output_words(draw_matrix("xy", 3, inputs=[1, 0, -2])) == ["1x", "−2y"]
