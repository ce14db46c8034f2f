"""What `predict` and `overlay` share: picture after picture through a network, going on after a failure."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data.command_line.outputs import OutputError, free, whole, writable_folder
from data.command_line.pictures import SUFFIXES, Picture, find_pictures, read
from data.command_line.quiet import one_line, start_tensorflow
from fcn.command_line.measuring import predicted_each
from fcn.command_line.networks import check_picture, open_segmenter, size_for
from fcn.segmenter import Segmenter

VIDEOS = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v")
Report = Callable[[str], Any]


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

    found = find_pictures(options.pictures, report, (*SUFFIXES, *VIDEOS) if film else SUFFIXES)
    places = {picture: _place(picture, what, options, len(found) > 1, report) for picture in found}
    jobs = [picture for picture in found if places[picture] is not None]
    if not jobs:
        return 1
    start_tensorflow()
    segmenter = open_segmenter(options.weights, options.classes)
    size = size_for(segmenter, options)

    def image(picture: Picture) -> np.ndarray:
        pixels = read(picture)
        check_picture(pixels, size)
        return pixels

    def failed(picture: Picture, problem: str) -> None:
        report(problem if str(picture.path) in problem else f"{picture.path}: {problem}")

    films = [picture for picture in jobs if is_video(picture)]
    stills = [picture for picture in jobs if not is_video(picture)]
    with tqdm(stills, unit="picture", disable=options.quiet or len(stills) < 2, file=sys.stderr) as bar:
        for picture, pixels, classes in predicted_each(segmenter.network, bar, image, size, failed):
            path = places[picture]
            with whole(path) as partial:
                write(segmenter, pixels, classes, partial)
            if not options.quiet:
                tqdm.write(f"{path}  {_summary(classes, segmenter.class_names)}")
    for picture in films:
        try:
            said = film(segmenter, picture.path, places[picture], size)
        except (OSError, ValueError) as error:
            failed(picture, one_line(error))
            continue
        if not options.quiet:
            print(f"{places[picture]}  {said}")
    return 1 if failures else 0


def is_video(picture: Picture) -> bool:
    """By its ending."""
    return picture.path.suffix.lower() in VIDEOS


def _place(picture: Picture, what: str, options: argparse.Namespace, several: bool, report: Report) -> Path | None:
    """Where a result goes; None, and the reason is reported, if it cannot go there."""
    output, suffix = options.output, ".mp4" if is_video(picture) else ".png"
    try:
        if output is not None and output.suffix.lower() in (".png", ".mp4") and not output.is_dir():
            if several:
                raise OutputError(f"--output '{output}' is one file, and there are several pictures; name a folder")
            if output.suffix.lower() != suffix:
                raise OutputError(f"--output '{output}': of '{picture.path}' a {suffix} is made")
            path = output
        else:
            path = (output or Path()) / picture.place.with_name(f"{picture.place.name}-{what}{suffix}")
        free(path, options.force)
        writable_folder(path.parent)
    except OutputError as error:
        report(one_line(error))
        return None
    return path


def _summary(classes: np.ndarray, names: Sequence[str]) -> str:
    """The three largest classes and their shares."""
    shares = np.bincount(classes.ravel(), minlength=len(names)) / classes.size
    largest = [index for index in np.argsort(-shares, kind="stable")[:3].tolist() if shares[index]]
    return ", ".join(f"{names[index]} {shares[index]:.0%}" for index in largest)
