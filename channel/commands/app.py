"""What all `channel` commands share: the application, output, errors, and finding the home."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from channel.protocol.errors import ChannelError, UsageError
from clients.commands.parsing import Group, json_line

app = typer.Typer(
    name="channel",
    help="Run a deconfliction channel: its broker, its relay, its log. Parties use `party`.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    cls=Group,
)

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", envvar="CHANNEL_HOME", help="The channel's directory. Default: the newest under ./.homes"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


def print_json(value: Any) -> None:
    """One JSON document on one line."""
    sys.stdout.write(json_line(value))
    sys.stdout.flush()


@contextmanager
def told(json_output: bool = False) -> Iterator[None]:
    """Errors for people: one line that says what happened, to what, what to do; and the exit status."""
    try:
        yield
    except ChannelError as error:
        if json_output:
            print_json({"error": {"code": error.code, "detail": str(error)}})
        from channel.ledger.wording import inert  # an error may quote what a party wrote

        sys.stderr.write(f"channel: {inert(str(error))}\n")
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def find_home(home: Path | None) -> Path:
    """The home that was named, or the newest one under ./.homes. UsageError, saying what to type, if there is none."""
    if home is not None:
        return home
    from clients.core.home import newest_channel

    newest = newest_channel(Path(".homes"))
    if newest is None:
        raise UsageError("which channel? Name its directory with --home DIR, or make one: channel init --demo DIR")
    return newest


def colourless() -> bool:
    """Whether output must be plain: NO_COLOR is set, or nobody watches a terminal."""
    return "NO_COLOR" in os.environ or not sys.stdout.isatty()
