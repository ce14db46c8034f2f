"""`yolo.found`: one record, three ways out."""

import builtins
import csv
import io
import json
import sys
import types

import numpy as np
import pytest

from yolo.datasets import DetectionData, Record, write_coco
from yolo.evaluation import evaluate_coco
from yolo.found import COLUMNS, Found

NAMES = ("cat", "dog", "owl")
BOXES = np.array([[10.25, 20, 40.1, 60], [0, 0, 5, 7]], np.float32)


def found(**changes):
    return Found(
        **{"boxes": BOXES, "scores": [0.9, 0.3], "classes": [2, 0], "names": NAMES, "size": (100, 200), **changes}
    )


def test_json_reads_as_the_same_float32():
    one = found(scores=[np.float32(1) / 3, 0.3])
    read = json.loads(one.to_json())
    assert read["size"] == [100, 200]
    for entry, box, score, kind in zip(read["objects"], one.boxes, one.scores, one.classes):
        np.testing.assert_array_equal(np.float32(entry["box"]), box)
        assert np.float32(entry["score"]) == score and entry["class"] == kind and entry["name"] == NAMES[kind]
    assert "0.3," in one.to_json() and json.loads(one.to_json(indent=2)) == read  # 0.3, not 0.30000001192092896


def test_rows_and_names():
    one = found()
    assert one.rows()[0] == ("owl", 2, 0.9, 10.25, 20.0, 40.1, 60.0) and len(COLUMNS) == 7
    assert one.labels == ["owl", "cat"] and len(one) == 2
    assert str(one).splitlines() == ["owl  0.90  10, 20, 40, 60", "cat  0.30  0, 0, 5, 7"]
    only = one.only(one.classes == 0)
    assert only.labels == ["cat"] and only.names == NAMES and only.size == (100, 200)
    assert str(one.only([])) == "nothing found"


def test_nothing_is_a_record_too():
    one = Found([], [], [], NAMES, (3, 4))
    assert one.boxes.shape == (0, 4) and one.classes.dtype == np.int64 and not len(one)
    assert one.rows() == one.to_coco(1) == json.loads(one.to_json())["objects"] == []


def test_coco_finds_its_own_truths_again(tmp_path):
    """Written as truths and as results, the same boxes have average precision 1."""
    record = Record(np.zeros((100, 200, 3), np.uint8), BOXES, [2, 0], NAMES, id=1)
    write_coco(DetectionData([record], NAMES), tmp_path)
    (truths,) = tmp_path.glob("*.json")
    key = json.loads(truths.read_text())["images"][0]["id"]
    results = found().to_coco(key)
    assert evaluate_coco(truths, results).ap() == pytest.approx(1)
    assert [one["category_id"] for one in results] == [3, 1]
    assert results[1]["bbox"] == [0, 0, 5, 7] and results[0]["bbox"][2] == pytest.approx(29.85)
    assert [one["category_id"] for one in found().to_coco(1, [7, 8, 90])] == [90, 7]
    with pytest.raises(ValueError, match="2 category_ids; one for each of 3 classes"):
        found().to_coco(1, [1, 2])


def test_pandas_is_optional(monkeypatch):
    frame = types.SimpleNamespace(DataFrame=lambda rows, columns: (rows, columns))
    monkeypatch.setitem(sys.modules, "pandas", frame)
    assert found().to_pandas() == (found().rows(), list(COLUMNS))
    real = builtins.__import__

    def without(name, *arguments, **options):
        if name == "pandas":
            raise ImportError
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install pandas; rows\(\)"):
        found().to_pandas()


def test_a_real_table():
    pandas = pytest.importorskip("pandas")
    table = found().to_pandas()
    assert list(table.columns) == list(COLUMNS) and table["name"].tolist() == ["owl", "cat"]
    text = io.StringIO(table.to_csv(index=False))
    assert float(next(csv.DictReader(text))["x2"]) == pandas.Series(table["x2"])[0] == 40.1


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"boxes": BOXES[:, :3]}, ValueError, r"boxes have shape \(2, 3\)"),
        ({"scores": [0.9]}, ValueError, r"scores \(1,\)"),
        ({"classes": [0.0, 1.0]}, TypeError, "classes are float64"),
        ({"classes": [0, 3]}, ValueError, "classes are 0 to 3; there are 3 names"),
        ({"names": "abc"}, TypeError, "names is 'abc'"),
    ],
)
def test_what_does_not_fit_is_refused(changes, error, message):
    with pytest.raises(error, match=message):
        found(**changes)
