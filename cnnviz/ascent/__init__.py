"""Gradient ascent: draw what a neuron would like to see.

    I <- I + eta grad f(I) / rms(grad f(I))

The trained network is left as it is, and the picture learns: it is changed so that the objective f rises. The gradient
is divided by its root mean square, since its size says little: it differs by orders of magnitude between layers.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cnnviz.ascent.climb import Callback, Climb
from cnnviz.ascent.measures import check_shapes
from cnnviz.ascent.parametrisation import Parametrisation, first_parameters, render
from cnnviz.ascent.picture_shape import count_channels, picture_shape
from cnnviz.ascent.steepest import Plan, Settings, ascend, together, unscaled
from cnnviz.compiled import Compiled
from cnnviz.models import Classifier
from cnnviz.objectives import Objective, channel, prepare
from cnnviz.targets import keras_model

if TYPE_CHECKING:
    import keras

__all__ = ["Callback", "Climb", "filter_grid", "filters", "maximise", "mosaic"]

WAY = {"fourier": 15.0, "pixel": 2.5}  # the sum of the step sizes before they fall: pictures of strong contrast
LONGEST = {"fourier": 0.3, "pixel": 0.06}  # a longer first step leaves noise that the others no longer clear up


def maximise(
    model: keras.Model | Classifier,
    objective: Objective,
    *,
    size: int | tuple[int, int] | None = None,
    count: int = 1,
    start: str | np.ndarray = "noise",
    parametrisation: Parametrisation = "fourier",
    steps: int = 64,
    step_size: float | None = None,
    jitter: int = 8,
    scale: float = 0.1,
    rotation: float = 5.0,
    l2: float = 0.0,
    total_variation: float = 0.0,
    blur: float = 0.0,
    scale_pixels: Callable[[Any], Any] | None = None,
    seed: int = 0,
    keys: Sequence[int] | None = None,
    callback: Callback | None = None,
    verbose: bool = True,
) -> np.ndarray:
    """Pictures for which the objective is large, climbed to by steepest ascent.

    The defaults draw clear textures and things with every network that was tried. Waves in decorrelated colours
    (``"fourier"``) give whole shapes where pixels give noise; jitter, scaling and turning take away what noise is left,
    and make penalties needless. With ``parametrisation="pixel", jitter=0, scale=0, rotation=0`` the equation at the top
    of this module is all there is.

    Args:
        model: any model of one image that `cnnviz.taps` takes, RGB or grey; a `Classifier` where classes are named.
        objective: what is climbed; see `cnnviz.objectives`.
        size: side of the pictures in pixels, or ``(height, width)``; the model's own by default, or 128.
        count: how many pictures; a list in the objective says so, too.
        start: ``"noise"`` (a little of it on grey), ``"zeros"`` (grey), or a picture: RGB ``(height, width, 3)`` or
            one for each ``(count, height, width, 3)``, uint8, or float in 0..1.
        parametrisation: ``"fourier"`` or ``"pixel"``; see `cnnviz.ascent.parametrisation`.
        steps: how many.
        step_size: by how much a pixel changes in the first step (root mean square); it falls in a straight line to
            nothing, so that the last steps clear up what the first have sketched. From black to white is 1 in pixels
            and about 4 in waves. By default 2.5 / ``steps`` in pixels and 15 / ``steps`` in waves (at most .06 and
            .3), so that the contrast hardly depends on the number of steps.
        jitter: by how many pixels the pictures are moved at most, before each step: `cnnviz.ascent.robustness`.
        scale: by which share they grow or shrink at most.
        rotation: by how many degrees they are turned at most.
        l2: pulls every pixel to grey: the weight of ``sum((I - 1/2)^2) / 2``. A pull of 1 on each pixel is as strong as
            the objective's own gradient, whose root mean square is 1 in the picture.
        total_variation: pulls neighbouring pixels together: the weight of the sum of their absolute differences.
        blur: standard deviation in pixels of a Gaussian that every step ends with; .3 is a little, 1 is a lot.
        scale_pixels: RGB in 0..255, a tensor, to what the model takes; a `Classifier` knows. A bare model is taken to
            scale its input itself.
        seed: of the noise and of the moves.
        keys: a number for each picture that its noise is drawn from; 0, 1, 2, ... by default.
        callback: is told of every step; a `Climb`, say.
        verbose: show the progress of what takes more than two seconds.

    Returns:
        uint8 RGB ``(count, height, width, 3)``; of a model of grey pictures three equal channels. The model is left as
        it was.

    Raises:
        TypeError: an objective, a start or a number of another type.
        ValueError: an unknown layer, class or channel; a number out of its range; a picture to start from that is not
            one, or of another size; a size that the model cannot take.

    Warns:
        UserWarning: pictures for which the objective had no gradient in any step.

    Source: Simonyan et al. 2014, eq. 1 (class neuron, L2); Erhan et al. 2009 (units); Yosinski et al. 2015 (blur);
        Mahendran and Vedaldi 2015 (total variation); Olah et al. 2017 (waves, moves, diversity).
    """
    import tensorflow as tf
    from tqdm.auto import tqdm

    network = keras_model(model)
    for name, number, least in (("count", count, 1), ("steps", steps, 0), ("seed", seed, 0)):
        if isinstance(number, bool) or not isinstance(number, (int, np.integer)):
            raise TypeError(f"{name} is {number!r}; a whole number is wanted")
        if number < least:
            raise ValueError(f"{name} is {number}; at least {least} is wanted")
    if step_size is None and parametrisation in WAY:
        step_size = min(WAY[parametrisation] / max(steps, 1), LONGEST[parametrisation])
    settings = Settings(
        *_checked(step_size=0.0 if step_size is None else step_size),
        *_checked(jitter=jitter, scale=scale, rotation=rotation),
        *_checked(l2=l2, total_variation=total_variation, blur=blur),
    )
    prepared = prepare(model, objective, count)
    keys = range(prepared.count) if keys is None else keys
    if len(keys) != prepared.count or min(keys) < 0:
        raise ValueError(
            f"keys is {list(keys)}; a number, not below 0, for each of {prepared.count} pictures is wanted"
        )
    if scale_pixels is not None and not callable(scale_pixels):
        raise TypeError(f"scale_pixels is {scale_pixels!r}; a function of a tensor is wanted")
    shape = picture_shape(model, size, start)
    parameters = tf.constant(first_parameters(parametrisation, start, shape, seed, keys))
    own = model.scale if isinstance(model, Classifier) else unscaled
    functions = together(own if scale_pixels is None else scale_pixels, prepared.function)
    moves, penalties = bool(jitter or scale or rotation), bool(l2 or total_variation)
    plan = Plan(prepared.structure, parametrisation, shape[1], moves, penalties, math.ceil(3 * blur))
    run = Compiled(ascend, network, (plan,), functions)
    climbed = np.zeros(prepared.count, bool)
    # A callback is told of the last picture, too, which takes one more pass.
    for step in tqdm(range(steps + bool(callback)), disable=not verbose, delay=2):
        random = np.array([seed, step], np.int64)
        shrunk = settings._replace(step_size=settings.step_size * np.float32(max(steps - step, 0) / max(steps, 1)))
        following, scores, slopes, shapes = run(parameters, random, shrunk, prepared.tensors)
        if step == 0:
            check_shapes(prepared, shapes, network.name)
        if not np.isfinite(scores).all() or not np.isfinite(slopes).all():
            raise ValueError(
                f"the objective or its gradient is not finite after {step} steps: is the step too large, or are "
                f"{shape[0]}x{shape[1]} pixels too few for {network.name!r}?"
            )
        climbed |= np.asarray(slopes) > 0
        if callback:
            callback(step, np.asarray(scores), _Pictures(parametrisation, parameters, shape[1]))
        parameters = following if step < steps else parameters
    if steps and not climbed.all():
        silent = np.flatnonzero(~climbed).tolist()
        warnings.warn(f"the objective has no gradient for the pictures {silent}: nothing was drawn", stacklevel=2)
    return _Pictures(parametrisation, parameters, shape[1])()


def filters(
    model: keras.Model | Classifier,
    layer: str | keras.Layer,
    channels: Sequence[int] | None = None,
    *,
    batch_size: int = 16,
    verbose: bool = True,
    **options: Any,
) -> np.ndarray:
    """What the filters of a layer would like to see, many at once.

    Args:
        model: as for `maximise`.
        layer: see `cnnviz.objectives.channel`.
        channels: which; all by default.
        batch_size: how many are climbed at once. It changes nothing but time and memory: the picture of a filter
            depends on the seed and its number only.
        verbose: show the progress.
        options: everything else that `maximise` takes.

    Returns:
        uint8 RGB ``(channels, height, width, 3)``.

    Raises:
        TypeError, ValueError: as `maximise`.
    """
    from tqdm.auto import tqdm

    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; at least 1 is wanted")
    if channels is None:
        channels = range(count_channels(model, layer, picture_shape(model, options.get("size"), "noise")))
    (term,) = channel(layer, channels).terms  # refuses what is no channel
    chosen = term.numbers[0].tolist()
    # Batches of one size, or the last would be compiled for itself; it is filled up with what is thrown away again.
    size = math.ceil(len(chosen) / math.ceil(len(chosen) / batch_size))
    starts = range(0, len(chosen), size)
    drawn = []
    for start in tqdm(starts, disable=not verbose or len(starts) == 1, delay=2, unit="batch"):
        batch = (chosen[start : start + size] + [chosen[-1]] * size)[:size]
        drawn.append(
            maximise(model, channel(layer, batch), keys=batch, verbose=verbose and len(starts) == 1, **options)
        )
    return np.concatenate(drawn)[: len(chosen)]


def filter_grid(
    model: keras.Model | Classifier,
    layer: str | keras.Layer,
    channels: Sequence[int] | None = None,
    *,
    columns: int | None = None,
    gap: int = 2,
    **options: Any,
) -> np.ndarray:
    """The picture of a whole layer: what each filter would like to see, side by side.

    Args:
        model: as for `maximise`.
        layer: as for `filters`.
        channels: as for `filters`.
        columns: pictures in a row; about twice as many as there are rows by default.
        gap: white pixels between the pictures.
        options: everything else that `filters` and `maximise` take.

    Returns:
        One uint8 RGB picture ``(height, width, 3)``, the channels from left to right and from top to bottom.
    """
    return mosaic(filters(model, layer, channels, **options), columns=columns, gap=gap)


def mosaic(pictures: np.ndarray, *, columns: int | None = None, gap: int = 2) -> np.ndarray:
    """Pictures side by side, uint8 ``(n, height, width, 3)``, as one ``(height, width, 3)``; the rest is white.

    >>> mosaic(np.zeros((3, 2, 2, 3), np.uint8), columns=2, gap=1)[..., 0].tolist()[2:]
    [[255, 255, 255, 255, 255], [0, 0, 255, 255, 255], [0, 0, 255, 255, 255]]
    """
    count, height, width, _ = pictures.shape
    if gap < 0 or (columns is not None and columns < 1):
        raise ValueError(f"columns is {columns} and gap is {gap}; at least 1 and 0 are wanted")
    columns = min(columns or math.ceil(count / max(math.isqrt(count // 2), 1)), count)
    canvas = np.full((-(-count // columns) * (height + gap), columns * (width + gap), 3), 255, np.uint8)
    for index, picture in enumerate(pictures):
        top, left = index // columns * (height + gap), index % columns * (width + gap)
        canvas[top : top + height, left : left + width] = picture
    return canvas[: len(canvas) - gap, : canvas.shape[1] - gap]


class _Pictures(NamedTuple):
    """A function that gives the pictures: uint8 RGB; computed only if somebody asks."""

    parametrisation: Parametrisation
    parameters: Any
    width: int

    def __call__(self) -> np.ndarray:
        pictures = np.asarray(render(self.parametrisation, self.parameters, self.width))
        pictures = np.round(255 * np.clip(pictures, 0, 1)).astype(np.uint8)
        return pictures if pictures.shape[-1] == 3 else np.repeat(pictures, 3, axis=-1)


def _checked(**numbers: float) -> list[np.float32]:
    """Finite numbers that are not negative."""
    for name, number in numbers.items():
        if isinstance(number, (bool, np.bool_)) or not isinstance(number, (int, float, np.number)):
            raise TypeError(f"{name} is {number!r}; a number is wanted")
        if not (math.isfinite(number) and number >= 0):
            raise ValueError(f"{name} is {number}; a finite number, not below 0, is wanted")
    return [np.float32(number) for number in numbers.values()]
