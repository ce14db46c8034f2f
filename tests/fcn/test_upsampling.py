import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import signal

from fcn.interpolation import interpolation_kernel, profile, source_positions
from fcn.upsampling import insert_zeros, upsample

METHODS = ("nearest", "bilinear", "bicubic")
IMAGES = np.random.default_rng(0).normal(size=(2, 5, 7, 3)).astype(np.float32)


def by_definition(images, factor, method, alignment, border, a):
    """Every new sample as a sum over all old ones, weighted by their distance, in float64."""
    for axis in (1, 2):
        size = images.shape[axis]
        new_size = factor * (size - 1) + 1 if alignment == "align_corners" else factor * size
        positions = source_positions(size, new_size, alignment)
        if method == "nearest":
            rounded = np.floor(positions + 0.5) if alignment != "asymmetric" else np.floor(positions)
            images = np.take(images, rounded.astype(int), axis)
            continue
        around = np.arange(-3, size + 3)
        weights = profile(method, positions[:, None] - around, a=a)
        matrix = np.zeros((new_size, size))
        for column, old in enumerate(around):
            if border == "edge" or 0 <= old < size:
                matrix[:, min(max(old, 0), size - 1)] += weights[:, column]
        if border == "renormalise":
            matrix /= matrix.sum(1, keepdims=True)
        images = np.moveaxis(np.tensordot(matrix, images, (1, axis)), 0, axis)
    return images


def test_the_slide():
    """Bilinear by 2 = insert zeros, convolve with ((.25, .5, .25), (.5, 1, .5), (.25, .5, .25))."""
    image = np.arange(1, 10.0).reshape(3, 3)
    zeros = np.zeros((6, 6))
    zeros[::2, ::2] = image
    np.testing.assert_array_equal(insert_zeros(image[None, :, :, None], 2)[0, :, :, 0], zeros)
    slide = signal.convolve2d(zeros, [[0.25, 0.5, 0.25], [0.5, 1, 0.5], [0.25, 0.5, 0.25]], mode="same")
    found = upsample(image[None, :, :, None], 2, alignment="asymmetric", border="zero")[0, :, :, 0]
    np.testing.assert_allclose(found, slide)
    np.testing.assert_array_equal(np.asarray(found)[::2, ::2], image)  # the old samples stay where they were


@pytest.mark.parametrize("factor", [1, 2, 3])
@pytest.mark.parametrize("method", METHODS)
def test_zeros_and_the_kernel_in_two_dimensions_are_the_whole_of_it(method, factor):
    image = np.random.default_rng(1).normal(size=(6, 5))
    zeros = np.zeros((6 * factor, 5 * factor))
    zeros[::factor, ::factor] = image
    kernel = interpolation_kernel(method, factor)
    full = signal.convolve2d(zeros, kernel)
    before = (len(kernel) - factor) // 2  # half-pixel: the kernel lies evenly over the block of the sample
    expected = full[before : before + 6 * factor, before : before + 5 * factor]
    found = upsample(image[None, :, :, None], factor, method, border="zero")[0, :, :, 0]
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("border", ["edge", "renormalise", "zero"])
@pytest.mark.parametrize("alignment", ["half_pixel", "asymmetric", "align_corners"])
@pytest.mark.parametrize("method", METHODS)
def test_the_definition(method, alignment, border):
    for factor in (1, 2, 3, 4, 5):
        images = IMAGES.astype(np.float64)
        found = upsample(images, factor, method, alignment=alignment, border=border, a=-0.6)
        expected = by_definition(images, factor, method, alignment, border, -0.6)
        np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("factor", [2, 3, 4, 5, 8])
@pytest.mark.parametrize("method", METHODS)
def test_tensorflow_and_keras_borders_and_all(method, factor):
    border = "renormalise" if method == "bicubic" else "edge"
    found = upsample(IMAGES, factor, method, border=border)
    # TensorFlow's cubic is read from a table of 1024 distances; factors that do not divide it are off by that.
    tolerance = 5e-3 if method == "bicubic" and factor in (3, 5) else 2e-6
    resized = tf.image.resize(IMAGES, (5 * factor, 7 * factor), method)
    np.testing.assert_allclose(found, resized, atol=tolerance)
    layer = keras.layers.UpSampling2D(factor, interpolation=method)
    np.testing.assert_allclose(found, layer(IMAGES), atol=tolerance)


@pytest.mark.parametrize("factor", [2, 4])
def test_tensorflow_1(factor):
    sides = [5 * factor, 7 * factor]
    old = tf.raw_ops.ResizeBilinear(images=IMAGES, size=sides, half_pixel_centers=False)
    np.testing.assert_allclose(upsample(IMAGES, factor, alignment="asymmetric"), old, atol=1e-6)
    old = tf.raw_ops.ResizeBicubic(images=IMAGES, size=sides, half_pixel_centers=False)
    np.testing.assert_allclose(upsample(IMAGES, factor, "bicubic", alignment="asymmetric", a=-0.75), old, atol=2e-6)
    sides = [4 * factor + 1, 6 * factor + 1]
    old = tf.raw_ops.ResizeNearestNeighbor(images=IMAGES, size=sides, align_corners=True)
    np.testing.assert_array_equal(upsample(IMAGES, factor, "nearest", alignment="align_corners"), old)


@pytest.mark.parametrize("factor", [2, 3, 5])
def test_torch(factor):
    torch = pytest.importorskip("torch")
    images = torch.from_numpy(IMAGES).permute(0, 3, 1, 2)

    def interpolated(mode, size, **options):
        return torch.nn.functional.interpolate(images, size, mode=mode, **options).permute(0, 2, 3, 1).numpy()

    sides, corners = (5 * factor, 7 * factor), (4 * factor + 1, 6 * factor + 1)
    np.testing.assert_array_equal(upsample(IMAGES, factor, "nearest"), interpolated("nearest", sides))
    for method in ("bilinear", "bicubic"):
        found = upsample(IMAGES, factor, method, a=-0.75)
        np.testing.assert_allclose(found, interpolated(method, sides, align_corners=False), atol=2e-6)
        found = upsample(IMAGES, factor, method, a=-0.75, alignment="align_corners")
        np.testing.assert_allclose(found, interpolated(method, corners, align_corners=True), atol=2e-6)


def test_gradients_dynamic_shapes_and_xla():
    """<Ax, y> = <x, A'y>, as it is and compiled, with sizes that the trace does not know."""

    def both(images, other):
        with tf.GradientTape() as tape:
            tape.watch(images)
            product = tf.reduce_sum(upsample(images, (3, 2), "bicubic", border="renormalise") * other)
        return product, tape.gradient(product, images)

    other = np.random.default_rng(2).normal(size=(2, 15, 14, 3)).astype(np.float32)
    unknown = tf.TensorSpec((None, None, None, 3))
    runs = [both, tf.function(both, input_signature=[unknown, unknown]), tf.function(both, jit_compile=True)]
    found = [run(tf.constant(IMAGES), tf.constant(other)) for run in runs]
    for product, gradient in found:
        assert float(product) == pytest.approx(float(np.sum(IMAGES * np.asarray(gradient))), rel=1e-4, abs=1e-3)
        np.testing.assert_allclose(gradient, found[0][1], atol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64", "uint8"])
def test_types(dtype):
    images = tf.cast(IMAGES * 50 + 128, dtype)
    found = upsample(images, 2, "bicubic")
    assert found.dtype == (tf.float32 if dtype == "uint8" else images.dtype)
    exact = upsample(tf.cast(images, tf.float64), 2, "bicubic")
    rounding = {"float16": 2.0**-11, "bfloat16": 2.0**-8}.get(dtype, 1e-6)
    np.testing.assert_allclose(tf.cast(found, tf.float64), exact, rtol=rounding * 1.01, atol=1e-3)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match=r"shape \(5, 7, 3\); \(batch, height, width, channels\)"):
        upsample(IMAGES[0], 2)
    with pytest.raises(ValueError, match=r"\(2, 0, 7, 3\) have no pixels"):
        insert_zeros(IMAGES[:, :0], 2)
    with pytest.raises(ValueError, match="NaN"):
        upsample(np.full((1, 2, 2, 1), np.nan), 2)
    for images in (np.ones((1, 2, 2, 1), bool), np.ones((1, 2, 2, 1), complex)):
        with pytest.raises(TypeError, match="floating numbers"):
            insert_zeros(images, 2)
    with pytest.raises(ValueError, match="factor is 0"):
        insert_zeros(IMAGES, 0)
    with pytest.raises(TypeError, match="factor is True"):
        upsample(IMAGES, True)
    with pytest.raises(ValueError, match="border is 'reflect'"):
        upsample(IMAGES, 2, border="reflect")
    with pytest.raises(ValueError, match="method is 'lanczos'"):
        upsample(IMAGES, 2, "lanczos")
    with pytest.raises(ValueError, match="alignment is 'centre'"):
        upsample(IMAGES, 2, alignment="centre")


@pytest.mark.parametrize("images", [None, [[1.0], [1.0, 2.0]]])
def test_what_is_no_tensor(images):
    for call in (upsample, insert_zeros):
        with pytest.raises(TypeError, match="images is a .* of which no tensor can be made"):
            call(images, 2)


def test_unknown_rank_is_refused_in_words():
    with pytest.raises(ValueError, match="images have shape <unknown>"):
        tf.function(lambda images: upsample(images, 2), input_signature=[tf.TensorSpec(None)])(IMAGES)
