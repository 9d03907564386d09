"""What notices have to do with each other: the causes of findings (protocol.md 16.3.1, 16.5). Pure; decides nothing.

A meeting is two notices that come near each other; its geometry is worked out once. Which causes it gives at a time,
and what is said of them, is asked each time; who may be told, and what is raised or cleared, is situation.py's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from channel.ledger import Ledger, NoticeRecord, Reply
from channel.picture.courses import Approach
from channel.picture.solid import Overlap, Solid, distance_m, overlap, shaped, solid
from channel.protocol.errors import UsageError
from channel.protocol.ids import Hash
from channel.protocol.statements import Kind, Notice, Precedence, Response, Shape
from channel.protocol.times import dtg, short

CONFLICTING = frozenset({Kind.INTENT, Kind.POSITION, Kind.SITE})
INCIDENT_STANDS_MS = 86_400_000  # an incident is over when it is told: it is shown for a day
OVERLAPS_MAX = 16  # of one pair of notices: each of 16 volumes may meet each of 16
_ARTICLE = {Kind.INTENT: "an intent", Kind.INCIDENT: "an incident"}


Side = tuple[str, str, int]
"""(author, unit, -1) of a position of a unit, else (author, "", index): what a finding joins (protocol.md 16.3.3)."""


def side_of(record: NoticeRecord) -> Side:
    """Which side of a finding a notice is."""
    unit = unit_of(record)
    return (record.author, unit, -1) if unit is not None else (record.author, "", record.index)


def unit_of(record: NoticeRecord) -> str | None:
    """The unit whose position this is, if it says one."""
    body = record.body
    return body.unit if isinstance(body, Notice) and body.kind is Kind.POSITION else None


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A notice with volumes, made ready."""

    record: NoticeRecord
    body: Notice
    """The notice itself."""
    kind: Kind
    author: str
    index: int
    unit: str | None
    """Whose position it is, if it is one and says so."""
    solids: tuple[Solid, ...]
    until_ms: int
    """When its last window is over."""
    side: Side
    what: str
    """`an intent of russia`."""

    @classmethod
    def of(cls, record: NoticeRecord, body: Notice, solids: tuple[Solid, ...]) -> Shown:
        """A notice and its volumes."""
        kind, author, unit = body.kind, record.author, unit_of(record)
        until_ms = max(part.until_ms for part in solids)
        what = f"{_ARTICLE.get(kind) or f'a {kind.value}'} of {author}"
        return cls(record, body, kind, author, record.index, unit, solids, until_ms, side_of(record), what)


def shown(record: NoticeRecord) -> Shown | None:
    """A notice made ready; None if there is nothing of it to compare."""
    body = record.body
    if not isinstance(body, Notice) or body.status == "test" or not body.volumes:
        return None
    try:
        return Shown.of(record, body, tuple(solid(volume) for volume in body.volumes))
    except UsageError:  # only a dishonest relay logs such a notice: it is on no picture
        return None


def touches(side: Shown, area: Shape) -> bool:
    """Whether a notice has a place in common with an area, at whatever time and altitude."""
    return any(distance_m(part, shaped(area, part.from_ms, part.until_ms)) == 0 for part in side.solids)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why there is a finding. `needs`: indexes of all leaves that whoever is told must be able to read."""

    kind: str
    rests_on: tuple[Hash, ...]
    needs: tuple[int, ...]
    concerns: tuple[str, ...]
    precedence: Precedence
    response: Response
    detail: str
    measures: dict[str, int] = field(default_factory=dict)
    area: Shape | Overlap | None = None
    """Of an overlap its area is worked out for a finding that is made, and for no other."""
    line: Hash | None = None
    until_ms: int | None = None
    """When it ends by time alone."""


@dataclass(frozen=True, slots=True, eq=False)
class Meeting:
    """Two notices near each other, `older` and `newer` by log position.

    `near`: (metres apart, end of the common window) of each two volumes; `common`: what overlaps, by time.
    """

    older: Shown
    newer: Shown
    near: tuple[tuple[float, int], ...] = ()
    common: tuple[Overlap, ...] = ()
    approach: Approach | None = None
    tracks: tuple[NoticeRecord, ...] = ()
    """Earlier positions of the units, on which the approach rests too."""

    @property
    def positions(self) -> bool:
        """Whether both are."""
        return self.older.kind is Kind.POSITION and self.newer.kind is Kind.POSITION

    def any(self, kind: Kind) -> bool:
        """Whether one of the two is of this kind."""
        return self.older.kind is kind or self.newer.kind is kind

    @property
    def until_ms(self) -> int:
        """When their last common moment is over."""
        return min(self.older.until_ms, self.newer.until_ms)


def meeting(a: Shown, b: Shown, near: list[tuple[int, int, float]]) -> Meeting:
    """`near`: (volume of a, volume of b, metres apart). Which of the two is given first does not matter."""
    if b.index < a.index:
        return meeting(b, a, [(j, i, metres) for i, j, metres in near])
    near = sorted(near)
    ends = tuple((metres, min(a.solids[i].until_ms, b.solids[j].until_ms)) for i, j, metres in near)
    touching = [(a.solids[i], b.solids[j]) for i, j, metres in near if metres == 0][:OVERLAPS_MAX]
    common = [found for one, other in touching if (found := overlap(one, other, touching=True)) is not None]
    return Meeting(a, b, ends, tuple(sorted(common, key=lambda part: (part.from_ms, part.until_ms))))


# --- what a meeting causes --------------------------------------------------------------------------------------------


def of_meeting(ledger: Ledger, met: Meeting, now_ms: int, *, apart: bool) -> Iterator[Cause]:
    """Every cause that two notices give at a time. `apart`: no line lets two positions be this close (16.3.1)."""
    main: list[Cause] = []
    if met.any(Kind.INCIDENT):
        incident = _incident(ledger, met, now_ms)
        yield from () if incident is None else (incident,)
    if met.older.author == met.newer.author:
        return
    unheeded = _not_heeded(ledger, met, now_ms)
    if unheeded is not None:
        yield unheeded
    if met.any(Kind.INTENT) and met.older.kind in CONFLICTING and met.newer.kind in CONFLICTING:
        main += _overlap(met, now_ms)
    if met.positions and apart:
        main += _proximity(ledger, met, now_ms)
        main += _converging(ledger, met, now_ms)
    yield from main
    if main:
        yield from _stale(ledger, met, now_ms, main)


def changes_ms(ledger: Ledger, met: Meeting) -> Iterator[int]:
    """The times at which a meeting may give other causes than before, though nothing is said."""
    yield from (until_ms for _, until_ms in met.near)
    yield from (part.until_ms for part in met.common)
    if met.approach is not None:
        yield min(met.approach.closest_ms, met.until_ms)
    for side in (met.older, met.newer):
        if side.kind is Kind.POSITION:
            yield stale_ms(ledger, side.record)
        if side.kind is Kind.INCIDENT:
            yield side.record.stamp_ms + INCIDENT_STANDS_MS


def stale_ms(ledger: Ledger, record: NoticeRecord) -> int:
    """From when on a position is too old for its precedence."""
    return record.stamp_ms + ledger.charter.deadlines.row(record.body.precedence).ministry_ms


def _of(
    met: Meeting, kind: str, precedence: Precedence, response: Response, detail: str, needs: tuple[int, ...] = (),
    **more: object,
) -> Cause:  # fmt: skip
    """A cause that rests on both notices of a meeting."""
    records = (met.older.record, met.newer.record)
    return Cause(
        kind=kind,
        rests_on=tuple(record.of for record in records),
        needs=(*(record.index for record in records), *needs),
        concerns=tuple(dict.fromkeys(record.author for record in records)),
        precedence=precedence,
        response=response,
        detail=detail,
        **more,  # type: ignore[arg-type]
    )


def _now(met: Meeting, now_ms: int) -> Overlap | None:
    """The first of the overlaps that is not over."""
    return next((part for part in met.common if part.until_ms > now_ms), None)


def _window(common: Overlap) -> str:
    doubt = "" if common.certain else "; one altitude is above ground, the other above the sea: they may"
    return f"from {dtg(common.from_ms)} until {dtg(common.until_ms)}{doubt}"


def _seconds(common: Overlap, now_ms: int) -> dict[str, int]:
    return {
        "begins-in-s": max(0, common.from_ms - now_ms) // 1000,
        "overlap-s": (common.until_ms - common.from_ms) // 1000,
    }


def _overlap(met: Meeting, now_ms: int) -> Iterator[Cause]:
    common = _now(met, now_ms)
    if common is None:
        return
    highest = max((met.older.body.precedence, met.newer.body.precedence, Precedence.IMMEDIATE), key=lambda p: p.rank)
    detail = f"{met.newer.what} overlaps {met.older.what}, {_window(common)}"
    measures = _seconds(common, now_ms)
    yield _of(met, "overlap", highest, Response.WU, detail, measures=measures, area=common, until_ms=common.until_ms)


def _proximity(ledger: Ledger, met: Meeting, now_ms: int) -> Iterator[Cause]:
    ahead = [(metres, until_ms) for metres, until_ms in met.near if until_ms > now_ms]
    agreed_m = ledger.charter.terms.proximity_m
    metres, until_ms = min(ahead, default=(agreed_m, 0))
    if metres >= agreed_m:
        return
    apart = "in the same place" if metres == 0 else f"{_far(metres)} apart"
    detail = f"{met.newer.what} and {met.older.what} are {apart}: closer than the {_far(agreed_m)} agreed"
    yield _of(
        met, "proximity", Precedence.PRIORITY, Response.NE, detail,
        measures={"distance-m": round(metres)}, until_ms=until_ms,
    )  # fmt: skip


def _converging(ledger: Ledger, met: Meeting, now_ms: int) -> Iterator[Cause]:
    coming, agreed_m = met.approach, ledger.charter.terms.proximity_m
    if coming is None or min(coming.closest_ms, met.until_ms) <= now_ms or coming.soon_m >= agreed_m:
        return
    speed = f"{coming.closing_cm_s / 100:.1f} m/s"
    detail = (
        f"{met.newer.what} and {met.older.what}, {_far(coming.distance_m)} apart, close at {speed}: "
        f"{_far(coming.closest_m)} at {dtg(coming.closest_ms)} on these courses"
    )
    cause = _of(
        met, "converging", Precedence.IMMEDIATE, Response.WU, detail, tuple(record.index for record in met.tracks),
        until_ms=min(coming.closest_ms, met.until_ms),
        measures={
            "closest-in-s": coming.closest_in_s, "closest-m": coming.closest_m, "closing-cm-s": coming.closing_cm_s,
            "distance-m": coming.distance_m,
        },
    )  # fmt: skip
    records = sorted((met.older.record, met.newer.record, *met.tracks), key=lambda record: record.index)
    yield replace(cause, rests_on=tuple(record.of for record in records))


def _stale(ledger: Ledger, met: Meeting, now_ms: int, main: list[Cause]) -> Iterator[Cause]:
    """The oldest position of a conflict that stands, if it is too old."""
    positions = [side for side in (met.older, met.newer) if side.kind is Kind.POSITION]
    old = [side for side in positions if stale_ms(ledger, side.record) <= now_ms]
    if not old:
        return
    age_ms = now_ms - old[0].record.stamp_ms
    detail = f"{old[0].what} is {short(age_ms)} old, and stands against {_other(met, old[0]).what}: ask for a new one"
    ends = [cause.until_ms for cause in main if cause.until_ms is not None]
    cause = _of(
        met, "stale-position", Precedence.PRIORITY, Response.NE, detail,
        measures={"age-s": age_ms // 1000}, until_ms=max(ends, default=None),
    )  # fmt: skip
    yield replace(cause, concerns=(old[0].author,))


def _other(met: Meeting, side: Shown) -> Shown:
    return met.newer if side is met.older else met.older


def _not_heeded(ledger: Ledger, met: Meeting, now_ms: int) -> Cause | None:
    """A party said WILCO to the one, and its own later notice is the other."""
    common = _now(met, now_ms)
    if common is None:
        return None
    for asked, done in ((met.older, met.newer), (met.newer, met.older)):
        delivery = ledger.deliveries.get((asked.record.of, done.author))
        if delivery is None or delivery.reply is not Reply.WILCO or delivery.answer_of is None:
            continue
        answer = ledger.index_of.get(delivery.answer_of)
        if answer is None or answer > done.index or done.kind not in (Kind.POSITION, Kind.INTENT):
            continue
        detail = (
            f"{done.author} answered WILCO to {asked.what}; {done.what} that came later overlaps it, {_window(common)}"
        )
        return _of(
            met, "not-heeded", Precedence.FLASH, Response.WU, detail, (answer,),
            measures=_seconds(common, now_ms), area=common, until_ms=common.until_ms,
        )  # fmt: skip
    return None


# --- incidents --------------------------------------------------------------------------------------------------------


def _incident(ledger: Ledger, met: Meeting, now_ms: int) -> Cause | None:
    """An incident in an area that its alleged author was notified of, or in an intent of that author's that the
    incident's author was notified of; and what who was notified had signed for by then.
    """
    for said, area in ((met.older, met.newer), (met.newer, met.older)):
        alleged, stands_until_ms = said.body.alleged, said.record.stamp_ms + INCIDENT_STANDS_MS
        if said.kind is not Kind.INCIDENT or alleged is None or not met.common or stands_until_ms <= now_ms:
            continue
        own = area.author == alleged
        if area.kind not in ((Kind.INTENT,) if own else CONFLICTING):
            continue
        notified = said.author if own else alleged
        proven = _proven(ledger, area.record, notified, began_ms(said))
        if proven is None:
            continue
        detail = f"{said.what}, alleged of {alleged}, lies in {area.what}: {_level(notified, proven)}"
        cause = _of(
            met, "incident-in-notified-area", Precedence.IMMEDIATE, Response.NE, detail,
            measures=proven, area=met.common[0], until_ms=stands_until_ms,
        )  # fmt: skip
        return replace(cause, concerns=tuple(dict.fromkeys((area.author, notified))))
    return None


def began_ms(said: Shown) -> int:
    """When an incident happened; one that is said to be ahead is judged by what there is now."""
    return min(said.record.stamp_ms, *(part.from_ms for part in said.solids))


def _proven(ledger: Ledger, record: NoticeRecord, alleged: str, begin_ms: int) -> dict[str, int] | None:
    """Seconds before `begin_ms` at which it was notified, received, displayed, answered; None: it was not for it.

    Nothing is in it of a notice that its intermediary had not passed on: who reports incidents one after the other does
    not find out when it did.
    """
    if record.stamp_ms > begin_ms:
        return None
    delivery = ledger.deliveries.get((record.of, alleged))
    carried = any(one.via == alleged for one in ledger.deliveries_of(record.of))
    if delivery is None:
        return {"notified-s": (begin_ms - record.stamp_ms) // 1000} if carried else None
    told_ms = record.stamp_ms if delivery.via is None else delivery.forwarded_ms
    steps = {
        "notified-s": told_ms,
        "received-s": delivery.received_ms,
        "displayed-s": delivery.displayed_ms,
        "answered-s": delivery.answered_ms,
    }
    return {
        name: (begin_ms - at_ms) // 1000 for name, at_ms in steps.items() if at_ms is not None and at_ms <= begin_ms
    }


def _level(alleged: str, proven: dict[str, int]) -> str:
    """What had been proven, and what had not, in words that say no more than the signatures do."""
    if "answered-s" in proven:
        return f"answered by {alleged} {_before(proven['answered-s'])}"
    if "displayed-s" in proven:
        return f"before a person of {alleged} {_before(proven['displayed-s'])}, not answered by then"
    if "received-s" in proven:
        return (
            f"stored by a machine of {alleged} {_before(proven['received-s'])}, not displayed to a person by then as "
            "far as anybody signed"
        )
    if "notified-s" not in proven:
        return f"addressed to {alleged}, and not passed on to it by then as far as anybody signed"
    return f"passed to {alleged} {_before(proven['notified-s'])}, nothing signed for by then"


def _before(seconds: int) -> str:
    return f"{short(seconds * 1000)} before"


def _far(metres: float) -> str:
    """`850 m`, `2.1 km`."""
    return f"{metres / 1000:.1f} km" if metres >= 1000 else f"{round(metres)} m"
