"""A whole channel for the tests in this folder: trial home, embedded broker, the relay as a process, real clients.

Everything here can be killed and started again. Nothing waits for a time: each wait is for something said or stored,
and only a safety limit ends it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from channel.broker import EmbeddedBroker
from channel.founding import found_trial
from channel.log.report import Report
from channel.log.sqlite import SqliteLog
from channel.log.store import StoredLeaf
from channel.log.verify import verify_log
from channel.protocol.charter import DEFAULT_DEADLINES, DEFAULT_TERMS
from channel.protocol.statements import DeadlineTable
from channel.relay.clock import CLOCK_FILE, clock_json, wall_ms
from channel.relay.home import ChannelHome
from channel.replay import Reading, read_log
from clients.coalition import Coalition
from clients.core.party import Inbound, Party
from clients.regime import Regime
from clients.russia import Russia
from clients.sdf import Sdf

NET = "net-1"
WAIT_S = 60.0  # only a hang reaches it
CLASSES: dict[str, type[Party]] = {"coalition": Coalition, "russia": Russia, "sdf": Sdf, "regime": Regime}
MANY = DEFAULT_TERMS.model_copy(update={"notices_per_minute": 100_000, "flash_per_minute": 100_000})
HEADER_BYTES = 100  # of an SQLite file
LEAF = '"event": "leaf"'
STARTED = '"event": "started"'


class Lines:
    """What a process prints, line by line, as it comes."""

    def __init__(self, stream: asyncio.StreamReader) -> None:
        self.all: list[str] = []
        self.ended = False
        self._passed = 0
        self._pulse = asyncio.Event()
        self.task = asyncio.create_task(self._read(stream))

    async def _read(self, stream: asyncio.StreamReader) -> None:
        while line := await stream.readline():
            self.all.append(line.decode().rstrip("\n"))
            self._tell()
        self.ended = True
        self._tell()

    def _tell(self) -> None:
        pulse, self._pulse = self._pulse, asyncio.Event()
        pulse.set()

    async def says(self, *parts: str) -> str:
        """The next line with all these parts; those before it are passed over."""
        async with asyncio.timeout(WAIT_S):
            while True:
                while self._passed < len(self.all):
                    self._passed += 1
                    if all(part in self.all[self._passed - 1] for part in parts):
                        return self.all[self._passed - 1]
                await self._more(f"{parts} was never said")

    async def count(self, part: str, count: int) -> None:
        """Until that many lines in all have that part."""
        async with asyncio.timeout(WAIT_S):
            while sum(part in line for line in self.all) < count:
                await self._more(f"{part} was not said {count} times")

    async def _more(self, what: str) -> None:
        if self.ended:
            raise AssertionError("\n".join([what, *self.all]))
        await self._pulse.wait()


class Process:
    """A program of the project, or of a test's own, as a child process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = process
        self.out, self.err = Lines(process.stdout), Lines(process.stderr)

    @classmethod
    async def start(cls, *arguments: str | Path) -> Process:
        return cls(
            await asyncio.create_subprocess_exec(
                sys.executable,
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={**os.environ, "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )
        )

    async def kill(self) -> None:
        """Without a word: nothing that it held in memory is written any more."""
        await self._signalled(signal.SIGKILL)

    async def stop(self) -> int:
        """As an operator ends it; its exit status."""
        return await self._signalled(signal.SIGTERM)

    async def interrupt(self) -> int:
        """Ctrl-C; its exit status."""
        return await self._signalled(signal.SIGINT)

    async def ended(self) -> int:
        """Its exit status, when it has ended by itself and all that it said is here."""
        async with asyncio.timeout(WAIT_S):
            await asyncio.wait({self.out.task, self.err.task})  # which lets them go on if it is ended
            return await self._process.wait()

    async def _signalled(self, number: signal.Signals) -> int:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)
        return await self.ended()


def found(path: Path, deadlines: DeadlineTable = DEFAULT_DEADLINES) -> Path:
    """A channel in force, and where it is."""
    now_ms = wall_ms()
    found_trial(path, terms=MANY, deadlines=deadlines, now_ms=now_ms, wall_ms=now_ms, net=NET)
    return path


class ChannelLab:
    """One channel; nothing of it runs until it is started."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.home = ChannelHome.open(path)
        self.parties = tuple(member.party for member in self.home.charter()[0].parties)
        port = self.home.settings().port
        self.broker = EmbeddedBroker(path, net=NET, parties=self.parties, mqtt_port=port)
        self._watch: asyncio.Task[None] | None = None
        self._relay: Process | None = None
        self._processes: list[Process] = []

    # --- broker and relay -------------------------------------------------------------------------------------------

    async def start_broker(self) -> None:
        await self.broker.start()
        self._watch = asyncio.create_task(self.broker.watch(), name="broker")

    async def stop_broker(self) -> None:
        await self.broker.stop()
        if self._watch is not None:
            await self._watch
            self._watch = None

    def kill_broker(self) -> None:
        """Whoever watches it starts it again, with what it has on its disk."""
        assert self.broker.pid is not None
        os.kill(self.broker.pid, signal.SIGKILL)

    async def lose_broker(self) -> None:
        """Killed, and its store is gone: it comes back knowing no session, no subscription and no message."""
        self.kill_broker()
        await self.stop_broker()
        shutil.rmtree(self.broker.directory / "data")
        await self.start_broker()

    @property
    def relay(self) -> Process:
        """The running relay."""
        assert self._relay is not None
        return self._relay

    async def start_relay(self, *arguments: str) -> None:
        """Returns when it has folded its log and has raised what fell due."""
        self._relay = await self.try_relay(*arguments)
        await self.relay.err.says(STARTED)

    async def try_relay(self, *arguments: str) -> Process:
        """A relay that may refuse to start."""
        return await self._process("-m", "channel", "relay", "--home", self.path, *arguments)

    async def stop_relay(self) -> None:
        assert await self.relay.stop() == 0, self.relay.err.all

    # --- parties ----------------------------------------------------------------------------------------------------

    def connect(self, party: str) -> Party:
        """A client in this process, with its own connection."""
        return CLASSES[party].connect(self.path)

    def offline(self, party: str) -> Party:
        """Only what is stored in the party's home."""
        return CLASSES[party].open(self.path)

    async def watch(self, party: str) -> Process:
        """A running client in a process of its own, connected."""
        process = await self._process("-m", "clients", "-p", party, "--home", self.path, "watch", "--json")
        await process.out.says('"connected"')
        return process

    async def command(self, party: str, *words: str) -> tuple[int, Any]:
        """(exit status, JSON document) of a `party` command."""
        process = await self._process("-m", "clients", "-p", party, "--home", self.path, *words, "--json")
        status = await process.ended()
        return status, json.loads(process.out.all[-1]) if process.out.all else process.err.all

    async def script(self, text: str, *arguments: str | Path) -> Process:
        """An application of the test's own."""
        return await self._process("-c", text, *arguments)

    async def _process(self, *arguments: str | Path) -> Process:
        process = await Process.start(*arguments)
        self._processes.append(process)
        return process

    # --- the log ----------------------------------------------------------------------------------------------------

    def read(self, until: str | None = None) -> Reading:
        """The log as it is on the disk, folded."""
        return read_log(self.home.log_file, until)

    def rows(self) -> list[StoredLeaf]:
        """Its leaves."""
        log = SqliteLog(self.home.log_file, "read")
        try:
            return list(log.rows())
        finally:
            log.close()

    def verified(self) -> Report:
        """What `channel verify` says of it under the charter."""
        log = SqliteLog(self.home.log_file, "read")
        try:
            return verify_log(log.rows(), log.notes(), self.home.charter_file.read_bytes())
        finally:
            log.close()

    def stored(self) -> list[bytes]:
        """What is in the log's files, but for the header: that it was opened for writing is noted there."""
        files = [self.home.log_file, self.path / "log.sqlite-wal"]
        return [file.read_bytes()[HEADER_BYTES:] if file.exists() else b"" for file in files]

    def set_clock(self, ahead_ms: int) -> None:
        """Programs that start from now on live that much later than the machine."""
        now_ms = wall_ms()
        (self.path / CLOCK_FILE).write_bytes(clock_json(now_ms + ahead_ms, now_ms))

    async def close(self) -> None:
        for process in self._processes:
            await process.kill()
        await self.stop_broker()


@asynccontextmanager
async def channel_lab(path: Path, deadlines: DeadlineTable = DEFAULT_DEADLINES) -> AsyncIterator[ChannelLab]:
    """A channel whose broker and relay run."""
    lab = ChannelLab(found(path, deadlines))
    try:
        await lab.start_broker()
        await lab.start_relay()
        yield lab
    finally:
        await lab.close()


async def until(party: Party, met: Callable[[], bool]) -> None:
    """Until something holds that can only change when something comes for the party."""
    async with asyncio.timeout(WAIT_S):
        while True:
            pulse = party.runtime.pulse
            if met():
                return
            await pulse.wait()


async def inbox(party: Party, count: int) -> Sequence[Inbound]:
    """The next so many that the application is handed."""
    found: list[Inbound] = []
    handed = party.inbox()
    async with asyncio.timeout(WAIT_S):
        while len(found) < count:
            found.append(await anext(handed))
    return found
