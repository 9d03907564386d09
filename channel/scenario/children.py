"""The real processes behind the control lines: started, asked, killed, started again. Their logs go to files."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from channel.protocol.errors import FatalError
from channel.scenario.control import STUCK_S, Message, PeerDied, line

REVIVALS_MAX = 3  # unexpected deaths of one process before the run is given up
STOP_S_MAX = 15.0  # a relay closes its log, a client its store
LINE_BYTES_MAX = 8 * 1024 * 1024  # an answer lists every waiting statement's hash


class Child:
    """A process on its control line. It ends by itself when the line closes, so it never outlives its owner."""

    def __init__(self, name: str, arguments: Sequence[str], log_file: Path) -> None:
        self._name = name
        self._arguments = tuple(arguments)
        self._log_file = log_file
        self._log: IO[bytes] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._line = asyncio.Lock()
        self._revivals = 0

    @property
    def name(self) -> str:
        """The party's name, or `relay`."""
        return self._name

    @property
    def pid(self) -> int | None:
        """Process id, None if it does not run."""
        process = self._process
        return None if process is None or process.returncode is not None else process.pid

    async def start(self) -> None:
        """Start the process; its first answer shows whether it works."""
        self._log_file.parent.mkdir(parents=True, exist_ok=True)
        self._log = self._log_file.open("ab")
        # A session of its own: Ctrl-C reaches only the coordinator, which then stops everybody in order.
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *self._arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=self._log,
            limit=LINE_BYTES_MAX,
            start_new_session=True,
        )

    async def request(self, message: Message) -> bytes:
        """One line down, one line up. PeerDied when the process is gone, FatalError when it stays silent."""
        async with self._line:
            process = self._process
            if process is None or process.stdin is None or process.stdout is None:
                raise PeerDied(f"{self._name} is not running")
            try:
                async with asyncio.timeout(STUCK_S):
                    process.stdin.write(line(message))
                    await process.stdin.drain()
                    answer = await process.stdout.readline()
            except (BrokenPipeError, ConnectionResetError):
                answer = b""
            except TimeoutError as error:
                raise FatalError(
                    f"{self._name} has not answered {message.get('do')!r} for {STUCK_S:.0f} s; see {self._log_file}"
                ) from error
            if not answer.endswith(b"\n"):
                await self._reap()
                raise PeerDied(f"{self._name} ended with status {process.returncode}; see {self._log_file}")
            return answer

    async def restart(self) -> None:
        """kill -9, then start again."""
        await self.kill()
        await self.start()

    async def revive(self) -> bool:
        """Start it again after an unexpected death, at most `REVIVALS_MAX` times."""
        self._revivals += 1
        if self._revivals > REVIVALS_MAX:
            return False
        sys.stderr.write(f"{self._name} died; starting it again ({self._revivals} of {REVIVALS_MAX})\n")
        await self.restart()
        return True

    async def wait(self) -> int:
        """Until the process ends by itself."""
        return -1 if self._process is None else await self._process.wait()

    async def stop(self) -> None:
        """Ask it to stop and wait; kill it if it does not. Calling it twice is allowed."""
        if self.pid is None:
            await self._reap()
            return
        with contextlib.suppress(FatalError, TimeoutError):
            async with asyncio.timeout(STOP_S_MAX):
                await self.request({"do": "stop"})
                await self.wait()
        await self.kill()

    async def kill(self) -> None:
        """End it at once, whatever it is doing."""
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        await self._reap()

    async def _reap(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            if process.stdin is not None:
                process.stdin.close()
            await process.wait()
            self._process = None
        if self._log is not None:
            self._log.close()
            self._log = None
