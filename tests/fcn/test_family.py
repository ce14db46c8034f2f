"""The family is of one size; its intervals are bootstrap intervals; its figures show what they are given."""

import contextlib
import json
import signal
import subprocess
import sys
import time

import matplotlib.pyplot as plt
import numpy as np
import pytest

from fcn import family
from fcn.datasets import scenes
from fcn.metrics import confusion_matrix, mean_iou
from fcn.plots.family import draw_fields, draw_side_by_side, draw_tradeoff
from fcn.training import evaluate


@pytest.fixture(autouse=True)
def no_figures_left():
    yield
    plt.close("all")


def test_all_have_as_many_weights():
    import keras

    for name in family.NETWORKS:
        assert family.learnt_weights(family.member(name)) == pytest.approx(150_000, rel=0.04), name
        keras.backend.clear_session()
    with pytest.raises(ValueError, match="the family is fcn32s"):
        family.member("vgg")


def test_one_seed_one_network():
    one, same, other = (family.member("pspnet", seed=seed).get_weights()[0] for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 0


def counted(count, seed=0, error=0.3):
    """Confusion matrices of images, some of them harder than others, and of a network that is a little better."""
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        truth = generator.integers(0, 3, 400)
        hard = generator.uniform(0, 2 * error)
        guess = np.where(generator.random(400) < hard, generator.integers(0, 3, 400), truth)
        better = np.where(generator.random(400) < 0.15, truth, guess)
        found.append([confusion_matrix(truth, answer, 3) for answer in (guess, better)])
    return np.swapaxes(found, 0, 1)


def test_the_interval_is_that_of_scipy():
    stats = pytest.importorskip("scipy.stats")
    worse, better = counted(40)
    indices = (np.arange(40),)

    def iou(drawn):
        return mean_iou(worse[drawn].sum(axis=0))

    def difference(drawn):
        return mean_iou(better[drawn].sum(axis=0)) - iou(drawn)

    options = {"n_resamples": 2000, "vectorized": False, "method": "percentile", "rng": np.random.default_rng(1)}
    for statistic, pair in ((iou, (worse,)), (difference, (better, worse))):
        expected = stats.bootstrap(indices, statistic, confidence_level=0.9, **options).confidence_interval
        low, high = family.interval(*pair, level=0.9, draws=2000)
        assert (low, high) == pytest.approx(tuple(expected), abs=0.06 * (high - low))


def test_a_difference_on_the_same_images_is_seen_sooner():
    worse, better = counted(40)
    low, high = family.interval(better, worse)
    assert low > 0 and family.interval(worse)[1] > family.interval(better)[0], "the single intervals overlap"
    assert family.interval(worse, worse) == (0, 0)
    back = family.interval(worse, better)
    assert (-back[1], -back[0]) == pytest.approx((low, high))


def test_images_that_are_alike_leave_no_doubt():
    one = np.tile([[[5, 1], [2, 8]]], (7, 1, 1))
    assert family.interval(one) == pytest.approx([mean_iou(one[0])] * 2)


def test_wrong_intervals_are_refused():
    worse, better = counted(4)
    with pytest.raises(ValueError, match="same images"):
        family.interval(worse, better[:3])
    with pytest.raises(ValueError, match="same images"):
        family.interval(worse[0])
    with pytest.raises(ValueError, match="level is 95"):
        family.interval(worse, level=95)


def test_the_matrices_of_images_add_up():
    network, data = family.member("pspnet"), scenes(3, 5, (40, 48))
    found, predicted = family.matrices(network, data)
    np.testing.assert_array_equal(found.sum(axis=0), evaluate(network, data, verbose=False))
    np.testing.assert_array_equal(found[2], confusion_matrix(data.labels[2], predicted[2], 8))


def test_the_command_trains_writes_and_goes_on(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(family, "SIZE", (32, 48))
    words = ["--networks", "pspnet", "--scenes", "5", "--epochs", "1", "--fresh", "3", "--seed", "2"]
    folders = ["--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "out")]
    assert family.main(words + folders) == 0
    assert "replaces" not in capsys.readouterr().err
    card = json.loads((tmp_path / "out" / "scenes_pspnet.json").read_text())
    assert card["command"] == " ".join(["python -m fcn.family", *words])
    assert card["network"] == "pspnet" and card["arguments"] == family.NETWORKS["pspnet"]
    network = family.member("pspnet")
    network.load_weights(tmp_path / "out" / "scenes_pspnet.weights.h5")
    fresh = scenes(3, family.FRESH_SEED, (32, 48))
    figures = card["measured_on_fresh_scenes"]
    assert mean_iou(evaluate(network, fresh, verbose=False)) == pytest.approx(figures["mean_iou"], abs=0.01)
    assert card["bytes"] < 2 * card["parameters"] + 100_000, "two bytes for each weight, and little besides"
    checkpoint = tmp_path / "runs" / "pspnet_2" / "checkpoint.npz"
    before = checkpoint.stat().st_mtime_ns
    assert family.main(words + folders) == 0, "again: nothing is left to learn"
    assert checkpoint.stat().st_mtime_ns == before
    assert "replaces " + str(tmp_path / "out" / "scenes_pspnet.weights.h5") in capsys.readouterr().err
    assert json.loads((tmp_path / "out" / "scenes_pspnet.json").read_text())["measured_on_fresh_scenes"] == figures


def test_what_cannot_be_done_is_said_before_anything_is(tmp_path, capsys):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="name another with --out"):
        family.main(["--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "file")])
    for wrong in ("--scenes=0", "--epochs=0", "--fresh=x", "--seed=4294967296"):
        with pytest.raises(SystemExit) as stop:
            family.main([wrong])
        error = capsys.readouterr().err
        assert stop.value.code == 2 and error.count("\n") == 1 and wrong.partition("=")[0] in error


def test_ctrl_c_is_told_as_elsewhere(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "fcn.family", "--networks", "pspnet", "--epochs", "500", "--scenes", "4"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while process.poll() is None and not list(tmp_path.rglob("checkpoint.npz")):
        time.sleep(0.05)
    # Python loses a KeyboardInterrupt that comes inside a destructor; who sees nothing happen presses Ctrl-C again.
    for _ in range(6):
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)
            break
    _, error = process.communicate(timeout=5)
    assert process.returncode == 130 and "Traceback" not in error, error
    assert error.rstrip().endswith("stopped; the same command goes on after the last whole epoch")


# Figures.

COLOURS = np.array([[10, 20, 30], [200, 100, 50]], np.uint8)


def test_pictures_and_their_details():
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    label = (image[..., 0] > 128).astype(np.uint8)
    figure = draw_side_by_side({"a": image, "b": label, "c": label}, COLOURS, detail=(4, 6, 8, 10), columns=2)
    axes = figure.axes
    assert [ax.get_title() for ax in axes] == ["a", "b", "", "", "c", "", "", ""]
    np.testing.assert_array_equal(axes[0].images[0].get_array(), image)
    np.testing.assert_array_equal(axes[2].images[0].get_array(), image[4:12, 6:16])
    np.testing.assert_array_equal(axes[3].images[0].get_array(), COLOURS[label[4:12, 6:16]])
    frame = axes[1].patches[0]
    assert (frame.get_xy(), frame.get_width(), frame.get_height()) == ((5.5, 3.5), 10, 8)
    for detail in [(13, 0, 8, 8), (-1, 0, 4, 4), (0, 0, 0, 4)]:
        with pytest.raises(ValueError, match="not within 20 x 30"):
            draw_side_by_side({"a": image}, COLOURS, detail=detail)
    with pytest.raises(ValueError, match="sizes"):
        draw_side_by_side({"a": image, "b": label[:5]}, COLOURS, detail=(0, 0, 4, 4))


def test_costs_and_scores_are_where_they_belong():
    ax = draw_tradeoff({"x": 3.0, "y": 50.0}, {"x": 0.4, "y": 0.6}, {"x": (0.35, 0.45), "y": (0.55, 0.62)})
    points = [(line.get_xdata()[0], line.get_ydata()[0]) for line in ax.lines if line.get_marker() == "o"]
    assert points == [(3.0, 0.4), (50.0, 0.6)]
    assert [text.get_text() for text in ax.texts] == ["x", "y"] and ax.get_xscale() == "log"
    bars = [tuple(line.get_ydata()) for line in ax.lines if line.get_marker() != "o"]
    assert bars == [(0.35, 0.45), (0.55, 0.62)]
    with pytest.raises(ValueError, match="the same are wanted"):
        draw_tradeoff({"x": 3.0}, {"z": 0.4})
    with pytest.raises(ValueError, match="above 0"):
        draw_tradeoff({"x": 0.0}, {"x": 0.4})


def test_names_of_points_that_lie_close_cover_each_other_nowhere():
    names = ["one", "another", "a_third_one", "the_fourth"]
    ax = draw_tradeoff({n: 30 + i for i, n in enumerate(names)}, {n: 0.5 + i / 1000 for i, n in enumerate(names)})
    ax.plot(32, 0.6, alpha=0)  # room above
    boxes = [text.get_window_extent() for text in ax.texts]
    assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])
    crowd = {str(number) * 9: 1.0 for number in range(30)}
    assert sorted(text.get_text() for text in draw_tradeoff(crowd, crowd).texts) == sorted(crowd), "all are named"


def test_fields_are_shares_of_their_strongest():
    field = np.zeros((9, 12))
    field[4, 6], field[2, 3] = 8, 4
    ax = draw_fields({"net": field}).axes[0]
    shown = ax.images[0].get_array()
    assert shown[4, 6] == 1 and shown[2, 3] == 0.5 and shown[0, 0] == pytest.approx(1e-3)
    assert (ax.lines[0].get_xdata()[0], ax.lines[0].get_ydata()[0]) == (6, 4), "the cross is on the output"
    for wrong in (-field, 0 * field):
        with pytest.raises(ValueError, match="strengths from 0 up"):
            draw_fields({"net": wrong})
    with pytest.raises(ValueError, match="empty"):
        draw_fields({})
