"""What a party says first: `send`, `amend`, `withdraw`, and the record of a `call`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from channel.protocol.errors import UsageError
from clients.commands.app import (
    DESK,
    WAIT_S,
    DeskOption,
    JsonOption,
    WaitOption,
    YesOption,
    app,
    connected,
    file_bytes,
    note,
    print_json,
    told,
)
from clients.commands.checking import Checking, CheckOption, NoCheckOption, checked, mode

if TYPE_CHECKING:
    from channel.protocol.statements import Addressee, Element
    from clients.core.client import Sent
    from clients.core.drafts import Draft
    from clients.core.party import Party

# The protocol's words, written out: its models cost time to import. A test holds them equal.
PrecedenceWord = Literal["ROUTINE", "PRIORITY", "IMMEDIATE", "FLASH"]
KindWord = Literal["position", "intent", "site", "incident", "text"]
ResponseWord = Literal["WU", "R", "NE"]
LevelWord = Literal["operations", "staff", "ministry"]

GEOJSON_BYTES_MAX = 10_000_000  # the reader's own limit; a test holds them equal
PLACES = ("at", "circle", "path", "polygon", "geojson")  # the options that make a volume

ToOption = Annotated[
    list[str] | None,
    typer.Option(help="Who owes an answer: PARTY, or PARTY:VIA through an intermediary; repeat."),
]
InfoOption = Annotated[list[str] | None, typer.Option(help="Who is only told; repeat.")]
PrecedenceOption = Annotated[
    PrecedenceWord | None, typer.Option(case_sensitive=False, help="Speed of service. Default: ROUTINE.")
]
KindOption = Annotated[KindWord | None, typer.Option(case_sensitive=False, help="What it is about. Default: text.")]
ResponseOption = Annotated[
    ResponseWord | None,
    typer.Option(
        case_sensitive=False, help="WU: WILCO or UNABLE; R: ROGER; NE: none. Default: by kind; of a --unit none."
    ),
]
AmendsOption = Annotated[
    str | None, typer.Option(help="A notice of yours that this one supersedes; what you do not give stays.")
]
AtOption = Annotated[str | None, typer.Option(help="The place: 35.3359,40.1408, MGRS, or SK42 northing easting.")]
CircleOption = Annotated[list[str] | None, typer.Option(help="A circle: PLACE,5km; repeat.")]
PathOption = Annotated[list[str] | None, typer.Option(help="A path with its full width: PLACE;PLACE;...,800m; repeat.")]
PolygonOption = Annotated[
    list[str] | None, typer.Option(help="An area: PLACE;PLACE;PLACE, and after a | each hole in it; repeat.")
]
GeoJsonOption = Annotated[
    Path | None,
    typer.Option(help="All shapes of a file; its from, until, floor_m, ceiling_m, radius_m, width_m count."),
]
AsWrittenOption = Annotated[
    bool, typer.Option("--as-written", help="Take a file's positions as they stand, even if they look swapped.")
]
AltitudeOption = Annotated[
    str | None, typer.Option(help="A band: 0-6000m, '500-20000ft msl', '0-300m agl'. Default: all altitudes; msl.")
]
RadiusOption = Annotated[str | None, typer.Option(help="An area of this radius about the place: 500m, 2km, 1nmi.")]
AccuracyOption = Annotated[str | None, typer.Option(help="How exact a point is, if worse than its digits: 100m.")]
FromOption = Annotated[str, typer.Option("--from", help="When it begins: now, +10min, 2017-09-16T00:30Z, a DTG.")]
UntilOption = Annotated[str | None, typer.Option(help="When it ends; a place needs it.")]
TextOption = Annotated[str, typer.Option(help="In words.")]
ElementOption = Annotated[
    list[str] | None, typer.Option(help="A phrase that each side reads in its language: CODE=VALUE|VALUE; repeat.")
]
UnitOption = Annotated[str | None, typer.Option(help="Whose position: the next one of this name takes its place.")]
AllegedOption = Annotated[str | None, typer.Option(help="Of an incident: the party said to have caused it.")]
AccountsOption = Annotated[
    list[str] | None,
    typer.Option("--accounts-for", help="Of an intent: a notice of others that it takes account of; repeat; or none."),
]
ReadBackOption = Annotated[
    bool | None,
    typer.Option("--read-back/--no-read-back", help="Answers read place and time back. Default: FLASH with a place."),
]
SealedOption = Annotated[
    bool, typer.Option("--sealed", help="Only the addressees can read it: not the operator, no intermediary.")
]
WarnOption = Annotated[
    str | None,
    typer.Option(help="An area to warn all others of, in clear: PLACE,RADIUS, or cell. With --sealed from 10km on."),
]
ReplacesOption = Annotated[str | None, typer.Option(help="A refused notice that this one says anew.")]


@app.command(
    cls=Checking,
    epilog="Example: party -p coalition send --to russia --to regime:russia --precedence FLASH --kind intent "
    '--at 35.3359,40.1408 --radius 2km --from +10min --until +40min --text "Strike north of the bridge"',
)
def send(
    context: typer.Context,
    to: ToOption = None,
    info: InfoOption = None,
    precedence: PrecedenceOption = None,
    kind: KindOption = None,
    at: AtOption = None,
    radius: RadiusOption = None,
    accuracy: AccuracyOption = None,
    circle: CircleOption = None,
    path: PathOption = None,
    polygon: PolygonOption = None,
    geojson: GeoJsonOption = None,
    as_written: AsWrittenOption = False,
    altitude: AltitudeOption = None,
    start: FromOption = "now",
    until: UntilOption = None,
    unit: UnitOption = None,
    alleged: AllegedOption = None,
    accounts_for: AccountsOption = None,
    read_back: ReadBackOption = None,
    text: TextOption = "",
    element: ElementOption = None,
    sealed: SealedOption = False,
    warn: WarnOption = None,
    response: ResponseOption = None,
    exercise: Annotated[bool, typer.Option("--exercise", help="Not for real: an exercise.")] = False,
    test: Annotated[bool, typer.Option("--test", help="Not for real: a test of the channel.")] = False,
    amends: AmendsOption = None,
    replaces: ReplacesOption = None,
    check: CheckOption = None,
    no_check: NoCheckOption = False,
    yes: YesOption = False,
    desk: DeskOption = DESK,
    wait: WaitOption = WAIT_S,
    json_output: JsonOption = False,
) -> None:
    """Send a notice, and wait for the channel's receipt. Without --to it goes to whom this party usually tells."""
    with told(json_output):
        if exercise and test:
            raise UsageError("--exercise or --test, not both")
        if as_written and geojson is None:
            raise UsageError("--as-written is about a file: add --geojson FILE; a typed place is meant with letters")
        typed = {"at": at, "circle": circle, "path": path, "polygon": polygon}
        members = {
            **_where(typed, radius, accuracy), **_when(typed, geojson, altitude, start, until),
            "unit": unit, "alleged": alleged, "accounts_for": _accounts(accounts_for), "read_back": read_back, "to": to,
            "info": info, "kind": kind, "precedence": precedence, "response": response, "text": text or None,
            "status": "exercise" if exercise else "test" if test else None,
            "elements": [_element(one) for one in element or ()] or None,
            "as_written": as_written or None, "replaces": replaces, "seal": sealed or None, "warn": warn,
        }  # fmt: skip
        given = {name: value for name, value in members.items() if value is not None}
        if not amends and not given.keys() & {"text", "elements", *PLACES}:
            raise UsageError('a notice says something: give --text "...", --element, or a place like --at')

        looked: dict[str, Any] = {}

        async def act(channel: Party) -> Sent:
            draft = await _drafted(channel, amends, desk=desk, **given)
            _tell_who_reads(draft)
            how = mode(check, no_check, draft.members["precedence"])
            if how is not None:
                looked["findings"] = await checked(channel, draft, how, json_output or yes, json_output)
            return await channel.submit(draft, wait)

        # What is sealed goes to the newest key of each addressee, which may be in a leaf that is not here yet.
        fresh = bool(amends or replaces or accounts_for or sealed or mode(check, no_check, precedence))
        sent = connected(context.obj, act, fresh=fresh)
        report(sent, json_output, more=looked)


@app.command(epilog='Example: party -p coalition withdraw 015e86a2-4b40 --text "Strike cancelled"')
def withdraw(
    context: typer.Context,
    notice: Annotated[str, typer.Argument(help="Your notice: its id, or the beginning of it.")],
    text: TextOption = "",
    desk: DeskOption = DESK,
    wait: WaitOption = WAIT_S,
    json_output: JsonOption = False,
) -> None:
    """Take a notice back. All who were sent it are sent the withdrawal, and owe a ROGER for it."""
    with told(json_output):
        report(
            connected(context.obj, lambda channel: channel.withdraw(notice, text, desk=desk, wait=wait)), json_output
        )


@app.command(
    epilog="Example: party -p russia call --to coalition --level operations --began 2017-09-16T00:30Z "
    '--ended now --with coalition/operations --readout "Place corrected; both sides read it back"'
)
def call(
    context: typer.Context,
    to: ToOption = None,
    info: InfoOption = None,
    level: Annotated[LevelWord, typer.Option(case_sensitive=False, help="Between whom.")] = "operations",
    began: Annotated[str, typer.Option(help="When it began: 2017-09-16T00:30Z or a DTG.")] = "now",
    ended: Annotated[str, typer.Option(help="When it ended.")] = "now",
    desks: Annotated[list[str] | None, typer.Option("--with", help="Who spoke: PARTY/DESK; repeat.")] = None,
    readout: Annotated[str, typer.Option(help="What was said, as agreed at its end.")] = "",
    precedence: PrecedenceOption = None,
    desk: DeskOption = DESK,
    wait: WaitOption = WAIT_S,
    json_output: JsonOption = False,
) -> None:
    """Put a telephone call on record; the other side confirms the readout with ROGER."""
    with told(json_output):
        if not to or not readout:
            raise UsageError('say with whom and what was said: --to PARTY --readout "..."')

        async def act(channel: Party) -> Sent:
            return await channel.call(
                to=to,
                info=info or [],
                level=level,
                began=began,
                ended=ended,
                desks=desks or [],
                readout=readout,
                precedence=precedence or "ROUTINE",
                desk=desk,
                wait=wait,
            )

        report(connected(context.obj, act, fresh=False), json_output, "call")


def report(sent: Sent, json_output: bool, what: str = "notice", more: dict[str, Any] | None = None) -> None:
    """What became of a statement that has its receipt: `what` it is, for a person; `more` stands in the document."""
    from channel.protocol.times import dtg, to_wire

    if json_output:
        logged = {"token_sha256": sent.of, "index": sent.index, "stamp": sent.stamp, "stamp_time": to_wire(sent.stamp)}
        named = {"nid": sent.nid} if sent.nid is not None else {}
        anew = {"replaces": sent.replaces} if sent.replaces is not None else {}
        print_json({**named, **logged, "receipt": sent.receipt, **anew, **(more or {})})
        return
    if sent.replaces is not None:
        note("an addressee changed its key meanwhile, so the first was refused; this one was sealed anew")
    name = f"{what} {sent.nid}" if sent.nid is not None else what
    sys.stdout.write(f"{name} is in the log: leaf {sent.index}, {dtg(sent.stamp)}\n")


def _where(places: dict[str, Any], radius: str | None, accuracy: str | None) -> dict[str, Any]:
    """The members of `send` that make its shapes."""
    for name, value in (("--radius", radius), ("--accuracy", accuracy)):
        if value is not None and places["at"] is None:
            raise UsageError(f"{name} belongs to a place: add --at PLACE")
    if radius is not None and accuracy is not None:
        raise UsageError("--radius makes an area, --accuracy a point: give one of them")
    return {**places, "radius": radius, "accuracy": accuracy}


def _when(
    typed: dict[str, Any], geojson: Path | None, altitude: str | None, start: str, until: str | None
) -> dict[str, Any]:
    """The members of `send` that all its shapes share, and a file's shapes; none without a place."""
    if any(typed.values()) and until is None:
        raise UsageError("say until when the place holds, like --until +40min")
    drawn = None if geojson is None else file_bytes(geojson, GEOJSON_BYTES_MAX)
    if drawn is None and not any(typed.values()):
        for name, value in (("--altitude", altitude), ("--until", until)):
            if value is not None:
                raise UsageError(f"{name} belongs to a place: add --at PLACE, --circle, --path, --polygon or --geojson")
        return {}
    return {"geojson": drawn, "altitude": altitude, "start": start, "until": until}


def _accounts(named: list[str] | None) -> list[str] | None:
    """`none` by itself is nothing that is taken account of, said as such."""
    if named is None or "none" not in named:
        return named
    if len(named) > 1:
        raise UsageError("--accounts-for none stands by itself")
    return []


def _element(text: str) -> Element:
    from channel.protocol import phrasebook

    code, _, values = text.partition("=")
    return phrasebook.element(code, values.split("|") if values else [])


async def _drafted(channel: Party, amends: str | None, **given: Any) -> Draft:
    """A new notice, or the new version of one."""
    return channel.notice(**given) if amends is None else await channel.amended(amends, **given)


def _tell_who_reads(draft: Draft) -> None:
    """Before anything is signed: an intermediary reads what it passes on, if it is not sealed."""
    for addressee in cast("tuple[Addressee, ...]", draft.members["to"]):
        if addressee.via is not None and draft.sealed:
            note(f"{addressee.via} passes this notice on to {addressee.party}, and cannot read it")
        elif addressee.via is not None:
            note(f"{addressee.via} reads this notice too: it passes it on to {addressee.party}")
    if draft.members.get("warn") is not None:
        note("whoever may not read this notice is warned of the area of --warn, and of nothing else in it")
    if draft.sealed:
        area = " and the warn area" if draft.members.get("warn") is not None else ""
        note(f"sealed: in clear are only to whom it goes, its precedence and status, what answer it asks for{area}")
