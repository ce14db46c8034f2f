"""Letters for pictures that are drawn pixel by pixel."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import ImageFont


@functools.cache
def letters(height: int) -> ImageFont.FreeTypeFont:
    """Matplotlib's own sans serif: it is there on every machine, and has the letters of most languages.

    Args:
        height: of the letters in pixels.
    """
    import matplotlib as mpl
    from PIL import ImageFont

    return ImageFont.truetype(Path(mpl.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), height)
