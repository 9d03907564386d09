"""The operator's CA: subjects are ours, keys are private, requests are checked."""

from __future__ import annotations

import itertools
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store

from channel.broker import pki
from channel.protocol.errors import FatalError, UsageError
from channel.wire import link_request

NET = "net-1"
NOW_MS = 1_795_000_000_000
SERIAL = bytes(range(16))


def counted(start: int = 1) -> object:
    """Randomness as an argument: different bytes at each call."""
    numbers = itertools.count(start)
    return lambda size: next(numbers).to_bytes(size, "big")


@pytest.fixture(scope="module")
def ca() -> pki.Authority:
    return pki.make_ca(NET, now_ms=NOW_MS, serial=SERIAL)


def signed(ca: pki.Authority, party: str = "a") -> x509.Certificate:
    request, _ = link_request(NET, party)
    return x509.load_pem_x509_certificate(pki.sign_request(ca, request, party, now_ms=NOW_MS, serial=SERIAL))


def test_a_partys_certificate_names_the_user_that_the_broker_knows(ca: pki.Authority) -> None:
    assert signed(ca).subject.rfc4514_string() == pki.party_user(NET, "a") == "CN=party-a,O=net-1"
    relay = x509.load_pem_x509_certificate(pki.relay_certificate(ca, "a", now_ms=NOW_MS, serial=SERIAL).certificate)
    assert relay.subject.rfc4514_string() == pki.relay_user(NET, "a") == "CN=relay-a,O=net-1"


def test_certificates_pass_a_strict_verifier(ca: pki.Authority) -> None:
    """RFC 5280 as `cryptography` and TLS libraries with strict flags read it."""
    server = pki.server_certificate(ca, ["broker.example", "10.0.0.7"], now_ms=NOW_MS, serial=SERIAL)
    leaf = x509.load_pem_x509_certificate(server.certificate)
    policy = PolicyBuilder().store(Store([x509.load_pem_x509_certificate(ca.certificate)]))
    policy = policy.time(leaf.not_valid_before_utc.replace(tzinfo=None))
    assert policy.build_server_verifier(x509.DNSName("broker.example")).verify(leaf, [])
    assert policy.build_server_verifier(x509.DNSName("localhost")).verify(leaf, [])
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "10.0.0.7"]


def test_a_party_cannot_serve_and_the_server_cannot_be_a_party(ca: pki.Authority) -> None:
    server = pki.server_certificate(ca, [], now_ms=NOW_MS, serial=SERIAL)
    for certificate, purpose in (
        (signed(ca), ExtendedKeyUsageOID.CLIENT_AUTH),
        (x509.load_pem_x509_certificate(server.certificate), ExtendedKeyUsageOID.SERVER_AUTH),
    ):
        assert list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [purpose]
        assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_nothing_but_the_key_is_taken_from_a_request(ca: pki.Authority) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name.from_rfc4514_string("CN=relay-b,O=net-1"))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("CN=party-b,O=net-1")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    certificate = x509.load_pem_x509_certificate(pki.sign_request(ca, request, "a", now_ms=NOW_MS, serial=SERIAL))
    assert certificate.subject.rfc4514_string() == "CN=party-a,O=net-1"
    assert certificate.public_key() == key.public_key()
    with pytest.raises(x509.ExtensionNotFound):
        certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def broken_requests() -> dict[str, bytes]:
    request, _ = link_request(NET, "a")
    der = bytearray(x509.load_pem_x509_csr(request).public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    name = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    pem = serialization.Encoding.PEM
    return {
        "no PEM": b"hello",
        "empty": b"",
        "cut": request[:200],
        "forged": x509.load_der_x509_csr(bytes(der)).public_bytes(pem),
        "other curve": name.sign(ec.generate_private_key(ec.SECP384R1()), hashes.SHA256()).public_bytes(pem),
        "other kind": name.sign(ed25519.Ed25519PrivateKey.generate(), None).public_bytes(pem),
        "too long": request + b"\n" * pki.REQUEST_BYTES_MAX,
    }


@pytest.mark.parametrize("kind", list(broken_requests()))
def test_a_bad_request_is_refused_with_a_word(ca: pki.Authority, kind: str) -> None:
    with pytest.raises(UsageError):
        pki.sign_request(ca, broken_requests()[kind], "a", now_ms=NOW_MS, serial=SERIAL)


@pytest.mark.parametrize("party", ["relay", "", "A", "a,O=other", "a.b", "a*", "a/b", "a" * 33])
def test_only_a_partys_name_gets_a_certificate(ca: pki.Authority, party: str) -> None:
    request, _ = link_request(NET, "a")
    with pytest.raises(UsageError):
        pki.sign_request(ca, request, party, now_ms=NOW_MS, serial=SERIAL)


def test_a_serial_number_needs_enough_randomness(ca: pki.Authority) -> None:
    with pytest.raises(UsageError):
        pki.relay_certificate(ca, "a", now_ms=NOW_MS, serial=b"short")


def test_files_of_a_broker_are_private_and_a_second_run_keeps_the_ca(tmp_path: Path) -> None:
    directory = tmp_path / "pki"
    first = pki.make_pki(directory, NET, ["a", "b"], hosts=[], now_ms=NOW_MS, random=counted())  # type: ignore[arg-type]
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    names = {"ca", "server", "relay-a", "relay-b"}
    assert {path.name for path in directory.iterdir()} == {f"{name}.{end}" for name in names for end in ("key", "crt")}
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.glob("*.key")} == {0o600}
    server = (directory / "server.crt").read_bytes()
    second = pki.make_pki(directory, NET, ["a", "b", "c"], hosts=[], now_ms=NOW_MS, random=counted(50))  # type: ignore[arg-type]
    assert second == first
    assert (directory / "server.crt").read_bytes() != server
    assert (directory / "relay-c.key").exists()


def test_another_nets_ca_is_not_used(tmp_path: Path) -> None:
    pki.make_pki(tmp_path, NET, ["a"], hosts=[], now_ms=NOW_MS, random=counted())  # type: ignore[arg-type]
    with pytest.raises(FatalError, match="net-2"):
        pki.load_ca(tmp_path, "net-2")
    (tmp_path / "ca.crt").write_bytes(b"damaged")
    with pytest.raises(FatalError):
        pki.load_ca(tmp_path, NET)


def test_a_private_file_is_private_from_its_first_byte_and_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    path.write_bytes(b"old")
    path.chmod(0o644)
    (tmp_path / "a.key.part").write_bytes(b"left by a crash")
    pki.write_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["a.key"]
