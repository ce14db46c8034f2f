import numpy as np
import pytest

from cnnviz.saliency.rendering import absolute, signed

VALUES = np.random.default_rng(0).normal(size=(3, 10, 12, 3))


def test_absolute_takes_the_largest_channel_or_their_sum():
    one = np.zeros((2, 2, 3))
    one[0, 0], one[0, 1], one[1, 0] = (3, -4, 1), (-1, -1, -2), (0, 0, 1)
    np.testing.assert_allclose(absolute(one, percentile=100), [[1, 2 / 4], [1 / 4, 0]])
    np.testing.assert_allclose(absolute(one, channels="sum", percentile=100), [[1, 4 / 8], [1 / 8, 0]])


def test_signed_adds_up_the_channels_and_has_one_scale_for_both_signs():
    one = np.zeros((2, 2, 3))
    one[0, 0], one[0, 1], one[1, 0] = (3, -4, 1.5), (-1, -1, -2), (0, 0, 1)
    np.testing.assert_allclose(signed(one, percentile=100), [[0.5 / 4, -1], [1 / 4, 0]])


def test_each_image_has_its_own_scale_and_what_lies_above_is_cut_off():
    for render in (absolute, signed):
        maps = render(VALUES * np.array([1, 1e-6, 1e6])[:, None, None, None], percentile=90)
        assert maps.dtype == np.float32 and maps.shape == (3, 10, 12)
        for index in range(3):
            np.testing.assert_allclose(maps[index], render(VALUES[index], percentile=90), rtol=1e-5)
            assert (np.abs(maps[index]) == 1).sum() == 12  # a tenth of 120
        assert np.abs(maps).max() == 1
    assert absolute(VALUES).min() >= 0 and signed(VALUES).min() == -1


def test_zero_stays_zero():
    for render in (absolute, signed):
        assert not render(np.zeros((2, 4, 4, 3))).any()
        lonely = np.zeros((100, 100))
        lonely[3, 4] = 1e-12  # the 99th percentile is zero
        found = render(lonely)
        assert found[3, 4] == 1 and found.sum() == 1


def test_maps_without_channels():
    maps = VALUES[..., 0]
    np.testing.assert_allclose(signed(maps), signed(maps[..., None]))
    np.testing.assert_allclose(signed(maps[0]), signed(maps)[0])
    assert signed(maps[0]).shape == (10, 12)
    assert absolute(VALUES[0]).shape == (10, 12)


@pytest.mark.parametrize(
    ("values", "options", "words"),
    [
        (VALUES, {"channels": "mean"}, "'max' or 'sum'"),
        (VALUES, {"percentile": 0}, "percentile is 0"),
        (VALUES, {"percentile": 101}, "percentile is 101"),
        (np.full((4, 4), np.nan), {}, "NaN"),
        (np.zeros(4), {}, "shape"),
        (np.zeros((0, 4, 4, 3)), {}, "shape"),
    ],
)
def test_refusals(values, options, words):
    with pytest.raises(ValueError, match=words):
        absolute(values, **options)
