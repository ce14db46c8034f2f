"""Train the embedded classifier: ``python -m cnnviz.train FOLDER [FOLDER ...]``.

Every FOLDER holds ``train/CLASS/*.jpg`` and ``val/CLASS/*.jpg``; the classes of all folders are put together.

The recipe is made for two CPU cores:

1. Cut random *views* (crops) out of every photograph once, into a file.
2. Optional *teacher*: a linear classifier on the features of an ImageNet network gives every view a soft label
   (Hinton et al. 2015). Two heads, each trained on one half of the photographs, label the other half, so no
   photograph is labelled by a head that has seen it. The target is the mean of that and of the true label.
3. Train with AdamW and a cosine schedule, first on small pictures, in the last epochs on several sizes in turn, so
   that the statistics of batch normalisation hold for all of them.

After a kill the same command goes on from the last finished epoch. The last weights are the ones kept: the
validation pictures choose nothing.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

VIEW = 112  # side of a stored view in pixels
PHOTOGRAPH = 128  # side at which photographs are read and validated
TEACHER_SHARE = 0.5  # weight of the teacher's opinion in the target; the rest is the true label
FINAL_SHARE = 0.2  # share of the epochs, the last ones, in which the batches take turns at all sizes


def read_photographs(folders: Sequence[Path], split: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Read ``FOLDER/split/CLASS/*`` of all folders into memory.

    Args:
        folders: data sets; their classes are put together in order, alphabetical within a folder.
        split: ``"train"`` or ``"val"``.

    Returns:
        uint8 RGB images ``(n, 128, 128, 3)``, integer labels ``(n,)``, class names.

    Raises:
        FileNotFoundError: a folder has no such split.
        ValueError: two folders hold a class of the same name.
    """
    import keras

    images, labels, class_names = [], [], []
    for folder in folders:
        if not (folder / split).is_dir():
            raise FileNotFoundError(f"{folder / split} is not a folder; expected {folder}/{split}/CLASS/*.jpg")
        dataset = keras.utils.image_dataset_from_directory(
            folder / split,
            image_size=(PHOTOGRAPH, PHOTOGRAPH),
            crop_to_aspect_ratio=True,
            batch_size=256,
            shuffle=False,
            verbose=False,
        )
        doubled = set(class_names) & set(dataset.class_names)
        if doubled:
            raise ValueError(f"class {sorted(doubled)[0]!r} is in more than one folder; rename one of the two")
        for batch, batch_labels in dataset:
            images.append(batch.numpy().round().astype(np.uint8))
            labels.append(batch_labels.numpy() + len(class_names))
        class_names += dataset.class_names
    return np.concatenate(images), np.concatenate(labels), class_names


def random_boxes(
    count: int, generator: np.random.Generator, area: tuple[float, float] = (0.3, 1.0), ratio: float = 4 / 3
) -> np.ndarray:
    """Random crops as normalised ``(y1, x1, y2, x2)``, float32 ``(count, 4)``.

    The area is uniform in ``area``, the ratio of the sides log-uniform in ``1/ratio..ratio``, the place uniform
    (Szegedy et al. 2015, section 6).
    """
    areas = generator.uniform(*area, count)
    ratios = np.exp(generator.uniform(-np.log(ratio), np.log(ratio), count))
    height = np.minimum(np.sqrt(areas * ratios), 1)
    width = np.minimum(np.sqrt(areas / ratios), 1)
    top = generator.uniform(0, 1 - height)
    left = generator.uniform(0, 1 - width)
    return np.stack([top, left, top + height, left + width], axis=1).astype(np.float32)


def cut_views(images: np.ndarray, views: int, seed: int, path: Path) -> np.ndarray:
    """Cut ``views`` random crops out of every image, once: ``(n, views, 112, 112, 3)`` uint8, mapped from ``path``."""
    import tensorflow as tf
    from tqdm.auto import tqdm

    shape = (len(images), views, VIEW, VIEW, 3)
    if path.exists():
        stored = np.load(path, mmap_mode="r")
        if stored.shape == shape:
            return stored
    generator = np.random.default_rng((seed, 1))
    part = path.with_suffix(".part.npy")
    stored = np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=shape)
    for start in tqdm(range(0, len(images), 256), desc="cutting views"):
        batch = images[start : start + 256]
        for view in range(views):
            boxes = random_boxes(len(batch), generator)
            crops = tf.image.crop_and_resize(batch.astype(np.float32), boxes, tf.range(len(batch)), (VIEW, VIEW))
            stored[start : start + len(batch), view] = crops.numpy().round()
    stored.flush()
    os.replace(part, path)
    return np.load(path, mmap_mode="r")


def soft_labels(views: np.ndarray, labels: np.ndarray, classes: int, seed: int, path: Path) -> np.ndarray:
    """What an ImageNet MobileNetV2 with a linear head makes of every view: float32 ``(n, views, classes)``.

    Each half of the photographs is labelled by the head that was trained on the other half.
    """
    import keras
    import tensorflow as tf
    from tqdm.auto import tqdm

    if path.exists():
        return np.load(path)
    count, each = views.shape[:2]
    backbone = keras.applications.MobileNetV2(
        include_top=False, weights=None, pooling="avg", input_shape=(None, None, 3)
    )
    # The file of the whole network serves: by name, so that its last layer is left out.
    whole = keras.applications.MobileNetV2(weights="imagenet")
    for layer in backbone.layers:
        if layer.weights:
            layer.set_weights(whole.get_layer(layer.name).get_weights())

    @tf.function
    def features_of(batch):
        batch = tf.image.resize(tf.cast(batch, tf.float32), (PHOTOGRAPH, PHOTOGRAPH))
        return backbone(batch / 127.5 - 1, training=False)

    flat = views.reshape(-1, VIEW, VIEW, 3)
    features = np.concatenate(
        [features_of(flat[start : start + 128]).numpy() for start in tqdm(range(0, len(flat), 128), desc="teacher")]
    ).reshape(count, each, -1)

    keras.utils.set_random_seed(seed)
    half = np.random.default_rng((seed, 2)).permutation(count) % 2
    opinion = np.zeros((count, each, classes), np.float32)
    for side in (0, 1):
        head = keras.Sequential([keras.layers.Dropout(0.3), keras.layers.Dense(classes)])
        head.compile(
            keras.optimizers.AdamW(1e-3, weight_decay=1e-3),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        learn, judge = half == side, half != side
        head.fit(
            features[learn].reshape(-1, features.shape[-1]),
            np.repeat(labels[learn], each),
            batch_size=256,
            epochs=6,
            verbose=0,
        )
        logits = head.predict(features[judge].reshape(-1, features.shape[-1]), batch_size=1024, verbose=0)
        opinion[judge] = tf.nn.softmax(logits).numpy().reshape(-1, each, classes)
    agree = (opinion.argmax(-1) == labels[:, None]).mean()
    print(f"teacher: right on {agree:.3f} of the views that its head has not seen")
    np.save(path.with_suffix(".part.npy"), opinion)
    os.replace(path.with_suffix(".part.npy"), path)
    return opinion


def augment(images: tf.Tensor, size: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Random crop, flip, brightness, contrast, saturation, and now and then grey: one draw for every image.

    Args:
        images: uint8 ``(batch, height, width, 3)``.
        size: side of the result in pixels.
        seed: int32 ``(2,)``; the same seed gives the same pictures.

    Returns:
        float32 ``(batch, size, size, 3)`` in 0..255.
    """
    import tensorflow as tf

    count = tf.shape(images)[0]

    def uniform(index: int, low: float, high: float) -> tf.Tensor:
        return tf.random.stateless_uniform((count,), seed * (1, 16) + (0, index), low, high)

    height, width = uniform(0, 0.8, 1), uniform(1, 0.8, 1)
    top, left = uniform(2, 0, 1) * (1 - height), uniform(3, 0, 1) * (1 - width)
    flip = uniform(4, 0, 1) < 0.5
    x1, x2 = tf.where(flip, left + width, left), tf.where(flip, left, left + width)
    boxes = tf.stack([top, x1, top + height, x2], axis=1)
    images = tf.image.crop_and_resize(tf.cast(images, tf.float32), boxes, tf.range(count), (size, size))

    def each(index: int, low: float, high: float) -> tf.Tensor:
        return uniform(index, low, high)[:, None, None, None]

    grey = tf.image.rgb_to_grayscale(images)
    saturation = tf.where(each(5, 0, 1) < 0.1, 0.0, each(6, 0.6, 1.4))
    images = grey + saturation * (images - grey)
    mean = tf.reduce_mean(grey, axis=(1, 2), keepdims=True)
    images = mean * each(7, 0.75, 1.25) + (images - mean) * each(8, 0.7, 1.3)
    return tf.clip_by_value(images, 0, 255)


def training_batches(
    views: np.ndarray, targets: np.ndarray, batch: int, epochs: range, sizes: Sequence[int], seed: int
) -> tf.data.Dataset:
    """Batches of ``epochs``: in each, every photograph once, in one of its views; the batches take turns at ``sizes``.

    The order, the view and the augmentation depend on the seed and the step alone, so that a resumed run sees what
    an uninterrupted one would.
    """
    import tensorflow as tf

    count, each = views.shape[:2]
    steps = count // batch

    def gather(step):
        epoch, place = divmod(int(step), steps)
        order = np.random.default_rng((seed, 3, epoch)).permutation(count)
        photographs = np.sort(order[place * batch : (place + 1) * batch])
        which = (photographs + epoch) % each
        return views[photographs, which], targets[photographs, which]

    def load(step):
        images, labels = tf.numpy_function(gather, (step,), (tf.uint8, tf.float32))
        images.set_shape((batch, VIEW, VIEW, 3))
        labels.set_shape((batch, targets.shape[-1]))
        size = tf.constant(sizes)[step % len(sizes)]
        images = augment(images, size, tf.stack([seed, tf.cast(step, tf.int32)]))
        side = sizes[0] if len(sizes) == 1 else None  # TensorFlow is faster where it knows the shape
        return tf.ensure_shape(images, (batch, side, side, 3)), labels

    # Not from_generator: in TensorFlow 2.21 it sets malloc's trim threshold for the whole process, which halves the
    # speed of training on a CPU.
    dataset = tf.data.Dataset.range(epochs.start * steps, epochs.stop * steps)
    return dataset.map(load, num_parallel_calls=2, deterministic=True).prefetch(4)


def resumable(model: keras.Model, run: Path) -> keras.callbacks.Callback:
    """A callback that writes the model and its history after every epoch; a half-written file is never seen."""
    import keras

    history_file = run / "history.json"

    class Resumable(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            model.save(run / "part.keras")
            os.replace(run / "part.keras", run / "checkpoint.keras")
            history = json.loads(history_file.read_text())[:epoch] if history_file.exists() else []
            history.append({name: round(float(value), 4) for name, value in logs.items()})
            (run / "history.part").write_text(json.dumps(history))
            os.replace(run / "history.part", history_file)

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


def accuracy_by_class(model: keras.Model, images: np.ndarray, labels: np.ndarray, names: list[str]) -> dict[str, float]:
    """Share of right answers for every class."""
    right = model.predict(images.astype(np.float32), batch_size=64, verbose=0).argmax(-1) == labels
    return {name: round(float(right[labels == index].mean()), 4) for index, name in enumerate(names)}


def export(model: keras.Model, class_names: list[str], path: Path, card: dict) -> None:
    """Write the weights as float16 to ``path`` and the card, with their SHA-256, beside it."""
    from cnnviz.network import build_classifier

    small = build_classifier(len(class_names), dtype="float16")
    small.set_weights([weight.astype(np.float16) for weight in model.get_weights()])
    small.save_weights(path)
    card = {
        **card,
        "class_names": class_names,
        "size": PHOTOGRAPH,
        "parameters": model.count_params(),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "bytes": path.stat().st_size,
    }
    path.with_name(path.name.replace(".weights.h5", ".json")).write_text(json.dumps(card, indent=2) + "\n")


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
    text.add_argument("--batch", type=int, default=64)
    sizes = "side of the pictures for most epochs, and further ones that join it in the last fifth of them"
    text.add_argument("--sizes", type=int, nargs="+", default=(64, 96, 128), metavar="PIXELS", help=sizes)
    text.add_argument("--views", type=int, default=8, help="crops stored of every photograph")
    text.add_argument("--rate", type=float, default=2e-3, help="highest learning rate")
    text.add_argument("--teacher", choices=("mobilenet_v2", "none"), default="none", help="soft labels, see above")
    text.add_argument("--seed", type=int, default=0)
    return text


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = parser().parse_args(arguments)
    import keras

    from cnnviz.network import build_classifier

    options.run.mkdir(parents=True, exist_ok=True)
    images, labels, class_names = read_photographs(options.folders, "train")
    val_images, val_labels, val_names = read_photographs(options.folders, "val")
    if val_names != class_names:
        raise ValueError(f"train has the classes {class_names}, val has {val_names}: they must be the same")
    print(
        f"{len(images)} photographs to train on, {len(val_images)} to validate, {len(class_names)} classes", flush=True
    )

    keras.utils.set_random_seed(options.seed)
    views = cut_views(images, options.views, options.seed, options.run / "views.npy")
    one_hot = np.eye(len(class_names), dtype=np.float32)[labels][:, None].repeat(options.views, axis=1)
    if options.teacher == "none":
        targets = 0.9 * one_hot + 0.1 / len(class_names)
    else:
        opinion = soft_labels(views, labels, len(class_names), options.seed, options.run / "teacher.npy")
        targets = TEACHER_SHARE * opinion + (1 - TEACHER_SHARE) * one_hot
    del images

    steps = len(views) // options.batch
    checkpoint = options.run / "checkpoint.keras"
    if checkpoint.exists():
        model = keras.saving.load_model(checkpoint)
        done = int(model.optimizer.iterations) // steps
        print(f"going on after epoch {done} of {options.epochs} ({checkpoint})", flush=True)
    else:
        model, done = build_classifier(len(class_names)), 0
        optimizer = optimiser(steps * options.epochs, options.rate)
        model.compile(optimizer, keras.losses.CategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    switch = round(options.epochs * (1 - FINAL_SHARE))
    stages = (options.sizes[:1], range(done, switch)), (options.sizes, range(max(done, switch), options.epochs))
    for sizes, stage in stages:
        if stage:
            model.fit(
                training_batches(views, targets, options.batch, stage, sizes, options.seed),
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
    by_class = accuracy_by_class(model, val_images, val_labels, class_names)
    overall = float((model.predict(val_images.astype(np.float32), verbose=0).argmax(-1) == val_labels).mean())
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
        "epochs": options.epochs,
        "date": datetime.date.today().isoformat(),
        "training_photographs": len(views),
        "validation_photographs": len(val_images),
        "validation_accuracy": round(overall, 4),
        "validation_accuracy_by_class": by_class,
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    export(model, class_names, options.out, card)
    print(f"validation accuracy {overall:.4f}; wrote {options.out} and its card")
    return 0


def one_hot_of(labels: np.ndarray, classes: int) -> np.ndarray:
    """Integer labels ``(n,)`` as float32 rows ``(n, classes)``."""
    return np.eye(classes, dtype=np.float32)[labels]


def recipe(options: argparse.Namespace) -> dict[str, str]:
    """The options that decide the result, as they would be typed."""
    names = ("epochs", "batch", "views", "rate", "teacher", "seed")
    return {"sizes": " ".join(map(str, options.sizes)), **{name: getattr(options, name) for name in names}}


if __name__ == "__main__":
    sys.exit(main())
