"""What a notice would cause if it were logged now, by what one party was shown (protocol.md 16.7). Pure.

A client asks it before it signs. Only what may be near is made ready: an urgent notice does not wait for the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from channel.ledger import Ledger, NoticeRecord
from channel.picture.accounts import accounting
from channel.picture.causes import Cause, Shown, began_ms, shown, touches
from channel.picture.courses import FOLLOWED_MS
from channel.picture.crossings import AgreedLines, caution, crossing
from channel.picture.drafts import FindingDraft, cause_of, raised
from channel.picture.forest import Box
from channel.picture.gallery import Gallery, unit_of
from channel.picture.moves import in_order
from channel.picture.plane import E7, length_m
from channel.picture.reasons import Reasons
from channel.picture.rough import Rough, box
from channel.picture.solid import widened
from channel.picture.topics import WARN_KIND
from channel.protocol.forms import Kind
from channel.protocol.statements import Circle, Notice, Point, Position
from channel.protocol.times import from_wire

_UNLOGGED = "A" * 43  # the hash of a notice that has none yet


def would_cause(ledger: Ledger, body: Notice, author: str, now_ms: int) -> list[FindingDraft]:
    """The findings that a notice of `author` would cause, as far as its own ledger shows; each told to it alone.

    The areas that it was warned of count too. Nothing is changed.
    """
    parties = (*(to.party for to in body.to), *body.info)
    side = shown(NoticeRecord(_UNLOGGED, ledger.size, now_ms, author, body, parties))
    found = [] if side is None else list(_causes(ledger, side, now_ms))
    return [raised(ledger, cause, (author,), cause_of(cause.rests_on), author) for cause in found]


def _causes(ledger: Ledger, side: Shown, now_ms: int) -> Iterator[Cause]:
    proximity_m = ledger.charter.terms.proximity_m
    gallery = Gallery(ledger, side.author)
    for record in _about(ledger, side, proximity_m):
        gallery.add(record)
    gallery.add(side.record)
    if not gallery.stands(side):  # a late report: its unit has been somewhere else since
        return
    lines = AgreedLines()
    for found in lines.crossed(ledger, side):
        yield crossing(found)
    reasons = Reasons(ledger, gallery, side.author, lines)
    near = next(gallery.neighbours([side], proximity_m))
    for met in gallery.meetings(side, near, proximity_m, partial(_counts, gallery, side)):
        yield from reasons.of(met, now_ms)
    for finding in ledger.findings.values():
        area = finding.body.area
        if finding.standing and finding.body.kind == WARN_KIND and area is not None and touches(side, area):
            yield caution(area)
    if side.kind is Kind.INTENT and side.body.accounts_for is not None:
        around = gallery.around(side, proximity_m, below=side.index)
        yield accounting(side, (other for other in around if other.author != side.author))


def _counts(gallery: Gallery, side: Shown, other: Shown) -> bool:
    if side.kind is Kind.INCIDENT:
        return gallery.stood(other, began_ms(side), ())
    return other.author != side.author


def _about(ledger: Ledger, side: Shown, proximity_m: int) -> list[NoticeRecord]:
    """What stands and may be near, with the position before it of each unit; and the own unit's positions."""
    rough, position = Rough(ledger), side.kind is Kind.POSITION
    own = _moves(rough, side.record) if position else []
    reach_m = proximity_m + _reach_m(in_order(ledger, [*own, side.record]))
    wide_m = reach_m + max(map(_reach_m, rough.tracks()), default=0.0) if position else proximity_m
    found: dict[int, NoticeRecord] = {}
    for record in rough.near(side.solids, wide_m):
        track = _moves(rough, record)
        if record.ended_by is not None or track[-1] is not record:
            continue
        near_m = reach_m + _reach_m(track) if position else proximity_m
        if any(_meet(widened(part.box, near_m), one) for part in side.solids for one in _boxes(record)):
            found |= {one.index: one for one in track[-2:]}
    found |= {one.index: one for one in own[-2:]}
    return [found[index] for index in sorted(found)]


def _moves(rough: Rough, record: NoticeRecord) -> list[NoticeRecord]:
    """Every position of its unit, from the first to the newest; of anything else the notice alone."""
    unit = unit_of(record)
    return [record] if unit is None else rough.positions(record.author, unit)


def _reach_m(track: list[NoticeRecord]) -> float:
    """How far a unit may come for as long as its course is followed, and a little more."""
    if len(track) < 2:
        return 0.0
    (before, began_ms), (after, at_ms) = (_where(record) for record in track[-2:])
    if before is None or after is None or at_ms <= began_ms:
        return 0.0
    return length_m(_degrees(before), _degrees(after)) * FOLLOWED_MS / (at_ms - began_ms) + 10


def _where(record: NoticeRecord) -> tuple[Position | None, int]:
    """The one place that a position names, and since when."""
    if not isinstance(record.body, Notice):
        return None, record.stamp_ms
    volume = record.body.volumes[0]
    match volume.shape:
        case Point(at=place) | Circle(center=place):
            return place, from_wire(volume.from_)
        case _:
            return None, from_wire(volume.from_)


def _degrees(place: Position) -> tuple[float, float]:
    return place[0] / E7, place[1] / E7


def _boxes(record: NoticeRecord) -> list[Box]:
    volumes = record.body.volumes if isinstance(record.body, Notice) else ()
    return [box(volume.shape) for volume in volumes]


def _meet(a: Box, b: Box) -> bool:
    across = any(a[0] <= b[2] + turn and a[2] >= b[0] + turn for turn in (-360.0, 0.0, 360.0))
    return across and a[1] <= b[3] and a[3] >= b[1]
