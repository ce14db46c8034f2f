"""Traffic signs."""

from __future__ import annotations

from data.scenes.brush import CIRCLE, brush_for
from data.scenes.canvas import Canvas, Colour
from data.scenes.dice import Dice
from data.scenes.layout import Street, Thing
from data.scenes.light import Light
from data.scenes.outlines import Point
from data.scenes.street import OCTAGON, mix, times


def paint_sign(canvas: Canvas, street: Street, light: Light, sign: Thing, instance: int) -> None:
    """A traffic sign on its pole."""
    dice = Dice.replay(sign.looks)
    brush = brush_for(canvas, street, light, sign, instance)
    h = sign.tall
    thin = max(0.045, 0.6 / brush.scale)  # at least a pixel wide
    steel = dice.pick(((146, 148, 150), (120, 124, 126), (98, 102, 106)))
    brush.part([(-thin, 0.0), (-thin, h - 0.1), (thin, h - 0.1), (thin, 0.0)], steel)
    bright = -1 if light.sun[0] < 0 else 1
    brush.part(
        [(bright * thin, 0.0), (bright * thin, h - 0.1), (bright * thin * 0.3, h - 0.1), (bright * thin * 0.3, 0.0)],
        times(steel, 1.3),
    )
    brush.part([(-thin * 2.2, 0.0), (-thin * 2.2, 0.07), (thin * 2.2, 0.07), (thin * 2.2, 0.0)], times(steel, 0.6))
    r = dice.between(0.32, 0.4)
    y = h - r
    kind = dice.pick(
        (
            "limit",
            "limit",
            "ban",
            "enter",
            "must",
            "warn",
            "warn",
            "yield",
            "stop",
            "stop",
            "priority",
            "parking",
            "crossing",
        )
    )
    faded = dice.between(0.0, 0.18)
    red, blue, white, black, yellow = (
        mix(c, (190, 188, 184), faded)
        for c in ((196, 26, 36), (26, 78, 168), (236, 236, 232), (28, 28, 30), (240, 192, 40))
    )

    def shape(corners: tuple[Point, ...], size: float, colour: Colour, dx: float = 0.0, dy: float = 0.0) -> None:
        brush.part([(dx + size * p, y + dy + size * q) for p, q in corners], colour)

    triangle = ((-1, -0.72), (0, 1.02), (1, -0.72))
    octagon = ((1, 0.41), (0.41, 1), (-0.41, 1), (-1, 0.41), (-1, -0.41), (-0.41, -1), (0.41, -1), (1, -0.41))
    square = ((-0.9, -0.9), (-0.9, 0.9), (0.9, 0.9), (0.9, -0.9))
    diamond = ((0, 1.08), (1.08, 0), (0, -1.08), (-1.08, 0))
    bar = ((-0.62, -0.16), (-0.62, 0.16), (0.62, 0.16), (0.62, -0.16))
    edge = times(steel, 0.75)
    if kind in ("limit", "ban", "enter", "must"):
        shape(CIRCLE, r * 1.04, edge)
        shape(CIRCLE, r, blue if kind == "must" else red)
        if kind in ("limit", "ban"):
            shape(CIRCLE, r * 0.74, white)
        if kind == "limit":  # two digits
            for dx in (-0.26, 0.26):
                shape(((-0.2, -0.4), (-0.2, 0.4), (0.2, 0.4), (0.2, -0.4)), r, black, dx * r)
                hole = ((-0.08, -0.24), (-0.08, 0.24), (0.08, 0.24), (0.08, -0.24))
                if dx > 0 or dice.chance(0.4):
                    shape(hole, r, white, dx * r)
                else:
                    shape(((-0.2, 0.06), (-0.2, 0.22), (0.06, 0.22), (0.06, 0.06)), r, white, dx * r, 0.0)
                    shape(((-0.06, -0.24), (-0.06, -0.08), (0.2, -0.08), (0.2, -0.24)), r, white, dx * r, 0.0)
        elif kind == "ban":
            shape(((-0.4, -0.28), (-0.4, 0.1), (-0.2, 0.34), (0.24, 0.34), (0.42, 0.1), (0.42, -0.28)), r, black)
        elif kind == "enter":
            shape(bar, r, white)
        else:
            flip = dice.pick((-1, 1))
            arrow = ((-0.55, -0.14), (-0.55, 0.14), (0.05, 0.14), (0.05, 0.44), (0.62, 0), (0.05, -0.44), (0.05, -0.14))
            shape(tuple((flip * p, q) for p, q in arrow), r, white)
    elif kind in ("warn", "yield"):
        flip = 1 if kind == "warn" else -1
        corners = tuple((p, flip * q) for p, q in triangle)
        shape(corners, r * 1.12, white)
        shape(corners, r * 1.05, red)
        shape(corners, r * 0.62, white if dice.chance(0.7) else yellow, 0, -0.02 * flip)
        if kind == "warn":
            shape(((-0.08, -0.1), (-0.12, 0.34), (0.12, 0.34), (0.08, -0.1)), r, black)
            shape(OCTAGON, r * 0.1, black, 0, -0.24 * r)
    elif kind == "stop":
        shape(octagon, r * 1.06, white)
        shape(octagon, r * 0.97, red)
        for i in range(4):
            x = (-0.62 + 0.42 * i) * r
            shape(((-0.14, -0.22), (-0.14, 0.24), (0.14, 0.24), (0.14, -0.22)), r, white, x)
            shape(((-0.04, -0.12 + 0.1 * (i % 2)), (-0.04, 0.12), (0.1, 0.12), (0.1, -0.12 + 0.1 * (i % 2))), r, red, x)
    elif kind == "priority":
        shape(diamond, r * 1.05, white)
        shape(diamond, r * 0.76, yellow)
    else:
        shape(square, r * 1.04, white)
        shape(square, r * 0.97, blue)
        if kind == "parking":
            shape(
                (
                    (-0.36, -0.6),
                    (-0.36, 0.62),
                    (0.2, 0.62),
                    (0.42, 0.4),
                    (0.42, 0.12),
                    (0.2, -0.1),
                    (-0.14, -0.1),
                    (-0.14, -0.6),
                ),
                r,
                white,
            )
            shape(((-0.14, 0.1), (-0.14, 0.42), (0.12, 0.42), (0.2, 0.32), (0.2, 0.2), (0.12, 0.1)), r, blue)
        else:
            shape(((-0.7, -0.6), (0, 0.7), (0.7, -0.6)), r, white)
            shape(CIRCLE, r * 0.1, black, 0, 0.24 * r)
            for flip in (-1, 1):  # a man walking
                shape(((-0.1 * flip, 0.12), (0.1 * flip, 0.12), (0.3 * flip, -0.44), (0.16 * flip, -0.44)), r, black)
    if dice.chance(0.3) and h - 2 * r > 1.7:  # a plate below
        w, t = r * 0.9, 0.1
        low = y - r - 0.16
        brush.part([(-w, low - t), (-w, low + t), (w, low + t), (w, low - t)], edge)
        brush.part(
            [
                (-w + 0.02, low - t + 0.02),
                (-w + 0.02, low + t - 0.02),
                (w - 0.02, low + t - 0.02),
                (w - 0.02, low - t + 0.02),
            ],
            white,
        )
        brush.part(
            [(-w * 0.6, low - 0.03), (-w * 0.6, low + 0.03), (w * 0.5, low + 0.03), (w * 0.5, low - 0.03)], black
        )
