import keras
import numpy as np
import pytest

from tests.yolo.darknet_networks import conv, net, picture, random_weights, tiny_cfg
from yolo import darknet, models
from yolo.folding import fold


def norms(model):
    """Batch norms, those of nested models too."""
    inside = [norms(layer) if isinstance(layer, keras.Model) else 0 for layer in model.layers]
    return sum(inside) + sum(isinstance(layer, keras.layers.BatchNormalization) for layer in model.layers)


@pytest.mark.parametrize("epsilon", [1e-5, "cpu"])
def test_a_folded_cfg_gives_the_same(epsilon):
    text = (
        net(16, 24) + conv(8, 3) + conv(16, 3, 2, groups=8) + conv(6, 3, groups=2, activation="mish")
        + "[maxpool]\nstride=2\n" + "[connected]\noutput=7\nbatch_normalize=1\nactivation=leaky\n"
    )  # fmt: skip
    network = darknet.parse_cfg(text)
    model = darknet.build(network, random_weights(network.records), epsilon=epsilon)
    folded, x = fold(model), picture((16, 24))
    np.testing.assert_allclose(folded(x), model(x, training=False), atol=1e-5)
    assert norms(model) == 4 and norms(folded) == 0


def test_a_folded_nested_model_gives_the_same(tmp_path):
    network = darknet.parse_cfg(tiny_cfg(64, classes=3, share=2))
    path = tmp_path / "x.weights"
    darknet.write_weights(path, random_weights(network.records), network.records)
    model = models.yolov3_tiny(3, width=0.5)
    models.load_darknet(model, path)
    before = model.get_weights()
    folded, x = fold(model), picture((64, 96))
    for found, expected in zip(folded(x), model(x, training=False), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)
    assert norms(folded) == 0 and folded.output_names == model.output_names
    for array, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(array, other)


def shaken(model):
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in model.get_weights()])
    return model


def test_what_cannot_be_folded_stays():
    """A convolution that something else reads, one with an activation, one used twice; a norm without its parts."""
    inputs = keras.Input((8, 8, 3))
    read_twice = keras.layers.Conv2D(4, 1)(inputs)
    a = keras.layers.Add()([keras.layers.BatchNormalization()(read_twice), read_twice])
    b = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 1, activation="relu")(a))
    shared = keras.layers.Conv2D(4, 1)
    c = keras.layers.Add()([keras.layers.BatchNormalization()(shared(b)), keras.layers.BatchNormalization()(shared(a))])
    output = keras.layers.Conv2D(4, 1)(c)
    d = keras.layers.BatchNormalization()(output)
    e = keras.layers.BatchNormalization(scale=False, center=False)(keras.layers.Conv2D(2, 1)(d))
    model = shaken(keras.Model(inputs, {"e": e, "output": output}))
    folded, x = fold(model), picture((8, 8))
    found, expected = folded(x), model(x, training=False)
    for key in expected:
        np.testing.assert_allclose(found[key], expected[key], rtol=1e-5, atol=1e-5)
    assert norms(model) == 6 and norms(folded) == 5


def test_only_functional_models():
    class Own(keras.Model):
        pass

    for model in (Own(), keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Conv2D(1, 1)])):
        with pytest.raises(TypeError, match="is not a Functional model"):
            fold(model)
