"""The brush that draws objects, in metres around the point where they touch the ground, and their shadows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from data.scenes import textures
from data.scenes.canvas import Canvas, Colour
from data.scenes.layout import Street, Thing
from data.scenes.light import Light
from data.scenes.outlines import Outlines, Point
from data.scenes.street import OCTAGON, shaded, sunny

CIRCLE = (
    (1, 0), (0.866, 0.5), (0.5, 0.866), (0, 1), (-0.5, 0.866), (-0.866, 0.5),
    (-1, 0), (-0.866, -0.5), (-0.5, -0.866), (0, -1), (0.5, -0.866), (0.866, -0.5),
)  # fmt: skip


class Brush(NamedTuple):
    """Draws parts of one object. Points are metres (right, up) from the foot point (x, 0, z), at the object's depth."""

    drawing: Outlines
    plane: tuple[float, float, float, float]
    scale: float  # pixels to the metre
    skin: int  # surface lit by the scene
    glow: int  # surface that shines by itself

    def part(self, points: Sequence[Point], colour: Colour, shines: bool = False, notched: bool = False) -> None:
        """Fill the polygon; `notched`: see `Outlines.add`."""
        self.drawing.add(points, self.plane, (*colour, self.glow if shines else self.skin), notched)

    def disc(self, x: float, y: float, rx: float, ry: float, colour: Colour, shines: bool = False) -> None:
        """Fill an ellipse."""
        self.part([(x + rx * c, y + ry * s) for c, s in CIRCLE], colour, shines)

    def limb(self, a: Point, b: Point, wide: float, narrow: float, colour: Colour) -> None:
        """Fill a tapered bar from a to b."""
        dx, dy = b[0] - a[0], b[1] - a[1]
        length = (dx * dx + dy * dy) ** 0.5 or 1.0
        nx, ny = -dy / length / 2, dx / length / 2
        ex, ey = dx / length * narrow * 0.35, dy / length * narrow * 0.35
        self.part(
            [
                (a[0] + nx * wide, a[1] + ny * wide),
                (b[0] + nx * narrow, b[1] + ny * narrow),
                (b[0] + ex, b[1] + ey),
                (b[0] - nx * narrow, b[1] - ny * narrow),
                (a[0] - nx * wide, a[1] - ny * wide),
            ],
            colour,
        )


def brush_for(canvas: Canvas, street: Street, light: Light, thing: Thing, instance: int) -> Brush:
    """A brush at the thing's foot, with the light that falls there."""
    gain = light.gain("camera", shaded(street, light, thing.x, thing.z))
    if light.dark:  # the headlamps of the car we sit in
        gain = tuple(g + 0.32 * min(1.0, 5.0 / thing.z) for g in gain)
    plane = canvas.plane_facing(thing.z)
    skin = canvas.surface(thing.kind, plane, gain, textures.SMOOTH, instance)
    bright = max(1.0, sum(gain) / 3)
    glow = canvas.surface(thing.kind, plane, (bright,) * 3, textures.SMOOTH, instance, glow=light.dark)
    return Brush(canvas.drawing, (thing.x, 1.0, thing.z, 0.0), canvas.camera.focal / thing.z, skin, glow)


def cast_shadows(canvas: Canvas, street: Street, light: Light) -> None:
    """Shadows of all things on the ground: those of the sun, and the dark where they touch it."""
    sx, _, sz = light.sun
    for t in sorted(street.things, key=lambda t: -t.z):
        half, long = {"car": (0.62 * t.tall, 4.0), "pedestrian": (0.2, 0.0), "sign": (0.05, 0.0)}[t.kind]
        if sunny(light) and not shaded(street, light, t.x, t.z):
            reach = min(t.tall, 2.2)
            dx, dz = -sx * reach, -sz * reach
            if t.kind == "car":
                dx, dz = dx * 0.8, dz * 0.8
                a, b = (t.x - half, t.x + half) if dx > 0 else (t.x + half, t.x - half)
                near, far = (t.z, t.z + long) if dz > 0 else (t.z + long, t.z)
                hull = [(a, near), (b, near), (b + dx, near + dz), (b + dx, far + dz), (a + dx, far + dz), (a, far)]
                canvas.shade(hull, 225, 14)
            else:
                top = max(half, 0.12)
                trunk = [
                    (t.x - half * 0.7, t.z),
                    (t.x + half * 0.7, t.z),
                    (t.x + dx + top, t.z + dz),
                    (t.x + dx - top, t.z + dz),
                ]
                canvas.shade(trunk, 225, 14)
                if t.kind == "sign":
                    disc = [(t.x + dx + 0.36 * c, t.z + dz + 0.36 * s) for c, s in OCTAGON]
                    canvas.shade(disc, 225, 14)
        if t.kind == "car":
            if light.dark and not t.rear:  # its headlamps on the road
                cone = [(t.x - 0.7, t.z), (t.x + 0.7, t.z), (t.x + 1.9, t.z - 5), (t.x - 1.9, t.z - 5)]
                canvas.shade(cone, 255, 230)
            for grow, value in ((0.28, 150), (0.0, 60)):
                box = [(t.x - half - grow, t.z - grow * 1.3), (t.x + half + grow, t.z - grow * 1.3)]
                box += [(t.x + half + grow, t.z + long), (t.x - half - grow, t.z + long)]
                canvas.shade(box, value, 0 if grow == 0 else 60)
        else:
            wide = 0.34 if t.kind == "pedestrian" else 0.16
            spot = [(t.x + wide * c, t.z + 0.7 * wide * s) for c, s in OCTAGON]
            canvas.shade(spot, 120, 30)
