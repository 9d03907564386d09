"""What all `party` commands share: the application, whose home it is, output, errors and exit codes.

What costs time to import (keys, MQTT, the ledger) is imported inside the commands, so that `--help` answers at once.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from channel.protocol.errors import ChannelError, FatalError, RefusedError, UsageError
from clients.commands.parsing import Group, json_line

if TYPE_CHECKING:
    from clients.core.home import PartyHome
    from clients.core.party import Party

T = TypeVar("T")
MODULES = ("coalition", "russia", "sdf", "regime")  # parties with habits of their own; `party` is everybody else

app = typer.Typer(
    name="party",
    help="Take part in a deconfliction channel: send notices, answer them, pass them on. The operator uses `channel`.",
    epilog='Example: party -p coalition send --to regime:russia --precedence FLASH --text "Hold fire at the bridge"',
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    cls=Group,
    context_settings={"help_option_names": ["-h", "--help"]},
)

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
DeskOption = Annotated[str, typer.Option(help="The desk that signs; its key must be in this home.")]
WaitOption = Annotated[
    float, typer.Option(min=0, help="Seconds to wait for the channel's receipt; what is queued is sent later.")
]
YesOption = Annotated[bool, typer.Option("--yes", help="Never ask; what would be asked about is only said.")]
WAIT_S = 10.0
CATCH_UP_S = 3.0  # how long a command waits for what is new; then it goes by what the home holds
DESK = "operations"
PASSPHRASE_CHARS_MIN = 10


@dataclass(frozen=True, slots=True)
class Who:
    """What `-p` and `--home` said."""

    name: str | None
    directory: Path | None
    passphrase_file: Path | None = None

    @property
    def party(self) -> str:
        """The party's name; where the directory is a party's own home, `-p` may be left out."""
        if self.name is not None:
            return self.name
        if self.directory is not None and (self.directory / "party.json").exists():
            from clients.core.home import PartyHome

            return PartyHome(self.directory).settings().party
        raise UsageError("which party? party -p NAME [--home DIR] ...")

    def home(self) -> PartyHome:
        """Its home: in the directory, or the newest at hand."""
        from clients.core.home import locate

        return locate(self.directory, self.party)


@app.callback()
def main(
    context: typer.Context,
    party: Annotated[str | None, typer.Option("-p", "--party", envvar="PARTY", help="The party's name.")] = None,
    home: Annotated[
        Path | None,
        typer.Option(
            envvar="PARTY_HOME",
            help="The party's directory, or the channel's that holds it. Default: the newest under ./.homes",
        ),
    ] = None,
    passphrase_file: Annotated[
        Path | None,
        typer.Option(envvar="PARTY_PASSPHRASE_FILE", help="Opens a desk key that `key protect` has protected."),
    ] = None,
) -> None:
    """Say who you are, and where your keys are."""
    context.obj = Who(party, home, passphrase_file)


def passphrase(file: Path | None) -> Callable[[str], str]:
    """What gives the passphrase of a protected key: the file's first line, or whoever sits at the terminal, once."""
    known: dict[str, str] = {}

    def ask(label: str) -> str:
        if label not in known:
            known[label] = _typed(f"passphrase of {label}: ") if file is None else read_passphrase(file)
        return known[label]

    return ask


def read_passphrase(file: Path) -> str:
    """The first line of a file that only its owner can read, or of a pipe such as /dev/fd/3."""
    from channel.protocol import keyfile

    try:
        if file.is_file():
            keyfile.check_mode(file, file.stat().st_mode)
        with file.open(encoding="utf-8") as lines:
            return lines.readline().rstrip("\n")
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read a passphrase from {file}: {getattr(error, 'strerror', 'not UTF-8')}") from error


def new_passphrase(file: Path | None) -> str:
    """One to protect a key with: of a file, or typed twice. UsageError if it is too short."""
    option = "--new-passphrase-file"
    chosen = _typed("new passphrase: ", option) if file is None else read_passphrase(file)
    if len(chosen) < PASSPHRASE_CHARS_MIN:
        raise UsageError(f"a passphrase has at least {PASSPHRASE_CHARS_MIN} characters")
    if file is None and _typed("once more: ", option) != chosen:
        raise UsageError("the two differ: nothing was changed")
    return chosen


def _typed(prompt: str, option: str = "--passphrase-file") -> str:
    from getpass import getpass

    if not sys.stdin.isatty():
        raise UsageError(f"{prompt.removesuffix(': ')}: nobody is at the terminal; use {option} FILE")
    return getpass(prompt)


# --- output -----------------------------------------------------------------------------------------------------------


def print_json(value: Any) -> None:
    """One JSON document on one line."""
    sys.stdout.write(json_line(value))
    sys.stdout.flush()


def note(text: str) -> None:
    """One line for the person, beside the output."""
    sys.stderr.write(f"party: {text}\n")
    sys.stderr.flush()


def before_a_person(json_output: bool = False) -> bool:
    """Whether what is printed comes before somebody's eyes: a terminal at both ends, and not JSON."""
    return not json_output and sys.stdout.isatty() and sys.stdin.isatty()


async def asked(question: str) -> bool:
    """A question to the person at the terminal, while the channel goes on; anything but y or yes is a no."""
    sys.stderr.write(f"party: {question} [y/N] ")
    sys.stderr.flush()
    loop, typed = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), typed.set)
    try:
        await typed.wait()
    finally:
        loop.remove_reader(sys.stdin.fileno())
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def colourless() -> bool:
    """Whether output must be plain: NO_COLOR is set, or nobody watches a terminal."""
    return bool(os.environ.get("NO_COLOR")) or not sys.stdout.isatty()


@contextmanager
def told(json_output: bool = False) -> Iterator[None]:
    """Errors for people: one line that says what happened, to what, what to do; and the exit status."""
    try:
        yield
    except ChannelError as error:
        if json_output:
            print_json(_document(error))
        from channel.ledger.wording import inert  # an error may quote what the relay or a party wrote

        note(inert(str(error)))
        if isinstance(error, RefusedError):
            error.told()
        raise typer.Exit(error.exit_code) from None
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has gone: nothing more to say
        raise typer.Exit(0) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _document(error: ChannelError) -> dict[str, Any]:
    """The error as JSON. What is queued is no failure of what was asked: it says so, with what it is known by."""
    of = getattr(error, "of", None)
    if error.exit_code == 3 and of is not None:
        nid = getattr(error, "nid", None)
        return {"queued": True, **({"nid": nid} if nid else {}), "token_sha256": of}
    feature = getattr(error, "feature", "")  # of a GeoJSON file
    named = {"feature": feature} if feature else {}
    return {"error": {"code": error.code, "detail": getattr(error, "detail", None) or str(error), **named}}


def file_bytes(path: Path, bytes_max: int) -> bytes:
    """A file that the person named, one byte more than may be at most: its reader says that it is too large."""
    try:
        with path.open("rb") as file:
            return file.read(bytes_max + 1)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or 'an error'}") from error


# --- the party --------------------------------------------------------------------------------------------------------


def party_class(home: PartyHome) -> type[Party]:
    """The class that sets this home's habits: `clients/<client>.py`, or the generic one."""
    from clients.core.party import Party

    client = home.settings().client
    if client not in MODULES:
        return Party
    module = importlib.import_module(f"clients.{client}")
    return next(
        kind
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Party) and kind is not Party
    )


def connected(who: Who, act: Callable[[Party], Awaitable[T]], *, fresh: bool = True, quiet: bool = True) -> T:
    """Do something as the party, over the channel if it can be reached; what cannot be sent now stays queued.

    `fresh`: first bring the home up to date, since what is meant may have come just now. If that fails, it is said
    unless `quiet`.
    """
    home = who.home()

    async def run() -> T:
        channel = party_class(home).connect(home.path, who.party)
        channel.home.passphrase = passphrase(who.passphrase_file)
        async with channel:
            if fresh and not await up_to_date(channel) and not quiet:
                note("the channel cannot be reached; this is what is in the home so far")
            return await act(channel)

    return run_async(run)


async def up_to_date(channel: Party) -> bool:
    """Whether the home holds all that there is for it; a running client of the home sees to that by itself."""
    return channel.status().link == "elsewhere" or await channel.caught_up(CATCH_UP_S)


def run_async(run: Callable[[], Awaitable[T]]) -> T:
    """An event loop for one command. Members that cannot be in a statement are the caller's mistake."""
    from pydantic import ValidationError

    async def awaited() -> T:
        return await run()

    try:
        return asyncio.run(awaited())
    except ValidationError as error:
        from channel.protocol.charter import reasons

        raise UsageError(f"this cannot be stated: {reasons(error)}") from error
    except BrokenPipeError:
        raise
    except OSError as error:
        raise FatalError(f"{error.strerror or 'input or output failed'}: {error.filename or 'the home'}") from error
