"""Deletion and insertion: take away, or give back, the pixels that a map points at, and watch the probability."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from cnnviz.answers import head, probabilities
from cnnviz.derivatives import derivatives
from cnnviz.models import Classifier
from cnnviz.sanity.maps import Explanation, enlarged, explained, importance
from cnnviz.targets import Target

if TYPE_CHECKING:
    import keras

Baseline = Literal["black", "mean", "blur"] | float | np.ndarray
"""What stands in the place of a pixel that is taken away: black, the mean colour of the picture, the picture blurred, a
value, or an array that fits the images, all as the model takes them."""


class Curve(NamedTuple):
    """How the probability of a class changes.

    Attributes:
        shares: ``(steps + 1,)``: the share of the pixels that is deleted, or inserted, 0..1.
        probabilities: ``(batch, steps + 1)``: of the class; where the target is a function, what that gives.
        auc: ``(batch,)``: the area under each curve. Of a deletion the smaller is the better, of an insertion the
            larger.
    """

    shares: np.ndarray
    probabilities: np.ndarray
    auc: np.ndarray


def deletion(
    explanation: Explanation,
    model: keras.Model | Classifier,
    images: Any,
    target: Target = None,
    *,
    baseline: Baseline = "mean",
    steps: int = 50,
    batch_size: int = 32,
    seed: int = 0,
    verbose: bool = True,
) -> Curve:
    """Take the pixels away, those that matter most first: a good map makes the probability fall at once.

    Args:
        explanation: see `cnnviz.sanity.Explanation`. A coarse map is enlarged to the images' size first. Maps without
            channels are taken as signed: what is most negative goes last.
        model: any model that `cnnviz.taps` takes.
        images: ``(batch, height, width, channels)``, as the model takes them.
        target: see `cnnviz.targets.Target`. The predicted class is that of the whole picture, throughout.
        baseline: see `Baseline`. Black is what the `Classifier` makes of black pixels, and 0 for a bare Keras model.
        steps: in how many steps the pixels go.
        batch_size: how many pictures go through the model at once.
        seed: of the order among pixels that matter equally; in reading order they would go from top to bottom.
        verbose: show progress.

    Returns:
        See `Curve`.

    Raises:
        ValueError: as `cnnviz.derivatives.derivatives`; an unknown baseline, or one that does not fit; steps or
            batch_size below 1.

    Source: Petsiuk et al. 2018, RISE, section 4.2 and algorithm 1. They delete to the mean colour of ImageNet.
    """
    return _curve(explanation, model, images, target, baseline, steps, batch_size, seed, verbose, deletes=True)


def insertion(
    explanation: Explanation,
    model: keras.Model | Classifier,
    images: Any,
    target: Target = None,
    *,
    baseline: Baseline = "blur",
    steps: int = 50,
    batch_size: int = 32,
    seed: int = 0,
    verbose: bool = True,
) -> Curve:
    """Give the pixels back, those that matter most first: a good map makes the probability rise at once.

    It starts from a blurred picture: an object that appears on plain grey would bring its outline as a cue.

    Arguments, result and errors are those of `deletion`.

    Source: Petsiuk et al. 2018, RISE, section 4.2.
    """
    return _curve(explanation, model, images, target, baseline, steps, batch_size, seed, verbose, deletes=False)


def _curve(
    explanation: Explanation,
    model: keras.Model | Classifier,
    images: Any,
    target: Target,
    baseline: Baseline,
    steps: int,
    batch_size: int,
    seed: int,
    verbose: bool,
    deletes: bool,
) -> Curve:
    from tqdm.auto import tqdm

    steps, batch_size = operator.index(steps), operator.index(batch_size)
    if steps < 1 or batch_size < 1:
        raise ValueError(f"steps is {steps} and batch_size is {batch_size}; at least 1 is wanted of both")
    images = np.asarray(images)
    if images.dtype.kind != "f":
        images = images.astype(np.float32)
    # The class is settled on the whole picture: what is predicted changes while pixels go.
    target = target if callable(target) else derivatives(model, images, target, by_image=False).classes.tolist()
    maps = enlarged(importance(explained(explanation, model, images, target)), images.shape[1:3])
    replaced = _baseline(model, images, baseline)
    first, last = (images, replaced) if deletes else (replaced, images)
    places = np.stack([_places(one, np.random.default_rng([seed, index])) for index, one in enumerate(maps)])
    pixels = places[0].size
    counts = np.unique(np.rint(np.linspace(0, pixels, min(steps, pixels) + 1)).astype(int))
    jobs = [(image, count) for image in range(len(images)) for count in counts]
    found = np.empty(len(jobs))
    ending = None if callable(target) else head(model, images[:1])
    with tqdm(total=len(jobs), desc="deletion" if deletes else "insertion", disable=not verbose, delay=2) as progress:
        for start in range(0, len(jobs), batch_size):
            chosen = jobs[start : start + batch_size]
            numbers = [image for image, _ in chosen]
            changed = places[numbers] < np.array([count for _, count in chosen])[:, None, None]
            batch = np.where(changed[..., None], last[numbers], first[numbers])
            classes = target if callable(target) else [target[image] for image in numbers]
            run = derivatives(model, batch, classes, by_image=False)
            if ending is None:
                found[start : start + len(chosen)] = run.scores
            else:
                rows = np.arange(len(chosen))
                found[start : start + len(chosen)] = probabilities(run.logits, ending)[rows, run.classes]
            progress.update(len(chosen))
    curves = found.reshape(len(images), len(counts))
    shares = counts / pixels
    return Curve(shares, curves, np.trapezoid(curves, shares, axis=1))


def _places(map_: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """For each pixel how many go before it: the largest has 0; equal ones are shuffled."""
    order = np.lexsort((generator.random(map_.size), -map_.ravel()))
    places = np.empty(map_.size, int)
    places[order] = np.arange(map_.size)
    return places.reshape(map_.shape)


def _baseline(model: keras.Model | Classifier, images: np.ndarray, baseline: Baseline) -> np.ndarray:
    """What replaces the pixels, of the shape of the images."""
    if isinstance(baseline, str):
        if baseline == "black":
            black = np.zeros_like(images)
            return np.asarray(model.scale(black)) if isinstance(model, Classifier) else black
        if baseline == "mean":
            return np.broadcast_to(images.mean(axis=(1, 2), keepdims=True), images.shape)
        if baseline == "blur":
            return _blurred(images)
        raise ValueError(f"baseline is {baseline!r}; 'black', 'mean', 'blur', a value or an array is wanted")
    try:
        return np.broadcast_to(np.asarray(baseline, images.dtype), images.shape)
    except (TypeError, ValueError):
        raise ValueError(
            f"baseline is {type(baseline).__name__} of shape {np.shape(baseline)}; 'black', 'mean', 'blur', or what "
            f"fits images of shape {images.shape} is wanted"
        ) from None


def _blurred(images: np.ndarray) -> np.ndarray:
    """So blurred that no object is left: a Gaussian whose standard deviation is a tenth of the longer side."""
    import cv2

    sigma = max(images.shape[1:3]) / 10
    blurred = [
        cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE).reshape(image.shape)
        for image in images.astype(np.float32)
    ]
    return np.stack(blurred).astype(images.dtype)
