"""`data.shipped`: weights with the card that belongs to them."""

import hashlib
import json

import numpy as np
import pytest

from data import shipped
from data.shipped import card, card_names, names_of, weights_file, write_half, write_weights

keras = pytest.importorskip("keras")


def model(seed=0):
    keras.utils.set_random_seed(seed)
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="dense")])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Weights of two networks, as if they were shipped."""
    for seed, name in enumerate(("one", "two")):
        write_weights(model(seed), str(tmp_path / f"{name}.weights.h5"), {"seed": seed})
    monkeypatch.setattr(shipped, "_folder", lambda: tmp_path)
    return tmp_path


def test_what_was_written_is_found_and_told(folder):
    assert card_names() == ("one", "two")
    facts = card("two", "seed", "sha256")
    with weights_file("two") as path:
        content, other = path.read_bytes(), model(5)
        other.load_weights(path)
    assert facts == {
        "seed": 1,
        "parameters": 3 * 2 + 2,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
    }
    for a, b in zip(other.get_weights(), model(1).get_weights()):
        np.testing.assert_array_equal(a, b)
    assert sorted(path.name for path in folder.iterdir()) == [
        "one.json",
        "one.weights.h5",
        "two.json",
        "two.weights.h5",
    ]


def test_the_weights_of_a_package_are_those_of_its_networks(folder):
    for name, text in (("one", '{"network": "unet"}'), ("two", '{"network": "yolov3"}'), ("bad", "{"), ("bare", "{}")):
        (folder / f"{name}.json").write_text(text)
    assert names_of(["unet", "segnet"]) == ("one",) and names_of({"yolov3": None}) == ("two",) and names_of([]) == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"two\.json cannot be read .*git checkout"),
        ("[]", r"two\.json has no \{\.\.\.\}"),
        ("{}", r"two\.json has no sha256; get it again"),
        (None, r"two\.json cannot be read"),
    ],
)
def test_a_damaged_card_is_named(folder, text, message):
    path = folder / "two.json"
    path.unlink() if text is None else path.write_text(text)
    with pytest.raises(ValueError, match=message):
        card("two", "sha256")
    with pytest.raises(ValueError, match="git checkout"), weights_file("two"):
        pass
    card("one", "sha256")


def test_damaged_and_exchanged_weights_are_refused(folder):
    with pytest.raises(ValueError, match=r"three\.weights\.h5 is missing; get it again"), weights_file("three"):
        pass
    (folder / "two.weights.h5").write_bytes((folder / "one.weights.h5").read_bytes())
    wanted = json.loads((folder / "two.json").read_text())["sha256"]
    with pytest.raises(ValueError, match=f"its card says {wanted}"), weights_file("two"):
        pass


def test_nothing_is_written_that_cannot_be_read(tmp_path):
    with pytest.raises(ValueError, match=r"ends in \.weights\.h5"):
        write_weights(model(), tmp_path / "a.h5", {})
    with pytest.raises(TypeError, match="JSON"):
        write_weights(model(), tmp_path / "a.weights.h5", {"array": np.zeros(2)})
    assert not list(tmp_path.iterdir())


def test_half_keeps_what_float16_can_hold(tmp_path):
    network = model(4)
    write_half(network, model, tmp_path / "a.weights.h5", {"seed": 4}, what="model()")
    assert keras.config.dtype_policy().name == "float32"
    with weights_file("a", tmp_path) as path:
        other = model()
        other.load_weights(path)
    for one, wanted in zip(other.get_weights(), network.get_weights()):
        np.testing.assert_array_equal(one, wanted.astype(np.float16).astype(np.float32))
    assert card("a", "seed", folder=tmp_path)["seed"] == 4
    with pytest.raises(ValueError, match=r"model\(5\) is not the network that was given"):
        write_half(
            network, lambda: keras.Sequential([keras.Input((3,)), keras.layers.Dense(5)]), path, {}, what="model(5)"
        )
    network.set_weights([np.full_like(one, 7e4) for one in network.get_weights()])
    with pytest.raises(ValueError, match="kernel holds what float16 cannot: a number beyond 65504"):
        write_half(network, model, tmp_path / "b.weights.h5", {}, what="model()")
    assert not (tmp_path / "b.weights.h5").exists()


def test_weights_of_ones_own_are_not_to_be_installed_anew(tmp_path):
    write_weights(model(), tmp_path / "a.weights.h5", {})
    (tmp_path / "a.weights.h5").write_bytes(b"other")
    with pytest.raises(ValueError, match="its card says .* copy both again"), weights_file("a", tmp_path):
        pass
    with pytest.raises(ValueError, match=r"b\.json cannot be read .* copy both again"):
        card("b", folder=tmp_path)
