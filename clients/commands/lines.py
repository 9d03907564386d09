"""De-confliction lines: a version is proposed, accepted, withdrawn. Each is a statement with deliveries of its own."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from channel.protocol.errors import UsageError
from clients.commands.app import DESK, WAIT_S, DeskOption, JsonOption, WaitOption, app, connected, print_json, told
from clients.commands.sending import AsWrittenOption, FromOption, InfoOption, TextOption, ToOption, report

if TYPE_CHECKING:
    from channel.ledger.lines import LineVersion
    from clients.core.client import Sent
    from clients.core.party import Party

EXAMPLE = (
    'Example: party -p russia line propose euphrates --version 1 --title "Line on the river" --to coalition '
    '--part "35.45,40.05; 35.3359,40.1408" --keeps coalition=left --keeps russia=right --beyond "North of 35.45" '
    "--precision 500m"
)
lines_app = typer.Typer(
    help="Propose, accept, withdraw or list versions of a line; ask on whose side a place is.",
    epilog=EXAMPLE,
    no_args_is_help=True,
)
app.add_typer(lines_app, name="line")
PART = '--part takes at least two places, "PLACE; PLACE; ..."'
EXCLUDED = '--excluded takes at least three places, "PLACE; PLACE; PLACE; ..."'
COPIED = ("line", "version", "title", "parts", "keeps", "excluded", "precision_m", "from_time", "until_time", "beyond")
ProposalArgument = Annotated[str, typer.Argument(help="The proposal: its id, or the beginning of it.")]


@lines_app.command(epilog=EXAMPLE)
def propose(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The line's name, the same for all its versions.")],
    title: Annotated[str, typer.Option(help="What people call it.")],
    beyond: Annotated[str, typer.Option(help="Where it does not reach, in words.")],
    part: Annotated[
        list[str] | None, typer.Option(help='Its places in order, "PLACE; PLACE; ..."; repeat for more parts.')
    ] = None,
    excluded: Annotated[
        list[str] | None, typer.Option(help='An area in which it does not bind, "PLACE; PLACE; PLACE; ..."; repeat.')
    ] = None,
    geojson: Annotated[
        Path | None, typer.Option(help="A file whose lines are its parts, and whose polygons are excluded.")
    ] = None,
    as_written: AsWrittenOption = False,
    to: ToOption = None,
    info: InfoOption = None,
    version: Annotated[int, typer.Option(min=1, help="Its version.")] = 1,
    keeps: Annotated[list[str] | None, typer.Option(help="PARTY=left or PARTY=right, along the line; repeat.")] = None,
    precision: Annotated[str, typer.Option(help="How exact its places are: 500m.")] = "0m",
    start: FromOption = "now",
    until: Annotated[str | None, typer.Option(help="When it ends; without it, it goes on.")] = None,
    text: TextOption = "",
    desk: DeskOption = DESK,
    wait: WaitOption = WAIT_S,
    json_output: JsonOption = False,
) -> None:
    """Propose a version of a line; the addressees answer WILCO or UNABLE, and accept it with `line accept`."""
    with told(json_output):
        _named(name)

        async def act(channel: Party) -> Sent:
            from channel.protocol import geometry
            from channel.protocol.times import to_wire
            from clients.core.areas import PlaceError, length_m

            def time(typed: str) -> str:
                return to_wire(channel.habits.read_time(typed, channel.now_ms()))

            reader, usual = channel.reader, [a for a in channel.habits.addressees() if a.party in channel.parties]
            action = channel.addressees(to or usual)
            parts, rings = _drawn(geojson, None if as_written else reader.known)
            parts += tuple(reader.places(typed, 2, PART) for typed in part or ())
            rings += tuple(reader.ring(typed, EXCLUDED) for typed in excluded or ())
            if not parts:
                raise UsageError('where does it run? --part "PLACE; PLACE; ...", or --geojson FILE')
            problem = geometry.check_line(parts, rings)
            if problem is not None:
                raise PlaceError(*problem)
            return await channel.line(
                to=action,
                info=tuple(info or ()),
                precedence=_routine(),
                line=name,
                version=version,
                action="propose",
                title=title,
                parts=parts,
                keeps=tuple(_side(typed, (channel.party, *(to.party for to in action))) for typed in keeps or ()),
                excluded=rings,
                precision_m=length_m(precision),
                from_time=time(start),
                until_time=None if until is None else time(until),
                beyond=beyond,
                text=text,
                desk=desk,
                wait=wait,
            )

        report(connected(context.obj, act, fresh=False), json_output, "proposal")


@lines_app.command("list", epilog="Example: party -p coalition line list --json")
def list_lines(context: typer.Context, json_output: JsonOption = False) -> None:
    """The versions of lines that this party knows: which are in force, and who has yet to accept."""
    with told(json_output):

        async def act(channel: Party) -> None:
            from channel.ledger.line_wording import line_document, line_line

            lines, now_ms = channel.ledger.lines, channel.now_ms()
            known = sorted(lines.versions.values(), key=lambda one: (one.line, one.version, one.index))
            if json_output:
                print_json([line_document(lines, version, now_ms) for version in known])
            for version in known if not json_output else ():
                sys.stdout.write(line_line(channel.ledger, version, now_ms) + "\n")

        connected(context.obj, act)


@lines_app.command(epilog="Example: party -p coalition line side euphrates --at 35.3359,40.1408 --json")
def side(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The line's name.")],
    at: Annotated[str, typer.Option(help="The place: 35.3359,40.1408, MGRS, or SK42 northing easting.")],
    json_output: JsonOption = False,
) -> None:
    """On whose side of a line in force a place lies, seen from this party: mine, theirs, undetermined, not covered."""
    with told(json_output):

        async def act(channel: Party) -> None:
            from channel.picture.lines import AgreedLine

            place, found = channel.reader.place(at), []
            for version in _in_force(channel, name):
                seen = AgreedLine.of(version.body).side(place.position, channel.party, place.accuracy_m)
                found.append((version, seen.side, round(seen.distance_m, 1)))
            documents = [
                {
                    "side": side, "distance_m": distance_m, "line": version.line, "version": version.version,
                    "precision_m": version.body.precision_m, "accuracy_m": place.accuracy_m, "token_sha256": version.of,
                    "accepted": sorted(version.accepted),
                }
                for version, side, distance_m in found
            ]  # fmt: skip
            if json_output:
                print_json(documents[0] | {"others": documents[1:]})
            for version, side, distance_m in found if not json_output else ():
                agreed = f"version {version.version}, in force between {', '.join(sorted(version.accepted))}"
                sys.stdout.write(f"{side.replace('_', ' ')}, {distance_m:,.0f} m from {version.line} ({agreed})\n")

        connected(context.obj, act, quiet=False)


def _in_force(channel: Party, name: str) -> list[LineVersion]:
    """The versions of a line in force now: those that this party agreed to first, and of these the highest first."""
    known = channel.ledger.lines.in_force(channel.now_ms())
    found = [version for version in known if version.line == name]
    if not found:
        others = ", ".join(dict.fromkeys(version.line for version in known)) or "none"
        raise UsageError(f"no version of {name!r} is in force; lines in force here: {others} (party line list)")
    return sorted(found, key=lambda version: (channel.party not in version.named, -version.version, -version.index))


@lines_app.command(epilog="Example: party -p coalition line accept 015e86a2-4b40")
def accept(
    context: typer.Context,
    proposal: ProposalArgument,
    text: TextOption = "",
    desk: DeskOption = DESK,
    wait: WaitOption = WAIT_S,
    json_output: JsonOption = False,
) -> None:
    """Accept a proposed version."""
    with told(json_output):
        report(
            connected(context.obj, lambda channel: _about(channel, proposal, "accept", text, desk, wait)), json_output
        )


@lines_app.command("withdraw", epilog="Example: party -p russia line withdraw 015e86a2-4b40")
def withdraw_line(
    context: typer.Context,
    proposal: ProposalArgument,
    text: TextOption = "",
    desk: DeskOption = DESK,
    wait: WaitOption = WAIT_S,
    json_output: JsonOption = False,
) -> None:
    """Withdraw a version, proposed or accepted."""
    with told(json_output):
        sent = connected(context.obj, lambda channel: _about(channel, proposal, "withdraw", text, desk, wait))
        report(sent, json_output, "statement")


async def _about(channel: Party, ref: str, action: str, text: str, desk: str, wait: float) -> Sent:
    """Accept or withdraw: to all who have the proposal, with the same version, word for word."""
    from channel.protocol.statements import LineStatement

    record = channel.record(ref)
    body = record.body
    if not isinstance(body, LineStatement) or body.action != "propose":
        raise UsageError(f"{ref} is not a proposal of a line")
    others = [party for party in dict.fromkeys((record.author, *(a.party for a in body.to))) if party != channel.party]
    same: dict[str, Any] = {name: getattr(body, name) for name in COPIED}
    return await channel.line(
        to=others,
        info=tuple(party for party in body.info if party != channel.party),
        precedence=body.precedence,
        action=action,
        of=record.of,
        text=text,
        desk=desk,
        wait=wait,
        **same,
    )


def _routine() -> Any:
    from channel.protocol.forms import Precedence

    return Precedence.ROUTINE


Position = tuple[int, int]
Places = tuple[Position, ...]


def _drawn(file: Path | None, known: Sequence[Position] | None) -> tuple[tuple[Places, ...], tuple[Places, ...]]:
    """Parts and excluded rings of a GeoJSON file: its lines and its polygons. `known` None: its places as written."""
    if file is None:
        return (), ()
    from channel.picture.geojson import FILE_BYTES_MAX, empty, read
    from channel.protocol.statements import Line, Polygon
    from clients.core.geojson import not_swapped

    try:
        with file.open("rb") as stream:
            features = read(stream.read(FILE_BYTES_MAX + 1), as_written=known is None)
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from error
    if not features:
        raise empty()
    if known is not None:
        not_swapped(features, known)
    parts: list[Places] = []
    rings: list[Places] = []
    for feature in features:
        for shape in feature.shapes():
            match shape:
                case Line(path=path):
                    parts.append(path)
                case Polygon(rings=(ring,)):
                    rings.append(ring)
                case _:
                    raise feature.fault("bad-geojson", "a line has parts (lines) and excluded areas (no holes)")
    return tuple(parts), tuple(rings)


def _named(name: str) -> None:
    from pydantic import TypeAdapter, ValidationError

    from channel.protocol.forms import Code

    try:
        TypeAdapter(Code).validate_python(name)
    except ValidationError:
        raise UsageError(
            f"a line's name is small letters, digits and hyphens, 64 at most, like euphrates; not {name!r}"
        ) from None


def _side(typed: str, named: Sequence[str]) -> dict[str, str]:
    """Which side a party keeps to; it binds only who is named in the proposal (protocol.md 6.9)."""
    party, _, side = typed.partition("=")
    if side not in ("left", "right"):
        raise UsageError(f"write PARTY=left or PARTY=right, not {typed!r}")
    if party not in named:
        raise UsageError(f"--keeps {typed}: the line is between {', '.join(dict.fromkeys(named))}; add --to {party}")
    return {"party": party, "side": side}
