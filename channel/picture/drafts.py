"""A finding before it is signed: what is raised of a cause, and what clears it (protocol.md 6.17, 16.3.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from channel.ledger import FindingRecord, Ledger
from channel.picture.causes import Cause
from channel.picture.reading import desks
from channel.picture.solid import Overlap
from channel.protocol import ids
from channel.protocol.ids import Hash
from channel.protocol.statements import DeskOf, Finding, Level, Precedence, Response, Shape


@dataclass(frozen=True, slots=True)
class FindingDraft:
    """A finding that is due; the relay makes it a statement. Members as in `statements.Finding`."""

    finding: str
    kind: str
    state: Literal["raised", "cleared"]
    precedence: Precedence
    response: Response
    rests_on: tuple[Hash, ...]
    concerns: tuple[str, ...]
    told: tuple[DeskOf, ...]
    measures: Mapping[str, int]
    area: Shape | None
    line: Hash | None
    detail: str

    def members(self) -> dict[str, object]:
        """What a statement is made of; optional members are absent, never null."""
        found = {name: getattr(self, name) for name in FindingDraft.__dataclass_fields__}
        return {name: value for name, value in found.items() if value is not None}


def finding_id(cause: str, subject: str, kind: str, round_: int) -> str:
    """The id of a finding (protocol.md 6.17)."""
    return ids.alert_id(cause, subject, kind, Level.OPERATIONS.value, round_)


def cause_of(rests_on: Sequence[Hash]) -> str:
    """The cause in an id, where 16.3 names no other."""
    return ",".join(sorted(rests_on))


def raised(ledger: Ledger, cause: Cause, told: Sequence[str], of: str, subject: str) -> FindingDraft:
    """A finding of this cause, in the first round that the log does not know yet."""
    round_ = 1
    while (finding := finding_id(of, subject, cause.kind, round_)) in ledger.findings:
        round_ += 1
    return FindingDraft(
        finding=finding,
        kind=cause.kind,
        state="raised",
        precedence=cause.precedence,
        response=cause.response,
        rests_on=cause.rests_on,
        concerns=cause.concerns,
        told=desks(ledger, told, cause.precedence),
        measures=cause.measures,
        area=cause.area.area if isinstance(cause.area, Overlap) else cause.area,
        line=cause.line,
        detail=cause.detail,
    )


def cleared(record: FindingRecord) -> FindingDraft:
    """The same finding, over."""
    body: Finding = record.body
    return FindingDraft(
        finding=body.finding,
        kind=body.kind,
        state="cleared",
        precedence=body.precedence,
        response=body.response,
        rests_on=body.rests_on,
        concerns=body.concerns,
        told=body.told,
        measures=body.measures,
        area=body.area,
        line=body.line,
        detail=body.detail,
    )
