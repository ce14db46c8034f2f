"""Read a picture from anywhere as uint8 RGB (height, width, 3).

Whatever a file stores (grey, palette, 16 bits, transparency, CMYK, a camera held upside down), a lecture sees one kind
of array. What cannot be read raises ``ImageError`` and says why; a picture is never cut short, clipped or guessed.
"""

from __future__ import annotations

import difflib
import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
from PIL.Image import DecompressionBombError, Image

MAX_PIXELS = 80_000_000
"""Pixels (height x width) above which ``read_image`` refuses a file: 80 megapixels, 240 MB once decoded.

Below the 89 megapixels at which Pillow begins to warn."""

# The plugins are called directly, not through PIL.Image.open, whose own size limit is a global of the process.
_PLUGINS = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "WebP": WebPImagePlugin.WebPImageFile,
}
_FIRST_BYTES = {
    "JPEG": (b"\xff\xd8\xff",),
    "PNG": (b"\x89PNG\r\n\x1a\n",),
    "GIF": (b"GIF87a", b"GIF89a"),
    "BMP": (b"BM",),
    "TIFF": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
}
# What a file that is no picture usually turns out to be, by the first bytes after any white space (lower case).
_LOOKS_LIKE = {
    (b"<!doctype html", b"<html", b"<head"): "an HTML page (a download that got a web page instead of the file?)",
    (b"<svg",): "an SVG drawing (vector graphics have no pixels)",
    (b"<?xml",): "an XML file",
    (b"version https://git-lfs",): "a Git LFS pointer (run 'git lfs pull' to get the file itself)",
    (b"%pdf",): "a PDF document",
    (b"pk\x03\x04",): "a ZIP archive (.zip, .npz, .keras, .docx)",
    (b"\x1f\x8b",): "a gzip archive",
    (b"\x93numpy",): "a NumPy array file (np.load reads it)",
    (b"\x89hdf",): "an HDF5 file",
    (b"{", b"["): "JSON text",
}
_ACCEPTED = "JPEG, PNG, WebP, BMP, TIFF and GIF are read"
_URL = re.compile(r"(?i)^([a-z][a-z0-9+.-]+://|(https?|ftp):/|data:[a-z]+/)")


class ImageError(ValueError):
    """A file or array that cannot be read as a picture; the message says why, in the reader's words."""


def read_image(source: Any, *, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Read a picture as RGB.

    Args:
        source: one of
            - a path (``str`` or ``os.PathLike``) to a JPEG, PNG, WebP, BMP, TIFF or GIF file;
            - the bytes of such a file (``bytes``, ``bytearray``, ``memoryview``), or a file opened in binary mode;
            - an array (or what NumPy turns into one, as a tensor): (height, width) or (height, width, channels) with
              1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha) channels; the dtype gives the range: uint8 0..255,
              uint16 0..65535, float 0..1, bool.
        max_pixels: a file with more pixels than this is refused from its header, before it is decoded. (TIFF, WebP and
            GIF above 178 megapixels need a larger ``PIL.Image.MAX_IMAGE_PIXELS`` as well.)

    Returns:
        uint8 (height, width, 3), RGB, 0..255: always a new, writable, contiguous array that shares no memory with
        ``source``.

    What becomes of the rest: EXIF orientation is applied. Transparency is composited on white. 16 bits keep the high
    byte (so an 8-bit value stored as 257 * value comes back exactly); floats are multiplied by 255 and rounded. Of an
    animation or a multi-page file the first picture is read. CMYK is converted by the plain formula and colour
    profiles are not applied.

    Raises:
        FileNotFoundError: no such file; names those in the folder that look alike.
        IsADirectoryError: ``source`` is a folder.
        ImageError: (a ValueError) not a picture, damaged or cut short, too large, empty; an array of another shape,
            dtype or range; a web address.
        TypeError: ``source`` is none of the above.

    >>> read_image(np.array([[0, 65535]], np.uint16)).tolist()
    [[[0, 0, 0], [255, 255, 255]]]
    >>> read_image(np.zeros((8, 32, 32, 3), np.uint8))
    Traceback (most recent call last):
    data.images.ImageError: array is a batch of 8 pictures, shape (8, 32, 32, 3); pass one of them, as images[0]
    """
    if max_pixels < 1:
        raise ValueError(f"max_pixels is {max_pixels}; it must be at least 1")
    if isinstance(source, (str, os.PathLike)):
        path = _existing_file(os.fsdecode(source))
        with open(path, "rb") as stream:
            return _read_stream(stream, f"'{path}'", max_pixels)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _read_stream(io.BytesIO(source), "the given data", max_pixels)
    if isinstance(source, Image):
        _check_size(source.size, "the PIL image", max_pixels)
        with _decoding("the PIL image", "picture"):
            pixels = _pixels(source)
        return _to_rgb(pixels, "the PIL image")
    if hasattr(source, "read"):
        content = source.read()
        if isinstance(content, str):
            raise TypeError("source is a file opened in text mode; open it with open(path, 'rb')")
        return _read_stream(io.BytesIO(content), "the given file", max_pixels)
    if hasattr(source, "__array__"):
        return _to_rgb(np.asarray(source), "array")
    kind = type(source).__name__
    raise TypeError(f"source is a {kind}; accepted: a path, bytes, a binary file, a PIL image or an array")


def _existing_file(name: str) -> Path:
    if _URL.match(name):
        raise ImageError(f"'{name[:80]}' is a web address; read_image reads files and does not download")
    if not name:
        raise ImageError("the path is an empty string")
    path = Path(name)
    if path.is_dir():
        raise IsADirectoryError(f"'{path}' is a folder; name one picture in it")
    if path.exists():
        return path
    if not path.parent.is_dir():
        raise FileNotFoundError(f"no file '{path}': there is no folder '{path.parent}'")
    names = {entry.lower(): entry for entry in sorted(os.listdir(path.parent))}
    similar = [repr(names[key]) for key in difflib.get_close_matches(path.name.lower(), names)]
    raise FileNotFoundError(f"no file '{path}'" + (f"; the folder has {', '.join(similar)}" if similar else ""))


def _read_stream(stream: BinaryIO, what: str, max_pixels: int) -> np.ndarray:
    head = stream.read(64)
    if not head:
        raise ImageError(f"{what}: empty (0 bytes)")
    kind = next((name for name, starts in _FIRST_BYTES.items() if head.startswith(starts)), None)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        kind = "WebP"
        _check_size(_webp_size(head), what, max_pixels)  # Pillow sets up the whole canvas on opening
    if kind is None:
        raise ImageError(f"{what}: not a picture but {_looks_like(head)}; {_ACCEPTED}")
    stream.seek(0)
    with _decoding(what, kind):
        picture = _PLUGINS[kind](stream)
    _check_size(picture.size, what, max_pixels)
    with _decoding(what, kind):
        pixels = _pixels(picture)
    return _to_rgb(pixels, what)


@contextmanager
def _decoding(what: str, kind: str) -> Iterator[None]:
    try:
        yield
    except ImageError as error:
        raise ImageError(f"{what}: {error}") from None
    except DecompressionBombError as error:  # a few Pillow decoders ask their own, process-wide limit
        raise ImageError(f"{what}: {error} This limit is Pillow's own, PIL.Image.MAX_IMAGE_PIXELS") from error
    except Exception as error:  # on damaged files decoders raise anything, from struct.error to IndexError
        reason = str(error) or type(error).__name__
        raise ImageError(f"{what}: a {kind} that is damaged, cut short or of an unknown variant ({reason})") from error


def _check_size(size: tuple[int, int], what: str, max_pixels: int) -> None:
    width, height = size
    if width * height > max_pixels:
        raise ImageError(
            f"{what}: {height} x {width} pixels (height x width), {width * height / 1e6:,.1f} megapixels, more than "
            f"the limit of {max_pixels / 1e6:,.1f}; if you trust it, call read_image(..., max_pixels={width * height})"
        )


def _webp_size(head: bytes) -> tuple[int, int]:
    """(width, height) from the first chunk of a WebP file (RFC 9649, section 2.5 to 2.7)."""
    if head[12:16] == b"VP8X":
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if head[12:16] == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return int.from_bytes(head[26:28], "little") & 0x3FFF, int.from_bytes(head[28:30], "little") & 0x3FFF


def _looks_like(head: bytes) -> str:
    if head[4:8] == b"ftyp":
        brand = head[8:12].decode("latin-1").strip()
        known = brand.lower().startswith(("hei", "hev", "mif", "avi"))
        return f"a HEIC or AVIF file (brand '{brand}'; export it as JPEG)" if known else f"a video (brand '{brand}')"
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for prefixes, description in _LOOKS_LIKE.items():
        if start.startswith(prefixes):
            return description
    printable = head.decode("latin-1")
    if all(character.isprintable() or character.isspace() for character in printable):
        return f"text that starts with {printable[:30]!r}"
    return f"a file of unknown kind that starts with the bytes {head[:8].hex(' ')}"


def _pixels(picture: Image) -> np.ndarray:
    """The decoded pixels, upright, in a shape and dtype that ``_to_rgb`` knows."""
    tags = dict(getattr(picture, "tag_v2", {}))  # of a TIFF, before load() drops the orientation
    picture.load()
    picture = ImageOps.exif_transpose(picture)
    mode = picture.mode
    bits, white_is_zero = tags.get(258, (8,))[0], tags.get(262) == 0
    if bits > 8 and tags.get(284) == 2 and tags.get(259) == 1:  # Pillow mixes the bytes up without an error
        raise ImageError(f"{bits}-bit colour in uncompressed planes; save it with interleaved channels")
    if mode.startswith("I;16"):
        if bits not in (8, 16):
            raise ImageError(f"grey with {bits} bits per pixel; 8 and 16 are read")
        return 65535 - np.asarray(picture) if white_is_zero else np.asarray(picture)  # Pillow leaves this to us
    if mode == "F":
        return 1 - np.asarray(picture) if white_is_zero else np.asarray(picture)
    if mode == "I" and picture.format == "PNG":  # how older Pillow names 16-bit grey
        return np.asarray(picture).astype(np.uint16)
    if mode in ("P", "PA", "RGBa", "La") or "transparency" in picture.info:
        return np.asarray(picture.convert("RGBA"))
    if mode in ("1", "L", "LA", "RGB", "RGBA", "I"):
        return np.asarray(picture)
    return np.asarray(picture.convert("RGB"))  # CMYK, YCbCr, RGBX, HSV; Pillow refuses what it cannot convert


def _to_rgb(pixels: np.ndarray, what: str) -> np.ndarray:
    shape = pixels.shape
    if pixels.ndim == 4:
        raise ImageError(f"{what} is a batch of {shape[0]} pictures, shape {shape}; pass one of them, as images[0]")
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and not 1 <= shape[2] <= 4):
        hint = "; channels come last: array.transpose(1, 2, 0)" if pixels.ndim == 3 and shape[0] in (1, 3, 4) else ""
        raise ImageError(f"{what} has shape {shape}; accepted: (height, width) or (height, width, 1 to 4){hint}")
    if 0 in shape:
        raise ImageError(f"{what} has no pixels, shape {shape}")
    pixels = _to_uint8(pixels, what)
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.shape[2] in (2, 4):  # composited on white, rounded to nearest; 255 * 255 + 127 fits uint16
        colour, alpha = pixels[..., :-1].astype(np.uint16), pixels[..., -1:].astype(np.uint16)
        pixels = ((colour * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    return np.array(np.broadcast_to(pixels, (*shape[:2], 3)), order="C")


def _to_uint8(pixels: np.ndarray, what: str) -> np.ndarray:
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype == np.bool_:
        return pixels.astype(np.uint8) * np.uint8(255)
    if pixels.dtype.kind == "u" and pixels.dtype.itemsize == 2:
        return (pixels >> 8).astype(np.uint8)
    if pixels.dtype.kind != "f":
        raise ImageError(
            f"{what} holds {pixels.dtype} numbers, whose white is not known; accepted: uint8 (0..255), uint16 "
            "(0..65535), float (0..1), bool. If these are 0..255, pass array.astype(np.uint8)"
        )
    low, high = float(pixels.min()), float(pixels.max())  # a NaN anywhere makes both NaN
    if np.isnan(low):
        raise ImageError(f"{what} holds NaN, in {int(np.isnan(pixels).sum())} of {pixels.size} numbers")
    if low < 0 or high > 1:
        raise ImageError(f"{what} holds {pixels.dtype} numbers from {low:g} to {high:g}; floats must lie in 0..1")
    return np.rint(pixels.astype(np.float32, copy=False) * np.float32(255)).astype(np.uint8)
