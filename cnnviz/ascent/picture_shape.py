"""Of which size a picture for a model has to be, and how many channels a layer then has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cnnviz.models import Classifier
from cnnviz.taps import taps
from cnnviz.targets import keras_model

if TYPE_CHECKING:
    import keras

SIDE = 128  # in pixels, where the model does not say


def picture_shape(
    model: keras.Model | Classifier, size: int | tuple[int, int] | None, start: str | np.ndarray
) -> tuple[int, int, int]:
    """Height, width and channels of the pictures.

    Raises:
        TypeError, ValueError: as `cnnviz.ascent.maximise`.
    """
    network = keras_model(model)
    expected = getattr(network, "input_shape", None) or (None, None, None, 3)
    if not (isinstance(expected, tuple) and len(expected) == 4 and expected[-1] in (1, 3)):
        raise ValueError(f"{network.name!r} takes {expected}; gradient ascent is for models of one RGB or grey image")
    fixed = expected[1:3]
    if isinstance(start, np.ndarray) and start.ndim in (3, 4):
        given = start.shape[-3:-1]
    elif size is None:
        own = max(model.size, SIDE) if isinstance(model, Classifier) else SIDE
        given = tuple(side or own for side in fixed)
    else:
        given = None
    if size is not None:
        sides = np.atleast_1d(np.asarray(size))
        if sides.dtype.kind not in "iu" or sides.shape not in {(1,), (2,)}:
            raise TypeError(f"size is {size!r}; a side in pixels or (height, width) is wanted")
        wanted = int(sides[0]), int(sides[-1])
        if given is not None and wanted != given:
            raise ValueError(f"size is {size}, but the picture to start from is {given[0]}x{given[1]}")
        given = wanted
    if min(given) < 2:
        raise ValueError(f"size is {given[0]}x{given[1]}; nothing can be drawn on that")
    if any(side not in (None, have) for side, have in zip(fixed, given, strict=True)):
        raise ValueError(f"{network.name!r} takes {fixed[0]}x{fixed[1]} pixels only, not {given[0]}x{given[1]}")
    return (*given, expected[-1])


def count_channels(model: keras.Model | Classifier, layer: str | keras.Layer, shape: tuple[int, int, int]) -> int:
    """How many channels a layer has."""
    read = taps(keras_model(model), layer, outputs=False)
    ((_, activation),) = read(np.zeros((1, *shape), np.float32))[1].items()
    return activation.shape[-1]
