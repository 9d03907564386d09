"""Real brokers on loopback: one as we configure it, and one wide open, on which every attack must succeed.

The open one shows that an attack is truly carried out: an attack that fails on both proves nothing.
"""

from __future__ import annotations

import itertools
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from channel.broker import Authority, EmbeddedBroker, make_pki, sign_request
from channel.broker.pki import SERIAL_BYTES, party_user, relay_user, write_file
from channel.wire import Endpoint, link_request
from tests.integration.raw_mqtt import RawClient

NET = "net-1"
PARTIES = ("a", "b")
_numbers = itertools.count()


def now_ms() -> int:
    """TLS runs on real time."""
    return int(time.time() * 1000)


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class OpenBroker(EmbeddedBroker):
    """The positive control: the same users in one account, with every permission, also on the native port."""

    def _write_config(self) -> None:
        super()._write_config()
        config = self.directory / "nats.conf"
        names = [user(NET, party) for party in PARTIES for user in (party_user, relay_user)]
        users = ", ".join(f'{{ user: "{name}" }}' for name in names)
        accounts = f"accounts {{ all: {{ jetstream: enabled, users: [ {users} ] }} }}\n"
        text = config.read_text()
        head, tail = text.split("accounts {\n")
        config.write_text(head + accounts + tail[tail.index("\n}\n") + 3 :])


@dataclass
class Lab:
    """A running broker, its CA, and a certificate for each party in `home/<party>.crt`."""

    home: Path
    broker: EmbeddedBroker
    ca: Authority
    native_port: int
    clients: list[RawClient] = field(default_factory=list)

    @property
    def ca_file(self) -> Path:
        return self.broker.pki_dir / "ca.crt"

    def files(self, user: str) -> tuple[Path, Path]:
        """Certificate and key of `party-a`, `relay-a`, ..."""
        directory = self.broker.pki_dir if user.startswith("relay-") else self.home
        return directory / f"{user}.crt", directory / f"{user}.key"

    def enrol(
        self, party: str, *, ca: Authority | None = None, name: str | None = None, at_ms: int | None = None
    ) -> str:
        """A new certificate for the party, signed by the given CA (else ours); the name of its files."""
        request, key = link_request(NET, party)
        at_ms = now_ms() if at_ms is None else at_ms
        certificate = sign_request(
            ca or self.ca, request, party, now_ms=at_ms, serial=secrets.token_bytes(SERIAL_BYTES)
        )
        name = name or f"party-{party}"
        write_file(self.home / f"{name}.key", key)
        write_file(self.home / f"{name}.crt", certificate)
        return name

    async def connect(
        self,
        user: str | None,
        client_id: str | None = None,
        *,
        clean: bool = True,
        will: tuple[str, bytes] | None = None,
        acknowledge: bool = True,
    ) -> RawClient:
        """A raw client with the user's certificate (None: without one)."""
        client = await RawClient.connect(
            self.broker.port,
            self.ca_file,
            None if user is None else self.files(user),
            client_id or self.new_id(),
            clean=clean,
            will=will,
            acknowledge=acknowledge,
        )
        self.clients.append(client)
        return client

    async def close_clients(self) -> None:
        """What a test leaves connected."""
        while self.clients:
            await self.clients.pop().close()

    def endpoint(self, user: str, client_id: str | None = None) -> Endpoint:
        certificate, key = self.files(user)
        return Endpoint("127.0.0.1", self.broker.port, self.ca_file, certificate, key, client_id or self.new_id())

    @staticmethod
    def new_id() -> str:
        """A client id that no other test uses."""
        return f"client-{next(_numbers)}"


def make_lab(home: Path, kind: Callable[..., EmbeddedBroker] = EmbeddedBroker) -> Lab:
    """A lab whose broker does not run yet."""
    native_port = free_port()
    broker = kind(home, net=NET, parties=PARTIES, mqtt_port=free_port(), native_port=native_port)
    ca = make_pki(broker.pki_dir, NET, PARTIES, hosts=(), now_ms=now_ms(), random=secrets.token_bytes)
    lab = Lab(home, broker, ca, native_port)
    for party in PARTIES:
        lab.enrol(party)
    return lab
