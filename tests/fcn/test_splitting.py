"""`fcn.datasets.splitting`: blocks of neighbours, held out."""

import numpy as np
import pytest

from fcn.datasets import SegmentationData, hold_out
from fcn.datasets.splitting import held_indices


def film(frames):
    images = np.arange(frames, dtype=np.uint8)[:, None, None, None] * np.ones((2, 2, 3), np.uint8)
    return SegmentationData(images, np.zeros((frames, 2, 2), np.uint8), ("all", "none"))


def frames_of(data):
    return [int(data[i][0][0, 0, 0]) for i in range(len(data))]


def test_blocks_lie_in_the_middle_of_equal_parts():
    rest, held = hold_out(film(40), 0.2, blocks=2)
    assert frames_of(held) == [8, 9, 10, 11, 28, 29, 30, 31]
    assert frames_of(rest) == [*range(8), *range(12, 28), *range(32, 40)]
    assert frames_of(hold_out(film(10), 0.2)[1]) == [2, 7]


def test_every_share_and_number_of_blocks_is_a_split_of_that_size_in_that_many_blocks():
    for total in range(2, 45):
        for count in range(1, total):
            for blocks in range(1, 9):
                held = held_indices(total, count, blocks)
                assert len(set(held)) == count and held == sorted(held) and held[0] >= 0 and held[-1] < total
                runs = 1 + (np.diff(held) > 1).sum()
                # A frame between blocks is left wherever there are enough frames to leave.
                assert runs <= min(blocks, count) and (runs == min(blocks, count) or total - count < 2 * blocks)


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5, 0.01, 0.99, float("nan")])
def test_neither_part_may_be_empty(share):
    with pytest.raises(ValueError, match=r"share is .* of 10 pairs; neither part may be empty"):
        hold_out(film(10), share)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [(("a half",), TypeError), ((True,), TypeError), ((0.5, 0), ValueError), ((0.5, 1.5), TypeError)],
)
def test_bad_arguments(arguments, error):
    share, *blocks = arguments
    with pytest.raises(error):
        hold_out(film(10), share, **dict(zip(["blocks"], blocks)))
