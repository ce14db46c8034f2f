"""The same code with tensors: equal to NumPy, in a graph and under XLA, and gradients that are never NaN."""

import numpy as np
import pytest
import tensorflow as tf

from data.letterboxing import Letterbox
from yolo import boxes

FIT = Letterbox(source=(200, 400), content=(208, 416), canvas=(416, 416), top=104, left=0)
EDGES = [
    [0, 0, 10, 10], [5, 0, 15, 10], [10, 0, 20, 10], [3, 3, 3, 3], [0, 5, 10, 5], [5, 0, 5, 10], [9, 9, 1, 1],
    [0, 0, 0, 0], [0, 0, 1e-20, 1e-20], [0, 0, 1e-20, 100], [0, 0, 1e6, 1e-10], [-4, -4, 2, 30], [0, 0, 1e8, 1e8],
]  # fmt: skip
CALLS = {
    "convert": lambda b: boxes.convert(b, "xyxy", "cxcywh"),
    "back": lambda b: boxes.convert(b, "cxcywh", "xyxy"),
    "normalise": lambda b: boxes.normalise(b, (200, 400)),
    "to_pixels": lambda b: boxes.to_pixels(b, (200, 400)),
    "area": boxes.area,
    "iou": lambda b: boxes.matrix(b, b),
    "giou": lambda b: boxes.matrix(b, b, boxes.giou),
    "diou": lambda b: boxes.matrix(b, b, boxes.diou),
    "ciou": lambda b: boxes.matrix(b, b, boxes.ciou),
    "clip": lambda b: boxes.clip(b, (200, 400)).boxes,
    "visible": lambda b: boxes.clip(b, (200, 400)).visible,
    "to_letterbox": lambda b: boxes.to_letterbox(b, FIT),
    "from_letterbox": lambda b: boxes.from_letterbox(b, FIT, clipped=True),
    "flip_left_right": lambda b: boxes.flip_left_right(b, 400),
    "flip_up_down": lambda b: boxes.flip_up_down(b, 200),
    "affine": lambda b: boxes.affine(b, [[0.5, -1, 3], [1, 2, 0]]),
}


def some(dtype):
    rng = np.random.default_rng(0)
    return np.sort(rng.uniform(-50, 450, (7, 2, 2)), axis=1).reshape(7, 4).astype(dtype)


@pytest.mark.parametrize("name", CALLS)
def test_equal_to_numpy(name):
    """Eagerly in both precisions; in a graph that does not know how many boxes there are; compiled by XLA."""
    call = CALLS[name]
    for dtype, tolerance in ((np.float32, 2e-6), (np.float64, 1e-13)):
        expected = call(some(np.float64))
        scale = np.abs(expected).max()
        found = call(tf.constant(some(dtype)))
        assert tf.is_tensor(found) and found.dtype == dtype
        assert np.abs(found - expected).max() <= tolerance * scale
    signature = [tf.TensorSpec((None, 4), tf.float64)]
    for compiled in (tf.function(call, input_signature=signature), tf.function(call, jit_compile=True)):
        assert np.abs(compiled(tf.constant(some(np.float64))) - expected).max() <= 1e-12 * scale


def test_arrays_and_tensors_together():
    first, second = some(np.float32), some(np.float64)
    assert boxes.iou(tf.constant(first), second).dtype == tf.float32
    assert boxes.iou(tf.Variable(first), tf.constant(second)).dtype == tf.float64
    assert boxes.iou(tf.constant([[0, 0, 10, 10]]), [0, 0, 10, 5]).numpy().tolist() == [0.5]  # int32
    assert boxes.iou(tf.zeros((2, 4), tf.bfloat16), [0, 0, 1, 1]).dtype == tf.float32
    size = tf.constant([200, 400])
    assert np.allclose(boxes.normalise(tf.constant(first), size), boxes.normalise(first, (200, 400)))
    with pytest.raises(TypeError, match="first is a tensor of string"):
        boxes.iou(tf.constant(["a"] * 4), [0, 0, 1, 1])
    with pytest.raises(ValueError, match="first have shape"):
        boxes.iou(tf.zeros((2, 3)), [0, 0, 1, 1])


@pytest.mark.parametrize("measure", [boxes.iou, boxes.giou, boxes.diou, boxes.ciou])
@pytest.mark.parametrize("compiled", [False, True])
def test_gradients_are_finite_for_every_box(measure, compiled):
    """Points, lines, boxes turned inside out, tiny and huge ones, each with each."""

    def gradients(first, second):
        with tf.GradientTape() as tape:
            tape.watch([first, second])
            table = boxes.matrix(first, second, measure)
        return table, *tape.gradient(table, [first, second])

    run = tf.function(gradients, jit_compile=True) if compiled else gradients
    for values in run(tf.constant(EDGES, tf.float32), tf.constant(EDGES, tf.float32)):
        assert np.isfinite(values).all()


@pytest.mark.parametrize("measure", [boxes.iou, boxes.giou, boxes.diou])
def test_gradient_against_differences(measure):
    first, second = some(np.float64)[:3], some(np.float64)[3:6]
    variable = tf.constant(first)
    with tf.GradientTape() as tape:
        tape.watch(variable)
        value = tf.reduce_sum(measure(variable, second))
    found = tape.gradient(value, variable).numpy()
    for index in np.ndindex(first.shape):
        step = np.zeros_like(first)
        step[index] = 1e-4
        slope = (measure(first + step, second).sum() - measure(first - step, second).sum()) / 2e-4
        assert found[index] == pytest.approx(slope, rel=1e-5, abs=1e-9)


def test_ciou_alpha_has_no_gradient():
    """The paper's gradient by the width: that of DIoU, less alpha * dv/dw; equation 12."""
    box, truth = np.array([0, 0, 6.0, 3.0]), np.array([0, 0, 4.0, 4.0])
    grads = []
    for measure in (boxes.ciou, boxes.diou):
        variable = tf.constant(box)
        with tf.GradientTape() as tape:
            tape.watch(variable)
            value = measure(variable, truth)
        grads.append(tape.gradient(value, variable).numpy())
    difference = np.arctan(1) - np.arctan(2)
    v = 4 / np.pi**2 * difference**2
    alpha = v / (1 - boxes.iou(box, truth) + v)
    by_width = -8 / np.pi**2 * difference * 3 / (36 + 9)
    by_height = 8 / np.pi**2 * difference * 6 / (36 + 9)
    assert grads[0] - grads[1] == pytest.approx(-alpha * np.array([-by_width, -by_height, by_width, by_height]))


def test_unknown_rank_in_a_graph():
    run = tf.function(boxes.iou, input_signature=[tf.TensorSpec(None, tf.float32)] * 2)
    assert run(tf.constant([0.0, 0, 2, 2]), tf.constant([[0.0, 0, 2, 1]])).numpy().tolist() == [0.5]
