"""Average precision while Keras trains: a callback, so that others can go by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import keras

from data.arguments import whole_number
from yolo.evaluation.detecting import BATCH, OVERLAP, THRESHOLD, class_numbers, evaluate_detector

if TYPE_CHECKING:
    from yolo.datasets import DetectionData
    from yolo.detector import Detector


class MeanAveragePrecision(keras.callbacks.Callback):
    """Puts ``val_ap50`` and ``val_map``, COCO's AP at IoU .5 and over .5 to .95, into the logs of every epoch.

        detector = Detector(network, names, anchors, 416)
        network.fit(..., callbacks=[
            MeanAveragePrecision(detector, held_out.loaded()),
            keras.callbacks.ModelCheckpoint("best.weights.h5", monitor="val_ap50", mode="max", save_best_only=True,
                                            save_weights_only=True),
        ])

    Those who go by it stand after it in the list, and are told ``mode="max"``: Keras cannot know that more is better.
    Measured is the network of the detector, with the weights of that moment; fitted may be another model around it.

    It is measured after the first epoch that is trained, after every one whose number is a multiple of ``every``, and
    after the last; in between the numbers are repeated, so that files of logs have them in each row.

    Args:
        detector: around the network that is trained.
        data: held out; as it is looked at again and again, best in memory: ``data.loaded()``.
        every: so many epochs.
        threshold: as of `yolo.evaluation.evaluate_detector`.
        overlap: likewise.
        size: likewise.
        batch: likewise.
        verbose: show a progress bar, and a line with the two numbers.

    Raises:
        TypeError, ValueError: arguments of another kind; classes of the data that the detector does not know; data with
            nothing to be found.
    """

    def __init__(
        self,
        detector: Detector,
        data: DetectionData,
        *,
        every: int = 1,
        threshold: float = THRESHOLD,
        overlap: float = OVERLAP,
        size: int | Sequence[int] | None = None,
        batch: int = BATCH,
        verbose: bool = False,
    ) -> None:
        super().__init__()
        class_numbers(detector, data)
        if all((record.difficult | record.crowd).all() for record in data):
            raise ValueError("data has nothing to be found: no boxes, or only difficult ones and crowds")
        self.detector, self.data, self.every = (
            replace(detector, live=True, dtype="float32"),
            data,
            whole_number("every", every),
        )
        self.evaluation = None
        """The last one, with its curves and classes."""
        self._scores: dict[str, float] = {}
        self._options = {"threshold": threshold, "overlap": overlap, "size": size, "batch": batch, "verbose": verbose}

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Forget an earlier training."""
        self._scores = {}

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Measure, if it is time, and put the numbers into the logs."""
        last = epoch + 1 == (self.params or {}).get("epochs")
        if not self._scores or last or (epoch + 1) % self.every == 0:
            self.evaluation = evaluate_detector(self.detector, self.data, **self._options)
            self._scores = {"val_ap50": self.evaluation.ap(iou=0.5), "val_map": self.evaluation.ap()}
            if self._options["verbose"]:
                from tqdm.auto import tqdm

                tqdm.write(f"epoch {epoch + 1}: AP50 {self._scores['val_ap50']:.3f}, AP {self._scores['val_map']:.3f}")
        if logs is not None:
            logs.update(self._scores)
