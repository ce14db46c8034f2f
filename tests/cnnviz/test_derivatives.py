import gc
import os
import subprocess
import sys
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf

from cnnviz.derivatives import as_batch, derivatives, scores_given
from cnnviz.layers import find_layer, layer_paths
from cnnviz.taps import taps
from tests.cnnviz.model_kinds import KINDS, SIDE, functional, nested, residual, shake, subclassed

IMAGES = np.random.default_rng(0).normal(size=(3, SIDE, SIDE, 3)).astype(np.float32)


def double(build, seed=0):
    """A model in float64, where finite differences can be taken."""
    before = keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    try:
        return shake(build(), seed)
    finally:
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy(before)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "mixed_bfloat16"])
def test_gradients_equal_finite_differences(kind):
    model = double(KINDS[kind])
    images = IMAGES.astype(np.float64)
    found = derivatives(model, images, 1)
    assert found.images.dtype == np.float64
    generator = np.random.default_rng(1)
    for _ in range(3):
        direction, step = generator.normal(size=images.shape), 1e-6
        ahead, behind = (
            derivatives(model, images + sign * step * direction, 1, by_image=False).scores for sign in (1, -1)
        )
        expected = (found.images * direction).sum(axis=(1, 2, 3))
        np.testing.assert_allclose((ahead - behind) / (2 * step), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_by_activations_are_those_of_a_tape(kind):
    model = shake(KINDS[kind]())
    found = derivatives(model, IMAGES, lambda outputs: tf.reduce_sum(outputs**2, axis=1), layers=["conv1", "conv2"])
    with tf.GradientTape(persistent=True) as tape:
        batch = tf.constant(IMAGES)
        tape.watch(batch)
        outputs, activations = taps(model, ["conv1", "conv2"])(batch)
        score = tf.reduce_sum(outputs**2)
    tolerance = {"rtol": 0.1, "atol": 0.05} if "bfloat16" in kind else {"rtol": 1e-3, "atol": 1e-5}
    np.testing.assert_allclose(found.images, tape.gradient(score, batch), **tolerance)
    for name in ("conv1", "conv2"):
        np.testing.assert_allclose(found.activations[name], np.asarray(activations[name], np.float32), **tolerance)
        slope = np.asarray(tape.gradient(score, activations[name]), np.float32)
        np.testing.assert_allclose(found.gradients[name], slope, **tolerance)


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_equals_its_images_one_by_one(kind):
    model = shake(KINDS[kind]())
    together = derivatives(model, IMAGES, [0, None, 1], layers=["conv2"])
    for index, target in enumerate([0, None, 1]):
        alone = derivatives(model, IMAGES[index : index + 1], target, layers=["conv2"])
        atol = 0.02 if "bfloat16" in kind else 1e-6
        np.testing.assert_allclose(alone.images[0], together.images[index], atol=atol)
        np.testing.assert_allclose(alone.gradients["conv2"][0], together.gradients["conv2"][index], atol=atol)
        assert alone.classes[0] == together.classes[index]


def test_nested_equals_flat():
    flat, deep = shake(functional()), nested()
    for weight, source in zip(deep.weights, flat.weights, strict=True):
        weight.assign(source)
    one, other = (derivatives(model, IMAGES, 2, layers=["conv2"]) for model in (flat, deep))
    np.testing.assert_allclose(one.images, other.images, atol=1e-6)
    np.testing.assert_allclose(one.gradients["conv2"], other.gradients["conv2"], atol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "float16", "bfloat16"])
def test_half_precision_is_close(policy):
    exact = shake(functional())
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        half = functional()
    finally:
        keras.config.set_dtype_policy(before)
    for weight, source in zip(half.weights, exact.weights, strict=True):
        weight.assign(source)
    one, other = (derivatives(model, IMAGES, 2, layers=["conv2"]) for model in (exact, half))
    for slope, rough in ((one.images, other.images), (one.gradients["conv2"], other.gradients["conv2"])):
        assert rough.dtype == np.float32
        assert (slope * rough).sum() / np.sqrt((slope**2).sum() * (rough**2).sum()) > 0.99


def test_small_gradients_survive_float16():
    before = keras.config.dtype_policy()
    found = {}
    for policy in ("float32", "mixed_float16"):
        keras.config.set_dtype_policy(policy)
        try:
            inputs = keras.Input((160, 160, 3))
            maps = keras.layers.Conv2D(4, 3, activation="relu", name="conv")(keras.layers.Rescaling(1 / 255)(inputs))
            model = shake(keras.Model(inputs, keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(maps))))
        finally:
            keras.config.set_dtype_policy(before)
        images = np.random.default_rng(0).uniform(0, 255, (1, 160, 160, 3)).astype(np.float32)
        found[policy] = derivatives(model, images, 1).images.ravel()
    assert np.corrcoef(found["float32"], found["mixed_float16"])[0, 1] > 0.99


def test_what_is_changed_in_a_layer_is_noticed():
    model = shake(functional())
    before = derivatives(model, IMAGES, 1).images
    model.get_layer("norm").epsilon = 0.5
    after = derivatives(model, IMAGES, 1).images
    with tf.GradientTape() as tape:
        batch = tf.constant(IMAGES)
        tape.watch(batch)
        score = tf.reduce_sum(model(batch, training=False)[:, 1])
    np.testing.assert_allclose(after, tape.gradient(score, batch), atol=1e-5)
    assert np.abs(after - before).max() > 1e-4


def test_two_threads_leave_the_model_as_it_was():
    model = shake(functional())
    expected = [derivatives(model, IMAGES, 1, rule=rule).images for rule in ("gradient", "guided")]
    model, found, problems = shake(functional()), {}, []

    def explain(number):
        try:
            found[number] = derivatives(model, IMAGES, 1, rule=("gradient", "guided")[number % 2]).images
        except Exception as error:  # noqa: BLE001  a thread would swallow it
            problems.append(error)

    threads = [threading.Thread(target=explain, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    assert not any("call" in vars(layer) for layer in layer_paths(model).values())
    for number, images in found.items():
        np.testing.assert_allclose(images, expected[number % 2], atol=1e-5)


def test_channels_first_is_refused():
    inputs = keras.Input((3, 8, 8))
    maps = keras.layers.Conv2D(2, 3, data_format="channels_first", name="conv")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(maps)))
    with pytest.raises(ValueError, match="'conv' of .* is channels_first"):
        derivatives(model, np.zeros((1, 3, 8, 8), np.float32), 0)


def one_relu(how):
    """relu(a x1 + b x2), written in several ways; a picture of 1 x 2 pixels."""

    class Subclassed(keras.Model):
        def __init__(self):
            super().__init__()
            self.mix = keras.layers.Conv2D(3, 1, use_bias=False, name="mix")
            self.build((None, 1, 2, 1))

        def build(self, shape):
            self.mix.build(shape)
            self.built = True

        def call(self, images, training=False):
            return keras.ops.sum(keras.ops.relu(self.mix(images)) * WEIGHTS, axis=(1, 2))

    class Weigh(keras.layers.Layer):
        def call(self, maps):
            return keras.ops.sum(maps * WEIGHTS, axis=(1, 2))

    if how == "subclassed":
        model = Subclassed()
        model.mix.set_weights([KERNEL])
        return model
    inputs = keras.Input((1, 2, 1))
    maps = keras.layers.Conv2D(3, 1, use_bias=False, name="mix", activation="relu" if how == "activation" else None)(
        inputs
    )
    ends = {"ReLU": keras.layers.ReLU(), "ReLU6": keras.layers.ReLU(6.0), "Activation": keras.layers.Activation("relu")}
    model = keras.Model(inputs, Weigh()(ends[how](maps) if how in ends else maps))
    model.get_layer("mix").set_weights([KERNEL])
    return model


KERNEL = np.array([1.0, -2.0, 3.0], np.float32).reshape(1, 1, 1, 3)
WEIGHTS = np.array([[[1.0, 1.0, -1.0], [-2.0, 1.0, 4.0]]], np.float32)  # (1, 2, 3): of a channel at a pixel
PIXELS = np.array([[[[1.0], [-0.5]]]], np.float32)


@pytest.mark.parametrize("how", ["ReLU", "ReLU6", "Activation", "activation", "subclassed"])
@pytest.mark.parametrize("rule", ["gradient", "guided", "deconvnet"])
def test_the_three_rules_of_a_relu_by_hand(how, rule):
    model = one_relu(how)
    # d(sum of the outputs) / d(behind the ReLU) is WEIGHTS; in front of it are pixel * kernel.
    before = PIXELS[0, 0] * KERNEL[0, 0, 0]  # (2, 3)
    upper = WEIGHTS[0]
    passed = {
        "gradient": upper * (before > 0),
        "guided": upper * (before > 0) * (upper > 0),
        "deconvnet": upper * (upper > 0),
    }[rule]
    expected = passed @ KERNEL[0, 0, 0]
    found = derivatives(model, PIXELS, lambda outputs: tf.reduce_sum(outputs, axis=1), rule=rule)
    np.testing.assert_allclose(found.images[0, 0, :, 0], expected, rtol=1e-6)


class Hidden(keras.Model):
    """A model of which one ReLU is in a graph of its own."""

    def __init__(self):
        super().__init__()
        self.conv = keras.layers.Conv2D(3, 1, activation="relu")
        self.again = keras.layers.Conv2D(3, 1)
        self.rectify = tf.function(tf.nn.relu)

    def call(self, images):
        return tf.reduce_mean(self.rectify(self.again(self.conv(images))), axis=(1, 2))


def test_a_relu_that_a_rule_cannot_reach_is_refused():
    model = Hidden()
    assert derivatives(model, IMAGES, 1).images.shape == IMAGES.shape
    with pytest.raises(ValueError, match=r"inside a tf\.function of its own.* 'guided' cannot reach"):
        derivatives(model, IMAGES, 1, rule="guided")


class Recomputing(keras.layers.Layer):
    """A convolution and a ReLU that keep nothing for the gradient, but run again."""

    def __init__(self, rectify):
        super().__init__()
        self.conv, self.rectify = keras.layers.Conv2D(3, 1), rectify

    def build(self, shape):
        self.conv.build(shape)
        self.built = True

    def call(self, images):
        return keras.remat(lambda maps: self.rectify(self.conv(maps)))(images)


def in_scope(layer, **options):
    """A layer that is made to recompute by a scope."""
    with keras.RematScope(mode="full"):
        return layer(**options)


@pytest.mark.parametrize(
    "layer",
    [
        lambda: Recomputing(keras.ops.relu),
        lambda: Recomputing(keras.ops.relu6),
        lambda: in_scope(keras.layers.ReLU),
        lambda: in_scope(keras.layers.Conv2D, filters=3, kernel_size=1, activation="relu"),
    ],
    ids=["remat", "relu6", "scope", "activation"],
)
@pytest.mark.parametrize("rule", ["guided", "deconvnet"])
def test_a_relu_that_is_recomputed_is_refused(layer, rule):
    inputs = keras.Input(IMAGES.shape[1:])
    maps = layer()(keras.layers.Conv2D(3, 1, activation="relu", name="conv")(inputs))
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(maps))
    assert derivatives(model, IMAGES, 1).images.shape == IMAGES.shape
    for asked in ({}, {"by_image": False, "layers": ["conv"]}):
        with pytest.raises(ValueError, match=rf"recomputed for the gradient \(keras.remat, .*rule '{rule}'"):
            derivatives(model, IMAGES, 1, rule=rule, **asked)


def test_a_rule_holds_beside_what_is_recomputed_without_a_relu_and_under_a_target_with_one():
    plain, recomputed = (
        keras.Sequential([keras.Input(IMAGES.shape[1:]), keras.layers.Conv2D(3, 1, activation="relu"), last])
        for last in (keras.layers.GlobalAveragePooling2D(), in_scope(keras.layers.GlobalAveragePooling2D))
    )
    recomputed.set_weights(plain.get_weights())
    found, expected = (
        derivatives(model, IMAGES, lambda outputs: tf.nn.relu(outputs[:, 1]), rule="guided").images
        for model in (recomputed, plain)
    )
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(found, expected, rtol=1e-6)


class Flattening(keras.Model):
    """A model that must know how many images it is given."""

    def __init__(self):
        super().__init__()
        self.conv = keras.layers.Conv2D(4, 3, activation="relu", name="conv")
        self.dense = keras.layers.Dense(3)

    def call(self, images):
        maps = self.conv(images)
        return self.dense(tf.reshape(maps, (maps.shape[0], np.prod(maps.shape[1:]))))


def test_a_model_that_must_know_its_sizes_is_traced_for_each():
    model = Flattening()
    for count in (2, 3, 1, 3):
        found = derivatives(model, IMAGES[:count], 1, layers=["conv"])
        with tf.GradientTape() as tape:
            images = tf.constant(IMAGES[:count])
            tape.watch(images)
            score = tf.reduce_sum(model(images)[:, 1])
        np.testing.assert_allclose(found.images, tape.gradient(score, images), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(taps(model, "conv")(images)[1]["conv"], found.activations["conv"], rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_the_rules_leave_the_model_and_the_plain_gradient_as_they_were(kind):
    model = shake(KINDS[kind]())
    weights = [weight.numpy() for weight in model.weights]
    before = derivatives(model, IMAGES, 1).images
    guided = derivatives(model, IMAGES, 1, rule="guided").images
    assert np.abs(guided - before).max() > 1e-4
    np.testing.assert_array_equal(derivatives(model, IMAGES, 1).images, before)
    assert not any("call" in vars(layer) for layer in layer_paths(model).values())
    for weight, old in zip(model.weights, weights, strict=True):
        np.testing.assert_array_equal(weight, old)


@pytest.mark.parametrize("kind", KINDS)
def test_scores_with_activations_put_in_their_place(kind):
    model = shake(KINDS[kind]())
    known = derivatives(model, IMAGES, 1, by_image=False, layers=["conv2"])
    tolerance = 0.02 if "bfloat16" in kind else 1e-5
    same = scores_given(model, IMAGES, "conv2", known.activations["conv2"], 1)
    np.testing.assert_allclose(same, known.scores, atol=tolerance)
    # The head is linear in the maps, so a change of the maps changes the score by the gradient times it.
    without = known.activations["conv2"].copy()
    without[..., 2] = 0
    expected = (known.gradients["conv2"] * (without - known.activations["conv2"])).sum(axis=(1, 2, 3))
    found = scores_given(model, IMAGES, "conv2", without, 1)
    np.testing.assert_allclose(found - known.scores, expected, atol=5 * tolerance)


def test_what_goes_round_a_replaced_layer_still_counts():
    model = shake(residual())
    conv1 = find_layer(model, "conv1")[1]
    nothing = np.zeros((3, SIDE, SIDE, conv1.filters), np.float32)
    found = scores_given(model, IMAGES, "conv1", nothing, 0)
    weights = [conv1.kernel.numpy(), conv1.bias.numpy()]
    conv1.set_weights([np.zeros_like(weight) for weight in weights])
    np.testing.assert_allclose(found, model(IMAGES)[:, 0], rtol=1e-4, atol=1e-5)


def test_nothing_is_computed_that_was_not_asked_for():
    found = derivatives(functional(), IMAGES, by_image=False)
    assert found.images is None and found.activations == {} and found.gradients == {}


def test_other_classes_and_other_batches_do_not_compile_anew():
    model = functional()
    calls = []
    layer = model.get_layer("conv2")
    original = layer.call

    def counted(inputs):
        calls.append(1)
        return original(inputs)

    layer.call = counted  # called only while TensorFlow traces
    derivatives(model, IMAGES, 0)
    derivatives(model, IMAGES[:2], 1)  # the second shape is traced for batches of any size
    traced = len(calls)
    for target in (0, 1, None, [0, 1, None], [3, 2, 1]):
        derivatives(model, IMAGES, target)
        derivatives(model, IMAGES[:1], 2)
    assert len(calls) == traced <= 2


def test_two_hundred_calls_do_not_leak():
    model = functional()
    derivatives(model, IMAGES, 0)
    for index in range(5):
        derivatives(model, IMAGES, lambda outputs, index=index: outputs[:, index % 4])
    gc.collect()
    before = sum(isinstance(thing, tf.Graph) for thing in gc.get_objects())
    for index in range(200):
        derivatives(model, IMAGES, index % 4)
        if index % 20 == 0:
            derivatives(model, IMAGES, lambda outputs, index=index: outputs[:, index % 4])
    gc.collect()
    assert sum(isinstance(thing, tf.Graph) for thing in gc.get_objects()) <= before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"images": IMAGES[0]}, r"write images\[None\]"),
        ({"images": np.full_like(IMAGES, np.nan)}, "NaN"),
        ({"images": [IMAGES, IMAGES]}, "takes"),
        ({"layers": ["conv9"]}, "conv9"),
        ({"target": lambda outputs: tf.ones(len(IMAGES))}, "does not depend on the image"),
        ({"rule": "Guided"}, "rule is 'Guided'; 'gradient', 'guided' or 'deconvnet'"),
    ],
)
def test_refusals(change, words):
    with pytest.raises(ValueError, match=words):
        derivatives(**{"model": functional(), "images": IMAGES, **change})


def test_a_rule_needs_a_relu():
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(
        inputs, keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(2, 3, activation="elu")(inputs))
    )
    with pytest.raises(ValueError, match="has no ReLU"):
        derivatives(model, IMAGES[:, :8, :8], 0, rule="guided")


def test_a_layer_behind_which_nothing_comes():
    inputs = keras.Input((8, 8, 3))
    side = keras.layers.Conv2D(2, 3, name="side")(inputs)
    main = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(2, 3, name="main")(inputs))
    model = keras.Model(inputs, [main, side])
    with pytest.raises(ValueError, match="does not depend on layer 'side'"):
        derivatives(model, IMAGES[:, :8, :8], lambda outputs: outputs[0][:, 0], layers=["side"])


def test_interrupted_while_tracing_the_model_is_as_before():
    model = subclassed()

    def interrupted(outputs):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        derivatives(model, IMAGES, interrupted, layers=["conv2"])
    assert not any("call" in vars(layer) for layer in layer_paths(model).values())
    assert derivatives(model, IMAGES, 0).images.shape == IMAGES.shape


def test_as_batch():
    batch, single = as_batch(IMAGES[0])
    assert batch.shape == (1, SIDE, SIDE, 3) and single
    batch, single = as_batch(IMAGES)
    assert batch is IMAGES and not single


ONEDNN = """
import keras, numpy as np
from cnnviz.derivatives import derivatives
inputs = keras.Input((112, 112, 3))
maps = keras.layers.Conv2D(8, 3, padding="same", activation="relu")(inputs)
maps = keras.layers.ReLU(6)(keras.layers.BatchNormalization()(keras.layers.Conv2D(16, 1, use_bias=False)(maps)))
maps = keras.layers.ZeroPadding2D(((0, 1), (0, 1)))(maps)
maps = keras.layers.DepthwiseConv2D(3, 2, use_bias=False)(maps)
maps = keras.layers.ReLU(6)(keras.layers.BatchNormalization()(maps))
model = keras.Model(inputs, keras.layers.Dense(5)(keras.layers.GlobalAveragePooling2D()(maps)))
images = np.random.default_rng(0).normal(size=(2, 112, 112, 3)).astype("float32")
assert np.isfinite(derivatives(model, images, 1).images).all()
"""


def test_no_graph_is_one_that_onednn_cannot_rewrite():
    # It ends the process where it meets an operation that it half knows, and is on by default on many machines.
    settings = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": "1"}
    ended = subprocess.run([sys.executable, "-c", ONEDNN], env=settings, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr[-2000:]
