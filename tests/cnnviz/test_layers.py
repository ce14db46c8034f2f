import keras
import numpy as np
import pytest

import cnnviz
from cnnviz.layers import convolutional_layers, find_layer, layer_paths
from cnnviz.taps import taps
from tests.cnnviz.model_kinds import KINDS, SIDE, nested, subclassed


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_model_shows_all_its_layers(kind):
    names = [path.split("/")[-1] for path in layer_paths(KINDS[kind]())]
    assert {"conv1", "conv2", "average"} <= set(names)
    assert len(names) == len(set(names))


def test_ways_to_name_a_layer():
    model = nested()
    conv1 = model.get_layer("backbone").get_layer("conv1")
    for name in ("conv1", "backbone/conv1", "backbone.conv1", conv1):
        assert find_layer(model, name) == ("backbone/conv1", conv1)
    model = subclassed()
    assert find_layer(model, "encoder")[0] == "block"
    assert find_layer(model, "block/conv2")[1] is model.encoder.steps[4]
    assert convolutional_layers(model) == ["block/conv1", "block/conv2"]


def test_a_name_that_is_there_twice():
    inputs = keras.Input((SIDE, SIDE, 3))
    parts = []
    for name in ("left", "right"):
        inner = keras.Input((SIDE, SIDE, 3))
        part = keras.Model(inner, keras.layers.Conv2D(1, 3, name="conv")(inner), name=name)
        parts.append(part(inputs))
    model = keras.Model(inputs, keras.layers.Add()(parts))
    with pytest.raises(ValueError, match=r"2 times in .*left/conv, right/conv"):
        taps(model, "conv")
    assert list(taps(model, ["left/conv", "right.conv"])(np.zeros((1, SIDE, SIDE, 3)))[1]) == [
        "left/conv",
        "right.conv",
    ]


def test_two_layers_of_one_name_side_by_side():
    class Twice(keras.Model):
        def __init__(self):
            super().__init__(name="twice")
            self.first = keras.layers.Conv2D(2, 3, name="conv")
            self.second = keras.layers.Conv2D(4, 3, name="conv")

        def call(self, images):
            return self.second(self.first(images))

    model = Twice()
    model(np.zeros((1, 9, 9, 3)))
    with pytest.raises(ValueError, match="2 times in 'twice': conv#1, conv#2"):
        find_layer(model, "conv")
    assert find_layer(model, "conv#2")[1] is model.second
    assert find_layer(model, "second")[0] == "conv#2"


def test_the_layers_of_a_nested_model_come_where_it_stands():
    inputs = keras.Input((SIDE, SIDE, 3))
    inner = keras.Input((SIDE, SIDE, 3))
    backbone = keras.Model(inner, keras.layers.Conv2D(2, 3, name="early")(inner), name="backbone")
    model = keras.Model(inputs, keras.layers.Conv2D(2, 3, name="late")(backbone(inputs)))
    assert list(layer_paths(model)) == ["backbone", "backbone/early", "late"]


def test_a_wrong_name_is_answered_with_those_near_it():
    model = cnnviz.load().model
    with pytest.raises(ValueError, match="near: .*block5_conv2_relu"):
        find_layer(model, "blok5_conv2_relu")
