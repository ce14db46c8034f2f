"""Ten networks of about 150 000 weights each, trained alike on drawn scenes: ``python -m fcn.family``.

    python -m fcn.family                 train all, write their weights and cards, print the table
    python -m fcn.family --networks unet --runs runs/family --out runs/weights

What is equal: the scenes and their order, the number of weights, batches, epochs, rate, optimizer, and the loss, which
weighs classes by the root of median frequency balancing; nothing is augmented, the last weights are kept. (A recipe of
6 epochs without weights came before; its scores, of the scenes measured on too, were too low to compare anything.) What
differs is how the weights are laid out. All have batch normalisation, FCN too, whose paper has none: its encoder had
learnt before.

After a kill the same command goes on after the last whole epoch.
"""

from __future__ import annotations

import datetime
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data.arguments import whole_number
from data.command_line.outputs import writable_folder
from data.command_line.parsing import Parser, counted, seed
from data.command_line.quiet import expected, one_line, start_tensorflow

if TYPE_CHECKING:
    import keras

    from fcn.datasets import SegmentationData

SIZE = (96, 128)
RATES = (3, 6, 9)  # the paper's 12, 24, 36 for 513 pixels, brought to 128
_FCN = {"width": 1 / 12, "dense": 240, "batch_norm": True}
# The arguments of each network; `width` brings all of them to the same number of weights.
NETWORKS: dict[str, dict[str, Any]] = {
    "fcn32s": _FCN,
    "fcn16s": _FCN,
    "fcn8s": _FCN,
    "segnet": {"width": 0.0715},
    "unet": {"width": 0.0695},
    "pspnet": {"width": 0.0963},
    "deeplab_v3": {"width": 0.099, "output_stride": 8, "rates": RATES},
    "deeplab_v3_plus": {"width": 0.11, "output_stride": 8, "rates": RATES},
    "attention_unet": {"width": 0.0684},
    "unet_plus_plus": {"width": 0.1287},
}
SCENES, EPOCHS, BATCH, RATE = 480, 16, 4, 3e-3
TRAINING_SEED, FRESH_SEED, FRESH = 0, 1, 120  # seeds of the scenes that are learnt from, and measured on


def member(name: str, *, seed: int = 0) -> keras.Model:
    """One of the family, untrained: as `NETWORKS` says, for the eight classes of `data.scenes`, of any size.

    Args:
        name: one of `NETWORKS`.
        seed: of its weights.

    Raises:
        ValueError: no such network in the family.
    """
    import keras

    from data.scenes import CLASSES
    from fcn.segmenter import build

    if name not in NETWORKS:
        raise ValueError(f"name is {name!r}; the family is {', '.join(NETWORKS)}")
    keras.utils.set_random_seed(whole_number("seed", seed, 0))
    return build(name, len(CLASSES), **NETWORKS[name])


def matrices(network: keras.Model, data: SegmentationData) -> tuple[np.ndarray, list[np.ndarray]]:
    """One confusion matrix for each pair, which can be added up and drawn from; and what was predicted.

    Args:
        network: images to logits, as in `fcn.prediction.predict_each`.
        data: the pairs to measure on.

    Returns:
        int64 ``(pairs, classes, classes)``, truth in rows; the classes of each image, uint8 ``(height, width)``.

    Raises:
        ValueError: the network has another number of classes.
    """
    from fcn.metrics import confusion_matrix
    from fcn.prediction import predict_each
    from fcn.training.evaluation import check_classes

    check_classes(network, data)
    classes = len(data.class_names)
    pairs = [data[index] for index in range(len(data))]
    predicted = list(predict_each(network, (image for image, _ in pairs)))
    counted = [confusion_matrix(label, found, classes, data.void) for (_, label), found in zip(pairs, predicted)]
    return np.stack(counted), predicted


def interval(
    counted: np.ndarray, other: np.ndarray | None = None, *, draws: int = 1000, level: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """How far the mean IoU would move with other images of the same kind: a bootstrap interval.

    Images are drawn with replacement, as many as there are, and measured as a whole, again and again. With ``other``
    it is the interval of the difference of two networks on the *same* draws: what is hard for both cancels out, so
    that this interval can leave 0 out where the two single ones overlap.

    It says nothing of another training: a network with another seed differs too.

    Args:
        counted: of `matrices`, ``(images, classes, classes)``.
        other: those of another network for the same images.
        draws: how many.
        level: share of the draws that the interval holds.
        seed: of the draws.

    Returns:
        Its lower and upper end.

    Raises:
        ValueError: other shapes; a level that is not between 0 and 1.

    Source: Efron and Tibshirani 1993, "An introduction to the bootstrap", chapter 13.
    """
    from fcn.metrics import mean_iou

    counted = np.asarray(counted)
    if counted.ndim != 3 or (other is not None and np.shape(other) != counted.shape):
        shapes = counted.shape if other is None else f"{counted.shape} and {np.shape(other)}"
        raise ValueError(f"matrices (images, classes, classes) are wanted, of the same images; they are {shapes}")
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; a share between 0 and 1 is wanted")
    generator, scores = np.random.default_rng(seed), []
    for _ in range(whole_number("draws", draws)):
        drawn = generator.integers(len(counted), size=len(counted))
        score = mean_iou(counted[drawn].sum(axis=0))
        scores.append(score if other is None else score - mean_iou(other[drawn].sum(axis=0)))
    low, high = np.quantile(scores, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def learnt_weights(network: keras.Model) -> int:
    """How many numbers a network learns: neither running averages, nor fixed interpolation."""
    return sum(int(np.prod(weight.shape)) for weight in network.trainable_weights)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; see the module.

    Raises:
        OSError: a folder that cannot be written to.
        ValueError: what the training refuses.
    """
    parser = Parser(prog="python -m fcn.family", description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS), metavar="NAME")
    parser.add_argument("--scenes", type=counted, default=SCENES, help="to learn from (%(default)s)")
    parser.add_argument("--epochs", type=counted, default=EPOCHS, help="(%(default)s)")
    parser.add_argument("--fresh", type=counted, default=FRESH, help="scenes to measure on (%(default)s)")
    parser.add_argument("--seed", type=seed, default=0, help="of weights and order (%(default)s)")
    parser.add_argument("--runs", type=Path, default=Path("runs/family"), help="checkpoints (%(default)s)")
    parser.add_argument("--out", type=Path, default=Path("runs/family"), help="weights and cards (%(default)s)")
    options = parser.parse_args(arguments)
    writable_folder(options.runs, "--runs")
    writable_folder(options.out, "--out")
    files = {name: options.out / f"scenes_{name}.weights.h5" for name in options.networks}
    there = [str(path) for path in files.values() if path.exists()]
    if there:
        print(f"python -m fcn.family: replaces {', '.join(there)}; --out names another folder", file=sys.stderr)
    start_tensorflow()
    from fcn.datasets import scenes
    from fcn.losses import CrossEntropy, median_frequency_weights
    from fcn.metrics import boundary_f1, mean_iou
    from fcn.segmenter import export
    from fcn.training import Phase, train

    data, fresh = scenes(options.scenes, TRAINING_SEED, SIZE), scenes(options.fresh, FRESH_SEED, SIZE)
    weights = np.sqrt(median_frequency_weights(data.labels, len(data.class_names)))
    for name in options.networks:
        network, run = member(name, seed=options.seed), options.runs / f"{name}_{options.seed}"
        phase = Phase("all", options.epochs, RATE)
        loss = CrossEntropy(weights)
        rows = train(network, data, phase, loss=loss, batch=BATCH, seed=options.seed, keep="last", run=run)
        confusions, predicted = matrices(network, fresh)
        figures = {
            "mean_iou": round(float(mean_iou(confusions.sum(axis=0))), 4),
            "mean_iou_95_percent": [round(end, 4) for end in interval(confusions)],
            "boundary_f1": round(boundary_f1(fresh.labels, predicted), 4),
            "training_mean_iou": round(rows[-1]["mean_iou"], 4),
        }
        facts = {
            "what": f"{name} of fcn.models, narrow, trained on drawn street scenes; float16",
            "command": f"python -m fcn.family --networks {name} --scenes {options.scenes} --epochs {options.epochs} "
            f"--fresh {options.fresh} --seed {options.seed}",
            "data": f"data.scenes, {SIZE[0]} x {SIZE[1]} pixels: {options.scenes} of seed {TRAINING_SEED} to learn "
            f"from, {options.fresh} of seed {FRESH_SEED} to measure on",
            "seed": options.seed,
            "epochs": options.epochs,
            "loss": "cross-entropy, classes weighted by the root of median frequency balancing",
            "training_seconds": round(sum(row["seconds"] for row in rows)),
            "date": datetime.date.today().isoformat(),
            "learnt_weights": learnt_weights(network),
            "measured_on_fresh_scenes": figures,
        }
        export(
            network,
            files[name],
            name=name,
            arguments=NETWORKS[name],
            class_names=data.class_names,
            colours=data.colours,
            facts=facts,
        )
        print(f"{name:16} {facts['learnt_weights']:7} weights, {figures}", flush=True)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on after the last whole epoch", file=sys.stderr)
        sys.exit(130)
    except expected() as error:
        sys.exit(f"python -m fcn.family: {one_line(error)}")
