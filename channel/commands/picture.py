"""`channel side` and `channel conflicts`: the picture's geometry for planners, on files alone, without a channel."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from channel.commands.app import JsonOption, app, print_json, told
from channel.protocol.errors import UsageError

if TYPE_CHECKING:
    from channel.picture.conflicts import Conflict
    from channel.picture.geojson import Feature

_UNITS_M = {"km": 1000.0, "m": 1.0}
_SWAPPED = "{} is {:,.0f} km from the line, and {:,.0f} km the other way round: latitude comes first"
AsWrittenOption = Annotated[
    bool, typer.Option("--as-written", help="Take positions as they stand, even if they look swapped.")
]


@app.command(epilog="Example: channel side --line river.geojson --at 35.3359,40.1408 --precision 500m --json")
def side(
    line: Annotated[Path, typer.Option(help="GeoJSON with a LineString, or a MultiLineString of parts in order.")],
    at: Annotated[str, typer.Option(help="The place: LAT,LON, MGRS or SK-42; taken as exactly there.")],
    precision: Annotated[str, typer.Option(help="How well the line is known: 500m. Closer is undetermined.")] = "0m",
    feature: Annotated[str | None, typer.Option(help="The id of the line's feature, if the file has several.")] = None,
    as_written: AsWrittenOption = False,
    json_output: JsonOption = False,
) -> None:
    """On which side of a line a place lies, left or right along the line's direction, and how far from it."""
    with told(json_output):
        from channel.picture.lines import AgreedLine
        from channel.protocol import geometry
        from channel.protocol.places import parse_place

        chosen = _line(_bytes(line), feature, as_written)
        parts, place = chosen.paths(), parse_place(at).position
        for part in parts:
            problem = geometry.check_path(part)
            if problem is not None:
                raise chosen.fault(*problem)
        agreed = AgreedLine(parts, precision_m=_metres("--precision", precision))
        bank, distance_m = agreed.bank(place)
        if not as_written and abs(place[0]) <= 900_000_000:
            _doubt(at, place, distance_m, agreed.bank((place[1], place[0])).distance_m, parts)
        if json_output:
            print_json({"side": bank, "distance_m": round(distance_m, 1)})
        else:
            sys.stdout.write(f"{bank.replace('_', ' ')}, {distance_m:,.0f} m from the line\n")


@app.command(epilog="Example: channel conflicts plan.geojson --proximity 16km --json")
def conflicts(
    file: Annotated[
        Path, typer.Argument(help="GeoJSON: features with party, kind, from, until, heights. -: standard input.")
    ],
    proximity: Annotated[
        str, typer.Option(help="Also name positions of two parties closer than this; 0m: none.")
    ] = "16km",
    as_written: AsWrittenOption = False,
    json_output: Annotated[
        bool, typer.Option("--json", help="One JSON document a line, one for each finding.")
    ] = False,
) -> None:
    """Which features of a plan overlap in place, altitude and time, and which positions are too close to each other."""
    with told(json_output):
        from channel.picture.conflicts import conflicts as found
        from channel.picture.conflicts import read_plan

        within_m = _metres("--proximity", proximity)
        for conflict in found(read_plan(_bytes(file), as_written=as_written), proximity_m=math.ceil(within_m)):
            if json_output:
                print_json(_document(conflict))
            else:
                sys.stdout.write(_sentence(conflict) + "\n")


def _bytes(file: Path) -> bytes:
    """At most as much as the reader takes, and one byte more, so that a larger file is refused as such."""
    from channel.picture.geojson import FILE_BYTES_MAX

    try:
        if str(file) == "-":
            return sys.stdin.buffer.read(FILE_BYTES_MAX + 1)
        with file.open("rb") as stream:
            return stream.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from error


def _line(data: bytes, wanted: str | None, as_written: bool) -> Feature:
    """The feature of that id, or the only line of the file; it is chosen first, and judged alone."""
    from channel.picture.geojson import members, taken

    found = members(data)
    lines = [member for member in found if member.type.endswith("LineString")]
    named = ", ".join(str(member.id) for member in lines if member.id is not None)
    if wanted is not None:
        lines = [member for member in found if str(member.id) == wanted and member.id is not None]
        if len(lines) != 1:
            raise UsageError(
                f"{len(lines) or 'no'} features have the id {wanted!r}; lines of the file: {named or 'none'}"
            )
    elif len(lines) != 1 and len(found) != 1:
        raise UsageError(f"{len(lines) or 'no'} lines in the file; choose one with --feature ID: {named or 'none'}")
    (chosen,) = taken(lines or found, as_written=as_written)
    return chosen


def _doubt(
    at: str, place: tuple[int, int], distance_m: float, swapped_m: float, parts: tuple[tuple[tuple[int, int], ...], ...]
) -> None:
    """A place that looks swapped is said to be; one that can hardly be meant is refused."""
    from channel.picture.geojson import GeoJsonError, looks_swapped, must_be_swapped

    if not looks_swapped(distance_m, swapped_m):
        return
    said = _SWAPPED.format(at, distance_m / 1000, swapped_m / 1000)
    if must_be_swapped(place, distance_m, parts):
        raise GeoJsonError("looks-swapped", f"{said} (--as-written takes it all the same)")
    sys.stderr.write(f"channel: looks-swapped: {said}; answered as written\n")


def _metres(option: str, text: str) -> float:
    """`500`, `500m` or `2km`."""
    plain = text.strip().lower()
    unit = next((unit for unit in _UNITS_M if plain.endswith(unit)), "")
    try:
        metres = float(plain.removesuffix(unit)) * _UNITS_M.get(unit, 1.0)
    except ValueError:
        metres = -1.0
    if not 0 <= metres <= 20_000_000:
        raise UsageError(f"{option} takes a length like 500m or 2km, not {text!r}")
    return metres


def _document(conflict: Conflict) -> dict[str, Any]:
    from channel.protocol.times import to_wire

    common = conflict.common
    document: dict[str, Any] = {
        "finding": conflict.kind,
        "features": [conflict.first.id, conflict.second.id],
        "parties": [conflict.first.party, conflict.second.party],
        "kinds": [conflict.first.kind.value, conflict.second.kind.value],
        "from": to_wire(conflict.from_ms),
        "until": to_wire(conflict.until_ms),
        "distance_m": round(conflict.distance_m, 1),
    }
    if common is not None:
        band = common.altitude
        document["floor_m"] = None if band is None else band.floor_m
        document["ceiling_m"] = None if band is None else band.ceiling_m
        document["reference"] = None if band is None else band.reference
        document["certain"] = common.certain
        document["area"] = None if common.area is None else _circle(common.area.center, common.area.radius_m)
    return document


def _circle(center: tuple[int, int], radius_m: int) -> dict[str, Any]:
    return {"center": [center[0] / 10_000_000, center[1] / 10_000_000], "radius_m": radius_m}


def _sentence(conflict: Conflict) -> str:
    from channel.protocol.times import to_wire

    first, second, common = conflict.first, conflict.second, conflict.common
    pair = f"{first.party}'s {first.kind} {first.id} and {second.party}'s {second.kind} {second.id}"
    when = f"{to_wire(conflict.from_ms)} to {to_wire(conflict.until_ms)}"
    if common is None:
        return f"proximity: {pair}, {conflict.distance_m:,.0f} m apart, {when}"
    band = common.altitude
    height = "" if band is None else f", {band.floor_m} to {band.ceiling_m} m {band.reference}"
    doubt = "" if common.certain else ", if the ground there is such that their heights meet"
    return f"overlap: {pair}, {when}{height}{doubt}"
