"""Pictures as pixels and as waves."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.ndimage import gaussian_filter

from cnnviz.ascent.parametrisation import (
    COLOUR,
    amplitudes,
    blurred,
    change_of_parameters,
    changes,
    first_parameters,
    render,
)
from cnnviz.ascent.parametrisation import write_down as write

SHAPES = [(16, 16, 3), (15, 17, 3), (12, 20, 1)]


def pictures(shape, count=2):
    return np.random.default_rng(0).uniform(0.05, 0.95, (count, *shape)).astype(np.float32)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", ["pixel", "fourier"])
def test_what_is_written_down_is_rendered_again(kind, shape):
    wanted = pictures(shape)
    parameters = write(kind, wanted)
    assert parameters.dtype == np.float32
    np.testing.assert_allclose(render(kind, tf.constant(parameters), shape[1]), wanted, atol=1e-4)


def test_one_wave_is_a_cosine():
    parameters = np.zeros((1, 3, 16, 9, 2), np.float32)
    parameters[0, 0, 2, 0, 0] = parameters[0, 0, -2, 0, 0] = 1  # light only, two waves from top to bottom
    found = changes("fourier", tf.constant(parameters), 16).numpy()[0]
    wave = 2 * np.cos(2 * np.pi * 2 * np.arange(16) / 16) * amplitudes(16, 16)[0, 2, 0] / 256
    np.testing.assert_allclose(found, wave[:, None, None] * COLOUR[:, 0] * np.ones((16, 16, 3)), atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_spectrum_of_variance_one_gives_pictures_of_variance_one(shape):
    height, width, channels = shape
    drawn = np.random.default_rng(1).normal(size=(2000, channels, height, width // 2 + 1, 2)).astype(np.float32)
    found = changes("fourier", tf.constant(drawn), width).numpy()
    assert np.mean(found**2) == pytest.approx(1, abs=0.03)
    assert found.dtype == np.float32
    # Amplitudes fall as 1 / frequency.
    falling = amplitudes(height, width, channels)[0]
    assert falling[0, 2] / falling[0, 4] == pytest.approx(2)
    assert falling[2, 0] / falling[4, 0] == pytest.approx(2)


def test_colours_go_together_as_in_photographs():
    drawn = np.random.default_rng(1).normal(size=(500, 3, 8, 5, 2)).astype(np.float32)
    found = changes("fourier", tf.constant(drawn), 8).numpy().reshape(-1, 3)
    correlation = np.corrcoef(found.T)
    assert (correlation[~np.eye(3, dtype=bool)] > 0.7).all()
    np.testing.assert_allclose(np.cov(found.T), COLOUR @ COLOUR.T, atol=0.06)


@pytest.mark.parametrize("kind", ["pixel", "fourier"])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_change_of_pixels_as_a_change_of_parameters(kind, shape):
    change = np.random.default_rng(2).normal(size=(2, *shape)).astype(np.float32)
    parameters = change_of_parameters(kind, tf.constant(change))
    np.testing.assert_allclose(changes(kind, parameters, shape[1]), change, atol=1e-3)


@pytest.mark.parametrize("sigma", [0.5, 1.3])
def test_blur_is_a_gaussian(sigma):
    picture = pictures((24, 23, 3), 1)
    found = blurred("pixel", tf.constant(picture), tf.constant(sigma), 23, int(np.ceil(3 * sigma))).numpy()[0]
    radius = int(np.ceil(3 * sigma))
    wanted = gaussian_filter(picture[0], (sigma, sigma, 0), mode="reflect", truncate=radius / sigma)
    np.testing.assert_allclose(found, wanted, atol=2e-3 if sigma < 1 else 1e-4)
    parameters = tf.constant(write("fourier", picture))
    found = changes("fourier", blurred("fourier", parameters, tf.constant(sigma), 23, 1), 23).numpy()[0]
    before = changes("fourier", parameters, 23).numpy()[0]
    wanted = gaussian_filter(before, (max(sigma, 1e-3), sigma, 0), mode="wrap", truncate=6)
    if sigma > 1:  # a narrow Gaussian is not the same on a grid and in waves
        np.testing.assert_allclose(found, wanted, atol=2e-3)
    np.testing.assert_allclose(found.mean(axis=(0, 1)), before.mean(axis=(0, 1)), atol=1e-4)


@pytest.mark.parametrize("kind", ["pixel", "fourier"])
def test_noise_depends_on_seed_and_key_only(kind):
    def start(seed, keys):
        return first_parameters(kind, "noise", (8, 8, 3), seed, keys)

    many = start(3, [0, 7, 2])
    np.testing.assert_array_equal(many[1:2], start(3, [7]))
    assert np.abs(many[0] - many[1]).max() > 0.01
    assert np.abs(start(4, [7]) - start(3, [7])).max() > 0.01
    found = render(kind, tf.constant(start(0, range(200))), 8).numpy()
    assert found.mean() == pytest.approx(0.5, abs=0.01)
    assert found.std() == pytest.approx(0.05, rel=0.1)


@pytest.mark.parametrize("kind", ["pixel", "fourier"])
def test_starts_from_zeros_and_from_a_picture(kind):
    zeros = render(kind, tf.constant(first_parameters(kind, "zeros", (8, 6, 3), 0, [0, 1])), 6)
    np.testing.assert_allclose(zeros, np.full((2, 8, 6, 3), 0.5), atol=1e-6)
    picture = (255 * pictures((8, 6, 3), 1)[0]).astype(np.uint8)
    for start in (picture, picture / 255, np.stack([picture] * 2)):
        found = render(kind, tf.constant(first_parameters(kind, start, (8, 6, 3), 0, [0, 1])), 6).numpy()
        np.testing.assert_allclose(found, np.stack([picture / 255] * 2), atol=1e-4)
    grey = first_parameters(kind, picture, (8, 6, 1), 0, [0])
    np.testing.assert_allclose(render(kind, tf.constant(grey), 6)[0, ..., 0], (picture / 255).mean(axis=-1), atol=1e-4)


def test_hostile_starts():
    shape = (8, 8, 3)
    for start, problem in (
        ("sand", "'noise', 'zeros' or a picture"),
        (np.full(shape, np.nan), "not in 0..1"),
        (np.full(shape, 200.0), "not in 0..1"),
        (np.zeros((8, 9, 3), np.uint8), "is wanted"),
        (np.zeros((3, *shape), np.uint8), "is wanted"),
        (np.zeros((8, 8), np.uint8), "is wanted"),
    ):
        with pytest.raises(ValueError, match=problem):
            first_parameters("fourier", start, shape, 0, [0])
    for start in (np.zeros(shape, np.int32), None, [[1.0]]):
        with pytest.raises(TypeError, match="start is"):
            first_parameters("fourier", start, shape, 0, [0])
    with pytest.raises(ValueError, match="parametrisation is 'wavelet'"):
        first_parameters("wavelet", "noise", shape, 0, [0])
