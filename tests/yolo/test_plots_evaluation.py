"""The figures of an evaluation: the numbers in them are those that were measured."""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest

from yolo.evaluation import Confusion, Detection, Truth, confusion, evaluate, false_positives
from yolo.plots.anchors import HUES
from yolo.plots.evaluation import confusion_shares, draw_confusion, draw_errors, draw_precision_recall


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def jittered(classes, images=25, seed=0):
    """Truths, and detections that are those truths a little moved, sometimes of another class, with some of nothing."""
    random = np.random.default_rng(seed)
    truths, found = [], []
    for _ in range(images):
        count = int(random.integers(1, 6))
        corner, kind = random.uniform(0, 80, (count, 2)), random.integers(0, classes, count)
        boxes = np.concatenate([corner, corner + random.uniform(10, 40, (count, 2))], axis=1)
        truths.append(Truth(boxes, kind))
        seen = random.random(count) < 0.8
        said = np.where(random.random(count) < 0.9, kind, random.integers(0, classes, count))
        extra = random.uniform(0, 60, (2, 2))
        near = np.concatenate([boxes[seen] + random.normal(0, 2, (seen.sum(), 4)), np.hstack([extra, extra + 15])])
        found.append(
            Detection(
                near, random.uniform(0.05, 0.99, len(near)), np.append(said[seen], random.integers(0, classes, 2))
            )
        )
    return truths, found, [f"kind {number}" for number in range(classes)]


def measured(classes, **options):
    truths, found, names = jittered(classes)
    return evaluate(truths, found, names=names, **options)


def lines(ax):
    """The lines of the legend, by their labels."""
    handles, labels = ax.get_legend_handles_labels()
    return dict(zip(labels, handles))


@pytest.mark.parametrize("classes", [1, 3])
def test_the_area_under_each_line_is_the_average_precision(classes):
    result = measured(classes)
    for iou in (None, 0.75):
        ax = draw_precision_recall(result, iou=iou)
        ap = result.by_name("every_point", iou or 0.5)
        shown = lines(ax)
        assert len(shown) == classes
        for place, number in enumerate(np.argsort(-ap)):  # the best first
            label, line = list(shown.items())[place]
            x, y = line.get_data()
            assert np.trapezoid(y, x) == pytest.approx(ap[number], abs=1e-9) and y[-1] == 0
            curve = result.curve(int(number), iou)
            best = curve.f1.argmax()
            score, f1 = (f"{value:.2f}".removeprefix("0") for value in (curve.scores[best], curve.f1[best]))
            value = f"{ap[number]:.2f}".removeprefix("0")
            assert label == f"kind {number}  {value}  (F1 {f1} at {score})" and line.get_color() == HUES[place]
            point = next(one for one in ax.lines if one.get_marker() == "o" and one.get_color() == HUES[place])
            assert (point.get_xdata()[0], point.get_ydata()[0]) == (curve.recall[best], curve.precision[best])


def test_many_classes_and_their_mean():
    result = measured(9)
    ax = draw_precision_recall(result)
    shown = list(lines(ax).items())
    ap = result.by_name("every_point", 0.5)
    ranked = np.argsort(-ap, kind="stable")
    assert [label.split("  ")[0] for label, _ in shown] == [
        "mean of 9", *(f"kind {number}" for number in [*ranked[:3], *ranked[-3:]])
    ]  # fmt: skip
    x, y = shown[0][1].get_data()
    assert np.trapezoid(y, x) == pytest.approx(ap.mean(), abs=3e-3)
    pale = [line for line in ax.lines if line.get_linewidth() == 0.7]
    assert len(pale) == 9 and np.diff(pale[0].get_xdata()).min() >= 0


def test_curves_that_are_not_there():
    truths, found = [Truth([(0, 0, 9, 9)], [1])], [Detection([(50, 50, 60, 60)], [0.5], [0])]
    result = evaluate(truths, found, names=["a", "b"])
    ax = draw_precision_recall(result)
    assert list(lines(ax)) == ["b  .00"] and "1 without truths left out" in ax.get_legend().get_title().get_text()
    missed = evaluate(truths, [Detection([(50, 50, 60, 60)], [0.5], [1])], names=["a", "b"])
    assert list(lines(draw_precision_recall(missed))) == ["b  .00  (F1 .00 at .50)"]
    with pytest.raises(ValueError, match="no truths of size 'large'"):
        draw_precision_recall(result, area="large")
    with pytest.raises(ValueError, match=r"iou is 0\.3; measured"):
        draw_precision_recall(result, iou=0.3)
    own = plt.figure().subplots()
    assert draw_precision_recall(result, ax=own) is own


def test_shares_of_truths_and_of_detections():
    counts = np.array([[6, 1, 3], [0, 0, 0], [2, 7, 0]])
    np.testing.assert_allclose(confusion_shares(counts), [[0.6, 0.1, 0.3], [0, 0, 0], [2 / 8, 7 / 8, 0]])
    texts = [text.get_text() for text in draw_confusion(Confusion(counts, ("a", "b", "background"))).axes[0].texts]
    assert texts == ["6\n60 %", "1\n10 %", "3\n30 %", "2\n25 %", "7\n88 %"]
    tiny = draw_confusion(Confusion(np.array([[999, 1], [0, 0]]), ("a", "background")))
    assert [text.get_text() for text in tiny.axes[0].texts] == ["999\n100 %", "1\n<1 %"]


@pytest.mark.parametrize("classes", [1, 3, 16, 20, 80])
def test_a_confusion_matrix_of_any_size(classes):
    truths, found, names = jittered(classes, images=60)
    counted = confusion(truths, found, names=names)
    figure = draw_confusion(counted)
    figure.canvas.draw()
    ax = figure.axes[0]
    shown = ax.images[0].get_array().filled(0)
    np.testing.assert_allclose(shown, confusion_shares(counted.counts))
    np.testing.assert_allclose(np.diag(shown)[:-1], np.nan_to_num(counted.recall))
    assert [label.get_text() for label in ax.get_yticklabels()] == [*names, "background"]
    assert max(figure.get_size_inches()) <= 10
    assert bool(ax.texts) == (classes <= 16)
    # Labels of neighbouring rows do not overlap.
    boxes = [label.get_window_extent() for label in ax.get_yticklabels()]
    assert all(one.y0 >= other.y0 and one.y1 - other.y1 > 0.7 * one.height for one, other in pairwise(boxes))
    if classes > 16:
        said = [text.get_text() for text in figure.axes[1].texts]
        inner = counted.counts[:-1, :-1] - np.diag(np.diag(counted.counts)[:-1])
        row, column = np.unravel_index(np.argmax(inner), inner.shape)
        place = said.index("taken for another")
        assert said[place + 2] == f"kind {row} as kind {column}"
        assert said[place + 3].startswith(f"{inner.max()} ")
        assert said[said.index("missed") + 2] == f"kind {counted.counts[:-1, -1].argmax()}"
        assert said[said.index("nothing there") + 2] == f"kind {counted.counts[-1].argmax()}"


def widths(ax):
    return [round(float(bar.get_width()), 6) for bar in ax.patches]


@pytest.mark.parametrize("definitions", ["tide", "hoiem"])
def test_bars_of_errors(definitions):
    truths, found, names = jittered(3)
    errors = false_positives(truths, found, names=names, definitions=definitions)
    figure = draw_errors(errors, names)
    numbers = [*errors.counts[:, 1:].sum(axis=0), errors.missed.sum()]
    assert widths(figure.axes[0]) == numbers
    right, everything = errors.counts[:, 0].sum(), errors.counts.sum()
    assert f"{everything} detections, {right} of them right" in figure.axes[0].get_title(loc="left")
    kinds = [*errors.kinds[1:], "missed"]
    if definitions == "tide":
        np.testing.assert_allclose(widths(figure.axes[1]), [100 * errors.cost[kind] for kind in kinds], atol=1e-5)
    last = figure.axes[-1]
    assert len(figure.axes) == (3 if definitions == "tide" else 2)
    bars = np.array(widths(last)).reshape(len(errors.kinds), 4)
    np.testing.assert_allclose(bars.sum(axis=0), 100, atol=1e-4)
    starts = np.reshape([bar.get_x() for bar in last.patches], bars.shape)
    np.testing.assert_allclose(starts, np.cumsum(bars, axis=0) - bars, atol=1e-4)
    np.testing.assert_allclose(bars[:, 0], 100 * errors.shares, atol=1e-4)
    np.testing.assert_allclose(bars[:, 2], 100 * errors.counts[1] / errors.counts[1].sum(), atol=1e-4)
    with pytest.raises(ValueError, match="there are 2 names and 3 classes"):
        draw_errors(errors, names[:2])


def test_errors_of_one_class_of_many_and_of_none():
    truths, found, _ = jittered(1)
    assert len(draw_errors(false_positives(truths, found)).axes) == 2
    truths, found, names = jittered(30, images=60)
    errors = false_positives(truths, found, names=names)
    last = draw_errors(errors, names).axes[-1]
    shown = [label.get_text() for label in last.get_yticklabels()]
    wrong = errors.counts[:, 1:].sum(axis=1)
    chosen = [names.index(name) for name in shown[1:]]
    assert shown[0] == "all classes" and len(chosen) == 12 and chosen == sorted(chosen)
    assert min(wrong[chosen]) >= max(np.delete(wrong, chosen))
    assert "the 12 with the most errors of 30" in last.get_title(loc="left")
    nothing = draw_errors(false_positives([Truth([(0, 0, 9, 9)], [0])], [Detection([], [], [])]))
    assert widths(nothing.axes[0])[-1] == 1
    counted = draw_errors(errors, names, score=0.25)
    assert "detections from score .25 on:" in counted.axes[0].get_title(loc="left")
    counted.canvas.draw()
    left, right = (
        next(t for t in ax.get_children() if getattr(t, "get_text", str)() == ax.get_title(loc="left"))
        for ax in counted.axes[:2]
    )
    assert left.get_window_extent().x1 < right.get_window_extent().x0 < right.get_window_extent().x1 < counted.bbox.x1
    assert "of any score" in counted.axes[1].get_title(loc="left")
