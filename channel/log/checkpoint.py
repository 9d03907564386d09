"""Checkpoints: C2SP tlog-checkpoint in a C2SP signed-note, with the log's own Ed25519 signature. No extension lines.

The key name of the log's signature is the checkpoint's origin, `dcn/<net>`. A note may carry signatures of others
(cosigners); they are passed over here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from channel.log.merkle import HASH_BYTES
from channel.protocol import envelope, ids, limits
from channel.protocol.errors import InvariantError, ProofError
from channel.protocol.statements import Charter

ALG_ED25519 = 0x01  # C2SP signed-note: the log's own signature
ALG_COSIGNATURE = 0x04  # C2SP tlog-cosignature: timestamped Ed25519
LOG_KEYS = f"{ids.RELAY}/sig/log-"  # the relay's keys that sign checkpoints, and nothing else
NOTE_CHARS_MAX = 16_384  # what a checkpoint item holds
SIGNATURES_MAX = 64  # a log key and cosigners, with room for rotations
_DASH = "\u2014 "
_KEY_NAME = re.compile(r"[^\s+]{1,255}")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\ud800-\udfff]")  # lone surrogates too: they are not UTF-8
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a tree: `root` is 32 raw bytes."""

    origin: str
    size: int
    root: bytes

    @property
    def body(self) -> str:
        """The note's text, which is what signatures cover."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def key_id(name: str, alg: int, public: bytes) -> bytes:
    """The four bytes that tell which key made a signature line (signed-note, "Signatures")."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([alg]) + public).digest()[:4]


def sign(checkpoint: Checkpoint, key_name: str, signer: envelope.Signer) -> str:
    """The signed note: body, blank line, one signature line."""
    if checkpoint.origin != key_name or not _KEY_NAME.fullmatch(key_name):
        raise InvariantError(f"a log signs under its origin {checkpoint.origin!r}, not {key_name!r}")
    body = checkpoint.body
    parse_body(body)
    return body + "\n" + signature_line(key_name, ALG_ED25519, signer.public, signer.sign(body.encode()))


def signature_line(key_name: str, alg: int, public: bytes, signature: bytes) -> str:
    """One signature line with its line break."""
    return f"{_DASH}{key_name} {base64.b64encode(key_id(key_name, alg, public) + signature).decode()}\n"


def open_note(note: str, key_name: str, public: bytes) -> Checkpoint:
    """The checkpoint of a note that the log signed. ProofError: `bad-note`, `wrong-origin`, `bad-note-signature`."""
    body, lines = split_note(note)
    checkpoint = parse_body(body)
    if checkpoint.origin != key_name:
        raise ProofError("wrong-origin", "the checkpoint is another log's")
    wanted = key_id(key_name, ALG_ED25519, public)
    found = [data for name, data in lines if name == key_name and data[:4] == wanted]
    if len(found) != 1:
        raise ProofError("bad-note-signature", f"expected one signature of {key_name}, found {len(found)}")
    if not envelope.verify_signature(public, found[0][4:], body.encode()):
        raise ProofError("bad-note-signature", f"the signature of {key_name} does not verify")
    return checkpoint


def open_under(note: str, charter: Charter) -> Checkpoint:
    """As `open_note`, under a log key of the charter; the relay's keys are the charter's (protocol.md 5.4)."""
    fault = ProofError("bad-note-signature", "the charter has no log key")
    for key in charter.relay.keys:
        if key.kid.startswith(LOG_KEYS):
            try:
                return open_note(note, f"dcn/{charter.net}", ids.unb64url(key.pub))
            except ProofError as error:
                fault = error
    raise fault


def split_note(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """(body, [(key name, key id and signature)]) of a well-formed note, nothing verified. ProofError(`bad-note`)."""
    if len(note) > NOTE_CHARS_MAX or _CONTROL.search(note):
        raise ProofError("bad-note", f"expected at most {NOTE_CHARS_MAX} characters of plain text")
    text, blank, tail = note.rpartition("\n\n")
    if not blank or not tail.endswith("\n"):
        raise ProofError("bad-note", "expected a text, a blank line and signature lines")
    lines = tail[:-1].split("\n")
    if len(lines) > SIGNATURES_MAX:
        raise ProofError("bad-note", f"more than {SIGNATURES_MAX} signatures")
    return text + "\n", [_parse_line(line) for line in lines]


def _parse_line(line: str) -> tuple[str, bytes]:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    data = unbase64(encoded)
    if not line.startswith(_DASH) or not space or not _KEY_NAME.fullmatch(name) or len(data) < 5:
        raise ProofError("bad-note", "a signature line is not well formed")
    return name, data


def parse_body(body: str) -> Checkpoint:
    """The checkpoint in a note's text, nothing verified. ProofError(`bad-note`) if it is none."""
    lines = body.split("\n")
    if len(lines) != 4 or lines[3]:
        raise ProofError("bad-note", "a checkpoint has three lines: origin, size, root")
    origin, size, root = lines[0], lines[1], unbase64(lines[2])
    if not _KEY_NAME.fullmatch(origin) or not _SIZE.fullmatch(size) or len(root) != HASH_BYTES:
        raise ProofError("bad-note", "the checkpoint's origin, size or root is not well formed")
    if int(size) > limits.SEQ_MAX:
        raise ProofError("bad-note", "the size is too large")
    return Checkpoint(origin, int(size), root)


def unbase64(text: str) -> bytes:
    """Standard base64 in its one canonical spelling; empty bytes for anything else."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return data if base64.b64encode(data).decode() == text else b""
