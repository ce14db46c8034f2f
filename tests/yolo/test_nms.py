"""Suppression: by hand, against a definition written otherwise, and the fast way against the readable one."""

import math
from functools import partial

import numpy as np
import pytest

from yolo.boxes import diou, iou
from yolo.nms import fast, greedy, matrix, soft

WAYS = [greedy, fast]


def some(rng, n, kinds=4, integers=False):
    """Boxes of which many overlap; with integers, ties of boxes, scores and overlaps are frequent."""
    if integers:
        corners = rng.integers(0, 12, (n, 2))
        boxes = np.concatenate([corners, corners + rng.integers(0, 8, (n, 2))], axis=1).astype(np.float64)
        return boxes, rng.integers(0, 6, n) / 5, rng.integers(0, kinds, n)
    centre, sides = rng.uniform(0, 60, (n, 2)), rng.uniform(5, 40, (n, 2))
    boxes = np.concatenate([centre - sides / 2, centre + sides / 2], axis=1)
    return boxes, rng.uniform(size=n), rng.integers(0, kinds, n)


def definition(boxes, scores, classes, overlap, measure=iou):
    """A box is kept if no better kept box of its class overlaps it too much; said without a loop that removes."""
    order = sorted(range(len(scores)), key=lambda i: (-scores[i], i))
    kept = []
    for i in order:
        rivals = [k for k in kept if classes[k] == classes[i]]
        if all(float(measure(boxes[k], boxes[i])) <= overlap + 1e-9 for k in rivals):
            kept.append(i)
    return kept


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("integers", [False, True])
def test_against_the_definition(way, integers):
    """Overlaps are thirds, halves, fifths: exactly at the threshold a box stays."""
    rng = np.random.default_rng(0)
    for overlap in (0.0, 0.2, 1 / 3, 0.45, 0.5, 0.6, 1.0):
        boxes, scores, classes = some(rng, 40, integers=integers)
        assert way(boxes, scores, classes, overlap=overlap).indices.tolist() == definition(
            boxes, scores, classes, overlap
        )


@pytest.mark.parametrize("measure", [iou, diou])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_fast_way_is_the_readable_one(measure, dtype):
    """Random and tied data; boxes without area, turned inside out, far from 0; no candidate, one, one class."""
    rng = np.random.default_rng(1)
    for n in (0, 1, 2, 60):
        for integers in (False, True):
            for shift in (0, -1000):
                boxes, scores, classes = some(rng, n, integers=integers)
                boxes = (boxes + shift).astype(dtype)
                boxes[::7] = boxes[::7, [2, 3, 0, 1]]
                for kinds in (classes, None):
                    for overlap in (0.3, 0.5):
                        slow = greedy(boxes, scores.astype(dtype), kinds, overlap=overlap, measure=measure)
                        quick = fast(boxes, scores.astype(dtype), kinds, overlap=overlap, measure=measure)
                        assert np.array_equal(slow.indices, quick.indices)
                        assert np.array_equal(slow.scores, quick.scores)


def test_all_thresholds_that_an_overlap_can_meet():
    """A box that covers n of 100 of another, against the threshold n / 100: a tie on paper, so it stays."""
    for n in range(1, 100):
        for scale in (1, 0.1, 3.7):
            boxes = np.array([[0, 0, 100, 1], [0, 0, n, 1]]) * scale
            for way in WAYS:
                assert len(way(boxes, [0.9, 0.8], overlap=n / 100).indices) == 2
                assert len(way(boxes, [0.9, 0.8], overlap=n / 100 - 1e-5).indices) == 1


@pytest.mark.parametrize("way", WAYS)
class TestByHand:
    def test_a_chain(self, way):
        """B overlaps A and C, but A takes B away before B could take C."""
        boxes = [[0, 0, 10, 10], [4, 0, 14, 10], [8, 0, 18, 10]]  # IoU 6/14, 2/18
        assert way(boxes, [0.9, 0.8, 0.7], overlap=0.4).indices.tolist() == [0, 2]
        assert way(boxes, [0.8, 0.9, 0.7], overlap=0.4).indices.tolist() == [1]

    def test_ties_go_to_the_first(self, way):
        same = [[0, 0, 10, 10]] * 3
        assert way(same, [0.5, 0.5, 0.5]).indices.tolist() == [0]
        apart = [[20, 0, 30, 10], [0, 0, 10, 10], [40, 0, 50, 10]]
        assert way(apart, [0.5, 0.5, 0.5]).indices.tolist() == [0, 1, 2]
        assert way(apart, [0.5, 0.5, 0.5], [2, 1, 0]).indices.tolist() == [0, 1, 2]

    def test_scores_that_differ_in_double_precision_only(self, way):
        assert way([[0, 0, 10, 10]] * 2, [0.5, 0.5 + 1e-12]).indices.tolist() == [1]

    def test_negative_scores_count(self, way):
        assert way([[0, 0, 1, 1], [5, 5, 6, 6]], [-2.0, -1.0]).indices.tolist() == [1, 0]

    def test_classes(self, way):
        same = [[0, 0, 10, 10]] * 2
        assert way(same, [0.5, 0.6], [3, 7]).indices.tolist() == [1, 0]
        assert way(same, [0.5, 0.6]).indices.tolist() == [1]  # class-agnostic

    def test_without_area(self, way):
        """OpenCV alone takes all of these for one box."""
        nothing = [[3, 3, 3, 3], [50, 50, 50, 60], [9, 9, 1, 1], [0, 0, 10, 10]]
        assert way(nothing, [0.9, 0.8, 0.7, 0.6]).indices.tolist() == [0, 1, 2, 3]

    def test_very_small_boxes(self, way):
        """Of a millionth of a picture's side, in parts of it."""
        tiny = np.array([[0, 0, 1, 1], [0.1, 0, 1.1, 1], [5, 5, 6, 6]]) * 1e-9
        assert way(tiny, [0.9, 0.8, 0.7]).indices.tolist() == [0, 2]

    def test_no_pixel_is_added(self, way):
        """IoU 1/3; with +1 on the intersection alone it would be .49 and strike the second out."""
        assert way([[0, 0, 10, 10], [5, 0, 15, 10]], [0.9, 0.8], overlap=0.4).indices.tolist() == [0, 1]

    def test_nothing(self, way):
        kept = way([], [])
        assert kept.indices.shape == kept.scores.shape == (0,)

    def test_diou_spares_a_neighbour(self, way):
        """IoU 9/11 = .82; centres 2 apart, diagonal squared 22^2 + 40^2: DIoU .8162."""
        boxes, scores = [[0, 0, 20, 40], [2, 0, 22, 40]], [0.9, 0.8]
        assert way(boxes, scores, overlap=0.817).indices.tolist() == [0]
        assert way(boxes, scores, overlap=0.817, measure=diou).indices.tolist() == [0, 1]
        assert way(boxes, scores, overlap=0.816, measure=diou).indices.tolist() == [0]


def test_soft_linear_by_hand():
    """A = .9; B overlaps A by 1/2, C overlaps A by 1/4 (below the threshold) and B by 1/2."""
    boxes = [[0, 0, 4, 4], [0, 0, 4, 2], [0, 0, 4, 1]]
    kept = soft(boxes, [0.9, 0.8, 0.7], method="linear", overlap=0.3)
    # after A: B .4, C .7; C is next, and halves B
    assert kept.indices.tolist() == [0, 2, 1]
    assert kept.scores == pytest.approx([0.9, 0.7, 0.2])


def test_soft_gaussian_by_hand():
    boxes = [[0, 0, 4, 4], [0, 0, 4, 2], [0, 0, 4, 1]]
    kept = soft(boxes, [0.9, 0.8, 0.7], sigma=0.5)
    b, c = 0.8 * math.exp(-0.25 / 0.5), 0.7 * math.exp(-0.0625 / 0.5)
    assert c > b
    assert kept.indices.tolist() == [0, 2, 1]
    assert kept.scores == pytest.approx([0.9, c, b * math.exp(-0.25 / 0.5)])


def test_soft_lets_go_and_knows_classes():
    same = [[0, 0, 4, 4]] * 2
    assert soft(same, [0.9, 0.8], method="linear").indices.tolist() == [0]  # lowered to 0
    assert soft(same, [0.9, 0.8], [0, 1], method="linear").scores.tolist() == [0.9, 0.8]
    assert soft(same, [0.9, 0.8], least=0.2).indices.tolist() == [0]  # .8 exp(-2) = .108
    assert soft(same, [0.9, 0.8], least=0.1).scores == pytest.approx([0.9, 0.8 * math.exp(-2)])
    scores = np.array([0.9, 0.8])
    soft(same, scores)
    assert scores.tolist() == [0.9, 0.8]


def test_soft_with_a_hard_edge_is_greedy():
    """Where boxes are the same or apart, lowering to 0 is striking out."""
    rng = np.random.default_rng(2)
    boxes = np.array([[10 * k, 0, 10 * k + 5, 5] for k in rng.integers(0, 5, 30)])
    scores, classes = rng.uniform(0.1, 1, 30), rng.integers(0, 3, 30)
    expected = greedy(boxes, scores, classes)
    for found in (soft(boxes, scores, classes, method="linear"), matrix(boxes, scores, classes, method="linear")):
        assert np.array_equal(found.indices, expected.indices)
        assert np.array_equal(found.scores, expected.scores)


def test_matrix_by_hand():
    """IoU: AB 1/2, AC 1/4, BC 1/2. C: by A 1 - 1/4, by B (1 - 1/2) / (1 - 1/2) = 1; the smaller counts."""
    boxes = [[0, 0, 4, 4], [0, 0, 4, 2], [0, 0, 4, 1]]
    kept = matrix(boxes, [0.9, 0.8, 0.7], method="linear")
    assert kept.indices.tolist() == [0, 2, 1]
    assert kept.scores == pytest.approx([0.9, 0.7 * 0.75, 0.8 * 0.5])
    kept = matrix(boxes, [0.9, 0.8, 0.7], sigma=0.5)
    by_a, by_b = math.exp(-(1 / 16) / 0.5), math.exp(-(1 / 4) / 0.5) / math.exp(-(1 / 4) / 0.5)
    expected = {0: 0.9, 1: 0.8 * math.exp(-0.5), 2: 0.7 * min(by_a, by_b)}
    assert dict(zip(kept.indices.tolist(), kept.scores.tolist())) == pytest.approx(expected)


def test_matrix_in_loops():
    """Equations 3 to 5, one pair at a time."""
    rng = np.random.default_rng(3)
    boxes, scores, classes = some(rng, 25)
    for method in ("linear", "gaussian"):
        decay = {"linear": lambda u: 1 - u, "gaussian": lambda u: math.exp(-u * u / 0.7)}[method]
        expected = {}
        for j in range(25):
            above = [i for i in range(25) if classes[i] == classes[j] and scores[i] > scores[j]]
            factor = 1.0
            for i in above:
                higher = [k for k in above if scores[k] > scores[i]]
                most = max((float(iou(boxes[k], boxes[i])) for k in higher), default=0.0)
                factor = min(factor, decay(float(iou(boxes[i], boxes[j]))) / decay(most))
            expected[j] = scores[j] * factor
        found = matrix(boxes, scores, classes, method=method, sigma=0.7, least=0)
        assert dict(zip(found.indices.tolist(), found.scores.tolist())) == pytest.approx(expected)


def test_matrix_of_copies():
    """Three of the same: the published code divides 0 by 0 here."""
    kept = matrix([[0, 0, 4, 4]] * 3 + [[0, 0, 4, 2]], [0.9, 0.8, 0.7, 0.6], method="linear")
    assert kept.indices.tolist() == [0, 3]
    assert kept.scores == pytest.approx([0.9, 0.3])
    everything = matrix([[0, 0, 4, 4]] * 3 + [[0, 0, 4, 2]], [0.9, 0.8, 0.7, 0.6], method="linear", least=0)
    assert everything.indices.tolist() == [0, 3, 1, 2]
    assert everything.scores == pytest.approx([0.9, 0.3, 0, 0])
    assert matrix([], []).indices.shape == (0,)


@pytest.mark.parametrize("way", [greedy, fast, soft, matrix])
@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (([[0, 0, 1, 1]], [math.nan]), ValueError, "scores hold nan at 0"),
        (([[0, 0, 1, 1]] * 2, [0.5, math.inf]), ValueError, "scores hold inf at 1"),
        (([[0, 0, 1, math.nan]], [0.5]), ValueError, r"boxes hold nan at \(0, 3\)"),
        (([[0, 0, 1, 1]], [0.5, 0.4]), ValueError, r"boxes have shape \(1, 4\), scores \(2,\)"),
        (([[0, 0, 1]], [0.5]), ValueError, "boxes have shape"),
        (([[0, 0, 1, 1]], ["a"]), TypeError, "scores are of"),
        (([[0, 0, 1, 1]], [0.5], [0.5]), TypeError, "classes are of float64"),
        (([[0, 0, 1, 1]], [0.5], [0, 1]), ValueError, "one class per score"),
    ],
)
def test_refusals(way, arguments, error, words):
    with pytest.raises(error, match=words):
        way(*arguments)


def test_refused_options():
    one = [[0, 0, 1, 1]], [0.5]
    for way in WAYS:
        for overlap in (-0.1, 1.1, math.nan):
            with pytest.raises(ValueError, match="overlap is"):
                way(*one, overlap=overlap)
        with pytest.raises(TypeError, match="overlap is True"):
            way(*one, overlap=True)
    for way in (soft, matrix):
        with pytest.raises(ValueError, match="method is 'hard'; accepted"):
            way(*one, method="hard")
        with pytest.raises(ValueError, match="sigma is 0"):
            way(*one, sigma=0)
        with pytest.raises(ValueError, match="scores hold -0.5 at 0"):
            way([[0, 0, 1, 1]], [-0.5])


def test_a_partial_is_a_suppression_of_its_own():
    boxes = [[0, 0, 10, 10], [5, 0, 15, 10]]
    assert partial(fast, overlap=0.3)(boxes, [0.9, 0.8]).indices.tolist() == [0]
