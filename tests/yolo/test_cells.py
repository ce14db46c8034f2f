"""`yolo.cells`: by hand, and against the decoding of all boxes."""

import numpy as np
import pytest

from yolo.cells import class_map, objectness, responsible_cells
from yolo.decoding import decode_v2_head, decode_v3_head

HEAD = np.random.default_rng(0).normal(size=(1, 4, 6, 3 * 9)).astype(np.float32)


def test_the_cell_of_the_centre():
    boxes = [(0, 0, 10, 10), (31, 0, 33, 10), (0, 60, 10, 64), (100, 70, 300, 90)]
    assert responsible_cells(boxes, (96, 256), 32).tolist() == [[0, 0], [0, 1], [1, 0], [2, 6]]
    assert responsible_cells([], 64, 32).shape == (0, 2)
    with pytest.raises(ValueError, match=r"centre at 64, 5, outside of 64 x 64"):
        responsible_cells([(60, 0, 68, 10)], 64, 32)
    with pytest.raises(ValueError, match="multiples of the stride, 32"):
        responsible_cells([], 65, 32)


def test_a_decoded_box_belongs_to_its_cell():
    """The centre of YOLO's box never leaves its cell, whatever the logits."""
    boxes = decode_v3_head(HEAD, [(9, 9)] * 3, (64, 96)).boxes[0]
    cells = responsible_cells(boxes, (64, 96), 16)
    expected = [[row, column] for row in range(4) for column in range(6) for _ in range(3)]
    assert cells.tolist() == expected


@pytest.mark.parametrize(("logistic", "decode"), [(True, decode_v3_head), (False, decode_v2_head)])
def test_maps_are_those_of_the_decoding(logistic, decode):
    decoded = decode(HEAD, [(9, 9)] * 3, (64, 96))
    sure = decoded.objectness[0].reshape(4, 6, 3)
    np.testing.assert_allclose(objectness(HEAD, 3), sure, rtol=1e-6)
    found = class_map(HEAD[0], 3, logistic=logistic)
    kinds = decoded.classes[0].reshape(4, 6, 3, 4)
    for row in range(4):
        for column in range(6):
            every = kinds[row, column, sure[row, column].argmax()]
            assert found.classes[row, column] == every.argmax()
            assert found.probabilities[row, column] == pytest.approx(every.max(), rel=1e-5)
    np.testing.assert_allclose(found.objectness, sure.max(axis=-1), rtol=1e-6)


@pytest.mark.parametrize(
    ("head", "anchors"), [(HEAD, 2), (HEAD[0, 0], 3), (np.concatenate([HEAD, HEAD]), 3), (HEAD, 9)]
)
def test_shapes_that_do_not_fit(head, anchors):
    with pytest.raises(ValueError, match=r"\(rows, columns, \d \* \(5 \+ classes\)\) is wanted"):
        objectness(head, anchors)
