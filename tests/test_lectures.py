"""lectures/build.py, and what nbval leaves out: the figures, and the lectures under other settings."""

import base64
import importlib.util
import io
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image

LECTURES = Path(__file__).resolve().parent.parent / "lectures"


@pytest.fixture(scope="module")
def build():
    spec = importlib.util.spec_from_file_location("build", LECTURES / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def texts(notebook):
    """All text outputs that nbval compares, cell by cell."""
    return [
        "".join(output.get("text", "") or output.get("data", {}).get("text/plain", "") for output in cell.outputs)
        for cell in notebook.cells
        if cell.cell_type == "code" and "nbval-ignore-output" not in cell.metadata.get("tags", [])
    ]


def figures(notebook):
    """All figures, as small grey pictures and their sizes.

    Of cells tagged "chaotic" the pictures are empty: a long climb in a large network amplifies the last digit, so that
    another CPU draws another picture, as good.
    """
    found = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            for kind in {"image/png", "image/jpeg"} & set(output.get("data", {})):
                image = Image.open(io.BytesIO(base64.b64decode(output.data[kind])))
                small = image.convert("L").resize((64, 64), Image.Resampling.BOX)
                chaotic = "chaotic" in cell.metadata.get("tags", [])
                found.append((image.size, np.asarray(small, np.float32) / 255 * (not chaotic)))
    return found


@pytest.mark.parametrize("lecture", sorted(path.stem for path in LECTURES.glob("[0-9]*.ipynb")))
def test_figures_and_texts_hold_with_one_thread_and_onednn(build, lecture, monkeypatch):
    if reason := build.missing(lecture):
        pytest.skip(reason)
    # nbval runs the lecture as it was built; this is the other extreme.
    settings = {"TF_ENABLE_ONEDNN_OPTS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    monkeypatch.setattr(build, "KERNEL_ENVIRONMENT", {**build.KERNEL_ENVIRONMENT, **settings})
    before = dict(os.environ)
    try:
        found = build.execute(build.read_source(LECTURES / f"{lecture}.py"), verbose=False)
    finally:
        os.environ.clear()
        os.environ.update(before)
    stored = nbformat.read(LECTURES / f"{lecture}.ipynb", as_version=4)
    assert texts(found) == texts(stored)
    assert len(figures(found)) == len(figures(stored)) > 0
    for (size, picture), (old_size, old) in zip(figures(found), figures(stored), strict=True):
        np.testing.assert_allclose(size, old_size, rtol=0.03)
        assert np.abs(picture - old).mean() < 0.03


def test_a_lecture_whose_weights_are_missing_says_so(build, monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert "mobilenet_v2" in build.missing("05b_imagenet")
    monkeypatch.setenv("LECTURE_DATA", str(tmp_path))
    monkeypatch.setenv("LECTURE_CACHE", str(tmp_path))
    assert build.missing("08b_camvid") == "needs camvid: python -m data fetch camvid"
    assert build.missing("11b_yolov3_tiny").endswith("python -m data fetch yolov3-tiny.weights darknet-photos")
    assert build.missing("01_activation_maps") == ""


def test_figures_under_another_licence_are_not_stored(build):
    drawn = nbformat.v4.new_output("display_data", data={"image/png": "", "text/plain": "<Figure>"})
    said = nbformat.v4.new_output("stream", name="stdout", text="0.71")
    assert build.without_figure(said) == said
    assert build.without_figure(drawn).text == build.ELSEWHERE
    for cell in nbformat.read(LECTURES / "08b_camvid.ipynb", as_version=4).cells:
        if "licensed" in cell.metadata.get("tags", []):
            assert [output.get("text") for output in cell.outputs] == [build.ELSEWHERE]


def test_a_changed_figure_would_be_noticed(build):
    ((_, picture), *_) = figures(nbformat.read(LECTURES / "01_activation_maps.ipynb", as_version=4))
    assert np.abs(picture - picture[::-1]).mean() > 0.03


SOURCE = """# %% [markdown]
# # A lecture

# %% mystnb={"image": {"alt": "a line"}}
import matplotlib.pyplot as plt

plt.plot([1, 2])
plt.show()
"""


@pytest.fixture
def lecture(build, tmp_path, monkeypatch):
    """A tiny lecture, built."""
    monkeypatch.setattr(build, "HERE", tmp_path)
    source = tmp_path / "07_tiny.py"
    source.write_text(SOURCE)
    build.build(source)
    return source


def test_build_and_check(build, lecture, capsys):
    assert build.problems(lecture) == []
    assert build.main(["check"]) == 0
    assert "1 lectures checked, 0 problems" in capsys.readouterr().out
    first = lecture.with_suffix(".ipynb").read_text()
    build.main(["build", "7"])
    assert lecture.with_suffix(".ipynb").read_text() == first, "a second build must change nothing"
    notebook = nbformat.reads(first, as_version=4)
    assert [cell.id for cell in notebook.cells] == ["07-000", "07-001"]
    assert notebook.cells[1].outputs[0].metadata["image/png"]["alt"] == "a line"


def test_a_figure_full_of_photographs_is_stored_as_jpeg(build, lecture):
    shown = "from data import photo\nplt.imshow(photo('astronaut'))"
    lecture.write_text(SOURCE.replace("plt.plot([1, 2])", shown))
    build.build(lecture)
    assert build.problems(lecture) == []
    (output,) = nbformat.read(lecture.with_suffix(".ipynb"), as_version=4).cells[1].outputs[-1:]
    assert set(output.data) & {"image/png", "image/jpeg"} == {"image/jpeg"}
    assert output.metadata["image/jpeg"]["alt"] == "a line"
    assert 'alt="a line"' in build.page(lecture).read_text()


def damage(lecture, change):
    path = lecture.with_suffix(".ipynb")
    notebook = nbformat.read(path, as_version=4)
    change(notebook)
    nbformat.write(notebook, path)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda nb: nb.cells[1].update(execution_count=3), "not run from top to bottom"),
        (lambda nb: nb.cells[1].update(source="x = 1"), "stale"),
        (lambda nb: nb.cells[1].outputs[0].metadata.clear(), "without alt text"),
        (lambda nb: nb.cells[1].update(source="\n".join(["x = 1"] * 16)), "16 lines of code"),
        (
            lambda nb: nb.cells[1].outputs.append(nbformat.v4.new_output("stream", name="stderr", text="oh")),
            "written to stderr",
        ),
        (lambda nb: nb.cells[1].outputs.append(nbformat.v4.new_output("error", ename="E")), "a stored error"),
        (lambda nb: nb.cells.extend([nb.cells[1]] * 2), "more than 2 code cells"),
    ],
)
def test_check_finds(build, lecture, change, problem):
    damage(lecture, change)
    assert any(problem in found for found in build.problems(lecture))


def test_a_changed_source_is_stale_and_a_missing_notebook_is_missed(build, lecture):
    lecture.write_text(SOURCE + "\n# a remark\n")
    assert any("stale" in problem for problem in build.problems(lecture))
    lecture.with_suffix(".ipynb").unlink()
    assert build.problems(lecture) == ["has no notebook"]


def test_page_draws_formulas_without_network(build, lecture):
    lecture.write_text(SOURCE.replace("# # A lecture", "# # A lecture\n#\n# Let $x^2$ and `a$b$` be"))
    html = build.page(lecture).read_text()
    assert "<msup>" in html
    assert "a$b$" in html
    assert 'alt="a line"' in html
    assert '<script src="http' not in html


def test_unknown_lectures_are_answered_with_those_there_are():
    run = subprocess.run(
        [sys.executable, LECTURES / "build.py", "check", "99"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert "no lecture 99; there is 01_activation_maps" in run.stderr
