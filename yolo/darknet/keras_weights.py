"""Between Keras layers and the arrays of a weights file: the same numbers, with the axes in another order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import keras
import numpy as np

from yolo.darknet.records import Record, connected_parts, convolution_parts
from yolo.darknet.weights import Header, Weights


@dataclass(frozen=True)
class Unit:
    """What Darknet calls one layer: a convolution or connected layer, with its batch norm if it has one."""

    layer: keras.layers.Layer
    norm: keras.layers.BatchNormalization | None

    @property
    def record(self) -> Record:
        """The arrays that the weights file has of it."""
        shape = tuple(self.layer.kernel.shape)
        if isinstance(self.layer, keras.layers.Dense):
            return Record(self.layer.name, connected_parts(shape[1], shape[0], self.norm is not None))
        if isinstance(self.layer, keras.layers.DepthwiseConv2D):
            shape = (*shape[:2], 1, shape[2] * shape[3])
        return Record(self.layer.name, convolution_parts(shape[3], shape[2], shape[0], self.norm is not None))

    def assign(self, arrays: dict[str, np.ndarray]) -> None:
        """Set the layer's variables."""
        if self.norm is None:
            self.layer.bias.assign(arrays["biases"])
        else:
            for variable, part in self._norms():
                variable.assign(arrays[part])
        weights, shape = arrays["weights"], self.layer.kernel.shape
        if isinstance(self.layer, keras.layers.Dense):
            kernel = weights.T
        elif isinstance(self.layer, keras.layers.DepthwiseConv2D):
            kernel = weights.reshape(shape[2], shape[3], shape[0], shape[1]).transpose(2, 3, 0, 1)
        else:
            kernel = weights.transpose(2, 3, 1, 0)
        self.layer.kernel.assign(kernel)

    def collect(self) -> dict[str, np.ndarray]:
        """The layer's variables as the file has them."""
        kernel = self.layer.kernel.numpy()
        if isinstance(self.layer, keras.layers.Dense):
            weights = kernel.T
        elif isinstance(self.layer, keras.layers.DepthwiseConv2D):
            weights = kernel.transpose(2, 3, 0, 1).reshape(-1, 1, *kernel.shape[:2])
        else:
            weights = kernel.transpose(3, 2, 0, 1)
        pairs = self._norms() if self.norm is not None else [(self.layer.bias, "biases")]
        arrays = {part: variable.numpy() for variable, part in pairs}
        return arrays | {"weights": np.ascontiguousarray(weights)}

    def _norms(self) -> list[tuple[keras.Variable, str]]:
        norm = self.norm
        return [
            (norm.beta, "biases"),
            (norm.gamma, "scales"),
            (norm.moving_mean, "mean"),
            (norm.moving_variance, "variance"),
        ]


def units(layers: Iterable[keras.layers.Layer]) -> list[Unit]:
    """Convolutions and connected layers in the order given, each with the batch norm that follows it.

    Raises:
        ValueError: another layer that has weights; a batch norm without its layer before it.
    """
    found: list[Unit] = []
    for layer in layers:
        if isinstance(layer, (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.Dense)):
            found.append(Unit(layer, None))
        elif isinstance(layer, keras.layers.BatchNormalization):
            if not found or found[-1].norm is not None:
                raise ValueError(f"batch norm {layer.name!r} follows no convolution: Darknet's files cannot hold it")
            found[-1] = Unit(found[-1].layer, layer)
        elif layer.weights:
            raise ValueError(f"layer {layer.name!r} has weights that Darknet's files cannot hold")
    return found


def assign(found: Sequence[Unit], weights: Weights) -> int:
    """Set the layers that ``weights`` holds; the number of layers that were set.

    Raises:
        ValueError: an array of another shape.
    """
    for unit in found:
        if unit.layer.name in weights.layers:
            arrays = weights.layers[unit.layer.name]
            for part, shape in unit.record.parts:
                if part not in arrays or arrays[part].shape != shape:
                    raise ValueError(
                        f"{part} of {unit.layer.name}: {shape} is wanted, the weights have "
                        f"{arrays[part].shape if part in arrays else 'none'}"
                    )
            unit.assign(arrays)
    return sum(unit.layer.name in weights.layers for unit in found)


def collect(found: Sequence[Unit], header: Header | None = None) -> Weights:
    """The weights of the layers, to be written to a file."""
    return Weights(header or Header(), {unit.layer.name: unit.collect() for unit in found})
