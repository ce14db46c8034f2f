import gc
import weakref

import keras
import numpy as np
import pytest

from cnnviz.cam.default_layer import last_maps
from cnnviz.network import build_classifier
from tests.cnnviz.model_kinds import KINDS, SIDE

EXPECTED = {"nested": "backbone/conv2", "sequential_of_nested": "backbone/conv2", "subclassed": "block/conv2"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_model(kind):
    assert last_maps(KINDS[kind](), np.zeros((2, SIDE, SIDE, 3), np.float32)) == EXPECTED.get(kind, "conv2")


def test_known_networks():
    images = np.zeros((1, 64, 64, 3), np.float32)
    assert last_maps(build_classifier(3, widths=(2, 2, 2, 2, 2)), images) == "block5_conv2_relu"
    mobile = keras.applications.MobileNetV2(weights=None, input_shape=(64, 64, 3), alpha=0.35)
    assert last_maps(mobile, images) == "out_relu"
    vgg = keras.applications.VGG16(weights=None, include_top=False, input_shape=(64, 64, 3), pooling="avg")
    assert last_maps(vgg, images) == "block5_conv3"  # not block5_pool


def _model(call, side=16):
    inputs = keras.Input((side, side, 3))
    return keras.Model(inputs, call(inputs))


def test_pooling_dropout_and_single_cells_are_passed_over():
    layers = keras.layers

    def squeeze_excite(maps):
        maps = layers.Conv2D(4, 3, strides=2, activation="relu", name="wanted")(maps)
        maps = layers.Dropout(0.5)(layers.Activation("linear", name="nothing")(maps))
        gate = layers.GlobalAveragePooling2D(keepdims=True)(maps)
        gate = layers.Conv2D(4, 1, activation="sigmoid", name="gate")(gate)
        pooled = layers.AveragePooling2D(3, name="pool")(layers.MaxPooling2D(name="smaller")(maps))
        return layers.Dense(2)(layers.Concatenate()([layers.Flatten()(pooled), layers.Flatten()(gate)]))

    assert last_maps(_model(squeeze_excite), np.zeros((1, 16, 16, 3))) == "wanted"


def test_the_order_in_which_layers_finish_decides_not_the_list():
    class Backwards(keras.Model):
        def __init__(self):
            super().__init__(name="backwards")
            self.head = keras.layers.Dense(2)
            self.second = keras.layers.Conv2D(2, 3, padding="same", name="second")
            self.unused = keras.layers.Conv2D(2, 3, name="unused")
            self.first = keras.layers.Conv2D(2, 3, padding="same", name="first")

        def call(self, images, training=False):
            return self.head(keras.ops.mean(self.second(self.first(images)), axis=(1, 2)))

    assert last_maps(Backwards(), np.zeros((1, 8, 8, 3), np.float32)) == "second"


def test_a_segmentation_networks_own_output_is_not_explained_by_itself():
    layers = keras.layers
    model = _model(lambda maps: layers.Conv2D(2, 1, name="masks")(layers.Conv2D(3, 3, name="features")(maps)))
    assert last_maps(model, np.zeros((1, 16, 16, 3))) == "features"


def test_a_model_that_asks_for_numbers_while_it_runs():
    class Asks(keras.Model):
        def __init__(self):
            super().__init__(name="asks")
            self.conv = keras.layers.Conv2D(2, 3, name="conv")
            self.other = keras.layers.Conv2D(2, 3, name="other")
            self.head = keras.layers.Dense(2)

        def call(self, images, training=False):
            conv = self.conv if keras.ops.mean(images) > 0 else self.other
            return self.head(keras.ops.mean(conv(images), axis=(1, 2)))

    assert last_maps(Asks(), np.ones((1, 8, 8, 3), np.float32)) == "conv"


def test_errors_in_words():
    flat = _model(lambda images: keras.layers.Dense(2)(keras.layers.Flatten()(images)), side=4)
    with pytest.raises(ValueError, match="gives maps of more than one cell.*4 x 4 pixels"):
        last_maps(flat, np.zeros((1, 4, 4, 3)))
    with pytest.raises(ValueError, match=r"images has shape \(1, 5, 5, 3\)"):
        last_maps(flat, np.zeros((1, 5, 5, 3)))
    with pytest.raises(TypeError, match="model is str"):
        last_maps("vgg16", np.zeros((1, 4, 4, 3)))


def test_the_answer_is_kept_but_not_the_model(monkeypatch):
    model = KINDS["sequential"]()
    images = np.zeros((1, SIDE, SIDE, 3), np.float32)
    assert last_maps(model, images) == "conv2"
    monkeypatch.setattr("cnnviz.cam.default_layer._trace", None)  # not needed a second time
    assert last_maps(model, images) == "conv2"
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None
