import keras
import numpy as np
import pytest
import tensorflow as tf

from cnnviz.cam import cam, grad_cam
from cnnviz.taps import taps
from tests.cnnviz.model_kinds import CLASSES, KINDS, SIDE


def images(count=3, seed=0):
    return np.random.default_rng(seed).normal(size=(count, SIDE, SIDE, 3)).astype(np.float32)


def head(model):
    """The dense layer's matrix, wherever the model holds it."""
    return model.weights[-2].numpy()


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_the_matrix_product_and_grad_cam_up_to_its_factor(kind):
    keras.utils.set_random_seed(3)
    model, batch = KINDS[kind](), images()
    rough = {"rtol": 0.05, "atol": 0.02} if "bfloat16" in kind else {"rtol": 1e-4, "atol": 1e-5}
    (maps,) = taps(model, "conv2", outputs=False)(batch)[1].values()
    maps, weights = np.asarray(maps, np.float64), head(model)
    weights = np.concatenate([-weights, weights], axis=1) if weights.shape[1] == 1 else weights
    for target in (0, 1):
        wanted = maps @ weights[:, target]
        raw = cam(model, batch, target, relu=False, normalise=False)
        np.testing.assert_allclose(raw, wanted, **rough)
        cells = wanted.shape[1] * wanted.shape[2]
        np.testing.assert_allclose(
            grad_cam(model, batch, target, relu=False, normalise=False) * cells, raw, **{**rough, "rtol": 0.1}
        )
        highest = wanted.max(axis=(1, 2), keepdims=True)
        if (highest > 0.01).all():
            np.testing.assert_allclose(cam(model, batch, target), np.maximum(wanted, 0) / highest, atol=0.03)
            np.testing.assert_allclose(cam(model, batch, target), grad_cam(model, batch, target), atol=0.03)
    # Zhou et al., equation 2: with the bias, the maps' mean is the score.
    if kind in ("functional", "nested", "subclassed", "sequential_of_nested"):
        predicted = cam(model, batch, relu=False, normalise=False).mean(axis=(1, 2)) + 0
        np.testing.assert_allclose(predicted, np.max(model(batch), axis=1), rtol=1e-4)


def test_one_target_for_each_image_and_single_images():
    keras.utils.set_random_seed(1)
    model, batch = KINDS["functional"](), images()
    raw = {"relu": False, "normalise": False}
    together = cam(model, batch, [2, 0, None], **raw)
    predicted = int(np.argmax(model(batch)[2]))
    for index, target in enumerate((2, 0, predicted)):
        alone = cam(model, batch[index], target, **raw)
        assert alone.shape == (8, 8)
        np.testing.assert_allclose(together[index], alone, atol=1e-5)


def _ends(end, bias=True):
    inputs = keras.Input((SIDE, SIDE, 3))
    maps = keras.layers.Conv2D(6, 3, activation="relu", name="conv")(inputs)
    model = keras.Model(inputs, end(maps), name="odd")
    conv = keras.Model(inputs, maps)
    return model, conv


def _dense_after_pooling(pool):
    return lambda maps: keras.layers.Dense(CLASSES, activation="softmax")(keras.layers.Flatten()(pool(maps)))


layers = keras.layers
ENDINGS = {
    "pooling as large as the maps": _dense_after_pooling(layers.AveragePooling2D(SIDE - 2)),
    "mean with keepdims": _dense_after_pooling(layers.GlobalAveragePooling2D(keepdims=True)),
    "dropout between": lambda maps: layers.Dense(CLASSES)(
        layers.Dropout(0.5)(layers.GlobalAveragePooling2D()(layers.Dropout(0.5)(maps)))
    ),
    "1x1 convolution": lambda maps: layers.Softmax()(
        layers.Reshape((CLASSES,))(layers.Conv2D(CLASSES, 1)(layers.GlobalAveragePooling2D(keepdims=True)(maps)))
    ),
    "operations": lambda maps: layers.Dense(CLASSES, use_bias=False)(keras.ops.mean(maps, axis=(-2, -3))),
    "sigmoids": lambda maps: layers.Dense(CLASSES, activation="sigmoid")(layers.GlobalAveragePooling2D()(maps)),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_other_ways_to_write_the_same_ending(ending):
    keras.utils.set_random_seed(2)
    model, conv = _ends(ENDINGS[ending])
    weights = next(array for array in reversed(model.get_weights()) if array.ndim > 1).reshape(6, CLASSES)
    wanted = conv.predict(images(), verbose=0) @ weights[:, 2]
    np.testing.assert_allclose(cam(model, images(), 2, relu=False, normalise=False), wanted, atol=1e-4)
    np.testing.assert_allclose(cam(model, images(), 2, "conv", relu=False, normalise=False), wanted, atol=1e-4)


def test_one_map_for_each_class():
    model, conv = _ends(lambda maps: layers.Softmax()(layers.GlobalAveragePooling2D()(maps)))
    np.testing.assert_allclose(
        cam(model, images(), 4, normalise=False), conv.predict(images(), verbose=0)[..., 4], atol=1e-5
    )


@pytest.mark.parametrize(
    "end",
    [
        lambda maps: layers.Dense(CLASSES)(layers.Flatten()(maps)),
        lambda maps: layers.Dense(CLASSES)(layers.GlobalMaxPooling2D()(maps)),
        lambda maps: layers.Dense(CLASSES)(layers.Dense(6, "relu")(layers.GlobalAveragePooling2D()(maps))),
        lambda maps: layers.Dense(CLASSES)(layers.LayerNormalization()(layers.GlobalAveragePooling2D()(maps))),
        lambda maps: layers.Dense(CLASSES)(layers.Flatten()(layers.AveragePooling2D(2)(maps))),
        lambda maps: layers.Dense(CLASSES)(keras.ops.mean(maps, axis=(1, 3))),
    ],
)
def test_other_networks_are_refused_and_sent_to_grad_cam(end):
    model, _ = _ends(end)
    with pytest.raises(ValueError, match="'odd' does not end with the mean.*grad_cam"):
        cam(model, images(), 0)
    assert np.isfinite(grad_cam(model, images(), 0, relu=False)).all()


def test_other_errors():
    model = KINDS["functional"]()
    with pytest.raises(TypeError, match="target is a function.*grad_cam"):
        cam(model, images(), lambda outputs: tf.reduce_sum(outputs, axis=1))
    with pytest.raises(ValueError, match="layer 'relu' are not those that 'functional' averages"):
        cam(model, images(), 0, "relu")
    with pytest.raises(ValueError, match="target is 9; 'functional' has the classes 0 to 3"):
        cam(model, images(), 9)
    with pytest.raises(ValueError, match="takes"):
        cam(model, np.zeros((1, 5, 5, 3)), 0)
