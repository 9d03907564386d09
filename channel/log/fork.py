"""Fork proofs: two checkpoints that the log signed and that cannot both be of one history (docs/evidence.md E7).

Of one size, with different roots, they speak for themselves. Of different sizes, the file also holds the root that the
first size has within the second tree, with its consistency proof: if that root is not the signed one, the log signed
two histories. Without it nothing is shown: a consistency proof, if there is one, would clear the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from channel.log.checkpoint import NOTE_CHARS_MAX, Checkpoint, open_under
from channel.log.merkle import EMPTY_ROOT, node_hash
from channel.log.proof import verify_consistency
from channel.log.report import Reasons, Report, Verdict
from channel.protocol import canonical, ids, limits
from channel.protocol.envelope import open_charter
from channel.protocol.errors import PeerError, ProofError
from channel.protocol.forms import Hash, Model, NetName
from channel.protocol.frames import Proof, Token
from channel.protocol.statements import Charter

FORMAT: Literal["dcn-fork"] = "dcn-fork"
FORK_BYTES_MAX = 2 * limits.TOKEN_BYTES_MAX + 4 * NOTE_CHARS_MAX

Note = Annotated[str, Field(max_length=NOTE_CHARS_MAX)]

REASONS: dict[str, str] = {
    "bad-fork": "the file is not a fork proof in its one canonical form",
    "no-fork": "the two checkpoints are of one history",
    "bad-consistency": "the proof does not lead from the root given to the second checkpoint's",
    "no-proof": "nothing shows that the smaller tree is not within the larger: a consistency proof may exist",
}
"""Codes beside those of a log's verification (`channel.log.report`)."""


class Fork(Model):
    """The file. `root`: of the first size within the second tree; `proof`: consistency from it to the second."""

    format: Literal["dcn-fork"]
    v: Literal[1]
    net: NetName
    charter: Token
    notes: Annotated[tuple[Note, ...], Field(min_length=2, max_length=2)]
    root: Hash | None = None
    proof: Proof


def write(
    charter: bytes, net: str, notes: tuple[str, str], root: bytes | None = None, proof: Sequence[bytes] = ()
) -> bytes:
    """The file's bytes; the note of the smaller tree comes first."""
    hashes = tuple(ids.b64url(digest) for digest in proof)
    inner = ids.b64url(root) if root is not None else None
    return _write(
        Fork(format=FORMAT, v=1, net=net, charter=charter.decode("ascii"), notes=notes, root=inner, proof=hashes)
    )


def root_within(size1: int, size2: int, proof: Sequence[bytes]) -> bytes | None:
    """The root of `size1` that a consistency proof to `size2` itself gives (RFC 9162 section 2.1.4.2).

    None where the proof cannot tell: sizes that are powers of two, whose root it leaves out, and proofs too short.
    """
    if not 0 < size1 < size2 or size1 & (size1 - 1) == 0 or not proof:
        return None
    node, last = size1 - 1, size2 - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    digest = proof[0]
    for sibling in proof[1:]:
        if node & 1 or node == last:
            digest = node_hash(sibling, digest)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        node, last = node >> 1, last >> 1
    return digest


def root_over(leaf_hash: bytes, index: int, size1: int, proof: Sequence[bytes]) -> bytes | None:
    """The root of `size1`, a power of two, out of the inclusion proof of a leaf below it in a larger tree.

    For what `root_within` cannot tell; a party has such a proof for each of its leaves. None if it does not fit.
    """
    height = size1.bit_length() - 1
    if size1 != 1 << max(height, 0) or not 0 <= index < size1 or len(proof) < height:
        return None
    digest = leaf_hash
    for level, sibling in enumerate(proof[:height]):
        digest = node_hash(sibling, digest) if index >> level & 1 else node_hash(digest, sibling)
    return digest


def verify_fork(data: bytes, charter: bytes | None) -> Report:
    """`verified`: the log's key signed two different histories. Never raises on any bytes (evidence.md E7)."""
    reasons = Reasons()
    try:
        fork = _read(data)
        own, of = open_charter(fork.charter.encode())
        if own.net != fork.net:
            raise ProofError("wrong-net", "the charter is another net's")
        if charter is not None and open_charter(charter)[1] != of:
            raise ProofError("wrong-charter", f"the file's charter is {of}, not the one given")
        small, large = (open_under(note, own) for note in fork.notes)
        _judge(fork, small, large)
    except (PeerError, ProofError) as error:
        reasons.add(error.code, None, error.detail)
        incomplete = error.code == "no-proof"
        return _report(reasons, Verdict.INCOMPLETE if incomplete else Verdict.REFUTED, None, None)
    return _report(reasons, Verdict.INCOMPLETE if charter is None else Verdict.VERIFIED, own, large)


def _judge(fork: Fork, small: Checkpoint, large: Checkpoint) -> None:
    """ProofError unless the two are of different histories."""
    if small.size > large.size:
        raise ProofError("bad-fork", "the smaller tree's checkpoint comes first")
    if small.size in (0, large.size):
        if small.root == (large.root if small.size == large.size else EMPTY_ROOT):
            raise ProofError("no-fork", f"the two checkpoints agree up to size {small.size}")
        if fork.root is not None or fork.proof:
            raise ProofError("bad-fork", "two checkpoints of one size need no proof beside them")
        return
    if fork.root is None:
        raise ProofError("no-proof", "sizes differ, and no root of the smaller size within the larger tree is here")
    root = ids.unb64url(fork.root)
    verify_consistency(small.size, root, large.size, large.root, [ids.unb64url(digest) for digest in fork.proof])
    if root == small.root:
        raise ProofError("no-fork", f"the tree of {large.size} leaves begins with that of {small.size}")


def _read(data: bytes) -> Fork:
    try:
        value = canonical.loads_canonical(data.removesuffix(b"\n"), size_max=FORK_BYTES_MAX)
        fork = Fork.model_validate_json(data)
    except (PeerError, ValidationError) as error:
        what = error.code if isinstance(error, PeerError) else "members"
        raise ProofError("bad-fork", f"expected a fork proof of version 1 ({what})") from None
    if not data.endswith(b"\n") or not isinstance(value, dict) or value["v"] is True:  # a model takes true for 1
        raise ProofError("bad-fork", "expected `v` 1, and a line feed at the end")
    return fork


def _write(fork: Fork) -> bytes:
    return canonical.dumps(fork.model_dump(mode="json", exclude_none=True)) + b"\n"


def _report(reasons: Reasons, verdict: Verdict, charter: Charter | None, large: Checkpoint | None) -> Report:
    unproven = ["which of the two histories was shown to whom"]
    if verdict is Verdict.INCOMPLETE and charter is not None:
        unproven.insert(0, "that this is the charter which the parties signed: none was given to compare with")
    return Report(
        verdict=verdict,
        net=charter.net if charter else None,
        size=large.size if large else 0,
        root=ids.b64url(large.root) if large else None,
        checkpoints=2 if large else 0,
        reasons=reasons.listed(),
        proven=("the log's key signed two different histories: it cannot explain that away",) if large else (),
        unproven=tuple(unproven) if large else ("that the log's key signed two different histories",),
    )
