"""The charter: its defaults and how one is drafted. Pure: no keys are made here and nothing is signed.

The four parties of Deir ez-Zor are the default, not a constant: whoever reads a charter takes its parties from there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from channel.protocol import ids
from channel.protocol.errors import UsageError
from channel.protocol.statements import (
    Charter,
    Deadlines,
    DeadlineTable,
    Desk,
    Level,
    Member,
    Precedence,
    Previous,
    Terms,
)
from channel.protocol.times import short, to_wire

Language = Literal["en", "ru", "ar", "ku"]
_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
_LEVELS = "the levels are operations, staff and ministry"


class Founder(NamedTuple):
    """Who takes part, before it has keys: `client` is the module that sets its habits (`party` is the generic one)."""

    party: str
    name: str
    language: Language
    desks: tuple[Desk, ...]
    client: str


def _row(receipt_ms: int, answer_ms: int, staff_ms: int, ministry_ms: int) -> Deadlines:
    """An intermediary gets twice the receipt deadline to pass a notice on."""
    return Deadlines(
        receipt_ms=receipt_ms,
        forward_ms=2 * receipt_ms,
        answer_ms=answer_ms,
        staff_ms=staff_ms,
        ministry_ms=ministry_ms,
    )


DEFAULT_DEADLINES = DeadlineTable(
    FLASH=_row(15_000, 60_000, 60_000, 180_000),
    IMMEDIATE=_row(60_000, 5 * _MINUTE_MS, 10 * _MINUTE_MS, 20 * _MINUTE_MS),
    PRIORITY=_row(5 * _MINUTE_MS, 30 * _MINUTE_MS, _HOUR_MS, 3 * _HOUR_MS),
    ROUTINE=_row(30 * _MINUTE_MS, 3 * _HOUR_MS, 6 * _HOUR_MS, 12 * _HOUR_MS),
)


def quorum(parties: int) -> int:
    """The smallest k with 2k > n + f: two quorums share an honest witness. One party may lie from four parties on.

    With fewer than four, f = 0: a witness that signs two histories is then not outvoted (protocol.md section 7).
    """
    liars = 1 if parties >= 4 else 0
    return (parties + liars) // 2 + 1


def default_terms(parties: int) -> Terms:
    """The default limits for that many parties."""
    return Terms(
        quorum=quorum(parties),
        watch_ms=12 * _HOUR_MS,
        hole_ms=10 * _MINUTE_MS,
        silent_ms=30_000,
        unwitnessed_ms=10 * _MINUTE_MS,
        notices_per_minute=120,
        flash_per_minute=60,
        refusals_per_minute=30,
        proximity_m=16_000,
        shorten=True,
    )


DEFAULT_TERMS = default_terms(4)


def _desks(number: int) -> tuple[Desk, ...]:
    """Three desks with voice lines that cannot be dialled: no country has the code 000."""
    return tuple(
        Desk(desk=level.value, level=level, contact=f"+000 {number:02d} 555 {10 * place + number:04d}")
        for place, level in enumerate(Level, start=1)
    )


DEFAULT_PARTIES: tuple[Founder, ...] = (
    Founder("coalition", "US-led coalition", "en", _desks(1), "coalition"),
    Founder("russia", "Russian forces in Syria", "ru", _desks(2), "russia"),
    Founder("sdf", "Syrian Democratic Forces", "ku", _desks(3), "sdf"),
    Founder("regime", "Syrian government forces", "ar", _desks(4), "regime"),
)
OPERATOR_DESKS: tuple[Desk, ...] = (Desk(desk="operations", level=Level.OPERATIONS, contact="+000 00 555 0000"),)


def desk_of(text: str) -> Desk:
    """`operations=+000 1` or `night-watch:staff=+000 2` -> a desk at that level, with the voice line to ring."""
    place, _, contact = text.partition("=")
    name, _, level = place.partition(":")
    try:
        return Desk(desk=name, level=Level(level or name), contact=contact.strip())
    except ValueError as error:
        raise UsageError(f"a desk is operations=CONTACT, or NAME:LEVEL=CONTACT, not {text!r}: {_LEVELS}") from error


def describe(charter: Charter) -> tuple[str, ...]:
    """What a person reads before signing it: who is in it, whom to ring, and by when an answer is due."""
    trial = "; TRIAL: one hand made every key, it proves nothing" if charter.trial else ""
    lines = [f"{charter.title} (net {charter.net}, drafted {charter.issued}){trial}"]
    if charter.previous is not None:
        before = charter.previous
        lost = f"{len(before.missing)} of them are lost: {spans(before.missing)}" if before.missing else "none is lost"
        lines.append(f"goes on from net {before.net} at {before.size} leaves, root {before.root}; {lost}")
    for member in (*charter.parties, charter.relay):
        desks = ", ".join(f"{desk.desk} ({desk.level.value}) {desk.contact}" for desk in member.desks)
        lines.append(f"{member.party}: {member.name}; {desks}")
    for precedence in reversed(Precedence):
        row = charter.deadlines.row(precedence)
        lines.append(
            f"{precedence.value}: receipt {short(row.receipt_ms)}, passed on {short(row.forward_ms)}, answer "
            f"{short(row.answer_ms)}, staff told {short(row.staff_ms)}, ministry told {short(row.ministry_ms)}"
        )
    lines.append(f"witnesses that make a checkpoint count: {charter.terms.quorum} of {len(charter.parties)}")
    if len(charter.parties) < 4:
        lines.append("with fewer than four parties, one that lies together with the relay is not outvoted")
    return tuple(lines)


def spans(indexes: Sequence[int]) -> str:
    """`3, 7 to 9`: ascending indexes for people."""
    found: list[list[int]] = []
    for index in indexes:
        if found and found[-1][1] == index - 1:
            found[-1][1] = index
        else:
            found.append([index, index])
    named = [f"{first}" if first == last else f"{first} to {last}" for first, last in found[:20]]
    return ", ".join(named) + (f" and {len(found) - 20} more spans" if len(found) > 20 else "")


def key_labels(desks: Iterable[Desk]) -> tuple[str, ...]:
    """The keys that a party begins with: `purpose/label`, a desk key for each desk."""
    return ("root/1", "sig/machine-1", *(f"sig/desk-{desk.desk}" for desk in desks), "wit/1", "enc/1")


def relay_labels(desks: Iterable[Desk]) -> tuple[str, ...]:
    """The relay's keys: `sig/log-1` signs checkpoints and no token."""
    return ("root/1", "sig/machine-1", "sig/log-1", *(f"sig/desk-{desk.desk}" for desk in desks))


def draft(
    net: str,
    relay: Member,
    parties: Sequence[Member],
    *,
    issued_ms: int,
    title: str = "",
    trial: bool = False,
    deadlines: DeadlineTable = DEFAULT_DEADLINES,
    terms: Terms | None = None,
    previous: Previous | None = None,
) -> Charter:
    """A charter that its parties can be asked to sign; UsageError says what stands against it."""
    terms = default_terms(len(parties)) if terms is None else terms
    if ids.NET.fullmatch(net) is None:
        raise UsageError(f"a net's name is 3 to 40 of a-z, 0-9 and '-', not {net!r}")
    check_keys((relay, *parties))
    _check_rows(deadlines)
    if 2 * terms.quorum <= len(parties):
        raise UsageError(
            f"a quorum of {terms.quorum} among {len(parties)} parties proves nothing: take {quorum(len(parties))}"
        )
    try:
        return Charter(
            net=net,
            issued=to_wire(issued_ms),
            title=title or f"Deconfliction channel {net}",
            trial=trial,
            relay=relay,
            parties=tuple(parties),
            deadlines=deadlines,
            terms=terms,
            previous=previous,
        )
    except ValueError as error:
        raise UsageError(f"no charter can be drafted: {reasons(error)}") from error


def check_keys(members: Iterable[Member]) -> None:
    """One public key under two names would let one party's signature pass as another's."""
    owner: dict[str, str] = {}
    for member in members:
        for key in member.keys:
            first = owner.setdefault(key.pub, key.kid)
            if first != key.kid:
                raise UsageError(
                    f"{first} and {key.kid} are the same key: ask {member.party} to enrol with keys of its own"
                )


def _check_rows(deadlines: DeadlineTable) -> None:
    """A rung that is told before the one below it would be a mistake in typing."""
    for precedence in Precedence:
        row = deadlines.row(precedence)
        if not (row.receipt_ms <= row.answer_ms <= row.staff_ms <= row.ministry_ms):
            raise UsageError(f"{precedence.value}: receipt, answer, staff and ministry deadlines must not decrease")


def reasons(error: ValueError) -> str:
    """What the model says, without its inputs."""
    errors = getattr(error, "errors", None)
    if errors is None:
        return str(error)
    return "; ".join(str(entry["msg"]) for entry in errors(include_url=False, include_input=False))
