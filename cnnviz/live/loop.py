"""`run`: frames in, screens out, into the browser or into a video file."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from cnnviz.dream.video import check_path, write_video
from cnnviz.live.looking import Look, Sight
from cnnviz.live.screen import compose
from cnnviz.live.sources import SECONDS_PER_PICTURE, Source, open_source
from cnnviz.models import Classifier, central_square

CAMERA_RATE = 15.0
CAMERA_SECONDS = 10.0


class Outcome(NamedTuple):
    """What was shown.

    Attributes:
        frames: how many frames were looked at.
        seconds: how long that took, from the first one on.
        output: the path of the video, or None.
    """

    frames: int
    seconds: float
    output: str | None


def run(
    model: Classifier,
    source: Any = None,
    *,
    method: str = "grad_cam",
    layer: str | None = None,
    target: int | str | None = None,
    size: int | tuple[int, int] | None = None,
    output: str | os.PathLike | None = None,
    seconds: float | None = None,
    height: int = 480,
    open_browser: bool = True,
    verbose: bool = True,
) -> Outcome:
    """Watch a network look at a camera, a video or pictures: a heat map, or the activation maps of a layer.

    Each frame costs one pass through the network. What comes faster than that is dropped, so that what is seen is
    never late; only into a file every frame of a video goes.

    Args:
        model: a `Classifier`, which knows how to feed the model and what its classes are called.
        source: ``None`` or a number for a camera, a path to a video, a picture or a folder of pictures, or frames,
            uint8 RGB ``(height, width, 3)``. Without a camera a photograph is shown, and it says so.
        method: one of `METHODS`; the keys 1 to 6 change it.
        layer: see `cnnviz.layers.find_layer`; the last one with maps by default; w and e change it.
        target: the class that is explained, by name or number; the predicted one by default; t changes it.
        size: side in pixels of the square that the network sees; see `Classifier.preprocess`.
        output: an ``.mp4`` or ``.gif`` to write in place of the window; an existing file is replaced.
        seconds: stop after this time of the video. A camera is recorded for ten seconds by default.
        height: of the screen, in pixels.
        open_browser: whether the page is opened, or only its address printed.
        verbose: print what happens, and show progress.

    Raises:
        TypeError: a bare Keras model.
        FileNotFoundError, ValueError: no such source, or nothing to see in it; an unknown method, layer or class.
        OSError: the video cannot be written.
        KeyboardInterrupt: Ctrl-C, except at a camera, where it is the way to stop.
    """
    if not isinstance(model, Classifier):
        raise TypeError(
            f"model is {type(model).__name__}; a Classifier is wanted, which knows how pictures are scaled: "
            "Classifier(model, class_names, size, scale)"
        )
    if height < 160 or height % 2:
        raise ValueError(f"height is {height}; an even number of pixels from 160 up is wanted")
    if seconds is not None and not seconds > 0:
        raise ValueError(f"seconds is {seconds}; more than 0 is wanted")
    if output is not None:
        check_path(output)
    opened = open_source(source, in_real_time=output is None)
    if opened.note and verbose:
        print(opened.note, file=sys.stderr, flush=True)
    viewer = _Viewer(model, opened, method, layer, target, size, height)
    try:
        if output is None:
            _watch(viewer, seconds, open_browser, verbose)
        else:
            _record(viewer, output, seconds, verbose)
    finally:
        close = getattr(opened.frames, "close", None)
        if close is not None:
            close()
    return Outcome(viewer.count, viewer.seconds, None if output is None else os.fspath(output))


class _Viewer:
    """The state of the loop: what is looked at, what was seen last, and how fast it goes."""

    def __init__(
        self, net: Classifier, source: Source, method: str, layer: str | None, target: Any, size: Any, height: int
    ) -> None:
        self.net, self.source, self.size, self.height = net, source, size, height
        self.first = next(source.frames, None)
        if self.first is None:
            raise ValueError(f"{source.name}: there are no frames")
        self.look = Look.at(net, net.preprocess(self.first, size), method, layer, target)
        self.sight: Sight | None = None
        self.count = 0
        self.speed: float | None = None
        self._good = self.look.method
        self._began: float | None = None
        self._before: float | None = None
        self.seconds = 0.0

    def frames(self) -> Iterator[np.ndarray]:
        yield self.first
        yield from self.source.frames

    def screen(self, frame: np.ndarray) -> np.ndarray:
        """Look at one frame."""
        images = self.net.preprocess(frame, self.size)
        try:
            self.sight = self.look.see(images)
            self._good = self.look.method
        except ValueError as error:
            if self.look.method == self._good:
                raise
            # A key asked for what this model does not have: say so, and go on as before.
            self.look.method, self.look.message = self._good, str(error)
            self.sight = self.look.see(images)
        self.count += 1
        now = time.monotonic()
        self._began = self._began or now
        self.seconds = now - self._began
        if self._before is not None and now > self._before:
            speed = 1 / (now - self._before)
            self.speed = speed if self.speed is None else 0.9 * self.speed + 0.1 * speed
        self._before = now
        square = frame if isinstance(self.size, tuple) else central_square(frame)
        return compose(square, self.look, self.sight, self.speed, self.height)


def _watch(viewer: _Viewer, seconds: float | None, open_browser: bool, verbose: bool) -> None:
    """Until q is pressed, the page is closed, the source ends or the time is over."""
    import webbrowser

    from cnnviz.live.window import Window

    with Window() as window:
        if verbose:
            print(f"showing {viewer.source.name} at {window.address} (q there or Ctrl-C here stops)", flush=True)
        if open_browser:
            webbrowser.open(window.address)
        began = None
        frames = viewer.frames()
        try:
            frame = next(frames)
            while frame is not None and (seconds is None or began is None or time.monotonic() - began < seconds):
                window.show(viewer.screen(frame))
                began = began or time.monotonic()  # the first one takes longer: it is compiled
                for key in window.pressed():
                    if viewer.look.press(key, viewer.sight):
                        return
                if window.deserted():
                    if verbose:
                        print("the page was closed", flush=True)
                    return
                if viewer.look.paused:
                    time.sleep(0.05)
                else:
                    frame = next(frames, None)
        except KeyboardInterrupt:
            if not viewer.source.endless:
                raise


def _record(viewer: _Viewer, output: str | os.PathLike, seconds: float | None, verbose: bool) -> None:
    """Into a video file, without a window."""
    from tqdm.auto import tqdm

    source = viewer.source
    still = source.rate is not None and source.rate <= 1
    rate = CAMERA_RATE if source.rate is None or still else source.rate
    if source.endless and seconds is None:
        seconds = CAMERA_SECONDS
    most = None if seconds is None else max(1, round(seconds * rate))
    recorded = (
        _paced(viewer, rate) if source.endless else _each(viewer, round(SECONDS_PER_PICTURE * rate) if still else 1)
    )
    progress = tqdm(recorded, desc="watching", total=most, unit="frame", disable=not verbose)
    write_video((screen for screen, _ in zip(progress, range(most or sys.maxsize))), output, frames_per_second=rate)


def _each(viewer: _Viewer, times: int) -> Iterator[np.ndarray]:
    """Every frame; a picture as often as its time lasts."""
    for frame in viewer.frames():
        shown = viewer.screen(frame)
        for _ in range(times):
            yield shown


def _paced(viewer: _Viewer, rate: float) -> Iterator[np.ndarray]:
    """A camera: as many frames as time has passed, so that the video is neither too fast nor too slow."""
    began, written = None, 0
    try:
        for frame in viewer.frames():
            shown = viewer.screen(frame)
            began = began or time.monotonic()  # the first one takes longer: it is compiled
            due = int((time.monotonic() - began) * rate) + 1
            for _ in range(max(due - written, 1)):
                written += 1
                yield shown
            time.sleep(max(0.0, began + written / rate - time.monotonic()))
    except KeyboardInterrupt:  # the way to stop a camera: what was recorded is kept
        return
