import keras
import numpy as np
import pytest
import tensorflow as tf

from fcn.initializers import BilinearInitializer, ICNRInitializer, bilinear_filter
from fcn.interpolation import interpolation_kernel
from fcn.upsampling import upsample

IMAGES = np.random.default_rng(0).normal(size=(2, 6, 5, 3)).astype(np.float32)


def upsample_filt(size):
    """FCN's surgery, after Caffe's filler: the centre depends on whether the size is odd."""
    factor = (size + 1) // 2
    center = factor - 1 if size % 2 == 1 else factor - 0.5
    rows, columns = np.ogrid[:size, :size]
    return (1 - abs(rows - center) / factor) * (1 - abs(columns - center) / factor)


def transposed(factor, initializer="glorot_uniform", channels=3, **options):
    size = 2 * factor - factor % 2
    return keras.layers.Conv2DTranspose(
        channels, size, factor, "same", use_bias=False, kernel_initializer=initializer, **options
    )


@pytest.mark.parametrize("size", range(1, 12))
def test_the_formula_of_caffe(size):
    np.testing.assert_allclose(bilinear_filter(size), upsample_filt(size), atol=1e-15)
    kernel = np.asarray(BilinearInitializer()((size, size, 3, 3)))
    for out in range(3):
        for channel in range(3):
            expected = upsample_filt(size) * (out == channel)
            np.testing.assert_allclose(kernel[:, :, out, channel], expected, atol=1e-7)


@pytest.mark.parametrize("factor", [1, 2, 3, 4, 5, 8])
def test_a_transposed_convolution_interpolates(factor):
    np.testing.assert_allclose(bilinear_filter(2 * factor - factor % 2), interpolation_kernel("bilinear", factor))
    found = np.asarray(transposed(factor, BilinearInitializer())(IMAGES))
    np.testing.assert_allclose(found, upsample(IMAGES, factor, border="zero"), atol=1e-6)
    half = factor // 2
    inside = (slice(None), slice(half, found.shape[1] - half), slice(half, found.shape[2] - half))
    resized = tf.image.resize(IMAGES, found.shape[1:3]).numpy()
    np.testing.assert_allclose(found[inside], resized[inside], atol=3e-6)  # TensorFlow rounds its positions
    ones = np.asarray(transposed(factor, BilinearInitializer())(np.ones_like(IMAGES)))[0, :, found.shape[2] // 2, 0]
    assert (ones < 1 - 1e-6).sum() == 2 * half  # the border is darker, and only the border


def test_sides_that_differ():
    kernel = np.asarray(BilinearInitializer()((4, 3, 1, 1)))[:, :, 0, 0]
    np.testing.assert_allclose(kernel, np.outer([0.25, 0.75, 0.75, 0.25], [0.5, 1, 0.5]))


def test_saved_and_loaded(tmp_path):
    model = keras.Sequential([keras.Input((6, 5, 3)), transposed(2, BilinearInitializer())])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(loaded.layers[0].kernel_initializer, BilinearInitializer)
    np.testing.assert_array_equal(loaded(IMAGES), model(IMAGES))
    again = keras.initializers.deserialize(keras.initializers.serialize(ICNRInitializer(2, "ones")))
    np.testing.assert_array_equal(again((1, 1, 2, 8)), np.ones((1, 1, 2, 8)))


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "bfloat16"])
def test_half_precision(policy):
    layer = transposed(2, BilinearInitializer(), dtype=policy)
    found = layer(IMAGES)
    assert found.dtype == layer.compute_dtype
    np.testing.assert_allclose(tf.cast(found, tf.float32), upsample(IMAGES, 2, border="zero"), atol=0.03)


def test_icnr_draws_each_block_once():
    kernel = np.asarray(ICNRInitializer(3, keras.initializers.RandomNormal(seed=1))((5, 5, 4, 18)))
    drawn = np.asarray(keras.initializers.RandomNormal(seed=1)((5, 5, 4, 2)))
    blocks = tf.nn.depth_to_space(kernel.reshape(1, 25 * 4, 1, 18), 3).numpy()[0]
    np.testing.assert_array_equal(blocks, drawn.reshape(100, 1, 2).repeat(3, axis=0).repeat(3, axis=1))


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match=r"\(4, 4, 2, 3\): 3 channels in, 2 out"):
        transposed(2, BilinearInitializer(), channels=2).build((None, 5, 5, 3))
    with pytest.raises(ValueError, match=r"shape is \(4, 4\)"):
        BilinearInitializer()((4, 4))
    with pytest.raises(ValueError, match=r"\(3, 3, 4, 6\); its last side has to be a multiple of 4"):
        ICNRInitializer(2)((3, 3, 4, 6))
    with pytest.raises(TypeError, match=r"factor is 2\.0"):
        ICNRInitializer(2.0)
    with pytest.raises(ValueError, match="size is 0"):
        bilinear_filter(0)


@pytest.mark.parametrize("initializer", [BilinearInitializer(), ICNRInitializer(2)])
def test_what_is_no_shape(initializer):
    with pytest.raises(TypeError, match="the kernel's shape is None"):
        initializer(None)
    with pytest.raises(TypeError, match="a side of the kernel is None"):
        initializer((3, 3, 4, None))
