"""`yolo.plots`: what is drawn is where it should be; how it looks was looked at."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.patches import Rectangle

from yolo.cells import ClassMap, class_map
from yolo.drawing import class_colours
from yolo.plots.cells import draw_anchors_in_cell, draw_class_map, draw_responsible_cells
from yolo.plots.objectness import draw_objectness
from yolo.plots.training import draw_history

IMAGE = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
NAMES = ("cat", "dog", "owl")


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def rectangles(ax):
    return [
        tuple(float(n) for n in (*p.get_xy(), p.get_width(), p.get_height()))
        for p in ax.patches
        if isinstance(p, Rectangle)
    ]


def test_the_cell_of_each_box():
    ax = draw_responsible_cells(IMAGE, [(10, 20, 30, 30), (64, 0, 96, 63)], 32, classes=[1, 0], names=NAMES)
    assert rectangles(ax) == [(0, 0, 32, 32), (10, 20, 20, 10), (64, 0, 32, 32), (64, 0, 32, 63)]
    assert [text.get_text() for text in ax.texts] == ["dog", "cat"] and "2 × 3 cells" in ax.get_title()
    assert not draw_responsible_cells(IMAGE, [], 32).patches
    with pytest.raises(ValueError, match="one class per box"):
        draw_responsible_cells(IMAGE, [(0, 0, 9, 9)], 32, classes=[])


def test_anchors_stand_in_the_middle_of_their_cell():
    _, ax = plt.subplots()
    assert draw_anchors_in_cell(IMAGE, [(10, 20), (40, 30)], 32, cell=(1, 0), ax=ax) is ax
    assert rectangles(ax) == [(0, 32, 32, 32), (11, 38, 10, 20), (-4, 33, 40, 30)]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["10 × 20", "40 × 30"]
    with pytest.raises(ValueError, match="cell is row 2, column 0; there are 2 rows and 3 columns"):
        draw_anchors_in_cell(IMAGE, [(1, 2)], 32, cell=(2, 0))
    with pytest.raises(ValueError, match=r"anchors have shape \(2,\)"):
        draw_anchors_in_cell(IMAGE, (1, 2), 32)


def test_the_class_map_has_the_colours_of_the_classes():
    head = np.random.default_rng(1).normal(size=(2, 3, 2 * 8)).astype(np.float32)
    found = class_map(head, 2)
    for by_objectness in (False, True):
        ax = draw_class_map(IMAGE, found, NAMES, alpha=0.5, by_objectness=by_objectness)
        layer = ax.images[1].get_array()
        np.testing.assert_allclose(layer[..., :3], class_colours(3)[found.classes] / 255)
        np.testing.assert_allclose(layer[..., 3], 0.5 * (found.objectness if by_objectness else 1), rtol=1e-6)
        said = dict(text.get_text().split(": ") for text in ax.get_legend().get_texts())
        assert said == {NAMES[k]: str(n) for k, n in enumerate(np.bincount(found.classes.ravel(), minlength=3)) if n}
    many = ClassMap(np.arange(6).reshape(2, 3) * 5, np.ones((2, 3)), np.ones((2, 3)))
    with pytest.raises(ValueError, match="classes hold 25; there are 3 names"):
        draw_class_map(IMAGE, many, NAMES)
    with pytest.raises(ValueError, match="2 x 3 square cells do not fit"):
        draw_class_map(IMAGE[:, :64], found, NAMES)
    with pytest.raises(ValueError, match="alpha is 2"):
        draw_class_map(IMAGE, found, NAMES, alpha=2)


@pytest.mark.parametrize(("every", "panels"), [(False, 3), (True, 6)])
def test_objectness_of_each_head(every, panels):
    heads = [np.zeros((1, 2, 3, 12), np.float32), np.zeros((4, 6, 12), np.float32)]
    heads[0][..., 4], heads[1][..., 10] = np.log(3), 9
    anchors = [[(9, 8), (7, 6)], [(5, 4), (3, 2)]]
    figure = draw_objectness(IMAGE, heads, anchors, every_anchor=every)
    shown = [ax for ax in figure.axes if ax.images]
    maps = [ax.images[1].get_array() for ax in shown if len(ax.images) == 2]
    assert len(maps) == (4 if every else 2) and sum(ax.get_label() != "<colorbar>" for ax in figure.axes) == panels
    np.testing.assert_allclose(maps[0], 0.75)
    np.testing.assert_allclose(maps[-1], 1 / (1 + np.exp(-9)))
    if every:
        np.testing.assert_allclose(maps[1], 0.5)
        assert "anchor 7 × 6" in shown[2].get_title()
    with pytest.raises(ValueError, match="2 heads and 1 lists of anchors"):
        draw_objectness(IMAGE, heads, anchors[:1])
    with pytest.raises(ValueError, match="cells do not fit it"):
        draw_objectness(IMAGE[:, :80], heads, anchors)


def test_a_training_measured_every_second_epoch():
    rows = [{"epoch": n, "phase": "heads" if n < 3 else "everything", "loss": 30 / n} for n in range(1, 7)]
    rows = [row | ({"val_ap50": row["epoch"] / 10} if not row["epoch"] % 2 else {}) for row in rows]
    ax = draw_history(rows)
    measured, mark = ax.lines
    np.testing.assert_allclose(measured.get_xydata(), [(2, 0.2), (4, 0.4), (6, 0.6)])
    assert mark.get_xdata()[0] == 2.5 and [text.get_text() for text in ax.texts] == ["heads", "everything"]
    assert ax.get_ylabel() == "AP50" and ax.get_ylim() == (0, 1)
    loss = draw_history(rows, "loss")
    np.testing.assert_allclose(loss.lines[0].get_ydata(), [30 / n for n in range(1, 7)])
    assert loss.get_ylim()[1] > 30
    with pytest.raises(ValueError, match="score is 'map'; the history has epoch"):
        draw_history(rows, "map")
