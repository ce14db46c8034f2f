import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from fcn.losses import CrossEntropy
from fcn.metrics import (
    ClassAverage,
    ConfusionMatrix,
    FrequencyWeightedIoU,
    GlobalAccuracy,
    MeanDice,
    MeanIoU,
    boundary_f1,
    class_average,
    class_scores,
    confusion_matrix,
    dice,
    frequency_weighted_iou,
    global_accuracy,
    mean_iou,
    per_class_table,
)

METRICS = {
    MeanIoU: mean_iou,
    GlobalAccuracy: global_accuracy,
    ClassAverage: class_average,
    FrequencyWeightedIoU: frequency_weighted_iou,
    MeanDice: dice,
}
CLASSES = 5


def sample(seed=0, shape=(3, 6, 8), held=CLASSES, void_share=0.2):
    """Labels of the first ``held`` classes with some void, and logits that are right now and then."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, held, shape)
    logits = generator.normal(size=(*shape, CLASSES)) + 1.5 * np.eye(CLASSES)[labels]
    logits[..., held:] = -9
    labels[generator.uniform(size=shape) < void_share] = 255
    return labels, logits.astype(np.float32)


def by_hand(labels, predictions, classes=CLASSES, void=255):
    """Scores from sets of pixels, without a matrix, class by class."""
    labels, predictions = labels.ravel(), predictions.ravel()
    kept = [(t, p) for t, p in zip(labels.tolist(), predictions.tolist()) if t != void]
    ious, accuracies, scores, weighted = [], [], [], 0
    for c in range(classes):
        true, guess = ({i for i, pair in enumerate(kept) if pair[k] == c} for k in (0, 1))
        if true | guess:
            ious.append(len(true & guess) / len(true | guess))
            scores.append(2 * len(true & guess) / (len(true) + len(guess)))
            weighted += len(true) * ious[-1]
        if true:
            accuracies.append(len(true & guess) / len(true))
    return {
        mean_iou: np.mean(ious),
        global_accuracy: np.mean([t == p for t, p in kept]),
        class_average: np.mean(accuracies),
        frequency_weighted_iou: weighted / len(kept),
        dice: np.mean(scores),
    }


def counted(labels, predictions, classes=CLASSES, void=255):
    """A confusion matrix, pixel by pixel."""
    matrix = np.zeros((classes, classes), int)
    for t, p in zip(labels.ravel(), predictions.ravel()):
        if t != void:
            matrix[t, p] += 1
    return matrix


@pytest.mark.parametrize("held", [CLASSES, 3], ids=["all", "two absent"])
def test_scores_are_their_definitions(held):
    labels, logits = sample(held=held)
    predictions = logits.argmax(axis=-1)
    matrix = confusion_matrix(labels, predictions, CLASSES)
    assert matrix.dtype == np.int64
    np.testing.assert_array_equal(matrix, counted(labels, predictions))
    for score, expected in by_hand(labels, predictions).items():
        assert score(matrix) == pytest.approx(expected, rel=1e-12), score.__name__


def test_confusion_matrix_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    labels, logits = sample(1)
    valid, predictions = labels != 255, logits.argmax(axis=-1)
    theirs = metrics.confusion_matrix(labels[valid], predictions[valid], labels=range(CLASSES))
    np.testing.assert_array_equal(confusion_matrix(labels, predictions, CLASSES), theirs)
    iou = metrics.jaccard_score(labels[valid], predictions[valid], average="macro")
    assert mean_iou(theirs) == pytest.approx(iou)


def test_scores_of_torchmetrics_and_segmentation_models():
    """What torchmetrics 1.9.0 and segmentation-models-pytorch 0.6.0 say of these labels, in float32.

    torchmetrics: MulticlassJaccardIndex ("macro", "weighted"), MulticlassAccuracy ("micro", "macro") and
    MulticlassF1Score ("macro") with ``ignore_index=255``; of the other `iou_score`, `recall` and `f1_score` of
    `get_stats` with reduction "macro", the same to six digits.
    """
    labels, logits = sample(5, (4, 24, 32))
    matrix = confusion_matrix(labels, logits.argmax(axis=-1), CLASSES)
    theirs = {
        mean_iou: 0.4699705,
        frequency_weighted_iou: 0.4698891,
        global_accuracy: 0.6390364,
        class_average: 0.6393074,
        dice: 0.6392176,
    }
    for score, expected in theirs.items():
        assert score(matrix) == pytest.approx(expected, abs=2e-7), score.__name__


def test_scores_of_keras():
    labels, logits = sample(2)
    theirs = keras.metrics.MeanIoU(CLASSES, ignore_class=255)
    theirs.update_state(labels, logits.argmax(axis=-1))
    assert mean_iou(confusion_matrix(labels, logits.argmax(axis=-1), CLASSES)) == pytest.approx(float(theirs.result()))


def test_an_absent_class_is_left_out():
    perfect = [[3, 0, 0], [0, 5, 0], [0, 0, 0]]
    half = [[2, 2, 0], [0, 4, 0], [0, 0, 0]]
    for score in METRICS.values():
        assert score(perfect) == 1
        assert score(half) == pytest.approx(score(np.array(half)[:2, :2]))
    # Present in the prediction alone: it counts, with an IoU of 0; it has no accuracy of its own.
    predicted_only = [[3, 0, 1], [0, 4, 0], [0, 0, 0]]
    assert mean_iou(predicted_only) == pytest.approx((3 / 4 + 1 + 0) / 3)
    assert dice(predicted_only) == pytest.approx((6 / 7 + 1 + 0) / 3)
    assert class_average(predicted_only) == pytest.approx((3 / 4 + 1) / 2)


def test_of_nothing_there_is_no_score():
    assert all(math.isnan(score(np.zeros((3, 3)))) for score in METRICS.values())
    assert all(math.isnan(metric(3).result()) for metric in METRICS)


def test_the_micro_average_is_pixel_accuracy_in_disguise():
    for matrix in (np.array([[45, 5], [5, 45]]), np.array([[90, 0], [10, 0]]), counted(*predicted(3))):
        hits = np.trace(matrix)
        micro, accuracy = hits / (2 * matrix.sum() - hits), global_accuracy(matrix)
        assert micro == pytest.approx(accuracy / (2 - accuracy))
    # The same accuracy, so the same "micro IoU"; the mean over classes knows them apart.
    spread, lost = np.array([[45, 5], [5, 45]]), np.array([[90, 0], [10, 0]])
    assert global_accuracy(spread) == global_accuracy(lost) == 0.9
    assert mean_iou(spread) == pytest.approx(45 / 55) and mean_iou(lost) == pytest.approx(0.45)


def predicted(seed, **options):
    labels, logits = sample(seed, **options)
    return labels, logits.argmax(axis=-1)


def test_void_is_not_class_0():
    labels, predictions = predicted(4)
    with_void_as_0 = confusion_matrix(np.where(labels == 255, 0, labels), predictions, CLASSES)
    matrix = confusion_matrix(labels, predictions, CLASSES)
    assert matrix.sum() == (labels != 255).sum() and with_void_as_0.sum() == labels.size
    assert abs(mean_iou(matrix) - mean_iou(with_void_as_0)) > 0.01
    # What is predicted where there is void changes nothing.
    np.testing.assert_array_equal(confusion_matrix(labels, np.where(labels == 255, 77, predictions), CLASSES), matrix)
    metric = MeanIoU(CLASSES)
    metric.update_state(labels, np.eye(CLASSES)[np.where(labels == 255, 0, predictions)])
    assert float(metric.result()) == pytest.approx(mean_iou(matrix))


@pytest.mark.parametrize("mode", ["eager", "graph", "XLA"])
def test_a_metric_is_of_the_whole_set_and_not_of_its_batches(mode):
    metrics = [metric(CLASSES) for metric in METRICS]
    wrap = {"eager": lambda f: f, "graph": tf.function, "XLA": lambda f: tf.function(f, jit_compile=True)}[mode]
    update = wrap(lambda labels, logits: [metric.update_state(labels, logits) for metric in metrics])
    results = wrap(lambda: [metric.result() for metric in metrics])
    batches = []
    for seed, held in enumerate((2, 3, 5)):
        labels, logits = sample(seed, held=held, void_share=0.85 * (seed == 2))
        logits[:, : 3 * seed] *= -1  # batches of different sizes, classes and difficulty
        update(tf.constant(labels), tf.constant(logits))
        batches.append(counted(labels, logits.argmax(axis=-1)))
    for metric, found in zip(metrics, results()):
        score = METRICS[type(metric)]
        np.testing.assert_array_equal(metric.counts, sum(batches))
        assert float(found) == pytest.approx(score(sum(batches)), rel=1e-12)
        assert abs(np.mean([score(batch) for batch in batches]) - float(found)) > 0.01
        metric.reset_state()
        assert not np.asarray(metric.counts).any() and math.isnan(metric.result())


@pytest.mark.parametrize(
    ("metrics", "jit", "floats"), [([*METRICS], False, "float32"), ([MeanIoU, MeanDice], True, "mixed_bfloat16")]
)
def test_metrics_in_compile_and_fit(metrics, jit, floats):
    labels, images = sample(5, shape=(7, 6, 8))
    # The logits are the image itself, with what a bfloat16 keeps of it.
    images = np.asarray(tf.cast(tf.cast(images, tf.bfloat16), tf.float32))
    model = keras.Sequential([keras.Input((6, 8, CLASSES)), keras.layers.Rescaling(1.0, dtype=floats)])
    metrics = [metric(CLASSES) for metric in metrics]
    model.compile("sgd", CrossEntropy(), metrics=metrics, jit_compile=jit)
    expected = by_hand(labels, images.argmax(axis=-1))
    with pytest.warns(UserWarning, match="trainable weights"):
        history = model.fit(images, labels, batch_size=3, epochs=2, verbose=0, validation_data=(images, labels)).history
    for metric in metrics:
        for key in (metric.name, f"val_{metric.name}"):
            np.testing.assert_allclose(history[key], expected[METRICS[type(metric)]], rtol=1e-6)


def test_metrics_count_beyond_2_to_the_24():
    metric = ConfusionMatrix(2)
    metric.counts.assign([[2.0**24, 0], [2.0**40, 2.0**52]])
    metric.update_state(np.zeros((1, 1, 1), int), np.array([[[[1.0, 0]]]]))
    metric.update_state(np.ones((1, 1, 1), int), np.array([[[[1.0, 0]]]]))
    metric.update_state(np.ones((1, 1, 1), int), np.array([[[[0.0, 1]]]]))
    assert np.asarray(metric.result()).tolist() == [[2**24 + 1, 0], [2**40 + 1, 2**52 + 1]]


@pytest.mark.parametrize("metric", [ConfusionMatrix, *METRICS])
def test_metrics_are_serialisable(metric):
    again = keras.metrics.deserialize(keras.metrics.serialize(metric(3, void=7, name="mine")))
    assert type(again) is metric and (again.classes, again.void, again.name) == (3, 7, "mine")


def test_labels_that_are_no_class():
    labels, logits = sample(6)
    labels[0, 0, 0] = 5
    with pytest.raises(ValueError, match="labels holds 5; accepted: 0 to 4, and 255 for void"):
        MeanIoU(CLASSES).update_state(labels, logits)
    with pytest.raises(tf.errors.InvalidArgumentError, match="no class, and not void"):
        tf.function(MeanIoU(CLASSES).update_state)(tf.constant(labels), tf.constant(logits))
    metric = MeanIoU(CLASSES)
    tf.function(metric.update_state, jit_compile=True)(tf.constant(labels), tf.constant(logits))
    assert math.isnan(metric.result())


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: MeanIoU(1), ValueError, "classes is 1; at least 2 is wanted"),
        (lambda: MeanIoU(3).update_state(*sample()), ValueError, r"mean_iou counts 3 classes; logits .*\(3, 6, 8, 5\)"),
        (lambda: MeanIoU(5).update_state(*sample(), np.ones(3)), ValueError, "MeanIoU takes no sample_weight"),
        (lambda: MeanIoU(5).update_state(sample()[0][:, :5], sample()[1]), ValueError, r"\(3, 5, 8\), logits \(3, 6,"),
        (lambda: mean_iou(np.zeros((2, 3))), ValueError, r"matrix has shape \(2, 3\)"),
        (lambda: dice([[1, -1], [0, 0]]), ValueError, "negative"),
        (lambda: global_accuracy([[1, math.nan], [0, 0]]), ValueError, "NaN"),
        (lambda: mean_iou([[True, False], [False, True]]), TypeError, "matrix holds bool"),
        (lambda: confusion_matrix(np.zeros(3), np.zeros(3, int), 2), TypeError, "labels must be integers; got float64"),
        (lambda: confusion_matrix(np.zeros(3, int), np.zeros(4, int), 2), ValueError, r"\(3,\), predictions \(4,\)"),
        (lambda: confusion_matrix(np.zeros(3, int), np.full(3, 2), 2), ValueError, "predictions holds 2.*: 0 to 1$"),
        (lambda: confusion_matrix(np.full(3, 9), np.zeros(3, int), 2), ValueError, "labels holds 9; accepted: 0 to 1,"),
        (lambda: per_class_table(np.eye(2), ["a"]), ValueError, "class_names has 1 names, matrix 2 classes"),
        (lambda: per_class_table(np.eye(2), "ab"), TypeError, "class_names is 'ab'"),
    ],
)
def test_bad_arguments(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_scores_of_each_class_and_their_table():
    matrix = [[30, 10, 0, 0], [0, 50, 0, 0], [5, 0, 0, 5], [0, 0, 0, 0]]
    scores = class_scores(matrix)
    np.testing.assert_allclose(scores["share"], [0.4, 0.5, 0.1, 0])
    np.testing.assert_allclose(scores["accuracy"], [0.75, 1, 0, math.nan])
    np.testing.assert_allclose(scores["iou"], [30 / 45, 50 / 60, 0, 0])
    np.testing.assert_allclose(scores["dice"], [60 / 75, 100 / 110, 0, 0])
    lines = per_class_table(matrix, ["sky", "road", "a|b", "pedestrian"]).splitlines()
    assert len({len(line) for line in lines[:7]}) == 1, "columns that do not stand below one another"
    assert lines[4].split() == ["|", "a\\|b", "|", "10.0", "|", "0.0", "|", "0.0", "|", "0.0", "|"]
    assert lines[6].split() == ["|", "mean", "|", "|", "58.3", "|", "37.5", "|", "42.7", "|"]
    assert "80.0" in lines[-1] and f"{100 * (0.4 * 30 / 45 + 0.5 * 50 / 60):.1f}" in lines[-1]


def slow_boundary_f1(labels, predictions, tolerance=0.0075, void=255):
    """Every pixel of one boundary against every pixel of the other."""

    def boundary(image, label):
        found = []
        for (row, column), value in np.ndenumerate(image):
            if value == label:
                for near in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
                    inside = 0 <= near[0] < image.shape[0] and 0 <= near[1] < image.shape[1]
                    if inside and image[near] not in (label, void):
                        found.append((row, column))
                        break
        return found

    images = []
    for truth, guess in zip(labels, predictions):
        guess = np.where(truth == void, void, guess)
        reach = tolerance * math.hypot(*truth.shape)
        classes = []
        for label in sorted(set(truth.ravel().tolist()) - {void}):
            t, g = boundary(truth, label), boundary(guess, label)
            if not t and not g:
                continue
            precision = sum(any(math.dist(a, b) <= reach for b in t) for a in g) / max(len(g), 1)
            recall = sum(any(math.dist(a, b) <= reach for b in g) for a in t) / max(len(t), 1)
            classes.append(2 * precision * recall / (precision + recall) if precision + recall else 0)
        if classes:
            images.append(sum(classes) / len(classes))
    return sum(images) / len(images) if images else math.nan


def blocks(seed, shape=(2, 18, 24), classes=4, void_share=0.0):
    """Labels in large pieces, and the same moved and disturbed a little."""
    generator = np.random.default_rng(seed)
    coarse = generator.integers(0, classes, (shape[0], shape[1] // 6, shape[2] // 6))
    labels = coarse.repeat(6, axis=1).repeat(6, axis=2)
    predictions = np.roll(labels, (1, 2), axis=(1, 2))
    noise = generator.uniform(size=shape) < 0.03
    predictions[noise] = generator.integers(0, classes, noise.sum())
    labels[generator.uniform(size=shape) < void_share] = 255
    return labels, predictions


@pytest.mark.parametrize("tolerance", [0, 0.0075, 0.04, 0.08, 1])
@pytest.mark.parametrize("void_share", [0, 0.1])
def test_boundary_f1_is_that_of_a_loop(tolerance, void_share):
    labels, predictions = blocks(7, void_share=void_share)
    expected = slow_boundary_f1(labels, predictions, tolerance)
    assert boundary_f1(labels, predictions, tolerance=tolerance) == pytest.approx(expected, abs=1e-12)


def test_boundary_f1_by_hand():
    labels = np.zeros((1, 30, 40), int)  # the diagonal is 50
    labels[:, :, 20:] = 1
    shifted = np.roll(labels, 2, axis=2)
    shifted[:, :, :2] = 0
    assert boundary_f1(labels, labels) == boundary_f1(labels, labels, tolerance=0) == 1
    assert boundary_f1(labels, shifted, tolerance=0.039) == 0  # 1.95 pixels
    assert boundary_f1(labels, shifted, tolerance=0.04) == 1  # 2 pixels
    assert boundary_f1(labels, np.zeros_like(labels)) == 0
    # A third class, in the prediction alone, spoils only what it touches: it is no class of the image.
    extra = labels.copy()
    extra[:, 10, 5] = 2
    precision = 30 / 34
    assert boundary_f1(labels, extra) == pytest.approx((2 * precision / (1 + precision) + 1) / 2)


def test_boundary_f1_and_void():
    labels = np.zeros((30, 40), int)
    labels[:, 20:] = 1
    covered = labels.copy()
    covered[:, 18:22] = 255  # nobody knows where the edge is
    assert math.isnan(boundary_f1([covered], [np.zeros_like(labels) + (labels == 1)]))
    assert math.isnan(boundary_f1([np.full((4, 4), 255)], [np.zeros((4, 4), int)]))
    # An image without a boundary is left out, and sizes may differ.
    assert boundary_f1([labels, np.zeros((4, 4), int)], [labels, np.zeros((4, 4), int)]) == 1


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: boundary_f1(*blocks(0), tolerance=5), ValueError, "tolerance is 5; a share of the diagonal"),
        (lambda: boundary_f1(*blocks(0), tolerance=math.nan), ValueError, "tolerance is nan"),
        (lambda: boundary_f1(blocks(0)[0], blocks(0)[1][:1]), ValueError, "labels has 2 images, predictions 1"),
        (lambda: boundary_f1(blocks(0)[0], blocks(0)[1][:, :9]), ValueError, r"\(18, 24\), predictions\[0\] \(9, 24\)"),
        (lambda: boundary_f1(blocks(0)[0], blocks(0)[1] * 1.0), TypeError, r"predictions\[0\] must hold integers"),
        (lambda: boundary_f1(*blocks(0), void=2), ValueError, r"predictions\[0\] holds 2, which is void"),
    ],
)
def test_boundary_f1_refuses(call, error, words):
    with pytest.raises(error, match=words):
        call()
