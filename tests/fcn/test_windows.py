"""Where windows lie; what they find and put back is tested with the layers, in test_pooling.py."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from fcn.layers.windows import Windows, pick_up, pool_with_argmax, put_back


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_count_and_padding_are_those_of_tensorflow(padding):
    for pool, stride, size in itertools.product((1, 2, 3, 4), (1, 2, 3), (4, 5, 8)):
        windows = Windows((pool, pool), (stride, stride), padding)
        # The image's columns are their own numbers, falling: the maximum of a window is its first column in the image.
        image = -np.arange(size, dtype=np.float32)[None, None, :, None] * np.ones((1, size, 1, 1), np.float32)
        pooled = -tf.nn.max_pool2d(image, pool, stride, padding.upper()).numpy()[0, 0, :, 0]
        assert windows.count((size, size)) == [len(pooled)] * 2
        starts = np.arange(len(pooled)) * stride - windows.before((size, size))[1]
        np.testing.assert_array_equal(np.maximum(starts, 0), pooled)


@pytest.mark.parametrize(("padding", "largest"), [("valid", [9, 14]), ("same", [8, 15])])
def test_the_size_that_unpooling_gives(padding, largest):
    windows = Windows((3, 2), (2, 3), padding)
    assert windows.largest((4, 5)) == largest
    assert windows.count(largest) == [4, 5]


@pytest.mark.parametrize("strides", [(2, 3), (3, 4)])
def test_picking_up_is_the_transpose_of_putting_back(strides):
    windows, generator = Windows((2, 3), strides, "same"), np.random.default_rng(0)
    images = tf.constant(generator.normal(size=(2, 7, 11, 3)))
    _, indices = pool_with_argmax(images, windows)
    maps = tf.constant(generator.normal(size=indices.shape))
    there = tf.reduce_sum(put_back(maps, indices, (7, 11), windows) * images)
    np.testing.assert_allclose(there, tf.reduce_sum(maps * pick_up(images, indices, windows)), rtol=1e-12)
