"""What a picture is to be made for: small objectives, each one number per picture, that can be added up.

    objective = channel("block4_conv2_relu", [3, 7]) + 0.5 * diversity("block4_conv2_relu")

An objective says what is meant and computes nothing; `cnnviz.ascent.maximise` climbs it. Class indices, channels and
weights are handed to compiled code as tensors, so that another channel is not compiled again.

Source of the idea: Olah, Mordvintsev and Schubert 2017, "Feature visualization", and their lucid.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cnnviz.ascent.measures import CENTRE, channel_mean, mean_of_squares, one_cell, projection, unlikeness
from cnnviz.layers import find_layer
from cnnviz.targets import Target, class_indices, keras_model

if TYPE_CHECKING:
    import keras

    from cnnviz.models import Classifier


@dataclass(frozen=True, eq=False)
class Term:
    """One summand of an objective.

    Attributes:
        measure: a function of a module: an activation ``(pictures, rows, columns, channels)`` and the tensors of
            ``numbers`` to one number per picture.
        layer: whose activation; None for the classes.
        numbers: what ``measure`` is told, arrays with one entry for each picture or with one for all.
        weight: its factor.
        target: of the term that has no layer; see `cnnviz.targets.Target`.
    """

    measure: Callable[..., Any] | None
    layer: str | keras.Layer | None = None
    numbers: tuple[np.ndarray, ...] = ()
    weight: float = 1.0
    target: Target = None


@dataclass(frozen=True, eq=False)
class Objective:
    """A weighted sum of terms. ``a + b``, ``a - b``, ``-a`` and ``2 * a`` make others of them."""

    terms: tuple[Term, ...]

    def __add__(self, other: Objective) -> Objective:
        """Both at once."""
        return Objective(self.terms + other.terms) if isinstance(other, Objective) else NotImplemented

    def __sub__(self, other: Objective) -> Objective:
        """The one without the other."""
        return self + -other if isinstance(other, Objective) else NotImplemented

    def __mul__(self, weight: float) -> Objective:
        """Each term times a finite number."""
        if isinstance(weight, (bool, str, Objective)) or np.ndim(weight) or not np.isreal(weight):
            return NotImplemented
        if not math.isfinite(weight):
            raise ValueError(f"an objective is weighted with a finite number, not {weight}")
        return Objective(tuple(replace(term, weight=term.weight * float(weight)) for term in self.terms))

    __rmul__ = __mul__

    def __neg__(self) -> Objective:
        """What the network likes least."""
        return self * -1.0


def class_neuron(target: Target) -> Objective:
    """The score of a class, before the softmax or sigmoid.

    Args:
        target: see `cnnviz.targets.Target`: a class, a list with one class for each picture, a function of the model's
            outputs, or None for whatever class is predicted on the way.

    Source: Simonyan, Vedaldi and Zisserman 2014, section 2: "using the (unnormalised) class scores".
    """
    if isinstance(target, (list, tuple, np.ndarray)) and not len(target):
        raise ValueError("target is empty; name at least one class")
    return Objective((Term(None, target=target),))


def channel(layer: str | keras.Layer, index: int | Sequence[int]) -> Objective:
    """The mean of a filter's map. A ReLU at the end of the layer is left off: below zero it would have no slope.

    Args:
        layer: see `cnnviz.layers.find_layer`. Of a convolution that batch normalisation follows, name the
            normalisation or the ReLU behind it: they may turn the sign round.
        index: which channel; a list gives one for each picture.
    """
    return Objective((Term(channel_mean, layer, (_whole(index, "index"),)),))


def neuron(
    layer: str | keras.Layer, index: int | Sequence[int], row: int | None = None, column: int | None = None
) -> Objective:
    """One cell of a filter's map, the middle one unless told otherwise; a ReLU is left off, as for `channel`.

    Args:
        layer: as for `channel`.
        index: as for `channel`.
        row: of the map, from 0.
        column: of the map, from 0.
    """
    place = [np.array([CENTRE], np.int32) if cell is None else _whole(cell, "row and column") for cell in (row, column)]
    return Objective((Term(one_cell, layer, (_whole(index, "index"), *place)),))


def layer(layer: str | keras.Layer) -> Objective:
    """The mean of the squares of all activations: whatever the layer sees already, more of it.

    Source: Mordvintsev, Olah and Tyka 2015, "Inceptionism" (DeepDream).
    """
    return Objective((Term(mean_of_squares, layer),))


def direction(layer: str | keras.Layer, vector: Any) -> Objective:
    """The mean, over the cells, of the activations' projection on a direction.

    Args:
        layer: see `cnnviz.layers.find_layer`; as the layer returns it, ReLU and all.
        vector: ``(channels,)``, or ``(pictures, channels)``; only its direction matters.

    Raises:
        ValueError: not such an array, all zeros, or NaN in it.

    Source: Olah et al. 2017, "Feature visualization", section "Neurons and directions"; Kim et al. 2018 (TCAV).
    """
    vectors = np.atleast_2d(np.asarray(vector, np.float32))
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    if vectors.ndim != 2 or not np.isfinite(vectors).all() or not (lengths > 0).all():
        shape = np.shape(vector)
        raise ValueError(f"vector has shape {shape}; finite numbers, not all zero, one for each channel are wanted")
    return Objective((Term(projection, layer, (vectors / lengths,)),))


def diversity(layer: str | keras.Layer) -> Objective:
    """How little the pictures of one batch resemble each other: minus the mean cosine of their Gram matrices, -1..0.

    The Gram matrix says which channels are active together, wherever that is: it stands for a picture's style.

    Source: Olah et al. 2017, "Feature visualization", section "Diversity"; Gatys et al. 2015 (the matrix).
    """
    return Objective((Term(unlikeness, layer),))


class Prepared(NamedTuple):
    """An objective that a model can be asked about.

    Attributes:
        structure: the measure and the path of the layer for each term; hashable, compiled for.
        function: the target function, or None.
        tensors: weight and numbers for each term, with one row per picture.
        count: how many pictures.
    """

    structure: tuple[tuple[Callable | None, str | None], ...]
    function: Callable | None
    tensors: list[tuple[np.ndarray, ...]]
    count: int


def prepare(model: keras.Model | Classifier, objective: Objective, count: int = 1) -> Prepared:
    """Find the layers and classes that an objective speaks of, for so many pictures.

    Raises:
        TypeError: not an objective.
        ValueError: an unknown layer or class, lists of different lengths, more than one target function, or
            diversity of a single picture.
    """
    if not isinstance(objective, Objective):
        raise TypeError(f"objective is {objective!r}; make one with cnnviz.objectives: channel('block3_conv1_relu', 5)")
    many = {count} | {len(array) for term in objective.terms for array in term.numbers}
    targets = [term.target for term in objective.terms if term.measure is None]
    many |= {len(target) for target in targets if isinstance(target, (list, tuple, np.ndarray))}
    many -= {1}
    if len(many) > 1:
        numbers = " and ".join(map(str, sorted(many)))
        raise ValueError(f"the objective and count speak of {numbers} pictures: lists are to have one entry for each")
    count = many.pop() if many else 1
    functions = {id(target): target for target in targets if callable(target)}
    if len(functions) > 1:
        raise ValueError("the objective has several target functions; write one function that adds them up")
    if count == 1 and any(term.measure is unlikeness for term in objective.terms):
        raise ValueError("diversity is between the pictures of a batch: ask for at least two (count=2)")
    structure, tensors = [], []
    network = keras_model(model)
    for term in objective.terms:
        weight = np.float32(term.weight)
        if term.measure is None:
            structure.append((None, "function" if callable(term.target) else None))
            tensors.append((weight, class_indices(model, term.target, count)))
        else:
            structure.append((term.measure, find_layer(network, term.layer)[0]))
            rows = [np.broadcast_to(array, (count, *array.shape[1:])) for array in term.numbers]
            tensors.append((weight, *rows))
    return Prepared(tuple(structure), next(iter(functions.values()), None), tensors, count)


def _whole(numbers: Any, name: str) -> np.ndarray:
    """Whole numbers from 0 as a vector."""
    found = []
    for number in np.atleast_1d(np.asarray(numbers, object)):
        try:
            if isinstance(number, (bool, np.bool_)):
                raise TypeError
            found.append(operator.index(number))
        except TypeError:
            raise TypeError(f"{name} is {numbers!r}; whole numbers are wanted") from None
    if not found or min(found) < 0:
        raise ValueError(f"{name} is {numbers!r}; at least one is wanted, counted from 0")
    return np.array(found, np.int32)
