"""A console that really listens, over a net without files: what happens there, and when, is the test's to say."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import uvicorn

from channel.console.access import Access
from channel.console.app import application
from channel.console.audit import AUDIT_FILE, Audit
from channel.console.console import Console
from channel.console.guard import Place
from channel.console.live import Live
from channel.console.people import PEOPLE_FILE, People
from channel.console.source import Done, Surroundings
from channel.protocol.statements import Acknowledgement
from channel.protocol.times import to_wire
from tests.unit.console.rooms import PASSWORD, WALL_MS, Counter, NetSource
from tests.unit.ledger.nets import START_MS, Net

T = TypeVar("T")
S = 1000
BRIDGE = [401_500_000, 353_300_000]
"""North-west of Deir ez-Zor, as [lon_e7, lat_e7]."""


class StageSource(NetSource):
    """An acknowledgement is signed by the operator's desk at once, as the relay would."""

    async def acknowledge(self, alert: str, reason: str) -> Done:
        await super().acknowledge(alert, reason)
        self.net.sign("relay", Acknowledgement, self.now_ms(), alert=alert, reason=reason)
        return Done(self.net.ledger.size - 1)

    async def dispute(self, asked: Any) -> bytes:
        await super().dispute(asked)
        return b"<!doctype html><title>Dispute report</title>"


class Stage:
    """`with Stage(home) as stage`: `origin` is where it listens, `net` what it shows."""

    def __init__(self, home: Path, source: NetSource | None = None) -> None:
        self.net = source.net if source is not None else Net()
        self.source = source or StageSource(self.net)
        self._listening = socket.create_server(("127.0.0.1", 0))
        port = self._listening.getsockname()[1]
        self.origin = f"http://127.0.0.1:{port}"
        place = Place((self.origin,), False, port)
        self.cookie = place.cookie
        random = Counter()
        self._audit = Audit(home / AUDIT_FILE)
        around = Surroundings(lambda: WALL_MS, random)
        self.access = Access(People(home / PEOPLE_FILE, random), self._audit, around)
        self._place, self._home = place, home
        self.console = self._console()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Stage:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._listening.close()
        self._audit.close()

    # --- the server ---

    def start(self) -> None:
        """Listen, again after `stop` under the same address."""
        started = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(started,), name="console-stage")
        self._thread.start()
        started.wait()

    def stop(self) -> None:
        """Every connection ends; whoever connects waits until the next `start`."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()
            self._server = None

    def restart(self) -> None:
        """The same console in a new process, as it were: its sessions are remembered, its source is read again."""
        self.console = self._console()
        self.start()

    def _console(self) -> Console:
        return Console(Live(self.source), self.access, self._place, layers=self._home / "layers")

    def _serve(self, started: threading.Event) -> None:
        config = uvicorn.Config(
            application(self.console), log_config=None, access_log=False, ws="websockets-sansio", lifespan="on",
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        self._server = _Quiet(config, started)

        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            await self._server.serve(sockets=[self._listening.dup()])  # type: ignore[union-attr]

        asyncio.run(serve())

    # --- the net ---

    def do(self, act: Callable[[], T]) -> T:
        """Change the net where nobody reads it meanwhile."""
        if self._loop is None:
            return act()
        return asyncio.run_coroutine_threadsafe(self.console.live.work(act), self._loop).result(20)

    def clock(self, ms: int) -> int:
        """The channel's time is so many milliseconds after the net began; what fell due is raised."""
        now_ms = START_MS + ms

        def act() -> int:
            self.source.clock_ms = now_ms
            return len(self.net.alerts(now_ms))

        return self.do(act)

    def notice(self, author: str, ms: int, to: str, **members: Any) -> str:
        """A notice after so many milliseconds; FLASH, an intent, with a circle at the bridge unless told otherwise."""
        at_ms = START_MS + ms
        members.setdefault("volumes", [circle(at_ms)])
        return self.do(lambda: self.net.notice(author, at_ms, to, **members))

    def sign(self, party: str, model: Any, ms: int, **members: Any) -> str:
        """Any other statement."""
        return self.do(lambda: self.net.sign(party, model, START_MS + ms, **members))

    # --- people ---

    def token(self, role: str) -> str:
        """The cookie of somebody with that role."""
        name = f"some-{role}"
        if name not in self.access.people.users:
            self.access.people.make_link(name, role, WALL_MS)  # type: ignore[arg-type]
            self.access.people.set_password(name, PASSWORD)
        found = asyncio.run_coroutine_threadsafe(self.access.by_password(name, PASSWORD, "test"), self._running())
        return found.result(20)

    def _running(self) -> asyncio.AbstractEventLoop:
        assert self._loop is not None
        return self._loop


class _Quiet(uvicorn.Server):
    """Takes no signals, which belong to the tests' own process, and says when it listens."""

    def __init__(self, config: uvicorn.Config, started: threading.Event) -> None:
        super().__init__(config)
        self._told = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._told.set()

    def install_signal_handlers(self) -> None:
        return


def circle(at_ms: int, place: list[int] | None = None, radius_m: int = 3000, minutes: int = 30) -> dict[str, Any]:
    """A volume from then on, for so many minutes."""
    return {
        "shape": {"type": "circle", "center": place or BRIDGE, "radius_m": radius_m},
        "from": to_wire(at_ms),
        "until": to_wire(at_ms + minutes * 60 * S),
    }
