"""From the drawing to the picture: sky, texture, light, reflections, air, rain, snow, and the lens."""

from __future__ import annotations

import cv2
import numpy as np

from data.scenes import textures
from data.scenes.canvas import Canvas, Colour, Tables
from data.scenes.dice import Dice
from data.scenes.light import Light
from data.scenes.outlines import SUPERSAMPLING


def paint_sky(canvas: Canvas, light: Light, dice: Dice, clear: bool) -> None:
    """Gradient, clouds, sun or stars as the canvas's background and first surface."""
    camera = canvas.camera
    slope = -0.12 / camera.focal
    plane = (0.0, slope, -slope * camera.vy + 0.004)
    canvas.surface("sky", plane, (1.0, 1.0, 1.0), textures.SMOOTH)
    step = 4 if min(camera.height, camera.width) >= 96 else 2  # the sky is soft: few pixels do
    rows, columns = -(-int(min(camera.vy + 2, camera.height)) // step), -(-camera.width // step)
    f32 = np.float32
    y = (f32(camera.vy) - np.arange(rows, dtype=f32) * step) * f32(1 / camera.focal)
    x = (np.arange(columns, dtype=f32) * step - f32(camera.vx)) * f32(1 / camera.focal)
    y = np.maximum(y, 0)[:, None]
    up = np.minimum(y * f32(1 / 0.55), 1)
    low, top = column_of(light.sky_low), column_of(light.sky_top)
    planes = np.repeat(low + (top - low) * (up * (2 - up)), columns, axis=2)
    if light.sun[2] > 0 and light.direct[0] > 0.1:
        # a glow around the sun, at the sun's place when it stands in the picture
        sx, sy = light.sun[0] / light.sun[2], light.sun[1] / light.sun[2]
        distance = (x - f32(sx)) ** 2 + (y - f32(sy)) ** 2
        glow = f32(0.05) / (f32(0.05) + distance)
        if clear and not light.dark:
            glow += 3 * (distance < 0.0022)
        planes += glow * column_of((120, 96, 60))
    far = 1 / (y + f32(0.12))
    v = (f32(26 + 20 * dice.random()) * far + f32(256 * dice.random())).astype(np.intp) & 255
    u = (x * (f32(34) * far) + f32(256 * dice.random())).astype(np.intp) & 255
    density = textures.clouds().take((v << 8) + u)
    density = (density + f32(2.0 * light.cover - 1.0)) * f32(1.6)
    density = np.minimum(np.maximum(density, 0), 1)
    planes += ((f32(1.06) - f32(0.22) * density) * column_of(light.cloud) - planes) * (density * f32(0.85))
    planes = cv2.convertScaleAbs(planes.reshape(-1, columns)).reshape(planes.shape)
    sky = cv2.merge([*planes, np.zeros_like(planes[0])])
    size = (columns * step * SUPERSAMPLING, rows * step * SUPERSAMPLING)
    band = canvas.samples[: size[1]]
    band[:] = cv2.resize(sky, size, interpolation=cv2.INTER_LINEAR_EXACT)[: band.shape[0], : band.shape[1]]
    if light.dark and clear and light.sky_top[0] < 30:
        span = SUPERSAMPLING * max(camera.vy, 2)
        for _ in range(28):
            value = int(dice.between(60, 190))
            spot = int(dice.random() * SUPERSAMPLING * camera.width), int(dice.random() * span)
            if spot[1] < canvas.samples.shape[0]:
                canvas.samples[spot[1], min(spot[0], canvas.samples.shape[1] - 1), :3] = value


def develop(canvas: Canvas, number: np.ndarray, table: Tables, light: Light, dice: Dice) -> np.ndarray:
    """The finished picture, (height, width, 3) uint8.

    number: (height, width) uint8, the surface of every pixel; table: what the surfaces are.
    Red, green and blue are kept as planes (3, height, width) on the way: NumPy is slow on a last axis of three.
    """
    camera = canvas.camera
    height, width = camera.height, camera.width
    planes = canvas.colours()
    f32 = np.float32

    def of(column: np.ndarray) -> np.ndarray:
        return cv2.LUT(number, column)

    # inverse depth is linear in the image on every plane (sky and air included)
    rows = (np.arange(height, dtype=np.float32) + f32(0.5))[:, None]
    columns = (np.arange(width, dtype=np.float32) + f32(0.5))[None]
    inverse = np.maximum(of(table.planes[0]) * columns + of(table.planes[1]) * rows + of(table.planes[2]), f32(0.004))
    depth = 1 / inverse
    # metres on the surface, looked up in its material; contrast fades where a texel is smaller than a pixel
    is_ground = of(table.ground).view(bool)
    pixel = depth * f32(1 / camera.focal)
    u = np.where(of(table.wall).view(bool), depth, (columns - f32(camera.vx)) * pixel)
    v = np.where(is_ground, depth, (f32(camera.vy) - rows) * pixel)
    texels = 32
    while texels < textures.FINEST and texels / textures.PERIOD < camera.focal / 7:
        texels *= 2
    density = f32(texels / textures.PERIOD)
    u = (u * density + f32(64 * texels)).astype(np.int32)
    v = (v * density + f32(64 * texels)).astype(np.int32)
    index = (v & (texels - 1)) * texels
    index += u & (texels - 1)
    index += of(table.material.astype(np.int32) * (texels * texels))
    detail = textures.materials(texels).take(index.astype(np.intp))  # any other integer is several times slower
    near = np.minimum(inverse * f32(camera.focal / density * 1.6), f32(1.25))
    # stains: four to a metre, from another place in every scene
    coarser = max((texels // 32).bit_length(), 1)
    index = ((v >> coarser) + dice.below(256) & 255) << 8
    index += (u >> coarser) + dice.below(256) & 255
    stain = textures.stains().take(index.astype(np.intp))
    tone = 1 + detail * near + stain * of((table.material != textures.SMOOTH) * f32(0.075))
    horizon = min(max(int(camera.vy), 0), height - 1)
    if light.snow:
        cover = of(table.snow) * f32(light.snow)
        cover = cover * f32(2.1) - f32(0.65) + (stain * f32(1.1) + detail) * (cover > 0)
        cover = np.minimum(np.maximum(cover, 0), 1)
        planes += (column_of((236, 240, 248)) - planes) * cover
    # shadows and pools of lamp light lie on the ground only
    soft = int(1.2 * max(height // 50, 2)) | 1
    ambient, direct = (cv2.blur(part, (soft, soft)) for part in cv2.split(canvas.ground_light[horizon:]))
    lying = ambient * column_of(light.ambient, 1 / 255)
    lying += direct * column_of([0.9 * d + 1.7 * w for d, w in zip(light.direct, light.lamp, strict=True)], 1 / 255)
    gain = np.empty_like(planes)
    for column, plane in zip(table.gain, gain, strict=True):
        cv2.LUT(number, column, plane)
    np.copyto(gain[:, horizon:], lying, where=is_ground[horizon:])
    gain *= tone
    planes *= gain
    if light.wet:
        mirror(planes, is_ground, int(camera.vy), light, stain)
    clearness = inverse / (inverse + f32(light.haze_rate))
    if light.haze_rate < 0.02:
        clearness += of(SKY * f32(0.35))
    shining = of(table.glow) if table.glow.any() else None
    if shining is not None:
        np.maximum(clearness, shining * f32(0.75), out=clearness)
    np.minimum(clearness, 1, out=clearness)
    haze = column_of(light.haze)
    planes -= haze
    planes *= clearness
    planes += haze
    if (light.dark or light.haze_rate > 0.03) and shining is not None:
        bloom(planes, shining)
    if light.wet:
        streak(planes, light, dice)
    if light.snow:
        flake(planes, dice)
    return lens(planes, light, dice)


SKY = (np.arange(256) == 0).astype(np.float32)  # the first surface


def column_of(colour: Colour, factor: float = 1.0) -> np.ndarray:
    """One number for each of the planes, (3, 1, 1) float32."""
    return (np.array(colour) * factor).astype(np.float32).reshape(3, 1, 1)


def mirror(planes: np.ndarray, is_ground: np.ndarray, horizon: int, light: Light, stain: np.ndarray) -> None:
    """Wet ground: it darkens and mirrors what stands above the horizon, blurred along the columns. In place."""
    height, width = stain.shape
    top = horizon + 1
    if top >= height:
        return
    source = np.clip(2 * horizon - np.arange(top, height), 0, height - 1)
    wet = np.clip(np.float32(light.wet * 0.75) + stain[top:] * np.float32(0.45), 0.15, 0.85) * np.float32(0.62)
    wet *= is_ground[top:]
    # the planes side by side: one blur for all
    beside = cv2.convertScaleAbs(planes.swapaxes(0, 1)[source].reshape(-1, 3 * width))
    reflected = cv2.blur(beside, (1, height // 8 | 1)).reshape(-1, 3, width).swapaxes(0, 1)
    planes[:, top:] *= 1 - np.float32(0.75) * wet
    planes[:, top:] += reflected * (np.float32(0.62) * wet)


def bloom(planes: np.ndarray, shining: np.ndarray) -> None:
    """Light of lamps and lit windows spilling over in the lens. In place."""
    height, width = shining.shape
    radius = max(height // 20, 1) | 1
    small = radius // 3 | 1
    lights = cv2.merge([cv2.convertScaleAbs(plane) for plane in planes * shining])
    lights = cv2.resize(lights, (width // 2, height // 2), interpolation=cv2.INTER_AREA)  # soft: half the size will do
    wide = cv2.blur(cv2.blur(lights, (radius, radius)), (radius, radius))
    halo = cv2.addWeighted(wide, 0.45, cv2.blur(lights, (small, small)), 0.25, 0)
    for plane, light in zip(planes, cv2.split(halo), strict=True):
        plane += cv2.resize(light, (width, height), interpolation=cv2.INTER_LINEAR_EXACT)


def streak(planes: np.ndarray, light: Light, dice: Dice) -> None:
    """Rain: short slanted lines, moved by the wind. In place."""
    height, width = planes.shape[1:]
    n = 60 + dice.below(50)
    veil = np.zeros((height, width), np.uint8)
    numbers = dice.grid(n, 3)
    start = numbers[:, :2] * (width * 16, height * 16)
    length = (0.03 + 0.07 * numbers[:, 2:]) * height * 16
    wind = dice.between(-0.25, 0.25)
    ends = np.concatenate([start, start + length * (wind, 1.0)], axis=1).astype(np.int32).reshape(n, 2, 2)
    strength = int(dice.between(50, 90))
    cv2.polylines(veil, list(ends), False, strength, max(height // 340, 1), cv2.LINE_8, 4)
    planes += cv2.GaussianBlur(veil, (3, 3), 0) * np.float32(0.35 if light.dark else 0.55)


def flake(planes: np.ndarray, dice: Dice) -> None:
    """Falling snow: discs of several sizes, the near ones large. In place."""
    height, width = planes.shape[1:]
    n = 50 + dice.below(60)
    veil = np.zeros((height, width), np.uint8)
    numbers = dice.grid(n, 3)
    radius = (0.0025 + 0.011 * numbers[:, 2:] ** 4) * height + 0.35
    octagon = np.array([(1, 0), (0.7, 0.7), (0, 1), (-0.7, 0.7), (-1, 0), (-0.7, -0.7), (0, -1), (0.7, -0.7)])
    discs = (((numbers[:, :2] * (width, height))[:, None] + radius[:, None] * octagon) * 16).astype(np.int32)
    cv2.fillPoly(veil, list(discs), 215, cv2.LINE_8, 4)
    veil = cv2.GaussianBlur(veil, (3, 3), 0) * np.float32(0.85 / 255)
    white = np.float32(150 + 0.35 * float(planes[1, :: max(height // 32, 1), :: max(width // 32, 1)].mean()))
    planes += (white - planes) * veil


def lens(planes: np.ndarray, light: Light, dice: Dice) -> np.ndarray:
    """Exposure, vignette, a soft shoulder, slight blur, sensor noise: (height, width, 3) uint8."""
    f32 = np.float32
    height, width = planes.shape[1:]
    corners, exposure = dice.between(0.08, 0.3), 1.12 * dice.between(0.98, 1.14) * (1.1 if light.dark else 1.0)
    planes *= f32(exposure) - f32(corners * exposure) * textures.vignette(height, width)
    # shoulder: nearly straight in the shadows, bends towards white above
    shoulder = planes * f32(0.12 / 255)
    shoulder += 1
    planes /= shoulder
    picture = cv2.merge(list(cv2.convertScaleAbs(planes.reshape(-1, width)).reshape(3, height, width)))
    soft = dice.random()
    if soft < 0.6:
        picture = cv2.GaussianBlur(picture, (3, 3), 0.35 + 0.4 * soft)
    noise, count = textures.grain(), picture.size
    start = dice.below(max(noise.size - count, 0) + 1)
    noise = noise[start : start + count] if count <= noise.size else np.resize(noise, count)
    # strength in 1/8192: products and sums are exact, and so the same on every machine
    strength = int(256 * dice.between(1.2, 3.0) * (1.7 if light.dark else 1.0)) / (256 * textures.GRAIN)
    return cv2.addWeighted(picture, 1, noise.reshape(picture.shape), strength, -128 * strength)
