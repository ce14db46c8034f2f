"""`python -m fcn overlay PICTURE...`: the classes in colours over pictures and videos, with a legend."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from data.videos import check_whole, even_sides, read_video, write_video
from fcn.command_line.networks import check_picture
from fcn.command_line.pictures import each
from fcn.plots.overlays import overlay, with_legend
from fcn.segmenter import Segmenter


def run(options: argparse.Namespace) -> int:
    """Write the overlays; see `fcn.command_line.pictures.each`."""

    def write(segmenter: Segmenter, image: np.ndarray, classes: np.ndarray, path: Path) -> None:
        from PIL import Image

        picture = overlay(image, classes, segmenter.colours, alpha=options.alpha)
        if not options.no_legend:
            picture = with_legend(picture, segmenter.class_names, segmenter.colours, classes=classes)
        Image.fromarray(picture).save(path)

    def film(segmenter: Segmenter, source: Path, path: Path, size: Any) -> str:
        return overlay_video(
            segmenter, source, path, size=size, alpha=options.alpha, legend=not options.no_legend, quiet=options.quiet
        )

    return each(options, "overlay", write, film)


def overlay_video(
    segmenter: Segmenter, source: Path, path: Path, *, size: Any, alpha: float, legend: bool, quiet: bool
) -> str:
    """Every frame of a video with the classes over it; the legend names all classes, so that it stands still.

    Args:
        segmenter: the network.
        source: a video.
        path: ends in ``.mp4``; it appears when it is whole.
        size: that the network sees.
        alpha: as of `fcn.plots.overlays.overlay`.
        legend: draw it.
        quiet: show no progress.

    Returns:
        How many frames, and that the sound is not among them.

    Raises:
        OSError, ValueError: it cannot be read, or written; it ends too soon (what there is of it is written).
    """
    from tqdm.auto import tqdm

    from fcn.prediction import predict_each

    video, now, count = read_video(source), [], 0

    def frames() -> Iterator[np.ndarray]:
        nonlocal count
        for frame in video.frames:
            check_picture(frame, size)
            count += 1
            now[:] = [frame]
            yield frame

    def pictures() -> Iterator[np.ndarray]:
        canvas = None
        for classes in bar:
            seen = overlay(now[0], classes, segmenter.colours, alpha=alpha)
            if legend:
                canvas = with_legend(seen, segmenter.class_names, segmenter.colours) if canvas is None else canvas
                canvas[: seen.shape[0], : seen.shape[1]] = seen
            yield even_sides(canvas if legend else seen)

    predicted = predict_each(segmenter.network, frames(), size=size)
    with tqdm(predicted, total=video.count, unit="frame", disable=quiet, file=sys.stderr, leave=False) as bar:
        try:
            write_video(pictures(), path, frames_per_second=video.rate)
        finally:
            video.frames.close()
    check_whole(source, count, video)
    return f"{count} frames; the sound is not copied"
