"""What `predict` and `overlay` share: picture after picture through a network, going on after a failure."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data.command_line.outputs import whole
from data.command_line.pictures import SUFFIXES, VIDEOS, Picture, find_pictures, is_video, place_of, read
from data.command_line.quiet import one_line, start_tensorflow
from fcn.command_line.measuring import predicted_each
from fcn.command_line.networks import check_picture, open_segmenter, size_for
from fcn.segmenter import Segmenter

RESULTS = ("label", "overlay")  # of predict and overlay


def each(
    options: argparse.Namespace,
    what: str,
    write: Callable[[Segmenter, np.ndarray, np.ndarray, Path], Any],
    film: Callable[[Segmenter, Path, Path, Any], str] | None = None,
) -> int:
    """Find the pictures, open the network, write a result for each.

    Args:
        options: of the command.
        what: the part of a result's name that says what it is.
        write: writes the result of a picture; is given network, picture, classes and path.
        film: makes a video of a video; is given network, both paths and the size that the network sees; says what is
            to be known of it. None: there are no videos.

    Returns:
        The exit status: 0, or 1 if something failed.
    """
    from tqdm.auto import tqdm

    failures: list[str] = []

    def report(problem: str) -> None:
        failures.append(problem)
        tqdm.write(f"python -m fcn {options.command}: {problem}", file=sys.stderr)

    found = find_pictures(options.pictures, report, (*SUFFIXES, *VIDEOS) if film else SUFFIXES, RESULTS)
    for picture in filter(is_video, found) if film is None else ():
        words = f"{options.command} takes pictures; of a video 'python -m fcn overlay {picture.path}' makes another"
        report(f"'{picture.path}' is a video, and {words}")
    found = [picture for picture in found if film or not is_video(picture)]
    several = len(found) > 1
    places = {one: place_of(one, what, options.output, report, several, options.force) for one in found}
    jobs = [picture for picture in found if places[picture] is not None]
    if not jobs:
        return _end(options, failures, 0)
    start_tensorflow()
    segmenter = open_segmenter(options.weights, options.classes)
    size = size_for(segmenter, options)

    def image(picture: Picture) -> np.ndarray:
        pixels = read(picture)
        check_picture(pixels, size)
        return pixels

    def failed(picture: Picture, problem: str) -> None:
        report(problem if str(picture.path) in problem else f"{picture.path}: {problem}")

    done = 0
    films = [picture for picture in jobs if is_video(picture)]
    stills = [picture for picture in jobs if not is_video(picture)]
    with tqdm(stills, unit="picture", disable=options.quiet or len(stills) < 2, file=sys.stderr) as bar:
        for picture, pixels, classes in predicted_each(segmenter.network, bar, image, size, failed):
            path = places[picture]
            with whole(path) as partial:
                write(segmenter, pixels, classes, partial)
            done += 1
            if not options.quiet:
                tqdm.write(f"{path}  {_summary(classes, segmenter.class_names)}")
    for picture in films:
        try:
            said = film(segmenter, picture.path, places[picture], size)
        except (OSError, ValueError) as error:
            failed(picture, one_line(error))
            continue
        done += 1
        if not options.quiet:
            print(f"{places[picture]}  {said}")
    return _end(options, failures, done)


def _end(options: argparse.Namespace, failures: Sequence[str], done: int) -> int:
    """The exit status; of several pictures how many failed, as those lines may be far up."""
    if failures and len(failures) + done > 1:
        print(f"python -m fcn {options.command}: {len(failures)} failed, as told above; {done} done", file=sys.stderr)
    return 1 if failures else 0


def _summary(classes: np.ndarray, names: Sequence[str]) -> str:
    """The three largest classes and their shares."""
    shares = np.bincount(classes.ravel(), minlength=len(names)) / classes.size
    largest = [index for index in np.argsort(-shares, kind="stable")[:3].tolist() if shares[index]]
    return ", ".join(f"{names[index]} {shares[index]:.0%}" for index in largest)
