import keras
import numpy as np
import pytest
import tensorflow as tf

import cnnviz
from cnnviz.derivatives import derivatives
from cnnviz.targets import PREDICTED, class_indices, keras_model
from tests.cnnviz.model_kinds import KINDS, SIDE, binary_sigmoid, functional, shake, softmax

IMAGES = np.random.default_rng(0).normal(size=(3, SIDE, SIDE, 3)).astype(np.float32)


def scores(model, target, images=IMAGES):
    return derivatives(model, images, target, by_image=False)


def test_indices_names_and_none():
    net = cnnviz.load()
    cat, dog = net.class_names.index("cat"), net.class_names.index("dog")
    assert class_indices(net, "cat", 2).tolist() == [cat, cat]
    assert class_indices(net, ["dog", None, 3], 3).tolist() == [dog, PREDICTED, 3]
    assert class_indices(net, np.array([1, 2]), 2).tolist() == [1, 2]
    assert class_indices(net, np.int64(4), 1).tolist() == [4]
    assert class_indices(net, None, 2).tolist() == [PREDICTED] * 2
    assert class_indices(net.model, (0, 1), 2).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("target", "error", "words"),
    [
        ("cot", ValueError, "near|among"),
        (-1, ValueError, "numbered from 0"),
        (1.5, TypeError, "class index or name"),
        (True, TypeError, "class index or name"),
        ([1, 2, 3], ValueError, "3 classes for 2 images"),
        ([1, "cot"], ValueError, "cot"),
        ({"cat": 1}, TypeError, "class index or name"),
    ],
)
def test_wrong_targets(target, error, words):
    with pytest.raises(error, match=words):
        class_indices(cnnviz.load(), target, 2)


def test_a_name_needs_a_classifier():
    with pytest.raises(ValueError, match="pass the Classifier"):
        class_indices(functional(), "cat", 1)


def test_only_models_are_models():
    net = cnnviz.load()
    assert keras_model(net) is net.model
    assert keras_model(net.model) is net.model
    with pytest.raises(TypeError, match="a Keras model or a Classifier"):
        keras_model("classifier")


def test_a_class_is_scored_before_the_softmax():
    model = shake(softmax())
    before = keras.Model(model.inputs, model.get_layer("logits").output)
    found = scores(model, [2, None, 0])
    logits = before(IMAGES).numpy()
    np.testing.assert_allclose(found.logits, logits, rtol=1e-5, atol=1e-6)
    assert found.classes.tolist() == [2, logits[1].argmax(), 0]
    np.testing.assert_allclose(found.scores, logits[range(3), found.classes], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("end", ["dense", "activation", "layer", "tensorflow", "keras.ops"])
def test_every_way_to_write_a_softmax(end):
    inputs = keras.Input((4,))
    logits = keras.layers.Dense(3, activation="softmax" if end == "dense" else None, name="logits")(inputs)
    ends = {
        "activation": keras.layers.Activation("softmax"),
        "layer": keras.layers.Softmax(),
        "keras.ops": keras.ops.softmax,
    }
    model = keras.Model(inputs, ends[end](logits) if end in ends else logits)
    if end == "tensorflow":
        chain = model

        class Subclassed(keras.Model):
            def call(self, images, training=False):
                return tf.nn.softmax(chain(images))

        model = Subclassed()
        model.built = True
    images = np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32)
    dense = next(layer for layer in (chain if end == "tensorflow" else model).layers if layer.name == "logits")
    np.testing.assert_allclose(
        scores(model, None, images).logits, images @ dense.kernel.numpy() + dense.bias.numpy(), rtol=1e-5, atol=1e-5
    )


def test_a_single_output_tells_two_classes_apart():
    model = shake(binary_sigmoid())
    probability = model(IMAGES).numpy()[:, 0]
    logit = np.log(probability / (1 - probability))
    np.testing.assert_allclose(scores(model, 1).scores, logit, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(scores(model, 0).scores, -logit, rtol=1e-3, atol=1e-4)
    predicted = scores(model, None)
    assert predicted.classes.tolist() == (probability > 0.5).astype(int).tolist()
    np.testing.assert_allclose(predicted.scores, np.abs(logit), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_functions_see_the_outputs_as_they_are(kind):
    model = shake(KINDS[kind]())
    found = scores(model, lambda outputs: tf.reduce_sum(outputs**2, axis=1))
    tolerance = 0.05 if "bfloat16" in kind else 1e-5
    outputs = np.asarray(model(IMAGES), np.float32)
    np.testing.assert_allclose(found.scores.astype(np.float32), (outputs**2).sum(axis=1), rtol=tolerance)
    assert found.logits is None
    assert found.classes.tolist() == [PREDICTED] * 3


def test_a_segmentation_model_needs_a_function_and_takes_one():
    inputs = keras.Input((8, 8, 3))
    model = shake(keras.Model(inputs, keras.layers.Conv2D(5, 3, padding="same")(inputs), name="masks"))
    images = IMAGES[:, :8, :8]
    with pytest.raises(ValueError, match="give a function as target"):
        scores(model, 1, images)
    found = scores(model, lambda masks: tf.reduce_sum(masks[..., 1], axis=(1, 2)), images)
    np.testing.assert_allclose(found.scores, model(images).numpy()[..., 1].sum(axis=(1, 2)), rtol=1e-4, atol=1e-4)


def test_a_model_of_several_outputs_needs_a_function_and_takes_one():
    inputs = keras.Input((8, 8, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(inputs)
    model = keras.Model(inputs, {"a": keras.layers.Dense(2)(pooled), "b": keras.layers.Dense(3)(pooled)})
    images = IMAGES[:, :8, :8]
    with pytest.raises(ValueError, match="several outputs"):
        scores(model, 1, images)
    found = scores(model, lambda outputs: outputs["b"][:, 2], images)
    np.testing.assert_allclose(found.scores, model(images)["b"][:, 2], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda outputs: outputs, "one number per image"),
        (lambda outputs: tf.reduce_sum(outputs), "one number per image"),
        (lambda outputs: outputs[:1, 0], "one number per image"),
        (lambda outputs: tf.argmax(outputs, axis=1), "has no gradient"),
    ],
)
def test_functions_that_give_something_else(function, words):
    with pytest.raises(ValueError, match=words):
        scores(functional(), function)


def test_a_class_that_the_model_does_not_have():
    with pytest.raises(ValueError, match=r"target is 4; 'functional' has the classes 0 to 3"):
        scores(functional(), [0, 4, 1])


def test_a_softmax_that_is_reshaped_is_still_looked_past():
    inputs = keras.Input((8, 8, 3))
    maps = keras.layers.GlobalAveragePooling2D(keepdims=True)(inputs)
    logits = keras.layers.Conv2D(4, 1, name="logits")(maps)
    model = shake(keras.Model(inputs, keras.layers.Flatten()(keras.layers.Softmax()(logits))))
    before = keras.Model(inputs, keras.layers.Flatten()(logits))
    images = IMAGES[:, :8, :8]
    np.testing.assert_allclose(scores(model, 1, images).logits, before(images), rtol=1e-5, atol=1e-6)


def test_a_softmax_inside_a_compiled_function_of_the_model_is_not_taken_for_logits():
    class Hidden(keras.Model):
        def __init__(self):
            super().__init__()
            self.head = keras.layers.Dense(3, activation="softmax")

        @tf.function
        def call(self, images, training=False):
            return self.head(tf.reduce_mean(images, axis=(1, 2)))

    model = Hidden()
    model(IMAGES)
    with pytest.raises(ValueError, match=r"take @tf\.function away"):
        scores(model, 1)
    found = scores(model, lambda outputs: tf.math.log(outputs[:, 1]))
    np.testing.assert_allclose(found.scores, np.log(model(IMAGES)[:, 1]), rtol=1e-5)


def test_class_names_may_be_written_as_they_are_spoken():
    net = cnnviz.load()
    assert net.class_index("English springer") == net.class_index("english_springer")
