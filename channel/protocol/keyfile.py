"""How a private key looks in its file, and what the file is called. Pure: whoever owns a file reads and writes it.

Ed25519 and X25519 keys are PKCS #8 in PEM. The file's mode 0600 in a directory of mode 0700 guards them; a desk's key
may be protected by a passphrase besides: encrypted PKCS #8 under the passphrase stretched by scrypt, whose salt stands
in a line before it.
"""

from __future__ import annotations

import stat
import unicodedata

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from channel.protocol import ids
from channel.protocol.errors import UsageError

SEED_BYTES = 32
SALT_BYTES = 16
OTHERS = stat.S_IRWXG | stat.S_IRWXO
_SALT = b"scrypt-salt: "


def file_name(label: str) -> str:
    """`sig/desk-operations` -> `sig-desk-operations.pem`."""
    return f"{label.replace('/', '-')}.pem"


def label_of(name: str) -> str | None:
    """The inverse of `file_name`; None of a file that is no party's key, like that of the link."""
    purpose, _, rest = name.removesuffix(".pem").partition("-")
    return f"{purpose}/{rest}" if purpose in ("root", "sig", "wit", "enc") and rest else None


def to_pem(label: str, seed: bytes) -> bytes:
    """The file of a key: X25519 for `enc`, Ed25519 for every other purpose."""
    if label.startswith("enc/"):
        return X25519PrivateKey.from_private_bytes(seed).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
    return Ed25519PrivateKey.from_private_bytes(seed).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def protected(label: str, seed: bytes, passphrase: str, salt: bytes) -> bytes:
    """The file of a key that opens only with a passphrase; `salt`: 16 random bytes."""
    kind = X25519PrivateKey if label.startswith("enc/") else Ed25519PrivateKey
    encryption = BestAvailableEncryption(_stretched(passphrase, salt))
    pem = kind.from_private_bytes(seed).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    return _SALT + ids.b64url(salt).encode() + b"\n" + pem


def is_protected(pem: bytes) -> bool:
    """Whether the file of a key needs a passphrase."""
    return b"-----BEGIN ENCRYPTED PRIVATE KEY-----" in pem


def _stretched(passphrase: str, salt: bytes) -> bytes:
    """The format's own 2,048 rounds stop nobody who guesses: 64 MiB and some tenths of a second for each guess do."""
    normal = unicodedata.normalize("NFC", passphrase).encode()
    return ids.b64url(Scrypt(salt=salt, length=32, n=2**16, r=8, p=1).derive(normal)).encode()


def from_pem(label: str, pem: bytes, passphrase: str | None = None) -> bytes:
    """The seed in a key's file. ValueError, quoting nothing of it, if it holds something else, or does not open."""
    kind = X25519PrivateKey if label.startswith("enc/") else Ed25519PrivateKey
    password = None
    try:
        if passphrase is not None and is_protected(pem):
            line = pem.partition(b"\n")[0].removeprefix(_SALT).decode("ascii")
            password = _stretched(passphrase, ids.unb64url(line))
        key = load_pem_private_key(pem, password)
    except (ValueError, TypeError):
        raise ValueError("expected a private key as PKCS #8 in PEM, and the passphrase if it is protected") from None
    if not isinstance(key, (X25519PrivateKey, Ed25519PrivateKey)) or not isinstance(key, kind):
        raise ValueError(f"expected a key of the kind that {label} needs")
    return key.private_bytes_raw()


def enc_public(seed: bytes) -> bytes:
    """The public half of an `enc` key."""
    return X25519PrivateKey.from_private_bytes(seed).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def check_mode(path: object, mode: int) -> None:
    """UsageError with the command to type if others than the owner may read or change the file."""
    if mode & OTHERS:
        shown = stat.S_IMODE(mode)
        raise UsageError(f"the key file {path} has mode {shown:04o}: others may reach it; type: chmod 600 {path}")
