from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest

from fcn.checkerboard import overlap
from fcn.interpolation import interpolation_kernel, profile, source_positions
from fcn.plots.kernels import draw_alignment, draw_checkerboard, draw_kernels, draw_upsampling_1d
from fcn.upsampling import upsample


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def nothing_is_clipped(figure):
    figure.canvas.draw()
    box = figure.get_tightbbox()
    assert box.x0 >= -0.02 and box.y0 >= -0.02
    assert box.x1 <= figure.get_figwidth() + 0.02 and box.y1 <= figure.get_figheight() + 0.02
    assert figure.get_figwidth() <= 10


def dots(ax):
    """Markers without a line: the samples."""
    return [line.get_xydata() for line in ax.lines if line.get_marker() == "o" and len(line.get_xdata())]


@pytest.mark.parametrize("factor", [1, 2, 5])
def test_kernels(factor):
    figure = draw_kernels(factor)
    nothing_is_clipped(figure)
    for number, method in enumerate(("nearest", "bilinear", "bicubic")):
        (taps,) = dots(figure.axes[number])
        np.testing.assert_allclose(taps[:, 1], interpolation_kernel(method, factor, dimensions=1))
        assert taps[:, 0].mean() == pytest.approx(0)  # half-pixel: the middle of the kernel is the sample
        shown = figure.axes[3 + number].images[0].get_array()
        np.testing.assert_allclose(shown, interpolation_kernel(method, factor))


@pytest.mark.parametrize(
    ("method", "factor", "alignment"),
    [
        ("nearest", 3, "half_pixel"),
        ("bilinear", 2, "asymmetric"),
        ("bilinear", 1, "half_pixel"),
        ("bicubic", 4, "half_pixel"),
        ("bicubic", 3, "asymmetric"),
    ],
)
def test_the_steps_end_at_what_upsample_gives(method, factor, alignment):
    signal = np.array([1.0, 3, -2, 0.5, 2])
    figure = draw_upsampling_1d(signal, factor, method, alignment=alignment)
    nothing_is_clipped(figure)
    expected = upsample(signal[None, None, :, None], (1, factor), method, alignment=alignment)[0, 0, :, 0]
    np.testing.assert_allclose(dots(figure.axes[3])[-1][:, 1], expected, atol=1e-12)
    zeros = dots(figure.axes[1])[0][:, 1]
    np.testing.assert_array_equal(zeros[::factor], signal)
    assert np.count_nonzero(zeros) == 5
    low, high = figure.axes[3].get_ylim()
    assert low < np.min(expected) and np.max(expected) < high


def test_alignment():
    figure, ax = plt.subplots(figsize=(9, 3), layout="constrained")
    assert draw_alignment(4, 3, ax=ax) is ax
    nothing_is_clipped(figure)
    for row, alignment in enumerate(("half_pixel", "asymmetric", "align_corners")):
        old, new = dots(ax)[2 * row : 2 * row + 2]
        np.testing.assert_array_equal(old, [[place, row] for place in range(4)])
        np.testing.assert_allclose(new[:, 0], source_positions(4, 12, alignment))
        assert ax.get_xlim()[0] < new[:, 0].min() and new[:, 0].max() < ax.get_xlim()[1]
    ax = draw_alignment(1, 8)
    nothing_is_clipped(ax.figure)
    assert max(new[:, 0].max() for new in dots(ax)) < ax.get_xlim()[1]


def test_checkerboards():
    maps = {f"kernel {kernel}": overlap(kernel, 2, 8, padding="same") for kernel in (2, 3, 4, 5)}
    figure = draw_checkerboard({**maps, "signed": np.eye(16)[None, :, :, None] - 0.5}, 2, border=2)
    nothing_is_clipped(figure)
    assert [ax.get_title() for ax in figure.axes][:3] == [
        "kernel 2\ncheckerboard 0.0 %",
        "kernel 3\ncheckerboard 19.0 %",
        "kernel 4\ncheckerboard 0.0 %",
    ]
    np.testing.assert_array_equal(figure.axes[1].images[0].get_array(), maps["kernel 3"])
    assert figure.axes[4].images[0].get_clim() == (-0.5, 0.5)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="factor is 0"):
        draw_kernels(0)
    with pytest.raises(ValueError, match=r"signal has shape \(2, 2\)"):
        draw_upsampling_1d(np.ones((2, 2)), 2)
    with pytest.raises(ValueError, match="the panels show"):
        draw_upsampling_1d([1, 2], 2, alignment="align_corners")
    with pytest.raises(TypeError, match=r"size is 2\.5"):
        draw_alignment(2.5, 2)
    with pytest.raises(ValueError, match="maps is empty"):
        draw_checkerboard({}, 2)
    with pytest.raises(ValueError, match=r"map 'a' has shape \(2, 4, 4, 1\)"):
        draw_checkerboard({"a": np.ones((2, 4, 4, 1))}, 2)


@pytest.mark.parametrize("a", [-3, 2])
def test_unusual_slopes_are_not_cut(a):
    figure = draw_kernels(3, a=a)
    values = profile("bicubic", np.linspace(-2, 2, 201), a=a)
    low, high = figure.axes[2].get_ylim()
    assert low < values.min() and values.max() < high
    kernel = interpolation_kernel("bicubic", 3, a=a)
    assert np.abs(kernel).max() <= figure.axes[5].images[0].get_clim()[1]


def test_many_old_samples_have_few_labels():
    ticks = draw_alignment(100, 2).get_xticks()
    assert len(ticks) == 25 and set(np.diff(ticks)) == {4}


@pytest.mark.filterwarnings("error")
def test_a_signal_of_zeros():
    draw_upsampling_1d([0, 0, 0], 2)


def test_long_names_of_checkerboards():
    maps = {f"{number}: a transposed convolution, kernel 3, stride 2": overlap(3, 2, 8) for number in range(4)}
    figure = draw_checkerboard(maps, 2)
    figure.canvas.draw()
    boxes = [ax.title.get_window_extent() for ax in figure.axes]
    assert all(one.x1 < other.x0 for one, other in pairwise(boxes))


def test_maps_of_bytes_and_what_are_no_maps():
    found = np.array([[-128, 127], [0, 0]], np.int8)
    assert draw_checkerboard({"bytes": found}, 2).axes[0].images[0].get_clim() == (-128, 128)
    for maps in ([np.ones((4, 4))], np.ones((4, 4))):
        with pytest.raises(TypeError, match="a dict is wanted"):
            draw_checkerboard(maps, 2)
    with pytest.raises(TypeError, match="real numbers"):
        draw_checkerboard({"a": np.ones((4, 4)) * 1j}, 2)
