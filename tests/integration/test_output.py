"""Whoever reads the relay's output, or does not, stops nothing (protocol.md 9.3.6)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from pathlib import Path
from typing import Literal

import pytest

from tests.integration.channel_lab import WAIT_S, ChannelLab, channel_lab, until

HOUR_MS = 3_600_000


def _output(state: Literal["stalled", "gone"]) -> tuple[int, int]:
    """(reading end or -1, writing end) of a pipe that is full, or has no reader."""
    reading, writing = os.pipe()
    if state == "gone":
        os.close(reading)
        return -1, writing
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, b"x" * 4096)
    os.set_blocking(writing, True)
    return reading, writing


async def _relay(lab: ChannelLab, output: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "channel", "relay", "--home", lab.path,
        stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
    )  # fmt: skip


@pytest.mark.parametrize("state", ["stalled", "gone"])
async def test_alerts_and_logs_that_nobody_reads_stop_nothing(
    tmp_path: Path, state: Literal["stalled", "gone"]
) -> None:
    async with channel_lab(tmp_path / "channel") as lab:
        async with lab.connect("coalition") as coalition:
            await coalition.send(to=["russia:"], kind="text", precedence="FLASH", response="R", text="One", wait=WAIT_S)
        await lab.stop_relay()
        lab.set_clock(HOUR_MS)  # so that alerts fall due at the start
        reading, writing = _output(state)
        relay = await _relay(lab, writing)
        os.close(writing)
        try:
            async with lab.connect("coalition") as coalition:
                await until(coalition, lambda: bool(coalition.ledger.alerts))
                sent = await coalition.send(
                    to=["russia:"], kind="text", precedence="FLASH", response="R", text="Two", wait=WAIT_S
                )
                assert sent.index is not None
            relay.terminate()
            async with asyncio.timeout(WAIT_S):
                assert await relay.wait() == 0
        finally:
            if relay.returncode is None:
                relay.kill()
                await relay.wait()
            if reading >= 0:
                os.close(reading)
