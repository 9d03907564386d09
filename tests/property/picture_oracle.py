"""A picture judged the slow way: every pair, no index, no plane. Whole-number geometry and geodesics only.

What it shares with the code under test is the protocol's models and the geodesic of one pair of places.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from channel.protocol.places import geod
from channel.protocol.statements import Altitude, Circle, Line, Point, Polygon, Position, Shape

Segment = tuple[Position, Position]
SAMPLES = np.linspace(0.0, 1.0, 9)
ROUNDS = 6
BOX = ((402_000_000, 352_500_000), (404_500_000, 354_500_000))  # some 22 km square at Deir ez-Zor
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Thing:
    """What a feature of a plan says."""

    party: str
    kind: str
    shape: Shape
    from_ms: int
    until_ms: int
    altitude: Altitude | None


# --- a picture --------------------------------------------------------------------------------------------------------


def picture(seed: int, count: int = 7) -> list[Thing]:
    """Some things close to each other; often on the same round coordinates, so that they touch exactly."""
    chance = random.Random(seed)
    step = chance.choice((1, 100_000, 500_000))  # 1e-7 degrees; 0.01; 0.05
    return [_thing(chance, step) for _ in range(count)]


def _thing(chance: random.Random, step: int) -> Thing:
    begin = chance.randrange(0, 6) * HOUR_MS
    band = None
    if chance.random() < 0.6:
        floor = chance.randrange(0, 8000, 1000)
        band = Altitude(
            floor_m=floor, ceiling_m=floor + chance.randrange(0, 4000, 1000), reference=chance.choice(("msl", "agl"))
        )
    kind = chance.choice(("intent", "intent", "position", "site"))
    return Thing(
        chance.choice(("coalition", "russia", "sdf")),
        kind,
        _shape(chance, step),
        begin,
        begin + chance.randrange(1, 4) * HOUR_MS,
        band,
    )


def _shape(chance: random.Random, step: int) -> Shape:
    west, south = (chance.randrange(low, high, step) for low, high in zip(*BOX, strict=True))
    size = max(step, chance.choice((20_000, 200_000, 1_000_000)) // step * step)
    kind = chance.random()
    if kind < 0.2:
        return Point(at=(west, south), accuracy_m=chance.choice((0, 50, 1500)))
    if kind < 0.45:
        return Circle(center=(west, south), radius_m=chance.choice((1, 700, 2000, 9000)))
    if kind < 0.65:
        path = [(west, south)]
        for _ in range(chance.randrange(1, 4)):
            path.append((path[-1][0] + chance.choice((-1, 0, 1)) * size, path[-1][1] + size))
        return Line(path=tuple(path), width_m=chance.choice((0, 400)))
    ring = ((west, south), (west + size, south), (west + size, south + size), (west, south + size))
    if kind < 0.8:
        return Polygon(rings=(ring,))
    if kind < 0.9 or size < 3 * step:
        return Polygon(rings=((*ring[:3], (west + size // 2, south + size // 3)),))  # with a bay
    third = size // 3
    hole = tuple((west + third + x * third, south + third + y * third) for x, y in ((0, 0), (1, 0), (1, 1), (0, 1)))
    return Polygon(rings=(ring, hole))


# --- the oracle -------------------------------------------------------------------------------------------------------


def apart_m(a: Shape, b: Shape) -> float:
    """Metres between two shapes; at most 0 when they touch."""
    reach = _reach_m(a) + _reach_m(b)
    return (0.0 if _share(a, b) else min(_to_edges_m(a, b), _to_edges_m(b, a))) - reach


def together(a: Thing, b: Thing) -> bool:
    """Whether their windows have a moment in common."""
    return max(a.from_ms, b.from_ms) < min(a.until_ms, b.until_ms)


def same_height(a: Thing, b: Thing) -> bool:
    """Whether their bands may meet."""
    if a.altitude is None or b.altitude is None or a.altitude.reference != b.altitude.reference:
        return True
    return a.altitude.floor_m <= b.altitude.ceiling_m and b.altitude.floor_m <= a.altitude.ceiling_m


def _reach_m(shape: Shape) -> float:
    match shape:
        case Point(accuracy_m=reach) | Circle(radius_m=reach):
            return float(reach)
        case Line(width_m=width):
            return width / 2
        case Polygon():
            return 0.0


def _places(shape: Shape) -> list[Position]:
    match shape:
        case Point(at=at) | Circle(center=at):
            return [at]
        case Line(path=path):
            return list(path)
        case Polygon(rings=rings):
            return [place for ring in rings for place in ring]


def _segments(shape: Shape) -> Iterator[Segment]:
    match shape:
        case Point(at=at) | Circle(center=at):
            yield at, at
        case Line(path=path):
            yield from pairwise(path)
        case Polygon(rings=rings):
            for ring in rings:
                yield from pairwise((*ring, ring[0]))


def _turn(a: Position, b: Position, c: Position) -> int:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _on(a: Position, b: Position, c: Position) -> bool:
    """Whether c, in line with a and b, lies between them."""
    return min(a[0], b[0]) <= c[0] <= max(a[0], b[0]) and min(a[1], b[1]) <= c[1] <= max(a[1], b[1])


def _meet(one: Segment, other: Segment) -> bool:
    (a, b), (c, d) = one, other
    turns = _turn(a, b, c), _turn(a, b, d), _turn(c, d, a), _turn(c, d, b)
    signs = [(turn > 0) - (turn < 0) for turn in turns]
    if signs[0] * signs[1] < 0 and signs[2] * signs[3] < 0:
        return True
    ends = ((a, b, c), (a, b, d), (c, d, a), (c, d, b))
    return any(turn == 0 and _on(*end) for turn, end in zip(turns, ends, strict=True))


def inside(shape: Shape, place: Position) -> bool:
    """Whether a place off its edges is inside an area: a ray to the east crosses its rings an odd number of times."""
    if not isinstance(shape, Polygon):
        return False
    odd = False
    for a, b in _segments(shape):
        if (a[1] > place[1]) != (b[1] > place[1]):
            low, high = (a, b) if a[1] < b[1] else (b, a)
            odd ^= _turn(low, high, place) > 0
    return odd


def _share(a: Shape, b: Shape) -> bool:
    if any(_meet(one, other) for one in _segments(a) for other in _segments(b)):
        return True
    return inside(a, _places(b)[0]) or inside(b, _places(a)[0])


def _to_edges_m(a: Shape, b: Shape) -> float:
    """From a's places to b's edges: places along each edge are tried, closer and closer to the best one."""
    pairs = [(place, segment) for place in _places(a) for segment in _segments(b)]
    places = np.array([place for place, _ in pairs]) / 1e7
    begins = np.array([begin for _, (begin, _) in pairs]) / 1e7
    along = np.array([end for _, (_, end) in pairs]) / 1e7 - begins
    low, high = np.zeros(len(pairs)), np.ones(len(pairs))
    best = np.full(len(pairs), np.inf)
    for _ in range(ROUNDS):
        shares = low[:, None] + (high - low)[:, None] * SAMPLES
        tried = begins[:, None, :] + shares[:, :, None] * along[:, None, :]
        from_ = np.broadcast_to(places[:, None, :], tried.shape)
        metres = np.asarray(
            geod().inv(from_[..., 0].ravel(), from_[..., 1].ravel(), tried[..., 0].ravel(), tried[..., 1].ravel())[2]
        ).reshape(shares.shape)
        at = metres.argmin(axis=1)
        best = np.minimum(best, metres.min(axis=1))
        width = (high - low) / (len(SAMPLES) - 1)
        centre = shares[np.arange(len(pairs)), at]
        low, high = np.clip(centre - width, 0, 1), np.clip(centre + width, 0, 1)
    return float(best.min())
