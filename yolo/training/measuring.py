"""How good a detector is while it learns."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from yolo.detector import OVERLAP, Detector
from yolo.evaluation import Evaluation, evaluate

if TYPE_CHECKING:
    from yolo.datasets import DetectionData

THRESHOLD = 0.005
"""Low, as average precision is of all thresholds above it."""
SCORE = "val_ap50"  # what is best is so by this one


def measure(
    detector: Detector,
    data: DetectionData,
    *,
    threshold: float = THRESHOLD,
    overlap: float = OVERLAP,
    batch: int = 8,
    **options: Any,
) -> Evaluation:
    """Average precision of a detector on pictures with known boxes; ``print`` it for a table.

    Args:
        detector: with the class names of the data.
        data: to measure on.
        threshold: least score of a detection.
        overlap: of `Detector`.
        batch: pictures at once.
        options: of `yolo.evaluation.evaluate`.

    Raises:
        ValueError: other class names; as `Detector` and `yolo.evaluation.evaluate`.
    """
    if tuple(data.names) != tuple(detector.names):
        raise ValueError(f"the data have the classes {tuple(data.names)}, the detector {tuple(detector.names)}")
    pictures = (record.read_image() for record in data)
    found = list(detector.each(pictures, threshold=threshold, overlap=overlap, batch=batch))
    return evaluate(data, found, names=data.names, **options)


class Learning(Detector):
    """A detector whose network learns meanwhile: it finds what the weights of the moment find."""

    @cached_property
    def inference(self) -> Callable[[np.ndarray], list[np.ndarray]]:
        """The network as it is: a folded copy would have to be made anew after each epoch."""
        import tensorflow as tf

        graphs: dict[tuple[int, ...], Any] = {}

        def heads(pictures: Any) -> list[Any]:
            found = self.network(tf.cast(pictures, tf.float32) / 255, training=False)
            return [tf.cast(head, tf.float32) for head in (found if isinstance(found, (list, tuple)) else [found])]

        def of_pictures(pictures: np.ndarray) -> list[np.ndarray]:
            shape = (None, *pictures.shape[1:])
            if shape not in graphs:
                signature = [tf.TensorSpec(shape, tf.uint8)]
                graphs[shape] = tf.function(heads, input_signature=signature, autograph=False)
            return [head.numpy() for head in graphs[shape](pictures)]

        return of_pictures


def scores(detector: Learning, data: DetectionData, batch: int) -> dict[str, float]:
    """``val_ap50``, the mean over the classes at an IoU of .5, and ``val_map``, COCO's, over .5 to .95 as well."""
    result = measure(detector, data, batch=batch, areas={"all": (0.0, 1e10)}, max_detections=100)
    return {SCORE: result.ap("coco", 0.5), "val_map": result.ap("coco")}
