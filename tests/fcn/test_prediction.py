"""`fcn.prediction`: every pixel of images of any size gets its class."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import data
from fcn.models.segnet_basic import segnet_basic
from fcn.prediction import predict, predict_each, predictor

RANDOM = np.random.default_rng(0)


def brightest(classes=3, size=(None, None)):
    """A network that knows: class 0, 1 or 2 where red, green or blue is the largest."""
    images = keras.Input((*size, 3))
    layer = keras.layers.Conv2D(classes, 1, use_bias=False, name="logits")
    network = keras.Model(images, layer(images), name="brightest")
    kernel = np.zeros((1, 1, 3, classes), np.float32)
    kernel[0, 0, range(3), range(3)] = 1
    layer.set_weights([kernel])
    return network


def picture(*sides):
    return RANDOM.integers(0, 256, (*sides, 3), dtype=np.uint8)


@pytest.mark.parametrize("sides", [(1, 1), (1, 7), (33, 20), (240, 319)])
@pytest.mark.parametrize(
    "function", [predict, lambda *args, **options: next(predict_each(args[0], [args[1]], **options))]
)
def test_at_its_own_size_every_pixel_is_what_it_is(sides, function):
    image = picture(*sides)
    found = function(brightest(), image)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, image.argmax(axis=-1))


@pytest.mark.parametrize("sides", [(1, 1), (20, 31), (97, 65)])
def test_logits_are_interpolated_not_classes(sides):
    """Against PyTorch; half-way between a strong class 0 and a weak class 2 lies no class 1."""
    torch = pytest.importorskip("torch")
    image, size = picture(*sides), (24, 40)
    logits = data.resize(image, size, "area").astype(np.float32)
    up = torch.nn.functional.interpolate(
        torch.tensor(logits).permute(2, 0, 1)[None], size=sides, mode="bilinear", align_corners=False
    )
    expected = up[0].numpy()
    found = predict(brightest(), image, size=size)
    best = np.take_along_axis(expected, found[None].astype(int), 0)[0]
    assert (expected.max(0) - best).max() < 1e-3  # the largest, up to ties
    assert found.shape == sides


def test_a_large_photograph_and_a_film_of_several_sizes():
    network, images = brightest(), [picture(*sides) for sides in ((8, 9), (30, 20), (8, 9), (2500, 3000))]
    for image, found in zip(images, predict_each(network, iter(images))):
        np.testing.assert_array_equal(found, image.argmax(axis=-1))
    for image, found in zip(images, predict_each(network, iter(images), size=16)):
        assert found.shape == image.shape[:2]


def test_sizes_do_not_make_a_graph_each():
    class Counted(keras.layers.Layer):
        calls = 0

        def call(self, x):
            Counted.calls += 1
            return x

    images = keras.Input((None, None, 3))
    network = keras.Model(images, Counted()(images))
    for size in (None, 12):
        predict_one = predictor(network)
        for side in (5, 6):
            predict_one(picture(side, side), size=size)
        before = Counted.calls
        for side in (7, 8, 9, 5, 20):
            predict_one(picture(side, side + 1), size=size)
        assert Counted.calls == before


def test_bfloat16_and_a_real_network():
    policy = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy("mixed_bfloat16")
        network = segnet_basic(4, width=0.1)
    finally:
        keras.config.set_dtype_policy(policy)
    image = picture(45, 70)
    expected = tf.argmax(network(image[None].astype(np.float32), training=False)[0], axis=-1).numpy()
    assert (predict(network, image) == expected).mean() > 0.98
    assert predict(network, picture(1, 1), size=32).shape == (1, 1)


def strided():
    images = keras.Input((None, None, 3))
    return keras.Model(images, keras.layers.Conv2D(3, 3, 2, "same")(images))


@pytest.mark.parametrize(
    ("network", "image", "options", "error", "message"),
    [
        (brightest, picture(4, 4).astype(np.float32), {}, TypeError, "image is float32; a uint8 array"),
        (brightest, "photo.jpg", {}, TypeError, "image is str; a uint8 array"),
        (brightest, picture(4, 4)[..., 0], {}, ValueError, r"image has shape \(4, 4\); \(height, width, 3\) is wanted"),
        (brightest, picture(4, 4)[..., :1], {}, ValueError, r"\(4, 4, 1\)"),
        (brightest, picture(4, 4)[None], {}, ValueError, r"\(1, 4, 4, 3\)"),
        (brightest, picture(0, 4), {}, ValueError, r"\(0, 4, 3\)"),
        (brightest, picture(4, 4), {"size": 0}, ValueError, "size is 0"),
        (brightest, picture(4, 4), {"size": 1.5}, TypeError, "size is 1.5"),
        (brightest, picture(4, 4), {"size": (1, 2, 3)}, ValueError, "size is"),
        (strided, picture(8, 8), {}, ValueError, r"gives \(1, 4, 4, 3\) for an image \(8, 8, 3\)"),
        (lambda: brightest(256), picture(4, 4), {}, ValueError, "gives 256 classes; 255 at most"),
        (
            lambda: brightest(3, (8, 6)),
            picture(8, 7),
            {},
            ValueError,
            r"'brightest' sees images of 8 x 6 \(height x width\), this one would be 8 x 7; give size=\(8, 6\)",
        ),
    ],
)
def test_refused_at_the_door(network, image, options, error, message):
    with pytest.raises(error, match=message):
        predict(network(), image, **options)


def test_255_classes_and_a_fixed_size_are_accepted():
    image = picture(9, 9)
    np.testing.assert_array_equal(predict(brightest(255), image), image.argmax(-1))
    assert predict(brightest(3, (8, 6)), image, size=(8, 6)).shape == (9, 9)
