"""The envelope of every statement and the one guard that opens it: a JWS compact token (protocol.md section 3).

Relay, client and verifier call the same `open_token`. It judges bytes, form and whether the key is of the right kind;
whether that key was valid at a position in the log is `keys`, whether the statement is in order is policy. The rules
are checked in the order in which they stand here, on the bytes as received; until the signature holds nobody is to
blame.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, cast

from joserfc import jws
from joserfc.jwk import OKPKey
from nacl import bindings
from nacl.exceptions import BadSignatureError
from pydantic import ValidationError

from channel.protocol import ids, limits, schema, statements
from channel.protocol.canonical import Json, dumps, loads, loads_canonical
from channel.protocol.errors import Attributable, Unattributable, UsageError
from channel.protocol.ids import Hash
from channel.protocol.octets import BytesLike, octets
from channel.protocol.statements import Body, Charter, Forwarding, Model, Receiving, Stage, Statement

ALG = "Ed25519"  # RFC 9864: fully specified, so no key can bring another curve
_KEY_BYTES = 32
_SIGNATURE_BYTES = 64


@dataclass(frozen=True, slots=True)
class Signer:
    """A signing key: `seed` is the 32-byte private key of RFC 8032."""

    kid: str
    seed: bytes = field(repr=False)
    public: bytes = field(init=False, compare=False)
    _secret: bytes = field(init=False, repr=False, compare=False)
    _jwk: OKPKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        public, secret = bindings.crypto_sign_seed_keypair(self.seed)
        jwk: dict[str, str | list[str]] = {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": ids.b64url(public),
            "d": ids.b64url(self.seed),
        }
        object.__setattr__(self, "public", public)
        object.__setattr__(self, "_secret", secret)
        object.__setattr__(self, "_jwk", OKPKey.import_key(jwk))

    def sign(self, message: bytes) -> bytes:
        """The 64-byte Ed25519 signature."""
        return bindings.crypto_sign(message, self._secret)[:_SIGNATURE_BYTES]


@dataclass(frozen=True, slots=True)
class Opened:
    """A token that passed the guard. `of` is the SHA-256 of the token as received."""

    token: bytes
    of: Hash
    kid: str
    type: str
    body: Body

    @property
    def party(self) -> str:
        """Whose key signed it."""
        return ids.kid_party(self.kid)


@dataclass(frozen=True, slots=True)
class _Parts:
    """A token taken apart: form checked, signature not."""

    kid: str
    type: str
    payload: bytes
    signed: bytes
    signature: bytes


def verify_signature(public_key: BytesLike, signature: BytesLike, message: BytesLike) -> bool:
    """Ed25519 as strict as the strictest verifier (protocol.md 3.5), so that all verifiers agree. Never raises.

    Whatever is not bytes-like is no signature: False.

    libsodium refuses S >= L and small-order or non-canonical keys. But it takes keys of mixed order, and libraries and
    their versions differ in whether R is compared as bytes or as a point, with or without the cofactor: a signer could
    make tokens that hold for one verifier and not for another. So key and R must also be canonical points of the
    prime-order group, where all these equations are the same.
    """
    try:
        public_key, signature, message = octets(public_key), octets(signature), octets(message)
    except UsageError:
        return False
    if len(public_key) != _KEY_BYTES or len(signature) != _SIGNATURE_BYTES:
        return False
    if not is_strong_key(public_key) or not bindings.crypto_core_ed25519_is_valid_point(signature[:_KEY_BYTES]):
        return False
    try:
        bindings.crypto_sign_open(signature + message, public_key)
    except BadSignatureError:
        return False
    return True


@lru_cache(maxsize=4096)
def is_strong_key(public_key: bytes) -> bool:
    """Whether an Ed25519 public key is the canonical encoding of a point of the prime-order group."""
    return len(public_key) == _KEY_BYTES and bool(bindings.crypto_core_ed25519_is_valid_point(public_key))


def seal(body: Model, signer: Signer) -> bytes:
    """Sign a statement: the same body and key always give the same bytes. UsageError if the token is too large."""
    type_ = cast(str, getattr(type(body), "TYPE", ""))
    if type_ not in statements.BY_TYPE:
        raise UsageError(f"{type(body).__name__} is not a statement that can be signed")
    payload = dumps(body.model_dump(mode="json", by_alias=True, exclude_none=True))
    token = jws.serialize_compact(_header(signer.kid, type_), payload, signer._jwk, algorithms=[ALG]).encode("ascii")
    if len(token) > limits.TOKEN_BYTES_MAX:
        raise UsageError(f"the {type_} takes {len(token)} bytes; at most {limits.TOKEN_BYTES_MAX}: simplify its areas")
    return token


def open_token(token: BytesLike, keys: Mapping[str, bytes], *, net: str | None = None) -> Opened:
    """The guard. `keys`: every key ever enrolled. Unattributable up to the signature, Attributable from there on.

    UsageError for what is not bytes-like: it never came from a peer.
    """
    token = octets(token)
    parts = _take_apart(token)
    public = keys.get(parts.kid)
    if public is None:
        raise Unattributable("unknown-kid", "no key of that id is enrolled")
    if not verify_signature(public, parts.signature, parts.signed):
        raise Unattributable("bad-signature", "the signature does not hold under strict Ed25519")
    try:
        body = _read(parts)
        _check_author(body, parts, net)
    except _Fault as fault:
        seq, nid = _best_effort(parts.payload)
        of = ids.sha256(token)
        raise Attributable(fault.code, fault.detail, of=of, kid=parts.kid, seq=seq, nid=nid) from None
    return Opened(token, ids.sha256(token), parts.kid, parts.type, body)


def open_charter(token: BytesLike) -> tuple[Charter, Hash]:
    """A charter, verified with the relay key that it carries itself: trust only its hash. Else Unattributable."""
    token = octets(token)
    parts = _take_apart(token)
    if parts.type != Charter.TYPE:
        raise Unattributable("wrong-type", f"expected a charter, not a statement of type {parts.type}")
    try:
        body = _read(parts)
        _check_author(body, parts, None)
    except _Fault as fault:
        raise Unattributable(fault.code, fault.detail) from None
    charter = cast(Charter, body)
    public = {key.kid: ids.unb64url(key.pub) for key in charter.relay.keys}.get(parts.kid)
    if public is None:
        raise Unattributable("unknown-kid", "the charter is signed by a key that it does not carry")
    if not verify_signature(public, parts.signature, parts.signed):
        raise Unattributable("bad-signature", "the signature does not hold under strict Ed25519")
    return charter, ids.sha256(token)


class _Fault(Exception):
    """A rule broken by bytes that are signed; `open_token` says by whom."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


def _take_apart(token: bytes) -> _Parts:
    if len(token) > limits.TOKEN_BYTES_MAX:
        raise Unattributable("too-large", f"a token of {len(token)} bytes; at most {limits.TOKEN_BYTES_MAX}")
    if not token.isascii():
        raise Unattributable("bad-token", "expected ASCII")
    segments = token.decode("ascii").split(".")
    if len(segments) != 3 or not all(segments):
        raise Unattributable("bad-token", "expected the three parts of a JWS in compact form")
    try:
        header, payload, signature = (ids.unb64url(segment) for segment in segments)
    except ValueError:
        raise Unattributable("bad-token", "expected canonical base64url without padding") from None
    kid, type_ = _read_header(header)
    return _Parts(kid, type_, payload, token[: token.rindex(b".")], signature)


def _header(kid: str, type_: str) -> dict[str, Any]:
    """Members in canonical order: joserfc writes them as they stand."""
    return {"alg": ALG, "kid": kid, "typ": f"dcn-{type_}+jws"}


@lru_cache(maxsize=1024)
def _read_header(header: bytes) -> tuple[str, str]:
    """(kid, type) of a header with exactly our members in exactly our spelling."""
    value = loads(header, size_max=512)
    if not isinstance(value, dict) or value.keys() != {"alg", "kid", "typ"}:
        raise Unattributable("bad-header", "expected exactly the members alg, kid and typ")
    kid, typ = value["kid"], value["typ"]
    if value["alg"] != ALG:
        raise Unattributable("bad-header", f"expected alg {ALG}")
    if not isinstance(kid, str) or ids.KID.fullmatch(kid) is None:
        raise Unattributable("bad-header", "expected kid as party/purpose/label")
    type_ = typ.removeprefix("dcn-").removesuffix("+jws") if isinstance(typ, str) else ""
    if type_ not in statements.BY_TYPE or typ != f"dcn-{type_}+jws":
        raise Unattributable("bad-header", "expected typ as dcn-<type>+jws of a known type")
    if dumps(value) != header:
        raise Unattributable("bad-header", "the header is not in RFC 8785 form")
    return kid, type_


def _read(parts: _Parts) -> Body:
    try:
        value = loads_canonical(parts.payload)
    except Unattributable as error:
        detail = error.detail if error.code == "not-canonical" else f"{error.code}: {error.detail}"
        raise _Fault("not-canonical", detail) from None
    if not isinstance(value, dict):
        raise _Fault("schema", "statement: not an object")
    for member, kind in (("v", int), ("from", str)):  # the models fill these in, and take true for 1
        if type(value.get(member)) is not kind:
            raise _Fault("schema", f"{member}: expected {kind.__name__}")
    try:
        # by_name off: a member has one spelling, `from`, never the attribute's name.
        body = statements.BY_TYPE[parts.type].model_validate_json(parts.payload, by_alias=True, by_name=False)
    except ValidationError as error:
        raise _Fault("schema", schema.explain(error)) from None
    return cast(Body, body)


def _check_author(body: Body, parts: _Parts, net: str | None) -> None:
    if net is not None and body.net != net:
        raise _Fault("wrong-net", "the statement is of another net")
    if body.from_ != ids.kid_party(parts.kid):
        raise _Fault("wrong-party", "`from` is not the party whose key signed")
    fault = _key_fault(body, parts.kid, parts.type)
    if fault is not None:
        raise _Fault("wrong-key", fault)


def _key_fault(body: Body, kid: str, type_: str) -> str | None:
    """What kind of key signs what (protocol.md 4.3); None if this one is right."""
    if isinstance(body, Statement) and ids.is_desk_kid(kid) and not ids.is_of_desk(kid, body.desk):
        return f"{kid} is not a key of the desk {body.desk}"
    if type_ in statements.ROOT_ONLY:
        of_party = ids.kid_purpose(kid) == "root" and ids.kid_party(kid) != ids.RELAY
        return None if of_party else f"a {type_} is signed by a root key of a party"
    if type_ in statements.RELAY_ONLY and ids.kid_party(kid) != ids.RELAY:
        return f"a {type_} is signed by the relay"
    what = _by_person(body)
    if type_ in statements.DESK_ONLY or what:
        return None if ids.is_desk_kid(kid) else f"a {type_}{what} is signed by a desk key"
    if type_ in statements.RELAY_ONLY:
        return None if ids.is_machine_kid(kid) else f"a {type_} is signed by the relay's machine key"
    if not (ids.is_desk_kid(kid) or ids.is_machine_kid(kid)):
        return f"a {type_} is signed by a desk or machine key"
    return None


def _by_person(body: Body) -> str:
    """What makes a person's word of a type that machines sign too; empty if nothing does."""
    if isinstance(body, Forwarding) and body.by == "voice":
        return " by voice"
    return " as displayed" if isinstance(body, Receiving) and body.stage is Stage.DISPLAYED else ""


def _best_effort(payload: bytes) -> tuple[int, str | None]:
    """`seq` (0 if unread) and `nid` of a payload that broke a rule: refused, it still occupies its number."""
    try:
        value: Json = loads(payload)
    except Unattributable:
        return 0, None
    if not isinstance(value, dict):
        return 0, None
    seq, nid = value.get("seq"), value.get("nid")
    seq_ok = isinstance(seq, int) and not isinstance(seq, bool) and 1 <= seq <= limits.SEQ_MAX
    nid_ok = isinstance(nid, str) and ids.UUID7.fullmatch(nid) is not None
    return cast(int, seq) if seq_ok else 0, cast(str, nid) if nid_ok else None
