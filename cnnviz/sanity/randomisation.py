"""Randomisation: does the map change when what it should explain is gone?"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from cnnviz.derivatives import derivatives
from cnnviz.layers import find_layer, layer_paths, sublayers
from cnnviz.sanity.maps import Explanation, explained, importance
from cnnviz.sanity.similarity import rank_correlation, structural_similarity
from cnnviz.targets import Target, keras_model

if TYPE_CHECKING:
    import keras

    from cnnviz.models import Classifier

Draw = Literal["permuted", "normal"]
"""Where random weights come from: those of the same array shuffled, or a normal distribution with their mean and
standard deviation. Either way the signal keeps about its size, so that what changes is what was learned."""


class ModelRandomisation(NamedTuple):
    """How the maps change with the weights.

    Attributes:
        layers: for each step the layers whose weights were randomised in it, the last layer's first.
        absolute: ``(steps, batch)``: rank correlation of absolute values with the maps of the whole model.
        signed: ``(steps, batch)``: the same with their signs.
        similarity: ``(steps, batch)``: structural similarity of the maps.
        maps: ``(steps + 1, batch, rows, columns)``: the maps, those of the whole model first, one number per pixel.
    """

    layers: list[tuple[str, ...]]
    absolute: np.ndarray
    signed: np.ndarray
    similarity: np.ndarray
    maps: np.ndarray


class DataRandomisation(NamedTuple):
    """How the maps of a model differ from those of one that was trained on permuted labels.

    Attributes:
        absolute: ``(batch,)``: rank correlation of absolute values.
        signed: ``(batch,)``: the same with their signs.
        similarity: ``(batch,)``: structural similarity of the maps.
        maps: ``(2, batch, rows, columns)``: the maps of both, one number per pixel.
    """

    absolute: np.ndarray
    signed: np.ndarray
    similarity: np.ndarray
    maps: np.ndarray


def model_randomisation(
    explanation: Explanation,
    model: keras.Model | Classifier,
    images: Any,
    target: Target = None,
    *,
    layers: Sequence[str | keras.Layer] | None = None,
    cascading: bool = True,
    draw: Draw = "permuted",
    seed: int = 0,
    verbose: bool = True,
) -> ModelRandomisation:
    """Randomise a model's weights, the last layer's first, and compare the maps with those of the model as it is.

    A map that stays the same explains something other than what the model has learned: edges of the picture, say. The
    weights are restored bit for bit, whatever happens.

    Args:
        explanation: a function ``explain(model, images, target)`` that returns maps; see `Explanation`.
        model: any model that `cnnviz.taps` takes.
        images: ``(batch, height, width, channels)``, as the model takes them.
        target: see `cnnviz.targets.Target`. The predicted class is that of the model as it is, throughout.
        layers: which layers to randomise, in this order; by default all that have weights, from the last one to the
            first, a batch normalisation together with the layer before it.
        cascading: whether layers stay randomised when the next ones are, so that in the end the whole model is; or one
            after the other, each for itself.
        draw: see `Draw`.
        seed: of the random weights.
        verbose: show progress.

    Raises:
        TypeError: ready maps: they cannot tell what the randomised model would say.
        ValueError: as `cnnviz.derivatives.derivatives`; or nothing to randomise.

    Source: Adebayo et al. 2018, "Sanity checks for saliency maps", section 4 (cascading and independent).
    """
    from tqdm.auto import tqdm

    if not callable(explanation):
        raise TypeError("model_randomisation needs a function explain(model, images, target); maps cannot be made anew")
    target = target if callable(target) else derivatives(model, images, target, by_image=False).classes.tolist()
    before = explained(explanation, model, images, target)
    # Only now: a subclassed model may have no weights before it has run.
    steps = weighted_layers(model) if layers is None else [(find_layer(keras_model(model), one)[0],) for one in layers]
    if not steps:
        raise ValueError("there are no layers with weights to randomise")
    rows, maps = [], [importance(before)]
    for number, step in enumerate(tqdm(steps, desc="randomising", disable=not verbose, delay=2)):
        chosen = [path for done in steps[: number + 1] for path in done] if cascading else step
        with randomised(model, chosen, draw=draw, seed=seed):
            after = explained(explanation, model, images, target)
        rows.append(_compare(before, after))
        maps.append(importance(after))
    return ModelRandomisation(steps, *np.stack(rows, axis=1), np.stack(maps))


def data_randomisation(
    explanation: Explanation,
    model: keras.Model | Classifier,
    permuted_model: keras.Model | Classifier,
    images: Any,
    target: Target = None,
) -> DataRandomisation:
    """Compare the maps of a model with those of its twin that was trained on permuted labels.

    The twin knows its training pictures by heart and nothing about the classes. A map that looks the same for both
    does not show what was learned of the classes. Train it with the same recipe, until it fits its labels::

        twin = keras.models.clone_model(model)
        twin.compile(...)
        twin.fit(images, sanity.permuted(labels, seed=0))

    Args:
        explanation: a function ``explain(model, images, target)`` that returns maps; see `Explanation`.
        model: trained on the true labels.
        permuted_model: trained on permuted ones; its input is the same.
        images: ``(batch, height, width, channels)``, as the models take them.
        target: see `cnnviz.targets.Target`. The predicted class is that of ``model``, for both.

    Raises:
        TypeError, ValueError: as `model_randomisation`; or maps of different shapes.

    Source: Adebayo et al. 2018, section 5.
    """
    if not callable(explanation):
        raise TypeError("data_randomisation needs a function explain(model, images, target), to ask both models")
    target = target if callable(target) else derivatives(model, images, target, by_image=False).classes.tolist()
    one = explained(explanation, model, images, target)
    other = explained(explanation, permuted_model, images, target)
    return DataRandomisation(*_compare(one, other), np.stack([importance(one), importance(other)]))


def permuted(labels: Any, seed: int = 0) -> np.ndarray:
    """The same labels dealt out anew among the pictures: as many of each class as before, and nothing to learn.

    Args:
        labels: ``(n,)`` or one-hot ``(n, classes)``.
        seed: of the order.
    """
    return np.random.default_rng(seed).permutation(np.asarray(labels), axis=0)


@contextlib.contextmanager
def randomised(
    model: keras.Model | Classifier,
    layers: Sequence[str | keras.Layer] | None = None,
    *,
    draw: Draw = "permuted",
    seed: int = 0,
) -> Iterator[None]:
    """While it lasts, the weights of these layers are random; then they are as before, bit for bit.

    The weights are changed in place, so that compiled code sees them, and restored whatever happens, Ctrl-C included.
    Moving statistics are weights, too; the statistics of a `keras.layers.Normalization` are not, they belong to the
    pictures.

    Args:
        model: any model that `cnnviz.taps` takes.
        layers: by name, path or as objects; all by default. What is drawn for a layer does not depend on the others.
        draw: see `Draw`.
        seed: of the random weights.

    Raises:
        ValueError: an unknown layer, or an unknown way to draw.
    """
    if draw not in ("permuted", "normal"):
        raise ValueError(f"draw is {draw!r}; 'permuted' or 'normal' is wanted")
    network = keras_model(model)
    paths = list(layer_paths(network))
    chosen = paths if layers is None else [find_layer(network, layer)[0] for layer in layers]
    weights: dict[int, tuple[keras.Variable, np.ndarray, list[int]]] = {}
    for path in chosen:
        for number, weight in enumerate(_weights_within(layer_paths(network)[path])):
            # A copy: the array that Keras hands out may share the variable's memory.
            weights[id(weight)] = (weight, np.array(weight.numpy()), [seed, paths.index(path), number])
    try:
        for weight, values, key in weights.values():
            weight.assign(_random(values, draw, np.random.default_rng(key)))
        yield
    finally:
        try:
            _restore(weights)
        except BaseException:  # a second Ctrl-C, while the first is dealt with
            _restore(weights)
            raise


def weighted_layers(model: keras.Model | Classifier) -> list[tuple[str, ...]]:
    """The layers that have weights of their own, the last one first; a normalisation goes with the layer before it."""
    steps: list[tuple[str, ...]] = []
    for path, layer in layer_paths(keras_model(model)).items():
        own = _own_weights(layer)
        if not own:
            continue
        if steps and all(len(weight.shape) < 2 for weight in own):
            steps[-1] = (*steps[-1], path)
        else:
            steps.append((path,))
    return steps[::-1]


def _own_weights(layer: keras.Layer) -> list[keras.Variable]:
    """The weights of a layer that are not those of a layer inside it."""
    import keras

    if isinstance(layer, keras.layers.Normalization):
        return []
    inner = {id(weight) for child in sublayers(layer) for weight in child.weights}
    return [weight for weight in layer.weights if id(weight) not in inner]


def _weights_within(layer: keras.Layer) -> list[keras.Variable]:
    """All weights of a layer and of those inside it, in a fixed order."""
    return _own_weights(layer) + [weight for child in sublayers(layer) for weight in _weights_within(child)]


def _random(values: np.ndarray, draw: Draw, generator: np.random.Generator) -> np.ndarray:
    if draw == "permuted":
        return generator.permutation(values.ravel()).reshape(values.shape)
    wide = values.astype(np.float64)
    drawn = generator.normal(wide.mean(), wide.std(), values.shape)
    # What is positive throughout (a variance) must stay so, or nothing but NaN comes out.
    return (np.abs(drawn) if (wide >= 0).all() else drawn).astype(values.dtype)


def _restore(weights: dict[int, tuple[keras.Variable, np.ndarray, list[int]]]) -> None:
    for weight, values, _ in weights.values():
        weight.assign(values)


def _compare(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Absolute and signed rank correlation, and structural similarity; each ``(batch,)``."""
    return (
        rank_correlation(one, other, absolute=True),
        rank_correlation(one, other),
        structural_similarity(importance(one), importance(other)),
    )
