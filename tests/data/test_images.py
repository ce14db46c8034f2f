from __future__ import annotations

import io
import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps, PngImagePlugin

from data.images import MAX_PIXELS, ImageError, read_image

RNG = np.random.default_rng(7)
RGB = RNG.integers(0, 256, (23, 31, 3), dtype=np.uint8)
DEEP = RNG.integers(0, 65536, (23, 31, 3), dtype=np.uint16)
# smooth, for the formats that lose detail
SMOOTH = np.stack(np.meshgrid(np.arange(48) * 5, np.arange(40) * 6), -1).sum(-1)[..., None] // 2 + np.array([0, 8, 16])
SMOOTH = SMOOTH.astype(np.uint8)


def saved(image: Image.Image | np.ndarray, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(stream, kind, **options)
    return stream.getvalue()


def cv2_encoded(image: np.ndarray, extension: str) -> bytes:
    if image.ndim == 3:
        image = image[..., [2, 1, 0, 3][: image.shape[2]]]
    done, content = cv2.imencode(extension, image)
    assert done
    return content.tobytes()


def png(width: int, height: int, depth: int = 8, colour: int = 2, extra: bytes = b"", pixels: bytes = b"") -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(pixels))
    return b"\x89PNG\r\n\x1a\n" + header + (chunk(b"zTXt", extra) if extra else b"") + data + chunk(b"IEND", b"")


def tiff(
    width: int, height: int, strip: bytes, bits: int = 8, photometric: int = 1, samples: int = 1, planar: int = 1
) -> bytes:
    """A little-endian TIFF with one uncompressed strip, its tags as given."""
    tags = [(256, width), (257, height), (258, bits), (259, 1), (262, photometric), (273, 0), (277, samples)]
    tags += [(278, height), (279, len(strip)), (284, planar)]
    start = 8 + 2 + 12 * len(tags) + 4
    ifd = struct.pack("<H", len(tags))
    per_sample = b""
    for tag, value in tags:
        if tag == 258 and samples > 2:
            per_sample = struct.pack("<H", bits) * samples
            ifd += struct.pack("<HHII", tag, 3, samples, start)
        else:
            value = start + 2 * samples * (samples > 2) if tag == 273 else value
            ifd += struct.pack("<HHII", tag, 4, 1, value)
    return b"II*\0" + struct.pack("<I", 8) + ifd + struct.pack("<I", 0) + per_sample + strip


# --- what every format gives -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        saved(RGB, "PNG"),
        saved(RGB, "BMP"),
        saved(RGB, "TIFF"),
        saved(RGB, "TIFF", compression="tiff_lzw"),
        saved(RGB, "TIFF", compression="tiff_deflate"),
        saved(RGB, "WebP", lossless=True),
    ],
)
def test_lossless_formats_are_exact(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "picture.dat"  # the content decides, not the name
    path.write_bytes(content)
    sources = [path, str(path), content, bytearray(content), memoryview(content), io.BytesIO(content)]
    for source in sources:
        image = read_image(source)
        np.testing.assert_array_equal(image, RGB)
        assert image.dtype == np.uint8 and image.flags.writeable and image.flags.c_contiguous
    with open(path, "rb") as stream:
        np.testing.assert_array_equal(read_image(stream), RGB)


@pytest.mark.parametrize(
    ("kind", "options"), [("JPEG", {"quality": 95}), ("JPEG", {"progressive": True, "quality": 95}), ("WebP", {})]
)
def test_lossy_formats_are_close_and_agree_with_opencv(kind: str, options: dict) -> None:
    content = saved(SMOOTH, kind, **options)
    image = read_image(content)
    assert np.abs(image.astype(int) - SMOOTH).max() <= 12
    independent = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert np.abs(image.astype(int) - independent).max() <= 3


def test_gif_and_animations_give_the_first_frame() -> None:
    frames = [Image.fromarray(np.full((9, 8, 3), value, np.uint8)) for value in (10, 200)]
    for kind in ("GIF", "PNG", "WebP", "TIFF"):
        options = {"lossless": True} if kind == "WebP" else {}
        content = saved(frames[0], kind, save_all=True, append_images=frames[1:], **options)
        np.testing.assert_array_equal(read_image(content), np.full((9, 8, 3), 10))


def test_grey_is_repeated() -> None:
    grey = RGB[..., 0]
    expected = np.repeat(grey[..., None], 3, axis=2)
    for content in (saved(grey, "PNG"), saved(grey, "BMP"), saved(grey, "TIFF"), saved(grey, "GIF")):
        np.testing.assert_array_equal(read_image(content), expected)
    jpeg = read_image(saved(SMOOTH[..., 0], "JPEG", quality=95))
    assert (jpeg[..., 0] == jpeg[..., 1]).all() and np.abs(jpeg[..., 0].astype(int) - SMOOTH[..., 0]).max() <= 6


def test_one_bit() -> None:
    bits = RGB[..., 0] > 127
    expected = np.repeat((bits * 255)[..., None], 3, axis=2)
    for kind in ("PNG", "BMP", "TIFF"):
        np.testing.assert_array_equal(read_image(saved(Image.fromarray(bits), kind)), expected)


def test_transparency_is_composited_on_white() -> None:
    alpha = RGB[..., :1].copy()
    alpha[0], alpha[1] = 0, 255
    exact = np.rint(RGB * (alpha / 255) + 255 * (1 - alpha / 255))
    rgba = np.concatenate([RGB, alpha], 2)
    for content in (saved(rgba, "PNG"), saved(rgba, "TIFF"), saved(rgba, "WebP", lossless=True, exact=True)):
        np.testing.assert_array_equal(read_image(content), exact)
    np.testing.assert_array_equal(read_image(rgba), exact)
    assert (exact[0] == 255).all() and (exact[1] == RGB[1]).all()
    grey_alpha = np.concatenate([RGB[..., 1:2], alpha], 2)
    for source in (grey_alpha, saved(Image.fromarray(grey_alpha, "LA"), "PNG")):
        np.testing.assert_array_equal(read_image(source), np.repeat(exact[..., 1:2], 3, 2))


def test_palettes() -> None:
    indices = np.arange(12, dtype=np.uint8).reshape(3, 4)
    colours = RNG.integers(0, 256, (12, 3), dtype=np.uint8)
    picture = Image.fromarray(indices, "P")
    picture.putpalette(colours.tobytes())
    for kind in ("PNG", "GIF", "BMP", "TIFF"):
        np.testing.assert_array_equal(read_image(saved(picture, kind)), colours[indices])
    np.testing.assert_array_equal(read_image(picture), colours[indices])
    transparent = colours[indices].copy()
    transparent[1, 1] = 255
    for kind in ("PNG", "GIF"):
        np.testing.assert_array_equal(read_image(saved(picture, kind, transparency=5)), transparent)
    graded = bytes([255] * 3 + [51] + [255] * 8)  # an alpha per palette entry
    expected = colours[indices].astype(float)
    expected[0, 3] = np.rint(expected[0, 3] * 0.2 + 255 * 0.8)
    np.testing.assert_array_equal(read_image(saved(picture, "PNG", transparency=graded)), expected)


def test_colour_key_of_png_is_transparent() -> None:
    image = RGB.copy()
    image[2, 3] = 1, 2, 3
    content = saved(image, "PNG", transparency=(1, 2, 3))
    image[2, 3] = 255
    np.testing.assert_array_equal(read_image(content), image)


@pytest.mark.parametrize("extension", [".png", ".tiff"])
def test_16_bits_keep_the_high_byte(extension: str) -> None:
    high = (DEEP >> 8).astype(np.uint8)
    np.testing.assert_array_equal(read_image(cv2_encoded(DEEP, extension)), high)
    grey = np.repeat(high[..., :1], 3, axis=2)
    np.testing.assert_array_equal(read_image(cv2_encoded(np.ascontiguousarray(DEEP[..., 0]), extension)), grey)
    np.testing.assert_array_equal(read_image(cv2_encoded(RGB.astype(np.uint16) * 257, extension)), RGB)


def test_16_bit_png_with_alpha() -> None:
    rgba = np.concatenate([RGB, RGB[..., :1]], 2)
    np.testing.assert_array_equal(read_image(cv2_encoded(rgba.astype(np.uint16) * 257, ".png")), read_image(rgba))
    grey_alpha = np.ascontiguousarray(rgba[..., 2:])
    rows = (grey_alpha.astype(">u2") * 257).astype(">u2").reshape(23, -1)
    content = png(31, 23, depth=16, colour=4, pixels=b"".join(b"\0" + row.tobytes() for row in rows))
    np.testing.assert_array_equal(read_image(content), read_image(grey_alpha))


def test_tiff_variants() -> None:
    grey = DEEP[..., 0]
    expected = np.repeat((grey >> 8)[..., None], 3, 2)
    big_endian = Image.frombytes("I;16B", (31, 23), grey.astype(">u2").tobytes())
    np.testing.assert_array_equal(read_image(saved(big_endian, "TIFF")), expected)
    # photometric 0: white is stored as zero
    np.testing.assert_array_equal(read_image(tiff(31, 23, (65535 - grey).tobytes(), 16, photometric=0)), expected)
    np.testing.assert_array_equal(read_image(tiff(31, 23, (255 - RGB[..., 0]).tobytes(), 8, 0))[..., 1], RGB[..., 0])
    np.testing.assert_array_equal(read_image(tiff(31, 23, DEEP.tobytes(), 16, 2, samples=3)), DEEP >> 8)
    planes = np.ascontiguousarray(DEEP.transpose(2, 0, 1)).tobytes()
    with pytest.raises(ImageError, match="planes|damaged"):  # Pillow would return wrong colours
        read_image(tiff(31, 23, planes, 16, 2, samples=3, planar=2))
    with pytest.raises(ImageError, match="12 bits"):
        read_image(tiff(32, 23, bytes(32 * 23 * 3 // 2), 12))


def test_float_tiff_follows_the_rule_of_float_arrays() -> None:
    values = np.array([[0, 0.2], [0.5, 1]], np.float32)
    image = read_image(saved(values, "TIFF"))
    np.testing.assert_array_equal(image[..., 0], [[0, 51], [128, 255]])
    with pytest.raises(ImageError, match="from 0 to 200; floats must lie in 0..1"):
        read_image(saved(values * 200, "TIFF"))
    with pytest.raises(ImageError, match="int32"):
        read_image(saved(values.astype(np.int32), "TIFF"))


def test_cmyk_jpeg_is_not_inverted() -> None:
    content = saved(Image.fromarray(SMOOTH).convert("CMYK"), "JPEG", quality=95)
    assert Image.open(io.BytesIO(content)).mode == "CMYK"
    assert np.abs(read_image(content).astype(int) - SMOOTH).max() <= 8


# --- orientation -------------------------------------------------------------------------------------------------

# What a viewer must do to show the stored rows upright, EXIF 2.3, table 4.6.4 A.
UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    expected = UPRIGHT[orientation](RGB)
    for kind, options in (("PNG", {}), ("TIFF", {}), ("WebP", {"lossless": True})):
        content = saved(RGB, kind, exif=exif, **options)
        np.testing.assert_array_equal(read_image(content), expected, err_msg=kind)
    jpeg = saved(SMOOTH, "JPEG", exif=exif)
    np.testing.assert_array_equal(read_image(jpeg), UPRIGHT[orientation](read_image(saved(SMOOTH, "JPEG"))))
    by_opencv = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert np.abs(read_image(jpeg).astype(int) - by_opencv).max() <= 3
    grey16 = saved(DEEP[..., 0], "PNG", exif=exif)
    np.testing.assert_array_equal(read_image(grey16)[..., 0], UPRIGHT[orientation](DEEP[..., 0] >> 8))


# --- arrays ------------------------------------------------------------------------------------------------------


def test_arrays_by_dtype() -> None:
    np.testing.assert_array_equal(read_image(RGB), RGB)
    np.testing.assert_array_equal(read_image(RGB[..., 0]), np.repeat(RGB[..., :1], 3, 2))
    np.testing.assert_array_equal(read_image(RGB[..., :1]), np.repeat(RGB[..., :1], 3, 2))
    np.testing.assert_array_equal(read_image(DEEP), DEEP >> 8)
    np.testing.assert_array_equal(read_image(DEEP.astype(">u2")), DEEP >> 8)
    np.testing.assert_array_equal(read_image(RGB > 9), (RGB > 9) * 255)
    for dtype in (np.float16, np.float32, np.float64):
        np.testing.assert_array_equal(read_image((RGB / 255).astype(dtype)), RGB)


@pytest.mark.parametrize("array", [RGB, RGB[..., :1], RGB[..., 0], RGB[::-2, ::3]])
def test_result_shares_nothing_with_the_source(array: np.ndarray) -> None:
    before = array.copy()
    image = read_image(array)
    assert not np.shares_memory(image, array) and image.flags.writeable and image.flags.c_contiguous
    image[:] = 0
    np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((4, 5, 6, 3), np.uint8), "batch of 4 pictures"),
        (np.zeros((3, 50, 60), np.uint8), "channels come last"),
        (np.zeros((50, 60, 7), np.uint8), r"shape \(50, 60, 7\)"),
        (np.zeros(5, np.uint8), r"shape \(5,\)"),
        (np.uint8(5) * np.ones((), np.uint8), r"shape \(\)"),
        (np.zeros((0, 5, 3), np.uint8), "no pixels"),
        (np.zeros((4, 5), np.int64), "int64.*astype"),
        (np.zeros((4, 5), np.complex64), "complex64"),
        (np.zeros((4, 5), object), "object"),
        (np.full((4, 5), np.nan), "NaN, in 20 of 20"),
        (np.full((4, 5), np.inf), "from inf to inf"),
        (np.full((4, 5), 1.01), "to 1.01"),
        (np.full((4, 5), -0.5, np.float32), "from -0.5"),
        (np.array([[0.0, 255.0]]), "0 to 255"),
    ],
)
def test_arrays_refused(array: np.ndarray, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        read_image(array)


def test_other_sources_are_refused(tmp_path: Path) -> None:
    for source in (None, 5, [[1, 2], [3, 4]], {"a": 1}):
        with pytest.raises(TypeError, match="accepted: a path"):
            read_image(source)
    with pytest.raises(TypeError, match="text mode"):
        read_image(io.StringIO("x"))
    with pytest.raises(ValueError, match="max_pixels"):
        read_image(RGB, max_pixels=0)


# --- files that are not what they should be ----------------------------------------------------------------------


def test_missing_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "Chelsea.JPG").write_bytes(b"")
    with pytest.raises(FileNotFoundError, match=r"no file '.*chelsae\.jpg'; the folder has 'Chelsea\.JPG'"):
        read_image(tmp_path / "chelsae.jpg")
    with pytest.raises(FileNotFoundError, match=r"zzzz'$"):
        read_image(tmp_path / "zzzz")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        read_image(tmp_path / "nowhere" / "cat.png")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        read_image(tmp_path)
    with pytest.raises(ImageError, match="empty string"):
        read_image("")
    with pytest.raises(ImageError, match=r"Chelsea\.JPG': empty \(0 bytes\)"):
        read_image(tmp_path / "Chelsea.JPG")


@pytest.mark.parametrize("url", ["https://example.org/a.png", "http://x", "s3://b/k", "data:image/png;base64,AAAA"])
def test_web_addresses(url: str) -> None:
    with pytest.raises(ImageError, match="web address"):
        read_image(url)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"\n\n<!DOCTYPE html><html>", "HTML page"),
        (b"\xef\xbb\xbf<html>", "HTML page"),
        (b'<?xml version="1.0"?><a/>', "XML"),
        (b"<svg xmlns=", "SVG"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"%PDF-1.7", "PDF"),
        (b"PK\x03\x04\x14", "ZIP"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"\x93NUMPY\x01", "NumPy"),
        (b"\x89HDF\r\n", "HDF5"),
        (b"\0\0\0\x18ftypheic", "HEIC.*export it as JPEG"),
        (b"\0\0\0\x18ftypmp42", "video"),
        (b'{"error": 404}', "JSON"),
        (b"cats are nice", "text that starts with 'cats are nice'"),
        (b"\x00\x01\x02\x03", "unknown kind.*00 01 02 03"),
    ],
)
def test_files_that_are_no_pictures(content: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        read_image(content)


TRUNCATABLE = {
    "png": saved(RGB, "PNG"),
    "png16": cv2_encoded(DEEP, ".png"),
    "jpeg": saved(RGB, "JPEG"),
    "jpeg progressive": saved(RGB, "JPEG", progressive=True),
    "jpeg exif": saved(RGB, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"),
    "webp": saved(RGB, "WebP"),
    "webp lossless": saved(RGB, "WebP", lossless=True),
    "bmp": saved(RGB, "BMP"),
    "gif": saved(RGB, "GIF"),
    "tiff": saved(RGB, "TIFF"),
    "tiff lzw": saved(RGB, "TIFF", compression="tiff_lzw"),
    "tiff deflate": saved(RGB, "TIFF", compression="tiff_deflate"),
    "tiff16": cv2_encoded(DEEP, ".tiff"),
}


@pytest.mark.parametrize("name", TRUNCATABLE)
def test_truncated_files_raise_or_lost_no_pixel(name: str) -> None:
    content = TRUNCATABLE[name]
    whole = read_image(content)
    refused = 0
    cuts = sorted(
        {*range(1, 64), *range(64, len(content), max(1, len(content) // 150)), *range(len(content) - 20, len(content))}
    )
    for cut in cuts:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                image = read_image(content[:cut])
        except ImageError:
            refused += 1
        else:  # what is missing came after the pixels: an end mark, or a file's directory of metadata
            np.testing.assert_array_equal(image, whole, err_msg=f"{name} cut at {cut} of {len(content)}")
            assert cut > 0.9 * len(content)
    assert refused >= len(cuts) - 25


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([b"", *{content[:40] for content in TRUNCATABLE.values()}]), st.binary(max_size=400))
def test_random_bytes_only_raise_our_error(start: bytes, rest: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            read_image(start + rest, max_pixels=10**6)
        except ImageError:
            return


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(TRUNCATABLE)), st.data())
def test_damaged_pictures_only_raise_our_error(name: str, data: st.DataObject) -> None:
    content = bytearray(TRUNCATABLE[name])
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = read_image(content, max_pixels=10**6)
        except ImageError:
            return
    assert image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3


# --- size --------------------------------------------------------------------------------------------------------

WEBP_HEADS = [
    b"VP8X\x0a\0\0\0\0\0\0\0" + (59_999).to_bytes(3, "little") * 2,
    b"VP8L\x08\0\0\0\x2f" + (16_382 | 16_382 << 14).to_bytes(4, "little") + bytes(8),
    b"VP8 \x0a\0\0\0\0\0\0\x9d\x01\x2a" + (16_383).to_bytes(2, "little") * 2 + bytes(8),
]
BOMBS = {
    "png": png(60_000, 60_000, pixels=bytes(1000)),
    "png small": png(10_001, 10_000, pixels=bytes(1000)),
    "tiff": tiff(60_000, 60_000, bytes(100)),
    "bmp": b"BM" + struct.pack("<IIIIiiHHIIiiII", 100, 0, 54, 40, 60_000, 60_000, 1, 24, 0, 0, 0, 0, 0, 0) + bytes(46),
    "gif": b"GIF89a"
    + struct.pack("<HHBBB", 60_000, 60_000, 0x80, 0, 0)
    + bytes(6)
    + b","
    + struct.pack("<HHHHB", 0, 0, 60_000, 60_000, 0)
    + b"\x02\x02\x44\x01\0;",
    **{f"webp {i}": b"RIFF" + struct.pack("<I", len(h) + 4) + b"WEBP" + h for i, h in enumerate(WEBP_HEADS)},
}
_jpeg = saved(RGB, "JPEG")
_sof = _jpeg.index(b"\xff\xc0")
BOMBS["jpeg"] = _jpeg[: _sof + 5] + struct.pack(">HH", 60_000, 60_000) + _jpeg[_sof + 9 :]


@pytest.mark.parametrize("name", BOMBS)
def test_decompression_bombs_are_refused_from_the_header(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ImageError, match=r"more than the limit of 80\.0; .*max_pixels=\d+"):
            read_image(BOMBS[name])


def test_decompression_bombs_take_no_memory(tmp_path: Path) -> None:
    pytest.importorskip("resource")
    for name, content in BOMBS.items():
        (tmp_path / name).write_bytes(content)
    code = (  # in a process of its own: what is measured is the peak since the start
        "import resource, sys; from pathlib import Path; from data.images import ImageError, read_image\n"
        "unit = 1 if sys.platform == 'darwin' else 1024\n"
        "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit\n"
        "before = peak()\n"
        "for path in Path(sys.argv[1]).iterdir():\n"
        "    try: read_image(path)\n"
        "    except ImageError: continue\n"
        "    raise AssertionError(path)\n"
        "assert peak() - before < 30e6, peak() - before\n"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, cwd=root, timeout=60)


def test_the_limit_can_be_moved() -> None:
    content = saved(RGB, "PNG")
    with pytest.raises(ImageError, match="23 x 31 pixels"):
        read_image(content, max_pixels=23 * 31 - 1)
    assert read_image(content, max_pixels=23 * 31).shape == RGB.shape
    with pytest.raises(ImageError, match="23 x 31"):
        read_image(Image.fromarray(RGB), max_pixels=10)


def test_pillows_own_limit_is_named_where_it_cannot_be_avoided(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_PIXELS < Image.MAX_IMAGE_PIXELS  # what is accepted by default never draws Pillow's warning
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    for name, content in TRUNCATABLE.items():
        try:
            assert read_image(content).size == RGB.size
        except ImageError as error:
            assert "PIL.Image.MAX_IMAGE_PIXELS" in str(error)
            assert name.startswith(("tiff", "webp", "gif"))


def test_text_chunks_that_unpack_to_much_are_refused() -> None:
    text = b"Comment\0\0" + zlib.compress(bytes(50_000_000))
    with pytest.raises(ImageError, match="damaged, cut short or of an unknown variant"):
        read_image(png(1, 1, extra=text, pixels=b"\0\1\2\3"))
    assert len(text) < PngImagePlugin.MAX_TEXT_CHUNK
    assert read_image(png(1, 1, extra=b"Comment\0\0" + zlib.compress(b"hi"), pixels=b"\0\1\2\3")).tolist() == [
        [[1, 2, 3]]
    ]


def test_pil_images() -> None:
    np.testing.assert_array_equal(read_image(Image.fromarray(RGB)), RGB)
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = Image.open(io.BytesIO(saved(RGB, "PNG", exif=exif)))
    np.testing.assert_array_equal(read_image(picture), np.asarray(ImageOps.exif_transpose(picture)))


# --- the package -------------------------------------------------------------------------------------------------


def test_importing_data_loads_nothing() -> None:
    code = (
        "import sys, time; start = time.perf_counter(); import data; took = time.perf_counter() - start\n"
        "heavy = {'numpy', 'cv2', 'PIL', 'skimage', 'imgviz', 'tensorflow', 'keras', 'pooch'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert took < 0.5, took\n"
        "assert set(data.__all__) <= set(dir(data))\n"
        "from data import photo, read_image, resize, letterbox, annotated_photo, photos, ImageError\n"
        "assert not {'tensorflow', 'keras', 'skimage.data', 'cv2'} & set(sys.modules)\n"
        "assert data.photo is photo\n"
        "try: data.phot\n"
        "except AttributeError as error: assert 'photo' in str(error)\n"
        "else: raise AssertionError\n"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root, timeout=60)
