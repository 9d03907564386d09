"""The picture as GeoJSON, from a ledger and a time. Pure.

Only notices whose window is open then, or has not begun, and that nobody took back; of a unit the newest position.
"""

from __future__ import annotations

from typing import Any

from channel.console.shapes import Picture
from channel.ledger import Ledger, NoticeRecord
from channel.protocol.statements import Circle, Line, LineStatement, Notice, Point, Polygon, Position, Shape, Volume
from channel.protocol.times import from_wire, to_wire


def picture(ledger: Ledger, now_ms: int) -> Picture:
    """Positions, intents, sites, incidents and lines; `what` says which."""
    units: dict[tuple[str, str], NoticeRecord] = {}
    for record in ledger.notices.values():
        if isinstance(record.body, Notice) and record.body.unit is not None and record.body.volumes:
            units[record.author, record.body.unit] = record
    newest = {record.of for record in units.values()}
    found = [
        feature
        for record in ledger.notices.values()
        if record.ended_by is None
        for feature in _features(record, now_ms, newest)
    ]
    return Picture(features=tuple(found))


def _features(record: NoticeRecord, now_ms: int, newest: set[str]) -> list[dict[str, Any]]:
    body = record.body
    if isinstance(body, LineStatement) and body.action == "propose":
        path = [_places(part) for part in body.parts]
        return [_feature(record, 0, {"type": "MultiLineString", "coordinates": path}, {"what": "line"})]
    if not isinstance(body, Notice) or (body.unit is not None and record.of not in newest):
        return []
    return [
        _feature(record, number, _geometry(volume.shape), _properties(record, body, volume))
        for number, volume in enumerate(body.volumes)
        if from_wire(volume.until) >= now_ms
    ]


def _feature(record: NoticeRecord, number: int, geometry: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "Feature",
        "id": f"{record.of}/{number}",
        "geometry": geometry,
        "properties": {"of": record.of, "nid": record.nid, "author": record.author, **more},
    }


def _properties(record: NoticeRecord, body: Notice, volume: Volume) -> dict[str, Any]:
    shape = volume.shape
    values: dict[str, Any] = {
        "what": body.kind.value,
        "at": to_wire(record.stamp_ms),
        "from": volume.from_,
        "until": volume.until,
        "precedence": body.precedence.value,
        "status": body.status,
    }
    if body.unit is not None:
        values["unit"] = body.unit
    match shape:
        case Point(accuracy_m=accuracy_m):
            values["accuracy_m"] = accuracy_m
        case Circle(radius_m=radius_m):
            values["radius_m"] = radius_m
        case Line(width_m=width_m):
            values["width_m"] = width_m
        case Polygon():
            pass
    if volume.altitude is not None:
        band = volume.altitude
        values |= {"floor_m": band.floor_m, "ceiling_m": band.ceiling_m, "altitude": band.reference}
    return values


def _geometry(shape: Shape) -> dict[str, Any]:
    match shape:
        case Point(at=at):
            return {"type": "Point", "coordinates": _place(at)}
        case Circle(center=center):
            return {"type": "Point", "coordinates": _place(center)}
        case Line(path=path):
            return {"type": "LineString", "coordinates": _places(path)}
        case Polygon(rings=rings):
            return {"type": "Polygon", "coordinates": [_places((*ring, ring[0])) for ring in rings]}


def _places(path: tuple[Position, ...]) -> list[list[float]]:
    return [_place(position) for position in path]


def _place(position: Position) -> list[float]:
    return [position[0] / 1e7, position[1] / 1e7]
