"""Hide parts of the image, and watch the score: attribution that needs no gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cnnviz.saliency.variations import (
    Baseline,
    baseline_images,
    clean_scores,
    fixed_target,
    image_batch,
    unbatched,
    vary,
)
from cnnviz.targets import Target
from data.arguments import whole_number

if TYPE_CHECKING:
    import keras

    from cnnviz.models import Classifier


def occlusion(
    model: keras.Model | Classifier,
    images: Any,
    target: Target = None,
    *,
    patch: int | tuple[int, int] | None = None,
    stride: int | tuple[int, int] | None = None,
    fill: Baseline = "mean",
    batch_size: int = 32,
    verbose: bool = True,
) -> np.ndarray:
    """How far the score falls when a patch is hidden; of each pixel the mean over the patches that hide it.

    Args:
        model: as for `cnnviz.saliency.gradient`.
        images: as for `cnnviz.saliency.gradient`.
        target: as for `cnnviz.saliency.gradient`; the predicted class is that of the whole image.
        patch: side of the patch in pixels, or its ``(height, width)``; a seventh of the shorter side by default.
        stride: how far it moves, at most the patch, so that every pixel is hidden at least once; half a patch by
            default. The last patch of a row or column is moved back to end at the border.
        fill: what it is painted with, each image's mean colour by default (the paper's grey square); as the baseline
            of `cnnviz.saliency.integration.integrated_gradients`.
        batch_size: how many pictures run at once; it decides on memory and speed, not on the result.
        verbose: show a progress bar where it takes more than two seconds.

    Returns:
        Float32 ``(batch, height, width)``, in the unit of the score; positive where hiding lowers it.

    Raises:
        ValueError: as for `cnnviz.saliency.gradient`; a patch that is larger than the image, or a stride that is
            larger than the patch.

    Source: Zeiler and Fergus 2014, section 4.2 and figure 6.
    """
    whole_number("batch_size", batch_size)
    batch, single = image_batch(model, images)
    sides = batch.shape[1:3]
    patch = _pair("patch", max(1, min(sides) // 7) if patch is None else patch)
    stride = tuple(-(-side // 2) for side in patch) if stride is None else _pair("stride", stride)
    if any(small > large for small, large in zip(patch, sides, strict=True)):
        raise ValueError(f"patch is {patch[0]}x{patch[1]}; the images have only {sides[0]}x{sides[1]} pixels")
    if any(step > side for step, side in zip(stride, patch, strict=True)):
        raise ValueError(f"stride {stride} is larger than patch {patch}: some pixels would never be hidden")
    cover = baseline_images(model, batch, fill, "fill")
    score, target = clean_scores(model, batch, target, batch_size)
    tops, lefts = (_starts(*numbers) for numbers in zip(sides, patch, stride, strict=True))
    windows = [(slice(top, top + patch[0]), slice(left, left + patch[1])) for top in tops for left in lefts]

    def make(variations: np.ndarray, places: np.ndarray) -> np.ndarray:
        hidden = batch[places]
        for picture, variation, place in zip(hidden, variations, places, strict=True):
            picture[windows[variation]] = cover[place][windows[variation]]
        return hidden

    fall, times = np.zeros(batch.shape[:3]), np.zeros(sides)
    for window in windows:
        times[window] += 1
    options = {"by_image": False, "batch_size": batch_size, "title": "occlusion", "verbose": verbose}
    for variations, places, found in vary(model, batch, target, len(windows), make, **options):
        for variation, place, rest in zip(variations, places, found.scores, strict=True):
            fall[place][windows[variation]] += float(score[place]) - float(rest)
    return unbatched((fall / times).astype(batch.dtype), single)


def rise(
    model: keras.Model | Classifier,
    images: Any,
    target: Target = None,
    *,
    masks: int = 1000,
    cells: int = 7,
    visible: float = 0.5,
    fill: Baseline = "black",
    seed: int | np.random.Generator = 0,
    batch_size: int = 32,
    verbose: bool = True,
) -> np.ndarray:
    """How much higher than its mean the score is where a pixel is visible, over many random masks.

        S(pixel)  =  sum_k y_c(I * M_k) M_k(pixel) / sum_k M_k(pixel)   -   mean_k y_c(I * M_k)

    The first term is the paper's (E[f(I * M) | M(pixel) = 1], equation 6, with the masks' own mean in place of its
    expectation). The second is one number for the whole map: it makes 0 mean "does not matter", and takes away most of
    the noise that few masks leave. Every image of a batch meets the same masks.

    Args:
        model: as for `cnnviz.saliency.gradient`.
        images: as for `cnnviz.saliency.gradient`.
        target: as for `cnnviz.saliency.gradient`; the predicted class is that of the whole image. The paper masks
            probabilities, which a function gives: ``lambda logits: tf.nn.softmax(logits)[:, 3]``.
        masks: how many; the paper takes 4000 to 8000.
        cells: of a mask, along the image's shorter side.
        visible: the share of the cells that are visible, between 0 and 1.
        fill: what shows where a mask hides; as the baseline of `cnnviz.saliency.integration.integrated_gradients`.
        seed: of the masks.
        batch_size: how many pictures run at once; it decides on memory and speed, not on the result.
        verbose: show a progress bar where it takes more than two seconds.

    Returns:
        Float32 ``(batch, height, width)``, in the unit of the score; positive where seeing the pixel raises it.

    Raises:
        ValueError: as for `cnnviz.saliency.gradient`; no masks, no cells, or a share that is not between 0 and 1.

    Source: Petsiuk et al. 2018, sections 3.2 and 3.3.
    """
    whole_number("masks", masks, least=2)
    whole_number("batch_size", batch_size)
    batch, single = image_batch(model, images)
    draw = random_masks(batch.shape[1:3], masks, cells, visible, seed)
    cover = baseline_images(model, batch, fill, "fill")
    target = fixed_target(model, batch, target, batch_size)

    def make(variations: np.ndarray, places: np.ndarray) -> np.ndarray:
        numbers, which = np.unique(variations, return_inverse=True)
        shown = draw(numbers)[which, ..., None].astype(batch.dtype)
        return cover[places] + shown * (batch[places] - cover[places])

    shares, weighted, mean = np.zeros(batch.shape[1:3]), np.zeros(batch.shape[:3]), np.zeros(len(batch))
    options = {"by_image": False, "batch_size": batch_size, "title": "RISE", "verbose": verbose}
    for variations, places, found in vary(model, batch, target, masks, make, **options):
        for number in np.unique(variations):
            (mask,) = draw(np.array([number]))
            now = variations == number
            shares += mask * (places[now] == 0).any()  # once for each mask, though its images may be in two batches
            weighted[places[now]] += found.scores[now, None, None] * mask
            mean[places[now]] += found.scores[now] / masks
    maps = weighted / np.where(shares > 0, shares, 1) - mean[:, None, None]
    return unbatched(np.where(shares > 0, maps, 0).astype(batch.dtype), single)


def random_masks(
    sides: tuple[int, int], masks: int, cells: int, visible: float, seed: int | np.random.Generator
) -> Any:
    """Smooth random masks: coarse grids of zeros and ones, each shifted at random and enlarged bilinearly.

    The grid reaches beyond the image, so that a mask looks the same at the border as in the middle.

    Args:
        sides: height and width of the image.
        masks: how many there are.
        cells: of the grid, along the shorter side.
        visible: share of ones.
        seed: of all of them.

    Returns:
        A function from the numbers of some masks, ``(n,)``, to these: float64 ``(n, height, width)``, 0..1. Only the
        grids are kept: all masks of a large photograph would not fit into memory.

    Source: Petsiuk et al. 2018, section 3.2.
    """
    whole_number("cells", cells)
    if not (np.ndim(visible) == 0 and 0 < visible < 1):
        raise ValueError(f"visible is {visible!r}; a share between 0 and 1 is wanted")
    generator = np.random.default_rng(seed)
    step = min(sides) / cells
    knots = [int(np.ceil(side / step)) + 2 for side in sides]
    grids = (generator.random((masks, *knots)) < visible).astype(np.float64)
    shifts = generator.random((masks, 2))

    def hats(axis: int, numbers: np.ndarray) -> np.ndarray:
        """Weights of the knots at every pixel, ``(n, side, knots)``: 1 at the knot, 0 at its neighbours."""
        at = (np.arange(sides[axis]) + 0.5) / step + shifts[numbers, axis, None]
        return np.clip(1 - np.abs(at[..., None] - np.arange(knots[axis])), 0, 1)

    return lambda numbers: hats(0, numbers) @ grids[numbers] @ hats(1, numbers).transpose(0, 2, 1)


def _pair(name: str, sides: int | tuple[int, int]) -> tuple[int, int]:
    """Height and width, of one number or of two."""
    if isinstance(sides, (tuple, list)) and len(sides) != 2:
        raise ValueError(f"{name} is {sides!r}; one number or (height, width) is wanted")
    height, width = sides if isinstance(sides, (tuple, list)) else (sides, sides)
    return whole_number(name, height), whole_number(name, width)


def _starts(side: int, patch: int, stride: int) -> list[int]:
    """Where the patches begin: every ``stride`` pixels, and where the last one ends at the border."""
    return sorted({*range(0, side - patch + 1, stride), side - patch})
