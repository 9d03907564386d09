"""Copies of the log: `backup`, `restore`, and how a quarantine stands."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from channel.commands.app import HomeOption, JsonOption, app, find_home, print_json, told
from channel.protocol.errors import UsageError


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(help="A new file: the copy. Keep it on another machine.")],
    home: HomeOption = None,
    json_output: JsonOption = False,
) -> None:
    """Copy the log, also while the relay runs. Example: channel backup /mnt/copies/log-0917.sqlite --home DIR"""
    with told(json_output):
        from channel.log.sqlite_file import copy_log
        from channel.relay.home import ChannelHome
        from channel.replay import read_log

        channel = ChannelHome.open(find_home(home))
        copy_log(channel.log_file, target)
        head = read_log(target).head()
        if json_output:
            print_json({"file": str(target), **head})
        else:
            sys.stdout.write(f"{target}: {head['tree_size']} leaves, root {head['root']}\n")


@app.command()
def restore(
    copy: Annotated[Path | None, typer.Argument(help="A copy, from `channel backup`.")] = None,
    mark: Annotated[
        bool, typer.Option("--mark", help="The log is in its place already, put there from a copy by hand.")
    ] = False,
    home: HomeOption = None,
    json_output: JsonOption = False,
) -> None:
    """Put a copy of the log back; the relay then waits for all parties. Example: channel restore COPY --home DIR"""
    with told(json_output):
        from channel.founding import restoring
        from channel.relay.clock import wall_ms

        if (copy is None) != mark:
            raise UsageError("name the copy: channel restore COPY --home DIR; or --mark if the log is in its place")
        place, aside = find_home(home), None
        if copy is None:
            size = restoring.mark(place, wall_ms())
        else:
            restored = restoring.restore(place, copy, wall_ms())
            size, aside = restored.size, restored.aside
        if json_output:
            print_json({"tree_size": size, "aside": None if aside is None else str(aside)})
            return
        write = sys.stdout.write
        write(f"the log has {size} leaves" + ("\n" if aside is None else f"; the one that was there is {aside}\n"))
        write(
            "Start the relay, and have every party connect: it takes back from them what the copy lacks, and takes "
            f"nothing new before. How it stands: channel quarantine --home {place}\n"
        )


@app.command()
def quarantine(
    without: Annotated[
        str | None,
        typer.Option(
            help="Go on without a party that cannot come: what it alone holds is lost, and shown later it ends the net."
        ),
    ] = None,
    home: HomeOption = None,
    json_output: JsonOption = False,
) -> None:
    """Does the relay wait for its lost leaves? Exit 1 if so. Example: channel quarantine --home DIR"""
    with told(json_output):
        from channel.protocol.charter import spans
        from channel.relay import quarantine_file
        from channel.relay.home import ChannelHome

        channel = ChannelHome.open(find_home(home))
        kept = quarantine_file.read(channel.path)
        if without is not None:
            parties = [member.party for member in channel.charter()[0].parties]
            quarantine_file.go_without(channel.path, without, parties)
        left_out = sorted(quarantine_file.without(channel.path))
        given_up = quarantine_file.given_up(channel.path)
        if json_output:
            document = None if kept is None else kept.document()
            print_json({"quarantine": document, "without": left_out, "given_up": list(given_up)})
        elif kept is None:
            sys.stdout.write("no quarantine\n")
            if given_up:
                sys.stdout.write(f"given up when the last one ended: leaves {spans(given_up)}, which no party holds\n")
        else:
            sys.stdout.write(f"QUARANTINE: {kept.line}\n")
            if left_out:
                sys.stdout.write(f"without: {', '.join(left_out)}\n")
    raise typer.Exit(0 if kept is None else 1)
