"""One step of gradient ascent, as it is compiled: picture, objective, gradient, penalties."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cnnviz.ascent.measures import paths, value
from cnnviz.ascent.parametrisation import Parametrisation, blurred, change_of_parameters, changes, render
from cnnviz.ascent.robustness import moved
from cnnviz.compiled import weakly
from cnnviz.derivatives import forward

if TYPE_CHECKING:
    import keras


def unscaled(pictures: Any) -> Any:
    """RGB in 0..255 for a model that scales its input itself."""
    return pictures


class Settings(NamedTuple):
    """Numbers, handed over as tensors: another one is not compiled anew."""

    step_size: np.float32
    jitter: np.float32
    scale: np.float32
    rotation: np.float32
    l2: np.float32
    total_variation: np.float32
    blur: np.float32


class Plan(NamedTuple):
    """What a step is compiled for."""

    structure: tuple
    parametrisation: Parametrisation
    width: int
    moves: bool
    penalties: bool
    radius: int


class Functions:
    """The functions that a step calls; weak, so that they can be forgotten."""

    def __init__(self, scale: Callable, target: Callable | None) -> None:
        self.scale = weakly(scale)
        self.target = (lambda: None) if target is None else weakly(target)


_pairs: weakref.WeakKeyDictionary[Callable, weakref.WeakKeyDictionary[Callable, Functions]]
_pairs = weakref.WeakKeyDictionary()


def together(scale: Callable, target: Callable | None) -> Functions:
    """Both functions as one object that lives as long as they do, since `Compiled` takes one."""
    made = Functions(scale, target)
    with contextlib.suppress(TypeError):  # one of them cannot be referred to weakly: compiled for this call only
        return _pairs.setdefault(scale, weakref.WeakKeyDictionary()).setdefault(
            unscaled if target is None else target, made
        )
    return made


def ascend(
    model: keras.Model,
    functions: Functions,
    notes: dict,
    plan: Plan,
    parameters: Any,
    random: Any,
    settings: Settings,
    tensors: Any,
) -> tuple[Any, ...]:
    """The body that is compiled: the parameters after one step, and the scores, slopes and shapes before it."""
    import tensorflow as tf

    eager = tf.executing_eagerly()
    with tf.GradientTape() if eager else contextlib.nullcontext() as tape:
        if eager:
            tape.watch(parameters)
        pictures = render(plan.parametrisation, parameters, plan.width)
        shown = moved(pictures, random, *settings[1:4]) if plan.moves else pictures
        outputs, activations = forward(model, functions.scale()(255 * shown), paths(plan.structure))
        scores, shapes = value(plan.structure, functions.target(), tensors, outputs, activations)
        # float16 cannot hold the small gradient of a mean; its size does not matter here.
        climbed = 64 * tf.reduce_sum(scores)

    direction = tape.gradient(climbed, parameters) if eager else tf.gradients(climbed, parameters)[0]
    if direction is None:
        raise ValueError("the objective does not depend on the picture")
    slope = rms(changes(plan.parametrisation, direction, plan.width))
    slope = slope if plan.parametrisation == "pixel" else slope[..., None]
    direction = tf.math.divide_no_nan(direction, slope)
    if plan.penalties:
        pull = settings.l2 * (pictures - 0.5) + settings.total_variation * variation_slope(pictures)
        direction -= change_of_parameters(plan.parametrisation, pull)
    parameters += settings.step_size * direction
    if plan.radius:
        parameters = blurred(plan.parametrisation, parameters, settings.blur, plan.width, plan.radius)
    if plan.parametrisation == "pixel":
        parameters = tf.clip_by_value(parameters, 0.0, 1.0)
    return parameters, scores, tf.reshape(slope, (-1,)), shapes


def rms(pictures: Any) -> Any:
    """The root mean square of each picture, ``(pictures, 1, 1, 1)``."""
    import tensorflow as tf

    return tf.sqrt(tf.reduce_mean(tf.square(pictures), axis=(1, 2, 3), keepdims=True))


def variation_slope(pictures: Any) -> Any:
    """The gradient of the total variation, the sum of the absolute differences of neighbouring pixels."""
    import tensorflow as tf

    down, right = tf.sign(pictures[:, 1:] - pictures[:, :-1]), tf.sign(pictures[:, :, 1:] - pictures[:, :, :-1])

    def pad(differences: Any, axis: int, before: int) -> Any:
        sides = [(0, 0)] * 4
        sides[axis] = (before, 1 - before)
        return tf.pad(differences, sides)

    return pad(down, 1, 1) - pad(down, 1, 0) + pad(right, 2, 1) - pad(right, 2, 0)
