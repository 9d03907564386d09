"""What a party's console says before its desk signs: how a read-back compares, what a notice would be and cause.

The same answers as those of `party answer` and `party send --check`, as members for the page to put into words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

from channel.console import facts, rows
from channel.console.shapes import Picture
from channel.console.shapes_before import CausedShown, CheckedShown, HeardShown, OtherShown, RouteShown
from channel.ledger import policy
from channel.picture.features import geometry
from channel.protocol.errors import RefusedError
from channel.protocol.statements import Addressee, Circle, Notice, Point, Volume
from channel.protocol.times import from_wire
from clients.core import readback

if TYPE_CHECKING:
    from channel.console.asked import HeardAsked
    from channel.picture.drafts import FindingDraft
    from clients.core.drafts import Draft
    from clients.core.party import Party

HOUR_MS = 3_600_000


def examples(client: Party) -> tuple[str, str]:
    """(place, time) as its officers type them: of the open sea, at a round time."""
    now_ms = client.now_ms()
    return client.habits.show_place(readback.EXAMPLE_AT), client.habits.show_time(now_ms - now_ms % HOUR_MS)


def heard(client: Party, asked: HeardAsked) -> HeardShown:
    """UsageError, with an example, for what cannot be read."""
    found, habits = client.heard(asked.of, asked.place, asked.time), client.habits
    compared = found.found
    known = compared is not None
    return HeardShown(
        fits=found.fits,
        compared=known,
        fault=None if compared is None else compared.fault,
        place=habits.show_place(found.readback.at),
        time=readback.show(habits, from_wire(found.readback.when)),
        notice_place=None if compared is None else habits.show_place(compared.named.position),
        notice_time=None if compared is None else readback.show(habits, compared.named.from_ms),
        distance_m=None if compared is None else compared.distance_m,
        tolerance_m=None if compared is None else compared.named.tolerance_m,
        apart_s=None if compared is None else compared.apart_ms // 1000,
        hint=None if compared is None else compared.hint,
        slip=None if compared is None else compared.slip,
    )


def checked(client: Party, draft: Draft) -> CheckedShown:
    """Who would read it and what it would cause, by what this party has been shown.

    UsageError if it cannot be, RefusedError if the channel would refuse it by what is known here.
    """
    _judged(client, draft)
    members = draft.members
    to = cast("tuple[Addressee, ...]", members["to"])
    volumes = cast("tuple[Volume, ...]", members["volumes"])
    return CheckedShown(
        to=tuple(RouteShown(party=one.party, via=one.via) for one in to),
        info=cast("tuple[str, ...]", members["info"]),
        precedence=rows.precedence(members["precedence"]),
        response=cast(Literal["R", "WU", "NE"], str(members["response"])),
        read_back=bool(members.get("read_back")),
        picture=Picture(features=tuple(_drawn(volume) for volume in volumes)),
        begins_at=min((volume.from_ for volume in volumes), default=None),
        ends_at=max((volume.until for volume in volumes), default=None),
        box=rows.around(volume.shape for volume in volumes),
        findings=tuple(_caused(client, one) for one in client.would_cause(draft)),
    )


def _judged(client: Party, draft: Draft) -> None:
    now_ms, ledger = client.now_ms(), client.ledger
    seen = client.session.replica.seen
    body = draft.statement(net=client.net, party=client.party, now_ms=now_ms, seen=seen, seq=1, prev=ledger.charter_of)
    verdict = policy.addressed(ledger, client.party, body, now_ms) if isinstance(body, Notice) else None
    if isinstance(verdict, policy.Refuse):
        raise RefusedError(verdict.code, verdict.detail)


def _drawn(volume: Volume) -> dict[str, Any]:
    """As a feature of the console's picture has it: a circle is its centre with a radius."""
    shape = volume.shape
    values = {"circle_radius_m": "radius_m", "accuracy_m": "accuracy_m", "width_m": "width_m"}
    properties = {name: getattr(shape, member) for name, member in values.items() if hasattr(shape, member)}
    if volume.altitude is not None:
        properties |= volume.altitude.model_dump()
    drawn = geometry(Point(at=shape.center, accuracy_m=0) if isinstance(shape, Circle) else shape)
    return {"type": "Feature", "geometry": drawn, "properties": properties}


def _caused(client: Party, found: FindingDraft) -> CausedShown:
    records = [client.ledger.notices[of] for of in found.rests_on if of in client.ledger.notices]
    return CausedShown(
        kind=found.kind,
        precedence=rows.precedence(found.precedence),
        concerns=found.concerns,
        rests_on=tuple(OtherShown(of=one.of, nid=one.nid, author=one.author, kind=one.kind) for one in records),
        measures=dict(found.measures),
        says=found.detail,
        facts=facts.measured(found.measures),
    )
