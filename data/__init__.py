"""Images, labels and weights: the files, and the few functions that find, check and read them.

    from data import photo, read_image, resize, letterbox

Nothing is loaded until it is named: ``import data`` itself takes a few milliseconds (module ``__getattr__``, PEP 562).

- ``read_image(source)``: a file, bytes or an array as uint8 RGB (height, width, 3).
- ``resize(image, size)``, ``letterbox(image, size)``: the two ways to the size that a network wants.
- ``photo(name)``, ``photos()``, ``annotated_photo()``: sample photographs that need no download.
- ``fetch(name)``: an asset that is not in the repository.
- ``scenes``: drawn street scenes with their labels.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from data import scenes as scenes
    from data.assets import fetch as fetch
    from data.images import ImageError as ImageError
    from data.images import read_image as read_image
    from data.letterboxing import letterbox as letterbox
    from data.letterboxing import resize as resize
    from data.photographs import annotated_photo as annotated_photo
    from data.photographs import photo as photo
    from data.photographs import photos as photos

_MODULE_OF = {
    "ImageError": "data.images",
    "annotated_photo": "data.photographs",
    "fetch": "data.assets",
    "letterbox": "data.letterboxing",
    "photo": "data.photographs",
    "photos": "data.photographs",
    "read_image": "data.images",
    "resize": "data.letterboxing",
}
__all__ = ["ImageError", "annotated_photo", "fetch", "letterbox", "photo", "photos", "read_image", "resize", "scenes"]


def __getattr__(name: str) -> object:
    if name == "scenes":
        return import_module("data.scenes")
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'data' has no attribute '{name}'; it has: {', '.join(__all__)}")
    value = getattr(import_module(_MODULE_OF[name]), name)
    globals()[name] = value  # the next look-up finds it without coming here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
