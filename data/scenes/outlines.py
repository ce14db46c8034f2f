"""The list of what is to be drawn: polygons in metres, projected and filled all at once.

To project them together costs a fraction of projecting each by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import NamedTuple

import cv2
import numpy as np

SUPERSAMPLING = 2
SHIFT = 4  # polygon corners are integers in 1/16 of a sample: the same on every machine
GROUND = (0.0, 0.0, 0.0, 1.0)  # the plane of the ground, for `Outlines.add`

Point = tuple[float, float]


class Camera(NamedTuple):
    """A pinhole camera looking along a straight street (one-point perspective).

    Metres: `x` to the right and `z` forward from the camera, `y` up from the ground. Pixels: `focal`, and the
    vanishing point `(vx, vy)`, whose row is the horizon. `eye` is the height of the camera above the ground in metres.
    """

    height: int
    width: int
    focal: float
    vx: float
    vy: float
    eye: float

    def project(self, x: float, y: float, z: float) -> Point:
        """The image point (column, row) in pixels of the world point (x, y, z), z > 0."""
        scale = self.focal / z
        return self.vx + scale * x, self.vy + scale * (self.eye - y)


def on_ground(corners: Sequence[Point], near: float = 0.5) -> Sequence[Point]:
    """The ground polygon with corners (x, z), cut at `near` metres before the camera; empty if it is nearer."""
    if min([z for _, z in corners]) >= near:
        return corners
    kept = []
    x0, z0 = corners[-1]
    for x1, z1 in corners:
        if (z0 >= near) != (z1 >= near):
            kept.append((x0 + (x1 - x0) * (near - z0) / (z1 - z0), near))
        if z1 >= near:
            kept.append((x1, z1))
        x0, z0 = x1, z1
    return kept


class Outlines:
    """What is to be drawn, in order, in metres."""

    def __init__(self, camera: Camera):
        self.camera = camera
        # numbers in a row: a tuple for each corner would keep Python's garbage collector busy
        self.points: list[float] = []  # of polygons: two to a corner
        self.planes: list[float] = []  # four to a polygon: see `add`
        self.notched: list[bool] = []
        self.places: list[float] = []  # of boxes on walls: two to a place
        self.boxes: list[float] = []  # five to a set of boxes: see `add_boxes`
        self.counts: list[int] = []  # corners of a polygon; -n: n boxes; 0: a function
        self.paints: list[tuple[float, ...] | Callable[[], None]] = []

    def add(
        self,
        corners: Sequence[Point],
        plane: tuple[float, float, float, float],
        paint: tuple[float, ...],
        notched: bool = False,
    ) -> None:
        """A polygon; on plane (x, a, z, b), corner (p, q) is at (x + p, a q, z + b q).

        It is notched if a level line may cross it more than twice. A paint of two numbers is for the ground's light.
        """
        if corners:
            self.points += chain.from_iterable(corners)
            self.planes += plane
            self.notched.append(notched)
            self.counts.append(len(corners))
            self.paints.append(paint)

    def add_boxes(
        self, x: float, box: tuple[float, float, float, float], places: Sequence[Point], paint: tuple[float, ...]
    ) -> None:
        """The same box (z0, z1, y0, y1) at places (z, y) on the wall at x; boxes do not overlap."""
        if places:
            self.places += chain.from_iterable(places)
            self.boxes += (x, *box)
            self.counts.append(-len(places))
            self.paints.append(paint)

    def project(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Corners for OpenCV, int32 (..., 2), of world points; nothing is nearer than 0.3 m."""
        fine = float(SUPERSAMPLING << SHIFT)
        scale = (fine * self.camera.focal) / np.maximum(z, 0.3)
        corners = np.empty((*z.shape, 2), np.int32)
        corners[..., 0] = scale * x + (fine * self.camera.vx - 8.0)
        corners[..., 1] = scale * (self.camera.eye - y) + (fine * self.camera.vy - 8.0)
        return corners

    def draw(self, samples: np.ndarray, ground_light: np.ndarray) -> None:
        """Draw it all on the two images of `Canvas`."""
        counts = np.array(self.counts)
        lengths = counts[counts > 0]
        p, q = np.array(self.points).reshape(-1, 2).T
        x, a, z, b = np.array(self.planes).reshape(-1, 4).repeat(lengths, axis=0).T
        corners = self.project(x + p, a * q, z + b * q)
        ends = np.cumsum(lengths)
        starts = ends - lengths
        # what lies outside the frame is left out
        limits = np.array([samples.shape[1] << SHIFT, samples.shape[0] << SHIFT])
        seen = (np.maximum.reduceat(corners, starts) >= -16) & (np.minimum.reduceat(corners, starts) <= limits)
        seen = (seen[:, 0] & seen[:, 1]).tolist()
        places = zip(starts.tolist(), ends.tolist(), seen, self.notched, strict=True)
        z, y = np.array(self.places).reshape(-1, 2, 1).swapaxes(0, 1)
        boxes = np.array(self.boxes).reshape(-1, 5).repeat(-counts[counts < 0], axis=0)
        quads = self.project(boxes[:, :1], y + boxes.take((3, 4, 4, 3), axis=1), z + boxes.take((1, 1, 2, 2), axis=1))
        at = 0
        fill, fill_convex, line, half_shift = cv2.fillPoly, cv2.fillConvexPoly, cv2.LINE_8, SHIFT + 1
        for n, paint in zip(self.counts, self.paints, strict=True):
            if n > 0:
                start, end, inside, notched = next(places)
                if not inside:
                    continue
                if notched:
                    fill(samples, [corners[start:end]], paint, line, SHIFT)
                elif len(paint) == 4:
                    fill_convex(samples, corners[start:end], paint, line, SHIFT)
                else:  # half the resolution
                    fill_convex(ground_light, corners[start:end], paint, line, half_shift)
            elif n == -1:
                fill_convex(samples, quads[at], paint, line, SHIFT)
                at += 1
            elif n < 0:
                fill(samples, list(quads[at : at - n]), paint, line, SHIFT)
                at -= n
            else:
                paint()
