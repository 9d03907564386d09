"""The picture against a brute-force oracle: pairwise, without an index, exact (protocol.md 16.1)."""

from __future__ import annotations

import math
import random
from itertools import combinations, pairwise

import pytest

from channel.picture import AgreedLine, Index, distance_m, overlap, shaped
from channel.picture.conflicts import Conflict, Planned, conflicts
from channel.picture.geojson import Feature
from channel.picture.solid import TOUCH_M
from channel.protocol.statements import Kind, Polygon
from tests.property.picture_oracle import Thing, apart_m, inside, picture, same_height, together

PICTURES = 1_000
BLOCK = 100
NEAR_M = 16_000
DOUBT_M = 0.2  # pieces of edges are straight on the ground, and edges on the map: 0.1 m at this latitude


def _planned(number: int, thing: Thing) -> Planned:
    solid = shaped(thing.shape, thing.from_ms, thing.until_ms, thing.altitude)
    return Planned(Feature(number, None, "", (), {}), thing.party, Kind(thing.kind), (solid,), number)


def _expected(things: list[Thing]) -> dict[tuple[int, int], tuple[str, float]]:
    """What the oracle finds: (first, second) -> kind and metres."""
    found: dict[tuple[int, int], tuple[str, float]] = {}
    for (i, a), (j, b) in combinations(enumerate(things, start=1), 2):
        if a.party == b.party or not together(a, b):
            continue
        metres = apart_m(a.shape, b.shape)
        if "intent" in (a.kind, b.kind):
            if same_height(a, b) and metres <= TOUCH_M:
                found[i, j] = ("overlap", 0.0)
        elif a.kind == b.kind == "position" and metres < NEAR_M:
            found[i, j] = ("proximity", max(0.0, metres))
    return found


def _found(planned: list[Planned]) -> dict[tuple[int, int], Conflict]:
    found = conflicts(planned, proximity_m=NEAR_M)
    return {(one.first.feature.number, one.second.feature.number): one for one in found}


@pytest.mark.parametrize("block", range(0, PICTURES, BLOCK))
def test_indexed_findings_are_those_of_the_oracle(block: int) -> None:
    for seed in range(block, block + BLOCK):
        things = picture(seed)
        expected = _expected(things)
        found = _found([_planned(number, thing) for number, thing in enumerate(things, start=1)])
        assert {pair: one.kind for pair, one in found.items()} == {p: kind for p, (kind, _) in expected.items()}, seed
        for pair, one in found.items():
            assert abs(one.distance_m - expected[pair][1]) <= DOUBT_M, (seed, pair)


@pytest.mark.parametrize("block", range(0, PICTURES, BLOCK))
def test_distances_are_those_of_the_oracle_either_way_round_and_through_the_index(block: int) -> None:
    for seed in range(block, block + BLOCK, 5):
        things = picture(seed)
        solids = [shaped(thing.shape, 0, 1) for thing in things]
        index: Index[int] = Index()
        for key, solid in enumerate(solids):
            index.add(key, solid)
        for (i, a), (j, b) in combinations(enumerate(solids), 2):
            expected = apart_m(things[i].shape, things[j].shape)
            assert distance_m(a, b) == distance_m(b, a)
            assert abs(distance_m(a, b) - max(0.0, expected)) <= DOUBT_M, (seed, i, j)
            assert (distance_m(a, b) == 0) == (expected <= TOUCH_M), (seed, i, j)
            through = {near.key: near.distance_m for near in index.near(a, NEAR_M)}
            assert (j in through) == (distance_m(a, b) <= NEAR_M)
            if j in through:
                assert abs(through[j] - distance_m(a, b)) <= DOUBT_M


@pytest.mark.parametrize("block", range(0, PICTURES, BLOCK))
def test_findings_do_not_depend_on_the_order_in_which_things_came(block: int) -> None:
    for seed in range(block, block + BLOCK, 10):
        planned = [_planned(number, thing) for number, thing in enumerate(picture(seed), start=1)]
        straight = {frozenset(pair): one.kind for pair, one in _found(planned).items()}
        random.Random(seed).shuffle(planned)
        assert {frozenset(pair): one.kind for pair, one in _found(planned).items()} == straight


def test_what_overlaps_does_so_in_the_place_and_time_that_are_said() -> None:
    count = 0
    for seed in range(200):
        for a, b in combinations(picture(seed), 2):
            solids = [shaped(one.shape, one.from_ms, one.until_ms, one.altitude) for one in (a, b)]
            both = overlap(*solids)
            if both is None or both.area is None:
                continue
            count += 1
            assert (both.from_ms, both.until_ms) == (max(a.from_ms, b.from_ms), min(a.until_ms, b.until_ms))
            assert apart_m(both.area, a.shape) <= 1
            assert apart_m(both.area, b.shape) <= 1
    assert count > 100


def test_the_pictures_hold_what_is_hard() -> None:
    """Shapes that only touch, holes, and many of each kind of finding: else the oracle would prove little."""
    kinds = [kind for seed in range(PICTURES) for kind, _ in _expected(picture(seed, 4)).values()]
    assert kinds.count("overlap") > 100
    assert kinds.count("proximity") > 20


def test_an_index_forgets_what_is_removed_and_takes_what_comes_again() -> None:
    chance = random.Random(7)
    solids = {key: shaped(thing.shape, 0, 1) for key in range(400) for thing in picture(key, 1)}
    index: Index[int] = Index()
    alive: set[int] = set()
    for turn in range(3_000):
        key = chance.randrange(400)
        if chance.random() < 0.6:
            index.add(key, solids[key])
            alive.add(key)
        else:
            index.remove(key)
            alive.discard(key)
        if turn % 250 == 0:
            asked = solids[chance.randrange(400)]
            expected = [other for other in sorted(alive) if distance_m(asked, solids[other]) <= 5_000]
            assert [near.key for near in index.near(asked, 5_000)] == expected
    assert list(index) == sorted(alive)
    assert len(index) == len(alive)


@pytest.mark.parametrize("seed", range(200))
def test_the_left_of_a_line_around_an_area_is_its_inside(seed: int) -> None:
    """Counter-clockwise around a star of many corners, some of them sharp; the oracle counts crossings of a ray."""
    chance = random.Random(seed)
    turns = sorted(chance.sample(range(360), chance.randrange(4, 40)))
    ring = [_around(turn, chance.randrange(200_000, 5_000_000)) for turn in turns]
    if any(later - turn >= 175 for turn, later in pairwise([*turns, turns[0] + 360])):
        return  # then the middle may lie outside, and the ring the other way round
    line = AgreedLine([[*ring, ring[0]]], precision_m=5)
    for _ in range(20):
        place = _around(chance.randrange(360), chance.randrange(0, 6_000_000))
        bank, distance_m = line.bank(place)
        if distance_m > 5 and bank != "undetermined":
            assert bank == ("left" if inside(Polygon(rings=(tuple(ring),)), place) else "right")


def _around(degrees: int, reach_e7: int) -> tuple[int, int]:
    angle = math.radians(degrees)
    return 402_000_000 + round(reach_e7 * math.cos(angle)), 353_000_000 + round(reach_e7 * math.sin(angle))


@pytest.mark.parametrize("seed", range(20))
def test_many_questions_to_the_index_get_the_answers_of_each_alone(seed: int) -> None:
    chance, index = random.Random(seed), Index[tuple[int, int]]()
    solids = [
        shaped(thing.shape, thing.from_ms, thing.until_ms) for at in range(80) for thing in picture(seed * 80 + at)
    ]
    keys = [(number, 0) for number in range(len(solids))]
    for key, solid in sorted(zip(keys, solids, strict=True), key=lambda _: chance.random()):
        index.add(key, solid)
    for key in chance.sample(keys, len(keys) // 3):
        index.remove(key)
    within_m = [chance.choice((0, 5_000, NEAR_M)) for _ in solids]
    alone = [index.near(solid, metres) for solid, metres in zip(solids, within_m, strict=True)]
    assert list(index.near_each(solids, within_m)) == alone
    below = [[near for near in found if near.key < key] for key, found in zip(keys, alone, strict=True)]
    assert list(index.near_each(solids, within_m, keys)) == below
    assert sum(len(found) for found in below) > 100
