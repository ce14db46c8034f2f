import itertools
import math
import os
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from fcn.losses import Combined, CrossEntropy, Dice, Focal, Jaccard, Lovasz, median_frequency_weights

CLASSES = 4
LOSSES = {
    "cross_entropy": lambda **options: CrossEntropy(**options),
    "weighted": lambda **options: CrossEntropy([0.5, 2, 0, 3], **options),
    "focal": lambda **options: Focal(2, **options),
    "flat focal": lambda **options: Focal(0.5, [1, 2, 3, 4], **options),
    "dice": lambda **options: Dice(**options),
    "jaccard": lambda **options: Jaccard(**options),
    "lovasz": lambda **options: Lovasz(**options),
    "combined": lambda name="both", **options: Combined([Focal(2, **options), Dice(**options)], [2, 0.5], name=name),
}
MODES = {
    "eager": lambda function: function,
    "XLA": lambda function: tf.function(function, jit_compile=True),
    "unknown": lambda function: tf.function(
        function,
        input_signature=[
            tf.TensorSpec([None, None, None], tf.int32),
            tf.TensorSpec([None, None, None, CLASSES], tf.float32),
        ],
    ),
}


def sample(seed=0, shape=(2, 5, 7), classes=CLASSES, void=255, void_share=0.2, held=CLASSES):
    """Labels of the first ``held`` classes with some void, and logits."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, held, shape).astype(np.int32)
    labels[generator.uniform(size=shape) < void_share] = void
    return labels, generator.normal(0, 2, (*shape, classes)).astype(np.float32)


def softmax(logits):
    exponentials = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def union_lost(wrong, truth):
    """1 - IoU of a class of which the pixels in the set ``wrong`` are wrong (Berman et al., equation 6)."""
    truth = set(truth)
    return len(wrong) / len(truth | wrong) if truth | wrong else 0


def slow(name, labels, logits, void=255):
    """Each loss, pixel by pixel, by its definition, in float64."""
    if name == "combined":
        return 2 * slow("focal", labels, logits, void) + 0.5 * slow("dice", labels, logits, void)
    rows, truth = softmax(logits).reshape(-1, logits.shape[-1]), labels.ravel()
    rows, truth = rows[truth != void], truth[truth != void]
    if name in ("cross_entropy", "weighted", "focal", "flat focal"):
        weights = {"weighted": [0.5, 2, 0, 3], "flat focal": [1, 2, 3, 4]}.get(name, [1] * 9)
        gamma = {"focal": 2, "flat focal": 0.5}.get(name, 0)
        each = [-weights[t] * (1 - row[t]) ** gamma * math.log(row[t]) for row, t in zip(rows, truth)]
        return sum(each) / len(each)
    scores = []
    for label in sorted(set(truth.tolist())):
        p, y = rows[:, label], (truth == label).astype(float)
        if name == "dice":
            scores.append(1 - 2 * sum(p * y) / (sum(p) + sum(y)))
        elif name == "jaccard":
            scores.append(1 - sum(p * y) / sum(p + y - p * y))
        else:
            errors, members = abs(y - p), np.flatnonzero(y).tolist()
            order, lost = sorted(range(len(errors)), key=lambda i: -errors[i]), 0
            for k, pixel in enumerate(order):
                step = union_lost(set(order[: k + 1]), members) - union_lost(set(order[:k]), members)
                lost += errors[pixel] * step
            scores.append(lost)
    return sum(scores) / len(scores)


@pytest.mark.parametrize(
    ("name", "mode"), [*((name, "eager") for name in LOSSES), ("weighted", "unknown"), ("lovasz", "unknown")]
)
def test_every_loss_is_its_definition(name, mode):
    loss = LOSSES[name]()
    run = MODES[mode](lambda labels, logits: loss(labels, logits))
    for held in (CLASSES, 2):  # all classes, some that are not there
        labels, logits = sample(held=held)
        found = run(tf.constant(labels), tf.constant(logits))
        assert found.shape == () and found.dtype == tf.float32
        np.testing.assert_allclose(found, slow(name, labels, logits), rtol=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_those_of_small_steps(name):
    labels, logits = sample(1, shape=(1, 3, 3))
    variable = tf.Variable(logits)
    with tf.GradientTape() as tape:
        loss = LOSSES[name]()(labels, variable)
    slope = tape.gradient(loss, variable).numpy()
    for place in itertools.product(*map(range, logits.shape)):
        step = np.zeros(logits.shape)
        step[place] = 1e-5
        measured = slow(name, labels, logits + step) - slow(name, labels, logits - step)
        assert slope[place] == pytest.approx(measured / 2e-5, abs=2e-5), place


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("mode", ["eager", "XLA"])
def test_void_counts_nothing_and_gets_no_gradient(name, mode):
    labels, logits = sample(2)
    other = np.where((labels == 255)[..., None], np.float32(50), logits)
    other[labels == 255, 0] = np.resize([np.inf, -np.inf, np.nan, 1e30], (labels == 255).sum())
    loss = LOSSES[name]()

    def run(labels, logits):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            found = loss(labels, logits)
        return found, tape.gradient(found, logits)

    run = MODES[mode](run)
    (expected, slope), (found, other_slope) = (run(tf.constant(labels), tf.constant(x)) for x in (logits, other))
    np.testing.assert_allclose(expected, slow(name, labels, logits), rtol=1e-5)
    assert found == expected
    np.testing.assert_array_equal(slope, other_slope)
    assert not slope.numpy()[labels == 255].any() and slope.numpy()[labels != 255].any()

    nothing, slope = run(tf.fill(labels.shape, 255), tf.constant(logits))
    assert nothing == 0 and not slope.numpy().any()


@pytest.mark.parametrize("void", [0, 3, 11, -1, 1000])
@pytest.mark.parametrize("name", ["cross_entropy", "lovasz"])
def test_any_label_can_be_void(name, void):
    labels, logits = sample(3, void=void)
    np.testing.assert_allclose(LOSSES[name](void=void)(labels, logits), slow(name, labels, logits, void), rtol=1e-5)


def test_void_is_not_class_0():
    labels, logits = sample(4)
    wrong = slow("cross_entropy", np.where(labels == 255, 0, labels), logits)
    assert abs(float(CrossEntropy()(labels, logits)) - wrong) > 0.01


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("size", [1e3, 1e30])
def test_sure_pixels_keep_losses_and_gradients_finite(name, size):
    labels = np.array([[[0, 1, 2, 3, 255, 0]]])
    rows = np.array([[1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, -1], [1, 0, 0, 0], [0, 0, 0, 0]])
    logits = tf.Variable(size * rows[None, None].astype(np.float32))
    with tf.GradientTape() as tape:
        loss = LOSSES[name]()(labels, logits)
    assert np.isfinite(loss) and np.isfinite(tape.gradient(loss, logits)).all()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
@pytest.mark.parametrize("name", LOSSES)
def test_every_float_is_calculated_in_float32(name, dtype):
    labels, logits = sample(5, shape=(2, 40, 40))
    logits = tf.cast(logits, dtype)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        found = LOSSES[name]()(labels.astype(np.uint8), logits)
    expected = LOSSES[name]()(labels, tf.cast(logits, tf.float32))
    assert found.dtype == tf.float32 and found == expected
    assert tape.gradient(found, logits).dtype == logits.dtype


def test_focal_without_gamma_is_cross_entropy():
    labels, logits = sample(6)
    np.testing.assert_allclose(Focal(0)(labels, logits), CrossEntropy()(labels, logits), rtol=1e-6)


def test_focal_of_the_paper():
    # Two classes, logits (0, x): sigmoid(x). A pixel of p = .9 counts 100 times less than with cross-entropy.
    logits = np.array([0, math.log(9)], np.float32).reshape(1, 1, 1, 2)
    labels = np.ones((1, 1, 1), int)
    assert float(CrossEntropy()(labels, logits) / Focal(2)(labels, logits)) == pytest.approx(100, rel=1e-5)


def test_cross_entropy_of_keras_and_pytorch():
    labels, logits = sample(7)
    keras_loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=255, reduction="none")
    each = np.asarray(keras_loss(labels, logits))[labels != 255]
    np.testing.assert_allclose(CrossEntropy()(labels, logits), each.mean(), rtol=1e-5)
    torch = pytest.importorskip("torch")
    weights = [0.5, 2, 0.1, 3]
    theirs = torch.nn.functional.cross_entropy(
        torch.tensor(logits.transpose(0, 3, 1, 2)),
        torch.tensor(labels, dtype=torch.int64),
        weight=torch.tensor(weights),
        ignore_index=255,
        reduction="sum",
    )
    np.testing.assert_allclose(CrossEntropy(weights)(labels, logits), theirs / (labels != 255).sum(), rtol=1e-5)


@pytest.mark.parametrize("name", ["dice", "jaccard", "lovasz"])
def test_for_hard_predictions_the_loss_is_the_score_itself(name):
    labels, logits = sample(8, held=3)
    logits[..., 3] = -9  # a class that is nowhere
    predicted = logits.argmax(axis=-1)
    scores = []
    for label in range(3):
        truth, guess = labels == label, (predicted == label) & (labels != 255)
        iou = (truth & guess).sum() / (truth | guess).sum()
        scores.append(2 * iou / (1 + iou) if name == "dice" else iou)
    hard = 1e3 * np.eye(4, dtype=np.float32)[predicted]
    np.testing.assert_allclose(LOSSES[name]()(labels, hard), 1 - np.mean(scores), rtol=1e-5)


@pytest.mark.parametrize("name", ["dice", "jaccard", "lovasz"])
def test_a_class_that_is_not_there_is_left_out(name):
    labels, logits = sample(9, held=2)
    perfect = 100 * np.eye(4, dtype=np.float32)[np.where(labels == 255, 0, labels)]
    assert float(LOSSES[name]()(labels, perfect)) == pytest.approx(0, abs=1e-6)  # an absent class as 0 would make it .5
    wrong = 100 * np.eye(4, dtype=np.float32)[np.full(labels.shape, 3)]
    assert float(LOSSES[name]()(labels, wrong)) == pytest.approx(1)  # as 1: .75 or less


def test_lovasz_of_many_pixels_weights_each_by_what_it_takes():
    # One pixel of class 1 among a million others.
    labels = np.zeros((1, 1000, 1000), np.int32)
    labels[0, 0, 0] = 1
    logits = tf.Variable(np.zeros((1, 1000, 1000, 2), np.float32))
    with tf.GradientTape() as tape:
        loss = Lovasz()(labels, logits)
    slope = tape.gradient(loss, logits).numpy()[0, :, :, 1].ravel()
    assert float(loss) == pytest.approx(0.5, rel=1e-5)
    # All errors are .5, and of equal ones the first in the image comes first. Class 1: pixel 0 is worth 1, the others
    # 0. Class 0: pixel 0 adds 1 to a union of 999999, then each of the others takes 1 of a million.
    np.testing.assert_allclose(slope[1:], 0.25 * 0.5 * 1e-6, rtol=1e-4)
    np.testing.assert_allclose(slope[0], -0.25 * 0.5 * (1 + 1e-6), rtol=1e-4)


def tiny_model():
    inputs = keras.Input((8, 8, 3))
    return keras.Model(inputs, keras.layers.Conv2D(CLASSES, 3, padding="same")(inputs))


@pytest.mark.parametrize(
    ("name", "jit"),
    [("weighted", False), ("dice", False), ("lovasz", True)],
)
def test_training_lowers_the_loss(name, jit):
    keras.utils.set_random_seed(0)
    images = np.random.default_rng(0).normal(size=(8, 8, 8, 3)).astype(np.float32)
    labels = images.argmax(axis=-1).astype(np.uint8)
    labels[:, :2] = 255
    labels[:4][labels[:4] == 2] = 1
    model = tiny_model()
    model.compile(keras.optimizers.Adam(0.02), LOSSES[name](), jit_compile=jit)
    history = model.fit(images, labels, batch_size=4, epochs=12, verbose=0, shuffle=False).history["loss"]
    assert np.isfinite(history).all() and history[-1] < 0.9 * history[0]
    assert model.evaluate(images, np.full_like(labels, 255), verbose=0) == 0


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_serialisable(name):
    labels, logits = sample(10, void=7)
    loss = LOSSES[name](void=7, name="mine")
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert type(again) is type(loss) and again.get_config() == loss.get_config()
    assert again.name == "mine" and again(labels, logits) == loss(labels, logits)


@pytest.mark.parametrize("name", ["flat focal", "lovasz", "combined"])
def test_a_saved_model_keeps_its_loss(name, tmp_path):
    labels, logits = sample(10, shape=(1, 8, 8), void=7)
    model = tiny_model()
    model.compile("sgd", LOSSES[name](void=7))
    model.save(tmp_path / "model.keras")
    loss = keras.models.load_model(tmp_path / "model.keras").loss
    assert type(loss) is type(model.loss) and loss.get_config() == model.loss.get_config()
    assert loss(labels, logits) == model.loss(labels, logits)


def test_replicas_share_the_loss(monkeypatch):
    """Keras adds up the gradients of the replicas, so that each gives its part."""
    labels, logits = sample(11)
    whole = CrossEntropy()(labels, logits)
    monkeypatch.setattr(tf.distribute, "get_strategy", lambda: SimpleNamespace(num_replicas_in_sync=2))
    np.testing.assert_allclose(CrossEntropy()(labels, logits), whole / 2, rtol=1e-6)


def test_float_labels_in_a_graph_of_a_strategy():
    """Keras builds a model with the mean of all replicas' labels; within a replica they are as strict as ever."""
    labels, logits = sample(11)
    strategy, call = tf.distribute.OneDeviceStrategy("CPU:0"), tf.function(CrossEntropy().__call__)
    with strategy.scope():
        assert np.isfinite(call(labels.astype(np.float64), logits))
        with pytest.raises(TypeError, match="labels must be integers; got float64"):
            CrossEntropy()(labels.astype(np.float64), logits)
        with pytest.raises(TypeError, match="labels must be integers; got float64"):
            strategy.run(tf.function(CrossEntropy().__call__), (labels.astype(np.float64), logits))


def test_labels_that_are_no_class():
    labels, logits = sample(12)
    labels[0, 0, :2] = [4, 9]
    with pytest.raises(ValueError, match="labels holds 4, 9; accepted: 0 to 3, and 255 for void"):
        CrossEntropy()(labels, logits)
    with pytest.raises(ValueError, match="labels holds 255; accepted: 0 to 3, and 11 for void"):
        CrossEntropy(void=11)(*sample(12))


@pytest.mark.parametrize("name", ["weighted"])
def test_labels_that_are_no_class_in_a_graph(name):
    labels, logits = map(tf.constant, sample(12, void=11))
    with pytest.raises(tf.errors.InvalidArgumentError, match="no class, and not void"):
        tf.function(lambda labels, logits: LOSSES[name]()(labels, logits))(labels, logits)
    assert math.isnan(MODES["XLA"](lambda labels, logits: LOSSES[name]()(labels, logits))(labels, logits))


@pytest.mark.parametrize(
    ("labels", "logits", "error", "words"),
    [
        (np.zeros((1, 4, 4)), np.zeros((1, 4, 4, 3)), TypeError, "labels must be integers; got float64.*nearest"),
        (np.zeros((1, 4, 4), bool), np.zeros((1, 4, 4, 3)), TypeError, "labels must be integers; got bool"),
        (np.zeros((1, 4, 4), int), np.zeros((1, 4, 4, 3), int), TypeError, "logits must be floating-point; got int64"),
        (np.zeros((1, 4, 4, 1), int), np.zeros((1, 4, 4, 3)), ValueError, r"\(1, 4, 4, 1\), logits \(1, 4, 4, 3\)"),
        (np.zeros((1, 8, 8), int), np.zeros((1, 4, 4, 3)), ValueError, r"\(1, 8, 8\), logits \(1, 4, 4, 3\)"),
        (np.zeros((4, 4), int), np.zeros((4, 4, 3)), ValueError, r"\(4, 4\), logits \(4, 4, 3\)"),
        (np.zeros((1, 4, 4), int), np.zeros((1, 4, 4, 1)), ValueError, "a fixed number of classes is wanted, at least"),
    ],
)
def test_what_does_not_fit_is_refused(labels, logits, error, words):
    with pytest.raises(error, match=words):
        Dice()(labels, logits)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: CrossEntropy([1, -1]), ValueError, "class_weights is .* finite numbers of 0 or more"),
        (lambda: CrossEntropy([1, math.nan]), ValueError, "finite numbers of 0 or more"),
        (lambda: CrossEntropy([[1, 2]]), ValueError, r"class_weights has shape \(1, 2\)"),
        (lambda: CrossEntropy("median"), TypeError, "class_weights is 'median'"),
        (lambda: CrossEntropy([1, 2, 3])(*sample()), ValueError, "class_weights has 3 numbers, logits 4 classes"),
        (lambda: CrossEntropy(void=True), TypeError, "void is True; a whole number is wanted"),
        (lambda: Lovasz(void=0.5), TypeError, "void is 0.5"),
        (lambda: Focal(-1), ValueError, "gamma is -1; 0 or more is wanted"),
        (lambda: Focal(math.nan), ValueError, "gamma is nan"),
        (lambda: Focal("2"), TypeError, "gamma is '2'; a number is wanted"),
        (lambda: Dice()(*sample(), sample_weight=np.ones(2)), ValueError, "Dice takes no sample_weight"),
    ],
)
def test_bad_arguments(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_combined_losses_are_added_up_also_within_one_another():
    labels, logits = sample(12)
    one, two = CrossEntropy(), Jaccard()
    first, second = float(one(labels, logits)), float(two(labels, logits))
    assert float(Combined([one, two])(labels, logits)) == pytest.approx(first + second)
    nested = Combined([Combined((one, two), [3, 1]), two], [1, 2])
    assert float(nested(labels, logits)) == pytest.approx(
        3 * float(one(labels, logits)) + 3 * float(two(labels, logits))
    )
    again = keras.losses.deserialize(keras.losses.serialize(nested))
    assert float(again(labels, logits)) == float(nested(labels, logits))


@pytest.mark.parametrize(
    ("losses", "weights", "error", "words"),
    [
        ([], None, ValueError, "at least one loss, the same void"),
        ([CrossEntropy(), Dice(void=0)], None, ValueError, r"losses have void \[255, 0\]"),
        ([CrossEntropy(), keras.losses.MeanSquaredError()], None, TypeError, "losses holds .*; losses of fcn.losses"),
        (CrossEntropy(), None, TypeError, "a list of losses of fcn.losses is wanted"),
        ("cross_entropy", None, TypeError, "losses is 'cross_entropy'"),
        ([CrossEntropy()], [1, 2], ValueError, r"weights is \[1, 2\]; 1 numbers above 0"),
        ([CrossEntropy()], [0], ValueError, "numbers above 0"),
        ([CrossEntropy()], [math.nan], ValueError, "numbers above 0"),
        ([CrossEntropy()], [math.inf], ValueError, "numbers above 0"),
    ],
)
def test_what_cannot_be_combined(losses, weights, error, words):
    with pytest.raises(error, match=words):
        Combined(losses, weights)


def test_median_frequency_by_hand():
    # Class 0: 3 + 1 of 5 + 4 pixels; class 1: 1 + 1 of 5 + 4; class 2: 2 of 4, in the second image alone.
    images = [np.array([[0, 0, 0, 1, 255]]), np.array([[0, 1], [2, 2]], np.uint8)]
    np.testing.assert_allclose(median_frequency_weights(images, 3), [1, 2, 8 / 9])
    # A class in no image: no frequency, no weight, not in the median.
    np.testing.assert_allclose(median_frequency_weights(iter(images), 5), [1, 2, 8 / 9, 0, 0])
    np.testing.assert_allclose(median_frequency_weights([images[0]], 2, void=255), [2 / 3, 2])


@pytest.mark.parametrize(
    ("images", "classes", "error", "words"),
    [
        ([np.zeros((2, 2))], 2, TypeError, r"label_images\[0\] must hold integers; got float64"),
        (np.zeros((2, 2), int), 2, ValueError, r"label_images\[0\] has shape \(2,\)"),
        (
            [np.zeros((2, 2), int), np.full((2, 2), 11)],
            11,
            ValueError,
            r"label_images\[1\] holds 11; accepted: 0 to 10",
        ),
        ([np.full((2, 2), 255)], 2, ValueError, "no pixel that is not void"),
        ([], 2, ValueError, "no pixel that is not void"),
        ([np.zeros((2, 2), int)], 0, ValueError, "classes is 0"),
    ],
)
def test_median_frequency_refuses(images, classes, error, words):
    with pytest.raises(error, match=words):
        median_frequency_weights(images, classes)


def camvid_labels():
    """The label PNGs of CamVid's training set, by id, 11 is void; None where they are not at hand."""
    for folder in filter(None, os.environ.get("LECTURE_DATA", "").split(os.pathsep)):
        if files := sorted(Path(folder, "camvid", "trainannot").glob("*.png")):
            return files
    return None


def test_median_frequency_of_camvid():
    files = camvid_labels()
    if files is None:
        pytest.skip("CamVid is not at hand (LECTURE_DATA/camvid/trainannot)")
    assert len(files) == 367
    weights = median_frequency_weights((np.asarray(Image.open(file)) for file in files), 11, void=11)
    # Sky Building Pole Road Pavement Tree SignSymbol Fence Car Pedestrian Bicyclist. SegNet published 9.6446 for
    # SignSymbol, which these labels do not give.
    table = [0.2793, 0.2017, 4.7865, 0.1490, 1.0, 0.4217, 3.8467, 1.9736, 0.7889, 6.3747, 8.8587]
    np.testing.assert_allclose(weights, table, atol=6e-5)
