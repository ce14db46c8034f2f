"""Gradient ascent: the equation, every kind of model, every objective; no picture knows of another."""

import gc
import itertools
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf

from cnnviz.ascent import Climb, filter_grid, filters, maximise, mosaic
from cnnviz.ascent.steepest import variation_slope
from cnnviz.models import Classifier
from cnnviz.objectives import channel, class_neuron, direction, diversity, layer, neuron
from tests.cnnviz.model_kinds import CLASSES, KINDS, SIDE

PLAIN = {"parametrisation": "pixel", "jitter": 0, "scale": 0, "rotation": 0, "verbose": False}
QUIET = {"steps": 8, "jitter": 2, "verbose": False}


@pytest.fixture(scope="module")
def models():
    keras.utils.set_random_seed(5)
    return {name: kind() for name, kind in KINDS.items()}


@pytest.fixture(scope="module")
def model(models):
    return models["functional"]


def small(pictures):
    """A model for RGB in 0..255 that expects small numbers."""
    return pictures / 127.5 - 1


def by_hand(model, wanted, steps, step_size, picture):
    """The equation, in TensorFlow as a student would write it."""
    picture = tf.Variable(picture)
    for step in range(steps):
        with tf.GradientTape() as tape:
            score = wanted(model(255 * picture, training=False))
        slope = tape.gradient(score, picture)
        slope /= tf.sqrt(tf.reduce_mean(tf.square(slope)))
        picture.assign(tf.clip_by_value(picture + step_size * (1 - step / steps) * slope, 0, 1))
    return np.round(255 * picture.numpy()).astype(np.uint8)


@pytest.mark.parametrize("steps", [1, 5])
def test_a_step_is_the_equation(model, steps):
    start = np.random.default_rng(0).uniform(size=(1, SIDE, SIDE, 3)).astype(np.float32)
    wanted = by_hand(model, lambda logits: logits[0, 2], steps, 0.05, start)
    found = maximise(model, class_neuron(2), start=start[0], steps=steps, step_size=0.05, **PLAIN)
    assert (np.abs(found.astype(int) - wanted) <= 1).mean() > 0.99


def test_penalties_pull_as_their_gradients_do(model):
    start = np.random.default_rng(1).uniform(0.3, 0.7, size=(SIDE, SIDE, 3)).astype(np.float32)

    def step(**penalties):
        found = maximise(model, class_neuron(1), start=start, steps=1, step_size=0.03, **PLAIN, **penalties)
        return found[0] / 255

    rounded = 1 / 255 / 0.03
    pulled = (step() - step(l2=4)) / 0.03
    np.testing.assert_allclose(pulled, 4 * (start - 0.5), atol=rounded)
    slope = variation_slope(start[None]).numpy()[0]
    np.testing.assert_allclose((step() - step(total_variation=2)) / 0.03, 2 * slope, atol=rounded)
    with tf.GradientTape() as tape:
        picture = tf.constant(start[None])
        tape.watch(picture)
        value = tf.image.total_variation(picture)
    differences = np.abs(np.diff(start, axis=0)).sum() + np.abs(np.diff(start, axis=1)).sum()
    assert float(value[0]) == pytest.approx(differences, rel=1e-4)
    np.testing.assert_allclose(slope, tape.gradient(value, picture)[0], atol=1e-6)


@pytest.mark.parametrize("parametrisation", ["pixel", "fourier"])
def test_penalties_and_blur_do_what_they_are_for(model, parametrisation):
    start = np.random.default_rng(2).uniform(0.1, 0.9, (SIDE, SIDE, 3))

    def roughness(picture):
        return np.abs(np.diff(picture.astype(float), axis=1)).mean()

    options = {**QUIET, "parametrisation": parametrisation, "start": start, "step_size": 0.02, "steps": 20}
    free = maximise(model, class_neuron(0), **options)[0]
    assert roughness(maximise(model, class_neuron(0), total_variation=1, **options)[0]) < 0.9 * roughness(free)
    assert roughness(maximise(model, class_neuron(0), blur=0.6, **options)[0]) < 0.5 * roughness(free)
    assert maximise(model, class_neuron(0), l2=5, **options)[0].std() < 0.9 * free.std()


@pytest.mark.parametrize("kind", KINDS)
def test_class_and_filter_rise_in_every_kind_of_model(models, kind):
    models[kind](np.zeros((1, SIDE, SIDE, 3), np.float32))  # builds what is not built yet
    before = [weights.copy() for weights in models[kind].get_weights()]
    climb = Climb()
    for objective in (class_neuron(1), channel("conv2", 3)):
        pictures = maximise(models[kind], objective, size=SIDE, callback=climb, scale_pixels=small, **QUIET)
        assert pictures.dtype == np.uint8
        assert pictures.shape == (1, SIDE, SIDE, 3)
        assert climb.scores[-3:].mean() > climb.scores[0] + 1e-3
    for old, new in zip(before, models[kind].get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


OBJECTIVES = {
    "class": class_neuron([0, 2]),
    "predicted": class_neuron(None),
    "channel": channel("relu", [0, 4]),
    "neuron": neuron("conv2", 1, row=2, column=[1, 5]),
    "layer": layer("conv2"),
    "direction": direction("conv2", np.arange(6.0) - 2),
    "diversity": diversity("relu"),
    "less": -1 * channel("conv2", 2),
    "sum": channel("relu", 1) + 0.5 * diversity("conv2") - layer("conv2") * 0.1,
    "function": class_neuron(lambda logits: logits[:, 0] - logits[:, 1]),
}


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("parametrisation", ["pixel", "fourier"])
def test_every_objective_rises(model, name, parametrisation):
    climb = Climb()
    options = {"count": 2, "scale_pixels": small, "parametrisation": parametrisation, "callback": climb}
    maximise(model, OBJECTIVES[name], step_size=0.05, steps=12, jitter=0, scale=0, rotation=0, verbose=False, **options)
    assert climb.scores.shape == (13, 2)
    assert (climb.scores[-1] > climb.scores[0]).all()


def test_a_softmax_is_left_off(models):
    """Of a network that is sure already, the probability has no slope; the score before it does."""
    softmax = models["softmax"]
    logits = keras.Model(softmax.inputs, softmax.get_layer("logits").output)
    options = {**QUIET, "scale_pixels": small}
    climb, other = Climb(), Climb()
    found = maximise(softmax, class_neuron(2), callback=climb, **options)
    np.testing.assert_array_equal(found, maximise(logits, class_neuron(2), callback=other, **options))
    np.testing.assert_allclose(climb.scores, other.scores, rtol=1e-4)


@pytest.mark.parametrize("parametrisation", ["pixel", "fourier"])
def test_filters_of_a_batch_are_those_drawn_one_by_one(model, parametrisation):
    options = {**QUIET, "scale_pixels": small, "parametrisation": parametrisation}
    together = filters(model, "conv2", **options)
    assert together.shape == (6, SIDE, SIDE, 3)
    for index in (0, 3, 5):
        alone = filters(model, "conv2", [index], **options)[0]
        assert np.abs(alone.astype(int) - together[index]).mean() < 0.5
    in_pieces = filters(model, "conv2", [5, 0, 1, 3], batch_size=3, **options).astype(int)
    assert np.abs(in_pieces - together[[5, 0, 1, 3]]).mean() < 0.5
    assert np.abs(together[0].astype(int) - together[1]).mean() > 1
    grid = filter_grid(model, "conv2", columns=3, gap=1, **options)
    np.testing.assert_allclose(grid, mosaic(together, columns=3, gap=1), atol=3)


def test_a_seed_gives_the_same_picture_and_another_another(model):
    draw = lambda **options: maximise(model, class_neuron(0), scale_pixels=small, **QUIET, **options)[0].astype(int)  # noqa: E731
    np.testing.assert_array_equal(draw(seed=3), draw(seed=3))
    assert np.abs(draw(seed=3) - draw(seed=4)).mean() > 1
    assert np.abs(draw(keys=[1]) - draw()).mean() > 1


def test_diversity_makes_pictures_differ(model):
    def likeness(objective):
        climb = Climb()
        options = {**QUIET, "steps": 20, "jitter": 0, "scale": 0, "rotation": 0, "scale_pixels": small}
        pictures = maximise(model, objective, count=3, **options)
        maximise(model, diversity("conv2"), start=pictures / 255, count=3, callback=climb, **options | {"steps": 1})
        return -climb.scores[0].mean()

    assert likeness(channel("conv2", 1) + 20 * diversity("conv2")) < likeness(channel("conv2", 1)) - 0.01


def test_half_precision_climbs_like_single(model, models):
    climb = {}
    for name in ("functional", "mixed_bfloat16"):
        models[name].set_weights(model.get_weights())
        climb[name] = Climb()
        maximise(models[name], class_neuron(1), callback=climb[name], scale_pixels=small, **QUIET)
    rises = [curve.scores[-1] - curve.scores[0] for curve in climb.values()]
    assert rises[1] == pytest.approx(rises[0], rel=0.25)


def test_float16(model):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float16")
    try:
        half = KINDS["functional"]()
    finally:
        keras.config.set_dtype_policy(before)
    climb = Climb()
    maximise(half, channel("conv2", 1), callback=climb, scale_pixels=small, **QUIET)
    assert climb.scores[-1] > climb.scores[0]


def test_no_steps_give_the_start(model):
    start = np.random.default_rng(0).integers(10, 245, (SIDE, SIDE, 3), np.uint8)
    for kind in ("pixel", "fourier"):
        found = maximise(model, class_neuron(0), start=start, parametrisation=kind, steps=0, verbose=False)
        assert np.abs(found[0].astype(int) - start).max() <= 1


def test_a_classifier_knows_its_classes_and_its_scale():
    inputs = keras.Input((None, None, 3))
    maps = keras.layers.Conv2D(4, 3, activation="relu", name="conv")(inputs)
    network = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(maps)))
    seen = []

    def scale(pictures):
        seen.append(pictures)
        return small(pictures)

    net = Classifier(network, ("cat", "dog"), 20, scale)
    found = maximise(net, class_neuron("dog"), **QUIET)
    assert found.shape == (1, 128, 128, 3)
    assert seen
    np.testing.assert_array_equal(found, maximise(network, class_neuron(1), scale_pixels=small, **QUIET))
    assert maximise(net, class_neuron("cat"), size=(24, 33), **QUIET).shape == (1, 24, 33, 3)
    with pytest.raises(ValueError, match="class 'cow' not among these: cat, dog"):
        maximise(net, class_neuron("cow"), **QUIET)


def test_grey_models_draw_grey_pictures():
    keras.utils.set_random_seed(0)
    network = keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            keras.layers.Conv2D(3, 3, name="conv"),
            keras.layers.Flatten(),
            keras.layers.Dense(2),
        ]
    )
    climb = Climb()
    found = maximise(network, class_neuron(1), callback=climb, **QUIET)
    assert found.shape == (1, 12, 12, 3)
    np.testing.assert_array_equal(found[..., 0], found[..., 2])
    assert climb.scores[-1] > climb.scores[0]
    assert filters(network, "conv", **QUIET).shape == (3, 12, 12, 3)


def test_another_channel_class_or_number_is_not_compiled_again(model):
    traced = itertools.count()

    def scale(pictures):
        next(traced)
        return small(pictures)

    options = {"scale_pixels": scale, "steps": 1, "verbose": False}
    maximise(model, channel("conv2", 0), **options)
    first = next(traced)
    maximise(model, 3 * channel("conv2", 4), **options, step_size=0.1, jitter=3, seed=9)
    maximise(model, channel("conv2", 1), **options, rotation=20, scale=0.3)
    assert next(traced) == first + 1


def test_what_was_compiled_for_a_function_goes_with_it(model):
    from cnnviz.ascent.steepest import _pairs

    gc.collect()
    before = len(_pairs)
    dead = []
    for index in range(3):
        target = lambda logits, index=index: logits[:, 0] * index + logits[:, 1]  # noqa: E731
        scale = lambda pictures: small(pictures)  # noqa: E731
        maximise(model, class_neuron(target), scale_pixels=scale, steps=1, verbose=False)
        dead += [weakref.ref(target), weakref.ref(scale)]
    del target, scale
    gc.collect()
    assert [reference() for reference in dead] == [None] * 6
    assert len(_pairs) <= before


def test_a_model_that_cannot_be_compiled_climbs_as_well():
    class Asks(keras.Model):
        def __init__(self):
            super().__init__()
            self.conv = keras.layers.Conv2D(3, 3, name="conv")
            self.head = keras.layers.Dense(CLASSES, name="head")

        def call(self, images):
            maps = self.conv(images)
            if tf.reduce_mean(maps) > 1e9:
                maps = maps * 2
            return self.head(tf.reduce_mean(maps, axis=(1, 2)))

    asks = Asks()
    asks(np.zeros((1, 8, 8, 3), np.float32))
    climb = Climb()
    maximise(asks, class_neuron(1), size=8, callback=climb, scale_pixels=small, **QUIET)
    assert climb.scores[-1] > climb.scores[0]


def test_pictures_without_a_slope_are_told_of(model):
    constant = lambda logits: 0 * logits[:, 0]  # noqa: E731
    with pytest.warns(UserWarning, match=r"no gradient for the pictures \[0\]"):
        maximise(model, class_neuron(constant), **QUIET)


BAD = [
    ({"steps": -1}, "steps is -1"),
    ({"count": 0}, "count is 0"),
    ({"seed": -1}, "seed is -1"),
    ({"step_size": np.nan}, "step_size is nan"),
    ({"jitter": -1}, "jitter is -1"),
    ({"blur": np.inf}, "blur is inf"),
    ({"size": 24}, "takes 16x16 pixels only, not 24x24"),
    ({"size": 1}, "nothing can be drawn"),
    ({"start": np.full((SIDE, SIDE, 3), np.nan)}, "not in 0..1"),
    ({"start": np.zeros((20, 20, 3), np.uint8)}, "takes 16x16 pixels only"),
    ({"start": np.zeros((SIDE, SIDE, 3), np.uint8), "size": 8}, "the picture to start from is 16x16"),
    ({"start": "sand"}, "'noise', 'zeros' or a picture"),
    ({"parametrisation": "wavelet"}, "'fourier' or 'pixel'"),
    ({"keys": [1, 2]}, "keys is"),
]


@pytest.mark.parametrize(("options", "problem"), BAD)
def test_bad_values_are_refused_in_words(model, options, problem):
    with pytest.raises(ValueError, match=problem):
        maximise(model, class_neuron(0), **{**QUIET, **options})


def test_bad_types_layers_and_models(model):
    for options in ({"steps": 2.5}, {"steps": True}, {"step_size": "1"}, {"size": "8"}, {"start": None}):
        with pytest.raises(TypeError):
            maximise(model, class_neuron(0), **{**QUIET, **options})
    with pytest.raises(TypeError, match="Keras model or a Classifier"):
        maximise("vgg16", class_neuron(0), **QUIET)
    with pytest.raises(TypeError, match="function of a tensor"):
        maximise(model, class_neuron(0), scale_pixels=127.5, **QUIET)
    with pytest.raises(ValueError, match="channel 6 not in 'conv2'; it has channels 0 to 5"):
        maximise(model, channel("conv2", 6), **QUIET)
    with pytest.raises(ValueError, match="layer 'conv9' not in"):
        filters(model, "conv9", **QUIET)
    with pytest.raises(ValueError, match="has the classes 0 to 3"):
        maximise(model, class_neuron(4), **QUIET)
    with pytest.raises(ValueError, match="batch_size is 0"):
        filters(model, "conv2", batch_size=0, **QUIET)
    flat = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match="models of one RGB or grey image"):
        maximise(flat, class_neuron(0), **QUIET)
