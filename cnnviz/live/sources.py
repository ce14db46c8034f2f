"""Where frames come from: a camera, a video file, pictures. uint8 RGB from here on; BGR is left at OpenCV's door."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data.videos import quiet_opencv

STILL = "cat"
SECONDS_PER_PICTURE = 2.0


@dataclass
class Source:
    """Frames, and what must be known of them.

    Attributes:
        frames: an iterator over uint8 RGB ``(height, width, 3)``. It may be told, in the window, to keep up with the
            time: then it leaves out what is late.
        name: what it is, in words.
        rate: frames per second at which it was recorded; None where it has no rate of its own.
        endless: whether it goes on until it is stopped.
        note: what the user should know, or "".
    """

    frames: Iterator[np.ndarray]
    name: str
    rate: float | None = None
    endless: bool = False
    note: str = ""


def open_source(source: Any = None, *, in_real_time: bool = False) -> Source:
    """Open what is to be watched.

    Args:
        source: ``None`` or a number for a camera, a path to a video, a picture or a folder of pictures, the name of a
            sample photograph, or frames.
            Without a camera a still is shown, and the note says so.
        in_real_time: leave out frames that are late, rather than lag behind.

    Raises:
        FileNotFoundError: no such path.
        ValueError: a video without frames, a folder without pictures, or frames that are none.
    """
    if source is None or isinstance(source, int):
        return _camera(source or 0)
    if not isinstance(source, (str, os.PathLike)):
        return Source(_checked([source] if isinstance(source, np.ndarray) and source.ndim == 3 else source), "frames")
    from data import photo, photos

    path = Path(source)
    if not path.exists() and source in photos():
        return Source(_held([lambda: photo(source)], in_real_time), f"photograph '{source}'", 1 / SECONDS_PER_PICTURE)
    if not path.exists():
        raise FileNotFoundError(
            f"there is no '{path}'; give a video, a picture, a folder of pictures, or a camera's number"
        )
    if path.is_dir():
        return _pictures(path, in_real_time)
    from data import ImageError, read_image

    try:
        return Source(_held([lambda: read_image(path)], in_real_time), path.name, 1 / SECONDS_PER_PICTURE)
    except ImageError:
        return _video(path, in_real_time)


def _checked(frames: Iterable[Any]) -> Iterator[np.ndarray]:
    for frame in frames:
        frame = np.asarray(frame)
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[-1] != 3 or 0 in frame.shape:
            raise ValueError(f"a frame is {frame.dtype} {frame.shape}; uint8 RGB (height, width, 3) is wanted")
        yield frame


def _held(readers: list[Callable[[], np.ndarray]], in_real_time: bool) -> Iterator[np.ndarray]:
    """Pictures, each once; or, where somebody looks at them, each for its time, and then all of them again."""
    # The first is read at once: what cannot be read must be said before anything begins.
    first = readers[0]()

    def frames() -> Iterator[np.ndarray]:
        while True:
            for number, read in enumerate(readers):
                picture = read() if number else first
                ends = time.monotonic() + SECONDS_PER_PICTURE
                yield picture
                while in_real_time and time.monotonic() < ends:
                    yield picture
            if not in_real_time:
                return

    return frames()


def _pictures(folder: Path, in_real_time: bool) -> Source:
    """The pictures of a folder and those inside it; what cannot be read is left out, and the note counts it."""
    from data import read_image
    from data.command_line.pictures import pictures_in

    found = pictures_in(folder)
    good, bad = [], []
    for path in found:
        try:
            read_image(path)
            good.append(path)
        except (OSError, ValueError):
            bad.append(path)
    if not good:
        raise ValueError(f"there are no pictures in '{folder}' that can be read")
    note = f"left out: {', '.join(path.name for path in bad)}, which cannot be read" if bad else ""
    readers = [lambda path=path: read_image(path) for path in good]
    return Source(_held(readers, in_real_time), folder.name, 1 / SECONDS_PER_PICTURE, note=note)


def _video(path: Path, in_real_time: bool) -> Source:
    cv2 = quiet_opencv()
    capture = cv2.VideoCapture(str(path))
    there, frame = capture.read()
    if not there:
        capture.release()
        raise ValueError(f"'{path}' is neither a picture nor a video with frames that OpenCV can read")
    rate = capture.get(cv2.CAP_PROP_FPS)
    rate = float(rate) if 0 < rate <= 240 else 25.0

    def frames() -> Iterator[np.ndarray]:
        try:
            picture, number, began = frame, 0, time.monotonic()
            while True:
                yield np.ascontiguousarray(picture[..., ::-1])  # OpenCV's door: RGB from here on
                if in_real_time:
                    due = int((time.monotonic() - began) * rate)
                    while number + 1 < due and capture.grab():  # late ones are left out without being decoded
                        number += 1
                    time.sleep(max(0.0, began + (number + 1) / rate - time.monotonic()))
                there, picture = capture.read()
                if not there:
                    return
                number += 1
        finally:
            capture.release()

    return Source(frames(), path.name, rate)


def _camera(number: int) -> Source:
    cv2 = quiet_opencv()
    capture = cv2.VideoCapture(number)
    there, frame = capture.read() if capture.isOpened() else (False, None)
    if not there:
        capture.release()
        from data import photo

        still = photo(STILL)
        note = (
            f"no camera {number} was found, so the photograph '{STILL}' is shown; give a video or a folder to see those"
        )
        return Source(_again(still), f"photograph '{STILL}'", endless=True, note=note)
    return Source(_newest(capture, frame), f"camera {number}", endless=True)


def _again(picture: np.ndarray) -> Iterator[np.ndarray]:
    while True:
        yield picture


def _newest(capture: Any, first: np.ndarray, patience: float = 5.0) -> Iterator[np.ndarray]:
    """Always the newest frame of a camera. A thread reads them all, so that none waits in a queue and is shown late."""
    newest, arrived, ended = [first], threading.Event(), threading.Event()
    arrived.set()

    def read() -> None:
        while not ended.is_set():
            there, frame = capture.read()
            if not there:
                ended.set()
            else:
                newest[0] = frame
            arrived.set()
        capture.release()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        while arrived.wait(patience) and not ended.is_set():
            arrived.clear()
            yield np.ascontiguousarray(newest[0][..., ::-1])  # OpenCV's door: RGB from here on
    finally:
        ended.set()
        reader.join(patience)
