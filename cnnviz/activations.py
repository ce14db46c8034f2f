"""Activation maps: what every layer makes of a photograph, counted and cut out."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cnnviz.layers import convolutional_layers, layer_paths
from cnnviz.receptive_field import ReceptiveField, receptive_field
from cnnviz.taps import taps

if TYPE_CHECKING:
    import keras


def rectified_layers(model: keras.Model) -> list[str]:
    """Paths of the layers whose output went through a ReLU: where activation maps are read.

    Falls back to the convolutional layers for a model that has no ReLU (ConvNeXt, a sigmoid network).

    Raises:
        ValueError: the model has no convolutional layers either.
    """
    import keras

    def rectifies(layer: keras.Layer) -> bool:
        name = getattr(getattr(layer, "activation", None), "__name__", "")
        return isinstance(layer, keras.layers.ReLU) or name.startswith("relu")

    convolutional = convolutional_layers(model)
    return [path for path, layer in layer_paths(model).items() if rectifies(layer)] or convolutional


def activation_maps(
    model: keras.Model, images: np.ndarray, layers: str | keras.Layer | Sequence[str | keras.Layer] | None = None
) -> dict[str, np.ndarray]:
    """The activation maps of one or many layers for a batch of images.

    Args:
        model: any model that `cnnviz.taps` takes.
        images: what the model takes, ``(batch, height, width, channels)``; ``Classifier.preprocess`` makes it.
        layers: see `cnnviz.layers.find_layer`; the rectified layers that have maps by default.

    Returns:
        For each layer by name, float32 ``(batch, map height, map width, channels)``.

    Raises:
        ValueError: no such layer (the message lists those there are); the batch is empty, has another number of
            channels than the model takes, or holds NaN; or the model has no convolutional layers.
    """
    chosen = rectified_layers(model) if layers is None else layers
    _, activations = taps(model, chosen, outputs=False, differentiable=False)(images)
    # Rectified dense layers have no maps; they are returned where they were asked for.
    return {
        name: np.asarray(maps, np.float32) for name, maps in activations.items() if layers is not None or maps.ndim == 4
    }


class LayerStatistics(NamedTuple):
    """What can be counted of one layer's maps over a batch.

    Attributes:
        layer: its name.
        height, width, channels: size of a map in cells, and how many maps there are.
        sparsity: share of the activations that are exactly zero, 0..1.
        dead: how many channels are zero everywhere, for every image.
    """

    layer: str
    height: int
    width: int
    channels: int
    sparsity: float
    dead: int

    @property
    def values(self) -> int:
        """Numbers that the layer passes on for one image."""
        return self.height * self.width * self.channels


def statistics(activations: dict[str, np.ndarray]) -> list[LayerStatistics]:
    """Size, number and sparsity of the maps of each layer.

    Args:
        activations: what `activation_maps` returns.

    Returns:
        One row per layer, in the same order.

    Raises:
        TypeError: not that dictionary.

    Example:
        >>> statistics({"relu": np.array([[[[0.0, 2.0], [0.0, 0.0]]]])})
        [LayerStatistics(layer='relu', height=1, width=2, channels=2, sparsity=0.75, dead=1)]
    """
    if not isinstance(activations, dict):
        raise TypeError(f"activations is {type(activations).__name__}; the dictionary of activation_maps is wanted")
    rows = []
    for name, maps in activations.items():
        maps = maps[:, None, None] if maps.ndim == 2 else maps  # a dense layer is one cell
        zero = maps == 0
        dead = int(zero.all(axis=(0, 1, 2)).sum())
        rows.append(LayerStatistics(name, *maps.shape[1:], round(float(zero.mean()), 4), dead))
    return rows


class Patch(NamedTuple):
    """A place where a channel is most active.

    Attributes:
        image: index of the image.
        score: the activation there.
        row, column: the cell of the map.
        box: the cell's receptive field, ``x1, y1, x2, y2`` in pixels of the image; it may reach into the padding.
    """

    image: int
    score: float
    row: int
    column: int
    box: tuple[int, int, int, int]


def top_patches(
    model: keras.Model,
    images: np.ndarray | Iterable[np.ndarray],
    layer: str | keras.Layer,
    channels: int | Sequence[int],
    *,
    count: int = 9,
    batch_size: int = 64,
) -> dict[int, list[Patch]]:
    """The images of a set that excite a channel most, and where: at most one place in an image.

    Args:
        model: any model that `cnnviz.taps` takes.
        images: what the model takes, ``(n, height, width, channels)``, or an iterable of such batches (a
            ``tf.data.Dataset``, say), so that the set need not fit into memory.
        layer: see `cnnviz.layers.find_layer`.
        channels: one channel of the layer or several.
        count: how many images.
        batch_size: how many images go through the model at once, where ``images`` is an array.

    Returns:
        For each channel its patches, the most active first; images in which the channel is zero are left out.

    Raises:
        IndexError: the layer has no such channel.
        TypeError: a channel is not a whole number.
        ValueError: no images, or the layer has no maps, or it gives NaN.

    Source: Zeiler and Fergus 2014, figure 2 (without the deconvolutions).
    """
    if count < 1 or batch_size < 1:
        raise ValueError(f"count is {count} and batch_size is {batch_size}; at least 1 is wanted of both")
    chosen = [channels] if np.ndim(channels) == 0 else list(channels)
    if any(isinstance(channel, (bool, np.bool_)) for channel in chosen):
        raise TypeError(f"channels are numbers, not {channels!r}")
    found: dict[int, list[Patch]] = {operator.index(channel): [] for channel in chosen}
    read = taps(model, layer, outputs=False, differentiable=False)
    fields: dict[tuple[int, int], ReceptiveField] = {}
    first = 0
    for batch in _batches(images, batch_size):
        (maps,) = (np.asarray(maps, np.float32) for maps in read(batch)[1].values())
        size = tuple(batch.shape[1:3])
        if size not in fields:
            fields[size] = receptive_field(model, layer, size=size)
        if np.isnan(maps).any():
            raise ValueError(f"layer {layer!r} gives NaN")
        for channel in found:
            if not 0 <= channel < maps.shape[-1]:
                raise IndexError(f"channel {channel} not in {layer!r}; it has channels 0 to {maps.shape[-1] - 1}")
            flat = maps[..., channel].reshape(len(maps), -1)
            for index, place in enumerate(flat.argmax(axis=1)):
                score = float(flat[index, place])
                if score != 0:
                    row, column = (int(cell) for cell in divmod(place, maps.shape[2]))
                    box = _box(fields[size], row, column, size)
                    found[channel].append(Patch(first + index, score, row, column, box))
            found[channel] = sorted(found[channel], key=lambda patch: (-patch.score, patch.image))[:count]
        first += len(batch)
    if not first:
        raise ValueError("images is empty; give at least one image")
    return found


def cut_patches(photographs: np.ndarray, patches: Sequence[Patch], fill: int = 255) -> list[np.ndarray]:
    """Cut the receptive fields out of the photographs.

    Args:
        photographs: uint8 RGB ``(n, height, width, 3)``, of the size that the model saw.
        patches: from `top_patches` on the same images.
        fill: value of what lies outside the photograph.

    Returns:
        One uint8 RGB rectangle for each patch.

    Raises:
        ValueError: photographs of another kind, or fewer than the patches speak of.
    """
    photographs = np.asarray(photographs)
    if photographs.dtype != np.uint8 or photographs.ndim != 4 or photographs.shape[-1] != 3:
        raise ValueError(
            f"photographs are {photographs.dtype} {photographs.shape}; uint8 (n, height, width, 3) is wanted"
        )
    if any(patch.image >= len(photographs) for patch in patches):
        raise ValueError(f"a patch is of image {max(patch.image for patch in patches)}, there are {len(photographs)}")
    cut = []
    for patch in patches:
        x1, y1, x2, y2 = patch.box
        photograph = photographs[patch.image]
        height, width = photograph.shape[:2]
        square = np.full((y2 - y1, x2 - x1, 3), fill, np.uint8)
        top, left = np.clip(y1, 0, height), np.clip(x1, 0, width)
        bottom, right = np.clip(y2, top, height), np.clip(x2, left, width)
        square[top - y1 : bottom - y1, left - x1 : right - x1] = photograph[top:bottom, left:right]
        cut.append(square)
    return cut


def _box(field: ReceptiveField, row: int, column: int, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The field of a cell; the whole side of the image where the field does not fit into one."""
    x1, y1, x2, y2 = field.box(row, column)
    return (
        x1 if field.stride[1] else 0,
        y1 if field.stride[0] else 0,
        x2 if field.stride[1] else size[1],
        y2 if field.stride[0] else size[0],
    )


def _batches(images: Any, batch_size: int) -> Iterable[np.ndarray]:
    """An array or tensor in pieces; an iterable of batches, or of batches with their labels, one by one."""
    if hasattr(images, "shape"):
        images = np.asarray(images)
        return (images[start : start + batch_size] for start in range(0, len(images), batch_size))
    return (np.asarray(batch[0] if isinstance(batch, tuple) else batch) for batch in images)
