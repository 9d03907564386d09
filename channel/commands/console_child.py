"""The console as a child of `channel up`: started beside the relay, and stopped before the relay closes the log.

It is never what stops a channel: if it cannot run, that is said once, and the channel goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TextIO

RESTARTS_MAX = 5
STEADY_S = 60.0
STOP_S = 10.0


@contextlib.asynccontextmanager
async def console_beside(home: Path, out: TextIO, *, stepped: bool = False) -> AsyncIterator[None]:
    """A console of that home while the block runs; what it says goes to `out`. `stepped`: on a scenario's clock."""
    keeping = asyncio.create_task(_keep(home, out, stepped), name="console")
    try:
        yield
    finally:
        keeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeping


async def _keep(home: Path, out: TextIO, stepped: bool) -> None:
    deaths, loop, log = 0, asyncio.get_running_loop(), home / "logs" / "console.log"
    while deaths <= RESTARTS_MAX:
        began = loop.time()
        status = await _run(home, out, log, stepped)
        if status == 2:
            break
        deaths = 1 if loop.time() - began > STEADY_S else deaths + 1
        out.write(f"the console ended with status {status}; starting it again\n")
        out.flush()
    out.write(f"no console: see {log}; the channel goes on without it\n")
    out.flush()


async def _run(home: Path, out: TextIO, log: Path, stepped: bool) -> int:
    log.parent.mkdir(exist_ok=True)
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "channel", "console", "--home", str(home), "--child", *(("--stepped",) if stepped else ())),
            stdin=asyncio.subprocess.PIPE,  # it ends with us, however we end
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
    try:
        if process.stdout is not None:
            while line := await process.stdout.readline():
                out.write(line.decode(errors="replace"))
                out.flush()
        return await process.wait()
    finally:
        await _stop(process)


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_S)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
