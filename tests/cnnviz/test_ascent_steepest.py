"""The pieces of a step; the step itself is tested in test_ascent.py."""

import gc
import weakref

import numpy as np
import tensorflow as tf

from cnnviz.ascent.steepest import rms, together, unscaled, variation_slope


def test_rms():
    numbers = np.random.default_rng(0).normal(size=(3, 4, 5, 2)).astype(np.float32)
    np.testing.assert_allclose(rms(numbers)[:, 0, 0, 0], np.sqrt((numbers**2).mean(axis=(1, 2, 3))), rtol=1e-5)


def test_the_slope_of_total_variation_is_that_of_tensorflow():
    pictures = tf.constant(np.random.default_rng(0).uniform(size=(2, 7, 5, 3)).astype(np.float32))
    with tf.GradientTape() as tape:
        tape.watch(pictures)
        total = tf.image.total_variation(pictures)
    np.testing.assert_allclose(variation_slope(pictures), tape.gradient(total, pictures), atol=1e-6)


def test_two_functions_together_are_one_object_while_both_live():
    def target(outputs):
        return outputs[:, 0]

    pair = together(unscaled, target)
    assert pair is together(unscaled, target)
    assert pair is not together(unscaled, None)
    assert (pair.scale(), pair.target()) == (unscaled, target)
    gone = weakref.ref(pair)
    del pair, target
    gc.collect()
    assert gone() is None
    assert together(max, min).scale() is max  # what cannot be referred to weakly, or can, works either way
