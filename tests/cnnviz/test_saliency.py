import functools
import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf

from cnnviz import saliency
from cnnviz.layers import layer_paths
from cnnviz.models import Classifier
from tests.cnnviz.model_kinds import CLASSES, KINDS, SIDE, functional, shake, subclassed

IMAGES = np.random.default_rng(0).normal(size=(3, SIDE, SIDE, 3)).astype(np.float32)
FEW = {
    "gradient": {},
    "gradient_times_input": {},
    "guided_backpropagation": {},
    "deconvnet": {},
    "smooth_grad": {"samples": 3},
    "var_grad": {"samples": 3},
    "integrated_gradients": {"steps": 3},
    "occlusion": {"patch": 5, "stride": 4},
    "rise": {"masks": 6, "cells": 3},
}


@functools.cache  # the methods share what is compiled
def built(kind):
    return shake(KINDS[kind]())


@functools.cache
def twins(kind):
    """The flat model, and another kind with the same weights."""
    flat, other = shake(functional()), KINDS[kind]()
    for weight, source in zip(other.weights, flat.weights, strict=True):
        weight.assign(source)
    return flat, other


@functools.cache
def with_softmax_and_without():
    model = built("softmax")
    return model, keras.Model(model.inputs, model.get_layer("logits").output)


@functools.cache
def sure():
    """Far into the flat part of its sigmoid."""
    model = shake(KINDS["binary_sigmoid"]())
    model.get_layer("p").bias.assign([40.0])
    return model


def explain(method, model, images, target=None, **options):
    found = getattr(saliency, method)(model, images, target, **{**FEW[method], **options})
    return found.attributions if method == "integrated_gradients" else found


def functions(function, channels=1, side=2):
    """A model of which every output is a function of the pixels; classes are the last axis."""

    class Functions(keras.layers.Layer):
        def call(self, images):
            return function(keras.ops.reshape(images, (-1, side * side * channels)))

    inputs = keras.Input((side, side, channels))
    return keras.Model(inputs, Functions()(inputs))


def linear(weights, bias=0.0):
    """Scores w . I + b of one class for each w: ``weights`` (classes, height, width, channels)."""
    classes, side, _, channels = weights.shape
    flat = weights.reshape(classes, -1).T.astype(np.float32)
    return functions(lambda pixels: keras.ops.matmul(pixels, flat) + bias, channels, side)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", FEW)
def test_a_batch_equals_its_images_one_by_one_whatever_runs_at_once(method, kind):
    model = built(kind)
    together = explain(method, model, IMAGES, [0, None, 1])
    assert together.dtype == np.float32
    assert together.shape == (IMAGES.shape[:3] if method in ("occlusion", "rise") else IMAGES.shape)
    assert np.abs(together).max() > 1e-6
    options = {"batch_size": 2} if method in ("smooth_grad", "var_grad", "occlusion", "rise") else {}
    tolerance = 0.1 if "bfloat16" in kind else 1e-4
    for index, target in enumerate([0, None, 1]):
        alone = explain(method, model, IMAGES[index], target, **options)
        np.testing.assert_allclose(alone, together[index], atol=tolerance * np.abs(together).max())


@pytest.mark.parametrize("method", FEW)
def test_nested_equals_flat(method):
    one, other = (explain(method, model, IMAGES, 2) for model in twins("nested"))
    np.testing.assert_allclose(one, other, atol=1e-4 * np.abs(one).max())


@pytest.mark.parametrize("method", FEW)
def test_half_precision_is_close(method):
    one, other = (explain(method, model, IMAGES, 2).ravel() for model in twins("mixed_bfloat16"))
    # The third decimal of a score is lost in bfloat16, and RISE looks at small differences of scores.
    assert np.corrcoef(one, other)[0, 1] > (0.9 if method == "rise" else 0.98)


@pytest.mark.parametrize("method", FEW)
def test_what_is_explained_lies_before_the_softmax(method):
    one, other = (explain(method, model, IMAGES, 2) for model in with_softmax_and_without())
    np.testing.assert_allclose(one, other, atol=1e-4 * np.abs(one).max())


@pytest.mark.parametrize("method", FEW)
def test_the_two_classes_of_a_sigmoid_are_opposites(method):
    yes, no = (explain(method, sure(), IMAGES, target) for target in (1, 0))
    assert np.abs(yes).max() > 1e-5
    if method in ("guided_backpropagation", "deconvnet"):  # they rectify, so they are no odd functions of the score
        assert np.abs(yes + no).max() > 1e-3 * np.abs(yes).max()
    else:
        np.testing.assert_allclose(yes, no if method == "var_grad" else -no, atol=1e-3 * np.abs(yes).max())


@pytest.mark.parametrize("method", FEW)
def test_a_function_as_target_explains_a_segmentation(method):
    inputs = keras.Input((SIDE, SIDE, 3))
    maps = keras.layers.Conv2D(5, 3, padding="same", activation="relu")(inputs)
    masks = keras.layers.Conv2D(CLASSES, 1, activation="softmax", name="masks")(maps)
    model = shake(keras.Model(inputs, masks))
    region = np.zeros((SIDE, SIDE), np.float32)
    region[2:5, 6:9] = 1

    def of_region(masks):
        return tf.reduce_sum(masks[..., 1] * region, axis=(1, 2))

    found = explain(method, model, IMAGES, of_region, **({"patch": 1, "stride": 1} if method == "occlusion" else {}))
    if method == "rise":  # its masks are smooth, and so is its map
        return
    assert np.abs(found[:, 1:6, 5:10]).max() > 0
    found[:, 1:6, 5:10] = 0  # the region, and the pixel around it that a 3x3 convolution sees
    assert np.abs(found).max() < 1e-6


def test_gradient_equals_finite_differences_in_float64():
    before = keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    try:
        model = shake(functional())
    finally:
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy(before)
    image, step = IMAGES[:1].astype(np.float64), 1e-6
    slope = saliency.gradient(model, image, 1)
    assert slope.dtype == np.float64
    for place in [(0, 3, 4, 1), (0, 15, 0, 2), (0, 8, 8, 0)]:
        nudge = np.zeros_like(image)
        nudge[place] = step
        ahead, behind = (float(model(image + sign * nudge)[0, 1]) for sign in (1, -1))
        np.testing.assert_allclose((ahead - behind) / (2 * step), slope[place], rtol=1e-5, atol=1e-9)


def test_gradient_of_a_linear_model_is_its_weights():
    weights = np.random.default_rng(1).normal(size=(2, 2, 2, 3))
    model = linear(weights, bias=5.0)
    images = IMAGES[:, :2, :2]
    found = saliency.gradient(model, images, [1, 0, 1])
    np.testing.assert_allclose(found, weights[[1, 0, 1]], rtol=1e-6)
    np.testing.assert_allclose(
        saliency.gradient_times_input(model, images, [1, 0, 1]), weights[[1, 0, 1]] * images, rtol=1e-5
    )


@pytest.mark.parametrize("kind", KINDS)
def test_smooth_grad_without_noise_is_the_gradient(kind):
    model = built(kind)
    found = saliency.smooth_grad(model, IMAGES, 1, samples=3, noise=0)
    slope = saliency.gradient(model, IMAGES, 1)
    np.testing.assert_allclose(found, slope, atol=(0.05 if "bfloat16" in kind else 1e-5) * np.abs(slope).max())


def test_smooth_grad_averages_signs_and_all():
    # |x| at 0: half of the gradients are 1, half are -1.
    model = functions(lambda pixels: keras.ops.abs(pixels[:, :1]) + 0 * pixels[:, 1:2])
    image = np.array([[[0.0], [10.0]], [[-10.0], [0.0]]], np.float32)
    found = saliency.smooth_grad(model, image, lambda outputs: outputs[:, 0], samples=400)
    assert abs(found[0, 0, 0]) < 0.15
    variance = saliency.var_grad(model, image, lambda outputs: outputs[:, 0], samples=400)
    np.testing.assert_allclose(variance[0, 0, 0], 1 - found[0, 0, 0] ** 2, rtol=1e-4)


def test_noise_is_a_share_of_each_images_range():
    # Of x1^3 the gradient's mean is 3 (x1^2 + sigma^2), of x2 it is 1; the image's range is 4.
    model = functions(lambda pixels: pixels[:, :1] ** 3 + pixels[:, 1:2])
    image = np.array([[[0.0], [-1.0]], [[3.0], [1.0]]], np.float32)
    whole = functions(lambda pixels: pixels[:, :1] ** 3)
    found = saliency.smooth_grad(whole, image, lambda outputs: outputs[:, 0], samples=4000, noise=0.1, batch_size=500)
    np.testing.assert_allclose(found[0, 0, 0], 3 * 0.4**2, rtol=0.1)
    double = saliency.smooth_grad(
        model, 2 * image, lambda outputs: outputs[:, 0], samples=4000, noise=0.1, batch_size=500
    )
    np.testing.assert_allclose(double[0, 0, 0], 3 * 0.8**2, rtol=0.1)
    assert double[0, 1, 0] == 1


def test_moments_are_those_of_numpy():
    model = shake(functional())
    seen = [saliency.smooth_grad(model, IMAGES, 1, samples=count) * count for count in range(1, 6)]
    slopes = np.diff(np.stack([np.zeros_like(seen[0]), *seen]), axis=0)  # sample by sample
    assert np.abs(slopes[0] - slopes[1]).max() > 1e-4
    mean = saliency.smooth_grad(model, IMAGES, 1, samples=5)
    variance = saliency.var_grad(model, IMAGES, 1, samples=5)
    np.testing.assert_allclose(mean, slopes.mean(axis=0), atol=1e-5 * np.abs(mean).max())
    np.testing.assert_allclose(variance, slopes.var(axis=0), atol=1e-3 * variance.max())


def test_var_grad_of_a_linear_model_is_zero():
    model = linear(np.random.default_rng(1).normal(size=(2, 2, 2, 3)))
    assert not saliency.var_grad(model, IMAGES[:, :2, :2], 1, samples=5).any()


def test_seeds():
    model = shake(functional())
    first, again, other = (saliency.smooth_grad(model, IMAGES, 1, samples=2, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-5
    generator = np.random.default_rng(3)
    np.testing.assert_array_equal(saliency.smooth_grad(model, IMAGES, 1, samples=2, seed=generator), first)


@pytest.mark.parametrize("method", ["smooth_grad", "var_grad", "integrated_gradients", "occlusion", "rise"])
def test_the_predicted_class_is_that_of_the_clean_image(method):
    # Class 0 wins by a hair at the image, class 1 nearly everywhere else.
    image = np.ones((2, 2, 1), np.float32) * np.array([1, 2], np.float32)[:, None, None]

    def two(pixels):
        far = keras.ops.sum((pixels - image.ravel()) ** 2, axis=1, keepdims=True)
        first = pixels @ np.array([[1.0], [2.0], [3.0], [4.0]], np.float32)
        return keras.ops.concatenate([first, first * 0 + first.dtype.as_numpy_dtype(16.99) + 100 * far], axis=1)

    model = functions(two)
    assert int(np.argmax(model(image[None]))) == 0
    small = {"occlusion": {"patch": 1, "stride": 1, "fill": 0.0}, "rise": {"cells": 2}}.get(method, {})
    one, other = (explain(method, model, image, target, **small) for target in (None, 0))
    np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    assert np.abs(one - explain(method, model, image, 1, **small)).max() > 0.1


@pytest.mark.parametrize("method", ["guided_backpropagation", "deconvnet"])
def test_guided_differs_from_the_gradient_wherever_a_relu_blocks(method):
    # relu(x1 - x2) - relu(x2 + x3): a signal of weight -1 comes down to the second ReLU.
    model = functions(
        lambda pixels: keras.ops.relu(pixels[:, 0:1] - pixels[:, 1:2]) - keras.ops.relu(pixels[:, 1:2] + pixels[:, 2:3])
    )
    image = np.array([[[1.0], [2.0]], [[3.0], [0.0]]], np.float32)
    found = getattr(saliency, method)(model, image, lambda outputs: outputs[:, 0])
    np.testing.assert_array_equal(
        saliency.gradient(model, image, lambda outputs: outputs[:, 0]).ravel(), [0, -1, -1, 0]
    )
    # The first ReLU was closed (1 - 2 < 0): the deconvnet does not look there. The second gets -1: neither lets it by.
    expected = [0, 0, 0, 0] if method == "guided_backpropagation" else [1, -1, 0, 0]
    np.testing.assert_array_equal(found.ravel(), expected)


@pytest.mark.parametrize("method", FEW)
def test_interrupted_the_model_is_as_before(method):
    model = shake(subclassed())
    weights = [weight.numpy() for weight in model.weights]

    def interrupted(outputs):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        explain(method, model, IMAGES, interrupted)
    explain(method, model, IMAGES, 0)
    assert not any("call" in vars(layer) for layer in layer_paths(model).values())
    for weight, old in zip(model.weights, weights, strict=True):
        np.testing.assert_array_equal(weight, old)


@pytest.mark.parametrize("method", FEW)
def test_a_function_that_is_dropped_is_not_kept(method):
    model, options = functional(), {"occlusion": {"patch": SIDE, "stride": SIDE}, "rise": {"masks": 2}}.get(method, {})
    dropped = []
    for index in range(3):

        def target(outputs, index=index):
            return outputs[:, index]

        explain(method, model, IMAGES[:1], target, **options)
        dropped.append(weakref.ref(target))
    del target
    gc.collect()
    assert not any(reference() for reference in dropped)


def test_two_hundred_functions_do_not_leak():
    inputs = keras.Input((4, 4, 1))
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs))
    image = np.ones((4, 4, 1), np.float32)

    def graphs():
        gc.collect()
        return sum(isinstance(thing, tf.Graph) for thing in gc.get_objects())

    saliency.gradient(model, image, lambda outputs: outputs[:, 0])
    before = graphs()
    for factor in range(200):
        found = saliency.gradient(model, image, lambda outputs, factor=factor: factor * outputs[:, 0])
        np.testing.assert_allclose(found, factor / 16)
    assert graphs() <= before


@pytest.mark.parametrize("method", FEW)
def test_many_calls_do_not_compile_anew(method):
    model = functional()
    calls = []
    layer = model.get_layer("conv2")
    original = layer.call

    def counted(inputs):
        calls.append(1)
        return original(inputs)

    layer.call = counted  # called only while TensorFlow traces
    options = {"occlusion": {"patch": SIDE, "stride": SIDE}, "rise": {"masks": 2}}.get(method, {})
    explain(method, model, IMAGES[:1], **options)
    traced = len(calls)
    for index in range(200 if method in ("gradient", "smooth_grad") else 12):
        explain(method, model, IMAGES[:1], index % 4, **options)
    assert len(calls) == traced


def test_a_classifier_knows_its_classes_by_name():
    model = shake(functional())
    net = Classifier(model, ("a", "b", "c", "d"), SIDE, lambda images: images)
    np.testing.assert_array_equal(saliency.gradient(net, IMAGES, "c"), saliency.gradient(model, IMAGES, 2))
    with pytest.raises(ValueError, match="'e'"):
        saliency.smooth_grad(net, IMAGES, "e")


@pytest.mark.parametrize(
    ("method", "options", "error", "words"),
    [
        ("smooth_grad", {"samples": 0}, ValueError, "samples is 0; at least 1"),
        ("smooth_grad", {"samples": 2.5}, TypeError, "samples is 2.5; a whole number"),
        ("smooth_grad", {"noise": -0.1}, ValueError, "noise is -0.1"),
        ("smooth_grad", {"batch_size": 0}, ValueError, "batch_size is 0"),
        ("smooth_grad", {"target": 9}, ValueError, "target is 9"),
        ("smooth_grad", {"target": [0, 1]}, ValueError, "2 classes for 3 images"),
        ("var_grad", {"samples": 1}, ValueError, "at least 2"),
        ("gradient", {"images": np.full_like(IMAGES, np.nan)}, ValueError, "NaN"),
        ("gradient", {"images": IMAGES[0, 0]}, ValueError, "shape"),
        ("smooth_grad", {"images": IMAGES[..., :2]}, ValueError, "shape"),
    ],
)
def test_refusals(method, options, error, words):
    with pytest.raises(error, match=words):
        getattr(saliency, method)(**{"model": functional(), "images": IMAGES, **options})
