"""One line for people about a finding: what it is, whom it concerns, what was told to whom; and when it is over."""

from __future__ import annotations

from collections.abc import Callable

from channel.ledger.alert_wording import cut, desk, inert, notice_ref
from channel.ledger.ledger import Ledger
from channel.ledger.records import FindingRecord
from channel.protocol.statements import Finding
from channel.protocol.times import dtg, short

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
_WANTED = {"WU": "; WILCO or UNABLE is wanted on what it rests on", "R": "; ROGER is wanted on what it rests on"}


def finding_line(ledger: Ledger, body: Finding, stamp_ms: int, label: Callable[[str], str] | None = None) -> str:
    """`** 160030Z SEP 17 IMMEDIATE OVERLAP coalition, russia: an intent of ... [...]; told ...`, or that it is over.

    `label` names a notice by its hash where its short id would say less.
    """
    sign, over = ("**", "") if body.state == "raised" else ("--", f" is over{_after(ledger, body, stamp_ms)}")
    about = f" {', '.join(body.concerns)}" if body.concerns else ""
    line = f"{sign} {dtg(stamp_ms)} {body.precedence.value} {name(body)}{about}{over}: {sentence(ledger, body, label)}"
    if body.state == "cleared":
        return line
    told = ", ".join(desk(of) for of in body.told)
    return f"{line}{_WANTED.get(body.response.value, '')}; told {told}"


def name(body: Finding) -> str:
    """`OVERLAP`, `LINE CROSSED`."""
    return NAMES.get(body.kind, body.kind.upper())


def sentence(ledger: Ledger, body: Finding, label: Callable[[str], str] | None = None) -> str:
    """What was found, and the notices it rests on that are known here."""
    known = [
        label(of) if label is not None else notice_ref(ledger, ledger.notices[of].nid)
        for of in body.rests_on
        if of in ledger.notices
    ]
    return cut(inert(body.detail), DETAIL_CHARS) + (f" [{', '.join(known)}]" if known else "")


def standing_line(ledger: Ledger, record: FindingRecord, now_ms: int) -> str:
    """A finding that stands, with its age."""
    return f"{finding_line(ledger, record.body, record.raised_ms)}; stands for {short(now_ms - record.raised_ms)}"


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
