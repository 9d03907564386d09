"""The console as a server: where it listens, under which origins, with which TLS, and the first sign-in link."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import signal
import socket
import ssl
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from channel.console.access import Access
from channel.console.app import application
from channel.console.audit import AUDIT_FILE, Audit
from channel.console.console import Console
from channel.console.guard import LOOPBACK, Place
from channel.console.live import Live
from channel.console.people import PEOPLE_FILE, People
from channel.console.source import Source, Surroundings
from channel.protocol.errors import UsageError

PORTS_TRIED = 20  # when the usual port is taken, by another home's console perhaps
MESSAGE_BYTES_MAX = 4_096  # what a browser may say over the live socket, where nothing is to be said
GRACE_S = 3
BUILT_S = 1.0
LAYERS = "layers"  # directory of the home with the operator's own GeoJSON and MBTiles
BACKLOG = 128


@dataclass(frozen=True, slots=True)
class Serving:
    """Where and how. `home` keeps users and audit."""

    home: Path
    host: str
    port: int
    origins: tuple[str, ...]
    tls_cert: Path | None
    tls_key: Path | None
    client_ca: Path | None
    metrics_open: bool
    wall_ms: Callable[[], int]
    random_bytes: Callable[[int], bytes]

    @property
    def secure(self) -> bool:
        return self.tls_cert is not None

    async def run(self, source: Source, out: TextIO, *, until: Callable[[], Awaitable[object]] | None = None) -> None:
        """Serve until SIGINT or SIGTERM, or until `until` returns. UsageError if it may not listen so."""
        self._check()
        listening = self._listen()
        port = listening.getsockname()[1]
        place = Place(self._origins(port), self.secure, port)
        around = Surroundings(self.wall_ms, self.random_bytes)
        audit = Audit(self.home / AUDIT_FILE)
        try:
            access = Access(People(self.home / PEOPLE_FILE, self.random_bytes), audit, around)
            console = Console(Live(source), access, place, layers=self.home / LAYERS, metrics_open=self.metrics_open)
            server = _Server(self._config(console))
            telling = asyncio.create_task(_announce(console, out), name="console-address")
            ending = None if until is None else asyncio.create_task(_end(server, until), name="console-end")
            await server.serve(sockets=[listening])
            for task in (telling, ending):
                if task is not None:
                    task.cancel()
        finally:
            audit.close()
            listening.close()

    def _check(self) -> None:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise UsageError("TLS needs both --tls-cert and --tls-key")
        if self.client_ca is not None and not self.secure:
            raise UsageError("client certificates need TLS: give --tls-cert and --tls-key")
        if self.host not in LOOPBACK and not self.secure:
            raise UsageError(f"to listen on {self.host}, give --tls-cert and --tls-key: without TLS only this machine")
        if self.host not in LOOPBACK and not self.origins:
            raise UsageError("say how browsers will reach it, like --origin https://console.example:8800")
        for origin in self.origins:
            parts = urlsplit(origin)
            if parts.scheme != ("https" if self.secure else "http") or not parts.netloc or parts.path or parts.query:
                raise UsageError(f"an origin is like https://console.example or http://localhost:8800, not {origin!r}")

    def _listen(self) -> socket.socket:
        """The port asked for; if that is the usual one and it is taken, the next that is free."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        for port in range(self.port, self.port + (PORTS_TRIED if self.port else 1)):
            # With its protocol named, asyncio sends small answers at once; without, each waits 40 ms.
            listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listening.bind((self.host, port))
                listening.listen(BACKLOG)
                return listening
            except OSError as error:
                listening.close()
                fault = error.strerror
        raise UsageError(f"cannot listen on {self.host}:{self.port} ({fault}): choose another with --port")

    def _origins(self, port: int) -> tuple[str, ...]:
        """Those that were named, and this machine's own names."""
        scheme = "https" if self.secure else "http"
        host = f"[{self.host}]" if ":" in self.host else self.host
        own = tuple(f"{scheme}://{name}:{port}" for name in dict.fromkeys((host, "127.0.0.1", "localhost", "[::1]")))
        return (*self.origins, *(own if self.host in LOOPBACK else own[1:]))

    def _config(self, console: Console) -> uvicorn.Config:
        return uvicorn.Config(
            application(console),
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=True,
            proxy_headers=False,
            http=_Http,
            ws="websockets-sansio",
            ws_max_size=MESSAGE_BYTES_MAX,
            ws_per_message_deflate=False,  # its windows would cost each browser 300 KiB here
            timeout_graceful_shutdown=GRACE_S,
            lifespan="on",
            ssl_certfile=self.tls_cert,
            ssl_keyfile=self.tls_key,
            ssl_ca_certs=None if self.client_ca is None else str(self.client_ca),
            ssl_cert_reqs=ssl.CERT_NONE if self.client_ca is None else ssl.CERT_OPTIONAL,
        )


class _Http(H11Protocol):
    """Requests know the connection's client certificate, which uvicorn itself does not hand on."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        der = None if tls is None else tls.getpeercert(binary_form=True)
        fingerprint = None if der is None else hashlib.sha256(der).hexdigest()
        self.app_state = {**self.app_state, "certificate": fingerprint}


class _Server(uvicorn.Server):
    """Stops in order on a signal, and then returns: uvicorn's own raises the signal anew, which ends the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)


async def _announce(console: Console, out: TextIO) -> None:
    """Where it is, once there is something to see; and at a first start the link to sign in with."""
    page = console.static / "index.html"
    if not page.is_file():
        out.write("the console's pages are not built yet (from a checkout: make console); its address follows then\n")
        out.flush()
    while not page.is_file():  # noqa: ASYNC110  (another process builds it)
        await asyncio.sleep(BUILT_S)
    out.write(f"console on {console.place.first}\n")
    link = console.access.first_link()
    if link is not None:
        out.write(f"nobody can sign in yet; open this once, within a day: {console.link_url(link)}\n")
    out.flush()


async def _end(server: uvicorn.Server, until: Callable[[], Awaitable[object]]) -> None:
    await until()
    server.should_exit = True


async def input_ended() -> None:
    """Wait until the process that started this one has gone: its end of our standard input is closed then."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    try:
        await reader.read()
    finally:
        transport.close()
