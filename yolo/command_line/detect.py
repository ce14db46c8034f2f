"""`python -m yolo detect PATH...`: objects in pictures, videos and what cameras see."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import signal
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data.command_line.outputs import whole
from data.command_line.pictures import SUFFIXES, VIDEOS, Picture, find_pictures, is_video, place_of, read
from data.command_line.quiet import one_line, start_tensorflow
from data.videos import Video, check_whole, even_sides, read_camera, read_video, write_video
from yolo.command_line.results import Results, in_words
from yolo.detector import Detector
from yolo.drawing import draw_boxes
from yolo.found import Found

MODEL = "yolov3-tiny"  # if none is named
CAMERA_RATE = 10.0  # frames per second of the video that is written


def run(options: argparse.Namespace) -> int:
    """Look at everything; 0, or 1 if something could not be read or written, which is said last: all else is done."""
    job = _Job(options)
    try:
        if job.places:
            job.start()
            job.stills()
            job.films()
        status = 1 if job.failures else 0
    except KeyboardInterrupt:
        print("\nstopped; what was finished is kept", file=sys.stderr)
        status = 130
    for path in job.results.write() if job.began else []:
        print(path)
    if job.failures:
        print(f"python -m yolo detect: left out, {len(job.failures)}:", file=sys.stderr)
        for problem in job.failures:
            print(f"  {problem}", file=sys.stderr)
    return status


class _Job:
    """Everything that one call of the command is to look at."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.failures, self.began = options, [], False
        self.results = Results(options.json, options.csv, options.force)
        # A file that is called 0 is a file.
        cameras = list(dict.fromkeys(w for w in options.paths if w.isdecimal() and not Path(w).exists()))
        others = [word for word in options.paths if word not in cameras]
        found = find_pictures(others, self._note, (*SUFFIXES, *VIDEOS), ("boxes",))
        self.cameras = {Picture(Path(f"camera-{word}.mp4"), Path(f"camera-{word}")): int(word) for word in cameras}
        found += self.cameras
        self.places: dict[Picture, Path | None] = dict.fromkeys(found)
        if not options.no_pictures:
            several = len(found) > 1
            places = {one: place_of(one, "boxes", options.output, self._note, several, options.force) for one in found}
            self.places = {one: place for one, place in places.items() if place is not None}

    def start(self) -> None:
        """Open the detector."""
        start_tensorflow()
        self.detector = open_detector(self.options)
        self.only = chosen(self.options.only, self.detector.names)
        self.began = True

    def _note(self, problem: str) -> None:
        self.failures.append(problem)

    def _failed(self, picture: Picture, error: BaseException) -> None:
        problem = one_line(error)
        self._note(problem if str(picture.path) in problem else f"{picture.path}: {problem}")

    def _say(self, picture: Picture, words: str) -> None:
        from tqdm.auto import tqdm

        if not self.options.quiet:
            tqdm.write(f"{self.places[picture] or picture.path}  {words}")

    def _each(self, pictures: Iterable[np.ndarray], batch: int) -> Iterator[Found]:
        options = self.options
        found = self.detector.each(
            pictures, threshold=options.threshold, overlap=options.overlap, class_agnostic=options.agnostic, batch=batch
        )
        for one in found:
            yield one if self.only is None else one.only(np.isin(one.classes, self.only))

    def _drawn(self, image: np.ndarray, found: Found) -> np.ndarray:
        return draw_boxes(image, found, scores=not self.options.no_scores, enlarge=self.options.enlarge)

    def stills(self) -> None:
        """All pictures that are no films."""
        from PIL import Image
        from tqdm.auto import tqdm

        stills = [one for one in self.places if not is_video(one)]
        waiting: deque[tuple[Picture, np.ndarray]] = deque()

        def images(bar: Iterable[Picture]) -> Iterator[np.ndarray]:
            for picture in bar:
                try:
                    image = read(picture)
                except (OSError, ValueError) as error:
                    self._failed(picture, error)
                    continue
                waiting.append((picture, image))
                yield image

        hidden = self.options.quiet or len(stills) < 2
        with tqdm(stills, unit="picture", disable=hidden, file=sys.stderr, leave=False) as bar:
            for found in self._each(images(bar), self.options.batch):
                picture, image = waiting.popleft()
                if self.places[picture] is not None:
                    try:
                        with whole(self.places[picture]) as part:
                            Image.fromarray(self._drawn(image, found)).save(part)
                    except OSError as error:
                        self._failed(picture, error)
                        continue
                self.results.add(picture.path, found)
                self._say(picture, in_words(Counter(found.labels)))

    def films(self) -> None:
        """All videos, then all cameras."""
        for picture in (one for one in self.places if is_video(one)):
            camera = self.cameras.get(picture)
            try:
                with gentle_stop() if camera is not None else contextlib.nullcontext(None) as stop:
                    video = read_video(picture.path) if camera is None else read_camera(camera)
                    words = self._film(picture, video, stop)
            except (OSError, ValueError) as error:
                self._failed(picture, error)
                continue
            self._say(picture, words)

    def _film(self, picture: Picture, video: Video, stop: threading.Event | None) -> str:
        from tqdm.auto import tqdm

        counts: Counter[str] = Counter()
        now: deque[np.ndarray] = deque()
        total = None if stop else video.count
        seen = 0

        def frames() -> Iterator[np.ndarray]:
            for frame in video.frames:
                now.append(frame)
                yield frame

        def pictures() -> Iterator[np.ndarray]:
            nonlocal seen
            began = time.monotonic()
            for found in self._each(frames(), 1):
                frame, seconds = now.popleft(), time.monotonic() - began if stop else seen / video.rate
                self.results.add(picture.path, found, seen, seconds)
                counts.update(found.labels)
                seen += 1
                bar.update()
                yield even_sides(self._drawn(frame, found)) if self.places[picture] else frame
                if stop and (stop.is_set() or time.monotonic() - began > self.options.seconds):
                    return

        with tqdm(total=total, unit="frame", disable=self.options.quiet, file=sys.stderr, leave=False) as bar:
            try:
                if self.places[picture] is None:
                    for _ in pictures():
                        pass
                else:
                    shown = paced(pictures(), CAMERA_RATE) if stop else pictures()
                    rate = CAMERA_RATE if stop else video.rate
                    write_video(shown, self.places[picture], frames_per_second=rate)
            finally:
                video.frames.close()
        check_whole(picture.path, seen, video)
        sound = "" if stop or self.places[picture] is None else "; the sound is not copied"
        return f"{seen} frames, in all of them {in_words(counts)}{sound}"


def open_detector(options: argparse.Namespace) -> Detector:
    """What --model stands for.

    Raises:
        OSError, ValueError: as `yolo.load`.
    """
    from yolo.loading import load

    model = options.model or MODEL
    if options.weights is not None and not model.lower().endswith(".cfg"):
        raise ValueError(f"--weights belongs to a .cfg, and --model is {model!r}")
    changes = {"names": options.names, "size": options.size, "stretch": options.stretch}
    given = {name: value for name, value in changes.items() if value is not None}
    return load(model, options.weights, dtype=options.dtype, **given)


def chosen(words: Sequence[str] | None, names: Sequence[str], of: str = "the detector") -> list[int] | None:
    """The numbers of the classes that --only names; None: all. ``of`` is what has the names, for the message.

    Raises:
        ValueError: there is no such class.

    >>> chosen(["Dog"], ("cat", "dog"))
    [1]
    """
    if words is None:
        return None
    numbers = {name.lower(): number for number, name in enumerate(names)}
    for word in words:
        if word.lower() not in numbers:
            near = difflib.get_close_matches(word.lower(), numbers, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            some = ", ".join(names[:8]) + ", ..." * (len(names) > 8)
            raise ValueError(f"--only: {of} has no class {word!r}; {hint}it has {some}")
    return [numbers[word.lower()] for word in words]


def paced(frames: Iterable[np.ndarray], rate: float, clock: Any = time.monotonic) -> Iterator[np.ndarray]:
    """As many frames as time has passed, so that the video is neither too fast nor too slow.

    Args:
        frames: as they come.
        rate: frames per second of the video.
        clock: gives seconds.
    """
    began, written = None, 0
    for frame in frames:
        began = clock() if began is None else began  # the first one takes longer: the network is compiled
        due = int((clock() - began) * rate) + 1
        for _ in range(due - written):
            written += 1
            yield frame


@contextlib.contextmanager
def gentle_stop() -> Iterator[threading.Event]:
    """While it lasts, the first Ctrl-C only sets the event: the way to stop a camera. The second one stops for good."""
    stop = threading.Event()

    def handle(number: int, frame: Any) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    try:
        before = signal.signal(signal.SIGINT, handle)
    except ValueError:  # not in the main thread, which is the one that is told of Ctrl-C
        yield stop
        return
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
