"""Pedestrians."""

from __future__ import annotations

from data.scenes.brush import brush_for
from data.scenes.canvas import Canvas
from data.scenes.dice import Dice
from data.scenes.layout import Street, Thing
from data.scenes.light import Light
from data.scenes.street import mix, times

CLOTHES = (
    (186, 52, 48), (40, 74, 132), (46, 50, 58), (226, 224, 216), (212, 166, 52), (66, 112, 84), (128, 72, 116),
    (200, 120, 78), (92, 132, 168), (122, 110, 96), (222, 150, 160), (38, 96, 106), (160, 168, 172), (232, 112, 40),
)  # fmt: skip
TROUSERS = ((44, 54, 84), (36, 38, 44), (92, 84, 74), (70, 88, 116), (148, 134, 110), (60, 56, 62), (112, 116, 120))
SKINS = ((238, 200, 172), (216, 168, 134), (184, 130, 96), (140, 94, 66), (100, 66, 48), (74, 50, 40))
HAIRS = ((36, 28, 26), (70, 46, 30), (120, 84, 50), (184, 148, 92), (150, 148, 146), (96, 40, 26))


def paint_pedestrian(canvas: Canvas, street: Street, light: Light, person: Thing, instance: int) -> None:
    """A person walking across the view, towards us, or away."""
    dice = Dice.replay(person.looks)
    brush = brush_for(canvas, street, light, person, instance)
    h = person.tall
    k = h / 1.75
    full = brush.scale * h > 0.2 * canvas.camera.height
    top, legs = dice.pick(CLOTHES), dice.pick(TROUSERS)
    skin, hair = dice.pick(SKINS), dice.pick(HAIRS)
    shoe = dice.pick(((30, 28, 28), (230, 228, 224), (96, 66, 44), (150, 40, 40)))
    profile = dice.chance(0.85 if person.crossing else 0.35)
    away = dice.chance(0.5)
    way = dice.pick((-1, 1))
    stride = dice.between(0.1, 0.34) if profile else dice.between(0.02, 0.07)
    swing = stride * dice.between(0.6, 1.0) * dice.pick((-1, 1))
    broad = dice.between(0.9, 1.15) * (0.72 if profile else 1.0)
    garment = dice.weighted({"trousers": 1.0, "skirt": 0.25, "coat": 0.35, "shorts": 0.15})
    lit_left = light.sun[0] < 0
    hip, neck = 0.5 * h, 0.83 * h
    hips, chest = 0.15 * k * broad, 0.215 * k * broad

    def leg(foot_x: float, lift: float, tone: float) -> None:
        hx = foot_x * 0.22 if profile else foot_x * 0.8
        knee = (foot_x * 0.55 + (way * 0.07 * k if profile else 0) + hx * 0.2, 0.27 * h + lift * 0.4)
        foot = (foot_x, 0.035 * h + lift)
        bare = garment in ("skirt", "shorts")
        brush.limb((hx, hip), knee, 0.17 * k, 0.125 * k, times(legs, tone))
        brush.limb(knee, foot, 0.125 * k, 0.085 * k, times(skin if bare else legs, tone))
        toe = way * 0.15 * k if profile else 0.0
        wide = 0.055 * k
        y = foot[1]
        brush.part(
            [
                (foot[0] - wide, y - 0.035 * h),
                (foot[0] - wide, y + 0.02 * h),
                (foot[0] + wide + max(toe, 0) * 0.3, y + 0.02 * h),
                (foot[0] + wide + max(toe, 0), y - 0.035 * h),
                (foot[0] - wide + min(toe, 0), y - 0.035 * h),
            ],
            times(shoe, tone),
        )

    def arm(hand_x: float, sign: int, tone: float) -> None:
        shoulder = (sign * chest * (0.2 if profile else 0.76), neck - 0.062 * h)
        elbow = (shoulder[0] + (hand_x - shoulder[0]) * 0.4 + (0 if profile else sign * 0.05 * k), 0.64 * h)
        hand = (hand_x + (way * 0.06 * k if profile else 0), 0.5 * h)
        sleeve = times(top, tone)
        brush.limb(shoulder, elbow, 0.12 * k, 0.1 * k, sleeve)
        brush.limb(elbow, hand, 0.1 * k, 0.07 * k, sleeve if garment != "shorts" else times(skin, tone))
        if full:
            brush.disc(hand[0], hand[1] - 0.01 * h, 0.045 * k, 0.05 * k, times(skin, tone))

    spread = stride * k if profile else 0.1 * k
    arm(-swing * k if profile else -way * chest * 1.25, -way, 0.72)
    if not profile:
        arm(way * chest * 1.25, way, 0.9)
    leg(-spread * way, 0.05 * k if profile else 0.0, 0.72)
    leg(spread * way, 0.0 if profile else stride * 0.8 * k, 1.0)
    if garment == "skirt":
        brush.part(
            [
                (-hips, hip + 0.1 * h),
                (-hips * 1.5 - stride * 0.2, 0.3 * h),
                (hips * 1.5 + stride * 0.2, 0.3 * h),
                (hips, hip + 0.1 * h),
            ],
            legs,
        )
    hem = 0.34 * h if garment == "coat" else 0.46 * h
    wide_hem = hips * (1.25 if garment == "coat" else 1.05)
    torso = [
        (-wide_hem, hem),
        (-hips * 0.95, 0.6 * h),
        (-chest, neck - 0.07 * h),
        (-chest * 0.8, neck - 0.015 * h),
        (-0.06 * k, neck + 0.012 * h),
    ]
    torso = torso + [(-x, y) for x, y in reversed(torso)]
    brush.part(torso, top)
    s = 1 if lit_left else -1
    brush.part(
        [
            (s * wide_hem, hem),
            (s * hips * 0.95, 0.6 * h),
            (s * chest, neck - 0.07 * h),
            (s * chest * 0.7, neck - 0.03 * h),
            (s * chest * 0.35, 0.68 * h),
            (s * wide_hem * 0.3, hem),
        ],
        times(top, 0.74),
    )
    if full:
        brush.part(
            [
                (-s * chest * 0.98, neck - 0.08 * h),
                (-s * chest * 0.75, neck - 0.02 * h),
                (-s * chest * 0.45, neck - 0.03 * h),
                (-s * chest * 0.66, 0.66 * h),
            ],
            times(top, 1.16),
        )
        if not profile and not away:
            brush.part(
                [(-0.05 * k, neck + 0.01 * h), (0, neck - 0.07 * h), (0.05 * k, neck + 0.01 * h)],
                mix(skin, (240, 240, 236), dice.random()),
            )
            brush.limb((0, neck - 0.07 * h), (0, hem), 0.014, 0.014, times(top, 0.6))
    brush.limb(
        (0, neck - 0.01 * h), (way * 0.015 * k if profile else 0, 0.88 * h), 0.1 * k, 0.09 * k, times(skin, 0.82)
    )
    bag = dice.random()
    if bag < 0.22 and away and not profile:
        brush.part(
            [
                (-chest * 0.72, 0.56 * h),
                (-chest * 0.78, 0.77 * h),
                (0, 0.81 * h),
                (chest * 0.78, 0.77 * h),
                (chest * 0.72, 0.56 * h),
            ],
            dice.pick(CLOTHES),
        )
        brush.part(
            [(-chest * 0.5, 0.58 * h), (-chest * 0.5, 0.66 * h), (chest * 0.5, 0.66 * h), (chest * 0.5, 0.58 * h)],
            (40, 42, 48),
        )
    elif bag < 0.22 and profile:
        brush.part(
            [
                (-way * hips * 0.7, 0.55 * h),
                (-way * chest * 0.8, 0.78 * h),
                (-way * chest * 1.7, 0.75 * h),
                (-way * chest * 1.7, 0.58 * h),
            ],
            dice.pick(CLOTHES),
        )
    elif bag < 0.42:
        x = way * hips * 1.5
        brush.part(
            [(x - 0.12 * k, 0.3 * h), (x - 0.1 * k, 0.43 * h), (x + 0.1 * k, 0.43 * h), (x + 0.12 * k, 0.3 * h)],
            dice.pick(CLOTHES),
        )
        brush.limb((x, 0.43 * h), (x, 0.5 * h), 0.02, 0.02, (40, 36, 34))
    # head
    hx, hy, rx, ry = (way * 0.025 * k if profile else 0.0), 0.93 * h, 0.082 * k, 0.068 * h
    style = dice.below(4)
    if style == 0:  # long hair behind the neck
        brush.part(
            [(hx - rx * 1.1, hy - 0.1 * h), (hx - rx * 1.15, hy), (hx + rx * 1.15, hy), (hx + rx * 1.1, hy - 0.1 * h)],
            times(hair, 0.85),
        )
    brush.disc(hx, hy, rx, ry, hair if away and not profile else skin)
    if not away or profile:
        brush.part(
            [
                (hx + s * rx * p, hy + ry * q)
                for p, q in ((1, 0), (0.866, 0.5), (0.3, 0.8), (0.35, -0.8), (0.866, -0.5))
            ],
            times(skin, 0.8),
        )
        back = -way if profile else 0
        cap = [
            (hx - rx * 1.06, hy + (0.05 if back >= 0 else -0.35) * ry),
            (hx - rx * 0.9, hy + ry * 0.62),
            (hx, hy + ry * 1.08),
            (hx + rx * 0.9, hy + ry * 0.62),
            (hx + rx * 1.06, hy + (0.05 if back <= 0 else -0.35) * ry),
            (hx + back * rx * 0.3, hy + ry * 0.45),
        ]
        brush.part(cap, hair, notched=True)
        if full and not profile:
            for sign in (-1, 1):
                brush.disc(hx + sign * rx * 0.4, hy + ry * 0.05, rx * 0.13, ry * 0.1, (40, 30, 28))
            brush.limb((hx - rx * 0.25, hy - ry * 0.5), (hx + rx * 0.25, hy - ry * 0.5), 0.012, 0.012, times(skin, 0.6))
    if style == 1 and dice.chance(0.6):  # hat
        cloth = dice.pick(CLOTHES)
        brush.part(
            [
                (hx - rx * 1.12, hy + ry * 0.35),
                (hx - rx * 0.9, hy + ry * 1.0),
                (hx, hy + ry * 1.25),
                (hx + rx * 0.9, hy + ry * 1.0),
                (hx + rx * 1.12, hy + ry * 0.35),
            ],
            cloth,
        )
        brush.part(
            [
                (hx - rx * 1.14, hy + ry * 0.3),
                (hx - rx * 1.14, hy + ry * 0.5),
                (hx + rx * 1.14, hy + ry * 0.5),
                (hx + rx * 1.14, hy + ry * 0.3),
            ],
            times(cloth, 0.7),
        )
    if profile:
        arm(swing * k, way, 1.0)
    if light.wet and dice.chance(0.5):  # an umbrella
        cloth = dice.pick(CLOTHES)
        x, y = hx + way * 0.12 * k, 1.02 * h
        brush.limb((way * chest * 0.9, 0.62 * h), (x, 1.14 * h), 0.025, 0.02, (50, 48, 46))
        arc = [
            (-0.52, 0.0),
            (-0.46, 0.13),
            (-0.3, 0.24),
            (0.0, 0.3),
            (0.3, 0.24),
            (0.46, 0.13),
            (0.52, 0.0),
            (0.26, 0.05),
            (0.0, 0.0),
            (-0.26, 0.05),
        ]
        brush.part([(x + p, y + q) for p, q in arc], cloth, notched=True)
        brush.part(
            [(x + s * p, y + q) for p, q in ((0.52, 0.0), (0.46, 0.13), (0.3, 0.24), (0.0, 0.3), (0.26, 0.05))],
            times(cloth, 0.76),
        )
