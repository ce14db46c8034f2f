"""How alike two maps are: by the order of their pixels, and by what they look like."""

from __future__ import annotations

import numpy as np


def rank_correlation(one: np.ndarray, other: np.ndarray, *, absolute: bool = False) -> np.ndarray:
    """Spearman's rank correlation of the maps of two batches, image by image.

    It asks whether the same pixels come first, and nothing of how much: it stays as it is under any scaling that keeps
    the order.

    Args:
        one: ``(batch, ...)``.
        other: of the same shape.
        absolute: compare the absolute values: how much a pixel matters, whether for or against the class.

    Returns:
        ``(batch,)`` in -1..1. A map of one value ranks nothing; its correlation is 0.

    Raises:
        ValueError: of different shapes.

    Source: Adebayo et al. 2018, section 3 ("Spearman rank correlation with and without absolute values").

    >>> rank_correlation(np.array([[1.0, 2, 3]]), np.array([[10.0, 20, -5]]))
    array([-0.5])
    """
    one, other = np.asarray(one), np.asarray(other)
    if one.shape != other.shape:
        raise ValueError(f"maps of shapes {one.shape} and {other.shape} cannot be compared; bring them to one size")
    if absolute:
        one, other = np.abs(one), np.abs(other)
    return np.array([_correlation(_ranks(a), _ranks(b)) for a, b in zip(one, other, strict=True)])


def structural_similarity(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The structural similarity index of the maps of two batches, image by image: do they look alike?

    Each map is divided by its largest absolute value first, as Adebayo et al. do, so that brightness does not count.

    Args:
        one: ``(batch, rows, columns)``.
        other: of the same shape.

    Returns:
        ``(batch,)``, 1 where the maps are the same. NaN where the maps are smaller than 3x3 cells: nothing of that
        size has a structure.

    Raises:
        ValueError: of different shapes, or not one number per pixel.

    Source: Wang et al. 2004, "Image quality assessment"; Adebayo et al. 2018, section 3.
    """
    from skimage.metrics import structural_similarity as similarity

    one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
    if one.shape != other.shape or one.ndim != 3:
        raise ValueError(
            f"maps of shapes {one.shape} and {other.shape}; twice the same (batch, rows, columns) is wanted"
        )
    # 11 pixels are usual; a coarse map has room for fewer. Odd, or the window has no centre.
    window = min(11, *one.shape[1:])
    window -= 1 - window % 2
    if window < 3:
        return np.full(len(one), np.nan)
    found = []
    for a, b in zip(one, other, strict=True):
        a, b = (map_ / (np.abs(map_).max() or 1) for map_ in (a, b))
        low, high = min(a.min(), b.min()), max(a.max(), b.max())
        found.append(similarity(a, b, win_size=window, data_range=(high - low) or 1.0))
    return np.array(found)


def _ranks(values: np.ndarray) -> np.ndarray:
    """The rank of every value, flat; equal values share the mean of their ranks."""
    _, where, counts = np.unique(values.ravel(), return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[where]


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    one, other = one - one.mean(), other - other.mean()
    scale = np.sqrt((one @ one) * (other @ other))
    return float(one @ other / scale) if scale else 0.0
