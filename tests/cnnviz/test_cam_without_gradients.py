import keras
import numpy as np
import pytest
import tensorflow as tf

from cnnviz.cam.without_gradients import ablation_cam, eigen_cam, score_cam
from tests.cnnviz.model_kinds import CLASSES, KINDS, SIDE

RAW = {"relu": False, "normalise": False, "verbose": False}


def images(count=2, seed=0):
    return np.random.default_rng(seed).normal(size=(count, SIDE, SIDE, 3)).astype(np.float32)


def make(kind):
    keras.utils.set_random_seed(3)
    model = KINDS[kind]()
    model.set_weights([4 * array if array.ndim == 2 else array for array in model.get_weights()])  # surer of itself
    return model, keras.Model(model.inputs, model.get_layer("conv2").output)


def probabilities(model, batch):
    outputs = model.predict(batch, verbose=0)
    if outputs.shape[1] == 1:
        return np.concatenate([1 - outputs, outputs], axis=1)
    return outputs if model.name == "softmax" else tf.nn.softmax(outputs).numpy()


@pytest.mark.parametrize("kind", ["functional", "softmax", "binary_sigmoid"])
def test_score_cam_weighs_by_softmax_scores_of_masked_images(kind):
    """tf-keras-vis takes the softmax twice on a softmax model: all weights are nearly the same."""
    model, conv = make(kind)
    batch, target = images(), 1
    wanted = []
    for image, maps in zip(batch, conv.predict(batch, verbose=0), strict=True):
        weights = np.zeros(maps.shape[-1])
        for k in range(maps.shape[-1]):
            one = maps[..., k]
            if np.ptp(one) > 0:
                mask = tf.image.resize(((one - one.min()) / np.ptp(one))[..., None], (SIDE, SIDE)).numpy()
                weights[k] = probabilities(model, (image * mask)[None])[0, target]
        assert weights.max() > 1.2 * weights[weights > 0].min()
        wanted.append(maps @ (weights / weights.sum()))
    found = score_cam(model, batch, target, **RAW)
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-5)
    for batch_size in (1, 4, 100):  # pieces of any size
        np.testing.assert_allclose(score_cam(model, batch, target, batch_size=batch_size, **RAW), found, atol=1e-5)


def test_the_weights_of_score_cam_sum_to_one():
    """So a mean of maps that all have the value 3 in one cell has it, too."""
    inputs = keras.Input((4, 4, 3))
    conv = keras.layers.Conv2D(3, 1, use_bias=False, name="maps")
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.GlobalMaxPooling2D()(conv(inputs))))
    conv.set_weights([np.eye(3)[None, None]])
    image = np.random.default_rng(0).uniform(size=(4, 4, 3)).astype(np.float32)
    image[1, 2] = 3
    found = score_cam(model, image, 0, "maps", **RAW)
    assert found[1, 2] == pytest.approx(3)


def test_score_cam_with_some_channels_takes_those_that_vary_most():
    model, conv = make("functional")
    batch = images()
    maps = conv.predict(batch, verbose=0)
    for image, one in zip(batch, maps, strict=True):
        best = int(np.argmax(one.var(axis=(0, 1))))
        np.testing.assert_allclose(score_cam(model, image, 2, channels=1, **RAW), one[..., best], atol=1e-5)
    everything = score_cam(model, batch, 2, **RAW)
    np.testing.assert_allclose(score_cam(model, batch, 2, channels=99, **RAW), everything, atol=1e-6)


def test_score_cam_of_a_function_takes_its_values_as_they_are():
    model, conv = make("functional")
    (image,) = images(1)

    def third(outputs):
        return 2 * outputs[:, 2]

    maps = conv.predict(image[None], verbose=0)[0]
    spread = np.ptp(maps, axis=(0, 1))
    masks = tf.image.resize((maps - maps.min(axis=(0, 1))) / np.where(spread > 0, spread, 1), (SIDE, SIDE)).numpy()
    values = 2 * model.predict(np.stack([image * masks[..., k, None] for k in range(maps.shape[-1])]), verbose=0)[:, 2]
    np.testing.assert_allclose(score_cam(model, image, third, **RAW), maps @ (values * (spread > 0)), rtol=1e-3)


def test_ablation_cam_of_a_linear_head_is_known():
    """Behind the mean there is one matrix: without map k the score falls by w_k times its mean."""
    model, conv = make("functional")
    batch = images()
    maps, kernel = conv.predict(batch, verbose=0), model.get_layer("logits").kernel.numpy()
    for target in range(CLASSES):
        wanted = np.einsum("nijk,nk->nij", maps, maps.mean(axis=(1, 2)) * kernel[:, target])
        for batch_size in (1, 4, 32):
            found = ablation_cam(model, batch, target, batch_size=batch_size, **RAW)
            np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4)


def test_ablation_cam_inside_a_skip_connection():
    """Part of the signal goes round the layer, so the images matter, each one's own."""
    keras.utils.set_random_seed(3)
    model, batch = KINDS["residual"](), images()
    stem, conv = (model.get_layer(name) for name in ("stem", "conv1"))
    rest = [model.get_layer(name) for name in ("conv2", "average", "logits")]

    def score(maps, around):
        maps = maps + around
        for layer in rest:
            maps = layer(maps)
        return maps.numpy()[:, 2]

    around = stem(batch)
    maps = conv(around).numpy()
    weights = []
    for k in range(maps.shape[-1]):
        without = maps.copy()
        without[..., k] = 0
        weights.append(score(maps, around) - score(without, around))
    wanted = np.einsum("nijk,kn->nij", maps, weights)
    np.testing.assert_allclose(ablation_cam(model, batch, 2, "conv1", batch_size=2, **RAW), wanted, atol=1e-4)


@pytest.mark.parametrize("layer", ["conv1", "conv2"])  # more cells than channels
@pytest.mark.parametrize("channels", [3, 200])  # or fewer
def test_eigen_cam_is_the_first_singular_vector(layer, channels):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((SIDE, SIDE, 3))
    conv1 = keras.layers.Conv2D(channels, 3, strides=2, name="conv1")(inputs)
    conv2 = keras.layers.Conv2D(channels, 3, activation="relu", name="conv2")(conv1)
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(conv2)))
    batch = images()
    maps = keras.Model(inputs, model.get_layer(layer).output).predict(batch, verbose=0).astype(np.float64)
    found = eigen_cam(model, batch, None, layer, relu=False, normalise=False)
    for one, cells in zip(found, maps, strict=True):
        rows, columns, _ = cells.shape
        left, values, _ = np.linalg.svd(cells.reshape(rows * columns, channels), full_matrices=False)
        wanted = (left[:, 0] * values[0]).reshape(rows, columns)
        np.testing.assert_allclose(one, wanted * np.sign(wanted.sum()), rtol=1e-3, atol=1e-4)
    if layer == "conv2":
        assert (found >= -1e-5).all()  # behind a ReLU, a first component has one sign


def test_eigen_cam_does_not_know_the_class():
    model, _ = make("functional")
    np.testing.assert_array_equal(eigen_cam(model, images(), 0), eigen_cam(model, images(), 3))


def test_bad_counts():
    model, _ = make("functional")
    with pytest.raises(ValueError, match="channels is 0; at least 1"):
        score_cam(model, images(), 0, channels=0)
    with pytest.raises(ValueError, match="batch_size is -1; at least 1"):
        ablation_cam(model, images(), 0, batch_size=-1)


def test_progress_is_shown_only_when_asked_for(capsys):
    model, _ = make("functional")
    score_cam(model, images(), 0, verbose=False)
    ablation_cam(model, images(), 0, verbose=False)
    assert capsys.readouterr().err == ""
    score_cam(model, images(), 0)
    assert "Score-CAM" in capsys.readouterr().err
