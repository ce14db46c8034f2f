import cv2
import numpy as np
import pytest
import tensorflow as tf

from fcn.interpolation import alignment_table, interpolation_kernel, profile, source_positions, tap_offsets

METHODS = ("nearest", "bilinear", "bicubic")
ALIGNMENTS = ("half_pixel", "asymmetric", "align_corners")


def test_the_kernels_of_the_slides():
    slide = [[0.25, 0.5, 0.25], [0.5, 1, 0.5], [0.25, 0.5, 0.25]]
    np.testing.assert_array_equal(interpolation_kernel("bilinear", 2, alignment="asymmetric"), slide)
    np.testing.assert_array_equal(interpolation_kernel("bilinear", 2, dimensions=1), [0.25, 0.75, 0.75, 0.25])
    np.testing.assert_allclose(interpolation_kernel("bilinear", 3, dimensions=1), np.array([1, 2, 3, 2, 1]) / 3)
    np.testing.assert_array_equal(interpolation_kernel("nearest", 3), np.ones((3, 3)))


def test_keys_cubic_from_its_conditions():
    """Keys 1981, equations 4 to 15: through the samples, smooth, and a parabola is kept with a = -1/2 only."""
    t = np.linspace(-3, 3, 601)
    for a in (-0.5, -0.75):
        h = profile("bicubic", t, a=a)
        np.testing.assert_allclose(profile("bicubic", [-2, -1, 0, 1, 2], a=a), [0, 0, 1, 0, 0], atol=1e-15)
        assert np.abs(np.diff(h)).max() < 0.03  # no jump
        assert np.abs(np.diff(h, 2)).max() < 0.001  # and no corner
        assert (profile("bicubic", 1 + 1e-6, a=a) / 1e-6).round(4) == a  # the slope
    position = 0.3
    samples = np.arange(-1, 3)
    weights = profile("bicubic", position - samples)
    assert weights @ samples**2 == pytest.approx(position**2)
    assert profile("bicubic", position - samples, a=-0.75) @ samples**2 != pytest.approx(position**2)


@pytest.mark.parametrize("factor", [1, 2, 3, 4, 5, 8])
@pytest.mark.parametrize("alignment", ALIGNMENTS)
@pytest.mark.parametrize("method", METHODS)
def test_each_new_sample_gets_weights_that_sum_to_one(method, alignment, factor):
    kernel = interpolation_kernel(method, factor, alignment=alignment, dimensions=1)
    offsets = tap_offsets(method, factor, alignment)
    assert len(kernel) == len(offsets)
    for phase in range(factor):
        assert kernel[(offsets - phase) % factor == 0].sum() == pytest.approx(1)
    if method != "nearest":
        np.testing.assert_allclose(kernel, kernel[::-1])
        assert len(kernel) % 2 == (factor % 2 if alignment == "half_pixel" else 1)
    both = interpolation_kernel(method, factor, alignment=alignment)
    np.testing.assert_array_equal(both, kernel[:, None] * kernel)


@pytest.mark.parametrize(("method", "how"), [("bilinear", cv2.INTER_LINEAR), ("bicubic", cv2.INTER_CUBIC)])
@pytest.mark.parametrize("factor", [2, 3, 4, 5])
def test_kernels_are_what_opencv_makes_of_a_single_sample(method, how, factor):
    impulse = np.zeros((1, 15), np.float32)
    impulse[0, 7] = 1
    row = cv2.resize(impulse, (15 * factor, 1), interpolation=how)[0]
    offsets = tap_offsets(method, factor)
    kernel = interpolation_kernel(method, factor, a=-0.75, dimensions=1)
    np.testing.assert_allclose(row[7 * factor + offsets], kernel, atol=1e-6)
    assert row.sum() == pytest.approx(kernel.sum(), abs=1e-5)


@pytest.mark.parametrize(("size", "new_size"), [(5, 10), (4, 12), (7, 20), (6, 4), (3, 1)])
def test_positions_are_those_of_three_resizers(size, new_size):
    """A ramp that is interpolated shows where its samples were taken."""
    ramp = np.arange(size, dtype=np.float32)[None, None, :, None]
    resizers = {
        "half_pixel": {"half_pixel_centers": True, "align_corners": False},
        "asymmetric": {"half_pixel_centers": False, "align_corners": False},
        "align_corners": {"half_pixel_centers": False, "align_corners": True},
    }
    for alignment, options in resizers.items():
        row = tf.raw_ops.ResizeBilinear(images=ramp, size=[1, new_size], **options)[0, 0, :, 0]
        positions = source_positions(size, new_size, alignment)
        np.testing.assert_allclose(row, positions.clip(0, size - 1), atol=1e-5)


def test_the_table():
    rows = alignment_table(4, 2).splitlines()
    assert "-0.25 0.25 0.75 1.25 1.75 2.25 2.75 3.25" in rows[2]
    assert "0 0.5 1 1.5 2 2.5 3 3.5" in rows[3]
    assert "0 0.43 0.86 1.29 1.71 2.14 2.57 3 |" in rows[4]


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="method is 'cubic'; accepted: nearest, bilinear, bicubic"):
        interpolation_kernel("cubic", 2)
    with pytest.raises(ValueError, match="alignment is 'corners'"):
        interpolation_kernel("bilinear", 2, alignment="corners")
    with pytest.raises(TypeError, match="factor is 2.5"):
        interpolation_kernel("bilinear", 2.5)
    with pytest.raises(ValueError, match="factor is 0"):
        interpolation_kernel("nearest", 0)
    with pytest.raises(ValueError, match="dimensions is 3"):
        interpolation_kernel("nearest", 2, dimensions=3)
    with pytest.raises(ValueError, match="a is nan"):
        profile("bicubic", 0, a=np.nan)
    with pytest.raises(ValueError, match="new_size is 0"):
        source_positions(4, 0)


@pytest.mark.parametrize("a", ["x", None, [1, 2], b"1"])
def test_a_slope_that_is_no_number(a):
    with pytest.raises(TypeError, match="a is .*; a finite number is wanted"):
        profile("bicubic", 0, a=a)
