"""The relay as a process: `channel relay`, in the foreground or under a scenario's control."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import sys
from importlib.metadata import version
from pathlib import Path

import structlog

from channel.protocol import ids
from channel.protocol.envelope import seal
from channel.protocol.errors import ChannelError, FatalError
from channel.protocol.statements import ClockStep
from channel.protocol.times import to_wire
from channel.relay import control
from channel.relay.boot import boot
from channel.relay.clock import RelayClock, Step, SteppedClock, SystemClock
from channel.relay.home import ChannelHome
from channel.relay.loop import Relay
from channel.relay.operator import newest, statement
from channel.relay.outlet import Outlet
from channel.relay.sinks import Console, Silent

VERSION = version("deconfliction-channel")
log = structlog.get_logger("relay")


async def run_relay(home: Path, *, apply_clock: str | None = None, broker_host: str | None = None) -> None:
    """Until SIGINT or SIGTERM. FatalError if the log is damaged, or the wall clock is before its newest stamp.

    `apply_clock` is the operator's reason for going on with such a wall clock: it becomes a `clock` leaf. `broker_host`
    is where this process finds the broker, if that is another name than the one that parties use.
    """
    channel = ChannelHome.open(home)
    booted = boot(channel)
    clock = RelayClock(SystemClock.of_home(home), booted.core.folded.ledger.last_stamp_ms)
    out = Outlet(sys.stdout, lambda why: log.warning("alerts_not_shown", detail=why))
    screen = Console(booted.core.folded.ledger, clock, out)
    relay = Relay(channel, booted, clock, screen, broker_host=broker_host)
    try:
        step = clock.step()
        if step is not None and apply_clock is None:
            raise FatalError(
                f"this machine's clock is {clock.behind_ms / 1000:.0f} s before the newest stamp in the log: set it "
                'right, or if it is right, start with --apply-clock "REASON", which goes into the log'
            )
        if step is not None:
            relay.opening = lambda: _opening(relay, clock, str(apply_clock))
        await _run(relay)
    finally:
        out.close()
        relay.close()


def _opening(relay: Relay, clock: RelayClock, reason: str) -> None:
    """Before the `start`, as soon as the relay may write: in a quarantine that is at its end."""
    step = clock.step()
    if step is not None:
        clock_leaf(relay, step, reason)
        clock.apply_step()


def clock_leaf(relay: Relay, step: Step, reason: str) -> None:
    """Stage the operator's word that the wall clock is right, behind the alert that it has moved."""
    signer = relay.home.signer("sig/desk-operations")
    seq, prev = newest(relay.core.folded.ledger, signer.kid)
    members = {"old": to_wire(step.old_ms), "new": to_wire(step.new_ms), "reason": reason}
    body = statement(ClockStep, relay.core.folded, step.old_ms, seq + 1, prev, **members)
    relay.core.clock_stepped(step.old_ms, step.new_ms, step.old_ms)
    relay.core.submit(seal(body, signer), step.old_ms, ids.RELAY)


async def run_controlled(home: Path) -> None:
    """Under a scenario: the clock starts at the log's newest stamp and is stepped from standard input."""
    channel = ChannelHome.open(home)
    booted = boot(channel)
    clock = SteppedClock(booted.core.folded.ledger.last_stamp_ms)
    relay = Relay(channel, booted, clock, Silent(), gated=True)
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    serving = asyncio.create_task(control.serve(relay, reader, sys.stdout), name="control")
    try:
        await _run(relay)
    finally:
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving
        transport.close()
        relay.close()


async def _run(relay: Relay) -> None:
    _settle_memory()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, lambda: asyncio.ensure_future(relay.stop()))
    try:
        await relay.run(VERSION)
    except* ChannelError as group:
        raise _first(group) from group


def _settle_memory() -> None:
    """Once, in a process that is nothing but a relay: what a start has built lives as long as it does.

    Otherwise every full garbage collection goes through all of it again, and the longer the log, the longer a FLASH
    would wait for it. What is no longer referred to is freed as before, save what refers to itself.
    """
    gc.collect()
    gc.freeze()


def _first(group: BaseExceptionGroup[ChannelError]) -> ChannelError:
    """The error itself, for the command's message and exit status."""
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner
