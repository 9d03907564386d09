"""De-confliction lines: a version is proposed, accepted, withdrawn. Each is a statement with deliveries of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from channel.protocol.errors import UsageError
from clients.commands.app import DESK, WAIT_S, DeskOption, JsonOption, WaitOption, app, connected, told
from clients.commands.sending import FromOption, InfoOption, TextOption, ToOption, report

if TYPE_CHECKING:
    from clients.core.client import Sent
    from clients.core.party import Party

EXAMPLE = (
    'Example: party -p russia line propose euphrates --version 1 --title "Line on the river" --to coalition '
    '--part "35.45,40.05; 35.3359,40.1408" --keeps coalition=left --keeps russia=right --beyond "North of 35.45" '
    "--precision 500m"
)
lines_app = typer.Typer(help="Propose, accept or withdraw a version of a line.", epilog=EXAMPLE, no_args_is_help=True)
app.add_typer(lines_app, name="line")
COPIED = ("line", "version", "title", "parts", "keeps", "excluded", "precision_m", "from_time", "until_time", "beyond")
ProposalArgument = Annotated[str, typer.Argument(help="The proposal: its id, or the beginning of it.")]


@lines_app.command(epilog=EXAMPLE)
def propose(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The line's name, the same for all its versions.")],
    title: Annotated[str, typer.Option(help="What people call it.")],
    part: Annotated[list[str], typer.Option(help='Its places in order, "PLACE; PLACE; ...", with gaps between parts.')],
    beyond: Annotated[str, typer.Option(help="Where it does not reach, in words.")],
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

        async def act(channel: Party) -> Sent:
            from channel.protocol.times import to_wire
            from clients.core.areas import length_m

            def time(typed: str) -> str:
                return to_wire(channel.habits.read_time(typed, channel.now_ms()))

            return await channel.line(
                to=to or [a for a in channel.habits.addressees() if a.party in channel.parties],
                info=tuple(info or ()),
                precedence=_routine(),
                line=name,
                version=version,
                action="propose",
                title=title,
                parts=tuple(_path(channel, typed) for typed in part),
                keeps=tuple(_side(typed) for typed in keeps or ()),
                excluded=(),
                precision_m=length_m(precision),
                from_time=time(start),
                until_time=None if until is None else time(until),
                beyond=beyond,
                text=text,
                desk=desk,
                wait=wait,
            )

        report(connected(context.obj, act, fresh=False), json_output, "proposal")


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


def _path(channel: Party, typed: str) -> tuple[tuple[int, int], ...]:
    places = [place.strip() for place in typed.split(";") if place.strip()]
    if len(places) < 2:
        raise UsageError(f'a part has at least two places, "PLACE; PLACE", not {typed!r}')
    return tuple(channel.habits.read_place(place).position for place in places)


def _side(typed: str) -> dict[str, str]:
    party, _, side = typed.partition("=")
    if side not in ("left", "right"):
        raise UsageError(f"write PARTY=left or PARTY=right, not {typed!r}")
    return {"party": party, "side": side}
