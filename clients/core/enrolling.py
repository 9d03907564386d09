"""How a party's home comes to be: `enrol` makes its keys and its request, `accede` signs a charter.

Keys are made once and never overwritten, and a home signs one charter. Both can be interrupted at any write: what is
there then is recognised, and acceding again to the same packet completes it with the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from channel.protocol import charter as charters
from channel.protocol import enrolment, ids, keyfile
from channel.protocol.envelope import Signer, open_charter, open_token, seal
from channel.protocol.errors import FatalError, PeerError, UsageError
from channel.protocol.keys import KeyRing
from channel.protocol.statements import Accession, Charter, Desk, Key, Level, Member, Seen
from channel.protocol.times import to_wire
from clients.core.home import PartyHome, PartySettings, write_file

Random = Callable[[int], bytes]
Held = Literal["person", "machine"]
EMPTY = Seen(size=0, root=ids.sha256(b""))


@dataclass(frozen=True, slots=True)
class Acceded:
    """A charter signed. `spoken` is its hash as twelve groups of digits, to compare with the others by voice."""

    token: bytes
    charter: Charter
    of: ids.Hash

    @property
    def spoken(self) -> str:
        return enrolment.spoken(self.of)


def enrol(
    home: PartyHome,
    party: str,
    net: str,
    name: str,
    language: charters.Language,
    desks: Iterable[Desk],
    *,
    random: Random,
    held: Held = "person",
    client: str = "party",
) -> enrolment.Enrolment:
    """Make the party's keys and its request. `held` says who will hold the desk keys; the charter tells everyone."""
    from channel.wire.request import link_request

    _refuse_existing(home)
    desks = tuple(desks)
    seeds = {label: random(keyfile.SEED_BYTES) for label in charters.key_labels(desks)}
    csr, tls_key = link_request(net, party)
    try:
        settings = PartySettings(
            net=net, party=party, name=name, language=language, client=client, held=held, desks=desks
        )
        keys = tuple(_key(f"{party}/{label}", label, seed, held) for label, seed in seeds.items())
        member = Member(party=party, name=name, language=language, keys=keys, desks=desks)
        signers = [Signer(f"{party}/{label}", seed) for label, seed in seeds.items() if not label.startswith("enc/")]
        request = enrolment.make(member, net, csr.decode(), signers)
    except ValueError as error:
        raise UsageError(f"this cannot be enrolled: {charters.reasons(error)}") from error
    enrolment.check(request, net)
    home.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    home.keys.mkdir(mode=0o700)
    for label, seed in seeds.items():
        write_file(home.keys / keyfile.file_name(label), keyfile.to_pem(label, seed), 0o600)
    write_file(home.keys / "tls.pem", tls_key, 0o600)
    write_file(home.request_file, enrolment.to_file(request), 0o644)
    _write_settings(home, settings)  # last: with it the home is whole
    return request


def accede(home: PartyHome, packet: enrolment.Packet, *, now_ms: int, expected_hash: str | None = None) -> Acceded:
    """Judge the packet and sign its charter with the root key. `expected_hash`: what the other parties read out.

    UsageError, and nothing is signed, unless the charter carries exactly this home's entry and the certificate is for
    its TLS key. Acceding again to the same charter gives the same token and takes over the packet's certificate and
    address; another charter needs a home, and keys, of its own.
    """
    settings = home.settings()
    charter, of = judge(home, packet, expected_hash)
    if home.acceded:
        token = _same_again(home, charter, of)
    else:
        desk = next(desk.desk for desk in settings.desks if desk.level is Level.OPERATIONS)
        body = Accession(
            net=charter.net,
            from_=settings.party,
            desk=desk,
            issued=to_wire(now_ms),
            seen=EMPTY,
            seq=1,
            prev=of,
            charter=of,
        )
        token = seal(body, home.signer("root/1"))
        write_file(home.accession_file, token, 0o644)  # first: from here on this home signs no other charter
    home.ca_file.parent.mkdir(mode=0o700, exist_ok=True)
    write_file(home.charter_file, packet.charter.encode(), 0o644)
    write_file(home.ca_file, packet.ca.encode(), 0o644)
    write_file(home.cert_file, packet.certificate.encode(), 0o644)
    _write_settings(home, settings.model_copy(update={"host": packet.host, "port": packet.port}))
    return Acceded(token, charter, of)


def judge(home: PartyHome, packet: enrolment.Packet, expected_hash: str | None = None) -> tuple[Charter, ids.Hash]:
    """The packet's charter and its hash, if this party can sign it; signs nothing. UsageError says what is wrong."""
    settings = home.settings()
    if packet.party != settings.party or packet.net != settings.net:
        raise UsageError(
            f"the packet is for {packet.party} in {packet.net}; this is the home of {settings.party} in {settings.net}"
        )
    try:
        charter, of = open_charter(packet.charter.encode())
    except PeerError as error:
        raise UsageError(f"the packet's charter is not one ({error.code}): ask the operator for it again") from error
    if expected_hash is not None and not enrolment.same_hash(expected_hash, of):
        raise UsageError(
            f"the packet's charter has the hash {of} ({enrolment.spoken(of)}), not the one that you were told: "
            "sign nothing and ask the other parties what they have"
        )
    _check_entry(home, charter)
    enrolment.check_certificate(packet, _tls_public(home))
    return charter, of


def _check_entry(home: PartyHome, charter: Charter) -> None:
    """The charter says of us exactly what we asked for, and gives none of our keys to another."""
    settings = home.settings()
    if charter.net != settings.net:
        raise UsageError(f"the charter is for the net {charter.net!r}, not {settings.net!r}")
    ours = next((member for member in charter.parties if member.party == settings.party), None)
    asked = home.request().member()
    if ours is None:
        raise UsageError(f"the charter does not name {settings.party} as a party: ask the operator for another")
    for part in ("keys", "desks", "name", "language"):
        if getattr(ours, part) != getattr(asked, part):
            raise UsageError(
                f"the charter has other {part} for {settings.party} than this home's request: do not sign it"
            )
    charters.check_keys((charter.relay, *charter.parties))
    for key in ours.keys:
        label = key.kid.partition("/")[2]
        if home.acceded and label.startswith("root/") and not home.has_key(label):
            continue  # it has signed, and may be kept apart
        if key.pub != ids.b64url(home.public(label)):
            raise FatalError(f"the key file of {key.kid} is not the one that was enrolled: restore {home.keys}")


def _same_again(home: PartyHome, charter: Charter, of: ids.Hash) -> bytes:
    """The accession that is already signed, if it is for this charter."""
    token = home.accession()
    try:
        body = open_token(token, KeyRing(charter, of), net=charter.net).body
    except PeerError as error:
        raise FatalError(f"{home.accession_file} is damaged ({error.code}): restore it from a copy") from error
    if not isinstance(body, Accession) or body.charter != of:
        signed = body.charter if isinstance(body, Accession) else "?"
        raise UsageError(
            f"{home.path} has signed the charter {signed} and signs no other; "
            f"for the charter {of} enrol in a new directory"
        )
    return token


def _refuse_existing(home: PartyHome) -> None:
    if home.enrolled:
        settings = home.settings()
        raise UsageError(
            f"{home.path} is already the home of {settings.party} in {settings.net}, "
            f"its request {home.request_file}; keys are never overwritten: give a new directory"
        )
    if home.keys.exists() or home.request_file.exists():
        raise UsageError(
            f"an enrolment in {home.path} was interrupted; nothing was handed out: remove {home.path} and enrol again"
        )


def _key(kid: str, label: str, seed: bytes, held: Held) -> Key:
    """Only desk and root keys can be a person's; a client must use the others by itself."""
    public = keyfile.enc_public(seed) if label.startswith("enc/") else Signer(kid, seed).public
    by_person = label.startswith(("sig/desk-", "root/"))
    return Key(kid=kid, pub=ids.b64url(public), held=held if by_person else "machine")


def _tls_public(home: PartyHome) -> bytes:
    path = home.keys / "tls.pem"
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise FatalError(f"cannot read the TLS key {path}: restore it from a copy") from error
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _write_settings(home: PartyHome, settings: PartySettings) -> None:
    data = settings.model_dump_json(by_alias=True, exclude_none=True, indent=2)
    write_file(home.settings_file, data.encode() + b"\n", 0o600)
