"""Which trees a client believes (protocol.md 11.2, 11.5): a checkpoint against the pin. Pure.

A frame is not signed, and whoever carries it may repeat an old one or spoil a proof. So only two signed trees of one
size with different roots are a fork at once, or a signed tree whose own proof shows another root for the pinned size; a
checkpoint that merely does not fit is not believed, and asked about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from channel.log import fork
from channel.log.checkpoint import Checkpoint, open_note, parse_body, split_note
from channel.log.proof import verify_consistency
from channel.protocol import ids
from channel.protocol.envelope import open_charter
from channel.protocol.errors import ProofError
from channel.protocol.frames import CheckpointItem
from clients.core.store import PinRow


@dataclass(frozen=True, slots=True)
class Believed:
    """It is the pinned tree or has grown from it. `pin` is None if nothing is new."""

    checkpoint: Checkpoint
    pin: PinRow | None


@dataclass(frozen=True, slots=True)
class Doubted:
    """Signed, but not shown to be of the pinned tree's history: old, or without the right proof."""

    note: str
    why: str


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Signed, and cannot be of the same history as what was signed before."""

    proof: dict[str, str]


Judgement = Believed | Doubted | Contradiction


def judge(
    item: CheckpointItem, pin: PinRow, origin: str, public: bytes, known: Mapping[int, tuple[ids.Hash, str]]
) -> Judgement:
    """`known`: size -> (root, note) of trees believed before. ProofError if the log's key did not sign the note."""
    checkpoint = open_note(item.note, origin, public)
    root = ids.b64url(checkpoint.root)
    before = (pin.root, pin.note) if checkpoint.size == pin.size else known.get(checkpoint.size)
    if before is not None and before[0] != root:
        return Contradiction(contradiction(before[1], item.note, f"two roots of size {checkpoint.size}"))
    if checkpoint.size == pin.size:
        return Believed(checkpoint, None)
    if checkpoint.size < pin.size:
        return Doubted(item.note, f"a tree of {checkpoint.size} leaves, after one of {pin.size}")
    if item.old != pin.size:
        return Doubted(item.note, f"a proof from size {item.old}, and the pinned size is {pin.size}")
    proof = [ids.unb64url(node) for node in item.proof]
    try:
        verify_consistency(pin.size, ids.unb64url(pin.root), checkpoint.size, checkpoint.root, proof)
    except ProofError as error:
        other = _other_root(pin, checkpoint, proof)
        if other is not None:
            why = f"the tree of {checkpoint.size} leaves has another root of size {pin.size} than the pinned one"
            kept = contradiction(pin.note, item.note, why)
            return Contradiction(kept | {"root": ids.b64url(other), "proof": " ".join(item.proof)})
        return Doubted(item.note, f"no proof that {checkpoint.size} leaves begin with the pinned {pin.size}: {error}")
    return Believed(checkpoint, PinRow(checkpoint.size, root, item.note))


def _other_root(pin: PinRow, checkpoint: Checkpoint, proof: Sequence[bytes]) -> bytes | None:
    """The root of the pinned size in a tree that the log signed, if the proof gives it, holds, and it is not ours.

    Nobody but the log makes such a proof: it leads to a root that the log signed (RFC 9162 section 2.1.4.2).
    """
    other = fork.root_within(pin.size, checkpoint.size, proof)
    if other is None or ids.b64url(other) == pin.root:
        return None
    try:
        verify_consistency(pin.size, other, checkpoint.size, checkpoint.root, proof)
    except ProofError:
        return None
    return other


def judge_older(
    note: str,
    proof: Sequence[ids.Hash],
    newest: Checkpoint,
    origin: str,
    public: bytes,
    known: tuple[ids.Hash, str] | None,
) -> Checkpoint | Contradiction:
    """A checkpoint that `newest`, which is believed, has grown from; `known`: (root, note) that we hold of its size.

    ProofError if the log's key did not sign it, or no proof shows that it is of this history.
    """
    older = open_note(note, origin, public)
    if known is not None and known[0] != ids.b64url(older.root):
        return Contradiction(contradiction(known[1], note, f"two roots of size {older.size}"))
    verify_consistency(older.size, older.root, newest.size, newest.root, [ids.unb64url(node) for node in proof])
    return older


def proof_file(charter: bytes, proof: Mapping[str, str]) -> bytes:
    """The file that an officer hands on, which `channel verify` judges (docs/evidence.md E7): two checkpoints, with
    what shows that they are of two histories if that is here, or a checkpoint and the token that names another tree.
    """
    net, (ours, theirs) = open_charter(charter)[0].net, (proof["ours"], proof["theirs"])
    if not ours:  # nothing was pinned yet: one checkpoint that was not shown to be of any history
        return theirs.encode()
    try:
        first, second = sorted((ours, theirs), key=lambda note: parse_body(split_note(note)[0]).size)
    except ProofError:
        return fork.write_named(charter, net, ours, theirs)
    root = ids.unb64url(proof["root"]) if "root" in proof else None
    return fork.write(
        charter, net, (first, second), root, [ids.unb64url(node) for node in proof.get("proof", "").split()]
    )


def contradiction(ours: str, theirs: str, why: str) -> dict[str, str]:
    """What is kept of a fork: both signed texts, for anybody to check."""
    return {"why": why, "ours": ours, "theirs": theirs}
