import json
import shutil

import keras
import numpy as np
import pytest
from PIL import Image

from cnnviz import train
from cnnviz.network import build_classifier
from cnnviz.training_data import read_photographs


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
    options = [
        "--epochs",
        "2",
        "--finish",
        "1",
        "--batch",
        "4",
        "--views",
        "2",
        "--sizes",
        "32",
        "48",
        "--rate",
        "0.02",
    ]
    files = ["--run", str(out), "--out", str(out / "small.weights.h5")]
    return train.main([str(folder), *options, *files, *more])


def test_trains_measures_and_writes_a_card(folder, tmp_path, capsys):
    assert run(folder, tmp_path) == 0
    assert "16 photographs to train on, 6 to validate, 2 classes" in capsys.readouterr().out
    card = json.loads((tmp_path / "small.json").read_text())
    assert card["class_names"] == ["blue", "red"]
    assert card["command"].startswith("python -m cnnviz.train colours --sizes 32 48 --epochs 2 --finish 1")
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


def test_bad_folders(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match="train/CLASS"):
        run(tmp_path, tmp_path)
    with pytest.raises(ValueError, match="class 'blue' is in more than one folder"):
        read_photographs([folder, folder], "val")


def test_float16_weights_keep_the_answers(tmp_path, monkeypatch):
    monkeypatch.setattr("cnnviz.network.build_classifier", build_classifier)
    model = build_classifier(3)
    train.export(model, ["a", "b", "c"], tmp_path / "x.weights.h5", {})
    stored = build_classifier(3)
    stored.load_weights(tmp_path / "x.weights.h5")
    assert stored.dtype == "float32"
    for a, b in zip(model.get_weights(), stored.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--epochs", "0"], "--epochs is 0; at least 1"),
        (["--sizes", "64", "16"], "--sizes has 16"),
        (["--out", "model.h5"], "ends in .weights.h5"),
        (["--batch", "17"], "--batch is 17, more than the 16 photographs"),
    ],
)
def test_bad_options(folder, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        run(folder, tmp_path, *options)


def test_two_runs_do_not_share_a_folder(folder, tmp_path):
    train.claim(tmp_path, {"seed": 0, "epochs": 3})
    train.claim(tmp_path, {"seed": 0, "epochs": 3})
    with pytest.raises(ValueError, match="belongs to a run with another epochs: choose another folder"):
        train.claim(tmp_path, {"seed": 0, "epochs": 4})


def test_damaged_pictures_and_empty_classes_are_named(folder, tmp_path):
    shutil.copytree(folder / "val", tmp_path / "a" / "val")
    (tmp_path / "a" / "val" / "red" / "1.png").write_bytes((folder / "val" / "red" / "1.png").read_bytes()[:300])
    with pytest.raises(ValueError, match=r"red.1\.png is not a readable picture"):
        read_photographs([tmp_path / "a"], "val")
    shutil.copytree(folder / "val", tmp_path / "b" / "val")
    (tmp_path / "b" / "val" / "green").mkdir()
    with pytest.raises(ValueError, match="class 'green' has no pictures"):
        read_photographs([tmp_path / "b"], "val")
