"""The common picture as GeoJSON (RFC 7946) with simplestyle properties, so that any GIS shows it. Pure.

What is here is what stands at a time: positions, intents, sites and incidents, lines with what they exclude, findings.
With `party` it is what that party may read, no more; without it everything that the ledger holds. A circle is drawn as
a polygon, since GeoJSON has none. Text of parties is in `description` as they wrote it: a viewer must not run it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from channel.ledger import FindingRecord, Ledger, NoticeRecord
from channel.ledger.lines import LineVersion
from channel.picture import reading
from channel.picture.gallery import unit_of
from channel.picture.moves import in_order
from channel.picture.plane import E7
from channel.protocol.forms import Kind
from channel.protocol.ids import Hash
from channel.protocol.places import geod
from channel.protocol.statements import Circle, Line, LineStatement, Notice, Point, Polygon, Position, Shape, Volume
from channel.protocol.times import from_wire, to_wire

Json = dict[str, Any]
COLOURS = ("#1f5fbf", "#b3261e", "#b58900", "#2e7d32", "#6a3fa0", "#00838f", "#8d5524", "#c2185b")  # by charter order
FINDING_COLOUR, LINE_COLOUR, EXCLUDED_COLOUR = "#e4007f", "#202020", "#707070"
CORNERS = 64  # of a circle's polygon: within 0.2 per cent of it
_FILL = {Kind.INTENT: 0.35, Kind.POSITION: 0.15, Kind.SITE: 0.5, Kind.INCIDENT: 0.6}


def features(ledger: Ledger, at_ms: int, party: str | None = None) -> Json:
    """The picture at a time as a FeatureCollection, in the order of the log; findings and lines last."""
    newest = _newest(ledger, at_ms, party)
    found = [
        feature
        for record in _by_index(ledger)
        if _stands(ledger, record, at_ms, party, newest)
        for feature in _notice(ledger, record, at_ms)
    ]
    for version in ledger.lines.in_force(at_ms):
        if party is None or reading.reads(ledger, party, (version.index,)):
            found += _line(version)
    for finding in standing(ledger, at_ms, party):
        found += _finding(ledger, finding)
    return {"type": "FeatureCollection", "features": found}


def own(ledger: Ledger, of: Hash, at_ms: int, party: str | None = None) -> list[Json]:
    """What one notice or line places, also when it does not stand any more: then it is marked `over`."""
    record = ledger.notices[of]
    body = record.body
    if isinstance(body, LineStatement):
        version = ledger.lines.versions.get(of if body.of is None else body.of)
        return [] if version is None else [_over(one, _ended(ledger, version, at_ms)) for one in _line(version)]
    if not isinstance(body, Notice) or not (party is None or reading.reads(ledger, party, (record.index,))):
        return []
    stands = bool(body.volumes) and _stands(ledger, record, at_ms, party, _newest(ledger, at_ms, party))
    placed = [
        _over(_volume(ledger, record, number, volume), not stands or from_wire(volume.until) <= at_ms)
        for number, volume in enumerate(body.volumes, start=1)
    ]
    return placed or ([] if body.warn is None else [_warned(ledger, record, body.warn)])


def _over(feature: Json, over: bool) -> Json:
    return {**feature, "properties": {**feature["properties"], "over": over}}


def _ended(ledger: Ledger, version: LineVersion, at_ms: int) -> bool:
    end_ms = ledger.lines.end_ms(version)
    return end_ms is not None and end_ms <= at_ms


def track(ledger: Ledger, author: str, unit: str, from_ms: int, until_ms: int, party: str | None = None) -> Json:
    """Where a unit was, by its own positions in a window: each position, and the way between their middles."""
    positions = [
        record
        for record in _by_index(ledger)
        if record.author == author and unit_of(record) == unit and _readable(ledger, record, party)
    ]
    inside = [record for record in in_order(ledger, positions) if from_ms <= _begins_ms(record) <= until_ms]
    found = [feature for record in inside for feature in _notice(ledger, record, _begins_ms(record))]
    if len(inside) > 1:
        way = [_middle(_body(record).volumes[0].shape) for record in inside]
        properties = {
            "what": "track", "party": author, "unit": unit, "times": [to_wire(_begins_ms(r)) for r in inside],
            "title": f"{author}: {unit}", "stroke": _colour(ledger, author), "stroke-width": 3,
        }  # fmt: skip
        geometry = {"type": "LineString", "coordinates": way}
        found.append({"type": "Feature", "id": f"{author}/{unit}", "geometry": geometry, "properties": properties})
    return {"type": "FeatureCollection", "features": found}


def units(ledger: Ledger, party: str | None = None) -> list[tuple[str, str]]:
    """(author, unit) of every unit that has given a position, in the order of the log."""
    found = (
        (record.author, unit)
        for record in _by_index(ledger)
        if (unit := unit_of(record)) is not None and _readable(ledger, record, party)
    )
    return list(dict.fromkeys(found))


def standing(ledger: Ledger, at_ms: int, party: str | None = None) -> list[FindingRecord]:
    """The findings that stood at a time; those that a party was told, if one is given."""
    return [
        record
        for record in ledger.findings.values()
        if record.raised_ms <= at_ms
        and (record.cleared_ms is None or record.cleared_ms > at_ms)
        and (party is None or any(desk.party == party for desk in record.body.told))
    ]


# --- what stands ------------------------------------------------------------------------------------------------------


def _by_index(ledger: Ledger) -> list[NoticeRecord]:
    return sorted(ledger.notices.values(), key=lambda record: record.index)


def _body(record: NoticeRecord) -> Notice:
    body = record.body
    if not isinstance(body, Notice):
        raise TypeError("only a notice has volumes")
    return body


def _begins_ms(record: NoticeRecord) -> int:
    return from_wire(_body(record).volumes[0].from_)


def _readable(ledger: Ledger, record: NoticeRecord, party: str | None) -> bool:
    body = record.body
    shows = isinstance(body, Notice) and bool(body.volumes)
    return shows and (party is None or reading.reads(ledger, party, (record.index,)))


def _newest(ledger: Ledger, at_ms: int, party: str | None) -> dict[tuple[str, str], int]:
    """(author, unit) -> index of the newest position that a reader knows at that time."""
    eyes = () if party is None else (party,)
    known: dict[tuple[str, str], list[NoticeRecord]] = {}
    for record in ledger.notices.values():
        unit = unit_of(record)
        if unit is not None and record.stamp_ms <= at_ms and reading.reads_all(ledger, eyes, (record.index,)):
            known.setdefault((record.author, unit), []).append(record)
    return {of: in_order(ledger, positions)[-1].index for of, positions in known.items()}


def _stands(
    ledger: Ledger, record: NoticeRecord, at_ms: int, party: str | None, newest: dict[tuple[str, str], int]
) -> bool:
    """Whether a notice is on the picture: not over, and not ended as far as its reader may know."""
    if record.stamp_ms > at_ms or not _readable(ledger, record, party):
        return False
    eyes = () if party is None else (party,)
    ended = ledger.notices.get(record.ended_by) if record.ended_by is not None else None
    if ended is not None and ended.stamp_ms <= at_ms and reading.reads_all(ledger, eyes, (ended.index,)):
        return False
    unit = unit_of(record)
    return unit is None or newest.get((record.author, unit)) == record.index


# --- features ---------------------------------------------------------------------------------------------------------


def _notice(ledger: Ledger, record: NoticeRecord, at_ms: int) -> Iterator[Json]:
    for number, volume in enumerate(_body(record).volumes, start=1):
        if from_wire(volume.until) > at_ms:
            yield _volume(ledger, record, number, volume)


def _volume(ledger: Ledger, record: NoticeRecord, number: int, volume: Volume) -> Json:
    body = _body(record)
    named = _said(record, body) | {"from": volume.from_, "until": volume.until}
    if volume.altitude is not None:
        band = volume.altitude
        named |= {"floor_m": band.floor_m, "ceiling_m": band.ceiling_m, "reference": band.reference}
    return {
        "type": "Feature",
        "id": f"{record.nid}/{number}",
        "geometry": geometry(volume.shape),
        "properties": named | _extent(volume.shape) | _style(ledger, record.author, body.kind, volume.shape),
    }


def _warned(ledger: Ledger, record: NoticeRecord, area: Shape) -> Json:
    """The coarse area of a notice that places nothing else: it is sealed."""
    body = _body(record)
    properties = _said(record, body) | {"what": "warned"} | _extent(area)
    properties |= _style(ledger, record.author, body.kind, area)
    return {"type": "Feature", "id": f"{record.nid}/warn", "geometry": geometry(area), "properties": properties}


def _said(record: NoticeRecord, body: Notice) -> Json:
    named: Json = {
        "what": body.kind.value, "party": record.author, "kind": body.kind.value, "nid": record.nid,
        "token_sha256": record.of, "precedence": body.precedence.value, "status": body.status,
        "stamp": to_wire(record.stamp_ms),
        "title": f"{record.author} {body.kind.value}" + (f": {body.unit}" if body.unit is not None else ""),
        "description": body.text,
    }  # fmt: skip
    return named if body.unit is None else named | {"unit": body.unit}


def _extent(shape: Shape) -> Json:
    match shape:
        case Point(accuracy_m=accuracy_m):
            return {"accuracy_m": accuracy_m}
        case Circle(radius_m=radius_m):
            return {"circle_radius_m": radius_m, "circle_center": _degrees(shape.center)}
        case Line(width_m=width_m):
            return {"width_m": width_m}
        case Polygon():
            return {}


def _style(ledger: Ledger, party: str, kind: Kind, shape: Shape) -> Json:
    """simplestyle: a party has a colour, a kind how much it is filled."""
    colour = _colour(ledger, party)
    if isinstance(shape, Point):
        return {"marker-color": colour, "marker-size": "medium"}
    stroke: Json = {"stroke": colour, "stroke-width": 2, "stroke-opacity": 1}
    return stroke if isinstance(shape, Line) else stroke | {"fill": colour, "fill-opacity": _FILL.get(kind, 0.1)}


def _colour(ledger: Ledger, party: str) -> str:
    names = [member.party for member in ledger.charter.parties]
    return COLOURS[names.index(party) % len(COLOURS)] if party in names else LINE_COLOUR


def _line(version: LineVersion) -> Iterator[Json]:
    """The line's parts as one feature, then each excluded area."""
    body = version.body
    about: Json = {
        "what": "line", "line": body.line, "version": body.version, "precision_m": body.precision_m,
        "keeps": {keep.party: keep.side for keep in body.keeps}, "accepted": sorted(version.accepted),
        "token_sha256": version.of, "title": f"{body.line}, version {body.version}", "description": body.beyond,
    }  # fmt: skip
    parts = {"type": "MultiLineString", "coordinates": [[_degrees(at) for at in part] for part in body.parts]}
    style: Json = {"stroke": LINE_COLOUR, "stroke-width": 4, "stroke-opacity": 1}
    yield {"type": "Feature", "id": version.of, "geometry": parts, "properties": about | style}
    for number, ring in enumerate(body.excluded, start=1):
        style = {"stroke": EXCLUDED_COLOUR, "stroke-width": 1, "fill": EXCLUDED_COLOUR, "fill-opacity": 0.25}
        excluded = about | {"what": "excluded", "title": f"{body.line} does not reach into this area"}
        area = {"type": "Polygon", "coordinates": [_ring(ring)]}
        yield {"type": "Feature", "id": f"{version.of}/{number}", "geometry": area, "properties": excluded | style}


def _finding(ledger: Ledger, record: FindingRecord) -> Iterator[Json]:
    """Its area; without one a line between the notices that it rests on, or the place of the only one."""
    body = record.body
    bodies = [ledger.notices[of].body for of in body.rests_on if of in ledger.notices]
    middles = [_middle(one.volumes[0].shape) for one in bodies if isinstance(one, Notice) and one.volumes]
    if body.area is not None:
        drawn = geometry(body.area)
    elif len(middles) > 1:
        drawn = {"type": "LineString", "coordinates": middles}
    elif middles:
        drawn = {"type": "Point", "coordinates": middles[0]}
    else:
        return
    properties: Json = {
        "what": "finding", "finding": body.finding, "kind": body.kind, "precedence": body.precedence.value,
        "concerns": list(body.concerns), "told": sorted({desk.party for desk in body.told}),
        "rests_on": list(body.rests_on), "raised": to_wire(record.raised_ms), **body.measures,
        "title": f"{body.kind} {' / '.join(body.concerns)}".strip(), "description": body.detail,
        "stroke": FINDING_COLOUR, "stroke-width": 2, "stroke-opacity": 1,
    }  # fmt: skip
    filled: dict[str, Json] = {
        "Polygon": {"fill": FINDING_COLOUR, "fill-opacity": 0.3},
        "Point": {"marker-color": FINDING_COLOUR},
    }
    properties |= filled.get(drawn["type"], {})
    yield {"type": "Feature", "id": body.finding, "geometry": drawn, "properties": properties}


# --- geometry ---------------------------------------------------------------------------------------------------------


def geometry(shape: Shape) -> Json:
    """A shape as a GeoJSON geometry; a circle as a polygon of geodesic radii."""
    match shape:
        case Point(at=at):
            return {"type": "Point", "coordinates": _degrees(at)}
        case Circle(center=center, radius_m=radius_m):
            return {"type": "Polygon", "coordinates": [_around(center, radius_m)]}
        case Line(path=path):
            return {"type": "LineString", "coordinates": [_degrees(at) for at in path]}
        case Polygon(rings=rings):
            return {"type": "Polygon", "coordinates": [_ring(ring) for ring in rings]}


def _degrees(at: Position) -> list[float]:
    return [at[0] / E7, at[1] / E7]


def _ring(ring: Iterable[Position]) -> list[list[float]]:
    places = [_degrees(at) for at in ring]
    return [*places, places[0]]


@lru_cache(maxsize=1 << 13)
def _around(center: Position, radius_m: int) -> list[list[float]]:
    """Counter-clockwise, as RFC 7946 wants an outer ring. Every picture that shows it has this one list."""
    azimuths = -np.arange(CORNERS) * 360.0 / CORNERS
    lon, lat = (np.full(CORNERS, value / E7) for value in center)
    lons, lats, _ = geod().fwd(lon, lat, azimuths, np.full(CORNERS, float(radius_m)))
    places = [[round(float(x), 7), round(float(y), 7)] for x, y in zip(lons, lats, strict=True)]
    return [*places, places[0]]


def _middle(shape: Shape) -> list[float]:
    match shape:
        case Point(at=at) | Circle(center=at):
            return _degrees(at)
        case Line(path=path):
            return _degrees(path[len(path) // 2])
        case Polygon(rings=rings):
            lons, lats = zip(*rings[0], strict=True)
            return [sum(lons) / len(lons) / E7, sum(lats) / len(lats) / E7]
