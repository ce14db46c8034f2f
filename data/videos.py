"""Videos: read through OpenCV; written, MP4 through OpenCV, GIF through Pillow."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

SUFFIXES = (".mp4", ".gif")


def check_path(path: str | os.PathLike) -> Path:
    """Refuse, before anything is computed, a path to which no video can be written.

    Raises:
        ValueError: another suffix than ``.mp4`` or ``.gif``.
        FileNotFoundError: the folder does not exist.
        IsADirectoryError: it is a folder.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"path is '{path}'; a video is written as {' or '.join(SUFFIXES)}")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder '{path.parent}' for '{path.name}'; make it first")
    if path.is_dir():
        raise IsADirectoryError(f"'{path}' is a folder; name a file")
    return path


def write_video(frames: Iterable[np.ndarray], path: str | os.PathLike, *, frames_per_second: float = 15) -> Path:
    """Write pictures as a video, one after the other as they come.

    The file appears under its name when it is whole and has been read back; until then, and if anything goes wrong or
    is stopped, there is only a hidden file beside it, which is then removed.

    Args:
        frames: uint8 RGB ``(height, width, 3)``, all of one size. MP4 takes even sides only: an odd last row or column
            is left out.
        path: ``.mp4`` (codec mp4v) or ``.gif`` (256 colours a frame, played for ever); an existing file is replaced.
        frames_per_second: a GIF counts time in hundredths of a second, and is rounded to that.

    Returns:
        The path.

    Raises:
        ValueError: no frames, frames that are not pictures or of several sizes, a wrong suffix or speed.
        FileNotFoundError, IsADirectoryError: see `check_path`.
        OSError: this OpenCV has no such codec, or the file cannot be written or read back.
    """
    path = check_path(path)
    if not 0 < frames_per_second <= 240:
        raise ValueError(f"frames_per_second is {frames_per_second}; more than 0 and at most 240 is wanted")
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix.lower()}")
    write = _write_mp4 if path.suffix.lower() == ".mp4" else _write_gif
    try:
        write(_checked(frames), partial, frames_per_second)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def _checked(frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """The same frames; the first is looked at, and the others compared with it."""
    shape = None
    for frame in frames:
        frame = np.asarray(frame)
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or min(frame.shape) < 2:
            raise ValueError(f"a frame is {frame.dtype} {frame.shape}; uint8 RGB (height, width, 3) is wanted")
        if shape not in (None, frame.shape):
            raise ValueError(f"a frame has shape {frame.shape}, those before it {shape}; a video has one size")
        shape = frame.shape
        yield frame
    if shape is None:
        raise ValueError("frames is empty; a video has at least one")


def _write_mp4(frames: Iterator[np.ndarray], path: Path, frames_per_second: float) -> None:
    import cv2

    first = next(frames)
    height, width = (side // 2 * 2 for side in first.shape[:2])
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), frames_per_second, (width, height))
    with contextlib.ExitStack() as always:
        always.callback(writer.release)
        if not writer.isOpened():
            raise OSError(
                f"OpenCV cannot write '{path.parent}' as MP4: its codec mp4v is missing, or the folder is read-only; "
                "a .gif needs no codec"
            )
        for frame in itertools.chain([first], frames):
            writer.write(np.ascontiguousarray(frame[:height, :width, ::-1]))  # OpenCV's door: BGR from here on
    reader = cv2.VideoCapture(str(path))
    with contextlib.ExitStack() as always:
        always.callback(reader.release)
        readable, _ = reader.read()
    if not readable:
        raise OSError(f"the video written for '{path.parent}' cannot be read back: is the disk full?")


def _write_gif(frames: Iterator[np.ndarray], path: Path, frames_per_second: float) -> None:
    from PIL import Image

    # A palette for each frame, without dithering, which would flicker.
    pictures = (
        Image.fromarray(frame).quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE) for frame in frames
    )
    first = next(pictures)
    hundredths = max(2, round(100 / frames_per_second))  # browsers play anything faster slowly
    first.save(path, save_all=True, append_images=pictures, duration=10 * hundredths, loop=0)
    with Image.open(path) as written:
        written.load()


def even_sides(frame: np.ndarray) -> np.ndarray:
    """A frame for MP4, which has even sides only: a row or column more, rather than one less."""
    return np.pad(frame, [(0, frame.shape[0] % 2), (0, frame.shape[1] % 2), (0, 0)], mode="edge")


class Video(NamedTuple):
    """A video that is being read.

    Attributes:
        frames: an iterator over uint8 RGB ``(height, width, 3)``; it closes the file at its end, or when it is closed.
        rate: frames per second; 25 where the file does not say.
        count: how many frames the file says it has, or None. Files are wrong about it now and then.
    """

    frames: Iterator[np.ndarray]
    rate: float
    count: int | None


def read_video(path: str | os.PathLike) -> Video:
    """Open a video with OpenCV; sound is not read.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it has no frames that OpenCV can read.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no video '{path}'")
    cv2 = quiet_opencv()
    capture = cv2.VideoCapture(str(path))
    there, first = capture.read()
    if not there:
        capture.release()
        raise ValueError(f"'{path}' is no video with frames that OpenCV can read; convert it to MP4 (H.264)")
    rate, count = capture.get(cv2.CAP_PROP_FPS), int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    return Video(_frames(capture, first), float(rate) if 0 < rate <= 240 else 25.0, count if count > 0 else None)


def check_whole(path: str | os.PathLike, seen: int, video: Video) -> None:
    """Refuse a video, read to its end, that had fewer frames than it says, as one that was cut off in a download.

    One or two are let pass: some programs that write videos miscount.

    Args:
        path: for the message.
        seen: how many frames were read.
        video: of `read_video`.

    Raises:
        ValueError: frames are missing.
    """
    if video.count is not None and seen < video.count - 2:
        raise ValueError(f"'{path}': {seen} of {video.count} frames could be read; is the file whole? get it again")


def read_camera(number: int = 0) -> Video:
    """Open a camera with OpenCV; its frames come until they are closed, at the rate at which they are asked for.

    Raises:
        OSError: there is no such camera, or it gives no picture.
    """
    cv2 = quiet_opencv()
    capture = cv2.VideoCapture(number)
    there, first = capture.read() if capture.isOpened() else (False, None)
    if not there:
        capture.release()
        raise OSError(f"there is no camera {number} that OpenCV can open; is it plugged in, and not used elsewhere?")
    rate = capture.get(cv2.CAP_PROP_FPS)
    return Video(_frames(capture, first), float(rate) if 0 < rate <= 240 else 25.0, None)


def _frames(capture: Any, first: np.ndarray) -> Iterator[np.ndarray]:
    try:
        there, frame = True, first
        while there:
            yield np.ascontiguousarray(frame[..., ::-1])  # OpenCV's door: RGB from here on
            there, frame = capture.read()
    finally:
        capture.release()


def quiet_opencv() -> Any:
    """OpenCV without its own words on stderr; the packages say what is wrong in their own."""
    import cv2

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    return cv2
