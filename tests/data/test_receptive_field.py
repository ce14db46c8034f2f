import pytest

from data.receptive_field import ReceptiveField


@pytest.mark.parametrize(("row", "column"), [(0, 0), (2, 3)])
def test_the_box_begins_a_stride_further_with_every_cell(row, column):
    field = ReceptiveField(size=(5, 7), stride=(2, 4), start=(-1, -3))
    left, top, right, bottom = field.box(row, column)
    assert (left, top) == (-3 + 4 * column, -1 + 2 * row)
    assert (right - left, bottom - top) == (7, 5)


def test_without_a_stride_every_box_is_the_same():
    field = ReceptiveField(size=(8, 8), stride=(0, 0), start=(0, 0))
    assert field.box(0, 0) == field.box(3, 5) == (0, 0, 8, 8)
