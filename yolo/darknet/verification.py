"""Is a network imported right? Compared with OpenCV's own importer, and its cfg looked through."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass

import numpy as np

from yolo.darknet.network import Network, read_cfg
from yolo.darknet.weights import read_weights

OPENCV_EPSILON = 1e-6
"""What OpenCV's importer adds to the variance in batch norm."""


@dataclass(frozen=True)
class Difference:
    """One output, ours against the other engine's."""

    name: str
    shape: tuple[int, ...]
    largest: float | None
    """Largest absolute difference; None if it was not compared."""
    magnitude: float
    """Largest absolute number of ours."""


@dataclass(frozen=True)
class Report:
    """What ``verify`` found; ``print`` it."""

    source: str
    engine: str
    """Name and version of the other engine; empty without one."""
    why_not: str
    """Why nothing was compared."""
    outputs: tuple[Difference, ...]
    tolerance: float
    parameters: int
    operations: int
    """Multiply-adds for one picture."""
    dead_anchors: tuple[int, ...]
    """Anchors that no head's mask names."""
    doubled_anchors: tuple[int, ...]
    """Anchors that more than one head uses."""
    remarks: tuple[str, ...]

    @property
    def compared(self) -> bool:
        """Whether every output was compared."""
        return all(output.largest is not None for output in self.outputs)

    @property
    def equal(self) -> bool:
        """Whether every output was compared and is within the tolerance; not a number is not."""
        return self.compared and all(output.largest <= self.tolerance for output in self.outputs)

    def __str__(self) -> str:
        lines = [f"{self.source}: {self.parameters:,} parameters, {self.operations / 1e9:.3f} billion multiply-adds"]
        for output in self.outputs:
            found = "not compared" if output.largest is None else f"largest difference {output.largest:.1e}"
            lines.append(f"{output.name} {output.shape}: {found}, largest number {output.magnitude:.1f}")
        if self.engine:
            verdict = "equal" if self.equal else "DIFFERENT" if self.compared else "not all compared"
            lines.append(f"against {self.engine}, tolerance {self.tolerance:g}: {verdict}")
        if self.why_not:
            lines.append(self.why_not)
        if self.dead_anchors:
            lines.append(
                f"anchors {_listed(self.dead_anchors)} are in no mask: a truth that fits one best is never learned"
            )
        if self.doubled_anchors:
            lines.append(f"anchors {_listed(self.doubled_anchors)} are in more than one mask")
        return "\n".join([*lines, *(f"passed over: {remark}" for remark in self.remarks)])


def verify(
    cfg: str | os.PathLike[str],
    weights: str | os.PathLike[str],
    *,
    size: int | tuple[int, int] | None = None,
    seed: int = 0,
    tolerance: float = 1e-4,
) -> Report:
    """Import a network and compare its raw heads with those of OpenCV's Darknet importer, on random pictures.

    OpenCV 4 has ``cv2.dnn.readNetFromDarknet``; version 5 has dropped it. Without it the report says how to get it.
    Batch norm takes OpenCV's epsilon here, 1e-6: with the 1e-5 of Darknet's GPU code the numbers would differ by what
    the two programs differ.

    The report also names anchors that no head uses. The known case is YOLOv3-tiny, with six anchors, 0 to 5. When its
    official weights were trained, the cfg had ``mask = 3,4,5`` for the coarse head and ``mask = 1,2,3`` for the fine
    one: a slip. Anchor 0, the smallest, is then in no mask: an object that fits it best belongs to no head and is never
    learned. Anchor 3 is in both. Later cfg files have ``0,1,2``, which is right for training anew, but the official
    weights have learned their boxes as multiples of anchors 1, 2 and 3: decoded with 0, 1, 2 their boxes come out too
    small. The weights file does not say which it is.

    Args:
        cfg: the cfg file.
        weights: the weights file.
        size: height and width of the input, in place of the cfg's.
        seed: of the pictures.
        tolerance: largest difference that counts as equal.

    Raises:
        ValueError: a file is wrong, as ``read_cfg`` and ``read_weights`` say.
        OSError: a file cannot be read.
    """
    from yolo.darknet.building import build

    network = read_cfg(cfg, size)
    model = build(network, read_weights(weights, network.records), epsilon=OPENCV_EPSILON)
    pictures = np.random.default_rng(seed).random((1, *network.size, network.channels), np.float32)
    ours = model(pictures, training=False)
    ours = [np.asarray(output) for output in (ours if isinstance(ours, list) else [ours])]
    engine, why_not, theirs = _theirs(cfg, weights, network, pictures)
    names = [head.name for head in network.heads] or [network.layers[-1].name]
    outputs = []
    for name, output, other in zip(names, ours, theirs or [None] * len(ours)):
        largest = None if other is None else float(np.abs(output - other.reshape(output.shape)).max())
        outputs.append(Difference(name, output.shape[1:], largest, float(np.abs(output).max())))
    used = Counter(index for head in network.heads for index in head.mask)
    count = max((len(head.all_anchors) for head in network.heads), default=0)
    return Report(
        network.source,
        engine,
        why_not,
        tuple(outputs),
        tolerance,
        network.parameters,
        network.operations,
        tuple(index for index in range(count) if not used[index]),
        tuple(index for index, times in sorted(used.items()) if times > 1),
        network.remarks,
    )


def opencv_outputs(
    cfg: str | os.PathLike[str], weights: str | os.PathLike[str], network: Network, pictures: np.ndarray
) -> list[np.ndarray | None]:
    """What OpenCV 4 computes: for each head what goes into it, or the last layer's output, channels last.

    OpenCV's own yolo layers give decoded boxes, so the convolution before is taken, by its name. None for a head whose
    input is not a plain convolution.

    Raises:
        cv2.error: OpenCV cannot read the files; AttributeError: this OpenCV has no Darknet importer.
    """
    import cv2

    net = cv2.dnn.readNetFromDarknet(os.fspath(cfg), os.fspath(weights))
    net.enableWinograd(False)  # faster, but less exact
    net.setInput(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)))
    if not network.heads:
        return [_channels_last(net.forward())]
    before = [network.layers[layer.inputs[0]] for layer in network.layers if layer.head]
    plain = [
        layer.kind == "convolutional" and not layer.options["norm"] and layer.options["activation"] == "linear"
        for layer in before
    ]
    found = iter(net.forward([layer.name for layer, is_plain in zip(before, plain) if is_plain]) if any(plain) else [])
    return [_channels_last(next(found)) if is_plain else None for is_plain in plain]


def _theirs(cfg, weights, network, pictures) -> tuple[str, str, list[np.ndarray | None] | None]:
    import cv2

    if not hasattr(cv2.dnn, "readNetFromDarknet"):
        why = (
            f"Not compared: OpenCV {cv2.__version__} reads no Darknet files. To compare, in an environment of its own: "
            "pip install 'opencv-python-headless<5'"
        )
        return "", why, None
    try:
        return f"OpenCV {cv2.__version__}", "", opencv_outputs(cfg, weights, network, pictures)
    except cv2.error as error:
        return "", f"Not compared: OpenCV {cv2.__version__} refuses these files: {str(error).strip()}", None


def _channels_last(array: np.ndarray) -> np.ndarray:
    return array.transpose(0, 2, 3, 1) if array.ndim == 4 else array


def _listed(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers))
