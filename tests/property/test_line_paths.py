"""What of a line is left out, since something else of it is nearer, changes no answer: on seeded lines and places."""

from __future__ import annotations

from random import Random
from typing import Literal

import numpy as np
import pytest

from channel.picture import AgreedLine, paths
from channel.picture.paths import Paths
from channel.picture.plane import Plane
from tests.unit.picture.shapes import at, box, circle, line, ring

SEEDS = range(40)
LON, LAT = 40.0, 35.3
KEEPS: dict[str, Literal["left", "right"]] = {"coalition": "left", "russia": "right"}


def _parts(chance: Random, degrees: float) -> list[list[tuple[int, int]]]:
    """One to four parts with corners, gaps and places where they cross each other."""
    return [
        [at(LON + chance.uniform(-degrees, degrees), LAT + chance.uniform(-degrees, degrees)) for _ in range(corners)]
        for corners in chance.choices(range(2, 9), k=chance.randrange(1, 5))
    ]


@pytest.mark.parametrize("seed", SEEDS)
def test_many_places_are_seen_as_each_alone_against_the_whole_line(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = Random(seed)
    degrees = chance.choice((0.05, 0.5, 3.0))
    of, plane = Paths.of(_parts(chance, degrees)), Plane(LON + chance.uniform(-1, 1) * degrees, LAT)
    wide_m = 100_000 * degrees * chance.choice((0.01, 0.1, 1.0))
    spots = np.array([[chance.uniform(-wide_m, wide_m), chance.uniform(-wide_m, wide_m)] for _ in range(60)])
    whole = of.flat(plane, 20_000_000)
    assert len(whole.pieces) == len(of.begins)
    alone = [whole.hands(spot[None]) for spot in spots]
    monkeypatch.setattr(paths, "_PAIRS", 16)
    hands, metres = of.flat(plane, float(np.hypot(*spots.T).max())).hands(spots)
    assert hands.tolist() == [int(hand) for (hand,), _ in alone]
    assert metres.tolist() == [float(metre) for _, (metre,) in alone]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_crossing_is_the_same_however_few_pieces_are_looked_at(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = Random(seed)
    excluded = [ring(LON + chance.uniform(-0.5, 0.5), LAT, 0.2)] if seed % 3 == 0 else []
    agreed = AgreedLine(_parts(chance, 0.5), keeps=KEEPS, precision_m=chance.choice((0, 500)), excluded=excluded)
    lon, lat = LON + chance.uniform(-0.6, 0.6), LAT + chance.uniform(-0.6, 0.6)
    solids = (circle(lon, lat, 800), circle(lon, lat, 20_000), box(lon, lat, 0.3), line((lon, lat), (LON, LAT)))
    found = []
    for pairs in (16, 1 << 40):
        monkeypatch.setattr(paths, "_PAIRS", pairs)
        found.append([agreed.crossing(solid, party) for solid in solids for party in KEEPS])
    assert found[0] == found[1]
    for crossing, party in zip(found[0], [party for _ in solids for party in KEEPS], strict=True):
        assert crossing is None or agreed.side(crossing.at, party) == ("theirs", crossing.depth_m)
