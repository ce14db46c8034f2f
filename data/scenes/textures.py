"""Textures drawn once and kept: value noise, building materials, clouds, leaves, sensor noise.

All from integers and the four float operations, which give the same bits on every machine.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

MATERIALS = ("plaster", "asphalt", "brick", "stone", "slabs", "leaves", "smooth", "tiles", "boards")
PLASTER, ASPHALT, BRICK, STONE, SLABS, LEAVES, SMOOTH, TILES, BOARDS = range(9)
PERIOD = 4.0  # metres after which a material repeats
FINEST = 512  # texels in a period at the finest level
CROWNS = 12
GRAIN = 32  # standard deviation of the sensor noise as it is stored


def value_noise(seed: int, size: int, cells: tuple[int, ...], weights: tuple[float, ...]) -> np.ndarray:
    """Sum of octaves of periodic value noise, (size, size) float32 in about -1..1.

    Each octave is a grid of (cells, cells) random values, blended between grid points with the smoothstep
    3 t^2 - 2 t^3 (Perlin, 1985).
    """
    generator = np.random.default_rng(seed)
    total = np.zeros((size, size), np.float32)
    for number, weight in zip(cells, weights, strict=True):
        grid = generator.integers(-1000, 1001, (number, number)).astype(np.float32) / np.float32(1000)
        where = np.arange(size, dtype=np.float32) * np.float32(number / size)
        low = where.astype(np.int64)
        t = where - low
        t = t * t * (np.float32(3) - np.float32(2) * t)
        high = (low + 1) % number
        rows = grid[low] * (1 - t)[:, None] + grid[high] * t[:, None]
        total += np.float32(weight) * (rows[:, low] * (1 - t) + rows[:, high] * t)
    return total


def courses(size: int, rows: int, columns: int, joint: float, seed: int, stagger: bool = True) -> np.ndarray:
    """Bricks, slabs or tiles: a random tone per stone and darker joints, (size, size) float32."""
    generator = np.random.default_rng(seed)
    tone = generator.integers(-1000, 1001, (rows, columns)).astype(np.float32) / np.float32(1000)
    v = np.arange(size, dtype=np.float32)[:, None] * np.float32(rows / size)
    row = v.astype(np.int64)
    u = np.arange(size, dtype=np.float32)[None] * np.float32(columns / size)
    u = u + np.float32(0.5) * (row % 2) if stagger else u + np.zeros_like(v)
    column = u.astype(np.int64)
    is_joint = (v - row < joint) | (u - column < joint * columns / rows)
    return np.where(is_joint, np.float32(-1.6), tone[row, column % columns])


@lru_cache(maxsize=8)
def materials(texels: int) -> np.ndarray:
    """Relative brightness of every material, (len(MATERIALS) * texels * texels,) float32, about -0.4..0.4.

    `texels` (a power of two up to 512) samples a period of 4 m; coarser levels are means of the finest one, as in a
    mipmap, so that bricks smaller than a pixel become a tone instead of a moire.
    """
    if texels < FINEST:
        fine = materials(texels * 2).reshape(len(MATERIALS), texels, 2, texels, 2)
        coarse = (fine[:, :, 0, :, 0] + fine[:, :, 1, :, 0]) + (fine[:, :, 0, :, 1] + fine[:, :, 1, :, 1])
        # the mean loses contrast, as it must for bricks; a little is given back so that noise stays visible
        return np.ravel(coarse * np.float32(0.29))
    n = FINEST
    clouds = value_noise(1, n, (4, 8, 16, 32), (0.5, 0.3, 0.25, 0.2))
    grain = value_noise(2, n, (64, 128, 256), (0.5, 0.5, 0.6))
    cracks = np.abs(value_noise(3, n, (6, 12, 24), (0.6, 0.3, 0.2)))
    blobs = value_noise(4, n, (24, 48, 96, 192), (0.6, 0.55, 0.45, 0.4))
    boards = value_noise(5, n, (32, 64, 256), (0.4, 0.4, 0.3))
    streaks = np.repeat(value_noise(6, n, (32, 128), (0.7, 0.5))[:1], n, axis=0)
    layers = {
        PLASTER: 0.07 * clouds + 0.05 * grain,
        ASPHALT: 0.05 * clouds + 0.15 * grain - 0.14 * (cracks < 0.01),
        BRICK: 0.11 * courses(n, 52, 16, 0.16, 7) + 0.06 * clouds + 0.05 * grain,
        STONE: 0.07 * courses(n, 12, 6, 0.06, 8) + 0.06 * clouds + 0.05 * grain,
        SLABS: 0.07 * courses(n, 8, 8, 0.05, 9) + 0.05 * clouds + 0.07 * grain,
        LEAVES: 0.24 * blobs + 0.08 * clouds,
        SMOOTH: 0.015 * grain,
        TILES: 0.1 * courses(n, 24, 20, 0.14, 10) + 0.05 * clouds + 0.05 * grain,
        BOARDS: 0.06 * boards + 0.1 * streaks,
    }
    return np.ravel(np.stack([layers[i] for i in range(len(MATERIALS))]).astype(np.float32))


@lru_cache(maxsize=1)
def stains() -> np.ndarray:
    """Slow variation of tone over tens of metres, (256 * 256,) float32 in about -1..1."""
    return np.ravel(value_noise(11, 256, (4, 8, 16, 32, 64, 128), (0.45, 0.4, 0.35, 0.3, 0.25, 0.2)))


@lru_cache(maxsize=1)
def clouds() -> np.ndarray:
    """Cloud density before the threshold, (256, 256) float32 in about -1..1."""
    return value_noise(12, 256, (3, 6, 12, 24, 48, 96), (0.6, 0.42, 0.27, 0.17, 0.1, 0.06))


@lru_cache(maxsize=1)
def crowns() -> tuple[np.ndarray, ...]:
    """Tree crowns, (192, 192) uint8: 0 outside, 1 (deep) to 255 (sunlit); each lit from the left, then mirrored."""
    n = 192
    axis = (np.arange(n, dtype=np.float32) - np.float32((n - 1) / 2)) / np.float32(n / 2)
    x, y = axis[None], axis[:, None]
    sprites = []
    for i in range(CROWNS):
        lumps = value_noise(100 + i, n, (4, 7, 13), (0.55, 0.5, 0.35))
        leaves = value_noise(200 + i, n, (24, 48, 96), (0.5, 0.7, 0.7))
        # round, upright (poplar) and pointed (fir) outlines
        if i % 6 == 4:
            body = 1.05 - x * x * np.float32(2.6) - y * y
        elif i % 6 == 5:
            body = np.float32(0.95) * (y + 1) / 2 - np.abs(x) - np.where(y > 0.9, 1, 0) + np.float32(0.18)
        else:
            body = 1 - x * x * np.float32(1.05) - y * y * np.float32(1.05)
        inside = body + np.float32(0.3) * lumps + np.float32(0.24) * leaves > 0.3
        light = np.float32(0.46) - np.float32(0.2) * (x + y) + np.float32(0.28) * lumps + np.float32(0.24) * leaves
        crown = np.clip(light * 255, 1, 255).astype(np.uint8) * inside
        sprites += [crown, np.ascontiguousarray(crown[:, ::-1])]
    return tuple(sprites)


@lru_cache(maxsize=1)
def grain() -> np.ndarray:
    """Sensor noise, 2^20 uint8 of mean 128 and standard deviation GRAIN (from the sum of four uniform bytes)."""
    bytes_ = np.random.default_rng(13).integers(0, 256, (4, 1 << 20), dtype=np.uint8)
    return (128 + (bytes_.sum(0, dtype=np.int32) - 510) * GRAIN // 148).astype(np.uint8)


@lru_cache(maxsize=4)
def vignette(height: int, width: int) -> np.ndarray:
    """Squared distance from the centre, (height, width) float32: 0 in the centre, 1 in the corners."""
    rows = (np.arange(height, dtype=np.float32) - np.float32((height - 1) / 2)) / np.float32(height / 2)
    columns = (np.arange(width, dtype=np.float32) - np.float32((width - 1) / 2)) / np.float32(width / 2)
    return ((rows * rows)[:, None] + (columns * columns)[None]) * np.float32(0.5)
