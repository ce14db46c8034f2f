"""Sizes: against Keras, PyTorch and by counting windows one by one."""

import itertools

import keras
import numpy as np
import pytest

from fcn.arithmetic import left_over, output_size, transposed_output_size

SIZES, KERNELS, STRIDES, DILATIONS = (1, 2, 5, 8, 11), (1, 2, 3, 4, 5), (1, 2, 3), (1, 2, 3)


def keras_size(layer, size):
    return layer.compute_output_shape((None, size, 1))[1]


def test_the_slides_sizes():
    # AlexNet's first layer (227, not the 224 of the paper, is what fits), and the 7x7 example of the lecture.
    assert output_size(227, 11, stride=4) == 55
    assert [output_size(7, 3, stride=stride) for stride in (1, 2)] == [5, 3]
    assert output_size(32, 5, stride=1, padding=2) == 32
    assert (output_size(224, 11, stride=4), left_over(224, 11, stride=4)) == (54, 1)


def test_equals_the_places_counted_one_by_one():
    for size, kernel, stride, dilation, before, after in itertools.product(
        SIZES, KERNELS, STRIDES, DILATIONS, (0, 1), (0, 2)
    ):
        pixels = np.arange(-before, size + after)
        windows = [
            pixels[first : first + dilation * (kernel - 1) + 1 : dilation]
            for first in range(0, len(pixels), stride)
            if first + dilation * (kernel - 1) < len(pixels)
        ]
        options = {"stride": stride, "padding": (before, after), "dilation": dilation}
        if windows:
            assert output_size(size, kernel, **options) == len(windows)
            assert left_over(size, kernel, **options) == np.sum(np.arange(size) > windows[-1][-1])
        else:
            with pytest.raises(ValueError, match="does not fit"):
                output_size(size, kernel, **options)


def test_no_more_is_left_over_than_there_is():
    assert left_over(3, 1, stride=10, padding=(2, 0)) == 3  # the only window lies in the padding


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.int64])
def test_numbers_of_numpy_do_not_overflow(kind):
    small = kind(100) if kind is np.int8 else kind(250)
    assert output_size(small, kind(3), padding=kind(100)) == int(small) + 198
    assert output_size(small, kind(3), padding=np.array([100, 100], kind)) == int(small) + 198
    assert left_over(small, kind(3), kind(2), (kind(100), kind(100))) == left_over(int(small), 3, 2, (100, 100))
    assert transposed_output_size(small, kind(3), stride=kind(2)) == 2 * int(small) + 1
    assert transposed_output_size(small, kind(3), stride=kind(2), padding="same") == 2 * int(small)
    assert transposed_output_size(small, kind(99), stride=kind(100), padding=kind(1)) == 100 * int(small) - 3


def test_equals_keras():
    compared = 0
    for size, kernel, stride, dilation, padding in itertools.product(
        SIZES, KERNELS, STRIDES, DILATIONS, ("valid", "same")
    ):
        if (stride > 1 and dilation > 1) or (padding == "valid" and dilation * (kernel - 1) >= size):
            continue  # Keras refuses
        layer = keras.layers.Conv1D(1, kernel, stride, padding, dilation_rate=dilation)
        found = output_size(size, kernel, stride=stride, padding=padding, dilation=dilation)
        assert found == keras_size(layer, size)
        compared += 1
    assert compared > 150


def test_pooling_is_counted_alike():
    for size, padding in itertools.product((6, 7), ("valid", "same")):
        pool = keras.layers.MaxPool1D(3, 2, padding)
        assert output_size(size, 3, stride=2, padding=padding) == keras_size(pool, size)


def test_equals_pytorch():
    torch = pytest.importorskip("torch")
    for size, kernel, stride, dilation, padding in itertools.product(
        (5, 8, 11), KERNELS, STRIDES, DILATIONS, (0, 1, 2)
    ):
        if size + 2 * padding <= dilation * (kernel - 1):
            continue
        layer = torch.nn.Conv1d(1, 1, kernel, stride, padding, dilation)
        given = layer(torch.zeros(1, 1, size)).shape[-1]
        assert output_size(size, kernel, stride=stride, padding=padding, dilation=dilation) == given


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_transposed_equals_keras(padding):
    compared = 0
    for size, kernel, stride, dilation, added in itertools.product(
        (1, 4, 7), KERNELS, STRIDES, DILATIONS, (None, 0, 1, 2)
    ):
        if (stride > 1 and dilation > 1) or (added is not None and added >= stride):
            continue
        options = {"padding": padding, "output_padding": added}
        if padding == "same" and added == 0 and size == 1 and (dilation * (kernel - 1) + 1) % 2 == 0:
            with pytest.raises(ValueError, match="takes .* pixels away at the ends"):
                transposed_output_size(size, kernel, stride=stride, dilation=dilation, **options)
            continue  # nothing is left
        found = transposed_output_size(size, kernel, stride=stride, dilation=dilation, **options)
        pairs = {"output_padding": None if added is None else (added, added), "dilation_rate": dilation}
        layer = keras.layers.Conv2DTranspose(1, kernel, stride, padding, **pairs)
        assert found == layer.compute_output_shape((None, size, size, 1))[1]
        compared += 1
    assert compared > 100
    layer = keras.layers.Conv2DTranspose(1, 3, 2, padding, output_padding=1)
    given = layer(np.zeros((1, 4, 4, 1))).shape[1]
    assert given == transposed_output_size(4, 3, stride=2, padding=padding, output_padding=1)


def test_transposed_equals_pytorch():
    torch = pytest.importorskip("torch")
    for size, kernel, stride, dilation, padding, added in itertools.product(
        (1, 4, 7), KERNELS, STRIDES, DILATIONS, (0, 1, 2), (0, 1, 2)
    ):
        options = {"stride": stride, "padding": padding, "output_padding": added, "dilation": dilation}
        try:
            given = torch.nn.ConvTranspose1d(1, 1, kernel, **options)(torch.zeros(1, 1, size)).shape[-1]
        except (RuntimeError, ValueError):
            with pytest.raises(ValueError, match="padding"):
                transposed_output_size(size, kernel, **options)
        else:
            assert transposed_output_size(size, kernel, **options) == given


def test_a_transposed_convolution_leads_back():
    """Each size that is convolved to the same one is reached by one output padding: that is what it is for."""
    for size, kernel, stride, padding in itertools.product((7, 8, 9), (3, 4), (1, 2, 3), (0, 1)):
        small = output_size(size, kernel, stride=stride, padding=padding)
        back = {
            transposed_output_size(small, kernel, stride=stride, padding=padding, output_padding=added)
            for added in range(stride)
        }
        assert size in back


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((3, 3, 1, "valid", 3), r"window of 7 pixels \(kernel 3, dilation 3\) does not fit into 3 \(size 3"),
        ((4, 7, 1, (0, 1)), "does not fit into 5"),
        ((0, 3), "size is 0"),
        ((8, 0), "kernel is 0"),
        ((8, 3, 0), "stride is 0"),
        ((8, 3, 1, -1), "padding is -1"),
        ((8, 3, 1, "full"), "'full'"),
        ((8, 3, 1, (1, 1, 1)), r"\(before, after\)"),
        ((8, 3, 1, 0, 0), "dilation is 0"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        output_size(*arguments)


@pytest.mark.parametrize("arguments", [(True, 3), (8.0, 3), (8, "3"), (8, 3, None), (8, 3, 1, 0.5), (8, 3, 1, True)])
def test_numbers_that_are_not_whole_are_refused(arguments):
    with pytest.raises(TypeError, match="a whole number is wanted"):
        output_size(*arguments)


def test_transposed_refuses():
    with pytest.raises(ValueError, match="output_padding is 2; it must be less than 2"):
        transposed_output_size(4, 3, stride=2, output_padding=2)
    with pytest.raises(ValueError, match="takes 6 pixels away at the ends; there are only 5"):
        transposed_output_size(3, 3, padding=3)
    with pytest.raises(ValueError, match="padding same takes 2 pixels away at the ends; there are only 2"):
        transposed_output_size(1, 2, 2, "same", 0)
    with pytest.raises(ValueError, match="padding is -1"):
        transposed_output_size(3, 3, padding=-1)
