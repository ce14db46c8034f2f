"""`python -m yolo evaluate`: with the detector that sees red and blue, and from COCO's files."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tests.yolo.test_command_line import darknet_files, failing
from tests.yolo.test_detector import NAMES, picture
from tests.yolo.test_evaluation import random_coco
from yolo.__main__ import main
from yolo.command_line.evaluate import by_size, figures
from yolo.datasets import DetectionData, Record, write_coco, write_yolo
from yolo.evaluation import Detection, Truth, coco_summary, confusion, evaluate, evaluate_coco, read_coco

BOX = (30, 9, 50, 39)  # what the detector says of a spot in its cell (1, 2)
BLUE = (0, 0, 255)


def write_data(folder, names=NAMES):
    """Red twice, once where it is not; blue once; and nothing."""
    images = [picture(), picture(spot=(3, 0)), picture(colour=BLUE), picture(colour=(0, 0, 0))]
    boxes, classes = [[BOX], [BOX], [BOX], []], [[0], [0], [1], []]
    records = [
        Record(image, box, kind, names, id=f"p{number}")
        for number, (image, box, kind) in enumerate(zip(images, boxes, classes))
    ]
    write_coco(DetectionData(records, names), folder)
    return next(folder.glob("*.json"))


def options_of(file):
    return [str(file), "--images", str(file.parent / "images")]


def test_a_detector_is_measured(here, seeing, capsys):
    words = ["evaluate", *options_of(write_data(here / "coco"))]
    outputs = ["--json", "s.json", "--curves", "c.png", "--confusion", "m.png", "--errors", "e.pdf"]
    assert main([*words, *outputs]) == 0
    out = capsys.readouterr().out
    # Of the two red ones the first is found, and something where nothing is, with the same score; blue is found.
    assert "4 pictures, 3 objects: AP50 0.752, AP 0.752." in out  # (51/101 + 1) / 2
    assert out.endswith("s.json\nc.png\nm.png\ne.pdf\n")
    assert "11-point@0.5" in out and "\nred " in out and "\nblue " in out and "small, up to 32²" in out
    scores = json.loads((here / "s.json").read_text())
    assert scores["model"] == "yolov3-tiny" and scores["size"] == [64, 64] and scores["pictures"] == 4
    assert scores["classes"]["red"] == {
        "objects": 2, "eleven_point": round(6 / 11, 4), "every_point": 0.5, "coco": round(51 / 101, 4),
        "AP": round(51 / 101, 4),
    }  # fmt: skip
    assert scores["ap50"]["every_point"] == 0.75 and scores["coco"]["AP large"] is None and scores["left_out"] == []
    assert Image.open(here / "c.png").size[0] > 800 and (here / "e.pdf").read_bytes().startswith(b"%PDF")
    assert not list(here.rglob("*partial*"))
    assert seeing == [(("yolov3-tiny", None), {"dtype": "float32"})]


def test_some_classes_and_other_names(here, seeing, capsys):
    file = write_data(here / "coco", names=("rosso", "blue"))
    assert "--same" in failing(capsys, "evaluate", *options_of(file))
    assert main(["evaluate", *options_of(file), "--only", "Blue", "-q"]) == 0
    out = capsys.readouterr().out
    assert "4 pictures, 1 objects: AP50 1.000" in out and "rosso" not in out
    assert main(["evaluate", *options_of(file), "--same", "rosso=red", "-q"]) == 0
    assert "AP50 0.752" in capsys.readouterr().out
    assert "the data has no class 'green'" in failing(capsys, "evaluate", *options_of(file), "--only", "green")
    assert "same has 'rot'" in failing(capsys, "evaluate", *options_of(file), "--same", "rot=red")


def test_what_cannot_be_read_is_left_out_and_said_last(here, seeing, capsys):
    file = write_data(here / "coco")
    first = sorted((here / "coco" / "images").iterdir())[0]
    first.write_text("no picture")
    content = json.loads(file.read_text())
    content["annotations"][-1]["bbox"] = [1, 2]
    file.write_text(json.dumps(content))
    assert main(["evaluate", *options_of(file), "--json", "s.json"]) == 1
    said = capsys.readouterr()
    assert "2 pictures, 1 objects" in said.out and said.err.count("left out: ") == 2 and first.name in said.err
    assert len(json.loads((here / "s.json").read_text())["left_out"]) == 2
    for image in (here / "coco" / "images").iterdir():
        image.unlink()
    assert "not one of 3 pictures could be read" in failing(capsys, "evaluate", *options_of(file))


def test_a_network_and_data_with_one_file_of_names(here, capsys):
    cfg, weights = darknet_files(here)
    (here / "x.names").write_text("a\nb\n")
    write_yolo(DetectionData([Record(picture(), [BOX], [1], ("a", "b"))], ("a", "b")), here / "mine", drop_marks=True)
    for names in (here / "mine").glob("*.names"):
        names.unlink()
    words = ["--model", str(cfg), "--weights", str(weights), "--names", "x.names", "--size", "32"]
    assert main(["evaluate", "mine", *words, "--json", "s.json"]) == 0
    scores = json.loads((here / "s.json").read_text())
    assert scores["classes"].keys() == {"a", "b"} and scores["size"] == [32, 32]
    assert "1 pictures, 1 objects" in capsys.readouterr().out


def test_boxes_without_area_are_told(here, seeing, capsys):
    record = Record(picture(), [BOX, (5, 5, 5, 9)], [0, 0], NAMES, id=1)
    write_coco(DetectionData([record], NAMES), here / "coco")
    assert main(["evaluate", *options_of(next((here / "coco").glob("*.json"))), "-q"]) == 0
    assert "1 boxes have no area" in capsys.readouterr().err


def coco_files(folder):
    for name, content in zip(("truth", "results"), random_coco(0)):
        (folder / f"{name}.json").write_text(json.dumps(content))
    return ["--truth", "truth.json", "--results", "results.json"]


def test_from_files_without_a_model(here):
    words = coco_files(here)
    code = (
        "import sys; from yolo.__main__ import main\n"
        f"assert main(['evaluate', *{words!r}, '--json', 's.json', '--ties', 'order']) == 0\n"
        "print([name for name in ('tensorflow', 'keras', 'matplotlib') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.endswith("s.json\n[]\n")
    scores = json.loads((here / "s.json").read_text())
    wanted = coco_summary(evaluate_coco("truth.json", "results.json", ties="order"))
    assert scores["coco"] == {name: None if np.isnan(one) else round(one, 4) for name, one in wanted.items()}
    assert scores["results"] == "results.json" and scores["pictures"] == 8


def test_options_of_measuring_arrive(here, capsys, monkeypatch):
    words, asked = coco_files(here), []
    from yolo.command_line import evaluate as module

    real = {name: getattr(module, name) for name in ("evaluate", "confusion", "false_positives")}
    for name, function in real.items():
        monkeypatch.setattr(
            module, name, lambda *a, _n=name, _f=function, **k: asked.append((_n, {**k, "names": 0})) or _f(*a, **k)
        )
    extra = ["--matching", "voc", "--ties", "together", "--score", ".4", "--confusion", "c.svg", "--errors", "e.png"]
    assert main(["evaluate", *words, *extra]) == 0
    assert asked == [
        ("evaluate", {"matching": "voc", "ties": "together", "names": 0}),
        ("confusion", {"score": 0.4, "names": 0}),
        ("false_positives", {"score": 0.4, "names": 0}),
        ("false_positives", {"names": 0}),
    ]


def test_the_only_classes_are_as_if_there_were_no_others(here, capsys):
    words = coco_files(here)
    truths, found, names = read_coco("truth.json", "results.json")
    assert main(["evaluate", *words, "--only", names[2], "--json", "s.json"]) == 0
    alone = json.loads((here / "s.json").read_text())
    whole = figures(evaluate(truths, found, names=names))
    assert alone["classes"] == {names[2]: whole["classes"][names[2]]}


def test_the_table_of_sizes():
    boxes = [(0, 0, 10, 10), (20, 20, 60, 60), (100, 100, 110, 110)]
    truth, found = Truth(boxes, [0, 0, 0]), Detection(boxes[:2], [0.9, 0.8], [0, 0])
    rows = [line.split() for line in by_size(evaluate([truth], [found])).splitlines()]
    assert rows[1] == ["all", "3", "0.663", "0.663", "0.663", "0.667"]  # 67 of 101 recalls
    assert rows[2] == ["small,", "up", "to", "32²", "2", "0.505", "0.505", "0.505", "0.500"]
    assert rows[3] == ["medium,", "32²", "to", "96²", "1", "1.000", "1.000", "1.000", "1.000"]
    assert rows[4] == ["large,", "from", "96²", "0", "-", "-", "-", "-"]
    assert confusion([truth], [found]).counts.tolist() == [[2, 1], [0, 0]]


def test_nothing_is_overwritten(here, seeing, capsys):
    words = ["evaluate", *coco_files(here)]
    (here / "a.png").write_text("mine")
    assert "is there already; --force replaces it, or name another with --curves" in failing(
        capsys, *words, "--curves", "a.png"
    )
    assert (here / "a.png").read_text() == "mine"
    assert main([*words, "--curves", "a.png", "-f"]) == 0 and Image.open(here / "a.png").size[0] > 500
    assert "figures are written as .png" in failing(capsys, *words, "--errors", "e.txt")
    assert "one file is named for two" in failing(capsys, *words, "--errors", "e.png", "--curves", "e.png")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "DATA is wanted, or --results and --truth"),
        (["--results", "r.json"], "belong together"),
        (["scenes", "--results", "r.json", "--truth", "t.json"], "measure a detector, or files"),
        (["--results", "r", "--truth", "t", "--model", "x"], "--model is of a detector"),
        (["--results", "r", "--truth", "t", "--same", "a=b"], "--same is of a detector"),
        (["scenes", "--same", "a"], "NAME=NAME"),
        (["scenes", "--score", "2"], "a number from 0 to 1"),
        (["scenes", "--ties", "none"], "invalid choice"),
    ],
)
def test_wrong_usage(words, message, capsys):
    error = failing(capsys, "evaluate", *words, status=2)
    assert message in error and error.count("\n") == 1


def test_what_is_not_there(here, seeing, capsys):
    assert "no file 't.json'" in failing(capsys, "evaluate", "--results", "r.json", "--truth", "t.json")
    assert "there is no 'nowhere'" in failing(capsys, "evaluate", "nowhere")
    (here / "e.json").write_text(json.dumps({"images": [{"id": 1}], "annotations": [], "categories": []}))
    error = failing(capsys, "evaluate", "e.json")
    assert "'e.json' has no labelled pictures; the first problem: " in error and "images[0] lacks" in error
    (here / "t.json").write_text(json.dumps({"images": [{"id": 1}], "annotations": [], "categories": []}))
    (here / "r.json").write_text("[]")
    assert "there is nothing to be found" in failing(capsys, "evaluate", "--results", "r.json", "--truth", "t.json")
