"""`DetectionData.as_tf_data` and `loaded`: order, views and sizes from seed and epoch; no box lost unsaid."""

from functools import partial

import numpy as np
import pytest
import tensorflow as tf

from data import letterbox
from yolo.augment import View, augment, letterboxed, view_of
from yolo.datasets import DetectionData, Record, scenes
from yolo.datasets.batches import size_at

NAMES = ("a", "b", "c")


def pictures(count=7, seed=0):
    """Picture number i is as bright as 30 i and has i boxes."""
    random = np.random.default_rng(seed)
    records = []
    for number in range(count):
        first = random.uniform(0, 12, (number, 2))
        boxes = np.concatenate([first, first + random.uniform(2, 8, (number, 2))], axis=1)
        image = np.full((*random.integers(24, 60, 2), 3), 30 * number, np.uint8)
        records.append(Record(image, boxes, random.integers(0, 3, number), NAMES, id=number))
    return DetectionData(records, NAMES)


def shown(dataset):
    """Numbers of the pictures, by their boxes."""
    return [int(count) for _, truth in dataset for count in (truth["classes"].numpy() >= 0).sum(axis=1)]


def views(dataset):
    return [image.numpy().tobytes() for images, _ in dataset for image in images]


def test_whole_pictures_with_all_their_boxes():
    data = pictures()
    ((images, truth),) = data.as_tf_data((64, 96), batch=7)
    assert images.shape == (7, 64, 96, 3) and images.dtype == tf.float32
    assert truth["boxes"].shape == (7, 6, 4)
    for number, record in enumerate(data):
        canvas, fit = letterbox(record.image, (64, 96), 128)
        np.testing.assert_allclose(images[number], canvas / np.float32(255), atol=1e-6)
        np.testing.assert_allclose(truth["boxes"][number, :number], fit.apply_boxes(record.boxes), atol=1e-4)
        assert truth["classes"][number].numpy().tolist() == [*record.classes, *[-1] * (6 - number)]
        assert truth["weights"][number].numpy().tolist() == [1] * number + [0] * (6 - number)
        assert not truth["boxes"][number, number:].numpy().any()


def test_crowds_stay_and_do_not_count():
    record = Record(np.zeros((32, 32, 3), np.uint8), [(1, 1, 9, 9), (3, 3, 30, 30)], [0, 2], NAMES, crowd=[False, True])
    ((_, truth),) = DetectionData([record], NAMES).as_tf_data(32, max_boxes=3)
    assert truth["classes"].numpy().tolist() == [[0, 2, -1]] and truth["weights"].numpy().tolist() == [[1, 0, 0]]


def test_order_epochs_and_length():
    data = pictures()
    assert shown(data.as_tf_data(32, batch=3)) == list(range(7))
    dataset = data.as_tf_data(32, batch=3, seed=5)
    assert len(dataset) == 3 and len(data.as_tf_data(32, batch=3, drop_remainder=True)) == 2
    passes = [shown(dataset) for _ in range(3)]
    assert all(sorted(one) == list(range(7)) for one in passes) and passes[0] != passes[1] != passes[2]
    one_epoch = data.as_tf_data(32, batch=3, seed=5, epoch=2)
    assert shown(one_epoch) == shown(one_epoch) == passes[2]
    now = [1]
    asked = data.as_tf_data(32, batch=3, seed=5, epoch=lambda: now[0])
    assert shown(asked) == passes[1]
    now[0] = 2
    assert shown(asked) == passes[2]
    assert dataset.element_spec[0].shape.as_list() == [None, 32, 32, 3]
    assert dataset.element_spec[1]["boxes"].shape.as_list() == [None, 6, 4]


def test_views_depend_on_seed_epoch_and_picture_alone():
    """Not on the size of the batch or the number of threads: a resumed training sees the same."""
    data = scenes(6, size=48, verbose=False)

    def some(batch, epoch, seed=3):
        return views(data.as_tf_data(64, batch, seed=seed, augment=augment, epoch=epoch))

    assert some(1, 4) == some(4, 4)
    assert not set(some(2, 4)) & set(some(2, 5)) and not set(some(2, 4)) & set(some(2, 4, seed=2))
    dataset = data.as_tf_data(64, batch=2, seed=3, augment=augment)
    assert [views(dataset) for _ in range(2)] == [some(2, 0), some(2, 1)]


def test_a_view_is_that_of_augment():
    data = scenes(4, size=48, verbose=False)
    dataset = data.as_tf_data(64, 4, seed=9, augment=partial(augment, mosaic=1.0, mixup=0.5), epoch=3, dtype="uint8")
    ((images, truth),) = dataset
    order = np.random.default_rng((9, 3, 1)).permutation(4)
    for row, index in enumerate(order):
        view = augment(data, int(index), (9, 3 * 4 + int(index)), 64, mosaic=1.0, mixup=0.5)
        count = len(view.boxes)
        np.testing.assert_array_equal(images[row], view.image)
        np.testing.assert_array_equal(truth["boxes"][row, :count], view.boxes)
        np.testing.assert_array_equal(truth["weights"][row, :count], view.weights)
        assert (truth["classes"][row, count:].numpy() == -1).all()


def test_no_view_comes_twice():
    data = scenes(1, size=48, verbose=False)
    four = DetectionData([data[0]] * 4, data.names).as_tf_data(64, 4, seed=0, augment=augment)
    seen = [view for _ in range(3) for view in views(four)]
    assert len(seen) == len(set(seen)) == 12


def test_sizes_change_every_few_batches_as_seed_and_step_decide():
    data, sizes = pictures(), (32, (64, 32), 96)

    def steps(epoch, seed=1, every=2, batch=2):
        dataset = data.as_tf_data(batch=batch, sizes=sizes, every=every, seed=seed, epoch=epoch)
        assert len(dataset) == 4 and dataset.element_spec[0].shape.as_list() == [None, None, None, 3]
        return [tuple(images.shape[1:3]) for images, _ in dataset]

    both = [(32, 32), (64, 32), (96, 96)]
    seen = [size for epoch in range(6) for size in steps(epoch)]
    assert seen == [both[size_at(1, step // 2, 3)] for step in range(24)]
    assert set(seen) == set(both) and all(seen[i] == seen[i + 1] for i in range(0, 24, 2))
    assert seen != [size for epoch in range(6) for size in steps(epoch, seed=2)]
    odd = [size for epoch in range(6) for size in steps(epoch, every=3)]  # a turn goes on in the next epoch
    assert odd == [both[size_at(1, step // 3, 3)] for step in range(24)]
    counts = np.bincount([size_at(0, turn, 3) for turn in range(600)], minlength=3)
    assert (np.abs(counts - 200) < 45).all()


def test_boxes_follow_the_size():
    data = pictures()
    for images, truth in data.as_tf_data(batch=1, sizes=(32, 96), every=1, seed=0):
        number = int((truth["classes"].numpy() >= 0).sum())
        expected = letterboxed(view_of(data[number]), tuple(images.shape[1:3])).boxes
        np.testing.assert_allclose(truth["boxes"][0, :number], expected, atol=1e-4)


def test_too_many_boxes_are_an_error_not_left_out():
    data = pictures()
    with pytest.raises(ValueError, match="max_boxes is 5 and 6 has 6 boxes; none is to be lost"):
        data.as_tf_data(32, max_boxes=5)
    many = data.as_tf_data(32, max_boxes=6, seed=0, augment=partial(augment, mosaic=1.0, visible=0.0))
    with pytest.raises(tf.errors.InvalidArgumentError, match="boxes and max_boxes is 6; give a larger one"):
        list(many.repeat(5))
    assert data.as_tf_data(32, seed=0, augment=augment).element_spec[1]["boxes"].shape[1] == 30
    (_, truth) = next(iter(DetectionData([data[0]], NAMES).as_tf_data(32)))
    assert truth["boxes"].shape == (1, 1, 4) and truth["classes"].numpy().tolist() == [[-1]]


def test_boxes_without_area_are_refused_at_the_door():
    bad = Record(np.zeros((32, 32, 3), np.uint8), [(1, 1, 9, 9), (3, 3, 3, 9)], [0, 2], NAMES, id="x")
    with pytest.raises(ValueError, match="x, box 1: the box 3, 3, 3, 9 has no area"):
        DetectionData([*pictures(2), bad], NAMES).as_tf_data(32)


def test_an_augmentation_that_makes_something_else():
    def other(data, index, seed, size):
        return view_of(data[index])

    dataset = pictures().as_tf_data(64, seed=0, augment=other)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"augment made uint8 .* \(64, 64, 3\) is wanted"):
        list(dataset)

    def grey(data, index, seed, size):
        return View(np.full((*size, 3), seed[1], np.uint8), np.zeros((0, 4)), np.zeros(0), np.zeros(0))

    ((images, _),) = pictures().as_tf_data(32, 8, seed=0, augment=grey, epoch=2, dtype="uint8")
    assert sorted(images[:, 0, 0, 0].numpy()) == list(range(14, 21))


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"batch": 0}, ValueError, "batch is 0"),
        ({"size": 416.0}, TypeError, "size is 416.0"),
        ({"sizes": (), "seed": 0}, ValueError, "sizes is empty"),
        ({"sizes": (32, 64)}, ValueError, "sizes is given and seed is not"),
        ({"every": 0}, ValueError, "every is 0"),
        ({"augment": augment}, ValueError, "augment is given and seed is not"),
        ({"augment": "flip", "seed": 0}, TypeError, "augment is 'flip'"),
        ({"dtype": "float16"}, ValueError, "dtype is 'float16'"),
        ({"epoch": -1}, ValueError, "epoch is -1"),
        ({"batch": 8, "drop_remainder": True}, ValueError, "nothing would be left"),
    ],
)
def test_bad_arguments(arguments, error, words):
    with pytest.raises(error, match=words):
        pictures().as_tf_data(**arguments)
    with pytest.raises(ValueError, match="there are no images"):
        DetectionData([], NAMES).as_tf_data()


def test_loaded_pictures_are_smaller_and_so_are_their_boxes(tmp_path):
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "cell.png")
    record = Record(tmp_path / "cell.png", [(9, 6, 45, 30)], [1], NAMES, areas=[100.0], difficult=[True])
    data = DetectionData([record, *pictures(1)], NAMES)
    whole = data.loaded(verbose=False)
    np.testing.assert_array_equal(whole[0].image, pixels)
    assert whole[0].boxes.tolist() == record.boxes.tolist() and whole[0].name == "cell" and whole[0].size == (60, 90)
    small = data.loaded(30, verbose=False)
    assert small[0].size == small[0].image.shape[:2] == (20, 30)
    np.testing.assert_allclose(small[0].boxes, [(3, 2, 15, 10)], atol=1e-6)
    assert small[0].areas.tolist() == pytest.approx([100 / 9]) and small[0].difficult.all()
    np.testing.assert_array_equal(data.loaded(100, verbose=False)[1].image, data[1].image)
    assert small.names == NAMES and len(small) == 2
