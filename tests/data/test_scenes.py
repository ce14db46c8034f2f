"""data.scenes: labels that fit the drawing, switches that do what they say, pictures that are not flat."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from data.scenes import CLASSES, CONDITIONS, LABELS, MAX_OBJECTS, OBJECT_CLASSES, PALETTE, dataset, drawn, scene

SMALL = 48  # pixels: enough for what is counted over many scenes


@pytest.fixture(scope="module")
def scenes():
    return [scene(seed) for seed in range(60)]


def conditions_of(n, **switches):
    return [(LABELS[one.label], one.conditions) for one in (scene(seed, 32, **switches) for seed in range(n))]


def test_same_seed_same_bits_and_other_seed_other_picture():
    for seed in (0, 7, (3, 1)):
        for a, b in zip(scene(seed), scene(seed), strict=True):
            np.testing.assert_array_equal(a, b)
    assert len({scene(seed).image.tobytes() for seed in range(10)}) == 10


def test_global_random_state_is_neither_used_nor_moved():
    np.random.seed(0)
    expected = np.random.random()
    np.random.seed(0)
    scene(1)
    assert np.random.random() == expected


def test_shapes_types_and_ranges(scenes):
    for one in scenes[:10]:
        n = len(one.boxes)
        assert one.image.shape == (128, 128, 3) and one.image.dtype == np.uint8
        assert one.class_mask.shape == (128, 128) and one.class_mask.dtype == np.uint8
        assert one.class_mask.max() < len(CLASSES)
        assert one.instance_masks.shape == (n, 128, 128) and one.instance_masks.dtype == bool
        assert one.boxes.dtype == np.float32 and one.box_classes.shape == (n,)
        assert 1 <= n <= MAX_OBJECTS


def test_boxes_are_tight_around_the_visible_pixels(scenes):
    for one in scenes:
        for mask, box in zip(one.instance_masks, one.boxes, strict=True):
            rows, columns = np.nonzero(mask)
            assert box.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def test_instances_are_disjoint_and_are_the_object_classes_of_the_mask(scenes):
    for one in scenes:
        assert one.instance_masks.sum(axis=0).max() <= 1
        for i, name in enumerate(OBJECT_CLASSES):
            union = one.instance_masks[one.box_classes == i].any(axis=0)
            np.testing.assert_array_equal(union, one.class_mask == CLASSES.index(name))


def test_no_object_is_a_sliver(scenes):
    assert min(mask.sum() for one in scenes for mask in one.instance_masks) >= 8  # 0.05 % of 128 x 128


def test_the_label_is_the_nearest_object_and_clearly_visible(scenes):
    areas = {name: [] for name in LABELS}
    for one in scenes:
        assert OBJECT_CLASSES[one.box_classes[0]] == LABELS[one.label]
        _, y1, _, y2 = one.boxes[0]
        assert y2 - y1 >= 0.2 * 128
        areas[LABELS[one.label]].append(one.instance_masks[0].mean())
        # what is nearer stands lower in the picture, so none of the others stands below it
        assert (one.boxes[1:, 3] <= y2 + 1).all()
    assert min(areas["car"]) > 0.04 and min(areas["pedestrian"]) > 0.012 and min(areas["sign"]) > 0.01


def test_the_principal_object_can_be_seen_in_the_picture_itself(scenes):
    # the outline of the mask is an edge of the picture: the gradient there is well above the median one
    stronger = 0
    for one in scenes:
        grey = one.image.mean(axis=2)
        dy, dx = np.gradient(grey)
        strength = np.hypot(dx, dy)
        mask = one.instance_masks[0]
        outline = mask & ~(np.roll(mask, 1, 0) & np.roll(mask, -1, 0) & np.roll(mask, 1, 1) & np.roll(mask, -1, 1))
        stronger += strength[outline].mean() > 1.3 * np.median(strength)
    assert stronger >= 0.95 * len(scenes)


def test_all_classes_and_conditions_occur(scenes):
    pixels = np.bincount(np.concatenate([one.class_mask.ravel() for one in scenes]), minlength=len(CLASSES))
    assert (pixels / pixels.sum() > 0.005).all(), dict(zip(CLASSES, pixels, strict=True))
    for position, names in enumerate(CONDITIONS.values()):
        assert {one.conditions[position] for one in scenes} == set(names)
    assert {one.label for one in scenes} == {0, 1, 2}


@pytest.mark.parametrize("name", ["road", "building", "tree", "pavement"])
def test_regions_are_textured_not_filled(name):
    # flat clip-art has one colour per region: here the grey levels of every 3 x 3 patch inside a region differ
    for seed in range(4):
        one = scene(seed, 256, light="noon", weather="clear", setting="park" if name == "tree" else "city")
        inside = one.class_mask == CLASSES.index(name)
        if inside.mean() < 0.02:
            continue
        assert len(np.unique(one.image[inside], axis=0)) > 400
        grey = one.image.mean(axis=2)
        patches = np.lib.stride_tricks.sliding_window_view(grey, (3, 3)).std(axis=(2, 3))
        whole = np.lib.stride_tricks.sliding_window_view(inside, (3, 3)).all(axis=(2, 3))
        assert np.median(patches[whole]) > 2.0


def test_sky_is_a_gradient_with_clouds():
    means = []
    for seed in range(12):
        one = scene(seed, light="noon", weather="clear")
        sky = one.class_mask == CLASSES.index("sky")
        if sky.mean() > 0.1:
            means.append(one.image[sky].std(axis=0).max())
    assert len(means) >= 4 and min(means) > 4


def test_depth_makes_objects_smaller(scenes):
    pairs = [
        (s.boxes[i], s.boxes[j])
        for s in scenes
        for i in range(len(s.boxes))
        for j in range(i + 1, len(s.boxes))
        if s.box_classes[i] == s.box_classes[j] == OBJECT_CLASSES.index("car")
    ]
    # instances come nearest first
    smaller = [b[3] - b[1] < a[3] - a[1] for a, b in pairs]
    assert len(pairs) > 15 and np.mean(smaller) > 0.85


def test_light_changes_the_picture_but_not_the_street():
    day, night = scene(5, light="noon", weather="clear"), scene(5, light="night", weather="clear")
    np.testing.assert_array_equal(day.boxes, night.boxes)
    np.testing.assert_array_equal(day.class_mask, night.class_mask)

    def brightness(light):
        return np.mean([scene(seed, SMALL, light=light, weather="clear").image.mean() for seed in range(20)])

    assert brightness("noon") > 1.5 * brightness("night")


def test_fog_takes_contrast_from_what_is_far():
    def contrast(weather):
        far = []
        for seed in range(8):
            one = scene(seed, light="noon", weather=weather, setting="city")
            rows = slice(45, 64)  # around the horizon
            far.append(one.image[rows][one.class_mask[rows] == CLASSES.index("building")].std())
        return np.mean(far)

    assert contrast("fog") < 0.75 * contrast("clear")


def test_balance():
    counts = Counter(label for label, _ in conditions_of(150, balance={"car": 3, "sign": 1}))
    assert counts["pedestrian"] == 0
    assert abs(counts["car"] / 150 - 0.75) < 0.12
    counts = Counter(label for label, _ in conditions_of(150))
    assert all(abs(counts[name] / 150 - 1 / 3) < 0.13 for name in LABELS)


def test_bias_plants_a_tie_of_the_given_strength():
    bias = {"car": "snow", "pedestrian": "night"}
    drawn = conditions_of(80, bias=bias)
    assert all(where.weather == "snow" for label, where in drawn if label == "car")
    assert all(where.light == "night" for label, where in drawn if label == "pedestrian")
    free = [where for label, where in drawn if label == "sign"]
    assert 0 < np.mean([where.weather == "snow" for where in free]) < 0.4
    drawn = [
        where.weather == "snow" for _, where in conditions_of(140, balance={"car": 1}, bias=bias, bias_strength=0.5)
    ]
    assert abs(np.mean(drawn) - (0.5 + 0.5 * 0.13)) < 0.13  # strength + (1 - strength) natural frequency
    without = [where for _, where in conditions_of(30)]
    assert [where for _, where in conditions_of(30, bias=bias, bias_strength=0.0)] == without


@pytest.mark.parametrize("name", LABELS)
def test_object_scale_scales_the_principal_object(name):
    def heights(scale):
        found = [scene(seed, 96, balance={name: 1}, object_scale=scale).boxes[0] for seed in range(15)]
        return np.array([box[3] - box[1] for box in found])

    usual, half = heights(1.0), heights(0.5)
    np.testing.assert_allclose(half / usual, 0.5, atol=0.12)
    ranged = heights((0.5, 1.0))
    assert ((ranged >= half - 4) & (ranged <= usual + 4)).all() and ranged.std() > 0


@pytest.mark.parametrize("what", CONDITIONS)
def test_conditions_can_be_fixed(what):
    for name in CONDITIONS[what]:
        assert all(getattr(scene(seed, SMALL, **{what: name}).conditions, what) == name for seed in range(3))


@pytest.mark.parametrize("size", [32, (32, 200), (200, 32), (97, 131), 512, (64, 1024)])
def test_sizes(size):
    height, width = (size, size) if isinstance(size, int) else size
    for seed in range(12 if height * width < 40000 else 2):
        one = scene(seed, size)
        assert one.image.shape == (height, width, 3) and one.class_mask.shape == (height, width)
        assert (one.boxes[:, :2] >= 0).all() and (one.boxes[:, 2:] <= (width, height)).all()
        assert one.instance_masks[0].any()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"size": 16}, "size=16.*32"),
        ({"size": (64, 64, 3)}, "height, width"),
        ({"size": 64.0}, "size=64.0"),
        ({"seed": -1}, "seed=-1.*non-negative"),
        ({"seed": 0.5}, "seed=0.5"),
        ({"light": "noonish"}, "light 'noonish'.*noon, golden, overcast, dusk, night"),
        ({"weather": "hail"}, "weather 'hail'.*clear, fog, rain, snow"),
        ({"setting": "beach"}, "setting 'beach'.*city, town, park"),
        ({"balance": {"cat": 1}}, "'cat'.*car, pedestrian, sign"),
        ({"balance": {"car": 0}}, "not all 0"),
        ({"balance": {"car": -1, "sign": 2}}, "not negative"),
        ({"object_scale": 9}, "object_scale=9.*0.3..2"),
        ({"object_scale": (1.5, 0.5)}, "object_scale"),
        ({"bias": {"dog": "snow"}}, "'dog'.*car, pedestrian, sign"),
        ({"bias": {"car": "sunny"}}, "'sunny'.*overcast.*snow.*park"),
        ({"bias": {"car": "snow"}, "weather": "clear"}, "weather='clear' fixes"),
        ({"bias_strength": 1.5}, "bias_strength=1.5"),
    ],
)
def test_bad_arguments_are_refused_in_words(arguments, words):
    with pytest.raises(ValueError, match=words):
        scene(**({"seed": 0} | arguments))
    with pytest.raises(ValueError, match=words):
        dataset(2, **arguments)


def test_palette_has_a_distinct_colour_per_class():
    assert PALETTE.shape == (len(CLASSES), 3) and PALETTE.dtype == np.uint8
    distance = np.abs(PALETTE[:, None].astype(int) - PALETTE[None]).sum(axis=2)
    assert distance[~np.eye(len(CLASSES), dtype=bool)].min() > 60


def test_dataset_is_the_scenes_whatever_its_length():
    switches = {"balance": {"car": 1, "sign": 1}, "bias": {"car": "rain"}, "object_scale": (0.7, 1.2)}
    long = list(dataset(9, seed=4, size=(40, 56), **switches).as_numpy_iterator())
    short = list(dataset(3, seed=4, size=(40, 56), **switches).as_numpy_iterator())
    assert len(long) == 9
    for i, got in enumerate(long):
        one = scene((4, i), (40, 56), **switches)
        n = len(one.boxes)
        np.testing.assert_array_equal(got["image"], one.image)
        np.testing.assert_array_equal(got["class_mask"], one.class_mask)
        np.testing.assert_array_equal(got["boxes"][:n], one.boxes)
        np.testing.assert_array_equal(got["box_classes"][:n], one.box_classes)
        assert (got["boxes"][n:] == 0).all() and (got["box_classes"][n:] == -1).all()
        assert got["label"] == one.label
        if i < 3:
            np.testing.assert_array_equal(got["image"], short[i]["image"])


def test_dataset_batches_with_known_shapes_and_repeats():
    batches = dataset(5, size=32, batch_size=2)
    assert batches.cardinality() == 3
    assert batches.element_spec["image"].shape.as_list() == [None, 32, 32, 3]
    assert batches.element_spec["boxes"].shape.as_list() == [None, MAX_OBJECTS, 4]
    first, second = (np.concatenate([batch["image"] for batch in batches.as_numpy_iterator()]) for _ in range(2))
    assert first.shape == (5, 32, 32, 3)
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(("n", "batch_size"), [(0, None), (2.5, None), (3, 0)])
def test_dataset_refuses_counts_below_one(n, batch_size):
    with pytest.raises(ValueError, match="at least 1"):
        dataset(n, batch_size=batch_size)


def test_import_needs_no_tensorflow():
    code = "import sys, data.scenes; data.scenes.scene(0, 32); print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_drawn_one_after_the_other_they_are_the_same():
    for index, one in enumerate(drawn(2, seed=3, size=(32, 48), verbose=False)):
        np.testing.assert_array_equal(one.image, scene((3, index), (32, 48)).image)
    with pytest.raises(ValueError, match="count is 0"):
        next(drawn(0))
