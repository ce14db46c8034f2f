"""`fcn.augment`: image and label go through the same map; labels are copied, never mixed."""

from functools import partial

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from scipy import ndimage

from fcn.augment import GREY, OUTSIDE, augment, geometric, photometric

STILL = {"flip": 0, "scale": (1, 1), "rotation": 0}
RANDOM = np.random.default_rng(0)


def pair(height=37, width=52):
    return (
        RANDOM.integers(0, 256, (height, width, 3), dtype=np.uint8),
        RANDOM.integers(0, 11, (height, width), dtype=np.uint8),
    )


def places(height=60, width=80):
    """An image whose red is the column and whose green is the row, and labels that say the same.

    Blue is 255 throughout, so that less of it tells where the image is mixed with what lies outside."""
    rows, columns = np.mgrid[:height, :width]
    return (
        np.stack([columns, rows, 255 + 0 * rows], axis=-1).astype(np.uint8),
        columns.astype(np.uint8),
        rows.astype(np.uint8),
    )


@pytest.mark.parametrize("size", [(37, 52), (36, 51), (32, 32)])
def test_nothing_random_changes_nothing_and_a_flip_mirrors(size):
    image, label = pair(*size)
    new, new_label = geometric(image, label, (1, 2), **STILL)
    np.testing.assert_array_equal(new, image)
    np.testing.assert_array_equal(new_label, label)
    new, new_label = geometric(image, label, (1, 2), **STILL | {"flip": 1})
    np.testing.assert_array_equal(new, image[:, ::-1])
    np.testing.assert_array_equal(new_label, label[:, ::-1])


@pytest.mark.parametrize("seed", range(6))
def test_a_crop_is_a_window_of_the_image_pixel_for_pixel(seed):
    image, columns, rows = places()
    new, found = geometric(image, columns, (seed, 0), **STILL | {"crop": (20, 31)})
    left, top = int(found[0, 0]), int(new[0, 0, 1])
    np.testing.assert_array_equal(new, image[top : top + 20, left : left + 31])
    np.testing.assert_array_equal(found, columns[top : top + 20, left : left + 31])


def test_crops_reach_every_corner():
    image, columns, rows = places(12, 14)
    image, columns = np.repeat(image[None], 400, 0), np.repeat(columns[None], 400, 0)
    new, _ = geometric(image, columns, (0, 0), **STILL | {"crop": (10, 10)})
    assert set(map(tuple, new[:, 0, 0, :2].numpy().astype(int))) == {(x, y) for x in range(5) for y in range(3)}


def test_a_crop_larger_than_the_image_is_void_around_it():
    image, label = pair(20, 24)
    new, found = geometric(image, label, (3, 0), **STILL | {"crop": 40})
    inside = found != 255
    assert inside.numpy().sum() == 20 * 24
    np.testing.assert_array_equal(found[inside], label.ravel())
    np.testing.assert_array_equal(new[~inside], np.full((40 * 40 - 20 * 24, 3), OUTSIDE))


@pytest.mark.parametrize("seed", range(8))
def test_a_label_is_within_half_a_pixel_of_its_image(seed):
    """Image and label show their own coordinates; after any map both show the same place."""
    image, columns, rows = places()
    for label, channel in ((columns, 0), (rows, 1)):
        new, found = geometric(image, label, (seed, 5), scale=(0.6, 1.8), rotation=40, crop=(50, 70))
        red, found = new[..., channel].numpy(), found.numpy()
        far = new[..., 2].numpy() > 254.99
        assert (found[far] != 255).all()
        assert far.sum() > 300
        assert np.abs(red - found)[far].max() <= 0.5 + 1e-3


def test_the_label_as_image_stays_the_label():
    """Classes in large blocks: away from their edges the interpolated label is the label."""
    blocks = np.kron(RANDOM.integers(0, 9, (5, 6)), np.ones((16, 16), int)).astype(np.uint8)
    image = np.stack([blocks, blocks, np.full_like(blocks, 255)], axis=2)
    for seed in range(5):
        new, found = (tensor.numpy() for tensor in geometric(image, blocks, (seed, 9), rotation=30))
        window = {"size": 5, "mode": "nearest"}
        calm = ndimage.maximum_filter(found, **window) == ndimage.minimum_filter(found, **window)
        calm &= new[..., 2] > 254.99
        assert calm.mean() > 0.3
        np.testing.assert_allclose(new[calm][:, 0], found[calm], atol=1e-3)
        assert set(np.unique(found)) <= {*np.unique(blocks), 255}


@pytest.mark.parametrize("angle", [10.0, 35.0])
def test_rotation_agrees_with_scipy(angle):
    """The angle is drawn; found again from the labels, it turns the image as SciPy does."""
    smooth = ndimage.gaussian_filter(RANDOM.normal(size=(61, 61)), 4)
    image = np.repeat(((smooth - smooth.min()) / np.ptp(smooth) * 255)[..., None], 3, 2).astype(np.float32)
    _, columns, rows = places(61, 61)
    new, _ = geometric(image, columns, (4, 4), **STILL | {"rotation": angle})
    turned = [
        ndimage.rotate(image[..., 0], degrees, axes=(1, 0), reshape=False, order=1)
        for degrees in np.arange(-angle, angle, 0.1)
    ]
    middle = (slice(18, 43), slice(18, 43))
    distances = [np.abs(other[middle] - new.numpy()[..., 0][middle]).max() for other in turned]
    assert min(distances) < 0.5 < max(distances)


def test_scale_is_the_enlargement_and_stays_in_range():
    image, columns, rows = places(100, 120)
    batch = (np.repeat(image[None], 200, 0), np.repeat(columns[None], 200, 0))
    new, _ = geometric(*batch, (0, 7), flip=0, scale=(1.25, 2), rotation=0)
    enlargement = 1 / (new[:, 50, 60, 0] - new[:, 50, 59, 0]).numpy()
    assert 1.25 - 1e-3 <= enlargement.min() < 1.27 and 1.95 < enlargement.max() <= 2 + 1e-3
    assert abs(np.log(enlargement).mean() - (np.log(1.25) + np.log(2)) / 2) < 0.03


def test_batches_draw_for_each_image_and_seeds_repeat():
    image, label = pair()
    batch = np.repeat(image[None], 6, 0), np.repeat(label[None], 6, 0)
    first, again, other = (augment(*batch, seed) for seed in ((0, 1), (0, 1), (1, 1)))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert len({view.tobytes() for view in [*first[0].numpy(), *other[0].numpy()]}) == 12


def test_half_of_the_images_are_mirrored():
    image, columns, _ = places(8, 8)
    new, _ = geometric(
        np.repeat(image[None], 1000, 0), np.repeat(columns[None], 1000, 0), (0, 0), **STILL | {"flip": 0.5}
    )
    assert 0.45 < (new[:, 0, 0, 0].numpy() == 7).mean() < 0.55


def test_photometric_is_its_formula():
    """The three factors are found from the result by least squares, and the result is what they give."""
    image = RANDOM.uniform(90, 160, (16, 16, 3)).astype(np.float32)  # far enough from 0 and 255 that nothing is cut
    for seed in range(4):
        new = photometric(image, (seed, 0)).numpy()
        grey = (image @ np.float32(GREY))[..., None] * np.ones(3)
        mean = grey.mean()
        terms = np.stack([np.full(image.shape, mean), grey - mean, image - grey], axis=-1).reshape(-1, 3)
        factors, residue, *_ = np.linalg.lstsq(terms, new.ravel(), rcond=None)
        b, c, cs = factors
        assert residue.item() < 1e-3
        assert abs(b - 1) <= 0.25 and abs(c - 1) <= 0.25 and abs(cs / c - 1) <= 0.3 and abs(b - 1) > 1e-3


def test_photometric_strength_zero_and_bounds():
    image, _ = pair()
    np.testing.assert_allclose(photometric(image, (0, 0), brightness=0, contrast=0, saturation=0), image, atol=1e-3)
    new = photometric(image, (2, 0), contrast=1, brightness=1).numpy()
    assert new.min() >= 0 and new.max() <= 255


def test_in_a_dataset_and_with_labels_of_other_types():
    image, label = pair()
    dataset = tf.data.Dataset.from_tensors((image, label.astype(np.int16))).map(
        lambda image, label: augment(image, label, (0, 3), crop=(24, 32))
    )
    assert [(spec.shape, spec.dtype) for spec in dataset.element_spec] == [
        ((24, 32, 3), tf.float32),
        ((24, 32), tf.int16),
    ]
    ((new, found),) = dataset
    expected = augment(image, label, (0, 3), crop=(24, 32))
    np.testing.assert_allclose(new, expected[0], atol=1e-3)
    np.testing.assert_array_equal(found, expected[1])


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"flip": 1.5}, ValueError, "flip is 1.5; 0..1"),
        ({"flip": True}, TypeError, "flip is True"),
        ({"rotation": float("nan")}, ValueError, "rotation is nan"),
        ({"scale": (2, 1)}, ValueError, "the first is the least"),
        ({"scale": 1.5}, ValueError, "two numbers"),
        ({"scale": (0, 1)}, ValueError, "scale is 0"),
        ({"crop": 0}, ValueError, "crop is 0"),
        ({"crop": True}, TypeError, "crop is True"),
        ({"void": 300}, ValueError, "void is 300; labels are uint8"),
        ({"saturation": -1}, ValueError, "saturation is -1"),
        ({"seed": 7}, ValueError, "two whole numbers"),
        ({"seed": (0.5, 1.0)}, ValueError, "two whole numbers"),
        ({"labels": np.zeros((37, 52), np.float32)}, TypeError, "labels are float32"),
        ({"labels": np.zeros((36, 52), np.uint8)}, ValueError, r"\(37, 52, 3\), labels \(36, 52\)"),
        ({"labels": np.zeros((37, 52, 1), np.uint8)}, ValueError, "is wanted"),
        ({"images": np.zeros((37, 52, 4), np.uint8)}, ValueError, r"images have shape \(37, 52, 4\)"),
    ],
)
def test_what_is_refused(change, error, words):
    image, label = pair()
    with pytest.raises(error, match=words):
        augment(**{"images": image, "labels": label, "seed": (0, 0)} | change)


def test_bilinear_shrinking_matches_pillow_without_antialiasing():
    """A view of half the size is Pillow's affine transform, an independent sampler."""
    smooth = ndimage.gaussian_filter(RANDOM.uniform(0, 255, (40, 40)), 1.5)
    image = np.repeat(smooth[..., None], 3, 2).astype(np.float32)
    new, _ = geometric(image, np.zeros((40, 40), np.uint8), (0, 0), flip=0, scale=(1.6, 1.6), rotation=0)
    _, columns, rows = places(40, 40)
    xs, ys = (
        geometric(np.repeat(m[..., None], 3, 2), m, (0, 0), flip=0, scale=(1.6, 1.6), rotation=0)[0][0, 0, 0].numpy()
        for m in (columns, rows)
    )
    step = 1 / 1.6
    data = (step, 0, xs + 0.5 - step / 2, 0, step, ys + 0.5 - step / 2)
    expected = Image.fromarray(image[..., 0]).transform(
        (40, 40), Image.Transform.AFFINE, data, Image.Resampling.BILINEAR
    )
    np.testing.assert_allclose(new[2:-2, 2:-2, 0], np.asarray(expected)[2:-2, 2:-2], atol=0.05)


def test_partial_arguments_as_the_docs_say():
    image, label = pair()
    view = partial(augment, scale=(1, 1), rotation=0, flip=0, brightness=0, contrast=0, saturation=0)
    np.testing.assert_allclose(view(image, label, (0, 0))[0], image, atol=1e-3)
