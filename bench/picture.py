#!/usr/bin/env python3
"""What it costs to judge one new notice against 1,000 to 100,000 active volumes: `make bench-picture`. One table.

Judging is: making the volume ready, finding what touches it and which positions are within 16 km, looking at each pair
that overlaps, on which side of the Euphrates it lies, and taking it into the index. Times are the processor's, so that
other work on the machine counts little; seconds depend on the machine, the ratios much less. No timed test.
"""

from __future__ import annotations

import json
import math
import platform
import random
import time
from pathlib import Path

from channel.picture import AgreedLine, Index, Solid, overlap, shaped
from channel.protocol.statements import Circle, Line, Point, Polygon, Shape

SIZES = (1_000, 10_000, 100_000)
JUDGED = 1_000
PROXIMITY_M = 16_000
WEST, SOUTH, WIDTH, HEIGHT = 37.5, 33.5, 4.5, 4.0  # degrees: the valley from Raqqah to Abu Kamal, and around it
HOUR_MS = 3_600_000
P99_MS_MAX = 5.0
RIVERS = Path(__file__).resolve().parents[1] / "channel" / "scenario" / "data" / "deir-ezzor-2017" / "rivers.geojson"


class World:
    """Positions, intents and sites of made-up units, `share` of the theatre wide; all active at one time."""

    def __init__(self, seed: int, share: float) -> None:
        self._chance = random.Random(seed)
        self._side = math.sqrt(share)

    def volume(self) -> tuple[bool, Shape, int, int]:
        """Whether it is a position, where, from when, until when."""
        chance = self._chance
        lon = round((WEST + self._side * chance.random() * WIDTH) * 1e7)
        lat = round((SOUTH + self._side * chance.random() * HEIGHT) * 1e7)
        begin = -chance.randrange(1, 12) * HOUR_MS
        position, shape = self._shape(lon, lat)
        return position, shape, begin, chance.randrange(1, 24) * HOUR_MS

    def _shape(self, lon: int, lat: int) -> tuple[bool, Shape]:
        chance, kind = self._chance, self._chance.random()
        if kind < 0.3:
            return True, Point(at=(lon, lat), accuracy_m=chance.choice((10, 100, 500)))
        if kind < 0.7:
            return False, Circle(center=(lon, lat), radius_m=chance.choice((200, 500, 1000, 2000)))
        if kind < 0.8:
            bends = ((lon, lat), (lon + 300_000, lat + 200_000), (lon + 500_000, lat))
            return False, Line(path=bends, width_m=chance.choice((0, 200)))
        around = [(math.cos(turn / 4 * math.pi), math.sin(turn / 4 * math.pi)) for turn in range(8)]
        return False, Polygon(rings=(tuple((lon + round(x * 2e5), lat + round(y * 2e5)) for x, y in around),))


class Judge:
    """Two indexes, as the relay's picture has them: positions, which proximity is about, and everything else."""

    def __init__(self, river: AgreedLine) -> None:
        self._river = river
        self._positions: Index[int] = Index()
        self._others: Index[int] = Index()
        self.pairs = 0

    def add(self, key: int, position: bool, solid: Solid) -> None:
        (self._positions if position else self._others).add(key, solid)

    def judge(self, key: int, position: bool, shape: Shape, begin: int, end: int) -> None:
        solid = shaped(shape, begin, end)
        near = self._positions.near(solid, PROXIMITY_M if position else 0) + self._others.near(solid, 0)
        self.pairs += len(near)
        for one in near:
            if one.distance_m == 0:
                overlap(solid, one.solid, touching=True)
        self._river.crossing(solid, "russia")
        self.add(key, position, solid)


def measured(size: int, share: float, river: AgreedLine) -> tuple[list[float], float]:
    """Milliseconds of each judgement, ascending, and how many were near on the average."""
    world, judge = World(size, share), Judge(river)
    for key in range(size):
        position, shape, begin, end = world.volume()
        judge.add(key, position, shaped(shape, begin, end))
    asked = [world.volume() for _ in range(JUDGED)]
    times = []
    for key, one in enumerate(asked, start=size):
        begun = time.process_time_ns()
        judge.judge(key, *one)
        times.append((time.process_time_ns() - begun) / 1e6)
    return sorted(times), judge.pairs / JUDGED


def euphrates() -> AgreedLine:
    rivers = json.loads(RIVERS.read_text(encoding="utf-8"))["features"]
    parts = next(river for river in rivers if river["properties"]["id"] == "euphrates")["geometry"]["coordinates"]
    places = [[(round(lon * 1e7), round(lat * 1e7)) for lon, lat in part] for part in parts]
    return AgreedLine(places, keeps={"coalition": "left", "russia": "right"}, precision_m=2_000)


def table(title: str, shares: list[float], river: AgreedLine) -> None:
    print(f"\n{title}\n{'volumes':>9} {'near':>7} {'p50 ms':>8} {'p99 ms':>8} {'p50 ratio':>10} {'log n ratio':>12}")
    first = 0.0
    for size, share in zip(SIZES, shares, strict=True):
        times, near = measured(size, share, river)
        middle, high = times[len(times) // 2], times[len(times) * 99 // 100]
        first = first or middle
        growth = math.log(size) / math.log(SIZES[0])
        print(f"{size:>9,} {near:>7.1f} {middle:>8.2f} {high:>8.2f} {middle / first:>10.2f} {growth:>12.2f}")
    verdict = "within" if high <= P99_MS_MAX else "ABOVE"
    print(f"p99 at {SIZES[-1]:,} volumes: {high:.2f} ms, {verdict} {P99_MS_MAX:g} ms")


def main() -> None:
    """Both tables."""
    river = euphrates()
    print(f"{JUDGED:,} notices judged a row, processor time, Python {platform.python_version()}, {platform.machine()}")
    wide = [size / SIZES[-1] for size in SIZES]
    table("As dense at every size (the area grows): the cost of the index alone", wide, river)
    table("All in one theatre of 400 km (what is near grows with the number)", [1.0] * len(SIZES), river)


if __name__ == "__main__":
    main()
