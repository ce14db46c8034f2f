"""Weights that ship with the packages: ``data/weights/NAME.weights.h5`` and the card ``NAME.json`` beside them."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data.runs import replaced

if TYPE_CHECKING:
    import keras

ENDING = ".weights.h5"
_AGAIN = "get it again with 'git checkout -- data/weights' or by installing the package anew"
_BOTH = "weights and card are written side by side and belong together: copy both again"


def card(name: str, *entries: str, folder: Path | None = None) -> dict[str, Any]:
    """What weights are, how they were trained, and what was measured.

    Args:
        name: of the weights.
        entries: that the card must have.
        folder: where weights of one's own lie; None: those that ship.

    Raises:
        ValueError: the card is missing or damaged, or lacks an entry.
    """
    path, again = (folder or _folder()).joinpath(f"{name}.json"), _BOTH if folder else _AGAIN
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read ({error}); {again}") from error
    lacking = [entry for entry in entries if entry not in facts] if isinstance(facts, dict) else ["{...}"]
    if lacking:
        raise ValueError(f"{path} has no {', '.join(lacking)}; {again}")
    return facts


def card_names() -> tuple[str, ...]:
    """The names of all cards."""
    names = [entry.name for entry in _folder().iterdir()]
    return tuple(sorted(name.removesuffix(".json") for name in names if name.endswith(".json")))


def names_of(networks: Iterable[str]) -> tuple[str, ...]:
    """The names of all weights whose card names one of these networks: those of one package.

    A damaged card hides its own weights only; to load them says what is wrong.
    """
    known, found = set(networks), []
    for name in card_names():
        with contextlib.suppress(ValueError):
            if str(card(name, "network")["network"]) in known:
                found.append(name)
    return tuple(found)


@contextlib.contextmanager
def weights_file(name: str, folder: Path | None = None) -> Iterator[Path]:
    """The weights of this name as a file, checked against the SHA-256 on their card; arguments as `card`.

    Raises:
        ValueError: file or card are missing, or do not belong together.
    """
    again = _BOTH if folder else _AGAIN
    with resources.as_file((folder or _folder()).joinpath(f"{name}{ENDING}")) as path:
        if not path.exists():
            raise ValueError(f"{path} is missing; {again}")
        found, wanted = hashlib.sha256(path.read_bytes()).hexdigest(), card(name, folder=folder).get("sha256")
        if found != wanted:
            raise ValueError(f"{path} has SHA-256 {found}, its card says {wanted}; {again}")
        yield path


def write_weights(model: keras.Model, path: Path | str, facts: dict[str, Any]) -> None:
    """Write ``path`` (``NAME.weights.h5``) and the card, with SHA-256, size and number of parameters, beside it.

    Args:
        model: whose weights are written, in the types that they have; float16 halves the file.
        path: ends in ``.weights.h5``.
        facts: of the card.

    Raises:
        ValueError: another ending.
        TypeError: facts that JSON cannot hold; nothing is written.
    """
    path = Path(path)
    if not path.name.endswith(ENDING):
        raise ValueError(f"path is {path}; Keras wants a name that ends in {ENDING}")
    json.dumps(facts)  # before anything is written
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced(path) as part:
        model.save_weights(part)
        _compact(part)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    facts = {**facts, "parameters": model.count_params(), "sha256": digest, "bytes": path.stat().st_size}
    with replaced(path.with_name(path.name.removesuffix(ENDING) + ".json")) as part:
        part.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def write_half(
    network: keras.Model, build: Callable[[], keras.Model], path: Path | str, facts: dict[str, Any], *, what: str
) -> None:
    """`write_weights` of a float32 network as float16: half the file.

    Args:
        network: trained.
        build: makes it anew, under the dtype policy of the moment.
        path: ends in ``.weights.h5``.
        facts: of the card.
        what: the call that ``build`` makes, for a message.

    Raises:
        ValueError: ``build`` makes another network; weights that float16 cannot hold; as `write_weights`.
        TypeError: facts that JSON cannot hold; nothing is built or written.
    """
    import keras

    try:
        json.dumps(facts)
    except TypeError as error:
        raise TypeError(f"arguments and facts must be what JSON can hold: {error}") from None
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float16")
    try:
        small = build()
    finally:
        keras.config.set_dtype_policy(policy)
    if [tuple(w.shape) for w in small.weights] != [tuple(w.shape) for w in network.weights]:
        raise ValueError(f"{what} is not the network that was given: the shapes of its weights differ")
    small.set_weights(halves(network))
    write_weights(small, path, facts)


def halves(network: keras.Model) -> list[np.ndarray]:
    """A network's weights as float16.

    Raises:
        ValueError: weights that float16 cannot hold.
    """
    weights, largest = network.get_weights(), float(np.finfo(np.float16).max)
    for variable, weight in zip(network.weights, weights):
        if not (np.abs(weight.astype(np.float32)) <= largest).all():  # NaN is not
            raise ValueError(f"{variable.path} holds what float16 cannot: a number beyond {largest:.0f}, or none")
    return [weight.astype(np.float16) for weight in weights]


def _compact(path: Path) -> None:
    """Write an HDF5 file once more, smaller: Keras's has 2 kB of empty room for each variable, and compresses nothing.

    A third of a small network; fixed interpolation (mostly zeros) takes next to nothing then. Keras reads both.
    """
    import h5py

    with replaced(path) as part, h5py.File(path) as loose, h5py.File(part, "w", libver="latest") as tight:

        def copy(name: str, entry: Any) -> None:
            if isinstance(entry, h5py.Dataset):
                packed = {"compression": "gzip", "shuffle": True} if entry.size > 4096 else {}
                copied = tight.create_dataset(name, data=entry[()], **packed)
            else:
                copied = tight.require_group(name)
            copied.attrs.update(entry.attrs)

        tight.attrs.update(loose.attrs)
        loose.visititems(copy)


def _folder() -> Any:
    return resources.files("data").joinpath("weights")
