"""This party's keys: `key list`, `key rotate`, `key revoke`. What was signed before a key is withdrawn stays valid."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from channel.protocol.errors import UsageError
from clients.commands.app import WAIT_S, JsonOption, WaitOption, app, connected, new_passphrase, note, print_json, told

if TYPE_CHECKING:
    from channel.protocol.keys import KeyRecord
    from clients.core.party import Party
    from clients.core.rotation import Changed

What = Literal["machine", "desk", "wit", "enc", "root"]

RootOption = Annotated[
    Path | None, typer.Option("--root", help="The root key's file, if it is kept apart from this home.")
]
SinceOption = Annotated[
    int | None, typer.Option(min=0, help="What the old key signed from this leaf on is marked as doubtful.")
]

key_app = typer.Typer(
    help="The keys of this party: list, change, withdraw, protect.",
    epilog="Example: party -p coalition key list; party -p coalition key rotate machine",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(key_app, name="key")


@key_app.command("list", epilog="Example: party -p coalition key list")
def list_(
    context: typer.Context,
    everybody: Annotated[bool, typer.Option("--all", help="Those of the other parties and of the relay too.")] = False,
    json_output: JsonOption = False,
) -> None:
    """Every key: valid since and until which leaf, whether its file is here, and which one is in use."""
    with told(json_output):

        async def act(channel: Party) -> list[dict[str, Any]]:
            return _documents(channel, everybody)

        found = connected(context.obj, act, quiet=False)
        if json_output:
            print_json(found)
            return
        for one in found:
            sys.stdout.write(f"{_line(one)}\n")


@key_app.command(
    epilog='Example: party -p coalition key rotate desk operations --reason "laptop lost" --compromised-since 117'
)
def rotate(
    context: typer.Context,
    what: Annotated[
        What,
        typer.Argument(help="machine, desk, wit (witness), enc (opens sealed notices) or root (changes the rest)."),
    ],
    desk: Annotated[str | None, typer.Argument(help="Of desk: which one.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why, for everybody to read.")] = None,
    compromised_since: SinceOption = None,
    root: RootOption = None,
    wait: WaitOption = WAIT_S,
    json_output: JsonOption = False,
) -> None:
    """Make a new key, enrol it, and withdraw the old one once the new one is in use. Give it again if interrupted."""
    with told(json_output):
        if (what == "desk") != (desk is not None):
            raise UsageError(f"{what} has no desk" if desk else "say which desk: party key rotate desk operations")

        async def act(channel: Party) -> None:
            from clients.core.clock import random_bytes
            from clients.core.rotation import REASON
            from clients.core.rotation import rotate as change

            kind = {"machine": "sig/machine", "desk": f"sig/desk-{desk}"}.get(what, what)
            changed = await change(
                channel,
                kind,
                random=random_bytes,
                root=root,
                reason=reason or REASON,
                since=compromised_since,
                wait=wait,
            )
            _report(changed, json_output)
            if what == "root":
                _say_where(channel, changed.enrolled.kid)

        _interruptible(lambda: connected(context.obj, act))


def _report(changed: Changed, json_output: bool) -> None:
    if json_output:
        document = {
            "enrolled": _record(changed.enrolled),
            "withdrawn": [_record(one) for one in changed.withdrawn],
            "elsewhere": [_record(one) for one in changed.elsewhere],
        }
        print_json(document)
        return
    sys.stdout.write(f"{changed.enrolled.kid} is enrolled, leaf {changed.enrolled.after}, and in use\n")
    for one in changed.withdrawn:
        sys.stdout.write(f"{one.kid} is withdrawn, leaf {one.until}{_doubt(one.compromised_since)}\n")
    for one in changed.elsewhere:
        note(f"{one.kid} stays valid, its file is elsewhere; to withdraw it: party key revoke {one.kid}")


def _say_where(channel: Party, kid: str) -> None:
    """A new root key lies in the home, also where the old one was kept apart."""
    from channel.protocol import keyfile

    label = kid.partition("/")[2]
    if channel.home.has_key(label):
        file = channel.home.keys / keyfile.file_name(label)
        note(f"the new root key is {file}: keep it apart from this home, and say where it is with --root FILE")


@key_app.command(
    epilog="Example: party -p coalition key revoke coalition/sig/machine-2 "
    '--reason "device lost" --compromised-since 117'
)
def revoke(
    context: typer.Context,
    kid: Annotated[str, typer.Argument(help="The key, as `key list` shows it.")],
    reason: Annotated[str, typer.Option(help="Why, for everybody to read.")],
    compromised_since: SinceOption = None,
    root: RootOption = None,
    wait: WaitOption = WAIT_S,
    json_output: JsonOption = False,
) -> None:
    """Withdraw a key at once. What it signed before stays valid; the last key of its kind is rotated instead."""
    with told(json_output):

        async def act(channel: Party) -> None:
            from clients.core.rotation import revoke as withdraw

            record = await withdraw(channel, kid, reason, root=root, since=compromised_since, wait=wait)
            if json_output:
                print_json({"withdrawn": [_record(record)]})
                return
            sys.stdout.write(f"{kid} is withdrawn, leaf {record.until}{_doubt(record.compromised_since)}\n")

        _interruptible(lambda: connected(context.obj, act))


@key_app.command(epilog="Example: party -p coalition key protect operations")
def protect(
    context: typer.Context,
    desk: Annotated[str, typer.Argument(help="The desk whose key it is.")],
    new_passphrase_file: Annotated[
        Path | None, typer.Option(help="Its first line is the new passphrase; without it you are asked, twice.")
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="Take the passphrase away.")] = False,
    json_output: JsonOption = False,
) -> None:
    """Put a passphrase on a desk's key: who sits down to a watch unlocks it. Nothing is said to the channel."""
    with told(json_output):
        from clients.core.clock import random_bytes

        async def act(channel: Party) -> str:
            from channel.protocol import keyfile

            label = channel.signer(f"sig/desk-{desk}").kid.partition("/")[2]
            lock = None if off else (new_passphrase(new_passphrase_file), random_bytes(keyfile.SALT_BYTES))
            channel.home.protect(label, lock)
            return label

        label = connected(context.obj, act)
        if json_output:
            print_json({"label": label, "protected": not off})
            return
        sys.stdout.write(f"the key {label} {'opens without a passphrase' if off else 'is protected'}\n")


def _interruptible(run: Callable[[], None]) -> None:
    """What cannot be finished now is said to be gone on with."""
    from clients.core.client import QueuedError

    try:
        run()
    except QueuedError:
        note("the change is begun; the keys in use stay so until it is done: give the same command again")
        raise


def _record(record: KeyRecord) -> dict[str, Any]:
    """One key as the log has it. `enrolled` is null for a key of the charter."""
    from channel.protocol import ids

    return {
        "kid": record.kid,
        "pub": ids.b64url(record.public),
        "held": record.held,
        "enrolled": None if record.after < 0 else record.after,
        "withdrawn": record.until,
        "compromised_since": record.compromised_since,
    }


def _documents(channel: Party, everybody: bool) -> list[dict[str, Any]]:
    """`valid`: for what is signed now. `here`: its file is in this home. `used`: the one that this home takes now."""
    ledger, home, found = channel.ledger, channel.home, []
    ring, size = ledger.ring, ledger.size
    used = {one.kid for kind in _kinds(channel) if (one := channel.signers.record(ring, kind, size)) is not None}
    parties = [*channel.parties, "relay"] if everybody else [channel.party]
    for record in (one for party in parties for one in ring.of_party(party)):
        here = record.kid.startswith(f"{channel.party}/") and home.has_key(record.kid.partition("/")[2])
        found.append(
            {
                **_record(record),
                "kind": ring.kind(record.kid),
                "valid": ring.valid_at(record.kid, size),
                "here": here,
                "protected": here and home.is_protected(record.kid.partition("/")[2]),
                "used": record.kid in used,
            }
        )
    return found


def _kinds(channel: Party) -> dict[str, None]:
    return dict.fromkeys(channel.ledger.ring.kind(one.kid) for one in channel.ledger.ring.of_party(channel.party))


def _line(one: dict[str, Any]) -> str:
    """`coalition/sig/machine-2   in use   here   from leaf 118, held by a machine`."""
    state = "in use" if one["used"] else "valid" if one["valid"] else "WITHDRAWN"
    since = "of the charter" if one["enrolled"] is None else f"from leaf {one['enrolled']}"
    until = "" if one["withdrawn"] is None else f", withdrawn at leaf {one['withdrawn']}"
    where = "protected" if one["protected"] else "here" if one["here"] else "not here"
    doubt = _doubt(one["compromised_since"])
    return f"{one['kid']:<40} {state:<10} {where:<9} {since}{until}{doubt}; held by a {one['held']}"


def _doubt(since: int | None) -> str:
    return "" if since is None else f", compromised since leaf {since}"
