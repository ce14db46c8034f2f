import argparse
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data import photo
from data.command_line.outputs import OutputError, free, whole, writable_folder
from data.command_line.parsing import Parser, positive, scale_range, seed, share, size, whole_number
from data.command_line.parsing import words as names_with_commas
from data.command_line.pictures import SUFFIXES, VIDEOS, Picture, find_pictures, is_video, pictures_in, place_of, read
from data.command_line.quiet import native_silence, one_line
from data.command_line.training import bounds, command_of, data_facts, facts_of, settle, settle_paths, sides, typed


def paint(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 4)).save(path)


def test_all_pictures_of_a_folder_by_name(tmp_path):
    for name in ("b.PNG", "a/c.jpg", "a/.thumbs/d.jpg", ".e.png"):
        paint(tmp_path / name)
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "folder.png").mkdir()
    assert [str(path.relative_to(tmp_path)) for path in pictures_in(tmp_path)] == ["a/c.jpg", "b.PNG"]


def test_each_picture_once_and_each_place_once(tmp_path):
    for name in ("one/x.png", "two/x.png", "one/x.gif"):
        paint(tmp_path / name)
    problems = []
    found = find_pictures(
        [str(tmp_path / "one"), str(tmp_path / "two"), str(tmp_path / "one" / "x.png")], problems.append
    )
    assert [picture.path.relative_to(tmp_path).as_posix() for picture in found] == [
        "one/x.gif",
        "one/x.png",
        "two/x.png",
    ]
    assert [picture.place.name for picture in found] == ["x", "x-2", "x-3"]
    assert not problems


def test_sample_photographs_by_name_unless_there_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (picture,) = find_pictures(["cat"], pytest.fail)
    np.testing.assert_array_equal(read(picture), photo("cat"))
    Image.new("RGB", (4, 4)).save(tmp_path / "cat", "PNG")
    (picture,) = find_pictures(["cat"], pytest.fail)
    assert read(picture).shape == (4, 4, 3)


def test_a_file_is_whole_or_not_there(tmp_path):
    path = tmp_path / "a.png"

    def interrupted():
        with whole(path) as partial:
            partial.write_text("half")
            assert partial.suffix == ".png"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []
    path.write_text("old")
    with whole(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_there_is_not_replaced(tmp_path):
    (tmp_path / "a.png").write_text("")
    with pytest.raises(OutputError, match="--force"):
        free(tmp_path / "a.png", force=False)
    free(tmp_path / "a.png", force=True)
    with pytest.raises(OutputError, match="is a folder"):
        free(tmp_path, force=True)
    with pytest.raises(OutputError, match="cannot write to the folder"):
        writable_folder(tmp_path / "a.png" / "b")
    writable_folder(tmp_path / "new" / "folder")
    assert list((tmp_path / "new" / "folder").iterdir()) == []


def test_errors_are_one_line():
    assert one_line(ValueError("a\n  b\nc")) == "a b c"
    assert one_line(FileNotFoundError(2, "No such file", "x.png")) == "No such file: 'x.png'"
    assert one_line(MemoryError()) == "MemoryError"
    assert len(one_line("x" * 5000)) < 1000


def test_what_libraries_say_is_kept_back_unless_something_fails(capfd):
    with native_silence():
        os.write(2, b"no GPU\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"

    def failing():
        with native_silence():
            os.write(2, b"the reason\n")
            raise ImportError

    with pytest.raises(ImportError):
        failing()
    assert "the reason" in capfd.readouterr().err


def test_wrong_usage_is_one_line_and_status_2(capsys):
    top = Parser(prog="it")
    top.add_argument("--size", type=size)
    assert top.parse_args(["--size", "180X240"]).size == (180, 240)
    assert top.parse_args(["--size", "64"]).size == 64
    for wrong in ("0x3", "1x2x3", "big", "-4"):
        with pytest.raises(SystemExit) as stop:
            top.parse_args([f"--size={wrong}"])
        assert stop.value.code == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1 and "see it --help" in error and repr(wrong) in error


def test_a_file_that_begins_with_a_dash(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    top = Parser(prog="it")
    top.add_subparsers(parser_class=Parser).add_parser("see").add_argument("pictures", nargs="+")
    for words, hint in (
        (["see", "-dash.png"], ""),
        (["see", "a", "-dash.png"], "for the file '-dash.png' write ./-dash"),
    ):
        with pytest.raises(SystemExit):
            top.parse_args(words)
        assert hint in (error := capsys.readouterr().err) and ("for the file" in error) == bool(hint)
        paint(Path("-dash.png"))
    with pytest.raises(SystemExit):
        top.parse_args(["see", "-dash.png"])
    assert "write ./-dash.png" in capsys.readouterr().err
    assert top.parse_args(["see", "./-dash.png"]).pictures == ["./-dash.png"]


def test_whole_numbers():
    assert whole_number("12") == 12
    for wrong in ("-1", "1.5", ""):
        with pytest.raises(argparse.ArgumentTypeError):
            whole_number(wrong)


def test_shares_positive_numbers_and_words():
    assert share("0") == 0 and share("1") == 1 and positive("1e-3") == 0.001
    assert names_with_commas("a, b,,c ") == ["a", "b", "c"]
    for read_one, wrong in ((share, "1.1"), (share, "nan"), (share, "x"), (positive, "0"), (positive, "inf")):
        with pytest.raises(argparse.ArgumentTypeError, match=f"'{wrong}'; a number"):
            read_one(wrong)
    with pytest.raises(argparse.ArgumentTypeError, match="names with commas"):
        names_with_commas(" , ")


def test_seeds_are_those_that_keras_takes():
    assert seed("4294967295") == 2**32 - 1
    for wrong in ("4294967296", "-1", "a"):
        with pytest.raises(argparse.ArgumentTypeError, match="0 to 4294967295"):
            seed(wrong)


def test_other_files_of_a_folder_where_they_are_wanted(tmp_path):
    for name in ("a.mp4", "b.png"):
        (tmp_path / name).touch()
    assert [one.path.name for one in find_pictures([str(tmp_path)], pytest.fail, (".mp4",))] == ["a.mp4"]


def test_patterns_stand_for_pictures_and_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a1.png", "a2.jpg", "b.png", "deep/a3.png", "deep/er/c.png", "[x].png"):
        paint(Path(name))
    Path("a4.txt").write_text("")
    problems = []

    def found(*names):
        return [one.path.as_posix() for one in find_pictures(names, problems.append)]

    assert found("a*") == ["a1.png", "a2.jpg"]
    assert found("**/*.png") == ["[x].png", "a1.png", "b.png", "deep/a3.png", "deep/er/c.png"]
    assert found("d*") == ["deep/a3.png", "deep/er/c.png"]
    assert found("[x].png", "b.png") == ["[x].png", "b.png"] and not problems  # a file of that name
    assert found("*.bmp", "a?.txt", "b.*") == ["b.png"]
    assert [words.split("(")[0] for words in problems] == [
        "there are no pictures that '*.bmp' stands for ",
        "there are no pictures that 'a?.txt' stands for ",
    ]


def test_results_in_a_folder_are_left_out_and_counted(tmp_path, capsys):
    for name in ("a.png", "a-boxes.png", "deep/b-boxes.mp4", "boxes.png", "b-boxes.jpg", "a-label.png"):
        paint(tmp_path / "x.png")
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / "x.png").rename(tmp_path / name)

    def found(*names):
        pictures = find_pictures([str(tmp_path / name) for name in names], pytest.fail, (*SUFFIXES, ".mp4"), ["boxes"])
        return [one.path.name for one in pictures]

    assert found("") == ["a-label.png", "a.png", "b-boxes.jpg", "boxes.png"]
    assert "2 of 6 files in" in capsys.readouterr().err
    assert found("a-boxes.png") == ["a-boxes.png"] and capsys.readouterr().err == ""  # named, it is meant


def test_an_empty_word_is_not_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paint(Path("a.png"))
    problems = []
    assert find_pictures(["", " "], problems.append) == [] and len(problems) == 2
    assert "an empty word" in problems[0] and [one.path.name for one in find_pictures(["."], pytest.fail)] == ["a.png"]


def test_where_results_go(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    still, film = Picture(Path("in/a.jpg"), Path("x/a")), Picture(Path("b.MP4"), Path("b"))
    problems = []

    def place(picture, output=None, several=False, force=False):
        output = None if output is None else Path(output)
        found = place_of(picture, "boxes", output, problems.append, several, force)
        return None if found is None else found.as_posix()

    assert is_video(film) and not is_video(still) and not set(SUFFIXES) & set(VIDEOS)
    assert place(still) == "x/a-boxes.png" and place(film) == "b-boxes.mp4"
    assert place(still, "out") == "out/x/a-boxes.png" and (tmp_path / "out" / "x").is_dir()
    assert place(still, "c.png") == "c.png" and not problems
    Path("c.png").touch()
    assert place(still, "c.png", force=True) == "c.png"
    for arguments, words in (
        ((still, "c.png"), "is there already"),
        ((still, "d.png", True), "is one file, and there are several"),
        ((film, "d.png"), "of 'b.MP4' a .mp4 is made"),
        ((still, "d.jpg"), "of 'in/a.jpg' a .png is made"),
        ((film, "d.avi"), "of 'b.MP4' a .mp4 is made"),
    ):
        assert place(*arguments) is None and words in problems[-1]
    assert not Path("d.jpg").exists() and not Path("d.avi").exists()


@pytest.mark.parametrize("name", ["a.png", "b.mp4"])
def test_what_a_result_is_made_of_stays(tmp_path, name):
    source = tmp_path / name
    source.write_text("mine")
    link = tmp_path / f"link{source.suffix}"
    link.symlink_to(source)
    for output in (source, tmp_path / "." / name, link):
        problems = []
        picture = Picture(source, Path(source.stem))
        assert place_of(picture, "boxes", output, problems.append, several=False, force=True) is None
        assert "is what the result is made of" in problems[0]
    assert source.read_text() == "mine"


# training


def training_options(**changes):
    usual = {"data": "a/mine:train", "run": None, "out": None, "force": False, "precision": "float32", "rate": 0.1,
             "validation": None, "seed": 3, "note": None, "size": (32, 64)}  # fmt: skip
    return argparse.Namespace(**{**usual, **changes})


def test_where_a_run_and_its_weights_go(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = training_options()
    settle_paths(options, ".weights.h5")
    assert (str(options.run), str(options.out)) == ("runs/mine-train", "runs/mine-train/mine-train.weights.h5")
    options = training_options(run=Path("r"), out=Path("x.keras"))
    with pytest.raises(ValueError, match=r"ends in \.weights\.h5 is wanted, as x$"):
        settle_paths(options, ".weights.h5", ", as x")
    options.out.touch()
    with pytest.raises(OutputError, match="--out"):
        settle_paths(options, ".keras")


def test_what_decides_stays_the_same_from_the_first_checkpoint_on(tmp_path):
    said, shape = [], (1, 8, 8)
    settle(training_options(run=tmp_path), ("rate", "precision", "size"), pytest.fail, shape, said.append)
    assert said == ["precision: float32 (as asked for)"]
    # The start may have failed, and nothing is lost.
    settle(training_options(run=tmp_path, rate=0.2), ("rate", "precision", "size"), pytest.fail, shape, said.append)
    (tmp_path / "checkpoint.npz").touch()
    options = training_options(run=tmp_path, rate=0.2, precision="auto")
    settle(options, ("rate", "precision", "size"), pytest.fail, shape, said.append)
    assert options.precision == "float32" and len(said) == 2
    for name, value in {"rate": 0.3, "precision": "bfloat16", "size": (64, 64)}.items():
        changed = training_options(**{"run": tmp_path, "rate": 0.2, name: value})
        with pytest.raises(ValueError, match=f"with another --{name};"):
            settle(changed, ("rate", "precision", "size"), pytest.fail, shape, said.append)


def test_a_command_that_makes_it_again():
    options = training_options(rate=1e-3, scale=(0.5, 2.0), jit=True, patience=None, images="b/c", labels="labels")
    words = command_of(
        "fcn", options, ("rate", "scale", "jit", "patience", "size"), {"images": None, "labels": "labels"},
        {"scale": bounds, "size": sides},
    )  # fmt: skip
    assert words == "python -m fcn train mine:train --images b/c --rate 0.001 --scale 0.5..2 --jit --size 32x64"
    assert scale_range(typed("scale", (0.5, 2.0), {"scale": bounds})[1]) == (0.5, 2)
    assert size(sides((32, 64))) == (32, 64) and size(sides(32)) == 32
    drawn = training_options(data="scenes:3", count=5, validation="a/scenes:4")
    assert command_of("yolo", drawn, (), {}, {}) == "python -m yolo train scenes:3 --count 5 --validation scenes:4"


def test_the_facts_of_a_card():
    options = training_options(validation="a/mine:val", note="a sentence")
    data = data_facts(options, "3 pairs", "1 held out")
    assert data == {
        "learnt_from": "mine:train: 3 pairs, 1 held out",
        "validation": "mine:val: measured on, never learnt from",
    }
    rows = [{"seconds": 60.0}, {"seconds": 33.0}]
    facts = facts_of(options, rows, what="x", command="y", data=data, figures={"a": 1})
    assert (facts["minutes"], facts["epochs"], facts["seed"], facts["note"]) == (1.6, 2, 3, "a sentence")
    assert "note" not in facts_of(training_options(), rows, what="x", command="y", data=data, figures={})
