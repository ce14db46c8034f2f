"""Train the embedded classifier: ``python -m cnnviz.train FOLDER [FOLDER ...]``.

Every FOLDER holds ``train/CLASS/*.jpg`` and ``val/CLASS/*.jpg``; the classes of all folders are put together.

The recipe is made for two CPU cores:

1. Cut random *views* (crops) out of every photograph once, into a file.
2. Optional *teacher*: a linear classifier on the features of an ImageNet network gives every view a soft label
   (Hinton et al. 2015). Two heads, each trained on one half of the photographs, label the other half, so no
   photograph is labelled by a head that has seen it. The target is the mean of that and of the true label.
3. Train with AdamW and a cosine schedule, first on small pictures, in the last epochs on several sizes in turn, so
   that the statistics of batch normalisation hold for all of them.
4. Finish on the photographs' own pixels: views are interpolated, so they are smoother than what the network will be
   asked about (after Touvron et al. 2019, "Fixing the train-test resolution discrepancy").

After a kill the same command goes on from the last finished epoch. The last weights are the ones kept: the
validation pictures choose nothing.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cnnviz.teacher import soft_labels
from cnnviz.training_data import PHOTOGRAPH, cut_views, read_photographs, training_batches
from data.runs import claim, replaced
from data.shipped import write_weights

if TYPE_CHECKING:
    import keras

TEACHER_SHARE = 0.5  # weight of the teacher's opinion in the target; the rest is the true label
SMALLEST = 32  # pixels
FINISH_RATE = 0.25  # the highest learning rate of the finish, as a share of --rate
FINAL_SHARE = 0.2  # share of the epochs, the last ones, in which the batches take turns at all sizes


def resumable(model: keras.Model, run: Path) -> keras.callbacks.Callback:
    """A callback that writes the model and its history after every epoch; a half-written file is never seen."""
    import keras

    history_file = run / "history.json"

    class Resumable(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            with replaced(run / "checkpoint.keras") as part:
                model.save(part)
            history = json.loads(history_file.read_text())[:epoch] if history_file.exists() else []
            history.append({name: round(float(value), 4) for name, value in logs.items()})
            with replaced(history_file) as part:
                part.write_text(json.dumps(history))

    return Resumable()


def optimiser(steps: int, peak: float) -> keras.optimizers.Optimizer:
    """AdamW with a cosine schedule after a linear warm-up."""
    import keras

    warmup = steps // 15
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps - warmup, warmup_target=peak, warmup_steps=warmup, alpha=0.0
    )
    # Exclusions from the decay would be the usual choice, but Keras forgets them when it reads a checkpoint.
    return keras.optimizers.AdamW(schedule, weight_decay=0.05)


def draw_curves(history: list[dict[str, float]], path: Path) -> None:
    """Loss and accuracy over the epochs, as PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.5), layout="constrained")
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for prefix, label in (("", "training views"), ("val_", "validation photographs")):
            axes.plot(range(1, len(history) + 1), [row[prefix + name] for row in history], label=label)
        axes.set(xlabel="epoch", title=name)
        axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)


def accuracy_by_class(right: np.ndarray, labels: np.ndarray, names: list[str]) -> dict[str, float]:
    """Share of right answers for every class."""
    return {name: round(float(right[labels == index].mean()), 4) for index, name in enumerate(names)}


def export(model: keras.Model, class_names: list[str], path: Path, card: dict) -> None:
    """Write the weights as float16 to ``path`` and the card, with their SHA-256, beside it."""
    from cnnviz.network import build_classifier

    small = build_classifier(len(class_names), dtype="float16")
    small.set_weights([weight.astype(np.float16) for weight in model.get_weights()])
    write_weights(small, path, {**card, "class_names": class_names, "size": PHOTOGRAPH})


def parser() -> argparse.ArgumentParser:
    """The command line."""
    text = argparse.ArgumentParser(
        prog="python -m cnnviz.train", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    text.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="holds train/CLASS and val/CLASS")
    out = Path("runs/classifier/classifier.weights.h5")
    text.add_argument("--out", type=Path, default=out, help="weights to write; their card is written beside them")
    text.add_argument("--run", type=Path, default=Path("runs/classifier"), help="checkpoints, curves, cached views")
    text.add_argument("--epochs", type=int, default=30)
    finish = "further epochs in which every second batch shows the photographs' own pixels"
    text.add_argument("--finish", type=int, default=5, metavar="EPOCHS", help=finish)
    text.add_argument("--batch", type=int, default=64)
    sizes = "side of the pictures for most epochs, and further ones that join it in the last fifth of them"
    text.add_argument("--sizes", type=int, nargs="+", default=(64, 96, 128), metavar="PIXELS", help=sizes)
    text.add_argument("--views", type=int, default=8, help="crops stored of every photograph")
    text.add_argument("--rate", type=float, default=2e-3, help="highest learning rate")
    text.add_argument("--teacher", choices=("mobilenet_v2", "none"), default="none", help="soft labels, see above")
    text.add_argument("--seed", type=int, default=0)
    return text


def check(options: argparse.Namespace) -> None:
    """Refuse options that cannot work before anything is read.

    Raises:
        ValueError: which option, what it is, what is accepted.
    """
    for name in ("epochs", "batch", "views"):
        if getattr(options, name) < 1:
            raise ValueError(f"--{name} is {getattr(options, name)}; at least 1 is wanted")
    if options.finish < 0:
        raise ValueError(f"--finish is {options.finish}; 0 or more is wanted")
    if not options.out.name.endswith(".weights.h5"):
        raise ValueError(f"--out is {options.out}; Keras wants a name that ends in .weights.h5")
    if min(options.sizes) < SMALLEST:
        raise ValueError(f"--sizes has {min(options.sizes)}; {SMALLEST} pixels at least are needed for four poolings")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = parser().parse_args(arguments)
    import keras

    from cnnviz.network import build_classifier

    check(options)
    images, labels, class_names = read_photographs(options.folders, "train")
    val_images, val_labels, val_names = read_photographs(options.folders, "val")
    if val_names != class_names:
        raise ValueError(f"train has the classes {class_names}, val has {val_names}: they must be the same")
    print(
        f"{len(images)} photographs to train on, {len(val_images)} to validate, {len(class_names)} classes", flush=True
    )

    digest = hashlib.sha256(images).hexdigest()
    claim(options.run, {"photographs": digest, "classes": class_names, **recipe(options)})
    keras.utils.set_random_seed(options.seed)
    views = cut_views(images, options.views, options.seed, options.run / "views.npy")
    one_hot = one_hot_of(labels, len(class_names))[:, None].repeat(options.views, axis=1)
    if options.teacher == "none":
        targets = 0.9 * one_hot + 0.1 / len(class_names)
    else:
        opinion = soft_labels(views, labels, len(class_names), options.seed, options.run / "teacher.npy")
        targets = TEACHER_SHARE * opinion + (1 - TEACHER_SHARE) * one_hot
    steps = len(views) // options.batch
    if not steps:
        raise ValueError(f"--batch is {options.batch}, more than the {len(views)} photographs there are to train on")

    checkpoint, total = options.run / "checkpoint.keras", options.epochs + options.finish
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    if checkpoint.exists():
        model = keras.saving.load_model(checkpoint)
        done = len(json.loads((options.run / "history.json").read_text()))
        print(f"going on after epoch {done} of {total} ({checkpoint})", flush=True)
    else:
        model, done = build_classifier(len(class_names)), 0
        model.compile(optimiser(steps * options.epochs, options.rate), loss, metrics=["accuracy"])
    switch = round(options.epochs * (1 - FINAL_SHARE))
    for sizes, start, stop, photographs in (
        (options.sizes[:1], 0, switch, None),
        (options.sizes, switch, options.epochs, None),
        (options.sizes, options.epochs, total, images),
    ):
        stage = range(max(start, done), stop)
        if not stage:
            continue
        if stage.start == options.epochs:
            model.compile(optimiser(steps * options.finish, options.rate * FINISH_RATE), loss, metrics=["accuracy"])
        model.fit(
            training_batches(views, targets, options.batch, stage, sizes, options.seed, photographs),
            steps_per_epoch=steps,
            initial_epoch=stage.start,
            epochs=stage.stop,
            validation_data=(val_images.astype(np.float32), one_hot_of(val_labels, len(class_names))),
            validation_batch_size=64,
            callbacks=[resumable(model, options.run)],
            verbose=1 if sys.stdout.isatty() else 2,
        )
    history = json.loads((options.run / "history.json").read_text())
    draw_curves(history, options.run / "curves.png")
    right = model.predict(val_images.astype(np.float32), batch_size=64, verbose=0).argmax(-1) == val_labels
    overall = float(right.mean())
    card = {
        "what": "VGG-style classifier of the lectures: cnnviz.network.build_classifier, float16",
        "command": " ".join(
            ["python -m cnnviz.train", *[folder.name for folder in options.folders]]
            + [f"--{name} {value}" for name, value in recipe(options).items()]
        ),
        "data": {folder.name: "train/ to learn from, val/ to measure on" for folder in options.folders},
        "teacher": {
            "none": "none",
            "mobilenet_v2": "soft labels by linear heads on an ImageNet MobileNetV2, each head fitted on the other "
            "half of the training photographs; ImageNet holds the photographs of Imagenette",
        }[options.teacher],
        "seed": options.seed,
        "epochs": total,
        "date": datetime.date.today().isoformat(),
        "training_photographs": len(views),
        "validation_photographs": len(val_images),
        "validation_accuracy": round(overall, 4),
        "validation_accuracy_by_class": accuracy_by_class(right, val_labels, class_names),
    }
    export(model, class_names, options.out, card)
    print(f"validation accuracy {overall:.4f}; wrote {options.out} and its card")
    return 0


def one_hot_of(labels: np.ndarray, classes: int) -> np.ndarray:
    """Integer labels ``(n,)`` as float32 rows ``(n, classes)``."""
    return np.eye(classes, dtype=np.float32)[labels]


def recipe(options: argparse.Namespace) -> dict[str, str]:
    """The options that decide the result, as they would be typed."""
    names = ("epochs", "finish", "batch", "views", "rate", "teacher", "seed")
    return {"sizes": " ".join(map(str, options.sizes)), **{name: getattr(options, name) for name in names}}


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, ValueError) as error:
        sys.exit(f"python -m cnnviz.train: {error}")
    except KeyboardInterrupt:
        sys.exit("stopped; the same command goes on after the last finished epoch")
