import itertools

import keras
import numpy as np
import pytest

from data.padding import same_padding


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5])
def test_same_padding_is_where_keras_puts_it(kernel, stride):
    """An impulse comes out at the weight that lies on it: that tells how many zeros stand before."""
    weights = np.arange(1, kernel + 1)
    for size, dilation in itertools.product((5, 8, 9), (1, 2) if stride == 1 else (1,)):
        layer = keras.layers.Conv1D(1, kernel, stride, "same", dilation_rate=dilation, use_bias=False)
        layer.build((None, size, 1))
        layer.set_weights([weights[:, None, None]])
        before, after = same_padding(size, kernel, stride=stride, dilation=dilation)
        pixels = np.pad(np.arange(1, size + 1), (before, after))
        span = dilation * (kernel - 1) + 1
        expected = [
            weights @ pixels[first : first + span : dilation] for first in range(0, len(pixels) - span + 1, stride)
        ]
        given = np.asarray(layer(np.arange(1, size + 1, dtype=np.float32)[None, :, None]))[0, :, 0]
        np.testing.assert_allclose(given, expected)
        assert len(given) == len(expected) == -(-size // stride)


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.int64])
def test_numbers_of_numpy_do_not_overflow(kind):
    small = kind(100) if kind is np.int8 else kind(250)
    found = same_padding(small, kind(100), kind(100))
    assert found == same_padding(int(small), 100, 100)
    assert all(type(one) is int for one in found)


def test_both_packages_pad_by_this_function():
    from cnnviz import folding
    from fcn import arithmetic, sliding

    assert folding.same_padding is arithmetic.same_padding is sliding.same_padding is same_padding


@pytest.mark.parametrize(
    ("numbers", "error", "words"),
    [
        ({"size": 0}, ValueError, "size is 0"),
        ({"kernel": -1}, ValueError, "kernel is -1"),
        ({"stride": 0}, ValueError, "stride is 0"),
        ({"dilation": 0}, ValueError, "dilation is 0"),
        ({"size": 2.5}, TypeError, "size is 2.5"),
        ({"kernel": True}, TypeError, "kernel is True"),
    ],
)
def test_refused_in_words(numbers, error, words):
    with pytest.raises(error, match=words):
        same_padding(**({"size": 8, "kernel": 3} | numbers))
