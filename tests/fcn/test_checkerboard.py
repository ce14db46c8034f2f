import keras
import numpy as np
import pytest
import tensorflow as tf

from fcn.checkerboard import checkerboard_energy, gradient_of_sum, overlap, response_to_constant
from fcn.initializers import BilinearInitializer
from fcn.layers import BilinearUpsampling2D, SubPixelUpsampling2D


def positive(seed=0):
    return keras.initializers.RandomUniform(0.5, 1.5, seed=seed)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("stride", [1, 2, 3, 5])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5])
def test_overlap_is_the_transposed_convolution_of_ones(kernel, stride, padding):
    layer = keras.layers.Conv2DTranspose(1, kernel, stride, padding, use_bias=False, kernel_initializer="ones")
    np.testing.assert_array_equal(overlap(kernel, stride, 4, padding=padding), layer(np.ones((1, 4, 4, 1)))[0, :, :, 0])


@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (4, 2), (5, 2), (6, 3), (5, 3), (8, 4)])
def test_overlap_is_even_where_the_stride_divides_the_kernel(kernel, stride):
    inside = overlap(kernel, stride, 9)[kernel:-kernel, kernel:-kernel]
    assert (len(np.unique(inside)) == 1) == (kernel % stride == 0)
    if kernel % stride == 0:
        assert inside[0, 0] == (kernel // stride) ** 2


@pytest.mark.parametrize("stride", [2, 3, 4])
def test_energy_is_that_of_the_fourier_coefficients(stride):
    maps = np.random.default_rng(stride).normal(1, 1, (2, 6 * stride, 4 * stride, 3))
    spectrum = np.abs(np.fft.fft2(maps, axes=(1, 2))) ** 2
    harmonics = spectrum[:, ::6, ::4].sum() - spectrum[:, 0, 0].sum()
    assert checkerboard_energy(maps, stride) == pytest.approx(harmonics / spectrum.sum())
    assert checkerboard_energy(maps[0, :, :, 0], stride) == checkerboard_energy(maps[:1, :, :, :1], stride)
    assert checkerboard_energy(maps[0], stride) == checkerboard_energy(maps[:1], stride)


def test_energy_from_nothing_to_everything():
    rows, columns = np.indices((13, 11))
    board = (-1.0) ** (rows + columns)
    assert checkerboard_energy(board, 2) == pytest.approx(1, abs=1e-3)  # odd sides: one row more of the one kind
    assert checkerboard_energy(board[:12, :10], 2) == pytest.approx(1)
    assert checkerboard_energy(1 + board[:12, :10], 2) == pytest.approx(0.5)
    assert checkerboard_energy(np.full((13, 11), -3.7), 2) < 1e-25
    # Counts 1 and 2 by turns: mean of squares 2.5 ** 2, square of the mean 1.5 ** 4.
    assert checkerboard_energy(overlap(3, 2, 8)[1:-2, 1:-2], 2) == pytest.approx(1 - 1.5**4 / 2.5**2)


def test_which_upsampling_draws_checkerboards():
    convolution = {"use_bias": False, "padding": "same", "kernel_initializer": positive()}
    layers = {
        "kernel 3, stride 2": keras.layers.Conv2DTranspose(1, 3, 2, **convolution),
        "kernel 4, stride 2": keras.layers.Conv2DTranspose(1, 4, 2, **convolution),
        "ones, 4": keras.layers.Conv2DTranspose(1, 4, 2, "same", use_bias=False, kernel_initializer="ones"),
        "bilinear": keras.layers.Conv2DTranspose(1, 4, 2, "same", kernel_initializer=BilinearInitializer()),
        "sub-pixel": SubPixelUpsampling2D(2, 1, kernel_initializer=positive()),
        "ICNR": SubPixelUpsampling2D(2, 1, kernel_initializer=positive(), icnr=True),
        "resize": keras.Sequential([BilinearUpsampling2D(2), keras.layers.Conv2D(1, 3, **convolution)]),
        "nearest": keras.Sequential([keras.layers.UpSampling2D(2), keras.layers.Conv2D(1, 3, **convolution)]),
    }
    found = {name: checkerboard_energy(response_to_constant(layer), 2, border=4) for name, layer in layers.items()}
    for name in ("ones, 4", "bilinear", "ICNR", "resize", "nearest"):
        assert found[name] < 1e-12, name
    assert found["kernel 3, stride 2"] > 0.1
    # Even writing is not enough: the weights themselves differ. Much weaker, though.
    for name in ("kernel 4, stride 2", "sub-pixel"):
        assert 1e-5 < found[name] < found["kernel 3, stride 2"] / 3


def test_gradients_have_them_too():
    def convolution(kernel):
        return keras.layers.Conv2D(1, kernel, 2, "same", use_bias=False, kernel_initializer="ones")

    strided = gradient_of_sum(convolution(3))
    # The gradient of a convolution is the transposed convolution.
    np.testing.assert_array_equal(strided[0, 2:-2, 2:-2, 0], overlap(3, 2, 8, padding="same")[2:-2, 2:-2])
    assert checkerboard_energy(strided, 2, border=2) == pytest.approx(1 - 1.5**4 / 2.5**2)
    assert checkerboard_energy(gradient_of_sum(convolution(4)), 2, border=2) < 1e-12
    pooled = keras.Sequential([keras.layers.Conv2D(1, 3, padding="same"), keras.layers.AveragePooling2D(2)])
    assert checkerboard_energy(gradient_of_sum(pooled, channels=3), 2, border=2) < 1e-12


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="kernel is 0"):
        overlap(0, 2, 4)
    with pytest.raises(ValueError, match="padding is 'full'"):
        overlap(3, 2, 4, padding="full")
    with pytest.raises(ValueError, match="stride is 1; at least 2"):
        checkerboard_energy(np.ones((4, 4)), 1)
    with pytest.raises(ValueError, match=r"shape \(4,\)"):
        checkerboard_energy(np.ones(4), 2)
    for border in (2, 3, 9):
        with pytest.raises(ValueError, match=rf"\(4, 8\) have no block of 2x2 inside a border of {border}"):
            checkerboard_energy(np.ones((4, 8)), 2, border=border)
    with pytest.raises(ValueError, match="NaN"):
        checkerboard_energy(np.full((4, 4), np.nan), 2)
    with pytest.raises(ValueError, match="zero everywhere"):
        checkerboard_energy(np.zeros((4, 4)), 2)
    with pytest.raises(ValueError, match="does not depend"):
        gradient_of_sum(lambda images: tf.ones((1, 2)))
    with pytest.raises(TypeError, match=r"size is 2\.0"):
        response_to_constant(tf.identity, size=2.0)


@pytest.mark.parametrize("scale", [1e200, 1e-200, 5e-324])
def test_energy_does_not_change_with_the_scale(scale):
    maps = np.random.default_rng(0).integers(1, 5, (8, 6, 3)) * 1.0
    assert checkerboard_energy(maps * scale, 2) == pytest.approx(checkerboard_energy(maps, 2), rel=1e-12)


@pytest.mark.parametrize("maps", [np.ones((4, 4)) * 1j, [["a", "b"], ["c", "d"]]])
def test_maps_of_no_real_numbers(maps):
    with pytest.raises(TypeError, match="real numbers are wanted"):
        checkerboard_energy(maps, 2)
