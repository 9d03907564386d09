"""Sealed notices: the JWE that hides a notice from all but its addressees, and the signed inner notice (protocol.md
6.5.2, RFC 7516, RFC 7518 section 4.6, RFC 8037 section 3.2).

Two layers, each with its own guard. `open_inner` judges the JWE against the hashes of the signed outer; who an
addressee is, is what the outer's `to` and `info` say, never the JWE's list of recipients. `open_inner_notice` judges
the inner token: it is no statement, cannot be logged, and counts only inside the outer that carries its hash. Whether
its key was valid at the outer's position is `keys`; how a JWE travels and is kept is elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, cast

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from joserfc import jwe as jose
from joserfc.errors import JoseError
from joserfc.jwa import GCMEncModel, JWEEncModel
from joserfc.jwk import OKPKey
from pydantic import Field, StringConstraints, ValidationError

from channel.protocol import forms, ids, limits
from channel.protocol.canonical import dumps, loads_canonical
from channel.protocol.envelope import ALG as SIGNATURE_ALG
from channel.protocol.envelope import Signer, verify_signature
from channel.protocol.errors import InvariantError, PeerError, Unattributable, UsageError
from channel.protocol.forms import Hash, Kid, Model
from channel.protocol.statements import Addressee, Element, Notice, Sealed

ALG = "ECDH-ES+A256KW"
ENC = "A256GCM"
TYP = "dcn-sealed+jwe"
INNER_TYP = "dcn-inner+jws"
PAD_BYTES = 1024  # the inner token is padded to a multiple of this before it is sealed, so that length tells little

CODES: dict[str, str] = {
    "sealed-ct-mismatch": "these bytes are not the ciphertext that the outer names",
    "sealed-bad-jwe": "not a JWE of this protocol, or it does not open",
    "sealed-not-for-us": "nothing in the ciphertext is for this key",
    "sealed-pt-mismatch": "what was sealed is not the inner token that the outer names",
    "sealed-bad-inner": "the inner token is not a signed inner notice of this protocol",
    "sealed-unknown-kid": "no key of the inner token's id is known yet",
    "sealed-key-not-valid": "the inner token's key was not valid at the outer's place in the log",
    "sealed-bad-signature": "the inner token's signature does not verify",
    "sealed-inner-differs": "the inner notice says something else than its outer where both must say the same",
}
"""Why an addressee cannot take a sealed notice. Never a refusal: the outer is good, and in the log."""

_PROTECTED = ids.b64url(dumps({"alg": ALG, "enc": ENC, "typ": TYP}))
_COMPACT = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_CEK_BYTES, _IV_BYTES, _TAG_BYTES, _SEED_BYTES = 32, 12, 16, 32
_WRAPPED_BYTES = _CEK_BYTES + 8  # RFC 3394: one block of eight bytes more

Randomness = Callable[[int], bytes]


class SealedError(PeerError):
    """A sealed notice that cannot be taken, and why: `code` is one of CODES, `detail` holds no contents."""


# --- the JWE --------------------------------------------------------------------------------------------------------


def _b64url(size: int) -> Any:
    """Canonical base64url of that many bytes, as far as a pattern can say it."""
    chars = (size * 8 + 5) // 6
    return StringConstraints(pattern=rf"^[A-Za-z0-9_-]{{{chars}}}$")


class _EphemeralKey(Model):
    crv: Literal["X25519"]
    kty: Literal["OKP"]
    x: Hash  # 32 bytes too


class _RecipientHeader(Model):
    epk: _EphemeralKey
    kid: Kid


class _Recipient(Model):
    encrypted_key: Annotated[str, _b64url(_WRAPPED_BYTES)]
    header: _RecipientHeader


class _Jwe(Model):
    """JWE General JSON with exactly our members (RFC 7516 section 7.2.1). No `unprotected`, no `aad`."""

    ciphertext: Annotated[str, Field(min_length=1)]
    iv: Annotated[str, _b64url(_IV_BYTES)]
    protected: str
    recipients: Annotated[tuple[_Recipient, ...], Field(min_length=1, max_length=limits.ADDRESSEES_MAX)]
    tag: Annotated[str, _b64url(_TAG_BYTES)]


class _GivenContentKey(GCMEncModel):
    """A256GCM with a content key and initialisation vector that were handed in."""

    def __init__(self, cek: bytes, iv: bytes) -> None:
        super().__init__(8 * _CEK_BYTES)
        self._cek, self._iv = cek, iv

    def generate_cek(self) -> bytes:
        return self._cek

    def generate_iv(self) -> bytes:
        return self._iv


class _GivenRegistry(jose.JWERegistry):
    """Makes joserfc draw nothing itself: the one place where randomness for sealing goes in."""

    def __init__(self, enc: JWEEncModel) -> None:
        super().__init__(algorithms=[ALG, ENC])
        self._enc = enc

    def get_enc(self, name: str) -> JWEEncModel:
        return self._enc


def seal_inner(inner_token: bytes, recipients: Mapping[str, bytes], *, random: Randomness) -> bytes:
    """Seal an inner token to `enc` keys (kid -> 32-byte X25519 public key). The same randomness gives the same bytes.

    `random(n)` is called for the content key (32 bytes), the initialisation vector (12), then for one ephemeral key
    (32) for each kid in ascending order. It must never give the same bytes for two notices.
    """
    if _COMPACT.fullmatch(inner_token) is None or len(inner_token) > limits.TOKEN_BYTES_MAX:
        raise UsageError(f"expected an inner token of at most {limits.TOKEN_BYTES_MAX} bytes, signed by sign_inner")
    if not 1 <= len(recipients) <= limits.ADDRESSEES_MAX:
        raise UsageError(f"a notice is sealed to 1 to {limits.ADDRESSEES_MAX} keys, not to {len(recipients)}")
    for kid, public in recipients.items():
        _check_recipient(kid, public)
    enc = _GivenContentKey(_draw(random, _CEK_BYTES), _draw(random, _IV_BYTES))
    sealing = jose.GeneralJSONEncryption({"alg": ALG, "enc": ENC, "typ": TYP}, _padded(inner_token))
    for kid in sorted(recipients):
        sealing.add_recipient({"kid": kid}, OKPKey.import_key(X25519PublicKey.from_public_bytes(recipients[kid])))
        ephemeral = X25519PrivateKey.from_private_bytes(_draw(random, _SEED_BYTES))
        sealing.recipients[-1].ephemeral_key = OKPKey.import_key(ephemeral)
    return dumps(jose.encrypt_json(sealing, None, registry=_GivenRegistry(enc)))


def hashes(jwe: bytes, inner: bytes) -> Sealed:
    """The member `sealed` of the outer: SHA-256 of the JWE's bytes, and of the inner token."""
    return Sealed(ct=ids.sha256(jwe), pt=ids.sha256(inner))


def check_ct(jwe: bytes, sealed: Sealed) -> None:
    """SealedError(`sealed-ct-mismatch`) unless these bytes are the ones that the outer's author signed for."""
    if ids.sha256(jwe) != sealed.ct:
        raise SealedError("sealed-ct-mismatch", "the ciphertext's hash is not the outer's `ct`")


def recipients_of(jwe: bytes) -> tuple[str, ...]:
    """The kids that a JWE says it is sealed to, by form alone; else SealedError(`sealed-bad-jwe`).

    Anyone can read this, and it proves nothing: whom a notice is for is what its signed outer says.
    """
    return tuple(recipient.header.kid for recipient in _read_jwe(jwe).recipients)


def open_inner(jwe: bytes, kid: str, x25519_private_seed: bytes, sealed: Sealed) -> bytes:
    """The inner token, sealed to `kid`, of an outer that carries `sealed`; SealedError on any other bytes."""
    if len(x25519_private_seed) != _SEED_BYTES:
        raise UsageError(f"expected a private X25519 key of {_SEED_BYTES} bytes, not {len(x25519_private_seed)}")
    check_ct(jwe, sealed)
    read = _read_jwe(jwe)
    ours = [recipient for recipient in read.recipients if recipient.header.kid == kid]
    if not ours:
        raise SealedError("sealed-not-for-us", "no recipient of the ciphertext has the kid of this key")
    inner = _unpadded(_decrypt(read, ours[0], x25519_private_seed))
    if ids.sha256(inner) != sealed.pt:
        raise SealedError("sealed-pt-mismatch", "the inner token's hash is not the outer's `pt`")
    return inner


def _decrypt(read: _Jwe, ours: _Recipient, seed: bytes) -> bytes:
    """joserfc sees our recipient only: it would try this key on each of them, and let one fault fail all."""
    data = cast(jose.GeneralJSONSerialization, {**read.model_dump(), "recipients": [ours.model_dump()]})
    key = OKPKey.import_key(X25519PrivateKey.from_private_bytes(seed))
    try:
        plaintext = jose.decrypt_json(data, key, algorithms=[ALG, ENC]).plaintext
    except (JoseError, ValueError):  # ValueError: an ephemeral key of small order (RFC 7748 section 6.1)
        raise _bad_jwe("it does not open with the key that it names") from None
    return plaintext or b""


def _read_jwe(jwe: bytes) -> _Jwe:
    """Form alone: one spelling of everything, so that no two readers see different things in the same bytes."""
    try:
        loads_canonical(jwe, size_max=limits.SEALED_BYTES_MAX)
        read = _Jwe.model_validate_json(jwe)
    except Unattributable as error:
        raise _bad_jwe(f"{error.code}: {error.detail}") from None
    except ValidationError as error:
        raise _bad_jwe(_fault(error)) from None
    if read.protected != _PROTECTED:
        raise _bad_jwe(f"protected: expected exactly alg {ALG}, enc {ENC}, typ {TYP}, in RFC 8785 form")
    kids = [recipient.header.kid for recipient in read.recipients]
    if any(ids.kid_purpose(kid) != "enc" for kid in kids):
        raise _bad_jwe("recipients: expected enc keys only")
    if kids != sorted(set(kids)):
        raise _bad_jwe("recipients: expected each kid once, in ascending order")
    try:
        for text in (read.iv, read.tag, *(recipient.encrypted_key for recipient in read.recipients)):
            ids.unb64url(text)
        size = len(ids.unb64url(read.ciphertext))
    except ValueError:
        raise _bad_jwe("expected canonical base64url without padding") from None
    if size % PAD_BYTES or not PAD_BYTES <= size <= limits.TOKEN_BYTES_MAX:
        raise _bad_jwe(f"ciphertext: expected a multiple of {PAD_BYTES} bytes, at most {limits.TOKEN_BYTES_MAX}")
    return read


def _check_recipient(kid: str, public: bytes) -> None:
    if ids.KID.fullmatch(kid) is None or ids.kid_purpose(kid) != "enc":
        raise UsageError(f"a notice is sealed to enc keys, not to {kid}")
    if len(public) != _SEED_BYTES:
        raise UsageError(f"{kid}: expected an X25519 public key of {_SEED_BYTES} bytes, not {len(public)}")
    probe = X25519PrivateKey.from_private_bytes(bytes(_SEED_BYTES))  # any key shows a point of small order
    try:
        probe.exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError:
        raise UsageError(f"{kid} is a key to which nothing can be sealed: anyone could open it") from None


def _draw(random: Randomness, size: int) -> bytes:
    drawn = random(size)
    if len(drawn) != size:
        raise InvariantError(f"asked for {size} random bytes, got {len(drawn)}")
    return drawn


def _padded(token: bytes) -> bytes:
    """Spaces, which no token holds, up to the next multiple of PAD_BYTES."""
    return token + b" " * (-len(token) % PAD_BYTES)


def _unpadded(plaintext: bytes) -> bytes:
    token = plaintext.rstrip(b" ")
    if _padded(token) != plaintext:
        raise _bad_jwe("what was sealed is not padded as it must be")
    return token


def _bad_jwe(detail: str) -> SealedError:
    return SealedError("sealed-bad-jwe", detail)


# --- the inner notice -----------------------------------------------------------------------------------------------


class InnerNotice(Model):
    """What was sealed: a notice without `seq`, `prev`, `seen`, `warn` and `sealed`, which are the outer's."""

    v: Literal[1] = 1
    net: forms.NetName
    from_: forms.Party = Field(alias="from")
    desk: forms.DeskName
    issued: forms.Time
    nid: forms.Nid
    precedence: forms.Precedence
    to: Annotated[tuple[Addressee, ...], Field(max_length=limits.ADDRESSEES_MAX)]
    info: Annotated[tuple[forms.Party, ...], Field(max_length=limits.ADDRESSEES_MAX)]
    kind: forms.Kind
    status: Literal["operation", "exercise", "test"]
    response: forms.Response
    how: Literal["machine", "human", "voice", "relayed"]
    volumes: Annotated[tuple[forms.Volume, ...], Field(max_length=limits.VOLUMES_MAX)]
    elements: Annotated[tuple[Element, ...], Field(max_length=limits.ELEMENTS_MAX)]
    text: forms.Prose
    unit: forms.Name | None = None
    alleged: forms.Party | None = None
    accounts_for: Annotated[tuple[Hash, ...], Field(max_length=64)] | None = None
    read_back: bool = False
    amends: Hash | None = None
    withdraws: Hash | None = None
    replaces: Hash | None = None


_CONTENT = frozenset({"kind", "how", "volumes", "elements", "text", "unit", "alleged", "accounts_for"})
SAME = tuple(sorted(InnerNotice.model_fields.keys() - _CONTENT))
"""Who, to whom, which delivery and how it is answered: inner and outer say the same. The rest is the inner's."""


@dataclass(frozen=True, slots=True)
class OpenedInner:
    """An inner notice that passed the guard. `pt` is the SHA-256 of its token, which an answer quotes."""

    token: bytes
    pt: ids.Hash
    kid: str
    body: InnerNotice


def sign_inner(inner: InnerNotice, signer: Signer) -> bytes:
    """The inner token: a JWS compact token like a statement's, with a `typ` that no statement has."""
    _check_signer(inner.from_, signer.kid, UsageError)
    payload = dumps(inner.model_dump(mode="json", by_alias=True, exclude_none=True))
    signed = b".".join(ids.b64url(part).encode("ascii") for part in (_inner_header(signer.kid), payload))
    token = signed + b"." + ids.b64url(signer.sign(signed)).encode("ascii")
    if len(token) > limits.TOKEN_BYTES_MAX:
        raise UsageError(f"the notice takes {len(token)} bytes; at most {limits.TOKEN_BYTES_MAX}: simplify its areas")
    return token


def open_inner_notice(token: bytes, keys: Mapping[str, bytes], outer: Notice) -> OpenedInner:
    """The guard of the inner token: bound to its outer by hash and by members, signed by the outer's author.

    `keys`: every key ever enrolled. Whether `kid` was valid at the outer's index is the caller's to ask, as for any
    token. Works alike on a token just opened and on one that was disclosed later. SealedError on any other bytes.
    """
    if outer.sealed is None or ids.sha256(token) != outer.sealed.pt:
        raise SealedError("sealed-pt-mismatch", "the inner token's hash is not the outer's `pt`")
    header, payload, signature = _take_apart(token)
    kid = _read_header(header)
    public = keys.get(kid)
    if public is None:
        raise SealedError("sealed-unknown-kid", "no key of that id is enrolled")
    if not verify_signature(public, signature, token[: token.rindex(b".")]):
        raise SealedError("sealed-bad-signature", "the signature does not hold under strict Ed25519")
    body = _read_inner(payload)
    _check_signer(body.from_, kid, _bad_inner)
    different = [name for name in SAME if getattr(body, name) != getattr(outer, name)]
    if different:
        named = ", ".join(name.rstrip("_") for name in different)
        raise SealedError("sealed-inner-differs", f"inner and outer differ in {named}")
    return OpenedInner(token, outer.sealed.pt, kid, body)


def _inner_header(kid: str) -> bytes:
    return dumps({"alg": SIGNATURE_ALG, "kid": kid, "typ": INNER_TYP})


def _take_apart(token: bytes) -> tuple[bytes, bytes, bytes]:
    if len(token) > limits.TOKEN_BYTES_MAX or _COMPACT.fullmatch(token) is None:
        raise _bad_inner(f"expected a JWS in compact form of at most {limits.TOKEN_BYTES_MAX} bytes")
    try:
        header, payload, signature = (ids.unb64url(part) for part in token.decode("ascii").split("."))
    except ValueError:
        raise _bad_inner("expected canonical base64url without padding") from None
    return header, payload, signature


def _read_header(header: bytes) -> str:
    try:
        value = loads_canonical(header, size_max=512)
    except Unattributable as error:
        raise _bad_inner(f"header: {error.code}: {error.detail}") from None
    kid = value.get("kid") if isinstance(value, dict) else None
    if not isinstance(kid, str) or ids.KID.fullmatch(kid) is None or header != _inner_header(kid):
        raise _bad_inner(f"header: expected exactly alg {SIGNATURE_ALG}, kid and typ {INNER_TYP}")
    return kid


def _read_inner(payload: bytes) -> InnerNotice:
    try:
        value = loads_canonical(payload)
    except Unattributable as error:
        raise _bad_inner(f"{error.code}: {error.detail}") from None
    if not isinstance(value, dict) or type(value.get("v")) is not int:  # the model fills `v` in, and takes true for 1
        raise _bad_inner("v: expected int")
    try:
        return InnerNotice.model_validate_json(payload, by_alias=True, by_name=False)
    except ValidationError as error:
        raise _bad_inner(_fault(error)) from None


def _check_signer(party: str, kid: str, fault: Callable[[str], Exception]) -> None:
    """Signed by a key that might have signed the notice in clear (protocol.md 4.3)."""
    if ids.kid_party(kid) != party:
        raise fault("`from` is not the party whose key signs")
    if not (ids.is_desk_kid(kid) or ids.is_machine_kid(kid)):
        raise fault("an inner notice is signed by a desk or machine key")


def _bad_inner(detail: str) -> SealedError:
    return SealedError("sealed-bad-inner", detail)


# --- faults in words ------------------------------------------------------------------------------------------------


def _fault(error: ValidationError) -> str:
    """The first fault as `recipients.0.header: missing`; a member that we do not know was named by the peer: `?`."""
    first = error.errors(include_url=False, include_input=False)[0]
    parts = [str(part) if isinstance(part, int) or part in _MEMBERS else "?" for part in first["loc"]]
    return f"{'.'.join(parts) or 'the whole'}: {first['type']}"


_MEMBERS = frozenset(
    info.alias or name
    for model in (_EphemeralKey, _RecipientHeader, _Recipient, _Jwe, InnerNotice, Addressee, Element, forms.Volume)
    for name, info in model.model_fields.items()
)
