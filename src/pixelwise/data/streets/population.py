"""What stands along the street and moves on it: houses, gardens, trees, cars, people, signs."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np

from pixelwise.data.streets import cars, facades, furniture, people, plants
from pixelwise.data.streets.canvas import Canvas, Place
from pixelwise.data.streets.ground import KERB, Blob, Street
from pixelwise.data.streets.palette import CLOTHES, HAIRS, LEAVES, NEEDLES, PAINTS, ROOFS, SKINS, TROUSERS, Color, pick
from pixelwise.data.streets.textures import CROWNS, FIRST_CONIFER
from pixelwise.data.streets.walls import FRONTS, fencings

END = 95.0  # metres: the last lot along the street
TOWARDS_US = np.pi
LENGTHY = 3.0  # metres: the same for fences and hedges, whose near end is larger than their far end
SLENDER = 1.8  # metres: posts are seen as far as things of this height, however high they are


class Plot(NamedTuple):
    """The rectangle on the ground that a thing takes up: its middle and half its sides, in metres."""

    x: float
    z: float
    across: float
    along: float

    def meets(self, other: "Plot") -> bool:
        """Whether two things stand in one another."""
        near_across = abs(self.x - other.x) < self.across + other.across
        return near_across and abs(self.z - other.z) < self.along + other.along


class Item(NamedTuple):
    """Something that stands on the ground: its distance orders the painting, its height tells whether it is seen."""

    z: float
    height: float
    paint: Callable[[Canvas], None]
    shadow: tuple[Blob, ...] = ()
    lamp: tuple[float, float] | None = None
    plot: Plot | None = None


def populate(rng: np.random.Generator, street: Street) -> list[Item]:
    """Everything in the scene; of two things that would stand in one another, the first."""
    gardens = float(rng.choice((0.2, 0.4, 0.7)))
    items = [*crossing_people(rng, street), *cyclists(rng, street), *traffic(rng, street)]
    for side in (-1, 1):
        items += lots(rng, street, side, gardens)
        items += lamps(rng, street, side)
        items += street_trees(rng, street, side)
        items += parked_cars(rng, street, side)
        items += signs(rng, street, side)
        items += walkers(rng, street, side)
        items += odds_and_ends(rng, street, side)
    return without_collisions(items)


def without_collisions(items: list[Item]) -> list[Item]:
    """Leaves out the things that would stand in an earlier one."""
    kept: list[Item] = []
    taken: list[Plot] = []
    for item in items:
        if item.plot is None:
            kept.append(item)
        elif not any(item.plot.meets(plot) for plot in taken):
            kept.append(item)
            taken.append(item.plot)
    return kept


def lots(rng: np.random.Generator, street: Street, side: int, gardens: float) -> Iterator[Item]:
    """House after house along one side, and gardens between them; none in the side street."""
    wall, z = street.wall(side), -3.0
    gap = street.side_street
    while z < END:
        if gap and gap[0] - 2.5 - 5 < z < gap[1] + 2.5:
            z = gap[1] + 2.5
        length = float(rng.uniform(7, 16))
        end = min(z + length, gap[0] - 2.5) if gap and z < gap[0] else z + length
        maker = garden if rng.random() < gardens else house
        yield from maker(rng, side, wall, (z, end))
        z = end


def house(rng: np.random.Generator, side: int, wall: float, span: tuple[float, float]) -> Iterator[Item]:
    """One house, at times a little back behind a front fence."""
    storeys = int(rng.integers(2, 6))
    look = int(rng.integers(FRONTS))
    roof = pick(rng, ROOFS) if rng.random() < 0.6 else None
    back = rng.uniform(1.5, 3.5) if rng.random() < 0.4 else 0.0
    shape = partial(facades.house, side=side, wall=wall + side * back, span=span, storeys=storeys, look=look, roof=roof)
    top, middle = storeys * facades.STOREY_HEIGHT, (span[0] + span[1]) / 2
    shadow = Blob(wall + side * (back + 1), middle, 0.85 * (span[1] - span[0]), 0, top)
    yield Item(span[1] + 0.1, 9, shape, (shadow,))
    if back:
        yield Item(span[1], LENGTHY, partial(furniture.fence, x=wall, span=span, fencing=pick(rng, tuple(fencings()))))


def garden(rng: np.random.Generator, side: int, wall: float, span: tuple[float, float]) -> Iterator[Item]:
    """A fence, or a hedge, with trees behind it."""
    green, look = pick(rng, LEAVES), int(rng.integers(CROWNS))
    for z in np.arange(span[0] + 2, span[1] - 1, 5.5):
        yield tree(rng, wall + side * rng.uniform(3, 6), z, pick(rng, LEAVES))._replace(z=span[1] + 0.2 + z / 1000)
    if rng.random() < 0.85:
        yield Item(span[1], LENGTHY, partial(furniture.fence, x=wall, span=span, fencing=pick(rng, tuple(fencings()))))
    else:
        hedge = partial(
            plants.hedge, x=wall + side * 0.6, span=span, height=rng.uniform(1.2, 2.2), look=look, color=green
        )
        yield Item(span[1], LENGTHY, hedge)


def tree(rng: np.random.Generator, x: float, z: float, color: Color) -> Item:
    """A tree with its shadow."""
    height, look = rng.uniform(4.5, 9), int(rng.integers(CROWNS))
    color = color if look < FIRST_CONIFER else pick(rng, NEEDLES)
    spread = height * rng.uniform(0.5, 0.75)
    shape = partial(plants.tree, x=x, z=z, height=height, spread=spread, look=look, color=color)
    shadow = Blob(x, z, 0.3, 0, height * 0.5), Blob(x, z, spread * 0.8, height * 0.4, height * 0.95)
    return Item(z, height, shape, shadow, plot=Plot(x, z, 0.3, 0.3))


def along(rng: np.random.Generator, street: Street, start: float, step: tuple[float, float]) -> Iterator[float]:
    """Places along the kerb, at random steps, none in the side street."""
    z, gap = start, street.side_street
    while z < 70:
        if not (gap and gap[0] - 1.5 < z < gap[1] + 1.5):
            yield z
        z += rng.uniform(*step)


def lamps(rng: np.random.Generator, street: Street, side: int) -> Iterator[Item]:
    """Lamp posts, and bollards along some kerbs."""
    x = street.kerb(side) + side * 0.5
    height, color = rng.uniform(4.5, 7.5), pick(rng, ((112, 118, 120), (70, 76, 78), (52, 70, 64), (150, 152, 150)))
    if rng.random() < 0.7:
        for z in along(rng, street, rng.uniform(6, 20), (17, 28)):
            post = partial(furniture.lamp_post, at=Place(x, z, 0, KERB), height=height, towards=-side, color=color)
            shadow = (Blob(x, z, 0.2, 0, height),)
            yield Item(z, SLENDER, post, shadow, (x - 1.5 * side, z), Plot(x, z, 0.2, 0.4))
    if rng.random() < 0.16:
        for z in along(rng, street, rng.uniform(4, 9), (1.8, 2.6)):
            if z < 25:
                bollard = partial(furniture.bollard, at=Place(x - side * 0.15, z, 0, KERB))
                yield Item(z, 0.95, bollard, (Blob(x, z, 0.2, 0, 0.95),), plot=Plot(x, z, 0.1, 0.2))


def street_trees(rng: np.random.Generator, street: Street, side: int) -> Iterator[Item]:
    """A row of trees along the kerb."""
    if rng.random() < 0.45:
        color = pick(rng, LEAVES)
        for z in along(rng, street, rng.uniform(8, 18), (8, 16)):
            yield tree(rng, street.kerb(side) + side * 0.9, z, color)


def car(rng: np.random.Generator, x: float, z: float, heading: float, body: cars.Body | None = None) -> Item:
    """A car with its shadow."""
    body, color = body or pick(rng, cars.BODIES), pick(rng, PAINTS)
    shape = partial(cars.car, at=Place(x, z, heading), body=body, color=color)
    length, high = body.axles[1] - body.axles[0], 0.75 * max(up for _, up in body.outline)
    middles = np.linspace(-0.6, 0.6, 4 if length < 4 else 9) * length
    ahead, across = np.cos(heading), np.sin(heading)
    shadow = tuple(Blob(x + part * across, z + part * ahead, 1.9, 0, high) for part in middles)
    half = max(ahead for ahead, _ in body.outline) + 0.3
    sides = (body.half_width, half) if abs(across) < 0.5 else (half, body.half_width)
    return Item(z, 1.5, shape, shadow, plot=Plot(x, z, *sides))


def parked_cars(rng: np.random.Generator, street: Street, side: int) -> Iterator[Item]:
    """Cars at the kerb, where there is room beside the lanes."""
    if abs(street.parking[side > 0]) < 1 or rng.random() < 0.2:
        return
    for z in along(rng, street, rng.uniform(5, 12), (5.6, 14)):
        heading = rng.normal(0, 0.02) + (0 if side == street.drive else TOWARDS_US)
        yield car(rng, street.kerb(side) - side * 1.1, z, heading)


def traffic(rng: np.random.Generator, street: Street) -> Iterator[Item]:
    """Cars ahead of us, cars that come towards us, cars that cross."""
    if rng.random() < 0.6:
        yield car(rng, rng.uniform(-0.3, 0.3), rng.uniform(10, 32), rng.normal(0, 0.03))
    if abs(street.kerb(street.drive)) > 5 and rng.random() < 0.6:
        yield car(rng, street.lane * street.drive, rng.uniform(8, 30), rng.normal(0, 0.03))
    room = abs(street.kerb(-street.drive))
    for z in np.arange(rng.uniform(8, 20), 60, rng.uniform(9, 25)):
        if room > street.lane and rng.random() < 0.6:
            yield car(rng, -street.drive * street.lane * (1 if rng.random() < 0.6 or room < 8 else 2), z, TOWARDS_US)
    if room > street.lane and rng.random() < 0.12:
        yield car(rng, -street.drive * street.lane, rng.uniform(14, 35), TOWARDS_US, cars.BUS)
    if street.side_street and rng.random() < 0.5:
        middle = sum(street.side_street) / 2
        turn = pick(rng, (-1, 1)) * np.pi / 2
        yield car(rng, rng.uniform(street.left - 1, street.right + 1), middle + rng.uniform(-1.5, 1.5), turn)


def look(rng: np.random.Generator, walks: int) -> people.Look:
    """A person."""
    bag = pick(rng, CLOTHES) if rng.random() < 0.3 else None
    clothes = pick(rng, CLOTHES), pick(rng, TROUSERS), pick(rng, SKINS), pick(rng, HAIRS)
    height = rng.uniform(1.1, 1.4) if rng.random() < 0.1 else rng.uniform(1.58, 1.92)
    return people.Look(*clothes, height, rng.uniform(0.3, 1), walks, bool(rng.random() < 0.2), bag)


def person(rng: np.random.Generator, x: float, z: float, ground: float, walks: int) -> Item:
    """A pedestrian with shadow."""
    shape = partial(people.pedestrian, at=Place(x, z, rng.normal(0, 0.2), ground), look=look(rng, walks))
    return Item(z, 1.75, shape, (Blob(x, z, 0.45, 0, 1.7),), plot=Plot(x, z, 0.3, 0.15))


def walkers(rng: np.random.Generator, street: Street, side: int) -> Iterator[Item]:
    """People on the sidewalk, alone or in pairs, most within thirty metres."""
    for _ in range(int(rng.integers(1, 6))):
        z = 6 + 18 * rng.random() ** 1.4
        x = street.kerb(side) + side * rng.uniform(0.8, street.walk[side > 0] - 0.4)
        yield person(rng, x, z, KERB, int(rng.integers(-1, 2)))
        if rng.random() < 0.3:
            yield person(rng, x + 0.65, z + 0.2, KERB, int(rng.integers(-1, 2)))


def crossing_people(rng: np.random.Generator, street: Street) -> Iterator[Item]:
    """People who cross the road, on the zebra if there is one."""
    if rng.random() < (0.35 if street.crossing is None else 0.85):
        z = rng.uniform(9, 20) if street.crossing is None else street.crossing + 1.5
        for _ in range(int(rng.integers(1, 4))):
            walks = pick(rng, (-1, 1))
            yield person(rng, rng.uniform(street.left, street.right), z + rng.uniform(-1, 1), 0, walks)


def cyclists(rng: np.random.Generator, street: Street) -> Iterator[Item]:
    """Cyclists along the kerb, towards us and away, and some that cross."""
    if rng.random() < 0.3:
        side, z = pick(rng, (-1, 1)), rng.uniform(6, 14)
        x = street.kerb(side) - side * (street.parking[side > 0] + 0.6)
        yield cyclist(x, z, look(rng, 0), behind=True, heading=rng.normal(0, 0.1))
    for _ in range(int(rng.integers(1, 3))):
        z = rng.uniform(6, 14)
        heading = rng.normal(0, 0.35) + pick(rng, (0.0, np.pi))
        yield cyclist(rng.uniform(street.left, street.right), z, look(rng, 0), behind=False, heading=heading)


def cyclist(x: float, z: float, rider: people.Look, *, behind: bool, heading: float) -> Item:
    """A cyclist with shadow."""
    draw = people.cyclist_from_behind if behind else people.cyclist_sideways
    shadow = Blob(x, z, 0.5 if behind else 1.5, 0, 0.9), Blob(x, z, 0.5, 0.8, 1.75)
    plot = Plot(x, z, 0.35 if behind else 0.9, 0.6)
    return Item(z, 1.75, partial(draw, at=Place(x, z, heading), look=rider), shadow, plot=plot)


def signs(rng: np.random.Generator, street: Street, side: int) -> Iterator[Item]:
    """Traffic signs and lights at the kerb, lights at the side street."""
    x = street.kerb(side) + side * 0.45
    if street.side_street and rng.random() < 0.6:
        z = street.side_street[0] - 1
        light = partial(furniture.traffic_light, at=Place(x, z, 0, KERB), shows=int(rng.integers(3)))
        yield Item(z, 3.4, light, (Blob(x, z, 0.2, 0, 2.5), Blob(x, z, 0.5, 2.3, 3.4)), plot=Plot(x, z, 0.2, 0.4))
    for z in along(rng, street, rng.uniform(6, 16), (9, 24)):
        kind, size, height = pick(rng, furniture.SIGNS), rng.uniform(0.9, 1.4), rng.uniform(1.9, 2.4)
        shape = partial(furniture.sign_post, at=Place(x, z, 0, KERB), kind=kind, size=size, height=height)
        shadow = Blob(x, z, 0.1, 0, 2.5), Blob(x, z, 0.6, height, height + size)
        yield Item(z, SLENDER, shape, shadow, plot=Plot(x, z, 0.2, 0.4))


def odds_and_ends(rng: np.random.Generator, street: Street, side: int) -> Iterator[Item]:
    """A railing at the kerb, a bin, a dog."""
    x = street.kerb(side) + side * 0.3
    if rng.random() < 0.42:
        start = rng.uniform(5, 14)
        stop = start + rng.uniform(6, 15)
        if street.side_street:
            stop = min(stop, street.side_street[0] - 1)
        railing = pick(rng, tuple(fencings()[2:]))
        yield Item(stop, LENGTHY, partial(furniture.fence, x=x, span=(start, stop), fencing=railing))
    if rng.random() < 0.15:
        z = rng.uniform(6, 20)
        yield Item(z, 1, partial(furniture.litter_bin, at=Place(street.wall(side) - side * 0.5, z, 0, KERB)))
    if rng.random() < 0.06:
        z = rng.uniform(6, 14)
        yield Item(z, 0.7, partial(furniture.dog, at=Place(x + side, z, 0, KERB)))
