"""`train`: phase after phase, epoch after epoch, from whatever epoch was the last one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data.arguments import number_pair, whole_number
from data.runs import claim
from data.training import Epochs, Record, Row, Watch, learning_rate, network_in_words, stale, words
from yolo.detector import STRIDE, Detector
from yolo.evaluation.detecting import evaluate_detector
from yolo.training.checks import check, check_ways
from yolo.training.features import bottleneck
from yolo.training.phases import Phase, body_frozen, last_layers
from yolo.training.recipe import data_in_words, views_in_numbers
from yolo.training.splitting import split

if TYPE_CHECKING:
    import keras

    from yolo.datasets import DetectionData

SCORE = "val_ap50"  # what is best is so by this one


def train(
    detector: Detector,
    data: DetectionData,
    phases: Sequence[Phase] | Phase,
    *,
    validation: DetectionData | None = None,
    augment: Callable[..., Any] | None = None,
    sizes: Sequence[int | Sequence[int]] | None = None,
    batch: int = 8,
    seed: int = 0,
    weight_decay: float = 0.01,
    clip: float | None = 10.0,
    ema: float | None = None,
    measure_every: int = 1,
    patience: int | None = None,
    keep: str = "best",
    head: Sequence[str] | None = None,
    features: str | os.PathLike[str] | None = None,
    run: str | os.PathLike[str] | None = None,
    jit: bool = False,
    verbose: bool = True,
    **loss_options: Any,
) -> list[Row]:
    """Train a detector in place, in phases; average precision is measured while it learns. It can be used at once.

    Every phase has an AdamW optimizer of its own. With ``run``, all that the training knows is written into one file
    after each epoch: the same call in a new process goes on after the last whole epoch and gives what it would have
    given, on a CPU to the last bit, since what an epoch shows depends on ``seed`` and the number of the epoch alone.

    The loss is `yolo.losses.loss_v3`, the mean over the batch, in float32 whatever the network computes with. Each head
    has the anchors that the detector decodes it with; of an anchor that two heads share both learn, as in Darknet.

    Args:
        detector: with a network of `yolo.models`, or any other from pictures 0..1 to raw heads of YOLOv3. Built within
            the scope of a `tf.distribute` strategy it is trained under this strategy; with several replicas the
            pictures of an epoch that fill no batch are left out. Built under the dtype policy "mixed_bfloat16" it
            computes so.
        data: pictures to learn from, with the detector's class names.
        phases: one, or several, one after the other, see `yolo.training.body_then_all`.
        validation: pictures to measure on; they are never learnt from.
        augment: as in `DetectionData.as_tf_data`, `yolo.augment.augment` for instance. Only what is learnt from. None:
            whole pictures, fitted into the input as the detector does it.
        sizes: heights and widths of the input of which one is drawn every ten steps; None: the detector's size.
        batch: pictures in a step, shared among the replicas of a strategy.
        seed: of order and views; for the weights, set Keras's seed before the network is made.
        weight_decay: of AdamW, for filters; scales and biases do not decay.
        clip: largest norm of the gradient of all weights together; a larger one is made as short as this. None: any.
        ema: in place of the weights, their moving average is measured and kept, in which so much stays at each step:
            0.99, say, for a mean over about 100 steps. It begins anew in each phase. None: the weights themselves.
        measure_every: epochs from one measurement on ``validation`` to the next; always after the last of a phase.
        patience: a phase ends when that many epochs have brought no better ``val_ap50``.
        keep: the weights at the end: "best" by ``val_ap50``, if there is ``validation``, or "last".
        head: the first layers that learn where the body is frozen, as `yolo.training.split` takes them. None: all
            behind the "body" of a network of `yolo.models`, the last layers of any other.
        features: a folder, in which to keep what stands before ``head``, calculated once (`yolo.training.bottleneck`):
            only what follows learns, in a fraction of the time. ``head`` is then by default the last layers. Not with
            ``augment`` or ``sizes``, as the pictures must always be the same.
        run: folder for ``checkpoint.npz``, ``best.weights.h5`` and ``recipe.json``.
        jit: compile with XLA: for a GPU; on a CPU it is slower. Not with several replicas.
        verbose: a progress bar, and one line for each epoch.
        loss_options: of `yolo.losses.loss_v3`: ``ignore=0.7``, ``box_term="ciou"``, ``focal=2``,
            ``label_smoothing=0.1``.

    Returns:
        One row for each epoch: ``epoch``, ``phase``, ``loss`` and its terms ``box``, ``objectness``,
        ``no_objectness``, ``classes``, means over the pictures while they were learnt from; where it was measured,
        ``val_ap50`` and ``val_map`` (COCO's, at an IoU of .5 and over .5 to .95); ``seconds``.

    Raises:
        TypeError, ValueError: arguments of another kind or range; data with other class names; a ``run`` that belongs
            to another training, or is damaged; a loss that is no number any more.

    Source: Redmon and Farhadi 2017 and 2018; the lecture's three steps: train a classifier, train the heads behind it,
    train all.
    """
    from yolo.training.steps import steps_of

    phases = (phases,) if isinstance(phases, Phase) else tuple(phases)
    sides = None if sizes is None else [number_pair("sizes", one) for one in sizes]
    seed, network = whole_number("seed", seed, 0), getattr(detector, "network", None)
    check(detector, data, phases, validation, batch, weight_decay, clip, ema, measure_every, patience, keep)
    check_ways(detector, augment, sides, features, jit)
    loss, replicas = _loss(detector, loss_options), network.distribute_strategy.num_replicas_in_sync
    if features is not None:
        head = last_layers(network) if head is None else head
    for phase in phases:
        with body_frozen(network, phase.freeze_body or features is not None, head):  # refuses layers that are not there
            pass
    run = None if run is None else Path(run)
    if run is not None:
        claim(
            run,
            {
                "network": network_in_words(network),
                "anchors": [one.tolist() for one in detector.anchors],
                "data": data_in_words(data),
                "validation": validation and data_in_words(validation),
                "phases": [vars(phase) for phase in phases],
                "loss": {name: words(value) for name, value in sorted(loss_options.items())},
                "size": [list(detector.size), bool(detector.stretch)],
                "sizes": sides and [list(one) for one in sides],
                "augment": augment and words(augment),
                "views": augment and views_in_numbers(data, detector.size, seed, augment),
                "features": features is not None,
                "head": head and list(head),
                "numbers": [batch, seed, float(weight_decay), clip, ema, measure_every, patience, keep],
                "replicas": replicas,
            },
        )
    detector.forget()
    keep_best = keep == "best" and validation is not None
    record, end = Record(network, run, keep_best=keep_best, score=SCORE), 0
    epoch, forward = Epochs(), network
    if features is not None:
        record.restore_weights()
        body, forward = split(network, head)
        cache = bottleneck(body, data, detector.size, features, verbose=verbose)
        views = cache.as_tf_data(batch, seed=seed, epoch=epoch.number, drop_remainder=replicas > 1)
    else:
        views = data.as_tf_data(
            detector.size,
            batch,
            sizes=sides,
            seed=seed,
            augment=_stretched if augment is None and detector.stretch else augment,
            epoch=epoch.number,
            drop_remainder=replicas > 1,
        )
    steps, live = int(views.cardinality()), replace(detector, live=True, dtype="float32")
    spec = views.element_spec
    batches = network.distribute_strategy.experimental_distribute_dataset(views) if replicas > 1 else views
    for phase in phases:
        start, end = end, end + phase.epochs
        done = [row for row in record.history if start < row["epoch"] <= end]
        if len(done) == phase.epochs or stale(done, patience, SCORE):
            continue
        with body_frozen(network, phase.freeze_body or features is not None, head):
            _compile(network, phase, steps, weight_decay, ema)
            record.restore(optimizer=bool(done))  # the next phase starts with an optimizer of its own
            of_size = steps_of(network, forward, loss, spec, clip=clip, jit=jit)
            with closing(Watch(epoch, phase.name, steps, end, verbose)) as watch:
                for number in range(start + len(done), end):
                    watch.begin(number)
                    logs = _pass(batches, of_size, detector.size if features is not None else None, watch)
                    over = number + 1 == end
                    with _averaged(network, ema) as averages_stay:
                        if validation is not None and (over or not (number + 1 - start) % measure_every):
                            logs |= _scores(live, validation, batch)
                        row = watch.end(logs)
                        row = {"epoch": row.pop("epoch"), "phase": phase.name, **row}
                        record.keep_if_best(row)
                        done.append(row)
                        over = over or stale(done, patience, SCORE)
                        if over:
                            averages_stay()
                    record.save(row)
                    if over:
                        break
    record.restore(optimizer=False)  # where nothing was left to do
    if keep_best:
        record.take_best()
    detector.forget()
    return record.history


def _pass(batches: Any, of_size: Callable[..., Any], size: tuple[int, int] | None, watch: Watch) -> dict[str, float]:
    """One epoch: the mean over its pictures of the loss and of each term."""
    from yolo.training.steps import TERMS

    sums, count = np.zeros(len(TERMS)), 0
    for step, (inputs, truth) in enumerate(batches):
        # Of a strategy's batch the first part; all have as many pictures, of one size.
        first, rows = (getattr(one, "values", (one,))[0] for one in (inputs, truth["classes"]))
        wanted = size or tuple(first.shape[1:3])
        found = of_size(wanted)(inputs, truth).numpy().astype(np.float64)
        sums, count = sums + found * len(rows), count + len(rows)
        means = sums / count
        watch.step(step, {"loss": means.sum()})
    return {"loss": means.sum(), **dict(zip(TERMS, means))}


@contextlib.contextmanager
def _averaged(network: keras.Model, ema: float | None) -> Iterator[Callable[[], None]]:
    """Within the context the network has its averaged weights; afterwards too if what it gives is called."""
    if ema is None:
        yield lambda: None
        return
    strategy, variables = network.distribute_strategy, network.trainable_variables
    before, stays = [variable.numpy() for variable in variables], []
    with strategy.scope():
        network.optimizer.finalize_variable_values(variables)
    yield lambda: stays.append(True)
    if not stays:
        with strategy.scope():
            for variable, value in zip(variables, before):
                variable.assign(value)


def _compile(network: keras.Model, phase: Phase, steps: int, weight_decay: float, ema: float | None) -> None:
    import keras

    variables = network.trainable_variables
    if not variables:
        raise ValueError(f"phase {phase.name!r}: no weight of {network.name!r} may learn; set layer.trainable = True")
    averages = {} if ema is None else {"use_ema": True, "ema_momentum": float(ema)}
    with network.distribute_strategy.scope():
        rate = learning_rate(phase.rate, phase.epochs * steps)
        optimizer = keras.optimizers.AdamW(rate, weight_decay=weight_decay, **averages)
        optimizer.exclude_from_weight_decay([variable for variable in variables if len(variable.shape) < 2])
        network.compile(optimizer)
        optimizer.build(variables)


def _loss(detector: Detector, options: dict[str, Any]) -> Callable[[Any, dict[str, Any], tuple[int, int]], Any]:
    """`loss_v3` with the detector's anchors: those that heads share once, so that both learn from them."""
    from yolo.losses import loss_v3

    every = [tuple(anchor) for one in detector.anchors for anchor in one.tolist()]
    anchors = list(dict.fromkeys(every))
    masks = [[anchors.index(tuple(anchor)) for anchor in one.tolist()] for one in detector.anchors]
    classes = len(detector.names)
    # Wrong options are refused here, on one picture, and not in a graph after minutes.
    heads = [np.zeros((1, 1, 1, len(one) * (5 + classes)), np.float32) for one in detector.anchors]
    loss_v3(heads, np.zeros((1, 1, 4)), np.array([[-1]]), anchors, masks, STRIDE, weights=np.zeros((1, 1)), **options)

    def of(heads: Any, truth: dict[str, Any], size: tuple[int, int]) -> Any:
        return loss_v3(
            heads, truth["boxes"], truth["classes"], anchors, masks, size, weights=truth["weights"], **options
        )

    return of


def _scores(live: Detector, data: DetectionData, batch: int) -> dict[str, float]:
    result = evaluate_detector(live, data, batch=batch, areas={"all": (0.0, 1e10)}, max_detections=100, verbose=False)
    return {SCORE: result.ap(iou=0.5), "val_map": result.ap()}


def _stretched(data: DetectionData, index: int, seed: Any, size: tuple[int, int]) -> Any:
    """The whole picture as wide and as high as the input, for a detector that looks at pictures so."""
    from yolo.augment.views import stretched, view_of

    return stretched(view_of(data[index]), size)
