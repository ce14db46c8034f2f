"""How a picture is written down while it climbs: as pixels, or as waves in colours that do not go together.

The steepest way up depends on the coordinates. In pixels, fine noise is as easy to add as a large shape, and the
network can be excited by noise that no photograph has. In the Fourier transform, divided by the spectrum of
photographs (amplitude ~ 1 / frequency), and in colours that are independent in photographs, a step of the same length
changes what photographs would differ in.

Source: Olah, Mordvintsev and Schubert 2017, "Feature visualization", section "Preconditioning and parameterization".
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

Parametrisation = Literal["fourier", "pixel"]

# The square root of the covariance of RGB in ImageNet's photographs (lucid, optvis/param/color.py): the first column is
# light, the second red against blue, the third green against magenta. Scaled so that independent numbers of variance 1
# give RGB of variance 1 on average.
_COLOUR = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])
COLOUR = (_COLOUR * np.sqrt(3 / np.square(_COLOUR).sum())).astype(np.float32)

LARGEST_WAVE = 2.0  # waves longer than the picture divided by this are no easier to draw than those of that length
NOISE = 0.05  # standard deviation of the noise that is started from, on a scale where a picture goes from 0 to 1


@functools.lru_cache(maxsize=16)
def amplitudes(height: int, width: int, channels: int = 3) -> np.ndarray:
    """What a spectrum of white noise is multiplied with to have that of photographs: ~ 1 / frequency.

    Scaled so that independent normal numbers of variance 1 (real and imaginary part) give a real picture of variance 1.
    The mean of the light is nearly held: early filters would rather have it black or white than draw anything.

    Returns:
        float32 ``(channels, height, width // 2 + 1)``, for ``irfft2``.

    Source: Field 1987 (the spectrum); lucid, optvis/param/spatial.py.
    """
    frequencies = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    falling = 1 / np.maximum(frequencies, LARGEST_WAVE / max(height, width))
    falling = np.repeat(falling[None], channels, axis=0)
    falling[0, 0, 0] /= 30
    # Each column stands for itself and its mirror image, and a complex number of that variance has 2. The first column
    # and, of an even width, the last have no mirror image; of them irfft2 takes the Hermitian part: half of the 2.
    variances = np.full(width // 2 + 1, 4.0)
    variances[0] = 1.0
    if width % 2 == 0:
        variances[-1] = 1.0
    total = (variances * np.square(falling)).sum(axis=(1, 2), keepdims=True) / (height * width) ** 2
    return (falling / np.sqrt(total)).astype(np.float32)


def render(kind: Parametrisation, parameters: Any, width: int) -> Any:
    """The pictures that are written down by these parameters; for code that is being traced.

    Args:
        kind: ``"pixel"``: the parameters are the pictures. ``"fourier"``: a spectrum, as `write_down` makes it.
        parameters: a tensor.
        width: of the pictures; a spectrum does not tell an even one from an odd one.

    Returns:
        float32 ``(pictures, height, width, channels)`` in 0..1.
    """
    import tensorflow as tf

    if kind == "pixel":
        return parameters
    return tf.sigmoid(changes(kind, parameters, width))


def changes(kind: Parametrisation, parameters: Any, width: int) -> Any:
    """By how much every pixel changes with the parameters, but for the sigmoid; for code that is being traced.

    Args:
        kind: as for `render`.
        parameters: a tensor.
        width: as for `render`.

    Returns:
        ``(pictures, height, width, channels)``.
    """
    import tensorflow as tf

    if kind == "pixel":
        return parameters
    channels, height = parameters.shape[1:3]
    spectrum = tf.complex(parameters[..., 0], parameters[..., 1]) * amplitudes(height, width, channels)
    waves = tf.transpose(tf.signal.irfft2d(spectrum, (height, width)), (0, 2, 3, 1))
    return tf.matmul(waves, COLOUR.T) if channels == 3 else waves


def write_down(kind: Parametrisation, pictures: np.ndarray) -> np.ndarray:
    """The parameters of pictures: `render` backwards.

    Args:
        kind: as for `render`.
        pictures: ``(pictures, height, width, channels)`` in 0..1. Black and white are brought to 1 % and 99 %, as the
            sigmoid reaches neither.

    Returns:
        float32: the pictures, or ``(pictures, channels, height, width // 2 + 1, 2)``, real and imaginary part.
    """
    if kind == "pixel":
        return np.asarray(pictures, np.float32)
    pictures = np.clip(np.asarray(pictures, np.float64), 0.01, 0.99)
    waves = np.log(pictures / (1 - pictures))
    if waves.shape[-1] == 3:
        waves = waves @ np.linalg.inv(COLOUR.T.astype(np.float64))
    spectrum = np.fft.rfft2(waves.transpose(0, 3, 1, 2)) / amplitudes(*waves.shape[1:])
    return np.stack([spectrum.real, spectrum.imag], axis=-1).astype(np.float32)


def change_of_parameters(kind: Parametrisation, change: Any) -> Any:
    """By how much the parameters change when every pixel does so; for code that is being traced.

    Waves are changed as if the sigmoid were not there.

    Args:
        kind: as for `render`.
        change: ``(pictures, height, width, channels)``.
    """
    import tensorflow as tf

    if kind == "pixel":
        return change
    height, width, channels = change.shape[1:]
    change = tf.matmul(change, np.linalg.inv(COLOUR.T)) if channels == 3 else change
    spectrum = tf.signal.rfft2d(tf.transpose(change, (0, 3, 1, 2))) / amplitudes(height, width, channels)
    return tf.stack([tf.math.real(spectrum), tf.math.imag(spectrum)], axis=-1)


def first_parameters(
    kind: Parametrisation, start: str | np.ndarray, shape: tuple[int, int, int], seed: int, keys: Sequence[int]
) -> np.ndarray:
    """The parameters that a climb starts from.

    Args:
        kind: as for `render`.
        start: ``"noise"``: grey with a little of it, white in pixels, with the spectrum of photographs in waves.
            ``"zeros"``: grey. Or a picture, or one for each: RGB, uint8, or float in 0..1.
        shape: ``(height, width, channels)``.
        seed: of the noise.
        keys: one whole number for each picture; the same seed and key give the same noise, whatever the others are.

    Raises:
        TypeError: a start of another type.
        ValueError: an unknown parametrisation or start, a picture of another shape or range, or NaN in it.
    """
    if kind not in ("fourier", "pixel"):
        raise ValueError(f"parametrisation is {kind!r}; 'fourier' or 'pixel' is wanted")
    height, width, channels = shape
    if isinstance(start, np.ndarray):
        return write_down(kind, _pictures(start, (len(keys), *shape)))
    if not isinstance(start, str):
        raise TypeError(f"start is {type(start).__name__}; 'noise', 'zeros' or a picture (a NumPy array) is wanted")
    if start == "zeros":
        return write_down(kind, np.full((len(keys), *shape), 0.5))
    if start != "noise":
        raise ValueError(f"start is {start!r}; 'noise', 'zeros' or a picture is wanted")
    drawn_as = shape if kind == "pixel" else (channels, height, width // 2 + 1, 2)
    drawn = [np.random.default_rng((seed, int(key))).standard_normal(drawn_as, np.float32) for key in keys]
    if kind == "pixel":
        return np.clip(0.5 + NOISE * np.stack(drawn), 0, 1)
    return 4 * NOISE * np.stack(drawn)  # the sigmoid's slope is 1 / 4


def _pictures(start: np.ndarray, shape: tuple[int, int, int, int]) -> np.ndarray:
    """Pictures to start from, in 0..1, one for each."""
    if start.dtype.kind == "f":
        if not (np.isfinite(start).all() and start.min(initial=0) >= 0 and start.max(initial=0) <= 1):
            raise ValueError("start is a float picture, but not in 0..1; a uint8 one goes from 0 to 255")
    elif start.dtype == np.uint8:
        start = start / 255
    else:
        raise TypeError(f"start is an array of {start.dtype}; uint8, or float in 0..1, is wanted")
    if start.shape[-1:] == (3,) and shape[-1] == 1:
        start = start.mean(axis=-1, keepdims=True)
    if start.ndim not in (3, 4) or start.shape[-3:] != shape[1:] or (start.ndim == 4 and len(start) != shape[0]):
        raise ValueError(f"start has shape {start.shape}; {shape[1:]} or {shape} is wanted")
    return np.broadcast_to(start, shape)


def blurred(kind: Parametrisation, parameters: Any, sigma: Any, width: int, radius: int) -> Any:
    """The parameters of pictures blurred by a Gaussian; for code that is being traced.

    Args:
        kind: as for `render`. A spectrum is multiplied with the Gaussian's own, so waves go round the border; pixels
            are mirrored at it.
        parameters: a tensor.
        sigma: standard deviation in pixels, a tensor.
        width: of the pictures.
        radius: of the kernel for pixels: 3 sigma, rounded up.
    """
    import tensorflow as tf

    if kind == "fourier":
        squared = np.square(np.fft.fftfreq(parameters.shape[2])[:, None]) + np.square(np.fft.rfftfreq(width)[None])
        return parameters * tf.exp(-2 * np.pi**2 * squared[..., None].astype(np.float32) * tf.square(sigma))
    kernel = tf.exp(-tf.square(tf.range(-radius, radius + 1, dtype=tf.float32) / sigma) / 2)
    kernel = (kernel / tf.reduce_sum(kernel))[:, None, None, None]
    kernel = tf.tile(kernel, (1, 1, parameters.shape[-1], 1))
    pad = ((0, 0), (radius, radius), (radius, radius), (0, 0))
    padded = tf.pad(parameters, pad, "SYMMETRIC")
    for turned in (kernel, tf.transpose(kernel, (1, 0, 2, 3))):
        padded = tf.nn.depthwise_conv2d(padded, turned, (1, 1, 1, 1), "VALID")
    return padded
