"""Places as people type and read them: lat/lon, MGRS and SK-42 Gauss-Krueger, to and from `[lon_e7, lat_e7]` (WGS 84).

Every reading carries its accuracy: the half-diagonal of the cell that the digits leave open, so that a coarse place
never passes for an exact one. Rules of this file: latitude comes before longitude, and SK-42 northing (x) before
easting (y); what is not unmistakably one of the forms is refused; no grid files, no network. Shapes are in
geometry.py. The three libraries are imported when first needed: most commands need none of them.
"""

from __future__ import annotations

import math
import re
import warnings
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from channel.protocol import limits
from channel.protocol.errors import UsageError

if TYPE_CHECKING:
    from pyproj import Geod, Transformer

System = Literal["latlon", "mgrs", "sk42"]
SYSTEMS: tuple[System, ...] = ("latlon", "mgrs", "sk42")

_FORMS = (
    "write 35.3359,40.1408 (latitude first, decimals with a point), 35°20'09\"N 40°08'27\"E, 37S FV 03674 10891, "
    "or SK42 3912555 7603827 (northing x first, then easting y that begins with the zone)"
)
_E7 = 10_000_000
_METRES_PER_DEGREE = 111_700  # the longest degree of latitude, so that accuracies err to the large side
_BANDS = "CDEFGHJKLMNPQRSTUVWX"  # MGRS latitude bands, 8 degrees each from 80 S; X has 12
_MGRS_LAT = (-80, 84)
_ZONE_EDGE_DEG = 4.0  # a Gauss-Krueger zone reaches 3 degrees from its meridian; neighbours share a margin
_SK42_ZONES = range(1, 33)

# Signs that keyboards, maps and translations put for the same thing. Invisible marks go; digits of any script are read.
_SIGNS = str.maketrans(
    {
        "º": "°", "˚": "°", "′": "'", "’": "'", "ʹ": "'", "″": '"', "”": '"', "“": '"', "ʺ": '"', "−": "-", "–": "-",
        "،": ",", "؛": ";", "٫": ".", "\u00a0": " ", "\u202f": " ", "\u2009": " ",
        "\u200e": "", "\u200f": "", "\u2066": "", "\u2067": "", "\u2068": "", "\u2069": "",
    }
)  # fmt: skip
_WORDS = (
    (r"с\.\s*ш\.?", "N"),
    (r"ю\.\s*ш\.?", "S"),
    (r"в\.\s*д\.?", "E"),
    (r"з\.\s*д\.?", "W"),
    (r"\b[сc][кk](?=[- ]?42)", "SK"),
)

_NUMBER = r"\d+(?:\.\d+)?"
_BARE = re.compile(rf"([+-]?{_NUMBER})°?(?: *[,;] *| +)([+-]?{_NUMBER})°?")
_ANGLE = rf"({_NUMBER})(?:(?:° ?| )({_NUMBER})(?:(?:' ?| )({_NUMBER})(?:\"|'')?|')?|°)?"
_LETTER_LAST = re.compile(rf"{_ANGLE} ?([NSEW])(?: *[,;] *| *){_ANGLE} ?([NSEW])")
_LETTER_FIRST = re.compile(rf"([NSEW]) ?{_ANGLE}(?: *[,;] *| *)([NSEW]) ?{_ANGLE}")
_MGRS = re.compile(
    r"(?:MGRS:? *)?(\d{1,2}) ?([C-HJ-NP-X]) ?([A-HJ-NP-Z][A-HJ-NP-V]) ?(?:(\d{1,5}) (\d{1,5})|(\d{2,10}))"
)
_MGRS_LIKE = re.compile(r"(?:MGRS.*|\d{1,2} ?[A-Z] ?[A-Z]{2}(?: ?\d[\d ]*)?)")
_SK42 = re.compile(
    r"(?P<prefix>SK[- ]?42:? *)?(?:(?P<la>[XХYУ]) ?[=:]? ?)?(?P<a>\d{6,8}(?:\.\d+)?)(?: *[,;] *| +)"
    r"(?:(?P<lb>[XХYУ]) ?[=:]? ?)?(?P<b>\d{6,8}(?:\.\d+)?)"
)


@dataclass(frozen=True, slots=True)
class Reading:
    """A place as understood: `(lon_e7, lat_e7)`, the radius in metres that its digits leave open, the form it had."""

    position: tuple[int, int]
    accuracy_m: int
    system: System


class Operation(NamedTuple):
    """A datum operation: its registered name, its published accuracy in metres, and where that accuracy ends."""

    name: str
    accuracy_m: float
    note: str


def sk42_operation() -> Operation:
    """The one operation between WGS 84 and SK-42 that this project uses, whatever the installed PROJ would choose."""
    return Operation(
        name="Pulkovo 1942 to WGS 84 (16), EPSG:15865, and 6-degree Gauss-Krueger zones",
        accuracy_m=4.5,
        note="published for the former Soviet Union; elsewhere parameter sets differ by 2 to 13 m",
    )


def parse_place(text: str, *, system: str | None = None) -> Reading:
    """What a person types -> a reading. UsageError says what to type instead.

    `system` is the habit of who typed it: with `sk42` two bare numbers of six digits and more are northing and easting
    without a prefix. Forms of the other systems are read too, since none can be taken for another.
    """
    _known(system)
    if len(text) > limits.NAME_CHARS_MAX:
        raise UsageError(f"a place has at most {limits.NAME_CHARS_MAX} characters, not {len(text)}; {_FORMS}")
    plain = _normal(text)
    if match := _SK42.fullmatch(plain):
        if match["prefix"] or match["la"] or match["lb"] or system == "sk42":
            return _read_sk42(match, text)
        raise UsageError(f"{text!r}: two grid numbers without their grid; put SK42 before them; or {_FORMS}")
    if match := _BARE.fullmatch(plain):
        return _latlon(_degrees(match[1]), _degrees(match[2]), text)
    if match := _LETTER_LAST.fullmatch(plain):
        return _read_lettered((match[4], match.group(1, 2, 3)), (match[8], match.group(5, 6, 7)), text)
    if match := _LETTER_FIRST.fullmatch(plain):
        return _read_lettered((match[1], match.group(2, 3, 4)), (match[5], match.group(6, 7, 8)), text)
    if match := _MGRS.fullmatch(plain):
        return _read_mgrs(match, text)
    if _MGRS_LIKE.fullmatch(plain):
        raise UsageError(
            f"{text!r} is not a grid reference: zone 1 to 60, band C to X, two letters (no I or O), then 1 to 5 digits "
            "east and as many north, like 37S FV 03674 10891"
        )
    raise UsageError(f"cannot read the place {text!r}; {_FORMS}")


def format_place(position: tuple[int, int], system: str) -> str:
    """A position for people, to about a metre. Where the system does not reach, lat/lon."""
    _known(system)
    lon, lat = position[0] / _E7, position[1] / _E7
    if system == "mgrs" and _MGRS_LAT[0] <= lat < _MGRS_LAT[1]:
        import mgrs

        grid = str(mgrs.MGRS().toMGRS(lat, lon))
        return f"{grid[:-12]} {grid[-12:-10]} {grid[-10:-5]} {grid[-5:]}"
    if system == "sk42" and 1 <= lat < 84 and (zone := _sk42_zone(lon)) in _SK42_ZONES:
        easting, northing = _sk42_transformer(zone).transform(lon, lat)
        return f"SK-42 {round(northing):07d} {round(easting)}"
    return f"{abs(lat):.5f}{'N' if lat >= 0 else 'S'} {abs(lon):.5f}{'E' if lon >= 0 else 'W'}"


@cache
def geod() -> Geod:
    """Geodesics on the WGS 84 ellipsoid."""
    from pyproj import Geod

    return Geod(ellps="WGS84")


def datum_slips(position: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Where a position lands if its SK-42 degrees are read as WGS 84, and if its WGS 84 degrees are read as SK-42."""
    lon, lat = position[0] / _E7, position[1] / _E7
    there = _datum_transformer().transform(lon, lat)
    back = _datum_transformer().transform(lon, lat, direction="INVERSE")
    return (round(there[0] * _E7), round(there[1] * _E7)), (round(back[0] * _E7), round(back[1] * _E7))


# --- reading --------------------------------------------------------------------------------------------------------


class _Angle(NamedTuple):
    """Degrees, and half a unit of the last digit, both exact."""

    degrees: Fraction
    half_unit: Fraction


def _known(system: str | None) -> None:
    if system is not None and system not in SYSTEMS:
        raise UsageError(f"a place system is one of {', '.join(SYSTEMS)}, not {system!r}")


def _normal(text: str) -> str:
    """One spelling for signs, digits and blanks, in capitals."""
    plain = text.translate(_SIGNS)
    plain = "".join(str(int(char)) if char.isdecimal() else char for char in plain)
    for pattern, letter in _WORDS:
        plain = re.sub(pattern, letter, plain, flags=re.IGNORECASE)
    return re.sub(r"\s+", " ", plain).strip().upper()


def _degrees(number: str) -> _Angle:
    return _Angle(Fraction(number), _half_unit(number))


def _half_unit(number: str) -> Fraction:
    return Fraction(1, 2 * 10 ** len(number.partition(".")[2]))


def _read_lettered(
    first: tuple[str, tuple[str | None, ...]], second: tuple[str, tuple[str | None, ...]], text: str
) -> Reading:
    """The letters say which is which, so either order will do."""
    angles = {"lat" if letter in "NS" else "lon": (letter, parts) for letter, parts in (first, second)}
    if len(angles) != 2:
        raise UsageError(f"{text!r}: one of the two needs N or S, the other E or W; {_FORMS}")
    return _latlon(_sexagesimal(*angles["lat"], text), _sexagesimal(*angles["lon"], text), text)


def _sexagesimal(letter: str, parts: tuple[str | None, ...], text: str) -> _Angle:
    """Degrees, minutes, seconds; only the last that is there may have decimals."""
    given = [part for part in parts if part is not None]
    if any("." in part for part in given[:-1]) or any(Fraction(part) >= 60 for part in given[1:]):
        raise UsageError(f"{text!r}: minutes and seconds are below 60, and only the last number has decimals; {_FORMS}")
    degrees = sum((Fraction(part) / 60**power for power, part in enumerate(given)), Fraction(0))
    return _Angle(-degrees if letter in "SW" else degrees, _half_unit(given[-1]) / 60 ** (len(given) - 1))


def _latlon(lat: _Angle, lon: _Angle, text: str) -> Reading:
    if abs(lat.degrees) > 90 or abs(lon.degrees) > 180:
        swapped = abs(lon.degrees) <= 90 and abs(lat.degrees) <= 180
        hint = "; it looks swapped: latitude comes first" if swapped else ""
        raise UsageError(f"{text!r}: latitude is within 90 degrees and longitude within 180{hint}; {_FORMS}")
    north = float(lat.half_unit) * _METRES_PER_DEGREE
    east = float(lon.half_unit) * _METRES_PER_DEGREE * math.cos(math.radians(float(lat.degrees)))
    position = (round(lon.degrees * _E7), round(lat.degrees * _E7))
    return Reading(position, max(1, math.ceil(math.hypot(north, east))), "latlon")


def _read_mgrs(match: re.Match[str], text: str) -> Reading:
    """The centre of the cell. The library's versions differ in what they return (south-west corner, or centre).

    So only the 100 km square is asked of it, rounded down to that square's corner, and the digits are added here.
    """
    zone, band, square, east, north, both = match.groups()
    if both is not None:
        east, north = both[: len(both) // 2], both[len(both) // 2 :]
    if not 1 <= int(zone) <= 60:
        raise UsageError(f"{text!r}: grid zones go from 1 to 60")
    if len(east) != len(north):
        raise UsageError(f"{text!r}: as many digits north as east, 1 to 5 of each, like 37S FV 03674 10891")
    side_m = 10 ** (5 - len(east))
    corner = _square_corner(f"{int(zone)}{band}{square}", east + north)
    if corner is None:
        raise UsageError(f"{text!r}: there is no square {square} in grid zone {int(zone)}{band}; check the letters")
    centre = (corner[0] + (int(east) + 0.5) * side_m, corner[1] + (int(north) + 0.5) * side_m)
    lon, lat = _utm_transformer(int(zone), band >= "N").transform(*centre)
    half_diagonal_m = side_m * math.sqrt(0.5)
    if _outside_m(lon, lat, _grid_zone_box(int(zone), band)) > half_diagonal_m:
        raise UsageError(f"{text!r}: this cell is outside grid zone {int(zone)}{band}; check zone, band and letters")
    return Reading((round(lon * _E7), round(lat * _E7)), math.ceil(half_diagonal_m), "mgrs")


def _square_corner(prefix: str, digits: str) -> tuple[float, float] | None:
    """UTM easting and northing of the south-west corner of the 100 km square; None if there is no such square."""
    import mgrs

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # "latitude warning": the caller judges the band itself
        try:
            _, _, easting, northing = mgrs.MGRS().MGRSToUTM(prefix + digits)
        except mgrs.core.MGRSError:
            return None
    return _whole_squares(easting), _whole_squares(northing)


def _whole_squares(metres: float) -> float:
    return math.floor((metres + 0.01) / 100_000) * 100_000.0


def _grid_zone_box(zone: int, band: str) -> tuple[float, float, float, float]:
    """West, south, east, north of a grid zone in degrees, with the exceptions at Norway and Svalbard."""
    west, south = zone * 6.0 - 186, _BANDS.index(band) * 8.0 - 80
    east, north = west + 6, 84.0 if band == "X" else south + 8
    special = {
        (31, "V"): (0, 3), (32, "V"): (3, 12),
        (31, "X"): (0, 9), (33, "X"): (9, 21), (35, "X"): (21, 33), (37, "X"): (33, 42),
    }  # fmt: skip
    west, east = special.get((zone, band), (west, east))
    return west, south, east, north


def _outside_m(lon: float, lat: float, box: tuple[float, float, float, float]) -> float:
    """How far a place is from a grid zone: 0 inside."""
    west, south, east, north = box
    lon = lon - 360 if lon - west > 180 else lon + 360 if west - lon > 180 else lon
    near = (min(max(lon, west), east), min(max(lat, south), north))
    return float(geod().inv(lon, lat, *near)[2])


def _read_sk42(match: re.Match[str], text: str) -> Reading:
    first, second = match["a"], match["b"]
    labels = "".join("X" if label in "XХ" else "Y" for label in (match["la"], match["lb"]) if label)
    if labels not in ("", "XY", "YX"):
        raise UsageError(f"{text!r}: label both numbers, x for the northing and y for the easting, or neither")
    if labels == "YX":
        first, second = second, first
    northing, easting = float(first), float(second)
    zone = int(easting // 1_000_000)
    if zone not in _SK42_ZONES or northing > 9_500_000:
        raise UsageError(f"{text!r}: {_SK42_HINT}")
    lon, lat = _sk42_transformer(zone).transform(easting, northing, direction="INVERSE")
    from_meridian = (lon - (zone * 6 - 3) + 180) % 360 - 180
    if not (math.isfinite(lon) and abs(from_meridian) <= _ZONE_EDGE_DEG and 0 <= lat < 85):
        raise UsageError(f"{text!r}: {_SK42_HINT}")
    cell_m = max(float(_half_unit(first)), float(_half_unit(second))) * math.sqrt(2)
    return Reading((round(lon * _E7), round(lat * _E7)), math.ceil(cell_m + sk42_operation().accuracy_m), "sk42")


_SK42_HINT = (
    "not a place in a Gauss-Krueger zone of SK-42; northing (x, metres from the equator) comes first, then easting "
    "(y, 7 or 8 digits that begin with the zone, within its zone), like SK42 3912555 7603827"
)


# --- projections: written out, so that no installed database decides ------------------------------------------------


def _sk42_zone(lon: float) -> int:
    return math.floor((lon % 360) / 6) + 1


_TO_SK42 = (
    "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=push +v_3 "
    "+step +proj=cart +ellps=WGS84 +step +inv +proj=helmert +x=25 +y=-141 +z=-78.5 +rx=0 +ry=-0.35 +rz=-0.736 +s=0 "
    "+convention=coordinate_frame +step +inv +proj=cart +ellps=krass +step +proj=pop +v_3"
)


@cache
def _datum_transformer() -> Transformer:
    """WGS 84 (lon, lat) -> degrees on SK-42's ellipsoid. Parameters of EPSG:15865."""
    from pyproj import Transformer

    return Transformer.from_pipeline(f"{_TO_SK42} +step +proj=unitconvert +xy_in=rad +xy_out=deg")


@cache
def _sk42_transformer(zone: int) -> Transformer:
    """WGS 84 (lon, lat) -> easting with its zone, northing. Parameters of EPSG:15865."""
    from pyproj import Transformer

    return Transformer.from_pipeline(
        f"{_TO_SK42} +step +proj=tmerc +lat_0=0 +lon_0={zone * 6 - 3} +k=1 +x_0={zone}500000 +y_0=0 +ellps=krass"
    )


@cache
def _utm_transformer(zone: int, north: bool) -> Transformer:
    """UTM easting, northing -> WGS 84 (lon, lat)."""
    from pyproj import Transformer

    south = "" if north else " +south"
    return Transformer.from_pipeline(
        f"+proj=pipeline +step +inv +proj=utm +zone={zone}{south} +ellps=WGS84 "
        "+step +proj=unitconvert +xy_in=rad +xy_out=deg"
    )
