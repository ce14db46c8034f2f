"""`python -m yolo train`: a tiny network and a few drawn scenes; a process of its own where it must be one."""

import functools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

import yolo
from data import read_image
from data.training import read_history
from tests.yolo.darknet_networks import tiny_cfg
from yolo.__main__ import main
from yolo.anchors import cluster, mean_iou, shapes_of
from yolo.command_line import starting
from yolo.command_line.evaluate import figures
from yolo.command_line.parsing import parser as make_parser
from yolo.command_line.reading import read, split
from yolo.command_line.train import sizes_around
from yolo.datasets import DetectionData, Record, mended, read_voc, scenes, write_voc
from yolo.evaluation import evaluate_detector
from yolo.models import save_darknet, yolov3_tiny

SCRATCH = ["--width", ".05", "--size", "64"]
QUICK = ["--epochs", "1", "--batch", "4", "--precision", "float32", "-q"]


def draw(folder, count=6):
    write_voc(scenes(count, size=64, verbose=False), folder, split="some")
    return folder


def failing(capsys, *arguments, status=1):
    """The one line that a command says before it ends with this status."""
    try:
        assert main(arguments) == status
    except SystemExit as stop:
        assert stop.code == status
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "Traceback" not in error, error
    return error


def change(folder, number, old, new):
    """Replace text in one of the annotations; its path."""
    path = sorted((folder / "Annotations").iterdir())[number]
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return path.relative_to(folder.parent).as_posix()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run from scratch, and its command."""
    folder = tmp_path_factory.mktemp("train")
    draw(folder / "mine")
    before = os.getcwd()
    os.chdir(folder)
    try:
        command = ["train", "mine/", *SCRATCH, *QUICK, "--hold-out", ".34", "--seed", "3"]
        command += ["--validation", str(folder / "mine:some"), "--note", "a test"]
        assert main(command) == 0
    finally:
        os.chdir(before)
    return folder, command


def test_the_result_is_that_of_the_functions(trained):
    """The same weights as whoever calls the functions, in this order, gets; through float16."""
    from yolo.augment import augment
    from yolo.training import body_then_all, expect_little, train

    folder, _ = trained
    full = read_voc(folder / "mine")
    order = np.random.default_rng(3).permutation(6)
    data, held = (full.subset(sorted(part.tolist())) for part in (order[2:], order[:2]))
    data, held = (mended(one.loaded(verbose=False))[0] for one in (data, held))
    anchors = cluster(shapes_of(data, 64), 6, seed=3, restarts=starting.RESTARTS).anchors.round(2)
    keras.utils.set_random_seed(3)
    detector = yolo.Detector(yolov3_tiny(3, width=0.05), full.names, [anchors[3:], anchors[:3]], 64)
    expect_little(detector.network, [3, 3])
    views = functools.partial(augment, mosaic=0.5, mixup=0.0, scale=(0.5, 1.5))
    train(detector, data, body_then_all(0, 1), augment=views, batch=4, seed=3, keep="last", verbose=False)
    loaded = yolo.load(folder / "runs" / "mine" / "mine.weights.h5")
    for ours, theirs in zip(loaded.network.get_weights(), detector.network.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-3, atol=1e-5)  # float16 keeps 11 bits
    np.testing.assert_allclose(np.concatenate(loaded.anchors), [*anchors[3:], *anchors[:3]], atol=1e-3)
    assert loaded.size == (64, 64) and loaded.names == full.names
    card = json.loads((folder / "runs" / "mine" / "mine.json").read_text())
    found = evaluate_detector(loaded, held, batch=4, verbose=False)
    assert card["figures"]["held_out"] == {"pictures": 2, **figures(found)}


def test_the_card_says_how_to_make_it_again_without_paths(trained):
    folder, _ = trained
    run = folder / "runs" / "mine"
    assert sorted(path.name for path in run.iterdir()) == [
        "checkpoint.npz", "curves.png", "history.json", "mine.json", "mine.weights.h5", "options.json", "recipe.json",
    ]  # fmt: skip
    text = (run / "mine.json").read_text()
    card = json.loads(text)
    assert str(folder) not in text
    assert card["command"] == (
        "python -m yolo train mine --network yolov3_tiny --width 0.05 --size 64x64 --anchors cluster --freeze-epochs 0 "
        "--epochs 1 --rate 0.001 --batch 4 --hold-out 0.34 --measure-every 1 --keep last --clip 10 --box-term darknet "
        "--mosaic 0.5 --mixup 0 --scale 0.5..1.5 --seed 3 --precision float32 --validation mine:some"
    )
    assert make_parser().parse_args(card["command"].split()[3:]).scale == (0.5, 1.5)
    assert card["figures"]["validation"]["pictures"] == 6 and card["arguments"] == {"width": 0.05}
    assert (card["note"], card["epochs"], card["seed"]) == ("a test", 1, 3)
    assert card["data"]["learnt_from"] == "mine: 4 pictures, 2 held out, drawn by the seed"
    assert card["minutes"] == round(json.loads((run / "history.json").read_text())[0]["seconds"] / 60, 1)
    assert read_image(run / "curves.png").std() > 5


def test_the_same_command_goes_on_and_another_one_is_refused(trained, monkeypatch, capsys):
    folder, command = trained
    monkeypatch.chdir(folder)
    assert "--force replaces it, or name another with --out" in failing(capsys, *command)
    assert "belongs to a run with another --rate, --focal;" in failing(
        capsys, *command, "--force", "--rate", ".1", "--focal", "2"
    )
    before = yolo.load("runs/mine/mine.weights.h5").network.get_weights()
    assert main([*command, "--force"]) == 0  # nothing is left to learn: measured and written again
    for ours, theirs in zip(before, yolo.load("runs/mine/mine.weights.h5").network.get_weights()):
        np.testing.assert_array_equal(ours, theirs)


def test_heads_alone_and_what_is_broken_is_left_out(trained, here, capsys):
    """The body is the start's to the bit; what cannot be read is said last, and the rest is done."""
    folder, _ = trained
    draw(here / "d", 8)
    xml = change(here / "d", 0, "</annotation>", "")
    shares = change(here / "d", 1, "<xmin>", "<xmin>0.0")
    (here / shares).write_text(
        "<annotation><filename>1.png</filename><object><name>car</name><bndbox><xmin>0.1</xmin><ymin>0.2</ymin>"
        "<xmax>0.6</xmax><ymax>0.9</ymax></bndbox></object></annotation>"
    )
    pictures = sorted((here / "d" / "JPEGImages").iterdir())
    pictures[2].write_text("no picture")
    (here / "d" / "ImageSets" / "Main" / "v.txt").write_text("\n".join(path.stem for path in pictures[4:]))
    weights = str(folder / "runs" / "mine" / "mine.weights.h5")
    command = ["train", "d", *QUICK, "--hold-out", "0", "--weights", weights]
    assert "Annotations" in failing(capsys, *command, "--strict", "--head-only")
    assert main([*command, "--head-only", "--validation", "d:v"]) == 1
    said = capsys.readouterr()
    lines = [line for line in said.err.splitlines() if line.startswith("left out: ")]
    assert len(lines) == 3 and "Traceback" not in said.err
    for words in (xml, shares, pictures[2].name):
        assert any(words in line for line in lines), words
    start, loaded = (yolo.load(path).network.weights for path in (weights, "runs/d/d.weights.h5"))
    for ours, theirs in zip(start, loaded, strict=True):
        learnt = ours.path.endswith(("raw/kernel", "raw/bias"))
        assert (ours.numpy() != theirs.numpy()).any() == learnt, ours.path
    card = json.loads(Path("runs/d/d.json").read_text())
    assert "--weights mine.weights.h5" in card["command"] and "--head-only" in card["command"]
    assert list(card["figures"]) == ["validation"] and (here / "runs" / "d" / "features").is_dir()
    names = {"mixup": ["--mixup", "0"], "multi-scale": ["--multi-scale"], "freeze-epochs": ["--freeze-epochs", "3"]}
    for name, words in names.items():
        assert f"--{name} does not go with --head-only" in failing(capsys, *command, "--head-only", *words)


def test_what_cannot_be_trained_is_said_before_anything_is(here, capsys):
    draw(here / "d", 4)
    (here / "file").touch()
    other = draw(here / "other", 2)
    strange = change(other, 0, "<name>", "<name>strange ")
    draw(here / "flat", 3)
    box = (here / "flat" / "Annotations").glob("*.xml")
    for path in box:
        lines = path.read_text().split("<xmax>")
        low = lines[0].split("<xmin>")[1].split("<")[0]
        path.write_text(lines[0] + f"<xmax>{low}</xmax>" + "<xmax>".join(lines[1:]).split("</xmax>", 1)[1])
    run = ["--run", "r", *SCRATCH, *QUICK]
    for words, arguments in (
        ("--size is 100x100; multiples of 32", ["d", *run, "--size", "100"]),
        ("0 holds nothing out", ["d", *run, "--hold-out", ".1"]),
        ("--hold-out is 0", ["d", *run, "--hold-out", "0", "--keep", "best"]),
        ("name them, too", ["d", *run, "--cfg", "x.cfg"]),
        ("is a network", ["d", *run, "--weights", "yolov3-tiny"]),
        ("--head-only wants a body", ["d", *run, "--head-only"]),
        ("there is no weights file", ["d", "--run", "r", *QUICK, "--weights", "x.weights.h5"]),
        ("--ema is 1", ["d", *run, "--ema", "1"]),
        ("a name that ends in .weights.h5", ["d", *run, "--out", "x.h5"]),
        ("name another with --run", ["d", *QUICK, *SCRATCH, "--run", "file"]),
        ("there is no 'nix'", ["nix", *run]),
        ("there is no 'nix'", ["d", *run, "--validation", "nix"]),
        (f"'{strange}', line 9: the class 'strange ", ["d", *run, "--validation", "other", "--strict"]),
        ("the box has no area in its picture", ["flat", *run, "--strict", "--hold-out", "0"]),
    ):
        assert words in failing(capsys, "train", *arguments), words
    for wrong in ("--seed=4294967296", "--box-term=l2", "--scale=2..1", "--epochs=0", "--rate=-1", "--hold-out=2"):
        failing(capsys, "train", "d", wrong, status=2)
    assert not list(here.rglob("*.h5")) and not list(here.rglob("*.npz"))


# pieces


def test_anchors_for_the_data():
    data = scenes(20, size=64, verbose=False)
    start = starting.Start("yolov3_tiny", {}, [np.ones((2, 2)), np.ones((3, 2))], (96, 96), None)
    coarse, fine = starting.clustered(data, start, 0)
    assert coarse.shape == (2, 2) and fine.shape == (3, 2)
    assert coarse.prod(axis=1).min() >= fine.prod(axis=1).max() > 0  # the coarse cells have the large shapes
    shapes = shapes_of(data, 96)
    assert mean_iou(shapes, [*coarse, *fine]) > mean_iou(shapes, [[10, 14], [23, 27], [37, 58], [81, 82], [135, 169]])
    words = starting.in_words([coarse, fine], data, (96, 96))
    assert f"mean IoU {mean_iou(shapes, [*coarse, *fine]):.3f}" in words and words.count("x") == 6
    with pytest.raises(ValueError, match="--anchors keep takes"):
        starting.clustered(data.subset([0]), start, 0)


def test_darknets_files_are_a_start_if_the_network_is_one_of_ours(tmp_path):
    (tmp_path / "x.cfg").write_text(tiny_cfg(64, classes=2, share=2))
    network = yolov3_tiny(2, width=0.5)
    save_darknet(tmp_path / "x.weights", network)
    words = ["--cfg", str(tmp_path / "x.cfg"), "--weights", str(tmp_path / "x.weights")]
    start = starting.open_start(make_parser().parse_args(["train", "d", *words, "--size", "96x64"]))
    assert (start.network, start.arguments, start.size) == ("yolov3_tiny", {"width": 0.5}, (96, 64))
    for ours, theirs in zip(start.detector.network.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    detector = starting.with_heads(start, ("a", "b", "c"), start.anchors, 0)
    assert detector.network.outputs[0].shape[-1] == 24 and not detector.stretch
    text = (tmp_path / "x.cfg").read_text().replace("leaky", "relu", 1)
    (tmp_path / "x.cfg").write_text(text)
    with pytest.raises(ValueError, match=r"a training starts from a network of yolo\.models"):
        starting.open_start(make_parser().parse_args(["train", "d", *words]))


def test_what_is_measured_is_what_the_file_will_hold():
    options = make_parser().parse_args(["train", "d", "--width", ".05"])
    starting.complete(options)
    start = starting.open_start(options)
    detector = starting.with_heads(start, ("a", "b"), start.anchors, 5)
    for weight in detector.network.weights:
        weight.assign(np.full(weight.shape, 1 / 3))
    final = starting.as_shipped(detector, start, 0.1)
    for weight in final.network.get_weights():
        np.testing.assert_array_equal(weight, np.float32(np.float16(1 / 3)))
    assert final.network.outputs[1].dtype == "float32" and final.size == (416, 416)
    detector.network.weights[0].assign(np.full(detector.network.weights[0].shape, np.nan))
    with pytest.raises(ValueError, match=r"a --rate lower than 0\.1, and another --run"):
        starting.as_shipped(detector, start, 0.1)


def test_what_is_held_out_is_drawn_by_the_seed():
    data = scenes(20, size=32, verbose=False)
    draws = [split(data, 0.25, seed) for seed in (0, 0, 1)]
    names = [[record.name for record in held] for _, held in draws]
    assert names[0] == names[1] != names[2] and len(names[0]) == 5
    for learnt, held in draws:
        assert {one.name for one in learnt} | {one.name for one in held} == {one.name for one in data}
        assert len(learnt) == 15
    assert split(data, 0, 0) == (data, None)


def test_pictures_are_read_once_where_there_is_room(tmp_path, monkeypatch):
    write_voc(scenes(3, size=96, verbose=False), tmp_path)
    data = read_voc(tmp_path)
    small = read(data, (64, 48), pytest.fail, verbose=False)
    assert {record.image.shape for record in small} == {(48, 48, 3)}
    np.testing.assert_allclose(small[0].boxes, data[0].boxes / 2, atol=1e-3)
    monkeypatch.setattr("yolo.command_line.reading.MEMORY", 1000)
    files = read(data, (64, 48), pytest.fail, verbose=False)
    assert files[0].image == data[0].image and files[0].size == (96, 96)


def test_boxes_without_area_are_left_out_and_told(capsys):
    image = np.zeros((40, 40, 3), np.uint8)
    record = Record(image, [(1, 1, 9, 9), (5, 5, 5, 9), (30, 30, 50, 50)], [0, 0, 0], ("a",), id="p")
    found = read(DetectionData([record], ("a",)), None, pytest.fail, verbose=False)
    np.testing.assert_array_equal(found[0].boxes, [(1, 1, 9, 9), (30, 30, 40, 40)])
    assert "no area in their picture: 1; clipped at its edge: 1;" in capsys.readouterr().err
    with pytest.raises(ValueError, match="p, box 1: the box has no area"):
        read(DetectionData([record], ("a",)), None, pytest.fail, strict=True, verbose=False)


def test_sizes_of_the_same_aspect():
    for size in ((416, 416), (256, 384), (32, 32), (64, 320)):
        sizes = sizes_around(size)
        assert size in sizes and sizes == sorted(sizes)
        assert all(side % 32 == 0 and side > 0 for one in sizes for side in one)
    assert sizes_around((416, 416)) == [(side, side) for side in range(320, 513, 32)]


# as a process


def test_ctrl_c_leaves_what_the_same_command_needs(here):
    command = ["train", "scenes", "--count", "4", *SCRATCH, "--epochs", "5000", "--hold-out", "0", "--batch", "4"]
    process = subprocess.Popen(
        [sys.executable, "-m", "yolo", *command, "--precision", "float32", "-q"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=here,
        # A shell that runs the tests in the background lets its children ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    checkpoint = here / "runs" / "scenes" / "checkpoint.npz"
    deadline = time.monotonic() + 600
    while process.poll() is None and time.monotonic() < deadline:
        if checkpoint.exists() and read_history(checkpoint):
            break
        time.sleep(0.1)
    error = None
    while error is None and time.monotonic() < deadline:
        process.send_signal(signal.SIGINT)
        try:
            _, error = process.communicate(timeout=20)
        except subprocess.TimeoutExpired:  # TensorFlow may have taken it
            continue
    assert process.returncode == 130 and "Traceback" not in error, error
    assert error.rstrip().endswith("stopped; the same command goes on after the last whole epoch")
    assert [path for path in (here / "runs").rglob("*") if "part" in path.name or path.name.endswith(".h5")] == []
    assert len(read_history(checkpoint)) >= 1
