"""Labels as colours, over a photograph or by themselves, with a legend beside or below: never over the picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from data.arguments import whole_number
from data.letters import letters

VOID_COLOUR = (0, 0, 0)
PAPER, INK, FAINT = (255, 255, 255), (31, 41, 55), (156, 163, 175)
SMALLEST_TEXT = 13  # pixels


def label_colours(classes: np.ndarray, colours: Any, *, void: int = 255) -> np.ndarray:
    """A label as a picture: each class in its colour, void black.

    >>> label_colours(np.array([[0, 1, 255]]), [(9, 9, 9), (70, 80, 90)]).tolist()
    [[[9, 9, 9], [70, 80, 90], [0, 0, 0]]]

    Args:
        classes: whole numbers ``(height, width)``: ids 0..classes - 1, and ``void``.
        colours: ``(classes, 3)``, 0..255.
        void: the id of what has no class.

    Returns:
        uint8 ``(height, width, 3)``.

    Raises:
        TypeError: not whole numbers.
        ValueError: shapes; ids without a colour.
    """
    classes, colours = _checked(classes, colours, void)
    table = np.tile(np.array(VOID_COLOUR, np.uint8), (256, 1))
    table[: len(colours)] = colours
    return table[classes]


def overlay(
    image: np.ndarray, classes: np.ndarray, colours: Any, *, alpha: float = 0.5, outline: bool = True, void: int = 255
) -> np.ndarray:
    """The colours of the classes over a photograph, with a thin white line where classes meet; void is left as it is.

    Args:
        image: uint8 RGB ``(height, width, 3)``.
        classes: whole numbers ``(height, width)``: ids 0..classes - 1, and ``void``.
        colours: ``(classes, 3)``, 0..255.
        alpha: how much of the photograph the colours cover, 0 (nothing) to 1 (all).
        outline: draw the line: a 480th of the shorter side, at least one pixel.
        void: the id of what has no class.

    Returns:
        uint8 ``(height, width, 3)``.

    Raises:
        TypeError: kinds of numbers.
        ValueError: shapes that do not fit; ids without a colour; an alpha outside 0..1.
    """
    classes, colours = _checked(classes, colours, void)
    image = np.asarray(image)
    if image.dtype != np.uint8:
        raise TypeError(f"image is {image.dtype}; a uint8 array is wanted (0..255)")
    if image.shape != (*classes.shape, 3):
        raise ValueError(f"image has shape {image.shape}, classes {classes.shape}; (height, width, 3) of one size")
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha is {alpha}; from 0 to 1 is wanted")
    seen = np.zeros((256, 1), np.float32)
    seen[: len(colours)] = alpha
    paint = np.zeros((256, 3), np.float32)
    paint[: len(colours)] = colours
    mixed = image + seen[classes] * (paint[classes] - image)
    if outline:
        line = borders(classes, void, thickness=max(1, round(min(classes.shape) / 480)))
        mixed[line] = 0.35 * mixed[line] + 0.65 * 255
    return (mixed + 0.5).astype(np.uint8)


def borders(classes: np.ndarray, void: int = 255, *, thickness: int = 1) -> np.ndarray:
    """Where a line between classes runs, bool ``(height, width)``; never on void.

    Between two neighbours it takes the left or upper one, or, where that is void, the other.
    """
    found = np.zeros(classes.shape, bool)
    for axis in (0, 1):
        lines = np.moveaxis(found, axis, 0)
        ids = np.moveaxis(classes, axis, 0)
        differ = ids[:-1] != ids[1:]
        before = differ & (ids[:-1] != void)
        lines[:-1] |= before
        lines[1:] |= differ & ~before
    if thickness > 1:
        from scipy.ndimage import maximum_filter

        found = maximum_filter(found, thickness) & (classes != void)
    return found


def legend(
    class_names: Sequence[str],
    colours: Any,
    *,
    classes: np.ndarray | None = None,
    width: int | None = None,
    height: int | None = None,
    text: int = SMALLEST_TEXT,
    void: int = 255,
) -> np.ndarray:
    """The names of classes beside their colours, and how much of a picture each of them takes.

    Args:
        class_names: of all classes.
        colours: ``(classes, 3)``, 0..255.
        classes: a label ``(height, width)``: only classes in it are named, the largest first, each with its share of
            the pixels that have a class. None: all, in their order.
        width: in pixels, of a legend below a picture: as many columns as fit. It is wider where one does not.
        height: in pixels, of a legend beside a picture: as many rows as fit.
        text: height of the letters in pixels.
        void: the id of what has no class.

    Returns:
        uint8 RGB: ``width`` wide, or ``height`` high, or larger.

    Raises:
        TypeError, ValueError: names and colours that do not fit; ids without a colour; both width and height.
    """
    if width is not None and height is not None:
        raise ValueError(f"width is {width} and height {height}; give one of them")
    rows = _rows(class_names, colours, classes, void)
    return _drawn(rows, width and whole_number("width", width), height and whole_number("height", height), text)


def with_legend(
    picture: np.ndarray,
    class_names: Sequence[str],
    colours: Any,
    *,
    classes: np.ndarray | None = None,
    text: int | None = None,
    void: int = 255,
) -> np.ndarray:
    """A picture and its `legend`, beside or below it, whichever needs less room.

    Args:
        picture: uint8 RGB ``(height, width, 3)``; its pixels stay as they are, in the upper left corner.
        class_names: see `legend`.
        colours: see `legend`.
        classes: see `legend`.
        text: height of the letters in pixels; None: by the size of the picture.
        void: see `legend`.

    Returns:
        uint8 RGB.
    """
    height, width = picture.shape[:2]
    text = max(SMALLEST_TEXT, round(math.sqrt(height * width) / 36)) if text is None else text
    rows = _rows(class_names, colours, classes, void)
    below, beside = _drawn(rows, width, None, text), _drawn(rows, None, height, text)
    if _room(picture, below, 0) <= _room(picture, beside, 1):
        parts, axis = (picture, below), 0
    else:
        parts, axis = (picture, beside), 1
    side = max(part.shape[1 - axis] for part in parts)
    padded = []
    for part in parts:
        missing = [[0, 0], [0, 0], [0, 0]]
        missing[1 - axis][1] = side - part.shape[1 - axis]
        padded.append(np.pad(part, missing, constant_values=255))
    return np.concatenate(padded, axis=axis)


def _room(picture: np.ndarray, panel: np.ndarray, axis: int) -> int:
    """Pixels of both together, one after the other along an axis."""
    return (picture.shape[axis] + panel.shape[axis]) * max(picture.shape[1 - axis], panel.shape[1 - axis])


def _rows(
    class_names: Sequence[str], colours: Any, classes: np.ndarray | None, void: int
) -> list[tuple[str, str, tuple[int, ...]]]:
    """Name, share in words and colour of what the legend names."""
    if isinstance(class_names, str) or len(class_names) != len(np.asarray(colours)):
        raise ValueError(f"class_names is {class_names!r}; a name for each of {len(np.asarray(colours))} colours")
    if classes is None:
        _, colours = _checked(np.zeros((1, 1), np.uint8), colours, void)
        return [(name, "", tuple(colour)) for name, colour in zip(class_names, colours.tolist())]
    classes, colours = _checked(classes, colours, void)
    counts = np.bincount(classes[classes != void], minlength=len(colours))
    order = sorted(np.flatnonzero(counts).tolist(), key=lambda i: (-counts[i], i))
    shares = 100 * counts / max(counts.sum(), 1)
    return [(class_names[i], _per_cent(shares[i]), tuple(colours[i].tolist())) for i in order]


def _per_cent(share: float) -> str:
    return f"{share:.0f} %" if share >= 0.5 else "<1 %"


def _drawn(
    rows: list[tuple[str, str, tuple[int, ...]]], width: int | None, height: int | None, text: int
) -> np.ndarray:
    from PIL import Image, ImageDraw

    font, gap, gutter = letters(text), round(0.5 * text), round(1.7 * text)
    line, swatch = round(1.6 * text), text
    names = max((math.ceil(font.getlength(name)) for name, *_ in rows), default=0)
    shares = max((math.ceil(font.getlength(share)) for _, share, _ in rows), default=0)
    column = swatch + gap + names + (gap + shares if shares else 0)
    if height is not None:
        fit = max(1, (height - 2 * gap) // line)
        columns = math.ceil(len(rows) / fit)
    else:
        fit = len(rows) if width is None else max(1, (width - 2 * gap + gutter) // (column + gutter))
        columns = min(fit, len(rows))
    deep = math.ceil(len(rows) / columns) if rows else 0
    columns = math.ceil(len(rows) / deep) if rows else 0
    needs = (2 * gap + columns * (column + gutter) - gutter * (columns > 0), 2 * gap + deep * line)
    canvas = Image.new("RGB", (max(needs[0], width or 0), max(needs[1], height or 0)), PAPER)
    brush = ImageDraw.Draw(canvas)
    for number, (name, share, colour) in enumerate(rows):
        left = gap + number // deep * (column + gutter)
        middle = gap + number % deep * line + line // 2
        top = middle - swatch // 2
        brush.rectangle((left, top, left + swatch - 1, top + swatch - 1), fill=colour, outline=FAINT)
        brush.text((left + swatch + gap, middle), name, fill=INK, font=font, anchor="lm")
        brush.text((left + column, middle), share, fill=INK, font=font, anchor="rm")
    return np.asarray(canvas)


def _checked(classes: Any, colours: Any, void: int) -> tuple[np.ndarray, np.ndarray]:
    """Both as arrays, and every id with a colour."""
    classes, colours = np.asarray(classes), np.asarray(colours)
    if classes.dtype.kind not in "iu" or colours.dtype.kind not in "iu":
        raise TypeError(f"classes holds {classes.dtype}, colours {colours.dtype}; whole numbers are wanted")
    if classes.ndim != 2 or 0 in classes.shape:
        raise ValueError(f"classes has shape {classes.shape}; (height, width) is wanted")
    if colours.ndim != 2 or colours.shape[1] != 3 or not 0 < len(colours) <= 255:
        raise ValueError(f"colours has shape {colours.shape}; (classes, 3) is wanted, 255 classes at most")
    if colours.min() < 0 or colours.max() > 255:
        raise ValueError(f"colours holds {colours.min()}..{colours.max()}; 0..255 is wanted")
    if not len(colours) <= whole_number("void", void, 0) <= 255:
        raise ValueError(f"void is {void}; with {len(colours)} classes a number in {len(colours)}..255 is wanted")
    strange = (classes != void) & ((classes < 0) | (classes >= len(colours)))
    if strange.any():
        raise ValueError(
            f"classes holds {classes[strange][0]}; there are colours for 0..{len(colours) - 1}, and {void} is void"
        )
    return classes.astype(np.uint8, copy=False), colours.astype(np.uint8)
