"""Objectives against NumPy, on maps that are known."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from cnnviz.ascent.measures import check_shapes, paths, value
from cnnviz.objectives import (
    Objective,
    channel,
    class_neuron,
    direction,
    diversity,
    layer,
    neuron,
    prepare,
)
from tests.cnnviz.model_kinds import KINDS, SIDE


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return KINDS["functional"]()


@pytest.fixture(scope="module")
def maps():
    """Activations of three pictures, some below zero: as if they came from no ReLU."""
    return np.random.default_rng(0).normal(size=(3, 4, 5, 6)).astype(np.float32)


def measured(model, objective, maps, outputs=None):
    prepared = prepare(model, objective, len(maps))
    (path,) = paths(prepared.structure) or [None]
    outputs = tf.zeros((len(maps), 4)) if outputs is None else outputs
    found, shapes = value(prepared.structure, prepared.function, prepared.tensors, outputs, {path: maps})
    check_shapes(prepared, [shape.numpy() for shape in shapes], model.name)
    return found.numpy()


def test_values_are_what_numpy_finds(model, maps):
    tensor = tf.constant(maps)
    close = {"rtol": 1e-5, "atol": 1e-6}
    channels = [4, 0, 5]
    means = maps.mean(axis=(1, 2))
    np.testing.assert_allclose(measured(model, channel("conv2", 3), tensor), means[:, 3], **close)
    np.testing.assert_allclose(measured(model, channel("conv2", channels), tensor), means[[0, 1, 2], channels], **close)
    np.testing.assert_allclose(measured(model, neuron("conv2", 3), tensor), maps[:, 2, 2, 3], **close)
    np.testing.assert_allclose(
        measured(model, neuron("conv2", channels, row=0, column=[4, 1, 3]), tensor),
        [maps[0, 0, 4, 4], maps[1, 0, 1, 0], maps[2, 0, 3, 5]],
        **close,
    )
    np.testing.assert_allclose(measured(model, layer("conv2"), tensor), (maps**2).mean(axis=(1, 2, 3)), **close)
    vector = np.arange(6.0) - 2
    unit = vector / np.sqrt((vector**2).sum())
    np.testing.assert_allclose(measured(model, direction("conv2", vector), tensor), means @ unit, **close)
    np.testing.assert_allclose(
        measured(model, direction("conv2", 7 * vector), tensor), means @ unit, **close, err_msg="only its direction"
    )


def test_diversity_is_minus_the_mean_cosine_of_the_gram_matrices(model, maps):
    grams = [cells.T @ cells for cells in maps.reshape(3, 20, 6).astype(np.float64)]
    cosine = [[(a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()) for b in grams] for a in grams]
    wanted = [-(sum(row) - 1) / 2 for row in cosine]
    np.testing.assert_allclose(measured(model, diversity("conv2"), tf.constant(maps)), wanted, rtol=1e-5)
    twins = np.repeat(maps[:1], 2, axis=0)
    np.testing.assert_allclose(measured(model, diversity("conv2"), tf.constant(twins)), [-1, -1], rtol=1e-5)


def test_objectives_add_up(model, maps):
    tensor = tf.constant(maps)
    one, other = channel("conv2", 1), layer("conv2")
    a, b = measured(model, one, tensor), measured(model, other, tensor)
    np.testing.assert_allclose(measured(model, 2 * one - other * 0.5, tensor), 2 * a - 0.5 * b, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(measured(model, -(one + other), tensor), -(a + b), rtol=1e-5, atol=1e-6)
    # xplique gives -(a + b) for a - b.
    np.testing.assert_allclose(measured(model, one - other, tensor), a - b, rtol=1e-5, atol=1e-6)


def test_classes_by_number_name_and_function(model):
    outputs = tf.constant([[1.0, 2, 3, 4], [5, 6, 7, 8]])
    nothing = np.zeros((2, 1, 1, 1), np.float32)
    assert measured(model, class_neuron(2), nothing, outputs).tolist() == [3, 7]
    assert measured(model, class_neuron([0, 3]), nothing, outputs).tolist() == [1, 8]
    assert measured(model, class_neuron(None), nothing, outputs).tolist() == [4, 8]
    total = lambda answers: tf.reduce_sum(answers, axis=1)  # noqa: E731
    assert measured(model, class_neuron(total) + class_neuron(0), nothing, outputs).tolist() == [11, 31]


def test_vectors_are_maps_of_one_cell(model):
    vectors = tf.constant([[1.0, 2, 3], [4, 5, 6]])
    assert measured(model, channel("logits", 2), vectors).tolist() == [3, 6]
    assert measured(model, neuron("logits", 1), vectors).tolist() == [2, 5]


@pytest.mark.parametrize("layer_name", ["conv2", "relu"])
def test_a_relu_at_the_end_is_left_off_a_channel(model, layer_name):
    """Where a filter is silent its ReLU has no slope: nothing could be climbed."""
    images = np.random.default_rng(1).normal(size=(1, SIDE, SIDE, 3)).astype(np.float32)
    read = keras.Model(model.inputs, model.get_layer(layer_name).output)

    @tf.function
    def run(images):
        rectified = read(images)
        tensors = prepare(model, channel(layer_name, 0)).tensors
        found, _ = value(((channel(layer_name, 0).terms[0].measure, "x"),), None, tensors, None, {"x": rectified})
        return found, tf.reduce_mean(rectified[..., 0]), tf.gradients(found, images)[0]

    before, after, slope = run(images)
    assert before < after
    assert np.abs(slope).max() > 0


def test_how_many_pictures(model):
    assert prepare(model, channel("conv2", [1, 2, 3])).count == 3
    assert prepare(model, channel("conv2", 1), 5).count == 5
    assert prepare(model, channel("conv2", [1, 2]) + class_neuron(3), 2).count == 2
    with pytest.raises(ValueError, match="speak of 2 and 3 pictures"):
        prepare(model, channel("conv2", [1, 2]) + class_neuron([1, 2, 3]))
    with pytest.raises(ValueError, match="speak of 2 and 4 pictures"):
        prepare(model, channel("conv2", [1, 2]), 4)


def test_what_is_no_objective_is_refused(model, maps):
    tensor = tf.constant(maps)
    with pytest.raises(ValueError, match="layer 'conv9' not in 'functional'; convolutional layers: conv1, conv2"):
        prepare(model, channel("conv9", 0))
    with pytest.raises(ValueError, match="channel 6 not in 'conv2'; it has channels 0 to 5"):
        measured(model, channel("conv2", 6), tensor)
    with pytest.raises(ValueError, match=r"cell \(4, -1\) not in 'conv2': its maps have 4 rows and 5 columns"):
        measured(model, neuron("conv2", 0, row=4), tensor)
    with pytest.raises(ValueError, match="vector has 5 numbers, layer 'conv2' has 6 channels"):
        measured(model, direction("conv2", np.ones(5)), tensor)
    with pytest.raises(ValueError, match="target is 4; 'functional' has the classes 0 to 3"):
        measured(model, class_neuron(4), np.zeros((1, 1, 1, 1), np.float32))
    with pytest.raises(ValueError, match="does not know the names"):
        prepare(model, class_neuron("cat"))
    with pytest.raises(ValueError, match="several target functions"):
        prepare(model, class_neuron(lambda y: y[:, 0]) + class_neuron(lambda y: y[:, 1]))
    with pytest.raises(ValueError, match="at least two"):
        prepare(model, diversity("conv2"))
    with pytest.raises(TypeError, match="cnnviz.objectives"):
        prepare(model, "conv2")
    for vector in (np.zeros(6), np.full(6, np.nan), np.ones((2, 2, 2))):
        with pytest.raises(ValueError, match="vector"):
            direction("conv2", vector)
    for index in (-1, [], [1, -2]):
        with pytest.raises(ValueError, match="counted from 0"):
            channel("conv2", index)
    for index in (True, 1.5, "1", None):
        with pytest.raises(TypeError, match="whole numbers"):
            channel("conv2", index)
    with pytest.raises(ValueError, match="finite"):
        np.nan * layer("conv2")
    for wrong in ("2", True, layer("conv2"), [1, 2]):
        with pytest.raises(TypeError):
            layer("conv2") * wrong
    with pytest.raises(TypeError):
        layer("conv2") + 1
    assert isinstance(layer("conv2") + layer("conv2"), Objective)
    with pytest.raises(ValueError, match="target is empty"):
        class_neuron([])
