import keras
import numpy as np
import pytest
import tensorflow as tf

from cnnviz.activations import activation_maps, cut_patches, rectified_layers, statistics, top_patches
from tests.cnnviz.model_kinds import KINDS, SIDE


@pytest.fixture(scope="module")
def brightness():
    """Channel 0 is the blurred red, channel 1 the blurred negative of it (dead after the ReLU), channel 2 the green."""
    kernel = np.zeros((3, 3, 3, 3), np.float32)
    kernel[:, :, 0, 0], kernel[:, :, 0, 1], kernel[1, 1, 1, 2] = 1 / 9, -1 / 9, 1
    inputs = keras.Input((None, None, 3))
    conv = keras.layers.Conv2D(3, 3, padding="same", activation="relu", use_bias=False, name="conv")
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(conv(inputs)))
    conv.set_weights([kernel])
    return model


@pytest.mark.parametrize("kind", KINDS)
def test_maps_of_a_batch_are_those_of_its_images(kind):
    keras.utils.set_random_seed(3)
    model = KINDS[kind]()
    images = np.random.default_rng(0).normal(size=(3, SIDE, SIDE, 3)).astype(np.float32)
    together = activation_maps(model, images)
    assert set(together) == set(rectified_layers(model))
    for index in range(3):
        alone = activation_maps(model, images[index : index + 1])
        for layer, maps in together.items():
            assert maps.dtype == np.float32
            np.testing.assert_allclose(alone[layer][0], maps[index], atol=3e-2 if "bfloat16" in kind else 1e-5)


def test_rectified_layers_falls_back_to_convolutions():
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, keras.layers.Conv2D(2, 3, activation="tanh", name="tanh")(inputs))
    assert rectified_layers(model) == ["tanh"]
    flat = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match="no convolutional layers"):
        activation_maps(flat, np.zeros((1, 4)))


def test_statistics_count_zeros_and_dead_channels(brightness):
    images = np.zeros((2, 8, 8, 3), np.float32)
    images[0, 4, 4, 0] = 9  # nine of the 64 cells of the first channel, in one of two images
    (row,) = statistics(activation_maps(brightness, images, "conv"))
    assert (row.layer, row.height, row.width, row.channels, row.values) == ("conv", 8, 8, 3, 192)
    assert row.sparsity == pytest.approx(1 - 9 / (2 * 192), abs=1e-4)
    assert row.dead == 2


def test_top_patches_find_planted_spots(brightness):
    generator = np.random.default_rng(0)
    images = generator.uniform(0, 0.1, (20, 12, 14, 3)).astype(np.float32)
    spots = {3: (5, 6, 90.0), 17: (0, 13, 70.0), 8: (11, 0, 80.0)}
    for image, (row, column, value) in spots.items():
        images[image, row, column, 1] = value
    found = top_patches(brightness, images, "conv", 2, count=3, batch_size=7)[2]
    assert [(patch.image, (patch.row, patch.column, round(patch.score))) for patch in found] == [
        (3, (5, 6, 90)),
        (8, (11, 0, 80)),
        (17, (0, 13, 70)),
    ]
    assert found[0].box == (5, 4, 8, 7)
    assert found[2].box == (12, -1, 15, 2)
    in_batches = tf.data.Dataset.from_tensor_slices(images).batch(6)
    assert top_patches(brightness, in_batches, "conv", [2], count=3)[2] == found


def test_channels_that_never_fire_have_no_patches(brightness):
    assert top_patches(brightness, np.ones((2, 8, 8, 3), np.float32), "conv", [1])[1] == []


def test_cut_patches_fill_what_is_outside(brightness):
    photographs = np.arange(2 * 6 * 6 * 3, dtype=np.uint8).reshape(2, 6, 6, 3)
    images = np.zeros((2, 6, 6, 3), np.float32)
    images[1, 0, 5, 1] = 1
    images[0, 3, 2, 1] = 2
    inside, corner = cut_patches(photographs, top_patches(brightness, images, "conv", 2)[2])
    np.testing.assert_array_equal(inside, photographs[0, 2:5, 1:4])
    assert corner.shape == (3, 3, 3)
    assert (corner[0] == 255).all()
    assert (corner[:, 2] == 255).all()
    np.testing.assert_array_equal(corner[1:, :2], photographs[1, 0:2, 4:6])


def test_bad_input(brightness):
    images = np.zeros((2, 8, 8, 3), np.float32)
    with pytest.raises(IndexError, match="channel 3 not in 'conv'; it has channels 0 to 2"):
        top_patches(brightness, images, "conv", 3)
    with pytest.raises(ValueError, match="count is 0"):
        top_patches(brightness, images, "conv", 0, count=0)
    with pytest.raises(ValueError, match="at least one image"):
        top_patches(brightness, images[:0], "conv", 0)
    with pytest.raises(ValueError, match="layer 'nope' not in"):
        activation_maps(brightness, images, "nope")
    with pytest.raises(TypeError, match="channels are numbers"):
        top_patches(brightness, images, "conv", True)
    with pytest.raises(ValueError, match="batch_size is -1"):
        top_patches(brightness, images, "conv", 0, batch_size=-1)
    with pytest.raises(ValueError, match="uint8 .* is wanted"):
        cut_patches(images, [])


def test_tensors_labelled_batches_and_repeated_channels(brightness):
    images = np.random.default_rng(0).uniform(size=(5, 8, 8, 3)).astype(np.float32)
    wanted = top_patches(brightness, images, "conv", 2, count=3)
    labelled = tf.data.Dataset.from_tensor_slices((images, np.arange(5))).batch(2)
    assert top_patches(brightness, tf.constant(images), "conv", [2, 2], count=3) == wanted
    assert top_patches(brightness, labelled, "conv", np.int64(2), count=3) == wanted


def test_channels_that_are_negative_everywhere_still_have_a_best_place():
    inputs = keras.Input((8, 8, 1))
    conv = keras.layers.Conv2D(1, 1, use_bias=False, name="conv")
    model = keras.Model(inputs, conv(inputs))
    conv.set_weights([-np.ones((1, 1, 1, 1))])
    images = np.ones((2, 8, 8, 1), np.float32)
    images[1, 2, 3] = 0.25
    assert [(patch.image, patch.score) for patch in top_patches(model, images, "conv", 0)[0]] == [(1, -0.25), (0, -1.0)]


def test_dense_layers_have_no_maps_but_may_be_asked_for():
    inputs = keras.Input((8, 8, 3))
    maps = keras.layers.Flatten()(keras.layers.Conv2D(2, 3, activation="relu", name="conv")(inputs))
    model = keras.Model(inputs, keras.layers.Dense(4, activation="relu", name="fc")(maps))
    assert list(activation_maps(model, np.ones((1, 8, 8, 3)))) == ["conv"]
    assert activation_maps(model, np.ones((1, 8, 8, 3)), "fc")["fc"].shape == (1, 4)
