"""Moved pictures against plain slices and scikit-image."""

import numpy as np
import pytest
import tensorflow as tf
from skimage.transform import AffineTransform, warp

from cnnviz.ascent.robustness import moved

PICTURES = np.random.default_rng(0).uniform(size=(2, 32, 24, 3)).astype(np.float32)


def draw(seed):
    return tf.random.stateless_uniform((4,), seed, -1.0, 1.0).numpy()


def test_jitter_moves_by_whole_pixels_and_mirrors_what_was_outside():
    seen = set()
    for step in range(20):
        right, down = np.round(5 * draw([1, step])[:2]).astype(int)
        found = moved(tf.constant(PICTURES), [1, step], 5.0, 0.0, 0.0).numpy()
        padded = np.pad(PICTURES, ((0, 0), (5, 5), (5, 5), (0, 0)), "symmetric")
        np.testing.assert_allclose(found, padded[:, 5 + down : 37 + down, 5 + right : 29 + right], atol=1e-5)
        seen.add((right, down))
    assert len(seen) > 12
    assert {-5, 5} & {place for pair in seen for place in pair}


def test_scale_and_rotation_are_those_of_scikit_image():
    _, _, size, angle = draw([0, 3])
    found = moved(tf.constant(PICTURES), [0, 3], 0.0, 0.2, 30.0).numpy()
    turned = AffineTransform(rotation=np.deg2rad(30 * angle), scale=1 / np.exp(size * np.log(1.2)))
    to_middle, back = AffineTransform(translation=(-11.5, -15.5)), AffineTransform(translation=(11.5, 15.5))
    wanted = warp(PICTURES[1], to_middle + turned + back, order=1, mode="symmetric")
    np.testing.assert_allclose(found[1, 8:24, 8:16], wanted[8:24, 8:16], atol=1e-4)


def test_nothing_is_moved_by_nothing():
    np.testing.assert_allclose(moved(tf.constant(PICTURES), [0, 1], 0.0, 0.0, 0.0), PICTURES, atol=1e-5)


def gradient(weights, seed, *amounts):
    pictures = tf.constant(PICTURES)
    with tf.GradientTape() as tape:
        tape.watch(pictures)
        total = tf.reduce_sum(weights * moved(pictures, seed, *amounts))
    return tape.gradient(total, pictures).numpy()


def test_the_gradient_goes_back_to_where_pixels_came_from():
    weights = np.zeros_like(PICTURES)
    weights[:, 16, 12] = 1
    right, down = np.round(5 * draw([1, 2])[:2]).astype(int)
    found = gradient(weights, [1, 2], 5.0, 0.0, 0.0)
    wanted = np.zeros_like(PICTURES)
    wanted[:, 16 + down, 12 + right] = 1
    np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize("seed", [[0, 3], [1, 1], [2, 9]])
def test_the_gradient_points_where_the_exact_one_does(seed):
    """The adjoint of a bilinear resampling is nearly the inverse one; for smooth slopes hardly a difference is left."""
    rows, columns = np.mgrid[:32, :24]
    smooth = np.exp(-((rows - 16.0) ** 2 + (columns - 12.0) ** 2) / 40)[None, ..., None] * np.ones_like(PICTURES)
    found = gradient(smooth.astype(np.float32), seed, 3.0, 0.1, 8.0)
    bump = np.exp(-((rows - 14.0) ** 2 + (columns - 13.0) ** 2) / 30)[None, ..., None].astype(np.float32)
    change = moved(tf.constant(PICTURES + bump), seed, 3.0, 0.1, 8.0) - moved(
        tf.constant(PICTURES), seed, 3.0, 0.1, 8.0
    )
    assert np.sum(found * bump) == pytest.approx(np.sum(smooth * change.numpy()), rel=0.02)
