import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnviz.dream.tiles import GRAIN, cut


@settings(deadline=None, max_examples=150)
@given(
    height=st.integers(1, 900),
    width=st.integers(1, 300),
    tile=st.integers(4 * GRAIN, 300),
    margin=st.integers(0, GRAIN),
    jitter=st.integers(0, 70),
    place=st.tuples(*[st.floats(0, 1, exclude_max=True)] * 2),
    fixed=st.sampled_from([(None, None), (16, 16), (224, 224), (150, 61)]),
)
def test_every_pixel_is_kept_once_and_where_it_was(height, width, tile, margin, jitter, place, fixed):
    picture = np.arange(height * width).reshape(height, width)
    counts, copy = np.zeros((2, height, width), int)
    tiles = cut((height, width), tile, margin=margin, jitter=jitter, place=place, fixed=fixed)
    for one in tiles:
        counts[one.written] += 1
        copy[one.written] = picture[one.read][one.kept]
    assert (counts == 1).all()
    np.testing.assert_array_equal(copy, picture)
    # One shape for all of them, so that nothing is compiled or prepared twice.
    (shape,) = {picture[one.read].shape for one in tiles}
    for side, wanted, length in zip(shape, fixed, (height, width), strict=True):
        assert side == wanted if wanted else side <= max(tile, length + jitter)


def test_cut_sides_have_a_margin_and_tiles_a_common_grain():
    tiles = cut((700, 900), 256, margin=32, place=(0.3, 0.8))
    starts = [one.kept[0].start for one in tiles], [one.kept[1].start for one in tiles]
    assert min(starts[0]) >= 32
    assert min(starts[1]) >= 32
    firsts = sorted({int(one.written[0].start) for one in tiles})
    steps = np.diff(firsts[1:])  # the first tile may begin before the picture
    assert len(set(steps)) == 1
    assert steps[0] % GRAIN == 0


def test_seams_move_with_the_place():
    places = np.linspace(0, 0.999, 50)
    seams = {cut((600, 1), 256, place=(place, 0))[1].written[0].start for place in places}
    assert max(seams) - min(seams) >= 2 * GRAIN - 4
    assert {cut((100, 1), 256, jitter=4, place=(place, 0))[0].kept[0].start for place in places} == {0, 1, 2, 3, 4}


def test_beyond_the_edges_lies_a_mirror():
    (one,) = cut((3, 1), 128, jitter=4, place=(0.4, 0))
    assert one.read[0].ravel().tolist() == [1, 0, 0, 1, 2, 2, 1]
    (one,) = cut((2, 1), 128, fixed=(7, 1), place=(0, 0))
    assert one.read[0].ravel().tolist() == [0, 1, 1, 0, 0, 1, 1]


@pytest.mark.parametrize("length", [512, 513, 600, 900, 3000, 4000])
def test_little_is_computed_in_vain(length):
    cost = np.mean([sum(len(one.read[0]) for one in cut((length, 1), 512, place=(p, 0))) for p in (0, 0.5, 0.99)])
    assert cost / length < 1.5
