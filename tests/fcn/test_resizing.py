import keras
import numpy as np
import pytest
import tensorflow as tf

from fcn.layers import BilinearUpsampling2D, SubPixelUpsampling2D
from fcn.upsampling import upsample

IMAGES = np.random.default_rng(0).normal(size=(2, 5, 7, 3)).astype(np.float32)
SIZES = [(5, 7), (10, 14), (15, 21), (9, 13), (11, 8), (45, 60), (6, 100)]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_bilinear_to_any_size(size):
    """As TensorFlow resizes, and OpenCV, and compiled by XLA too; where TensorFlow's own is wrong for odd factors."""
    layer = BilinearUpsampling2D(size=size)
    resized = tf.image.resize(IMAGES, size)
    np.testing.assert_allclose(layer(IMAGES), resized, atol=2e-6)
    np.testing.assert_allclose(tf.function(layer, jit_compile=True)(IMAGES), resized, atol=2e-6)
    like = np.zeros((1, *size, 1), np.float32)
    np.testing.assert_allclose(BilinearUpsampling2D()(IMAGES, like=like), resized, atol=2e-6)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_bilinear_is_what_torch_does(size):
    torch = pytest.importorskip("torch")
    maps = torch.from_numpy(IMAGES).permute(0, 3, 1, 2).requires_grad_()
    expected = torch.nn.functional.interpolate(maps, size, mode="bilinear", align_corners=False)
    torch.sin(expected).sum().backward()
    variable = tf.Variable(IMAGES)
    with tf.GradientTape() as tape:
        found = BilinearUpsampling2D(size=size)(variable)
        total = tf.reduce_sum(tf.sin(found))
    np.testing.assert_allclose(found, expected.detach().permute(0, 2, 3, 1), atol=2e-6)
    gradient = tape.gradient(total, variable)
    np.testing.assert_allclose(gradient, maps.grad.permute(0, 2, 3, 1), rtol=2e-6, atol=2e-5)


@pytest.mark.parametrize("factor", [1, 2, 3, (5, 4)])
def test_bilinear_by_a_factor_is_zeros_and_a_filter(factor):
    np.testing.assert_allclose(BilinearUpsampling2D(factor)(IMAGES), upsample(IMAGES, factor), atol=2e-6)


def test_sizes_known_only_when_it_runs():
    images, like = keras.Input((None, None, 3)), keras.Input((None, None, 1))
    model = keras.Model(
        [images, like], [BilinearUpsampling2D((3, 2))(images), BilinearUpsampling2D()(images, like=like)]
    )
    assert [tuple(output.shape) for output in model.outputs] == [(None, None, None, 3)] * 2
    model.compile(jit_compile=False)
    for size in ((5, 7), (7, 9)):
        other = np.zeros((2, *size, 1), np.float32)
        first, second = model.predict([IMAGES, other], verbose=0)
        np.testing.assert_allclose(first, tf.image.resize(IMAGES, (15, 14)), atol=2e-6)
        np.testing.assert_allclose(second, tf.image.resize(IMAGES, size), atol=2e-6)


def test_back_to_the_size_of_the_input():
    images = keras.Input((45, 61, 3))
    pooled = keras.layers.MaxPooling2D(4, padding="same")(images)
    maps = BilinearUpsampling2D()(pooled, like=images)
    assert tuple(maps.shape) == (None, 45, 61, 3)
    fixed = BilinearUpsampling2D(factor=4)(pooled)
    assert tuple(fixed.shape) == (None, 48, 64, 3)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "float16", "float64"])
def test_bilinear_types(policy):
    layer = BilinearUpsampling2D(3, dtype=policy)
    found = layer(IMAGES)
    assert found.dtype == layer.compute_dtype
    exact = upsample(tf.cast(tf.cast(IMAGES, layer.compute_dtype), tf.float64), 3)
    rounding = {"float16": 2.0**-11, "bfloat16": 2.0**-8, "float64": 1e-15}[layer.compute_dtype]
    np.testing.assert_allclose(
        tf.cast(found, tf.float64), exact, rtol=rounding * 1.01, atol=1e-15 if policy == "float64" else 1e-6
    )


@pytest.mark.parametrize("icnr", [False, True])
@pytest.mark.parametrize("factor", [1, 2, 3])
def test_sub_pixels_are_torchs_shuffled_ones(factor, icnr):
    torch = pytest.importorskip("torch")
    layer = SubPixelUpsampling2D(factor, 4, icnr=icnr, kernel_initializer=keras.initializers.GlorotUniform(seed=1))
    found = layer(IMAGES)
    kernel, bias = (np.asarray(weight) for weight in layer.get_weights())
    # From (row, column, filter), which depth_to_space reads, to (filter, row, column), which PixelShuffle does.
    order = np.arange(4 * factor**2).reshape(factor, factor, 4).transpose(2, 0, 1).ravel()
    convolution = torch.nn.Conv2d(3, 4 * factor**2, 3, padding=1)
    convolution.weight.data = torch.from_numpy(kernel[..., order].transpose(3, 2, 0, 1).copy())
    convolution.bias.data = torch.from_numpy(bias[order])
    shuffled = torch.nn.PixelShuffle(factor)(convolution(torch.from_numpy(IMAGES).permute(0, 3, 1, 2)))
    np.testing.assert_allclose(found, shuffled.detach().permute(0, 2, 3, 1), atol=2e-6)
    compiled = tf.function(layer, jit_compile=True)(IMAGES)
    np.testing.assert_allclose(found, compiled, atol=2e-6)


def test_sub_pixels_with_icnr_start_as_nearest():
    layer = SubPixelUpsampling2D(3, 2, 5, icnr=True, activation="relu")
    found = np.asarray(layer(IMAGES))
    convolved = keras.ops.relu(keras.ops.conv(IMAGES, layer.convolution.kernel[..., :2], padding="same"))
    np.testing.assert_allclose(found, upsample(convolved, 3, "nearest"), atol=2e-6)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_saved_and_loaded(tmp_path, policy):
    inputs = keras.Input((5, 7, 3))
    maps = SubPixelUpsampling2D(2, 4, (3, 5), icnr=True, activation="relu", dtype=policy)(inputs)
    maps = BilinearUpsampling2D((2, 3), dtype=policy)(maps)
    maps = BilinearUpsampling2D(size=(41, 43), dtype=policy)(maps)
    maps = BilinearUpsampling2D(dtype=policy)(maps, like=keras.layers.ZeroPadding2D(20, dtype=policy)(inputs))
    model = keras.Model(inputs, maps)
    assert model.output_shape == (None, 45, 47, 4)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(IMAGES), model(IMAGES))
    for one, other in zip(loaded.layers, model.layers, strict=True):
        assert one.get_config() == other.get_config()


@pytest.mark.parametrize(("policy", "tolerance"), [("float32", 1e-6), ("mixed_bfloat16", 2e-3)])
def test_training(policy, tolerance):
    """One step of Keras' training, compiled by XLA, is the step by hand."""
    keras.utils.set_random_seed(0)
    maps = [SubPixelUpsampling2D(2, 3, dtype=policy), BilinearUpsampling2D(3, dtype=policy)]
    model = keras.Sequential([keras.Input((5, 7, 3)), *maps])
    target = np.ones((2, 30, 42, 3), np.float32)
    weights = model.trainable_variables
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(tf.cast(model(IMAGES), tf.float32) - target))
    expected = [weight - 0.1 * slope for weight, slope in zip(weights, tape.gradient(loss, weights), strict=True)]
    model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=True)
    model.train_on_batch(IMAGES, target)
    for weight, other in zip(weights, expected, strict=True):
        np.testing.assert_allclose(weight, other, atol=tolerance)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="factor is 2 and size is 3"):
        BilinearUpsampling2D(2, 3)
    with pytest.raises(TypeError, match=r"factor is 1\.5"):
        BilinearUpsampling2D(1.5)
    with pytest.raises(ValueError, match="without like; one of the three"):
        BilinearUpsampling2D()(IMAGES)
    with pytest.raises(ValueError, match=r"with like of shape \(2, 5, 7, 3\); one of the three"):
        BilinearUpsampling2D(2)(IMAGES, like=IMAGES)
    with pytest.raises(ValueError, match=r"like has shape \(5, 7\)"):
        BilinearUpsampling2D()(IMAGES, like=np.zeros((5, 7), np.float32))
    with pytest.raises(ValueError, match=r"\(5, 7\) to \(5, 6\) is smaller"):
        BilinearUpsampling2D(size=(5, 6))(IMAGES)
    with pytest.raises(ValueError, match=r"\(5, 7\) to \(4, 9\) is smaller"):
        BilinearUpsampling2D()(keras.Input((5, 7, 3)), like=keras.Input((4, 9, 1)))
    with pytest.raises(ValueError, match="ndim=4"):
        BilinearUpsampling2D(2)(IMAGES[0])
    with pytest.raises(ValueError, match="filters is 0"):
        SubPixelUpsampling2D(2, 0)
    with pytest.raises(TypeError, match="factor is True"):
        SubPixelUpsampling2D(True, 3)


def test_softmax_of_sub_pixels_is_over_the_channels_of_a_pixel():
    inputs = keras.Input((5, 7, 3))
    model = keras.Model(inputs, SubPixelUpsampling2D(2, 4, activation="softmax")(inputs))
    found = model(IMAGES)
    np.testing.assert_allclose(tf.reduce_sum(found, -1), np.ones((2, 10, 14)), rtol=1e-6)
    again = keras.Model.from_config(model.get_config())
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again(IMAGES), found)
    plain = keras.Model(inputs, SubPixelUpsampling2D(2, 4)(inputs))
    plain.set_weights(model.get_weights())
    np.testing.assert_allclose(found, tf.nn.softmax(plain(IMAGES)), rtol=1e-6)


@pytest.mark.parametrize("jit", [False, True])
def test_positions_that_int32_does_not_hold(jit):
    ramp = np.arange(30_000, dtype=np.float32)[None, None, :, None]
    layer = BilinearUpsampling2D(size=(1, 40_000))
    found = tf.function(layer, jit_compile=True)(ramp) if jit else layer(ramp)
    expected = ((np.arange(40_000) + 0.5) * 0.75 - 0.5).clip(0, 29_999)
    np.testing.assert_allclose(found[0, 0, :, 0], expected, rtol=1e-6, atol=1e-6)


def test_a_graph_refuses_what_it_learns_too_late():
    unknown = tf.TensorSpec((None, None, None, 3))
    fixed = tf.function(BilinearUpsampling2D(size=(6, 6)), input_signature=[unknown])
    assert fixed(IMAGES[:, :, :6]).shape == (2, 6, 6, 3)
    like = tf.function(lambda images, like: BilinearUpsampling2D()(images, like=like), input_signature=[unknown] * 2)
    assert like(IMAGES, IMAGES).shape == IMAGES.shape
    for run in (lambda: fixed(IMAGES), lambda: like(IMAGES, IMAGES[:, :4])):
        with pytest.raises(tf.errors.InvalidArgumentError, match="makes maps larger; axis"):
            run()
