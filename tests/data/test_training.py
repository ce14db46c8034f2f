"""`data.training`: what any training needs: rates, flags, checkpoints, the bar, digests."""

import subprocess
import sys

import keras
import numpy as np
import pytest

from data.training import (
    BasePhase,
    Epochs,
    Record,
    Watch,
    frozen,
    learning_rate,
    network_in_words,
    precision,
    stale,
)
from data.training.checkpoints import load_checkpoint, read_history, save_checkpoint


def network(seed=0):
    keras.utils.set_random_seed(seed)
    inside = [keras.layers.Conv2D(4, 3, name="first"), keras.layers.BatchNormalization(), keras.layers.Dropout(0.3)]
    return keras.Sequential([keras.Input((None, None, 3)), *inside, keras.layers.Conv2D(3, 1, name="last")])


def same(one, other):
    return len(one) == len(other) and all(np.array_equal(a, b) for a, b in zip(one, other))


def test_the_learning_rate_has_no_step_of_nothing():
    for steps in (1, 2, 7, 19, 40, 1000):
        schedule, warm_up = learning_rate(0.5, steps), max(1, steps // 20)
        rates = np.array([float(schedule(step)) for step in range(steps)])
        assert (rates > 0).all() and rates.max() == pytest.approx(0.5 if steps > warm_up or steps == 1 else rates[0])
        np.testing.assert_allclose(np.diff(rates[: warm_up + 1], 2), 0, atol=1e-6)
        falling = 0.25 * (1 + np.cos(np.pi * np.arange(steps - warm_up) / max(1, steps - warm_up)))
        np.testing.assert_allclose(rates[warm_up:], falling, atol=1e-6)


def test_the_first_weights_are_kept_before_anything_is_learnt(tmp_path):
    model = network(3)
    Record(model, tmp_path, keep_best=True, score="val_ap")
    later = network(4)
    record = Record(later, tmp_path, keep_best=True, score="val_ap")
    record.restore(optimizer=False)
    assert record.history == [] and same(later.get_weights(), model.get_weights())
    later.set_weights(network(5).get_weights())
    record.restore(optimizer=True)  # once only
    assert same(later.get_weights(), network(5).get_weights())


@pytest.mark.parametrize("damage", ["empty", "half", "middle", "text"])
def test_a_damaged_checkpoint_says_what_to_do(tmp_path, damage):
    path, model = tmp_path / "checkpoint.npz", network()
    save_checkpoint(path, model, [{"epoch": 1}], optimizer=False)
    content = path.read_bytes()
    if damage == "middle":  # of an array
        place = content.index(model.get_weights()[2].tobytes()) + 5
        content = content[:place] + bytes([content[place] ^ 255]) + content[place + 1 :]
    path.write_bytes({"empty": b"", "half": content[: len(content) // 2], "text": b"hello"}.get(damage, content))
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"checkpoint\.npz is damaged .* delete the folder to start anew"):
        Record(model, tmp_path, keep_best=False, score="val_ap").restore(optimizer=False)
    assert same(model.get_weights(), before)


def test_the_checkpoint_of_another_network_changes_nothing(tmp_path):
    save_checkpoint(tmp_path / "a.npz", network(1), [], optimizer=False)
    other = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(4, 3), keras.layers.Conv2D(9, 3)])
    before = other.get_weights()
    with pytest.raises(ValueError, match=r"checkpoint of another network: network\d .* differs"):
        load_checkpoint(tmp_path / "a.npz", other, optimizer=False)
    assert same(other.get_weights(), before)


def test_layers_that_cannot_be_saved_have_a_recipe_too():
    class Strange(keras.layers.Layer):
        def __init__(self, function):
            super().__init__()
            self.function = function

        def call(self, x):
            return self.function(x)

    models = [keras.Sequential([keras.Input((4, 4, 3)), Strange(abs)]) for _ in range(2)]
    assert network_in_words(models[0]) == network_in_words(models[1])


def test_the_best_is_of_the_measured_epochs_alone(tmp_path):
    model, scores = network(), [0.3, None, 0.5, None, 0.4]
    for run in (None, tmp_path):
        record, weights = Record(model, run, keep_best=True, score="val_ap"), []
        model.compile("sgd", "mse")
        for epoch, score in enumerate(scores, start=1):
            model.set_weights([weight + 1 for weight in model.get_weights()])
            weights.append(model.get_weights())
            record.add({"epoch": epoch} | ({} if score is None else {"val_ap": score}))
        record.take_best()
        assert same(model.get_weights(), weights[2])
    assert [row["epoch"] for row in read_history(tmp_path / "checkpoint.npz")] == [1, 2, 3, 4, 5]


def test_stale_is_asked_where_something_was_measured():
    rows = [{"ap": score} if score else {} for score in (0.5, None, None, 0.4, None, 0.6)]
    assert [stale(rows[:count], 3, "ap") for count in range(7)] == [False] * 4 + [True, False, False]
    assert not stale(rows[:4], None, "ap") and not stale(rows[:4], 4, "ap")


def test_what_is_frozen_has_its_flags_again():
    model = network()
    model.layers[1].trainable = False
    before = [layer.trainable for layer in model.layers]
    with pytest.raises(RuntimeError), frozen(model.layers[:2]):  # noqa: PT012
        assert {weight.path.split("/")[-2] for weight in model.trainable_weights} == {"last"}
        raise RuntimeError
    assert [layer.trainable for layer in model.layers] == before


def test_the_watch_counts_speaks_and_stops(capsys):
    epochs = Epochs()
    watch = Watch(epochs, "heads", 2, 3, True, {"ap": "AP"})
    watch.begin(1)
    assert epochs.number() == 1
    watch.step(0, {"loss": 2.0, "ap": 0.5})
    with pytest.raises(ValueError, match=r"the loss is inf in epoch heads 2/3, step 2; take a lower rate"):
        watch.step(1, {"loss": float("inf")})
    row = watch.end({"loss": np.float32(2), "ap": 0.5})
    assert row.pop("seconds") >= 0 and row == {"epoch": 2, "loss": 2.0, "ap": 0.5}
    assert capsys.readouterr().out.startswith("heads 2/3: loss 2.000, ap 0.500 (0 s)")


@pytest.mark.parametrize("fields", [("a", 0, 1), ("a", 1, 0), ("a", 1, True), ("a", 1, float("nan"))])
def test_what_makes_no_phase(fields):
    assert BasePhase("a", 1, 1).rate == 1
    with pytest.raises(ValueError, match="is wanted"):
        BasePhase(*fields)


def test_importing_it_imports_no_tensorflow():
    code = "import sys, data.training; print([name for name in ('tensorflow', 'keras') if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


# which numbers


def test_precision_is_measured_only_where_there_are_units(monkeypatch):
    def build():
        pytest.fail("nothing needs to be built")

    assert precision.choose("bfloat16", build, (1, 32, 32)) == ("bfloat16", "as asked for")
    monkeypatch.setattr(precision, "has_units", lambda: False)
    assert precision.choose("auto", build, (1, 32, 32))[0] == "float32"
    monkeypatch.setattr(precision, "has_units", lambda: True)
    seen = []

    def timed(network, shape):
        seen.append((network.compute_dtype, shape))
        return {"float32": 3.0, "bfloat16": 2.0}[network.compute_dtype]

    monkeypatch.setattr(precision, "step_time", timed)
    made = lambda: keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 1)])  # noqa: E731
    policy = keras.config.dtype_policy()
    name, why = precision.choose("auto", lambda: made().layers[0], (1, 32, 32))
    assert name == "bfloat16" and "1.50 times as fast" in why
    assert seen == [("float32", (1, 32, 32)), ("bfloat16", (1, 32, 32))]
    assert keras.config.dtype_policy() == policy
