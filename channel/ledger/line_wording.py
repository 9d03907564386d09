"""A line's version for people and programs: what it is at a time, who has accepted it. Pure text and values."""

from __future__ import annotations

from typing import Any, Literal

from channel.ledger.alert_wording import inert, notice_ref
from channel.ledger.ledger import Ledger
from channel.ledger.lines import Lines, LineVersion
from channel.protocol.times import dtg, from_wire, to_wire

State = Literal["proposed", "agreed", "in-force", "ended", "withdrawn", "superseded"]


def state(lines: Lines, version: LineVersion, at_ms: int) -> State:
    """What a version is at a time: `agreed` if all have accepted and `from_time` has not come, `ended` by its time."""
    start_ms, end_ms = version.start_ms, lines.end_ms(version)
    withdrawn_ms = version.withdrawn_ms
    if withdrawn_ms is not None and withdrawn_ms <= at_ms and (end_ms is None or withdrawn_ms <= end_ms):
        return "withdrawn"
    if end_ms is not None and end_ms <= at_ms:
        own_ms = version.own_end_ms
        return "ended" if own_ms is not None and own_ms <= end_ms else "superseded"
    if start_ms is None:
        return "proposed"
    return "in-force" if start_ms <= at_ms else "agreed"


def line_document(lines: Lines, version: LineVersion, at_ms: int) -> dict[str, Any]:
    """A version as JSON values."""
    start_ms, end_ms = version.start_ms, lines.end_ms(version)
    return {
        "line": version.line,
        "version": version.version,
        "title": version.body.title,
        "nid": version.body.nid,
        "token_sha256": version.of,
        "state": state(lines, version, at_ms),
        "from": None if start_ms is None else to_wire(start_ms),
        "until": None if end_ms is None else to_wire(end_ms),
        "accepted": {party: to_wire(stamp_ms) for party, stamp_ms in version.accepted.items()},
        "missing": list(version.missing),
        "withdrawn_by": version.withdrawn_by,
        "keeps": {keep.party: keep.side for keep in version.body.keeps},
        "precision_m": version.body.precision_m,
    }


def line_line(ledger: Ledger, version: LineVersion, at_ms: int) -> str:
    """`euphrates version 2 015e86a2-4b40 "River": IN FORCE since 151800Z SEP 17; accepted by russia, coalition`."""
    head = f"{version.line} version {version.version} {notice_ref(ledger, version.body.nid)}"
    accepted = ", ".join(version.accepted)
    match state(ledger.lines, version, at_ms):
        case "proposed":
            said = (
                f"proposed by {version.author}, waits for {', '.join(version.missing)}" if version.missing else "never"
            )
        case "agreed":
            said = f"agreed by {accepted}, from {dtg(from_wire(version.body.from_time))} on"
        case "in-force":
            said = f"IN FORCE since {dtg(version.start_ms or 0)}; accepted by {accepted}"
        case "withdrawn":
            said = f"withdrawn by {version.withdrawn_by} at {dtg(version.withdrawn_ms or 0)}"
        case over:
            said = f"{over} at {dtg(ledger.lines.end_ms(version) or 0)}"
    return f'{head} "{inert(version.body.title)}": {said}'
