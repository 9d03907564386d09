"""De-confliction lines as the log has them: proposed, accepted, in force, superseded, withdrawn (protocol.md 16.2).

A pure fold of line statements; no geometry (that is channel/picture/lines.py) and no clock: what was in force is asked
with a time, and the answer about a past time never changes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from channel.protocol.ids import Hash
from channel.protocol.statements import LineStatement
from channel.protocol.times import from_wire


@dataclass(slots=True)
class LineVersion:
    """A proposal of a version of a line, and what became of it."""

    of: Hash
    index: int
    stamp_ms: int
    author: str
    body: LineStatement
    accepted: dict[str, int] = field(default_factory=dict)
    """Party -> stamp of its acceptance, the author with the proposal itself."""
    withdrawn_ms: int | None = None
    withdrawn_by: str | None = None

    @property
    def line(self) -> str:
        """The line's name, the same for all its versions."""
        return self.body.line

    @property
    def version(self) -> int:
        """Counted from 1 by the proposers."""
        return self.body.version

    @property
    def named(self) -> tuple[str, ...]:
        """Who must accept: the author and those whom the proposal is `to`, in that order."""
        return named(self.author, self.body)

    @property
    def missing(self) -> tuple[str, ...]:
        """Those of them who have not accepted."""
        return tuple(party for party in self.named if party not in self.accepted)

    @property
    def start_ms(self) -> int | None:
        """When it comes into force: all have accepted, and `from_time` has come. None: it never does, so far."""
        if self.missing or len(self.named) < 2:  # to nobody: a line is agreed between parties
            return None
        start_ms = max(from_wire(self.body.from_time), *self.accepted.values())
        end_ms = self.own_end_ms
        return start_ms if end_ms is None or start_ms < end_ms else None

    @property
    def own_end_ms(self) -> int | None:
        """When it ends by its own `until_time`, or by a withdrawal, whichever is first; None: it goes on."""
        until_ms = None if self.body.until_time is None else from_wire(self.body.until_time)
        return min((end for end in (until_ms, self.withdrawn_ms) if end is not None), default=None)


class Lines:
    """All versions of all lines, by the hash of their proposal."""

    def __init__(self) -> None:
        self.versions: dict[Hash, LineVersion] = {}
        self._accepted: dict[Hash, LineVersion] = {}
        """Those that all have accepted: few, however many a party proposes."""
        self._spans: list[tuple[int, int | None, LineVersion]] | None = None
        """Of these, since when and until when each is in force; None: to be worked out anew."""
        self._early: dict[Hash, list[tuple[int, str, LineStatement]]] = {}
        """In a client's ledger: what was said of a proposal that was not released to it yet."""

    def __len__(self) -> int:
        return len(self.versions)

    def apply(self, index: int, stamp_ms: int, of: Hash, author: str, body: LineStatement) -> None:
        """Take in one line statement."""
        if body.of is None:
            self.versions[of] = LineVersion(of, index, stamp_ms, author, body, accepted={author: stamp_ms})
            for said in self._early.pop(of, ()):
                self._reaction(self.versions[of], *said)
        elif body.of in self.versions:
            self._reaction(self.versions[body.of], stamp_ms, author, body)
        else:
            self._early.setdefault(body.of, []).append((stamp_ms, author, body))

    def _reaction(self, proposal: LineVersion, stamp_ms: int, author: str, body: LineStatement) -> None:
        if author not in proposal.named or proposal.withdrawn_ms is not None:
            return
        self._spans = None
        if body.action == "withdraw":
            proposal.withdrawn_ms, proposal.withdrawn_by = stamp_ms, author
            return
        proposal.accepted.setdefault(author, stamp_ms)
        if not proposal.missing:
            self._accepted[proposal.of] = proposal

    def in_force(self, at_ms: int) -> list[LineVersion]:
        """The versions in force at a time, by line and then by version."""
        if self._spans is None:
            ordered = sorted(
                self._accepted.values(), key=lambda version: (version.line, version.version, version.index)
            )
            self._spans = [
                (start_ms, self.end_ms(version), version)
                for version in ordered
                if (start_ms := version.start_ms) is not None
            ]
        return [
            version
            for start_ms, end_ms, version in self._spans
            if start_ms <= at_ms and (end_ms is None or at_ms < end_ms)
        ]

    def end_ms(self, version: LineVersion) -> int | None:
        """When a version that came into force stops being so: its own end, or a later version. None: it goes on."""
        ends = [
            other.start_ms
            for other in self._accepted.values()
            if other.start_ms is not None and _supersedes(other, version)
        ]
        return min((end for end in (*ends, version.own_end_ms) if end is not None), default=None)


def _supersedes(other: LineVersion, version: LineVersion) -> bool:
    """Whether `other`, once in force, takes the place of `version`: later, of the same line, agreed by all its parties.

    What is superseded does not come back when the other ends. Two parties cannot end a line of others by its name.
    """
    later = (other.version, other.index) > (version.version, version.index)
    return other.line == version.line and later and set(version.named) <= set(other.named)


def named(author: str, body: LineStatement) -> tuple[str, ...]:
    """Who must accept a proposal, and may withdraw it: its author and those whom it is `to`."""
    return (author, *(addressee.party for addressee in body.to))


Fault = tuple[str, str]
"""A refusal's code and its detail."""

TERMS = ("title", "parts", "keeps", "excluded", "precision_m", "from_time", "until_time", "beyond")
"""What of a proposal is agreed on, besides `line` and `version`."""


def reaction_fault(proposal: LineVersion | None, signer: str, body: LineStatement) -> Fault | None:
    """What is wrong with a statement that accepts or withdraws a proposal (None: its `of` is none), or None."""
    if proposal is None:
        return "wrong-reference", "`of` is not a proposal of a line"
    terms = proposal.body
    if (terms.line, terms.version) != (body.line, body.version):
        return "wrong-reference", "`line` and `version` are not those of the proposal"
    if signer not in proposal.named:
        return "not-addressee", "the proposal was not from or to the signer: only those accept or withdraw it"
    changed = [name for name in TERMS if body.action == "accept" and getattr(body, name) != getattr(terms, name)]
    if changed:
        return "wrong-reference", f"`{changed[0]}` is not that of the proposal: who accepts changes nothing in it"
    told = {signer, *_addressed(body)}
    missing = {proposal.author, *_addressed(terms)} - told
    if missing:
        return "addressees-missing", f"it must also go to {', '.join(sorted(missing))}"
    if proposal.withdrawn_ms is not None:
        return "already-ended", f"{proposal.withdrawn_by} withdrew the proposal before"
    return None


def _addressed(body: LineStatement) -> tuple[str, ...]:
    return (*(addressee.party for addressee in body.to), *body.info)
