"""Whether what an officer read back fits the notice (protocol.md 16.6). Pure; relay, clients, verifiers run the same.

The place that is read back is the one that the first volume names first, the time is that volume's beginning. What was
typed and what was understood are both signed, so both are judged: a client that understands something else than was
typed fails too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from channel.protocol import geometry
from channel.protocol.errors import UsageError
from channel.protocol.places import Reading, datum_slips, parse_place
from channel.protocol.statements import Notice, Point, Position, ReadBack
from channel.protocol.times import from_wire, short, typed

PLACE_M_MIN = 50  # below the 113 m by which SK-42 read as WGS 84 is off at Deir ez-Zor
PLACE_M_MAX = 1_000  # a vague place is still read back as it is written
SLIP_M = 10  # a read-back this near to where a slip of the datum leads is one, however vague the notice's place is
TIME_MS = 60_000  # people are shown whole minutes
UNDERSTOOD_M = 2  # two programs that read the same digits may differ by their rounding
ZONE_MS = 900_000  # offsets of local times from UTC are whole quarters of an hour,
ZONES_MS = (-12 * 3_600_000, 14 * 3_600_000)  # and within these
HALF_HOUR_MS = 1_800_000  # nearly all of them are whole half hours

Fault = Literal["place-unreadable", "time-unreadable", "misunderstood", "too-coarse", "place", "time"]
SAYS: dict[Fault, str] = {
    "place-unreadable": "what was typed as the place is no place",
    "time-unreadable": "what was typed as the time is no date and time",
    "misunderstood": "what was signed as understood is not what was typed",
    "too-coarse": "the place has too few digits to tell",
    "place": "another place",
    "time": "another time",
}

Slip = Literal["swapped", "sign", "datum", "zone"]
SLIPS: dict[Slip, str] = {
    "swapped": "latitude and longitude are swapped",
    "sign": "a sign, or a letter like W or S, is lost",
    "datum": "as if SK-42 were read as WGS 84 or the other way round",
    "zone": "as if local time were read as Zulu",
}
"""Why a read-back may differ: each, undone, gives what the notice says."""


@dataclass(frozen=True, slots=True)
class Named:
    """What of a notice is to be read back, and how well it must fit."""

    position: Position
    from_ms: int
    tolerance_m: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """A read-back against its notice. `fault` None: it fits. `slip`: what would explain it."""

    named: Named
    fault: Fault | None
    distance_m: int
    apart_ms: int
    slip: Slip | None = None

    @property
    def hint(self) -> str | None:
        """The slip in words."""
        return None if self.slip is None else SLIPS[self.slip]

    @property
    def fits(self) -> bool:
        """Whether it is what the notice says."""
        return self.fault is None

    @property
    def says(self) -> str:
        """What was read back, in words: without any place, so that also those may read it who ring and do not plot."""
        if self.fault is None:
            return "what the notice says"
        off = f", {self.how_far} off" if self.fault in ("place", "time") else ""
        return SAYS[self.fault] + off

    @property
    def how_far(self) -> str:
        """How far place and time are apart, for people."""
        parts = [_metres(self.distance_m)] if self.fault == "place" else []
        parts += [short(self.apart_ms)] if self.apart_ms > TIME_MS else []
        return " and ".join(parts) or _metres(self.distance_m)


def named(notice: Notice) -> Named | None:
    """The place and time that an answer reads back; None if the notice has no volume."""
    if not notice.volumes:
        return None
    first = notice.volumes[0]
    stated_m = first.shape.accuracy_m if isinstance(first.shape, Point) else 0
    tolerance_m = min(max(stated_m, PLACE_M_MIN), PLACE_M_MAX)
    return Named(next(geometry.positions(first.shape)), from_wire(first.from_), tolerance_m)


def compare(notice: Notice, readback: ReadBack) -> Comparison | None:
    """What was read back against the notice; None if the notice names no place and time."""
    asked = named(notice)
    if asked is None:
        return None
    when_ms = from_wire(readback.when)
    distance_m = round(geometry.distance_m(readback.at, asked.position))
    apart_ms = abs(when_ms - asked.from_ms)
    fault = _place_fault(readback, asked, distance_m) or _time_fault(readback, apart_ms)
    if fault in (None, "time") and distance_m >= PLACE_M_MIN and _other_datum(readback.at, asked, SLIP_M):
        return Comparison(asked, "place", distance_m, apart_ms, "datum")
    slip = _slip(readback.at, asked, apart_ms) if fault in ("place", "time") else None
    return Comparison(asked, fault, distance_m, apart_ms, slip)


# --- comparing --------------------------------------------------------------------------------------------------------


def _place_fault(readback: ReadBack, asked: Named, distance_m: int) -> Fault | None:
    readings = list(_readings(readback.place))
    if not readings:
        return "place-unreadable"
    meant = [r for r in readings if geometry.distance_m(r.position, readback.at) <= UNDERSTOOD_M]
    if not meant:
        return "misunderstood"
    if distance_m > asked.tolerance_m:
        return "place"
    return "too-coarse" if min(r.accuracy_m for r in meant) > asked.tolerance_m else None


def _readings(text: str) -> Iterator[Reading]:
    """What the typed place may mean: some parties type SK-42 without a prefix, and nobody else's digits look so."""
    for system in (None, "sk42"):
        try:
            yield parse_place(text, system=system)
        except UsageError:
            continue


def _time_fault(readback: ReadBack, apart_ms: int) -> Fault | None:
    try:
        typed_ms, zoned = typed(readback.time)
    except UsageError:
        return "time-unreadable"
    ahead_ms = typed_ms - from_wire(readback.when)
    if ahead_ms and (zoned or ahead_ms % ZONE_MS or not ZONES_MS[0] <= ahead_ms <= ZONES_MS[1]):
        return "misunderstood"
    return "time" if apart_ms > TIME_MS else None


def _slip(at: Position, asked: Named, apart_ms: int) -> Slip | None:
    lon, lat = at

    def close(position: Position) -> bool:
        return abs(position[1]) <= 900_000_000 and geometry.distance_m(position, asked.position) <= asked.tolerance_m

    if not close(at):
        if close((lat, lon)):
            return "swapped"
        if any(close(other) for other in ((-lon, lat), (lon, -lat), (-lon, -lat))):
            return "sign"
        if _other_datum(at, asked, asked.tolerance_m):
            return "datum"
        return None
    halves, rest = divmod(apart_ms + TIME_MS, HALF_HOUR_MS)
    if halves and rest <= 2 * TIME_MS and apart_ms <= ZONES_MS[1]:
        return "zone"
    return None


def _other_datum(at: Position, asked: Named, within_m: int) -> bool:
    """Whether the place is the notice's, to so many metres, if it was read in the one datum for the other."""
    return any(geometry.distance_m(other, asked.position) <= within_m for other in datum_slips(at))


def _metres(distance_m: int) -> str:
    return f"{distance_m} m" if distance_m < 1000 else f"{distance_m / 1000:.1f} km"
