import dataclasses
import os
import socket
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

import data
from cnnviz import models
from cnnviz.activations import activation_maps
from cnnviz.derivatives import derivatives
from cnnviz.models import Classifier, central_square, imagenet_models, load
from data import shipped
from data.shipped import card


@pytest.fixture(scope="module")
def classifier():
    return load()


def test_the_card_tells_the_truth_about_the_file(classifier):
    facts = card(models.EMBEDDED)
    weights = Path(data.__file__).parent / "weights" / "classifier.weights.h5"
    assert facts["bytes"] == weights.stat().st_size <= 5_000_000
    assert facts["parameters"] == classifier.model.count_params() <= 2_500_000
    assert len(classifier.class_names) == 12
    for key in ("command", "seed", "epochs", "date", "validation_accuracy", "data"):
        assert facts[key] is not None


def test_the_cat_is_a_cat(classifier):
    photo = data.photo("cat")
    for image in (photo, photo[:, ::-1], central_square(photo)):
        for size in (96, 128, 192, 224):
            logits = classifier.model(classifier.preprocess(image, size=size))
            assert classifier.decode(logits, top=1)[0][0][0] == "cat"


def test_accuracy_on_the_validation_photographs(classifier):
    folders = [
        Path(folder) / name
        for folder in os.environ.get("LECTURE_DATA", "").split(os.pathsep)
        for name in ("imagenette128", "cats_dogs128")
        if folder and (Path(folder) / name).is_dir()
    ]
    if len(folders) != 2:
        pytest.skip("LECTURE_DATA holds no imagenette128 and cats_dogs128")
    from cnnviz.train import read_photographs

    images, labels, class_names = read_photographs(folders, "val")
    assert tuple(class_names) == classifier.class_names
    right = classifier.model.predict(classifier.preprocess(images), batch_size=64, verbose=0).argmax(-1) == labels
    assert right.mean() >= 0.85
    assert right.mean() == pytest.approx(card(models.EMBEDDED)["validation_accuracy"], abs=0.004)


def test_grey_pictures_and_tiny_ones(classifier):
    grey = data.photo("cat").mean(axis=-1, keepdims=True).astype(np.uint8).repeat(3, axis=-1)
    assert np.isfinite(classifier.model(classifier.preprocess(grey)).numpy()).all()
    assert classifier.preprocess(np.zeros((1, 1, 3), np.uint8)).shape == (1, 128, 128, 3)


def test_loading_is_fast(classifier):
    start = time.perf_counter()
    load()
    assert time.perf_counter() - start < 10  # a generous bound: the measured time is in benchmarks/


def test_damaged_weights_are_refused(monkeypatch):
    monkeypatch.setattr(shipped, "card", lambda name, *entries, folder=None: {**models_card, "sha256": "0" * 64})
    with pytest.raises(ValueError, match=r"SHA-256 .* its card says 0000"):
        load()


models_card = card(models.EMBEDDED)


def test_preprocess_cuts_the_centre_or_keeps_everything(classifier):
    image = np.zeros((40, 100, 3), np.uint8)
    image[:, 30:70] = 200
    assert (classifier.preprocess(image, size=64) == 200).all()
    whole = classifier.preprocess(image, size=(64, 160))
    assert whole.shape == (1, 64, 160, 3)
    assert whole[0, 0, 0, 0] == 0
    for same in ([64, 160], np.array([64, 160])):
        np.testing.assert_array_equal(classifier.preprocess(image, size=same), whole)
    assert classifier.preprocess(image, size=np.int64(64)).shape == (1, 64, 64, 3)
    assert classifier.preprocess([image, image[:, :50]]).shape == (2, 128, 128, 3)
    assert classifier.preprocess(np.stack([image, image])).dtype == np.float32


@pytest.mark.parametrize(
    ("images", "arguments", "error", "message"),
    [
        (np.zeros((8, 8, 3), np.float32), {}, TypeError, "uint8 RGB arrays, not float32"),
        ("cat.jpg", {}, TypeError, "read_image"),
        ([], {}, ValueError, "empty"),
        (np.zeros((8, 8, 4), np.uint8), {}, ValueError, r"\(height, width, 3\)"),
        (np.zeros((0, 8, 3), np.uint8), {}, ValueError, r"\(0, 8, 3\)"),
        (np.zeros((8, 8, 3), np.uint8), {"size": 16}, ValueError, "too small"),
        (np.zeros((8, 8, 3), np.uint8), {"size": "64"}, ValueError, r"size is '64'; a side in pixels or"),
        (np.zeros((8, 8, 3), np.uint8), {"size": (64, 64, 3)}, ValueError, r"\(height, width\) is wanted"),
    ],
)
def test_bad_photographs(classifier, images, arguments, error, message):
    with pytest.raises(error, match=message):
        classifier.preprocess(images, **arguments)


def test_decode_is_the_softmax_in_order():
    record = Classifier(None, ("a", "b", "c"), 8, lambda x: x)
    ((first, second),) = record.decode([0.0, np.log(3.0), 1000.0 - 1000.0], top=2)
    assert first == ("b", pytest.approx(0.6))
    assert second == ("a", pytest.approx(0.2))
    assert record.decode(np.array([[1e4, 0, 0]]))[0][0] == ("a", 1.0)
    with pytest.raises(ValueError, match=r"\(batch, 3\)"):
        record.decode([1.0, 2.0])
    with pytest.raises(ValueError, match="top is 0"):
        record.decode([1.0, 2.0, 3.0], top=0)


def test_the_record_in_place_of_its_model(classifier):
    with pytest.raises(TypeError, match=r"not Classifier; write \.model behind it"):
        activation_maps(classifier, classifier.preprocess(data.photo("cat")))


def test_class_index(classifier):
    assert classifier.class_names[classifier.class_index("cat")] == "cat"
    with pytest.raises(ValueError, match=r"class 'horse' not among these: cassette_player, .*, dog"):
        classifier.class_index("horse")


def test_unknown_models_are_answered_with_those_there_are():
    with pytest.raises(TypeError, match="by name, not by None"):
        load(None)
    with pytest.raises(ValueError, match=r"did you mean classifier\?"):
        load("classifyer")
    with pytest.raises(ValueError, match=r"no model 'mobilnet_v2' \(did you mean mobilenetv2\?\); there is classifier"):
        load("mobilnet_v2")


def test_every_network_of_keras_has_its_own_preprocessing():
    found = imagenet_models()
    assert len(found) >= 38
    image = np.full((1, 2, 2, 3), 255.0, np.float32)
    for name, top in {"mobilenetv2": 1, "resnet50v2": 1, "mobilenetv3small": 255, "efficientnetb0": 255}.items():
        assert found[name][1](image.copy()).max() == top
    assert found["resnet50"][1](image.copy()).max() == pytest.approx(255 - 103.939)


def test_without_network_the_error_says_what_to_do(monkeypatch, tmp_path):
    def build(**_):
        raise Exception("URL fetch failure on https://example.org/x.h5: None -- no network")  # as Keras does

    monkeypatch.setattr(models, "imagenet_models", lambda: {"vgg16": (build, None)})
    with pytest.raises(OSError, match=r"'vgg16' could not be downloaded .* load\('classifier'\)"):
        load("vgg16")


def imagenet_weights():
    home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "models"
    return home / "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5"


@pytest.mark.skipif(not imagenet_weights().exists(), reason="Keras has no ImageNet weights of MobileNetV2 here")
def test_mobilenet_v2_sees_a_cat(monkeypatch):
    def closed(*_):
        raise OSError("URL fetch failure: the tests use no network")

    monkeypatch.setattr(socket.socket, "connect", closed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the class names are numbers where their list was never downloaded
        record = load("mobilenet_v2")
    logits = record.model(record.preprocess(data.photo("cat"))).numpy()
    assert logits.shape == (1, 1000)
    assert not np.allclose(logits.sum(), 1)
    assert logits.argmax() in {281, 282, 283, 284, 285}  # tabby, tiger cat, Persian, Siamese, Egyptian
    with pytest.raises(ValueError, match="224x224 pixels only"):
        record.preprocess(data.photo("cat"), size=96)


def test_pictures_of_another_range_are_spoken_of(classifier):
    images = classifier.preprocess(data.photo("cat"))
    one = Classifier(classifier.model, classifier.class_names, 128, lambda images: images / 127.5 - 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for net, right in ((classifier, images), (one, one.scale(images))):
            net.check_range(right)
            net.check_range(right * 1.5)  # as after steps of an optimiser
            net.check_range(np.zeros_like(right))
            derivatives(net, right)
    with pytest.warns(UserWarning, match="go from 0.* to 1, but this model takes 0 to 255"):
        derivatives(classifier, images / images.max())
    with pytest.warns(UserWarning, match="but this model takes -1 to 1; Classifier.preprocess"):
        derivatives(one, images)


def test_black_and_white_are_scaled_once(classifier):
    scaled = []

    def scale(images):
        scaled.append(len(images))
        return images * (1 + len(scaled))  # so that a second time would be seen in the message, too

    images = classifier.preprocess(data.photo("cat"), 64) / 255
    one = Classifier(classifier.model, classifier.class_names, 64, scale)
    for _ in range(3):
        with pytest.warns(UserWarning, match="this model takes 0 to 510"):
            derivatives(one, images)
    assert scaled == [2]
    other = dataclasses.replace(one, size=96)
    with pytest.warns(UserWarning, match="this model takes 0 to 765"):
        other.check_range(images)  # another classifier has its own
    assert scaled == [2, 2] and one._ends == (0, 510)
