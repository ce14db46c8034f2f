"""Activation maps: what every layer makes of a photograph, counted and cut out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cnnviz.receptive_field import ReceptiveField, receptive_field
from cnnviz.taps import convolutional_layers, layer_paths, taps

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
        layers: see `cnnviz.taps.find_layer`; the rectified layers by default.

    Returns:
        For each layer by name, float32 ``(batch, map height, map width, channels)``.

    Raises:
        ValueError: no such layer (the message lists those there are); the batch is empty, has another number of
            channels than the model takes, or holds NaN; or the model has no convolutional layers.
    """
    chosen = rectified_layers(model) if layers is None else layers
    _, activations = taps(model, chosen, outputs=False, differentiable=False)(images)
    return {name: np.asarray(maps, np.float32) for name, maps in activations.items()}


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

    Example:
        >>> statistics({"relu": np.array([[[[0.0, 2.0], [0.0, 0.0]]]])})
        [LayerStatistics(layer='relu', height=1, width=2, channels=2, sparsity=0.75, dead=1)]
    """
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
        layer: see `cnnviz.taps.find_layer`.
        channels: one channel of the layer or several.
        count: how many images.
        batch_size: how many images go through the model at once, where ``images`` is an array.

    Returns:
        For each channel its patches, the most active first; images in which the channel is zero are left out.

    Raises:
        IndexError: the layer has no such channel.
        ValueError: no images, or the layer has no maps.

    Source: Zeiler and Fergus 2014, figure 2 (without the deconvolutions).
    """
    if count < 1:
        raise ValueError(f"count is {count}; at least 1 is wanted")
    chosen = [channels] if isinstance(channels, (int, np.integer)) else list(channels)
    field = receptive_field(model, layer)
    read = taps(model, layer, outputs=False, differentiable=False)
    found: dict[int, list[Patch]] = {channel: [] for channel in chosen}
    first, side = 0, (0, 0)
    for batch in _batches(images, batch_size):
        (maps,) = (np.asarray(maps, np.float32) for maps in read(batch)[1].values())
        for channel in chosen:
            if not 0 <= channel < maps.shape[-1]:
                raise IndexError(f"channel {channel} not in {layer!r}; it has channels 0 to {maps.shape[-1] - 1}")
            flat = maps[..., channel].reshape(len(maps), -1)
            for index, place in enumerate(flat.argmax(axis=1)):
                score = float(flat[index, place])
                if score > 0:
                    row, column = (int(cell) for cell in divmod(place, maps.shape[2]))
                    box = _box(field, row, column, batch.shape[1:3])
                    found[channel].append(Patch(first + index, score, row, column, box))
            found[channel] = sorted(found[channel], key=lambda patch: (-patch.score, patch.image))[:count]
        first, side = first + len(batch), batch.shape[1:3]
    if not first:
        raise ValueError(f"images is empty (side {side}); give at least one image")
    return found


def cut_patches(photographs: np.ndarray, patches: Sequence[Patch], fill: int = 255) -> list[np.ndarray]:
    """Cut the receptive fields out of the photographs.

    Args:
        photographs: uint8 RGB ``(n, height, width, 3)``, of the size that the model saw.
        patches: from `top_patches` on the same images.
        fill: value of what lies outside the photograph.

    Returns:
        One uint8 RGB square for each patch.
    """
    cut = []
    for patch in patches:
        x1, y1, x2, y2 = patch.box
        photograph = photographs[patch.image]
        height, width = photograph.shape[:2]
        square = np.full((y2 - y1, x2 - x1, 3), fill, np.uint8)
        top, left, bottom, right = max(y1, 0), max(x1, 0), min(y2, height), min(x2, width)
        square[top - y1 : bottom - y1, left - x1 : right - x1] = photograph[top:bottom, left:right]
        cut.append(square)
    return cut


def _box(field: ReceptiveField, row: int, column: int, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The field of a cell; the whole image where the field does not fit into one."""
    return field.box(row, column) if field.stride else (0, 0, size[1], size[0])


def _batches(images: np.ndarray | Iterable[np.ndarray], batch_size: int) -> Iterable[np.ndarray]:
    """An array in pieces; an iterable of batches as it is."""
    if isinstance(images, np.ndarray):
        return (images[start : start + batch_size] for start in range(0, len(images), batch_size))
    return (np.asarray(batch) for batch in images)
