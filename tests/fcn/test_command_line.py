"""`python -m fcn`: in this process where it can be, as a process of its own where it must."""

import functools
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from data import read_image
from data.training import read_history
from data.videos import read_video, write_video
from fcn import segmenter
from fcn.__main__ import main
from fcn.command_line import building, networks
from fcn.command_line.parsing import OF_COMMAND
from fcn.command_line.parsing import parser as make_parser
from fcn.command_line.sources import open_data
from fcn.command_line.train import as_shipped
from fcn.datasets import folder_pairs, hold_out
from fcn.training import evaluate

COLOURS = np.array([(230, 30, 20), (20, 210, 30), (10, 40, 240)], np.uint8)
NAMES = ("red", "green", "blue")
TINY = ["--network", "segnet_basic", "--width", ".05", "--epochs", "1", "--batch", "2", "--precision", "float32"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Says which of red, green and blue is the strongest; a file, as somebody would bring it."""
    inputs = keras.Input((None, None, 3))
    net = keras.Model(inputs, keras.layers.Conv2D(3, 1, use_bias=False, name="logits")(inputs), name="colours")
    net.get_layer("logits").set_weights([np.eye(3, dtype=np.float32)[None, None]])
    folder = tmp_path_factory.mktemp("model")
    net.save(folder / "colours.keras")
    card = {"class_names": NAMES, "colours": COLOURS.tolist()}
    (folder / "colours.json").write_text(json.dumps(card), encoding="utf-8")
    return ["--weights", str(folder / "colours.keras")]


def stripes(height=40, width=60, turn=0):
    """Three stripes, red, green and blue, and their classes."""
    classes = np.sort(np.arange(width) % 3)[None].repeat(height, 0).astype(np.uint8)
    classes = (classes + turn) % 3
    return COLOURS[classes], classes


def paint(path, pixels=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(stripes()[0] if pixels is None else pixels).save(path, **options)
    return str(path)


def pairs(folder, count=6, size=(40, 60), by_colour=False):
    for number in range(count):
        image, label = stripes(*size, turn=number)
        paint(folder / "images" / f"{number}.png", image)
        paint(folder / "labels" / f"{number}.png", image if by_colour else label)
    if by_colour:
        lines = [f"{name},{r},{g},{b}" for name, (r, g, b) in zip(NAMES, COLOURS.tolist())]
        (folder / "class_dict.csv").write_text("name,r,g,b\n" + "\n".join(lines), encoding="utf-8")
    return folder


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def failing(capsys, *arguments, status=1):
    """The one line that a command says before it ends with this status."""
    try:
        assert main(arguments) == status
    except SystemExit as stop:
        assert stop.code == status
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "Traceback" not in error, error
    return error


# the words that stand for data


def opened(word, *options):
    return open_data(word, make_parser().parse_args(["lint", word, "-q", *options]))


def test_a_folder_by_number_and_by_colour(here):
    pairs(here / "a"), pairs(here / "b", by_colour=True)
    by_number, by_colour = opened("a"), opened("b")
    assert by_number.class_names == ("class 0", "class 1", "class 2") and by_colour.class_names == NAMES
    np.testing.assert_array_equal(by_number[1][1], stripes(turn=1)[1])
    np.testing.assert_array_equal(by_colour[1][1], stripes(turn=1)[1])
    (here / "names.txt").write_text("red\ngreen\nblue\n")
    assert opened("a", "--classes", "names.txt").class_names == tuple(NAMES)
    (here / "two.txt").write_text("red\ngreen")
    data = opened("a", "--void", "2", "--classes", "two.txt")
    assert set(np.unique(data[0][1])) == {0, 1, 255}


@pytest.mark.parametrize(
    ("images", "labels"),
    [("t/images", "t/labels"), ("images/t", "labels/t"), ("t", "t_labels"), ("t", "tannot")],
)
def test_parts_of_a_folder(here, images, labels):
    pairs(here / "raw", 2)
    for source, target in (("images", images), ("labels", labels)):
        (here / "d" / target).parent.mkdir(parents=True, exist_ok=True)
        (here / "raw" / source).rename(here / "d" / target)
    assert len(opened("d:t")) == 2


def test_data_that_is_not_there_is_said(here, capsys):
    (here / "d" / "train").mkdir(parents=True), (here / "empty").mkdir(), (here / "file").touch()
    paint(here / "other" / "images" / "a.png"), paint(here / "other" / "labels" / "b.png")
    (
        paint(here / "void" / "images" / "a.png"),
        paint(here / "void" / "labels" / "a.png", np.full((40, 60), 255, np.uint8)),
    )
    paint(here / "coloured" / "images" / "a.png"), paint(here / "coloured" / "labels" / "a.png")
    grey = pairs(here / "grey")
    (grey / "class_dict.csv").write_text("red,1,2,3\n")
    for arguments, words in (
        ([""], "an empty word"),
        (["nowhere"], "there is no 'nowhere'; DATA is camvid"),
        (["file"], "'file' is a file"),
        (["empty"], "has no images/ and labels/ (it has no folders); name them with --images"),
        (["d"], "(it has train); name a part, as d:train"),
        (["d:val"], "nor val/ and val_labels/"),
        (["scenes:x"], "'x' is no seed"),
        (["other"], "--label-ending is for names as a_L.png"),
        (["void"], "nothing but void; give --classes"),
        (["coloured"], "give the colour of every class (--class-dict)"),
        (["camvid:test"], "accepted: train, validation"),
        (["grey"], "are grey, numbers of classes"),
        (["grey", "--class-dict", "grey/images/0.png"], "0.png' is no text in UTF-8; lines name,r,g,b are wanted"),
    ):
        assert words in failing(capsys, "lint", *arguments)


def test_options_that_would_do_nothing_are_refused(here, model, capsys):
    pairs(here / "a"), pairs(here / "b", by_colour=True)
    (here / "VOC" / "ImageSets" / "Segmentation").mkdir(parents=True)
    for words, arguments in (
        ("--images, --class-dict, --void: for a folder of one's own, which 'scenes' is not",
         ["scenes", "--images", "foo", "--void", "3", "--class-dict", "x.csv"]),
        ("--label-ending: for a folder", ["camvid", "--label-ending", "_L"]),
        ("--unknown-is-void: for a folder", ["VOC:train", "--unknown-is-void"]),
        ("--count: for drawn scenes", ["a", "--count", "3"]),
        ("--count: for drawn scenes", ["camvid:validation", "--count", "3"]),
        ("--void is for labels of numbers", ["b", "--void", "3"]),
        ("--classes names numbers", ["b", "--classes", "x", "--class-dict", "b/class_dict.csv"]),
    ):  # fmt: skip
        assert words in failing(capsys, "lint", *arguments), words
    assert "which 'scenes' and 'camvid' are not" in failing(
        capsys, "train", "scenes", "--validation", "camvid", "--void", "3", "-q", *TINY
    )
    assert "--classes is for .keras" in failing(capsys, "predict", "a", "--classes", "x", "--weights", "b.weights.h5")
    both = make_parser().parse_args(["train", "a", "--validation", "scenes", "--count", "2", "--void", "2", "-q"])
    assert len(open_data("a", both)) == 6 and len(open_data("scenes", both)) == 2


def test_lint_tells_what_stops_a_training(here, capsys):
    folder = pairs(here / "a")
    assert main(["lint", "a", "-q"]) == 0
    assert capsys.readouterr().out.rstrip().endswith("ok")
    (folder / "images" / "3.png").write_text("no picture")
    assert main(["lint", "a", "-q"]) == 1
    out = capsys.readouterr().out
    assert "unreadable (1)" in out and "NOT ok" in out


# pictures


def test_labels_hold_the_classes_and_show_their_colours(here, model, capsys):
    paint(here / "a.png")
    assert main(["predict", "a.png", *model]) == 0
    assert capsys.readouterr().out == "a-label.png  red 33%, green 33%, blue 33%\n"
    with Image.open(here / "a-label.png") as label:
        assert label.mode == "P"
        np.testing.assert_array_equal(np.asarray(label), stripes()[1])
        np.testing.assert_array_equal(np.asarray(label.convert("RGB")), stripes()[0])


def test_overlays_with_a_legend_and_without(here, model):
    paint(here / "a.png", stripes(120, 240)[0])
    assert main(["overlay", "a.png", "-q", *model]) == 0
    assert main(["overlay", "a.png", "-q", "--no-legend", "--alpha", "1", "-o", "plain.png", *model]) == 0
    plain, full = read_image(here / "plain.png"), read_image(here / "a-overlay.png")
    assert plain.shape == (120, 240, 3)
    np.testing.assert_array_equal(plain[:, 10], stripes(120, 240)[0][:, 10])
    assert full.shape[0] * full.shape[1] > 120 * 240


def test_a_folder_becomes_a_folder_and_what_is_broken_is_told(here, model, capsys):
    paint(here / "in" / "deep" / "one.png"), paint(here / "in" / "grey.png", stripes()[0][..., 0])
    paint(here / "in" / "dot.png", np.zeros((1, 1, 3), np.uint8))
    (here / "in" / "text.png").write_text("no picture")
    whole = (here / "in" / "grey.png").read_bytes()
    (here / "in" / "cut.png").write_bytes(whole[: len(whole) // 2])
    assert main(["predict", "in", "-o", "out", "-q", *model]) == 1
    error = capsys.readouterr().err
    assert files(here / "out") == ["deep/one-label.png", "grey-label.png"]
    assert (
        error.splitlines()[3:] == ["python -m fcn predict: 3 failed, as told above; 2 done"]
        and "Traceback" not in error
    )
    for words in ("text.png", "cut.png", "dot.png: the picture is 1 x 1 pixels"):
        assert len([line for line in error.splitlines() if words in line]) == 1
    assert main(["predict", "in/dot.png", "--size", "64", "-q", *model]) == 0
    assert read_image(here / "dot-label.png").shape == (1, 1, 3)


def test_nothing_is_overwritten_without_force(here, model, capsys):
    paint(here / "a.png")
    (here / "a-label.png").write_text("mine")
    assert "is there already; --force replaces it" in failing(capsys, "predict", "a.png", *model)
    assert (here / "a-label.png").read_text() == "mine"
    assert main(["predict", "a.png", "--force", "-q", *model]) == 0
    assert read_image(here / "a-label.png").size


def test_a_video_keeps_its_colours_frames_and_rate(here, model, capsys):
    write_video([stripes(64, 96, turn)[0] for turn in (0, 0, 1, 1, 2)], here / "in.mp4", frames_per_second=10)
    assert main(["overlay", "in.mp4", "--no-legend", *model]) == 0
    assert capsys.readouterr().out == "in-overlay.mp4  5 frames; the sound is not copied\n"
    video = read_video(here / "in-overlay.mp4")
    frames = list(video.frames)
    assert video.rate == 10 and len(frames) == 5
    for frame, turn in zip(frames, (0, 0, 1, 1, 2)):
        np.testing.assert_allclose(frame[32, 16].astype(int), COLOURS[turn], atol=25)
        np.testing.assert_allclose(frame[32, 80].astype(int), COLOURS[(turn + 2) % 3], atol=25)
    assert main(["overlay", "in.mp4", "-q", "-o", "legend.mp4", *model]) == 0
    legend = next(read_video(here / "legend.mp4").frames)
    assert legend.shape[0] % 2 == legend.shape[1] % 2 == 0 and legend.size > frames[0].size
    assert capsys.readouterr().out == ""


def test_what_was_made_is_not_an_input_of_the_next_call(here, model, capsys):
    paint(here / "p" / "good.png")
    for command in ("predict", "overlay", "predict"):
        assert main([command, "p", "-o", "p", "-f", "-q", *model]) == 0
    assert files(here) == ["p/good-label.png", "p/good-overlay.png", "p/good.png"]
    assert "2 of 3 files in 'p' are named as results (*-label, *-overlay)" in capsys.readouterr().err


def test_a_video_that_was_cut_off_is_told(here, model, capsys, monkeypatch):
    write_video([stripes(64, 96)[0]] * 4, here / "film.mp4")
    monkeypatch.setattr("fcn.command_line.overlay.read_video", lambda path: read_video(path)._replace(count=9))
    error = failing(capsys, "overlay", "film.mp4", "-q", *model)
    assert "4 of 9 frames could be read" in error and files(here) == ["film-overlay.mp4", "film.mp4"]


def test_predict_takes_no_videos(here, model, capsys):
    write_video([stripes(64, 96)[0]] * 2, here / "film.mp4")
    error = failing(capsys, "predict", "film.mp4", *model)
    assert "predict takes pictures" in error and "python -m fcn overlay film.mp4" in error
    paint(here / "a.png")
    assert main(["predict", "film.mp4", "a.png", "-q", *model]) == 1  # the picture is done
    assert files(here) == ["a-label.png", "a.png", "film.mp4"]


def test_a_mistake_of_the_package_is_not_the_users(here, model, monkeypatch):
    paint(here / "a.png")
    monkeypatch.setattr("fcn.command_line.predict.write_label", None)
    with pytest.raises(TypeError):
        main(["predict", "a.png", *model])


def test_videos_that_are_none_and_outputs_that_do_not_fit(here, model, capsys):
    (here / "a.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    paint(here / "a.png")
    assert "is no video with frames" in failing(capsys, "overlay", "a.mp4", *model)
    assert "of 'a.png' a .png is made" in failing(capsys, "overlay", "a.png", "-o", "b.mp4", *model)
    assert main(["overlay", "a.png", "a.mp4", "-o", "b.png", *model]) == 1
    assert "one file, and there are several" in capsys.readouterr().err
    assert files(here) == ["a.mp4", "a.png"]


def test_sizes_that_no_network_sees(here, model, capsys, monkeypatch):
    paint(here / "a.png")
    pairs(here / "d", 1)
    for command in (["overlay", "a.png"], ["evaluate", "d"]):
        assert "--size is 16 x 16 pixels" in failing(capsys, *command, "--size", "16", "-q", *model)
        error = failing(capsys, *command, "--size", "30000x30000", "-q", *model)
        assert "34 million of them at most" in error
    train = ["train", "d", "-q", "--hold-out", "0", *TINY, "--size"]
    assert "--size is 31 x 64 pixels" in failing(capsys, *train, "31x64")
    assert "34 million of them at most" in failing(capsys, *train, "30000")
    monkeypatch.setattr(networks, "MOST", 2000)
    error = failing(capsys, "overlay", "a.png", *model)
    assert "a.png: the picture is 40 x 60 pixels" in error and "--size 18x27 shrinks it" in error


# networks


def test_networks_that_cannot_be_had(here, model, capsys, monkeypatch):
    paint(here / "a.png")
    monkeypatch.setattr(networks, "available", lambda: ())
    assert "none are installed" in failing(capsys, "predict", "a.png")
    assert "train some with 'python -m fcn train camvid'" in failing(capsys, "predict", "a.png", "--weights", "x")
    assert "there is no weights file" in failing(capsys, "predict", "a.png", "--weights", "x.weights.h5")
    assert "no model file" in failing(capsys, "predict", "a.png", "--weights", "x.keras")
    (here / "bad.keras").write_bytes(b"?")
    assert "cannot be opened as a Keras model" in failing(capsys, "predict", "a.png", "--weights", "bad.keras")
    (here / "names.txt").write_text("one\n")
    assert "1 names of classes" in failing(capsys, "predict", "a.png", "--classes", "names.txt", *model)
    keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2)]).save(here / "c.keras")
    assert "pictures to classes of pixels" in failing(capsys, "predict", "a.png", "--weights", "c.keras")
    assert files(here) == ["a.png", "bad.keras", "c.keras", "names.txt"]


def test_damaged_model_files_are_named(here, model, capsys):
    paint(here / "a.png"), pairs(here / "d", 3, (48, 64))
    whole = Path(model[1]).read_bytes()
    with zipfile.ZipFile(model[1]) as archive:
        member = archive.getinfo("model.weights.h5")
    at = member.header_offset + 30 + len(member.filename) + member.file_size // 2
    (here / "x.keras").write_bytes(whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :])
    said = "'x.keras' cannot be opened as a Keras model"
    assert said in failing(capsys, "predict", "a.png", "--weights", "x.keras")
    train = ["train", "d", "-q", "--hold-out", "0", "--network", "unet", "--encoder-file"]
    assert said in failing(capsys, *train, "x.keras", "--precision", "float32")
    (here / "x.keras").write_bytes(whole)
    for card in (
        "[1]",
        "no JSON",
        "[]",
        '{"class_names": 3}',
        '{"colours": [[1, 2, 300]]}',
        '{"colours": [[0, 0]]}',
    ):
        (here / "x.json").write_text(card)
        assert "x.json" in failing(capsys, "predict", "a.png", "--weights", "x.keras"), card


def test_scores_are_those_of_the_predictions(here, model, capsys):
    folder = pairs(here / "d", by_colour=True)
    label = stripes()[0].copy()
    label[:, :10] = COLOURS[1]  # ten of sixty columns are red in the picture, green in the label
    paint(folder / "labels" / "0.png", label)
    assert main(["evaluate", "d", "-q", "-o", "scores.json", *model]) == 0
    out = capsys.readouterr().out
    scores = json.loads((here / "scores.json").read_text())
    assert scores["global_accuracy"] == round(1 - 1 / 36, 4) and scores["pairs"] == 6
    assert scores["iou"] == {"red": round(110 / 120, 4), "green": round(120 / 130, 4), "blue": 1.0}
    assert scores["mean_iou"] == round((110 / 120 + 120 / 130 + 1) / 3, 4)
    assert 0.5 < scores["boundary_f1"] < 1 and scores["left_out"] == []
    assert "mean IoU 94.7" in out and "| green" in out and "boundary F1" in out
    assert "--force" in failing(capsys, "evaluate", "d", "-o", "scores.json", *model)
    (folder / "images" / "2.png").write_text("no picture")
    assert main(["evaluate", "d", "-q", *model]) == 1
    captured = capsys.readouterr()
    assert "5 pairs" in captured.out and captured.err.startswith("left out: ") and "2.png" in captured.err


def test_why_not_one_pair_could_be_measured_is_said(here, model, capsys):
    folder = pairs(here / "d", 2)
    (here / "n.txt").write_text("red\ngreen\nblue\n")
    for number in range(2):
        paint(folder / "labels" / f"{number}.png", np.full((40, 60), 7, np.uint8))
    error = failing(capsys, "evaluate", "d", "-q", "--classes", "n.txt", *model)
    assert "not one of 2 pairs could be measured; the first: 0: the label holds ids without a class: 7 in" in error
    assert "'python -m fcn lint' lists all, --unknown-is-void takes them as void" in error


def test_other_classes_are_not_compared(here, model, capsys):
    pairs(here / "d")
    assert main(["evaluate", "d", "-q", *model]) == 0
    assert "taken to be the 3 classes of the weights (0 is red, 1 is green, ...)" in capsys.readouterr().err
    (here / "right.txt").write_text("red\ngreen\nblue\n")
    assert main(["evaluate", "d", "-q", "--classes", "right.txt", *model]) == 0
    assert not capsys.readouterr().err
    (here / "n.txt").write_text("red\nblue\ngreen\n")
    assert "the network has 'green', the data has 'blue'" in failing(
        capsys, "evaluate", "d", "-q", "--classes", "n.txt", *model
    )
    assert "the network has 3 classes (red, green, blue), the data 8" in failing(
        capsys, "evaluate", "scenes", "--count", "1", "-q", *model
    )


# training


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of one epoch, and what it said."""
    folder = pairs(tmp_path_factory.mktemp("train") / "mine", size=(48, 64), by_colour=True)
    before = os.getcwd()
    os.chdir(folder.parent)
    try:
        command = ["train", "mine/", *TINY, "--hold-out", ".3", "--validation", str(folder), "--note", "a test", "-q"]
        assert main(command) == 0
    finally:
        os.chdir(before)
    return folder.parent, command


def test_the_result_is_that_of_the_functions(trained):
    """The same weights as whoever calls the functions, in this order, gets; through float16."""
    from fcn.augment import augment
    from fcn.losses import Combined, CrossEntropy, Jaccard, median_frequency_weights
    from fcn.training import decoder_then_all, train

    folder, _ = trained
    keras.utils.set_random_seed(0)
    table = folder / "mine" / "class_dict.csv"
    data, held = hold_out(folder_pairs(folder / "mine" / "images", folder / "mine" / "labels", table), 0.3)
    weights = median_frequency_weights([data[i][1] for i in range(len(data))], 3) ** 0.5
    network = segmenter.build("segnet_basic", 3, width=0.05)
    train(
        network, data, decoder_then_all(0, 1, 1e-3), loss=Combined([CrossEntropy(weights.tolist()), Jaccard()]),
        validation=held, augment=functools.partial(augment, crop=(32, 48), scale=(0.6, 1.5)), batch=2, seed=0,
        keep="last", verbose=False,
    )  # fmt: skip
    path = folder / "runs" / "mine" / "mine.weights.h5"
    loaded = segmenter.build("segnet_basic", 3, width=0.05)
    loaded.load_weights(path)
    for ours, theirs in zip(loaded.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-3, atol=1e-5)  # float16 keeps 11 bits
    figures = json.loads((folder / "runs" / "mine" / "mine.json").read_text())["figures"]["held_out"]
    matrix = evaluate(loaded, held, verbose=False)
    assert figures["global_accuracy"] == round(np.trace(matrix) / matrix.sum(), 4)


def test_the_card_says_how_to_make_it_again_without_paths(trained, capsys):
    folder, _ = trained
    run = folder / "runs" / "mine"
    assert files(run) == ["checkpoint.npz", "curves.png", "history.json", "mine.json", "mine.weights.h5",
                          "options.json", "recipe.json"]  # fmt: skip
    text = (run / "mine.json").read_text()
    card = json.loads(text)
    assert str(folder) not in text
    assert card["command"] == (
        "python -m fcn train mine --network segnet_basic --encoder-weights none --width 0.05 --decoder-epochs 0 "
        "--epochs 1 --rate 0.001 --batch 2 --hold-out 0.3 --loss cross_entropy+jaccard --balance 0.5 --crop 32x48 "
        "--scale 0.6..1.5 --seed 0 --keep last --precision float32 --validation mine"
    )
    assert make_parser().parse_args(card["command"].split()[3:]).crop == (32, 48)
    assert set(card["figures"]) == {"held_out", "validation"} and card["figures"]["validation"]["pairs"] == 6
    assert set(card["figures"]["held_out"]["iou"]) == set(NAMES)
    seconds = json.loads((run / "history.json").read_text())[0]["seconds"]
    assert card["minutes"] == round(seconds / 60, 1)
    assert (card["note"], card["epochs"], card["seed"]) == ("a test", 1, 0)
    assert card["data"]["learnt_from"].startswith("mine: 4 pairs, 2 held out")
    assert card["data"]["validation"].startswith("mine: ")
    assert read_image(run / "curves.png").std() > 5


def test_weights_and_card_are_one(trained, here, capsys):
    folder, _ = trained
    paint(here / "a.png", stripes(48, 64)[0])
    path = folder / "runs" / "mine" / "mine.weights.h5"
    assert main(["predict", "a.png", "--weights", str(path)]) == 0
    assert any(name in capsys.readouterr().out for name in NAMES)
    for name in ("mine.weights.h5", "mine.json"):
        (here / name).write_bytes((path.parent / name).read_bytes())
    card = (here / "mine.json").read_text()
    for colours in ([[0, 0, 300]] * 3, [[1, 2, 3]], "red"):
        (here / "mine.json").write_text(json.dumps({**json.loads(card), "colours": colours}))
        error = failing(capsys, "predict", "a.png", "-f", "--weights", "mine.weights.h5")
        assert "(3, 3) whole numbers 0..255 are wanted" in error and "mine.json" in error
    (here / "mine.json").write_text(card.replace('"sha256": "', '"sha256": "0'))
    assert "is not the file that its card" in failing(capsys, "predict", "a.png", "-f", "--weights", "mine.weights.h5")
    (here / "mine.json").unlink()
    assert "there is no card" in failing(capsys, "predict", "a.png", "-f", "--weights", "mine.weights.h5")


def test_the_same_command_goes_on_and_another_one_is_refused(trained, monkeypatch, capsys):
    folder, command = trained
    monkeypatch.chdir(folder)
    before = (folder / "runs" / "mine" / "mine.weights.h5").read_bytes()
    assert "--force replaces it, or name another with --out" in failing(capsys, *command)
    assert "belongs to a run with another --rate" in failing(capsys, *command, "--force", "--rate", ".1")
    assert main([*command, "--force"]) == 0  # nothing is left to learn: measured and written again
    assert (folder / "runs" / "mine" / "mine.weights.h5").stat().st_size == len(before)


@pytest.mark.parametrize("text", ["", "[1]", "{}", '{"precision": 5}'])
def test_damaged_options_of_a_run_say_what_to_do(trained, monkeypatch, capsys, tmp_path, text):
    folder, command = trained
    monkeypatch.chdir(folder)
    for name in ("options.json", "checkpoint.npz"):
        (tmp_path / name).write_text(text)
    error = failing(capsys, *command, "--run", str(tmp_path))
    assert "options.json" in error and "to start anew" in error


def test_a_start_that_failed_leaves_its_folder_to_the_next(here, capsys, monkeypatch):
    pairs(here / "d", 4, (48, 64))
    command = ["train", "d", "-q", "--hold-out", "0", "--precision", "float32"]
    assert "mobilenet_v3" in failing(capsys, *command, "--network", "deeplab_v3_plus", "--encoder", "mobilenet_v3")

    def start(options, classes):
        raise ValueError("the second start came as far as this")

    monkeypatch.setattr(building, "start", start)
    assert "as far as this" in failing(capsys, *command, "--network", "unet")


def test_what_cannot_be_trained_is_said_before_anything_is(here, capsys):
    pairs(here / "d", 4, (48, 64))
    paint(pairs(here / "sizes", 3) / "images" / "0.png", stripes(32, 33)[0])
    pairs(here / "small", 3, (20, 20))
    broken = pairs(here / "broken", 4, (48, 64))
    (broken / "images" / "1.png").write_bytes((broken / "images" / "1.png").read_bytes()[:70])
    (pairs(here / "held", 2, (48, 64)) / "images" / "1.png").write_text("no picture")
    run = ["--run", "r", "-q", *TINY]
    for words, arguments in (
        ("no network 'segnot'", ["d", *run, "--network", "segnot"]),
        ("has its own encoder", ["d", *run, "--encoder", "vgg16"]),
        ("they need --encoder", ["d", *run, "--encoder-weights", "imagenet"]),
        ("larger than the images, 48x64", ["d", *run, "--crop", "64x64"]),
        ("32 pixels at least", ["d", *run, "--crop", "16"]),
        ("the images have 2 sizes", ["sizes", *run]),
        ("the images are 20x20", ["small", *run]),
        ("0 holds nothing out", ["d", *run]),
        ("--hold-out is 0", ["d", *run, "--hold-out", "0", "--keep", "best"]),
        ("name another with --run", ["d", "-q", *TINY, "--run", "d/images/0.png"]),
        ("name another with --out", ["d", *run, "--out", "d/images/0.png/x.weights.h5"]),
        ("a name that ends in .weights.h5", ["d", *run, "--out", "x.h5"]),
        ("python -m fcn lint broken", ["broken", *run, "--hold-out", ".25"]),
        ("'held/images/1.png'", ["held", *run, "--hold-out", ".5"]),
        ("there is no 'nix'", ["d", *run, "--validation", "nix"]),
    ):
        assert words in failing(capsys, "train", *arguments), words
    for wrong in ("--seed=4294967296", "--loss=l2", "--scale=2..1", "--epochs=0", "--rate=-1", "--hold-out=2"):
        failing(capsys, "train", "d", wrong, status=2)
    assert not [name for name in files(here) if name.endswith((".h5", ".npz"))]


def test_a_network_that_went_astray_is_not_measured():
    net = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 1, name="far")])
    options = make_parser().parse_args(["train", "d", "--network", "unet", "--rate", "1e9"])
    for number in (1e5, np.nan):
        net.set_weights([np.full((1, 1, 3, 2), number), np.zeros(2)])
        with pytest.raises(ValueError, match=r"far/kernel holds .* a --rate lower than 1e\+09, and another --run"):
            as_shipped(net, options, 2)


def test_what_was_not_said_about_the_network():
    def completed(*words):
        options = make_parser().parse_args(["train", "d", *words])
        building.complete(options)
        return [getattr(options, name) for name in ("network", "encoder", "encoder_weights", "width", "decoder_epochs")]

    assert completed() == ["deeplab_v3_plus", "mobilenet_v2", "imagenet", 0.25, 4]
    assert completed("--encoder-weights", "none") == ["deeplab_v3_plus", "mobilenet_v2", "none", 0.25, 0]
    assert completed("--network", "unet") == ["unet", None, "none", 1.0, 0]
    assert completed("--network", "unet", "--encoder", "mobilenet_v2") == ["unet", "mobilenet_v2", "imagenet", 1.0, 4]


def test_an_encoder_takes_over_what_its_classifier_knows():
    def classifier(names=("one", "two")):
        inputs = keras.Input((8, 8, 3))
        maps = keras.layers.Conv2D(4, 3, name=names[0])(inputs)
        maps = keras.layers.BatchNormalization(name=names[1])(maps)
        return keras.Model(inputs, keras.layers.Dense(2, name="top")(keras.layers.Flatten()(maps)))

    top, other = classifier(), classifier()
    encoder = keras.Model(other.inputs, other.get_layer("two").output)
    building.take_over(encoder, top)
    for name in ("one", "two"):
        for ours, theirs in zip(encoder.get_layer(name).get_weights(), top.get_layer(name).get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(ValueError, match="numbers its layers anew"):
        building.take_over(encoder, classifier(("one", "three")))


# as a process


def start(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "fcn", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell that runs the tests in the background lets its children ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        **options,
    )


def stopped(process, begun):
    """Send Ctrl-C once it has begun; what it said on stderr."""
    deadline = time.monotonic() + 600
    while not begun() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=300)
    assert process.returncode == 130, error
    assert "Traceback" not in error
    return error


def test_help_is_fast_and_needs_no_tensorflow():
    code = (
        "import sys, fcn.__main__ as m\n"
        "from fcn.command_line.parsing import OF_COMMAND\n"
        "for words in (['--help'], *[[name, '--help'] for name in OF_COMMAND], ['train'], ['nothing']):\n"
        "    try: m.main(words)\n"
        "    except SystemExit as stop: assert stop.code == (0 if '--help' in words else 2)\n"
        "heavy = {'tensorflow', 'keras', 'cv2', 'matplotlib', 'skimage'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    for name, examples in OF_COMMAND.items():
        assert f"python -m fcn {name}" in run.stdout
        assert examples.splitlines()[0] in run.stdout


def test_ctrl_c_in_a_training_leaves_what_the_same_command_needs(here):
    pairs(here / "d", 5, (32, 32))
    command = ["train", "d", *TINY[:4], "--epochs", "500", "--hold-out", "0", "--precision", "float32", "-q"]
    checkpoint = here / "runs" / "d" / "checkpoint.npz"
    error = stopped(start(*command, cwd=here), lambda: checkpoint.exists() and read_history(checkpoint))
    assert error.rstrip().endswith("stopped; the same command goes on after the last whole epoch")
    assert [name for name in files(here / "runs") if "part" in name or name.endswith(".h5")] == []
    assert len(read_history(checkpoint)) >= 1


def test_ctrl_c_in_a_video_leaves_nothing_half_done(here, model):
    frame = stripes(240, 320)[0]
    write_video((frame for _ in range(3000)), here / "long.mp4")
    process = start("overlay", "long.mp4", *model, cwd=here)
    error = stopped(process, lambda: list(here.glob(".long-overlay.*")))
    assert error.rstrip().endswith("stopped")
    assert files(here) == ["long.mp4"]
