"""Sizes: the model's own, the caller's, those of a picture to start from."""

import keras
import numpy as np
import pytest

from cnnviz.ascent import maximise
from cnnviz.ascent.picture_shape import count_channels, picture_shape
from cnnviz.models import Classifier
from cnnviz.objectives import class_neuron
from tests.cnnviz.model_kinds import KINDS

QUIET = {"steps": 2, "verbose": False}


def free(channels=3):
    inputs = keras.Input((None, None, channels))
    return keras.Model(inputs, keras.layers.Conv2D(5, 3, name="conv")(inputs))


def test_whose_size_it_is():
    fixed, open_ = KINDS["functional"](), free()
    assert picture_shape(fixed, None, "noise") == (16, 16, 3)
    assert picture_shape(open_, None, "noise") == (128, 128, 3)
    assert picture_shape(open_, 40, "noise") == (40, 40, 3)
    assert picture_shape(open_, (40, 50), "noise") == (40, 50, 3)
    assert picture_shape(open_, None, np.zeros((30, 20, 3), np.uint8)) == (30, 20, 3)
    assert picture_shape(open_, (30, 20), np.zeros((2, 30, 20, 3), np.uint8)) == (30, 20, 3)
    assert picture_shape(Classifier(open_, ("a",), 200, abs), None, "noise") == (200, 200, 3)
    assert picture_shape(Classifier(fixed, ("a",), 200, abs), None, "noise") == (16, 16, 3)
    assert picture_shape(free(1), 9, "zeros") == (9, 9, 1)


def test_what_is_no_size_is_refused():
    with pytest.raises(ValueError, match="one RGB or grey image"):
        picture_shape(free(2), 9, "noise")
    for size in ("8", 8.5, (1, 2, 3), None):
        with pytest.raises((TypeError, ValueError)):
            picture_shape(KINDS["functional"](), size or (8, 8), "noise")


def test_channels_are_counted():
    assert count_channels(free(), "conv", (8, 8, 3)) == 5


def test_pictures_that_are_too_small_are_refused():
    inputs = keras.Input((None, None, 3))
    maps = keras.layers.MaxPooling2D(8)(keras.layers.Conv2D(2, 3, name="conv")(inputs))
    network = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(maps)))
    with pytest.raises(ValueError, match="too small|too few"):
        maximise(network, class_neuron(0), size=6, **QUIET)
