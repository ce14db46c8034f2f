import numpy as np
import pytest
import tensorflow as tf

from cnnviz.training_data import augment, random_boxes, training_batches


def test_the_same_seed_gives_the_same_pictures():
    images = np.random.default_rng(0).integers(0, 256, (4, 112, 112, 3), np.uint8)
    first, again, other = (augment(tf.constant(images), 64, tf.constant(seed)) for seed in ([1, 2], [1, 2], [1, 3]))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).mean() > 5
    assert first.shape == (4, 64, 64, 3)
    assert first.numpy().min() >= 0
    assert first.numpy().max() <= 255


def test_random_boxes_lie_inside_and_have_the_asked_area():
    boxes = random_boxes(2000, np.random.default_rng(0), area=(0.3, 0.8))
    height, width = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    assert boxes.min() >= 0
    assert boxes.max() <= 1 + 1e-6
    assert (height * width).min() > 0.28
    assert (height * width).max() < 0.8001
    assert (height * width).mean() == pytest.approx(0.55, abs=0.02)


def test_every_photograph_once_in_an_epoch():
    count, each = 12, 2
    views = np.zeros((count, each, 112, 112, 3), np.uint8)
    views += np.arange(count, dtype=np.uint8)[:, None, None, None, None] * 10
    targets = np.eye(count, dtype=np.float32)[:, None].repeat(each, axis=1)
    for epoch in (0, 1):
        batches = list(training_batches(views, targets, 4, range(epoch, epoch + 1), (32, 48), seed=0))
        assert len(batches) == 3
        assert [images.shape[1] for images, _ in batches] == [[32, 48, 32], [48, 32, 48]][epoch]
        seen = np.concatenate([labels.numpy().argmax(-1) for _, labels in batches])
        assert sorted(seen) == list(range(count))


def test_photographs_are_shown_in_their_own_pixels_in_every_second_batch():
    generator = np.random.default_rng(0)
    photographs = generator.integers(0, 256, (4, 128, 128, 3), np.uint8)
    views = np.zeros((4, 2, 112, 112, 3), np.uint8)
    targets = np.zeros((4, 2, 2), np.float32)
    targets[:, 0, 0] = targets[:, 1, 1] = 1
    own, view = list(training_batches(views, targets, 2, range(1), (32,), 0, photographs))
    assert own[0].shape == (2, 112, 112, 3)
    assert view[0].shape == (2, 32, 32, 3)
    np.testing.assert_array_equal(own[1], np.full((2, 2), 0.5))
    # No pixel is a mean of two: the sharpness, contrast aside, is that of the photographs.
    still = augment(photographs[:, :112, :112], 112, np.array([0, 1]), smallest=1.0).numpy()
    flipped = still[:, :, ::-1]
    for image, mirror, photograph in zip(still, flipped, photographs[:, :112, :112] / 255.0, strict=True):
        same = [np.corrcoef(one.mean(-1).ravel(), photograph.mean(-1).ravel())[0, 1] for one in (image, mirror)]
        assert max(same) > 0.93
