import gc
import itertools
import warnings
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf

from cnnviz import cam as module
from cnnviz.cam import ZeroMapWarning
from cnnviz.derivatives import derivatives
from cnnviz.layers import layer_paths
from cnnviz.models import Classifier
from tests.cnnviz.model_kinds import CLASSES, KINDS, SIDE

METHODS = [
    name for name in module.__all__ if name not in ("ZeroMapWarning", "guided_grad_cam", "last_maps", "upsample")
]
QUIET = {"score_cam": {"verbose": False}, "ablation_cam": {"verbose": False}}


def call(method, *args, **kwargs):
    return getattr(module, method)(*args, **kwargs, **QUIET.get(method, {}))


def images(count=3, seed=0, side=SIDE):
    return np.random.default_rng(seed).normal(size=(count, side, side, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def models():
    """The models of all kinds, each made once and of the same weights."""
    made = {}

    def get(kind):
        if kind not in made:
            keras.utils.set_random_seed(3)
            made[kind] = KINDS[kind]()
            made[kind](images(1))  # a subclassed model has weights only now
            if kind not in ("functional", "residual", "binary_sigmoid"):
                made[kind].set_weights(get("functional").get_weights())
        return made[kind]

    return get


@pytest.fixture(scope="module")
def flat():
    """Every cell has its own gradient, and it is known: the dense layer's weights. Activations of both signs."""
    keras.utils.set_random_seed(5)
    inputs = keras.Input((8, 8, 3))
    conv = keras.layers.Conv2D(4, 3, name="conv")
    maps = conv(inputs)
    dense = keras.layers.Dense(CLASSES, name="logits")
    model = keras.Model(inputs, dense(keras.layers.Flatten()(maps)), name="flat")

    def known(batch, target):
        return np.asarray(conv(batch), np.float64), dense.kernel.numpy()[:, target].reshape(6, 6, 4).astype(np.float64)

    return model, known


@pytest.fixture(scope="module")
def small():
    """Two maps of four cells, which are the image itself; the gradients are the numbers below."""
    inputs = keras.Input((2, 2, 2))
    conv = keras.layers.Conv2D(2, 1, use_bias=False, name="maps")
    dense = keras.layers.Dense(2, use_bias=False)
    model = keras.Model(inputs, dense(keras.layers.Flatten()(conv(inputs))))
    gradients = np.stack([[[2.0, -1.0], [3.0, 0.0]], [[-1.0, -1.0], [1.0, -3.0]]], axis=-1)
    model.set_weights([np.eye(2)[None, None], np.stack([np.zeros(8), gradients.ravel()], axis=1)])
    image = np.stack([[[1.0, 0.0], [2.0, 1.0]], [[0.0, 2.0], [0.0, 2.0]]], axis=-1)
    return model, image.astype(np.float32)


BY_HAND = {
    # alpha = 4/4 = 1 and -4/4 = -1
    "grad_cam": [[1, -2], [2, -1]],
    "counterfactual": [[-1, 2], [-2, 1]],
    # sums of the maps: 4 and 4; w_1 = 2/(2 + 8) + 3/(2 + 12) = 29/70, w_2 = 1/(2 + 4) = 1/6
    "grad_cam_plus_plus": [[29 / 70, 1 / 3], [29 / 35, 29 / 70 + 1 / 3]],
    "hires_cam": [[2, -2], [6, -6]],
    "layer_cam": [[2, 0], [6, 0]],
    # w_1 = (1*2 + 2*3)/4 = 2, w_2 = (-2 - 6)/4 = -2
    "xgrad_cam": [[2, -4], [4, -2]],
    # without map 1 the score falls by 2 + 6 = 8, without map 2 it rises by 8
    "ablation_cam": [[8, -16], [16, -8]],
}


@pytest.mark.parametrize("method", BY_HAND)
def test_by_hand(small, method):
    model, image = small
    wanted = np.array(BY_HAND[method])
    np.testing.assert_allclose(call(method, model, image, 1, relu=False, normalise=False), wanted, atol=1e-6)
    np.testing.assert_allclose(call(method, model, image, 1), np.maximum(wanted, 0) / wanted.max(), atol=1e-6)


def _loops(method, activations, gradients):
    """Each method as its paper has it, number by number."""
    rows, columns, channels = activations.shape
    cells = list(itertools.product(range(rows), range(columns)))
    found = np.zeros((rows, columns))
    for k in range(channels):
        maps, slope = activations[..., k], gradients[..., k]
        weight = 0.0
        for i, j in cells:
            g, a = slope[i, j], maps[i, j]
            if method == "grad_cam":
                weight += g / len(cells)
            elif method == "counterfactual":
                weight -= g / len(cells)
            elif method == "grad_cam_plus_plus":
                weight += g**2 / (2 * g**2 + maps.sum() * g**3) * max(g, 0)
            elif method == "xgrad_cam":
                weight += a / maps.sum() * g
            elif method == "hires_cam":
                found[i, j] += g * a
            elif method == "layer_cam":
                found[i, j] += max(g, 0) * a
        found += weight * maps
    return found


@pytest.mark.parametrize(
    "method", ["grad_cam", "counterfactual", "grad_cam_plus_plus", "xgrad_cam", "hires_cam", "layer_cam"]
)
def test_against_loops_where_the_gradient_is_known(flat, method):
    model, known = flat
    batch = images(2, side=8)
    for target in (0, 3):
        activations, gradients = known(batch, target)
        wanted = np.stack([_loops(method, one, gradients) for one in activations])
        found = call(method, model, batch, target, relu=False, normalise=False)
        np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4)
        highest = wanted.max(axis=(1, 2), keepdims=True)
        np.testing.assert_allclose(
            call(method, model, batch, target), np.maximum(wanted, 0) / highest, rtol=1e-3, atol=1e-4
        )


def test_plus_plus_has_the_second_and_third_derivatives_of_the_exponential():
    """Chattopadhay et al., equation 19, with derivatives that TensorFlow takes of exp(y_c), behind a ReLU."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((2, 2, 2), dtype="float64")
    conv = keras.layers.Conv2D(2, 1, activation="relu", name="maps", dtype="float64")
    head = [
        keras.layers.Flatten(dtype="float64"),
        keras.layers.Dense(5, "relu", dtype="float64"),
        keras.layers.Dense(2, dtype="float64"),
    ]
    maps = conv(inputs)
    outputs = maps
    for layer in head:
        outputs = layer(outputs)
    model = keras.Model(inputs, outputs)
    for layer in (conv, head[1]):
        layer.bias.assign(np.ones(layer.bias.shape))  # so that the ReLUs are open
    image = np.random.default_rng(1).uniform(0.5, 1, (1, 2, 2, 2))
    activations = tf.constant(conv(image))
    first, second, third = (np.zeros(8) for _ in range(3))
    for index in range(8):  # along one activation at a time
        step = tf.reshape(tf.one_hot(index, 8, dtype=tf.float64), activations.shape)
        moved = tf.Variable(0.0, dtype=tf.float64)
        with tf.GradientTape() as outer, tf.GradientTape() as middle, tf.GradientTape() as inner:
            value = activations + moved * step
            for layer in head:
                value = layer(value)
            exponential = tf.exp(value[0, 1])
        with outer, middle:
            first[index] = one = inner.gradient(exponential, moved)
        with outer:
            two = middle.gradient(one, moved)
        second[index], third[index] = two, outer.gradient(two, moved)
    shape = (4, 2)
    sums = activations.numpy().reshape(shape).sum(axis=0)
    below = 2 * second.reshape(shape) + sums * third.reshape(shape)
    alpha = np.where(below != 0, second.reshape(shape) / np.where(below != 0, below, 1), 0)
    weights = (alpha * np.maximum(first.reshape(shape), 0)).sum(axis=0)
    assert (weights > 0).any()
    wanted = np.maximum(activations.numpy()[0] @ weights, 0)
    np.testing.assert_allclose(
        module.grad_cam_plus_plus(model, image, 1)[0], wanted / wanted.max(), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("kind", KINDS)
def test_methods_that_agree_where_the_gradient_is_the_same_in_all_cells(models, kind):
    model, batch = models(kind), images()
    settings = {"relu": False, "normalise": False}
    wanted = module.grad_cam(model, batch, 1, **settings)
    for method in ("hires_cam", "xgrad_cam"):
        np.testing.assert_allclose(call(method, model, batch, 1, **settings), wanted, atol=3e-3)
    np.testing.assert_allclose(module.counterfactual(model, batch, 1, **settings), -wanted, atol=1e-6)
    # ... and not in front of a pooling, where a mean over the map loses the places.
    early = "relu" if kind != "residual" else "stem"
    assert not np.allclose(
        module.hires_cam(model, batch, 1, early, **settings),
        module.grad_cam(model, batch, 1, early, **settings),
        atol=1e-4,
    )


def test_xgrad_keeps_its_axioms(flat):
    """Sensitivity and conservation, Fu et al. equations 3 and 4: nothing of activation times gradient is lost."""
    model, known = flat
    batch = images(2, side=8)
    activations, gradients = known(batch, 2)
    found = module.xgrad_cam(model, batch, 2, relu=False, normalise=False)
    np.testing.assert_allclose(found.sum(axis=(1, 2)), (activations * gradients).sum(axis=(1, 2, 3)), rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", METHODS)
def test_a_batch_is_its_images_one_by_one(models, kind, method):
    """keras.io's Grad-CAM averages over the batch. Nothing is NaN, either, on heads of one sigmoid."""
    model, batch = models(kind), images()
    tolerance = 0.1 if "bfloat16" in kind else 1e-3
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ZeroMapWarning)
        together = call(method, model, batch, [1, 0, None])
        assert together.dtype == np.float32
        assert np.isfinite(together).all()
        for index, target in enumerate([1, 0, None]):
            alone = call(method, model, batch[index], target)
            assert alone.ndim == 2
            assert alone.max() == pytest.approx(1, abs=1e-5) or not alone.any()
            np.testing.assert_allclose(together[index], alone, atol=tolerance)


@pytest.mark.parametrize("method", METHODS)
def test_nested_equals_flat_and_half_precision_is_close(models, method):
    batch = images()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ZeroMapWarning)
        wanted = call(method, models("functional"), batch, 1, normalise=False)
        for kind in ("sequential", "nested", "sequential_of_nested", "subclassed", "softmax"):
            np.testing.assert_allclose(call(method, models(kind), batch, 1, normalise=False), wanted, atol=1e-4)
        close = call(method, models("mixed_bfloat16"), batch, 1, normalise=False)
    np.testing.assert_allclose(close, wanted, atol=0.05 * max(wanted.max(), 0.5))


def test_gradients_are_not_guided_and_early_layers_are_reached(models):
    """tf-explain lets only positive gradients through every ReLU, by default."""
    model, batch = models("functional"), images()
    (activations,) = (keras.Model(model.inputs, model.get_layer("norm").output)(batch),)
    with tf.GradientTape() as tape:
        tape.watch(activations)
        maps = activations
        for name in ("relu", "pool", "conv2", "average", "logits"):
            maps = model.get_layer(name)(maps)
        score = tf.reduce_sum(maps[:, 2])
    alpha = tape.gradient(score, activations).numpy().mean(axis=(1, 2))
    wanted = np.einsum("nijk,nk->nij", activations.numpy(), alpha)
    found = module.grad_cam(model, batch, 2, "norm", relu=False, normalise=False)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_functions_as_targets_on_a_segmentation_model():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((SIDE, SIDE, 3))
    encoder = keras.layers.Conv2D(5, 3, strides=2, padding="same", activation="relu", name="encoder")
    decoder = [keras.layers.UpSampling2D(), keras.layers.Conv2D(3, 3, padding="same", activation="softmax")]
    outputs = encoder(inputs)
    for layer in decoder:
        outputs = layer(outputs)
    model = keras.Model(inputs, outputs)

    def corner(masks):
        return tf.reduce_sum(masks[:, :4, :4, 1], axis=(1, 2))

    batch = images()
    activations = tf.constant(encoder(batch))
    with tf.GradientTape() as tape:
        tape.watch(activations)
        maps = activations
        for layer in decoder:
            maps = layer(maps)
        score = corner(maps)
    gradients = tape.gradient(score, activations).numpy()
    wanted = (activations.numpy() * gradients).sum(axis=-1)
    found = module.hires_cam(model, batch, corner, relu=False, normalise=False)
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    assert not found[:, 4:].any()  # the corner's pixels depend on nothing so far away
    wanted = np.einsum("nijk,nk->nij", activations.numpy(), gradients.mean(axis=(1, 2)))
    np.testing.assert_allclose(module.grad_cam(model, batch, corner, relu=False, normalise=False), wanted, atol=1e-6)
    for method in ("score_cam", "ablation_cam", "grad_cam_plus_plus", "layer_cam", "xgrad_cam"):
        assert np.isfinite(call(method, model, batch, corner, relu=False)).all()


@pytest.mark.parametrize("method", METHODS)
def test_maps_of_zeros_stay_zero_and_are_warned_of(method):
    """Peers divide by the maximum, unguarded."""
    inputs = keras.Input((8, 8, 3))
    maps = keras.layers.Conv2D(2, 3, use_bias=False, activation="relu", name="conv")(inputs)
    average = keras.layers.GlobalAveragePooling2D()(maps)
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(average))
    weights = [np.abs(array) + 0.1 for array in model.get_weights()]
    model.set_weights(weights)
    batch = np.abs(images(3, side=8))
    batch[[0, 2]] *= -1  # nothing is left of these by the ReLU
    with pytest.warns(ZeroMapWarning, match="of images 0, 2 is zero everywhere") as caught:
        found = call(method, model, batch, 0 if method == "counterfactual" else 1)
    assert len([one for one in caught if one.category is ZeroMapWarning]) == 1
    assert caught[0].filename == __file__
    assert not found[[0, 2]].any()
    assert found[1].max() == 1
    if method not in ("score_cam", "eigen_cam"):  # whose weights are never negative
        with pytest.warns(ZeroMapWarning, match="of image 0 is"):
            assert not call(method, model, batch[1], 1 if method == "counterfactual" else 0).any()


def test_guided_grad_cam_is_the_product(models):
    model, batch = models("nested"), images()
    found = module.guided_grad_cam(model, batch, 3)
    where = tf.image.resize(module.grad_cam(model, batch, 3)[..., None], (SIDE, SIDE)).numpy()
    guided = derivatives(model, batch, 3, rule="guided").images
    np.testing.assert_allclose(found, guided * where, atol=1e-5)
    assert not np.allclose(found, derivatives(model, batch, 3).images * where, atol=1e-4)
    np.testing.assert_allclose(module.guided_grad_cam(model, batch[1], 3), found[1], atol=1e-6)
    linear = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    with pytest.raises(ValueError, match="has no ReLU"):
        module.guided_grad_cam(linear, images(side=8))


@pytest.mark.parametrize("kind", ["sequential", "nested", "subclassed"])
def test_the_model_is_left_as_it_was(kind):
    """keras.io's takes the softmax off the user's model."""
    keras.utils.set_random_seed(0)
    model, batch = KINDS[kind](), images()
    answer = model.predict(batch, verbose=0)
    before = model.get_weights()
    layers = list(layer_paths(model).values())
    activations = [getattr(layer, "activation", None) for layer in layers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ZeroMapWarning)
        for method in (*METHODS, "guided_grad_cam"):
            call(method, model, batch)
    assert [getattr(layer, "activation", None) for layer in layers] == activations
    assert not any("call" in vars(layer) for layer in layers)
    for array, wanted in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(array, wanted)
    np.testing.assert_allclose(model.predict(batch, verbose=0), answer, atol=1e-6)
    gone = weakref.ref(model)
    del model, layers
    gc.collect()
    assert gone() is None


def test_classes_by_name_and_errors_in_words(models):
    model, batch = models("functional"), images()
    net = Classifier(model, ("cat", "dog", "tench", "church"), SIDE, lambda array: array)
    np.testing.assert_array_equal(module.grad_cam(net, batch, "tench"), module.grad_cam(model, batch, 2))
    np.testing.assert_array_equal(
        module.grad_cam(net, batch), module.grad_cam(model, batch, np.argmax(model(batch), axis=1))
    )
    for method in METHODS:
        if method not in ("cam", "eigen_cam"):
            with pytest.raises(ValueError, match=r"layer 'average' returns \(3, 6\); a layer with maps"):
                call(method, model, batch, 0, "average")
            with pytest.raises(ValueError, match="target is 7; 'functional' has the classes 0 to 3"):
                call(method, model, batch, 7)
        with pytest.raises(ValueError, match="layer 'conv9' not in functional|layer 'conv9' not in 'functional'"):
            call(method, model, batch, 0, "conv9")
        with pytest.raises(ValueError, match="images has shape"):
            call(method, model, images(side=9), 0)
