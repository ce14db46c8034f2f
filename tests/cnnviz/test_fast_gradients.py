import keras
import numpy as np
import pytest
import tensorflow as tf

from cnnviz import fast_gradients as module
from cnnviz.fast_gradients import fast_gradients

SIDE, CHANNELS, FILTERS = 9, 8, 6


def gradients(options, fast, dtype=tf.float64, size=(SIDE, SIDE + 2), kernel=(3, 3), channels=CHANNELS, known=True):
    """Of a convolution, weighted at random so that every output counts: by the input and by the kernel."""
    rng = np.random.default_rng(0)
    inputs = tf.constant(rng.normal(size=(2, *size, CHANNELS)), dtype)
    weights = tf.constant(rng.normal(size=(*kernel, channels, FILTERS)), dtype)
    used = []
    convolve = tf.nn.conv2d if isinstance(options["padding"], list) else tf.nn.convolution

    shape = (None, *(size if known else (None, None)), CHANNELS)

    @tf.function(input_signature=[tf.TensorSpec(shape, dtype), tf.TensorSpec(weights.shape, dtype)])
    def run(inputs, weights):
        if fast:
            with fast_gradients():
                maps = convolve(inputs, weights, **options)
        else:
            maps = convolve(inputs, weights, **options)
        score = tf.reduce_sum(tf.sin(maps))
        found = tf.gradients(score, [inputs, weights])
        used.extend(operation.type for operation in tf.compat.v1.get_default_graph().get_operations())
        return found

    return [np.asarray(one, np.float64) for one in run(inputs, weights)], set(used)


CASES = {
    "1x1": ({"strides": 1, "padding": "SAME"}, {"kernel": (1, 1)}),
    "1x1, valid": ({"strides": 1, "padding": "VALID"}, {"kernel": (1, 1)}),
    "1x1, stride 2": ({"strides": 2, "padding": "SAME"}, {"kernel": (1, 1)}),
    "1x1, padded": ({"strides": 1, "padding": [[0, 0], [1, 1], [2, 0], [0, 0]]}, {"kernel": (1, 1)}),
    "3x3": ({"strides": 1, "padding": "SAME"}, {}),
    "3x3, valid": ({"strides": 1, "padding": "VALID"}, {}),
    "3x3, stride 2": ({"strides": 2, "padding": "SAME"}, {}),
    "3x3, dilated": ({"strides": 1, "padding": "SAME", "dilations": 2}, {}),
    "3x3, padded": ({"strides": 1, "padding": [[0, 0], [1, 0], [2, 1], [0, 0]]}, {}),
    "2x4": ({"strides": 1, "padding": "SAME"}, {"kernel": (2, 4)}),
    "5x1": ({"strides": 1, "padding": "SAME"}, {"kernel": (5, 1)}),
    "3x3 on one row": ({"strides": 1, "padding": "SAME"}, {"size": (1, 12)}),
}


@pytest.mark.parametrize("large", [0, 10**9], ids=["turned kernel", "small map"])
@pytest.mark.parametrize("case", CASES)
def test_equals_tensorflows_own(case, large, monkeypatch):
    monkeypatch.setattr(module, "LARGE_MAP", large)
    options, shape = CASES[case]
    (by_input, by_kernel), _ = gradients(options, fast=True, **shape)
    (expected, expected_kernel), _ = gradients(options, fast=False, **shape)
    np.testing.assert_allclose(by_input, expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(by_kernel, expected_kernel, rtol=1e-10, atol=1e-12)


def test_each_way_is_taken_where_it_is_meant_to(monkeypatch):
    same = {"strides": 1, "padding": "SAME"}
    slow = "Conv2DBackpropInput"
    assert slow not in gradients(same, fast=True, kernel=(1, 1))[1]
    assert slow in gradients(same, fast=True)[1]
    assert slow not in gradients(same, fast=True, size=(100, 100))[1]
    assert slow in gradients(same, fast=True, size=(100, 100), known=False)[1]
    monkeypatch.setattr(module, "FEW_CHANNELS", CHANNELS + 1)
    assert slow in gradients(same, fast=True, size=(100, 100))[1]
    assert slow in gradients(same, fast=False, kernel=(1, 1))[1]


def test_half_precision():
    same = {"strides": 1, "padding": "SAME"}
    (found, _), _ = gradients(same, fast=True, dtype=tf.bfloat16, kernel=(1, 1))
    (expected, _), _ = gradients(same, fast=False, dtype=tf.float32, kernel=(1, 1))
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.99


def test_a_convolution_in_groups():
    layer = keras.layers.Conv2D(FILTERS, 1, groups=2)
    images = tf.constant(np.random.default_rng(1).normal(size=(2, SIDE, SIDE, CHANNELS)), tf.float32)
    layer(images)

    @tf.function
    def run(images):
        with fast_gradients():
            maps = layer(images)
        return tf.gradients(maps * maps, images)[0]

    expected = np.zeros(images.shape, np.float32)
    half = CHANNELS // 2
    for group in range(2):
        kernel = layer.kernel.numpy()[0, 0, :, group * FILTERS // 2 : (group + 1) * FILTERS // 2]
        of = slice(group * half, (group + 1) * half)
        expected[..., of] = 2 * (images.numpy()[..., of] @ kernel) @ kernel.T
    np.testing.assert_allclose(run(images), expected, rtol=1e-4, atol=1e-5)


def test_outside_of_a_graph_and_after_it_nothing_is_changed():
    layer = keras.layers.Conv2D(2, 1)
    images = tf.ones((1, 4, 4, 3))
    with fast_gradients(), tf.GradientTape() as tape:
        tape.watch(images)
        score = tf.reduce_sum(layer(images))
    assert tape.gradient(score, images).shape == images.shape
    assert "Conv2DBackpropInput" in gradients({"strides": 1, "padding": "SAME"}, fast=False, kernel=(1, 1))[1]


@pytest.mark.parametrize("transposed", [(False, False), (False, True), (True, False), (True, True)], ids=str)
def test_matrix_products(transposed):
    rng = np.random.default_rng(2)
    shapes = [shape[::-1] if turn else shape for shape, turn in zip([(3, 5), (5, 4)], transposed, strict=True)]
    first, second = (tf.constant(rng.normal(size=shape)) for shape in shapes)
    weights = rng.normal(size=(3, 4))

    @tf.function
    def run(first, second):
        with fast_gradients():
            product = tf.linalg.matmul(first, second, *transposed)
        return tf.gradients(product * weights, [first, second])

    plain = [
        np.asarray(one).T if turn else np.asarray(one) for one, turn in zip((first, second), transposed, strict=True)
    ]
    expected = [weights @ plain[1].T, plain[0].T @ weights]
    for found, wanted, turn in zip(run(first, second), expected, transposed, strict=True):
        np.testing.assert_allclose(found, wanted.T if turn else wanted, rtol=1e-12)
