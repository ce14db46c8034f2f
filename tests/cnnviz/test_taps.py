import gc
import threading
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf

from cnnviz.layers import layer_paths
from cnnviz.taps import taps
from tests.cnnviz.model_kinds import KINDS, SIDE, functional, mixed_bfloat16, residual


@pytest.fixture(scope="module", params=KINDS)
def model(request):
    keras.utils.set_random_seed(7)
    return KINDS[request.param]()


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(-1, 1, (3, SIDE, SIDE, 3)).astype(np.float32)


def by_hand(model, images):
    """conv1, conv2 and the outputs without cnnviz: the layers called one after the other, eagerly."""
    layers = {path.split("/")[-1]: layer for path, layer in layer_paths(model).items()}
    images = tf.convert_to_tensor(images)
    if model.name == "residual":
        stem = layers["stem"](images)
        conv1 = layers["conv1"](stem)
        conv2 = layers["conv2"](stem + conv1)
    else:
        conv1 = layers["conv1"](images)
        conv2 = layers["conv2"](layers["pool"](layers["relu"](layers["norm"](conv1, training=False))))
    rest = layers["average"](conv2)
    for name in ("logits", "softmax", "p"):
        rest = layers[name](rest) if name in layers else rest
    return conv1, conv2, rest


def close(a, b, model):
    tolerance = 0.03 if "bfloat16" in model.compute_dtype else 1e-6
    np.testing.assert_allclose(np.asarray(a, np.float32), np.asarray(b, np.float32), rtol=tolerance, atol=tolerance)


def test_activations_and_outputs_are_those_of_the_layers(model, images):
    conv1, conv2, outputs = by_hand(model, images)
    found, activations = taps(model, ["conv2", "conv1"])(images)
    assert list(activations) == ["conv2", "conv1"]
    close(activations["conv1"], conv1, model)
    close(activations["conv2"], conv2, model)
    close(found, outputs, model)


@pytest.mark.parametrize("graph", [False, True], ids=["eager", "inside a tf.function"])
def test_outputs_are_differentiable_with_respect_to_images_and_activations(model, images, graph):
    layers = {path.split("/")[-1]: layer for path, layer in layer_paths(model).items()}
    read = taps(model, ["conv1", "conv2"])

    def gradients(images):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(images)
            outputs, activations = read(images)
            score = tf.reduce_sum(outputs[:, 0])
        sources = [images, activations["conv1"], activations["conv2"]]
        return [tape.gradient(score, source) for source in sources]

    found = (tf.function(gradients) if graph else gradients)(tf.constant(images))

    # The same, from the definition: the rest of the network as a function of the activation.
    with tf.GradientTape(persistent=True) as tape:
        batch = tf.constant(images)
        tape.watch(batch)
        if model.name == "residual":
            stem = layers["stem"](batch)
            conv1 = layers["conv1"](stem)
            conv2 = layers["conv2"](stem + conv1)
        else:
            conv1 = layers["conv1"](batch)
            conv2 = layers["conv2"](layers["pool"](layers["relu"](layers["norm"](conv1, training=False))))
        rest = layers["average"](conv2)
        for name in ("logits", "softmax", "p"):
            rest = layers[name](rest) if name in layers else rest
        score = tf.reduce_sum(rest[:, 0])
    for gradient, source in zip(found, (batch, conv1, conv2), strict=True):
        wanted = tape.gradient(score, source)
        assert np.abs(np.asarray(wanted, np.float32)).max() > 0
        close(gradient, wanted, model)


def test_one_pass_gives_the_same_and_the_gradient_of_the_images(model, images):
    batch = tf.constant(images)
    results = []
    for differentiable in (True, False):
        with tf.GradientTape() as tape:
            tape.watch(batch)
            outputs, activations = taps(model, ["conv1", "conv2"], differentiable=differentiable)(batch)
            score = tf.reduce_sum(outputs[:, 0])
        results.append((outputs, activations["conv1"], activations["conv2"], tape.gradient(score, batch)))
    for a, b in zip(*results, strict=True):
        close(a, b, model)


def test_without_outputs_nothing_behind_the_layer_is_computed():
    inputs = keras.Input((SIDE, SIDE, 3))
    maps = keras.layers.Conv2D(2, 3, name="early")(inputs)
    model = keras.Model(inputs, keras.layers.Conv2D(300, 3, name="late")(maps))
    read = taps(model, "early", outputs=False)
    read(np.zeros((1, SIDE, SIDE, 3)))
    graph = read._function("activations").get_concrete_function(tf.zeros((1, SIDE, SIDE, 3)), {}).graph
    graph_def = tf.compat.v1.graph_util.extract_sub_graph(
        graph.as_graph_def(), [output.op.name for output in graph.outputs]
    )
    assert [node.op for node in graph_def.node].count("Conv2D") == 1


def test_the_model_is_left_as_it_was(model, images):
    before = {path: dict(vars(layer)) for path, layer in layer_paths(model).items()}
    weights = [weight.copy() for weight in model.get_weights()]
    taps(model, ["conv1", "conv2"])(images)
    for path, layer in layer_paths(model).items():
        assert "call" not in vars(layer)
        assert set(vars(layer)) == set(before[path])
    for weight, old in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(weight, old)


def test_the_model_is_left_as_it_was_after_a_failure():
    model = functional()
    read = taps(model, "conv1", differentiable=False)
    with pytest.raises(ValueError, match=r"functional.* takes \(batch, 16, 16, 3\)"):
        read(np.zeros((1, 9, 9, 3), np.float32))
    model.get_layer("logits").call = lambda *_, **__: 1 / 0
    with pytest.raises(Exception, match="division by zero"):
        read(np.zeros((1, SIDE, SIDE, 3), np.float32))
    assert "call" not in vars(model.get_layer("conv1"))


def test_new_weights_are_seen_without_compiling_anew(images):
    model = functional()
    read = taps(model, "conv2")
    read(images)
    model.set_weights([weight + 0.1 for weight in model.get_weights()])
    close(read(images)[0], model(images), model)


def test_batches_of_other_sizes_and_types(images):
    model = functional()
    read = taps(model, "conv2", differentiable=False)
    for batch in (images[:1], images, images.astype(np.float64), tf.constant(images), (images * 9).astype(np.int32)):
        close(read(batch)[0], model(tf.cast(batch, tf.float32)), model)


def test_float64_models_stay_float64():
    inputs = keras.Input((8, 8, 1), dtype="float64")
    conv = keras.layers.Conv2D(2, 3, dtype="float64", name="conv")
    model = keras.Model(inputs, conv(inputs))
    assert model.variable_dtype != "float64" or taps(model, "conv")(np.zeros((1, 8, 8, 1)))[0].dtype == tf.float64


def test_unknown_layers_are_answered_with_those_there_are():
    model = functional()
    with pytest.raises(ValueError, match=r"^layer 'conv9' not in 'functional'; convolutional layers: conv1, conv2$"):
        taps(model, "conv9")
    with pytest.raises(TypeError, match="by name"):
        taps(model, [3])
    with pytest.raises(ValueError, match="is not part of"):
        taps(model, keras.layers.Conv2D(1, 1))
    with pytest.raises(TypeError, match="layers are given by name"):
        taps(model, None)
    with pytest.raises(ValueError, match="no layers given"):
        taps(model, [])
    with pytest.raises(TypeError, match=r"keras\.Model"):
        taps(lambda x: x, "conv1")


def test_a_shared_layer_is_refused():
    inputs = keras.Input((SIDE, SIDE, 3))
    conv = keras.layers.Conv2D(3, 3, padding="same", name="shared")
    model = keras.Model(inputs, conv(conv(inputs)))
    with pytest.raises(ValueError, match="more than once"):
        taps(model, "shared")(np.zeros((1, SIDE, SIDE, 3)))


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (np.zeros((SIDE, SIDE, 3)), "one image, not a batch"),
        (np.zeros((0, SIDE, SIDE, 3)), "empty"),
        (np.zeros((2, SIDE, SIDE, 1)), r"\(batch, 16, 16, 3\)"),
        (np.full((1, SIDE, SIDE, 3), np.nan), "NaN"),
        (np.full((1, SIDE, SIDE, 3), np.inf), "NaN or infinity"),
        (np.array([["a"]]), "numbers"),
        (np.zeros(7), r"shape \(7,\)"),
    ],
)
def test_bad_batches_are_refused_in_words(batch, message):
    with pytest.raises(ValueError, match=message):
        taps(functional(), "conv1")(batch)


def test_a_layer_that_is_not_run_or_gone_to_nothing():
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, keras.layers.MaxPooling2D(8, name="pool")(inputs))
    with pytest.raises(ValueError, match=r"^images has shape \(1, 5, 9, 3\): too small for"):
        taps(model, "pool")(np.zeros((1, 5, 9, 3)))
    model = keras.Model(inputs, keras.layers.MaxPooling2D(2, name="half")(inputs))
    with pytest.raises(ValueError, match=r"^(the images are|images has shape .*:) too small"):
        taps(model, "half")(np.zeros((1, 1, 1, 3)))

    class Idle(keras.Model):
        def __init__(self):
            super().__init__(name="idle")
            self.used, self.idle = keras.layers.Conv2D(2, 3, name="used"), keras.layers.ReLU(name="never")

        def call(self, images):
            return self.used(images)

    model = Idle()
    model(np.zeros((1, 9, 9, 3)))
    with pytest.raises(ValueError, match=r"^layer 'never' does not run"):
        taps(model, "never")(np.zeros((1, 9, 9, 3)))


def test_a_changed_activation_is_noticed(images):
    model = KINDS["softmax"]()
    model.get_layer("logits").activation = keras.activations.softmax
    before = taps(model, "conv2")(images)[0]
    model.get_layer("logits").activation = keras.activations.linear
    after = taps(model, "conv2")(images)[0]
    close(after, model(images), model)
    assert np.abs(before - after).max() > 1e-3


def test_models_that_cannot_be_compiled_are_run_as_they_are(images):
    class Asks(keras.Model):
        def __init__(self):
            super().__init__()
            self.conv = keras.layers.Conv2D(2, 3, name="conv")

        def call(self, images):
            maps = self.conv(images)
            return (
                [maps, -maps][int(tf.reduce_mean(maps) > 0)] if tf.executing_eagerly() else maps if maps > 0 else -maps
            )

    model = Asks()
    model(images)
    outputs, activations = taps(model, "conv", differentiable=False)(images)
    np.testing.assert_allclose(activations["conv"], model.conv(images), atol=1e-6)
    np.testing.assert_allclose(outputs, model(images), atol=1e-6)


def test_others_may_run_the_model_meanwhile(images):
    model, problems = functional(), []

    def others():
        for _ in range(30):
            try:
                model(images)
            except ValueError as error:
                problems.append(error)

    threads = [threading.Thread(target=others) for _ in range(2)]
    for thread in threads:
        thread.start()
    for layer in ("conv1", "conv2", "relu"):
        taps(model, layer)(images)
    for thread in threads:
        thread.join()
    assert problems == []


def test_a_list_of_images_is_a_batch(images):
    model = functional()
    close(taps(model, "conv1")(list(images))[0], model(images), model)
    with pytest.raises(ValueError, match="several sizes"):
        taps(model, "conv1")([images[0], images[0, :5]])


def test_several_inputs_and_outputs(images):
    first, second = keras.Input((SIDE, SIDE, 3), name="first"), keras.Input((SIDE, SIDE, 3), name="second")
    conv = keras.layers.Conv2D(2, 3, name="conv")(first)
    other = keras.layers.Conv2D(2, 3, name="other")(second)
    model = keras.Model([first, second], {"sum": keras.layers.Add()([conv, other]), "conv": conv})
    outputs, activations = taps(model, ["conv", "other"])([tf.constant(images), tf.constant(images)])
    np.testing.assert_allclose(outputs["sum"], activations["conv"] + activations["other"], atol=1e-6)


def test_quantised_models(images):
    model = functional()
    model.quantize("int8")
    _, activations = taps(model, "logits")(images)
    np.testing.assert_allclose(activations["logits"], model(images), atol=1e-6)


def test_the_cache_does_not_keep_models_alive(images):
    for build in (residual, mixed_bfloat16):
        model = build()
        taps(model, ["conv1", "conv2"])(images)
        gone = weakref.ref(model)
        del model
        keras.backend.clear_session()
        gc.collect()
        assert gone() is None


def test_compiled_once_for_the_same_question(images):
    model = functional()
    taps(model, "conv1")(images)
    first = taps(model, "conv1")._function("conv1")
    assert taps(model, "conv1")._function("conv1") is first
    assert first._left[0].experimental_get_tracing_count() == 1


def test_two_threads_at_once(images):
    model, results = functional(), []

    def work(layer):
        results.append(taps(model, layer)(images)[0].numpy())

    threads = [threading.Thread(target=work, args=(layer,)) for layer in ("conv1", "conv2", "relu", "pool")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    for result in results:
        np.testing.assert_allclose(result, model(images), atol=1e-6)
