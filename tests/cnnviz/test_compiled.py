import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf

from cnnviz.compiled import Compiled, kept
from tests.cnnviz.model_kinds import SIDE, functional

traces = []


def body(model, target, notes, factor, images):
    traces.append(factor)
    notes["seen"] = factor
    outputs = model(images, training=False)
    return (target(outputs) if target else outputs) * factor


def picky(model, target, notes, images):
    if images.shape[-1] != 3:
        raise ValueError(f"{images.shape[-1]} channels; 3 are wanted")
    return model(images, training=False)


@pytest.fixture
def model():
    return functional()


IMAGES = np.ones((2, SIDE, SIDE, 3), np.float32)


def test_compiled_once_for_each_option(model):
    traces.clear()
    for factor in (1.0, 2.0, 1.0, 2.0):
        run = Compiled(body, model, (factor,))
        np.testing.assert_allclose(run(IMAGES), model(IMAGES) * factor, rtol=1e-5)
        assert run.notes["seen"] == factor
    assert sorted(traces) == [1.0, 2.0]


def test_compiled_once_for_a_target_that_is_kept(model):
    def target(outputs):
        return outputs[:, 0]

    traces.clear()
    for _ in range(3):
        Compiled(body, model, (1.0,), target)(IMAGES)
    assert len(traces) == 1


def test_two_targets_are_not_confused(model):
    outputs = model(IMAGES)
    for index in range(4):
        found = Compiled(body, model, (1.0,), lambda outputs, index=index: outputs[:, index])(IMAGES)
        np.testing.assert_allclose(found, outputs[:, index], rtol=1e-5)


def test_a_change_of_the_model_is_noticed(model):
    before = Compiled(body, model, (1.0,))(IMAGES)
    model.get_layer("conv2").activation = keras.activations.linear
    after = Compiled(body, model, (1.0,))(IMAGES)
    assert np.abs(before - after).max() > 1e-6
    np.testing.assert_allclose(after, model(IMAGES), rtol=1e-5)


def test_a_flag_may_be_a_list():
    inputs = keras.Input((4, 4, 3))
    model = keras.Model(inputs, keras.layers.LayerNormalization(axis=[1, 2])(inputs))
    images = np.random.default_rng(0).normal(size=(2, 4, 4, 3)).astype(np.float32)
    np.testing.assert_allclose(Compiled(body, model, (1.0,))(images), model(images), rtol=1e-5, atol=1e-6)


def test_new_weights_are_seen_without_compiling_anew(model):
    Compiled(body, model, (1.0,))(IMAGES)
    traces.clear()
    model.get_layer("logits").bias.assign([5, 6, 7, 8])
    np.testing.assert_allclose(Compiled(body, model, (1.0,))(IMAGES), model(IMAGES), rtol=1e-5)
    assert not traces


def test_the_cache_keeps_neither_the_model_nor_the_target_alive():
    model = functional()

    class Target:
        def __call__(self, outputs):
            return outputs[:, 0]

    target = Target()
    Compiled(body, model, (1.0,), target)(IMAGES)
    gone = weakref.ref(target), weakref.ref(model)
    del target
    gc.collect()
    assert gone[0]() is None
    targets = next(value for key, value in _entries(model) if key[0] is body)["targets"]
    assert len(targets) == 0
    del model, targets
    keras.backend.clear_session(free_memory=True)
    assert gone[1]() is None


def _entries(model):
    from cnnviz.compiled import _kept

    return list(_kept[model].items())


def test_two_hundred_targets_leave_no_functions_behind(model):
    functions = []
    for index in range(200):
        run = Compiled(body, model, (1.0,), lambda outputs, index=index: outputs[:, index % 4])
        if index % 50 == 0:  # tracing takes its time
            run(IMAGES)
        functions.append(weakref.ref(run._function))
        del run
    gc.collect()
    assert sum(function() is not None for function in functions) == 0


def test_targets_that_cannot_be_referred_to_weakly_work(model):
    class Slotted:
        __slots__ = ()

        def __call__(self, outputs):
            return outputs[:, 1]

    np.testing.assert_allclose(Compiled(body, model, (1.0,), Slotted())(IMAGES), model(IMAGES)[:, 1], rtol=1e-5)

    class Owner:
        def target(self, outputs):
            return outputs[:, 2]

    owner = Owner()
    np.testing.assert_allclose(Compiled(body, model, (1.0,), owner.target)(IMAGES), model(IMAGES)[:, 2], rtol=1e-5)


def test_refusals_come_in_their_own_words(model):
    with pytest.raises(ValueError, match=r"^5 channels; 3 are wanted$"):
        Compiled(picky, model)(np.ones((1, SIDE, SIDE, 5), np.float32))
    assert Compiled(picky, model)(IMAGES).shape == (2, 4)


def test_a_model_that_cannot_be_compiled_runs_as_it_is():
    class Asking(keras.Model):
        def __init__(self):
            super().__init__()
            self.head = keras.layers.Dense(3)

        def call(self, images, training=False):
            if tf.reduce_mean(images) > 100:  # a question that a graph cannot answer
                images = images / 255
            return self.head(keras.ops.mean(images, (1, 2)))

    model = Asking()
    model(IMAGES)
    np.testing.assert_allclose(Compiled(body, model, (2.0,))(IMAGES), model(IMAGES) * 2, rtol=1e-5)


def test_kept_is_one_dictionary_for_a_key(model):
    kept(model, "a")["x"] = 1
    assert kept(model, "a") == {"x": 1}
    assert kept(model, "b") == {}
