"""Image gradients: how much each pixel matters for a score.

Everything here rests on one equation (the slides' "image gradients"; Simonyan et al. 2014, section 3): a network's
score for class c is, near an image I_0, almost linear,

    y_c(I)  =  w . I + b,      w = d y_c / d I  at I_0

so the size of w says how much a pixel would change the score, and its sign in which direction. What asks the model
instead of its gradient lies in `cnnviz.saliency.perturbation`, the integral along a path in
`cnnviz.saliency.integration`, and what makes pictures of the numbers in `cnnviz.saliency.rendering`. All of their
names are offered here, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cnnviz.derivatives import as_batch, derivatives
from cnnviz.saliency.integration import IntegratedGradients, integrated_gradients
from cnnviz.saliency.perturbation import occlusion, rise
from cnnviz.saliency.rendering import absolute, signed
from cnnviz.saliency.variations import fixed_target, image_batch, unbatched, vary
from cnnviz.targets import Target
from data.arguments import whole_number

if TYPE_CHECKING:
    import keras

    from cnnviz.models import Classifier

__all__ = [
    "IntegratedGradients",
    "absolute",
    "deconvnet",
    "gradient",
    "gradient_times_input",
    "guided_backpropagation",
    "integrated_gradients",
    "occlusion",
    "rise",
    "signed",
    "smooth_grad",
    "var_grad",
]


def gradient(model: keras.Model | Classifier, images: Any, target: Target = None) -> np.ndarray:
    """The derivative of the score by each number of the image.

    Args:
        model: any model that `cnnviz.taps` takes; a `Classifier` where classes are named.
        images: what the model takes: one ``(height, width, channels)`` or ``(batch, height, width, channels)``.
        target: what is explained, the predicted class by default; see `cnnviz.targets.Target`.

    Returns:
        Float32 of the shape of the images, signed, in score per unit of the input.

    Raises:
        ValueError: images that the model does not take, or an unknown class; see `cnnviz.derivatives.derivatives`.

    Source: Simonyan et al. 2014, section 3.
    """
    batch, single = as_batch(images)
    return unbatched(derivatives(model, batch, target).images, single)


def gradient_times_input(model: keras.Model | Classifier, images: Any, target: Target = None) -> np.ndarray:
    """The gradient times the image: what each number adds to the score, were the network linear.

    What is 0 in the model's input gets nothing, whatever the network makes of it: black where pixels run from 0, grey
    where they run from -1 to 1. `integrated_gradients` lets you choose.

    Args, Returns and Raises as for `gradient`; the unit is that of the score.

    Source: Shrikumar et al. 2016, "Not just a black box", section 2.
    """
    batch, single = image_batch(model, images)
    return unbatched(derivatives(model, batch, target).images * batch, single)


def guided_backpropagation(model: keras.Model | Classifier, images: Any, target: Target = None) -> np.ndarray:
    """The gradient, of which each ReLU hands down only what is positive, and only where its input was positive.

    Sharp, but little of it depends on the class: it comes close to an edge detector (Adebayo et al. 2018; Nie et al.
    2018). The model is neither cloned nor changed.

    Args and Returns as for `gradient`.

    Raises:
        ValueError: as for `gradient`, or a model without a ReLU.

    Source: Springenberg et al. 2015, figure 1.
    """
    batch, single = as_batch(images)
    return unbatched(derivatives(model, batch, target, rule="guided").images, single)


def deconvnet(model: keras.Model | Classifier, images: Any, target: Target = None) -> np.ndarray:
    """What comes down when each ReLU rectifies the signal on its way back, and forgets what it did on the way forth.

    Max pooling hands the signal to where the maximum was (Zeiler's "switches"), convolutions are transposed: both are
    what the gradient does, too.

    Args, Returns and Raises as for `guided_backpropagation`.

    Source: Zeiler and Fergus 2014, section 2.1; written as a rule for gradients in Simonyan et al. 2014, section 4.
    """
    batch, single = as_batch(images)
    return unbatched(derivatives(model, batch, target, rule="deconvnet").images, single)


def smooth_grad(
    model: keras.Model | Classifier,
    images: Any,
    target: Target = None,
    *,
    samples: int = 25,
    noise: float = 0.15,
    seed: int | np.random.Generator = 0,
    batch_size: int = 16,
    verbose: bool = True,
) -> np.ndarray:
    """The mean of the gradients at noisy copies of the image, signs and all.

        mean over k of  d y_c / d I  at  I + n_k,      n_k ~ N(0, sigma^2),  sigma = noise (max I - min I)

    Every image of a batch meets the same noise (times its own range), so a batch equals its images one by one.

    Args:
        model: as for `gradient`.
        images: as for `gradient`.
        target: as for `gradient`; the predicted class is that of the image without noise. A function must treat each
            image for itself.
        samples: how many noisy copies; the paper sees little change beyond 50.
        noise: standard deviation of the noise as a share of the image's range of values; the paper recommends .1 to .2.
        seed: of the noise.
        batch_size: how many copies run at once; it decides on memory and speed, not on the result.
        verbose: show a progress bar where it takes more than two seconds.

    Returns:
        As for `gradient`.

    Raises:
        ValueError: as for `gradient`; no samples, or a negative noise.

    Source: Smilkov et al. 2017, section 3.
    """
    whole_number("samples", samples)
    return _noisy_moments(model, images, target, samples, noise, seed, batch_size, verbose, "SmoothGrad")[0]


def var_grad(
    model: keras.Model | Classifier,
    images: Any,
    target: Target = None,
    *,
    samples: int = 25,
    noise: float = 0.15,
    seed: int | np.random.Generator = 0,
    batch_size: int = 16,
    verbose: bool = True,
) -> np.ndarray:
    """The variance of the gradients at noisy copies of the image: where the network is least linear.

    Arguments as for `smooth_grad`; at least two samples.

    Returns:
        Float32 of the shape of the images, never negative; the mean of the squared distances from the mean.

    Source: Adebayo et al. 2018, appendix B; Seo et al. 2018.
    """
    whole_number("samples", samples, least=2)
    return _noisy_moments(model, images, target, samples, noise, seed, batch_size, verbose, "VarGrad")[1]


def _noisy_moments(
    model: Any, images: Any, target: Target, samples: int, noise: float, seed: Any, size: int, verbose: bool, title: str
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of the gradients at noisy copies."""
    if not (np.ndim(noise) == 0 and 0 <= noise < np.inf):
        raise ValueError(f"noise is {noise!r}; a share of the image's range is wanted, 0.15 say")
    whole_number("batch_size", size)
    batch, single = image_batch(model, images)
    target = fixed_target(model, batch, target, size)
    spread = noise * np.ptp(batch, axis=(1, 2, 3), keepdims=True)
    # Each sample has a generator of its own, so that the noise is the same whichever samples share a batch.
    first = np.random.default_rng(seed).integers(2**63)

    def make(variations: np.ndarray, places: np.ndarray) -> np.ndarray:
        numbers, which = np.unique(variations, return_inverse=True)
        drawn = [np.random.default_rng((first, number)) for number in numbers]
        bells = np.stack([generator.standard_normal(batch.shape[1:], batch.dtype) for generator in drawn])
        noisy = bells[which]
        noisy *= spread[places]
        noisy += batch[places]
        return noisy

    # Welford's way: exact for gradients that are all the same, and needs no second look at them.
    mean, squares = np.zeros_like(batch), np.zeros_like(batch)
    options = {"by_image": True, "batch_size": size, "title": title, "verbose": verbose}
    for variations, places, found in vary(model, batch, target, samples, make, **options):
        for variation, place, slope in zip(variations, places, found.images, strict=True):
            distance = slope - mean[place]
            mean[place] += distance / (variation + 1)
            squares[place] += distance * (slope - mean[place])
    return unbatched(mean, single), unbatched(squares / samples, single)
