"""`init`: from the parties' requests to a drafted charter, its log, and a packet for each party.

Everything is judged before the first write. The charter is leaf 0; it is in force when every party has acceded, and
their accessions are taken in by `admission`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from channel.broker import pki
from channel.log.checkpoint import Checkpoint, sign
from channel.log.leaf import encode, leaf_hash
from channel.log.merkle import Tree
from channel.log.sqlite import SqliteLog
from channel.log.store import StoredLeaf
from channel.protocol import charter as charters
from channel.protocol import enrolment, ids, keyfile
from channel.protocol.envelope import Signer, open_charter, seal
from channel.protocol.errors import UsageError
from channel.protocol.statements import Charter, DeadlineTable, Desk, Key, Member, Previous, Terms
from channel.relay.clock import random_bytes
from channel.relay.home import ChannelHome, ChannelSettings

Random = Callable[[int], bytes]
BROKER_PORT = 8883  # MQTT over TLS, as registered


@dataclass(frozen=True, slots=True)
class Founded:
    """A drafted charter. `spoken` is its hash as groups of digits: the operator reads it out to every party."""

    charter: Charter
    of: ids.Hash
    packets: dict[str, Path]

    @property
    def spoken(self) -> str:
        return enrolment.spoken(self.of)


@dataclass(frozen=True, slots=True)
class Draft:
    """A charter signed by the relay's new keys, not yet written anywhere."""

    charter: Charter
    token: bytes
    of: ids.Hash
    seeds: dict[str, bytes]


def init(
    home: Path,
    net: str,
    requests: Sequence[enrolment.Enrolment],
    *,
    now_ms: int,
    wall_ms: int | None = None,
    title: str = "",
    terms: Terms | None = None,
    deadlines: DeadlineTable = charters.DEFAULT_DEADLINES,
    desks: Sequence[Desk] = charters.OPERATOR_DESKS,
    broker_host: str = "localhost",
    broker_port: int = BROKER_PORT,
    hosts: Sequence[str] = (),
    trial: bool = False,
    previous: Previous | None = None,
    random: Random = random_bytes,
) -> Founded:
    """Make the channel's home; UsageError, and nothing is written, if a request is not in order or the place is taken.

    `wall_ms` is real time for the certificates, if the net plays at another (`now_ms`); `hosts` are further names under
    which parties reach the broker.
    """
    drafted = draft(
        net, requests, desks, now_ms=now_ms, title=title, terms=terms, deadlines=deadlines, trial=trial,
        previous=previous, random=random,
    )  # fmt: skip
    settings = settings_of(net, broker_host, broker_port, trial=trial)
    channel = ChannelHome(home)
    with channel.founding():
        wall_ms = now_ms if wall_ms is None else wall_ms
        packets = write(channel, drafted, settings, requests, now_ms, wall_ms, random, hosts)
    return Founded(drafted.charter, drafted.of, packets)


def draft(
    net: str,
    requests: Sequence[enrolment.Enrolment],
    desks: Sequence[Desk],
    *,
    now_ms: int,
    title: str,
    terms: Terms | None,
    deadlines: DeadlineTable,
    trial: bool,
    random: Random,
    previous: Previous | None = None,
) -> Draft:
    """Judge the requests and sign a charter with new keys of the relay."""
    _check_requests(net, requests)
    seeds = {label: random(keyfile.SEED_BYTES) for label in charters.relay_labels(desks)}
    signers = {label: Signer(f"{ids.RELAY}/{label}", seed) for label, seed in seeds.items()}
    keys = tuple(_key(label, signer, trial) for label, signer in signers.items())
    relay = Member(party=ids.RELAY, name="Channel operator", language="en", keys=keys, desks=tuple(desks))
    members = [request.member() for request in requests]
    charter = charters.draft(
        net, relay, members, issued_ms=now_ms, title=title, trial=trial, deadlines=deadlines, terms=terms,
        previous=previous,
    )  # fmt: skip
    token = seal(charter, signers["sig/machine-1"])
    charter, of = open_charter(token)
    return Draft(charter, token, of, seeds)


def write(
    home: ChannelHome,
    drafted: Draft,
    settings: ChannelSettings,
    requests: Sequence[enrolment.Enrolment],
    now_ms: int,
    wall_ms: int,
    random: Random,
    hosts: Sequence[str] = (),
) -> dict[str, Path]:
    """Every file of the home; the caller is inside `founding`. Returns each party's packet."""
    home.keys.mkdir(mode=0o700)
    for label, seed in drafted.seeds.items():
        pki.write_file(home.keys / keyfile.file_name(label), keyfile.to_pem(label, seed))
    names = [request.party for request in requests]
    authority = pki.make_pki(
        home.pki, settings.net, names, hosts=[settings.host, *hosts], now_ms=wall_ms, random=random
    )
    pki.write_file(home.settings_file, settings.model_dump_json(indent=2).encode() + b"\n")
    pki.write_file(home.charter_file, drafted.token, mode=0o644)
    home.packets.mkdir(mode=0o700)
    packets = {}
    for request in requests:
        serial = random(pki.SERIAL_BYTES)
        certificate = pki.sign_request(authority, request.csr.encode(), request.party, now_ms=wall_ms, serial=serial)
        packet = enrolment.Packet(
            net=settings.net,
            party=request.party,
            charter=drafted.token.decode(),
            ca=authority.certificate.decode(),
            certificate=certificate.decode(),
            host=settings.host,
            port=settings.port,
        )
        packets[request.party] = home.packets / f"{request.party}.json"
        pki.write_file(packets[request.party], enrolment.to_file(packet), mode=0o644)
    _write_log(home, drafted, now_ms)
    return packets


def _write_log(home: ChannelHome, drafted: Draft, now_ms: int) -> None:
    """Leaf 0 is the charter, under a checkpoint of its own."""
    tree = Tree()
    tree.append(leaf_hash(encode(now_ms, drafted.token)))
    origin = f"dcn/{drafted.charter.net}"
    note = sign(Checkpoint(origin, 1, tree.root()), origin, home.signer("sig/log-1"))
    log = SqliteLog(home.log_file, "create")
    try:
        log.append([StoredLeaf(0, now_ms, drafted.token)], note)
    finally:
        log.close()


def settings_of(net: str, host: str, port: int, *, trial: bool) -> ChannelSettings:
    """UsageError if that is no name of a net or no address."""
    try:
        return ChannelSettings(net=net, trial=trial, host=host, port=port)
    except ValueError as error:
        raise UsageError(f"{net} at {host}:{port} cannot be founded: {charters.reasons(error)}") from error


def _check_requests(net: str, requests: Sequence[enrolment.Enrolment]) -> None:
    """Each proves itself, and no two are the same party or the same link."""
    if len(requests) < 2:
        raise UsageError(f"a channel needs the requests of two parties or more, not {len(requests)}")
    seen: dict[bytes, str] = {}
    for request in requests:
        enrolment.check(request, net)
        if request.party in seen.values():
            raise UsageError(f"two requests are of {request.party}: keep the one that it confirms")
        other = seen.setdefault(enrolment.tls_key(request), request.party)
        if other != request.party:
            raise UsageError(f"{other} and {request.party} ask for certificates for one TLS key: ask both again")


def _key(label: str, signer: Signer, trial: bool) -> Key:
    by_person = label.startswith(("sig/desk-", "root/")) and not trial
    return Key(kid=signer.kid, pub=ids.b64url(signer.public), held="person" if by_person else "machine")
