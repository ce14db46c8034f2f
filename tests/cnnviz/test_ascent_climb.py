"""What is remembered of a climb."""

import keras
import numpy as np
import pytest

from cnnviz.ascent import maximise
from cnnviz.ascent.climb import Climb
from cnnviz.objectives import class_neuron
from tests.cnnviz.model_kinds import KINDS, SIDE

QUIET = {"jitter": 2, "verbose": False}


@pytest.fixture
def model():
    keras.utils.set_random_seed(0)
    return KINDS["functional"]()


def test_what_the_climb_remembers(model):
    climb = Climb(every=4)
    last = maximise(model, class_neuron([0, 1]), callback=climb, **{**QUIET, "steps": 10})
    assert climb.steps == [0, 4, 8]
    assert climb.scores.shape == (11, 2)
    assert climb.pictures.shape == (4, 2, SIDE, SIDE, 3)
    assert climb.steps == [0, 4, 8, 10]
    np.testing.assert_array_equal(climb.pictures[-1], last)
    without = maximise(model, class_neuron([0, 1]), **{**QUIET, "steps": 10})
    np.testing.assert_array_equal(without, last)
    maximise(model, class_neuron(0), callback=climb, **{**QUIET, "steps": 0})
    assert climb.steps == [0]
    assert climb.scores.shape == (1, 1)
    with pytest.raises(ValueError, match="every is 0"):
        Climb(0)
