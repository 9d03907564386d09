"""The sealed notice that docs/protocol.md 6.5.2 shows, made anew from its inner payload with keys that are fixed."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from channel.protocol import sealing
from channel.protocol.envelope import Signer
from channel.protocol.sealing import InnerNotice, Randomness
from tests.vectors import bodies

PROTOCOL = Path(__file__).resolve().parents[3] / "docs" / "protocol.md"
SIGNER = "coalition/sig/machine-1"
RECIPIENTS = ("regime/enc/1", "sdf/enc/1")
SHORTENED = 32  # characters of `ciphertext` that the document shows


def counted(text: str) -> Randomness:
    """Bytes that look drawn and are the same each time: SHA-256 of a text and how often it was asked."""
    asked = 0

    def draw(size: int) -> bytes:
        nonlocal asked
        asked += 1
        return hashlib.sha256(f"{text} {asked}".encode()).digest()[:size]

    return draw


def shown() -> dict[str, dict[str, Any]]:
    """The examples of the clause: inner, outer, body."""
    text = PROTOCOL.read_text(encoding="utf-8")
    found = re.findall(r"<!-- sealed: ([a-z]+) -->\n```json\n(.*?)\n```", text, re.DOTALL)
    return {name: json.loads(part) for name, part in found}


def made(inner: dict[str, Any]) -> tuple[bytes, bytes]:
    """(inner token, body) of an inner payload."""
    model = InnerNotice.model_validate_json(json.dumps(inner), by_alias=True, by_name=False)
    token = sealing.sign_inner(model, Signer(SIGNER, bodies.seed(SIGNER)))
    keys = {kid: bodies.public(kid) for kid in RECIPIENTS}
    return token, sealing.seal_inner(token, keys, random=counted("protocol.md 6.5.2"))
