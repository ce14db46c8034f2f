from pathlib import Path

import numpy as np
import pytest

from cnnviz.command_line.actions import CAM, SALIENCY, resized
from cnnviz.command_line.outputs import Page, destination
from data.command_line.pictures import Picture


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


def test_a_page_is_whole_or_not_there(tmp_path):
    def interrupted():
        with Page(tmp_path / "a.html", "t", "c", force=False) as page:
            page.add("one", np.zeros((4, 4, 3), np.uint8), "black", [("cat", 0.5)])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    assert list(tmp_path.iterdir()) == []


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
