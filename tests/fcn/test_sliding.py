import numpy as np
import pytest

from fcn.sliding import Windows, windows


def test_the_windows():
    assert windows((5,), (3,), stride=2, padding=1, dilation=2) == (Windows(5, 3, 2, 1, 1, 2),)
    assert (Windows(5, 3, 2, 1, 1, 2).span, Windows(5, 3, 2, 1, 1, 2).count) == (5, 2)


@pytest.mark.parametrize("padding", ["valid", "same", 2, (1, 0), ((0, 3),)], ids=str)
@pytest.mark.parametrize(
    ("size", "taps", "stride", "dilation"), [(9, 3, 1, 1), (10, 4, 3, 1), (11, 2, 2, 3), (5, 5, 4, 1)]
)
def test_the_windows_stand_where_a_loop_puts_them(size, taps, stride, dilation, padding):
    (one,) = windows(size, (taps,), stride=stride, padding=padding, dilation=dilation)
    if padding == "same":
        assert one.count == -(-size // stride) and 0 <= one.after - one.before <= 1
    found, first = [], -one.before
    while first + dilation * (taps - 1) < size + one.after:
        found.append([first + dilation * tap for tap in range(taps)])
        first += stride
    np.testing.assert_array_equal(one.reads(), found)
