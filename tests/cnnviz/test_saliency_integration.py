import numpy as np
import pytest
import tensorflow as tf

from cnnviz.models import Classifier
from cnnviz.saliency.integration import integrated_gradients, quadrature_points
from tests.cnnviz.model_kinds import KINDS, SIDE, functional, shake
from tests.cnnviz.test_saliency import functions, linear

IMAGES = np.random.default_rng(0).normal(size=(3, SIDE, SIDE, 3)).astype(np.float32)


@pytest.mark.parametrize("quadrature", ["midpoint", "trapezoid", "gauss-legendre"])
def test_points_integrate_polynomials(quadrature):
    degree = 7 if quadrature == "gauss-legendre" else 1
    points, weights = quadrature_points(4, quadrature)
    for power in range(degree + 1):
        np.testing.assert_allclose(weights @ points**power, 1 / (power + 1), rtol=1e-12)
    assert abs(weights @ points ** (degree + 1) - 1 / (degree + 2)) > 1e-6


@pytest.mark.parametrize("quadrature", ["midpoint", "trapezoid", "gauss-legendre"])
def test_of_a_linear_model_they_are_exact_and_keep_the_channels(quadrature):
    weights = np.random.default_rng(1).normal(size=(2, 4, 4, 3))
    images = IMAGES[:, :4, :4]
    baseline = np.random.default_rng(2).normal(size=(4, 4, 3))
    found = integrated_gradients(
        linear(weights, bias=3.0), images, [1, 0, 1], baseline=baseline, steps=2, quadrature=quadrature
    )
    np.testing.assert_allclose(found.attributions, weights[[1, 0, 1]] * (images - baseline), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.completeness_error, 0, atol=1e-5)
    expected = (weights[[1, 0, 1]] * (images - baseline)).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(found.difference, expected, rtol=1e-5)


def test_a_cubic_by_hand():
    # f = x1^2 x2 from 0 to (2, 3): the integral of 2 x1 x2 a^2 is 2 * 6 / 3 = 4, times 2; that of x1^2 a^2 is 4 / 3,
    # times 3.
    model = functions(lambda pixels: pixels[:, :1] ** 2 * pixels[:, 1:2])
    image = np.array([[[2.0], [3.0]], [[7.0], [7.0]]], np.float32)
    found = integrated_gradients(model, image, lambda outputs: outputs[:, 0], quadrature="gauss-legendre", steps=2)
    np.testing.assert_allclose(found.attributions.ravel(), [8, 4, 0, 0], rtol=1e-6)
    assert found.difference == pytest.approx(12)
    assert found.attributions.shape == (2, 2, 1) and np.ndim(found.completeness_error) == 0


@pytest.mark.parametrize("quadrature", ["midpoint", "trapezoid"])
def test_the_error_of_a_smooth_function_falls_with_the_square_of_the_steps(quadrature):
    model = functions(lambda pixels: pixels[:, :1] ** 3)
    image = np.array([[[2.0], [3.0]], [[7.0], [7.0]]], np.float32)
    errors = []
    for steps in (5, 10, 20):
        number = steps + (quadrature == "trapezoid")
        found = integrated_gradients(model, image, lambda outputs: outputs[:, 0], steps=number, quadrature=quadrature)
        # The rules' errors for 3 a^2 on 0..1, times 2^3: -1 / 4 n^2 and 1 / 2 n^2.
        expected = 8 * (-0.25 if quadrature == "midpoint" else 0.5) / steps**2
        np.testing.assert_allclose(found.completeness_error, expected, rtol=1e-3)
        np.testing.assert_allclose(found.relative_error, abs(expected) / 8, rtol=1e-3)
        errors.append(found.completeness_error)
    assert abs(errors[0]) > 10 * abs(errors[2])


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "bfloat16" not in kind])
@pytest.mark.parametrize("quadrature", ["midpoint", "trapezoid", "gauss-legendre"])
def test_completeness_falls_at_least_as_one_over_the_steps(kind, quadrature):
    model = shake(KINDS[kind]())
    errors = [
        np.abs(
            integrated_gradients(model, IMAGES, 1, baseline=-1.0, steps=steps, quadrature=quadrature).completeness_error
        )
        for steps in (4, 64)
    ]
    # The bound of a path with kinks: each costs at most its jump times a step's length.
    assert errors[0].mean() > 1e-4
    assert errors[1].mean() < errors[0].mean() * 4 / 64 * 3


def test_they_do_not_depend_on_how_many_points_run_at_once():
    model = shake(functional())
    one, other = (integrated_gradients(model, IMAGES, steps=7, batch_size=size) for size in (1, 50))
    np.testing.assert_allclose(one.attributions, other.attributions, atol=1e-5 * np.abs(one.attributions).max())
    np.testing.assert_allclose(one.completeness_error, other.completeness_error, atol=1e-5)


def test_nothing_is_explained_without_a_way():
    model = shake(functional())
    found = integrated_gradients(model, IMAGES, 1, baseline=IMAGES, steps=3)
    assert not found.attributions.any() and not found.relative_error.any()


def test_relative_error_without_a_difference_is_not_nan():
    # sin has a slope at the start, but the ends are level.
    model = functions(lambda pixels: tf.sin(pixels[:, :1]))
    image = np.full((2, 2, 1), 2 * np.pi, np.float32)
    found = integrated_gradients(
        model, image * [[[0], [1]], [[1], [1]]], lambda outputs: outputs[:, 0], baseline=image * 0, steps=3
    )
    assert found.relative_error == 0
    uneven = integrated_gradients(model, image, lambda outputs: outputs[:, 0] * 1e-30, steps=2, quadrature="trapezoid")
    assert not np.isnan(uneven.relative_error)


def test_black_is_what_the_classifier_makes_of_black():
    weights = np.random.default_rng(1).normal(size=(2, 4, 4, 3))
    net = Classifier(linear(weights), ("a", "b"), 4, lambda images: images / 127.5 - 1)
    found = integrated_gradients(net, IMAGES[:, :4, :4], "b", steps=2)
    np.testing.assert_allclose(found.attributions, weights[1] * (IMAGES[:, :4, :4] + 1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"steps": 0}, ValueError, "steps is 0; at least 1"),
        ({"steps": 1, "quadrature": "trapezoid"}, ValueError, "steps is 1; at least 2"),
        ({"steps": "many"}, TypeError, "whole number"),
        ({"quadrature": "simpson"}, ValueError, "'simpson'; 'midpoint', 'trapezoid' or 'gauss-legendre'"),
        ({"baseline": "white"}, ValueError, "'white'; 'black', 'mean', 'blurred'"),
    ],
)
def test_refusals(options, error, words):
    with pytest.raises(error, match=words):
        integrated_gradients(functional(), IMAGES, **options)
