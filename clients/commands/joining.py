"""Joining a channel: `enrol` makes the keys and the request, `accede` signs the charter."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from channel.protocol.errors import FatalError, UsageError
from clients.commands.app import JsonOption, Who, app, note, print_json, told

if TYPE_CHECKING:
    from channel.protocol.phrasebook import Language


@app.command(epilog='Example: party -p north --home north enrol --net river --desk "operations=+000 1" > north.json')
def enrol(
    context: typer.Context,
    net: Annotated[str, typer.Option(help="The net's name, as the operator gave it.")],
    name: Annotated[str | None, typer.Option(help="The party's full name.")] = None,
    language: Annotated[str | None, typer.Option(help="en, ru, ar or ku: the language of its screens.")] = None,
    desk: Annotated[
        list[str] | None, typer.Option(help="A desk and its voice line: LEVEL=CONTACT or NAME:LEVEL=CONTACT; repeat.")
    ] = None,
    client: Annotated[str, typer.Option(help="Whose habits of place and time: coalition, russia, sdf, regime.")] = "",
    machine: Annotated[bool, typer.Option("--machine", help="A program, not a person, holds the desk keys.")] = False,
) -> None:
    """Make this party's keys and print its request, for the operator. The private keys never leave the home."""
    with told():
        from channel.protocol import charter, enrolment
        from clients.core.clock import random_bytes
        from clients.core.enrolling import enrol as make
        from clients.core.home import place

        who: Who = context.obj
        founder = next((known for known in charter.DEFAULT_PARTIES if known.party == who.party), None)
        desks = [charter.desk_of(text) for text in desk or ()]
        if not desks and founder is None:
            raise UsageError('name at least one desk and its voice line: --desk "operations=+000 1"')
        home = place(who.directory, who.party)
        request = make(
            home,
            who.party,
            net,
            name or (founder.name if founder else who.party),
            _language(language or (founder.language if founder else "en")),
            desks or (founder.desks if founder else ()),
            random=random_bytes,
            held="machine" if machine else "person",
            client=client or (founder.client if founder else "party"),
        )
        sys.stdout.write(enrolment.to_file(request).decode())
        note(f"keys made in {home.keys}, readable by you alone; give the request, {home.request_file}, to the operator")


@app.command(epilog='Example: party -p north --home north accede packets/north.json --expect "12345 67890 ..."')
def accede(
    context: typer.Context,
    packet: Annotated[Path, typer.Argument(help="The packet that the operator gave you.")],
    expect: Annotated[
        str | None, typer.Option(help="The charter's hash as the other parties read it out: twelve groups of digits.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Where the accession goes. Default: ./accession-NAME.jws")] = None,
    json_output: JsonOption = False,
) -> None:
    """Sign the charter in the operator's packet; what it says and its hash are shown. A home signs one charter."""
    with told(json_output):
        from channel.protocol import charter, enrolment
        from clients.core.clock import SystemClock
        from clients.core.enrolling import accede as sign

        who: Who = context.obj
        home = who.home()
        try:
            read = enrolment.read_packet(packet.read_bytes())
        except OSError as error:
            raise UsageError(f"cannot read {packet}: {error.strerror}") from error
        signed = sign(home, read, now_ms=SystemClock.of_home(home.path).now_ms(), expected_hash=expect)
        path = out or Path(f"accession-{who.party}.jws")
        _write(path, signed.token)
        if json_output:
            print_json({"charter": signed.of, "spoken": signed.spoken, "accession": str(path)})
            return
        for line in charter.describe(signed.charter):
            sys.stdout.write(f"{line}\n")
        sys.stdout.write(f"charter {signed.of}; compare it by voice with every other party:\n  {signed.spoken}\n")
        sys.stdout.write(f"signed: {path}; give it to the operator, for `channel admit`\n")


def _language(text: str) -> Language:
    from channel.protocol.phrasebook import LANGUAGES

    for language in LANGUAGES:
        if text == language:
            return language
    raise UsageError(f"a language is one of {', '.join(LANGUAGES)}, not {text!r}")


def _write(path: Path, token: bytes) -> None:
    try:
        path.write_bytes(token + b"\n")
    except OSError as error:
        raise FatalError(f"cannot write {path}: {error.strerror}; choose another place with --out FILE") from error
