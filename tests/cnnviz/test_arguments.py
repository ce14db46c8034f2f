import numpy as np
import pytest

from cnnviz.arguments import whole_number


def test_whole_numbers_pass_and_others_are_refused_by_name():
    assert whole_number("steps", np.int64(3)) == 3
    assert whole_number("jitter", 0, 0) == 0
    for wrong in (True, 1.5, "3", None):
        with pytest.raises(TypeError, match="steps is .*; a whole number is wanted"):
            whole_number("steps", wrong)
    with pytest.raises(ValueError, match="steps is 0; at least 1 is wanted"):
        whole_number("steps", 0)
