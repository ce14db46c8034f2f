"""All that a training knows, in one file, so that it can go on after a kill as if nothing had happened."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data.runs import replaced

if TYPE_CHECKING:
    import keras


def save_checkpoint(path: Path, network: keras.Model, history: list[dict[str, Any]]) -> None:
    """Write the network's variables (weights, statistics, random seeds), its optimizer's, and the history so far."""
    with replaced(path) as part:
        np.savez(part, history=np.array(json.dumps(history)), **_arrays(network))


def read_history(path: Path) -> list[dict[str, Any]]:
    """The history in a checkpoint; empty where there is no checkpoint."""
    if not path.exists():
        return []
    with np.load(path) as stored:
        return json.loads(str(stored["history"]))


def load_checkpoint(path: Path, network: keras.Model, *, optimizer: bool) -> None:
    """Give a network what `save_checkpoint` wrote.

    Args:
        path: the file.
        network: built, and compiled if ``optimizer``.
        optimizer: restore the optimizer's variables too; not where another phase begins, with an optimizer of its own.

    Raises:
        ValueError: the file is of another network.
    """
    with np.load(path) as stored:
        for name, variable in _variables(network, optimizer).items():
            if name not in stored or stored[name].shape != tuple(variable.shape):
                raise ValueError(f"{path} is the checkpoint of another network: {name} ({variable.path}) differs")
            variable.assign(stored[name])


def _variables(network: keras.Model, optimizer: bool = True) -> dict[str, Any]:
    of_network = {f"network{i}": variable for i, variable in enumerate(network.variables)}
    if not optimizer:
        return of_network
    if not network.optimizer.built:
        network.optimizer.build(network.trainable_variables)
    return {**of_network, **{f"optimizer{i}": variable for i, variable in enumerate(network.optimizer.variables)}}


def _arrays(network: keras.Model) -> dict[str, np.ndarray]:
    arrays = {name: np.asarray(variable.numpy()) for name, variable in _variables(network).items()}
    # NumPy's files know no bfloat16; float32 holds every value of it
    return {name: array.astype(np.float32) if array.dtype.kind == "V" else array for name, array in arrays.items()}
