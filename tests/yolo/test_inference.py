"""`yolo.inference`: folded and compiled, the same numbers; bfloat16 only where it pays."""

import keras
import numpy as np
import pytest

from yolo import inference
from yolo.inference import Inference, score_change
from yolo.models import yolov3_tiny

RANDOM = np.random.default_rng(0)
PICTURES = RANDOM.integers(0, 256, (2, 32, 64, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def network():
    """With statistics of batch norm that folding has to take along."""
    keras.utils.set_random_seed(0)
    made = yolov3_tiny(2, width=0.05)
    for weight in made.weights:
        if weight.path.endswith(("moving_mean", "moving_variance", "gamma", "beta")):
            weight.assign(RANDOM.uniform(0.5, 1.5, weight.shape))
    return made


def test_the_same_heads_as_the_network(network):
    run = Inference(network, 2)
    wanted = network(PICTURES.astype(np.float32) / 255, training=False)
    for _ in range(2):
        heads = run(PICTURES)
        for head, other in zip(heads, wanted, strict=True):
            np.testing.assert_allclose(head, other, atol=1e-4 * np.abs(other).max())
    run(PICTURES[:1]), run(PICTURES[:, :, :32])
    assert set(run._graphs) == {("float32", (32, 64)), ("float32", (32, 32))}  # one for each size, whatever the batch
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in run._folded["float32"].layers)


def test_many_sizes_and_no_warning(network, caplog):
    import tensorflow as tf

    tf.get_logger().addHandler(caplog.handler)
    try:
        run = Inference(network, 2)
        for side in range(32, 32 * 8, 32):
            run(np.zeros((1, side, 32, 3), np.uint8))
    finally:
        tf.get_logger().removeHandler(caplog.handler)
    assert not caplog.records


def test_bfloat16_is_close_and_is_bfloat16(network):
    exact, short = Inference(network, 2)(PICTURES), Inference(network, 2, "bfloat16")
    heads = short(PICTURES)
    assert all(head.dtype == np.float32 for head in heads)
    change = score_change(exact, heads, 2)
    assert 1e-6 < change < 0.02
    assert {weight.dtype for weight in short._folded["bfloat16"].weights} == {"bfloat16"}
    assert {weight.dtype for weight in network.weights} == {"float32"}


def test_the_largest_change_of_a_score_by_hand():
    one, other = np.zeros((1, 1, 2, 7)), np.zeros((1, 1, 2, 7))
    other[0, 0, 1, 4] = np.log(3)  # sigmoid .75; the score goes from .25 to .375
    other[..., :4] = 9  # where a box lies is no score
    assert score_change([one], [other], 2) == pytest.approx(0.125)
    other[0, 0, 1, 6] = np.log(3)  # of a softmax of two
    assert score_change([one], [other], 2, logistic=False) == pytest.approx(0.75 * 0.75 - 0.25)


@pytest.mark.parametrize(
    ("units", "change", "seconds", "wanted", "why"),
    [
        (False, 0.0, (9, 1), "float32", "no units for bfloat16"),
        (True, 0.03, (9, 1), "float32", "moves a score by 0.030"),
        (True, np.nan, (9, 1), "float32", "moves a score by nan"),
        (True, 0.01, (1.1, 1), "float32", "1.10 times as fast"),
        (True, 0.01, (2, 1), "bfloat16", "2.00 times as fast, and moves scores by 0.010"),
    ],
)
def test_auto(network, monkeypatch, units, change, seconds, wanted, why):
    run = Inference(network, 2, "auto")
    assert run.numbers is None
    monkeypatch.setattr(inference, "has_units", lambda: units)
    monkeypatch.setattr(inference, "score_change", lambda *_, **__: change)
    monkeypatch.setattr(run, "_heads", lambda numbers, pictures: numbers)
    monkeypatch.setattr(run, "_seconds", lambda numbers, pictures: seconds[numbers == "bfloat16"])
    assert run(PICTURES) == wanted and run.numbers == wanted and why in run.why


def test_another_dtype_is_refused(network):
    with pytest.raises(ValueError, match="dtype is 'float16'; accepted: float32, bfloat16, auto"):
        Inference(network, 2, "float16")


def test_pictures_become_numbers_from_0_to_1():
    inputs = keras.Input((None, None, 3))
    copy = keras.layers.Conv2D(3, 1, use_bias=False)
    network = keras.Model(inputs, copy(inputs))
    copy.set_weights([np.eye(3, dtype=np.float32)[None, None]])
    (head,) = Inference(network, 2)(PICTURES)
    np.testing.assert_allclose(head, PICTURES / 255, atol=1e-6)
