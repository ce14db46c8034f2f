"""`yolo.training.train`: what it learns, what stands still, a run that is killed and goes on."""

import signal
import subprocess
import sys
from dataclasses import replace
from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf

from data.training import Record, read_history
from yolo import Detector
from yolo.augment import augment
from yolo.augment.views import View, stretched
from yolo.datasets import DetectionData
from yolo.datasets.batches import size_at
from yolo.evaluation import evaluate_detector
from yolo.losses import loss_v3
from yolo.models import yolov3_tiny
from yolo.training import Phase, body_frozen, body_then_all, expect_little, new_heads, procedure, split, steps, train
from yolo.training.phases import last_layers
from yolo.training.procedure import _averaged, _compile, _loss

from .training_pieces import ALONE, PHASES, detector, drawn, numbers, same, train_it, with_crowd

ANCHORS = [[(40, 30), (30, 60), (60, 60)], [(8, 8), (12, 20), (20, 12)]]
QUIET = {"verbose": False, "batch": 2}


@pytest.fixture(scope="module")
def whole():
    """The detector and history of a training that nobody interrupts."""
    one = detector()
    return one, train_it(one)


def test_each_epoch_has_its_row_and_the_detector_can_be_used_at_once(whole):
    one, history = whole
    assert [(row["epoch"], row["phase"]) for row in history] == [(1, "heads"), (2, "everything"), (3, "everything")]
    terms = ("box", "objectness", "no_objectness", "classes")
    assert list(history[0]) == ["epoch", "phase", "loss", *terms, "val_ap50", "val_map", "seconds"]
    for row in history:
        assert row["loss"] == pytest.approx(sum(row[name] for name in terms))
    kept = evaluate_detector(one, drawn(3, 1), max_detections=100)
    best = max(history, key=lambda row: row["val_ap50"])
    assert (kept.ap("coco", 0.5), kept.ap()) == pytest.approx((best["val_ap50"], best["val_map"]), abs=1e-3)


def test_tiny_learns_a_batch():
    keras.utils.set_random_seed(0)
    data = drawn()
    tiny = Detector(yolov3_tiny(3, width=0.05), data.names, ANCHORS, 64)
    first = tiny(data[0].image, threshold=0.01)
    history = train(tiny, data, Phase("all", 30, 1e-2), batch=4, verbose=False)
    assert history[-1]["loss"] < 0.5 * history[0]["loss"]
    assert not same([tiny(data[0].image, threshold=0.01).scores], [first.scores])  # no folded copy of before


def test_the_rows_hold_the_loss_of_the_weighted_truths():
    """Nearly no rate; the last batch is smaller; the objects of one picture are a crowd."""
    one, data = detector(batch_norm=False), with_crowd()
    (row,) = train(one, data, Phase("all", 1, 1e-30), batch=3, verbose=False, ignore=0.4)
    ((pictures, truth),) = data.as_tf_data(64, batch=5)
    heads = [one.network(pictures)]
    options = {"weights": truth["weights"], "ignore": 0.4}
    terms = loss_v3(heads, truth["boxes"], truth["classes"], one.anchors[0], [(0, 1)], 64, **options)
    for name, values in terms.named().items():
        assert row[name] == pytest.approx(float(tf.reduce_mean(values)), rel=1e-5)
    assert truth["weights"].numpy()[4].sum() == 0 and truth["weights"].numpy().sum() > 0


def test_a_frozen_body_does_not_move_and_all_else_does():
    one = detector()
    network = one.network
    network.get_layer("body").layers[1].trainable = False
    flags = [layer.trainable for layer in network.get_layer("body").layers]
    before = {weight.path: weight.numpy() for weight in network.weights}
    train(one, drawn(), Phase("heads", 1, 1e-2, freeze_body=True), **QUIET)
    changed = {weight.path for weight in network.weights if not np.array_equal(weight, before[weight.path])}
    assert changed == {"raw/kernel", "raw/bias"}
    assert [layer.trainable for layer in network.get_layer("body").layers] == flags
    train(one, drawn(), Phase("all", 1, 1e-2), **QUIET)
    changed = {weight.path for weight in network.weights if not np.array_equal(weight, before[weight.path])}
    assert changed == {path for path in before if "first" not in path}


def test_what_is_frozen_can_be_chosen():
    network = yolov3_tiny(3, width=0.05)
    assert last_layers(network) == ("head_32/raw", "head_16/raw")
    with body_frozen(network, head=last_layers(network)):
        assert {weight.path.split("/")[-2] for weight in network.trainable_weights} == {"raw"}
    with body_frozen(network):
        assert not network.get_layer("body").trainable_weights and network.get_layer("neck_32").trainable_weights
    assert body_then_all(0, 3) == (Phase("everything", 3, 1e-3),)
    with pytest.raises(ValueError, match="heads and everything are 0"):
        body_then_all(0, 0)


def ready(one, optimizer=None, clip=None, **options):
    """The step of a detector, and a batch."""
    views = drawn().as_tf_data(64, batch=4)
    if optimizer is None:
        _compile(one.network, Phase("all", 10, 1e-2), 1, 0.01, **options)
    else:
        one.network.compile(optimizer)
    made = steps.steps_of(one.network, one.network, _loss(one, {}), views.element_spec, clip=clip, jit=False)
    return made((64, 64)), next(iter(views))


def test_averages_are_those_of_the_closed_form():
    """a_n = .7 a_(n-1) + .3 w_n from a_1 = w_1: .49 w_1 + .21 w_2 + .3 w_3."""
    one, weights = detector(), []
    step, batch = ready(one, ema=0.7)
    for _ in range(3):
        step(*batch)
        weights.append([variable.numpy() for variable in one.network.trainable_variables])
    expected = [0.49 * a + 0.21 * b + 0.3 * c for a, b, c in zip(*weights)]
    for stays in (False, True):
        with _averaged(one.network, 0.7) as averages_stay:
            for variable, value in zip(one.network.trainable_variables, expected):
                np.testing.assert_allclose(variable, value, atol=1e-6)
            if stays:
                averages_stay()
        assert same([variable.numpy() for variable in one.network.trainable_variables], weights[-1]) != stays


def test_what_stays_in_the_end_are_the_averages():
    one = detector()
    train(one, drawn(), Phase("all", 2, 1e-2), ema=0.8, **QUIET)
    weights = one.network.get_weights()
    one.network.optimizer.finalize_variable_values(one.network.trainable_variables)
    assert same(one.network.get_weights(), weights)


def test_the_gradient_of_all_weights_together_is_cut():
    moves = []
    for clip in (None, 0.5, 1e9):
        one = detector(batch_norm=False)
        before = one.network.get_weights()
        step, batch = ready(one, keras.optimizers.SGD(1.0), clip)
        step(*batch)
        moves.append(np.concatenate([(a - b).ravel() for a, b in zip(one.network.get_weights(), before)]))
    length = np.linalg.norm(moves[0])
    assert length > 1 and np.linalg.norm(moves[1]) == pytest.approx(0.5, rel=1e-3)
    np.testing.assert_allclose(moves[1], moves[0] * 0.5 / length, atol=1e-5)
    np.testing.assert_allclose(moves[2], moves[0], atol=1e-6)


def test_scales_and_biases_do_not_decay():
    one = detector()
    _compile(one.network, Phase("all", 1, 1e-2), 4, 0.5, None)
    optimizer = one.network.optimizer
    before = [variable.numpy() for variable in one.network.trainable_variables]
    optimizer.apply_gradients([(tf.zeros_like(value), v) for value, v in zip(before, one.network.trainable_variables)])
    moved = {v.path for v, old in zip(one.network.trainable_variables, before) if not np.array_equal(v, old)}
    assert moved == {v.path for v in one.network.trainable_variables if v.path.endswith("kernel")}


def test_sizes_are_drawn_every_ten_steps(monkeypatch):
    seen, made = [], steps.steps_of

    def watched(*args, **options):
        of_size = made(*args, **options)
        return lambda size: (seen.append(size), of_size(size))[1]

    monkeypatch.setattr(steps, "steps_of", watched)
    sizes = [(64, 64), (32, 96)]
    history = train(detector(), drawn(), Phase("all", 6, 1e-3), sizes=sizes, batch=1, seed=2, verbose=False)
    assert seen == [sizes[size_at(2, step // 10, 2)] for step in range(24)] and len(set(seen)) == 2
    assert all(np.isfinite(row["loss"]) for row in history)


def test_the_head_alone_learns_the_same_from_features(tmp_path):
    """What is frozen gives the same each time, whether it is calculated once or in every epoch."""
    found = []
    for features in (None, tmp_path / "features"):
        one = detector()
        body = one.network.get_layer("body").get_weights()
        phase = Phase("head", 2, 1e-2, freeze_body=features is None)
        history = train(one, drawn(), phase, validation=drawn(3, 1), features=features, **QUIET)
        assert same(one.network.get_layer("body").get_weights(), body)
        assert all(weight.trainable for weight in one.network.get_layer("raw").weights)
        found.append((one.network.get_weights(), numbers(history)))
    for one, other in zip(found[0][0], found[1][0]):
        np.testing.assert_allclose(one, other, atol=1e-5)
    for row, other in zip(found[0][1], found[1][1]):
        assert {n: v for n, v in row.items() if n != "phase"} == pytest.approx(
            {n: v for n, v in other.items() if n != "phase"}, rel=1e-4, abs=1e-3
        )
    assert len(list((tmp_path / "features").iterdir())) == 1


def test_features_are_those_of_the_checkpoint(tmp_path):
    """The first weights of the second process are others; its body and its features are of the first all the same."""
    options = {"features": tmp_path / "features", "run": tmp_path / "run", **QUIET}
    weights = []
    for seed in (0, 1):
        one = detector(seed)
        history = train(one, drawn(), Phase("head", 1, 1e-2), **options)
        weights.append(one.network.get_weights())
    assert same(*weights) and len(history) == 1
    assert len(list((tmp_path / "features").iterdir())) == 1


def test_pictures_are_shown_as_the_detector_stretches_them():
    view = View(np.zeros((20, 40, 3), np.uint8), np.float32([[4, 5, 20, 10]]), np.array([0]), np.ones(1, np.float32))
    wide = stretched(view, (60, 80))
    assert wide.image.shape == (60, 80, 3) and wide.boxes.tolist() == [[8, 15, 40, 30]]
    data = drawn()
    seen = procedure._stretched(data, 0, (0, 0), (32, 96))
    np.testing.assert_allclose(seen.boxes, data[0].boxes * [1.5, 0.5, 1.5, 0.5], rtol=1e-6)


def test_bfloat16_keeps_its_loss_in_float32_and_xla_changes_nothing():
    plain, compiled, policy = detector(), detector(), keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        short = detector()
    finally:
        keras.config.set_dtype_policy(policy)
    rows = [train(one, drawn(), Phase("all", 1, 1e-3), **QUIET)[0] for one in (plain, short)]
    assert short.network.compute_dtype == "bfloat16" and rows[1]["loss"] != rows[0]["loss"]
    assert rows[1]["loss"] == pytest.approx(rows[0]["loss"], rel=0.02)
    (row,) = train(compiled, drawn(), Phase("all", 1, 1e-3), jit=True, **QUIET)
    assert row["loss"] == pytest.approx(rows[0]["loss"], rel=1e-4)


def test_patience_counts_epochs_and_measures_every_second():
    phases = (Phase("first", 7, 1e-30), Phase("second", 3, 1e-30))
    one = detector(batch_norm=False)
    history = train(one, drawn(), phases, validation=drawn(3, 1), patience=2, measure_every=2, **QUIET)
    assert [(row["epoch"], "val_ap50" in row) for row in history] == [
        *((epoch, epoch in (2, 4)) for epoch in (1, 2, 3, 4)),
        *((8, False), (9, True), (10, True)),
    ]


def test_new_heads_stand_on_what_was_learnt():
    keras.utils.set_random_seed(4)
    old = Detector(yolov3_tiny(3, width=0.05), drawn().names, ANCHORS, 64)
    new = new_heads(old, ("a", "b"), [one[:2] for one in ANCHORS], size=96)
    assert new.size == (96, 96) and new.names == ("a", "b") and [len(one) for one in new.anchors] == [2, 2]
    body, other = (split(one.network, last_layers(one.network)).body for one in (old, new))
    pictures = np.random.default_rng(0).random((1, 64, 96, 3)).astype(np.float32)
    for a, b in zip(body(pictures), other(pictures)):
        np.testing.assert_array_equal(a, b)
    assert [head.shape[-1] for head in new.network.outputs] == [14, 14]
    shared = {id(weight) for weight in old.network.weights} & {id(weight) for weight in new.network.weights}
    assert not shared
    for head in new.network(np.zeros((1, 64, 96, 3), np.float32)):  # in the dark only the biases speak
        logits = np.asarray(head).reshape(-1, 7)
        np.testing.assert_allclose(1 / (1 + np.exp(-logits[:, 4])), 0.01, rtol=1e-5)
        np.testing.assert_array_equal(np.delete(logits, 4, axis=1), 0)
    with pytest.raises(ValueError, match="there are anchors for 1 heads; the network has 2"):
        new_heads(old, ("a", "b"), ANCHORS[:1])
    with pytest.raises(ValueError, match="objectness is 1; a number between 0 and 1"):
        expect_little(new.network, [2, 2], 1)


# Going on


def test_interrupted_at_the_end_of_a_phase_it_goes_on_to_the_same_end(whole, tmp_path, monkeypatch):
    """Then the averages have become the weights; and between the best weights and the checkpoint."""
    save = Record.save

    def stop(late, rows):
        def save_or_stop(self, row):
            if len(self.history) + 1 != rows:
                return save(self, row)
            if late:
                save(self, row)
            raise KeyboardInterrupt

        return save_or_stop

    for seed, late, rows in ((0, True, 1), (5, False, 3)):
        monkeypatch.setattr(Record, "save", stop(late, rows))
        with pytest.raises(KeyboardInterrupt):
            train_it(detector(seed), tmp_path)
    monkeypatch.setattr(Record, "save", save)
    for seed in (7, 8):  # the second time nothing is left to do
        one = detector(seed)
        assert numbers(train_it(one, tmp_path)) == numbers(whole[1])
        assert same(one.network.get_weights(), whole[0].network.get_weights())


CHILD = """
import sys
import numpy as np
from tests.yolo.training_pieces import after, detector, drawn, train_it
run, looks, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
one = detector(seed)
train_it(one, run, after(drawn(), looks))
np.savez(run + "/end.npz", *one.network.get_weights())
"""


def test_killed_in_the_middle_of_an_epoch_it_goes_on_to_the_same_end(whole, tmp_path):
    """SIGKILL in the second epoch of the second phase; first weights that are not those of before."""

    def process(looks, seed):
        command = [sys.executable, "-c", CHILD, str(tmp_path), str(looks), str(seed)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    looks = 2 * 4  # at the augmentation, before the first epoch; then twice at each of four pictures
    killed = process(looks + 2 * 8 + 5, 0)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert len(read_history(tmp_path / "checkpoint.npz")) == 2
    last = process(10**9, 2)
    assert last.returncode == 0, last.stderr
    assert numbers(read_history(tmp_path / "checkpoint.npz")) == numbers(whole[1])
    with np.load(tmp_path / "end.npz") as stored:
        assert same([stored[name] for name in stored.files], whole[0].network.get_weights())


# What is refused


def test_the_folder_of_another_training(tmp_path, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(DetectionData, "as_tf_data", stop)  # all below comes before anything is read
    with pytest.raises(KeyboardInterrupt):
        train_it(detector(), tmp_path)
    with pytest.raises(KeyboardInterrupt):
        train_it(detector(3), tmp_path)
    for change, words in (
        ({"seed": 1}, "another views, numbers"),
        ({"data": drawn(5)}, "another data:"),
        ({"augment": partial(augment, mosaic=0, flip=1)}, "another augment, views"),
        ({"ignore": 0.7}, "another loss"),
        ({"ema": None}, "another numbers"),
        ({"sizes": [32, 64]}, "another sizes"),
    ):
        with pytest.raises(ValueError, match=words):
            train_it(detector(), tmp_path, **change)
    with pytest.raises(ValueError, match="another network"):
        train_it(detector(batch_norm=False), tmp_path)


def test_an_augmentation_that_forgets_its_seed(tmp_path):
    def forgetful(data, index, seed, size):
        return augment(data, index, np.random.randint(1000), size)

    with pytest.raises(ValueError, match="makes different views with the same seed"):
        train(detector(), drawn(), PHASES, augment=forgetful, run=tmp_path)


def test_a_loss_that_is_no_number_stops_at_once():
    one = detector()
    one.network.get_layer("raw").bias.assign(np.full(16, np.nan))
    with pytest.raises(ValueError, match=r"the loss is nan in epoch heads 1/1, step 1; take a lower rate"):
        train(one, drawn(), body_then_all(1, 0), **QUIET)
    assert all(weight.trainable for weight in one.network.get_layer("raw").weights)


def others():
    return DetectionData([replace(record, names=("a", "b", "c")) for record in drawn()], ("a", "b", "c"))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"detector": 3}, TypeError, "detector is a int; a yolo.Detector"),
        ({"data": [1]}, TypeError, "data is a list; a DetectionData"),
        ({"data": others}, ValueError, "data has the classes .*build a detector for these"),
        ({"validation": others}, ValueError, "validation has the classes"),
        ({"validation": lambda: with_crowd().subset([4])}, ValueError, "there is nothing to measure"),
        ({"phases": ()}, TypeError, "Phase is wanted, one or more"),
        ({"batch": 0}, ValueError, "batch is 0"),
        ({"seed": -1}, ValueError, "seed is -1"),
        ({"weight_decay": -1}, ValueError, "weight_decay is -1; a number of 0 or more is wanted"),
        ({"clip": 0}, ValueError, "clip is 0; a number above 0 is wanted"),
        ({"clip": "1"}, TypeError, "clip is '1'"),
        ({"ema": 1.0}, ValueError, "ema is 1.0; a number of 0 or more, below 1 is wanted"),
        ({"measure_every": 0}, ValueError, "measure_every is 0"),
        ({"patience": 2}, ValueError, "patience is 2 and validation is not given"),
        ({"keep": "first"}, ValueError, "keep is 'first'"),
        ({"augment": "flip"}, TypeError, "augment is 'flip'"),
        ({"sizes": [50]}, ValueError, "sizes has 50 x 50; multiples of 32"),
        ({"features": "x", "augment": ALONE}, ValueError, "features are of pictures that are always the same"),
        ({"box_term": "iou"}, ValueError, "box_term is 'iou'"),
        ({"weight": 1}, TypeError, "unexpected keyword argument 'weight'"),
        ({"weights": 1}, TypeError, "multiple values for keyword argument 'weights'"),
        ({"head": ("body/nowhere",)}, ValueError, "'nowhere' is not among"),
    ],
)
def test_bad_arguments(arguments, error, message):
    arguments = {"detector": detector(), "data": drawn(), "phases": PHASES, "verbose": False, **arguments}
    arguments = {n: v() if v is others or getattr(v, "__name__", "") == "<lambda>" else v for n, v in arguments.items()}
    with pytest.raises(error, match=message):
        train(arguments.pop("detector"), arguments.pop("data"), arguments.pop("phases"), **arguments)


def test_a_softmax_is_not_trained_with_the_loss_of_v3():
    with pytest.raises(ValueError, match="the detector is a YOLOv2"):
        train(detector(logistic=False), drawn(), PHASES)
    one = detector()
    one.network.trainable = False
    with pytest.raises(ValueError, match="no weight of 'small' may learn"):
        train(one, drawn(), Phase("all", 1, 1e-3), **QUIET)


# Strategies

REPLICAS = """
import numpy as np
import tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
from tests.yolo.training_pieces import PHASES, detector, drawn, numbers
from yolo.training import train

def run(strategy):
    with strategy.scope():
        one = detector(batch_norm=False)
    options = {"validation": drawn(3, 1), "batch": 4, "ema": 0.5, "clip": 1.0, "keep": "last", "verbose": False}
    return one.network.get_weights(), train(one, drawn(8), PHASES, **options), one.network.get_weights()

one = run(tf.distribute.get_strategy())
mirrored = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
assert mirrored.num_replicas_in_sync == 2
two = run(mirrored)
for before, a, b in zip(one[0], one[2], two[2]):
    np.testing.assert_allclose(a, b, atol=1e-4)
    assert np.abs(a - before).max() > 1e-3
for row, other in zip(numbers(one[1]), numbers(two[1])):
    assert row.keys() == other.keys()
    for name in row.keys() - {"phase"}:
        np.testing.assert_allclose(other[name], row[name], rtol=1e-3, atol=5e-3, err_msg=name)
with mirrored.scope():
    model = detector()
for options, words in (({"batch": 3}, "a multiple of 2 is wanted"), ({"jit": True}, "XLA is not used")):
    try:
        train(model, drawn(8), PHASES, **{"batch": 4, **options})
    except ValueError as error:
        assert words in str(error), error
    else:
        raise AssertionError(options)
"""


def test_two_replicas_learn_what_one_does():
    """Each with one half of every batch, in this process's processor."""
    process = subprocess.run([sys.executable, "-c", REPLICAS], capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr[-3000:]
