import base64
import re
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
from PIL import Image

from cnnviz.__main__ import OF_COMMAND, main
from data import read_image

SIDE = 32


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Says red, green or blue; a file, as somebody would bring it."""
    inputs = keras.Input((SIDE, SIDE, 3))
    maps = keras.layers.Conv2D(3, 3, padding="same", activation="relu", name="first")(inputs)
    maps = keras.layers.Conv2D(3, 1, activation="relu", name="second")(maps)
    pooled = keras.layers.GlobalAveragePooling2D()(maps)
    net = keras.Model(inputs, keras.layers.Dense(3, activation="softmax", name="answer")(pooled), name="colours")
    kernel = np.zeros((3, 3, 3, 3), np.float32)
    kernel[1, 1] = np.eye(3)
    net.get_layer("first").set_weights([kernel, np.zeros(3)])
    net.get_layer("second").set_weights([np.eye(3)[None, None], np.zeros(3)])
    net.get_layer("answer").set_weights([9 * np.eye(3), np.zeros(3)])
    folder = tmp_path_factory.mktemp("model")
    net.save(folder / "colours.keras")
    (folder / "names.txt").write_text("red\ngreen\nblue\n", encoding="utf-8")
    return [
        "--model",
        str(folder / "colours.keras"),
        "--scale",
        "0..1",
        "--classes",
        str(folder / "names.txt"),
        "--size",
        "32",
    ]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def paint(path, colour=(230, 30, 20), side=40, mode="RGB", **options):
    Image.new("RGB", (side, side), colour).convert(mode).save(path, **options)
    return str(path)


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def refused(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "Traceback" not in error
    return error


# what it writes


def test_a_picture_becomes_a_sheet_named_after_it(here, model, capsys):
    paint(here / "stop.png")
    assert main(["cam", "stop.png", *model]) == 0
    assert files(here) == ["stop-grad_cam.png", "stop.png"]
    assert capsys.readouterr().out == "stop-grad_cam.png  red 100%\n"
    assert read_image(here / "stop-grad_cam.png").std() > 5


@pytest.mark.parametrize("command", ["saliency", "activations", "cam"])
def test_a_folder_becomes_a_folder_of_the_same_shape(here, model, command):
    (here / "in" / "deep").mkdir(parents=True)
    (here / "in" / ".hidden").mkdir()
    paint(here / "in" / "one.png"), paint(here / "in" / "deep" / "two.jpg"), paint(here / "in" / ".hidden" / "no.png")
    assert main([command, "in", "--output", "out", "--quiet", *model]) == 0
    name = {"saliency": "gradient", "cam": "grad_cam"}.get(command, command)
    assert files(here / "out") == [f"deep/two-{name}.png", f"one-{name}.png"]


def test_pictures_of_another_class_do_not_replace_each_other(here, model):
    paint(here / "a.png")
    for target in ("Green", "0", "green"):
        assert main(["cam", "a.png", "--target", target, "--force", *model]) == 0
    assert files(here) == ["a-grad_cam-0.png", "a-grad_cam-green.png", "a.png"]


def test_pictures_of_one_name_do_not_replace_each_other(here, model):
    paint(here / "a.png"), paint(here / "a.jpg")
    assert main(["cam", "a.png", "a.jpg", "a.png", "-o", "out", *model]) == 0
    assert files(here / "out") == ["a-2-grad_cam.png", "a-grad_cam.png"]


def test_one_page_holds_everything(here, model):
    paint(here / "a <b>.png", (20, 220, 30)), paint(here / "c.png")
    assert main(["cam", "a <b>.png", "c.png", "--method", "grad-cam,hires_cam", "-o", "page.html", *model]) == 0
    page = (here / "page.html").read_text(encoding="utf-8")
    pictures = re.findall(r"<img src='data:image/png;base64,([^']+)' alt='([^']+)'", page)
    assert len(pictures) == 2
    for pixels, alt in pictures:
        assert read_image(base64.b64decode(pixels)).size > 1000
        assert "grad_cam, hires_cam" in alt
    assert "green" in pictures[0][1]
    assert "a &lt;b&gt;.png" in page and "<b>" not in page
    assert not re.findall(r"(src|href)=['\"](?!data:)", page)
    assert len(re.findall(r"<td>(?:red|green)</td><td>99\.\d%</td>", page)) == 2
    assert page.endswith("</html>\n")
    assert files(here) == ["a <b>.png", "c.png", "page.html"]


def test_layers_targets_methods_and_marks(here, model):
    paint(here / "a.png")
    assert main(["activations", "a.png", "--layer", "first,second", *model]) == 0
    assert main(["cam", "a.png", "--target", "Green", "--layer", "first", "-o", "g.png", *model]) == 0
    assert main(["cam", "a.png", "--target", "1", "--layer", "first", "-o", "1.png", *model]) == 0
    assert main(["cam", "a.png", "--method", "all", "-o", "all.png", *model]) == 0
    assert main(["saliency", "a.png", "--grade", "--signed", "-o", "marks.png", *model]) == 0
    assert {"a-activations-first.png", "a-activations-second.png", "all.png", "marks.png"} <= set(files(here))
    np.testing.assert_array_equal(read_image(here / "g.png"), read_image(here / "1.png"))
    height, width = read_image(here / "all.png").shape[:2]
    assert min(height, width) > 500


def test_methods_that_a_model_has_not_are_left_out_of_all_and_said(here, capsys):
    inputs = keras.Input((SIDE, SIDE, 3))
    maps = keras.layers.Conv2D(2, 3, activation="tanh", name="conv")(inputs)
    keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(maps))).save(here / "m.keras")
    paint(here / "a.png")
    assert main(["cam", "a.png", "--model", "m.keras", "--method", "all", "-q"]) == 0
    said = capsys.readouterr().err
    assert "guided_grad_cam left out: " in said and "no ReLU" in said
    assert main(["cam", "a.png", "--model", "m.keras", "--method", "guided_grad_cam"]) == 1
    assert "a.png: guided_grad_cam: " in capsys.readouterr().err
    assert files(here) == ["a-cam.png", "a.png", "m.keras"]


def test_filters_and_dreams(here, model):
    paint(here / "a.png", side=24)
    assert main(["filters", "--layer", "first", "--channel", "0,2", "--steps", "2", "-q", *model]) == 0
    assert main(["filters", "--layer", "first,second", "--steps", "1", "-o", "out", "-q", *model]) == 0
    small = [word for word in model if word not in ("--size", "32")]
    dream = ["dream", "a.png", "--layer", "second", "--steps", "1", "--octaves", "1", "-q", "--size", "64"]
    assert main([*dream, *small]) == 0
    assert main([*dream, "--frames", "3", "-o", "a.mp4", *small]) == 0
    assert files(here) == [
        "a-dream.png",
        "a.mp4",
        "a.png",
        "filters-first.png",
        "out/filters-first.png",
        "out/filters-second.png",
    ]
    assert read_image(here / "a-dream.png").shape == (64, 64, 3)


def test_live_into_a_file(here, model, capsys):
    paint(here / "a.png")
    assert main(["live", "a.png", "-o", "seen.mp4", *model]) == 0
    assert "seen.mp4" in capsys.readouterr().out
    assert files(here) == ["a.png", "seen.mp4"]


# what is already there


def test_nothing_is_overwritten_without_force(here, model, capsys):
    paint(here / "a.png")
    (here / "a-grad_cam.png").write_text("mine")
    (here / "page.html").write_text("mine")
    assert main(["cam", "a.png", *model]) == 1
    assert "'a-grad_cam.png' is there already; --force replaces it" in capsys.readouterr().err
    assert main(["cam", "a.png", "-o", "page.html", *model]) == 1
    assert (here / "a-grad_cam.png").read_text() == (here / "page.html").read_text() == "mine"
    assert main(["cam", "a.png", "--force", *model]) == 0
    assert read_image(here / "a-grad_cam.png").size


# pictures of every kind


def test_pictures_of_every_kind_are_read_and_broken_ones_reported(here, model, capsys):
    folder = here / "in"
    folder.mkdir()
    (
        paint(folder / "grey.png", mode="L"),
        paint(folder / "clear.png", mode="RGBA"),
        paint(folder / "cmyk.jpg", mode="CMYK"),
    )
    paint(folder / "dot.png", side=1), paint(folder / "palette.gif", mode="P")
    Image.fromarray(np.full((9, 9), 40000, np.uint16)).save(folder / "deep.png")
    whole = (folder / "cmyk.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.png").write_bytes(b"")
    (folder / "page.jpg").write_text("<html>not found</html>")
    (folder / "notes.txt").write_text("no picture, and not asked for")
    assert main(["cam", "in", "-o", "out", "-q", *model]) == 1
    error = capsys.readouterr().err
    assert files(here / "out") == sorted(
        f"{name}-grad_cam.png" for name in ("grey", "clear", "cmyk", "dot", "palette", "deep")
    )
    for name in ("cut.jpg", "empty.png", "page.jpg"):
        assert len([line for line in error.splitlines() if name in line]) == 1
    assert len(error.splitlines()) == 3
    assert "Traceback" not in error and "notes" not in error


def test_paths_that_are_nothing(here, model, capsys):
    (here / "empty").mkdir()
    paint(here / "photo.png")
    assert main(["cam", "phot.png", "photo.png", "empty", *model]) == 1
    error = capsys.readouterr().err
    assert "phot.png" in error and "'photo.png'" in error  # what was meant
    assert "no pictures in the folder 'empty'" in error
    assert "photo-grad_cam.png" in files(here)
    assert main(["cam", "empty"]) == 1  # at once: nothing to do, no model needed


def test_a_folder_that_cannot_be_written_to(here, model, capsys):
    paint(here / "a.png")
    (here / "file").write_text("")
    assert main(["cam", "a.png", "-o", "file/out.png", *model]) == 1
    error = capsys.readouterr().err
    assert "cannot write to the folder 'file'" in error and error.count("\n") == 1


def test_videos_without_frames(here, model, capsys):
    (here / "a.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    assert main(["live", "a.mp4", "-o", "b.mp4", *model]) == 1
    assert "neither a picture nor a video" in capsys.readouterr().err
    assert main(["live", "nope.mp4", "-o", "b.mp4", *model]) == 1
    assert files(here) == ["a.mp4"]


# wrong usage


def test_wrong_usage_is_told_in_one_line(here, model, capsys):
    paint(here / "a.png"), paint(here / "b.png")
    assert "the following arguments are required: PICTURE" in refused(capsys, "cam")
    assert "COMMAND" in refused(capsys)
    assert "no method 'grad'" in refused(capsys, "cam", "a.png", "--method", "grad")
    assert "is one of 'cam'" in refused(capsys, "saliency", "a.png", "--method", "grad_cam")
    assert "cam writes .png, .html" in refused(capsys, "cam", "a.png", "-o", "a.jpg")
    assert "is no size" in refused(capsys, "cam", "a.png", "--size", "big")
    assert "one layer is wanted" in refused(capsys, "cam", "a.png", "--layer", "a,b")
    assert "a video is made of one" in refused(capsys, "dream", "a.png", "b.png", "-o", "a.mp4")
    assert "no method 'rise'" in refused(capsys, "live", "--method", "rise")
    assert "name a file" in refused(capsys, "live", "-o", "folder")
    assert "not a time" in refused(capsys, "live", "--seconds", "-3")
    assert "whole number" in refused(capsys, "filters", "--channel", "one")
    assert "layers: first, second" in refused(capsys, "cam", "a.png", "--layer", "third", *model)
    assert "class 'yellow' not among these: red" in refused(capsys, "cam", "a.png", "--target", "yellow", *model)
    assert "no class 3" in refused(capsys, "cam", "a.png", "--target", "3", *model)
    assert "did you mean vgg" in refused(capsys, "cam", "a.png", "--model", "vgg17")
    assert files(here) == ["a.png", "b.png"]


def test_models_that_cannot_be_opened(here, model, capsys):
    paint(here / "a.png")
    (here / "broken.keras").write_bytes(b"not a model")
    (here / "two.txt").write_text("a\nb\n")
    keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]).save(here / "grey.keras")
    assert main(["cam", "a.png", "--model", "nope.keras"]) == 1
    assert main(["cam", "a.png", "--model", "broken.keras"]) == 1
    assert main(["cam", "a.png", "--model", "grey.keras"]) == 1
    assert main(["cam", "a.png", *model, "--classes", "two.txt"]) == 1
    error = capsys.readouterr().err
    for words in (
        "no model file 'nope.keras'",
        "'broken.keras' cannot be opened",
        "1 channels; 3, RGB",
        "names 2 classes",
    ):
        assert words in error
    assert len(error.splitlines()) == 4


def test_the_scale_is_what_the_model_was_trained_with(here, model):
    from cnnviz.command_line.inputs import open_model

    path, pixels = model[1], np.array([[[[0.0, 127.5, 255]]]])
    for scale, wanted in (("0..255", [0, 127.5, 255]), ("0..1", [0, 0.5, 1]), ("tf", [-1, 0, 1])):
        np.testing.assert_allclose(open_model(path, scale, None).scale(pixels.copy())[0, 0, 0], wanted, atol=1e-6)
    before = pixels.copy()
    caffe = open_model(path, "caffe", None).scale(pixels)[0, 0, 0]
    np.testing.assert_allclose(caffe, [255 - 103.939, 127.5 - 116.779, -123.68], atol=1e-3)  # BGR, less the mean
    np.testing.assert_array_equal(pixels, before)


# as a process


def start(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "cnnviz", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell that runs the tests in the background lets its children ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        **options,
    )


def test_help_is_fast_and_needs_no_tensorflow():
    code = (
        "import sys, cnnviz.__main__ as m\n"
        "lines = [[name, '--help'] for name in m.OF_COMMAND]\n"
        "for words in (['--help'], *lines, ['cam'], ['cam', 'x', '--method', 'y']):\n"
        "    try: m.main(words)\n"
        "    except SystemExit as stop: assert stop.code == (0 if '--help' in words else 2)\n"
        "heavy = {'tensorflow', 'keras', 'cv2', 'matplotlib', 'skimage'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    for name, examples in OF_COMMAND.items():
        assert f"python -m cnnviz {name}" in run.stdout
        assert examples.splitlines()[0] in run.stdout


def test_ctrl_c_leaves_nothing_half_done(here, model):
    for number in range(150):
        paint(here / f"{number:03}.png")
    process = start("cam", ".", "-o", "page.html", *model, cwd=here)
    deadline = time.monotonic() + 300
    while not list(here.glob(".page.*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "Traceback" not in error
    assert error.rstrip().endswith("stopped")
    assert [name for name in files(here) if not name[:3].isdigit()] == []


def test_the_terminal_is_quiet_about_everything_else(here, model):
    paint(here / "a.png")
    process = start("cam", "a.png", *model, cwd=here)
    out, error = process.communicate(timeout=300)
    assert (process.returncode, out, error) == (0, "a-grad_cam.png  red 100%\n", "")
