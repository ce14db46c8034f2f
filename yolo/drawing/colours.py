"""A colour for each class: always the same one, bright enough to be seen, told apart with any kind of colour vision."""

from __future__ import annotations

from typing import Any

import numpy as np

from data.arguments import whole_number

PALETTE = (
    (195, 255, 0), (165, 90, 255), (210, 105, 120), (45, 165, 0), (120, 255, 255), (255, 210, 150), (255, 0, 180),
    (150, 180, 255), (120, 225, 75), (195, 135, 90), (165, 135, 255), (255, 150, 195), (75, 135, 180), (255, 90, 30),
    (255, 240, 120), (150, 255, 195), (120, 210, 240), (150, 195, 90), (240, 90, 150), (195, 225, 45),
)  # fmt: skip
"""Chosen one after the other, each as far as it can be from those before: in CIELAB, as they are and as they look
without red, green or blue cones (Machado et al. 2009). The first six differ by 35 at least, all by 11; 2 is just seen.
"""

BLACK, WHITE = (0, 0, 0), (255, 255, 255)


def class_colours(count: int) -> np.ndarray:
    """uint8 RGB (count, 3): the colour of class i is ``PALETTE[i % 20]``, in every picture and with any detector.

    Nobody tells eighty colours apart; that is what labels are for.
    """
    return np.array(PALETTE, np.uint8)[np.arange(whole_number("count", count)) % len(PALETTE)]


def luminance(colours: Any) -> np.ndarray:
    """Relative luminance, 0 to 1, of sRGB colours (..., 3) in 0..255 (WCAG 2.1)."""
    share = np.asarray(colours, np.float64) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return linear @ np.array([0.2126, 0.7152, 0.0722])


def contrast(one: Any, other: Any) -> np.ndarray:
    """From 1, none, to 21, black on white; text wants 4.5 (WCAG 2.1).

    >>> float(contrast(BLACK, WHITE).round(6))
    21.0
    """
    first, second = luminance(one) + 0.05, luminance(other) + 0.05
    return np.maximum(first, second) / np.minimum(first, second)


def ink_on(colour: Any) -> tuple[int, int, int]:
    """Black or white, whichever can be read better on a colour; its contrast is 4.58 at least."""
    return BLACK if contrast(BLACK, colour) >= contrast(WHITE, colour) else WHITE
