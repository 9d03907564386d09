"""GeoJSON features as KML 2.2. Pure; text that a party wrote becomes character data and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from xml.sax.saxutils import escape

_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def kml(features: Iterable[Mapping[str, Any]]) -> str:
    """A document with one placemark for each feature, its properties as extended data."""
    placemarks = "".join(part for feature in features for part in _placemark(feature))
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2">'
    return f"{head}<Document><name>picture</name>{placemarks}</Document></kml>\n"


def _placemark(feature: Mapping[str, Any]) -> Iterator[str]:
    values: Mapping[str, Any] = feature.get("properties") or {}
    yield f"<Placemark><name>{_text(values.get('title') or _name(values))}</name>"
    if values.get("from") and values.get("until"):
        yield f"<TimeSpan><begin>{_text(values['from'])}</begin><end>{_text(values['until'])}</end></TimeSpan>"
    yield "<ExtendedData>"
    for name, value in values.items():
        if value is not None:
            yield f'<Data name="{_text(name)}"><value>{_text(value)}</value></Data>'
    yield "</ExtendedData>"
    if feature.get("geometry"):
        yield from _geometry(feature["geometry"])
    yield "</Placemark>"


def _name(values: Mapping[str, Any]) -> str:
    return " ".join(str(values[name]) for name in ("author", "what", "unit") if values.get(name))


def _geometry(geometry: Mapping[str, Any]) -> Iterator[str]:
    places = geometry.get("coordinates", [])
    match geometry["type"]:
        case "Point":
            yield f"<Point>{_coordinates([places])}</Point>"
        case "LineString":
            yield f"<LineString>{_coordinates(places)}</LineString>"
        case "Polygon":
            yield "<Polygon>"
            for number, ring in enumerate(places):
                side = "inner" if number else "outer"
                yield f"<{side}BoundaryIs><LinearRing>{_coordinates(ring)}</LinearRing></{side}BoundaryIs>"
            yield "</Polygon>"
        case "MultiPoint" | "MultiLineString" | "MultiPolygon":
            one = geometry["type"].removeprefix("Multi")
            yield from _many({"type": one, "coordinates": part} for part in places)
        case "GeometryCollection":
            yield from _many(geometry["geometries"])


def _many(geometries: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    yield "<MultiGeometry>"
    for geometry in geometries:
        yield from _geometry(geometry)
    yield "</MultiGeometry>"


def _coordinates(places: Iterable[Iterable[float]]) -> str:
    return f"<coordinates>{' '.join(','.join(repr(float(n)) for n in place) for place in places)}</coordinates>"


def _text(value: object) -> str:
    """Characters that XML cannot hold are shown as U+FFFD."""
    return escape(_NO_XML.sub("\ufffd", str(value)), {'"': "&quot;"})
