"""One leaf's proof as a text file, `c2sp.org/tlog-proof@v1` (index, inclusion proof, checkpoint): written and read.

The leaf itself is not in the file; its reader has it. `extra` is opaque and signed by nobody.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass

from channel.log.checkpoint import NOTE_CHARS_MAX, Checkpoint, open_note, unbase64
from channel.log.leaf import leaf_hash
from channel.log.merkle import HASH_BYTES
from channel.log.proof import verify_inclusion
from channel.protocol import limits
from channel.protocol.errors import InvariantError, ProofError

HEADER = "c2sp.org/tlog-proof@v1"
EXTENSION = ".tlog-proof"
HASHES_MAX = 63  # the height of the largest tree whose sizes are integers of the protocol, with room
EXTRA_BYTES_MAX = 65_536  # a leaf, for a reader that has only this file
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,15})")


@dataclass(frozen=True, slots=True)
class TlogProof:
    """A proof as it stands in a file: nothing of it is verified."""

    index: int
    proof: tuple[bytes, ...]
    note: str
    extra: bytes | None = None


def write(index: int, proof: Sequence[bytes], note: str, extra: bytes | None = None) -> str:
    """The file's text. `proof` is the inclusion proof in the tree of the note's checkpoint."""
    if len(proof) > HASHES_MAX or any(len(digest) != HASH_BYTES for digest in proof):
        raise InvariantError(f"an inclusion proof is at most {HASHES_MAX} hashes of {HASH_BYTES} bytes")
    lines = [HEADER]
    if extra is not None:
        lines.append(f"extra {_base64(extra)}")
    lines += [f"index {index}", *map(_base64, proof)]
    text = "\n".join(lines) + "\n\n" + note
    if read(text) != TlogProof(index, tuple(proof), note, extra):
        raise InvariantError("the proof would not be read as it was written")
    return text


def read(text: str) -> TlogProof:
    """Take a file apart. ProofError(`bad-proof-file`) on any other spelling than the one that `write` gives."""
    if len(text) > NOTE_CHARS_MAX + 2 * EXTRA_BYTES_MAX:
        raise _fault("too long")
    head, blank, note = text.partition("\n\n")
    lines = head.split("\n")
    if lines.pop(0) != HEADER or not blank:
        raise _fault(f"expected {HEADER}, then a proof, an empty line and a checkpoint")
    extra = None
    if lines and lines[0].startswith("extra "):
        encoded = lines.pop(0).removeprefix("extra ")
        extra = unbase64(encoded)
        if len(extra) > EXTRA_BYTES_MAX or (encoded and not extra):
            raise _fault("`extra` is not base64, or too long")
    match = _INDEX.fullmatch(lines.pop(0)) if lines else None
    if match is None or int(match[1]) > limits.SEQ_MAX:
        raise _fault("expected `index` and the leaf's index")
    proof = tuple(map(unbase64, lines))
    if len(proof) > HASHES_MAX or any(len(digest) != HASH_BYTES for digest in proof):
        raise _fault("a line of the inclusion proof is not a hash in base64")
    return TlogProof(int(match[1]), proof, note, extra)


def verify(text: str, leaf: bytes, key_name: str, public: bytes) -> Checkpoint:
    """The checkpoint under which the leaf's bytes are, signed by the log. ProofError if it does not hold."""
    found = read(text)
    checkpoint = open_note(found.note, key_name, public)
    verify_inclusion(leaf_hash(leaf), found.index, checkpoint.size, found.proof, checkpoint.root)
    return checkpoint


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _fault(detail: str) -> ProofError:
    return ProofError("bad-proof-file", detail)
