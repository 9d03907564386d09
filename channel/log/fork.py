"""Fork proofs: a checkpoint that the log signed, and what cannot be of the same history (docs/evidence.md E7).

That is another checkpoint, or a token that names another tree: a heartbeat of the relay, or a party's `seen`. Two
checkpoints of one size with different roots speak for themselves. Of different sizes, the file also holds the root
that the first size has within the second tree, with its consistency proof: if that root is not the signed one, the log
signed two histories. Without it nothing is shown: a consistency proof, if there is one, would clear the log. A party's
`seen` is that party's word alone: the file says what was signed, and that the rest is with that party.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from channel.log import claims
from channel.log.checkpoint import NOTE_CHARS_MAX, Checkpoint, open_under
from channel.log.merkle import EMPTY_ROOT
from channel.log.proof import grown, verify_consistency
from channel.log.report import Reasons, Report, Verdict
from channel.protocol import canonical, ids, limits
from channel.protocol.envelope import open_charter, open_token
from channel.protocol.errors import PeerError, ProofError
from channel.protocol.forms import Hash, Model, NetName
from channel.protocol.frames import Proof, Token
from channel.protocol.keys import KeyRing
from channel.protocol.statements import Charter, Heartbeat, Seen

FORMAT: Literal["dcn-fork"] = "dcn-fork"
FORK_BYTES_MAX = 3 * limits.TOKEN_BYTES_MAX + 4 * NOTE_CHARS_MAX

Note = Annotated[str, Field(max_length=NOTE_CHARS_MAX)]

REASONS: dict[str, str] = {
    "bad-fork": "the file is not a fork proof in its one canonical form",
    "no-fork": "the two checkpoints are of one history",
    "bad-consistency": "the proof does not lead from the root given to the second checkpoint's",
    "no-proof": "nothing here shows that the log itself signed both trees, or that one is not within the other",
}
"""Codes beside those of a log's verification (`channel.log.report`)."""


class Fork(Model):
    """The file: two notes, or one and a token. `root`: of the first size within the second tree; `proof`: consistency
    from it to the second.
    """

    format: Literal["dcn-fork"]
    v: Literal[1]
    net: NetName
    charter: Token
    notes: Annotated[tuple[Note, ...], Field(min_length=1, max_length=2)]
    token: Token | None = None
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


def write_named(charter: bytes, net: str, note: str, token: str) -> bytes:
    """The file's bytes, of a checkpoint and a token that names another tree."""
    return _write(
        Fork(format=FORMAT, v=1, net=net, charter=charter.decode("ascii"), notes=(note,), token=token, proof=())
    )


def root_within(size1: int, size2: int, proof: Sequence[bytes]) -> bytes | None:
    """The root of `size1` that a consistency proof to `size2` itself gives (RFC 9162 section 2.1.4.2).

    None where the proof cannot tell: sizes that are powers of two, whose root it leaves out, and proofs that fit none.
    """
    if not 0 < size1 < size2 or size1 & (size1 - 1) == 0:
        return None
    try:
        return grown(size1, size2, b"", proof)[0]
    except ProofError:
        return None


def verify_fork(data: bytes, charter: bytes | None) -> Report:
    """`verified`: the log's key signed two different histories. Never raises on any bytes (evidence.md E7)."""
    reasons, signed = Reasons(), _Signed()
    try:
        fork = _read(data)
        own, of = open_charter(fork.charter.encode())
        if own.net != fork.net:
            raise ProofError("wrong-net", "the charter is another net's")
        if charter is not None and open_charter(charter)[1] != of:
            raise ProofError("wrong-charter", f"the file's charter is {of}, not the one given")
        heads = [open_under(note, own) for note in fork.notes]
        signed = _Signed(own, charter is not None, [_checkpoint(head) for head in heads], heads[-1], len(heads))
        if fork.token is None:
            _judge(fork, heads[0], heads[-1])
        else:
            _judge_named(fork.token, own.net, KeyRing(own, of), heads[0], signed)
    except (PeerError, ProofError) as error:
        reasons.add(error.code, None, error.detail)
        incomplete = error.code == "no-proof"
        return _report(reasons, Verdict.INCOMPLETE if incomplete else Verdict.REFUTED, signed)
    return _report(reasons, Verdict.INCOMPLETE if charter is None else Verdict.VERIFIED, signed)


@dataclass(slots=True)
class _Signed:
    """What a file holds that is signed, whatever it amounts to; `pinned`: a charter was given and is this one."""

    charter: Charter | None = None
    pinned: bool = False
    lines: list[str] = field(default_factory=list)
    head: Checkpoint | None = None
    count: int = 0


def _checkpoint(head: Checkpoint) -> str:
    return f"the log signed a tree of {head.size} leaves with the root {ids.b64url(head.root)}"


def _judge_named(token: str, net: str, ring: KeyRing, head: Checkpoint, signed: _Signed) -> None:
    """ProofError unless the log's operator signed both: then it is a heartbeat of another tree of the same size."""
    try:
        opened = open_token(token.encode(), ring, net=net)
    except PeerError as error:
        if error.code != "unknown-kid":
            raise
        raise ProofError("no-proof", "the token's key is none of the charter's, and no key chain is here") from None
    tree = opened.body if isinstance(opened.body, Heartbeat) else getattr(opened.body, "seen", None)
    if not isinstance(tree, Heartbeat | Seen):
        raise ProofError("bad-fork", f"a {opened.type} names no tree")
    if tree.size == head.size and tree.root == ids.b64url(head.root):
        raise ProofError("no-fork", f"both name the same tree of {head.size} leaves")
    signed.lines.append(f"{opened.kid} signed that it knows a tree of {tree.size} leaves with the root {tree.root}")
    if not isinstance(opened.body, Heartbeat):  # also of the relay's own statements: `seen` is no word on its tree
        raise ProofError("no-proof", f"the client of {opened.party} holds the log's own signature on the tree it names")
    if tree.size != head.size:
        raise ProofError("no-proof", "sizes differ, and nothing here shows that one is not within the other")


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
    if len(fork.notes) != (2 if fork.token is None else 1) or (fork.token is not None and (fork.root or fork.proof)):
        raise ProofError("bad-fork", "expected two checkpoints, or one and a token with nothing beside them")
    return fork


def _write(fork: Fork) -> bytes:
    return canonical.dumps(fork.model_dump(mode="json", exclude_none=True)) + b"\n"


def _report(reasons: Reasons, verdict: Verdict, signed: _Signed) -> Report:
    """Of what is refuted nothing is told as proven; of what is incomplete only what was signed."""
    shown, head = verdict is not Verdict.REFUTED and signed.charter is not None, signed.head
    unproven = ["which of the two histories was shown to whom"]
    if reasons:
        unproven = ["that the relay signed two different histories"]
    elif not signed.pinned:
        unproven.insert(0, "that this is the charter which the parties signed: none was given to compare with")
    if shown and signed.charter is not None:
        unproven += claims.of_trial(signed.charter)
    proven = list(signed.lines) if shown and signed.pinned else []
    if not reasons:
        proven.append("the relay signed two different histories: it cannot explain that away")
    return Report(
        verdict=verdict,
        net=signed.charter.net if signed.charter and shown else None,
        size=head.size if head and shown else 0,
        root=ids.b64url(head.root) if head and shown else None,
        checkpoints=signed.count if shown else 0,
        reasons=reasons.listed(),
        proven=tuple(proven),
        unproven=tuple(unproven),
    )
