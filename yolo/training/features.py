"""What the frozen part of a detector makes of all pictures, calculated once and kept on disk.

While only the last layers learn, all before them gives the same in every epoch. For YOLOv3-tiny at 416 a step on these
features takes a fiftieth of a whole one. The price: no augmentation, since the pictures are always the same.

    body, head = split(model, ["head_32/raw", "head_16/raw"])
    cache = bottleneck(body, train, 416, "runs/features")
    for features, truth in cache.as_tf_data(batch=32, seed=0): ...
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data.arguments import number_pair, one_of, whole_number
from yolo.datasets import DetectionData

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

TRUTH = ("boxes", "classes", "weights")


@dataclass(frozen=True, eq=False)
class Bottleneck:
    """Features of pictures and their boxes; of the features only what is asked for is read from disk."""

    folder: Path
    features: tuple[np.ndarray, ...]
    """For each output of the body ``(images, rows, columns, channels)``, memory-mapped."""
    truth: dict[str, np.ndarray]
    """``boxes``, ``classes`` and ``weights``, as of `DetectionData.as_tf_data`."""

    def __len__(self) -> int:
        """How many pictures."""
        return len(self.truth["classes"])

    def as_tf_data(
        self,
        batch: int = 32,
        *,
        seed: int | None = None,
        epoch: int | Callable[[], int] | None = None,
        drop_remainder: bool = False,
    ) -> tf.data.Dataset:
        """Batches for a training of the head; arguments as for `DetectionData.as_tf_data`, and the same order.

        Returns:
            A dataset of known length: a tuple of features, float32, and the dictionary of the truth.

        Raises:
            TypeError, ValueError: arguments of another kind or range.
        """
        from yolo.datasets.batches import pass_after_pass

        batch = whole_number("batch", batch)
        seed = None if seed is None else whole_number("seed", seed, 0)
        next_pass = pass_after_pass(len(self), seed, epoch)
        length = len(self) // batch if drop_remainder else -(-len(self) // batch)
        if not length:
            raise ValueError(f"batch is {batch} and drop_remainder True with {len(self)} images: nothing would be left")

        import tensorflow as tf

        def one_pass(_: tf.Tensor) -> tf.data.Dataset:
            indices = tf.numpy_function(lambda: next_pass()[1].astype(np.int64), [], tf.int64)
            return tf.data.Dataset.from_tensor_slices(tf.ensure_shape(indices, (len(self),)))

        def read(rows: np.ndarray) -> list[np.ndarray]:
            return [
                *(part[rows].astype(np.float32) for part in self.features),
                *(self.truth[name][rows] for name in TRUTH),
            ]

        def gather(rows: tf.Tensor) -> tuple[tuple[tf.Tensor, ...], dict[str, tf.Tensor]]:
            kinds = [tf.float32] * len(self.features) + [tf.float32, tf.int32, tf.float32]
            found = tf.numpy_function(read, [rows], kinds)
            known = [*self.features, *(self.truth[name] for name in TRUTH)]
            found = [tf.ensure_shape(one, (rows.shape[0], *part.shape[1:])) for one, part in zip(found, known)]
            return tuple(found[:-3]), dict(zip(TRUTH, found[-3:]))

        dataset = tf.data.Dataset.range(1).flat_map(one_pass).batch(batch, drop_remainder)
        dataset = dataset.map(gather, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        return dataset.apply(tf.data.experimental.assert_cardinality(length)).prefetch(tf.data.AUTOTUNE)


def bottleneck(
    body: keras.Model,
    data: DetectionData,
    size: int | Sequence[int],
    folder: str | os.PathLike[str],
    *,
    batch: int = 8,
    dtype: str = "float32",
    verbose: bool = True,
) -> Bottleneck:
    """The features of a data set, letterboxed; from disk, where they have been calculated before.

    They are found again by what they are made of: the body's layers and weights, the contents of the pictures and their
    boxes, the order, the size and the type. Whatever of this changes, they are calculated anew, beside the others. In
    memory there is never more than a batch of them, and on disk never half of them under their name: what was
    interrupted is begun anew.

    Args:
        body: from pictures, float32 0..1, to one or several features; see `split`.
        data: the pictures.
        size: height and width of the network's input in pixels, or one number for both.
        folder: for the features, one folder in it for each key.
        batch: pictures at once.
        dtype: on disk: "float32", or "float16" for half the room and three digits.
        verbose: show a progress bar when it takes more than two seconds.

    Raises:
        TypeError, ValueError: as `DetectionData.as_tf_data`; features that are not finite, or too large for float16.
        OSError: not enough room on the disk; a picture that is missing.
    """
    size, batch = number_pair("size", size), whole_number("batch", batch)
    one_of("dtype", dtype, ("float32", "float16"))
    place = Path(folder) / key(body, data, size, dtype)
    if not place.is_dir():
        part = place.with_name(f"part.{place.name}")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        try:
            _calculate(body, data, size, part, batch, dtype, verbose)
            os.replace(part, place)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    count = len(list(place.glob("features_*.npy")))
    features = tuple(np.load(place / f"features_{number}.npy", mmap_mode="r") for number in range(count))
    with np.load(place / "truth.npz") as stored:
        return Bottleneck(place, features, {name: stored[name] for name in TRUTH})


def key(body: keras.Model, data: DetectionData, size: tuple[int, int], dtype: str) -> str:
    """Twenty letters for what decides the features: layers, weights, pictures, boxes, order, size and type."""
    import keras

    digest = hashlib.sha256(f"{size} {dtype} {len(data)}".encode())
    digest.update(_architecture(body).encode())
    for weight in body.weights:
        values = keras.ops.convert_to_numpy(weight)
        digest.update(f"{values.shape} {values.dtype}".encode())
        digest.update(np.ascontiguousarray(values).tobytes())
    for record in data:
        image = record.image
        content = np.ascontiguousarray(image).tobytes() if isinstance(image, np.ndarray) else Path(image).read_bytes()
        shape = image.shape if isinstance(image, np.ndarray) else ""
        digest.update(f"{len(content)} {shape} {len(record)}".encode())
        for part in (content, record.boxes.tobytes(), record.classes.tobytes(), record.crowd.tobytes()):
            digest.update(part)
    return digest.hexdigest()[:20]


def _calculate(
    body: keras.Model, data: DetectionData, size: tuple[int, int], part: Path, batch: int, dtype: str, verbose: bool
) -> None:
    from tqdm.auto import tqdm

    files: list[np.ndarray] = []
    truths: dict[str, list[np.ndarray]] = {name: [] for name in TRUTH}
    done = 0
    with tqdm(total=len(data), desc="features", unit="image", disable=not verbose, delay=2) as bar:
        for pictures, truth in data.as_tf_data(size, batch):
            found = body.predict_on_batch(pictures)
            found = found if isinstance(found, (list, tuple)) else [found]
            if not files:
                _room(part, sum(one[0].size for one in found) * np.dtype(dtype).itemsize * len(data))
                files = [
                    np.lib.format.open_memmap(
                        part / f"features_{number}.npy", "w+", np.dtype(dtype), (len(data), *one.shape[1:])
                    )
                    for number, one in enumerate(found)
                ]
            for file, one in zip(files, found):
                with np.errstate(over="ignore"):
                    stored = one.astype(dtype)
                if not np.isfinite(stored).all():
                    raise ValueError(f"features of {data[done].name} or the next pictures are not finite in {dtype}")
                file[done : done + len(stored)] = stored
                file.flush()
            for name in TRUTH:
                truths[name].append(truth[name].numpy())
            done += len(pictures)
            bar.update(len(pictures))
    np.savez(part / "truth.npz", **{name: np.concatenate(parts) for name, parts in truths.items()})


def _room(folder: Path, wanted: int) -> None:
    free = shutil.disk_usage(folder).free
    if wanted > free:
        raise OSError(f"the features take {wanted / 1e9:.2f} GB and {free / 1e9:.2f} GB are free where {folder} is")


def _architecture(model: keras.Model) -> str:
    """Layers and how they are connected, with numbers for names: Keras counts names up, so the same has others."""
    names: dict[str, int] = {model.name: 0}

    def collect(layers: Sequence[keras.layers.Layer]) -> None:
        for layer in layers:
            names.setdefault(layer.name, len(names))
            collect(getattr(layer, "layers", ()))

    collect(model.layers)
    text = json.dumps(model.get_config(), sort_keys=True, default=str)
    return re.sub(r'"([^"\\]*)"', lambda match: f'"{names.get(match[1], match[1])}"', text)
