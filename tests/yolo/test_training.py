"""`yolo.training`: two parts of a model give what the whole gives; features are known by what they are made of."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from yolo.datasets import DetectionData, Record, scenes
from yolo.models import yolov3_tiny
from yolo.training import bottleneck, split
from yolo.training.features import key

LAST = ("head_32/raw", "head_16/raw")
SIZE = (64, 96)


@pytest.fixture(scope="module")
def data():
    drawn = scenes(5, size=48, verbose=False)
    crowd = Record(drawn[0].image, [(2, 3, 40, 30)], [1], drawn.names, crowd=[True], id="crowd")
    return DetectionData([*drawn, crowd], drawn.names)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(3)
    return yolov3_tiny(classes=3, width=0.125)


def pictures(count=2, size=SIZE, seed=0):
    return np.random.default_rng(seed).random((count, *size, 3)).astype(np.float32)


@pytest.mark.parametrize("layers", [LAST, ("head_32", "head_16"), ("neck_32", "join_16")])
def test_the_parts_are_the_whole(model, layers):
    body, head = split(model, layers)
    x = pictures()
    for one, other in zip(head(body(x)), model(x)):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_what_the_head_learns_the_model_has_learnt(model):
    body, head = split(model, LAST)
    names = {weight.path for weight in head.trainable_weights}
    assert len(head.trainable_weights) == 4 and all("raw" in name for name in names)
    x, before = pictures(), [one.numpy() for one in model(pictures())]
    features = body(x)
    head.compile("sgd", "mse")
    head.fit(features, [np.ones_like(one) for one in before], verbose=0)
    after = model(x)
    assert all(np.abs(new - old).max() > 1e-4 for new, old in zip(after, before))
    for one, other in zip(head(features), after):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_layers_of_a_flat_model_are_cut_by_name():
    inputs = keras.Input((8, 8, 3))
    first = keras.layers.Conv2D(4, 3, name="first")(inputs)
    outputs = keras.layers.Conv2D(2, 1, name="last")(keras.layers.ReLU(name="relu")(first))
    whole = keras.Model(inputs, outputs)
    body, head = split(whole, ["last"])
    assert [layer.name for layer in head.layers][-1] == "last" and len(head.weights) == 2
    x = pictures(size=(8, 8))
    np.testing.assert_allclose(head(body(x)), whole(x), atol=1e-6)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        (("head_8",), "layer 'head_8' does not exist: 'head_8' is not among picture, body"),
        (("head_32/first",), "'first' is not among .*widen"),
        (("head_32/raw",), "an output of yolov3_tiny depends on more than these"),
        ((), "different names are wanted"),
        ("head_32", "different names are wanted"),
    ],
)
def test_cuts_that_cannot_be(model, layers, words):
    with pytest.raises(ValueError, match=words):
        split(model, layers)


def test_features_are_those_of_the_body(model, data, tmp_path):
    body, head = split(model, LAST)
    cache = bottleneck(body, data, SIZE, tmp_path, batch=4, verbose=False)
    assert len(cache) == 6 and [part.shape for part in cache.features] == [(6, 2, 3, 64), (6, 4, 6, 32)]
    assert all(isinstance(part, np.memmap) for part in cache.features)
    ((images, truth),) = data.as_tf_data(SIZE, batch=6)
    for part, expected in zip(cache.features, body(images)):
        np.testing.assert_allclose(part, expected, atol=1e-5)
    for name, expected in truth.items():
        np.testing.assert_array_equal(cache.truth[name], expected)
    half = bottleneck(body, data, SIZE, tmp_path, dtype="float16", verbose=False)
    assert half.folder != cache.folder and half.features[0].dtype == np.float16
    np.testing.assert_allclose(half.features[1], cache.features[1], rtol=1e-3, atol=1e-4)


def test_batches_come_in_the_order_of_the_pictures(model, data, tmp_path):
    body, _ = split(model, LAST)
    cache = bottleneck(body, data, SIZE, tmp_path, verbose=False)
    plain = data.as_tf_data(SIZE, batch=4, seed=7)
    cached = cache.as_tf_data(4, seed=7)
    assert len(cached) == 2 and len(cache.as_tf_data(4, drop_remainder=True)) == 1
    for _ in range(2):
        for (images, truth), (features, stored) in zip(plain, cached):
            np.testing.assert_array_equal(truth["boxes"], stored["boxes"])
            np.testing.assert_allclose(features[1], body(images)[1], atol=1e-5)
    third = [truth["classes"].numpy().tolist() for _, truth in cache.as_tf_data(4, seed=7, epoch=2)]
    assert third == [truth["classes"].numpy().tolist() for _, truth in cached]
    assert cached.element_spec[0][0].shape.as_list() == [None, 2, 3, 64]
    with pytest.raises(ValueError, match="nothing would be left"):
        cache.as_tf_data(7, drop_remainder=True)


def test_what_is_there_is_not_calculated_again(model, data, tmp_path, monkeypatch):
    body, _ = split(model, LAST)
    first = bottleneck(body, data, SIZE, tmp_path, verbose=False)

    def never(*_):
        raise AssertionError

    monkeypatch.setattr("yolo.training.features._calculate", never)
    again = bottleneck(split(model, LAST).body, data, SIZE, tmp_path, verbose=False)
    assert again.folder == first.folder
    np.testing.assert_array_equal(again.features[0], first.features[0])


def test_the_key_is_what_the_features_are_made_of(model, data, tmp_path):
    from PIL import Image

    body, _ = split(model, LAST)
    names = data.names
    pixels = data[0].image
    Image.fromarray(pixels).save(tmp_path / "a.png")
    file = Record(tmp_path / "a.png", data[0].boxes, data[0].classes, names)
    data = DetectionData([*data, file], names)
    keys = {"as it is": key(body, data, SIZE, "float32")}
    assert keys["as it is"] == key(split(model, LAST).body, data, SIZE, "float32")
    keys["size"] = key(body, data, (96, 64), "float32")
    keys["type"] = key(body, data, SIZE, "float16")
    keys["order"] = key(body, data.subset([1, 0, 2, 3, 4, 5, 6]), SIZE, "float32")
    keys["fewer"] = key(body, data.subset(range(6)), SIZE, "float32")
    moved = Record(pixels, data[0].boxes + 1, data[0].classes, names)
    keys["boxes"] = key(body, DetectionData([moved, *list(data)[1:]], names), SIZE, "float32")
    other = pixels.copy()
    other[3, 4, 1] ^= 1
    changed = Record(other, data[0].boxes, data[0].classes, names)
    keys["one bit of a picture"] = key(body, DetectionData([changed, *list(data)[1:]], names), SIZE, "float32")
    Image.fromarray(other).save(tmp_path / "a.png")
    keys["one bit of a file"] = key(body, data, SIZE, "float32")
    Image.fromarray(pixels).save(tmp_path / "a.png")
    keys["another cut"] = key(split(model, ("head_32", "head_16")).body, data, SIZE, "float32")
    kernel = body.weights[0]
    values = kernel.numpy()
    kernel.assign(values + np.float32(1e-3) * (np.arange(values.size) == 5).reshape(values.shape))
    keys["one weight"] = key(body, data, SIZE, "float32")
    kernel.assign(values)
    assert key(body, data, SIZE, "float32") == keys["as it is"] and len(set(keys.values())) == len(keys)


def test_connections_are_part_of_the_key(data):
    """The same layers and weights, in another order."""

    def body(swapped):
        inputs = keras.Input((None, None, 3))
        steps = [keras.layers.ReLU(), keras.layers.Softmax()]
        one = steps[0](inputs)
        two = steps[1](inputs if swapped else one)
        return keras.Model(inputs, keras.layers.Add()([one, two]))

    assert key(body(False), data, SIZE, "float32") == key(body(False), data, SIZE, "float32")
    assert key(body(False), data, SIZE, "float32") != key(body(True), data, SIZE, "float32")


def test_what_was_interrupted_is_begun_anew(model, data, tmp_path):
    body, _ = split(model, LAST)
    lost = DetectionData([*data, Record(tmp_path / "b.png", [], [], data.names)], data.names)
    (tmp_path / "b.png").write_bytes(b"not a picture")
    with pytest.raises(tf.errors.InvalidArgumentError):
        bottleneck(body, lost, SIZE, tmp_path / "run", batch=2, verbose=False)
    assert list((tmp_path / "run").iterdir()) == []
    part = tmp_path / "run" / f"part.{key(body, data, SIZE, 'float32')}"
    part.mkdir()
    (part / "features_7.npy").write_bytes(b"half of it")
    cache = bottleneck(body, data, SIZE, tmp_path / "run", verbose=False)
    assert len(cache.features) == 2 and not part.exists()


def test_features_that_cannot_be_kept(data, tmp_path, monkeypatch):
    inputs = keras.Input((None, None, 3))
    body = keras.Model(inputs, keras.layers.Rescaling(1e6)(inputs))
    with pytest.raises(ValueError, match="not finite in float16"):
        bottleneck(body, data, SIZE, tmp_path, dtype="float16", verbose=False)
    with pytest.raises(ValueError, match="dtype is 'int8'"):
        bottleneck(body, data, SIZE, tmp_path, dtype="int8")
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with pytest.raises(OSError, match="0.00 GB are free"):
        bottleneck(body, data, SIZE, tmp_path, verbose=False)
    assert list(tmp_path.iterdir()) == []


def test_importing_it_does_not_import_tensorflow():
    code = "import sys, yolo.training; print('tensorflow' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
