"""`admit`: the parties' accessions become leaves 1..n. Only while no relay runs: the log has one writer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from channel.founding.home import ChannelHome
from channel.log.checkpoint import Checkpoint, open_note, sign
from channel.log.leaf import encode, leaf_hash
from channel.log.merkle import Tree
from channel.log.sqlite import SqliteLog
from channel.log.store import StoredLeaf
from channel.protocol import ids, limits
from channel.protocol.envelope import Opened, open_token
from channel.protocol.errors import FatalError, PeerError, ProofError, UsageError
from channel.protocol.keys import KeyRing
from channel.protocol.statements import Accession, Charter, Seen
from channel.protocol.times import to_wire


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
    charter, of = channel.charter()
    keys = KeyRing(charter, of)
    log = SqliteLog(channel.log_file, "write")
    try:
        stored = list(log.leaves())
        tree = _tree(channel, charter.net, of, stored, log.newest_note())
        have = _acceded(stored, keys, charter)
        new = _judge(tokens, charter, of, keys, have)
        stamp = _stamp(stored, now_ms) if new else now_ms
        leaves = [StoredLeaf(len(stored) + place, stamp, opened.token) for place, opened in enumerate(new)]
        for leaf in leaves:
            tree.append(leaf_hash(encode(leaf.stamp, leaf.token)))
        if leaves:
            origin = f"dcn/{charter.net}"
            log.append(leaves, sign(Checkpoint(origin, tree.size, tree.root()), origin, channel.signer("sig/log-1")))
    finally:
        log.close()
    added = tuple(opened.party for opened in new)
    missing = tuple(m.party for m in charter.parties if m.party not in have and m.party not in added)
    return Admitted(added, tuple(party for party in have if party not in added), missing)


def _tree(home: ChannelHome, net: str, of: ids.Hash, leaves: Sequence[StoredLeaf], note: str | None) -> Tree:
    """The tree of what is stored, which must begin with this charter and be what the newest checkpoint signed."""
    tree = Tree()
    for leaf in leaves:
        tree.append(leaf_hash(encode(leaf.stamp, leaf.token)))
    try:
        checkpoint = open_note(note or "", f"dcn/{net}", home.signer("sig/log-1").public)
    except ProofError as error:
        raise FatalError(f"{home.log_file}: its checkpoint does not verify ({error.code}); restore it") from error
    if (checkpoint.size, checkpoint.root) != (tree.size, tree.root()) or ids.sha256(leaves[0].token) != of:
        raise FatalError(f"{home.log_file} is not what its checkpoint says: run `channel verify` on it and restore it")
    return tree


def _acceded(leaves: Iterable[StoredLeaf], keys: KeyRing, charter: Charter) -> dict[str, bytes]:
    """Party -> its accession's token. Nobody else's statement is looked at: it may be signed with a later key."""
    found: dict[str, bytes] = {}
    for leaf in leaves:
        try:
            opened = open_token(leaf.token, keys, net=charter.net)
        except PeerError:
            continue
        if isinstance(opened.body, Accession):
            found.setdefault(opened.party, leaf.token)
    return found


def _judge(
    tokens: Sequence[bytes], charter: Charter, of: ids.Hash, keys: KeyRing, have: dict[str, bytes]
) -> list[Opened]:
    """The accessions that are new. UsageError names the party and what to ask it for."""
    new: dict[str, Opened] = {}
    for place, token in enumerate(tokens, start=1):
        token = token.strip()
        try:
            opened = open_token(token, keys, net=charter.net)
        except PeerError as error:
            raise UsageError(f"file {place} is no accession of this channel's parties: {error}") from error
        known = have.get(opened.party) or (new[opened.party].token if opened.party in new else None)
        if known == token:
            continue
        _check(opened, charter, of)
        if known is not None:
            raise UsageError(f"{opened.party} has acceded before, with another token: keep the first")
        new[opened.party] = opened
    return list(new.values())


def _check(opened: Opened, charter: Charter, of: ids.Hash) -> None:
    body, party = opened.body, opened.party
    if not isinstance(body, Accession):
        raise UsageError(f"{party} sent a statement of type {opened.type}, not its accession")
    if party not in {member.party for member in charter.parties}:
        raise UsageError(f"{party} is not a party to this charter")
    if body.charter != of:
        raise UsageError(f"{party} has signed the charter {body.charter}; this channel's is {of}: compare by voice")
    desks = {desk.desk for member in charter.parties if member.party == party for desk in member.desks}
    first = Seen(size=0, root=ids.sha256(b""))
    if (body.seq, body.prev, body.seen) != (1, of, first) or body.desk not in desks:
        raise UsageError(f"{party}'s accession is not the first statement of its root key: ask it to accede again")


def _stamp(leaves: Sequence[StoredLeaf], now_ms: int) -> int:
    """Now, but never before the last leaf (law 3)."""
    last = leaves[-1].stamp
    if now_ms < last - limits.STEP_MS_MAX:
        raise UsageError(
            f"the clock says {to_wire(now_ms)}, before the log's last leaf at {to_wire(last)}: set the clock"
        )
    return max(now_ms, last)
