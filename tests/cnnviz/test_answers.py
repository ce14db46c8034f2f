import keras
import numpy as np
import pytest
import tensorflow as tf

from cnnviz.answers import answers, class_name, head, probabilities
from cnnviz.derivatives import derivatives
from cnnviz.models import Classifier
from tests.cnnviz.model_kinds import KINDS, SIDE


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(0, 1, (3, SIDE, SIDE, 3)).astype(np.float32)


@pytest.mark.parametrize("kind", KINDS)
def test_probabilities_are_those_of_the_model(kind, images):
    keras.utils.set_random_seed(1)
    model = KINDS[kind]()
    outputs = np.asarray(model(images), np.float64)
    if kind == "binary_sigmoid":
        wanted = np.concatenate([1 - outputs, outputs], axis=1)
    elif kind == "softmax":
        wanted = outputs
    else:
        wanted = np.asarray(tf.nn.softmax(outputs))
    found = probabilities(derivatives(model, images, by_image=False).logits, head(model, images))
    np.testing.assert_allclose(found, wanted, atol=2e-2 if "bfloat16" in kind else 1e-6)


def test_several_sigmoids_are_not_a_softmax(images):
    inputs = keras.Input((SIDE, SIDE, 3))
    flat = keras.layers.GlobalAveragePooling2D()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3, activation="sigmoid")(flat))
    found = probabilities(derivatives(model, images, by_image=False).logits, head(model, images))
    np.testing.assert_allclose(found, model(images), atol=1e-6)


def test_a_model_that_cannot_be_compiled(images):
    class Undecided(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(4)

        def call(self, images):
            averages = tf.reduce_mean(images, axis=(1, 2))
            return tf.nn.softmax(self.dense(averages)) if bool(tf.reduce_mean(images) > 0) else self.dense(averages)

    model = Undecided()
    outputs = model(images)
    found = probabilities(derivatives(model, images, by_image=False).logits, head(model, images))
    np.testing.assert_allclose(found, outputs, atol=1e-6)


def test_large_logits_do_not_overflow():
    logits = np.array([[1000.0, 0, -1000]])
    np.testing.assert_array_equal(probabilities(logits, "softmax"), [[1, 0, 0]])
    np.testing.assert_allclose(probabilities(logits, "sigmoid"), [[1, 0.5, 0]])


def test_answers_are_named_best_first():
    net = Classifier(KINDS["functional"](), ("a_b", "c", "d", "e"), SIDE, lambda images: images)
    (row,) = answers(net, np.log([[0.1, 0.6, 0.05, 0.25]]), top=3)
    assert [answer.name for answer in row] == ["c", "e", "a b"]
    assert [answer.index for answer in row] == [1, 3, 0]
    np.testing.assert_allclose([answer.probability for answer in row], [0.6, 0.25, 0.1])
    assert class_name(net.model, 2) == "class 2"
