import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from cnnviz.models import Classifier
from cnnviz.saliency.variations import baseline_images, clean_scores, fixed_target, image_batch, vary
from data.arguments import whole_number
from tests.cnnviz.model_kinds import SIDE, functional, shake

IMAGES = np.random.default_rng(0).normal(size=(3, SIDE, SIDE, 3)).astype(np.float32)


@pytest.mark.parametrize(("count", "batch_size"), [(1, 1), (4, 5), (7, 4), (5, 100), (3, 3)])
def test_every_variation_of_every_image_runs_once_in_batches_of_one_size(count, batch_size):
    model, sizes, found = shake(functional()), [], {}

    def make(variations, places):
        sizes.append(len(variations))
        return IMAGES[places] * (1 + variations[:, None, None, None])

    options = {"by_image": True, "batch_size": batch_size, "title": "", "verbose": False}
    for variations, places, part in vary(model, IMAGES, np.array([2, 0, 1]), count, make, **options):
        for row, key in enumerate(zip(variations.tolist(), places.tolist(), strict=True)):
            assert key not in found
            found[key] = part.scores[row], part.images[row]
    assert list(found) == [(variation, place) for variation in range(count) for place in range(3)]
    assert len(set(sizes)) == 1 and sizes[0] <= batch_size
    assert sum(sizes) - 3 * count < len(sizes)  # hardly anything is filled up
    for (variation, place), (score, slope) in found.items():
        expected = model(IMAGES[place : place + 1] * (1 + variation))[0, [2, 0, 1][place]]
        np.testing.assert_allclose(score, expected, rtol=1e-4, atol=1e-5)
        assert slope.shape == IMAGES.shape[1:]


def test_the_target_is_fixed_by_the_clean_image():
    model = shake(functional())
    logits = model(IMAGES).numpy()
    np.testing.assert_array_equal(fixed_target(model, IMAGES, None, 2), logits.argmax(axis=1))
    np.testing.assert_array_equal(fixed_target(model, IMAGES, [3, None, 0], 2), [3, logits[1].argmax(), 0])
    scores, target = clean_scores(model, IMAGES, [3, None, 0], 2)
    np.testing.assert_allclose(scores, logits[[0, 1, 2], target], rtol=1e-4, atol=1e-5)

    def function(outputs):
        return outputs[:, 1]

    assert fixed_target(model, IMAGES, function, 2) is function
    np.testing.assert_allclose(clean_scores(model, IMAGES, function, 2)[0], logits[:, 1], rtol=1e-4, atol=1e-5)


def test_baselines():
    model = functional()
    net = Classifier(model, ("a", "b", "c", "d"), SIDE, lambda images: images - 7)
    np.testing.assert_array_equal(baseline_images(net, IMAGES, "black"), np.full_like(IMAGES, -7))
    np.testing.assert_array_equal(baseline_images(model, IMAGES, "black"), np.zeros_like(IMAGES))
    mean = baseline_images(model, IMAGES, "mean")
    np.testing.assert_allclose(mean[2, 5, 6], IMAGES[2].mean(axis=(0, 1)), rtol=1e-4, atol=1e-6)
    blurred = baseline_images(model, IMAGES, "blurred")
    expected = gaussian_filter(IMAGES[1], (1.6, 1.6, 0), mode="nearest")
    np.testing.assert_allclose(blurred[1], expected, rtol=1e-3, atol=1e-4)
    assert baseline_images(model, IMAGES, 3)[1, 2, 3, 0] == 3
    for own in (IMAGES[0], IMAGES, np.array([1.0, 2, 3]), IMAGES[:1]):
        np.testing.assert_array_equal(baseline_images(model, IMAGES, own), np.broadcast_to(own, IMAGES.shape))


@pytest.mark.parametrize(
    ("baseline", "error", "words"),
    [
        ("white", ValueError, "fill is 'white'; 'black', 'mean', 'blurred'"),
        (np.zeros((2, 2)), ValueError, r"fill has shape \(2, 2\)"),
        (np.zeros((5, SIDE, SIDE, 3)), ValueError, "does not fit"),
        (np.nan, ValueError, "NaN"),
        (None, TypeError, "fill is None"),
        (True, TypeError, "fill is True"),
    ],
)
def test_bad_baselines(baseline, error, words):
    with pytest.raises(error, match=words):
        baseline_images(functional(), IMAGES, baseline, "fill")


def test_image_batch():
    import tensorflow as tf

    batch, single = image_batch(functional(), IMAGES[0].astype(np.float16))
    assert single and batch.dtype == np.float32 and batch.shape == (1, SIDE, SIDE, 3)
    batch, single = image_batch(functional(), tf.constant(IMAGES))
    assert not single and isinstance(batch, np.ndarray)
    with pytest.raises(ValueError, match="shape"):
        image_batch(functional(), IMAGES[..., :2])


def test_whole_numbers():
    assert whole_number("steps", np.int64(3)) == 3
    for wrong in (True, 2.0, "3", None):
        with pytest.raises(TypeError, match="steps is .*; a whole number is wanted"):
            whole_number("steps", wrong)
    with pytest.raises(ValueError, match="steps is 1; at least 2 is wanted"):
        whole_number("steps", 1, 2)
