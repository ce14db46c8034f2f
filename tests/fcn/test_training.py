"""`fcn.training`: phases, scores while it learns, a run that is killed and goes on."""

import json
import signal
import subprocess
import sys
from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf

from data.runs import claim
from data.training import Record, read_history
from data.training import checkpoints as files
from data.training.checkpoints import load_checkpoint, save_checkpoint
from fcn.augment import augment
from fcn.datasets import SegmentationData
from fcn.losses import CrossEntropy, Dice
from fcn.metrics import global_accuracy, mean_iou
from fcn.training import Phase, decoder_then_all, encoder_frozen, evaluate, train
from fcn.training.recipe import data_in_words, recipe, views_in_numbers

from .training_pieces import NAMES, flags, network, numbers, pairs, same

PHASES = decoder_then_all(2, 3, 1e-2)


def train_it(model, run=None, data=None, **arguments):
    arguments = {"augment": partial(augment, rotation=3), "batch": 2, "verbose": False, **arguments}
    return train(model, data or pairs(), PHASES, validation=pairs(4, seed=1, void=True), run=run, **arguments)


@pytest.fixture(scope="module")
def whole():
    """Weights, history and weights before of a training that nobody interrupts."""
    model = network()
    before = model.get_weights()
    history = train_it(model)
    return model.get_weights(), history, before


# Freezing


def test_a_frozen_encoder_does_not_change_and_all_else_does():
    model = network()
    before, set_by_user = {w.path: w.numpy() for w in model.weights}, flags(model)
    train(model, pairs(), Phase("decoder", 1, 1e-2, freeze_encoder=True), batch=3, verbose=False)
    changed = {w.path for w in model.weights if not np.array_equal(w, before[w.path])}
    assert changed == {path for path in before if not path.startswith("encoder/")}
    assert flags(model) == set_by_user
    train(model, pairs(), Phase("everything", 1, 1e-2), batch=3, verbose=False)
    now_changed = {w.path for w in model.weights if not np.array_equal(w, before[w.path])}
    assert now_changed == {path for path in before if "own_frozen" not in path}


class Outer(keras.layers.Layer):
    """A layer of layers, one of which its user has frozen."""

    def __init__(self, **options):
        super().__init__(**options)
        self.learns, self.frozen = keras.layers.Dense(2), [keras.layers.Dense(2, trainable=False)]

    def call(self, x):
        return self.frozen[0](self.learns(x))


def test_flags_come_back_at_every_depth_and_after_an_error():
    wrapped = keras.layers.TimeDistributed(keras.layers.Dense(2, trainable=False), name="encoder_wrapped")
    layers = [Outer(name="encoder_outer"), wrapped, keras.layers.Dense(2, name="encoder_off", trainable=False)]
    model = keras.Sequential([keras.Input((4, 4, 2)), *layers, keras.layers.Dense(3, name="logits")])
    outer = model.layers[0]
    every = [*model.layers, outer.learns, outer.frozen[0], wrapped.layer]
    before = [layer.trainable for layer in every]
    with pytest.raises(RuntimeError), encoder_frozen(model):  # noqa: PT012
        assert [layer.name for layer in every if layer.trainable] == ["logits"]
        assert {weight.path.split("/")[-2] for weight in model.trainable_weights} == {"logits"}
        raise RuntimeError
    assert [layer.trainable for layer in every] == before
    assert len(model.trainable_weights) == 4


def test_a_network_without_encoder_is_refused_at_once():
    plain = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(3, 1)])
    with pytest.raises(ValueError, match="begins with 'encoder'"):
        train(plain, pairs(), decoder_then_all(1, 1))


# What is measured


def test_scores_are_those_of_the_confusion_matrix_and_each_phase_is_logged(capsys):
    model, learnt, measured = network(dropout=0, batch_norm=False), pairs(5, void=True), pairs(3, (7, 9), seed=1)
    phases = (Phase("first", 1, 1e-30, freeze_encoder=True), Phase("second", 2, 1e-30))
    history = train(model, learnt, phases, validation=measured, batch=2)
    assert [(row["epoch"], row["phase"]) for row in history] == [(1, "first"), (2, "second"), (3, "second")]
    for row in history:
        for prefix, data in (("", learnt), ("val_", measured)):
            matrix = evaluate(model, data, verbose=False)
            assert matrix.sum() == sum((data[i][1] != 255).sum() for i in range(len(data)))
            assert row[f"{prefix}mean_iou"] == pytest.approx(mean_iou(matrix), abs=1e-6)
            assert row[f"{prefix}global_accuracy"] == pytest.approx(global_accuracy(matrix), abs=1e-6)
    said = capsys.readouterr()
    assert [line.split(":")[0] for line in said.out.splitlines()] == ["first 1/1", "second 2/3", "second 3/3"]
    assert "mean IoU" in said.err or "first 1/1" in said.err


def test_evaluate_measures_at_the_size_of_the_labels():
    data = pairs(3, (14, 9), void=True)
    model, expected = network(), np.zeros((3, 3), np.int64)
    for image, label in (data[i] for i in range(3)):
        seen = tf.image.resize(image[None], (8, 8), method="area")
        seen = tf.round(seen)
        logits = tf.image.resize(model(seen, training=False), (14, 9))[0]
        for true, predicted in zip(label.ravel(), tf.argmax(logits, -1).numpy().ravel()):
            if true != 255:
                expected[true, predicted] += 1
    np.testing.assert_allclose(evaluate(model, data, size=8, verbose=False), expected, atol=4)
    with pytest.raises(ValueError, match=r"'small' gives 3 logits .* 2 classes; build the network with classes=2"):
        evaluate(model, SegmentationData(data.images, data.labels, ("a", "b")))


class Counted(CrossEntropy):
    """Python sees it only while a graph is made of it."""

    calls = 0

    def of_pixels(self, *args):
        type(self).calls += 1
        return super().of_pixels(*args)


def test_patience_ends_a_phase_not_the_training_and_no_epoch_makes_a_graph(capsys, monkeypatch):
    calls, add = [], Record.add
    monkeypatch.setattr(Record, "add", lambda self, row: (calls.append(Counted.calls), add(self, row)))
    phases = (Phase("first", 5, 1e-30), Phase("second", 5, 1e-30))
    model = network(dropout=0, batch_norm=False)
    history = train(
        model, pairs(), phases, loss=Counted(), validation=pairs(3, seed=1), patience=2, batch=3, verbose=False
    )
    assert [(row["epoch"], row["phase"]) for row in history] == [
        *((epoch, "first") for epoch in (1, 2, 3)),
        *((epoch, "second") for epoch in (6, 7, 8)),
    ]
    assert calls[0] == calls[1] == calls[2] and calls[3] == calls[4] == calls[5]
    assert capsys.readouterr() == ("", "")


# Going on


def test_the_best_is_kept_and_the_last_if_wanted(tmp_path):
    """The rate is too high, so that later epochs are worse."""
    data, measured = pairs(), pairs(3, seed=1)
    kept, model = [], network(dropout=0, batch_norm=False)
    keep, phase = (lambda self: kept.append(self.network.get_weights())), Phase("all", 4, 0.5)
    with pytest.MonkeyPatch.context() as patch:
        original = Record.add
        patch.setattr(Record, "add", lambda self, row: (keep(self), original(self, row)))
        history = train(model, data, phase, validation=measured, batch=2, run=tmp_path, verbose=False)
    best = int(np.argmax([row["val_mean_iou"] for row in history]))
    assert same(model.get_weights(), kept[best])
    again = network(3, dropout=0, batch_norm=False)
    assert train(again, data, phase, validation=measured, batch=2, run=tmp_path, verbose=False) == history
    assert same(again.get_weights(), kept[best])
    with np.load(tmp_path / "checkpoint.npz") as stored:  # the file goes on from the last one
        assert same([stored[f"network{i}"] for i in range(len(kept[-1]))], kept[-1])
    (tmp_path / "best.weights.h5").write_bytes(b"half")
    with pytest.raises(ValueError, match=r"best\.weights\.h5, the weights of the best epoch, cannot be read"):
        train(again, data, phase, validation=measured, batch=2, run=tmp_path, verbose=False)


def test_interrupted_anywhere_it_goes_on_to_the_same_end(whole, tmp_path, monkeypatch):
    """Between the best weights and the checkpoint; right after a checkpoint; when all is done."""
    calls, save = [], save_checkpoint

    def interrupted(at, late):
        def save_or_stop(*args, **options):
            calls.append(at)
            if len(calls) != at:
                save(*args, **options)
            elif late:
                save(*args, **options)
                raise KeyboardInterrupt
            else:
                raise KeyboardInterrupt

        calls.clear()
        return save_or_stop

    # The first call of a new run is the checkpoint of the beginning.
    for seed, at, late, rows in ((0, 3, False, 1), (5, 1, True, 2), (6, 2, True, 4)):
        monkeypatch.setattr(files, "save_checkpoint", interrupted(at, late))
        model = network(seed)
        before = flags(model)
        with pytest.raises(KeyboardInterrupt):
            train_it(model, tmp_path)
        assert flags(model) == before
        assert len(read_history(tmp_path / "checkpoint.npz")) == rows
    monkeypatch.setattr(files, "save_checkpoint", save)
    for seed in (7, 8):  # the second time nothing is left to do
        model = network(seed)
        history = train_it(model, tmp_path)
        assert numbers(history) == numbers(whole[1])
        assert same(model.get_weights(), whole[0])


CHILD = """
import sys
from functools import partial
import numpy as np
from fcn.augment import augment
from tests.fcn.test_training import train_it
from tests.fcn.training_pieces import after, network, numbers, pairs
run, reads, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
model = network(seed)
train_it(model, run, after(pairs(), reads))
np.savez(run + "/end.npz", *model.get_weights())
"""


def test_killed_in_the_middle_of_epochs_it_goes_on_to_the_same_end(whole, tmp_path):
    """SIGKILL, twice, in both phases; with dropout and augmentation; first weights that are not those of before."""

    def process(reads, seed):
        command = [sys.executable, "-c", CHILD, str(tmp_path), str(reads), str(seed)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    looks = 2 * 6  # at the augmentation, before the first epoch
    assert process(looks + 6 + 4, 0).returncode == -signal.SIGKILL
    assert len(read_history(tmp_path / "checkpoint.npz")) == 1
    assert process(looks + 6 + 6 + 4, 1).returncode == -signal.SIGKILL
    assert len(read_history(tmp_path / "checkpoint.npz")) == 3
    last = process(10**9, 2)
    assert last.returncode == 0, last.stderr
    assert numbers(read_history(tmp_path / "checkpoint.npz")) == numbers(whole[1])
    with np.load(tmp_path / "end.npz") as stored:
        assert same([stored[name] for name in stored.files], whole[0])


def test_bfloat16_learns_and_goes_on(tmp_path, monkeypatch):
    policy = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy("mixed_bfloat16")
        models = [network(seed) for seed in (0, 0, 1)]
        keras.config.set_dtype_policy("bfloat16")
        pure = [network(seed) for seed in (0, 1)]
    finally:
        keras.config.set_dtype_policy(policy)
    arguments = {"batch": 3, "verbose": False}
    phases = (Phase("one", 1, 1e-2), Phase("two", 1, 1e-2))
    history, add = train(models[0], pairs(), phases, **arguments), Record.add

    def stop(self, row):
        add(self, row)
        raise KeyboardInterrupt

    monkeypatch.setattr(Record, "add", stop)
    with pytest.raises(KeyboardInterrupt):
        train(models[1], pairs(), phases, run=tmp_path, **arguments)
    monkeypatch.setattr(Record, "add", add)
    assert numbers(train(models[2], pairs(), phases, run=tmp_path, **arguments)) == numbers(history)
    assert same(models[0].get_weights(), models[2].get_weights())
    assert history[1]["loss"] < history[0]["loss"]

    save_checkpoint(tmp_path / "pure.npz", pure[0], [], optimizer=False)
    load_checkpoint(tmp_path / "pure.npz", pure[1], optimizer=False)
    assert pure[1].get_layer("logits").kernel.dtype == "float32" and pure[1].weights[0].dtype == "bfloat16"
    assert same(*([w.numpy().astype(np.float32) for w in model.weights] for model in pure))


# What is refused


def facts(**changes):
    arguments = {"model": network(), "data": pairs(), "phases": PHASES, "loss": CrossEntropy(), "validation": None}
    arguments |= {"size": None, "augment": partial(augment, rotation=3), "seed": 0, "batch": 4, **changes}
    return json.loads(json.dumps(recipe(arguments.pop("model"), **arguments)))


def bent(image, label, seed, strength=0):
    return tf.cast(image, tf.float32) * strength, label


def a_pixel_changed():
    data = pairs()
    data.images[5, 3, 3] += 1
    return data


@pytest.fixture(scope="module")
def plain_facts():
    return facts()


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, []),
        ({"model": lambda: network(7)}, []),
        ({"model": lambda: network(dropout=0.31)}, ["network"]),
        ({"model": lambda: network(batch_norm=False)}, ["network"]),
        ({"data": lambda: pairs(void=True)}, ["data"]),
        ({"data": a_pixel_changed}, ["data"]),
        ({"validation": pairs}, ["validation"]),
        ({"phases": lambda: decoder_then_all(2, 3, 2e-2)}, ["phases"]),
        ({"loss": lambda: CrossEntropy([1, 2, 3])}, ["loss"]),
        ({"loss": lambda: Dice()}, ["loss"]),
        ({"size": lambda: (16, 16)}, ["size"]),
        ({"batch": lambda: 2}, ["batch"]),
        ({"augment": lambda: partial(augment, rotation=90)}, ["augment", "views"]),
        ({"augment": lambda: None}, ["augment", "views"]),
    ],
)
def test_what_decides_the_result_is_in_the_recipe(plain_facts, changes, names):
    other = facts(**{name: make() for name, make in changes.items()})
    changed = [name for name in plain_facts if plain_facts[name] != other[name]]
    assert [name for name in changed if name != "views"] == [name for name in names if name != "views"]
    assert ("views" in changed) or "views" not in names


def test_functions_of_the_same_name_are_told_apart_by_what_they_do():
    data, functions = pairs(), [lambda *args, strength=strength: bent(*args, strength) for strength in (0.5, 0.5, 0.6)]
    first, again, other = (views_in_numbers(data, None, 0, function) for function in functions)
    assert first == again != other


@pytest.mark.parametrize("seeded", [False, True])  # a seed of TensorFlow's hides the difference between two graphs
def test_an_augmentation_that_forgets_its_seed_is_refused(seeded):
    if seeded:
        keras.utils.set_random_seed(0)
    for forgetful in (
        lambda image, label, seed: (tf.random.uniform((12, 10, 3)), label),
        lambda image, label, seed: (tf.numpy_function(np.random.random, [(12, 10, 3)], tf.float64), label),
    ):
        with pytest.raises(ValueError, match="different views with the same seed; with run= it must draw all by its"):
            views_in_numbers(pairs(), None, 0, forgetful)


def test_files_are_known_by_name_and_length(tmp_path):
    for name in ("a", "b"):
        keras.utils.save_img(tmp_path / f"{name}.png", pairs(1).images[0])
    data = SegmentationData([tmp_path / "a.png"], [tmp_path / "b.png"], NAMES)
    before = data_in_words(data)
    assert before.startswith("1 pairs, ") and before == data_in_words(data)
    (tmp_path / "b.png").write_bytes((tmp_path / "b.png").read_bytes() + b"x")
    assert data_in_words(data) != before


def test_the_folder_of_another_training_is_refused_in_words(tmp_path):
    claim(tmp_path, facts(batch=2, weight_decay=0.01, patience=None, keep="best", validation=None))
    with pytest.raises(ValueError, match=r"another views, seed: choose another folder .* \(seed 0 there, 1 here\)"):
        train(network(), pairs(), PHASES, augment=partial(augment, rotation=3), batch=2, seed=1, run=tmp_path)


OTHER = SegmentationData(np.zeros((1, 4, 4, 3), np.uint8), np.zeros((1, 4, 4), np.uint8), ("x", "y", "z"))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"phases": ()}, TypeError, "Phase is wanted, one or more"),
        ({"phases": [3]}, TypeError, "Phase is wanted"),
        ({"loss": "mse"}, TypeError, "loss is 'mse'; a loss of fcn.losses"),
        ({"loss": CrossEntropy(void=-1)}, ValueError, "loss has void -1, data 255"),
        ({"keep": "first"}, ValueError, "keep is 'first'; accepted: best, last"),
        ({"patience": 3}, ValueError, "patience is 3 and validation is not given"),
        ({"patience": 0}, ValueError, "patience is 0"),
        ({"batch": 0}, ValueError, "batch is 0"),
        ({"batch": True}, TypeError, "batch is True"),
        ({"seed": -1}, ValueError, "seed is -1"),
        ({"seed": None}, TypeError, "seed is None"),
        ({"size": (8, 8, 3)}, ValueError, "size is"),
        ({"weight_decay": -1}, ValueError, "weight_decay is -1"),
        ({"weight_decay": "no"}, TypeError, "weight_decay is 'no'"),
        ({"augment": "flip"}, TypeError, "augment is 'flip'"),
        ({"data": [1, 2]}, TypeError, "data is a list; a SegmentationData"),
        ({"validation": float("nan")}, TypeError, "validation is a float; a SegmentationData"),
        ({"validation": OTHER}, ValueError, "validation has the classes"),
    ],
)
def test_bad_arguments(arguments, error, message):
    arguments = {"data": pairs(), "phases": Phase("all", 1, 1e-3), **arguments}
    with pytest.raises(error, match=message):
        train(network(), arguments.pop("data"), arguments.pop("phases"), verbose=False, **arguments)


@pytest.mark.parametrize("data", [float("nan"), [], None])
def test_only_pairs_are_measured_on(data):
    with pytest.raises(TypeError, match="a SegmentationData is wanted"):
        evaluate(network(), data)


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        (("a", 0, 1), ValueError),
        (("a", 1.5, 1), TypeError),
        (("a", 1, 0), ValueError),
        (("a", 1, True), ValueError),
        ((3, 1, 1), TypeError),
        (("a", 1, float("nan")), ValueError),
    ],
)
def test_bad_phases(fields, error):
    with pytest.raises(error):
        Phase(*fields)
    assert decoder_then_all(0, 2) == (Phase("everything", 2, 1e-3),)
    with pytest.raises(ValueError, match="decoder is -1"):
        decoder_then_all(-1, 2)


class Nothing(CrossEntropy):
    def of_pixels(self, labels, logits, valid):
        return super().of_pixels(labels, logits, valid) * float("nan")


def test_a_loss_that_is_no_number_stops_at_once(tmp_path):
    model = network()
    before = flags(model)
    with pytest.raises(ValueError, match=r"the loss is nan in epoch decoder 1/2, step 1; take a lower rate"):
        train(model, pairs(), decoder_then_all(2, 1), loss=Nothing(), run=tmp_path, verbose=False)
    assert flags(model) == before and read_history(tmp_path / "checkpoint.npz") == []


def test_nothing_that_may_learn():
    model = network()
    model.trainable = False
    with pytest.raises(ValueError, match="no weight of 'small' may learn"):
        train(model, pairs(), Phase("all", 1, 1e-3), verbose=False)


def test_validation_without_a_pixel_to_measure():
    void = SegmentationData(pairs(1).images, np.full((1, 12, 10), 255, np.uint8), NAMES)
    with pytest.raises(ValueError, match="validation has no pixel of a class"):
        train(network(), pairs(2), Phase("all", 1, 1e-3), validation=void, verbose=False)


# Strategies

REPLICAS = """
import sys
import numpy as np
import tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
from fcn.metrics import mean_iou
from fcn.training import decoder_then_all, evaluate, train
from tests.fcn.training_pieces import network, numbers, pairs, same

def run(strategy, folder=None, seed=0):
    with strategy.scope():
        model = network(seed, dropout=0, batch_norm=False)
    arguments = {"validation": pairs(3, (12, 10), 1), "batch": 4, "run": folder, "verbose": False}
    history = train(model, pairs(8), decoder_then_all(1, 2, 1e-2), **arguments)
    return model.get_weights(), numbers(history), evaluate(model, pairs(3, (12, 10), 1), verbose=False)

one = run(tf.distribute.get_strategy())
device = run(tf.distribute.OneDeviceStrategy("CPU:0"))
mirrored = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
assert mirrored.num_replicas_in_sync == 2
two, again = run(mirrored, sys.argv[1]), run(mirrored, sys.argv[1], seed=1)
for weights, history, matrix in (device, two):
    for a, b in zip(one[0], weights):
        np.testing.assert_allclose(a, b, atol=1e-4)
    assert len(history) == len(one[1]) == 3
    for row, other in zip(one[1], history):
        assert row.keys() == other.keys()
        for name in row.keys() - {"epoch", "phase"}:
            np.testing.assert_allclose(other[name], row[name], atol=2e-3 if "loss" not in name else 1e-4, err_msg=name)
    assert abs(matrix - one[2]).sum() <= 4
assert same(again[0], two[0]) and again[1] == two[1]
with mirrored.scope():
    model = network()
for batch in (3, 10):
    try:
        train(model, pairs(8), decoder_then_all(1, 2), batch=batch)
    except ValueError as error:
        assert "a multiple of 2 is wanted" in str(error), error
    else:
        raise AssertionError(batch)
# One pair would be left for two replicas: it is not learnt from, but measured.
arguments = {"validation": pairs(3, seed=1), "keep": "last", "batch": 2, "verbose": False}
(row,) = train(model, pairs(7), decoder_then_all(0, 1), **arguments)
matrix = evaluate(model, pairs(3, seed=1), verbose=False)
# A pixel or two may differ: batches of other sizes are added up in another order.
assert matrix.sum() == 3 * 120 and abs(mean_iou(matrix) - row["val_mean_iou"]) < 0.01, (matrix, row)
assert np.isfinite(row["val_loss"])
assert all(np.isfinite(weight).all() for weight in model.get_weights())
"""


def test_strategies_learn_the_same(tmp_path):
    """On one device, and on two replicas in this process's processor, each with one half of every batch."""
    process = subprocess.run(
        [sys.executable, "-c", REPLICAS, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr[-3000:]
