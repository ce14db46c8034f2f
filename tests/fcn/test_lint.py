"""`fcn.datasets.lint`: everything that is wrong is reported, nothing is raised."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from data.assets import locate
from fcn.datasets import SegmentationData, camvid, folder_pairs, lint, scenes

NAMES = ("sky", "road", "car")
COLOURS = np.array([(128, 128, 128), (128, 64, 128), (64, 0, 128)], np.uint8)


def image(*size):
    return np.zeros((*size, 3), np.uint8)


def test_shares_are_counts():
    first, second = np.zeros((4, 5), np.uint8), np.full((4, 5), 1, np.uint8)
    first[0], second[:2] = 255, 0
    report = lint(SegmentationData([image(4, 5)] * 2, [first, second], NAMES))
    assert report.pixels.tolist() == [15 + 10, 10, 0] and report.images.tolist() == [2, 1, 0]
    assert report.pixels_beside.tolist() == [40, 20, 0] and report.void_pixels == 5
    np.testing.assert_allclose(report.shares, [25 / 35, 10 / 35, 0])
    assert report.void_share == 5 / 40 and report.sizes == {(4, 5): 2}
    assert report.ok and "no image holds car" in report.notes
    lines = str(report).splitlines()
    assert lines[0] == "2 pairs; height x width (images): 4 x 5 (2)" and lines[-1] == "ok"
    assert lines[3].split() == ["0", "sky", "71.43", "%", "2"]


def test_ids_without_a_class_and_sizes_that_do_not_fit():
    stray = np.zeros((4, 5), np.uint8)
    stray[0, :3], stray[1, 0] = 37, 200
    data = SegmentationData([image(4, 5), image(4, 5), image(5, 4)], [stray, stray, np.zeros((4, 5), int)], NAMES)
    report = lint(data)
    assert [(one.value, one.pixels, one.files) for one in report.unknown] == [(37, 6, 2), (200, 2, 2)]
    assert report.mismatches == [("pair 2", "image 5 x 4, label 4 x 5; turned by 90 degrees?")]
    assert not report.ok and "NOT ok" in str(report)
    assert "37: 6 pixels in 2 files" in str(report)
    taken = lint(SegmentationData(data.images[:2], data.labels[:2], NAMES, unknown="void"))
    assert taken.ok and taken.void_pixels == 8 and "(taken as void)" in str(taken)


def colour_data(label, **options):
    fields = {"by_colour": True, "colours": COLOURS, "void_colours": [(0, 0, 0)]}
    return SegmentationData([image(*label.shape[:2])], [label], NAMES, **fields | options)


def test_colours_near_the_table_are_named():
    label = COLOURS[np.array([[0, 0, 1], [1, 2, 2]])]
    label[0, 0] += np.array([2, 0, 1], np.uint8)  # 2 levels from sky
    label[0, 1] = (0, 3, 0)  # 3 from void
    label[1, 0] = (128, 68, 128)  # 4 from road: too far
    report = lint(colour_data(label))
    found = {one.value: (one.nearest, one.levels) for one in report.unknown}
    assert found == {(130, 128, 129): ("sky", 2), (0, 3, 0): ("void", 3), (128, 68, 128): (None, None)}
    assert report.pixels.tolist() == [0, 1, 2] and not report.ok
    assert "(130, 128, 129): 1 pixels in 1 file; 2 levels from sky, as after a JPEG or a resize" in str(report)


def test_a_jpeg_of_a_label_and_a_label_resized_bilinearly_are_recognised():
    label = COLOURS[np.kron(np.random.default_rng(0).integers(0, 3, (6, 6)), np.ones((16, 16), int))]
    stream = io.BytesIO()
    Image.fromarray(label).save(stream, "JPEG", quality=95)
    for spoilt in (Image.open(stream), Image.fromarray(label).resize((300, 300), Image.Resampling.BILINEAR)):
        report = lint(colour_data(np.array(spoilt)))
        assert not report.ok and any(one.nearest for one in report.unknown)
        assert any("near misses: the labels were stored as JPEG, or resized" in note for note in report.notes)
        assert len(str(report).splitlines()) < 30  # hundreds of colours do not flood the table
    assert lint(colour_data(label)).ok


def test_files_that_cannot_be_read_or_have_no_counterpart(tmp_path):
    for name in "abcd":
        noise = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / f"{name}.png")
        Image.fromarray(np.zeros((4, 5), np.uint8)).save(tmp_path / f"{name}_L.png")
    (tmp_path / "d_L.png").unlink()
    data = folder_pairs(tmp_path, tmp_path, class_names=NAMES, label_ending="_L")
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:50])
    (tmp_path / "b_L.png").unlink()
    report = lint(data)
    assert [name for name, _ in report.unreadable] == ["a", "b"]
    assert "damaged, cut short" in report.unreadable[0][1] and "no file" in report.unreadable[1][1]
    assert [path.name for path in report.images_without_label] == ["d.png"]
    assert not report.ok and report.pixels.sum() == 20
    assert "unreadable (2):" in str(report) and "images without label (1):" in str(report)


def test_colours_where_ids_are_meant_are_reported():
    report = lint(SegmentationData([image(2, 3)], [COLOURS[None].repeat(2, 0)], NAMES))
    assert not report.ok and "holds colours, not ids" in report.unreadable[0][1]


def test_a_binary_mask_of_0_and_255_is_worth_a_note():
    mask = np.uint8([[0, 255], [255, 255]])
    report = lint(SegmentationData([image(2, 2)], [mask], ("ground", "cell")))
    assert any("the labels hold 0 and 255 alone" in note for note in report.notes)
    as_told = SegmentationData([image(2, 2)], [mask], ("ground", "cell"), ids=(0, 255), void=254)
    assert lint(as_told).pixels.tolist() == [1, 3] and not lint(as_told).notes


def test_nothing_readable_is_still_a_report(tmp_path):
    report = lint(SegmentationData([tmp_path / "a.png"], [tmp_path / "a_L.png"], NAMES))
    assert (
        not report.ok
        and report.void_share == 0
        and report.shares.tolist() == [0, 0, 0]
        and "none was read" in str(report)
    )


def test_other_kinds_are_refused():
    with pytest.raises(TypeError, match="data is a list; a SegmentationData"):
        lint([1])


def test_scenes_are_clean():
    report = lint(scenes(4, size=48, verbose=False))
    assert report.ok and report.void_pixels == 0 and report.pixels.sum() == 4 * 48 * 48


@pytest.mark.skipif(locate("camvid") is None, reason="CamVid is not on this machine (set LECTURE_DATA)")
def test_camvid_has_the_published_frequencies():
    """Median frequency weights of the 367 labels, computed independently of this code; and Bicyclist in validation."""
    blank = np.broadcast_to(
        np.zeros(3, np.uint8), (367, 360, 480, 3)
    )  # decoding 367 images would take most of the time
    train = lint(replace(camvid("train"), images=blank), verbose=False)
    frequencies = train.pixels / train.pixels_beside
    weights = [0.2793, 0.2017, 4.7865, 0.1490, 1.0, 0.4217, 3.8467, 1.9736, 0.7889, 6.3747, 8.8587]
    np.testing.assert_allclose(np.median(frequencies) / frequencies, weights, atol=6e-5)
    assert train.ok and train.sizes == {(360, 480): 367}
    part = lint(camvid("validation").subset(range(0, 101, 10)), verbose=False)
    assert 5 < part.shares[10] / train.shares[10] < 12


def test_a_stray_id_is_no_dozens_of_classes(tmp_path):
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    Image.fromarray(image(2, 3)).save(tmp_path / "images" / "a.png")
    Image.fromarray(np.uint8([[0, 1, 2], [77, 5, 255]])).save(tmp_path / "labels" / "a.png")
    (note,) = lint(folder_pairs(tmp_path / "images", tmp_path / "labels")).notes
    assert note.startswith("73 of 78 classes are in no image") and "the ids are 0..2, 5, 77;" in note
    (note,) = lint(folder_pairs(tmp_path / "images", tmp_path / "labels", void_ids=(77,))).notes
    assert note.startswith("2 of 6 classes") and "the ids are 0..2, 5;" in note
    Image.fromarray(np.uint8([[0, 1, 2], [1, 0, 255]])).save(tmp_path / "labels" / "a.png")
    assert not lint(folder_pairs(tmp_path / "images", tmp_path / "labels")).notes
