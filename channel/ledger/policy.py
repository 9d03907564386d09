"""Whether a statement may enter the log (protocol.md sections 5, 6, 12). Judged once, live; a refusal is a value.

The guard has passed: bytes, form and kind of key are right. Here is what needs the ledger: who may say this of what,
now. Codes are in `channel.protocol.codes`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from channel.ledger import delivery as dl
from channel.ledger import lines
from channel.ledger.ledger import Ledger
from channel.protocol import geometry, ids, limits, outer
from channel.protocol.envelope import Opened, is_strong_key
from channel.protocol.statements import (
    Accession,
    Acknowledgement,
    Addressed,
    Answer,
    Call,
    Check,
    ClockStep,
    Forwarding,
    KeyStatement,
    LineStatement,
    Notice,
    Precedence,
    Receiving,
    Revocation,
    Stage,
    Statement,
    Suspension,
    Word,
)  # fmt: skip
from channel.protocol.times import from_wire

MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Accept:
    """It may enter the log."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """Final for those bytes."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Temporary: a signed `busy`, nothing in the log."""

    code: str
    retry_ms: int


@dataclass(frozen=True, slots=True)
class Known:
    """The very bytes are in the log already: the first receipt again."""

    index: int


@dataclass(frozen=True, slots=True)
class RefusedBefore:
    """The very bytes were refused: the refusal is in that party's feed."""


@dataclass(frozen=True, slots=True)
class Hold:
    """What it refers to is not known yet: keep it until that comes."""

    of: str


Verdict = Accept | Refuse | Wait | Known | RefusedBefore | Hold
ACCEPT = Accept()


def judge(ledger: Ledger, opened: Opened, now_ms: int) -> Verdict:
    """The verdict on a statement that would become the leaf after the ledger's last one, at stamp `now_ms`."""
    if opened.of in ledger.index_of:
        return Known(ledger.index_of[opened.of])
    if opened.of in ledger.refused:
        return RefusedBefore()
    body = opened.body
    if not isinstance(body, Statement) or (
        opened.party == ids.RELAY and not isinstance(body, Acknowledgement | ClockStep)
    ):
        return Refuse("relay-only", "only the channel itself makes statements of this type")
    return (
        _key(ledger, opened)
        or _sequence(ledger, opened, body)
        or _founding(ledger, opened, body)
        or _common(ledger, opened, body, now_ms)
        or _rare(ledger, opened, body, now_ms)
        or _by_type(ledger, opened, body, now_ms)
        or ACCEPT
    )


def _key(ledger: Ledger, opened: Opened) -> Verdict | None:
    if not ledger.ring.valid_at(opened.kid, ledger.size):
        return Refuse("key-not-valid", f"{opened.kid} is not valid at position {ledger.size} of the log")
    return None


def _sequence(ledger: Ledger, opened: Opened, body: Statement) -> Verdict | None:
    device = ledger.devices.get(opened.kid)
    taken = device.taken.get(body.seq) if device is not None else None
    if taken is not None and taken != opened.of:
        return Refuse("equivocation", f"{opened.kid} signed other bytes under number {body.seq} before")
    return None


def _founding(ledger: Ledger, opened: Opened, body: Statement) -> Verdict | None:
    if isinstance(body, Accession):
        if body.charter != ledger.charter_of:
            return Refuse("wrong-charter", "the accession names another charter")
        if ledger.parties[opened.party].acceded:
            return Refuse("already-acceded", f"{opened.party} has acceded before")
        return None
    if not ledger.in_force:
        return Wait("not-in-force", MINUTE_MS)
    return None


def _rare(ledger: Ledger, opened: Opened, body: Statement, now_ms: int) -> Verdict | None:
    """What a party says seldom has a limit too: it goes to every feed, or is paid for by everybody's log."""
    if not isinstance(body, Check | KeyStatement | Revocation | Suspension) or opened.party == ids.RELAY:
        return None
    stamps, allowed = ledger.parties[opened.party].rare_stamps, ledger.charter.terms.notices_per_minute
    if len(stamps) >= allowed and stamps[-allowed] > now_ms - MINUTE_MS:
        return Wait("quota", stamps[-allowed] + MINUTE_MS - now_ms)
    return None


def _common(ledger: Ledger, opened: Opened, body: Statement, now_ms: int) -> Verdict | None:
    member = ledger.member(opened.party)
    desks = {desk.desk for desk in member.desks}
    if body.desk not in desks:
        return Refuse("unknown-desk", f"the charter names no desk {body.desk} of {opened.party}")
    if from_wire(body.issued) > now_ms + limits.ISSUED_AHEAD_MS_MAX:
        return Refuse("issued-ahead", "`issued` is more than 10 min ahead of the channel's clock: check yours")
    return None


def _by_type(ledger: Ledger, opened: Opened, body: Statement, now_ms: int) -> Verdict | None:
    match body:
        case Addressed():
            return addressed(ledger, opened.party, body, now_ms)
        case Receiving():
            return _receiving(ledger, opened, body)
        case Answer():
            return _answer(ledger, opened, body)
        case Forwarding():
            return _forwarding(ledger, opened, body)
        case Acknowledgement():
            return _acknowledgement(ledger, opened, body)
        case KeyStatement() | Revocation():
            return _keys(ledger, opened, body)
        case ClockStep() if not ledger.alerts_on.get(f"clock/{ids.RELAY}"):
            return Refuse("wrong-reference", "no step of the clock waits to be applied")
        case _:
            return None


# --- notices, lines, calls --------------------------------------------------------------------------------------------


def addressed(ledger: Ledger, author: str, body: Addressed, now_ms: int) -> Verdict | None:
    """The verdict on what a notice, line or call says, whoever signs it: None if nothing is against it."""
    known = ledger.nids.get(body.nid)
    if known is not None:
        code = "equivocation" if ledger.notices[known].author == author else "nid-reused"
        return Refuse(code, f"the id {body.nid} was used for another notice")
    verdict = _addressees(ledger, author, body) or _quota(ledger, author, body, now_ms)
    if verdict is None and isinstance(body, Notice):
        verdict = _volumes(body) or _sealed(body) or _earlier(ledger, author, body)
    if verdict is None and isinstance(body, LineStatement):
        verdict = _line(ledger, author, body)
    if verdict is None and isinstance(body, Call) and from_wire(body.ended) < from_wire(body.began):
        return Refuse("window-invalid", "the call ends before it begins")
    return verdict


def _addressees(ledger: Ledger, author: str, body: Addressed) -> Verdict | None:
    named = [*(a.party for a in body.to), *body.info]
    vias = [a.via for a in body.to if a.via is not None]
    if not named:
        return Refuse("no-addressee", "name at least one addressee in `to` or `info`")
    if author in named or author in vias:
        return Refuse("self-address", f"{author} may not be its own addressee or intermediary")
    for party in (*named, *vias):
        if party not in ledger.parties:
            return Refuse("unknown-addressee", f"{party} is not a party to the charter")
    if len(set(named)) != len(named):
        return Refuse("duplicate-addressee", "each party may be addressed once")
    if any(a.via == a.party for a in body.to):
        return Refuse("via-invalid", "an intermediary may not be the addressee itself")
    new = not _continues(body)
    for party in (author, *named, *vias):
        if new and ledger.parties[party].suspended:
            return Refuse("suspended", f"{party} has suspended: ring {_ring(ledger, party)}")
    return None


def _continues(body: Addressed) -> bool:
    """Whether it ends, changes or accepts what was said before: a suspension stops only what is new."""
    match body:
        case Notice(amends=amends, withdraws=withdraws):
            return amends is not None or withdraws is not None
        case LineStatement(of=of):
            return of is not None
        case _:
            return False


def _ring(ledger: Ledger, party: str) -> str:
    desk = ledger.desk(party, "operations")
    return f"{party}/{desk} {ledger.contact(party, desk)}"


def _quota(ledger: Ledger, author: str, body: Addressed, now_ms: int) -> Verdict | None:
    """FLASH has a lane of its own, so that a party's flood of lesser notices never delays its FLASH."""
    terms = ledger.charter.terms
    flash = body.precedence is Precedence.FLASH
    stamps = ledger.parties[author].flash_stamps if flash else ledger.parties[author].notice_stamps
    allowed = terms.flash_per_minute if flash else terms.notices_per_minute
    if len(stamps) >= allowed and stamps[-allowed] > now_ms - MINUTE_MS:
        return Wait("quota", stamps[-allowed] + MINUTE_MS - now_ms)
    return None


def _volumes(body: Notice) -> Verdict | None:
    fault = geometry.check_volumes(body.volumes, kind=body.kind, issued_ms=from_wire(body.issued), warn=body.warn)
    return None if fault is None else Refuse(*fault)


def _sealed(body: Notice) -> Verdict | None:
    fault = outer.form_fault(body)
    return None if fault is None else Refuse("sealed-form", fault)


def _earlier(ledger: Ledger, author: str, body: Notice) -> Verdict | None:
    """What it amends or withdraws: the author's own, still standing, and sent to all whom that was sent to."""
    references: Sequence[str] = [of for of in (body.amends, body.withdraws) if of is not None]
    if len(references) > 1:
        return Refuse("wrong-reference", "a notice either amends or withdraws, not both")
    for of in references:
        earlier = ledger.notices.get(of)
        if earlier is None:
            return _unknown(ledger, of)
        if earlier.author != author:
            return Refuse("not-author", "only the author may amend or withdraw a notice")
        if not isinstance(earlier.body, Notice):
            return Refuse("wrong-reference", f"a {earlier.kind} is not amended or withdrawn by a notice")
        if earlier.ended_by is not None:
            return Refuse("already-ended", "the notice was withdrawn or superseded before")
        missing = set(earlier.parties) - {*(a.party for a in body.to), *body.info}
        if missing:
            return Refuse("addressees-missing", f"it must also go to {', '.join(sorted(missing))}")
    return None


def _unknown(ledger: Ledger, of: str) -> Verdict:
    """Unknown so far: hold. Known as something else: refuse."""
    if of in ledger.index_of or of in ledger.refused:
        return Refuse("wrong-reference", "what it refers to is not a notice in the log")
    return Hold(of)


def _line(ledger: Ledger, author: str, body: LineStatement) -> Verdict | None:
    fault = geometry.check_line(body.parts, body.excluded)
    if fault is None and body.until_time is not None and from_wire(body.until_time) <= from_wire(body.from_time):
        fault = "window-invalid", "`until_time` must be later than `from_time`"
    if fault is None and body.of is not None:
        proposal = ledger.notices.get(body.of)
        if proposal is None:
            return _unknown(ledger, body.of)
        fault = lines.reaction_fault(ledger.lines.versions.get(body.of), author, body)
    return None if fault is None else Refuse(*fault)


# --- what refers to a notice ------------------------------------------------------------------------------------------


def _receiving(ledger: Ledger, opened: Opened, body: Receiving) -> Verdict | None:
    notice = ledger.notices.get(body.of)
    if notice is None:
        return _unknown(ledger, body.of)
    if notice.author == opened.party:
        return Refuse("own-notice", "the author does not receive its own notice")
    custodies = [d.custody for d in ledger.deliveries_of(body.of) if d.addressee == opened.party]
    custodies += [d.via_custody for d in ledger.deliveries_of(body.of) if d.via == opened.party]
    if not custodies:
        return Refuse("not-addressee", "the notice was not addressed to the signer")
    stage = dl.Custody.RECEIVED if body.stage is Stage.RECEIVED else dl.Custody.DISPLAYED
    if all(dl.CUSTODY[custody, stage] is custody for custody in custodies):
        return Refuse("already-received", f"{body.stage.value} was signed for before")
    return None


def _answer(ledger: Ledger, opened: Opened, body: Answer) -> Verdict | None:
    notice = ledger.notices.get(body.of)
    if notice is None:
        return _unknown(ledger, body.of)
    if notice.author == opened.party:
        return Refuse("own-notice", "the author does not answer its own notice")
    delivery = ledger.deliveries.get((body.of, opened.party))
    if delivery is None:
        return Refuse("not-addressee", "the notice was not addressed to the signer")
    if delivery.answer_of is not None and body.word is not Word.STANDBY and body.corrects != delivery.answer_of:
        if body.corrects is not None:
            return Refuse("wrong-reference", "`corrects` is not the answer in force")
        return Refuse("already-answered", f"answered {delivery.reply.value.upper()} before; name it in `corrects`")
    if delivery.answer_of is None and body.corrects is not None:
        return Refuse("wrong-reference", "there is no final answer to correct")
    if delivery.answer_of is not None and body.word is Word.STANDBY:
        return Refuse("already-answered", "a final answer is not followed by STANDBY")
    return _quoted(notice.body, delivery, body)


def _quoted(notice: Addressed, delivery: dl.Delivery, body: Answer) -> Verdict | None:
    """An answer to a sealed notice names what was read; who has not been handed it yet cannot."""
    sealed = notice.sealed if isinstance(notice, Notice) else None
    if sealed is not None and body.readback is not None:
        return Refuse("sealed-form", "`readback` would show the place of a sealed notice: quote `pt` alone")
    if body.pt != (None if sealed is None else sealed.pt):
        handed = delivery.leg in (dl.Leg.DIRECT, dl.Leg.BY_CHANNEL)
        if body.pt is not None or (handed and body.word in (Word.ROGER, Word.WILCO)):
            return Refuse("wrong-pt", "`pt` must be that of the sealed notice, and absent from an answer to another")
    return None


def _forwarding(ledger: Ledger, opened: Opened, body: Forwarding) -> Verdict | None:
    notice = ledger.notices.get(body.of)
    if notice is None:
        return _unknown(ledger, body.of)
    delivery = ledger.deliveries.get((body.of, body.to))
    if delivery is None or delivery.via != opened.party:
        return Refuse("not-intermediary", f"{opened.party} is not the intermediary to {body.to}")
    if dl.LEG[delivery.leg, body.by] is delivery.leg:
        return Refuse("already-forwarded", f"passed on before: {delivery.leg.value}")
    return None


def _acknowledgement(ledger: Ledger, opened: Opened, body: Acknowledgement) -> Verdict | None:
    record = ledger.alerts.get(body.alert)
    if record is None:
        return Hold(f"alert/{body.alert}")
    if opened.party != ids.RELAY and all(told.party != opened.party for told in record.body.told):
        return Refuse("alert-not-yours", "the alert was not told to the signer")
    return None


def _keys(ledger: Ledger, opened: Opened, body: KeyStatement | Revocation) -> Verdict | None:
    if ledger.ring.outdated(body.keys, opened.party):
        return Refuse("keys-outdated", "a newer key statement of this party came first: look at it and sign again")
    if isinstance(body, KeyStatement):
        if ids.kid_party(body.key.kid) != opened.party:
            return Refuse("wrong-party", "a root enrols keys of its own party only")
        if ids.kid_purpose(body.key.kid) != "enc" and not is_strong_key(ids.unb64url(body.key.pub)):
            return Refuse("wrong-key", "the key is not the canonical encoding of a strong Ed25519 key")
        if body.key.kid in ledger.ring:
            return Refuse("key-exists", f"{body.key.kid} was enrolled before: choose another label")
        same = next((kid for kid, public in ledger.ring.items() if public == ids.unb64url(body.key.pub)), None)
        if same is not None:
            return Refuse("key-exists", f"that very key was enrolled before, as {same}: make a new one")
        share = limits.NET_KEYS_MAX // len(ledger.parties)
        if len(ledger.ring.of_party(opened.party)) >= share:
            return Refuse("keys-full", f"the net has room for {share} keys of a party: go on in a new net")
        return None
    if ids.kid_party(body.kid) != opened.party or body.kid not in ledger.ring:
        return Refuse("unknown-key", f"{body.kid} is not a key of {opened.party}")
    if ledger.ring.record(body.kid).until is not None:
        return Refuse("key-not-valid", f"{body.kid} was withdrawn before")
    return None
