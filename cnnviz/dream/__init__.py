"""DeepDream: change a photograph so that a layer sees more of what it sees in it already."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnviz.dream.gradient import Layers
from cnnviz.dream.octaves import Climber, DreamStep, climber
from cnnviz.dream.video import check_path, write_video
from cnnviz.models import Classifier
from data.arguments import whole_number

if TYPE_CHECKING:
    import keras


def dream(
    model: keras.Model | Classifier,
    photograph: np.ndarray,
    layers: Layers,
    *,
    channel: int | Sequence[int] | None = None,
    guide: np.ndarray | None = None,
    octaves: int | None = None,
    octave_scale: float = 1.4,
    steps: int = 20,
    step_size: float = 1.5,
    jitter: int = 32,
    tile: int = 512,
    scale: Callable[[Any], Any] | None = None,
    seed: int = 0,
    callback: Callable[[DreamStep], Any] | None = None,
    verbose: bool = True,
) -> np.ndarray:
    """Dream over a photograph.

    Each step adds the normalised gradient of the mean of a layer's squared activations, as on the slide:
    ``I <- eps(I + eta * sum_A grad f_A(I))``, where eps keeps the pixels in 0..255. It is done on the photograph made
    small first, then larger and larger; each time, what the dream has changed so far is enlarged and added to the
    photograph at the new size, so that no detail is lost.

    Args:
        model: any model that `cnnviz.taps` takes, of one RGB picture. One that takes a single size sees the picture in
            tiles of that size.
        photograph: uint8 RGB ``(height, width, 3)``, any size; 12 megapixels need about 1 GB.
        layers: a layer, several, or a dictionary from layer to weight (negative: less of it). Early layers give strokes
            and textures, late ones parts of things. Each layer's gradient is divided by its own L1 norm first.
        channel: the only channel, or channels, of one layer that counts.
        guide: a second photograph, uint8 RGB. Each activation vector is drawn towards that one of the guide with which
            its dot product is largest. It is shrunk to a side of 224 pixels at most, or brought to the model's size.
        octaves: how many sizes; by default as many as leave the smallest a shorter side of `SMALLEST` pixels.
        octave_scale: the ratio of one size to the next.
        steps: for each octave.
        step_size: eta: by how much a pixel changes in one step, on average, in 0..255.
        jitter: the picture is moved by up to this many pixels before each step, at random, so that the network's own
            grid leaves no trace.
        tile: the longest side in pixels of what goes through the network at once; larger pictures are cut.
        scale: for a bare Keras model, what brings float RGB in 0..255 to what it takes: TensorFlow operations on a
            batch, or ``keras.applications.NAME.preprocess_input``. A `Classifier` knows; otherwise nothing is done.
        seed: of the random moves.
        callback: told of every step, see `DreamStep`.
        verbose: show progress.

    Returns:
        uint8 RGB ``(height, width, 3)``, of the photograph's size.

    Raises:
        ValueError: an unknown layer or channel, not an RGB photograph, or too small a one, a number out of range.
        TypeError: not uint8, or numbers of another type.

    Source: Mordvintsev, Olah and Tyka, "Inceptionism", 2015, and their notebook (octaves, jitter, guide, defaults);
        Chollet's DeepDream example of Keras (lost detail).
    """
    climb = climber(
        model,
        photograph,
        layers,
        channel,
        guide,
        octaves,
        octave_scale,
        steps,
        step_size,
        jitter,
        tile,
        scale,
        seed,
        callback,
    )
    picture = climb.through(photograph.astype(np.float32), verbose)
    return np.rint(picture, out=picture).astype(np.uint8)


def zoom(
    model: keras.Model | Classifier,
    photograph: np.ndarray,
    layers: Layers,
    path: str | os.PathLike,
    *,
    frames: int = 90,
    frames_per_second: float = 15,
    verbose: bool = True,
    **options: Any,
) -> Path:
    """Dream, enlarge the middle, dream again: a journey into the photograph, as a video.

    Args:
        model: as for `dream`.
        photograph: as for `dream`.
        layers: as for `dream`.
        path: ``.mp4`` or ``.gif``; see `cnnviz.dream.video.write_video`. It appears when it is whole.
        frames: how many pictures; the first is the photograph.
        frames_per_second: of the video.
        verbose: show progress.
        **options: of `zoom_frames`.

    Returns:
        The path.

    Raises:
        ValueError, TypeError: as for `zoom_frames`, or another suffix.
        FileNotFoundError: there is no such folder.
        OSError: OpenCV has no codec, or the file cannot be written or read back.
    """
    check_path(path)  # before an hour of dreaming, not after
    pictures = zoom_frames(model, photograph, layers, frames=frames, verbose=verbose, **options)
    return write_video(pictures, path, frames_per_second=frames_per_second)


def zoom_frames(
    model: keras.Model | Classifier,
    photograph: np.ndarray,
    layers: Layers,
    *,
    frames: int = 90,
    enlarge: float = 1.04,
    octaves: int = 2,
    octave_scale: float = 1.4,
    steps: int = 3,
    step_size: float = 1.5,
    jitter: int = 32,
    tile: int = 512,
    channel: int | Sequence[int] | None = None,
    guide: np.ndarray | None = None,
    scale: Callable[[Any], Any] | None = None,
    seed: int = 0,
    verbose: bool = True,
) -> Iterator[np.ndarray]:
    """The pictures of `zoom`, one by one: each is the middle of the one before, enlarged and dreamt over.

    Args:
        model: as for `dream`.
        photograph: uint8 RGB; the first frame.
        layers: as for `dream`.
        frames: how many pictures; the first is the photograph.
        enlarge: by how much from one to the next.
        octaves: for each frame; a dream goes on from frame to frame, so few are enough.
        octave_scale: as for `dream`.
        steps: for each octave of each frame.
        step_size: as for `dream`.
        jitter: as for `dream`.
        tile: as for `dream`.
        channel: as for `dream`.
        guide: as for `dream`.
        scale: as for `dream`.
        seed: as for `dream`.
        verbose: show progress.

    Returns:
        An iterator of uint8 RGB ``(height, width, 3)``.

    Raises:
        ValueError, TypeError: as for `dream`; here, not at the first picture.
    """
    whole_number("frames", frames, 1)
    if not 1 <= enlarge <= 4:
        raise ValueError(f"enlarge is {enlarge}; from 1 (stand still) to 4 is wanted")
    climb = climber(
        model, photograph, layers, channel, guide, octaves, octave_scale, steps, step_size, jitter, tile, scale, seed
    )
    return _zoomed(climb, photograph, frames, enlarge, verbose)


def _zoomed(climb: Climber, photograph: np.ndarray, frames: int, enlarge: float, verbose: bool) -> Iterator[np.ndarray]:
    from tqdm.auto import tqdm

    picture = photograph.astype(np.float32)  # stays float: rounding ninety times over would leave bands
    for frame in tqdm(range(frames), desc="zoom", unit="frame", disable=not verbose):
        if frame:
            picture = climb.through(_middle(picture, enlarge), verbose=False)
        yield np.rint(picture).astype(np.uint8)


def _middle(picture: np.ndarray, enlarge: float) -> np.ndarray:
    """The middle of a picture, enlarged to the size of the whole."""
    import cv2

    height, width = picture.shape[:2]
    # Pixel centres lie at half integers, so the middle of the picture stays where it is.
    move = [
        [1 / enlarge, 0, (width - 1) / 2 * (1 - 1 / enlarge)],
        [0, 1 / enlarge, (height - 1) / 2 * (1 - 1 / enlarge)],
    ]
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    larger = cv2.warpAffine(picture, np.array(move), (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT)
    return np.clip(larger, 0, 255, out=larger)  # the cubic overshoots
