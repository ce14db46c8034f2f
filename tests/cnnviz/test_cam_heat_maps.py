import warnings

import cv2
import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf

from cnnviz.cam.heat_maps import ZeroMapWarning, check_maps, scaled, upsample


def test_the_cell_beside_the_first_is_centred_on_pixel_47_5():
    cells = np.zeros((7, 7), np.float32)
    cells[0, 1] = 1
    pixels = upsample(cells, 224)
    # The heat of a cell is symmetric about its centre, (15.5, 47.5), and as wide as two cells.
    np.testing.assert_allclose(pixels[0, 48:80], pixels[0, 16:48][::-1], atol=1e-6)
    assert pixels[0, 47] == pixels[0, 48] == pixels[0].max()
    assert (pixels[0, :16] == 0).all()
    assert (pixels[0, 80:] == 0).all()
    weights = pixels[0] / pixels[0].sum()
    assert (weights * np.arange(224)).sum() == pytest.approx(47.5)
    # What tf-keras-vis does is off by half a cell, ten pixels and more.
    zoomed = scipy.ndimage.zoom(cells, 32, order=1)[0]
    assert abs((zoomed / zoomed.sum() * np.arange(224)).sum() - 47.5) > 8


@pytest.mark.parametrize("shape", [(7, 7), (1, 1), (2, 5), (1, 9), (40, 30)])
@pytest.mark.parametrize("size", [(224, 224), (31, 64), (5, 5), (20, 15)])
def test_upsample_is_what_tensorflow_and_opencv_do(shape, size):
    maps = np.random.default_rng(0).normal(size=(3, *shape)).astype(np.float32)
    found = upsample(maps, size)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, tf.image.resize(maps[..., None], size)[..., 0], atol=1e-4)
    np.testing.assert_allclose(upsample(maps[1], size), cv2.resize(maps[1], size[::-1]), atol=1e-5)


def test_upsample_refuses_what_it_cannot_do():
    with pytest.raises(ValueError, match=r"maps has shape \(1, 7, 7, 3\)"):
        upsample(np.zeros((1, 7, 7, 3)), 224)
    with pytest.raises(ValueError, match="at least one pixel"):
        upsample(np.zeros((7, 7)), (0, 5))
    with pytest.raises(ValueError, match=r"size is \(1, 2, 3\)"):
        upsample(np.zeros((7, 7)), (1, 2, 3))
    with pytest.raises(TypeError):
        upsample(np.zeros((7, 7)), 22.5)
    with pytest.raises(ValueError, match=r"layer 'fc' returns \(2, 10\)"):
        check_maps(np.zeros((2, 10)), "fc")


def test_scaled_divides_by_the_maximum_of_each_map():
    maps = np.array([[[4.0, -8.0], [2.0, 0.0]], [[-1.0, 0.5], [0.0, 0.0]]])
    np.testing.assert_array_equal(scaled(maps), [[[1, 0], [0.5, 0]], [[0, 1], [0, 0]]])
    np.testing.assert_array_equal(scaled(maps, relu=False), [[[1, -2], [0.5, 0]], [[-2, 1], [0, 0]]])
    np.testing.assert_array_equal(scaled(maps, normalise=False), np.maximum(maps, 0))
    np.testing.assert_array_equal(scaled(maps, relu=False, normalise=False), maps)
    assert scaled(maps).dtype == np.float32
    tiny = scaled(maps * 1e-44)
    np.testing.assert_allclose(tiny, scaled(maps))


def test_a_map_that_is_nowhere_positive_is_not_turned_round():
    np.testing.assert_array_equal(scaled(np.array([[[-1.0, -4.0]]]), relu=False), [[[-0.25, -1]]])


def test_zero_stays_zero_and_is_told_once():
    maps = np.zeros((4, 2, 2))
    maps[1, 0, 0], maps[2, 0, 0] = 5, -5
    with pytest.warns(ZeroMapWarning, match="of images 0, 2, 3 is zero everywhere.*relu=False shows") as caught:
        found = scaled(maps)
    assert len(caught) == 1
    assert np.isfinite(found).all()
    assert (found[[0, 2, 3]] == 0).all()
    with pytest.warns(ZeroMapWarning, match="of image 0 is zero everywhere: the layer says nothing"):
        assert (scaled(maps[:1], relu=False) == 0).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scaled(maps[1:2])
