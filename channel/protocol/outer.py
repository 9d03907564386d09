"""The outer of a sealed notice: what it may show, whom its body must be sealed to, how coarse its `warn` is
(protocol.md 6.5.2). Relay and client ask the same questions here; the JWE and the inner token are `sealing`.

A fault is a value, a sentence that names members and quotes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from channel.protocol import geometry, ids, limits, sealing
from channel.protocol.errors import UsageError
from channel.protocol.forms import Circle, Line, Point, Polygon, Shape
from channel.protocol.keys import KeyRing
from channel.protocol.sealing import InnerNotice, SealedError
from channel.protocol.statements import Kind, Notice

COVER: dict[str, object] = {"kind": Kind.TEXT, "how": "machine", "text": "", "volumes": (), "elements": ()}
"""What stands in the outer where the inner says what is meant; the other members of the content are absent."""
ABSENT = ("unit", "alleged", "accounts_for")

_E7 = 10_000_000
_CELL_E7 = 1_000_000  # a tenth of a degree of latitude is 11 km everywhere
_WIDTHS_E7 = tuple(_CELL_E7 * factor for factor in (1, 2, 5, 10, 20, 50))
_DEGREE_M = 110_000  # a degree of latitude is never shorter, so that reaches err to the large side
_LAT_E7_MAX = 85 * _E7  # beyond it a cell is no use as a warning

Position = tuple[int, int]


# --- faults -----------------------------------------------------------------------------------------------------------


def form_fault(notice: Notice) -> str | None:
    """What an outer shows that belongs inside, or how its `warn` is too fine; None if nothing, or it is not sealed."""
    if notice.sealed is None:
        return None
    shown = [name for name, value in COVER.items() if getattr(notice, name) != value]
    shown += [name for name in ABSENT if getattr(notice, name) is not None]
    shown += ["read_back"] if notice.read_back else []  # the answer would put the place into the log
    if shown:
        return f"{', '.join(shown)}: belongs inside what is sealed; the outer shows nothing of it"
    return None if notice.warn is None else warn_fault(notice.warn)


def warn_fault(shape: Shape) -> str | None:
    """Why a shape gives away more of the place than the `warn` of a sealed notice may."""
    least = f"at least {limits.WARN_M_MIN} m"
    match shape:
        case Circle(radius_m=radius_m):
            return None if radius_m >= limits.WARN_M_MIN else f"warn: expected a radius of {least}"
        case Polygon(rings=rings) if len(rings) == 1 and (sides := _sides(rings[0])) is not None:
            edges = [geometry.distance_m(a, b) for a, b in sides]
            return None if min(edges) >= limits.WARN_M_MIN else f"warn: expected a cell whose sides are {least}"
        case _:
            return "warn: expected a circle, or a cell of four corners along meridians and parallels"


def _sides(ring: Sequence[Position]) -> list[tuple[Position, Position]] | None:
    """The four sides of a ring that is a cell; None if it is not one."""
    lons, lats = sorted({lon for lon, _ in ring}), sorted({lat for _, lat in ring})
    if len(ring) != 4 or len(lons) != 2 or len(lats) != 2 or len(set(ring)) != 4:
        return None
    sides = [(ring[at], ring[(at + 1) % 4]) for at in range(4)]
    return sides if all((a[0] == b[0]) != (a[1] == b[1]) for a, b in sides) else None


def body_fault(notice: Notice, jwe: bytes, ring: KeyRing, index: int) -> str | None:
    """Why a body cannot be the one of an outer that becomes the leaf at `index`; its hash was compared before."""
    try:
        kids = sealing.recipients_of(jwe)
    except SealedError as error:
        return error.detail
    wanted = {*(addressee.party for addressee in notice.to), *notice.info}
    named = {ids.kid_party(kid) for kid in kids}
    if missing := wanted - named:
        return f"it is sealed to no key of {', '.join(sorted(missing))}"
    if more := named - wanted:
        return f"it is sealed to {', '.join(sorted(more))} too: to addressees only"
    stale = [kid for kid in kids if not ring.valid_at(kid, index)]
    return f"{stale[0]} is no key that is valid here: seal it to the newest" if stale else None


# --- making and reading -----------------------------------------------------------------------------------------------


def recipient_keys(parties: Iterable[str], ring: KeyRing, index: int) -> dict[str, bytes]:
    """For each party the newest `enc` key that is valid at `index` (5.8). UsageError if a party has none."""
    found: dict[str, bytes] = {}
    for party in parties:
        newest = ring.newest(party, "enc", index)
        if newest is None:
            raise UsageError(f"{party} has no key that a notice can be sealed to: send it unsealed, or ring")
        found[newest.kid] = newest.public
    return found


def revealed(notice: Notice, inner: InnerNotice) -> Notice:
    """The notice as its author meant it: the outer with what the inner says in the place of the cover."""
    said = {name: getattr(inner, name) for name in (*COVER, *ABSENT)}
    return notice.model_copy(update=said)


# --- warn areas -------------------------------------------------------------------------------------------------------


def coarse(circle: Circle) -> Circle:
    """The circle with its centre on a tenth of a degree, so that the centre does not give the place away."""
    lon, lat = (round(degree / _CELL_E7) * _CELL_E7 for degree in circle.center)
    return Circle(center=(lon, lat), radius_m=circle.radius_m)


def cell(shapes: Iterable[Shape]) -> Polygon:
    """The cells of a fixed grid of 10 km or more that take in all the shapes. UsageError where there is no grid."""
    boxes = [_box(shape) for shape in shapes]
    if not boxes:
        raise UsageError("a warn cell is made from the notice's place: give one, or name PLACE,RADIUS")
    west, south = (min(box[side] for box in boxes) for side in (0, 1))
    east, north = (max(box[side] for box in boxes) for side in (2, 3))
    if max(abs(south), abs(north)) > _LAT_E7_MAX:
        raise UsageError("there are no warn cells beyond 85 degrees of latitude: name PLACE,RADIUS")
    south, north = _out(south, north, _CELL_E7)
    step = next(step for step in _WIDTHS_E7 if _wide(step, max(abs(south), abs(north))))
    west, east = _out(west, east, step)
    if west < -180 * _E7 or east > 180 * _E7:
        raise UsageError("a warn cell does not cross 180 degrees of longitude: name PLACE,RADIUS")
    return Polygon(rings=(((west, south), (east, south), (east, north), (west, north)),))


def _wide(step: int, lat: int) -> bool:
    return geometry.distance_m((0, lat), (step, lat)) >= limits.WARN_M_MIN


def _out(low: int, high: int, step: int) -> tuple[int, int]:
    """The grid lines around; two different ones also for a place on a line."""
    return low // step * step, (high // step + 1) * step


def _box(shape: Shape) -> tuple[int, int, int, int]:
    """West, south, east, north of a shape with its reach, in 1e-7 degrees."""
    match shape:
        case Point(at=at, accuracy_m=reach_m) | Circle(center=at, radius_m=reach_m):
            places: Sequence[Position] = (at,)
        case Line(path=path, width_m=width_m):
            places, reach_m = path, width_m
        case Polygon(rings=rings):
            places, reach_m = rings[0], 0
    lons, lats = [lon for lon, _ in places], [lat for _, lat in places]
    up = math.ceil(reach_m / _DEGREE_M * _E7)
    cosine = math.cos(math.radians(min(max(map(abs, lats)) / _E7, 89.0)))
    across = math.ceil(up / cosine)
    return min(lons) - across, min(lats) - up, max(lons) + across, max(lats) + up
