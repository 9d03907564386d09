"""One run of a scenario on one machine: a new home, the broker, the relay and every party's client as processes.

Used by `channel up --scenario`. Stepping is in stepping.py, what is shown in presentation.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import TextIO

from channel.broker import EmbeddedBroker
from channel.broker.pki import write_file
from channel.founding import ChannelHome, found_trial
from channel.log.sqlite import SqliteLog
from channel.protocol.errors import ChannelError
from channel.protocol.times import dtg
from channel.relay.clock import SystemClock, clock_json, wall_ms
from channel.scenario.agreement import deadlines_of, founders_of, terms_of
from channel.scenario.children import Child
from channel.scenario.control import Reply, ask
from channel.scenario.format import Scenario
from channel.scenario.journal import Journal
from channel.scenario.presentation import Pace, Screen
from channel.scenario.stepping import Stepper
from channel.scenario.summary import summary

Beside = Callable[[Path], contextlib.AbstractAsyncContextManager[None]]
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
LOOK_S = 0.5  # how often a net that runs on is looked at for new leaves: a person reads along


async def run_scenario(
    home: Path,
    scenario: Scenario,
    *,
    speed: str,
    exit_at_end: bool,
    json_output: bool,
    out: TextIO,
    beside: Beside | None = None,
) -> dict[str, object]:
    """Found a trial net in `home`, run the scenario through real processes, and sum it up.

    Lines go to `out` as things happen. With `exit_at_end` everything is stopped at the end, else the net's clock goes
    on at speed 1 until SIGINT or SIGTERM; both end an unfinished run too, in order. With `json_output` the caller
    prints the summary that is returned, in place of the totals for people. UsageError if the home is taken.
    """
    pace, stop = Pace.of(speed), asyncio.Event()
    loop = asyncio.get_running_loop()
    _found(home, scenario)
    for number in _SIGNALS:
        loop.add_signal_handler(number, stop.set)
    try:
        playing = _run(home, scenario, pace, exit_at_end, not json_output, out, beside)
        run = asyncio.create_task(playing, name="scenario")
        stopping = asyncio.create_task(stop.wait(), name="stop")
        await asyncio.wait({run, stopping}, return_when=asyncio.FIRST_COMPLETED)
        run.cancel()
        stopping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await run
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
    return _final(home)


async def _run(
    home: Path,
    scenario: Scenario,
    pace: Pace,
    exit_at_end: bool,
    totals: bool,
    out: TextIO,
    beside: Beside | None,
) -> None:
    async with (
        _processes(home, scenario) as (relay, clients),
        contextlib.nullcontext() if beside is None else beside(home),
    ):
        await ask(relay, {"do": "time", "now_ms": scenario.start_ms}, Reply)
        journal = Journal(SqliteLog(home / "log.sqlite", "read"))
        try:
            screen = Screen(journal, out, pace)
            screen.say(f"home {home}; logs of every process in {home / 'logs'}")
            await Stepper(scenario, relay, clients, journal, screen).run()
            _keep_time(home, scenario)
            if totals:
                screen.end()
            if not exit_at_end:
                screen.say(f"the channel goes on from {dtg(scenario.end_ms)} at speed 1; stop it with Ctrl-C")
                await _go_on(home, [relay, *clients.values()], journal, screen)
        finally:
            journal.close()  # before the relay closes the log, so that it can leave one file


def _found(home: Path, scenario: Scenario) -> None:
    found_trial(
        home,
        founders_of(scenario),
        terms_of(scenario),
        deadlines_of(scenario),
        now_ms=scenario.start_ms,
        wall_ms=wall_ms(),
        net=scenario.name,
        title=scenario.title,
    )


@contextlib.asynccontextmanager
async def _processes(home: Path, scenario: Scenario) -> AsyncIterator[tuple[Child, dict[str, Child]]]:
    """Broker, relay and clients, started; stopped in the opposite order whatever happens."""
    logs, settings = home / "logs", ChannelHome(home).settings()
    names = [party.party for party in scenario.parties]
    broker = EmbeddedBroker(home, net=scenario.name, parties=names, mqtt_port=settings.port, mqtt_host=settings.host)
    relay = Child("relay", ("-m", "channel", "relay", "--home", str(home), "--control"), logs / "relay.log")
    clients = {name: Child(name, _client(home, name), logs / f"{name}.log") for name in names}
    await broker.start()
    watch = asyncio.create_task(broker.watch())
    try:
        await relay.start()
        for client in clients.values():
            await client.start()
        yield relay, clients
    finally:
        await asyncio.gather(*(client.stop() for client in clients.values()))
        await relay.stop()
        watch.cancel()
        with contextlib.suppress(asyncio.CancelledError, ChannelError):
            await watch
        await broker.stop()


def _client(home: Path, party: str) -> tuple[str, ...]:
    return ("-m", "clients", "-p", party, "--home", str(home / "parties" / party), "watch", "--control")


def _keep_time(home: Path, scenario: Scenario) -> None:
    """From here on every command on this home counts its time from the scenario's end."""
    for place in (home, *(home / "parties" / party.party for party in scenario.parties)):
        write_file(place / "clock.json", clock_json(scenario.end_ms, wall_ms()), mode=0o644)


async def _go_on(home: Path, peers: Sequence[Child], journal: Journal, screen: Screen) -> None:
    """Time goes on at speed 1 from the scenario's end, here and for every command on this home, until cancelled."""
    clock = SystemClock.of_home(home)
    screen.hurry()
    for peer in peers:
        await ask(peer, {"do": "free"}, Reply)
    tasks = [asyncio.create_task(_keep(peer, clock)) for peer in peers]
    try:
        while True:
            for told in journal.news():
                await screen.told(told)
            for task in tasks:
                if task.done():
                    task.result()
            await asyncio.sleep(LOOK_S)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _keep(peer: Child, clock: SystemClock) -> None:
    """Start a process again that ends by itself, and set its time; gives up when it does so too often."""
    while True:
        status = await peer.wait()
        if not await peer.revive():
            sys.stderr.write(f"{peer.name} ended with status {status} too often; going on without it\n")
            return
        await ask(peer, {"do": "time", "now_ms": clock.now_ms()}, Reply)
        await ask(peer, {"do": "free"}, Reply)


def _final(home: Path) -> dict[str, object]:
    """The summary of the log as it was left."""
    journal = Journal(SqliteLog(home / "log.sqlite", "read"))
    try:
        for _ in journal.news():
            pass
        return summary(home, journal.folded)
    finally:
        journal.close()
