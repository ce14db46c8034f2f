"""Where everything stands: camera, street, buildings, trees, and the objects with the principal one in front."""

from __future__ import annotations

from dataclasses import dataclass, field

from data.scenes.dice import Dice
from data.scenes.outlines import Camera

OBJECT_CLASSES = ("car", "pedestrian", "sign")
LABELS = OBJECT_CLASSES
SETTINGS = {"city": 0.45, "town": 0.33, "park": 0.22}  # name: natural frequency
MAX_OBJECTS = 14


@dataclass
class Thing:
    """An object: class, place and height in metres, and the numbers that draw its looks (see `Dice.replay`)."""

    kind: str
    x: float
    z: float
    tall: float
    looks: list[float]
    principal: bool = False
    rear: bool = False  # car: we see its back
    crossing: bool = False  # pedestrian on the road


@dataclass
class Building:
    """A facade along the street on `side` (-1 left, 1 right) in the plane `x`, from `z0` to `z1` metres."""

    side: int
    x: float
    z0: float
    z1: float
    height: float
    floors: int
    roof: str
    looks: list[float]
    hedge: bool = False


@dataclass
class Tree:
    """A street tree: trunk at (x, z), total height and crown radius in metres."""

    x: float
    z: float
    tall: float
    radius: float
    looks: list[float]


@dataclass
class Street:
    """All of a scene but its light: positions in metres, the camera at (0, eye, 0) looking along z."""

    camera: Camera
    left: float  # kerbs
    right: float
    left_wall: float
    right_wall: float
    end: float
    backdrop: str
    zebra: float | None
    looks: list[float]
    buildings: list[Building] = field(default_factory=list)
    trees: list[Tree] = field(default_factory=list)
    things: list[Thing] = field(default_factory=list)


def bounds(camera: Camera, thing: Thing) -> tuple[float, float, float, float]:
    """Image box (left, top, right, bottom) of a thing, roughly, in pixels."""
    half = {"car": 0.62, "pedestrian": 0.17, "sign": 0.13}[thing.kind] * thing.tall
    left, top = camera.project(thing.x - half, thing.tall, thing.z)
    right, bottom = camera.project(thing.x + half, 0.0, thing.z)
    return left, top, right, bottom


def plan(label: str, setting: str, size: tuple[int, int], scale: float, dice: Dice) -> Street:
    """Lay out a street whose nearest object is a `label`, `scale` times its usual size in the picture."""
    height, width = size
    focal = dice.between(0.78, 0.98) * (height * width) ** 0.5
    camera = Camera(
        height, width, focal, width * dice.between(0.3, 0.7), height * dice.between(0.38, 0.5), dice.between(1.3, 1.8)
    )
    reference = min(height, 1.3 * width)
    low, high = {"car": (0.25, 0.44), "pedestrian": (0.36, 0.62), "sign": (0.5, 0.84)}[label]
    share = dice.between(low, high) * scale
    tall = tallness(label, dice)
    z = max(focal * tall / (share * reference), 1.3)
    margin = 0.26 if label == "car" else 0.14
    x = (dice.between(margin, 1 - margin) * width - camera.vx) * z / focal
    principal = Thing(label, x, z, tall, dice.looks(64), principal=True)
    road = dice.between(6.0, 9.0)
    walk = dice.between(2.0, 4.2) + (1.0 if setting == "park" else 0.0)
    side = -1 if dice.chance(0.85 if x < 0 else 0.15) else 1
    centre = place(principal, side, road, walk, dice)
    street = Street(
        camera=camera,
        left=centre - road / 2,
        right=centre + road / 2,
        left_wall=min(centre - road / 2 - walk, -1.3),
        right_wall=max(centre + road / 2 + walk, 1.3),
        end=dice.between(40, 95),
        backdrop=dice.weighted({"buildings": 1.0, "block": 0.7, "trees": 0.9 if setting != "city" else 0.3}),
        zebra=None,
        looks=dice.looks(128),
    )
    if principal.crossing:
        street.zebra = principal.z + dice.between(-0.6, 0.8)
    elif dice.chance(0.25):
        street.zebra = dice.between(principal.z + 3, principal.z + 14)
    line_with_buildings(street, setting, dice)
    line_with_trees(street, setting, principal, dice)
    street.things.append(principal)
    fill_with_things(street, principal, reference, dice)
    return street


def tallness(kind: str, dice: Dice) -> float:
    """Height in metres of a car, a pedestrian (children too) or a sign with its pole."""
    if kind == "car":
        return dice.pick((1.42, 1.46, 1.5, 1.52, 1.66, 1.72, 1.95))
    if kind == "pedestrian":
        return dice.between(1.58, 1.9) if dice.chance(0.88) else dice.between(1.1, 1.4)
    return dice.between(2.3, 2.9)


def place(thing: Thing, side: int, road: float, walk: float, dice: Dice) -> float:
    """The x of the road's centre that puts the thing where its kind belongs; sets what follows from it."""
    if thing.kind == "car":
        lane = dice.pick(("same", "oncoming", "parked"))
        if lane == "parked":
            thing.rear = side > 0 or dice.chance(0.3)
            return thing.x - side * (road / 2 - 1.15)
        thing.rear = lane == "same"
        return thing.x - (road / 4 if thing.rear else -road / 4)
    if thing.kind == "pedestrian":
        if dice.chance(0.28):
            thing.crossing = True
            return thing.x - dice.between(-0.3, 0.3) * road
        return thing.x - side * (road / 2 + dice.between(0.5, walk - 0.6))
    return thing.x - side * (road / 2 + dice.between(0.35, 0.7))


def line_with_buildings(street: Street, setting: str, dice: Dice) -> None:
    """Two rows of houses, hedges and gaps, from behind the frame's edge to the end of the street."""
    park_side = dice.pick((-1, 1, 0)) if setting == "park" else None
    for side, wall in ((-1, street.left_wall), (1, street.right_wall)):
        green = park_side in (side, 0)
        z = dice.between(-8, 0.5)
        base = {"city": 14.0, "town": 6.6, "park": 9.0}[setting] * dice.between(0.85, 1.2)
        while z < street.end and len(street.buildings) < 28:
            length = dice.between(7, 17) if setting == "city" else dice.between(6, 13)
            length *= max(1.0, z / 8)  # far away, one house stands for a few
            if green or (setting != "city" and dice.chance(0.16)):
                street.buildings.append(
                    Building(side, wall, z, z + length, dice.between(0.9, 1.7), 0, "flat", dice.looks(8), True)
                )
                z += length
                continue
            height = base * dice.between(0.75, 1.3)
            floors = max(int(height / 3.1), 1)
            roof = dice.weighted(
                {"flat": 3 if setting == "city" else 1, "steep": 2, "gable": 0.2 + (setting != "city") * 2}
            )
            set_back = dice.pick((0.0, 0.0, 0.0, 0.5, 1.2)) * (setting != "city")
            street.buildings.append(
                Building(side, wall + side * set_back, z, z + length, max(height, 3.4), floors, roof, dice.looks(96))
            )
            z += length
            if setting != "city" and dice.chance(0.3):
                z += dice.between(1.5, 5)


def line_with_trees(street: Street, setting: str, principal: Thing, dice: Dice) -> None:
    """Street trees near the kerbs, and behind the hedges of a park."""
    for side, kerb, wall in ((-1, street.left, street.left_wall), (1, street.right, street.right_wall)):
        if dice.chance({"city": 0.5, "town": 0.55, "park": 0.9}[setting]):
            z, gap = principal.z + dice.between(0.6, 9), dice.between(6, 13)
            x = kerb + side * dice.between(0.7, 1.0)
            size = dice.between(0.7, 1.1)
            while z < street.end * 0.8 and len(street.trees) < 9:
                tall = dice.between(5.0, 7.5) * size
                street.trees.append(Tree(x, z, tall, tall * dice.between(0.24, 0.34), dice.looks(8)))
                z += gap * dice.between(0.8, 1.3) * max(1.0, z / 20)
        for hedge in [b for b in street.buildings if b.hedge and b.side == side]:
            for _ in range(2):
                z = dice.between(hedge.z0, hedge.z1)
                if z > 3 and len(street.trees) < 12:
                    tall = dice.between(5, 11)
                    x = wall + side * dice.between(1.5, 6)
                    street.trees.append(Tree(x, z, tall, tall * dice.between(0.28, 0.4), dice.looks(8)))


def fill_with_things(street: Street, principal: Thing, reference: float, dice: Dice) -> None:
    """More objects, all farther away than the principal one, none of them tiny or nearly hidden."""
    camera = street.camera
    boxes = [bounds(camera, principal)]
    wanted = dice.below(9) + 1
    parked = {side: dice.chance(0.6) for side in (-1, 1)}
    for _ in range(3 * wanted):
        if len(street.things) > wanted or len(street.things) >= MAX_OBJECTS:
            break
        kind = dice.weighted({"car": 1.25, "pedestrian": 1.2, "sign": 0.6})
        tall = tallness(kind, dice)
        farthest = camera.focal * tall / ((0.11 if kind == "sign" else 0.065) * reference)
        nearest = principal.z * 1.25 + (2.5 if kind == "car" else 0.5)
        if farthest <= nearest:
            continue
        z = 1 / dice.between(1 / farthest, 1 / nearest)  # uniform in image size
        side = dice.pick((-1, 1))
        kerb, wall = (street.left, street.left_wall) if side < 0 else (street.right, street.right_wall)
        thing = Thing(kind, 0.0, z, tall, [])
        if kind == "car":
            if parked[side] and dice.chance(0.6):
                thing.x, thing.rear = kerb - side * 1.15, side > 0
            else:
                thing.x = (street.left + street.right) / 2 + side * (street.right - street.left) / 4
                thing.rear = side > 0
        elif kind == "pedestrian":
            if dice.chance(0.15):
                thing.x, thing.crossing = dice.between(street.left + 0.5, street.right - 0.5), True
            else:
                a, b = sorted((kerb + side * 0.5, wall - side * 0.5))
                thing.x = dice.between(a, b)
        else:
            thing.x = kerb + side * dice.between(0.3, 0.6)
        box = bounds(camera, thing)
        middle = (box[0] + box[2]) / 2
        if not 0 < middle < camera.width or any(hidden(box, other) for other in boxes):
            continue
        if any(
            abs(thing.x - other.x) < (1.9 if "car" in (kind, other.kind) else 0.6)
            and abs(z - other.z) < (5.5 if kind == other.kind == "car" else 2.5 if "car" in (kind, other.kind) else 0.6)
            for other in street.things
        ):
            continue
        thing.looks = dice.looks(64)
        boxes.append(box)
        street.things.append(thing)


def hidden(box: tuple[float, ...], front: tuple[float, ...]) -> bool:
    """Whether more than 55 % of `box` lies behind `front`, or the other way round."""
    width = min(box[2], front[2]) - max(box[0], front[0])
    height = min(box[3], front[3]) - max(box[1], front[1])
    if width <= 0 or height <= 0:
        return False
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (box, front)]
    return width * height > 0.55 * min(areas)
