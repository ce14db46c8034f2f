"""`explain_loss` says what the losses do: the same numbers, the same owners; and it can be drawn."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

import yolo
from data.scenes import OBJECT_CLASSES, scene
from yolo.boxes import iou
from yolo.decoding import decode_v3_head
from yolo.explanation import Explanation
from yolo.losses import loss_v1, loss_v2, loss_v3
from yolo.plots.explanation import draw_explanation

ANCHORS = [(20, 20), (40, 60), (90, 120)]
MASKS = [(1, 2), (0,)]
PICTURE = np.full((96, 160, 3), 200, np.uint8)
BOXES = [[10, 20, 90, 90], [12, 22, 91, 92], [100, 10, 118, 31], [5, 5, 5, 9], [150, 80, 190, 120]]
CLASSES = [0, 1, 2, 0, 1]
NAMES = ("car", "bus", "sign")


def some_heads(seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(0, 1, shape).astype(np.float32) for shape in ((1, 3, 5, 16), (1, 6, 10, 8))]


def explained(heads=None, **options):
    given = {"anchors": ANCHORS, "masks": MASKS, "names": NAMES, **options}
    return yolo.explain_loss(heads or some_heads(), PICTURE, BOXES, CLASSES, **given)


def numbers(terms):
    return {name: float(value[0]) for name, value in terms.named().items()}


def test_it_adds_up():
    """Terms as the loss has them; those of the truths and of the predictions add up to them; shares to 1."""
    heads, truths = some_heads(), (np.array([BOXES], float), np.array([CLASSES]))
    cells = np.random.default_rng(1).normal(0.2, 0.3, (1, 9 * 13)).astype(np.float32)
    versions = {
        "v3": (explained(box_term="giou"), loss_v3(heads, *truths, ANCHORS, MASKS, (96, 160), box_term="giou")),
        "v2": (
            explained(heads[1:], version="v2", anchors=[(1.5, 2)], masks=None, seen=3),
            loss_v2(heads[1], *truths, [(1.5, 2)], (96, 160), seen=3),
        ),
        "v1": (
            explained([cells], version="v1", anchors=None, masks=None, side=3),
            loss_v1(cells, *truths, (96, 160), 3, 3),
        ),
    }
    for version, (explanation, terms) in versions.items():
        assert explanation.version == version
        assert explanation.terms == pytest.approx(numbers(terms), rel=1e-5)
        of_truths = np.sum([lesson.losses for lesson in explanation.lessons], axis=0)
        expected = [explanation.terms[name] for name in ("box", "objectness", "classes")]
        assert of_truths == pytest.approx(expected, rel=1e-5)
        elsewhere = sum(head.no_objectness.sum() for head in explanation.heads)
        assert elsewhere == pytest.approx(explanation.terms["no_objectness"], rel=1e-5)
        assert sum(explanation.shares.values()) == pytest.approx(1)
        assert explanation.total == pytest.approx(sum(explanation.terms.values()))


def test_where_each_truth_went():
    explanation = explained()
    first, second, third, flat, outside = explanation.lessons
    assert (first.head, first.row, first.column, first.anchor) == (0, 1, 1, 2)
    assert first.anchor_sides == (90, 120) and first.losses == (0, 0, 0)
    assert first.note == "not learned: truth 1 has cell and anchor; its class stays"
    assert (second.row, second.column, second.note) == (1, 1, "") and min(second.losses) > 0
    assert (third.head, third.row, third.column, third.anchor) == (1, 1, 6, 0)
    assert flat.head is None and flat.note == "not learned: it has no area"
    assert outside.head is None and outside.note == "not learned: its centre is outside the picture"
    decoded = decode_v3_head(some_heads()[1], [ANCHORS[0]], (96, 160))
    assert third.predicted == pytest.approx(decoded.boxes[0, 16].tolist())
    assert third.iou == pytest.approx(float(iou(decoded.boxes[0, 16], BOXES[2])), rel=1e-5)
    assert third.objectness == pytest.approx(float(decoded.objectness[0, 16]))
    nobody = yolo.explain_loss(some_heads()[:1], PICTURE, BOXES[2:3], [0], anchors=ANCHORS, masks=MASKS[:1])
    assert nobody.lessons[0].note == "not learned: no head has the anchor of its shape"
    cells = np.zeros((1, 9 * 13), np.float32)
    lessons = explained([cells], version="v1", anchors=None, masks=None, side=3).lessons
    assert lessons[0].note == "" and lessons[1].note == "not learned: truth 0 has the cell"


def test_ignored_and_false_alarms():
    heads = [np.zeros((1, 3, 5, 16), np.float32), np.full((1, 6, 10, 8), -3, np.float32)]
    heads[0][..., 4::8] = -5
    heads[0][0, 2, 4, 4] = 4  # says "something" with anchor 1 in the last cell
    heads[0][0, 1, 2, 8 + 4] = 3
    # with anchor 2 its box lies on the left edge of the cell, and is as high as the objects there
    heads[0][0, 1, 2, 8] = -9
    heads[0][0, 1, 2, 8 + 3] = np.log(70 / 120)
    explanation = explained(heads)
    one = explanation.false_alarms(1)[0]
    assert (one.head, one.row, one.column, one.anchor) == (0, 2, 4, 1)
    assert one.objectness == pytest.approx(1 / (1 + np.exp(-4))) and one.loss == pytest.approx(np.log1p(np.exp(4)))
    boxes = decode_v3_head(heads[0], [ANCHORS[1], ANCHORS[2]], (96, 160)).boxes.reshape(3, 5, 2, 4)
    near = iou(boxes[..., None, :], np.array(BOXES[:3])).max(axis=-1)
    near[1, 1, 1] = 0  # has a truth
    expected = [tuple(place.tolist()) for place in np.argwhere(near > 0.5)]
    found = [(one.row, one.column, one.anchor - 1) for one in explanation.ignored]
    assert sorted(found) == sorted(expected) and (1, 2, 1) in found
    expected = sorted(near[near > 0.5], reverse=True)
    assert [one.best_iou for one in explanation.ignored] == pytest.approx(expected, rel=1e-5)
    assert not any(one.loss for one in explanation.ignored)


def test_the_table():
    text = str(explained())
    lines = text.splitlines()
    assert lines[0].startswith("YOLOv3, picture 96 x 160, grids 3 x 5, 6 x 10: loss ")
    assert sum("%" in line for line in lines) == 4
    table = next(i for i, line in enumerate(lines) if line.startswith("truth"))
    assert lines[table + 3].split()[:7] == ["2", "sign", "6", "x", "10", "1", "6"]
    assert "not learned: truth 1 has cell and anchor; its class stays" in lines[table + 1]
    assert all(len(line) <= 140 for line in lines)


def test_a_model_and_a_photograph():
    """The picture goes into the network's letterbox, as float32 0..1, and its boxes with it."""
    seen = []

    class Model:
        input_shape = (None, 64, 64, 3)

        def __call__(self, pictures, training):
            seen.append((pictures, training))
            return [np.zeros((1, 2, 2, 16), np.float32), np.zeros((1, 4, 4, 8), np.float32)]

    picture = np.full((50, 100, 3), 255, np.uint8)
    explanation = yolo.explain_loss(Model(), picture, [[0, 0, 100, 50]], [0], anchors=ANCHORS, masks=MASKS)
    (pictures, training), lesson = seen[0], explanation.lessons[0]
    assert pictures.dtype == np.float32 and pictures.shape == (1, 64, 64, 3) and training is False
    assert pictures[0, 32, 32].tolist() == [1, 1, 1] and pictures[0, 0, 0, 0] == pytest.approx(128 / 255)
    assert lesson.box == (0, 16, 64, 48) and lesson.name == "class 0"
    assert explanation.picture.shape == (64, 64, 3)


def test_no_objects_at_all():
    explanation = yolo.explain_loss(some_heads(), PICTURE, [], [], anchors=ANCHORS, masks=MASKS)
    assert explanation.lessons == () and explanation.ignored == ()
    assert list(explanation.shares.values()) == pytest.approx([0, 0, 1, 0])
    plt.close(draw_explanation(explanation))
    assert "truth" in str(explanation)


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_the_figure(version):
    """A panel for each head, with a cell, an anchor, a prediction and a box of each truth that is learned there."""
    street = scene(3, size=96)
    size = {"size": 96, "names": OBJECT_CLASSES}
    rng = np.random.default_rng(0)
    if version == "v3":
        heads = [rng.normal(0, 1, (1, 3, 3, 16)), rng.normal(0, 1, (1, 6, 6, 8))]
        more = {"anchors": ANCHORS, "masks": MASKS}
    elif version == "v2":
        heads, more = [rng.normal(0, 1, (1, 3, 3, 16))], {"anchors": [(1, 1), (1, 3)]}
    else:
        heads, more = [rng.normal(0.3, 0.3, (1, 9 * 13))], {"side": 3}
    explanation = yolo.explain_loss(
        heads, street.image, street.boxes, street.box_classes, version=version, **size, **more
    )
    assert isinstance(explanation, Explanation)
    figure = draw_explanation(explanation, width=8)
    panels = [ax for ax in figure.axes if ax.images]
    assert len(panels) == len(explanation.heads) and len(figure.axes) == len(panels) + 2
    assert figure.get_size_inches()[0] == 8
    for number, (ax, head) in enumerate(zip(panels, explanation.heads)):
        learned = [one for one in explanation.lessons if one.head == number]
        # a filled cell, and boxes with a dark rim: the prediction, the truth and, but for v1, the anchor
        assert len(ax.patches) == len(learned) * (5 if version == "v1" else 7)
        rows, columns = head.grid
        place = [(patch.get_x(), patch.get_y()) for patch in ax.patches if patch.get_fill()]
        assert place == [(one.column * 96 / columns, one.row * 96 / rows) for one in learned]
        assert len(ax.texts) == len(learned)
        assert f"learns {len(learned)}" in ax.get_title()
    terms, truths = (ax for ax in figure.axes if not ax.images)
    assert [bar.get_width() for bar in terms.patches] == pytest.approx(list(explanation.terms.values()))
    widths = np.reshape([bar.get_width() for bar in truths.patches], (3, -1)).T
    assert widths == pytest.approx(np.array([one.losses for one in explanation.lessons]))
    plt.close(figure)


def test_what_is_refused():
    heads = some_heads()
    with pytest.raises(TypeError, match=r"image is float64 \(4, 4, 3\); uint8 RGB"):
        yolo.explain_loss(heads, np.zeros((4, 4, 3)), [], [])
    with pytest.raises(ValueError, match="there are 1 boxes, and classes of shape"):
        yolo.explain_loss(heads, PICTURE, [[0, 0, 1, 1]], [])
    with pytest.raises(ValueError, match="classes hold -1"):
        yolo.explain_loss(heads, PICTURE, [[0, 0, 1, 1]], [-1])
    with pytest.raises(ValueError, match="there are 1 heads; give their anchors and masks"):
        yolo.explain_loss(heads[:1], PICTURE, [], [])
    with pytest.raises(ValueError, match="anchors and masks are wanted, both or none"):
        yolo.explain_loss(heads, PICTURE, [], [], anchors=ANCHORS)
    with pytest.raises(ValueError, match="anchors are wanted for v2"):
        yolo.explain_loss(heads[:1], PICTURE, [], [], version="v2")
    with pytest.raises(ValueError, match="there are 2 heads; YOLOv2 has one"):
        yolo.explain_loss(heads, PICTURE, [], [], version="v2", anchors=ANCHORS)
    with pytest.raises(ValueError, match="names or class_count are wanted"):
        yolo.explain_loss([np.zeros((1, 9 * 13))], PICTURE, [], [], version="v1", side=3)
    with pytest.raises(ValueError, match="one picture is wanted"):
        yolo.explain_loss([np.zeros((2, 3, 5, 16))], PICTURE, [], [])
    with pytest.raises(ValueError, match="version is 'v5'"):
        yolo.explain_loss(heads, PICTURE, [], [], version="v5")
    with pytest.raises(AttributeError, match="module 'yolo' has no attribute 'explain'"):
        yolo.explain  # noqa: B018
