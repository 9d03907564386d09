"""From a leaf's commit to the browser's hands: the console as a process over a real log, with one and ten browsers.

Run it with `make bench-console`. 1,000 notices are open and 10 rows change a second; a browser here is a WebSocket that
reads, so painting is not in it (the pages paint at most one frame later). The reference is an echo over a WebSocket in
the same run: what this machine needs for a message there and back.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import websockets

from channel.console.people import PEOPLE_FILE, People
from channel.founding import found_trial
from channel.ledger.fold import fold
from channel.log.sqlite import SqliteLog
from channel.protocol import ids
from channel.protocol.charter import DEFAULT_DEADLINES, DEFAULT_PARTIES, default_terms
from channel.protocol.envelope import Signer, seal
from channel.protocol.statements import Notice, Receiving, Statement
from channel.protocol.times import to_wire
from channel.relay.core import Core, Keys
from channel.relay.home import ChannelHome
from clients.core.home import PartyHome

OPEN, CHANGES, RATE_S = 1_000, 100, 0.1
PASSWORD = "a password for the bench"
TARGETS_MS = {1: 150, 10: 600}
BROWSER_MIB = 0.2


class Writer:
    """A relay's core over the home's log, driven by hand."""

    def __init__(self, home: Path) -> None:
        terms = default_terms(4).model_copy(update={"notices_per_minute": 10**6, "watch_ms": 0})
        now_ms = time.time_ns() // 10**6
        found_trial(
            home, DEFAULT_PARTIES, terms, DEFAULT_DEADLINES, now_ms=now_ms, wall_ms=now_ms, net="bench", title=""
        )
        channel = ChannelHome.open(home)
        self.log = SqliteLog(channel.log_file, "write")
        keys = Keys(machine=channel.signer("sig/machine-1"), log=channel.signer("sig/log-1"))
        self.core = Core(fold(self.log.leaves()), keys, self.log.newest_note() or "")
        self.signers = {
            party: PartyHome(home / "parties" / party).signer("sig/machine-1") for party in ("coalition", "russia")
        }
        self.last: dict[str, tuple[int, str]] = {}

    def say(self, party: str, model: type[Statement], **members: Any) -> str:
        """Sign and judge; durable with the next `commit`."""
        signer: Signer = self.signers[party]
        seq, prev = self.last.get(party, (0, self.core.folded.ledger.charter_of))
        now_ms = time.time_ns() // 10**6
        common = {
            "net": "bench", "from": party, "desk": "operations", "issued": to_wire(now_ms), "seq": seq + 1,
            "prev": prev, "seen": {"size": 0, "root": ids.sha256(b"")},
        }  # fmt: skip
        token = seal(model.model_validate(common | members, strict=False), signer)
        self.last[party] = (seq + 1, ids.sha256(token))
        outcome = self.core.submit(token, now_ms, party)
        assert outcome.index is not None, outcome
        return ids.sha256(token)

    def commit(self) -> None:
        batch = self.core.batch()
        if batch is not None:
            self.log.append(batch.leaves, batch.note)
        self.core.committed(batch)

    def notice(self, number: int) -> str:
        members = {
            "kind": "text",
            "status": "operation",
            "response": "R",
            "how": "machine",
            "volumes": [],
            "elements": [],
        }
        nid = ids.uuid7(time.time_ns() // 10**6, number.to_bytes(10, "big"))
        to = [{"party": "russia"}]
        return self.say(
            "coalition", Notice, nid=nid, precedence="ROUTINE", to=to, info=[], text=f"notice {number}", **members
        )


class Browser:
    """Reads as fast as it can, and notes when each notice's row came in its new state."""

    def __init__(self) -> None:
        self.came: dict[str, float] = {}

    async def run(self, base: str, cookie: str, ready: asyncio.Event) -> None:
        url = base.replace("http", "ws") + "/api/v1/live"
        async with websockets.connect(url, additional_headers={"Cookie": cookie}, origin=base, max_size=None) as socket:
            async for text in socket:
                now = time.perf_counter()
                message = json.loads(text)
                if message["kind"] == "view":
                    ready.set()
                for row in message.get("board", ()) if message["kind"] == "change" else ():
                    if row["deliveries"][0]["cell"] != "logged":
                        self.came.setdefault(row["of"], now)


async def measure(writer: Writer, base: str, cookie: str, notices: Sequence[str], browsers: int) -> list[float]:
    """Milliseconds from each commit to each browser."""
    found = [Browser() for _ in range(browsers)]
    events = [asyncio.Event() for _ in found]
    reading = [asyncio.create_task(b.run(base, cookie, e)) for b, e in zip(found, events, strict=True)]
    await asyncio.gather(*(event.wait() for event in events))
    committed: dict[str, float] = {}
    for of in notices:
        writer.say("russia", Receiving, of=of, stage="received")
        await asyncio.to_thread(writer.commit)
        committed[of] = time.perf_counter()
        await asyncio.sleep(RATE_S)
    async with asyncio.timeout(30):
        while any(len(browser.came) < len(notices) for browser in found):  # noqa: ASYNC110  (at the end, once)
            await asyncio.sleep(0.05)
    for task in reading:
        task.cancel()
    await asyncio.gather(*reading, return_exceptions=True)
    return [(browser.came[of] - committed[of]) * 1000 for browser in found for of in notices]


async def echo() -> list[float]:
    """The reference: one message there and back."""
    spans = []
    async with websockets.serve(lambda socket: _echo(socket), "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with websockets.connect(f"ws://127.0.0.1:{port}") as socket:
            for _ in range(200):
                began = time.perf_counter()
                await socket.send("x" * 1500)
                await socket.recv()
                spans.append((time.perf_counter() - began) * 1000)
    return spans


async def _echo(socket: Any) -> None:
    async for message in socket:
        await socket.send(message)


def resident_mib(pid: int) -> float:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def p(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


async def memory(base: str, cookie: str, pid: int, more: int = 40) -> float:
    """MiB that each further browser costs the server."""
    before, browsers = resident_mib(pid), [Browser() for _ in range(more)]
    events = [asyncio.Event() for _ in browsers]
    reading = [asyncio.create_task(b.run(base, cookie, e)) for b, e in zip(browsers, events, strict=True)]
    await asyncio.gather(*(event.wait() for event in events))
    grown = resident_mib(pid) - before
    for task in reading:
        task.cancel()
    await asyncio.gather(*reading, return_exceptions=True)
    return grown / more


async def run(home: Path) -> None:
    writer = Writer(home)
    notices = [writer.notice(number) for number in range(OPEN)]
    writer.commit()
    people = People(home / PEOPLE_FILE, os.urandom)
    people.make_link("bench", "viewer", time.time_ns() // 10**6)
    people.set_password("bench", PASSWORD)
    command = [sys.executable, "-m", "channel", "console", "--home", str(home), "--port", "8890", "--child"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as console:  # noqa: ASYNC220
        assert console.stdout is not None
        base = next(line.split()[2] for line in console.stdout if line.startswith("console on"))
        async with httpx.AsyncClient(base_url=base, headers={"Origin": base}) as browser:
            answer = await browser.post("/api/v1/sign-in", json={"name": "bench", "password": PASSWORD})
            answer.raise_for_status()
            cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        print(f"{OPEN} open notices, {1 / RATE_S:.0f} changes a second, {os.cpu_count()} cores; milliseconds")
        for part, browsers in enumerate(TARGETS_MS):
            some = notices[part * CHANGES : (part + 1) * CHANGES]
            spans = await measure(writer, base, cookie, some, browsers)
            print(
                f"commit to browser, {browsers:2} browsers: p50 {statistics.median(spans):6.1f}  "
                f"p95 {p(spans, 0.95):6.1f}  max {max(spans):6.1f}  (painted: p95 <= {TARGETS_MS[browsers]} wanted)"
            )
        each = await memory(base, cookie, console.pid)
        print(
            f"server memory: {resident_mib(console.pid):.0f} MiB in all, {each:.2f} MiB a browser "
            f"(<= {BROWSER_MIB} wanted)"
        )
        spans = await echo()
        print(f"reference, WebSocket echo:      p50 {statistics.median(spans):6.1f}  p95 {p(spans, 0.95):6.1f}")
        assert console.stdin is not None
        console.stdin.close()
    writer.log.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        asyncio.run(run(Path(place) / "home"))
