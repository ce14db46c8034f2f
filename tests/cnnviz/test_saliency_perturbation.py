import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.ndimage import correlate1d

from cnnviz.saliency.perturbation import occlusion, random_masks, rise
from tests.cnnviz.model_kinds import SIDE, functional
from tests.cnnviz.test_saliency import functions, linear

IMAGES = np.random.default_rng(0).normal(size=(3, SIDE, SIDE, 3)).astype(np.float32)


@pytest.mark.parametrize("fill", ["mean", "black", 2.0, np.array([1.0, -1.0, 0.5])])
@pytest.mark.parametrize(("patch", "stride"), [(3, 3), (3, 2), (4, 1), ((2, 5), (1, 3)), (7, 7), (1, 1)])
def test_occlusion_of_a_linear_model_by_hand(patch, stride, fill):
    side, weights = 7, np.random.default_rng(1).normal(size=(2, 7, 7, 3))
    images = IMAGES[:, :side, :side]
    found = occlusion(linear(weights, bias=4.0), images, [1, 0, 1], patch=patch, stride=stride, fill=fill, batch_size=5)
    cover = images.mean(axis=(1, 2), keepdims=True) if isinstance(fill, str) else fill
    cover = 0 if isinstance(fill, str) and fill == "black" else cover
    loss = (weights[[1, 0, 1]] * (images - cover)).sum(axis=-1)
    rows, columns = np.broadcast_to(patch, 2)
    down, right = np.broadcast_to(stride, 2)
    expected, times = np.zeros((3, side, side)), np.zeros((side, side))
    tops = list(range(0, side - rows + 1, down))
    lefts = list(range(0, side - columns + 1, right))
    for top in sorted({*tops, side - rows}):
        for left in sorted({*lefts, side - columns}):
            window = np.s_[..., top : top + rows, left : left + columns]
            expected[window] += loss[window].sum(axis=(1, 2))[:, None, None]
            times[window] += 1
    assert times.min() >= 1
    np.testing.assert_allclose(found, expected / times, rtol=1e-3, atol=1e-4)


def test_occlusion_by_single_pixels_is_the_score_without_them():
    model = functions(lambda pixels: pixels[:, :1] * pixels[:, 1:2] + pixels[:, 2:3] ** 2)
    image = np.array([[[2.0], [3.0]], [[4.0], [5.0]]], np.float32)
    found = occlusion(model, image, lambda outputs: outputs[:, 0], patch=1, stride=1, fill=0)
    np.testing.assert_allclose(found, [[6, 6], [16, 0]])


def test_occlusion_takes_odd_and_oblong_images():
    inputs = keras.Input((None, None, 1))
    model = keras.Model(inputs, keras.layers.GlobalMaxPooling2D()(inputs))
    image = np.zeros((23, 17, 1), np.float32)
    image[22, 16] = 1
    found = occlusion(model, image, lambda outputs: outputs[:, 0], patch=5, stride=3, fill=0)
    assert found.shape == (23, 17)
    assert found[22, 16] == 1 and not found[:18].any() and not found[:, :12].any()


def test_rise_equals_its_equation():
    model = linear(np.random.default_rng(1).normal(size=(2, 8, 8, 3)), bias=7.0)
    image = IMAGES[0, :8, :8]
    found = rise(model, image, 1, masks=30, cells=3, visible=0.4, seed=5, batch_size=4)
    masks = random_masks((8, 8), 30, 3, 0.4, 5)(np.arange(30))
    scores = np.array([model(image[None] * mask[None, ..., None])[0, 1] for mask in masks.astype(np.float32)])
    expected = (scores[:, None, None] * masks).sum(axis=0) / masks.sum(axis=0) - scores.mean()
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_rise_shows_the_weights_of_a_linear_model():
    weights = np.zeros((1, 24, 24, 1))
    weights[0, 4:10, 4:10], weights[0, 14:20, 12:18] = 1, -1
    model = linear(weights, bias=100.0)
    image = np.ones((24, 24, 1), np.float32)
    found = rise(model, image, lambda outputs: outputs[:, 0], masks=4000, cells=6, batch_size=500)
    # What is next to a visible pixel is visible, too: the weights appear through the covariance of a mask's pixels. A
    # mask is a grid of coins seen through a hat of four pixels to either side, so that is the hat's autocorrelation.
    hat = np.maximum(0, 1 - np.abs(np.arange(-3, 4)) / 4)
    spline = np.convolve(hat, hat) / 4
    blurred = correlate1d(correlate1d(weights[0, ..., 0], spline, 0, mode="constant"), spline, 1, mode="constant")
    # Cov(y, M) / E[M] with Var(coin) = 1 / 4 and E[M] = 1 / 2
    np.testing.assert_allclose(found, blurred / 2, atol=0.12 * np.abs(blurred).max() / 2)
    assert np.corrcoef(found.ravel(), blurred.ravel())[0, 1] > 0.98


def test_rise_is_zero_where_the_score_does_not_look():
    model = functions(lambda pixels: pixels[:, :1] * 0 + 3.0, side=8)
    found = rise(model, np.ones((8, 8, 1), np.float32), lambda outputs: outputs[:, 0], masks=50)
    np.testing.assert_allclose(found, 0, atol=1e-6)


@pytest.mark.parametrize("sides", [(24, 24), (25, 13), (8, 31)])
def test_masks_are_shares_with_the_right_mean_everywhere(sides):
    masks = random_masks(sides, 4000, 4, 0.3, 0)(np.arange(4000))
    assert masks.shape == (4000, *sides) and masks.min() >= 0 and masks.max() <= 1
    np.testing.assert_allclose(masks.mean(axis=0), 0.3, atol=0.04)
    # Bilinear: a pixel is never far from its neighbour, and borders are like the middle.
    assert np.abs(np.diff(masks, axis=1)).max() <= 4 / min(sides) + 1e-9
    np.testing.assert_allclose(masks[:, 0].std(), masks[:, sides[0] // 2].std(), rtol=0.1)


def test_masks_come_as_scikit_image_would_enlarge_them():
    from skimage.transform import resize

    draw = random_masks((40, 40), 1, 5, 0.5, 3)
    (mask,) = draw(np.array([0]))
    generator = np.random.default_rng(3)
    grid = (generator.random((1, 7, 7)) < 0.5)[0]
    shift = generator.random(2)
    # Eight pixels to a knot: take the fine picture of the whole grid and cut it at the shift, to the nearest pixel.
    fine = resize(grid.astype(float), (7 * 800, 7 * 800), order=1, mode="edge")
    rows, columns = ((400 + np.floor(800 * ((np.arange(40) + 0.5) / 8 + one))).astype(int) for one in shift)
    np.testing.assert_allclose(mask, fine[np.ix_(rows, columns)], atol=0.01)


@pytest.mark.parametrize(
    ("method", "options", "error", "words"),
    [
        (occlusion, {"patch": 17}, ValueError, "patch is 17x17; the images have only 16x16"),
        (occlusion, {"patch": 4, "stride": 5}, ValueError, "never be hidden"),
        (occlusion, {"patch": 0}, ValueError, "patch is 0"),
        (occlusion, {"patch": (1, 2, 3)}, ValueError, "one number or"),
        (occlusion, {"fill": np.zeros(5)}, ValueError, "fill has shape"),
        (occlusion, {"fill": "noise"}, ValueError, "fill is 'noise'"),
        (occlusion, {"batch_size": True}, TypeError, "batch_size is True"),
        (rise, {"masks": 0}, ValueError, "masks is 0"),
        (rise, {"cells": 0}, ValueError, "cells is 0"),
        (rise, {"visible": 1}, ValueError, "visible is 1; a share between 0 and 1"),
    ],
)
def test_refusals(method, options, error, words):
    with pytest.raises(error, match=words):
        method(functional(), IMAGES, **options)


def test_a_function_sees_what_is_shown():
    seen = []

    def remember(outputs):
        seen.append(outputs.shape)
        return tf.reduce_sum(outputs, axis=-1)

    occlusion(functional(), IMAGES, remember, patch=8, stride=8, batch_size=5)
    assert {shape[-1] for shape in seen} == {4}
