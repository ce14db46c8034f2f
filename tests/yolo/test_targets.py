"""Which prediction learns which truth."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tests.yolo import slow_losses
from yolo.anchors import YOLOV3_ANCHORS, YOLOV3_MASKS, shape_iou
from yolo.targets import assign_v1, assign_v2, assign_v3, pad_truths
from yolo.targets.assigned import owners, winners
from yolo.targets.truths import read_truths

GRIDS = [(13, 13), (26, 26), (52, 52)]


def box(x, y, w, h):
    return [x - w / 2, y - h / 2, x + w / 2, y + h / 2]


def test_v3_against_a_loop():
    """Scale, anchor and cell of 200 boxes, each found by its own search; all of one batch at once."""
    rng = np.random.default_rng(0)
    truths = slow_losses.draw_truths(rng, 40, 9, 5, 0.01)
    boxes, classes = slow_losses.pixels(truths, (416, 416))
    heads = assign_v3(boxes, classes, YOLOV3_ANCHORS, YOLOV3_MASKS, 416, GRIDS, 5)
    heads = [head._replace(**{name: value.numpy() for name, value in head._asdict().items()}) for head in heads]
    for b, some in enumerate(truths):
        for t in range(boxes.shape[1]):
            if t >= len(some):
                assert all(int(head.prediction[b, t]) == -1 for head in heads)
                continue
            x, y, w, h, kind = some[t]
            best = int(shape_iou([[416 * w, 416 * h]], YOLOV3_ANCHORS).argmax())
            for head, mask, (rows, columns) in zip(heads, YOLOV3_MASKS, GRIDS):
                if best not in mask:
                    assert int(head.prediction[b, t]) == -1 and not bool(head.wins[b, t])
                    continue
                row, column, anchor = int(y * rows), int(x * columns), mask.index(best)
                assert (int(head.row[b, t]), int(head.column[b, t]), int(head.anchor[b, t])) == (row, column, anchor)
                assert int(head.prediction[b, t]) == (row * columns + column) * 3 + anchor
                assert head.offset[b, t] == pytest.approx([x * columns - column, y * rows - row], abs=1e-5)
                sides = np.log([416 * w / YOLOV3_ANCHORS[best][0], 416 * h / YOLOV3_ANCHORS[best][1]])
                assert head.log_sides[b, t] == pytest.approx(sides, abs=1e-6)
                assert float(head.weight[b, t]) == pytest.approx(2 - w * h, abs=1e-6)
                last = max(
                    i
                    for i, other in enumerate(some)
                    if (int(other[1] * rows), int(other[0] * columns)) == (row, column)
                    and int(shape_iou([[416 * other[2], 416 * other[3]]], YOLOV3_ANCHORS).argmax()) == best
                )
                assert int(head.owner[b, row, column, anchor]) == last
                assert bool(head.wins[b, t]) == (t == last)
    for head in heads:
        assert (head.owner >= 0).sum() == head.wins.sum() > 0


def test_several_truths_in_one_cell():
    """v3 learns the last box and all classes, v2 the last, v1 the first."""
    boxes = [[box(100, 100, 60, 50), box(101, 101, 61, 51), box(102, 99, 59, 49), box(300, 300, 60, 50)]]
    classes = [[0, 2, 3, 1]]
    head = assign_v3(boxes, classes, [(60, 50)], [(0,)], 416, [(13, 13)], 4)[0]
    assert head.wins.numpy().tolist() == [[False, False, True, True]]
    assert int(head.owner[0, 3, 3, 0]) == 2
    assert head.classes[0].numpy().tolist() == [[1, 0, 1, 1]] * 3 + [[0, 1, 0, 0]]
    head = assign_v2(boxes, classes, [(60 / 32, 50 / 32)], 416, (13, 13), 4)
    assert head.wins.numpy().tolist() == [[False, False, True, True]]
    assert head.classes[0].numpy().argmax(axis=-1).tolist() == classes[0]
    cells = assign_v1(boxes, classes, 416, 7, 4)
    assert cells.wins.numpy().tolist() == [[True, False, False, True]]
    assert int(cells.owner[0, 1, 1]) == 0 and int(cells.owner[0, 5, 5]) == 3
    assert cells.box[0, 0].numpy() == pytest.approx([100 * 7 / 416 - 1, 100 * 7 / 416 - 1, 60 / 416, 50 / 416])


def test_v2_in_cells_of_any_size():
    """Anchors in cells are the anchors in pixels over the sides of a cell; a picture that is not square."""
    rng = np.random.default_rng(1)
    boxes, classes = slow_losses.pixels(slow_losses.draw_truths(rng, 8, 6, 3), (64, 160))
    anchors = np.array([(1.0, 0.5), (2.0, 2.5), (0.3, 0.9)])
    found = assign_v2(boxes, classes, anchors, (64, 160), (2, 5), 3)
    other = assign_v3(boxes, classes, anchors * 32, [(0, 1, 2)], (64, 160), [(2, 5)], 3)[0]
    for name in ("prediction", "row", "column", "anchor", "wins", "owner", "offset", "log_sides", "weight"):
        assert np.allclose(getattr(found, name), getattr(other, name), atol=1e-6)


def test_what_no_one_learns():
    """No area, inside out, centre outside, padding: no prediction; on the very edge: the last cell."""
    boxes = [
        [box(50, 50, 0, 9), [60, 60, 50, 70], box(-3, 50, 9, 9), box(50, 97, 9, 9), box(20, 20, 9, 9),
         box(160, 96, 9, 9), box(0, 0, 9, 9)],
    ]  # fmt: skip
    classes = [[0, 0, 0, 0, -1, 0, 0]]
    head = assign_v3(boxes, classes, [(9, 9)], [(0,)], (96, 160), [(3, 5)], 1)[0]
    assert head.prediction.numpy().tolist() == [[-1, -1, -1, -1, -1, 14, 0]]
    assert head.offset[0, 5:].numpy().tolist() == [[1, 1], [0, 0]]
    assert np.isfinite(head.log_sides).all() and np.isfinite(head.weight).all()
    cells = assign_v1(boxes, classes, (96, 160), 7, 1)
    assert cells.cell.numpy().tolist() == [[-1, -1, -1, -1, -1, 48, 0]]


def test_an_anchor_in_no_mask_or_in_two():
    boxes, classes = [[box(50, 50, 10, 14), box(100, 100, 81, 82)]], [[0, 0]]
    anchors = ((10, 14), (23, 27), (37, 58), (81, 82), (135, 169), (344, 319))
    coarse, fine = assign_v3(boxes, classes, anchors, ((3, 4, 5), (1, 2, 3)), 416, GRIDS[:2], 1)
    assert coarse.anchor.numpy().tolist() == [[-1, 0]] and fine.anchor.numpy().tolist() == [[-1, 2]]


def test_owners():
    wanted = tf.constant([[3, 0, 3, -1], [1, 1, 1, 2]])
    last, first = owners(wanted, 5), owners(wanted, 5, first=True)
    assert last.numpy().tolist() == [[1, -1, -1, 2, -1], [-1, 2, 3, -1, -1]]
    assert first.numpy().tolist() == [[1, -1, -1, 0, -1], [-1, 0, 3, -1, -1]]
    assert winners(wanted, last).numpy().tolist() == [[False, True, True, False], [False, False, True, True]]
    assert owners(tf.zeros((2, 0), tf.int32), 3).numpy().tolist() == [[-1] * 3] * 2


def test_in_a_pipeline():
    """Inside `tf.data`, of boxes in float32, and under XLA: the same targets."""
    rng = np.random.default_rng(3)
    boxes, classes = slow_losses.pixels(slow_losses.draw_truths(rng, 6, 8, 3), (96, 160))
    boxes = boxes.astype(np.float32)

    def assign(boxes, classes):
        return assign_v3(boxes, classes, [(9, 9), (30, 40)], [(1,), (0,)], (96, 160), [(3, 5), (6, 10)], 3)

    expected = assign(boxes, classes)
    piped = list(tf.data.Dataset.from_tensor_slices((boxes, classes)).batch(4).map(assign))
    assert len(piped) == 2
    compiled = tf.function(assign, jit_compile=True)(boxes, classes)
    for number, head in enumerate(expected):
        for name, value in head._asdict().items():
            batches = np.concatenate([getattr(batch[number], name) for batch in piped])
            assert np.allclose(batches, value, atol=1e-6) and batches.shape == value.shape
            assert np.allclose(getattr(compiled[number], name), value, atol=1e-6)


def test_small_boxes_keep_their_digits():
    """float64 truths: the sides of a small box on the far right are exact, whatever the type of the result."""
    boxes = np.array([[box(4090.1, 17.3, 1.1, 1.3)]])
    head = assign_v3(boxes, [[0]], [(1, 1)], [(0,)], 4096, [(128, 128)], 1)[0]
    assert head.log_sides[0, 0].numpy() == pytest.approx(np.log([1.1, 1.3]), abs=1e-7)


def test_pad_truths():
    boxes, classes = pad_truths([[[1, 2, 3, 4]], [], [[0, 0, 1, 1], [5, 5, 9, 9]]], [[4], [], [0, 1]])
    assert boxes.dtype == np.float32 and boxes.shape == (3, 2, 4) and boxes[2, 1].tolist() == [5, 5, 9, 9]
    assert classes.tolist() == [[4, -1], [-1, -1], [0, 1]]
    assert pad_truths([[]], [[]], 3)[1].tolist() == [[-1] * 3]
    with pytest.raises(ValueError, match="a picture has 2 boxes; there is room for 1"):
        pad_truths([np.zeros((2, 4))], [[0, 0]], 1)
    with pytest.raises(ValueError, match=r"\[1\] boxes and \[2\] classes"):
        pad_truths([np.zeros((1, 4))], [[0, 0]])


def test_what_is_refused():
    with pytest.raises(ValueError, match="not finite"):
        read_truths([[[0, 0, np.nan, 1]]], [[0]], 96)
    with pytest.raises(TypeError, match="classes are float32; whole numbers"):
        read_truths([[[0.0, 0, 1, 1]]], tf.constant([[0.0]]), 96)
    with pytest.raises(ValueError, match="there are 2 masks and 1 grids"):
        assign_v3([[[0.0, 0, 1, 1]]], [[0]], [(1, 1)], [(0,), (0,)], 96, [(3, 3)], 1)
    for masks in ([()], [(0, 0)], [(1,)]):
        with pytest.raises(ValueError, match="a mask is"):
            assign_v3([[[0.0, 0, 1, 1]]], [[0]], [(1, 1)], masks, 96, [(3, 3)], 1)
    with pytest.raises(ValueError, match="above 0, are wanted"):
        assign_v3([[[0.0, 0, 1, 1]]], [[0]], [(1, 0)], [(0,)], 96, [(3, 3)], 1)


def test_importing_does_not_import_tensorflow():
    code = "import sys, yolo, yolo.targets, yolo.losses; print('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
