"""Integrated gradients: every step from a baseline to the image, added up, so that nothing of the score is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from cnnviz.saliency.variations import (
    Baseline,
    baseline_images,
    clean_scores,
    image_batch,
    unbatched,
    vary,
)
from cnnviz.targets import Target
from data.arguments import whole_number

if TYPE_CHECKING:
    import keras

    from cnnviz.models import Classifier

Quadrature = Literal["midpoint", "trapezoid", "gauss-legendre"]
"""Where on the path the gradient is taken, and with which weights."""


class IntegratedGradients(NamedTuple):
    """Attributions, and how nearly they add up to what they are to explain; all per image.

    Of a single image the arrays have no axis for the batch.

    Attributes:
        attributions: float32 ``(batch, height, width, channels)``, signed, in the unit of the score.
        completeness_error: ``(batch,)``: the sum of the attributions less (score of the image - score of the baseline).
        relative_error: ``(batch,)``: its size as a share of that difference's; infinite where the difference is zero
            and the error is not.
        difference: ``(batch,)``: score of the image - score of the baseline.
    """

    attributions: np.ndarray
    completeness_error: np.ndarray
    relative_error: np.ndarray
    difference: np.ndarray


def integrated_gradients(
    model: keras.Model | Classifier,
    images: Any,
    target: Target = None,
    *,
    baseline: Baseline = "black",
    steps: int = 50,
    quadrature: Quadrature = "midpoint",
    batch_size: int = 16,
    verbose: bool = True,
) -> IntegratedGradients:
    """The mean gradient on the straight path from a baseline to the image, times the way.

        A  =  (I - I') * integral from 0 to 1 of  d y_c / d I  at  I' + alpha (I - I')   d alpha

    Completeness: the attributions of all pixels and channels add up to y_c(I) - y_c(I'), but for the error of a sum
    that stands for the integral. That error is returned; more steps make it smaller.

    Args:
        model: as for `cnnviz.saliency.gradient`.
        images: as for `cnnviz.saliency.gradient`.
        target: as for `cnnviz.saliency.gradient`; the predicted class is that of the images.
        baseline: what stands for "nothing to be seen": ``"black"``, ``"mean"``, ``"blurred"``, a number or an array in
            the model's scale; see `cnnviz.saliency.variations.baseline_images`. A pixel equal to the baseline is given
            nothing.
        steps: at how many points of the path the gradient is taken; the paper takes 20 to 300.
        quadrature: ``"midpoint"``: in the middle of steps of equal length. ``"trapezoid"``: at their ends, of which
            the outer two count half. ``"gauss-legendre"``: where a polynomial would be integrated exactly.
        batch_size: how many points run at once; it decides on memory and speed, not on the result.
        verbose: show a progress bar where it takes more than two seconds.

    Raises:
        ValueError: as for `cnnviz.saliency.gradient`; a baseline that does not fit, too few steps, or an unknown
            quadrature.

    Source: Sundararajan et al. 2017, sections 3 and 5.
    """
    places_on_path, weights = quadrature_points(steps, quadrature)
    whole_number("batch_size", batch_size)
    batch, single = image_batch(model, images)
    start = baseline_images(model, batch, baseline)
    way = batch - start
    score, target = clean_scores(model, batch, target, batch_size)
    score_of_start, _ = clean_scores(model, start, target, batch_size)

    def make(variations: np.ndarray, places: np.ndarray) -> np.ndarray:
        points = way[places]
        points *= places_on_path[variations, None, None, None]
        points += start[places]
        return points

    total = np.zeros(batch.shape, np.float64)
    options = {"by_image": True, "batch_size": batch_size, "title": "integrated gradients", "verbose": verbose}
    for variations, places, found in vary(model, batch, target, len(weights), make, **options):
        for variation, place, slope in zip(variations, places, found.images, strict=True):
            total[place] += weights[variation] * slope
    total *= way
    difference = score.astype(np.float64) - score_of_start
    error = total.sum(axis=(1, 2, 3)) - difference
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(error == 0, 0, np.abs(error) / np.abs(difference))
    maps = unbatched(total.astype(batch.dtype), single)
    return IntegratedGradients(maps, *(numbers[0] if single else numbers for numbers in (error, relative, difference)))


def quadrature_points(steps: int, quadrature: Quadrature) -> tuple[np.ndarray, np.ndarray]:
    """Points in 0..1 and their weights, which add up to 1.

    Raises:
        TypeError: steps are not a whole number.
        ValueError: fewer than one step (two for the trapezoid rule), or an unknown rule.

    Example:
        >>> quadrature_points(2, "midpoint")
        (array([0.25, 0.75]), array([0.5, 0.5]))
    """
    if quadrature == "midpoint":
        steps = whole_number("steps", steps)
        return (np.arange(steps) + 0.5) / steps, np.full(steps, 1 / steps)
    if quadrature == "trapezoid":
        steps = whole_number("steps", steps, least=2)
        weights = np.full(steps, 1 / (steps - 1))
        weights[[0, -1]] /= 2
        return np.linspace(0, 1, steps), weights
    if quadrature == "gauss-legendre":
        points, weights = np.polynomial.legendre.leggauss(whole_number("steps", steps))
        return (points + 1) / 2, weights / 2
    raise ValueError(f"quadrature is {quadrature!r}; 'midpoint', 'trapezoid' or 'gauss-legendre' is wanted")
