"""The key of a link and the request for its certificate (PKCS #10).

The private key never leaves the party's home; only the request travels to the operator, whose CA signs it. The subject
here is a courtesy: the operator writes the subject itself.
"""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def link_request(net: str, party: str) -> tuple[bytes, bytes]:
    """A new ECDSA P-256 key and its request: (request PEM, private key PEM). The caller stores the key 0600."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, net),
            x509.NameAttribute(NameOID.COMMON_NAME, f"party-{party}"),
        ]
    )
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM), private_pem(key)


def private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """PKCS #8, not encrypted: the file's mode guards it."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
