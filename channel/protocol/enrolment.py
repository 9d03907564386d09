"""What travels at a founding before there is a channel: a party's request, and the packet that answers it.

Both are JSON files carried by hand. Here they are made and judged (protocol.md section 5); files are read and written
elsewhere. A request proves that its sender holds each signing key in it; a packet proves nothing by itself: the hash of
its charter is compared out of band, and the party's own entry in it with what the party asked for.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.x509.oid import NameOID
from pydantic import Field, ValidationError

from channel.protocol import canonical, ids, limits
from channel.protocol.charter import key_labels
from channel.protocol.envelope import Signer, verify_signature
from channel.protocol.errors import PeerError, UsageError
from channel.protocol.statements import Desk, Key, Kid, Level, Member, Model, Name, NetName, Party

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

FILE_BYTES_MAX = 4 * limits.TOKEN_BYTES_MAX  # a packet holds a charter token and three certificates
Pem = Annotated[str, Field(min_length=1, max_length=16_384, pattern=r"\A-----BEGIN [A-Z0-9 ]+-----\n")]
Signature = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{86}$")]
Port = Annotated[int, Field(ge=1, le=65_535)]
M = TypeVar("M", bound=Model)


class Enrolment(Model):
    """A party's request to be in the charter of `net`, signed by each of its Ed25519 keys.

    `t` keeps these bytes apart from everything else that the same keys sign: no token and no note begins with `{`.
    The `enc` key cannot sign: the root's signature over the request vouches for it.
    """

    t: Literal["enrolment"] = "enrolment"
    v: Literal[1] = 1
    net: NetName
    party: Party
    name: Name
    language: Literal["en", "ru", "ar", "ku"]
    keys: Annotated[tuple[Key, ...], Field(min_length=5, max_length=limits.KEYS_MAX)]
    desks: Annotated[tuple[Desk, ...], Field(min_length=1, max_length=8)]
    csr: Pem
    proofs: dict[Kid, Signature]

    def member(self) -> Member:
        """This party's entry in the charter."""
        return Member(party=self.party, name=self.name, language=self.language, keys=self.keys, desks=self.desks)


class Packet(Model):
    """What the operator hands back: the charter to sign, and what opens a link to the broker."""

    t: Literal["packet"] = "packet"
    v: Literal[1] = 1
    net: NetName
    party: Party
    charter: Annotated[str, Field(max_length=limits.TOKEN_BYTES_MAX)]
    ca: Pem
    certificate: Pem
    host: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9.:-]+$")]
    port: Port


# --- requests -------------------------------------------------------------------------------------------------------


def make(member: Member, net: str, csr: str, signers: Sequence[Signer]) -> Enrolment:
    """The request of `member`, with a proof by each signer."""
    draft = Enrolment(
        net=net, party=member.party, name=member.name, language=member.language,
        keys=member.keys, desks=member.desks, csr=csr, proofs={},
    )  # fmt: skip
    message = signed_bytes(draft)
    proofs = {signer.kid: ids.b64url(signer.sign(message)) for signer in signers}
    return draft.model_copy(update={"proofs": proofs})


def signed_bytes(enrolment: Enrolment) -> bytes:
    """What each proof signs: the canonical form of the request without its proofs."""
    return canonical.dumps(enrolment.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"proofs"}))


def check(enrolment: Enrolment, net: str | None = None) -> None:
    """UsageError, saying what is wrong and what to ask the party for, unless the request proves what it claims."""
    party = enrolment.party
    if net is not None and enrolment.net != net:
        raise _ask(party, f"it is for the net {enrolment.net!r}, not {net!r}", enrolment.net)
    if party == ids.RELAY:
        raise UsageError("the name 'relay' is the channel's own: the party needs another")
    _check_desks(enrolment)
    expected = [f"{party}/{label}" for label in key_labels(enrolment.desks)]
    kids = [key.kid for key in enrolment.keys]
    if kids != expected:
        raise _ask(party, f"it should hold the keys {', '.join(expected)}, in this order", enrolment.net)
    if len({key.pub for key in enrolment.keys}) != len(kids):
        raise _ask(party, "it holds one key under two names", enrolment.net)
    _check_proofs(enrolment)
    _check_csr(enrolment)


def _ask(party: str, found: str, net: str) -> UsageError:
    return UsageError(
        f"the request of {party}: {found}; ask for a new one: party -p {party} --home DIR enrol --net {net}"
    )


def _check_desks(enrolment: Enrolment) -> None:
    names = [desk.desk for desk in enrolment.desks]
    if len(set(names)) != len(names):
        raise _ask(enrolment.party, "it names a desk twice", enrolment.net)
    if not any(desk.level is Level.OPERATIONS for desk in enrolment.desks):
        raise _ask(enrolment.party, "it has no desk at level operations", enrolment.net)


def _check_proofs(enrolment: Enrolment) -> None:
    message = signed_bytes(enrolment)
    signing = [key for key in enrolment.keys if ids.kid_purpose(key.kid) != "enc"]
    if set(enrolment.proofs) != {key.kid for key in signing}:
        raise _ask(enrolment.party, "it must carry one proof for each signing key, and no other", enrolment.net)
    for key in signing:
        try:
            signature = ids.unb64url(enrolment.proofs[key.kid])
        except ValueError as error:
            raise _ask(enrolment.party, f"its proof for {key.kid} is not base64url", enrolment.net) from error
        if not verify_signature(ids.unb64url(key.pub), signature, message):
            raise _ask(enrolment.party, f"its proof for {key.kid} does not verify", enrolment.net)
    for key in enrolment.keys:
        if ids.kid_purpose(key.kid) == "enc" and not _usable_x25519(ids.unb64url(key.pub)):
            raise _ask(enrolment.party, f"{key.kid} is a key to which nothing can be sealed", enrolment.net)


def _usable_x25519(public: bytes) -> bool:
    """False for the few points of small order: what is sealed to them, anyone can open (RFC 7748 section 6.1)."""
    probe = X25519PrivateKey.from_private_bytes(hashlib.sha256(b"small order probe").digest())
    try:
        probe.exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError:
        return False
    return True


def _check_csr(enrolment: Enrolment) -> None:
    party, net = enrolment.party, enrolment.net
    try:
        csr = x509.load_pem_x509_csr(enrolment.csr.encode())
        signed = csr.is_signature_valid
        key = csr.public_key()
    except (ValueError, TypeError, InvalidSignature) as error:
        raise _ask(party, "its certificate request cannot be read", net) from error
    if not signed:
        raise _ask(party, "its certificate request is not signed by its own key", net)
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise _ask(party, "its certificate request must be for a P-256 key", net)


def tls_key(enrolment: Enrolment) -> bytes:
    """The public key of the certificate request, as bytes that compare."""
    return _spki(x509.load_pem_x509_csr(enrolment.csr.encode()).public_key())


# --- packets --------------------------------------------------------------------------------------------------------


def check_certificate(packet: Packet, tls_public: bytes) -> None:
    """UsageError unless the packet's certificate is for that TLS key and party, and issued by the packet's CA."""
    what = "the packet's certificate"
    redo = "ask the operator for the packet that answers this home's request"
    try:
        ca = x509.load_pem_x509_certificate(packet.ca.encode())
        certificate = x509.load_pem_x509_certificate(packet.certificate.encode())
        public = _spki(certificate.public_key())
    except ValueError as error:
        raise UsageError(f"{what} cannot be read; {redo}") from error
    if public != tls_public:
        raise UsageError(f"{what} is for another TLS key than this home's; {redo}")
    names = [attribute.value for attribute in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if names != [f"party-{packet.party}"]:
        raise UsageError(f"{what} names {', '.join(map(str, names)) or 'nobody'}, not party-{packet.party}; {redo}")
    try:
        certificate.verify_directly_issued_by(ca)
    except (ValueError, TypeError, InvalidSignature) as error:
        raise UsageError(f"{what} is not issued by the packet's own authority; {redo}") from error


def _spki(key: PublicKeyTypes) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


# --- both -----------------------------------------------------------------------------------------------------------


def read_request(data: bytes) -> Enrolment:
    """The request in a file's bytes; `check` is still to be asked."""
    return _read(Enrolment, data, "an enrolment request (made by `party -p P --home DIR enrol --net NET`)")


def read_packet(data: bytes) -> Packet:
    """The packet in a file's bytes; it is judged when it is acceded to."""
    return _read(Packet, data, "a packet (made by `channel init`, in HOME/packets/)")


def to_file(document: Enrolment | Packet) -> bytes:
    """The bytes of the file that carries it: canonical JSON and one line end."""
    return canonical.dumps(document.model_dump(mode="json", by_alias=True, exclude_none=True)) + b"\n"


def _read(model: type[M], data: bytes, what: str) -> M:
    data = data.strip(b" \t\r\n")
    try:
        canonical.loads(data, size_max=FILE_BYTES_MAX)
        return model.model_validate_json(data, by_alias=True, by_name=False)
    except PeerError as error:
        raise UsageError(f"expected {what}: {error.code}, {error.detail}") from error
    except ValidationError as error:
        raise UsageError(f"expected {what}: {_fault(error)}") from error


def _fault(error: ValidationError) -> str:
    """The first fault by member and rule. A member that we do not know was named by whoever wrote the file: `?`."""
    entry = error.errors(include_url=False, include_input=False)[0]
    path = ".".join(str(part) if re.fullmatch("[a-z0-9/-]{1,80}", str(part)) else "?" for part in entry["loc"])
    return f"{path or 'the file'}: {entry['type']}"


# --- what people compare --------------------------------------------------------------------------------------------


def spoken(hash_: str) -> str:
    """A hash as twelve groups of five digits, to be read out over a voice line in any language.

    60 digits are 199 bits: whoever drafts a charter may look for two that read the same, and must try 2^99 of them.
    """
    digits = f"{int.from_bytes(ids.unb64url(hash_)) % 10**60:060d}"
    return " ".join(digits[place : place + 5] for place in range(0, 60, 5))


def same_hash(typed: str, hash_: str) -> bool:
    """Whether what a person typed, the 43 characters or the twelve groups, is that hash."""
    digits = "".join(char for char in typed if char not in " \t-")
    if len(digits) == 60 and digits.isascii() and digits.isdigit():
        return digits == spoken(hash_).replace(" ", "")
    return typed.strip() == hash_
