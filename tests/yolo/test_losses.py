"""The three losses, against Darknet's own numbers, against slow loops, and at the edges of what numbers can be."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.yolo import slow_losses
from yolo import boxes as measures
from yolo.boxes import convert
from yolo.decoding import decode_v3_head
from yolo.losses import Terms, darknet_delta, loss_v1, loss_v2, loss_v3
from yolo.losses.entropy import objectness, smoothed
from yolo.losses.overlap import best_overlap
from yolo.losses.terms import added_up
from yolo.losses.v1 import responsible
from yolo.losses.v3 import parts_v3
from yolo.targets.truths import read_truths

ANCHORS = [(5, 7), (10, 14), (23, 27), (37, 58), (50, 40), (75, 80)]
MASKS = [(3, 4, 5), (0, 1, 2)]
SIZE = (96, 160)  # the grids are 3 x 5 and 6 x 10
CELLS = [(0.4, 0.6), (1.2, 0.9), (2.5, 2.8)]
CLASSES = 3


def some_heads(seed=0, batch=3, classes=CLASSES, spread=1.0):
    rng = np.random.default_rng(seed)
    shapes = [(batch, 3, 5, 3, 5 + classes), (batch, 6, 10, 3, 5 + classes)]
    return [rng.normal(0, spread, shape) for shape in shapes]


def flat(head):
    return head.reshape(*head.shape[:3], -1)


def some_truths(seed=0, batch=3):
    rng = np.random.default_rng(seed + 1000)
    truths = slow_losses.draw_truths(rng, batch, 7, CLASSES)
    if not any(truths):
        truths[0] = [(0.5, 0.5, 0.25, 0.5, 1)]
    return truths


def summed(terms):
    return {name: float(tf.reduce_sum(value)) for name, value in terms.named().items()}


def test_v3_is_darknets():
    """Delta and cost of the C program, commit f6afaab, on a batch of two pictures; two truths share a cell."""
    frozen = np.load(Path(__file__).with_name("frozen_yolov3_loss.npz"))
    truths = frozen["truths"].astype(np.float64)
    boxes = convert(truths[..., :4] * 96, "cxcywh", "xyxy")
    classes = np.where(truths[..., 2] > 0, truths[..., 4], -1).astype(int)
    heads = [frozen["train_logits_coarse"], frozen["train_logits_fine"]]
    found = darknet_delta("v3", heads, boxes, classes, ANCHORS, MASKS, 96)
    for name, delta, cost in zip(("coarse", "fine"), found.deltas, found.costs):
        assert np.abs(delta - frozen[f"delta_{name}"]).max() < 1e-6
        assert float(cost) == pytest.approx(float(frozen[f"cost_{name}"]), rel=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_v3_against_loops(seed):
    """A picture that is not square, truths in one cell, pictures without any, anchors in two masks and in none."""
    heads, truths = some_heads(seed), some_truths(seed)
    boxes, classes = slow_losses.pixels(truths, SIZE)
    for masks in (MASKS, [(3, 4, 5), (1, 2, 3)]):
        arguments = [flat(head) for head in heads], boxes, classes, ANCHORS, masks, SIZE
        deltas, terms = slow_losses.v3(heads, truths, ANCHORS, masks, SIZE)
        found = darknet_delta("v3", *arguments)
        for delta, expected, cost in zip(found.deltas, deltas, found.costs):
            assert np.abs(delta - flat(expected)).max() < 1e-12
            assert float(cost) == pytest.approx((expected**2).sum(), rel=1e-12)
        loss = loss_v3(*arguments)
        assert loss.box.shape == (3,)
        assert summed(loss) == pytest.approx(terms, rel=1e-12)


@pytest.mark.parametrize("seen", [0, 12_799, 12_800])
def test_v2_against_loops(seen):
    head, truths = some_heads(seen)[1], some_truths(seen % 7)
    boxes, classes = slow_losses.pixels(truths, SIZE)
    for ignore, scales in ((0.6, (1.0, 5.0, 1.0, 1.0)), (0.3, (2.0, 3.0, 0.5, 0.7))):
        expected, terms = slow_losses.v2(head, truths, CELLS, seen, ignore, scales)
        names = ("coord_scale", "object_scale", "noobject_scale", "class_scale")
        options = {"seen": seen, "ignore": ignore, **dict(zip(names, scales))}
        found = darknet_delta("v2", flat(head), boxes, classes, CELLS, SIZE, **options)
        assert np.abs(found.deltas[0] - flat(expected)).max() < 1e-12
        assert float(found.costs[0]) == pytest.approx((expected**2).sum(), rel=1e-12)
        assert summed(loss_v2(flat(head), boxes, classes, CELLS, SIZE, **options)) == pytest.approx(terms, rel=1e-12)
    assert (terms["priors"] == 0) == (seen == 12_800)


def test_v2_gradient_passes_the_sigmoids():
    """By the logits it is Darknet's delta times the slope of the sigmoid: x, y and objectness."""
    head, truths = some_heads(5)[0], some_truths(5)
    boxes, classes = slow_losses.pixels(truths, SIZE)
    logits = tf.constant(flat(head))
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = tf.reduce_sum(loss_v2(logits, boxes, classes, CELLS, SIZE, seen=0).total)
    slope = np.ones(head.shape)
    for index in (0, 1, 4):
        p = 1 / (1 + np.exp(-head[..., index]))
        slope[..., index] = p * (1 - p)
    delta = darknet_delta("v2", flat(head), boxes, classes, CELLS, SIZE, seen=0).deltas[0]
    assert np.abs(tape.gradient(loss, logits) + delta.numpy() * flat(slope)).max() < 1e-12


@pytest.mark.parametrize("seed", range(4))
def test_v1_against_loops(seed):
    """Boxes small and off, so that often none touches its truth and the nearest is taken."""
    rng = np.random.default_rng(seed)
    outputs = rng.normal(0.2, 0.4, (3, 9 * (CLASSES + 10)))
    truths = some_truths(seed)
    boxes, classes = slow_losses.pixels(truths, SIZE)
    expected, terms = slow_losses.v1(outputs, truths, 3, CLASSES)
    found = darknet_delta("v1", outputs, boxes, classes, SIZE, 3, CLASSES)
    assert np.abs(found.deltas[0] - expected).max() < 1e-12
    assert float(found.costs[0]) == pytest.approx((expected**2).sum(), rel=1e-12)
    assert summed(loss_v1(outputs, boxes, classes, SIZE, 3, CLASSES)) == pytest.approx(terms, rel=1e-12)


def test_v1_by_hand():
    """One cell, one class, one truth of a quarter of the picture: every term on paper."""
    #                   class, two confidences, two boxes: one that is right, one that is far
    outputs = np.array([[0.5, 0.7, 0.2, 0.5, 0.5, 0.5**0.5, 0.5**0.5, 0.0, 0.0, 0.1, 0.1]])
    boxes, classes = np.array([[[25.0, 25.0, 75.0, 75.0]]]), np.array([[0]])
    terms = summed(loss_v1(outputs, boxes, classes, 100, 1, 1))
    expected = {"box": 0, "objectness": 0.3**2, "no_objectness": 0.5 * 0.2**2, "classes": 0.5**2}
    assert terms == pytest.approx(expected, abs=1e-12)
    away = outputs.copy()
    away[0, 3] = 0.4  # x of the box that is responsible: IoU 40 * 50 / 3000
    terms = summed(loss_v1(away, boxes, classes, 100, 1, 1))
    assert terms["box"] == pytest.approx(5 * 0.01)
    assert terms["objectness"] == pytest.approx((2 / 3 - 0.7) ** 2)
    one = summed(loss_v1(away, boxes, classes, 100, 1, 1, rescore=False, lambda_coord=1, lambda_noobj=2))
    assert one == pytest.approx({"box": 0.01, "objectness": 0.09, "no_objectness": 0.08, "classes": 0.25})
    straight = outputs.copy()
    straight[0, 5:7] = 0.5, 0.4  # without roots: half of the width, 40 % of the height
    terms = summed(loss_v1(straight, boxes, classes, 100, 1, 1, square_root=False))
    assert terms["box"] == pytest.approx(5 * 0.1**2)
    assert terms["objectness"] == pytest.approx((0.8 - 0.7) ** 2)


def test_v1_the_nearest_box_where_none_touches():
    said = tf.constant([[[[0.5, 0.5, 0.1, 0.1], [0.5, 0.5, 0.5, 0.5], [0.5, 0.5, 0.5, 0.5]]]], tf.float64)
    truth = tf.constant([[[0.5, 0.5, 0.3, 0.3]]], tf.float64)
    best, overlap = responsible(said, truth, tf.zeros((1, 1, 3), tf.float64), 7)
    assert best.numpy().tolist() == [[1]] and overlap.numpy().tolist() == [[0]]  # .25 is nearer to .3 than .01
    touching = tf.constant([[[0.1, 0, 0.2]]], tf.float64)
    best, overlap = responsible(said, truth, touching, 7)
    assert best.numpy().tolist() == [[2]] and overlap.numpy().tolist() == [[0.2]]


def test_a_perfect_v3():
    """Logits that say what is so: all that stays is the entropy of x and y, and .9 and .1 are their own targets."""
    head = np.full((1, 3, 5, 1, 6), -40.0)
    x, y = 64 + 0.9 * 32, 32 + 0.1 * 32
    boxes = np.array([[[x - 10, y - 20, x + 10, y + 20]]])
    head[0, 1, 2, 0] = [np.log(9), -np.log(9), np.log(20 / 16), np.log(40 / 32), 40, 40]
    terms = summed(loss_v3([flat(head)], boxes, [[0]], [(16, 32)], [(0,)], SIZE))
    entropy = -0.9 * np.log(0.9) - 0.1 * np.log(0.1)
    weight = 2 - 20 * 40 / (96 * 160)
    expected = {"box": 2 * weight * entropy, "objectness": 0, "no_objectness": 0, "classes": 0}
    assert terms == pytest.approx(expected, abs=1e-12)


def test_every_truth_can_excuse_a_prediction():
    """A box of the coarse grid on a truth of the fine one: ignored, though its own scale has no truth there."""
    heads = [np.zeros((1, 3, 5, 3, 6)), np.zeros((1, 6, 10, 3, 6))]
    heads[0][0, 1, 2, 0, 2:4] = np.log(10 / 37), np.log(14 / 58)
    boxes = np.array([[[80 - 5, 48 - 7, 80 + 5, 48 + 7]]], float)  # anchor 1
    coarse, fine = parts_v3([flat(head) for head in heads], boxes, [[0]], ANCHORS, MASKS, SIZE)
    assert np.argwhere(coarse.ignored).tolist() == [[0, 1, 2, 0]]
    assert coarse.owner.numpy().max() == -1 and np.argwhere(fine.owner == 0).tolist() == [[0, 3, 5, 1]]
    assert float(coarse.no_objectness[0, 1, 2, 0]) == 0
    everything = parts_v3([flat(head) for head in heads], boxes, [[0]], ANCHORS, MASKS, SIZE, ignore=1.0)[0]
    assert not everything.ignored.numpy().any()


@pytest.mark.parametrize("name", ["giou", "diou", "ciou"])
def test_overlap_instead_of_squares(name):
    heads, truths = some_heads(2), some_truths(2)
    boxes, classes = slow_losses.pixels(truths, SIZE)
    arguments = [flat(head) for head in heads], boxes, classes, ANCHORS, MASKS, SIZE
    parts = parts_v3(*arguments, box_term=name)
    loss, plain = added_up(parts), loss_v3(*arguments)
    for term in ("objectness", "no_objectness", "classes"):
        assert np.allclose(getattr(loss, term), getattr(plain, term), rtol=1e-12)
    expected = np.zeros(boxes.shape[:2])
    for head, mask, part in zip(heads, MASKS, parts):
        decoded = decode_v3_head(flat(head), [ANCHORS[index] for index in mask], SIZE).boxes
        for b, t in np.argwhere(part.wins):
            weight = 2 - truths[b][t][2] * truths[b][t][3]
            expected[b, t] += weight * (1 - getattr(measures, name)(decoded[b, part.prediction[b, t]], boxes[b, t]))
    assert expected.any()
    assert np.allclose(loss.box, expected.sum(axis=1), rtol=1e-12)


@pytest.mark.parametrize("name", ["darknet", "ciou"])
def test_v2_learns(name):
    """Gradient descent on the head alone brings the box to the truth, whatever the box term."""
    boxes, classes = np.array([[[40.0, 20.0, 75.0, 80.0]]]), np.array([[1]])
    head = tf.Variable(tf.zeros((1, 3, 5, 8), tf.float64))
    optimizer = keras.optimizers.Adam(0.2)
    for _ in range(40):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(loss_v2(head, boxes, classes, [(1.5, 1.5)], SIZE, box_term=name).total)
        optimizer.apply([tape.gradient(loss, head)], [head])
    found = decode_v3_head(head.numpy(), [(48, 48)], SIZE)
    assert measures.iou(found.boxes[0, 6], boxes[0, 0]) > 0.9
    assert found.objectness[0, 6] > 0.8
    assert np.delete(found.objectness[0], 6).max() < 0.2


def test_focal_is_kerass():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, 50)
    for present in (True, False):
        labels = np.full((50, 1), float(present))
        for gamma in (0.5, 2.0):
            expected = keras.ops.binary_crossentropy(labels[:, 0], logits, from_logits=True)
            right = 1 / (1 + np.exp(-logits if present else logits))
            assert np.allclose(objectness(present, tf.constant(logits), gamma), (1 - right) ** gamma * expected)
            keras_loss = keras.losses.BinaryFocalCrossentropy(gamma=gamma, from_logits=True, reduction=None)
            assert np.allclose(objectness(present, tf.constant(logits), gamma), keras_loss(labels, logits[:, None]),
                               rtol=1e-4, atol=1e-6)  # fmt: skip
    heads, truths = some_heads(3), some_truths(3)
    boxes, classes = slow_losses.pixels(truths, SIZE)
    arguments = [flat(head) for head in heads], boxes, classes, ANCHORS, MASKS, SIZE
    plain, focal = summed(loss_v3(*arguments)), summed(loss_v3(*arguments, focal=2))
    assert focal["box"] == plain["box"] and focal["classes"] == plain["classes"]
    assert 0 < focal["objectness"] < plain["objectness"] and 0 < focal["no_objectness"] < plain["no_objectness"]


def test_label_smoothing_is_kerass():
    labels = tf.one_hot([1, 0, 2], 3, dtype=tf.float64)
    logits = tf.constant(np.random.default_rng(1).normal(size=(3, 3)))
    found = tf.nn.sigmoid_cross_entropy_with_logits(labels=smoothed(labels, 0.1, exclusive=False), logits=logits)
    expected = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1)(labels, logits)
    assert np.mean(found) == pytest.approx(float(expected), rel=1e-5)
    found = tf.nn.softmax_cross_entropy_with_logits(smoothed(labels, 0.1, exclusive=True), logits)
    expected = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)(labels, logits)
    assert np.mean(found) == pytest.approx(float(expected), rel=1e-5)

    boxes, classes = np.array([[[40.0, 20.0, 75.0, 80.0]]]), np.array([[1]])
    head = tf.zeros((1, 3, 5, 8), tf.float64)  # every class says one half, or one third
    terms = loss_v3([head], boxes, classes, [(9, 9)], [(0,)], SIZE, label_smoothing=0.3)
    assert terms.classes.numpy() == pytest.approx([3 * np.log(2)])
    terms = loss_v2(head, boxes, classes, [(1, 1)], SIZE, label_smoothing=0.3)
    assert terms.classes.numpy() == pytest.approx([np.log(3)])


def step(version, **options):
    """From logits and truths to the terms and the gradient, as a training does it."""

    def run(logits, boxes, classes):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            if version == "v3":
                # as many heads as there are logits, the coarse one first
                terms = loss_v3(logits, boxes, classes, ANCHORS, MASKS[: len(logits)], SIZE, **options)
            elif version == "v2":
                terms = loss_v2(logits[0], boxes, classes, CELLS, SIZE, **options)
            else:
                terms = loss_v1(logits[0], boxes, classes, SIZE, 3, CLASSES, **options)
            total = tf.reduce_sum(terms.total)
        return terms, tape.gradient(total, logits)

    return run


HARD = {
    "v3": tf.function(step("v3")),
    "v3, focal, ciou": tf.function(step("v3", focal=2.0, box_term="ciou", label_smoothing=0.1)),
    "v3, giou": tf.function(step("v3", focal=0.5, box_term="giou")),
    "v2": tf.function(step("v2", seen=0)),
    "v2, ciou": tf.function(step("v2", box_term="ciou", rescore=False)),
    "v1": tf.function(step("v1")),
}
EDGES = [-1e4, -1e3, -90.0, -1.0, 0.0, 1.0, 19.9, 90.0, 1e3, 1e4]


@pytest.mark.parametrize("name", HARD)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_no_nan(name, data):
    """Whatever finite numbers a network says, up to 1e4, and wherever its truths lie: finite terms and gradients."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    edges = data.draw(st.lists(st.floats(-1e4, 1e4, width=32), max_size=3)) + EDGES
    shapes = [(2, 3, 5, 24), (2, 6, 10, 24)] if name.startswith("v3") else [(2, 6, 10, 24)]
    if name == "v1":
        shapes = [(2, 9 * (CLASSES + 10))]
    logits = [tf.constant(rng.choice(edges, shape), tf.float32) for shape in shapes]
    corner = st.sampled_from([-5.0, 0.0, 1e-3, 47.9, 48.0, 95.999, 96.0, 159.999, 160.0, 300.0])
    boxes = np.array(data.draw(st.lists(st.tuples(corner, corner, corner, corner), min_size=8, max_size=8)))
    classes = np.array(data.draw(st.lists(st.integers(-1, CLASSES - 1), min_size=8, max_size=8)))
    terms, gradients = HARD[name](logits, boxes.reshape(2, 4, 4), classes.reshape(2, 4))
    for value in (*terms.named().values(), *gradients):
        assert np.isfinite(value).all()


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_graph_xla_and_half_precision(version):
    """Compiled by XLA, in a graph that knows neither the batch nor the truths, and of a bfloat16 head: all the same."""
    heads, truths = [flat(some_heads(4)[0])], some_truths(4)
    if version == "v1":
        heads = [np.random.default_rng(0).normal(0.2, 0.4, (3, 9 * (CLASSES + 10)))]
    boxes, classes = slow_losses.pixels(truths, SIZE)
    logits = [tf.constant(head) for head in heads]
    run = step(version)
    terms, gradients = run(logits, boxes, classes)
    compiled = tf.function(run, jit_compile=True)(logits, boxes, classes)
    free = tf.function(run).get_concrete_function(
        [tf.TensorSpec((None, *head.shape[1:]), tf.float64) for head in heads],
        tf.TensorSpec((None, None, 4), tf.float64),
        tf.TensorSpec((None, None), tf.int64),
    )(logits, tf.constant(boxes), tf.constant(classes))
    for other, other_gradients in (compiled, free):
        assert summed(other) == pytest.approx(summed(terms), rel=1e-9)
        for one, two in zip(gradients, other_gradients):
            assert np.abs(one - two).max() < 1e-9
    half = [tf.cast(head, tf.bfloat16) for head in logits]
    terms, _ = run(half, boxes, classes)
    rounded, _ = run([tf.cast(head, tf.float32) for head in half], boxes, classes)
    assert terms.box.dtype == tf.float32
    assert summed(terms) == pytest.approx(summed(rounded), rel=1e-6)


def test_pictures_do_not_mix():
    """The loss of a picture is the same alone and in a batch, with and without padding, and its truths in any order."""
    heads, truths = [flat(head) for head in some_heads(6, batch=4)], some_truths(6, batch=4)
    parts = parts_v3(heads, *slow_losses.pixels(truths, SIZE), ANCHORS, MASKS, SIZE)
    alone = sum(part.wins.numpy() for part in parts)  # where two want one prediction, the order matters
    truths = [[one for one, wins in zip(some, row) if wins] for some, row in zip(truths, alone)]
    boxes, classes = slow_losses.pixels(truths, SIZE)
    together = loss_v3(heads, boxes, classes, ANCHORS, MASKS, SIZE)
    for b in range(4):
        one = [head[b : b + 1] for head in heads]
        order = np.random.default_rng(b).permutation(len(truths[b]))
        mine = slow_losses.pixels([[truths[b][i] for i in order]], SIZE) if truths[b] else (np.zeros((1, 0, 4)), [[]])
        alone = loss_v3(one, *mine, ANCHORS, MASKS, SIZE)
        assert alone.total.numpy() == pytest.approx(together.total[b].numpy(), rel=1e-12)


def test_best_overlap_is_no_way_back():
    predicted = tf.Variable([[[0.0, 0, 10, 10], [50, 50, 60, 60]]])
    truths = read_truths([[[0.0, 0, 10, 5], [0, 0, 10, 8]]], [[0, 0]], 96)
    with tf.GradientTape() as tape:
        best = best_overlap(predicted, truths)
    assert best.numpy().tolist() == [[pytest.approx(0.8), 0]]
    assert tape.gradient(best, predicted) is None


@pytest.mark.parametrize("box_term", ["darknet", "ciou"])
def test_weights_multiply_what_a_truth_teaches(box_term):
    heads, boxes = [flat(head) for head in some_heads(4)], slow_losses.pixels(some_truths(4), SIZE)
    arguments, weights = (heads, *boxes, ANCHORS, MASKS, SIZE), np.random.default_rng(0).uniform(0.1, 2, boxes[1].shape)
    plain, weighted = (parts_v3(*arguments, box_term=box_term, weights=one) for one in (None, weights))
    for one, other in zip(plain, weighted):
        for name in ("box", "objectness", "classes"):
            np.testing.assert_allclose(getattr(other, name), weights * getattr(one, name), rtol=1e-12)
        np.testing.assert_array_equal(one.no_objectness, other.no_objectness)
    assert sum(float(tf.reduce_sum(one.box)) for one in plain) > 0


def test_a_truth_without_weight_teaches_nothing_and_is_no_background():
    """It comes last, in the cell and with the anchor of another truth, which is learned as if it were alone."""
    heads = [np.zeros((1, 3, 5, 3, 8)), np.zeros((1, 6, 10, 3, 8))]
    heads[0][0, 1, 2, 0, 2:4] = np.log(10 / 37), np.log(14 / 58)  # a box of the coarse grid on the crowd
    heads = [flat(head) for head in heads]
    real, crowd = [80 - 4, 48 - 6, 80 + 5, 48 + 7], [80 - 5, 48 - 7, 80 + 5, 48 + 7]
    both = parts_v3(heads, [[real, crowd]], [[0, 2]], ANCHORS, MASKS, SIZE, weights=[[1, 0]])
    alone = parts_v3(heads, [[real]], [[0]], ANCHORS, MASKS, SIZE)
    for one, other in zip(both, alone):
        for name in ("box", "objectness", "classes"):
            np.testing.assert_array_equal(getattr(one, name)[:, :1], getattr(other, name))
            assert not getattr(one, name)[:, 1:].numpy().any()
        np.testing.assert_array_equal(one.owner, other.owner)
    (coarse, fine) = parts_v3(heads, [[crowd]], [[2]], ANCHORS, MASKS, SIZE, weights=[[0]])
    assert np.argwhere(coarse.ignored).tolist() == [[0, 1, 2, 0]]
    assert coarse.owner.numpy().max() == fine.owner.numpy().max() == -1
    assert float(coarse.no_objectness[0, 1, 2, 0]) == 0 and float(coarse.no_objectness[0, 0, 0, 0]) > 0
    for weights, words in (([[1]], r"weights have shape \(1, 1\); \(1, 2\)"), ([[1, -1]], "numbers below 0")):
        with pytest.raises(ValueError, match=words):
            parts_v3(heads, [[real, crowd]], [[0, 2]], ANCHORS, MASKS, SIZE, weights=weights)


def test_terms():
    one, two = tf.constant([1.0, 2.0]), tf.constant([10.0, 20.0])
    terms = Terms(one, two, one, two)
    assert list(terms.named()) == ["box", "objectness", "no_objectness", "classes"]
    assert terms.total.numpy().tolist() == [22, 44]
    assert terms._replace(priors=one).total.numpy().tolist() == [23, 46]


def test_what_is_refused():
    heads = [flat(head).astype(np.float32) for head in some_heads()]
    boxes, classes = slow_losses.pixels(some_truths(), SIZE)
    ok = (boxes, classes, ANCHORS, MASKS, SIZE)
    for change, message in (
        ({"box_term": "iou"}, "box_term is 'iou'; accepted: darknet"),
        ({"focal": -1}, "focal is -1"),
        ({"label_smoothing": 1}, "label_smoothing is 1"),
    ):
        with pytest.raises(ValueError, match=message):
            loss_v3(heads, *ok, **change)
    with pytest.raises(ValueError, match="there are 2 masks; a list of as many heads"):
        loss_v3(heads[:1], *ok)
    with pytest.raises(ValueError, match=r"a mask is \(3, 4, 6\)"):
        loss_v3(heads, boxes, classes, ANCHORS, [(3, 4, 6), (0, 1, 2)], SIZE)
    with pytest.raises(ValueError, match="must agree"):
        loss_v3([heads[0], np.zeros((3, 6, 10, 21))], *ok)
    with pytest.raises(ValueError, match="a truth is of class 7; there are 3"):
        loss_v3(heads, boxes, np.where(classes < 0, classes, 7), ANCHORS, MASKS, SIZE)
    with pytest.raises(ValueError, match=r"boxes have shape \(3, 2, 4\), classes \(3, 3\)"):
        loss_v3(heads, np.zeros((3, 2, 4)), np.zeros((3, 3), int), ANCHORS, MASKS, SIZE)
    with pytest.raises(ValueError, match="does not fit the size"):
        loss_v3(heads, boxes, classes, ANCHORS, MASKS, (96, 96))
    with pytest.raises(ValueError, match=r"\(batch, 9 \* \(3 \+ 5 \* boxes\)\) is wanted"):
        loss_v1(np.zeros((1, 100)), boxes[:1], classes[:1], SIZE, 3, 3)
    with pytest.raises(ValueError, match="version is 'v4'"):
        darknet_delta("v4", heads, *ok)


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_a_class_that_does_not_exist_is_nan_where_no_error_can_be_raised(version):
    heads = [tf.constant(flat(head), tf.float32) for head in some_heads(batch=2)]
    logits = {"v3": heads, "v2": heads[1:], "v1": [tf.zeros((2, 9 * (CLASSES + 10)))]}[version]
    boxes = np.tile([[[10.0, 10, 50, 50]]], (2, 4, 1))
    terms, _ = HARD[version](logits, boxes, np.array([[CLASSES, -1, -1, -1], [0, -1, -1, 1]]))
    assert np.isnan(terms.classes).tolist() == [True, False]
