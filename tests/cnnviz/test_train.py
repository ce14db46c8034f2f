import json

import keras
import numpy as np
import pytest
from PIL import Image

from cnnviz import train
from cnnviz.network import build_classifier


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two classes that any network can tell apart: red and blue noise."""
    folder = tmp_path_factory.mktemp("data") / "colours"
    generator = np.random.default_rng(0)
    for split, count in (("train", 8), ("val", 3)):
        for channel, name in ((2, "blue"), (0, "red")):
            (folder / split / name).mkdir(parents=True)
            for index in range(count):
                image = generator.integers(0, 60, (40, 50, 3), np.uint8)
                image[..., channel] += 180
                Image.fromarray(image).save(folder / split / name / f"{index}.png")
    return folder


@pytest.fixture(autouse=True)
def small_network(monkeypatch):
    def build(classes, dtype="float32"):
        return build_classifier(classes, widths=(4, 6), convolutions=1, dtype=dtype)

    monkeypatch.setattr("cnnviz.network.build_classifier", build)


def run(folder, out, *more):
    options = ["--epochs", "3", "--batch", "4", "--views", "2", "--sizes", "32", "48", "--rate", "0.02"]
    files = ["--run", str(out), "--out", str(out / "small.weights.h5")]
    return train.main([str(folder), *options, *files, *more])


def test_trains_measures_and_writes_a_card(folder, tmp_path, capsys):
    assert run(folder, tmp_path) == 0
    assert "16 photographs to train on, 6 to validate, 2 classes" in capsys.readouterr().out
    card = json.loads((tmp_path / "small.json").read_text())
    assert card["class_names"] == ["blue", "red"]
    assert card["command"].startswith("python -m cnnviz.train colours --sizes 32 48 --epochs 3")
    assert card["bytes"] == (tmp_path / "small.weights.h5").stat().st_size
    assert (tmp_path / "curves.png").stat().st_size > 5000
    history = json.loads((tmp_path / "history.json").read_text())
    assert len(history) == 3
    assert history[-1]["loss"] < history[0]["loss"]


def test_goes_on_after_a_kill_as_if_nothing_had_happened(folder, tmp_path, monkeypatch):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    run(folder, whole)
    resumable = train.resumable

    def kill_after_the_first_epoch(model, path):
        callback = resumable(model, path)
        write = callback.on_epoch_end

        def on_epoch_end(epoch, logs=None):
            write(epoch, logs)
            raise KeyboardInterrupt

        callback.on_epoch_end = on_epoch_end
        return callback

    monkeypatch.setattr(train, "resumable", kill_after_the_first_epoch)
    with pytest.raises(KeyboardInterrupt):
        run(folder, killed)
    monkeypatch.setattr(train, "resumable", resumable)
    assert len(json.loads((killed / "history.json").read_text())) == 1
    run(folder, killed)
    assert len(json.loads((killed / "history.json").read_text())) == 3
    first, second = (keras.saving.load_model(path / "checkpoint.keras").get_weights() for path in (whole, killed))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_the_same_seed_gives_the_same_pictures():
    images = np.random.default_rng(0).integers(0, 256, (4, 112, 112, 3), np.uint8)
    import tensorflow as tf

    first, again, other = (
        train.augment(tf.constant(images), 64, tf.constant(seed)) for seed in ([1, 2], [1, 2], [1, 3])
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).mean() > 5
    assert first.shape == (4, 64, 64, 3)
    assert first.numpy().min() >= 0
    assert first.numpy().max() <= 255


def test_random_boxes_lie_inside_and_have_the_asked_area():
    boxes = train.random_boxes(2000, np.random.default_rng(0), area=(0.3, 0.8))
    height, width = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    assert boxes.min() >= 0
    assert boxes.max() <= 1 + 1e-6
    assert (height * width).min() > 0.28
    assert (height * width).max() < 0.8001
    assert (height * width).mean() == pytest.approx(0.55, abs=0.02)


def test_every_photograph_once_in_an_epoch():
    count, each = 12, 2
    views = np.zeros((count, each, 112, 112, 3), np.uint8)
    views += np.arange(count, dtype=np.uint8)[:, None, None, None, None] * 10
    targets = np.eye(count, dtype=np.float32)[:, None].repeat(each, axis=1)
    for epoch in (0, 1):
        batches = list(train.training_batches(views, targets, 4, range(epoch, epoch + 1), (32, 48), seed=0))
        assert len(batches) == 3
        assert [images.shape[1] for images, _ in batches] == [[32, 48, 32], [48, 32, 48]][epoch]
        seen = np.concatenate([labels.numpy().argmax(-1) for _, labels in batches])
        assert sorted(seen) == list(range(count))


def test_bad_folders(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match="train/CLASS"):
        run(tmp_path, tmp_path)
    with pytest.raises(ValueError, match="class 'blue' is in more than one folder"):
        train.read_photographs([folder, folder], "val")


def test_float16_weights_keep_the_answers(tmp_path, monkeypatch):
    monkeypatch.setattr("cnnviz.network.build_classifier", build_classifier)
    model = build_classifier(3)
    train.export(model, ["a", "b", "c"], tmp_path / "x.weights.h5", {})
    stored = build_classifier(3)
    stored.load_weights(tmp_path / "x.weights.h5")
    assert stored.dtype == "float32"
    for a, b in zip(model.get_weights(), stored.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-6)
