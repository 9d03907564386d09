"""What the console's benchmark runs beside its browsers: the console itself, an echo to compare with, plain clients."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import websockets

from channel.console.live import LIVE_SESSION_MAX
from channel.console.people import PEOPLE_FILE, People
from channel.relay.clock import random_bytes, wall_ms

T = TypeVar("T")
NAME, PASSWORD = "bench", "a long enough password"
MIB = 1024 * 1024
MESSAGE_BYTES_MAX = 64 * MIB
ECHO_PAGE = b"""<!doctype html><title>echo</title><body data-index="-1"><script>
const socket = new WebSocket(`ws://${location.host}/live`);
window.sent = new Map();
socket.onmessage = (event) => { document.body.dataset.index = event.data; };
window.begin = (rate, count) => {
  let index = Number(document.body.dataset.index);
  const end = index + count;
  const timer = setInterval(() => {
    sent.set(++index, performance.timeOrigin + performance.now());
    socket.send(String(index));
    if (index === end) clearInterval(timer);
  }, 1000 / rate);
};
</script>"""


class Child:
    """A server in a process of its own; it ends when its standard input is closed."""

    def __init__(self, *command: str, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, **environment}, text=True,
        )  # fmt: skip
        if self.process.stdout is None:
            raise SystemExit("the server has no output")
        self.origin = ""
        while "http://" not in self.origin:
            self.origin = self.process.stdout.readline()
            if not self.origin:
                raise SystemExit(f"the server did not start: {' '.join(command)}")
        self.origin = "http://" + self.origin.strip().partition("http://")[2]

    def rss(self) -> int:
        """Resident bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024

    def settled_rss(self, seconds: float = 5.0) -> float:
        """The median of so many seconds."""
        samples = []
        for _ in range(int(seconds * 10)):
            time.sleep(0.1)
            samples.append(self.rss())
        return statistics.median(samples)

    def processor_s(self) -> float:
        """Seconds of processor time until now."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process.wait(30)


class ConsoleServer(Child):
    """`channel console` over a home; `cookie` is that of somebody on watch."""

    def __init__(self, home: Path) -> None:
        people = People(home / PEOPLE_FILE, random_bytes)
        people.make_link(NAME, "watch", wall_ms())
        people.set_password(NAME, PASSWORD)
        super().__init__("-m", "channel", "console", "--home", str(home), "--port", "0", "--child")
        parts = urlsplit(self.origin)
        self.place = (str(parts.hostname), int(parts.port or 0))
        self._cookies: list[str] = []
        self.cookie = self.cookie_of(0)

    def cookie_of(self, number: int) -> str:
        """Of the session of the browser with that number: one session has so many live sockets and no more."""
        while len(self._cookies) <= number // LIVE_SESSION_MAX:
            self._cookies.append(self._sign_in())
        return self._cookies[number // LIVE_SESSION_MAX]

    def _sign_in(self) -> str:
        asked = json.dumps({"name": NAME, "password": PASSWORD})
        headers = {"Origin": self.origin, "Content-Type": "application/json"}
        connection = http.client.HTTPConnection(*self.place)
        connection.request("POST", "/api/v1/sign-in", asked, headers)
        answer = connection.getresponse()
        cookie = str(answer.headers["Set-Cookie"]).partition(";")[0]
        connection.close()
        return cookie

    def browsers(self) -> int:
        """Open live sockets, as the server counts them."""
        connection = http.client.HTTPConnection(*self.place)
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
        connection.close()
        return next(int(float(line.split()[-1])) for line in lines if "console_browsers" in line and line[0] != "#")

    def upgrade(self, number: int) -> bytes:
        """The request that opens the live socket of the browser with that number."""
        key = base64.b64encode(random_bytes(16)).decode()
        lines = (
            "GET /api/v1/live HTTP/1.1", f"Host: {self.place[0]}:{self.place[1]}", "Connection: Upgrade",
            "Upgrade: websocket", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}",
            f"Cookie: {self.cookie_of(number)}", f"Origin: {self.origin}",
        )  # fmt: skip
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def stalled(self, number: int) -> socket.socket:
        """A browser that opens the live socket and never reads."""
        found = socket.socket()
        found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        found.connect(self.place)
        found.sendall(self.upgrade(number))
        return found


class Clients:
    """Plain clients of the live socket, which read everything and keep nothing; a thread of their own."""

    def __init__(self, server: ConsoleServer) -> None:
        self._server = server
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="clients")
        self._thread.start()
        self._open: list[tuple[websockets.ClientConnection, asyncio.Task[None]]] = []

    def resize(self, count: int) -> None:
        """So many from now on, each with its first view."""
        self._do(lambda: self._resize(count))

    async def _resize(self, count: int) -> None:
        while len(self._open) > count:
            socket, reading = self._open.pop()
            reading.cancel()
            await socket.close()
        while len(self._open) < count:
            url = self._server.origin.replace("http", "ws") + "/api/v1/live"
            cookie = self._server.cookie_of(len(self._open))
            socket = await websockets.connect(
                url, additional_headers={"Cookie": cookie}, origin=self._server.origin,  # type: ignore[arg-type]
                max_size=MESSAGE_BYTES_MAX, compression=None,
            )  # fmt: skip
            await socket.recv(decode=False)
            self._open.append((socket, asyncio.create_task(_drain(socket))))

    def close(self) -> None:
        self.resize(0)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _do(self, act: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return asyncio.run_coroutine_threadsafe(act(), self._loop).result(120)


async def _drain(socket: websockets.ClientConnection) -> None:
    while True:
        await socket.recv(decode=False)


def echo() -> None:
    """`python console_server.py`: a bare Starlette application that says back what it hears."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import HTMLResponse, Response
    from starlette.routing import Route, WebSocketRoute
    from starlette.websockets import WebSocket

    async def page(_: Request) -> Response:
        return HTMLResponse(ECHO_PAGE)

    async def live(websocket: WebSocket) -> None:
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_text(text)

    # With its protocol named, asyncio sends small answers at once, as in the console's own server.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    print(f"echo on http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    app = Starlette(routes=[Route("/", page), WebSocketRoute("/live", live)])
    config = uvicorn.Config(app, log_config=None, access_log=False, ws="websockets-sansio")
    server = uvicorn.Server(config)

    def ended() -> None:
        sys.stdin.read()
        server.should_exit = True

    threading.Thread(target=ended, daemon=True).start()
    asyncio.run(server.serve(sockets=[listening]))


if __name__ == "__main__":
    echo()
