"""`python -m yolo`: in this process where it can be, as a process of its own where it must."""

import csv
import json
import os
import signal
import subprocess
import sys

import cv2
import numpy as np
import pytest
from PIL import Image

from data import read_image
from data.videos import Video, read_video, write_video
from tests.yolo.darknet_networks import random_weights, tiny_cfg
from tests.yolo.test_detector import picture
from yolo import darknet
from yolo.__main__ import main
from yolo.command_line import detect
from yolo.command_line.parsing import OF_COMMAND
from yolo.datasets import read_csv, scenes, write_coco, write_csv, write_voc, write_yolo


def paint(path, pixels=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture() if pixels is None else pixels).save(path)


def failing(capsys, *arguments, status=1):
    try:
        assert main(arguments) == status
    except SystemExit as stop:
        assert stop.code == status
    error = capsys.readouterr().err
    assert "Traceback" not in error
    return error


# detect


def test_a_picture_with_its_box(here, seeing, capsys):
    paint(here / "a.png")
    assert main(["detect", "a.png", "--threshold", ".2"]) == 0
    assert capsys.readouterr().out == "a-boxes.png  red 1\n"
    assert seeing == [(("yolov3-tiny", None), {"dtype": "float32"})]
    drawn = read_image(here / "a-boxes.png")
    assert drawn.shape == (64, 64, 3) and tuple(drawn[25, 30]) == (195, 255, 0)
    assert main(["detect", "a.png", "--enlarge", "3", "-o", "large.png", "-q"]) == 0
    assert read_image(here / "large.png").shape == (192, 192, 3) and capsys.readouterr().out == ""


def test_going_on_past_what_is_broken(here, seeing, capsys):
    paint(here / "in" / "deep" / "one.png"), paint(here / "in" / "two.png", picture(128, 256, (0, 2), (0, 0, 255), 64))
    (here / "in" / "a.png").write_text("no picture")
    whole = (here / "in" / "two.png").read_bytes()
    (here / "in" / "cut.png").write_bytes(whole[: len(whole) // 2])
    command = ["detect", "in", "nowhere.png", "-o", "out", "--json", "all.json", "--csv", "all.csv", "--batch", "2"]
    assert main(command) == 1
    said = capsys.readouterr()
    assert sorted(path.name for path in (here / "out").rglob("*.png")) == ["one-boxes.png", "two-boxes.png"]
    lines = said.err[said.err.index("python -m yolo detect: left out, 3:") :].splitlines()
    assert len(lines) == 4 and all(any(word in line for line in lines) for word in ("a.png", "cut.png", "nowhere.png"))
    assert said.out.endswith("all.json\nall.csv\n")
    found = json.loads((here / "all.json").read_text())
    assert [(one["file"], one["size"]) for one in found] == [("in/deep/one.png", [64, 64]), ("in/two.png", [128, 256])]
    assert found[1]["objects"][0]["box"] == [120, 0, 200, 92] and found[1]["objects"][0]["name"] == "blue"
    rows = list(csv.DictReader((here / "all.csv").open()))
    assert [row["name"] for row in rows] == ["red", "blue"] and float(rows[0]["x2"]) == 50
    assert not list(here.rglob("*partial*"))


def test_only_some_classes_and_no_pictures(here, seeing, capsys):
    paint(here / "a.png"), paint(here / "b.png", picture(colour=(0, 0, 255)))
    assert main(["detect", "?.png", "--no-pictures", "--only", "Blue", "--csv", "x.csv"]) == 0
    assert "a.png  nothing\nb.png  blue 1\nx.csv\n" in capsys.readouterr().out
    assert sorted(path.name for path in here.iterdir()) == ["a.png", "b.png", "x.csv"]
    assert "no class 'bleu'; did you mean 'blue'?" in failing(capsys, "detect", "a.png", "--only", "bleu")


def test_nothing_is_overwritten_without_force(here, seeing, capsys):
    paint(here / "a.png")
    (here / "a-boxes.png").write_text("mine")
    (here / "x.json").write_text("mine")
    assert "is there already" in failing(capsys, "detect", "a.png")
    assert "is there already" in failing(capsys, "detect", "a.png", "-o", "b.png", "--json", "x.json")
    assert (here / "a-boxes.png").read_text() == (here / "x.json").read_text() == "mine"
    assert main(["detect", "a.png", "--json", "x.json", "--force", "-q"]) == 0
    assert len(json.loads((here / "x.json").read_text())) == 1


def test_a_video_frame_by_frame(here, seeing, capsys):
    frames = [picture(65, 63, colour=colour) for colour in ((255, 0, 0), (0, 0, 255), (0, 0, 0), (255, 0, 0))]
    write_video([np.pad(one, ((0, 1), (0, 1), (0, 0))) for one in frames], here / "in.mp4", frames_per_second=8)
    (here / "broken.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    assert main(["detect", "in.mp4", "broken.mp4", "--json", "x.json"]) == 1
    said = capsys.readouterr()
    assert "in-boxes.mp4  4 frames, in all of them red 2, blue 1; the sound is not copied" in said.out
    assert "'broken.mp4' is no video" in said.err and not (here / "broken-boxes.mp4").exists()
    found = json.loads((here / "x.json").read_text())
    assert [(one["frame"], one["seconds"], [each["name"] for each in one["objects"]]) for one in found] == [
        (0, 0, ["red"]), (1, 0.125, ["blue"]), (2, 0.25, []), (3, 0.375, ["red"]),
    ]  # fmt: skip
    video = read_video(here / "in-boxes.mp4")
    shown = list(video.frames)
    assert len(shown) == 4 and video.rate == 8 and shown[0].shape == (66, 64, 3)
    assert shown[0][20, 40, 0] > 180 > 90 > shown[0][20, 40, 2]  # red is red


def test_a_camera_until_its_time_is_over_or_somebody_stops_it(here, seeing, monkeypatch, capsys):
    closed = []

    def endless():
        try:
            while True:
                yield picture()
        finally:
            closed.append(True)

    monkeypatch.setattr(detect, "read_camera", lambda number: Video(endless(), 30.0, None))
    assert main(["detect", "2", "--seconds", ".4"]) == 0
    assert capsys.readouterr().out.startswith("camera-2-boxes.mp4  ") and closed == [True]
    assert 1 <= len(list(read_video(here / "camera-2-boxes.mp4").frames)) <= 9

    def stopped():
        yield picture()
        os.kill(os.getpid(), signal.SIGINT)
        yield picture()
        raise AssertionError("it goes on")

    monkeypatch.setattr(detect, "read_camera", lambda number: Video(stopped(), 30.0, None))
    before = signal.getsignal(signal.SIGINT)
    assert main(["detect", "0", "--seconds", "60", "-q"]) == 0
    assert (here / "camera-0-boxes.mp4").exists() and signal.getsignal(signal.SIGINT) is before


def test_no_camera_and_a_file_that_is_called_a_number(here, seeing, monkeypatch, capsys):
    monkeypatch.setattr(
        cv2, "VideoCapture", lambda number: type("No", (), {"isOpened": lambda s: False, "release": print})()
    )
    assert "there is no camera 0" in failing(capsys, "detect", "0")
    (here / "7").write_bytes(b"GIF89a")
    assert "'7'" in failing(capsys, "detect", "7")


def test_frames_keep_their_time():
    times = iter([0, 0, 0.1, 0.5, 0.52])
    shown = list(detect.paced("abcd", 10, clock=lambda: next(times)))
    assert "".join(shown) == "abcccc"  # d comes while c is still shown


def test_control_c_keeps_what_was_finished(here, seer, seeing, monkeypatch, capsys):
    paint(here / "a.png"), paint(here / "b.png")
    real, count = detect.draw_boxes, []

    def interrupted(*given, **options):
        count.append(1)
        if len(count) == 2:
            raise KeyboardInterrupt
        return real(*given, **options)

    monkeypatch.setattr(detect, "draw_boxes", interrupted)
    assert main(["detect", "a.png", "b.png", "--json", "x.json"]) == 130
    said = capsys.readouterr()
    assert "stopped; what was finished is kept" in said.err and "Traceback" not in said.err
    assert [one["file"] for one in json.loads((here / "x.json").read_text())] == ["a.png"]
    assert sorted(path.name for path in here.iterdir()) == ["a-boxes.png", "a.png", "b.png", "x.json"]


def test_a_model_of_ones_own(here, capsys):
    cfg, weights = darknet_files(here)
    (here / "x.names").write_text("a\nb\n")
    paint(here / "a.png")
    options = ["--model", str(cfg), "--weights", str(weights), "--names", "x.names", "--size", "32", "--stretch"]
    assert main(["detect", "a.png", *options, "--no-pictures", "--threshold", "0"]) == 0
    assert capsys.readouterr().out.startswith("a.png  ")
    assert "its weights file is wanted" in failing(capsys, "detect", "a.png", "--model", str(cfg))
    assert "--weights belongs to a .cfg" in failing(capsys, "detect", "a.png", "--weights", str(weights))
    assert "downloaded: yolov3-tiny" in failing(capsys, "detect", "a.png", "--model", "nothing")


# verify


def darknet_files(folder, text=None):
    cfg, weights = folder / "x.cfg", folder / "x.weights"
    cfg.write_text(text or tiny_cfg(64, classes=2, share=16))
    network = darknet.read_cfg(cfg)
    darknet.write_weights(weights, random_weights(network.records), network.records)
    return cfg, weights


def test_verify_tells_what_it_found(here, capsys):
    cfg, weights = map(str, darknet_files(here))
    there = hasattr(cv2.dnn, "readNetFromDarknet")
    assert main(["verify", cfg, weights, "--layers"]) == (0 if there else 1)
    out = capsys.readouterr().out
    assert ("equal" if there else "opencv-python-headless<5") in out
    assert "parameters" in out and "multiply-adds" in out and "from picture" in out and "is dead" not in out
    darknet_files(here, tiny_cfg(64, classes=2, share=16).replace("mask=0,1,2", "mask=1,2,3"))
    main(["verify", cfg, weights, "--size", "32"])
    out = capsys.readouterr().out
    assert "anchors 0 are in no mask" in out and "An anchor in no mask is dead" in out
    (here / "x.weights").write_bytes(b"short")
    assert "x.weights has 5 bytes" in failing(capsys, "verify", cfg, weights)
    assert "nowhere.cfg" in failing(capsys, "verify", "nowhere.cfg", weights)


# lint


def test_lint_reads_every_format(here, capsys):
    data = scenes(3, size=64, verbose=False)
    write_voc(data, here / "voc"), write_coco(data, here / "coco"), write_csv(data, here / "csv")
    write_yolo(data, here / "yolo", drop_marks=True)
    (coco,) = (here / "coco").glob("*.json")
    pictures = ["--images", str(coco.parent / "images")]
    for words in (["scenes", "--count", "3"], ["voc"], ["voc:all"], ["yolo"], [str(coco), *pictures],
                  ["csv/boxes.csv", "--images", "csv/images"]):  # fmt: skip
        assert main(["lint", *words, "-q", "--size", "64"]) in (0, 1), words
        assert "3 images" in capsys.readouterr().out, words
    label = next((here / "yolo" / "labels").glob("*.txt"))
    label.write_text("0 1 2\n")
    assert main(["lint", "yolo", "-q", "--headers"]) == 1
    assert "NOT ok" in capsys.readouterr().out
    assert len(read_csv(here / "csv" / "boxes.csv", here / "csv" / "images").names) <= 3


def test_lint_says_what_it_wants(here, capsys):
    (here / "empty").mkdir(), (here / "a.txt").touch(), (here / "two").mkdir()
    (here / "two" / "a.names").touch(), (here / "two" / "b.names").touch()
    for word, message in (
        ("nowhere", "there is no 'nowhere'; DATA is bccd"),
        ("empty", "has no .names file"),
        ("two", "has a.names, b.names; name one with --names"),
        ("empty:train", "a list is Pascal VOC's"),
        ("a.txt", "is neither .json nor .csv"),
        ("scenes:x", "'x' is no seed"),
    ):
        assert message in failing(capsys, "lint", word)


# all


def test_help_is_quick_and_has_examples(capsys):
    for name, examples in OF_COMMAND.items():
        with pytest.raises(SystemExit) as stop:
            main([name, "--help"])
        assert stop.value.code == 0 and examples in capsys.readouterr().out
    code = (
        "import sys; from yolo.__main__ import main\n"
        "try: main(['detect', '--help'])\nexcept SystemExit: pass\n"
        "print([name for name in ('tensorflow', 'keras', 'cv2', 'matplotlib', 'numpy') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip().endswith("[]")


@pytest.mark.parametrize(
    "words",
    [[], ["find"], ["detect"], ["detect", "a", "--threshold", "2"], ["detect", "a", "--size", "x"],
     ["detect", "a", "--batch", "0"], ["detect", "a", "--only", ","], ["verify", "a"]],
)  # fmt: skip
def test_wrong_usage(words, capsys):
    assert failing(capsys, *words, status=2).count("\n") == 1
