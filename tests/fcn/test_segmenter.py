"""`fcn.segmenter`: weights out, as float16 with a card, and in again."""

import json
import shutil

import h5py
import keras
import numpy as np
import pytest

from data import shipped
from fcn import segmenter
from fcn.prediction import predict
from fcn.segmenter import MODULES, Segmenter, available, build, export, load

NAMES, COLOURS = ("sky", "road"), np.array([[1, 2, 3], [250, 5, 6]], np.uint8)
ARGUMENTS = {"width": 0.05}
RANDOM = np.random.default_rng(0)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "_folder", lambda: tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Weights and card as they are written."""
    folder = tmp_path_factory.mktemp("stored")
    exported(small(), folder)
    return folder


def small(seed=0):
    keras.utils.set_random_seed(seed)
    return build("segnet_basic", 2, **ARGUMENTS)


def exported(network, folder, **changes):
    arguments = {
        "name": "segnet_basic",
        "arguments": ARGUMENTS,
        "class_names": NAMES,
        "colours": COLOURS,
        "facts": {"seed": 3},
    }
    export(network, folder / "a.weights.h5", **{**arguments, **changes})


def test_round_trip_keeps_the_answers(folder):
    network = small()
    exported(network, folder)
    policy = keras.config.dtype_policy()
    street = load("a")
    assert keras.config.dtype_policy() == policy and isinstance(street, Segmenter)
    assert street.class_names == NAMES and street.card["seed"] == 3 and available() == ("a",)
    np.testing.assert_array_equal(street.colours, COLOURS)
    for stored, own in zip(street.network.get_weights(), network.get_weights()):
        assert stored.dtype == np.float32
        np.testing.assert_array_equal(stored, own.astype(np.float16).astype(np.float32))
    kept = []
    with h5py.File(folder / "a.weights.h5") as file:
        file.visititems(lambda name, entry: kept.append(entry) if isinstance(entry, h5py.Dataset) else None)
        in_full = sum(entry.size for entry in kept if entry.dtype != np.float16)
        assert in_full == network.get_layer("logits").count_params()  # a layer that is float32 in every policy
        assert sum(entry.size for entry in kept) == network.count_params()
    image = RANDOM.integers(0, 256, (40, 50, 3), dtype=np.uint8)
    for size in (None, 32):
        assert (street(image, size=size) == predict(network, image, size=size)).mean() > 0.98
    street(image)
    assert street._predict is street._predict  # compiled once


def test_every_name_builds_its_network():
    for name in MODULES:
        function = getattr(__import__(f"fcn.models.{MODULES[name]}", fromlist=[name]), name)
        assert function.__name__ == name
    with pytest.raises(ValueError, match="network is 'segnot'; accepted: attention_unet, deeplab_v3, .*segnet"):
        build("segnot", 3)
    with pytest.raises(ValueError, match="network is 3"):
        build(3, 3)
    with pytest.raises(TypeError, match="depth"):
        build("segnet_basic", 3, depth=4)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"arguments": {"width": 0.1}}, ValueError, "is not the network that was given: the shapes"),
        ({"name": "vnet"}, ValueError, "network is 'vnet'; accepted"),
        ({"class_names": ("a", "b", "c")}, ValueError, r"colours is uint8 \(2, 3\); \(3, 3\) whole numbers"),
        ({"colours": COLOURS / 255}, ValueError, "colours is float64"),
        ({"colours": COLOURS.astype(int) * 2}, ValueError, "0..255"),
        ({"arguments": {**ARGUMENTS, "weights": "imagenet"}}, ValueError, "which `load` would download"),
        ({"arguments": {**ARGUMENTS, "encoder": keras.Sequential()}}, TypeError, "what JSON can hold"),
        ({"facts": {"figure": np.float32(1)}}, TypeError, "what JSON can hold"),
    ],
)
def test_what_load_could_not_read_is_not_written(folder, changes, error, message):
    with pytest.raises(error, match=message):
        exported(small(), folder, **changes)
    assert not list(folder.iterdir()) and keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize("value", [1e5, np.nan, -np.inf])
def test_weights_that_float16_cannot_hold_are_named(folder, value, recwarn):
    network = small()
    kernel = network.get_layer("logits").get_weights()
    kernel[0][..., 0] = value
    network.get_layer("logits").set_weights(kernel)
    with pytest.raises(ValueError, match="logits/kernel holds what float16 cannot: a number beyond 65504, or none"):
        exported(network, folder)
    assert not [warning for warning in recwarn if issubclass(warning.category, RuntimeWarning)]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda facts: facts.pop("network"), "has no network; get it again"),
        (lambda facts: facts.pop("sha256"), "has no sha256"),
        (lambda facts: facts.update(network="vnet"), "card of 'a' does not fit its weights: network is 'vnet'"),
        (lambda facts: facts.update(class_names=["one"]), "does not fit its weights"),
        (lambda facts: facts.update(arguments=["width"]), "does not fit its weights"),
        (lambda facts: facts.update(arguments={"width": 0.2}), "does not fit its weights"),
        (lambda facts: facts.update(arguments={"depth": 3}), "does not fit its weights: .*depth"),
        (lambda facts: facts.update(colours=[[1, 2, 3]]), r"colours is int64 \(1, 3\); \(2, 3\)"),
        (lambda facts: facts.update(sha256="0"), "its card says 0"),
    ],
)
def test_a_damaged_card_is_named(folder, stored, damage, message):
    shutil.copytree(stored, folder, dirs_exist_ok=True)
    facts = json.loads((folder / "a.json").read_text())
    damage(facts)
    (folder / "a.json").write_text(json.dumps(facts))
    with pytest.raises(ValueError, match=message):
        load("a")


def test_one_damaged_card_does_not_hide_the_others(folder, stored):
    shutil.copytree(stored, folder, dirs_exist_ok=True)
    (folder / "b.json").write_text("{")
    (folder / "c.json").write_text('{"network": ["unet"]}')
    assert available() == ("a",)
    with pytest.raises(ValueError, match=r"b\.json cannot be read"):
        load("b")
    for name in ("d", 3):
        with pytest.raises(ValueError, match=f"name is {name!r}; shipped weights of segmentation networks: a"):
            load(name)
    (folder / "classifier.json").write_text('{"what": "a classifier", "sha256": "0", "network": "darknet"}')
    with pytest.raises(ValueError, match="'classifier', weights of another package; shipped .* networks: a$"):
        load("classifier")
    assert segmenter.SHIPPED == "camvid"
