import keras
import numpy as np
import pytest
import tensorflow as tf

from cnnviz.folding import folded
from cnnviz.layers import layer_paths
from tests.cnnviz.model_kinds import KINDS, SIDE, functional, shake


def compiled(model, keep=()):
    """The model as a graph, folded; and the operations in it."""
    layers = layer_paths(model)

    @tf.function
    def run(images):
        with folded(layers, [layers[path] for path in keep]):
            return model(images, training=False)

    return run


def used(function, images):
    """Types of the operations that the outputs depend on."""
    graph = function.get_concrete_function(images).graph
    reached, waiting = set(), [output.op for output in graph.outputs]
    while waiting:
        operation = waiting.pop()
        if operation.name not in reached:
            reached.add(operation.name)
            waiting += [tensor.op for tensor in operation.inputs]
    return [graph.get_operation_by_name(name).type for name in reached]


IMAGES = tf.constant(np.random.default_rng(0).normal(size=(2, SIDE, SIDE, 3)).astype(np.float32))


@pytest.mark.parametrize("kind", KINDS)
def test_a_folded_model_gives_the_same(kind):
    model = shake(KINDS[kind]())
    expected = np.asarray(model(IMAGES), np.float32)
    tolerance = 0.05 if "bfloat16" in kind else 2e-6
    np.testing.assert_allclose(
        np.asarray(compiled(model)(IMAGES), np.float32), expected, rtol=tolerance, atol=tolerance
    )
    assert not any("call" in vars(layer) for layer in layer_paths(model).values())


def block(padding="same", strides=1, dilation=1, groups=1, use_bias=True, depthwise=0, **norm):
    inputs = keras.Input((15, 15, 4))
    if depthwise:
        conv = keras.layers.DepthwiseConv2D(3, strides, padding, depthwise, use_bias=use_bias, dilation_rate=dilation)
    else:
        conv = keras.layers.Conv2D(6, 3, strides, padding, dilation_rate=dilation, groups=groups, use_bias=use_bias)
    return shake(keras.Model(inputs, keras.layers.BatchNormalization(**norm)(conv(inputs))))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"padding": "valid", "strides": 2},
        {"dilation": 2},
        {"groups": 2},
        {"use_bias": False},
        {"depthwise": 1},
        {"depthwise": 3, "strides": 2, "padding": "valid"},
        {"scale": False},
        {"center": False, "epsilon": 0.3},
        {"scale": False, "center": False, "use_bias": False},
    ],
    ids=str,
)
def test_every_kind_of_convolution(options):
    model = block(**options)
    images = tf.constant(np.random.default_rng(1).normal(size=(2, 15, 15, 4)).astype(np.float32))
    run = compiled(model)
    np.testing.assert_allclose(run(images), model(images, training=False), rtol=1e-5, atol=1e-5)
    types = used(run, images)
    # Keras calls a function of its own for a convolution in groups.
    convolves = {"Conv2D", "DepthwiseConv2dNative", "PartitionedCall", "StatefulPartitionedCall"}
    assert len([kind for kind in types if kind in convolves]) == 1, "the convolution that was folded is gone"
    assert not any("FusedBatchNorm" in kind for kind in types)


@pytest.mark.parametrize(
    ("size", "strides", "padding"), [(16, 2, ((0, 1), (0, 1))), (15, 2, 1), (15, 1, 1), (7, 3, 1)], ids=str
)
def test_a_depthwise_convolution_pads_itself(size, strides, padding):
    model, images = padded(size, padding, keras.layers.DepthwiseConv2D(3, strides, use_bias=False))
    run = compiled(model)
    np.testing.assert_allclose(run(images), model(images, training=False), rtol=1e-5, atol=1e-5)
    assert not any(kind.startswith("Pad") for kind in used(run, images))


@pytest.mark.parametrize(
    ("padding", "conv"),
    [
        (((0, 1), (0, 1)), {}),  # too little
        (((2, 0), (1, 1)), {}),  # on the wrong side
        (1, {"padding": "same"}),
        (2, {"dilation_rate": 2}),
        (1, None),
    ],
    ids=str,
)
def test_other_convolutions_are_padded_by_the_layer(padding, conv):
    layer = keras.layers.Conv2D(3, 3) if conv is None else keras.layers.DepthwiseConv2D(3, **conv)
    model, images = padded(15, padding, layer)
    run = compiled(model)
    np.testing.assert_allclose(run(images), model(images, training=False), rtol=1e-5, atol=1e-5)
    assert any(kind.startswith("Pad") for kind in used(run, images))


def padded(size, padding, conv):
    inputs = keras.Input((size, size, 4))
    maps = conv(keras.layers.ZeroPadding2D(padding)(inputs))
    images = tf.constant(np.random.default_rng(1).normal(size=(2, size, size, 4)).astype(np.float32))
    return shake(keras.Model(inputs, keras.layers.BatchNormalization()(maps))), images


def test_gradients_are_the_same():
    model = shake(functional())

    def slope(run):
        with tf.GradientTape() as tape:
            tape.watch(IMAGES)
            score = tf.reduce_sum(run(IMAGES)[:, 1])
        return tape.gradient(score, IMAGES)

    np.testing.assert_allclose(
        slope(compiled(model)), slope(lambda images: model(images, training=False)), rtol=1e-4, atol=1e-6
    )


def test_new_weights_are_seen():
    model = shake(functional())
    run = compiled(model)
    run(IMAGES)
    shake(model, seed=5)
    np.testing.assert_allclose(run(IMAGES), model(IMAGES), rtol=1e-5, atol=1e-6)


def test_a_layer_that_is_kept_still_leads_to_the_outputs():
    model = shake(functional())
    layers = layer_paths(model)
    collected = {}

    @tf.function
    def slope(images):
        with folded(layers, [layers["conv1"]]):
            maps = layers["conv1"](images)
            outputs = layers["norm"](maps, training=False)
        collected["reached"] = tf.gradients(outputs, maps)[0] is not None
        return outputs

    slope(IMAGES)
    assert collected["reached"]


def test_what_another_layer_uses_is_left_as_it_is():
    inputs = keras.Input((8, 8, 3))
    maps = keras.layers.Conv2D(4, 3, padding="same")(inputs)
    model = shake(keras.Model(inputs, keras.layers.Add()([maps, keras.layers.BatchNormalization()(maps)])))
    images = tf.random.stateless_normal((1, 8, 8, 3), [0, 0])
    np.testing.assert_allclose(compiled(model)(images), model(images), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("between", ["activation", "dropout", "derived", "axis"])
def test_nothing_else_is_folded(between):
    class Doubled(keras.layers.Conv2D):
        def call(self, inputs):
            return super().call(inputs) * 2

    inputs = keras.Input((8, 8, 3))
    conv = Doubled if between == "derived" else keras.layers.Conv2D
    maps = conv(8, 3, padding="same", activation="relu" if between == "activation" else None)(inputs)
    maps = keras.layers.Activation("tanh")(maps) if between == "dropout" else maps
    model = shake(keras.Model(inputs, keras.layers.BatchNormalization(axis=1 if between == "axis" else -1)(maps)))
    images = tf.random.stateless_normal((1, 8, 8, 3), [0, 0])
    np.testing.assert_allclose(compiled(model)(images), model(images, training=False), rtol=1e-5, atol=1e-5)


def test_an_error_leaves_the_model_as_it_was():
    model = functional()
    with pytest.raises(KeyboardInterrupt), folded(layer_paths(model)):
        raise KeyboardInterrupt
    assert not any("call" in vars(layer) for layer in layer_paths(model).values())
