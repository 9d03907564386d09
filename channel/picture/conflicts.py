"""Conflicts among the features of a plan, without a channel: what overlaps in place, altitude and time.

The same volumes and rules as the channel's own findings (protocol.md 16.1, 16.3.1): an intent of one party against an
intent, position or site of another. Rules of this file: what a feature does not say is not made up; what it says
wrongly is refused with its name. Parts of a metre are rounded outwards: what is near a conflict is one.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from channel.picture.geojson import Feature, GeoJsonError, Member, members, taken, whole
from channel.picture.index import Index
from channel.picture.solid import Overlap, Solid, distance_m, overlap, shaped
from channel.protocol import limits
from channel.protocol.statements import Altitude, Kind

KINDS = (Kind.INTENT, Kind.POSITION, Kind.SITE)
_PARTY_CHARS = 60
_BESIDE = ("line", "excluded", "finding", "track")  # what a common picture shows beside notices
_EPOCH, _END = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)  # what the wire form can write


@dataclass(frozen=True, slots=True)
class Planned:
    """A feature of a plan, made ready: whose it is, what it is, where and when."""

    feature: Feature
    party: str
    kind: Kind
    solids: tuple[Solid, ...]
    id: str | int
    """The feature's id; if it has none its number in the file, with as many `#` before it as make it nobody else's."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two features that overlap, or positions that are closer than asked for; the first in the file comes first."""

    kind: Literal["overlap", "proximity"]
    first: Planned
    second: Planned
    distance_m: float
    from_ms: int
    until_ms: int
    common: Overlap | None


def read_plan(data: bytes, *, as_written: bool = False) -> list[Planned]:
    """The plan in a file; of a common picture (`channel picture --geojson`) the positions, intents and sites."""
    return plan(taken((one for one in members(data) if not _beside(one)), as_written=as_written))


def plan(features: Sequence[Feature]) -> list[Planned]:
    """Every feature with its party, kind, time and place. GeoJsonError names the first that lacks one."""
    seen: dict[str | int, Feature] = {}
    for one in features:
        if one.id is not None and one.id in seen:
            raise one.fault("duplicate-id", f"{seen[one.id].name} has the same id")
        if one.id is not None:
            seen[one.id] = one
    return [_planned(one, _called(one, seen)) for one in features]


def conflicts(planned: Sequence[Planned], *, proximity_m: int = 0) -> Iterator[Conflict]:
    """Each pair once, in the order of the file; `proximity_m` above 0 also asks for positions closer than that."""
    index: Index[tuple[int, int]] = Index()
    for at, one in enumerate(planned):
        near = [found for solid in one.solids for found in index.near(solid, proximity_m)]
        for before in sorted({found.key[0] for found in near}):
            conflict = _between(planned[before], one, proximity_m)
            if conflict is not None:
                yield conflict
        for part, solid in enumerate(one.solids):
            index.add((at, part), solid)


def _between(first: Planned, second: Planned, proximity_m: int) -> Conflict | None:
    if first.party == second.party:
        return None
    if Kind.INTENT in (first.kind, second.kind):
        found = [both for a in first.solids for b in second.solids if (both := overlap(a, b)) is not None]
        if not found:
            return None
        common = min(found, key=lambda both: (both.from_ms, both.until_ms))
        return Conflict("overlap", first, second, 0.0, common.from_ms, common.until_ms, common)
    if first.kind is second.kind is Kind.POSITION and proximity_m:
        met = [(distance_m(a, b), a, b) for a in first.solids for b in second.solids if _together(a, b)]
        metres, a, b = min(met, key=lambda pair: pair[0], default=(float("inf"), first.solids[0], second.solids[0]))
        if metres < proximity_m:
            times = max(a.from_ms, b.from_ms), min(a.until_ms, b.until_ms)
            return Conflict("proximity", first, second, metres, *times, None)
    return None


def _together(a: Solid, b: Solid) -> bool:
    return a.from_ms < b.until_ms and b.from_ms < a.until_ms


# --- reading a feature ------------------------------------------------------------------------------------------------


def _beside(member: Member) -> bool:
    """Whether it is on a common picture, and no part of anybody's plan."""
    properties = member.value.get("properties") if isinstance(member.value, dict) else None
    if not isinstance(properties, dict) or properties.get("what") not in (*_BESIDE, Kind.INCIDENT.value):
        return False
    if properties["what"] == Kind.INCIDENT:
        return properties.get("kind") == Kind.INCIDENT and "token_sha256" in properties
    return "from" not in properties


def _called(feature: Feature, taken_ids: Container[str | int]) -> str | int:
    name: str | int = feature.number if feature.id is None else feature.id
    while feature.id is None and (name in taken_ids or str(name) in taken_ids):
        name = f"#{name}"
    return name


def _planned(feature: Feature, id_: str | int) -> Planned:
    party, kind = _text(feature, "party"), _text(feature, "kind")
    if len(party) > _PARTY_CHARS or not party.isprintable():
        raise feature.fault("bad-property", f"`party` is a name of at most {_PARTY_CHARS} characters on one line")
    if kind not in KINDS:
        raise feature.fault("bad-property", f"`kind` is one of {', '.join(KINDS)}, not {kind[:40]!r}")
    from_ms, until_ms = moment_ms(feature, "from"), moment_ms(feature, "until")
    if until_ms <= from_ms:
        raise feature.fault("window-invalid", "`until` must be later than `from`")
    if until_ms - from_ms > limits.WINDOW_MS_MAX:
        raise feature.fault("window-too-long", f"the window is longer than {limits.WINDOW_MS_MAX // 86_400_000} days")
    band = altitude(feature)
    solids = tuple(shaped(shape, from_ms, until_ms, band) for shape in feature.shapes(**extents(feature)))
    return Planned(feature, party, Kind(kind), solids, id_)


def extents(feature: Feature) -> dict[str, Any]:
    """Radius or accuracy of a point, width of a line; of another shape they would not count, so they are refused.

    Accuracy beside a radius is doubt about the middle, and widens the circle. A radius of 0 makes a point.
    """
    radius_m = whole(feature, "radius_m", 0, limits.RADIUS_M_MAX)
    accuracy_m = whole(feature, "accuracy_m", 0, limits.RADIUS_M_MAX)
    width_m = whole(feature, "width_m", 0, limits.RADIUS_M_MAX)
    if not feature.type.endswith("Point") and (radius_m is not None or accuracy_m is not None):
        raise feature.fault("bad-property", f"`radius_m` and `accuracy_m` are for points, and this is a {feature.type}")
    if not feature.type.endswith("LineString") and width_m is not None:
        raise feature.fault("bad-property", f"`width_m` is for lines, and this is a {feature.type}")
    wide_m = radius_m + (accuracy_m or 0) if radius_m else None
    if wide_m is not None and wide_m > limits.RADIUS_M_MAX:
        raise feature.fault("bad-property", f"`radius_m` and `accuracy_m` together are at most {limits.RADIUS_M_MAX}")
    return {"radius_m": wide_m, "accuracy_m": accuracy_m or 0, "width_m": width_m or 0}


def altitude(feature: Feature) -> Altitude | None:
    """The band; where only one end is said the other is as far as the protocol goes."""
    low, high = limits.ALTITUDE_M_MIN, limits.ALTITUDE_M_MAX
    floor_m, ceiling_m = whole(feature, "floor_m", low, high, math.floor), whole(feature, "ceiling_m", low, high)
    reference = feature.properties.get("reference")
    if reference not in (None, "msl", "agl"):
        raise feature.fault("bad-property", "`reference` is msl (above mean sea level) or agl (above ground)")
    if floor_m is None and ceiling_m is None:
        return None
    floor_m, ceiling_m = low if floor_m is None else floor_m, high if ceiling_m is None else ceiling_m
    if floor_m > ceiling_m:
        raise feature.fault("volume-invalid", "`floor_m` is above `ceiling_m`")
    return Altitude(floor_m=floor_m, ceiling_m=ceiling_m, reference="agl" if reference == "agl" else "msl")


def _text(feature: Feature, name: str) -> str:
    value = feature.properties.get(name)
    if not isinstance(value, str) or not value:
        raise feature.fault("bad-property", f"the property `{name}` is missing")
    return value


def moment_ms(feature: Feature, name: str) -> int:
    """RFC 3339 with any offset -> milliseconds."""
    text = _text(feature, name)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise _no_moment(feature, name) from error
    if moment.tzinfo is None or not _EPOCH <= moment < _END:
        raise _no_moment(feature, name)
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _no_moment(feature: Feature, name: str) -> GeoJsonError:
    return feature.fault("bad-property", f"`{name}` is a time with its offset, like 2017-09-16T00:30:00Z")
