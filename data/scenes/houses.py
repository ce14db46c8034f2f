"""Houses in perspective: roof, end wall, facade, windows, shops; and the hedges between them."""

from __future__ import annotations

from data.scenes import textures
from data.scenes.canvas import Canvas, Colour
from data.scenes.dice import Dice
from data.scenes.layout import Building, Street
from data.scenes.light import Light
from data.scenes.outlines import Point
from data.scenes.street import LEAVES, WALLS, mix, sunny, times

ROOFS = ((92, 84, 82), (128, 72, 58), (110, 64, 54), (78, 84, 94), (104, 96, 90))
ACCENTS = (
    (150, 40, 40), (36, 76, 120), (34, 96, 76), (196, 160, 60), (60, 60, 66), (120, 56, 96),
    (210, 206, 196), (206, 110, 50),
)  # fmt: skip
FACING = {-1: "right", 1: "left"}


class Facade:
    """A wall along the street with its light and looks, and the two ways to draw on it.

    z0, z1: the metres of it that the frame shows; `near`: pixels per metre of height at z0.
    """

    def __init__(self, canvas: Canvas, light: Light, building: Building, z0: float):
        self.canvas, self.light, self.building = canvas, light, building
        self.z0, self.z1 = z0, building.z1
        self.dice = Dice.replay(building.looks)
        self.near = canvas.camera.focal / z0
        self.wide = canvas.camera.focal * abs(building.x) * (1 / z0 - 1 / building.z1)
        self.plane = canvas.plane_of_wall(building.x)
        self.shadow = sunny(light) and light.sun[0] * building.side > 0
        self.gain = light.gain(FACING[building.side], self.shadow)

    def surface(
        self, gain: Colour, material: int, snow: float = 0.1, glow: bool = False, kind: str = "building"
    ) -> int:
        """A surface in the plane of this wall."""
        return self.canvas.surface(kind, self.plane, gain, material, wall=True, snow=snow, glow=glow)

    def strip(self, y0: float, y1: float, z0: float, z1: float, colour: Colour, surface: int, out: float = 0.0) -> None:
        """Fill the upright rectangle y0..y1, z0..z1, `out` metres before the wall."""
        z0 = max(z0, self.z0)
        if z1 > z0:
            x = self.building.x - self.building.side * out
            self.canvas.fill_boxes(x, (z0, z1, y0, y1), ((0.0, 0.0),), colour, surface)

    def panes(self, places: list[Point], box: tuple[float, float, float, float], colour: Colour, surface: int) -> None:
        """Fill the same box (z0, z1, y0, y1) at every place (z, y) of the wall."""
        self.canvas.fill_boxes(self.building.x, box, places, colour, surface)


def paint_building(canvas: Canvas, street: Street, light: Light, b: Building) -> None:
    """One house or hedge."""
    camera = canvas.camera
    # where the wall leaves the frame; nothing nearer is seen
    reach = camera.vx if b.side < 0 else camera.width - camera.vx
    edge = max(camera.focal * abs(b.x) / max(reach + 1, 1), 0.4)
    if b.z1 <= edge * 1.02:
        return
    facade = Facade(canvas, light, b, max(b.z0, edge * 0.98))
    if b.hedge:
        paint_hedge(facade, b.z0 > edge)
        return
    dice = facade.dice
    wall = mix(dice.pick(WALLS), dice.pick(WALLS), 0.25 * dice.random())
    if wall[0] > 1.45 * wall[2]:
        material = textures.BRICK
    else:
        material = dice.pick((textures.PLASTER, textures.PLASTER, textures.STONE, textures.BOARDS))
    face = facade.surface(facade.gain, material)
    paint_roof(facade, wall, material, b.z0 > edge)
    facade.strip(0, b.height, b.z0, b.z1, wall, face)
    if facade.wide < 0.03 * camera.width:
        return
    # windows mirror a bright sky even in the shade
    glass = facade.surface(facade.gain if light.dark else tuple(0.35 + 0.65 * g for g in facade.gain), textures.SMOOTH)
    trim = times(wall, 1.22) if dice.chance(0.6) else times(wall, 0.72)
    ground = min(dice.between(3.0, 3.8), b.height)
    windows(facade, ground, trim, wall, face, glass)
    detailed = facade.wide > 0.09 * camera.width
    if detailed:
        facade.strip(b.height - 0.56, b.height - 0.4, b.z0, b.z1, times(wall, 0.55), face)
        facade.strip(b.height - 0.42, b.height + 0.12, b.z0, b.z1, trim, face, 0.22)
        facade.strip(0, 0.5, b.z0, b.z1, times(wall, 0.62), face)
    if dice.chance(0.6 if b.floors > 2 else 0.3):
        shop(facade, ground, glass, detailed)
    else:
        ground_floor(facade, ground, trim, face, glass, detailed)


def paint_hedge(facade: Facade, front: bool) -> None:
    """A hedge with a lawn behind it; `front`: its near end is seen."""
    canvas, light, b = facade.canvas, facade.light, facade.building
    x = b.x
    low, high = facade.dice.pick(LEAVES[:4])
    green = mix(low, high, facade.dice.between(0.35, 0.6))
    lawn = canvas.surface("tree", canvas.plane_of_ground(), light.gain("up"), textures.LEAVES, ground=True, snow=0.9)
    z0, far = max(b.z0, 0.5), x + b.side * 60
    canvas.fill_ground([(x, z0), (x, b.z1), (far, b.z1), (far, z0)], mix(low, high, 0.75), lawn)
    if front:
        end = canvas.surface("tree", canvas.plane_facing(z0), light.gain("camera"), textures.LEAVES, snow=0.5)
        corners = ((x, 0), (x, b.height), (x + b.side, b.height), (x + b.side, 0))
        canvas.fill(corners, 0.0, z0, green, end)
    leaf = facade.surface(facade.gain, textures.LEAVES, 0.45, kind="tree")
    facade.strip(0, b.height, b.z0, b.z1, green, leaf)


def paint_roof(facade: Facade, wall: Colour, material: int, front: bool) -> None:
    """Steep roof or gable with a chimney, and the end wall where it shows."""
    canvas, b, dice = facade.canvas, facade.building, facade.dice
    x, top = b.x, b.height
    colour, chimney = dice.pick(ROOFS), dice.chance(0.7)
    deep = b.side * 9.0
    if front or b.roof != "flat":
        plane = canvas.plane_facing(max(b.z0, 0.5))
        end = canvas.surface("building", plane, facade.light.gain("camera"), material, snow=0.12)
    if b.roof != "flat":
        up, back = (2.6, b.side * 1.1) if b.roof == "steep" else (3.2, b.side * 4.5)
        above = facade.light.gain("up", facade.shadow)
        slate = facade.surface(mix(facade.gain, above, 0.5), textures.TILES, 0.85)
        eave, ridge = x - b.side * 0.3, x + back
        z0, z1, low, high = facade.z0, b.z1, top - 0.1, top + up
        canvas.fill_slanted([(eave, low, z0), (ridge, high, z0), (ridge, high, z1), (eave, low, z1)], colour, slate)
        if front:
            gable = ((x, top), (x + back, top + up), (x + deep - back, top + up), (x + deep, top))
            canvas.fill(gable, 0.0, b.z0, times(wall, 0.94), end)
        if chimney and b.z1 < 60:
            p, q, high = ridge - back * 0.1, ridge + b.side * 0.9, top + up + 1.1
            stack = ((p, top), (p, high), (q, high), (q, top))
            canvas.fill(stack, 0.0, max(facade.z0, b.z0 + 0.8), (124, 84, 72), end)
    if front:
        corners = ((x, 0), (x, top), (x + deep, top), (x + deep, 0))
        canvas.fill(corners, 0.0, b.z0, times(wall, 0.96), end)


def windows(facade: Facade, ground: float, trim: Colour, wall: Colour, face: int, glass: int) -> None:
    """The upper floors' windows: frame, glass, reflected sky, curtain or lamp light, bars, sill."""
    light, b, dice = facade.light, facade.building, facade.dice
    camera = facade.canvas.camera
    rows = b.floors - 1
    pitch, broad, tall = dice.between(1.7, 3.0), dice.between(0.85, 1.5), dice.between(1.3, 1.9)
    dark = dice.pick(((58, 66, 78), (66, 74, 80), (50, 56, 70)))
    warm = dice.pick(((250, 206, 128), (255, 222, 160), (238, 180, 96)))
    count = int((b.z1 - b.z0 - 0.8) / pitch)
    most = min(max(int(facade.wide / 3), 1), 7)
    if count > most:  # a long, distant row: broader windows, fewer
        pitch, broad, count = pitch * count / most, broad * count / most, most
    storey = (b.height - 0.5 - ground) / max(rows, 1)
    if rows < 1 or count < 1 or storey < 1.6:
        return
    broad, tall = min(broad, pitch - 0.5), min(tall, storey - 0.8)
    first = b.z0 + (b.z1 - b.z0 - count * pitch) / 2
    z = [first + pitch * (i + 0.5) for i in range(count)]
    z = [at for at in z if at + broad / 2 > facade.z0]
    # no higher than the frame
    y = [ground + storey * i + 0.55 for i in range(rows)]
    y = [at for at in y if camera.vy + camera.focal * (camera.eye - at) / b.z1 > 0]
    if not z or not y:
        return
    half = broad / 2
    places = [(at, up) for up in y for at in z]
    kinds = list(zip(places, dice.several(len(places)), strict=True))
    pixels = camera.focal * abs(b.x) * broad / max(z[0], facade.z0) ** 2  # width of the nearest window
    if pixels > 1.5:
        facade.panes(places, (-half - 0.13, half + 0.13, -0.13, tall + 0.13), trim, face)
    facade.panes([at for at, kind in kinds if kind >= light.lit], (-half, half, 0.0, tall), dark, glass)
    lit = [at for at, kind in kinds if kind < light.lit]
    if lit:
        level = 1.0 if light.dark else 0.85
        lamp = facade.surface((level,) * 3, textures.PLASTER, glow=light.dark)
        facade.panes(lit, (-half, half, 0.0, tall), warm, lamp)
    if pixels > 0.7:
        sky = [at for at, kind in kinds if kind >= light.lit and kind > 0.55]
        mirrored = mix(dark, times(light.sky_low, 0.72), 0.6)
        facade.panes(sky, (-half + 0.06, half - 0.06, 0.45 * tall, tall - 0.06), mirrored, glass)
    if pixels > 4:
        curtained = [at for at, kind in kinds if 0.4 < kind < 0.62]
        facade.panes(curtained, (-half, -0.2 * broad, 0.3 * tall, tall), (206, 198, 184), face)
        facade.panes(places, (-0.04, 0.04, 0.0, tall), times(trim, 0.95), face)
        facade.panes(places, (-half, half, 0.62 * tall, 0.67 * tall), times(trim, 0.95), face)
        facade.panes(places, (-half - 0.16, half + 0.16, -0.2, -0.06), times(trim, 1.08), face)
        facade.panes(places, (-half, half, 0.93 * tall, tall + 0.02), times(wall, 0.45), face)


def shop(facade: Facade, ground: float, glass: int, detailed: bool) -> None:
    """Shop windows with goods, a sign board, perhaps an awning."""
    light, b, dice = facade.light, facade.building, facade.dice
    accent, awning, slope = dice.pick(ACCENTS), dice.chance(0.5), dice.chance(0.5)
    length = b.z1 - b.z0
    lit = light.lit > 0.05 and dice.chance(0.2 + light.lit)
    pane = (72, 82, 92)
    if lit:
        pane = dice.pick(((236, 190, 120), (240, 208, 156), (206, 196, 180), (228, 166, 98)))
        glass = facade.surface((0.82,) * 3, textures.PLASTER, glow=light.dark)
    dark = times(accent, 0.6)
    front = facade.surface(facade.gain, textures.BOARDS)  # painted wood, whatever the house is made of
    facade.strip(0.0, ground - 0.15, b.z0, b.z1, dark, front)
    bays = min(max(int(length / 3.0), 1), 6)
    step = length / bays
    high, share = dice.between(0.95, 1.6), dice.between(-0.2, 0.2)
    wares = [mix(dice.pick(ACCENTS), pane, 0.3) for _ in range(2)]
    places = [(b.z0 + step * (i + 0.5), 0.0) for i in range(bays) if b.z0 + step * (i + 0.9) > facade.z0]
    half, top = 0.4 * step, ground - 0.95
    facade.panes(places, (-half, half, 0.6, top), pane, glass)
    if detailed:
        # the ceiling is brightest where lamps burn; else the glass mirrors the sky
        if lit:
            facade.panes(places, (-half, half, top - 0.3, top), mix(pane, (255, 250, 236), 0.6), glass)
        else:
            facade.panes(places, (-0.1 * step, 0.25 * step, 1.5, top), mix(pane, light.sky_low, 0.35), glass)
        for k in (0, 1):
            facade.panes(places[k::2], (-0.37 * step, share * step, 0.6, high), wares[k], glass)
            other = mix(wares[1 - k], (40, 40, 44), 0.5)
            facade.panes(places[k::2], (share * step, 0.37 * step, 0.6, high * 0.75), other, glass)
        door = len(places) - 1 - bays // 2  # counted from the far end, which is always seen
        if door >= 0:
            facade.panes(places[door : door + 1], (-half, half, 0.1, 0.6), pane, glass)
            facade.panes(places[door : door + 1], (-0.03 * step, 0.03 * step, 0.1, top), dark, front)
    facade.strip(ground - 0.85, ground - 0.1, b.z0, b.z1, accent, front, 0.08)
    if detailed and facade.near > 0.12 * facade.canvas.camera.height:
        letters = [b.z0 + length * (0.2 + 0.05 * i) for i in range(12) if dice.chance(0.85)]
        letters = [(at, 0.0) for at in letters if at > facade.z0]
        box = (0.0, 0.03 * length, ground - 0.66, ground - 0.3)
        facade.panes(letters, box, mix(accent, (250, 244, 226), 0.85), front)
    if awning:
        paint_awning(facade, ground, accent, "up" if slope else "camera")


def paint_awning(facade: Facade, ground: float, accent: Colour, facing: str) -> None:
    """A striped awning that slants out over the pavement."""
    b = facade.building
    cloth = facade.surface(facade.light.gain(facing), textures.SMOOTH, 0.7)
    z0, z1 = max(facade.z0, b.z0 + 0.4), b.z1 - 0.4
    if z1 <= z0:
        return
    x0, x1, y0, y1 = b.x, b.x - b.side * 0.95, ground - 0.5, ground - 1.05
    pale = mix(accent, (244, 240, 230), 0.85)
    n = min(max(int((z1 - z0) / 0.7), 1), max(int(facade.wide / 5), 1), 12)
    for i in range(n):
        a, c = z0 + (z1 - z0) * i / n, z0 + (z1 - z0) * (i + 1) / n
        cut = [(x0, y0, a), (x1, y1, a), (x1, y1 - 0.22, a), (x1, y1 - 0.22, c), (x1, y1, c), (x0, y0, c)]
        facade.canvas.fill_slanted(cut, pale if i % 2 else accent, cloth)


def ground_floor(facade: Facade, ground: float, trim: Colour, face: int, glass: int, detailed: bool) -> None:
    """A front door and windows beside it."""
    light, b, dice = facade.light, facade.building, facade.dice
    length = b.z1 - b.z0
    door = b.z0 + length * dice.between(0.3, 0.7)
    paint = times(dice.pick(ACCENTS), 0.85)
    if detailed:
        facade.strip(0, 2.35, door - 0.68, door + 0.68, trim, face)
    facade.strip(0, 2.2, door - 0.5, door + 0.5, paint, face)
    if facade.wide < 0.06 * facade.canvas.camera.width:
        return
    if detailed:
        facade.strip(1.75, 2.15, door - 0.4, door + 0.4, (70, 80, 90), glass)
    pane = (64, 72, 84)
    step = max(2.6, length / 6)
    z = [b.z0 + step * (i + 0.5) for i in range(int(length / step))]
    places = [(at, 0.0) for at in z if abs(at - door) > 1.5 and at + 0.6 > facade.z0 and at + 0.8 < b.z1]
    kinds = list(zip(places, dice.several(len(places)), strict=True))
    share = light.lit if light.dark else 0
    unlit = [at for at, kind in kinds if kind >= share]
    if detailed:
        facade.panes(places, (-0.62, 0.62, 0.85, ground - 0.6), trim, face)
    box = (-0.5, 0.5, 0.97, ground - 0.72)
    facade.panes(unlit, box, pane, glass)
    facade.panes([at for at, kind in kinds if kind < share], box, (240, 196, 118), glass)
    if detailed:
        facade.panes(unlit, (-0.45, 0.1, 1.7, ground - 0.72), mix(pane, light.sky_low, 0.4), glass)
