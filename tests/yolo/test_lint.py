"""`yolo.datasets.lint`: everything that is wrong is reported, nothing is raised."""

import numpy as np
import pytest
from PIL import Image

from data.assets import locate
from yolo.datasets import DetectionData, Record, bccd, lint, read_yolo

NAMES = ("car", "person")
IMAGE = np.zeros((416, 416, 3), np.uint8)


def data(*boxes, classes=None, **fields):
    record = Record(IMAGE, boxes, [0] * len(boxes) if classes is None else classes, NAMES, id="x", **fields)
    return DetectionData([record], NAMES)


def test_every_kind_of_box():
    boxes = [(10, 10, 20, 20), (5, 5, 5, 9), (9, 9, 5, 20), (500, 0, 510, 10), (-3, 0, 9, 9), (10, 10, 20, 20)]
    report = lint(data(*boxes, classes=[0, 0, 0, 0, 1, 0]))
    kinds = [(one.box, one.kind) for one in report.boxes]
    assert kinds == [(1, "no area"), (2, "corners swapped"), (3, "outside"), (4, "across the edge")]
    assert report.twice == ["x, box 5: car, the same as box 0"]
    assert report.boxes_of.tolist() == [5, 1] and report.images_of.tolist() == [1, 1] and not report.ok
    assert "x, box 1: no area, 5, 5, 5, 9" in str(report) and "NOT ok" in str(report)
    assert lint(data((-3, 0, 9, 9), (0, 0, 416, 416))).ok  # across the edge is usual; up to the edge is inside


def test_collisions_by_hand():
    """Two boxes of one shape in one cell are one too many; another shape is another anchor of the cell."""
    anchors, masks, strides = [(10, 10), (40, 10), (100, 100)], [(2,), (0, 1)], (32, 16)
    boxes = [(2, 2, 12, 12), (4, 4, 14, 14), (0, 0, 14, 5), (18, 2, 28, 12), (100, 100, 200, 200)]
    report = lint(data(*boxes), anchors=anchors, masks=masks, strides=strides)
    # Stride 16: three in cell (0, 0), two of which with the first anchor (of the third the IoU is .54), one in (0, 1).
    assert report.cells == [(32, 1, 0, 0), (16, 4, 2, 2)]
    assert report.boxes_of_anchor.tolist() == [4, 0, 1] and report.never_used.tolist() == [1]
    other = lint(data(*boxes[:2], (0, 2, 15, 6)), anchors=[(10, 10), (15, 4), (100, 100)], masks=masks, strides=strides)
    assert other.cells[1] == (16, 3, 2, 1)
    assert any("15 x 4" in note or "100 x 100" in note for note in other.notes)


def test_boxes_go_to_the_network_by_letterbox():
    """At 208 x 416 a picture of 416 x 416 is halved, with a border of 104 pixels at the left."""
    report = lint(data((0, 0, 20, 20)), size=(208, 416), anchors=[(10, 10)], masks=[(0,)], strides=(8,))
    assert report.mean_iou == pytest.approx(1)
    apart = data((0, 0, 20, 20), (20, 0, 40, 20))  # centres 10 and 30: at 5 and 15 and, with the border, 109 and 119
    assert lint(apart, size=(208, 416), anchors=[(10, 10)], masks=[(0,)], strides=(8,)).cells == [(8, 2, 0, 0)]
    assert lint(apart, size=(208, 416), anchors=[(10, 10)], masks=[(0,)], strides=(32,)).cells == [(32, 2, 1, 1)]
    # Without the border, 16 would part 5 and 15 as little as 109 (cell 6) and 119 (cell 7) are one.
    assert lint(apart, size=(208, 416), anchors=[(10, 10)], masks=[(0,)], strides=(16,)).cells == [(16, 2, 0, 0)]


def test_files(tmp_path):
    for name in "abc":
        Image.new("RGB", (40, 30)).save(tmp_path / f"{name}.png")
        (tmp_path / f"{name}.txt").write_text("0 .5 .5 .5 .5" if name != "b" else "0 .5 .5 .5")
    (tmp_path / "d.txt").write_text("")
    Image.new("RGB", (40, 30)).save(tmp_path / "e.png")
    found = read_yolo(tmp_path, names=NAMES, strict=False)
    content = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(content[: len(content) // 2])
    Image.new("RGB", (20, 30)).save(tmp_path / "c.png")
    report = lint(found)
    assert len(report.unreadable) == 2 and not report.ok
    assert "b.txt', line 1" in str(report) and "a.png" in report.unreadable[1][1]
    assert report.mismatches == [("c", "c: 30 x 20, labels 30 x 40")]
    assert [path.name for path in report.images_without_label] == ["e.png"]
    assert [path.name for path in report.labels_without_image] == ["d.txt"]
    (tmp_path / "c.png").unlink()
    assert any("c.png" in words for _, words in lint(found, read=False).unreadable)


def test_crowds_have_no_anchor():
    report = lint(data((10, 10, 20, 20), (0, 0, 400, 400), crowd=[False, True], difficult=[True, False]))
    assert report.marks == (1, 1) and report.boxes_of_anchor.sum() == 1 and report.ok
    assert "classes without a box: person" in str(report)


@pytest.mark.skipif(locate("bccd") is None, reason="bccd is not on this machine")
def test_blood_cells_have_two_boxes_without_area():
    report = lint(bccd("trainval"), read=False, verbose=False)
    assert [(one.image, one.kind) for one in report.boxes] == [
        ("BloodImage_00338", "no area"),
        ("BloodImage_00343", "no area"),
    ]
    assert "BloodImage_00338.xml', line 158" in str(report) and report.never_used.tolist() == [8]
    assert report.boxes_of.tolist() == [3350, 301, 292] and sum(row[1] for row in report.cells) == 3943 - 2


def test_refused_in_words():
    with pytest.raises(TypeError, match="data is a list"):
        lint([])
    with pytest.raises(ValueError, match="each anchor once"):
        lint(data((0, 0, 1, 1)), masks=[(1, 2, 3)], strides=[32])
