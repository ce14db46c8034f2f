"""`train`: phase after phase, epoch after epoch, from whatever epoch was the last one."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.arguments import one_of, whole_number
from data.runs import claim, replaced
from fcn.training.checkpoints import load_checkpoint, read_history, save_checkpoint
from fcn.training.phases import Phase, encoder_frozen

if TYPE_CHECKING:
    import keras
    import numpy as np
    import tensorflow as tf

    from fcn.datasets import SegmentationData

Row = dict[str, Any]
SCORE = "val_mean_iou"  # what is best is so by this one


def train(
    network: keras.Model,
    data: SegmentationData,
    phases: Sequence[Phase],
    *,
    loss: keras.losses.Loss | None = None,
    validation: SegmentationData | None = None,
    size: int | Sequence[int] | None = None,
    augment: Callable[[Any, Any, Any], tuple[Any, Any]] | None = None,
    batch: int = 4,
    seed: int = 0,
    weight_decay: float = 0.01,
    patience: int | None = None,
    keep: str = "best",
    run: Path | str | None = None,
    jit: bool = False,
    verbose: bool = True,
) -> list[Row]:
    """Train a network in place, in phases; mean IoU is measured while it learns.

    Every phase has an AdamW optimizer of its own. With ``run``, all that the training knows is written into one file
    after each epoch: the same call in a new process goes on after the last whole epoch and gives what it would have
    given, since what an epoch shows depends on ``seed`` and the number of the epoch alone.

    Args:
        network: any model from float images ``(batch, height, width, 3)`` to logits ``(batch, height, width,
            classes)``; for a phase with ``freeze_encoder`` one of `fcn.models`. Built within the scope of a
            `tf.distribute` strategy it is trained under this strategy.
        data: pairs to learn from.
        phases: one after the other, see `fcn.training.decoder_then_all`.
        loss: by default `fcn.losses.CrossEntropy` without weights.
        validation: pairs to measure on after each epoch; they are never learnt from.
        size: height and width that the pairs are resized to; None: as they are.
        augment: as in `SegmentationData.as_tf_data`, `fcn.augment.augment` for instance. Only what is learnt from.
        batch: pairs in a step.
        seed: of order and views; for the weights, set Keras's seed before the network is made.
        weight_decay: of AdamW.
        patience: a phase ends when that many epochs have brought no better mean IoU on ``validation``.
        keep: the weights at the end: "best" by mean IoU on ``validation``, if there is one, or "last".
        run: folder for ``checkpoint.npz``, ``best.weights.h5`` and ``recipe.json``.
        jit: compile with XLA; on a CPU some networks gain by it (plain convolutions), others lose (depthwise ones).
        verbose: a progress bar, and one line for each epoch.

    Returns:
        One row for each epoch: ``epoch``, ``phase``, ``loss``, ``mean_iou``, ``global_accuracy``, with ``val_`` before
        them those of ``validation``, and ``seconds``.

    Raises:
        TypeError, ValueError: arguments of another kind or range; a network with another number of classes; a ``run``
            that belongs to another training; a loss that is no number any more.

    Source: Long, Shelhamer and Darrell 2015, section 4.3; the lecture's three steps: train a classifier, train the
    decoder behind it, train all.
    """
    from fcn.losses import CrossEntropy

    phases = _checked(network, data, validation, phases, patience, keep)
    batch, loss = whole_number("batch", batch), CrossEntropy(void=data.void) if loss is None else loss
    checkpoint = best = None
    if run is not None:
        checkpoint, best = Path(run) / "checkpoint.npz", Path(run) / "best.weights.h5"
        numbers = {"batch": batch, "seed": seed, "weight_decay": weight_decay, "patience": patience, "keep": keep}
        claim(Path(run), _recipe(network, data, phases, loss, size=size, **numbers))
    history = read_history(checkpoint) if checkpoint else []
    resumed, offset, best_weights = bool(history), 0, None
    for number, phase in enumerate(phases):
        rows = [row for row in history if row["phase_number"] == number]
        epochs = range(offset + len(rows), offset + phase.epochs)
        offset += phase.epochs
        if not epochs or _stale(rows, patience):
            continue
        with encoder_frozen(network, phase.freeze_encoder):
            _compile(network, loss, phase, math.ceil(len(data) / batch), weight_decay, data, jit)
            if resumed:  # the next phase starts with an optimizer of its own
                load_checkpoint(checkpoint, network, optimizer=bool(rows))
                resumed = False
            for epoch in epochs:
                views = data.as_tf_data(size, batch, seed=seed, augment=augment, epoch=epoch)
                measured = validation and validation.as_tf_data(size, batch)
                title = f"{phase.name} {epoch + 1}/{offset}"
                row = {"epoch": epoch + 1, "phase": phase.name, "phase_number": number}
                row |= _one_epoch(network, views, measured, title, verbose)
                if keep == "best" and row.get(SCORE, -1) > max((old[SCORE] for old in history), default=-1):
                    best_weights = _kept(network, best)
                for rows_so_far in (history, rows):
                    rows_so_far.append(row)
                if checkpoint:
                    save_checkpoint(checkpoint, network, history)
                if _stale(rows, patience):
                    break
    if resumed:  # nothing was left to do
        load_checkpoint(checkpoint, network, optimizer=False)
    if keep == "best" and validation is not None:
        network.load_weights(best) if best is not None else network.set_weights(best_weights)
    return history


def _one_epoch(
    network: keras.Model, views: tf.data.Dataset, measured: tf.data.Dataset | None, title: str, verbose: bool
) -> Row:
    """Learn from all views once; a row of numbers.

    Raises:
        ValueError: the loss is no number any more.
    """
    import keras
    from tqdm.auto import tqdm

    bar = tqdm(total=views.cardinality().numpy(), desc=title, unit="step", disable=not verbose, leave=False)

    class Progress(keras.callbacks.Callback):
        def on_train_batch_end(self, step: int, logs: dict[str, Any] | None = None) -> None:
            bar.update()
            bar.set_postfix_str(f"loss {logs['loss']:.3f}, mean IoU {logs['mean_iou']:.3f}", refresh=False)

    start = time.perf_counter()
    with bar:
        logs = network.fit(views, validation_data=measured, callbacks=[Progress()], verbose=0).history
    row = {name: float(values[-1]) for name, values in logs.items()}
    if not math.isfinite(row["loss"]):
        raise ValueError(
            f"the loss is {row['loss']} in epoch {title}; take a lower rate for the phase (and start the run anew)"
        )
    row["seconds"] = round(time.perf_counter() - start, 1)
    if verbose:
        scores = ", ".join(f"{name} {value:.3f}" for name, value in row.items() if name != "seconds")
        tqdm.write(f"{title}: {scores} ({row['seconds']:.0f} s)")
    return row


def _compile(
    network: keras.Model,
    loss: keras.losses.Loss,
    phase: Phase,
    steps: int,
    weight_decay: float,
    data: SegmentationData,
    jit: bool,
) -> None:
    import keras

    from fcn.metrics.running import GlobalAccuracy, MeanIoU

    warm_up, classes = max(1, phase.epochs * steps // 20), len(data.class_names)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, phase.epochs * steps - warm_up), warmup_target=phase.rate, warmup_steps=warm_up
    )
    with network.distribute_strategy.scope():
        network.compile(
            keras.optimizers.AdamW(schedule, weight_decay=weight_decay),
            loss,
            metrics=[MeanIoU(classes, data.void), GlobalAccuracy(classes, data.void)],
            jit_compile=jit,
        )


def _kept(network: keras.Model, path: Path | None) -> list[np.ndarray] | None:
    """The weights, for the end: in a file, or in memory."""
    if path is None:
        return network.get_weights()
    with replaced(path) as part:
        network.save_weights(part)
    return None


def _stale(rows: list[Row], patience: int | None) -> bool:
    """Whether the best of these epochs is ``patience`` epochs ago."""
    if patience is None or not rows:
        return False
    scores = [row[SCORE] for row in rows]
    return len(scores) - 1 - scores.index(max(scores)) >= patience


def _checked(
    network: keras.Model,
    data: SegmentationData,
    validation: SegmentationData | None,
    phases: Sequence[Phase],
    patience: int | None,
    keep: str,
) -> tuple[Phase, ...]:
    """Refuse at the door what would fail after minutes."""
    phases = (phases,) if isinstance(phases, Phase) else tuple(phases)
    if not phases or not all(isinstance(phase, Phase) for phase in phases):
        raise TypeError(f"phases is {phases!r}; fcn.training.Phase is wanted, one or more")
    for name, pairs in (("data", data), ("validation", validation)):
        if pairs is not None and tuple(pairs.class_names) != tuple(data.class_names):
            raise ValueError(f"{name} has the classes {tuple(pairs.class_names)}, data {tuple(data.class_names)}")
        if pairs is not None and network.output_shape[-1] != len(pairs.class_names):
            raise ValueError(
                f"{network.name!r} gives {network.output_shape[-1]} logits for each pixel, {name} has "
                f"{len(pairs.class_names)} classes; build the network with classes={len(pairs.class_names)}"
            )
    one_of("keep", keep, ("best", "last"))
    if patience is not None:
        whole_number("patience", patience)
        if validation is None:
            raise ValueError(f"patience is {patience} and validation is not given; it is measured on validation")
    return phases


def _recipe(
    network: keras.Model,
    data: SegmentationData,
    phases: tuple[Phase, ...],
    loss: keras.losses.Loss,
    **numbers: Any,
) -> dict[str, Any]:
    """What decides the result, so that a run's folder is not taken for another run."""
    return {
        "network": network.name,
        "weights": network.count_params(),
        "pairs": [data.name(i) for i in range(len(data))],
        "phases": [vars(phase) for phase in phases],
        "loss": [loss.name, loss.get_config()],
        **numbers,
    }
