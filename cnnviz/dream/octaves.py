"""The climb of a dream through its octaves: the photograph small first, then larger and larger."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cnnviz.dream.gradient import Layers, Wish, dream_gradient, fixed_size, wish
from cnnviz.dream.tiles import GRAIN, cut
from cnnviz.models import Classifier
from cnnviz.targets import keras_model
from data.arguments import whole_number

if TYPE_CHECKING:
    import keras

SMALLEST = 64
"""Pixels of the shorter side below which no octave goes unless told to: most networks see nothing in less."""
GUIDE_SIDE = 224
"""Pixels of the longer side to which a guide is shrunk: about as the networks saw their pictures."""


class DreamStep(NamedTuple):
    """What a callback is told after each step.

    Attributes:
        octave: which octave, the smallest picture first, from 0.
        step: which step of it, from 0.
        objectives: for each layer the mean of its squared activations before the step (with a guide, the mean dot
            product).
        picture: float32 RGB ``(height, width, 3)`` in 0..255 at the octave's size, after the step; read only, and it
            goes on changing: copy what is to be kept.
    """

    octave: int
    step: int
    objectives: dict[str, float]
    picture: np.ndarray


class Climber(NamedTuple):
    """How to climb; the same for every octave and frame."""

    wanted: Wish
    sizes: list[tuple[int, int]]
    steps: int
    step_size: float
    jitter: int
    tile: int
    generator: np.random.Generator
    callback: Callable[[DreamStep], Any] | None

    def through(self, photograph: np.ndarray, verbose: bool) -> np.ndarray:
        """Climb at each size in turn; float32 in and out."""
        from tqdm.auto import tqdm

        change, answered = None, False
        work = [height * width * self.steps for height, width in self.sizes]
        with tqdm(total=sum(work), unit="px", unit_scale=True, disable=not verbose) as bar:
            for octave, size in enumerate(self.sizes):
                bar.set_description(f"octave {octave + 1}/{len(self.sizes)}, {size[0]}x{size[1]}")
                base = resized(photograph, size)
                # What the dream has done so far, and all the detail that the photograph has at this size.
                picture = base.copy() if change is None else base + resized(change, size)
                np.clip(picture, 0, 255, out=picture)
                for step in range(self.steps):
                    place = tuple(self.generator.random(2))
                    tiles = cut(size, self.tile, jitter=self.jitter, place=place, fixed=self.wanted.fixed)
                    progress = size[0] * size[1] // len(tiles)
                    gradient, objectives = dream_gradient(
                        self.wanted, picture, tiles, lambda more=progress: bar.update(more)
                    )
                    answered = answered or bool(gradient.any())
                    gradient *= np.float32(self.step_size)
                    picture += gradient
                    np.clip(picture, 0, 255, out=picture)
                    if self.callback:
                        shown = picture.view()
                        shown.flags.writeable = False
                        self.callback(DreamStep(octave, step, objectives, shown))
                change = picture - base if octave + 1 < len(self.sizes) else None
        if self.steps and not answered:
            what = "this channel" if len(self.wanted.channels) else "this layer"
            warnings.warn(f"{what} is silent: its gradient is zero everywhere, so nothing was dreamt", stacklevel=3)
        return picture


def octave_sizes(size: tuple[int, int], octaves: int | None = None, octave_scale: float = 1.4) -> list[tuple[int, int]]:
    """The sizes at which is dreamt, the smallest first, the photograph's own last.

    Args:
        size: height and width of the photograph.
        octaves: how many sizes; by default as many as leave the smallest a shorter side of `SMALLEST` pixels.
        octave_scale: the ratio of one size to the next.

    Raises:
        ValueError: the photograph, or its smallest octave, would be smaller than `GRAIN` pixels.

    Example:
        >>> octave_sizes((200, 400), 3, 2.0)
        [(50, 100), (100, 200), (200, 400)]
    """
    if octaves is None:
        octaves = 1
        while min(size) / octave_scale**octaves >= SMALLEST:
            octaves += 1
    sizes = [tuple(round(side / octave_scale**power) for side in size) for power in reversed(range(octaves))]
    if min(size) < GRAIN:
        raise ValueError(f"the photograph has {size[0]}x{size[1]} pixels, too few: enlarge it to {SMALLEST} at least")
    if min(sizes[0]) < GRAIN:
        fit = 1 + int(np.log(min(size) / GRAIN) / np.log(octave_scale))
        raise ValueError(
            f"octaves is {octaves}: the smallest would be {sizes[0][0]}x{sizes[0][1]} pixels, below {GRAIN}; take at "
            f"most {fit}, a smaller octave_scale, or a larger photograph"
        )
    return sizes


def resized(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Float ``(height, width, 3)`` at another size; `data.resize` would round to whole grey levels, which shows.

    A mean over areas where it shrinks, bicubic where it grows.
    """
    import cv2

    if picture.shape[:2] == tuple(size):
        return picture
    shrinks = size[0] * size[1] < picture.shape[0] * picture.shape[1]
    return cv2.resize(picture, tuple(size)[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)


def climber(
    model: keras.Model | Classifier,
    photograph: np.ndarray,
    layers: Layers,
    channel: int | Sequence[int] | None,
    guide: np.ndarray | None,
    octaves: int | None,
    octave_scale: float,
    steps: int,
    step_size: float,
    jitter: int,
    tile: int,
    scale: Callable[[Any], Any] | None,
    seed: int,
    callback: Callable[[DreamStep], Any] | None = None,
) -> Climber:
    """All that was asked for, checked; see `dream`."""
    _check_picture(photograph, "photograph")
    for name, value, least in (("steps", steps, 0), ("jitter", jitter, 0), ("tile", tile, 4 * GRAIN)):
        whole_number(name, value, least)
    if octaves is not None:
        whole_number("octaves", octaves, 1)
    if not 1.01 <= octave_scale <= 10:
        raise ValueError(f"octave_scale is {octave_scale}; from 1.01 to 10 is wanted")
    if not np.isfinite(step_size):
        raise ValueError(f"step_size is {step_size}; a finite number of grey levels is wanted")
    sizes = octave_sizes(photograph.shape[:2], octaves, octave_scale)
    if guide is not None:
        _check_picture(guide, "guide")
        height, width = guide.shape[:2]
        shrink = min(1, GUIDE_SIDE / max(height, width))
        fit = fixed_size(keras_model(model))
        fit = tuple(only or max(1, round(side * shrink)) for only, side in zip(fit, (height, width), strict=True))
        guide = resized(guide.astype(np.float32), fit)
    wanted = wish(model, layers, channel, guide, scale)
    return Climber(wanted, sizes, steps, step_size, jitter, tile, np.random.default_rng(seed), callback)


def _check_picture(picture: np.ndarray, name: str) -> None:
    """Refuse what is no uint8 RGB picture."""
    if not isinstance(picture, np.ndarray) or picture.dtype != np.uint8:
        kind = getattr(picture, "dtype", type(picture).__name__)
        raise TypeError(f"{name} must be a uint8 RGB array, not {kind}; data.read_image makes one")
    if picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] == 1):
        raise ValueError(f"{name} is grey, {picture.shape}; data.read_image({name}) repeats it as red, green and blue")
    if picture.ndim != 3 or picture.shape[2] != 3 or 0 in picture.shape:
        raise ValueError(f"{name} has shape {picture.shape}; one RGB picture (height, width, 3) is wanted")
