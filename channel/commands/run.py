"""Running: `up` for everything on one machine, `broker` and `relay` for one process each."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from channel.commands.app import HomeOption, JsonOption, app, find_home, print_json, told
from channel.protocol.errors import ChannelError, FatalError, UsageError

if TYPE_CHECKING:
    from channel.broker import EmbeddedBroker

ScenarioOption = Annotated[
    str | None, typer.Option(help="A scenario's name or file: its parties are played, in a new home.")
]
SpeedOption = Annotated[str | None, typer.Option(help="Scenario seconds a second, or `max`. Default: watchable.")]
RELAY_RESTARTS_MAX = 5
STEADY_S = 30.0


@app.command()
def up(
    home: HomeOption = None,
    scenario: ScenarioOption = None,
    speed: SpeedOption = None,
    exit_at_end: Annotated[bool, typer.Option("--exit", help="Stop when the scenario has ended; no console.")] = False,
    console: Annotated[bool, typer.Option("--console/--no-console", help="The operator's console, too.")] = True,
    json_output: JsonOption = False,
) -> None:
    """Broker, relay, console, and a scenario's parties. Example: channel up --scenario deir-ezzor-2017 --home DIR"""
    with told(json_output):
        if scenario is not None:
            _up_scenario(home, scenario, speed, exit_at_end, console and not exit_at_end, json_output)
        else:
            asyncio.run(_up(find_home(home), console))


def _up_scenario(
    home: Path | None, scenario: str, speed: str | None, exit_at_end: bool, console: bool, json_output: bool
) -> None:
    from channel.commands.console_child import console_beside
    from channel.scenario import load
    from channel.scenario.coordinator import run_scenario

    loaded, out = load(scenario), sys.stderr if json_output else sys.stdout
    result = asyncio.run(
        run_scenario(
            home or _new_home(),
            loaded,
            speed=speed or ("max" if json_output else "watchable"),
            exit_at_end=exit_at_end,
            json_output=json_output,
            out=out,
            beside=(lambda place: console_beside(place, out, stepped=True)) if console else None,
        )
    )
    if json_output:
        print_json(result)


def _new_home() -> Path:
    homes, number = Path(".homes"), 1
    while (homes / str(number)).exists():
        number += 1
    homes.mkdir(exist_ok=True)
    return homes / str(number)


async def _up(home: Path, console: bool) -> None:
    """Broker, relay and console, watched and restarted, until Ctrl-C."""
    from channel.commands.console_child import console_beside
    from channel.relay.home import ChannelHome

    channel = ChannelHome.open(home)
    broker = _broker(channel.path)
    stop = _stop_event()
    await broker.start()
    relay: asyncio.Task[None] | None = None
    watch = asyncio.create_task(broker.watch(), name="broker")
    try:
        sys.stdout.write(f"broker on {broker.host}:{broker.port}; home {home}; stop with Ctrl-C\n")
        sys.stdout.flush()
        relay = asyncio.create_task(_watch_relay(home, stop), name="relay")
        async with console_beside(home, sys.stdout) if console else contextlib.nullcontext():
            await asyncio.wait({relay, watch}, return_when=asyncio.FIRST_COMPLETED)
        for task in (relay, watch):
            if task.done():
                task.result()
    finally:
        stop.set()
        if relay is not None:
            await asyncio.wait({relay})
        await broker.stop()
        await asyncio.wait({watch})
    sys.stdout.write("stopped\n")


async def _watch_relay(home: Path, stop: asyncio.Event) -> None:
    """Keep `channel relay` running; FatalError when its log is damaged or it dies again and again."""
    deaths = 0
    loop = asyncio.get_running_loop()
    log_file = home / "logs" / "relay.log"
    log_file.parent.mkdir(exist_ok=True)
    while not stop.is_set():
        began = loop.time()
        with log_file.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "channel", "relay", "--home", str(home), stderr=log, start_new_session=True
            )
        ended, stopping = asyncio.create_task(process.wait()), asyncio.create_task(stop.wait())
        await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not ended.done():
            process.send_signal(signal.SIGTERM)
        status = await ended
        if stop.is_set():
            return
        deaths = 1 if loop.time() - began > STEADY_S else deaths + 1
        if status in (2, 6) or deaths > RELAY_RESTARTS_MAX:
            raise FatalError(f"the relay ended with status {status}: {_last_line(log_file)}")
        sys.stderr.write(f"the relay ended with status {status}; starting it again; see {log_file}\n")


def _last_line(file: Path) -> str:
    lines = file.read_text(errors="replace").splitlines()
    return lines[-1] if lines else f"see {file}"


def _stop_event() -> asyncio.Event:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


def _broker(home: Path) -> EmbeddedBroker:
    from channel.broker import EmbeddedBroker
    from channel.relay.home import ChannelHome

    channel = ChannelHome.open(home)
    settings, (charter, _) = channel.settings(), channel.charter()
    binary = os.environ.get("CHANNEL_NATS_BINARY")
    return EmbeddedBroker(
        channel.path,
        net=settings.net,
        parties=[member.party for member in charter.parties],
        mqtt_port=settings.port,
        mqtt_host=os.environ.get("CHANNEL_LISTEN_HOST", "127.0.0.1"),
        binary=None if binary is None else Path(binary),
    )


@app.command()
def broker(home: HomeOption = None) -> None:
    """Only the broker, in the foreground. Example: CHANNEL_LISTEN_HOST=0.0.0.0 channel broker --home DIR"""

    async def run(place: Path) -> None:
        embedded, stop = _broker(place), _stop_event()
        await embedded.start()
        watch = asyncio.create_task(embedded.watch())
        ending = asyncio.create_task(stop.wait())
        sys.stdout.write(f"broker on {embedded.host}:{embedded.port}\n")
        sys.stdout.flush()
        try:
            await asyncio.wait({watch, ending}, return_when=asyncio.FIRST_COMPLETED)
            if watch.done():
                watch.result()
        finally:
            ending.cancel()
            await embedded.stop()
            with contextlib.suppress(ChannelError):
                await watch

    with told():
        asyncio.run(run(find_home(home)))


@app.command()
def relay(
    home: HomeOption = None,
    apply_clock: Annotated[
        str | None, typer.Option(help="Go on although the clock is before the newest stamp; the reason is logged.")
    ] = None,
    control: Annotated[bool, typer.Option("--control", hidden=True)] = False,
) -> None:
    """Only the relay, in the foreground: logs on standard error, alerts on standard output. Example: channel relay"""
    with told():
        from channel.commands.logs import logged
        from channel.protocol.forms import reason_of
        from channel.relay.run import run_controlled, run_relay

        place, why = find_home(home), None if apply_clock is None else reason_of(apply_clock)
        if not place.exists():
            raise UsageError(f"there is no directory {place}")
        with logged():
            if control:
                asyncio.run(run_controlled(place))
            else:
                asyncio.run(run_relay(place, apply_clock=why, broker_host=os.environ.get("CHANNEL_BROKER_HOST")))
