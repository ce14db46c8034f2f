"""`scene` and `dataset`: from a seed to a labelled picture, and to a `tf.data.Dataset` of them."""

from __future__ import annotations

import numbers
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from data.arguments import whole_number
from data.scenes.brush import cast_shadows
from data.scenes.canvas import Canvas
from data.scenes.cars import paint_car
from data.scenes.develop import develop, paint_sky
from data.scenes.dice import Dice
from data.scenes.houses import paint_building
from data.scenes.layout import LABELS, MAX_OBJECTS, OBJECT_CLASSES, SETTINGS, Street, plan
from data.scenes.light import LIGHTS, WEATHERS, Light, light_for
from data.scenes.people import paint_pedestrian
from data.scenes.signs import paint_sign
from data.scenes.street import paint_backdrop, paint_ground, paint_tree

if TYPE_CHECKING:
    import tensorflow as tf

PAINTERS = {"car": paint_car, "pedestrian": paint_pedestrian, "sign": paint_sign}
CONDITIONS = {"light": tuple(LIGHTS), "weather": tuple(WEATHERS), "setting": tuple(SETTINGS)}
FREQUENCIES = {"light": LIGHTS, "weather": WEATHERS, "setting": SETTINGS}
SMALLEST, LARGEST = 32, 2048  # pixels


class Conditions(NamedTuple):
    """The names that hold in one scene; `CONDITIONS` lists what exists."""

    light: str
    weather: str
    setting: str


class Scene(NamedTuple):
    """One labelled street picture.

    image: (height, width, 3) uint8 RGB.
    class_mask: (height, width) uint8, ids into `CLASSES`.
    instance_masks: (n, height, width) bool, the visible pixels of every object, nearest object first.
    boxes: (n, 4) float32, x1 y1 x2 y2 in pixel edges (x2, y2 exclusive), tight around the visible pixels.
    box_classes: (n,) int64, ids into `OBJECT_CLASSES`.
    label: id into `LABELS`, the class of object 0, the nearest one.
    conditions: light, weather and setting.
    """

    image: np.ndarray
    class_mask: np.ndarray
    instance_masks: np.ndarray
    boxes: np.ndarray
    box_classes: np.ndarray
    label: int
    conditions: Conditions


class Switches(NamedTuple):
    """Checked keyword arguments of `scene`."""

    size: tuple[int, int]
    weights: dict[str, float]
    scale: tuple[float, float]
    ties: dict[str, tuple[str, str]]
    strength: float
    fixed: dict[str, str]


def listed(name: object, options: Sequence[str], what: str) -> None:
    """Raise ValueError unless the name is one of the options."""
    if name not in options:
        raise ValueError(f"{what} {name!r} does not exist; there are: {', '.join(options)}")


def check(
    size: int | Sequence[int],
    balance: Mapping[str, float] | None,
    object_scale: float | Sequence[float],
    bias: Mapping[str, str] | None,
    bias_strength: float,
    fixed: Mapping[str, str | None],
) -> Switches:
    """The arguments of `scene`, checked and in one form."""
    pair = (size, size) if isinstance(size, numbers.Number) else tuple(size)
    if len(pair) != 2 or not all(isinstance(n, numbers.Integral) and SMALLEST <= n <= LARGEST for n in pair):
        raise ValueError(f"size={size!r}: give pixels, an int or (height, width), each {SMALLEST}..{LARGEST}")
    weights = dict.fromkeys(LABELS, 1.0)
    if balance is not None:
        for name in balance:
            listed(name, LABELS, "balance: label")
        weights = {name: float(balance.get(name, 0.0)) for name in LABELS}
        if not all(0 <= w < float("inf") for w in weights.values()) or not sum(weights.values()) > 0:
            raise ValueError(f"balance={dict(balance)!r}: weights are finite, not negative, and not all 0")
    scale = (object_scale, object_scale) if isinstance(object_scale, numbers.Real) else tuple(object_scale)
    if len(scale) != 2 or not 0.3 <= scale[0] <= scale[1] <= 2.0:
        raise ValueError(f"object_scale={object_scale!r}: give a factor or (low, high), within 0.3..2")
    if not 0 <= bias_strength <= 1:
        raise ValueError(f"bias_strength={bias_strength!r}: a probability is within 0..1")
    chosen = {}
    for what, name in fixed.items():
        if name is not None:
            listed(name, CONDITIONS[what], what)
            chosen[what] = name
    home = {name: what for what, names in CONDITIONS.items() for name in names}
    ties = {}
    for label, name in (bias or {}).items():
        listed(label, LABELS, "bias: label")
        listed(name, tuple(home), "bias: condition")
        if home[name] in chosen:
            raise ValueError(
                f"bias ties {label!r} to {name!r}, but {home[name]}={chosen[home[name]]!r} fixes that for all scenes"
            )
        ties[label] = (home[name], name)
    return Switches(
        (int(pair[0]), int(pair[1])), weights, (float(scale[0]), float(scale[1])), ties, bias_strength, chosen
    )


def scene(
    seed: int | Sequence[int],
    size: int | Sequence[int] = 128,
    *,
    balance: Mapping[str, float] | None = None,
    object_scale: float | Sequence[float] = 1.0,
    bias: Mapping[str, str] | None = None,
    bias_strength: float = 1.0,
    light: str | None = None,
    weather: str | None = None,
    setting: str | None = None,
) -> Scene:
    """Draw the street scene of this seed, the same on every machine.

    seed: a non-negative int, or several, as `numpy.random.default_rng` takes them.
    size: pixels, an int or (height, width), each 32..2048.
    balance: weight of every label as the principal object, e.g. {"car": 3, "sign": 1}; a label left out never is one.
        None: all equal.
    object_scale: size of the principal object in the picture as a multiple of the usual one, or (low, high) to draw it
        from; 0.3..2.
    bias: a planted shortcut, label -> name of a light, weather or setting, e.g. {"car": "snow", "sign": "night"}.
    bias_strength: probability that the tie is enforced; else the condition is drawn as if there were no bias, so that
        P(condition | label) = strength + (1 - strength) P(condition). 0 plants nothing, 1 ties always.
    light, weather, setting: fix a condition for all scenes; `CONDITIONS` lists the names.

    What stands where depends on the seed and the label only: the same seed under another light or weather is the
    same street. ValueError for arguments outside these ranges and for names that do not exist.
    """
    fixed = {"light": light, "weather": weather, "setting": setting}
    return render(seed_of(seed), check(size, balance, object_scale, bias, bias_strength, fixed))


def drawn(count: int, seed: int = 0, size: int | Sequence[int] = 128, *, verbose: bool = True) -> Iterator[Scene]:
    """One after the other: scene i is ``scene((seed, i), size)``, whatever ``count`` is.

    Args:
        count: how many.
        seed: other seeds, other scenes: one to train, another one to validate.
        size: height and width in pixels, or one number for both.
        verbose: show a progress bar when it takes more than two seconds.

    Raises:
        TypeError, ValueError: count or seed are no whole numbers; a size that `scene` refuses.
    """
    from tqdm.auto import tqdm

    count, seed = whole_number("count", count), whole_number("seed", seed, 0)
    for index in tqdm(range(count), desc="drawing scenes", disable=not verbose, delay=2):
        yield scene((seed, index), size)


def seed_of(seed: int | Sequence[int]) -> tuple[int, ...]:
    """The seed as a tuple of non-negative ints."""
    parts = (seed,) if isinstance(seed, numbers.Number) else tuple(seed)
    if not parts or not all(isinstance(p, numbers.Integral) and p >= 0 for p in parts):
        raise ValueError(f"seed={seed!r}: give a non-negative int, or several")
    return tuple(int(p) for p in parts)


def render(seed: tuple[int, ...], switches: Switches) -> Scene:
    """The scene of a checked seed and checked switches."""
    dice = Dice((*seed, 1), 256)
    label = dice.weighted(switches.weights)
    scale = dice.between(*switches.scale)
    drawn = {what: dice.weighted(weights) for what, weights in FREQUENCIES.items()}
    tied = dice.chance(switches.strength)
    if tied and label in switches.ties:
        what, name = switches.ties[label]
        drawn[what] = name
    conditions = Conditions(**(drawn | switches.fixed))
    street = plan(label, conditions.setting, switches.size, scale, Dice((*seed, 2)))
    light = light_for(conditions.light, conditions.weather, dice)
    weather = dice.looks(512)
    least = max(4, round(0.0005 * switches.size[0] * switches.size[1]))
    while True:
        canvas = paint(street, light, conditions, Dice.replay(weather))
        tables = canvas.tables()
        number = canvas.surfaces(tables)
        masks = cv2.LUT(number, tables.instances) == np.arange(len(street.things), dtype=np.int16)[:, None, None]
        counts = [cv2.countNonZero(mask) for mask in masks.view(np.uint8)]
        # an object of which others leave a sliver makes no fair label: draw the street without it
        kept = [thing for thing, count in zip(street.things, counts, strict=True) if count >= least or thing.principal]
        if len(kept) == len(counts):
            image = develop(canvas, number, tables, light, Dice.replay(weather[::-1]))
            boxes = np.array([cv2.boundingRect(mask) for mask in masks.view(np.uint8)], np.float32)
            boxes[:, 2:] += boxes[:, :2]
            kinds = np.array([OBJECT_CLASSES.index(thing.kind) for thing in street.things], np.int64)
            class_mask = cv2.LUT(number, tables.classes)
            return Scene(image, class_mask, masks, boxes, kinds, LABELS.index(label), conditions)
        street.things = kept


def paint(street: Street, light: Light, conditions: Conditions, weather: Dice) -> Canvas:
    """Everything in the street on a canvas, from far to near."""
    canvas = Canvas(street.camera)
    dice = Dice.replay(street.looks)
    paint_sky(canvas, light, weather, conditions.weather == "clear")
    paint_ground(canvas, street, light, dice)
    cast_shadows(canvas, street, light)
    paint_backdrop(canvas, street, light, dice)
    # a house counts from its far end: what stands before it on the pavement comes later
    jobs = [(b.z1, paint_building, (b,)) for b in street.buildings]
    jobs += [(t.z, paint_tree, (t,)) for t in street.trees]
    street.things.sort(key=lambda thing: thing.z)
    jobs += [(t.z, PAINTERS[t.kind], (t, i)) for i, t in enumerate(street.things)]
    for _, painter, what in sorted(jobs, key=lambda job: -job[0]):
        painter(canvas, street, light, *what)
    canvas.draw()
    return canvas


def dataset(
    n: int,
    seed: int = 0,
    size: int | Sequence[int] = 128,
    batch_size: int | None = None,
    *,
    balance: Mapping[str, float] | None = None,
    object_scale: float | Sequence[float] = 1.0,
    bias: Mapping[str, str] | None = None,
    bias_strength: float = 1.0,
    light: str | None = None,
    weather: str | None = None,
    setting: str | None = None,
) -> tf.data.Dataset:
    """`n` scenes as a `tf.data.Dataset` of dicts; scene i is `scene((seed, i), size, ...)`, whatever n is.

    Keys: `image` (height, width, 3) uint8; `class_mask` (height, width) uint8; `boxes` (MAX_OBJECTS, 4) float32, filled
    up with zeros; `box_classes` (MAX_OBJECTS,) int64, filled up with -1; `label` () int64. `batch_size` puts a batch
    axis before these (the last batch may be smaller). The other arguments are those of `scene`. The scenes are drawn
    anew on every pass, in the same order: `cache()` keeps them. ValueError as in `scene`, before anything is drawn.
    """
    for what, value in (("n", n), ("batch_size", 1 if batch_size is None else batch_size)):
        if not isinstance(value, numbers.Integral) or value < 1:
            raise ValueError(f"{what}={value!r}: give an int of at least 1")
    if not isinstance(seed, numbers.Integral) or seed < 0:
        raise ValueError(f"seed={seed!r}: give a non-negative int")
    fixed = {"light": light, "weather": weather, "setting": setting}
    switches = check(size, balance, object_scale, bias, bias_strength, fixed)

    import tensorflow as tf  # here, so that drawing a scene does not need TensorFlow

    height, width = switches.size
    shapes = {
        "image": ((height, width, 3), tf.uint8),
        "class_mask": ((height, width), tf.uint8),
        "boxes": ((MAX_OBJECTS, 4), tf.float32),
        "box_classes": ((MAX_OBJECTS,), tf.int64),
        "label": ((), tf.int64),
    }

    def draw(index: np.ndarray) -> tuple[np.ndarray, ...]:
        one = render((int(seed), int(index)), switches)
        boxes = np.zeros((MAX_OBJECTS, 4), np.float32)
        classes = np.full(MAX_OBJECTS, -1, np.int64)
        boxes[: len(one.boxes)], classes[: len(one.boxes)] = one.boxes, one.box_classes
        return one.image, one.class_mask, boxes, classes, np.int64(one.label)

    def element(index: tf.Tensor) -> dict[str, tf.Tensor]:
        # not Dataset.from_generator: in TensorFlow 2.21 it sets malloc's trim threshold for the whole process, which
        # halves the speed of training on a CPU
        tensors = tf.numpy_function(draw, [index], [dtype for _, dtype in shapes.values()])
        return {
            name: tf.ensure_shape(tensor, shape)
            for tensor, (name, (shape, _)) in zip(tensors, shapes.items(), strict=True)
        }

    scenes = tf.data.Dataset.range(n).map(element, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    if batch_size is not None:
        scenes = scenes.batch(int(batch_size))
    return scenes.prefetch(tf.data.AUTOTUNE)
