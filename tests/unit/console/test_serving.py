"""The console on a real socket: the live socket with its origin check, TLS with client certificates, a clean stop."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import json
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from channel.broker import pki
from channel.console.live import Browser, Live
from channel.console.people import PEOPLE_FILE, People
from channel.console.serving import Serving
from channel.console.source import Source
from channel.protocol.errors import UsageError
from channel.protocol.statements import Answer
from channel.relay.clock import random_bytes, wall_ms
from tests.unit.console.rooms import PASSWORD, NetSource
from tests.unit.ledger.nets import START_MS, Net


def serving(home: Path, **changes: Any) -> Serving:
    given: dict[str, Any] = {
        "home": home, "host": "127.0.0.1", "port": 0, "origins": (), "tls_cert": None, "tls_key": None,
        "client_ca": None, "metrics_open": False, "wall_ms": wall_ms, "random_bytes": random_bytes,
    }  # fmt: skip
    return Serving(**given | changes)


class Heard(io.StringIO):
    """What the console prints, and waiting for it."""

    def __init__(self) -> None:
        super().__init__()
        self._more = asyncio.Event()

    def write(self, text: str) -> int:
        self._more.set()
        return super().write(text)

    async def until(self, text: str, task: asyncio.Task[None]) -> None:
        while text not in self.getvalue():
            self._more.clear()
            waiting = asyncio.create_task(self._more.wait())
            await asyncio.wait({waiting, task}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if task.done():
                task.result()
                raise AssertionError(f"it ended, and said {self.getvalue()!r}")


@dataclass
class Running:
    """A console that serves; `out` is what it says."""

    base: str
    out: Heard
    net: Net
    source: NetSource


def built(static: Path) -> None:
    static.mkdir(exist_ok=True)
    (static / "index.html").write_text("<!doctype html>")


@contextlib.asynccontextmanager
async def serves(home: Path, out: Heard, source: NetSource, **changes: Any) -> AsyncIterator[asyncio.Task[None]]:
    stop = asyncio.Event()
    task = asyncio.create_task(serving(home, **changes).run(source, out, until=stop.wait))
    try:
        yield task
    finally:
        stop.set()
        await task
        assert source.closed


@contextlib.asynccontextmanager
async def running(home: Path, static: Path, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> AsyncIterator[Running]:
    monkeypatch.setattr("channel.console.console.STATIC", static)
    built(static)
    out, net = Heard(), Net()
    source = NetSource(net)
    people = People(home / PEOPLE_FILE, random_bytes)
    people.make_link("anna", "watch", wall_ms())
    people.set_password("anna", PASSWORD)
    async with serves(home, out, source, **changes) as task:
        await out.until("console on", task)
        base = out.getvalue().partition("console on ")[2].split()[0]
        yield Running(base, out, net, source)


async def entered(base: str, **client: Any) -> tuple[httpx.AsyncClient, str]:
    browser = httpx.AsyncClient(base_url=base, headers={"Origin": base}, **client)
    answer = await browser.post("/api/v1/sign-in", json={"name": "anna", "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return browser, "; ".join(f"{name}={value}" for name, value in browser.cookies.items())


async def test_a_browser_is_told_what_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(tmp_path, tmp_path / "static", monkeypatch) as console:
        browser, cookie = await entered(console.base)
        live = console.base.replace("http", "ws") + "/api/v1/live"
        async with websockets.connect(live, additional_headers={"Cookie": cookie}, origin=console.base) as live_socket:
            first = json.loads(await live_socket.recv())
            assert (first["kind"], first["board"]) == ("view", [])
            of = console.net.notice("coalition", START_MS, "russia")
            while (told := json.loads(await live_socket.recv()))["kind"] != "change" or not told["board"]:
                pass
            assert told["board"][0]["of"] == of
            browser.headers["X-CSRF"] = (await browser.get("/api/v1/session")).json()["csrf"]
            await browser.post("/api/v1/sign-out")
            with pytest.raises(websockets.ConnectionClosed, match="not-signed-in"):
                await _drained(live_socket)
            assert live_socket.close_code == 4401
        await browser.aclose()


async def test_one_live_socket_too_many_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channel.console.live.LIVE_SESSION_MAX", 2)
    async with running(tmp_path, tmp_path / "static", monkeypatch) as console:
        browser, cookie = await entered(console.base)
        live, headers = console.base.replace("http", "ws") + "/api/v1/live", {"Cookie": cookie}

        def opened() -> websockets.connect:
            return websockets.connect(live, additional_headers=headers, origin=console.base)  # type: ignore[arg-type]

        async with opened() as first:
            async with opened():
                with pytest.raises(websockets.InvalidStatus):
                    await opened()
            await first.recv()
            while "channel_console_browsers 1\n" not in (await browser.get("/metrics")).text:
                pass
            async with opened() as third:
                assert json.loads(await third.recv())["kind"] == "view"
        await browser.aclose()


async def _drained(live_socket: websockets.ClientConnection) -> None:
    while True:
        await live_socket.recv()


@pytest.mark.parametrize("wrong", ["origin", "cookie", "host"])
async def test_the_live_socket_opens_for_its_own_pages_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    async with running(tmp_path, tmp_path / "static", monkeypatch) as console:
        browser, cookie = await entered(console.base)
        live = console.base.replace("http", "ws") + "/api/v1/live"
        headers = {"Cookie": "console-1=x" if wrong == "cookie" else cookie}
        if wrong == "host":
            live = live.replace("127.0.0.1", "127.0.0.2")
        origin = "https://evil.example" if wrong == "origin" else console.base
        with pytest.raises((websockets.InvalidStatus, OSError)):
            async with websockets.connect(live, additional_headers=headers, origin=origin):
                pass
        await browser.aclose()


async def test_it_says_its_address_when_there_is_something_to_see(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("channel.console.serving.BUILT_S", 0.001)
    monkeypatch.setattr("channel.console.console.STATIC", tmp_path / "static")
    out = Heard()
    async with serves(tmp_path, out, NetSource(Net())) as task:
        await out.until("not built yet", task)
        assert "console on" not in out.getvalue()
        built(tmp_path / "static")
        await out.until("#link=", task)
        assert "console on http://127.0.0.1:" in out.getvalue()


async def test_a_taken_port_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    async with running(tmp_path / "a", tmp_path / "static", monkeypatch) as first:
        port = int(first.base.rpartition(":")[2])
        async with running(tmp_path / "b", tmp_path / "static", monkeypatch, port=port) as second:
            assert second.base != first.base
            async with httpx.AsyncClient() as browser:
                assert (await browser.get(f"{second.base}/healthz")).status_code == 200


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"host": "0.0.0.0"}, "without TLS only this machine"),
        ({"tls_cert": Path("a.pem")}, "both --tls-cert and --tls-key"),
        ({"client_ca": Path("a.pem")}, "client certificates need TLS"),
        ({"origins": ("https://console.example",)}, "an origin is like"),
        ({"origins": ("http://localhost:8800/path",)}, "an origin is like"),
        ({"host": "0.0.0.0", "tls_cert": Path("a"), "tls_key": Path("b")}, "say how browsers will reach it"),
    ],
)
async def test_it_does_not_listen_in_an_unsafe_way(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        await serving(tmp_path, **changes).run(NetSource(Net()), io.StringIO())


@pytest.fixture
def authority(tmp_path: Path) -> pki.Authority:
    made = pki.make_ca("river-line", now_ms=wall_ms(), serial=random_bytes(16))
    (tmp_path / "ca.pem").write_bytes(made.certificate)
    server = pki.server_certificate(made, ["localhost"], now_ms=wall_ms(), serial=random_bytes(16))
    pki.write_credential(tmp_path, "console", server)
    person = pki.relay_certificate(made, "anna", now_ms=wall_ms(), serial=random_bytes(16))
    pki.write_credential(tmp_path, "anna", person)
    return made


async def test_a_client_certificate_signs_its_person_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, authority: pki.Authority
) -> None:
    files = {
        "tls_cert": tmp_path / "console.crt",
        "tls_key": tmp_path / "console.key",
        "client_ca": tmp_path / "ca.pem",
    }
    people = People(tmp_path / PEOPLE_FILE, random_bytes)
    people.make_link("carla", "admin", wall_ms())
    der = ssl.PEM_cert_to_DER_cert((tmp_path / "anna.crt").read_text())
    people.put(people.users["carla"].model_copy(update={"certificate": hashlib.sha256(der).hexdigest()}))
    async with running(tmp_path, tmp_path / "static", monkeypatch, **files) as console:
        assert console.base.startswith("https://")
        with_one = ssl.create_default_context(cafile=tmp_path / "ca.pem")
        with_one.load_cert_chain(tmp_path / "anna.crt", tmp_path / "anna.key")
        without = ssl.create_default_context(cafile=tmp_path / "ca.pem")
        async with httpx.AsyncClient(base_url=console.base, verify=with_one, headers={"Origin": console.base}) as one:
            assert (await one.get("/api/v1/session")).json()["certificate"] is True
            answer = await one.post("/api/v1/sign-in", json={"certificate": True})
            assert (answer.json()["name"], answer.json()["role"]) == ("carla", "admin")
            assert "Secure" in answer.headers["set-cookie"]
        async with httpx.AsyncClient(base_url=console.base, verify=without, headers={"Origin": console.base}) as other:
            assert (await other.get("/api/v1/session")).json()["certificate"] is False
            refused = await other.post("/api/v1/sign-in", json={"certificate": True})
            assert refused.json()["error"]["code"] == "wrong-certificate"
    assert authority.net == "river-line"


async def test_a_browser_that_stops_reading_is_waited_for_and_owes_one_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of 20 KiB, far more of them than all buffers on the way hold; then it reads on, and has the newest state."""
    told: list[str] = []
    lives: list[Watched] = []

    class Watched(Live):
        def __init__(self, source: Source) -> None:
            super().__init__(source)
            lives.append(self)
            self.turned = asyncio.Event()

        async def turn(self, now_s: float) -> bool:
            more = await super().turn(now_s)
            self.turned.set()
            return more

        def message(self, browser: Browser) -> str | None:
            text = super().message(browser)
            told.append(text or "")
            return text

    for name in ("POLL_S", "FLUSH_S"):
        monkeypatch.setattr(f"channel.console.live.{name}", 0.0)
    monkeypatch.setattr("channel.console.serving.Live", Watched)
    async with running(tmp_path, tmp_path / "static", monkeypatch) as console:
        browser, cookie = await entered(console.base)
        of = console.net.notice("coalition", START_MS, "russia", text="w" * 4000)
        live, url = lives[0], console.base.replace("http", "ws") + "/api/v1/live"
        narrow = socket.socket()
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        narrow.connect(("127.0.0.1", int(url.rpartition(":")[2].partition("/")[0])))
        headers = {"Cookie": cookie}
        connecting = websockets.connect(
            url, sock=narrow, additional_headers=headers, origin=console.base, max_queue=1, max_size=None
        )
        async with connecting as browser_end:
            await browser_end.recv()
            for number in range(ANSWERS):
                console.net.sign("russia", Answer, START_MS + number, of=of, word="WILCO", reason=f"answer {number}")
                while f"answer {number}" not in live.model.rows.get(of, ""):
                    live.turned.clear()
                    await live.turned.wait()
            rows = [text for text in told if '"kind":"change"' in text and of in text]
            assert len(rows) < ANSWERS / 2, "the server waits once the way is full"
            (slow,) = live.browsers
            assert slow.waiting <= 1
            while (text := str(await browser_end.recv())) and f"answer {ANSWERS - 1}" not in text:
                pass
            assert json.loads(text)["board"][0]["of"] == of
        await browser.aclose()


ANSWERS = 400
