"""What a party owes: `answer`, `forward`, acknowledgements; and whether it takes part: `check`, `suspend`, `resume`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

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
    asked,
    before_a_person,
    connected,
    note,
    told,
)
from clients.commands.sending import report

if TYPE_CHECKING:
    from clients.core.client import Sent
    from clients.core.party import Party
    from clients.core.readback import Heard

AnswerWord = Literal["ROGER", "WILCO", "UNABLE", "STANDBY"]  # the protocol's; a test holds them equal
NoticeArgument = Annotated[str, typer.Argument(help="The notice: its id or token hash, or the beginning of one.")]
ReasonOption = Annotated[str, typer.Option(help="Why, in a sentence.")]


@app.command(
    epilog="Example: party -p regime answer 015e86a2-4b40 STANDBY --until +5min; or with a read-back: "
    '... WILCO --read-back "36.5000,18.2500,2017-09-16 03:00"'
)
def answer(
    context: typer.Context,
    notice: NoticeArgument,
    word: Annotated[AnswerWord, typer.Argument(case_sensitive=False, help="ROGER, WILCO, UNABLE or STANDBY.")],
    reason: ReasonOption = "",
    until: Annotated[str | None, typer.Option(help="With STANDBY, and only then: until when, like +5min.")] = None,
    corrects: Annotated[bool, typer.Option("--corrects", help="It takes the place of an earlier answer.")] = False,
    read_back: Annotated[
        str | None,
        typer.Option(help="PLACE,TIME: the notice's place and the beginning of its window, as you read them."),
    ] = None,
    yes: YesOption = False,
    desk: DeskOption = DESK,
    wait: WaitOption = WAIT_S,
    json_output: JsonOption = False,
) -> None:
    """Answer a notice, as the word of this desk. WILCO: we comply. UNABLE: we cannot. ROGER: we have understood.

    If the author asks for a read-back, type --read-back. What does not fit is signed as typed, and does not count.
    """
    with told(json_output):
        if (word == "STANDBY") != (until is not None):
            raise UsageError("STANDBY says until when, like --until +5min; no other word does")

        heard: list[Heard] = []

        async def act(channel: Party) -> Sent:
            await channel.fresh(channel.find, notice)
            _fits(channel, notice, word)
            typed = (
                None if read_back is None else await _read_back(channel, notice, read_back, heard, json_output or yes)
            )
            return await channel.answer(
                notice,
                word,
                reason=reason or None,
                until=until,
                readback=typed,
                corrects=corrects or None,
                displayed=before_a_person(json_output),
                desk=desk,
                wait=wait,
            )

        sent = connected(context.obj, act)
        compared = heard[0].document if heard else None
        report(sent, json_output, word, {"read_back": compared} if compared is not None else {})
        if heard and not heard[0].fits:
            note(f"this {word} does not count: what was read back does not fit. Both sides are told; answer anew")
            raise typer.Exit(1)


async def _read_back(channel: Party, notice: str, text: str, heard: list[Heard], quiet: bool) -> tuple[str, str]:
    """Place and time as typed. The officer is told how they compare before anything is signed, and may stop."""
    from clients.core import readback

    place, time = readback.split(text)
    heard.append(channel.heard(notice, place, time))
    note(readback.says(channel.habits, heard[0]))
    question = "It will not count, and both sides will be told. Sign it as you typed it?"
    if not heard[0].fits and before_a_person(quiet) and not await asked(question):
        note("nothing was signed: read the notice again, and type what it says")
        raise typer.Exit(1)
    return place, time


def _fits(channel: Party, notice: str, word: str) -> None:
    """A word that closes nothing is the slip of a tired hand: say so before it is signed."""
    from channel.ledger.delivery import REPLY
    from channel.protocol.statements import Response, Word

    record = channel.ledger.notices.get(channel.find(notice))
    if record is None or record.response is Response.NE or REPLY[record.response, Word(word)] is not None:
        return
    asked = " or ".join(other.value for other in (Word.WILCO, Word.ROGER, Word.UNABLE) if REPLY[record.response, other])
    raise UsageError(f"this notice asks for {asked}; {word} would leave it open: type one of those")


@app.command(
    epilog="Example: party -p russia forward 015e86a2-4b40 --to regime; or by voice: --by voice --role "
    '"watch officer" --contact "+000 04 555 0011" --read-back "35.3359 40.1408, from 0040Z"'
)
def forward(
    context: typer.Context,
    notice: NoticeArgument,
    to: Annotated[str | None, typer.Option(help="To whom; may be left out where there is only one.")] = None,
    by: Annotated[Literal["channel", "voice"], typer.Option(help="Over the channel, or by telephone.")] = "channel",
    role: Annotated[str | None, typer.Option(help="By voice: on whose watch, as a role, never a name.")] = None,
    contact: Annotated[
        str | None, typer.Option(help="By voice: the line that was rung. Default: the charter's.")
    ] = None,
    read_back: Annotated[str | None, typer.Option(help="By voice: what the other side read back, in clear.")] = None,
    desk: DeskOption = DESK,
    wait: WaitOption = WAIT_S,
    json_output: JsonOption = False,
) -> None:
    """Pass on a notice that came through this party for another. By voice it stays open until that party confirms."""
    with told(json_output):
        if by == "voice" and (role is None or read_back is None):
            raise UsageError("by voice, say --role and --read-back: who spoke, and what was read back")
        if by == "channel" and (role, contact, read_back) != (None, None, None):
            raise UsageError("--role, --contact and --read-back belong to --by voice")

        async def act(channel: Party) -> Sent:
            return await channel.forward(
                notice, to, by, role=role, contact=contact, readback=read_back, desk=desk, wait=wait
            )

        report(connected(context.obj, act), json_output, "forwarding")


@app.command(epilog="Example: party -p sdf check on-watch")
def check(
    context: typer.Context,
    state: Annotated[Literal["on-watch", "off-watch"], typer.Argument(help="What this desk says.")] = "on-watch",
    desk: DeskOption = DESK,
    wait: WaitOption = WAIT_S,
    json_output: JsonOption = False,
) -> None:
    """Sign that a person is on watch at this desk, or goes off it."""
    with told(json_output):
        sent = connected(context.obj, lambda channel: channel.check(state, desk=desk, wait=wait), fresh=False)
        report(sent, json_output, "check")


@app.command(epilog='Example: party -p russia suspend --reason "Contact suspended by order"')
def suspend(
    context: typer.Context,
    reason: ReasonOption = "",
    desk: DeskOption = DESK,
    wait: WaitOption = WAIT_S,
    json_output: JsonOption = False,
) -> None:
    """Take no new notices and send none. What is owed, answered and alerted goes on."""
    with told(json_output):
        sent = connected(context.obj, lambda channel: channel.suspend(reason, desk=desk, wait=wait), fresh=False)
        report(sent, json_output, "suspension")


@app.command(epilog='Example: party -p russia resume --reason "Contact restored"')
def resume(
    context: typer.Context,
    reason: ReasonOption = "",
    desk: DeskOption = DESK,
    wait: WaitOption = WAIT_S,
    json_output: JsonOption = False,
) -> None:
    """Take part again after `suspend`."""
    with told(json_output):
        sent = connected(context.obj, lambda channel: channel.resume(reason, desk=desk, wait=wait), fresh=False)
        report(sent, json_output, "resumption")
