"""`yolo.evaluation` against pycocotools, a plain loop of VOC's rules, and numbers made by others."""

import copy
import json

import numpy as np
import pytest

from yolo.evaluation import (
    Detection,
    Truth,
    coco_summary,
    confusion,
    evaluate,
    evaluate_coco,
    false_positives,
    read_coco,
)
from yolo.evaluation.precision import CONVENTIONS, average_precision

# Seven images with 15 truths and 24 detections as (x, y, width, height), of the README of the repository
# rafaelpadilla/Object-Detection-Metrics.
TRUTHS = {
    1: [(25, 16, 38, 56), (129, 123, 41, 62)],
    2: [(123, 11, 43, 55), (38, 132, 59, 45)],
    3: [(16, 14, 35, 48), (123, 30, 49, 44), (99, 139, 47, 47)],
    4: [(53, 42, 40, 52), (154, 43, 31, 34)],
    5: [(59, 31, 44, 51), (48, 128, 34, 52)],
    6: [(36, 89, 52, 76), (62, 58, 44, 67)],
    7: [(28, 31, 55, 63), (58, 67, 50, 58)],
}
FOUND = {
    1: [(0.88, 5, 67, 31, 48), (0.70, 119, 111, 40, 67), (0.80, 124, 9, 49, 67)],
    2: [(0.71, 64, 111, 64, 58), (0.54, 26, 140, 60, 47), (0.74, 19, 18, 43, 35)],
    3: [
        (0.18, 109, 15, 77, 39),
        (0.67, 86, 63, 46, 45),
        (0.38, 160, 62, 36, 53),
        (0.91, 105, 131, 47, 47),
        (0.44, 18, 148, 40, 44),
    ],
    4: [(0.35, 83, 28, 28, 26), (0.78, 28, 68, 42, 67), (0.45, 87, 89, 25, 39), (0.14, 10, 155, 60, 26)],
    5: [(0.62, 50, 38, 28, 46), (0.44, 95, 11, 53, 28), (0.95, 29, 131, 72, 29), (0.23, 29, 163, 72, 29)],
    6: [(0.45, 43, 48, 74, 38), (0.84, 17, 155, 29, 35), (0.43, 95, 110, 25, 42)],
    7: [(0.48, 16, 20, 101, 88), (0.95, 33, 116, 37, 49)],
}


def corners(rows, add=0):
    boxes = np.array(rows, float).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2] + add
    return boxes


def vector(add=0):
    truths = [Truth(corners(rows, add), np.zeros(len(rows), int)) for rows in TRUTHS.values()]
    found = [
        Detection(corners([r[1:] for r in rows], add), [r[0] for r in rows], np.zeros(len(rows), int))
        for rows in FOUND.values()
    ]
    return truths, found


@pytest.mark.parametrize("matching", ["coco", "voc"])
@pytest.mark.parametrize("ties", ["fixed", "order"])
def test_numbers_made_by_others(matching, ties):
    result = evaluate(*vector(), iou_thresholds=0.3, matching=matching, ties=ties)
    assert result.ap("eleven_point") == pytest.approx(0.268398, abs=1e-6)
    assert result.ap("coco") == pytest.approx(0.23008, abs=1e-6)
    # The published .2456 counts pixels, 0..10 being 11 wide: so does who adds 1 to the far corners. One detection then
    # has an IoU of .3034 and not of .2953.
    inclusive = evaluate(*vector(add=1), iou_thresholds=0.3, matching=matching, ties=ties)
    assert inclusive.ap("every_point") == pytest.approx(0.245687, abs=1e-6)
    assert inclusive.ap("eleven_point") == pytest.approx(0.268398, abs=1e-6)
    assert result.ap("every_point") == pytest.approx(0.245687 - 7 / 23 / 15, abs=1e-6)


def test_average_precision_by_hand():
    # Two of four truths, found by the first and the third detection.
    eleven, every, coco = average_precision(np.array([1, 2 / 3]), 4)
    assert eleven == pytest.approx((3 * 1 + 3 * 2 / 3) / 11)  # recalls 0, .1, .2 and .3, .4, .5
    assert every == pytest.approx((1 + 2 / 3) / 4)
    assert coco == pytest.approx((26 * 1 + 25 * 2 / 3) / 101)
    assert average_precision(np.zeros(0), 3) == (0, 0, 0)
    assert np.isnan(average_precision(np.zeros(0), 0)).all()


def random_coco(seed, *, images=8, classes=3, detections=15, decimals=15, whole=False):
    """Content of COCO's two files: crowds, outlines smaller than boxes, near and far detections."""
    random = np.random.default_rng(seed)
    annotations, results = [], []
    for image in range(images):
        count = random.integers(0, 8)
        boxes = np.concatenate([random.uniform(0, 400, (count, 2)), np.exp(random.uniform(1.5, 5.5, (count, 2)))], 1)
        boxes = boxes.round(0 if whole else 2)
        kinds = random.integers(0, classes, count)
        for box, kind in zip(boxes, kinds.tolist()):
            area = float(box[2] * box[3] * random.uniform(0.5, 1))
            one = {"id": len(annotations) + 1, "image_id": image * 3 + 5, "category_id": kind * 2 + 1}
            annotations.append(one | {"bbox": box.tolist(), "area": area, "iscrowd": int(random.random() < 0.1)})
        for _ in range(detections):
            box = np.concatenate([random.uniform(0, 400, 2), np.exp(random.uniform(1.5, 5.5, 2))])
            kind = int(random.integers(classes))
            if count and random.random() < 0.7:
                near = random.integers(count)
                box = boxes[near] + random.normal(0, 0.12, 4) * np.tile(boxes[near, 2:], 2) * (random.random() > 0.1)
                box[2:] = np.maximum(box[2:], 1)
                kind = int(kinds[near]) if random.random() < 0.85 else kind
            score = round(random.random(), decimals)
            one = {"image_id": image * 3 + 5, "category_id": kind * 2 + 1}
            results.append(one | {"bbox": box.round(0 if whole else 4).tolist(), "score": score})
    content = {
        "info": {},
        "images": [{"id": image * 3 + 5} for image in range(images)],
        "categories": [{"id": 2 * kind + 1, "name": f"c{kind}"} for kind in range(classes)],
        "annotations": annotations,
    }
    return content, results


@pytest.mark.parametrize("seed", range(12))
def test_equal_to_pycocotools(seed, capsys):
    coco = pytest.importorskip("pycocotools.coco", reason="pycocotools is not installed")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    # Every other set has many equal scores; every third, boxes of whole pixels; one, more than 100 of a class.
    content, results = random_coco(
        seed, decimals=1 if seed % 2 else 15, whole=seed % 3 == 0, detections=330 if seed == 4 else 15
    )
    truths = coco.COCO()
    truths.dataset = copy.deepcopy(content)
    truths.createIndex()
    theirs = cocoeval.COCOeval(truths, truths.loadRes(copy.deepcopy(results)), "bbox")
    theirs.evaluate()
    theirs.accumulate()
    theirs.summarize()
    for ties in ("order",) if seed % 2 else ("order", "fixed"):
        ours = evaluate_coco(content, results, ties=ties)
        stats = np.nan_to_num(list(coco_summary(ours).values()), nan=-1)
        np.testing.assert_allclose(stats, theirs.stats, atol=1e-12)
        curves = theirs.eval["precision"][..., -1]  # thresholds, recalls, classes, areas; -1 without truths
        expected = np.where(curves < 0, np.nan, curves).mean(axis=1).transpose(2, 0, 1)
        np.testing.assert_allclose(ours.precision["coco"], expected, atol=1e-12)
        recall = theirs.eval["recall"].transpose(3, 2, 0, 1)
        np.testing.assert_allclose(np.nan_to_num(ours.recall, nan=-1), recall, atol=1e-12)


def plain_voc(truths, found, kind, threshold):
    """VOCdevkit's VOCevaldet.m, as loops."""
    rows = [
        (score, image, box)
        for image, one in enumerate(found)
        for box, score, c in zip(one.boxes, one.scores, one.classes)
        if c == kind
    ]
    rows.sort(key=lambda row: -row[0])
    total = sum(int((np.asarray(one.classes) == kind)[~one.difficult].sum()) for one in truths)
    if not total:
        return np.nan, np.nan
    taken, outcomes = set(), []
    for _, image, box in rows:
        best, which = 0, None
        for number, (other, c) in enumerate(zip(truths[image].boxes, truths[image].classes)):
            w, h = (min(box[i + 2], other[i + 2]) - max(box[i], other[i]) for i in (0, 1))
            if c == kind and w > 0 and h > 0:
                areas = sum((b[2] - b[0]) * (b[3] - b[1]) for b in (box, other))
                if w * h / (areas - w * h) > best:
                    best, which = w * h / (areas - w * h), number
        if best >= threshold and truths[image].difficult[which]:
            continue
        outcomes.append(best >= threshold and (image, which) not in taken)
        if outcomes[-1]:
            taken.add((image, which))
    hits = np.cumsum(outcomes)
    recall, precision = hits / total, hits / np.arange(1, len(hits) + 1)
    every = sum(precision[recall >= (n + 1) / total].max(initial=0) for n in range(total)) / total
    eleven = sum(precision[recall >= r].max(initial=0) for r in np.linspace(0, 1, 11)) / 11
    return every, eleven


@pytest.mark.parametrize("seed", range(6))
def test_equal_to_a_plain_loop_of_voc(seed):
    truths, found, names = read_coco(*random_coco(seed, images=6))
    random = np.random.default_rng(seed)
    truths = [Truth(one.boxes, one.classes, random.random(len(one.boxes)) < 0.25) for one in truths]
    result = evaluate(
        truths,
        found,
        names=names,
        iou_thresholds=[0.3, 0.5],
        matching="voc",
        areas={"all": (0, np.inf)},
        max_detections=None,
    )
    for threshold in (0.3, 0.5):
        expected = np.array([plain_voc(truths, found, kind, threshold) for kind in range(3)])
        np.testing.assert_allclose(result.by_name("every_point", threshold), expected[:, 0], atol=1e-12)
        np.testing.assert_allclose(result.by_name("eleven_point", threshold), expected[:, 1], atol=1e-12)


BOX, AWAY = (0, 0, 10, 10), (50, 50, 60, 60)


def test_voc_and_coco_differ_where_two_truths_are_near():
    # The second detection likes the first truth best, which is taken; the second truth would do.
    truths = [Truth([(0, 0, 10, 10), (0, 3, 10, 13)], [0, 0])]
    found = [Detection([(0, 0, 10, 10), (0, 1, 10, 11)], [0.9, 0.8], [0, 0])]
    assert evaluate(truths, found, iou_thresholds=0.5, matching="coco").ap("every_point") == 1
    assert evaluate(truths, found, iou_thresholds=0.5, matching="voc").ap("every_point") == 0.5


def test_difficult_and_crowd():
    truths = [Truth([BOX, AWAY], [0, 0], difficult=[False, True])]
    twice = [Detection([AWAY, AWAY, BOX], [0.9, 0.8, 0.7], [0, 0, 0])]
    ap = {m: evaluate(truths, twice, iou_thresholds=0.5, matching=m).ap("every_point") for m in ("coco", "voc")}
    assert ap == {"coco": 0.5, "voc": 1}  # VOC ignores all that find a difficult one, COCO the first
    crowd = [Truth([BOX, (50, 50, 90, 90)], [0, 0], crowd=[False, True])]
    assert evaluate(crowd, twice, iou_thresholds=0.5).ap("every_point") == 1  # inside the crowd, any number of times
    assert evaluate(crowd, twice, iou_thresholds=0.5).truths[0].tolist() == [1]


def test_equal_scores():
    """The order of what is listed has no influence, nor with "together" that of the images."""
    content, results = random_coco(3, decimals=1, detections=30, whole=True)
    random = np.random.default_rng(0)
    plain = {ties: evaluate_coco(content, results, ties=ties) for ties in ("fixed", "together", "order")}
    moved = 0
    for _ in range(5):
        shuffled = [results[i] for i in random.permutation(len(results))]
        others = content | {
            "annotations": [content["annotations"][i] for i in random.permutation(len(content["annotations"]))]
        }
        for ties in ("fixed", "together"):
            again = evaluate_coco(others, shuffled, ties=ties)
            for convention in CONVENTIONS:
                np.testing.assert_array_equal(again.precision[convention], plain[ties].precision[convention])
            np.testing.assert_array_equal(again.recall, plain[ties].recall)
        moved += evaluate_coco(others, shuffled, ties="order").ap() != plain["order"].ap()
    assert moved  # which is what the other two are for
    truths, found, names = read_coco(content, results)
    order = random.permutation(len(truths))
    again = evaluate([truths[i] for i in order], [found[i] for i in order], names=names, ties="together")
    for convention in CONVENTIONS:
        np.testing.assert_allclose(again.precision[convention], plain["together"].precision[convention], atol=1e-12)


def test_equal_scores_together_have_the_precision_of_all():
    truths, found = [Truth([BOX], [0])], [Detection([BOX, AWAY], [0.5, 0.5], [0, 0])]
    result = evaluate(truths, found, ties="together")
    assert result.ap("every_point", 0.5) == 0.5 and evaluate(truths, found).ap("every_point", 0.5) == 1
    curve = result.curve(iou=0.5)
    assert curve.recall.tolist() == [1, 1] and curve.precision.tolist() == [0.5, 0.5]


def test_curve_has_the_area_of_average_precision():
    truths, found, names = read_coco(*random_coco(1, images=20))
    for ties in ("fixed", "together"):
        result = evaluate(truths, found, names=names, ties=ties)
        for area in ("all", "medium"):
            curve = result.curve("c1", iou=0.75, area=area)
            staircase = np.sum(np.diff(curve.recall, prepend=0) * curve.interpolated)
            assert staircase == pytest.approx(result.by_name("every_point", 0.75, area)[1], abs=1e-12)
    assert (np.diff(curve.scores) <= 0).all() and (np.diff(curve.recall) >= 0).all()
    assert curve.f1.max() <= 1 and "c1" in str(result)


def test_what_redmon_asks_for():
    # Class 0 perfect and class 1 with a confident mistake first: no mean over classes sees how sure it was.
    truths = [Truth([BOX, AWAY], [0, 1]), Truth([BOX], [0])]
    found = [Detection([BOX, AWAY, (80, 80, 90, 90)], [0.3, 0.2, 0.9], [0, 1, 1]), Detection([BOX], [0.8], [0])]
    by = {p: evaluate(truths, found, iou_thresholds=0.5, pooling=p) for p in ("class", "global", "image")}
    assert by["class"].by_name("every_point").tolist() == [1, 0.5]
    assert by["global"].ap("every_point") == pytest.approx((3 / 4) * 3 / 3)  # wrong, right, right, right
    assert by["image"].by_name("every_point") == pytest.approx([2 / 3, 1])
    assert by["global"].names == ("all classes",) and len(by["image"].names) == 2
    empty = evaluate([*truths, Truth([], [])], [*found, Detection([BOX], [0.9], [0])], pooling="image")
    assert np.isnan(empty.by_name()[2]) and empty.ap() == pytest.approx(by["image"].ap("coco", 0.5))


def test_confusion_matrix():
    truths = [Truth([BOX, AWAY, (100, 0, 120, 20)], [0, 1, 2]), Truth([BOX, AWAY], [0, 1], difficult=[True, False])]
    found = [
        Detection([BOX, (1, 0, 11, 10), AWAY, (200, 0, 210, 10)], [0.9, 0.95, 0.8, 0.1], [0, 1, 0, 2]),
        Detection([BOX, AWAY, (1, 0, 11, 10)], [0.9, 0.6, 0.5], [2, 1, 0]),
    ]
    result = confusion(truths, found, names=["a", "b", "c"])
    assert result.names == ("a", "b", "c", "background")
    assert result.counts.tolist() == [
        [1, 0, 0, 0],  # the better box has it; the other one found background
        [1, 1, 0, 0],
        [0, 0, 0, 1],
        [1, 1, 0, 0],
    ]
    np.testing.assert_allclose(result.recall, [1, 0.5, 0])
    np.testing.assert_allclose(result.precision, [1 / 3, 0.5, np.nan])
    assert confusion(truths, found, score=0).counts[3, 2] == 1


def test_every_detection_and_truth_is_in_the_confusion_matrix():
    content, results = random_coco(5)
    for one in content["annotations"]:
        one["iscrowd"] = 0
    truths, found, names = read_coco(content, results)
    counts = confusion(truths, found, names=names, score=0.4).counts
    assert counts[:-1].sum() == len(content["annotations"])
    assert counts[:, :-1].sum() == sum(one["score"] >= 0.4 for one in results)


def test_false_positives_one_of_each():
    truths = [Truth([BOX, AWAY, (100, 0, 120, 20)], [0, 1, 0])]
    found = [
        Detection(
            [BOX, BOX, (3, 0, 16, 10), (50, 50, 60, 60), (53, 50, 66, 60), (200, 0, 210, 10)],
            [0.9, 0.8, 0.7, 0.6, 0.5, 0.4],
            [0, 0, 0, 0, 0, 1],
        )
    ]
    tide = false_positives(truths, found)
    words = [tide.kinds[kind] for kind in tide.of_detections[0]]
    assert words == ["correct", "duplicate", "localisation", "class", "both", "background"]
    assert tide.counts.sum(axis=0).tolist() == [1] * 6
    # The truth of class 1 was nearly found (by class), that at 100 was not.
    assert tide.missed.tolist() == [1, 0]
    hoiem = false_positives(truths, found, definitions="hoiem", similar=[(0, 1)])
    # Of class 0 as many as it has truths, two: the duplicate is an error of place; of class 1 one.
    assert [hoiem.kinds[k] if k >= 0 else "" for k in hoiem.of_detections[0]][:2] == ["correct", "localisation"]
    assert hoiem.counts.sum() == 3 and hoiem.counts[1].tolist() == [0, 0, 0, 0, 1]
    other = Detection([AWAY], [0.9], [0])
    for groups, kind in (((), "other"), ([(0, 1)], "similar")):
        found_other = false_positives(truths, [other], definitions="hoiem", similar=groups)
        assert found_other.kinds[found_other.of_detections[0][0]] == kind


def test_what_errors_cost_by_hand():
    # One truth of two classes each; of class 0 a wrong background first. Without it class 0 goes from 1/2 to 1.
    truths = [Truth([BOX, AWAY], [0, 1])]
    found = [Detection([(200, 0, 210, 10), BOX, (53, 50, 66, 60)], [0.9, 0.8, 0.7], [0, 0, 1])]
    cost = false_positives(truths, found).cost
    assert cost["background"] == pytest.approx(0.25)  # mean of two classes
    assert cost["localisation"] == pytest.approx(0.5)  # class 1 from 0 to 1
    assert cost["class"] == cost["duplicate"] == cost["both"] == cost["missed"] == 0


@pytest.mark.parametrize("seed", range(4))
def test_putting_errors_right_never_costs(seed):
    truths, found, names = read_coco(*random_coco(seed))
    errors = false_positives(truths, found, names=names)
    assert min(errors.cost.values()) >= -1e-12
    right = evaluate(truths, found, names=names, iou_thresholds=0.5, max_detections=None)
    hits = [np.nansum(right.recall[0, 0, 0] * right.truths[0])]
    assert errors.counts[:, 0].sum() == pytest.approx(hits[0])
    assert sum(map(len, errors.of_detections)) == sum(len(one.scores) for one in found)
    assert errors.shares.sum() == pytest.approx(1)


def test_files(tmp_path):
    content, results = random_coco(0)
    for name, what in (("truths", content), ("found", results)):
        (tmp_path / f"{name}.json").write_text(json.dumps(what))
    from_files = evaluate_coco(tmp_path / "truths.json", tmp_path / "found.json")
    assert from_files.ap() == evaluate_coco(content, results).ap()
    (tmp_path / "broken.json").write_text('[{"a": 1},\n oops]')
    with pytest.raises(ValueError, match=r"broken.json' is no JSON: .* line 2"):
        evaluate_coco(content, tmp_path / "broken.json")
    with pytest.raises(FileNotFoundError, match="none.json"):
        evaluate_coco(tmp_path / "none.json", results)
    for change, words in (
        ({"image_id": 77}, r"results\[0\] is of image_id 77, which does not exist"),
        ({"bbox": [0, 0, -1, 2]}, r"results\[0\] has bbox"),
        ({"bbox": [0, 0, float("nan"), 2]}, r"results\[0\] has bbox"),
    ):
        with pytest.raises(ValueError, match=words):
            evaluate_coco(content, [results[0] | change])
    with pytest.raises(ValueError, match=r"results\[0\] lacks 'score'"):
        evaluate_coco(content, [{key: value for key, value in results[0].items() if key != "score"}])
    with pytest.raises(ValueError, match="other thresholds"):
        coco_summary(evaluate_coco(content, results, iou_thresholds=0.5))


def test_nothing_found_and_nothing_there():
    truths = [Truth([BOX], [0]), Truth(np.zeros((0, 4)), [])]
    nothing = [Detection([], [], [])] * 2
    result = evaluate(truths, nothing, names=["a", "b"])
    assert result.ap() == 0 and np.isnan(result.by_name()[1]) and result.average_recall(10) == 0
    assert np.isnan(evaluate([Truth([], [])], [Detection([BOX], [1], [0])]).ap())
    assert false_positives(truths, nothing).missed.tolist() == [1]
    with pytest.raises(ValueError, match="no truths of 'b'"):
        result.curve("b")


@pytest.mark.parametrize(
    ("truth", "found", "options", "error", "words"),
    [
        (Truth([BOX], [0]), None, {}, ValueError, "truths of 1 images and detections of 0"),
        (Truth([BOX[:3]], [0]), Detection([], [], []), {}, ValueError, r"truths\[0\].boxes has shape \(1, 3\)"),
        (Truth([(9, 0, 1, 5)], [0]), Detection([], [], []), {}, ValueError, r"truths\[0\].boxes\[0\] is \[9"),
        (Truth([BOX], [0.0]), Detection([], [], []), {}, TypeError, "float64; whole numbers"),
        (Truth([BOX], [3]), Detection([], [], []), {"names": "ab"}, TypeError, "names"),
        (Truth([BOX], [3]), Detection([], [], []), {"names": ["a"]}, ValueError, "a class is 3"),
        (Truth([BOX], [0]), Detection([BOX], [np.nan], [0]), {}, ValueError, "finite"),
        (Truth([BOX], [0]), Detection([BOX], [1], [0]), {"iou_thresholds": 0}, ValueError, "iou_thresholds is 0"),
        (Truth([BOX], [0]), Detection([BOX], [1], [0]), {"ties": "any"}, ValueError, "ties is 'any'"),
        (Truth([BOX], [0]), Detection([BOX], [1], [0]), {"max_detections": (9, 1)}, ValueError, "rising"),
        (BOX, Detection([BOX], [1], [0]), {}, TypeError, "attributes boxes and classes"),
    ],
)
def test_refused_in_words(truth, found, options, error, words):
    with pytest.raises(error, match=words):
        evaluate([truth], [] if found is None else [found], **options)
