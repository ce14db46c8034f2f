"""Cars from behind and in front."""

from __future__ import annotations

from data.scenes.brush import CIRCLE, brush_for
from data.scenes.canvas import Canvas
from data.scenes.dice import Dice
from data.scenes.layout import Street, Thing
from data.scenes.light import Light
from data.scenes.outlines import Point
from data.scenes.street import OCTAGON, mix, sunny, times

PAINTS = (
    (200, 202, 206), (226, 228, 230), (40, 42, 48), (92, 96, 104), (150, 24, 28), (28, 58, 120), (70, 110, 160),
    (30, 84, 62), (196, 164, 40), (206, 98, 34), (120, 100, 84), (140, 150, 156), (88, 30, 48), (210, 200, 176),
)  # fmt: skip


def paint_car(canvas: Canvas, street: Street, light: Light, car: Thing, instance: int) -> None:
    """A car from behind or in front, with the flank that the perspective shows."""
    dice = Dice.replay(car.looks)
    brush = brush_for(canvas, street, light, car, instance)
    camera, tall = canvas.camera, car.tall
    van = tall > 1.9
    half = 0.89 if tall < 1.6 else 0.95
    length = dice.between(3.7, 4.6) + van
    paint = mix(dice.pick(PAINTS), dice.pick(PAINTS), 0.2 * dice.random())
    if van:
        paint = mix(paint, (228, 228, 226), 0.5)
    shoulder = dice.between(0.86, 0.96) + 0.42 * (tall - 1.5)
    belt = half * dice.between(0.9, 0.96)
    roof = half * (dice.between(0.68, 0.78) if not van else 0.88)
    clear = 0.15 + 0.08 * (tall > 1.6)
    bright = 1.12 if light.sun[2] < 0 else 1.0
    dark_glass = mix((36, 42, 50), light.sky_low, 0.16)
    sky_glass = mix(dark_glass, light.sky_low, 0.55)
    full = brush.scale * tall > 0.12 * camera.height

    def at(x: float, y: float, back: float) -> Point:
        nearer = car.z / (car.z + back)
        return (car.x + x) * nearer - car.x, camera.eye - (camera.eye - y) * nearer

    # underneath
    brush.part(
        [at(-half * 0.95, 0.06, 0), at(-half * 0.95, 0.45, 0), at(half * 0.95, 0.45, 0), at(half * 0.95, 0.06, 0)],
        (16, 16, 18),
    )
    side = 1 if car.x + half < 0 else -1 if car.x - half > 0 else 0
    if side:
        s = side * half
        sun_on = light.sun[0] * side > 0 and sunny(light)
        tone = 1.0 if sun_on else 0.68
        flank, upper = times(paint, tone), times(paint, tone * 1.12)
        brush.part(
            [at(s * 0.95, 0.08, 0.2), at(s * 0.95, 0.5, 0.2), at(s * 0.95, 0.5, length), at(s * 0.95, 0.08, length)],
            (14, 14, 16),
        )
        front = length * 0.75 if car.rear else length * 0.97
        brush.part(
            [
                at(side * belt, shoulder, 0.2),
                at(side * roof, tall, 0.62 if not van else 0.15),
                at(side * roof, tall, length * (0.6 if car.rear else 0.86)),
                at(side * belt, shoulder, front),
            ],
            flank,
        )
        if not (van and car.rear):
            brush.part(
                [
                    at(side * belt * 0.99, shoulder + 0.04, 0.5),
                    at(side * roof * 1.02, tall - 0.09, 0.8),
                    at(side * roof * 1.02, tall - 0.09, length * (0.56 if car.rear else 0.8)),
                    at(side * belt * 0.99, shoulder + 0.04, front - 0.25),
                ],
                dark_glass,
            )
            if full:
                m = length * 0.45
                brush.part(
                    [
                        at(side * belt, shoulder, m),
                        at(side * roof, tall, m),
                        at(side * roof, tall, m + 0.14),
                        at(side * belt, shoulder, m + 0.14),
                    ],
                    flank,
                )
        brush.part(
            [
                at(s * 0.97, clear, 0.1),
                at(s, clear + 0.25, 0),
                at(s, shoulder - 0.12, 0),
                at(s * 0.96, shoulder, 0.05),
                at(s * 0.96, shoulder - 0.03, length),
                at(s, 0.6, length),
                at(s * 0.97, clear, length),
            ],
            flank,
        )
        brush.part(
            [
                at(s, shoulder - 0.16, 0),
                at(s * 0.96, shoulder, 0.05),
                at(s * 0.96, shoulder - 0.03, length),
                at(s, shoulder - 0.16, length),
            ],
            upper,
        )
        if full:
            brush.part([at(s, 0.36, 0.1), at(s, 0.4, 0.1), at(s, 0.4, length), at(s, 0.36, length)], times(flank, 0.7))
        for z in (0.75, length - 0.8):
            brush.part([at(s * 1.0, 0.33 + 0.36 * q, z + 0.36 * p) for p, q in CIRCLE], (18, 18, 20))
            brush.part([at(s * 1.01, 0.33 + 0.2 * q, z + 0.2 * p) for p, q in OCTAGON], (150, 152, 156))
            if full:
                brush.part([at(s * 1.01, 0.33 + 0.08 * q, z + 0.08 * p) for p, q in OCTAGON], (70, 72, 76))
    # tyres of the near axle
    for sign in (-1, 1):
        x = sign * (half - 0.13)
        brush.part([(x - 0.11, 0.0), (x - 0.11, 0.42), (x + 0.11, 0.42), (x + 0.11, 0.0)], (20, 20, 22))
    # cabin: it leans away from us
    lean = 0.12 if van else 0.5 if car.rear else 0.8
    a, b = at(-belt, shoulder, 0.1), at(belt, shoulder, 0.1)
    c, d = at(roof, tall, lean), at(-roof, tall, lean)
    crown = 0.03 * (c[0] - d[0])
    brush.part([a, d, (d[0] + crown * 2, d[1] + crown), (c[0] - crown * 2, c[1] + crown), c, b], times(paint, 0.94))

    def screen(u: float, v: float) -> Point:
        low = a[0] + (b[0] - a[0]) * u
        high = d[0] + (c[0] - d[0]) * u
        return low + (high - low) * v, a[1] + (d[1] - a[1]) * v

    brush.part([screen(0.06, 0.08), screen(0.08, 0.88), screen(0.92, 0.88), screen(0.94, 0.08)], dark_glass)
    if full:
        u = dice.between(0.1, 0.45)
        brush.part([screen(u, 0.1), screen(u + 0.22, 0.86), screen(u + 0.42, 0.86), screen(u + 0.2, 0.1)], sky_glass)
        for u in (0.27, 0.73):  # seats with head rests
            seat = ((-0.12, 0.09), (-0.11, 0.3), (-0.06, 0.34), (-0.055, 0.5), (-0.03, 0.56))
            seat += tuple((-du, v) for du, v in reversed(seat))
            brush.part([screen(u + du, v) for du, v in seat], mix(dark_glass, (10, 10, 12), 0.45))
        brush.part(
            [screen(0.06, 0.7), screen(0.08, 0.88), screen(0.92, 0.88), screen(0.94, 0.7)],
            mix(dark_glass, light.sky_low, 0.38),
        )
    # body
    mid = clear + 0.3
    body = [
        (-half * 0.9, clear),
        (-half * 0.97, clear + 0.06),
        (-half, mid),
        (-half, shoulder - 0.14),
        (-half * 0.95, shoulder + 0.01),
    ]
    brush.part(body + [(-x, y) for x, y in reversed(body)], times(paint, bright))
    brush.part(
        [
            (-half, shoulder - 0.13),
            (-half * 0.95, shoulder + 0.02),
            (half * 0.95, shoulder + 0.02),
            (half, shoulder - 0.13),
        ],
        times(paint, 1.28 * bright),
    )
    brush.part(
        [(-half * 0.99, 0.5), (-half, mid + 0.1), (half, mid + 0.1), (half * 0.99, 0.5)], times(paint, 0.86 * bright)
    )
    bumper = times(paint, 0.66) if dice.chance(0.6) else (46, 47, 50)
    brush.part(
        [
            (-half * 0.9, clear),
            (-half * 0.97, clear + 0.06),
            (-half * 0.99, mid),
            (half * 0.99, mid),
            (half * 0.97, clear + 0.06),
            (half * 0.9, clear),
        ],
        bumper,
    )
    if full:
        brush.part(
            [(-half * 0.97, mid - 0.05), (-half * 0.98, mid), (half * 0.98, mid), (half * 0.97, mid - 0.05)],
            times(bumper, 1.25),
        )
        brush.part(
            [
                (-half * 0.6, clear + 0.02),
                (-half * 0.62, clear + 0.1),
                (half * 0.62, clear + 0.1),
                (half * 0.6, clear + 0.02),
            ],
            (24, 24, 27),
        )
    lamp_y = shoulder - dice.between(0.2, 0.3)
    tall_lamp, wide_lamp = dice.between(0.07, 0.13), dice.between(0.18, 0.34)
    if van and car.rear:
        tall_lamp, wide_lamp = 0.26, 0.13
    on = light.dark or light.wet > 0 or light.haze_rate > 0.03
    if car.rear:
        colour = (255, 58, 40) if on else (158, 20, 24)
    else:
        colour = (255, 246, 214) if on else (206, 212, 218)
        brush.part(
            [
                (-half * 0.55, lamp_y - 0.2),
                (-half * 0.5, lamp_y + 0.06),
                (half * 0.5, lamp_y + 0.06),
                (half * 0.55, lamp_y - 0.2),
            ],
            (26, 27, 30),
        )
        if full:
            for y in (lamp_y - 0.15, lamp_y - 0.08, lamp_y - 0.01):
                brush.part(
                    [(-half * 0.5, y), (-half * 0.5, y + 0.03), (half * 0.5, y + 0.03), (half * 0.5, y)],
                    (112, 114, 118),
                )
    for sign in (-1, 1):
        x0, x1 = sign * half * 0.97, sign * (half - wide_lamp)
        brush.part(
            [
                (x0, lamp_y - tall_lamp),
                (x0, lamp_y + tall_lamp),
                (x1, lamp_y + tall_lamp * 0.8),
                (x1, lamp_y - tall_lamp * 0.7),
            ],
            colour,
            on,
        )
        if full and car.rear:
            brush.part(
                [
                    (x0 * 0.95, lamp_y - tall_lamp * 0.5),
                    (x0 * 0.95, lamp_y - 0.01),
                    (x1, lamp_y - 0.01),
                    (x1, lamp_y - tall_lamp * 0.5),
                ],
                (236, 190, 160) if not on else (255, 120, 90),
                on,
            )
        if full and (not car.rear or van):  # mirrors
            y = shoulder + 0.1
            brush.part(
                [
                    (sign * half * 0.96, y),
                    (sign * (half + 0.16), y + 0.02),
                    (sign * (half + 0.16), y + 0.13),
                    (sign * half * 0.96, y + 0.11),
                ],
                times(paint, 0.8),
            )
    plate = (230, 226, 206) if dice.chance(0.75) else (222, 190, 66)
    y = mid + (0.08 if car.rear else -0.12)
    brush.part([(-0.26, y), (-0.26, y + 0.12), (0.26, y + 0.12), (0.26, y)], plate)
    if full:
        for k in range(6):
            if dice.chance(0.8):
                brush.part(
                    [
                        (-0.2 + 0.07 * k, y + 0.03),
                        (-0.2 + 0.07 * k, y + 0.09),
                        (-0.165 + 0.07 * k, y + 0.09),
                        (-0.165 + 0.07 * k, y + 0.03),
                    ],
                    (50, 52, 60),
                )
        brush.disc(0, shoulder - 0.13, 0.05, 0.04, (190, 192, 196))
    if tall in (1.46, 1.5) and dice.chance(0.3):  # a taxi's sign
        brush.part([(-0.2, tall), (-0.17, tall + 0.16), (0.17, tall + 0.16), (0.2, tall)], (250, 214, 90), light.dark)
