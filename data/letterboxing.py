"""Change a picture's size: ``resize``, and ``letterbox``, which keeps the aspect and takes points and boxes along.

Coordinates are those of the pixels' edges: a picture spans 0..width and 0..height, its first pixel 0..1 with the centre
at 0.5. In this convention a resize is a multiplication, with no half-pixel correction.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

_FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
METHODS = ("bilinear", "nearest", "bicubic", "area", "lanczos")


def resize(image: np.ndarray, size: int | tuple[int, int], method: str = "bilinear") -> np.ndarray:
    """Resize a picture or a label mask; pixel centres lie at half integers (as ``align_corners=False``).

    Args:
        image: (height, width), (height, width, 1) or (height, width, 3); uint8, but for "nearest" any dtype.
        size: ``(height, width)`` in pixels, or one int: the length of the *shorter* side, aspect kept (the longer one
            rounded to the nearest pixel, halves up).
        method:
            - "bilinear", "bicubic", "lanczos": interpolation, its filter widened when shrinking so that fine texture is
              averaged and not aliased (as ``tf.image.resize(..., antialias=True)``);
            - "area": the mean of the area that a pixel covers, on a side that shrinks; bilinear on a side that grows;
            - "nearest": output ``i`` is input ``floor((i + 0.5) * in / out)``, in exact integers: for labels, as it
              only copies and never invents a value.

    Returns:
        A new array of the given size, with the dtype and the channels of ``image``.

    Raises:
        ValueError: another shape, an empty picture, a size below 1, an unknown method.
        TypeError: a size that is not of integers; a dtype other than uint8 for an interpolating method.

    >>> resize(np.array([[0, 7], [9, 255]], np.uint8), (3, 4), "nearest").tolist()
    [[0, 0, 7, 7], [9, 9, 255, 255], [9, 9, 255, 255]]
    >>> resize(np.zeros((480, 640, 3), np.uint8), 224).shape
    (224, 299, 3)
    """
    image = _checked_image(image)
    if method not in METHODS:
        raise ValueError(f"method {method!r} is not known; methods: {', '.join(METHODS)}")
    if method != "nearest" and image.dtype != np.uint8:
        raise TypeError(
            f"image is {image.dtype}; '{method}' takes uint8 0..255, only 'nearest' takes labels of any dtype"
        )
    rows, columns = image.shape[:2]
    if isinstance(size, (tuple, list, np.ndarray)):
        height, width = _checked_size(size)
    else:
        side, short = _side(size, "size"), min(rows, columns)
        # halves up, in integers: round() would go to the even neighbour
        height, width = ((2 * length * side + short) // (2 * short) for length in (rows, columns))
    if method == "nearest":
        y, x = ((2 * np.arange(out) + 1) * length // (2 * out) for out, length in ((height, rows), (width, columns)))
        return image[y[:, None], x]
    if method == "area":
        import cv2  # here, not above: only this method needs it

        # Averaging first where a side shrinks; OpenCV would switch the whole call to bilinear if one side grows.
        shape = image.shape[2:]
        smaller = cv2.resize(image, (min(width, columns), min(height, rows)), interpolation=cv2.INTER_AREA)
        image, method = smaller.reshape(*smaller.shape[:2], *shape), "bilinear"
    picture = Image.fromarray(image[..., 0] if image.shape[2:] == (1,) else image)
    pixels = np.array(picture.resize((width, height), _FILTERS[method]))
    return pixels.reshape(height, width, *image.shape[2:])


@dataclass(frozen=True)
class Letterbox:
    """Where ``letterbox`` put the picture: the map between its coordinates and the canvas's.

    x and y scale apart (``scale_x``, ``scale_y``), as the resized picture is a whole number of pixels and rounding
    differs from side to side; so the inverse is exact.
    """

    source: tuple[int, int]
    """Height and width of the original picture, pixels."""
    content: tuple[int, int]
    """Height and width of the resized picture inside the canvas."""
    canvas: tuple[int, int]
    """Height and width of the result."""
    top: int
    left: int

    @property
    def scale_x(self) -> float:
        return self.content[1] / self.source[1]

    @property
    def scale_y(self) -> float:
        return self.content[0] / self.source[0]

    @property
    def window(self) -> tuple[slice, slice]:
        """``canvas[letterbox.window]`` is the resized picture without the padding."""
        return slice(self.top, self.top + self.content[0]), slice(self.left, self.left + self.content[1])

    def apply_points(self, points: Any) -> np.ndarray:
        """Points (..., 2) as x, y on the original picture to points on the canvas; float32 stays, all else float64."""
        return self._map(points, 2, inverse=False)

    def invert_points(self, points: Any) -> np.ndarray:
        """Points (..., 2) as x, y on the canvas to points on the original picture."""
        return self._map(points, 2, inverse=True)

    def apply_boxes(self, boxes: Any) -> np.ndarray:
        """Boxes (..., 4) as x1, y1, x2, y2 on the original picture to boxes on the canvas."""
        return self._map(boxes, 4, inverse=False)

    def invert_boxes(self, boxes: Any, *, clip: bool = False) -> np.ndarray:
        """Boxes (..., 4) as x1, y1, x2, y2 on the canvas to the original; ``clip`` cuts them at the picture's edges."""
        boxes = self._map(boxes, 4, inverse=True)
        if clip:
            height, width = self.source
            boxes = np.clip(boxes, 0, np.array([width, height, width, height], boxes.dtype))
        return boxes

    def _map(self, values: Any, last: int, *, inverse: bool) -> np.ndarray:
        array = np.asarray(values)
        if array.shape == (0,):  # an empty list has lost its last axis
            array = array.reshape(0, last)
        if array.ndim == 0 or array.shape[-1] != last:
            names = "x, y" if last == 2 else "x1, y1, x2, y2"
            raise ValueError(f"coordinates have shape {array.shape}; accepted: (..., {last}) as {names}")
        scale = np.tile([self.scale_x, self.scale_y], last // 2)
        offset = np.tile([float(self.left), float(self.top)], last // 2)
        mapped = (array - offset) / scale if inverse else array * scale + offset
        return mapped.astype(np.float32) if array.dtype == np.float32 else mapped


def letterbox(
    image: np.ndarray,
    size: int | tuple[int, int],
    fill: int | tuple[int, int, int] = 128,
    method: str = "bilinear",
) -> tuple[np.ndarray, Letterbox]:
    """Fit a picture into a canvas of exactly ``size``: aspect kept, centred, the rest filled (YOLO's input, Darknet).

    Args:
        image: as for ``resize``; a label mask goes with ``method="nearest"`` and ``fill`` the label for "no picture".
        size: ``(height, width)`` of the canvas in pixels, or one int for a square. (For ``resize`` an int is the
            shorter side.)
        fill: the padding's value, one number or one per channel. Darknet pads with 0.5, here 128.
        method: as for ``resize``.

    Returns:
        The canvas, (height, width[, channels]) of the dtype of ``image``, and the ``Letterbox`` that takes points and
        boxes there and back. An odd pixel of padding goes to the bottom or the right.

    Raises:
        ValueError, TypeError: as ``resize``; also a ``fill`` that the dtype cannot hold or of the wrong length.

    >>> canvas, fit = letterbox(np.zeros((200, 400, 3), np.uint8), 100)
    >>> canvas.shape, fit.window
    ((100, 100, 3), (slice(25, 75, None), slice(0, 100, None)))
    >>> fit.apply_boxes([0, 0, 400, 200]).tolist()
    [0.0, 25.0, 100.0, 75.0]
    """
    image = _checked_image(image)
    sides = size if isinstance(size, (tuple, list, np.ndarray)) else (size, size)
    height, width = _checked_size(sides)
    rows, columns = image.shape[:2]
    if height * columns <= width * rows:  # the height is what limits
        content = height, max(1, (2 * columns * height + rows) // (2 * rows))
    else:
        content = max(1, (2 * rows * width + columns) // (2 * columns)), width
    fit = Letterbox(
        source=(rows, columns),
        content=content,
        canvas=(height, width),
        top=(height - content[0]) // 2,
        left=(width - content[1]) // 2,
    )
    canvas = np.empty((height, width, *image.shape[2:]), image.dtype)
    canvas[...] = _checked_fill(fill, image)
    canvas[fit.window] = resize(image, content, method)
    return canvas, fit


def _checked_image(image: np.ndarray) -> np.ndarray:
    image = np.asarray(image)
    if image.ndim == 4:
        raise ValueError(f"image is a batch, shape {image.shape}; pass one picture at a time")
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (1, 3)):
        raise ValueError(f"image has shape {image.shape}; accepted: (height, width), (height, width, 1) or (..., 3)")
    if 0 in image.shape:
        raise ValueError(f"image has no pixels, shape {image.shape}")
    return image


def _checked_size(size: Any) -> tuple[int, int]:
    if len(size) != 2:
        raise ValueError(f"size is {size}; accepted: (height, width) or one int")
    return _side(size[0], "height"), _side(size[1], "width")


def _side(value: Any, name: str) -> int:
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} is {value}; it must be a whole number of pixels")
    try:
        value = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} is {value!r}; it must be a whole number of pixels") from None
    if value < 1:
        raise ValueError(f"{name} is {value}; it must be at least 1 pixel")
    return value


def _checked_fill(fill: Any, image: np.ndarray) -> np.ndarray:
    values = np.asarray(fill)
    channels = image.shape[2] if image.ndim == 3 else 1
    if values.shape not in ((), (channels,)):
        raise ValueError(f"fill is {fill}; accepted: one number, or {channels} of them, one per channel")
    with np.errstate(invalid="ignore"):  # a NaN is refused below
        cast = values.astype(image.dtype)
    if not np.array_equal(cast.astype(np.float64), values.astype(np.float64)):
        raise ValueError(f"fill is {fill}, which {image.dtype} cannot hold")
    return cast
