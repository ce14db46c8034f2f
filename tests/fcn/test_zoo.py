import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from fcn.convolutions.sharing import seen_weights
from fcn.plots.zoo import FAMILY, HUES, draw_offsets, draw_zoo


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def sheets(ax):
    """The colours of the cells of every stack of sheets: (rows, columns, channels, 4) each."""
    return [one.get_facecolors().reshape(5, -1, 4, 4) for one in ax.collections if len(one.get_paths()) > 30]


def is_tinted(faces):
    """Not grey; neither empty nor an output."""
    return np.ptp(faces[..., :3], axis=-1) > 0.02


def test_the_cells_with_a_colour_are_those_that_are_seen():
    figure = draw_zoo()
    assert [ax.get_title(loc="left") for ax in figure.axes] == [member.kind for member in FAMILY]
    for ax, member in zip(figure.axes, FAMILY, strict=True):
        stacks = sheets(ax)
        assert len(stacks) == (2 if member.steps == "one" else 3)
        if member.kind == "deformable":
            assert not is_tinted(stacks[0]).any()
            continue
        columns = stacks[0].shape[1]
        seen = [seen_weights(member.kind, one[:2], one[2], columns=columns) for one in member.outputs]
        together = np.max(seen, axis=0)
        assert (is_tinted(stacks[0]) == (together >= 0)).all()
        # A colour for each weight, and a weight for each colour.
        pairs = {(int(n), tuple(f)) for n, f in zip(together.ravel(), stacks[0].reshape(-1, 4), strict=True)}
        assert len(pairs) == len({n for n, _ in pairs}) == len({colour for _, colour in pairs})


def test_the_ordinary_one_repeats_its_colours_at_the_other_pixel_and_the_involution_does_not():
    axes = dict(zip([member.kind for member in FAMILY], draw_zoo().axes, strict=True))
    ordinary, involution = sheets(axes["ordinary"])[0], sheets(axes["involution"])[0]
    np.testing.assert_array_equal(ordinary[0:3, 0:3], ordinary[2:5, 4:7])
    assert (involution[0:3, 0:3] != involution[2:5, 4:7]).any(axis=-1).all()
    np.testing.assert_array_equal(involution[:, :, 0], involution[:, :, 1])
    assert (ordinary[0:3, 0:3, 0] != ordinary[0:3, 0:3, 1]).any(axis=-1).all()


def test_the_outputs_are_dark_and_the_shuffle_moves_them():
    axes = dict(zip([member.kind for member in FAMILY], draw_zoo().axes, strict=True))

    def dark(faces):
        return sorted(map(tuple, np.argwhere(faces[..., 0] < 0.3)[:, [0, 1, 2]].tolist()))

    assert dark(sheets(axes["depthwise"])[1]) == [(2, 3, one) for one in range(4)]
    *_, between, shuffled = sheets(axes["grouped"])
    between, shuffled = ([place for place in dark(one) if not is_tinted(one)[place]] for one in (between, shuffled))
    assert between == [(2, 2, 0), (2, 2, 2)] and shuffled == [(2, 2, 0), (2, 2, 1)]


def test_hues_are_told_apart_by_the_colour_blind():
    """Machado et al. 2009, severity 1, on linear RGB."""
    matrices = (
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    )
    colours = np.array([to_rgb(hue) for hue in HUES]) ** 2.2
    for matrix in matrices:
        seen = np.clip(colours @ np.array(matrix).T, 0, 1) ** (1 / 2.2)
        distances = np.linalg.norm(seen[:, None] - seen[None], axis=-1)
        assert distances[~np.eye(4, dtype=bool)].min() > 0.35


def test_nothing_is_clipped_or_covered():
    figure = draw_zoo()
    figure.canvas.draw()
    assert figure.get_size_inches()[0] <= 10
    boxes = [text.get_window_extent() for ax in figure.axes for text in ax.findobj(plt.Text) if text.get_text()]
    page = figure.bbox
    assert all(page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1 for box in boxes)
    assert not any(one.overlaps(two) for n, one in enumerate(boxes) for two in boxes[:n])
    assert min(text.get_fontsize() for ax in figure.axes for text in ax.findobj(plt.Text) if text.get_text()) >= 8


def dots(ax):
    """Rings, dots and crosses as (row, column)."""
    return [np.asarray(one.get_offsets())[:, ::-1] for one in ax.collections]


def test_offsets_are_drawn_where_the_convolution_reads():
    offsets = np.zeros((6, 8, 9, 2))
    offsets[3, 4] = [[0.5, -0.25]] * 9
    _, rings, inside, outside = dots(draw_offsets(offsets, np.zeros((6, 8))))
    window = [(row, column) for row in (2, 3, 4) for column in (3, 4, 5)]
    np.testing.assert_allclose(rings, window)
    np.testing.assert_allclose(inside, np.add(window, (0.5, -0.25)))
    assert not len(outside)


def test_strides_padding_and_points_outside():
    offsets = np.zeros((3, 3, 4, 2))
    offsets[2, 2] = [[0, 0], [0.5, 0], [1, 0], [0, 9]]
    image = np.zeros((6, 6, 3), np.uint8)
    ax = plt.figure().subplots()
    drawn = draw_offsets(offsets, image, at=[(0, 0), (2, 2)], kernel=2, strides=2, padding="valid", ax=ax)
    assert drawn is ax
    groups = dots(ax)
    np.testing.assert_allclose(groups[1], [(0, 0), (0, 1), (1, 0), (1, 1)])
    np.testing.assert_allclose(groups[5], [(4, 4), (4, 5), (5, 4), (5, 5)])
    np.testing.assert_allclose(groups[6], [(4, 4), (4.5, 5)])
    np.testing.assert_allclose(groups[7], [(6, 4), (5, 14)])  # a whole pixel outside and further read zero
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    assert left <= -0.5 and right > 14 and bottom > 6 and top <= -0.5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"offsets": np.zeros((1, 6, 8, 9, 2))}, r"\(1, 6, 8, 9, 2\)"),
        ({"offsets": np.zeros((6, 7, 9, 2))}, r"\(1, 6, 7, 9, 2\).*\(1, 6, 8, 9, 2\)"),
        ({"offsets": np.full((6, 8, 9, 2), np.nan)}, "NaN"),
        ({"image": np.zeros((6, 8, 4))}, r"\(6, 8, 4\)"),
        ({"at": [(6, 0)]}, r"\(6, 0\).*\(6, 8\)"),
        ({"at": []}, "at is empty"),
        ({"kernel": 2}, r"\(1, 6, 8, 9, 2\).*\(1, 6, 8, 4, 2\)"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        draw_offsets(**({"offsets": np.zeros((6, 8, 9, 2)), "image": np.zeros((6, 8))} | change))


def test_places_that_are_no_pairs_of_whole_numbers():
    offsets, image = np.zeros((6, 8, 9, 2)), np.zeros((6, 8))
    for at, words in (((1, 2), "at holds 1, 2; pairs"), ([(1.0, 2)], "a row or column of at is 1.0")):
        with pytest.raises(TypeError, match=words):
            draw_offsets(offsets, image, at=at)


@pytest.mark.parametrize("shape", [(6, 8), (6, 8, 3)])
def test_a_floating_image_of_bytes(shape):
    with pytest.raises(ValueError, match="image is floating point, from 255 to 255; 0 to 1"):
        draw_offsets(np.zeros((6, 8, 9, 2)), np.full(shape, 255.0))
