"""What a traced objective refuses and leaves off; the values are tested in test_objectives.py."""

import numpy as np
import pytest
import tensorflow as tf

from cnnviz.ascent.measures import before_relu, channel_mean, value

MAPS = np.random.default_rng(0).normal(size=(2, 3, 3, 4)).astype(np.float32)


@pytest.mark.parametrize(
    "rectify", [tf.nn.relu, tf.nn.relu6, tf.nn.leaky_relu, lambda maps: tf.identity(tf.nn.relu(maps))]
)
def test_what_a_relu_was_given(rectify):
    found = tf.function(lambda maps: before_relu(rectify(maps)))(MAPS)
    np.testing.assert_array_equal(found, MAPS)


def test_other_operations_are_kept():
    found = tf.function(lambda maps: before_relu(tf.tanh(maps)))(MAPS)
    np.testing.assert_allclose(found, np.tanh(MAPS), rtol=1e-5)
    np.testing.assert_array_equal(before_relu(tf.nn.relu(MAPS)), np.maximum(MAPS, 0))  # no graph to look at


def test_layers_without_maps_are_refused():
    with pytest.raises(ValueError, match="layer 'lstm' gives no maps"):
        value(((channel_mean, "lstm"),), None, [(1.0, [0])], None, {"lstm": tf.zeros((1, 2, 3))})


def test_half_precision_is_measured_in_single():
    half = tf.constant(np.full((1, 64, 64, 1), 0.1), tf.bfloat16)
    found, _ = value(((channel_mean, "x"),), None, [(1.0, np.array([0]))], None, {"x": half})
    assert found.dtype == tf.float32
    assert float(found[0]) == pytest.approx(float(half[0, 0, 0, 0]), rel=1e-5)
