"""A notice's volumes out of a GeoJSON file and back into one. Pure: bytes and times come in.

What a feature says of its own (`from`, `until`, `floor_m`, `ceiling_m`, `reference`, `radius_m`, `accuracy_m`,
`width_m`) wins over what the command says of all. Written files use the same members, so that one can be sent again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, assert_never

from channel.picture import geojson
from channel.picture.conflicts import altitude, extents, moment_ms
from channel.picture.geojson import Feature
from channel.protocol import geometry, limits
from channel.protocol.errors import UsageError
from channel.protocol.statements import Circle, Line, Notice, Point, Polygon, Position, Shape, Volume
from channel.protocol.times import to_wire
from clients.core.areas import PlaceError, Reader, read_altitude

E7 = 10_000_000


def volumes(
    data: bytes,
    reader: Reader,
    now_ms: int,
    *,
    start: str = "now",
    until: str | None = None,
    band: str | None = None,
    as_written: bool = False,
) -> list[Volume]:
    """All shapes of a file as volumes. UsageError names the feature, and what of it cannot be.

    Places that look swapped are refused unless they are meant `as_written`, or come out of a log.
    """
    features = geojson.read(data, as_written=as_written)
    if not as_written:
        not_swapped(features, reader.known)
    found = [
        volume
        for feature in features
        for volume in _volumes(feature, reader, now_ms, start=start, until=until, band=band)
    ]
    if not found:
        raise geojson.empty()
    if len(found) > limits.VOLUMES_MAX:
        raise UsageError(
            f"{len(found)} shapes; a notice has at most {limits.VOLUMES_MAX} volumes: send several notices"
        )
    total = sum(geometry.vertex_count(volume.shape) for volume in found)
    if total > limits.VERTICES_MAX:
        raise PlaceError("too-many-vertices", f"{total} in all; a notice holds {limits.VERTICES_MAX}")
    return found


def not_swapped(features: Iterable[Feature], known: Iterable[Position]) -> None:
    """GeoJsonError at a place that looks swapped beside what is known and the places before it. What was signed is not.

    The places before it count as known: a file is refused whichever of its places is the other way round.
    """
    seen = list(known)
    for feature in features:
        for shape in feature.shapes():
            for position in geometry.positions(shape):
                if not feature.logged and geometry.looks_swapped(position, seen):
                    raise feature.fault(
                        "looks-swapped",
                        "far from every place named here, and close when swapped: longitude comes first (--as-written "
                        "takes it all the same)",
                    )
                seen.append(position)


def _volumes(
    feature: Feature, reader: Reader, now_ms: int, *, start: str, until: str | None, band: str | None
) -> list[Volume]:
    own = feature.properties
    begins = moment_ms(feature, "from") if own.get("from") else reader.habits.read_time(start, now_ms)
    if not own.get("until") and until is None:
        raise feature.fault("bad-property", "say until when it holds: a property `until`, or --until +40min for all")
    ends = moment_ms(feature, "until") if own.get("until") else reader.habits.read_time(until or "", now_ms)
    heights = altitude(feature) or (None if band is None else read_altitude(band))
    return [
        Volume(shape=shape, altitude=heights, from_=to_wire(begins), until=to_wire(ends))
        for shape in feature.shapes(**extents(feature))
    ]


def collection(notice: Notice, of: str, author: str) -> dict[str, Any]:
    """A notice's volumes as a FeatureCollection (RFC 7946); a circle is a point with its `radius_m`."""
    about = {"party": author, "kind": notice.kind.value, "precedence": notice.precedence.value, "nid": notice.nid}
    features = [
        {
            "type": "Feature",
            "id": f"{notice.nid}/{number}",
            "geometry": _geometry(volume.shape),
            "properties": {**about, "token_sha256": of, **_when(volume), **_extent(volume.shape)},
        }
        for number, volume in enumerate(notice.volumes, start=1)
    ]
    return {"type": "FeatureCollection", "features": features}


def _geometry(shape: Shape) -> dict[str, Any]:
    match shape:
        case Point(at=position) | Circle(center=position):
            return {"type": "Point", "coordinates": _degrees(position)}
        case Line(path=path):
            return {"type": "LineString", "coordinates": [_degrees(position) for position in path]}
        case Polygon(rings=rings):
            closed = [[*ring, ring[0]] for ring in rings]
            return {"type": "Polygon", "coordinates": [[_degrees(position) for position in ring] for ring in closed]}
        case _:
            assert_never(shape)


def _degrees(position: Position) -> list[float]:
    return [position[0] / E7, position[1] / E7]


def _when(volume: Volume) -> dict[str, Any]:
    window = {"from": volume.from_, "until": volume.until}
    return window if volume.altitude is None else window | volume.altitude.model_dump(mode="json")


def _extent(shape: Shape) -> dict[str, int]:
    match shape:
        case Point(accuracy_m=accuracy_m):
            return {"accuracy_m": accuracy_m}
        case Circle(radius_m=radius_m):
            return {"radius_m": radius_m}
        case Line(width_m=width_m):
            return {"width_m": width_m}
        case _:
            return {}
