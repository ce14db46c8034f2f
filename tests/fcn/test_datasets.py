"""`fcn.datasets`: what label files hold, pairs from folders, batches whose labels are never mixed."""

import csv
import os
from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from data.assets import locate
from data.scenes import scene
from fcn.augment import augment
from fcn.datasets import SegmentationData, camvid, folder_pairs, read_class_dict, scenes, voc, voc_palette
from fcn.datasets.batches import image_sizes
from fcn.datasets.labels import colour_codes, label_of_colours, label_of_ids, read_label

RANDOM = np.random.default_rng(0)
NAMES = ("sky", "road", "car")
COLOURS = [(128, 128, 128), (128, 64, 128), (64, 0, 128)]
needs_camvid = pytest.mark.skipif(locate("camvid") is None, reason="CamVid is not on this machine (set LECTURE_DATA)")


def pictures(*sizes):
    return [RANDOM.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]


def label_arrays(*sizes, classes=3):
    labels = [RANDOM.integers(0, classes, size, dtype=np.uint8) for size in sizes]
    for label in labels:
        label[0, 0] = 255
    return labels


def save(array, path, mode=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(array)
    if mode == "P":
        picture = Image.frombytes("P", array.shape[::-1], array.tobytes())
        picture.putpalette(voc_palette().ravel().tolist())
    picture.save(path, **options)
    return path


def arrays(count=5, size=(12, 16)):
    return SegmentationData(pictures(*[size] * count), label_arrays(*[size] * count), NAMES)


# Reading


def test_palette_files_are_read_as_ids_not_as_colours(tmp_path):
    (label,) = label_arrays((9, 11), classes=21)
    path = save(label, tmp_path / "a.png", "P")
    np.testing.assert_array_equal(read_label(path), label)
    np.testing.assert_array_equal(read_label(path, by_colour=True), voc_palette()[label])


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("palette", [False, True])
def test_few_bits_for_each_pixel_are_the_ids_that_were_written(tmp_path, bits, palette):
    """Grey of 2 or 4 bits comes stretched to 0..255 from Pillow, TensorFlow and OpenCV."""
    stored = RANDOM.integers(0, 2**bits, (6, 13), dtype=np.uint8)
    path = tmp_path / "a.png"
    if palette:
        picture = Image.frombytes("P", (13, 6), stored.tobytes())
        picture.putpalette(voc_palette(2**bits).ravel().tolist())
        picture.save(path, bits=bits)
    else:
        path.write_bytes(grey_png(stored, bits))
    assert path.read_bytes()[24] == bits
    np.testing.assert_array_equal(read_label(path), stored)


def grey_png(stored, bits):
    """A grey PNG by its specification, as Pillow writes no grey of 2 or 4 bits."""
    import struct
    import zlib

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    each = (stored[..., None] >> np.arange(bits)[::-1] & 1).reshape(len(stored), -1).astype(np.uint8)
    rows = b"".join(b"\0" + np.packbits(row).tobytes() for row in each)
    header = struct.pack(">IIBBBBB", stored.shape[1], stored.shape[0], bits, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_other_ways_to_store_ids(tmp_path):
    (label,) = label_arrays((9, 11))
    sixteen = label.astype(np.uint16) + 300
    np.testing.assert_array_equal(read_label(save(sixteen, tmp_path / "16.png")), sixteen)
    grey = np.repeat(label[..., None], 3, 2)
    np.testing.assert_array_equal(read_label(save(grey, tmp_path / "grey.png")), label)
    opaque = np.dstack([grey, np.full(label.shape, 255, np.uint8)])
    np.testing.assert_array_equal(read_label(save(opaque, tmp_path / "opaque.png")), label)


def test_labels_that_cannot_be_read_say_why(tmp_path):
    colours = save(pictures((9, 11))[0], tmp_path / "c.png")
    with pytest.raises(ValueError, match="holds colours, not ids; give the colour of every class"):
        read_label(colours)
    with pytest.raises(ValueError, match="a JPEG, which alters ids"):
        read_label(save(label_arrays((9, 11))[0], tmp_path / "a.jpg"))
    thin = np.zeros((4, 4, 4), np.uint8)
    with pytest.raises(ValueError, match="partly transparent"):
        read_label(save(thin, tmp_path / "t.png"))
    (tmp_path / "cut.png").write_bytes(colours.read_bytes()[:60])
    with pytest.raises(ValueError, match="damaged, cut short"):
        read_label(tmp_path / "cut.png")
    (tmp_path / "page.png").write_text("<html>")
    with pytest.raises(ValueError, match="an HTML page"):
        read_label(tmp_path / "page.png")
    with pytest.raises(FileNotFoundError, match="no file"):
        read_label(tmp_path / "none.png")
    with pytest.raises(TypeError, match="float64; whole numbers"):
        read_label(np.zeros((3, 3)))


def test_ids_and_colours_by_a_loop():
    """Against the plainest implementation, pixel by pixel."""
    ids, void_ids = (7, 3, 300), (11, 0)
    for dtype, size in ((np.uint8, (20, 20)), (np.uint16, (20, 20)), (np.int64, (3, 3))):
        stored = RANDOM.choice([7, 3, 11, 0, 255, 9] + [300] * (dtype != np.uint8), size).astype(dtype)
        label, unknown = label_of_ids(stored, ids, 255, void_ids)
        meaning = {7: 0, 3: 1, 300: 2}
        np.testing.assert_array_equal(label, [[meaning.get(int(v), 255) for v in row] for row in stored])
        np.testing.assert_array_equal(unknown, stored == 9)
    table = [*COLOURS, (0, 0, 0), (0, 0, 1)]
    stored = np.array(table, np.uint8)[RANDOM.integers(0, 5, (20, 20))]
    label, unknown = label_of_colours(stored, np.array(COLOURS), 255, np.array([(0, 0, 0)]))
    expected = [[table.index(tuple(v)) if table.index(tuple(v)) < 3 else 255 for v in row.tolist()] for row in stored]
    np.testing.assert_array_equal(label, expected)
    np.testing.assert_array_equal(unknown, (stored == (0, 0, 1)).all(-1))
    assert colour_codes(np.uint8([1, 2, 3])) == 0x010203


# Pairs


def test_a_pair_is_checked_when_it_is_read():
    data = SegmentationData(pictures((8, 9)), label_arrays((9, 8)), NAMES)
    with pytest.raises(ValueError, match="image is 8 x 9, the label 9 x 8"):
        data[0]
    stray = np.full((8, 9), 1, np.uint8)
    stray[2, 3:5] = 37
    data = SegmentationData(pictures((8, 9)), [stray], NAMES)
    with pytest.raises(ValueError, match="ids without a class: 37 in 2 pixels; lint"):
        data[0]
    _, label = SegmentationData(data.images, [stray], NAMES, unknown="void")[0]
    np.testing.assert_array_equal(label, np.where(stray == 37, 255, 1))


def test_a_subset_and_a_loaded_set_hold_the_same_pairs():
    data = arrays()
    for index, other in zip((3, 1), data.subset(np.array([3, 1]))):
        np.testing.assert_array_equal(other[1], data[index][1])
    small = data.loaded((6, 7), verbose=False)
    assert small.images[0].shape == (6, 7, 3)
    np.testing.assert_array_equal(small[2][1], data.labels[2][1::2][:, (np.arange(7) * 2 + 1) * 16 // 14])
    with pytest.raises(TypeError, match="an index is"):
        data.subset([True, False, True, False, False])
    with pytest.raises(IndexError):
        data.subset([5])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"labels": []}, "1 images and 0 labels"),
        ({"class_names": ("a", "a", "b")}, "different names"),
        ({"class_names": "abc"}, "different names"),
        ({"void": 2}, "void is 2; with 3 classes"),
        ({"colours": [(0, 0, 0)]}, r"colours has shape \(1, 3\); \(3, 3\)"),
        ({"colours": [(0, 0, 300)] * 3}, "0..300"),
        ({"colours": [(0, 0, 0)] * 3, "by_colour": True}, "stands for two classes"),
        ({"by_colour": True}, "colours is None"),
        ({"ids": (0, 1)}, "every class has one number"),
        ({"void_ids": (2,)}, "every class has one number"),
        ({"unknown": "ignore"}, "unknown is 'ignore'"),
    ],
)
def test_fields_that_do_not_fit(change, words):
    fields = {"images": pictures((4, 4)), "labels": label_arrays((4, 4)), "class_names": NAMES}
    with pytest.raises(ValueError, match=words):
        SegmentationData(**fields | change)


# Batches


def test_labels_are_never_mixed_by_a_resize():
    """Bilinear labels would turn classes 0 and 2 into 1 (keras.io's DeepLab example)."""
    label = np.kron([[0, 2], [2, 0]], np.ones((10, 10), int)).astype(np.uint8)
    label[:3] = 255
    data = SegmentationData(pictures((20, 20)), [label], NAMES)
    for size in ((7, 13), (33, 41), 9):
        ((image, found),) = data.as_tf_data(size, batch=None)
        assert set(np.unique(found)) == {0, 2, 255} and found.dtype == tf.int32
        assert image.shape[:2] == found.shape
    ((_, found),) = data.as_tf_data((7, 13), batch=None, seed=0, augment=partial(augment, rotation=30))
    assert set(np.unique(found)) <= {0, 2, 255}


def test_an_image_that_shrinks_is_averaged():
    image = RANDOM.integers(0, 256, (12, 16, 3), dtype=np.uint8)
    data = SegmentationData([image], [np.zeros((12, 16), np.uint8)], NAMES)
    ((found, _),) = data.as_tf_data((6, 8), batch=None)
    np.testing.assert_allclose(found, image.reshape(6, 2, 8, 2, 3).mean((1, 3)), atol=0.5 + 1e-6)


def test_order_epochs_and_length():
    data = arrays(7)
    marks = {label.tobytes(): i for i, label in enumerate(data.labels)}

    def shown(dataset):
        return [marks[label.numpy().astype(np.uint8).tobytes()] for _, labels in dataset for label in labels]

    assert shown(data.as_tf_data(batch=3)) == list(range(7))
    dataset = data.as_tf_data(batch=3, seed=5)
    assert len(dataset) == 3 and len(data.as_tf_data(batch=3, drop_remainder=True)) == 2
    passes = [shown(dataset) for _ in range(3)]
    assert all(sorted(one) == list(range(7)) for one in passes) and passes[0] != passes[1] != passes[2]
    one_epoch = data.as_tf_data(batch=3, seed=5, epoch=2)
    assert shown(one_epoch) == shown(one_epoch) == passes[2]
    assert [spec.shape.as_list() for spec in dataset.element_spec] == [[None, 12, 16, 3], [None, 12, 16]]


def test_views_depend_on_seed_epoch_and_pair_alone():
    """Not on the size of the batch, the order or the number of threads: a resumed training sees the same."""
    data = arrays(6)

    def views(batch, epoch):
        dataset = data.as_tf_data(batch=batch, seed=3, augment=augment, epoch=epoch)
        return [image.numpy().tobytes() for images, _ in dataset for image in images]

    assert views(1, 4) == views(4, 4)
    assert not set(views(2, 4)) & set(views(2, 5))
    dataset = data.as_tf_data(batch=2, seed=3, augment=augment)
    two = [[image.numpy().tobytes() for images, _ in dataset for image in images] for _ in range(2)]
    assert two == [views(2, 0), views(2, 1)]


def test_no_view_comes_twice():
    """Four times the same pair, three epochs: with seeds that meet again, epoch 1 would repeat what epoch 0 showed."""
    image, label = pictures((12, 16)) * 4, label_arrays((12, 16)) * 4
    dataset = SegmentationData(image, label, NAMES).as_tf_data(batch=4, seed=0, augment=augment)
    views = [image.numpy().tobytes() for _ in range(3) for images, _ in dataset for image in images]
    assert len(views) == len(set(views)) == 12


def test_types_of_images():
    data = arrays(2)
    (batch,) = data.as_tf_data(dtype="uint8")
    np.testing.assert_array_equal(batch[0], data.images)
    (batch,) = data.as_tf_data()
    assert batch[0].dtype == tf.float32 and float(tf.reduce_max(batch[0])) > 200
    (batch,) = data.as_tf_data(dtype="uint8", seed=0, augment=augment)
    assert batch[0].dtype == tf.uint8


def test_images_of_several_sizes():
    sizes = (8, 9), (10, 9)
    data = SegmentationData(pictures(*sizes), label_arrays(*sizes), NAMES)
    with pytest.raises(ValueError, match="2 sizes, pair 0 8 x 9 and pair 1 10 x 9"):
        data.as_tf_data(batch=2)
    assert [image.shape for image, _ in data.as_tf_data(batch=1)] == [(1, 8, 9, 3), (1, 10, 9, 3)]
    ((image, _),) = data.as_tf_data(batch=2, seed=0, augment=partial(augment, crop=6))
    assert image.shape == (2, 6, 6, 3)


def test_sizes_are_those_of_the_upright_image(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(pictures((8, 12))[0], tmp_path / "a.jpg", exif=exif)
    data = SegmentationData([path], label_arrays((12, 8)), NAMES)
    assert list(image_sizes(data)) == [(12, 8)] and data[0][0].shape == (12, 8, 3)
    assert next(iter(data.as_tf_data()))[0].shape == (1, 12, 8, 3)


def test_bad_arguments_of_batches():
    data = arrays(2)
    for arguments, error, words in (
        ({"batch": 0}, ValueError, "batch is 0"),
        ({"batch": 2.0}, TypeError, "batch is 2.0"),
        ({"size": (0, 4)}, ValueError, "size is 0"),
        ({"seed": -1}, ValueError, "seed is -1"),
        ({"augment": augment}, ValueError, "augment is given and seed is not"),
        ({"augment": "flip", "seed": 0}, TypeError, "augment is 'flip'"),
        ({"dtype": "float16"}, ValueError, "dtype is 'float16'"),
        ({"batch": 3, "drop_remainder": True}, ValueError, "nothing would be left"),
    ):
        with pytest.raises(error, match=words):
            data.as_tf_data(**arguments)


def test_the_words_of_an_error_arrive_through_tensorflow():
    data = SegmentationData(pictures((8, 9)), [np.full((8, 9), 37, np.uint8)], NAMES)
    with pytest.raises(tf.errors.InvalidArgumentError, match="ids without a class: 37 in 72 pixels"):
        list(data.as_tf_data())


def test_keras_trains_on_it():
    model = keras.Sequential([keras.Input((12, 16, 3)), keras.layers.Rescaling(1 / 255), keras.layers.Conv2D(3, 1)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=255)
    model.compile("adam", loss)
    history = model.fit(arrays().as_tf_data(batch=2, seed=0, augment=augment), epochs=2, shuffle=False, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


# Sources


def test_folders_by_id(tmp_path):
    labels = label_arrays((8, 9), (8, 9))
    for name, label, image in zip("ba", labels, pictures((8, 9), (8, 9))):
        save(image, tmp_path / "images" / f"{name}.jpg")
        save(label, tmp_path / "labels" / f"{name}.png")
    save(labels[0], tmp_path / "labels" / "left.png")
    save(pictures((8, 9))[0], tmp_path / "images" / "lone.PNG")
    (tmp_path / "images" / "notes.txt").write_text("no picture")
    data = folder_pairs(tmp_path / "images", tmp_path / "labels")
    assert data.class_names == ("class 0", "class 1", "class 2") and [data.name(i) for i in range(2)] == ["a", "b"]
    np.testing.assert_array_equal(data[0][1], labels[1])
    assert [path.name for path in data.images_without_label] == ["lone.PNG"]
    assert [path.name for path in data.labels_without_image] == ["left.png"]
    other = folder_pairs(
        tmp_path / "images", tmp_path / "labels", class_names=("two", "one"), ids=(2, 1), void_ids=(0,)
    )
    np.testing.assert_array_equal(
        other[0][1], np.array([255, 1, 0])[labels[1].clip(max=2)] * (labels[1] < 255) + 255 * (labels[1] == 255)
    )


def test_folders_by_colour(tmp_path):
    """The folder and class_dict.csv of CamVid as it goes round: name_L.png beside name.png."""
    (label,) = label_arrays((8, 9))
    image = pictures((8, 9))[0]
    table = np.zeros((256, 3), np.uint8)
    table[:3] = COLOURS
    save(image, tmp_path / "a.png")
    save(table[label], tmp_path / "a_L.png")
    rows = [["name", " r", " g", " b"], *[[n, *c] for n, c in zip(NAMES, COLOURS)], ["Void", 0, 0, 0]]
    with open(tmp_path / "class_dict.csv", "w", newline="", encoding="utf-8-sig") as stream:
        csv.writer(stream).writerows(rows)
    data = folder_pairs(tmp_path, tmp_path, tmp_path / "class_dict.csv", label_ending="_L")
    assert len(data) == 1 and data.class_names == NAMES and not data.images_without_label
    np.testing.assert_array_equal(data[0][1], label)
    np.testing.assert_array_equal(data[0][0], image)
    ((_, found),) = data.loaded(verbose=False).as_tf_data(batch=None)
    np.testing.assert_array_equal(found, label)
    with pytest.raises(ValueError, match="holds colours, not ids; give the colour of every class"):
        folder_pairs(tmp_path, tmp_path, label_ending="_L")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "names no class"),
        ("name,r,g,b\nroad,1,2", "line 2: 'road,1,2'; name,r,g,b"),
        ("road,1,2,256", "0..255"),
        ("road,1,2,3\ncar,1,2,3", "line 2.*came before"),
        ("road,1,2,3\nroad,1,2,4", "line 2.*came before"),
        ("void,0,0,0", "names no class"),
    ],
)
def test_class_dicts_that_are_refused(tmp_path, text, words):
    (tmp_path / "c.csv").write_text(text)
    with pytest.raises(ValueError, match=words):
        read_class_dict(tmp_path / "c.csv")


def test_folders_that_do_not_fit(tmp_path):
    save(pictures((4, 4))[0], tmp_path / "i" / "a.png")
    save(label_arrays((4, 4))[0], tmp_path / "l" / "b_L.png")
    with pytest.raises(ValueError, match=r"no image and label share a name: 1 files \(a.png\).*label_ending="):
        folder_pairs(tmp_path / "i", tmp_path / "l")
    with pytest.raises(NotADirectoryError, match="labels is .*none"):
        folder_pairs(tmp_path / "i", tmp_path / "none")
    save(pictures((4, 4))[0], tmp_path / "i" / "a.jpg")
    with pytest.raises(ValueError, match="'a.jpg' and 'a.png'.*share a name"):
        folder_pairs(tmp_path / "i", tmp_path / "l")
    with pytest.raises(ValueError, match="by colour or by id"):
        folder_pairs(tmp_path / "i", tmp_path / "l", "c.csv", class_names=("a",))
    with pytest.raises(ValueError, match="say which class each number is"):
        folder_pairs(tmp_path / "i", tmp_path / "l", ids=(3, 4))


def test_voc(tmp_path):
    labels = label_arrays((8, 9), (8, 9), classes=21)
    for name, label in zip(("2007_1", "2007_2"), labels):
        save(pictures((8, 9))[0], tmp_path / "JPEGImages" / f"{name}.jpg")
        save(label, tmp_path / "SegmentationClass" / f"{name}.png", "P")
    (tmp_path / "SegmentationClass" / "2007_1.png").rename(tmp_path / "kept.png")
    listing = tmp_path / "ImageSets" / "Segmentation" / "val.txt"
    listing.parent.mkdir(parents=True)
    listing.write_text("2007_2\n2007_1\n")
    data = voc(tmp_path, "validation")
    assert len(data) == 1 and len(data.class_names) == 21 and data.images_without_label[0].stem == "2007_1"
    np.testing.assert_array_equal(data[0][1], labels[1])
    with pytest.raises(ValueError, match="split is 'val'; accepted: train, validation"):
        voc(tmp_path, "val")
    with pytest.raises(FileNotFoundError, match=r"train.txt'; folder is the one"):
        voc(tmp_path, "train")


def test_voc_palette_is_the_published_one():
    """Everingham's table, a few lines of it: sheep, sofa, train, tvmonitor and the border."""
    palette = voc_palette()
    assert palette[[15, 17, 18, 19, 20, 255]].tolist() == [
        [192, 128, 128], [128, 64, 0], [0, 192, 0], [128, 192, 0], [0, 64, 128], [224, 224, 192],
    ]  # fmt: skip
    assert len(np.unique(palette, axis=0)) == 256
    with pytest.raises(ValueError, match="256 colours"):
        voc_palette(257)


def test_scenes_are_those_of_the_seed():
    data = scenes(3, seed=4, size=(32, 48), verbose=False)
    for index, (image, label) in enumerate(data):
        drawn = scene((4, index), (32, 48))
        np.testing.assert_array_equal(image, drawn.image)
        np.testing.assert_array_equal(label, drawn.class_mask)
    with pytest.raises(ValueError, match="count is 0"):
        scenes(0)


@needs_camvid
def test_camvid():
    data = camvid("validation")
    assert len(data) == 101 and data.name(0) == "0016E5_07959"
    image, label = data[0]
    raw = np.asarray(Image.open(data.labels[0]))
    np.testing.assert_array_equal(label, np.where(raw == 11, 255, raw))
    assert image.shape == (360, 480, 3) and 11 in raw
    assert data.class_names[3] == "Road" and (label[300:, 200:280] == 3).mean() > 0.9  # the road lies before the car


def test_camvid_splits_that_do_not_exist():
    with pytest.raises(ValueError, match="test images are not to be had"):
        camvid("test")
    with pytest.raises(ValueError, match="split is 'val'; accepted: train, validation"):
        camvid("val")


def test_importing_datasets_does_not_import_tensorflow():
    import subprocess
    import sys

    code = "import sys, fcn.datasets, fcn.augment; print([m for m in ('tensorflow', 'cv2') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert run.stdout.strip() == "[]"
