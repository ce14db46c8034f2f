"""Many variations of each image (noise, steps of a path, hidden patches), run in batches of one size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import numpy as np

from cnnviz.derivatives import Derivatives, as_batch, derivatives
from cnnviz.models import Classifier
from cnnviz.taps import check_batch
from cnnviz.targets import PREDICTED, Target, class_indices, keras_model

if TYPE_CHECKING:
    import keras

Baseline: TypeAlias = Literal["black", "mean", "blurred"] | float | np.ndarray
"""What stands for "nothing to be seen here": a name, a number, or an array; see `baseline_images`."""


class Variation(NamedTuple):
    """Some of the variations that `vary` ran.

    Attributes:
        variations: ``(n,)``: the number of the variation.
        places: ``(n,)``: the place of its image in the batch.
        found: what `cnnviz.derivatives.derivatives` found out about these ``n``.
    """

    variations: np.ndarray
    places: np.ndarray
    found: Derivatives


def image_batch(model: keras.Model | Classifier, images: Any) -> tuple[np.ndarray, bool]:
    """A batch as a NumPy array, of one image where a single one was given, and whether it was single.

    Raises:
        ValueError: not what the model takes; see `cnnviz.taps.check_batch`.
    """
    batch, single = as_batch(images)
    checked = np.asarray(check_batch(keras_model(model), batch))
    # NumPy does not calculate in bfloat16; float16 would lose the small steps between the variations.
    return (checked if checked.dtype == np.float64 else checked.astype(np.float32, copy=False)), single


def unbatched(maps: np.ndarray, single: bool) -> np.ndarray:
    """Float32 (of a float64 model float64) maps, without the axis of the batch where a single image was given."""
    maps = maps if maps.dtype == np.float64 else maps.astype(np.float32, copy=False)
    maps = maps if maps.flags.writeable else maps.copy()  # what TensorFlow hands over may only be read
    return maps[0] if single else maps


def vary(
    model: keras.Model | Classifier,
    images: np.ndarray,
    target: Target,
    count: int,
    make: Callable[[np.ndarray, np.ndarray], np.ndarray],
    *,
    by_image: bool,
    batch_size: int,
    title: str,
    verbose: bool,
) -> Iterator[Variation]:
    """Run ``count`` variations of each image, in order.

    All batches are of one size, so that the model is compiled once: the last is filled up, and what fills it is
    dropped again.

    Args:
        model: as for `cnnviz.derivatives.derivatives`.
        images: ``(batch, height, width, channels)``.
        target: of the images as they are, from `fixed_target`: noise may change what is predicted.
        count: how many variations of each image.
        make: gives the variations, ``(n, height, width, channels)``, from their numbers ``(n,)`` and the places of
            their images ``(n,)``.
        by_image: whether the gradients are wanted, or only the scores.
        batch_size: how many variations run at once, at most.
        title: of the progress bar, which shows after two seconds.
        verbose: whether it shows at all.
    """
    from tqdm.auto import tqdm

    total = count * len(images)
    size = -(-total // -(-total // batch_size))
    with tqdm(total=total, desc=title, disable=not verbose, delay=2, leave=False) as progress:
        for start in range(0, total, size):
            wanted = min(size, total - start)
            variations, places = np.divmod(np.minimum(np.arange(start, start + size), total - 1), len(images))
            asked = target if callable(target) else [None if one == PREDICTED else one for one in target[places]]
            found = derivatives(model, make(variations, places), asked, by_image=by_image)
            kept = [part if part is None or isinstance(part, dict) else part[:wanted] for part in found]
            yield Variation(variations[:wanted], places[:wanted], Derivatives(*kept))
            progress.update(wanted)


def fixed_target(model: keras.Model | Classifier, images: np.ndarray, target: Target, batch_size: int) -> Target:
    """The class of each image, ``(batch,)``, so that its variations are asked for the same one; or the function."""
    if callable(target):
        return target
    classes = class_indices(model, target, len(images))
    return clean_scores(model, images, target, batch_size)[1] if (classes == PREDICTED).any() else classes


def clean_scores(
    model: keras.Model | Classifier, images: np.ndarray, target: Target, batch_size: int
) -> tuple[np.ndarray, Target]:
    """The score of each image as it is, ``(batch,)``, and the target that its variations share; see `fixed_target`."""
    target = target if callable(target) else class_indices(model, target, len(images))
    parts = vary(
        model, images, target, 1, lambda _, places: images[places], by_image=False, batch_size=batch_size,
        title="", verbose=False,
    )  # fmt: skip
    found = [part.found for part in parts]
    scores = np.concatenate([part.scores for part in found])
    return scores, target if callable(target) else np.concatenate([part.classes for part in found])


def baseline_images(
    model: keras.Model | Classifier, images: np.ndarray, baseline: Baseline, name: str = "baseline"
) -> np.ndarray:
    """The picture that stands for the absence of each image.

    Args:
        model: a `Classifier` knows how black is scaled for its model; of a bare model, black is taken to be 0.
        images: ``(batch, height, width, channels)``.
        baseline: ``"black"``; ``"mean"``, each image's own mean colour; ``"blurred"``, the image through a Gaussian
            whose standard deviation is a tenth of its longer side; a number; or an array that fits the images:
            ``(channels,)``, ``(height, width, channels)`` or one for each image.
        name: of the argument, for errors.

    Returns:
        An array that fits the images.

    Raises:
        ValueError: an unknown name, an array that does not fit, or NaN in it.
        TypeError: something else.
    """
    if isinstance(baseline, str):
        if baseline not in ("black", "mean", "blurred"):
            raise ValueError(f"{name} is {baseline!r}; 'black', 'mean', 'blurred', a number or an array is wanted")
        if baseline == "mean":
            return np.broadcast_to(images.mean(axis=(1, 2), keepdims=True), images.shape)
        if baseline == "blurred":
            from skimage.filters import gaussian

            deviation = 0.1 * max(images.shape[1:3])
            blurred = [gaussian(image, deviation, preserve_range=True, channel_axis=-1) for image in images]
            return np.stack(blurred).astype(images.dtype)
        black = np.zeros_like(images)
        return np.asarray(model.scale(black), images.dtype) if isinstance(model, Classifier) else black
    array = np.asarray(baseline)
    if isinstance(baseline, (bool, np.bool_)) or array.dtype.kind not in "iuf":
        raise TypeError(f"{name} is {baseline!r}; 'black', 'mean', 'blurred', a number or an array is wanted")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds NaN or infinity")
    try:
        return np.broadcast_to(array.astype(images.dtype), images.shape)
    except ValueError:
        raise ValueError(f"{name} has shape {array.shape}; it does not fit images of shape {images.shape}") from None
