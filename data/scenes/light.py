"""Light and weather: where the light comes from, its colour, and what the air does to it."""

from __future__ import annotations

from typing import NamedTuple

from data.scenes.dice import Dice

Rgb = tuple[float, float, float]

LIGHTS = {"noon": 0.28, "golden": 0.2, "overcast": 0.22, "dusk": 0.15, "night": 0.15}  # name: natural frequency
WEATHERS = {"clear": 0.58, "fog": 0.12, "rain": 0.17, "snow": 0.13}


class Light(NamedTuple):
    """The light of one scene. Colours of light are factors on an albedo, sky colours 0..255, `haze_rate` per metre.

    `sun` is the direction *to* the sun (x right, y up, z forward; not normalised: y is 1), `direct` its light on a
    surface that faces it, `lamp` the light of street lamps and shop windows.
    """

    direct: Rgb
    ambient: Rgb
    lamp: Rgb
    sun: Rgb
    sky_top: Rgb
    sky_low: Rgb
    cloud: Rgb
    cover: float
    haze: Rgb
    haze_rate: float
    lit: float
    wet: float
    snow: float
    dark: bool

    gains: dict[tuple[str, bool], Rgb]

    def gain(self, facing: str, shaded: bool = False) -> Rgb:
        """Light (red, green, blue) on a surface facing `up`, `left`, `right` or the `camera`."""
        return self.gains[facing, shaded]


def gains_of(direct: Rgb, ambient: Rgb, lamp: Rgb, sun: Rgb) -> dict[tuple[str, bool], Rgb]:
    """All that `Light.gain` can answer."""
    x, y, z = sun
    length = (x * x + y * y + z * z) ** 0.5
    gains = {}
    for facing, cosine in (("up", y), ("left", -x), ("right", x), ("camera", -z)):
        # what is not the sky's is the street's: walls get light from the ground, less of it when that is dark
        around = 1.0 if facing == "up" else 0.86
        for shaded in (False, True):
            share = 0.08 if shaded else max(cosine / length, 0.0) * 0.85 + 0.15
            gains[facing, shaded] = tuple(
                [a * around + d * share + 0.45 * w for a, d, w in zip(ambient, direct, lamp, strict=True)]
            )
    return gains


def blend(a: Rgb, b: Rgb, t: float) -> Rgb:
    """The mixture a (1 - t) + b t."""
    return tuple(p + (q - p) * t for p, q in zip(a, b, strict=True))


def light_for(light: str, weather: str, dice: Dice) -> Light:
    """The light under these conditions, with a sun, a sky and an air of its own."""
    side = 1 if dice.chance(0.5) else -1
    ahead = 1 if dice.chance(0.4) else -1
    shift = dice.between(-1, 1)
    lamp, lit, dark = (0.0, 0.0, 0.0), 0.02, False
    if light == "noon":
        sun = (side * dice.between(0.25, 0.9), 1.0, ahead * dice.between(0.2, 0.8))
        direct, ambient = (0.8, 0.73, 0.6), (0.6, 0.65, 0.73)
        top, low, cloud = (58 + 14 * shift, 112 + 14 * shift, 190), (168, 204, 232), (246, 248, 250)
        haze, cover = (186, 206, 226), dice.between(0.0, 0.65)
    elif light == "golden":
        sun = (side * dice.between(0.6, 2.0), 1.0, ahead * dice.between(1.0, 2.6))
        direct, ambient = (0.98, 0.7 + 0.04 * shift, 0.42), (0.5, 0.48, 0.54)
        top, low, cloud = (104, 134, 184), (252, 206 + 8 * shift, 138), (255, 214, 168)
        haze, cover, lit = (236, 196, 152), dice.between(0.1, 0.6), 0.08
    elif light == "overcast":
        sun = (side * 0.4, 1.0, ahead * 0.4)
        direct, ambient = (0.06, 0.06, 0.06), (0.86, 0.88, 0.91)
        top, low, cloud = (172, 178, 186), (208, 211, 214), (226, 227, 229)
        haze, cover, lit = (202, 207, 212), dice.between(0.8, 1.0), 0.06
    elif light == "dusk":
        sun = (side * dice.between(1.0, 2.0), 1.0, 3.0)
        direct, ambient = (0.16, 0.08, 0.08), (0.42, 0.39, 0.54)
        top, low = (52, 58 + 8 * shift, 112), (236 + 10 * shift, 140 + 20 * shift, 112)
        cloud, haze, cover = (190, 118, 122), (150, 116, 132), dice.between(0.1, 0.6)
        lamp, lit, dark = (0.26, 0.18, 0.08), 0.4, True
    else:
        sun = (side * 0.4, 1.0, ahead * 0.4)
        direct, ambient = (0.03, 0.035, 0.05), (0.15, 0.18, 0.3)
        top, low, cloud = (8, 12, 30), (34 + 8 * shift, 36, 62), (48, 46, 66)
        haze, cover = (38, 40, 62), dice.between(0.0, 0.6)
        lamp, lit, dark = (0.52, 0.4, 0.22), 0.42, True
    haze_rate, wet, snow = dice.between(0.0015, 0.006), 0.0, 0.0
    if weather != "clear":
        # a closed sky: grey of the same brightness, the sun mostly gone
        mean = sum(low) / 3 * 0.55 + sum(top) / 3 * 0.45
        amount = {"fog": 0.75, "rain": 0.7, "snow": 0.7}[weather]
        grey = (mean * 0.98, mean, mean * 1.03)
        if weather == "rain" and not dark:
            grey = blend(grey, (104, 110, 120), 0.45)
        top, low, cloud, haze = (blend(colour, grey, amount) for colour in (top, low, cloud, haze))
        keep = 0.22 if weather == "fog" else 0.15
        lost = blend((0, 0, 0), direct, (1 - keep) * 0.45)
        direct = blend((0, 0, 0), direct, keep)
        ambient = tuple(a + sum(lost) / 3 * 0.8 for a in ambient)
        cover = max(cover, 0.75)
    if weather == "fog":
        haze_rate = dice.between(0.03, 0.075)
    elif weather == "rain":
        haze_rate, wet, lit = dice.between(0.008, 0.02), dice.between(0.55, 1.0), max(lit, 0.12)
        ambient = tuple(a * 0.88 for a in ambient)
    elif weather == "snow":
        haze_rate, snow, lit = dice.between(0.012, 0.03), dice.between(0.5, 1.0), max(lit, 0.1)
    gains = gains_of(direct, ambient, lamp, sun)
    return Light(direct, ambient, lamp, sun, top, low, cloud, cover, haze, haze_rate, lit, wet, snow, dark, gains)
