"""Read label files as they are, by id or by colour, and turn what they hold into ids 0..classes - 1 and void."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from data import ImageError, read_image


def read_label(source: str | os.PathLike[str] | np.ndarray, by_colour: bool = False) -> np.ndarray:
    """What a label file holds, unchanged.

    A grey or palette PNG holds ids; the colours of a palette are only for the eye. Grey of 2 or 4 bits, which image
    libraries stretch to 0..255, is given as it was written. A colour file whose three channels are equal is grey.

    Args:
        source: a file, or an array, which is only checked.
        by_colour: give colours, those of the palette where there is one.

    Returns:
        Ids ``(height, width)``, uint8, or uint16 of a file of 16 bits; or colours ``(height, width, 3)`` uint8. An
        array keeps its type.

    Raises:
        FileNotFoundError, IsADirectoryError: as in `data.read_image`.
        ImageError: (a ValueError) not a picture, damaged; a JPEG for ids, as it alters them; colours where ids are
            wanted; partly transparent pixels; an array of another shape.
        TypeError: an array of no whole numbers.
    """
    if isinstance(source, np.ndarray):
        return _checked(source, by_colour, "the label array")
    what = f"'{os.fspath(source)}'"
    try:
        with Image.open(source) as picture:
            depth = _grey_bits(source) if picture.format == "PNG" else 8
            kind, mode = picture.format, picture.mode
            if by_colour and mode == "P":
                picture = picture.convert("RGBA" if "transparency" in picture.info else "RGB")
            pixels = np.asarray(picture)
    except Exception as error:  # on damaged files decoders raise anything
        read_image(source)  # says what is wrong in words, as it does for images
        raise ImageError(f"{what}: cannot be read as a label ({error})") from error
    if kind == "JPEG" and not by_colour:
        raise ImageError(f"{what}: a JPEG, which alters ids; labels are PNG files")
    if mode not in ("1", "L", "P", "I;16", "RGB", "RGBA", "LA"):
        raise ImageError(f"{what}: stored as {mode!r}; labels are grey, palette or RGB")
    if pixels.shape[2:] in ((2,), (4,)):
        if (pixels[..., -1] != 255).any():
            raise ImageError(f"{what}: partly transparent; a label has one class in every pixel")
        pixels = pixels[..., 0] if pixels.shape[2] == 2 else pixels[..., :3]
    if depth < 8 and mode == "L":
        pixels = pixels // (255 // (2**depth - 1))
    return _checked(pixels.astype(np.uint8) if mode == "1" else pixels, by_colour, what)


def label_of_ids(
    stored: np.ndarray, ids: Sequence[int], void: int, void_ids: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Ids of a file to ids 0..classes - 1.

    Args:
        stored: whole numbers, any shape.
        ids: the number by which the files mean each class.
        void: the number of void in the result; numbers of ``stored`` that are equal to it are void too.
        void_ids: further numbers that mean void.

    Returns:
        The label, uint8, with void where the number means nothing; and where that is, bool.

    >>> label, unknown = label_of_ids(np.array([[7, 8, 11, 9, 255]]), ids=(7, 8), void=255, void_ids=(11,))
    >>> label.tolist(), unknown.tolist()
    ([[0, 1, 255, 255, 255]], [[False, False, False, True, False]])
    """
    if stored.dtype == np.uint8 and stored.size > 256:  # by table, as there are only so many
        table, unknown = label_of_ids(np.arange(256), ids, void, void_ids)
        return table[stored], unknown[stored]
    order = np.argsort(ids)
    place = np.searchsorted(np.asarray(ids)[order], stored).clip(max=len(ids) - 1)
    known = np.asarray(ids)[order][place] == stored
    label = np.where(known, order[place], void).astype(np.uint8)
    return label, ~(known | np.isin(stored, (void, *void_ids)))


def label_of_colours(
    stored: np.ndarray, colours: np.ndarray, void: int, void_colours: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Colours of a file to ids 0..classes - 1, by exact match.

    Args:
        stored: RGB ``(..., 3)`` uint8.
        colours: of the classes, ``(classes, 3)``.
        void: the number of void in the result.
        void_colours: ``(any, 3)``.

    Returns:
        The label, uint8, with void where the colour means nothing; and where that is, bool.
    """
    table = colour_codes(np.concatenate([colours, void_colours.reshape(-1, 3)]).astype(np.uint8))
    ids = np.asarray([*range(len(colours)), *[void] * len(void_colours)], np.uint8)
    order = np.argsort(table)
    codes = colour_codes(stored)
    place = np.searchsorted(table[order], codes).clip(max=len(table) - 1)
    unknown = table[order][place] != codes
    return np.where(unknown, np.uint8(void), ids[order][place]), unknown


def colour_codes(colours: np.ndarray) -> np.ndarray:
    """Each colour ``(..., 3)`` uint8 as one number, int32."""
    red, green, blue = (colours[..., i].astype(np.int32) for i in range(3))
    return red << 16 | green << 8 | blue


def _checked(pixels: np.ndarray, by_colour: bool, what: str) -> np.ndarray:
    if pixels.size == 0:
        raise ImageError(f"{what} has no pixels, shape {pixels.shape}")
    if not np.issubdtype(pixels.dtype, np.integer):
        raise TypeError(f"{what} is {pixels.dtype}; whole numbers are wanted")
    if by_colour:
        if pixels.ndim == 2 and pixels.dtype == np.uint8:  # a file with nothing but grey classes in it
            pixels = np.repeat(pixels[..., None], 3, axis=2)
        if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
            raise ImageError(f"{what} is {pixels.dtype} {pixels.shape}; colours are uint8 (height, width, 3)")
        return pixels
    if pixels.ndim == 3 and pixels.shape[2] == 3 and (pixels == pixels[..., :1]).all():
        pixels = pixels[..., 0]
    if pixels.ndim == 3 and pixels.shape[2] == 3:
        raise ImageError(f"{what}: holds colours, not ids; give the colour of every class (class_dict=)")
    if pixels.ndim != 2:
        raise ImageError(f"{what} has shape {pixels.shape}; (height, width) is wanted")
    return pixels


def _grey_bits(path: Any) -> int:
    """Bits per pixel of a grey PNG, 8 for any other kind: from its header (PNG specification, 11.2.1)."""
    with open(path, "rb") as stream:
        header = stream.read(26)
    return header[24] if len(header) == 26 and header[25] == 0 else 8
