"""Founding: `init` drafts the charter from the parties' requests, `admit` takes their accessions in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from channel.commands.app import HomeOption, JsonOption, app, find_home, print_json, told
from channel.protocol.errors import UsageError

DEMO_NET = "demo"
BROKER_PORT = 8883  # MQTT over TLS, as registered


@app.command()
def init(
    directory: Annotated[Path, typer.Argument(help="A new directory: the channel's home.")],
    requests: Annotated[
        list[Path] | None, typer.Argument(help="The parties' request files, from `party enrol`.")
    ] = None,
    net: Annotated[str | None, typer.Option(help="The net's name: 3 to 40 of a-z, 0-9 and -.")] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="All four parties on this machine: for trying out only.")
    ] = False,
    title: Annotated[str, typer.Option(help="The charter's title.")] = "",
    broker_host: Annotated[str, typer.Option(help="The name under which parties reach the broker.")] = "localhost",
    broker_port: Annotated[
        int | None, typer.Option(help="The broker's port; default 8883, for --demo a free one.")
    ] = None,
    host: Annotated[list[str] | None, typer.Option(help="A further name for the broker's certificate; repeat.")] = None,
    previous: Annotated[
        Path | None, typer.Option(help="The home of a net that ended: the charter names its head and what is lost.")
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Draft a charter and make the channel's home. Example: channel init --net river DIR a.json b.json"""
    with told(json_output):
        if demo:
            _demo(directory, net or DEMO_NET, title, broker_port, json_output)
            return
        if net is None or not requests:
            raise UsageError("name the net and the request files: channel init --net NET DIR REQUEST...; or use --demo")
        from channel.founding import init as found
        from channel.founding.restoring import previous as head_of
        from channel.protocol import enrolment
        from channel.relay.clock import wall_ms

        read = [enrolment.read_request(_bytes(path)) for path in requests]
        now_ms = wall_ms()
        founded = found(
            directory, net, read, now_ms=now_ms, title=title or net, broker_host=broker_host,
            broker_port=broker_port or BROKER_PORT, hosts=[*(host or []), *_usual_hosts(broker_host)],
            previous=None if previous is None else head_of(previous),
        )  # fmt: skip
        if json_output:
            packets = {party: str(path) for party, path in founded.packets.items()}
            print_json({"net": net, "charter": founded.of, "spoken": founded.spoken, "packets": packets})
            return
        write = sys.stdout.write
        write(f"net {net}: charter drafted. Its hash, to be compared by voice with every party:\n  {founded.spoken}\n")
        write("Give each party its packet; it signs with `party accede` and hands back an accession file:\n")
        for party, path in founded.packets.items():
            write(f"  {party}: {path}\n")
        write(f"Then: channel admit --home {directory} ACCESSION...\n")


def _usual_hosts(broker_host: str) -> list[str]:
    return [name for name in ("localhost", "127.0.0.1", "broker") if name != broker_host]


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error


def _demo(directory: Path, net: str, title: str, port: int | None, json_output: bool) -> None:
    from channel.founding import found_trial
    from channel.relay.clock import wall_ms

    now_ms = wall_ms()
    founded = found_trial(directory, now_ms=now_ms, wall_ms=now_ms, net=net, title=title, broker_port=port)
    if json_output:
        print_json({"net": net, "charter": founded.of, "trial": True, "parties": sorted(founded.packets)})
        return
    sys.stdout.write(
        f"net {net} is in force in {directory}, with {', '.join(sorted(founded.packets))}.\n"
        "FOR TRYING OUT ONLY: one hand made every key here, so nothing signed in it is evidence against anybody.\n"
        f"Start it: channel up --home {directory}\n"
    )


@app.command()
def admit(
    accessions: Annotated[list[Path], typer.Argument(help="Accession files, from `party accede`.")],
    home: HomeOption = None,
    json_output: JsonOption = False,
) -> None:
    """Take accessions into the log, while no relay runs. Example: channel admit --home DIR accession-red.jws"""
    with told(json_output):
        from channel.founding import admit as take_in
        from channel.relay.clock import SystemClock

        directory = find_home(home)
        admitted = take_in(
            directory,
            [_bytes(path).strip() for path in accessions],
            now_ms=SystemClock.of_home(directory).now_ms(),
        )
        if json_output:
            print_json(
                {"added": list(admitted.added), "missing": list(admitted.missing), "in_force": admitted.in_force}
            )
            return
        added = ", ".join(admitted.added) or "nobody new"
        state = "the charter is in force" if admitted.in_force else f"still missing: {', '.join(admitted.missing)}"
        sys.stdout.write(f"admitted {added}; {state}\n")
