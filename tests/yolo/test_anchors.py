"""`yolo.anchors`: clusters against an exhaustive search, and properties; the drawing of them."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest

from yolo.anchors import _moved, best_possible_recall, cluster, mean_iou, shape_iou, shapes_of
from yolo.datasets import Record
from yolo.plots.anchors import draw_anchors


def random_shapes(seed=0, count=300):
    return np.exp(np.random.default_rng(seed).normal(3.5, 0.8, (count, 2)))


def test_shape_iou_by_boxes():
    from yolo.boxes import matrix

    shapes, anchors = random_shapes(0, 20), random_shapes(1, 5)
    boxes = [np.concatenate([np.zeros_like(one), one], axis=1) for one in (shapes, anchors)]
    np.testing.assert_allclose(shape_iou(shapes, anchors), matrix(*boxes), rtol=1e-12)


@pytest.mark.parametrize("update", ["mean", "median"])
def test_no_division_in_two_is_better(update):
    """All 127 ways to divide eight shapes among two anchors."""
    shapes = random_shapes(3, 8).round()
    centre = getattr(np, update)
    best = 0.0
    for mask in itertools.product([False, True], repeat=8):
        mask = np.array(mask)
        if 0 < mask.sum() < 8:
            anchors = np.stack([centre(shapes[mask], axis=0), centre(shapes[~mask], axis=0)])
            best = max(best, mean_iou(shapes, anchors))
    found = cluster(shapes, 2, update=update, restarts=20)
    assert found.mean_iou == pytest.approx(mean_iou(shapes, found.anchors))
    assert found.mean_iou >= best - 0.01


def test_clusters_that_are_there_are_found():
    random = np.random.default_rng(0)
    centres = np.array([(10, 14), (60, 30), (33, 90), (200, 180)])
    shapes = np.repeat(centres, 50, axis=0) * random.uniform(0.97, 1.03, (200, 2))
    for seed in range(5):
        found = cluster(random.permutation(shapes), 4, seed=seed)
        np.testing.assert_allclose(found.anchors, centres[np.argsort(centres.prod(axis=1))], rtol=0.02)
        assert found.counts.tolist() == [50] * 4


def test_properties():
    shapes = random_shapes()
    found = cluster(shapes, 5, seed=2)
    again = cluster(shapes, 5, seed=2)
    assert (found.anchors == again.anchors).all() and (np.diff(found.anchors.prod(axis=1)) >= 0).all()
    np.testing.assert_allclose(cluster(shapes * 4, 5, seed=2).anchors, found.anchors * 4)
    swapped = cluster(shapes[np.random.default_rng(1).permutation(len(shapes))], 5, seed=2)
    np.testing.assert_allclose(swapped.anchors, found.anchors, rtol=1e-12)  # the order has no influence
    assert found.counts.sum() == len(shapes)
    # More anchors fit better, and better than any five of the shapes drawn at random.
    assert mean_iou(shapes, cluster(shapes, 9).anchors) > found.mean_iou
    drawn = [mean_iou(shapes, np.random.default_rng(i).choice(shapes, 5)) for i in range(20)]
    assert found.mean_iou > max(drawn)


def test_median_is_not_pulled_by_a_giant():
    shapes = np.array([[10, 10], [10, 12], [12, 10], [11, 11], [400, 5000]], float)
    for update, anchor in ((np.mean, shapes.mean(axis=0)), (np.median, [11, 11])):
        moved = _moved(shapes, np.ones((5, 1)), np.zeros(5, int), 1, update)
        np.testing.assert_allclose(moved, [anchor])
    assert cluster(shapes, 1, update="median").anchors.tolist() == [[11, 11]]
    # The mean fits worse than where it began: the best of all steps is returned, and that is the beginning.
    assert cluster(shapes, 1).mean_iou >= mean_iou(shapes, shapes.mean(axis=0, keepdims=True)) + 0.5


def test_an_anchor_without_shapes_moves_to_those_worst_off():
    shapes = np.array([[10.0, 10], [10, 10], [300, 10], [10, 250]])
    anchors = np.array([[10.0, 10], [10.5, 10.5], [10.4, 10.4]])
    iou = shape_iou(shapes, anchors)
    owner = np.array([0, 0, 0, 0])
    moved = _moved(shapes, iou, owner, 3, np.mean)
    np.testing.assert_allclose(moved, [shapes.mean(axis=0), [300, 10], [10, 250]])
    many = np.repeat([[10.0, 10], [20, 20], [21, 20]], [500, 1, 1], axis=0)
    for seed in range(10):
        assert (cluster(many, 3, seed=seed).counts > 0).all()


def test_best_possible_recall_by_hand():
    shapes, anchors = [[10, 10], [10, 20], [10, 40]], [[10, 10]]  # IoU 1, .5, .25
    assert mean_iou(shapes, anchors) == pytest.approx(1.75 / 3)
    assert best_possible_recall(shapes, anchors, 0.5) == pytest.approx(1 / 3)  # more than .5
    assert best_possible_recall(shapes, anchors, 0.49) == pytest.approx(2 / 3)


def test_shapes_as_the_network_sees_them():
    image = np.zeros((100, 200, 3), np.uint8)
    record = Record(image, [(0, 0, 20, 10), (5, 5, 5, 9), (0, 0, 99, 99)], [0, 0, 0], ["a"], crowd=[0, 0, 1])
    assert shapes_of([record]).tolist() == [[20, 10]]  # neither what has no area, nor the crowd
    assert shapes_of([record], 50).tolist() == [[5, 2.5]]
    assert shapes_of([record], (200, 200)).tolist() == [[20, 10]]
    with pytest.raises(ValueError, match="record 0 has no size"):
        shapes_of([Record("a.jpg", [(0, 0, 1, 1)], [0], ["a"])], 50)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "words"),
    [
        (([[1, 2], [3, 0]], 1), {}, ValueError, "not positive and finite"),
        (([[1, 2], [1, 2]], 2), {}, ValueError, "1 different shapes"),
        (([1, 2], 1), {}, ValueError, r"shape \(2,\)"),
        (([[1, 2]], 0), {}, ValueError, "count is 0"),
        (([[1, 2]], True), {}, TypeError, "count is True"),
        (([[1, 2]], 1), {"update": "mode"}, ValueError, "update is 'mode'; accepted: mean, median"),
    ],
)
def test_refused_in_words(arguments, options, error, words):
    with pytest.raises(error, match=words):
        cluster(*arguments, **options)


def test_drawing_shows_every_anchor_and_shape():
    shapes = random_shapes()
    found = cluster(shapes, 5)
    ax = draw_anchors(shapes, found.anchors)
    rectangles = sorted((patch.get_width(), patch.get_height()) for patch in ax.patches)
    np.testing.assert_allclose(rectangles, sorted(map(tuple, found.anchors)))
    assert all(patch.get_xy() == (0, 0) for patch in ax.patches)
    assert sum(len(points.get_offsets()) for points in ax.collections) == len(shapes)
    assert f"{found.mean_iou:.2f}" in ax.get_title(loc="left")
    other = plt.figure().subplots()
    assert draw_anchors(shapes, found.anchors, ax=other) is other
    plt.close("all")
