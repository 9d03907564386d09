"""Verifying one file of evidence, whichever it is: bundle, fork proof, checkpoint, or the proof of one leaf.

What it is is told from its first bytes; each kind has its own verification. Logs and exports are not one file: `verify`
and `tiles` judge them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from channel.log import claims, tlog_proof
from channel.log.bundle import verify_bundle
from channel.log.checkpoint import Checkpoint, open_under, split_note
from channel.log.cosignature import open_all, open_cosignatures, witnesses
from channel.log.fork import FORMAT as FORK
from channel.log.fork import verify_fork
from channel.log.leaf import decode, leaf_hash
from channel.log.proof import verify_inclusion
from channel.log.report import Reasons, Report, Verdict
from channel.protocol import ids
from channel.protocol.envelope import open_charter, open_token
from channel.protocol.errors import PeerError, ProofError
from channel.protocol.keys import KeyRing
from channel.protocol.statements import Charter

REASONS: dict[str, str] = {
    "unknown-file": "the file is none that this page names",
    "bad-proof-file": "the file is not a proof in the one spelling of tlog-proof",
}
"""Codes beside those of bundles and fork proofs."""

_FORK = re.compile(rf'"format"\s*:\s*"{FORK}"'.encode())  # the member, not a net of that name


@dataclass(slots=True)
class _Found:
    """What a file turned out to hold. `partial`: something in it cannot be judged with the charter alone."""

    partial: bool = False
    head: Checkpoint | None = None
    proven: list[str] = field(default_factory=list)
    unproven: list[str] = field(default_factory=list)


def verify_document(data: bytes, charter: bytes | None) -> Report:
    """Verify a file's bytes under the charter token that the reader trusts (evidence.md E9). Never raises on any bytes.

    Bundles and fork proofs carry a charter; for a checkpoint or a leaf's proof without one there is no key to ask.
    """
    if data.startswith(b"{"):
        return verify_fork(data, charter) if _FORK.search(data) else verify_bundle(data, charter)
    if data.startswith(tlog_proof.HEADER.encode()):
        return _under(charter, data, _leaf)
    if data.startswith(b"dcn/"):
        return _under(charter, data, _checkpoint)
    return _under(None, b"", _unknown)


def _under(given: bytes | None, data: bytes, judge: Callable[[str, Charter | None, KeyRing | None], _Found]) -> Report:
    """The report of one judgement. Of a fault nothing is told as proven."""
    reasons, found, charter = Reasons(), _Found(), None
    try:
        ring = None
        if given is not None:
            charter, of = open_charter(given)
            ring = KeyRing(charter, of)
        found = judge(data.decode(), charter, ring)
        verdict = Verdict.INCOMPLETE if found.partial else Verdict.VERIFIED
    except (PeerError, ProofError) as error:
        reasons.add(error.code, None, error.detail)
        verdict, found.unproven = Verdict.REFUTED, ["anything: the file does not hold"]
    except UnicodeDecodeError:
        reasons.add("unknown-file", None, "expected UTF-8")
        verdict, found.unproven = Verdict.REFUTED, ["anything: the file does not hold"]
    return Report(
        verdict=verdict,
        net=charter.net if charter else None,
        size=found.head.size if found.head else 0,
        root=ids.b64url(found.head.root) if found.head else None,
        checkpoints=1 if found.head else 0,
        reasons=reasons.listed(),
        proven=tuple(found.proven),
        unproven=tuple(found.unproven),
    )


def _unknown(text: str, charter: Charter | None, ring: KeyRing | None) -> _Found:
    raise ProofError("unknown-file", "expected a bundle, a fork proof, a checkpoint or a leaf's proof")


def _checkpoint(note: str, charter: Charter | None, ring: KeyRing | None) -> _Found:
    if charter is None or ring is None:
        return _Found(True, unproven=["anything: without a charter there is no key to check the checkpoint with"])
    head = open_under(note, charter)
    keys = witnesses(ring, head.size)
    times = open_cosignatures(note, charter.net, keys)
    unknown = len(split_note(note)[1]) - 1 - len(open_all(note, charter.net, keys))
    found = _Found(
        unknown > 0, head, [f"the log signed a tree of {head.size} leaves with the root {ids.b64url(head.root)}"]
    )
    found.proven += claims.witnessed_by_charter(times, charter.terms.quorum)
    found.unproven += claims.of_trial(charter)
    found.unproven += claims.keys_of_charter(times, head.size)
    found.unproven += claims.shown_alike(len(times), charter.terms.quorum)
    if unknown:
        found.unproven.append(f"whose the other {unknown} signature lines are: only the charter's keys are known here")
    return found


def _leaf(text: str, charter: Charter | None, ring: KeyRing | None) -> _Found:
    """A leaf's proof; its bytes are in `extra`, else nobody can say which leaf it is about."""
    proof = tlog_proof.read(text)
    found = _checkpoint(proof.note, charter, ring)
    if charter is None or ring is None or found.head is None:
        return found
    if proof.extra is None:
        found.partial = True
        found.unproven.append(
            f"which statement leaf {proof.index} is: the file's `extra`, with its bytes, is not there"
        )
        return found
    stamp, token = decode(proof.extra)
    verify_inclusion(leaf_hash(proof.extra), proof.index, found.head.size, proof.proof, found.head.root)
    where = f"leaf {proof.index}, stamped {claims.moment(stamp)} by the relay"
    found.proven.append(f"the token with the hash {ids.sha256(token)} is {where}")
    if proof.index == 0:
        if open_charter(token)[1] != ring.chain_at(0):
            raise ProofError("wrong-charter", "leaf 0 is another charter than the one given")
        return found
    try:
        opened = open_token(token, ring, net=charter.net)
    except PeerError as error:
        if error.code != "unknown-kid":
            raise
        found.unproven.append("who signed the token: its key was enrolled later, and no key chain is here")
        return found
    found.proven.append(f"its signature is that of {opened.kid}, a key of the charter; it is of type {opened.type}")
    found.unproven += claims.of_machines(ring, [opened.kid])
    found.unproven.append(f"that {opened.kid} was not withdrawn before leaf {proof.index}: no key chain is here")
    return found
