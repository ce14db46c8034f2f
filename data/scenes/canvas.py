"""The drawing surface: colour and surface number of every sample, in one array.

A scene is drawn from far to near with flat polygons on a canvas of twice the size. Beside red, green and blue, the
fourth channel of a sample holds the number of the surface that covers it. What the surface *is* (class, instance,
depth plane, material, light) stands in a table, so the class mask, the instance masks and the depth map are read off
the very drawing that makes the picture and cannot disagree with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from data.scenes.outlines import GROUND, SUPERSAMPLING, Camera, Outlines, Point, on_ground

CLASSES = ("sky", "building", "road", "pavement", "tree", "sign", "car", "pedestrian")
CLASS_IDS = {name: i for i, name in enumerate(CLASSES)}

Colour = Sequence[float]
World = tuple[float, float, float]  # metres: right, up, forward


class Tables(NamedTuple):
    """What the surfaces are: arrays with a place for each of the 256 surface numbers along the last axis.

    `classes` ids into CLASSES, uint8; `instances` (-1: none), int16; `planes` (3, 256) float32, inverse depth = a x
    column + b x row + c; `wall` (texture runs along z, not x), `ground` (along z, not y), uint8; `material`;
    `gain` (3, 256) float32, red, green and blue light; `glow` (0: lit by the scene, 1: shines by itself); `snow`, how
    much of it lies there, 0..1.
    """

    classes: np.ndarray
    instances: np.ndarray
    planes: np.ndarray
    wall: np.ndarray
    ground: np.ndarray
    material: np.ndarray
    gain: np.ndarray
    glow: np.ndarray
    snow: np.ndarray


class Canvas:
    """Samples (2 height, 2 width, 4) uint8: red, green, blue, surface number; and the list of surfaces.

    `ground_light` (height, width, 2) uint8 is the share of ambient and of direct light that reaches the ground.
    """

    def __init__(self, camera: Camera):
        self.camera = camera
        shape = (camera.height * SUPERSAMPLING, camera.width * SUPERSAMPLING, 4)
        self.samples = np.zeros(shape, np.uint8)
        self.ground_light = np.full((camera.height, camera.width, 2), 255, np.uint8)
        self.drawing = Outlines(camera)
        self.listed: list[float] = []

    def surface(
        self,
        kind: str,
        plane: tuple[float, float, float],
        gain: Colour,
        material: int = 0,
        instance: int = -1,
        wall: bool = False,
        ground: bool = False,
        glow: bool = False,
        snow: float = 0.0,
    ) -> int:
        """Enter a surface of class `kind`; its number, for `fill`. At most 256 in one scene: see `Tables`."""
        number = len(self.listed) // 13
        if number > 255:
            raise ValueError("a scene holds at most 256 surfaces")
        self.listed += (CLASS_IDS[kind], instance, *plane, wall, ground, material, *gain, glow, snow)
        return number

    def tables(self) -> Tables:
        """The surfaces so far."""
        rows = np.zeros((13, 256), np.float32)
        rows[:, : len(self.listed) // 13] = np.array(self.listed, np.float32).reshape(-1, 13).T
        whole = rows.astype(np.int16)
        classes, wall, ground, material, glow = (whole[i].astype(np.uint8) for i in (0, 5, 6, 7, 11))
        return Tables(classes, whole[1], rows[2:5], wall, ground, material, rows[8:11], glow, rows[12])

    def plane_of_wall(self, x: float) -> tuple[float, float, float]:
        """Inverse depth on the vertical plane at `x` metres that runs along the street."""
        slope = 1.0 / (self.camera.focal * x)
        return slope, 0.0, -self.camera.vx * slope

    def plane_of_ground(self) -> tuple[float, float, float]:
        """Inverse depth on the ground."""
        slope = 1.0 / (self.camera.focal * self.camera.eye)
        return 0.0, slope, -self.camera.vy * slope

    def plane_facing(self, z: float) -> tuple[float, float, float]:
        """Inverse depth on a plane parallel to the image at `z` metres."""
        return 0.0, 0.0, 1.0 / z

    def fill(
        self, corners: Sequence[Point], x: float, z: float, colour: Colour, surface: int, notched: bool = False
    ) -> None:
        """Fill one polygon that faces us with `colour` (0..255) as `surface`: corners (p, q) are at (x + p, q, z).

        `notched`: see `Outlines.add`.
        """
        self.drawing.add(corners, (x, 1.0, z, 0.0), (*colour, surface), notched)

    def fill_slanted(self, corners: Sequence[World], colour: Colour, surface: int) -> None:
        """Fill one polygon in the world."""
        eye, z0 = self.camera.eye, corners[0][2]
        # as it looks from the camera on the plane z = z0
        corners = [(x * z0 / z, eye - (eye - y) * z0 / z) for x, y, z in corners]
        self.fill(corners, 0.0, z0, colour, surface)

    def fill_ground(self, corners: Sequence[Point], colour: Colour, surface: int) -> None:
        """Fill one polygon (x, z) on the ground."""
        self.drawing.add(on_ground(corners), GROUND, (*colour, surface))

    def fill_boxes(
        self, x: float, box: tuple[float, float, float, float], places: Sequence[Point], colour: Colour, surface: int
    ) -> None:
        """Fill the same box (z0, z1, y0, y1) at every place (z, y) on the wall at x; boxes do not overlap."""
        self.drawing.add_boxes(x, box, places, (*colour, surface))

    def shade(self, corners: Sequence[Point], ambient: int, direct: int) -> None:
        """Set the share of ambient and of direct light (0..255) on the ground within corners (x, z)."""
        self.drawing.add(on_ground(corners), GROUND, (ambient, direct))

    def paste(self, box: tuple[float, float, float, float], sprite: np.ndarray, table: np.ndarray) -> None:
        """Stretch a sprite (h, w) uint8 over a box (left, top, right, bottom) in image pixels.

        `table` (256, 4) uint8 turns its values into colour and surface; 0 is transparent. The part outside the frame is
        cut off first, to whole pixels of the sprite.
        """
        image = self.samples
        high, wide = image.shape[:2]
        left, top, right, bottom = (SUPERSAMPLING * edge for edge in box)
        dx, dy = (right - left) / sprite.shape[1], (bottom - top) / sprite.shape[0]
        c0, c1 = max(int(-left / dx), 0), min(int((wide - left) / dx) + 1, sprite.shape[1])
        r0, r1 = max(int(-top / dy), 0), min(int((high - top) / dy) + 1, sprite.shape[0])
        if c0 >= c1 or r0 >= r1:
            return
        x0, x1, y0, y1 = int(left + dx * c0), int(left + dx * c1), int(top + dy * r0), int(top + dy * r1)
        if x1 <= x0 or y1 <= y0:
            return

        def stretch() -> None:
            part = cv2.resize(sprite[r0:r1, c0:c1], (x1 - x0, y1 - y0), interpolation=cv2.INTER_NEAREST)
            # a sprite's pixel may still reach over the frame
            part = part[max(-y0, 0) : high - y0, max(-x0, 0) : wide - x0]
            view = image[max(y0, 0) :, max(x0, 0) :][: part.shape[0], : part.shape[1]]
            painted = table.view(np.uint32).take(part).view(np.uint8).reshape(*part.shape, 4)
            cv2.copyTo(painted, part, view)

        self.drawing.counts.append(0)
        self.drawing.paints.append(stretch)

    def draw(self) -> None:
        """Draw all that was entered."""
        self.drawing.draw(self.samples, self.ground_light)

    def surfaces(self, tables: Tables) -> np.ndarray:
        """Surface number of every pixel, (height, width) uint8: the majority of its four samples.

        Samples of one object, or of one class, agree, whatever their surfaces are: lamps that burn change no mask.
        """
        samples = [np.ravel(self.samples[i::2, j::2, 3]) for i in (0, 1) for j in (0, 1)]
        first, *others = samples
        doubtful = np.flatnonzero((first != others[0]) & (first != others[1]) & (first != others[2]))
        one_of = np.where(tables.instances < 0, tables.classes.astype(np.int16) - len(CLASSES), tables.instances)
        numbers = [part[doubtful] for part in samples]
        a, b, c, d = (one_of[part] for part in numbers)
        alone = (a != b) & (a != c) & (a != d)
        first[doubtful] = np.where(
            alone & ((b == c) | (b == d)), numbers[1], np.where(alone & (c == d), numbers[2], numbers[0])
        )
        return first.reshape(self.camera.height, self.camera.width)

    def colours(self) -> np.ndarray:
        """Mean of the four samples of every pixel: red, green and blue planes (3, height, width) float32 in 0..255."""
        camera = self.camera
        # on bytes: whole numbers, rounded
        mean = cv2.resize(self.samples, (camera.width, camera.height), interpolation=cv2.INTER_AREA)
        planes = np.empty((3, camera.height, camera.width), np.float32)
        for i, plane in enumerate(cv2.split(mean)[:3]):
            planes[i] = plane
        return planes
