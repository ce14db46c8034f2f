"""The threshold on logits, and from raw heads to detections: against decoding everything first."""

import math
import warnings
from functools import partial

import numpy as np
import pytest

from yolo.boxes import diou
from yolo.decoding import decode, decode_v2_head
from yolo.nms import detect, enough, fast, greedy, soft

ANCHORS = [np.array([[37, 58], [50, 40], [75, 80]]), np.array([[5, 7], [10, 14], [23, 27]])]


def heads(seed, batch=2, classes=5, scale=3.0, dtype=np.float32):
    rng = np.random.default_rng(seed)
    return [rng.normal(0, scale, (batch, 3 * k, 5 * k, 3 * (5 + classes))).astype(dtype) for k in (1, 2)]


def all_first(raw, threshold, suppress, class_agnostic=False):
    """Decode everything, then compare scores, then suppress."""
    found = []
    for boxes, scores in zip(decode(raw, ANCHORS, (96, 160)).boxes, decode(raw, ANCHORS, (96, 160)).scores):
        rows, classes = np.nonzero(scores >= threshold)
        kept = suppress(boxes[rows], scores[rows, classes], None if class_agnostic else classes)
        found.append((boxes[rows][kept.indices], kept.scores, classes[kept.indices]))
    return found


@pytest.mark.parametrize("threshold", [0, 0.005, 0.3, 0.9, 1])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_threshold_first_is_threshold_last(threshold, dtype):
    raw = heads(0, dtype=dtype)
    raw[0][0, 0, 0, 4:8] = 60  # saturates: a score of exactly 1
    for found, (boxes, scores, classes) in zip(
        detect(raw, ANCHORS, (96, 160), threshold=threshold), all_first(raw, threshold, greedy)
    ):
        assert len(scores) or threshold == 1
        assert np.array_equal(found.classes, classes)
        assert found.scores == pytest.approx(scores, rel=1e-6)
        assert found.boxes == pytest.approx(boxes, rel=1e-5, abs=1e-3)


@pytest.mark.parametrize("suppress", [partial(fast, overlap=0.7), partial(greedy, measure=diou), soft])
@pytest.mark.parametrize("class_agnostic", [False, True])
def test_every_suppression(suppress, class_agnostic):
    raw = heads(1, dtype=np.float64)
    found = detect(raw, ANCHORS, (96, 160), suppress=suppress, class_agnostic=class_agnostic)
    for one, (boxes, scores, classes) in zip(found, all_first(raw, 0.3, suppress, class_agnostic)):
        assert np.array_equal(one.classes, classes)
        assert one.scores == pytest.approx(scores)
        assert one.boxes == pytest.approx(boxes)


def test_scores_around_the_threshold():
    """The logits whose score is just above, just below and exactly: what the scores say is what counts."""
    rng = np.random.default_rng(2)
    for threshold in (0.005, 0.25, 0.3, 0.5, 0.99):
        objectness = rng.uniform(math.log(threshold / (1 - threshold)), 9, 400)
        spare = 1 / (1 + np.exp(-objectness)) - threshold
        limit = np.log(threshold / np.maximum(spare, 1e-9))
        kinds = limit + rng.choice([-1e-4, -1e-7, 0, 1e-7, 1e-4], 400)
        logits = np.zeros((400, 6), np.float32)
        logits[:, 4], logits[:, 5] = objectness, kinds
        one = np.float32(1)
        scores = one / (one + np.exp(-logits[:, 4])) * (one / (one + np.exp(-logits[:, 5])))
        found = enough(logits, threshold)
        clear = np.abs(scores - threshold) > 3e-7
        passed = np.zeros(400, bool)
        passed[found.rows] = True
        assert np.array_equal(passed[clear], scores[clear] >= threshold)
        assert (found.scores >= threshold).all()
    exact = np.zeros((1, 6))
    assert enough(exact, 0.25).scores.tolist() == [0.25]  # equal passes
    assert enough(exact, 0.25 + 1e-12).scores.tolist() == []


def test_softmax_of_v2():
    raw = heads(3, dtype=np.float64)[0]
    decoded = decode_v2_head(raw, ANCHORS[0] / 32, (96, 160))
    for image, found in enumerate(detect([raw], ANCHORS[:1], (96, 160), threshold=0.2, logistic=False)):
        scores = decoded.scores[image]
        rows, classes = np.nonzero(scores >= 0.2)
        kept = greedy(decoded.boxes[image][rows], scores[rows, classes], classes)
        assert len(kept.indices) > 0
        assert found.scores == pytest.approx(kept.scores)
        assert found.boxes == pytest.approx(decoded.boxes[image][rows[kept.indices]])


def test_limit_says_when_it_bites():
    raw = heads(4)
    free = detect(raw, ANCHORS, (96, 160))
    with pytest.warns(UserWarning, match=r"image \d: \d+ detections beyond the limit of 3 left out"):
        some = detect(raw, ANCHORS, (96, 160), limit=3)
    for whole, cut in zip(free, some):
        assert whole.left_out == 0 and cut.left_out == len(whole.scores) - 3 > 0
        assert np.array_equal(cut.scores, whole.scores[:3]) and np.array_equal(cut.boxes, whole.boxes[:3])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        enough_room = detect(raw, ANCHORS, (96, 160), limit=len(free[0].scores) + len(free[1].scores))
    assert [one.left_out for one in enough_room] == [0, 0]
    with pytest.raises(ValueError, match="limit is 0"):
        detect(raw, ANCHORS, (96, 160), limit=0)


def test_nothing_found():
    found = detect([np.full_like(head, -9) for head in heads(5)], ANCHORS, (96, 160))
    assert [(one.boxes.shape, one.scores.shape, one.classes.shape) for one in found] == [((0, 4), (0,), (0,))] * 2


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_nan_does_not_vanish(bad):
    for place in (4, 0, 7):
        raw = heads(6)
        raw[0][1, 0, 0, 4] = 9
        raw[0][1, 0, 0, place] = bad
        with pytest.raises(ValueError, match=r"logits.* hold -?(nan|inf)"):
            detect(raw, ANCHORS, (96, 160))


def test_refusals():
    raw = heads(7)
    with pytest.raises(ValueError, match="threshold is 30"):
        detect(raw, ANCHORS, (96, 160), threshold=30)
    with pytest.raises(ValueError, match="2 heads and 1 lists"):
        detect(raw, ANCHORS[:1], (96, 160))
    with pytest.raises(ValueError, match="they must agree"):
        detect([raw[0], raw[1][:1]], ANCHORS, (96, 160))
    with pytest.raises(ValueError, match="does not fit the size"):
        detect(raw, ANCHORS, (160, 96))


def test_tensors():
    tf = pytest.importorskip("tensorflow")
    raw = heads(8)
    for one, other in zip(
        detect([tf.constant(head) for head in raw], ANCHORS, (96, 160)), detect(raw, ANCHORS, (96, 160))
    ):
        assert all(np.array_equal(a, b) for a, b in zip(one, other))
    with pytest.raises(TypeError, match="heads are tensors of a tf.function"):
        tf.function(lambda head: detect([head], ANCHORS[:1], (96, 160)))(tf.constant(raw[0]))
