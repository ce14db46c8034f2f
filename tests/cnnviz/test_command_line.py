import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnviz.command_line.actions import CAM, SALIENCY, resized
from cnnviz.command_line.inputs import Picture, find_pictures, pictures_in, read
from cnnviz.command_line.outputs import OutputError, Page, destination, free, whole, writable_folder
from cnnviz.command_line.quiet import native_silence, one_line
from data import photo


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


@pytest.mark.parametrize(
    ("output", "several", "wanted"),
    [
        (None, False, "deep/cat-cam.png"),
        ("x.png", False, "x.png"),
        ("out", False, "out/deep/cat-cam.png"),
        ("out.v2", True, "out.v2/deep/cat-cam.png"),
    ],
)
def test_destinations(output, several, wanted):
    picture = Picture(Path("in/deep/cat.jpg"), Path("deep/cat"))
    found = destination(picture, "cam", output and Path(output), several, ".png")
    assert found.as_posix() == wanted


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


def test_a_page_is_whole_or_not_there(tmp_path):
    def interrupted():
        with Page(tmp_path / "a.html", "t", "c", force=False) as page:
            page.add("one", np.zeros((4, 4, 3), np.uint8), "black", [("cat", 0.5)])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    assert list(tmp_path.iterdir()) == []


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


def test_dreams_keep_the_whole_picture():
    picture = np.zeros((40, 80, 3), np.uint8)
    assert resized(picture, 20).shape == (10, 20, 3)
    assert resized(picture, (30, 33)).shape == (30, 33, 3)
    assert resized(picture, None) is picture


def test_the_methods_are_those_that_there_are():
    """None is forgotten here when one is added there."""
    from cnnviz import cam, saliency

    for module, known in ((cam, CAM), (saliency, SALIENCY)):
        assert all(callable(getattr(module, name)) for name in known)
    assert set(CAM) == set(cam.__all__) - {"ZeroMapWarning", "last_maps", "upsample"}
