"""The operator's certificate authority for links: who may open which link, never who signed a statement.

Time of issue (real wall time, also for nets that play the past) and serial numbers come from the caller. Every subject
is written here, none is taken from a request; extensions of a request (alternative names!) are dropped, because the
broker maps alternative names to users before it looks at the subject. Private keys are ECDSA P-256; their files have
mode 0600.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from channel.protocol import ids
from channel.protocol.errors import FatalError, UsageError
from channel.wire.request import private_pem

SERIAL_BYTES = 16  # below the 20 octets of RFC 5280 section 4.1.2.2, enough never to repeat
SKEW = timedelta(days=1)  # a party's machine may be behind ours by this much
CA_LIFE = timedelta(days=3653)  # ten years: outlives every agreement of this kind
LINK_LIFE = timedelta(days=825)  # a link's certificate is renewed at least every two years
REQUEST_BYTES_MAX = 16 * 1024  # a P-256 request has 600 bytes


@dataclass(frozen=True, slots=True)
class Credential:
    """A certificate and its private key, both PEM."""

    certificate: bytes
    key: bytes


@dataclass(frozen=True, slots=True)
class Authority:
    """The CA of one net: signs link certificates. `net` is the organisation in every subject."""

    net: str
    certificate: bytes
    key: bytes


def party_user(net: str, party: str) -> str:
    """The broker's user of a party's link: the subject as the broker prints it (RFC 2253 order)."""
    return f"CN=party-{party},O={net}"


def relay_user(net: str, party: str) -> str:
    """The broker's user of the relay's link into a party's account."""
    return f"CN=relay-{party},O={net}"


def make_ca(net: str, *, now_ms: int, serial: bytes) -> Authority:
    """A self-signed CA for the net's links."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _subject(net, "link-ca")
    usage = _usage(key_cert_sign=True, crl_sign=True)
    builder = (
        _builder(name, name, key.public_key(), now_ms, CA_LIFE, serial)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    certificate = builder.sign(key, hashes.SHA256())
    return Authority(net, certificate.public_bytes(serialization.Encoding.PEM), private_pem(key))


def server_certificate(ca: Authority, hosts: Sequence[str], *, now_ms: int, serial: bytes) -> Credential:
    """The broker's certificate for localhost, 127.0.0.1 and the given host names or addresses."""
    names: list[x509.GeneralName] = []
    for host in dict.fromkeys(("localhost", "127.0.0.1", *hosts)):
        try:
            names.append(x509.IPAddress(ip_address(host)))
        except ValueError:
            names.append(x509.DNSName(host))
    return _issue_new(ca, "broker", (ExtendedKeyUsageOID.SERVER_AUTH,), now_ms, serial, names)


def relay_certificate(ca: Authority, party: str, *, now_ms: int, serial: bytes) -> Credential:
    """The relay's own certificate for its link into the party's account."""
    return _issue_new(ca, f"relay-{party}", (ExtendedKeyUsageOID.CLIENT_AUTH,), now_ms, serial, ())


def sign_request(ca: Authority, request: bytes, party: str, *, now_ms: int, serial: bytes) -> bytes:
    """A party's certificate (PEM) from its request (PEM), of which only the (proven) key is taken.

    UsageError if the request is unreadable, does not verify, or its key is not ECDSA P-256.
    """
    if ids.PARTY.match(party) is None or party == ids.RELAY:
        raise UsageError(f"not a party's name: {party!r}")
    if len(request) > REQUEST_BYTES_MAX:
        raise UsageError(f"a certificate request has at most {REQUEST_BYTES_MAX} bytes, this one {len(request)}")
    try:
        parsed = x509.load_pem_x509_csr(request)
        key = parsed.public_key()
        proven = parsed.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature) as error:
        raise UsageError("not a certificate request (PKCS #10, PEM); make one with `party enrol`") from error
    if not proven:
        raise UsageError("the request's signature does not verify: its sender does not hold the key")
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise UsageError("the request's key must be ECDSA P-256; make one with `party enrol`")
    return _issue(ca, f"party-{party}", key, (ExtendedKeyUsageOID.CLIENT_AUTH,), now_ms, serial, ())


def make_pki(
    directory: Path,
    net: str,
    parties: Sequence[str],
    *,
    hosts: Sequence[str],
    now_ms: int,
    random: Callable[[int], bytes],
) -> Authority:
    """A broker's `pki` directory: ca, server, relay-<party>. An existing CA stays; `random(n)` gives n bytes."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    if (directory / "ca.key").exists():
        ca = load_ca(directory, net)
    else:
        ca = make_ca(net, now_ms=now_ms, serial=random(SERIAL_BYTES))
        write_credential(directory, "ca", Credential(ca.certificate, ca.key))
    server = server_certificate(ca, hosts, now_ms=now_ms, serial=random(SERIAL_BYTES))
    write_credential(directory, "server", server)
    for party in parties:
        credential = relay_certificate(ca, party, now_ms=now_ms, serial=random(SERIAL_BYTES))
        write_credential(directory, f"relay-{party}", credential)
    return ca


def load_ca(directory: Path, net: str) -> Authority:
    """The CA that `make_pki` wrote. FatalError if its files are missing or belong to another net."""
    try:
        ca = Authority(net, (directory / "ca.crt").read_bytes(), (directory / "ca.key").read_bytes())
        subject = x509.load_pem_x509_certificate(ca.certificate).subject
    except (OSError, ValueError) as error:
        raise FatalError(f"cannot read the certificate authority in {directory}: {error}") from error
    if subject != _subject(net, "link-ca"):
        raise FatalError(f"the certificate authority in {directory} is not that of net {net}")
    return ca


def write_credential(directory: Path, name: str, credential: Credential) -> None:
    """`<name>.key` (0600) and `<name>.crt`, each replaced as a whole; the key first."""
    write_file(directory / f"{name}.key", credential.key, mode=0o600)
    write_file(directory / f"{name}.crt", credential.certificate, mode=0o644)


def write_file(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Replace a file atomically and durably. It never exists with a wider mode than the one given."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _subject(net: str, common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, net),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now_ms: int, life: timedelta, serial: bytes
) -> x509.CertificateBuilder:
    if len(serial) != SERIAL_BYTES:
        raise UsageError(f"a serial number is made from {SERIAL_BYTES} random bytes, not {len(serial)}")
    now = datetime.fromtimestamp(now_ms // 1000, UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(int.from_bytes(serial, "big") | 1)
        .not_valid_before(now - SKEW)
        .not_valid_after(now + life)
    )


def _issue_new(
    ca: Authority,
    common_name: str,
    purposes: Sequence[x509.ObjectIdentifier],
    now_ms: int,
    serial: bytes,
    names: Sequence[x509.GeneralName],
) -> Credential:
    key = ec.generate_private_key(ec.SECP256R1())
    return Credential(_issue(ca, common_name, key.public_key(), purposes, now_ms, serial, names), private_pem(key))


def _issue(
    ca: Authority,
    common_name: str,
    key: ec.EllipticCurvePublicKey,
    purposes: Sequence[x509.ObjectIdentifier],
    now_ms: int,
    serial: bytes,
    names: Sequence[x509.GeneralName],
) -> bytes:
    issuer = x509.load_pem_x509_certificate(ca.certificate)
    issuer_key = serialization.load_pem_private_key(ca.key, None)
    if not isinstance(issuer_key, ec.EllipticCurvePrivateKey):
        raise FatalError("the certificate authority's key is not ECDSA")
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        _builder(_subject(ca.net, common_name), issuer.subject, key, now_ms, LINK_LIFE, serial)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )
