import numpy as np
import pytest

from data.arguments import number_pair, one_of, whole_number


def test_what_counts_is_taken():
    assert whole_number("factor", np.int64(3)) == 3
    assert number_pair("factor", 2) == (2, 2)
    assert number_pair("size", np.array([3, 4])) == number_pair("size", [3, 4]) == (3, 4)
    assert number_pair("size", np.array(3)) == (3, 3)  # an array of no axis is a number
    one_of("border", "edge", ("edge", "zero"))


@pytest.mark.parametrize("value", [2.0, True, np.True_, np.array(2.0), "2", b"23", None])
def test_what_is_no_whole_number_is_refused(value):
    with pytest.raises(TypeError, match="factor is .*whole number"):
        whole_number("factor", value)
    with pytest.raises(TypeError, match="factor is .*whole number"):
        number_pair("factor", (2, value))


@pytest.mark.parametrize("value", [np.array(2.5), b"23", bytearray(b"23"), "23", {2, 3}])
def test_what_is_no_pair_is_refused(value):
    with pytest.raises(TypeError, match="factor is .*whole number"):
        number_pair("factor", value)


def test_other_values_are_refused():
    with pytest.raises(ValueError, match="stride is 0; at least 1"):
        whole_number("stride", 0)
    with pytest.raises(ValueError, match="size is .*two"):
        number_pair("size", (1, 2, 3))
    with pytest.raises(ValueError, match="border is 'wrap'; accepted: edge, zero"):
        one_of("border", "wrap", ("edge", "zero"))
