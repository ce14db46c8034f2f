"""`train`: phase after phase, epoch after epoch, from whatever epoch was the last one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data.arguments import number_pair, one_of, whole_number
from data.runs import claim
from data.training import Epochs, Record, Row, Watch, learning_rate, stale
from fcn.training.epochs import SCORE, SHOWN, each_epoch
from fcn.training.evaluation import check_classes, check_data
from fcn.training.phases import Phase, encoder_frozen
from fcn.training.recipe import recipe

if TYPE_CHECKING:
    import keras

    from fcn.datasets import SegmentationData


def train(
    network: keras.Model,
    data: SegmentationData,
    phases: Sequence[Phase] | Phase,
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
    given, on a CPU to the last bit, since what an epoch shows depends on ``seed`` and the number of the epoch alone.

    Args:
        network: any model from float images ``(batch, height, width, 3)`` to logits ``(batch, height, width,
            classes)``; for a phase with ``freeze_encoder`` one of `fcn.models`. Built within the scope of a
            `tf.distribute` strategy it is trained under this strategy; with several replicas the pairs of an epoch that
            fill no batch are left out.
        data: pairs to learn from.
        phases: one, or several, one after the other, see `fcn.training.decoder_then_all`.
        loss: by default `fcn.losses.CrossEntropy` without weights.
        validation: pairs to measure on after each epoch; they are never learnt from.
        size: height and width that the pairs are resized to; None: as they are.
        augment: as in `SegmentationData.as_tf_data`, `fcn.augment.augment` for instance. Only what is learnt from.
        batch: pairs in a step, shared among the replicas of a strategy.
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
            that belongs to another training, or is damaged; a loss that is no number any more.

    Source: Long, Shelhamer and Darrell 2015, section 4.3; the lecture's three steps: train a classifier, train the
    decoder behind it, train all.
    """
    from fcn.losses import CrossEntropy

    check_data("data", data)
    if validation is not None:
        check_data("validation", validation)
    loss = CrossEntropy(void=data.void) if loss is None else loss
    phases = (phases,) if isinstance(phases, Phase) else tuple(phases)
    size, seed = None if size is None else number_pair("size", size), whole_number("seed", seed, 0)
    _check(network, data, phases, loss, validation, batch, weight_decay, patience, keep)
    run = None if run is None else Path(run)
    epoch, replicas = Epochs(), network.distribute_strategy.num_replicas_in_sync
    views = data.as_tf_data(size, batch, seed=seed, augment=augment, epoch=epoch.number, drop_remainder=replicas > 1)
    measured = None if validation is None else validation.as_tf_data(size, _at_once(batch, len(validation), replicas))
    _build(network, data, size)
    if run is not None:
        facts = recipe(network, data, phases, loss, validation=validation, size=size, augment=augment, seed=seed)
        numbers = {"batch": int(batch), "weight_decay": float(weight_decay), "patience": patience, "keep": keep}
        claim(run, {**facts, **numbers})
    keep_best = keep == "best" and validation is not None
    record, steps, end = Record(network, run, keep_best=keep_best, score=SCORE), int(views.cardinality()), 0
    for phase in phases:
        start, end = end, end + phase.epochs
        done = [row for row in record.history if start < row["epoch"] <= end]
        if len(done) == phase.epochs or stale(done, patience, SCORE):
            continue

        def note(row: Row, phase: Phase = phase, done: list[Row] = done) -> bool:
            """Keep what an epoch came to; whether the phase is over."""
            row = {"epoch": row.pop("epoch"), "phase": phase.name, **row}
            record.add(row)
            done.append(row)
            return stale(done, patience, SCORE)

        with encoder_frozen(network, phase.freeze_encoder):
            _compile(network, loss, phase, steps, weight_decay, data, jit)
            record.restore(optimizer=bool(done))  # the next phase starts with an optimizer of its own
            with closing(Watch(epoch, phase.name, steps, end, verbose, SHOWN)) as watch:
                network.fit(
                    views,
                    validation_data=measured,
                    initial_epoch=start + len(done),
                    epochs=end,
                    shuffle=False,
                    callbacks=[each_epoch(watch, note)],
                    verbose=0,
                )
    record.restore(optimizer=False)  # where nothing was left to do
    if keep_best:
        record.take_best()
    return record.history


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

    if not network.trainable_weights:
        raise ValueError(f"phase {phase.name!r}: no weight of {network.name!r} may learn; set layer.trainable = True")
    classes, total = len(data.class_names), phase.epochs * steps
    with network.distribute_strategy.scope():
        network.compile(
            keras.optimizers.AdamW(learning_rate(phase.rate, total), weight_decay=weight_decay),
            loss,
            metrics=[MeanIoU(classes, data.void), GlobalAccuracy(classes, data.void)],
            jit_compile=jit,
        )
        # Variables that a first step has to make cost a second tracing of it: half of the time before it begins.
        network.optimizer.build(network.trainable_variables)


def _at_once(batch: int, pairs: int, replicas: int) -> int:
    """How many to measure at a time: Keras wants as many for each replica in the first batch of all."""
    return batch if replicas == 1 else min(batch, pairs // replicas * replicas)


def _build(network: keras.Model, data: SegmentationData, size: tuple[int, int] | None) -> None:
    """Make the weights of a model that makes them when it is called."""
    if not network.built:
        with network.distribute_strategy.scope():
            network(np.zeros((1, *(size or data[0][1].shape), 3), np.float32))


def _check(
    network: keras.Model,
    data: SegmentationData,
    phases: tuple[Phase, ...],
    loss: keras.losses.Loss,
    validation: SegmentationData | None,
    batch: int,
    weight_decay: float,
    patience: int | None,
    keep: str,
) -> None:
    """Refuse at the door what would fail after minutes."""
    import keras

    if not phases or not all(isinstance(phase, Phase) for phase in phases):
        raise TypeError(f"phases is {phases!r}; fcn.training.Phase is wanted, one or more")
    if not isinstance(loss, keras.losses.Loss):
        raise TypeError(f"loss is {loss!r}; a loss of fcn.losses is wanted")
    for name, void in (
        ("loss", getattr(loss, "void", data.void)),
        ("validation", getattr(validation, "void", data.void)),
    ):
        if void != data.void:
            raise ValueError(f"{name} has void {void}, data {data.void}; they must be the same")
    if validation is not None and tuple(validation.class_names) != tuple(data.class_names):
        raise ValueError(f"validation has the classes {tuple(validation.class_names)}, data {tuple(data.class_names)}")
    check_classes(network, data)
    for phase in phases:
        with encoder_frozen(network, phase.freeze_encoder):  # refuses a network without encoder
            pass
    replicas = network.distribute_strategy.num_replicas_in_sync
    if whole_number("batch", batch) and replicas > 1 and (batch % replicas or batch > len(data)):
        raise ValueError(
            f"batch is {batch}, shared among {replicas} replicas, of {len(data)} pairs; a multiple of {replicas} is "
            "wanted, no more than there are pairs"
        )
    if validation is not None and len(validation) < replicas:
        raise ValueError(
            f"validation has {len(validation)} pairs; at least one for each of {replicas} replicas is wanted"
        )
    if isinstance(weight_decay, bool) or not isinstance(weight_decay, (int, float)):
        raise TypeError(f"weight_decay is {weight_decay!r}; a number is wanted")
    if not 0 <= weight_decay < math.inf:
        raise ValueError(f"weight_decay is {weight_decay}; a number of 0 or more is wanted")
    if patience is not None and whole_number("patience", patience) and validation is None:
        raise ValueError(f"patience is {patience} and validation is not given; it is measured on validation")
    one_of("keep", keep, ("best", "last"))
