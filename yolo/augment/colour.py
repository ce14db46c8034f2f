"""Hue, saturation and value of a picture, by one table of 256 entries each.

Most of what is found on the net multiplies saturation in eight bits, where 214 times 1.2 becomes 1. A table is made
with room above 255 and cut, and it is read once for each pixel instead of calculating there.
"""

from __future__ import annotations

import numpy as np

from yolo.augment.checks import between


def hsv_tables(hue: float, saturation: float, value: float) -> np.ndarray:
    """What becomes of each of the 256 levels of hue, saturation and value.

    Args:
        hue: share of the colour circle by which hues turn, -1..1. Only hue goes round: after the last red, the first.
        saturation: factor, 0 for grey; the result stops at 255.
        value: factor likewise; 0 for black.

    Returns:
        uint8 ``(256, 3)``, columns hue, saturation, value.

    Raises:
        TypeError, ValueError: arguments of another kind or range.

    >>> hsv_tables(0.5, 1.2, 0.5)[[0, 128, 214, 255]].tolist()
    [[128, 0, 0], [0, 154, 64], [86, 255, 107], [127, 255, 128]]
    """
    levels = np.arange(256)
    turned = (levels + round(256 * between("hue", hue, -1, 1))) % 256
    scaled = [
        np.minimum(np.floor(levels * between(name, factor, 0, 100) + 0.5), 255)
        for name, factor in (("saturation", saturation), ("value", value))
    ]
    return np.stack([turned, *scaled], axis=1).astype(np.uint8)


def shift_hsv(image: np.ndarray, hue: float = 0.0, saturation: float = 1.0, value: float = 1.0) -> np.ndarray:
    """Turn the hues and multiply saturation and value.

    In the steps that a byte has (1.4 degrees of hue), so a change of nothing but the value may move a colour by a level
    or two.

    Args:
        image: uint8 ``(height, width, 3)`` RGB.
        hue: see `hsv_tables`.
        saturation: likewise.
        value: likewise.

    Returns:
        A new picture, uint8; the same levels, where nothing is to change.

    Raises:
        TypeError, ValueError: as `hsv_tables`; an image of another kind or shape.
    """
    import cv2

    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"image is {image.dtype} {image.shape}; uint8 (height, width, 3) is wanted")
    tables = hsv_tables(hue, saturation, value)
    if (hue, saturation, value) == (0, 1, 1):
        return image.copy()
    changed = cv2.LUT(cv2.cvtColor(image, cv2.COLOR_RGB2HSV_FULL), tables[None])
    return cv2.cvtColor(changed, cv2.COLOR_HSV2RGB_FULL, dst=changed)
