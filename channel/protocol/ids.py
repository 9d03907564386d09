"""Hashes, ids and key ids. Randomness and time come in as arguments."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import NewType

Net = NewType("Net", str)
PartyName = NewType("PartyName", str)
Hash = str  # SHA-256 as base64url without padding, 43 characters

NET = re.compile(r"^[a-z0-9-]{3,40}$")
PARTY = re.compile(r"^[a-z][a-z0-9-]{0,31}$")
DESK = re.compile(r"^[a-z][a-z0-9-]{0,31}$")
KID = re.compile(r"^(?P<party>[a-z][a-z0-9-]{0,31})/(?P<purpose>root|sig|wit|enc)/(?P<label>[a-z0-9][a-z0-9-]{0,47})$")
UUID7 = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
RELAY = "relay"  # a reserved party name: the channel itself


def b64url(data: bytes) -> str:
    """base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def unb64url(text: str) -> bytes:
    """Strict inverse of `b64url`: only the one canonical spelling. ValueError otherwise."""
    if not text.isascii() or "=" in text:
        raise ValueError("not base64url")
    data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if b64url(data) != text:
        raise ValueError("not canonical base64url")
    return data


def sha256(data: bytes) -> Hash:
    """SHA-256 of the bytes as base64url."""
    return b64url(hashlib.sha256(data).digest())


def is_hash(text: str) -> bool:
    """Whether the text is a canonical base64url SHA-256."""
    if len(text) != 43:
        return False
    try:
        return len(unb64url(text)) == 32
    except ValueError:
        return False


def uuid7(now_ms: int, random: bytes) -> str:
    """UUIDv7 (RFC 9562 section 5.7) from milliseconds and 10 random bytes."""
    value = bytearray((now_ms & (2**48 - 1)).to_bytes(6, "big") + random[:10])
    value[6] = 0x70 | (value[6] & 0x0F)
    value[8] = 0x80 | (value[8] & 0x3F)
    text = value.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def alert_id(cause: str, subject: str, stage: str, rung: str, round_: int) -> str:
    """Deterministic id of an alert or finding: the same cause, subject, stage, rung and round always give it."""
    text = "\n".join((cause, subject, stage, rung, str(round_)))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def kid_party(kid: str) -> str:
    """`coalition/sig/desk-operations` -> `coalition`."""
    return kid.partition("/")[0]


def kid_purpose(kid: str) -> str:
    """`coalition/sig/desk-operations` -> `sig`."""
    return kid.split("/")[1]


def is_desk_kid(kid: str) -> bool:
    """Whether the key is a desk's (held for a person on watch), not a machine's."""
    return "/sig/desk-" in kid


def is_of_desk(kid: str, desk: str) -> bool:
    """Whether a desk key's label is that of the desk, bare or with a suffix (protocol.md 4.3)."""
    label = kid.rpartition("/")[2]
    return label == f"desk-{desk}" or label.startswith(f"desk-{desk}-")


def is_machine_kid(kid: str) -> bool:
    """Whether the key is a machine's."""
    return "/sig/machine-" in kid
