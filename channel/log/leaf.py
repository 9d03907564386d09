"""A leaf's bytes and hash: `<stamp> <token>`, RFC 6962 section 2.1. What the token says is not looked at here."""

from __future__ import annotations

import hashlib
import re

from channel.protocol import limits
from channel.protocol.errors import InvariantError, Unattributable

_TOKEN = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_LEAF = re.compile(rb"(0|[1-9][0-9]{0,15}) (" + _TOKEN.pattern + rb")")
STAMP_MS_MAX = limits.SEQ_MAX  # the protocol's largest integer


def encode(stamp_ms: int, token: bytes) -> bytes:
    """The leaf's bytes: stamp in ms since 1970, one space, the exact token. InvariantError if that is no leaf."""
    if not 0 <= stamp_ms <= STAMP_MS_MAX:
        raise InvariantError(f"a stamp is between 0 and {STAMP_MS_MAX} ms, not {stamp_ms}")
    if len(token) > limits.TOKEN_BYTES_MAX or not _TOKEN.fullmatch(token):
        raise InvariantError(
            f"a leaf holds a compact token of at most {limits.TOKEN_BYTES_MAX} bytes; got {len(token)} other"
        )
    return b"%d %s" % (stamp_ms, token)


def decode(data: bytes) -> tuple[int, bytes]:
    """(stamp in ms, token) of a leaf's bytes. Unattributable(`bad-leaf`) unless `encode` gives the same bytes back."""
    match = _LEAF.fullmatch(data) if len(data) <= limits.TOKEN_BYTES_MAX + 17 else None
    if match is None or len(match[2]) > limits.TOKEN_BYTES_MAX or int(match[1]) > STAMP_MS_MAX:
        raise Unattributable("bad-leaf", "expected a stamp in milliseconds, one space and a compact token")
    return int(match[1]), match[2]


def leaf_hash(data: bytes) -> bytes:
    """Hash of a leaf's bytes (32 raw bytes): the prefix 0x00 keeps leaves and nodes apart."""
    return hashlib.sha256(b"\x00" + data).digest()
