import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats
from skimage.metrics import structural_similarity as peer_similarity

import data
from cnnviz import sanity
from cnnviz.derivatives import derivatives
from cnnviz.models import Classifier
from cnnviz.sanity.randomisation import weighted_layers
from tests.cnnviz.model_kinds import KINDS, SIDE


def gradient(model, images, target):
    return derivatives(model, images, target).images


def edges(model, images, target):
    """What looks like an explanation and asks nothing of the model."""
    return np.abs(np.diff(images, axis=1, append=0)).sum(axis=-1)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(0, 1, (3, SIDE, SIDE, 3)).astype(np.float32)


def planted(side=16):
    """Class 0 is the sum of the red of a square at rows 4..8, columns 6..12; class 1 is the sum of all green."""
    inputs = keras.Input((side, side, 3))
    flat = keras.layers.Dense(2, use_bias=False, name="logits")(keras.layers.Flatten()(inputs))
    model = keras.Model(inputs, flat)
    kernel = np.zeros((side, side, 3, 2), np.float32)
    kernel[4:8, 6:12, 0, 0] = 0.5
    kernel[:, :, 1, 1] = 0.01
    model.get_layer("logits").set_weights([kernel.reshape(-1, 2)])
    return model


# similarity


def test_rank_correlation_is_scipys():
    generator = np.random.default_rng(0)
    one, other = generator.normal(size=(2, 4, 7, 5, 3))
    other[1] = np.round(other[1])  # with ties
    other[2] = one[2] ** 3
    wanted = [stats.spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(one, other)]
    np.testing.assert_allclose(sanity.rank_correlation(one, other), wanted, atol=1e-12)
    assert wanted[2] == pytest.approx(1)
    wanted = [stats.spearmanr(abs(a).ravel(), abs(b).ravel()).statistic for a, b in zip(one, other)]
    np.testing.assert_allclose(sanity.rank_correlation(one, other, absolute=True), wanted, atol=1e-12)


def test_opposite_maps_agree_in_absolute_value_only():
    one = np.random.default_rng(0).normal(size=(1, 6, 6))
    assert sanity.rank_correlation(one, -one) == pytest.approx(-1)
    assert sanity.rank_correlation(one, -one, absolute=True) == pytest.approx(1)


def test_a_map_of_one_value_ranks_nothing():
    assert sanity.rank_correlation(np.zeros((1, 4, 4)), np.arange(16.0).reshape(1, 4, 4)) == 0


def test_structural_similarity():
    generator = np.random.default_rng(0)
    one, other = generator.uniform(size=(2, 2, 20, 24))
    np.testing.assert_allclose(sanity.structural_similarity(one, 7 * one), 1)
    a, b = one[0] / one[0].max(), other[0] / other[0].max()
    wanted = peer_similarity(a, b, win_size=11, data_range=max(a.max(), b.max()) - min(a.min(), b.min()))
    assert sanity.structural_similarity(one, other)[0] == pytest.approx(wanted)
    np.testing.assert_allclose(sanity.structural_similarity(one[:, :4, :4], one[:, :4, :4]), 1)
    assert np.isnan(sanity.structural_similarity(one[:, :2, :2], one[:, :2, :2])).all()
    np.testing.assert_allclose(sanity.structural_similarity(np.zeros((1, 5, 5)), np.zeros((1, 5, 5))), 1)


def test_maps_of_two_sizes_are_refused():
    with pytest.raises(ValueError, match="bring them to one size"):
        sanity.rank_correlation(np.zeros((1, 4, 4)), np.zeros((1, 5, 4)))
    with pytest.raises(ValueError, match="twice the same"):
        sanity.structural_similarity(np.zeros((4, 4)), np.zeros((4, 4)))


# randomisation


def bits(model):
    return [np.array(weight.numpy()).tobytes() for weight in model.weights]


@pytest.mark.parametrize("draw", ["permuted", "normal"])
@pytest.mark.parametrize("kind", KINDS)
def test_weights_are_random_for_a_while_and_then_the_same_bit_for_bit(kind, draw, images):
    keras.utils.set_random_seed(1)
    model = KINDS[kind]()
    model(images)  # a subclassed model has no weights before
    # NaN, minus zero and a denormal number come back, too.
    kernel = next(weight for weight in model.weights if weight.name == "kernel")
    values = np.array(kernel.numpy())
    values.ravel()[:3] = np.nan, -0.0, 1e-39
    kernel.assign(values)
    before = bits(model)
    with sanity.randomised(model, draw=draw, seed=1):
        changed = [a != b for a, b in zip(before, bits(model))]
        if draw == "permuted":
            for old, new in zip(before, bits(model)):
                kinds = np.frombuffer(old, np.float32), np.frombuffer(new, np.float32)
                np.testing.assert_array_equal(np.sort(kinds[0]), np.sort(kinds[1]))
    assert any(changed)
    assert bits(model) == before


def test_only_the_named_layers_change_and_the_seed_decides_how():
    keras.utils.set_random_seed(1)
    model = KINDS["nested"]()
    before = {weight.path: np.array(weight.numpy()) for weight in model.weights}

    def during(layers, seed=0):
        with sanity.randomised(model, layers, seed=seed):
            return {weight.path: np.array(weight.numpy()) for weight in model.weights}

    once = during(["backbone/conv1"])
    differing = [path for path in before if not np.array_equal(before[path], once[path])]
    assert differing == [path for path in before if "conv1/kernel" in path]
    again, together, other = (
        during(["backbone/conv1"]),
        during(["logits", "backbone/conv1"]),
        during(["backbone/conv1"], 5),
    )
    (path,) = differing
    np.testing.assert_array_equal(once[path], again[path])
    np.testing.assert_array_equal(once[path], together[path])
    assert not np.array_equal(once[path], other[path])
    whole = during(["backbone"])  # a layer made of layers stands for them
    assert {path for path in before if not np.array_equal(before[path], whole[path])} >= {
        path for path in before if "conv" in path and "kernel" in path
    }


def test_ctrl_c_restores_the_weights(images, monkeypatch):
    model = KINDS["functional"]()
    before = bits(model)

    def interrupted(*_):
        raise KeyboardInterrupt

    calls = []

    def interrupted_later(model, images, target):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return gradient(model, images, target)

    with pytest.raises(KeyboardInterrupt):
        sanity.model_randomisation(interrupted_later, model, images, verbose=False)
    assert bits(model) == before
    # While the weights are being written, and once more while they are being restored.
    original, writes = type(model.weights[0]).assign, []

    def assign(self, value):
        writes.append(1)
        if len(writes) in (3, 5):
            raise KeyboardInterrupt
        return original(self, value)

    monkeypatch.setattr(type(model.weights[0]), "assign", assign)
    with pytest.raises(KeyboardInterrupt), sanity.randomised(model):
        raise AssertionError("not reached")
    assert len(writes) > 5
    assert bits(model) == before


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_change_with_the_weights_and_edges_do_not(kind, images):
    keras.utils.set_random_seed(2)
    model = KINDS[kind]()
    model(images)
    before = bits(model)
    moving = sanity.model_randomisation(gradient, model, images, 1, verbose=False)
    still = sanity.model_randomisation(edges, model, images, 1, verbose=False)
    assert bits(model) == before
    assert moving.absolute.shape == (len(moving.layers), 3)
    assert moving.absolute[-1].max() < 0.7
    assert abs(moving.signed[-1]).max() < 0.7
    for figures in (still.absolute, still.signed, still.similarity):
        np.testing.assert_allclose(figures, 1)
    np.testing.assert_array_equal(moving.maps[0], np.abs(gradient(model, images, 1)).max(axis=-1))


def test_layers_go_from_the_logits_down_and_normalisations_with_their_convolutions():
    assert weighted_layers(KINDS["functional"]()) == [("logits",), ("conv2",), ("conv1", "norm")]
    inner = [("logits",), ("backbone/conv2",), ("backbone/conv1", "backbone/norm")]
    assert weighted_layers(KINDS["nested"]()) == inner


def test_cascading_adds_up_and_independent_does_not(images):
    keras.utils.set_random_seed(2)
    model = KINDS["functional"]()
    seen = []

    def watch(model, images, target):
        seen.append([np.array(weight.numpy()) for weight in model.weights])
        return edges(model, images, target)

    names = [weight.path for weight in model.weights]

    def changed(weights):
        return [name for name, a, b in zip(names, seen[0], weights) if not np.array_equal(a, b)]

    sanity.model_randomisation(watch, model, images, verbose=False)
    cascade = [changed(weights) for weights in seen[1:]]
    assert cascade == [
        ["logits/kernel"],
        ["conv2/kernel", "logits/kernel"],
        ["conv1/kernel", "conv2/kernel", "logits/kernel"],
    ]
    seen.clear()
    sanity.model_randomisation(watch, model, images, cascading=False, layers=["conv2", "logits"], verbose=False)
    assert [changed(weights) for weights in seen[1:]] == [["conv2/kernel"], ["logits/kernel"]]


def test_the_class_stays_that_of_the_whole_model(images):
    keras.utils.set_random_seed(2)
    model = KINDS["functional"]()
    targets = []

    def watch(model, images, target):
        targets.append(list(target))
        return edges(model, images, target)

    sanity.model_randomisation(watch, model, images, verbose=False)
    assert targets == [derivatives(model, images).classes.tolist()] * 4


def test_a_function_as_target_is_passed_on(images):
    model = KINDS["functional"]()

    def total(outputs):
        return tf.reduce_sum(outputs, axis=-1)

    found = sanity.model_randomisation(gradient, model, images, total, verbose=False)
    np.testing.assert_array_equal(found.maps[0], np.abs(gradient(model, images, total)).max(axis=-1))


def test_data_randomisation_tells_what_was_learned_from_what_is_in_the_picture():
    """A network that learns red against green, and its twin on permuted labels."""
    generator = np.random.default_rng(0)
    labels = np.arange(64) % 2
    pictures = generator.uniform(0, 0.2, (64, 8, 8, 3)).astype(np.float32)
    pictures[np.arange(64), :, :, labels] += 0.5

    def train(labels):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2)])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(0.05), loss)
        model.fit(pictures, labels, epochs=15, verbose=0)
        return model

    shuffled = sanity.permuted(labels, seed=0)
    assert sorted(shuffled) == sorted(labels)
    assert 10 < (shuffled != labels).sum() < 54
    true, noise = train(labels), train(shuffled)
    same = sanity.data_randomisation(edges, true, noise, pictures[:4])
    np.testing.assert_allclose([same.absolute, same.signed, same.similarity], 1)
    different = sanity.data_randomisation(gradient, true, noise, pictures[:4])
    assert different.signed.max() < 0.6
    np.testing.assert_array_equal(
        different.maps[1], np.abs(gradient(noise, pictures[:4], labels[:4].tolist())).max(axis=-1)
    )


def test_ready_maps_cannot_be_made_anew(images):
    with pytest.raises(TypeError, match="cannot be made anew"):
        sanity.model_randomisation(np.zeros((3, 4, 4)), KINDS["functional"](), images)
    with pytest.raises(TypeError, match="to ask both"):
        sanity.data_randomisation(np.zeros((3, 4, 4)), KINDS["functional"](), KINDS["functional"](), images)
    with (
        pytest.raises(ValueError, match="'permuted' or 'normal'"),
        sanity.randomised(KINDS["functional"](), draw="zero"),
    ):
        pass
    with pytest.raises(ValueError, match="layer 'nope' not in"):
        sanity.model_randomisation(edges, KINDS["functional"](), images, layers=["nope"])


# deletion and insertion


def truth(side=16):
    map_ = np.zeros((1, side, side), np.float32)
    map_[0, 4:8, 6:12] = 1
    return map_


def test_deletion_follows_the_closed_form():
    """24 red pixels of weight 0.5 each; black; class 1 has nothing. So p = sigmoid(0.5 (24 - deleted))."""
    model, image = planted(), np.zeros((1, 16, 16, 3), np.float32)
    image[..., 0] = 1
    curve = sanity.deletion(truth(), model, image, 0, baseline="black", steps=32, verbose=False)
    deleted = np.arange(33) * 8
    wanted = 1 / (1 + np.exp(-0.5 * np.maximum(24 - deleted, 0)))
    np.testing.assert_allclose(curve.shares, deleted / 256)
    np.testing.assert_allclose(curve.probabilities[0], wanted, atol=1e-6)
    assert curve.auc[0] == pytest.approx(np.trapezoid(wanted, deleted / 256))
    inserted = sanity.insertion(truth(), model, image, 0, baseline="black", steps=32, verbose=False)
    np.testing.assert_allclose(inserted.probabilities[0], 1 / (1 + np.exp(-0.5 * np.minimum(deleted, 24))), atol=1e-6)


def test_a_good_map_beats_a_bad_one_and_the_batch_size_does_not_matter():
    model = planted()
    image = np.random.default_rng(0).uniform(0.5, 1, (2, 16, 16, 3)).astype(np.float32)
    good = np.concatenate([truth(), truth()])
    noise = np.random.default_rng(1).uniform(size=good.shape).astype(np.float32)
    for game, sign in ((sanity.deletion, -1), (sanity.insertion, 1)):
        areas = [
            sign * game(maps, model, image, 0, baseline="black", steps=20, verbose=False).auc
            for maps in (good, noise, 1 - good)
        ]
        assert (areas[0] > areas[1]).all()
        assert (areas[1] > areas[2]).all()
        small = game(noise, model, image, 0, baseline="black", steps=20, batch_size=3, verbose=False)
        np.testing.assert_allclose(sign * small.auc, areas[1], atol=1e-6)
        alone = game(noise[:1], model, image[:1], 0, baseline="black", steps=20, verbose=False)
        np.testing.assert_allclose(alone.probabilities[0], small.probabilities[0], atol=1e-6)


def test_the_whole_picture_is_at_one_end_and_the_baseline_at_the_other(images):
    keras.utils.set_random_seed(4)
    for kind in KINDS:
        model = KINDS[kind]()
        whole, grey = (
            np.asarray(model(batch), np.float64)
            for batch in (images, np.broadcast_to(images.mean(axis=(1, 2), keepdims=True), images.shape))
        )
        if kind == "binary_sigmoid":
            wanted = np.stack([whole[:, 0], grey[:, 0]])  # the probability that the model itself gives
        elif kind == "softmax":
            wanted = np.stack([whole[:, 1], grey[:, 1]])
        else:
            wanted = np.stack([tf.nn.softmax(one)[:, 1] for one in (whole, grey)])
        curve = sanity.deletion(gradient, model, images, 1, steps=3, verbose=False)
        atol = 2e-2 if "bfloat16" in kind else 1e-5
        np.testing.assert_allclose(curve.probabilities[:, [0, -1]].T, wanted, atol=atol, err_msg=kind)
        back = sanity.insertion(gradient, model, images, 1, baseline="mean", steps=3, verbose=False)
        np.testing.assert_allclose(back.probabilities[:, [-1, 0]].T, wanted, atol=atol, err_msg=kind)


def test_the_predicted_class_is_that_of_the_whole_picture():
    model, image = planted(), np.full((1, 16, 16, 3), 0.9, np.float32)
    curve = sanity.deletion(truth(), model, image, baseline=0.0, steps=4, verbose=False)
    assert curve.probabilities[0, 0] > 0.9
    assert curve.probabilities[0, 1] < 0.5  # class 0 still, although class 1 is the predicted one by now


def test_black_is_what_the_classifier_makes_of_black():
    model = planted()
    net = Classifier(model, ("red", "green"), 16, lambda images: images / 255 - 0.5)
    image = np.full((1, 16, 16, 3), 0.5, np.float32)
    curve = sanity.deletion(truth(), net, image, "red", baseline="black", steps=1, verbose=False)
    logits = np.asarray(model(np.full((1, 16, 16, 3), -0.5, np.float32)))
    assert curve.probabilities[0, -1] == pytest.approx(float(tf.nn.softmax(logits)[0, 0]))


def test_equal_pixels_go_in_no_direction():
    """A map that is zero everywhere must not eat the picture from the top."""
    inputs = keras.Input((16, 16, 1))
    top = keras.layers.Cropping2D(((0, 8), (0, 0)))(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(top)))
    model.layers[-1].set_weights([np.array([[4.0, 0]]), np.zeros(2)])
    image = np.ones((1, 16, 16, 1), np.float32)
    curve = sanity.deletion(np.zeros((1, 4, 4)), model, image, 0, baseline="black", steps=16, verbose=False)
    logits = np.log(curve.probabilities[0] / (1 - curve.probabilities[0]))
    np.testing.assert_allclose(logits, 4 * (1 - curve.shares), atol=0.7)
    assert not np.allclose(logits[:8], 4 * (1 - 2 * curve.shares[:8]), atol=0.7)


def test_a_function_as_target_gives_its_own_curve():
    model, image = planted(), np.ones((1, 16, 16, 3), np.float32)

    def red(outputs):
        return outputs[:, 0]

    curve = sanity.deletion(truth(), model, image, red, baseline="black", steps=32, verbose=False)
    np.testing.assert_allclose(curve.probabilities[0], 0.5 * np.maximum(24 - 8 * np.arange(33), 0), atol=1e-5)


def test_coarse_maps_are_enlarged_where_their_cells_are():
    """Cell (1, 2) of a 4x4 map covers rows 4..7, columns 8..11 of 16 pixels."""
    maps = np.zeros((1, 4, 4), np.float32)
    maps[0, 1, 2] = 1
    game = sanity.pointing_game(maps, None, np.zeros((1, 16, 16, 3)), [(8, 4, 12, 8)], tolerance=0)
    assert game.hits.all()
    assert (4 <= game.points[0, 1] < 8) and (8 <= game.points[0, 0] < 12)


def test_bad_arguments_of_the_curves(images):
    model = KINDS["functional"]()
    with pytest.raises(ValueError, match="'black', 'mean', 'blur'"):
        sanity.deletion(gradient, model, images, baseline="grey")
    with pytest.raises(ValueError, match="fits images of shape"):
        sanity.deletion(gradient, model, images, baseline=np.zeros((2, 5)))
    with pytest.raises(ValueError, match="steps is 0"):
        sanity.insertion(gradient, model, images, steps=0)
    with pytest.raises(ValueError, match="for 3 images"):
        sanity.insertion(np.zeros((2, 4, 4)), model, images)
    with pytest.raises(ValueError, match="NaN"):
        sanity.insertion(np.full((3, 4, 4), np.nan), model, images)
    with pytest.raises(TypeError, match="an explanation is"):
        sanity.insertion("gradient", model, images)


def test_blur_keeps_the_colours_and_loses_the_picture():
    from cnnviz.sanity.deletion import _baseline

    photograph = data.resize(data.photo("cat"), (96, 96))[None].astype(np.float32)
    blurred = _baseline(KINDS["functional"](), photograph, "blur")
    np.testing.assert_allclose(blurred.mean(axis=(1, 2)), photograph.mean(axis=(1, 2)), rtol=0.1)
    assert np.abs(np.diff(blurred, axis=1)).max() < 0.1 * np.abs(np.diff(photograph, axis=1)).max()


# pointing


def test_pointing_game_by_hand():
    maps = np.zeros((5, 40, 50), np.float32)
    maps[0, 10, 20] = 1  # inside
    maps[1, 10, 34] = 1  # its centre is 4.5 pixels to the right of the box
    maps[2, 23, 33] = 1  # 3.5 to the right, 3.5 below: 4.95 away
    maps[3, 39, 49] = 1  # far
    box = np.array([10, 5, 30, 20])
    boxes = [box, [box], np.array([box, [0, 0, 2, 2]]), box, [0, 0, 5, 5]]  # the last map points nowhere

    def play(tolerance):
        return sanity.pointing_game(maps, None, np.zeros((5, 40, 50, 3)), boxes, tolerance=tolerance)

    assert play(0).hits.tolist() == [True, False, False, False, False]
    assert play(4.6).hits.tolist() == [True, True, False, False, False]
    assert play(5).hits.tolist() == [True, True, True, False, False]
    assert play(5).points.tolist() == [[20, 10], [34, 10], [33, 23], [49, 39], [-1, -1]]
    assert play(0).chance == pytest.approx((4 * 20 * 15 + 2 * 2 + 5 * 5) / 5 / (40 * 50))


def test_pointing_game_by_class_on_scenes():
    """Maps made of the truth hit always, of its opposite never; classes count alike, whatever their number."""
    scenes = [data.scenes.scene(seed, 64) for seed in range(8)]
    images = np.stack([scene.image for scene in scenes]).astype(np.float32)
    boxes = [scene.boxes[scene.box_classes == scene.box_classes[0]] for scene in scenes]
    classes = [data.scenes.OBJECT_CLASSES[scene.box_classes[0]] for scene in scenes]
    masks = np.stack([scene.instance_masks[0] for scene in scenes]).astype(np.float32)
    game = sanity.pointing_game(lambda *_: masks, None, images, boxes, classes=classes, tolerance=0)
    assert game.accuracy == game.mean == 1
    assert set(game.per_class) == set(classes)
    halves = np.where((np.array(classes) == classes[0])[:, None, None], masks, -masks)
    outside = sanity.pointing_game(halves, None, images, boxes, classes=classes, tolerance=0)
    assert outside.per_class[classes[0]] == 1
    assert outside.mean == pytest.approx(np.mean(list(outside.per_class.values())))
    assert 0 < game.chance < 0.5


def test_bad_arguments_of_the_pointing_game():
    maps, images = np.zeros((1, 4, 4)), np.zeros((1, 8, 8, 3))
    with pytest.raises(ValueError, match="boxes are given for 2"):
        sanity.pointing_game(maps, None, images, [(0, 0, 1, 1)] * 2)
    with pytest.raises(ValueError, match="image 0 has no boxes"):
        sanity.pointing_game(maps, None, images, [np.zeros((0, 4))])
    with pytest.raises(ValueError, match="x2 > x1"):
        sanity.pointing_game(maps, None, images, [(5, 5, 2, 6)])
    with pytest.raises(ValueError, match="tolerance is -1"):
        sanity.pointing_game(maps, None, images, [(0, 0, 1, 1)], tolerance=-1)
    with pytest.raises(ValueError, match="classes names 2"):
        sanity.pointing_game(maps, None, images, [(0, 0, 1, 1)], classes=["a", "b"])
