"""`channel replay`: a log again, whole or up to a moment, for everybody or as one party was shown it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from channel.commands.app import JsonOption, app, colourless, print_json, told
from channel.protocol.errors import UsageError

SpeedOption = Annotated[
    str, typer.Option(help="How many times faster than it was: 1, 60; max is as fast as it goes, without pauses.")
]


@app.command(epilog="Example: channel replay DIR/log.sqlite --until 2017-09-16T00:40Z --as regime --json")
def replay(
    log: Annotated[Path, typer.Argument(help="A log file, or a channel's directory.")],
    until: Annotated[str | None, typer.Option(help="Leaf index or time: stop there, it included.")] = None,
    party: Annotated[str | None, typer.Option("--as", help="Only what this party could read, in its order.")] = None,
    speed: SpeedOption = "max",
    json_output: JsonOption = False,
) -> None:
    """Play the log back; then what each party had been shown and had answered, and the state digest."""
    with told(json_output):
        from channel.ledger.digest import state_digest
        from channel.log.sqlite import SqliteLog
        from channel.protocol import ids
        from channel.relay.clock import pause
        from channel.replay import account
        from channel.replay.moment import Moment
        from channel.replay.playback import Playback, play, speed_of
        from channel.replay.reading import check_signed, count_inside, inside
        from channel.replay.view import view
        from channel.replay.view_lines import lines

        pace, moment, playback = speed_of(speed), Moment.of(until), Playback(party)
        if json_output and pace is not None:
            raise UsageError("--speed paces what is printed for people: leave it out with --json")
        path = log / "log.sqlite" if log.is_dir() else log
        with closing(SqliteLog(path, "read")) as store:
            if moment.index is not None and 0 < store.size <= moment.index:
                sys.stderr.write(f"channel: the log ends at leaf {store.size - 1}: there is no leaf {moment.index}\n")
            with _screen(count_inside(store, moment), quiet=json_output) as show:
                for played in play(inside(store.leaves(), moment), playback, pace, pause):
                    show(played.index, played.lines)
            check_signed(path, store, playback.folded)
        ledger, tree = playback.folded.ledger, playback.folded.tree
        views = [view(ledger, moment, name) for name in ([party] if party is not None else ledger.parties)]
        head = {"tree_size": tree.size, "root": ids.b64url(tree.root()), "state_digest": state_digest(ledger)}
        if json_output:
            whole = {"net": ledger.charter.net, "deliveries": account.outcomes(ledger), **head, "parties": views}
            print_json(views[0] if party else whole)
            return
        end = f"size {tree.size} root {head['root']}\nstate digest {head['state_digest']}"
        if party is not None:
            end = f"state digest of what {party} could read {views[0]['state_digest']}"
        for line in (*(line for one in views for line in lines(one)), end):
            sys.stdout.write(f"{line}\n")


Show = Callable[[int, tuple[str, ...]], None]


@contextmanager
def _screen(count: int, *, quiet: bool) -> Iterator[Show]:
    """What prints the lines of a leaf: above a progress bar where somebody watches."""

    def plain(index: int, lines: tuple[str, ...]) -> None:
        for line in () if quiet else lines:
            sys.stdout.write(f"{line}\n")

    if not sys.stderr.isatty():
        yield plain
        return
    from rich.console import Console
    from rich.progress import Progress
    from rich.text import Text

    console = Console(stderr=not sys.stdout.isatty(), no_color=colourless(), soft_wrap=True)
    with Progress(console=console, redirect_stdout=False, redirect_stderr=False) as bar:
        task = bar.add_task("leaves", total=count)

        def above(index: int, lines: tuple[str, ...]) -> None:
            if sys.stdout.isatty() and not quiet:
                for line in lines:
                    console.print(Text(line), soft_wrap=True)
            else:
                plain(index, lines)
            bar.update(task, completed=index + 1)

        yield above
