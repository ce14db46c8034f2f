"""All that a training knows, in one file, so that it can go on after a kill as if nothing had happened."""

from __future__ import annotations

import json
import math
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data.runs import replaced

if TYPE_CHECKING:
    import keras

Row = dict[str, Any]


class Record:
    """What a training has come to: its history and its best weights, in files if it has a folder.

    Attributes:
        history: one row for each epoch.

    Args:
        network: that learns.
        run: folder for ``checkpoint.npz`` and ``best.weights.h5``; None: all stays in memory. If there is a checkpoint,
            `restore` gives it to the network. Otherwise the first one is written at once, before anything is learnt:
            random weights without a seed are the same again after a kill, too.
        keep_best: keep the weights of the best epoch.
        score: the number of a row that says how good an epoch was, more is better; rows without it are never the best.

    Raises:
        ValueError: the checkpoint is damaged.
    """

    def __init__(self, network: keras.Model, run: Path | None, *, keep_best: bool, score: str) -> None:
        """See the class."""
        self.network, self.keep_best, self._score = network, keep_best, score
        self.history: list[Row] = []
        self._checkpoint, self._best_file = (run / "checkpoint.npz", run / "best.weights.h5") if run else (None, None)
        self._best_weights: list[np.ndarray] | None = None
        self._waiting = self._checkpoint is not None and self._checkpoint.exists()
        if self._waiting:
            self.history = read_history(self._checkpoint)
        elif self._checkpoint:
            save_checkpoint(self._checkpoint, network, [], optimizer=False)

    def restore(self, *, optimizer: bool) -> None:
        """Give the network what the checkpoint holds; the second time nothing, as the network has learnt since."""
        if self._waiting:
            load_checkpoint(self._checkpoint, self.network, optimizer=optimizer)
        self._waiting = False

    def restore_weights(self) -> None:
        """Give the network the checkpoint's weights, for what must be calculated with them before `restore` is due."""
        if self._waiting:
            load_checkpoint(self._checkpoint, self.network, optimizer=False)

    def add(self, row: Row) -> None:
        """Take note of an epoch that is over: its weights, if they are the best; then the checkpoint."""
        # In this order: killed in between, the same epoch comes again.
        self.keep_if_best(row)
        self.save(row)

    def keep_if_best(self, row: Row) -> None:
        """Keep the weights that the network has now, if no epoch before this one was as good."""
        best = max((old.get(self._score, -math.inf) for old in self.history), default=-math.inf)
        if self.keep_best and row.get(self._score, -math.inf) > best:
            self._keep_weights()

    def save(self, row: Row) -> None:
        """Add the row, and write the checkpoint."""
        self.history.append(row)
        if self._checkpoint:
            save_checkpoint(self._checkpoint, self.network, self.history)

    def take_best(self) -> None:
        """Give the network the weights of the best epoch.

        Raises:
            ValueError: their file is damaged or missing.
        """
        if self._best_file is None:
            self.network.set_weights(self._best_weights)
            return
        try:
            with self.network.distribute_strategy.scope():
                self.network.load_weights(self._best_file)
        except (OSError, ValueError, KeyError) as error:
            raise ValueError(
                f"{self._best_file}, the weights of the best epoch, cannot be read ({error}): put back a copy of the "
                "folder, or delete the folder to start anew"
            ) from error

    def _keep_weights(self) -> None:
        if self._best_file is None:
            self._best_weights = self.network.get_weights()
            return
        with replaced(self._best_file) as part:
            self.network.save_weights(part)


def save_checkpoint(path: Path, network: keras.Model, history: list[Row], *, optimizer: bool = True) -> None:
    """Write the network's variables (weights, statistics, random seeds), its optimizer's, and the history so far."""
    arrays = {name: np.asarray(variable.numpy()) for name, variable in _variables(network, optimizer).items()}
    # NumPy's files know no bfloat16; float32 holds every value of it
    arrays = {name: array.astype(np.float32) if array.dtype.kind == "V" else array for name, array in arrays.items()}
    with replaced(path) as part:
        np.savez(part, history=np.array(json.dumps(history)), **arrays)


def read_history(path: Path) -> list[Row]:
    """The history in a checkpoint.

    Raises:
        ValueError: the file is damaged.
    """
    return json.loads(str(_read(path, ["history"])["history"]))


def load_checkpoint(path: Path, network: keras.Model, *, optimizer: bool) -> None:
    """Give a network what `save_checkpoint` wrote; all of it or, if it does not fit, nothing.

    Args:
        path: the file.
        network: built, and compiled if ``optimizer``.
        optimizer: restore the optimizer's variables too; not where another phase begins, with an optimizer of its own.

    Raises:
        ValueError: the file is damaged, or of another network.
    """
    variables = _variables(network, optimizer)
    stored = _read(path, list(variables))
    for name, variable in variables.items():
        if name not in stored or stored[name].shape != tuple(variable.shape):
            raise ValueError(f"{path} is the checkpoint of another network: {name} ({variable.path}) differs")
    with network.distribute_strategy.scope():
        for name, variable in variables.items():
            variable.assign(stored[name])


def _read(path: Path, names: list[str]) -> dict[str, np.ndarray]:
    """Those arrays of the file that are among these names."""
    try:
        with np.load(path) as stored:
            return {name: stored[name] for name in names if name in stored}
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path} is damaged ({error}): put back a copy of the folder, or delete the folder to start anew"
        ) from error


def _variables(network: keras.Model, optimizer: bool) -> dict[str, Any]:
    of_network = {f"network{i}": variable for i, variable in enumerate(network.variables)}
    if not optimizer:
        return of_network
    if not network.optimizer.built:
        with network.distribute_strategy.scope():
            network.optimizer.build(network.trainable_variables)
    return {**of_network, **{f"optimizer{i}": variable for i, variable in enumerate(network.optimizer.variables)}}
