"""A bundle about one notice out of the operator's log (docs/evidence.md E2). Reads, never writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from channel.ledger.fold import Folded, fold
from channel.ledger.ledger import Ledger
from channel.log.bundle_build import build
from channel.log.bundle_files import UNWITNESSED, summary
from channel.log.case import belonging, select
from channel.log.sqlite import SqliteLog
from channel.log.store import LogStore
from channel.protocol import ids
from channel.protocol.envelope import Signer, seal
from channel.protocol.errors import FatalError, IncompleteError, UsageError
from channel.protocol.statements import Heartbeat, Receipt
from channel.protocol.times import to_wire
from channel.replay.reading import cosigned


@dataclass(frozen=True, slots=True)
class Proved:
    """A bundle's bytes, and what is told of it."""

    bundle: bytes
    told: dict[str, Any]


def prove(path: Path, ref: str, signer: Signer | None, *, witnessed: bool = False) -> Proved:
    """The bundle on the notice, line or call that `ref` begins (id or token's hash), from the log at `path`.

    `witnessed`: under the newest checkpoint that a quorum has cosigned, though not everything at hand is below it.

    `signer` is the relay's machine key: with it the receipts, which are not stored, are made again, byte for byte, and
    a heartbeat is signed that confirms the key chain up to the checkpoint; a bundle without them is `incomplete`.
    UsageError, FatalError and IncompleteError say what is wrong.
    """
    log = SqliteLog(path, "read")
    try:
        folded = fold(log.leaves())
        ledger = folded.ledger
        of, entries = _find(ledger, ref), list(ledger.entries.values())
        newest = ledger.index_of[of] if witnessed else belonging(entries, of)[-1].index
        size, note = _checkpoint(path, log, ledger, newest, witnessed=witnessed)
    finally:
        log.close()
    indexes = [entry.index for entry in select(entries, of, size)]
    bundle = build(
        entries,
        of,
        note=note,
        prove=lambda index: folded.tree.inclusion(index, size),
        words=[] if signer is None else _words(folded, indexes, size, signer),
    )
    nid = ledger.notices[of].nid
    return Proved(bundle, {"nid": nid, **summary(bundle, ledger.entries[0].opened.token, list(entries))})


def _find(ledger: Ledger, ref: str) -> ids.Hash:
    named = dict(ledger.nids) | {of: of for of in ledger.notices}
    found = {named[ref]} if ref in named else {of for name, of in named.items() if ref and name.startswith(ref)}
    if len(found) == 1:
        return found.pop()
    if not found:
        raise UsageError(f"no notice in this log begins with {ref!r}; `channel replay` lists them all")
    raise UsageError(f"{len(found)} notices in this log begin with {ref!r}; give more of one")


def _checkpoint(path: Path, log: LogStore, ledger: Ledger, index: int, *, witnessed: bool) -> tuple[int, str]:
    """The newest checkpoint with a quorum of cosignatures, if it covers the leaf; else the newest, if that serves."""
    size = log.witnessed(ledger.charter.terms.quorum)
    if not index < size <= ledger.size:  # one that was witnessed since the fold does not serve
        if witnessed:
            raise IncompleteError(UNWITNESSED)
        size = ledger.size
    note = log.note(size)
    if note is None:
        raise FatalError(f"no checkpoint of {size} leaves is in the log: verify it with `channel verify`")
    return size, cosigned(path, size, note, log.cosignatures(size))


def _words(folded: Folded, indexes: Sequence[int], size: int, signer: Signer) -> list[bytes]:
    """Receipts of the parties' leaves among these, and a heartbeat at `size`: it confirms the key chain."""
    entries = folded.ledger.entries
    theirs = [index for index in indexes if entries[index].opened.party != ids.RELAY]
    return [*(_receipt(folded.ledger, index, signer) for index in theirs), _heartbeat(folded, size, signer)]


def _heartbeat(folded: Folded, size: int, signer: Signer) -> bytes:
    """As the relay would have signed it when its log was so long, to the first party."""
    ledger = folded.ledger
    word = Heartbeat(
        net=ledger.charter.net,
        issued=to_wire(ledger.entries[size - 1].stamp_ms),
        to=ledger.charter.parties[0].party,
        size=size,
        root=ids.b64url(folded.tree.root(size)),
        keys=ledger.ring.chain_at(size),
        devices=(),
    )
    return seal(word, signer)


def _receipt(ledger: Ledger, index: int, signer: Signer) -> bytes:
    entry = ledger.entries[index]
    word = Receipt(
        net=ledger.charter.net,
        index=index,
        stamp=entry.stamp_ms,
        of=entry.opened.of,
        keys=ledger.ring.chain_at(index),
    )
    return seal(word, signer)
