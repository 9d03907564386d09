"""Places with an extent as people type them -> shapes and volumes. Pure: the party's habits and its time come in.

`PLACE,5km` is a circle, `PLACE; PLACE,800m` a path with its full width, `PLACE; PLACE; PLACE` an area, `|` begins a
hole in it. A single place and its digits are in channel/protocol/places.py. What breaks a rule of protocol.md 2.5 is
refused here with that rule's code, and never repaired or thinned.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TypeVar

from pydantic import ValidationError

from channel.ledger import Ledger
from channel.protocol import geometry, limits
from channel.protocol.errors import UsageError
from channel.protocol.places import Reading
from channel.protocol.statements import Altitude, Circle, Line, LineStatement, Notice, Polygon, Position, Shape, Volume
from channel.protocol.times import to_wire
from clients.defaults import Defaults

CIRCLE = "--circle takes PLACE,RADIUS, like --circle '37S FV 03674 10891,5km'"
PATH = "--path takes PLACE;PLACE;...,WIDTH, like --path '35.3359,40.1408; 35.3700,40.1200,800m'"
POLYGON = (
    "--polygon takes three places or more, PLACE;PLACE;PLACE, like --polygon '35.33,40.14; 35.37,40.12; 35.36,40.18'"
)
ALTITUDE = "--altitude takes FLOOR-CEILING, m or ft, msl or agl, like 0-6000m or '500-20000 ft msl'"

_LENGTH = re.compile(r"^(\d{1,9}(?:\.\d{1,9})?) ?(m|km|nmi)?$")
_UNIT_M = {"": 1.0, "m": 1.0, "km": 1000.0, "nmi": 1852.0}
_BAND = re.compile(
    r"^(-?\d{1,9}(?:\.\d{1,9})?) ?(?:-|to) ?(-?\d{1,9}(?:\.\d{1,9})?) ?(m|ft)? ?(msl|agl)?$", re.IGNORECASE
)
_FOOT_M = Fraction(3048, 10_000)
KNOWN_MAX = 500  # places that a typed one is compared with: the newest
S = TypeVar("S", Line, Polygon)
_LETTER = re.compile(r"[^\W\d_]")


class PlaceError(UsageError):
    """A place or a shape that cannot be taken. `code`: what the channel would refuse it with, or `looks-swapped`."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads what one party types. `known`: places of the net, to notice one that was typed longitude first."""

    habits: Defaults
    known: Sequence[Position] = ()

    def place(self, text: str) -> Reading:
        """One place. UsageError says what to type instead."""
        reading = self.habits.read_place(text)
        bare = _LETTER.search(text) is None and reading.system == "latlon"
        if bare and geometry.looks_swapped(reading.position, self.known):
            first, second = re.split(r"[,;\s]+", text.strip(), maxsplit=1)
            raise PlaceError(
                "looks-swapped",
                f"{text.strip()} looks swapped: it is far from every place named here, and the other way round it is "
                f"not. Latitude comes first: type {second.strip()},{first}. If it is meant, say so with letters, "
                f"like {_lettered(reading.position)}",
            )
        return reading

    def circle(self, text: str) -> Circle:
        """`PLACE,RADIUS`."""
        place, radius = _tail(text, CIRCLE)
        return geometry.circle(self.place(place).position, length_m(radius))

    def path(self, text: str) -> Line:
        """`PLACE;PLACE;...,WIDTH`, with the full width."""
        places, width = _tail(text, PATH)
        return _made(Line, PATH, path=self.places(places, 2, PATH), width_m=length_m(width))

    def polygon(self, text: str) -> Polygon:
        """`PLACE;PLACE;PLACE`; each `|` begins a hole. The first place may be repeated to close a ring."""
        return _made(Polygon, POLYGON, rings=tuple(self.ring(ring, POLYGON) for ring in text.split("|")))

    def ring(self, text: str, form: str) -> tuple[Position, ...]:
        """`PLACE; PLACE; PLACE`, and perhaps the first once more."""
        ring = self.places(text, 3, form)
        return ring[:-1] if ring[0] == ring[-1] else ring

    def places(self, text: str, at_least: int, form: str) -> tuple[Position, ...]:
        """`PLACE; PLACE; ...`; each is compared with those before it too."""
        places = [part.strip() for part in text.split(";") if part.strip()]
        if len(places) < at_least:
            raise UsageError(f"{form}; {text.strip()!r} has {len(places)} of them")
        if len(places) > limits.VERTICES_MAX + 1:  # one more for a closed ring
            raise PlaceError("too-many-vertices", f"{len(places)} places; a statement holds {limits.VERTICES_MAX}")
        known = list(self.known)
        reader = replace(self, known=known)
        for place in places:
            known.append(reader.place(place).position)
        return tuple(known[len(self.known) :])

    def shapes(
        self,
        *,
        at: str | None = None,
        radius: str | int | None = None,
        accuracy: str | int | None = None,
        circle: Iterable[str] = (),
        path: Iterable[str] = (),
        polygon: Iterable[str] = (),
    ) -> list[Shape]:
        """All shapes of a notice, in the order: the place, circles, paths, areas. Each is checked on its own."""
        made: list[Shape] = [] if at is None else [self.point(at, radius, accuracy)]
        made += [self.circle(text) for text in circle]
        made += [self.path(text) for text in path]
        made += [self.polygon(text) for text in polygon]
        for shape in made:
            checked(shape)
        return made

    def point(self, at: str, radius: str | int | None = None, accuracy: str | int | None = None) -> Shape:
        """A place: a circle if a radius is given, else a point, as exact as its digits unless `accuracy` says."""
        if radius is not None and accuracy is not None:
            raise UsageError("a place has a radius (an area) or an accuracy (a point), not both")
        reading = self.place(at)
        if radius is not None:
            return geometry.circle(reading.position, length_m(radius))
        return geometry.point(reading.position, reading.accuracy_m if accuracy is None else length_m(accuracy))

    def volumes(
        self, shapes: Iterable[Shape], now_ms: int, start: str, until: str | None, altitude: str | None = None
    ) -> list[Volume]:
        """Shapes with one window and one altitude band."""
        if until is None:
            raise UsageError("a place needs `until`: a notice says from when and until when it holds")
        band = None if altitude is None else read_altitude(altitude)
        since, end = self.habits.read_time(start, now_ms), self.habits.read_time(until, now_ms)
        return [Volume(shape=shape, altitude=band, from_=to_wire(since), until=to_wire(end)) for shape in shapes]


def length_m(text: str | int) -> int:
    """`2km`, `500m`, `1.5nmi` or metres -> whole metres."""
    match = _LENGTH.match(str(text).strip())
    if match is None:
        raise UsageError(f"a length looks like 500m, 2km or 1.5nmi, not {text!r}")
    return round(float(match[1]) * _UNIT_M[match[2] or ""])


def read_altitude(text: str) -> Altitude:
    """`0-6000m`, `500-20000ft msl`, `0-300 m agl` -> a band: metres above mean sea level unless it says otherwise.

    Feet are turned into metres outwards, so that the band never becomes smaller than what was said.
    """
    match = _BAND.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{ALTITUDE}; not {text!r}")
    unit = _FOOT_M if (match[3] or "m").lower() == "ft" else Fraction(1)
    floor_m, ceiling_m = math.floor(Fraction(match[1]) * unit), math.ceil(Fraction(match[2]) * unit)
    if floor_m > ceiling_m:
        raise UsageError(f"the floor comes first and is not above the ceiling: {ALTITUDE}; not {text!r}")
    try:
        return Altitude.model_validate(
            {"floor_m": floor_m, "ceiling_m": ceiling_m, "reference": (match[4] or "msl").lower()}
        )
    except ValidationError as error:
        raise UsageError(
            f"an altitude is {limits.ALTITUDE_M_MIN} to {limits.ALTITUDE_M_MAX} m, not {text!r}"
        ) from error


def checked(shape: Shape) -> None:
    """PlaceError if a shape cannot be."""
    problem = geometry.check_shape(shape)
    if problem is not None:
        raise PlaceError(*problem)


def known_places(ledger: Ledger) -> list[Position]:
    """The places of the net that this party may read: the first of each volume, and the lines' ends."""
    places: dict[Position, None] = {}
    for record in ledger.notices.values():
        match record.body:
            case Notice(volumes=volumes):
                places |= dict.fromkeys(next(geometry.positions(volume.shape)) for volume in volumes)
            case LineStatement(parts=parts):
                places |= dict.fromkeys(part[0] for part in parts)
            case _:
                pass
    return list(places)[-KNOWN_MAX:]


def _tail(text: str, form: str) -> tuple[str, str]:
    """The length after the last comma, and what is before it."""
    head, comma, length = text.rpartition(",")
    if not comma or not head.strip() or _LENGTH.match(length.strip()) is None:
        raise UsageError(f"{form}; not {text!r}")
    if not length.strip().endswith(("m", "i")):  # `--circle 35.3359,40.1408`: a degree is no length
        raise UsageError(f"{form}: the length has its unit; not {text!r}")
    return head, length.strip()


def _made(model: type[S], form: str, **members: object) -> S:
    try:
        return model.model_validate(members)
    except ValidationError as error:
        raise UsageError(f"{form}: {error.errors(include_url=False)[0]['msg'].lower()}") from error


def _lettered(position: Position) -> str:
    lon, lat = position[0] / 1e7, position[1] / 1e7
    return f"{abs(lat):g}{'N' if lat >= 0 else 'S'} {abs(lon):g}{'E' if lon >= 0 else 'W'}"
