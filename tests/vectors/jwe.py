"""A JWE made step by step, for vectors with a fault in any of the steps (RFC 7516, 7518 section 4.6, 8037 section 3.2).

It shares no code with channel/protocol/sealing.py; a test holds that both give the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from nacl import bindings

from channel.protocol import ids

Members = dict[str, Any]
HEADER: Members = {"alg": "ECDH-ES+A256KW", "enc": "A256GCM", "typ": "dcn-sealed+jwe"}


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a JWE is made. `alg` and `enc` are what is done, `header` what is said."""

    header: bytes = rfc8785.dumps(HEADER)
    alg: str = "ECDH-ES+A256KW"
    key_bits: int = 256
    cek_bytes: int = 32
    iv_bytes: int = 12
    tag_bytes: int = 16


def encrypt(
    plaintext: bytes, recipients: Mapping[str, bytes], draw: Callable[[int], bytes], recipe: Recipe | None = None
) -> Members:
    """The members of a JWE in general JSON form; kid -> X25519 public key, in ascending order of kid."""
    recipe = recipe or Recipe()
    cek, iv = draw(recipe.cek_bytes), draw(recipe.iv_bytes)
    protected = ids.b64url(recipe.header)
    sealed = AESGCM(cek).encrypt(iv, plaintext, protected.encode())
    ciphertext, tag = sealed[: len(plaintext)], sealed[len(plaintext) :][: recipe.tag_bytes]
    return {
        "ciphertext": ids.b64url(ciphertext),
        "iv": ids.b64url(iv),
        "protected": protected,
        "recipients": [entry(kid, recipients[kid], draw(32), cek, recipe) for kid in sorted(recipients)],
        "tag": ids.b64url(tag),
    }


def entry(kid: str, public: bytes, ephemeral: bytes, cek: bytes, recipe: Recipe) -> Members:
    """One of `recipients`: the content key wrapped under a key agreed with the ephemeral one."""
    agreed = bindings.crypto_scalarmult(ephemeral, public)
    epk = {"crv": "X25519", "kty": "OKP", "x": ids.b64url(bindings.crypto_scalarmult_base(ephemeral))}
    wrapped = aes_key_wrap(_kdf(agreed, recipe), cek)
    return {"encrypted_key": ids.b64url(wrapped), "header": {"epk": epk, "kid": kid}}


def _kdf(agreed: bytes, recipe: Recipe) -> bytes:
    """Concat KDF of NIST SP 800-56A with SHA-256, without apu and apv: one round is enough."""
    name = recipe.alg.encode()
    info = _counted(name) + _counted(b"") + _counted(b"") + recipe.key_bits.to_bytes(4, "big")
    return hashlib.sha256((1).to_bytes(4, "big") + agreed + info).digest()[: recipe.key_bits // 8]


def _counted(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data
