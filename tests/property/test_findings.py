"""`line-crossed` and `converging` as the relay logs them, against a brute-force oracle on seeded pictures."""

from __future__ import annotations

import math
from functools import cache
from itertools import combinations
from random import Random
from typing import Any

import numpy as np
import pytest

from channel.picture.plane import to_e7
from channel.protocol.places import geod
from channel.protocol.statements import Notice
from channel.protocol.times import from_wire, to_wire
from tests.property.findings_oracle import Moving, banks, closing, places_of
from tests.unit.picture.scenes import PARTIES, Scene, at, told
from tests.unit.relay.lab import HOUR, MINUTE, T0_MS

LINE_SEEDS, NOTICES = range(16), 7
COURSE_SEEDS, STEPS = range(24), 9
FAST = 12  # times as far apart, and in less time: some 600 km/h
PLACES = ((40.15, 35.33), (179.6, 60.0), (20.0, 80.0))  # courses turn with the meridians, the more the further north
AGREED_M = 16_000
NEARLY_M = 5  # the oracle looks once a second
NARROW_M = 50  # what reaches over by less may be missed (16.2.3)


# --- lines ------------------------------------------------------------------------------------------------------------


class Picture:
    """A line with some bends, agreed by four, and notices of all shapes near it; chosen by a seed."""

    def __init__(self, seed: int) -> None:
        choose = Random(seed)
        self.scene = Scene(terms={"notices_per_minute": 1_000})
        north = sorted(choose.sample(range(-30_000, 30_001, 1_000), choose.randrange(2, 6)), reverse=True)
        self.path = [at(choose.randrange(-12_000, 12_000, 500), metres) for metres in north]
        self.precision_m = choose.choice((0, 200, 1_000))
        self.left = ("coalition", "sdf")
        self.scene.line(
            "coalition", "russia", "sdf", "regime", left=self.left, parts=[self.path], precision_m=self.precision_m
        )
        self.sent = [self._send(choose) for _ in range(NOTICES)]

    def _send(self, choose: Random) -> tuple[str, dict[str, Any], str]:
        author, shape = choose.choice(PARTIES), _shape(choose)
        kind = choose.choice(("position", "intent"))
        window = {"from": _wire(0), "until": _wire(4 * HOUR)}
        others = [party for party in PARTIES if party != author]
        said = self.scene.place(author, *others, kind=kind, volumes=[{"shape": shape, **window}])
        return author, shape, said.of

    def crossed(self) -> dict[str, int]:
        """Notice -> how far it reaches across, by the findings in the log."""
        records = [r for r in self.scene.folded.ledger.findings.values() if r.body.kind == "line-crossed"]
        return {record.body.rests_on[0]: record.body.measures["depth-m"] for record in records}


def _wire(ms: int) -> str:
    return to_wire(T0_MS + ms)


def _shape(choose: Random) -> dict[str, Any]:
    place = at(choose.randrange(-25_000, 25_000), choose.randrange(-35_000, 35_000))
    if choose.random() < 0.25:
        return {"type": "point", "at": place, "accuracy_m": choose.choice((0, 100, 3_000))}
    if choose.random() < 0.6:
        return {"type": "circle", "center": place, "radius_m": choose.choice((300, 2_000, 8_000, 20_000))}
    other = at(choose.randrange(-25_000, 25_000), choose.randrange(-35_000, 35_000))
    return {"type": "line", "path": [place, other], "width_m": choose.choice((0, 1_000))}


@cache
def pictured(seed: int) -> Picture:
    return Picture(seed)


@pytest.mark.parametrize("seed", LINE_SEEDS)
def test_who_crosses_a_line_and_how_far_is_what_the_oracle_sees(seed: int) -> None:
    picture = pictured(seed)
    path, found = [(lon / 1e7, lat / 1e7) for lon, lat in picture.path], picture.crossed()
    for author, shape, of in picture.sent:
        theirs = "right" if author in picture.left else "left"
        if shape["type"] == "point":
            (bank,) = banks(path, picture.precision_m + shape["accuracy_m"], np.array([shape["at"]]) / 1e7)
            assert not bank.sure or (bank.hand == theirs) == (of in found), (shape, bank)
            assert of not in found or abs(found[of] - bank.metres) <= 1
            continue
        places, apart_m = places_of(shape, 6)
        seen = banks(path, picture.precision_m, places)
        across = [bank for bank in seen if bank.hand == theirs]
        certain = [b.metres for b in across if b.sure and b.metres > picture.precision_m + NARROW_M]
        assert not certain or of in found, (shape, max(certain))
        if of in found:
            assert across, (shape, found[of])
            assert found[of] >= 0.95 * max(certain, default=0), (shape, max(certain))
            assert found[of] <= max(bank.metres for bank in seen) + apart_m, (shape, max(bank.metres for bank in seen))


def test_the_pictures_hold_crossings_and_notices_that_cross_nothing() -> None:
    counts = [len(pictured(seed).crossed()) for seed in LINE_SEEDS]
    assert 3 * NOTICES < sum(counts) < len(LINE_SEEDS) * NOTICES * 3 // 4


# --- courses ----------------------------------------------------------------------------------------------------------


class Columns:
    """Units of four parties, three of which move about, each reported again and again."""

    def __init__(self, seed: int, times: int = 1, around: tuple[float, float] = PLACES[0]) -> None:
        self.random = Random(seed)
        self.around, self.minutes = around, 7 if times == 1 else 2
        self.scene = Scene(terms={"notices_per_minute": 1_000})
        self.where = {party: self._pair(35_000 * times) for party in PARTIES[:3]}
        self.where[PARTIES[3]] = self._pair(35_000)
        self.goes = {party: self._towards_the_middle(party) for party in PARTIES[:3]}
        self.tracks: dict[str, list[Notice]] = {party: [] for party in PARTIES}

    def _pair(self, metres: int) -> tuple[int, int]:
        return self.random.randrange(-metres, metres), self.random.randrange(-metres, metres)

    def _towards_the_middle(self, party: str) -> tuple[int, int]:
        (east_m, north_m), (aside_m, along_m) = self.where[party], self._pair(4_000)
        return aside_m - east_m // 5, along_m - north_m // 5

    def _at(self, east_m: float, north_m: float) -> list[int]:
        turn, metres = math.degrees(math.atan2(east_m, north_m)), math.hypot(east_m, north_m)
        return list(to_e7(geod().fwd(*self.around, turn, metres)[:2]))

    def step(self, number: int) -> None:
        self.scene.run_to(number * self.minutes * MINUTE)
        party = self.random.choice(PARTIES)
        (east_m, north_m), (east, north) = self.where[party], self.goes.get(party, (0, 0))
        self.where[party] = (east_m + east, north_m + north)
        circle = {"type": "circle", "center": self._at(east_m, north_m), "radius_m": 300}
        window = {"from": _wire(self.scene.now_ms - T0_MS), "until": _wire(self.scene.now_ms - T0_MS + 6 * HOUR)}
        others = [other for other in PARTIES if other != party]
        said = self.scene.place(party, *others, unit="column", volumes=[{"shape": circle, **window}])
        body = self.scene.folded.ledger.notices[said.of].body
        assert isinstance(body, Notice)
        self.tracks[party].append(body)

    def converging(self) -> dict[frozenset[str], dict[str, int]]:
        """The parties of whose units the log says now that they converge, and what was measured when it did."""
        records = [r for r in self.scene.folded.ledger.findings.values() if r.standing and r.body.kind == "converging"]
        return {frozenset(told(record.body)): dict(record.body.measures) for record in records}

    def moving(self, party: str) -> Moving | None:
        track = [_where(body) for body in self.tracks[party]]
        if not track:
            return None
        (place, at_s), before = track[-1], track[-2] if len(track) > 1 else None
        still = before is None or before[0] == place
        return Moving(place, at_s, None if still else before)


def _where(body: Notice) -> tuple[tuple[float, float], float]:
    volume = body.volumes[0]
    lon, lat = volume.shape.center  # type: ignore[union-attr]
    return (lon / 1e7, lat / 1e7), from_wire(volume.from_) / 1000


@pytest.mark.parametrize("times", [1, FAST])
@pytest.mark.parametrize("seed", COURSE_SEEDS)
def test_who_converges_is_what_the_oracle_sees_second_by_second(seed: int, times: int) -> None:
    columns = Columns(seed, times, PLACES[seed % len(PLACES)])
    before: dict[frozenset[str], dict[str, int]] = {}
    for number in range(STEPS):
        columns.step(number)
        found, now_s = columns.converging(), columns.scene.now_ms / 1000
        for one, other in combinations(PARTIES, 2):
            a, b = columns.moving(one), columns.moving(other)
            pair = frozenset((one, other))
            if a is None or b is None or max(a.at_s, b.at_s) < now_s:
                continue  # it is told when one of the two is reported; then time passes
            near = closing(a, b)
            doubtful = abs(near.closest_m - AGREED_M) < NEARLY_M or abs(near.speed_m_s) < 0.2
            comes = near.speed_m_s > 0 and near.closest_m < AGREED_M
            assert doubtful or comes == (pair in found), (number, pair, near)
            if pair in found and pair not in before and comes:
                said = found[pair]
                assert abs(said["distance-m"] - near.now_m) <= 1, (number, pair, near)
                assert abs(said["closing-cm-s"] / 100 - near.speed_m_s) <= 0.02 + 0.01 * near.speed_m_s
                if said["closest-in-s"] < 3_600:
                    assert abs(said["closest-m"] - near.closest_m) <= NEARLY_M + 5 * times, (number, pair, near)
        before = found


@pytest.mark.parametrize("times", [1, FAST])
def test_the_columns_converge_and_do_not(times: int) -> None:
    raised = 0
    for seed in COURSE_SEEDS[:12]:
        columns = Columns(seed, times, PLACES[seed % len(PLACES)])
        for number in range(STEPS):
            columns.step(number)
        kinds = [record.body.kind for record in columns.scene.folded.ledger.findings.values()]
        raised += kinds.count("converging")
    assert 8 < raised < 12 * STEPS
