"""`yolo.datasets`: there and back through every format, on drawn scenes and real photographs; bad input."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from data.assets import locate
from yolo.datasets import (
    DetectionData,
    LabelError,
    Record,
    bccd,
    mended,
    read_coco,
    read_csv,
    read_voc,
    read_yolo,
    scenes,
    write_coco,
    write_csv,
    write_voc,
    write_yolo,
)

NAMES = ("car", "person", "sign")


def marked(seed=0, images=3):
    """Arrays with boxes of odd fractions, some difficult, some crowds, one image without any."""
    random = np.random.default_rng(seed)
    records = []
    for number in range(images):
        count = 0 if number == 1 else 5
        size = (int(random.integers(20, 50)), int(random.integers(20, 50)))
        pixels = random.integers(0, 256, (*size, 3), dtype=np.uint8)
        first = random.uniform(0, 10, (count, 2))
        boxes = np.concatenate([first, first + random.uniform(1, 10, (count, 2))], axis=1)
        marks = random.random((2, count)) < 0.4
        records.append(Record(pixels, boxes, random.integers(0, 3, count), NAMES, *marks, id=number + 1))
    return DetectionData(records, NAMES)


def same(ours, theirs, *, marks=True):
    assert ours.names == theirs.names and len(ours) == len(theirs)
    for one, other in zip(ours, theirs):
        np.testing.assert_array_equal(one.boxes, other.boxes)
        np.testing.assert_array_equal(one.classes, other.classes)
        assert one.size == other.size and one.boxes.dtype == np.float32
        np.testing.assert_array_equal(one.read_image(), other.read_image())
        if marks:
            np.testing.assert_array_equal(one.difficult, other.difficult)
            np.testing.assert_array_equal(one.crowd, other.crowd)


FORMATS = {
    "voc": (write_voc, lambda folder, data: read_voc(folder, "all", names=data.names)),
    "voc inclusive": (
        lambda data, folder: write_voc(data, folder, pixels="inclusive"),
        lambda folder, data: read_voc(folder, names=data.names, pixels="inclusive"),
    ),
    "coco": (write_coco, lambda folder, data: read_coco(folder / "annotations.json", folder / "images")),
    "csv": (write_csv, lambda folder, data: read_csv(folder / "boxes.csv", folder / "images", names=data.names)),
    "yolo": (
        lambda data, folder: write_yolo(data, folder, drop_marks=True),
        lambda folder, data: read_yolo(folder / "images", names=folder / "classes.names"),
    ),
}


@pytest.mark.parametrize("name", FORMATS)
def test_there_and_back(name, tmp_path):
    write, read = FORMATS[name]
    for number, data in enumerate((marked(), scenes(3, size=64))):
        folder = tmp_path / str(number)
        write(data, folder)
        back = read(folder, data)
        if name == "voc inclusive":  # 1 more and 1 less costs the last digits
            back = DetectionData(
                [
                    replace(one, boxes=was.boxes)
                    for one, was in zip(back, data)
                    if np.abs(one.boxes - was.boxes).max(initial=0) < 1e-5
                ],
                NAMES if number == 0 else data.names,
            )
        same(data, back, marks=name != "yolo")
        with pytest.raises(FileExistsError):
            write(data, folder)


def test_through_all_formats_one_after_the_other(tmp_path):
    data = marked(3)
    for name in ("voc", "csv", "coco", "yolo"):
        write, read = FORMATS[name]
        write(data, tmp_path / name)
        data = read(tmp_path / name, data)
    same(marked(3), data, marks=False)


def test_marks_that_a_format_cannot_say_are_not_dropped_unsaid(tmp_path):
    with pytest.raises(ValueError, match="has a difficult object or a crowd, which this format cannot say"):
        write_yolo(marked(), tmp_path)


def test_yolo_by_hand(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    Image.new("RGB", (200, 100)).save(tmp_path / "images/a.png")
    (tmp_path / "labels/a.txt").write_text("1 0.5 0.5 0.1 0.2\n\n0 0.25 0.1 0.5 0.2")
    data = read_yolo(tmp_path / "images", names=NAMES)
    np.testing.assert_allclose(data[0].boxes, [[90, 40, 110, 60], [0, 0, 100, 20]], rtol=1e-6)
    assert data[0].size == (100, 200) and data[0].classes.tolist() == [1, 0] and data[0].lines == (1, 3)


def test_a_turned_photograph_has_the_size_that_is_seen(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright
    Image.new("RGB", (200, 100)).save(tmp_path / "a.jpg", exif=exif)
    (tmp_path / "a.txt").write_text("0 .5 .5 1 1")
    (record,) = read_yolo(tmp_path, names=NAMES)
    assert record.size == record.read_image().shape[:2] == (200, 100)


VOC = """<annotation>
 <filename>a.png</filename>
 <size><width>40</width><height>30</height><depth>3</depth></size>
 <object>
  <name>car</name>
  <difficult>1</difficult>
  <bndbox><xmin>1</xmin><ymin>2</ymin><xmax>10</xmax><ymax>20</ymax></bndbox>
 </object>
</annotation>"""


def voc_folder(folder, **texts):
    for name in ("Annotations", "JPEGImages"):
        (folder / name).mkdir()
    for name, text in texts.items():
        (folder / f"Annotations/{name}.xml").write_text(text)
        Image.new("RGB", (40, 30)).save(folder / f"JPEGImages/{name}.png")
    return folder


def test_voc_by_hand(tmp_path):
    voc_folder(tmp_path, a=VOC)
    (record,) = read_voc(tmp_path)
    assert record.boxes.tolist() == [[1, 2, 10, 20]] and record.difficult.tolist() == [True]
    assert record.size == (30, 40) and record.lines == (4,) and record.names == ("car",)
    (record,) = read_voc(tmp_path, pixels="inclusive")
    assert record.boxes.tolist() == [[0, 1, 10, 20]]  # pixel 1 to pixel 10 are ten


BOMB = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;">]><annotation>&c;</annotation>'


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (VOC[:-20], 8, "broken XML"),
        (VOC.replace("<xmin>1<", "<xmin>one<"), 4, "xmin is 'one'; a finite number is wanted"),
        (VOC.replace("<xmin>1<", "<xmin>nan<"), 4, "xmin is 'nan'"),
        (VOC.replace("<ymax>20</ymax>", ""), 4, "ymax is ''"),
        (VOC.replace("car", "cat"), 4, "the class 'cat' is not among car, dog"),
        (VOC.replace("bndbox", "box"), 4, "an object without bndbox"),
        (
            VOC.replace(">1<", ">0.1<").replace(">2<", ">0.2<").replace(">10<", ">1<").replace(">20<", ">.9<"),
            4,
            "shares",
        ),
        (VOC.replace("annotation", "html"), 1, "the root is <html>"),
        (BOMB, None, "XML that is not read: DTDForbidden"),
        ("", 1, "broken XML"),
    ],
)
def test_one_broken_annotation_among_others(tmp_path, text, line, words):
    voc_folder(tmp_path, a=VOC, b=text, c=VOC)
    with pytest.raises(LabelError, match=words) as caught:
        read_voc(tmp_path, names=["car", "dog"])
    assert caught.value.line == line and caught.value.file.name == "b.xml"
    assert "b.xml'" in str(caught.value) and (line is None or f"line {line}: " in str(caught.value))
    data = read_voc(tmp_path, names=["car", "dog"], strict=False)
    assert [one.name for one in data] == ["a", "c"]
    assert [(one.file.name, one.line) for one in data.problems] == [("b.xml", line)]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("0 .5 .5 .1", "has 4 cells"),
        ("0 .5 .5 .1 x", "height is 'x'"),
        ("3 .5 .5 .1 .1", r"the class is 3; a number 0\.\.2"),
        ("1.5 .5 .5 .1 .1", "the class is 1.5"),
        ("0 50 50 10 10", "not in shares of the image, 0..1; is it in pixels?"),
        ("0 .5 .5 -.1 .1", "negative side"),
        ("0 inf .5 .1 .1", "x is 'inf'"),
    ],
)
def test_one_broken_line_of_yolo(tmp_path, line, words):
    for name in "ab":
        Image.new("RGB", (40, 30)).save(tmp_path / f"{name}.png")
        (tmp_path / f"{name}.txt").write_text("0 .5 .5 .1 .1\n" + line * (name == "b"))
    with pytest.raises(LabelError, match=words) as caught:
        read_yolo(tmp_path, names=NAMES)
    assert (caught.value.file.name, caught.value.line) == ("b.txt", 2)
    data = read_yolo(tmp_path, names=NAMES, strict=False)
    assert len(data) == 1 and len(data.problems) == 1


def test_csv_with_and_without_heads(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("a.jpg,1,2,3,4,sign\nb.jpg,,,,,\na.jpg,5,6,7,8,car\n")
    first, second = read_csv(file)
    assert first.boxes.tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]] and first.names == ("car", "sign")
    assert first.classes.tolist() == [1, 0] and len(second) == 0 and first.image == tmp_path / "a.jpg"
    file.write_text("filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,40,30,car,1,2,3,4\n")
    (only,) = read_csv(file)
    assert only.size == (30, 40) and only.boxes.tolist() == [[1, 2, 3, 4]] and only.lines == (2,)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("b.jpg,1,2,3,four,car", "y2 is 'four'"),
        ("b.jpg,1,2,3,4", "another number of cells"),
        ("b.jpg,1,2,3,4,car,7", "another number of cells"),
        ("b.jpg,1,2,3,4,bus", "the class 'bus' is not among"),
        ("b.jpg,.1,.2,.3,.4,car", "in shares of the image; pixels are wanted"),
        (",1,2,3,4,car", "the name of the image is empty"),
    ],
)
def test_one_broken_row_of_csv(tmp_path, row, words):
    file = tmp_path / "a.csv"
    file.write_text(f"a.jpg,1,2,3,4,car\n{row}\nc.jpg,1,2,3,4,sign\n")
    with pytest.raises(LabelError, match=words) as caught:
        read_csv(file, names=NAMES)
    assert caught.value.line == 2
    assert [one.name for one in read_csv(file, names=NAMES, strict=False)] == ["a", "c"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"bbox": [1, 2, 3]}, r"annotations\[1\]: bbox is"),
        ({"bbox": [1, 2, None, 3]}, r"annotations\[1\]: bbox width is None"),
        ({"category_id": 9}, r"annotations\[1\] is of category_id 9, which does not exist"),
        ({"image_id": 9}, r"annotations\[1\] is of image_id 9, which does not exist"),
    ],
)
def test_one_broken_annotation_of_coco(tmp_path, change, words):
    one = {"id": 1, "image_id": 1, "category_id": 4, "bbox": [1, 2, 3, 4], "iscrowd": 1, "area": 5}
    content = {
        "images": [{"id": n, "file_name": f"{n}.jpg", "height": 30, "width": 40} for n in (2, 1)],
        "categories": [{"id": 7, "name": "dog"}, {"id": 4, "name": "cat"}],
        "annotations": [one, one | {"image_id": 2} | change],
    }
    file = tmp_path / "a.json"
    file.write_text(json.dumps(content))
    with pytest.raises(LabelError, match=words):
        read_coco(file)
    data = read_coco(file, strict=False)
    assert data[0].boxes.tolist() == [[1, 2, 4, 6]] and data[0].crowd.tolist() == [True] and data[0].areas == [5]
    assert data.names == ("cat", "dog") and data[0].id == 1 and len(data.problems) == 1
    file.write_text('{"images": [],\n "annotations" []}')
    with pytest.raises(LabelError, match="line 2: broken JSON"):
        read_coco(file, strict=False)


def test_mended_says_what_it_did():
    boxes = [(1, 1, 5, 5), (-2, 3, 4, 8), (3, 3, 3, 9), (50, 50, 60, 60), (9, 9, 5, 5)]
    data = DetectionData([Record(np.zeros((10, 20, 3), np.uint8), boxes, [0] * 5, ["a"], id="x")], ["a"])
    after, changes = mended(data)
    assert after[0].boxes.tolist() == [[1, 1, 5, 5], [0, 3, 4, 8]]
    assert [(one.box, one.what) for one in changes] == [(1, "clipped"), (2, "removed"), (3, "removed"), (4, "removed")]
    assert len(data[0]) == 5 and changes[0].corners == (-2, 3, 4, 8)


def test_scenes_are_data_scenes():
    from data.scenes import scene

    data = scenes(2, seed=5, size=(48, 64))
    drawn = scene((5, 1), (48, 64))
    np.testing.assert_array_equal(data[1].boxes, drawn.boxes)
    np.testing.assert_array_equal(data[1].read_image(), drawn.image)
    assert data[1].size == (48, 64) and data.subset([1])[0] is data[1]


@pytest.mark.skipif(locate("bccd") is None, reason="bccd is not on this machine")
def test_blood_cells():
    train, validation = bccd("train"), bccd("validation")
    assert (len(train), len(validation)) == (205, 87)
    counts = sum(np.bincount(one.classes, minlength=3) for data in (train, validation) for one in data)
    assert counts.tolist() == [3350, 301, 292]
    both, changes = mended(DetectionData([*train, *validation], train.names))
    removed = [one for one in changes if one.what == "removed"]
    assert sorted(one.image for one in removed) == ["BloodImage_00338", "BloodImage_00343"]
    assert sum(map(len, both)) == 3943 - 2


@pytest.mark.skipif(locate("yolov3-tiny-aix") is None, reason="yolov3-tiny-aix is not on this machine")
def test_grocery_photographs_there_and_back(tmp_path):
    folder = locate("yolov3-tiny-aix")
    data = read_yolo(folder / "photos", names=folder / "yolohw.names")
    assert len(data) == 6 and sum(map(len, data)) == 83 and len(data.names) == 60
    first = data[0]
    assert first.name == "CAPP_testset_close_10000" and first.size == (1080, 1920) and first.classes[0] == 12
    np.testing.assert_allclose(first.boxes[0], [319, 273, 448, 573], atol=0.01)  # whole pixels, as they were drawn
    for name in ("voc", "coco", "csv", "yolo"):
        write, read = FORMATS[name]
        write(data.subset([0, 5]), tmp_path / name)
        back = read(tmp_path / name, data)
        for one, other in zip(data.subset([0, 5]), back):
            np.testing.assert_array_equal(one.boxes, other.boxes)
            np.testing.assert_array_equal(one.classes, other.classes)


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        ({"boxes": [(0, 0, 1)]}, ValueError, r"shape \(1, 3\)"),
        ({"boxes": [(0, 0, 1, np.inf)]}, ValueError, "must be finite"),
        ({"classes": [5]}, ValueError, r"classes is \[5\]"),
        ({"classes": [0.5]}, TypeError, "whole numbers"),
        ({"difficult": [True, False]}, ValueError, "difficult has shape"),
        ({"names": "ab"}, ValueError, "different names"),
    ],
)
def test_a_record_is_checked(fields, error, words):
    good = {"image": "a.jpg", "boxes": [(0, 0, 1, 1)], "classes": [0], "names": ["a"]}
    with pytest.raises(error, match=words):
        Record(**good | fields)
