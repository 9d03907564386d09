"""One line for people about a finding: what it is, whom it concerns, what was told to whom; and when it is over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from channel.ledger import delivery as dl
from channel.ledger.alert_wording import Ending, cut, desk, inert, notice_ref
from channel.ledger.ledger import Ledger
from channel.ledger.records import FindingRecord, NoticeRecord
from channel.protocol.answering import READ_BACK
from channel.protocol.statements import Finding, Notice, Response
from channel.protocol.times import dtg, from_wire, short, to_wire

DETAIL_CHARS = 240  # a finding is a sentence: it is shown whole, save where a party's own words made it long
NAMES = {
    "overlap": "OVERLAP",
    "proximity": "CLOSE TO EACH OTHER",
    "converging": "CONVERGING",
    "stale-position": "OLD POSITION",
    "not-heeded": "NOT HEEDED",
    "incident-in-notified-area": "INCIDENT IN A NOTIFIED AREA",
    "line-crossed": "LINE CROSSED",
    "warned": "CAUTION",
    "not-taken-account-of": "NOT TAKEN ACCOUNT OF",
    "accounted-for": "ACCOUNTED FOR",
    "read-back-mismatch": "READ BACK WRONGLY",
}
"""What a kind is called on a screen; a kind of a later version is shown by its code."""
WINDOW_OVER_MS = 60_000  # what is cleared so soon after the end of a window is cleared by it
_OUTLASTING = ("incident-in-notified-area",)  # what becomes of the area changes nothing (protocol.md 16.3.1)
_WANTED = {"WU": "; WILCO or UNABLE is wanted", "R": "; ROGER is wanted"}


def finding_line(ledger: Ledger, body: Finding, stamp_ms: int, label: Callable[[str], str] | None = None) -> str:
    """`** 160030Z SEP 17 IMMEDIATE OVERLAP coalition, russia: an intent of ... [...]; told ...`, or that it is over.

    `label` names a notice by its hash where its short id would say less.
    """
    head = f"{dtg(stamp_ms)} {body.precedence.value} {name(body)}"
    about = f" {', '.join(body.concerns)}" if body.concerns else ""
    if body.state == "cleared":
        return f"-- {head}{about}{_named(ledger, body, label)} is over{_after(ledger, body, stamp_ms)}"
    told = ", ".join(desk(of) for of in body.told)
    return f"** {head}{about}: {sentence(ledger, body, label)}{_wanted(ledger, body)}; told {told}"


def name(body: Finding) -> str:
    """`OVERLAP`, `LINE CROSSED`."""
    return NAMES.get(body.kind, body.kind.upper())


def sentence(ledger: Ledger, body: Finding, label: Callable[[str], str] | None = None) -> str:
    """What was found, and the notices it rests on that are known here."""
    return cut(inert(body.detail), DETAIL_CHARS) + _named(ledger, body, label)


def _named(ledger: Ledger, body: Finding, label: Callable[[str], str] | None) -> str:
    known = [
        label(of) if label is not None else notice_ref(ledger, ledger.notices[of].nid)
        for of in body.rests_on
        if of in ledger.notices
    ]
    return f" [{', '.join(known)}]" if known else ""


def _wanted(ledger: Ledger, body: Finding) -> str:
    """The word that is awaited, if one of its notices asks for any."""
    asks = any(ledger.notices[of].response is not Response.NE for of in body.rests_on if of in ledger.notices)
    return _WANTED.get(body.response.value, "") if asks else ""


def standing_line(ledger: Ledger, record: FindingRecord, now_ms: int) -> str:
    """A finding that stands, with its age."""
    return f"{finding_line(ledger, record.body, record.raised_ms)}; stands for {short(now_ms - record.raised_ms)}"


def document(record: FindingRecord) -> dict[str, Any]:
    """A finding for `--json`: what it says, whom it was told, since when and until when."""
    body = record.body
    found: dict[str, Any] = {
        "id": body.finding,
        "kind": body.kind,
        "precedence": body.precedence.value,
        "response": body.response.value,
        "rests_on": list(body.rests_on),
        "concerns": list(body.concerns),
        "told": [desk(of) for of in body.told],
        "measures": dict(body.measures),
        "detail": body.detail,
        "raised": record.raised_ms,
        "raised_time": to_wire(record.raised_ms),
        "standing": record.standing,
    }
    if body.line is not None:
        found["line"] = body.line
    if body.area is not None:
        found["area"] = body.area.model_dump(mode="json")
    if record.cleared_ms is not None:
        found |= {"cleared": record.cleared_ms, "cleared_time": to_wire(record.cleared_ms)}
    return found


def standing_on(ledger: Ledger, of: str) -> list[FindingRecord]:
    """The findings that stand and rest on this notice."""
    return [record for record in standing(ledger) if of in record.body.rests_on]


def resting_on(ledger: Ledger, of: str) -> list[FindingRecord]:
    """All findings that rest on this notice, also those that are over, in the order in which they were raised."""
    return [record for record in ledger.findings.values() if of in record.body.rests_on]


def standing(ledger: Ledger, party: str | None = None) -> list[FindingRecord]:
    """Findings that stand, most urgent first; those that a party was told, if one is given."""
    found = [
        record
        for record in ledger.findings.values()
        if record.standing
        and record.body.kind != "accounted-for"
        and (party is None or any(told.party == party for told in record.body.told))
    ]
    return sorted(found, key=lambda record: (-record.body.precedence.rank, record.index))


def _after(ledger: Ledger, body: Finding, stamp_ms: int) -> str:
    record = ledger.findings.get(body.finding)
    return "" if record is None else f" after {short(stamp_ms - record.raised_ms)}"


# --- what ends --------------------------------------------------------------------------------------------------------


def cleared_said(ledger: Ledger, record: FindingRecord) -> str:
    """Why a finding is over: `withdrawn by coalition`."""
    over = ending(ledger, record)
    match over.kind:
        case "answered":
            return f"answered by {over.who} ({over.word})"
        case "window-over":
            return f"the window of {over.who} is over"
        case "no-more":
            return "it holds no more"
        case _:
            return f"{over.kind} by {over.who}"


def ending(ledger: Ledger, record: FindingRecord) -> Ending:
    """Why a finding is over, as far as the log says: an answer, a withdrawal, a new version, the end of a window.

    Its `cleared` leaf has no word for it; what only places or lines have ended is `no-more`.
    """
    at_ms = record.raised_ms if record.cleared_ms is None else record.cleared_ms
    after_ms, body = at_ms - record.raised_ms, record.body
    if body.kind == READ_BACK and (read := _counted(ledger, record, at_ms)) is not None:
        return Ending("answered", read.addressee, after_ms, word=read.reply.value.upper())
    notices = [ledger.notices[of] for of in body.rests_on if of in ledger.notices]
    for notice in notices:
        by = ledger.notices.get(notice.ended_by or "")
        if by is not None and by.stamp_ms <= at_ms:
            withdrawn = isinstance(by.body, Notice) and by.body.withdraws == notice.of
            return Ending("withdrawn" if withdrawn else "superseded", notice.author, after_ms)
    for notice in notices if body.kind not in _OUTLASTING else ():
        if 0 <= at_ms - _until_ms(notice) < WINDOW_OVER_MS:
            return Ending("window-over", notice.author, after_ms)
    return Ending("no-more", ", ".join(body.concerns), after_ms)


def _counted(ledger: Ledger, record: FindingRecord, at_ms: int) -> dl.Delivery | None:
    """The delivery whose addressee has answered anew since, so that it counts."""
    found = ledger.deliveries.get((record.body.rests_on[0], record.body.concerns[-1]))
    if found is None or found.answered_ms is None or found.answer_of is None or found.answered_ms > at_ms:
        return None
    return found if ledger.index_of.get(found.answer_of, 0) > record.index else None


def _until_ms(notice: NoticeRecord) -> int:
    """When its last window is over; 0 without one."""
    volumes = notice.body.volumes if isinstance(notice.body, Notice) else ()
    return max((from_wire(volume.until) for volume in volumes), default=0)
