"""Making an evidence bundle out of leaves at hand, under one checkpoint (docs/evidence.md). Pure; nothing is asked for.

The maker hands in opened leaves (a ledger's entries, of which a client has only those it may read), a way to prove
inclusion, the checkpoint with its cosignatures, and the relay's words that it holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from channel.log.bundle import FORMAT, WORDS_MAX, Bundle, Row, Stated, write
from channel.log.case import L, select
from channel.log.checkpoint import open_under, split_note
from channel.log.cosignature import merge, open_all, open_line, witnesses
from channel.protocol import ids
from channel.protocol.envelope import open_token
from channel.protocol.errors import IncompleteError, PeerError, ProofError, UsageError
from channel.protocol.keys import KeyRing
from channel.protocol.statements import Charter, Heartbeat, Receipt

Prove = Callable[[int], Sequence[bytes]]
"""Inclusion proof of a leaf, by its index, in the tree of the checkpoint."""


def build(
    leaves: Iterable[L],
    of: ids.Hash,
    *,
    note: str,
    prove: Prove,
    words: Iterable[bytes] = (),
    disclosed: Iterable[bytes] = (),
) -> bytes:
    """The bundle's bytes. `words`: receipts and heartbeats at hand, in any order; those that help are taken.

    IncompleteError: the checkpoint does not cover the notice, or the charter is not among the leaves. UsageError: the
    checkpoint is not this log's, nothing with the hash `of` is there, or the log has more key leaves than a bundle.
    """
    given = list(leaves)
    ring, charter = _ring(given)
    net, size = charter.net, _size(note, charter)
    chosen = select(given, of, size)
    if not any(leaf.opened.of == of for leaf in chosen):
        found = next((leaf.index for leaf in given if leaf.opened.of == of), None)
        if found is not None and found < size:
            raise UsageError("the log has more key leaves than a bundle holds: hand over the log, or its export")
        if found is not None:
            raise IncompleteError(f"the checkpoint of {size} leaves does not cover the notice yet: wait for the next")
        raise UsageError("nothing with that hash is among the leaves at hand")
    rows = tuple(_row(leaf, prove) for leaf in chosen)
    indexes = tuple(row.index for row in rows)
    cosigned, cosigners = _cosigned(note, ring, net, size)
    taken = _words(words, ring, net, size, set(indexes))
    inner = tuple(token.decode("ascii") for token in disclosed)
    stated = Stated(
        rows=len(rows),
        indexes=indexes,
        cosigners=cosigners,
        words=tuple(taken),
        disclosed=tuple(ids.sha256(token.encode()) for token in inner),
    )
    placed = tuple(taken.values())
    return write(
        Bundle(
            format=FORMAT, v=1, net=net, of=of, note=cosigned, rows=rows, words=placed, disclosed=inner, stated=stated
        )
    )


def _ring(leaves: Sequence[L]) -> tuple[KeyRing, Charter]:
    """The keys and charter that the leaves give, in their order."""
    ordered = sorted(leaves, key=lambda leaf: leaf.index)
    first = ordered[0].opened if ordered and ordered[0].index == 0 else None
    if first is None or not isinstance(first.body, Charter):
        raise IncompleteError("the charter, leaf 0, is not among the leaves at hand")
    ring = KeyRing(first.body, first.of)
    for leaf in ordered[1:]:
        ring.apply(leaf.index, leaf.opened.of, leaf.opened.body)
    return ring, first.body


def _size(note: str, charter: Charter) -> int:
    try:
        return open_under(note, charter).size
    except ProofError as error:
        raise UsageError(f"not a checkpoint of this log: {error}") from None


def _row(leaf: L, prove: Prove) -> Row:
    proof = tuple(ids.b64url(digest) for digest in prove(leaf.index))
    return Row(index=leaf.index, stamp=leaf.stamp_ms, token=leaf.opened.token.decode("ascii"), proof=proof)


def _cosigned(note: str, ring: KeyRing, net: str, size: int) -> tuple[str, tuple[str, ...]]:
    """The note with the log's line and every cosignature that holds, and whose these are."""
    body, _ = split_note(note)
    keys, kept, own = witnesses(ring, size), [], []
    for line in note[len(body) + 1 :].split("\n")[:-1]:
        try:
            open_line(note, f"{line}\n", net, keys)
            kept.append(f"{line}\n")
        except ProofError:
            own += [f"{line}\n"] if line.startswith(f"\u2014 dcn/{net} ") else []
    merged = merge(f"{body}\n{''.join(own)}", kept)
    return merged, tuple(party for party, _ in open_all(merged, net, keys))


def _words(words: Iterable[bytes], ring: KeyRing, net: str, size: int, indexes: set[int]) -> dict[int, str]:
    """Place -> word: receipts of leaves that are here, and the one that confirms the key chain farthest.

    That is the nearest at the checkpoint's size or later with the same head: no key changed in between. Else the one
    with the greatest place that the checkpoint covers.
    """
    placed: dict[int, tuple[bool, bytes]] = {}
    later: dict[int, bytes] = {}
    for token in words:
        try:
            body = open_token(token, ring, net=net).body
        except PeerError:
            continue
        match body:
            case Receipt(index=index) if index < size:
                placed[index] = (index in indexes, token)
            case Heartbeat(size=at) if at <= size and at not in placed:
                placed[at] = (False, token)
            case Receipt(index=at, keys=keys) | Heartbeat(size=at, keys=keys) if at >= size:
                later |= {at: token} if keys == ring.chain_at(size) else {}
    if later and size not in placed:
        placed[min(later)] = (False, later[min(later)])
    here = sorted(at for at, (of_row, _) in placed.items() if of_row)[-(WORDS_MAX - 1) :]
    wanted = sorted({*here, max(placed)}) if placed else []
    return {at: placed[at][1].decode("ascii") for at in wanted}
