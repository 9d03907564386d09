"""`admit`: the parties' accessions become leaves 1..n. Only while no relay runs: the log has one writer.

Whether an accession is in order is the ledger's policy, as for everything that the relay takes in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from channel.ledger.fold import Folded, fold
from channel.ledger.policy import Accept, Known, Refuse, judge
from channel.log.checkpoint import Checkpoint, open_note, sign
from channel.log.sqlite import SqliteLog
from channel.log.store import StoredLeaf
from channel.protocol import ids, limits
from channel.protocol.envelope import Opened, open_token
from channel.protocol.errors import FatalError, PeerError, ProofError, UsageError
from channel.protocol.statements import Accession, Seen
from channel.protocol.times import to_wire
from channel.relay.home import ChannelHome


@dataclass(frozen=True, slots=True)
class Admitted:
    """What came of it: parties added now, parties that were there already, and who is still missing."""

    added: tuple[str, ...]
    known: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def in_force(self) -> bool:
        """Whether every party has signed."""
        return not self.missing


def admit(home: Path, tokens: Sequence[bytes], *, now_ms: int) -> Admitted:
    """Take accessions into the log, all of them or, with a UsageError, none. One that is there already is no fault."""
    return admit_into(ChannelHome.open(home), tokens, now_ms)


def admit_into(channel: ChannelHome, tokens: Sequence[bytes], now_ms: int) -> Admitted:
    """As `admit`, in a home that may still be under construction."""
    log = SqliteLog(channel.log_file, "write")
    try:
        folded = _fold(channel, log)
        before = _acceded(folded)
        stamp = _stamp(folded.ledger.last_stamp_ms, now_ms) if tokens else now_ms
        leaves = _take_in(folded, tokens, stamp)
        if leaves:
            origin = f"dcn/{folded.ledger.charter.net}"
            checkpoint = Checkpoint(origin, folded.tree.size, folded.tree.root())
            log.append(leaves, sign(checkpoint, origin, channel.signer("sig/log-1")))
    finally:
        log.close()
    after = _acceded(folded)
    return Admitted(
        added=tuple(party for party in after if party not in before),
        known=before,
        missing=tuple(m.party for m in folded.ledger.charter.parties if m.party not in after),
    )


def _fold(home: ChannelHome, log: SqliteLog) -> Folded:
    """The log as it stands, which must begin with this home's charter and be what its newest checkpoint signed."""
    charter, of = home.charter()
    folded = fold(log.leaves())
    try:
        newest = open_note(log.newest_note() or "", f"dcn/{charter.net}", home.signer("sig/log-1").public)
    except ProofError as error:
        raise FatalError(f"{home.log_file}: its checkpoint does not verify ({error.code}); restore it") from error
    if (newest.size, newest.root) != (folded.tree.size, folded.tree.root()) or folded.ledger.charter_of != of:
        raise FatalError(f"{home.log_file} is not what its checkpoint says: run `channel verify` on it and restore it")
    return folded


def _acceded(folded: Folded) -> tuple[str, ...]:
    ledger = folded.ledger
    return tuple(member.party for member in ledger.charter.parties if ledger.parties[member.party].acceded)


def _take_in(folded: Folded, tokens: Sequence[bytes], stamp: int) -> list[StoredLeaf]:
    """The leaves that come of it, folded already. UsageError says which file, and what to ask its party for."""
    leaves: list[StoredLeaf] = []
    for place, token in enumerate((token.strip() for token in tokens), start=1):
        try:
            opened = open_token(token, folded.ledger.ring, net=folded.ledger.charter.net)
        except PeerError as error:
            raise UsageError(f"file {place} is no accession of this channel's parties: {error}") from error
        _check_first(opened, folded.ledger.charter_of)
        match judge(folded.ledger, opened, stamp):
            case Accept():
                leaves.append(StoredLeaf(folded.tree.size, stamp, token))
                folded.take(leaves[-1], opened)
            case Known():
                continue
            case Refuse(code="wrong-charter"):
                raise UsageError(
                    f"{opened.party} has signed another charter than {folded.ledger.charter_of}: compare them by voice"
                )
            case verdict:
                said = verdict.detail if isinstance(verdict, Refuse) else type(verdict).__name__
                raise UsageError(f"the accession of {opened.party} cannot be taken in: {said}")
    return leaves


def _check_first(opened: Opened, of: ids.Hash) -> None:
    """An accession is the first that a root key signs (protocol.md 5.3)."""
    body = opened.body
    if not isinstance(body, Accession):
        raise UsageError(f"{opened.party} sent a statement of type {opened.type}, not its accession")
    nothing = Seen(size=0, root=ids.sha256(b""))
    if body.charter == of and (body.seq, body.prev, body.seen) != (1, of, nothing):
        raise UsageError(f"{opened.party}'s accession is not the first statement of its root key: ask for that one")


def _stamp(last_ms: int, now_ms: int) -> int:
    """Now, but never before the last leaf (law 3)."""
    if now_ms < last_ms - limits.STEP_MS_MAX:
        raise UsageError(f"the clock says {to_wire(now_ms)}, before the log's last leaf at {to_wire(last_ms)}: set it")
    return max(now_ms, last_ms)
