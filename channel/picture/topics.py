"""What one finding of a kind is about, so that one cause has one finding (protocol.md 16.3.3); and its id."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from channel.ledger import Ledger
from channel.picture.causes import Cause, Meeting
from channel.picture.crossings import Crossed
from channel.picture.drafts import finding_id
from channel.picture.gallery import Side, side_of
from channel.protocol.statements import Finding

INCIDENT = "incident-in-notified-area"
PAIR_KINDS = frozenset({"overlap", "proximity", "converging", "stale-position", "not-heeded", INCIDENT})
ACCOUNT_KINDS = frozenset({"not-taken-account-of", "accounted-for"})
LINE_KIND, WARN_KIND = "line-crossed", "warned"
KINDS = PAIR_KINDS | ACCOUNT_KINDS | {LINE_KIND, WARN_KIND}
Family = Literal["account", "line", "pair", "warn"]


class Topic(NamedTuple):
    """Two sides; or one side and a leaf, and who is told: a line's proposal, or the notice that warns or accounts."""

    family: Family
    sides: tuple[Side, ...]
    leaf: int = -1
    party: str = ""


@dataclass(slots=True)
class About:
    """What gives a topic its causes."""

    meetings: dict[tuple[int, int], Meeting] = field(default_factory=dict)
    crossed: dict[int, Crossed] = field(default_factory=dict)
    account: Cause | None = None
    standing: dict[str, str] = field(default_factory=dict)
    """Kind -> finding id, of what is raised and not cleared."""


def warned_id(of: str, party: str) -> str:
    """The id of the one finding that tells a party of a notice's `warn` area."""
    return finding_id(of, party, WARN_KIND, 1)


def topic_of(ledger: Ledger, body: Finding) -> Topic | None:
    """What a finding in the log is about; None if it is not the picture's, or of a `warn` (see `warned_id`)."""
    records = [ledger.notices[of] for of in body.rests_on if of in ledger.notices]
    sides = tuple(sorted({side_of(record) for record in records}))
    told = body.told[0].party
    if len(records) < len(body.rests_on) or not sides:
        return None
    if body.kind in PAIR_KINDS and len(sides) == 2:
        return Topic("pair", sides)
    if body.kind == LINE_KIND and body.line in ledger.lines.versions:
        return Topic("line", sides, ledger.lines.versions[body.line].index, told)
    if body.kind in ACCOUNT_KINDS:
        return Topic("account", (side_of(records[0]),), records[0].index, told)
    return None
