"""`evaluate_detector` and the callback: on pictures where a spot is what the detector of `test_detector` sees."""

import csv
import subprocess
import sys
from dataclasses import replace

import keras
import numpy as np
import pytest
from PIL import Image

from tests.yolo.test_detector import ANCHORS, NAMES, picture, spots
from yolo.datasets import DetectionData, Record
from yolo.detector import Detector
from yolo.evaluation import MeanAveragePrecision, detections_of, evaluate_detector
from yolo.evaluation.detecting import class_numbers
from yolo.nms import fast
from yolo.nms.checks import of_the_best

COLOURS = {"red": (255, 0, 0), "blue": (0, 0, 255), "dark": (0, 0, 0)}
BOX = (30, 9, 50, 39)  # what the detector says of a spot in its cell (1, 2)


def data_of(*colours, names=NAMES, boxes=None, **fields):
    """A picture for each colour, with the box of its spot; of "dark" an empty one."""
    records = []
    for colour in colours:
        classes = [names.index(colour)] if colour in names else []
        box = [BOX] * len(classes) if boxes is None else boxes
        records.append(Record(picture(colour=COLOURS.get(colour, (0, 0, 0))), box, classes, names, **fields))
    return DetectionData(records, names)


@pytest.fixture(scope="module")
def seer():
    return spots()


def test_a_detector_that_is_right_and_one_that_is_half_right(seer):
    right = evaluate_detector(seer, data_of("red", "blue", "dark", "red"), verbose=False)
    assert right.ap() == right.ap(iou=0.5) == 1 and right.names == NAMES
    # The best box is half as wide as this one is: IoU .5, found at the threshold of .5 alone.
    wide = evaluate_detector(seer, data_of("red", boxes=[(30, 9, 70, 39)]), verbose=False)
    assert wide.ap(iou=0.5) == 1 and wide.ap() == pytest.approx(0.1)
    assert evaluate_detector(seer, data_of("red"), verbose=False, iou_thresholds=0.7).iou_thresholds == [0.7]


def test_detections_are_those_of_the_detector_at_a_low_threshold(seer):
    data = data_of("red", "dark", "blue", "red")
    found = detections_of(seer, data, batch=3, verbose=False)
    for one, wanted in zip(found, seer([record.image for record in data], threshold=0.005), strict=True):
        np.testing.assert_array_equal(one.boxes, wanted.boxes)
        np.testing.assert_array_equal(one.classes, wanted.classes)
    assert detections_of(seer, data, threshold=1, verbose=False)[0].boxes.shape == (0, 4)
    smaller = detections_of(seer, data, size=32, verbose=False)
    np.testing.assert_allclose(smaller[0].boxes, seer(data[0].image, size=32, threshold=0.005).boxes)


def test_classes_are_joined_by_their_names(seer):
    assert class_numbers(seer, data_of("blue", names=("blue", "Green", " Red"))).tolist() == [2, 0]
    assert class_numbers(seer, data_of("blue", names=("blue", "RED", "red"))).tolist() == [2, 0]
    assert evaluate_detector(seer, data_of("blue", names=("green", "blue")), verbose=False).by_name()[1] == 1
    found = detections_of(seer, data_of("blue", "red", names=("blue",)), verbose=False)
    assert found[0].labels == ["blue"] and len(found[1]) == 0  # what is red is no class of the data
    numbered = data_of("class 1", names=("class 0", "class 1"))
    assert class_numbers(seer, numbered).tolist() == [0, 1]
    renamed = DetectionData([Record(picture(), [BOX], [0], ("rosso",))], ("rosso",))
    assert evaluate_detector(seer, renamed, same={"rosso": "RED"}, verbose=False).ap() == 1


def test_what_does_not_fit_is_refused(seer):
    green = DetectionData([Record(picture(), [BOX], [0], ("green",))], ("green",))
    for arguments, error, message in (
        ((seer, green), ValueError, r"the data's 'green' is not among the 2 classes of the detector \(red, blue\)"),
        ((seer, DetectionData([], NAMES)), ValueError, "data has no pictures"),
        ((seer, [1]), TypeError, "data is a list; a DetectionData"),
        ((seer.network, data_of("red")), TypeError, "detector is a Functional; a yolo.Detector is wanted"),
    ):
        with pytest.raises(error, match=message):
            detections_of(*arguments)
    with pytest.raises(ValueError, match="same has 'rot', which is no class of the data; it has red, blue"):
        detections_of(seer, data_of("red"), same={"rot": "red"})
    with pytest.raises(ValueError, match="max_detections is 0"):
        evaluate_detector(seer, data_of("red"), max_detections=0, verbose=False)


def test_a_picture_that_cannot_be_read(seer, tmp_path):
    Image.fromarray(picture()).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_text("no picture")
    names = ["b.png", "a.png", "c.png", "a.png"]
    data = DetectionData([Record(tmp_path / name, [BOX], [0], NAMES) for name in names], NAMES)
    told = []
    found = detections_of(seer, data, failed=lambda *what: told.append(what), verbose=False, batch=1)
    assert [one is None for one in found] == [True, False, True, False] and len(found[3]) == 1
    assert [(index, name in str(error)) for (index, error), name in zip(told, ("b.png", "c.png"))] == [(0, 1), (2, 1)]
    with pytest.raises((OSError, ValueError), match=r"b\.png"):
        detections_of(seer, data, verbose=False)


def test_only_the_best_candidates_are_looked_at(seer):
    random = np.random.default_rng(0)
    corner = random.uniform(0, 90, (300, 2))
    boxes, classes = (
        np.concatenate([corner, corner + random.uniform(5, 30, (300, 2))], axis=1),
        random.integers(0, 3, 300),
    )
    scores = random.integers(0, 60, 300) / 60  # with ties
    best = np.lexsort((np.arange(300), -scores))[:100]
    wanted = fast(boxes[np.sort(best)], scores[np.sort(best)], classes[np.sort(best)])
    kept = of_the_best(fast, 100)(boxes, scores, classes)
    np.testing.assert_array_equal(kept.indices, np.sort(best)[wanted.indices])
    np.testing.assert_array_equal(kept.scores, scores[kept.indices])
    np.testing.assert_array_equal(of_the_best(fast, 300)(boxes, scores).indices, fast(boxes, scores).indices)
    noise = random.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    assert len(seer(noise, threshold=0)) > 5 == len(next(seer.each([noise], threshold=0, overlap=1, most=5)))


def test_a_live_detector_sees_the_weights_of_the_moment():
    folded = spots()
    live, frozen = replace(folded, live=True), folded
    layer = folded.network.get_layer("raw")
    assert len(live(picture())) == len(frozen(picture())) == 1
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel, np.where(np.arange(14) == 4, -30, bias)])
    assert len(live(picture())) == 0 and len(frozen(picture())) == 1
    with pytest.raises(ValueError, match="dtype is 'bfloat16'; a live network"):
        Detector(folded.network, NAMES, ANCHORS, 64, "bfloat16", live=True)


class Learning(keras.callbacks.Callback):
    """Sees nothing until the epoch of this number, counted from 0, and then everything."""

    def __init__(self, network, at):
        super().__init__()
        self.layer, self.at = network.get_layer("raw"), at
        self.kernel, self.bias = self.layer.get_weights()

    def on_epoch_begin(self, epoch, logs=None):
        self.layer.set_weights(
            [self.kernel, np.where(np.arange(14) == 4, self.bias if epoch >= self.at else -30, self.bias)]
        )


def trained(callback, detector, epochs, *more, at=2):
    """The model that is fitted is another one around the detector's network, and its rate is 0."""
    outer = keras.Sequential([detector.network, keras.layers.GlobalMaxPooling2D()])
    outer.compile(keras.optimizers.SGD(0.0), "mse")
    x, y = np.zeros((2, 32, 32, 3)), np.zeros((2, 14))
    learning = Learning(detector.network, at)
    return outer.fit(x, y, epochs=epochs, verbose=0, callbacks=[learning, callback, *more])


def test_the_callback_feeds_those_who_go_by_it(tmp_path):
    detector = spots()
    callback = MeanAveragePrecision(detector, data_of("red", "blue"))
    best = keras.callbacks.ModelCheckpoint(
        tmp_path / "{epoch}.weights.h5", monitor="val_ap50", mode="max", save_best_only=True, save_weights_only=True
    )
    enough = keras.callbacks.EarlyStopping("val_map", mode="max", patience=2)
    log = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    history = trained(callback, detector, 9, best, enough, log).history
    assert history["val_ap50"] == history["val_map"] == [0, 0, 1, 1, 1]  # and two epochs without anything better
    assert sorted(path.name for path in tmp_path.glob("*.h5")) == ["1.weights.h5", "3.weights.h5"]
    assert [float(row["val_ap50"]) for row in csv.DictReader((tmp_path / "log.csv").open())] == [0, 0, 1, 1, 1]
    assert callback.evaluation.ap() == 1 and callback.evaluation.names == NAMES


@pytest.mark.parametrize(
    ("every", "epochs", "at", "measured", "wanted"),
    [
        (1, 3, 1, 3, [0, 1, 1]),
        (3, 7, 1, 4, [0, 0, 1, 1, 1, 1, 1]),  # after epochs 1, 3, 6, and 7, the last
        (4, 6, 5, 3, [0, 0, 0, 0, 0, 1]),
    ],
)
def test_every_so_many_epochs_and_the_last(monkeypatch, every, epochs, at, measured, wanted):
    import yolo.evaluation.callback as module

    count, real = [], module.evaluate_detector
    monkeypatch.setattr(module, "evaluate_detector", lambda *a, **k: count.append(1) or real(*a, **k))
    detector = spots()
    # Twice as wide as what is found: IoU .5, right at the threshold of .5 alone.
    callback = MeanAveragePrecision(detector, data_of("red", boxes=[(30, 9, 70, 39)]), every=every)
    history = trained(callback, detector, epochs, at=at).history
    assert history["val_ap50"] == wanted and len(count) == measured
    assert history["val_map"] == pytest.approx([0.1 * one for one in wanted])


def test_the_callback_says_what_is_wrong_before_the_training(seer, capsys):
    with pytest.raises(ValueError, match="data has nothing to be found"):
        MeanAveragePrecision(seer, data_of("dark"))
    with pytest.raises(ValueError, match="data has nothing to be found"):
        MeanAveragePrecision(seer, data_of("red", difficult=[True]))
    with pytest.raises(ValueError, match="not among the 2 classes"):
        MeanAveragePrecision(seer, DetectionData([Record(picture(), [BOX], [0], ("green",))], ("green",)))
    with pytest.raises(ValueError, match="every is 0"):
        MeanAveragePrecision(seer, data_of("red"), every=0)
    detector = spots()
    trained(MeanAveragePrecision(detector, data_of("red"), verbose=True), detector, 1, at=0)
    said = capsys.readouterr()
    assert "epoch 1: AP50 1.000, AP 1.000" in said.out + said.err


def test_evaluation_does_not_import_keras():
    code = "import sys, yolo.evaluation; print([n for n in ('keras', 'tensorflow', 'matplotlib') if n in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
    import yolo.evaluation

    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        yolo.evaluation.nothing  # noqa: B018
