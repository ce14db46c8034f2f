"""Ground with its markings and shadows, the end of the street, and trees."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from data.scenes import textures
from data.scenes.canvas import Canvas, Colour
from data.scenes.dice import Dice
from data.scenes.layout import Street, Tree
from data.scenes.light import Light

WALLS = (
    (196, 178, 150), (214, 204, 186), (172, 96, 78), (150, 82, 66), (188, 128, 98), (206, 190, 160), (176, 172, 164),
    (222, 212, 178), (160, 168, 176), (204, 150, 128), (146, 134, 122), (226, 222, 214),
    (178, 150, 116), (132, 118, 112),
    (192, 198, 186), (168, 178, 196), (216, 176, 132), (120, 92, 84),
)  # fmt: skip
LEAVES = (
    ((22, 40, 18), (120, 158, 58)), ((18, 42, 26), (86, 140, 72)), ((30, 48, 14), (156, 176, 66)),
    ((22, 44, 34), (98, 142, 96)), ((70, 36, 12), (226, 150, 52)), ((62, 22, 16), (196, 88, 52)),
    ((52, 46, 14), (206, 186, 70)),
)  # fmt: skip


def times(colour: Colour, factor: float) -> tuple[float, float, float]:
    """The colour made lighter or darker; what paints it cuts at 255."""
    return colour[0] * factor, colour[1] * factor, colour[2] * factor


def mix(a: Colour, b: Colour, t: float) -> tuple[float, float, float]:
    """The mixture a (1 - t) + b t."""
    return a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t


def paint_ground(canvas: Canvas, street: Street, light: Light, dice: Dice) -> None:
    """Pavements, road, kerbs, markings, manhole covers, and the shadows of the houses."""
    plane, gain = canvas.plane_of_ground(), light.gain("up")
    far = street.end * 1.6

    def lay(kind: str, material: int, snow: float) -> int:
        return canvas.surface(kind, plane, gain, material, ground=True, snow=snow)

    pavement = lay("pavement", textures.SLABS if dice.chance(0.7) else textures.ASPHALT, 0.95)
    road = lay("road", textures.ASPHALT, 0.62)
    paint = lay("road", textures.ASPHALT, 0.5)
    tone = dice.pick(((152, 148, 142), (164, 154, 144), (140, 142, 146), (172, 160, 138)))
    asphalt = times(dice.pick(((92, 92, 96), (104, 102, 100), (82, 84, 90))), dice.between(0.85, 1.15))

    def strip(x0: float, x1: float, z0: float, z1: float, colour: Colour, surface: int) -> None:
        canvas.fill_ground(((x0, z0), (x0, z1), (x1, z1), (x1, z0)), colour, surface)

    # the ground reaches beyond the walls, where gaps between houses show it
    strip(-400, 400, 0.5, 3000, tone, pavement)
    strip(street.left, street.right, 0.5, far, asphalt, road)
    for side, kerb in ((-1, street.left), (1, street.right)):
        strip(kerb, kerb + side * 0.28, 0.5, far, times(tone, 1.16), pavement)
        strip(kerb, kerb - side * 0.1, 0.5, far, times(asphalt, 0.62), road)
        strip(kerb - side * 0.12, kerb - side * 0.5, 0.5, far, times(asphalt, 0.88), road)
    for _ in range(2):  # patches of newer asphalt and manhole covers
        x, z = dice.between(street.left + 1, street.right - 1), dice.between(3, 16)
        strip(
            x - 0.5,
            x + dice.between(0.4, 1.2),
            z,
            z + dice.between(1, 4),
            times(asphalt, dice.pick((0.82, 0.88, 1.1))),
            road,
        )
        x, z = dice.between(street.left + 0.8, street.right - 0.8), dice.between(3, 12)
        ring = [(x + 0.36 * c, z + 0.36 * s) for c, s in OCTAGON]
        canvas.fill_ground(ring, times(asphalt, 0.66), road)
    white = (208, 206, 198)
    centre = (street.left + street.right) / 2
    style = dice.pick(("dashed", "dashed", "solid", "none"))
    if style == "dashed":
        start = dice.between(-3, 3)
        for i in range(max(int((min(far, 60) - start) / 4.5), 1)):
            strip(centre - 0.07, centre + 0.07, start + 4.5 * i, start + 4.5 * i + 2, white, paint)
    elif style == "solid":
        strip(centre - 0.06, centre + 0.06, 0.5, far, white if dice.chance(0.7) else (210, 170, 60), paint)
    if dice.chance(0.35):
        for side, kerb in ((-1, street.left), (1, street.right)):
            strip(kerb - side * 2.3, kerb - side * 2.4, 0.5, far, times(white, 0.92), paint)
    if street.zebra is not None:
        for i in range(int(street.right - street.left)):
            x = street.left + 0.4 + i
            strip(x, x + 0.5, street.zebra - 1.5, street.zebra + 1.5, white, paint)
        for z in (street.zebra - 2.3, street.zebra + 2.0):
            strip(street.left, street.right, z, z + 0.3, white, paint)
    paint_shadows(canvas, street, light)


OCTAGON = ((1, 0), (0.71, 0.71), (0, 1), (-0.71, 0.71), (-1, 0), (-0.71, -0.71), (0, -1), (0.71, -0.71))


def sunny(light: Light) -> bool:
    """Whether the sun is strong enough to cast shadows."""
    return light.direct[0] > 0.12 and not light.dark


def paint_shadows(canvas: Canvas, street: Street, light: Light) -> None:
    """Houses and trees cast shadows; at night, lamps and shop windows leave pools of light."""
    sx, _, sz = light.sun
    if sunny(light):
        for b in street.buildings:
            if b.z1 < 0.6 or sx * b.side < 0:
                continue  # the sun is on the other side of the street
            dx, dz = -sx * b.height, -sz * b.height
            corners = [(b.x, b.z0), (b.x, b.z1), (b.x + dx, b.z1 + dz), (b.x + dx, b.z0 + dz)]
            canvas.shade(corners, 225, 12)
        for t in street.trees:
            cx, cz = t.x - sx * t.tall * 0.65, t.z - sz * t.tall * 0.65
            canvas.shade([(cx + c * t.radius, cz + s * t.radius) for c, s in OCTAGON], 235, 40)
            canvas.shade([(t.x - 0.1, t.z), (t.x + 0.1, t.z), (cx + 0.1, cz), (cx - 0.1, cz)], 235, 40)
    elif light.dark:
        canvas.ground_light[..., 1] = 70
        for b in street.buildings:
            if b.z1 > 1.5 and not b.hedge:
                z, reach = max((b.z0 + b.z1) / 2, 1.5), (b.z1 - b.z0) * 0.34
                for grow, value in ((1.0, 130), (0.6, 205)):
                    pool = [(b.x - b.side * 1.2 + 2.6 * grow * c, z + reach * grow * s) for c, s in OCTAGON]
                    canvas.shade(pool, 255, value)
    for side, wall in (
        (-1, street.left_wall),
        (1, street.right_wall),
    ):  # walls keep the sky from the ground before them
        edge = wall - side * 0.35
        canvas.shade([(wall, 0.5), (wall, 400), (edge, 400), (edge, 0.5)], 150, 90 if light.dark else 40)


def shaded(street: Street, light: Light, x: float, z: float) -> bool:
    """Whether the ground at (x, z) lies in the shadow of a house."""
    if not sunny(light):
        return False
    sx, _, sz = light.sun
    for b in street.buildings:
        if sx * b.side > 0:
            t = (b.x - x) / sx
            if 0 <= t <= b.height and b.z0 <= z + sz * t <= b.z1:
                return True
    return False


def paint_backdrop(canvas: Canvas, street: Street, light: Light, dice: Dice) -> None:
    """What closes the view at the end of the street: distant roofs, one block across, or trees."""
    end = street.end
    trees = street.backdrop == "trees"
    material = textures.LEAVES if trees else textures.PLASTER
    kind = "tree" if trees else "building"
    for layer in range(2):
        z = end * (1.9 - 0.75 * layer)
        surface = canvas.surface(kind, canvas.plane_facing(z), light.gain("camera"), material, snow=0.35)
        if street.backdrop == "block" and layer == 1:
            height = dice.between(8, 16)
            wall = dice.pick(WALLS)
            shine = canvas.surface(kind, canvas.plane_facing(z), (1.1, 1.1, 1.1), textures.SMOOTH, glow=True)
            canvas.fill(((-60, 0), (-60, height), (60, height), (60, 0)), 0.0, z, wall, surface)
            pane = ((0.0, 1.0), (0.0, 2.6), (1.2, 2.6), (1.2, 1.0))
            for floor in range(int(height / 3.1)):
                box = [(p, q + 3.1 * floor) for p, q in pane]
                for i in range(19):
                    lit = dice.chance(light.lit)
                    look = ((244, 196, 112), shine) if lit else ((70, 74, 82), surface)
                    canvas.fill(box, -24 + 2.6 * i, z, *look)
            continue
        span = 1.2 * z if any(b.hedge for b in street.buildings) else 0.5 * z
        points, x = [(-3 * z, 0.0)], -span
        while x < span:
            step = dice.between(0.05, 0.16) * z
            top = dice.between(4, 11) + (3 if layer == 0 else 0)
            points.append((x, top))
            if trees or dice.chance(0.5):  # a crown, or a gable
                points.append((x + step / 2, top + dice.between(0.8, 2.4)))
            points.append((x + step, top + (dice.between(-2, 2) if trees else 0)))
            x += step
        points.append((3 * z, 0.0))
        colour = times(dice.pick(LEAVES[:4])[1], 0.62) if trees else mix(dice.pick(WALLS), (112, 110, 112), 0.55)
        canvas.fill(points, 0.0, z, colour, surface, notched=True)


def paint_tree(canvas: Canvas, street: Street, light: Light, tree: Tree) -> None:
    """Trunk, and a crown from the stock of crowns, tinted and lit from the sun's side."""
    camera, z = canvas.camera, tree.z
    scale = camera.focal / z
    x, foot = camera.project(tree.x, 0.0, z)
    left, right, top = x - scale * tree.radius, x + scale * tree.radius, foot - scale * tree.tall
    if right < 0 or left > camera.width:
        return
    dice = Dice.replay(tree.looks)
    in_shade = shaded(street, light, tree.x, tree.z)
    gain = light.gain("camera", in_shade)
    plane = canvas.plane_facing(z)
    bark = canvas.surface("tree", plane, gain, textures.BOARDS)
    tones = LEAVES[dice.below(4) if dice.chance(0.8) else 4 + dice.below(3)]
    # leaves let half of the light through
    dense = 0.5 + sum(light.gain("up", in_shade)) / 6
    leaf = canvas.surface("tree", plane, tuple(g * 0.5 * (1 + dense) for g in gain), textures.SMOOTH, snow=0.42)
    form = dice.below(textures.CROWNS)
    fir = form % 6 == 5
    bottom = foot - scale * tree.tall * (0.12 if fir else dice.between(0.3, 0.42))
    half = max(0.022 * tree.tall, 0.06, 0.4 / scale)
    brown = dice.pick(((78, 62, 50), (96, 84, 72), (64, 54, 48)))
    fork = 0.6 * tree.tall
    bright = -0.2 if light.sun[0] < 0 else 0.2
    sides = ((-half, half, 1.0), (half * bright, half * 5 * bright, 1.3))  # the trunk, then its lit side
    for a, b, tone in sides if half * scale > 0.6 else sides[:1]:
        points = ((a * 1.35, 0.0), (a, 0.4), (a * 0.8, fork), (b * 0.8, fork), (b, 0.4), (b * 1.35, 0.0))
        canvas.fill(points, tree.x, z, times(brown, tone), bark)
    crown = textures.crowns()[2 * form + (light.sun[0] > 0)]
    table = foliage(tones).copy()
    table[:, 3] = leaf
    canvas.paste((left, top, right, bottom), crown, table)


@lru_cache(maxsize=len(LEAVES))
def foliage(tones: tuple[Colour, Colour]) -> np.ndarray:
    """Colours from deep shade to sunlight, (256, 4) uint8; the last column is left for the surface."""
    table = np.zeros((256, 4), np.uint8)
    share = np.arange(256, dtype=np.float32) / np.float32(255)
    for i, (low, high) in enumerate(zip(*tones, strict=True)):
        table[:, i] = low + (high - low) * share
    return table
