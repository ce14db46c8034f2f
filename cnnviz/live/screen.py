"""What is shown: the picture with its map, and beside it, on a panel of its own, the words."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnviz.live.looking import BY_LAYER, METHODS, Look, Sight
from cnnviz.plots.contact_sheet import method_title
from cnnviz.plots.overlays import blend

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

PANEL, TEXT, FAINT, BAR, ACCENT = (24, 24, 27), (250, 250, 250), (161, 161, 170), (82, 82, 91), (251, 146, 60)
MOST_CHANNELS = 64


def compose(picture: np.ndarray, look: Look, sight: Sight, speed: float | None = None, size: int = 480) -> np.ndarray:
    """The whole screen.

    Words stand on a dark panel beside the picture, never on it, so that they can be read whatever it shows.

    Args:
        picture: uint8 RGB, the square that the network saw, of any size.
        look: what is looked at.
        sight: what was seen.
        speed: frames per second; None leaves it out.
        size: the height of the screen in pixels; even, from 160 up.

    Returns:
        uint8 RGB ``(size, about 1.6 size, 3)``.
    """
    picture = _resized(picture, size)
    small = None
    if sight.activations is not None:
        small, shown = picture, mosaic(sight.activations, size)
    else:
        shown = blend(picture, sight.map, hottest=1.0)
    width = int(0.31 * size) * 2
    return np.concatenate([shown, panel(look, sight, speed, size, width, small)], axis=1)


def mosaic(activations: np.ndarray, size: int) -> np.ndarray:
    """Maps side by side in a square, in the order of their channels, so that none jumps from frame to frame.

    Args:
        activations: ``(rows, columns, channels)``; of many channels, the first `MOST_CHANNELS`.
        size: side of the square in pixels.
    """
    maps = activations[..., :MOST_CHANNELS]
    across = int(np.ceil(np.sqrt(maps.shape[-1])))
    tile = size // across
    rows, columns = (np.arange(tile - 1) * side // (tile - 1) for side in maps.shape[:2])
    square = np.zeros((size, size), np.uint8)
    # One scale for all: a channel that does not fire stays dark. The root lifts the weak ones.
    low, high = min(float(maps.min()), 0.0), float(maps.max())
    shares = np.sqrt(np.clip((maps - low) / ((high - low) or 1), 0, 1)) * 255
    for channel in range(maps.shape[-1]):
        top, left = channel // across * tile, channel % across * tile
        square[top : top + tile - 1, left : left + tile - 1] = shares[rows[:, None], columns, channel]
    shown = colours()[square]
    lines = np.arange(across + 1) * tile - 1
    for line in lines[(lines > 0) & (lines < size)]:
        shown[line, : across * tile] = shown[: across * tile, line] = BAR
    return shown


def panel(
    look: Look, sight: Sight, speed: float | None, height: int, width: int, small: np.ndarray | None
) -> np.ndarray:
    """The words: method, layer, class that is explained, answers with bars, speed and keys."""
    from PIL import Image
    from PIL.ImageDraw import Draw

    image = Image.new("RGB", (width, height), PANEL)
    draw, unit, margin = Draw(image), height / 480, int(height / 32)
    room = width - 2 * margin
    line = _line(draw, margin, room, unit)
    y = line(margin, "activation maps" if look.method == "activations" else method_title(look.method), 22)
    y = line(y, look.layer if look.method in BY_LAYER else "by pixel", 14, FAINT)
    if sight.activations is not None:
        channels = sight.activations.shape[-1]
        first = f"the first {MOST_CHANNELS} of " if channels > MOST_CHANNELS else ""
        y = line(y, f"{first}{channels} channels", 14, FAINT)
    else:
        y = line(y, f"what speaks for: {sight.explained}" + ("" if look.target is None else " (t)"), 14, ACCENT)
    y += int(10 * unit)
    for answer in sight.answers[:5]:
        y = line(y, answer.name, 15, right=f"{answer.probability:.0%}")
        draw.rectangle((margin, y, margin + room, y + int(4 * unit)), fill=BAR)
        draw.rectangle((margin, y, margin + int(room * answer.probability), y + int(4 * unit)), fill=ACCENT)
        y += int(9 * unit)
    keys = ["w e  layer   t  class   space  pause   q  quit", *_methods_in_lines()]
    bottom = height - margin - int(17 * unit) * len(keys)
    for number, text in enumerate(keys):
        line(bottom + int(17 * unit) * number, text, 11.5, FAINT)
    status = look.message or ("paused" if look.paused else "" if speed is None else f"{speed:.1f} frames per second")
    line(bottom - int(26 * unit), status, 14, ACCENT if look.message or look.paused else TEXT)
    if small is not None:
        side = min(bottom - int(34 * unit) - y, room)
        if side > 24:
            image.paste(Image.fromarray(_resized(small, side)), (margin, y + int(2 * unit)))
    return np.asarray(image)


def _methods_in_lines(each: int = 3) -> list[str]:
    short = {"guided_backpropagation": "guided backprop"}
    words = [f"{number} {short.get(name, method_title(name))}" for number, name in enumerate(METHODS, start=1)]
    return ["   ".join(words[at : at + each]) for at in range(0, len(words), each)]


def _line(draw: ImageDraw, left: int, room: int, unit: float) -> Any:
    """A function that writes one line at a height, and returns where the next one goes."""

    def write(y: int, text: str, points: float, colour: tuple = TEXT, right: str = "") -> int:
        letters = _font(max(8, points * unit))
        if right:
            draw.text((left + room - draw.textlength(right, letters), y), right, colour, letters)
        space = room - (draw.textlength(right + "  ", letters) if right else 0)
        while text and draw.textlength(text, letters) > space:  # the end of a path tells more than its beginning
            text = "…" + text.lstrip("…")[1:]
        draw.text((left, y), text, colour, letters)
        return y + int(1.35 * max(8, points * unit))

    return write


@functools.cache
def _font(points: float) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size=points)


@functools.cache
def colours() -> np.ndarray:
    """The colour map of all figures as a table: uint8 ``(256, 3)``."""
    from matplotlib import colormaps

    from cnnviz.plots.canvas import COLOURS

    return (colormaps[COLOURS](np.arange(256))[:, :3] * 255).astype(np.uint8)


def _resized(picture: np.ndarray, side: int) -> np.ndarray:
    import cv2

    shrinks = picture.shape[0] > side
    return cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
