"""`party watch`: keeps the connection, and prints what happens. It signs nothing as displayed and answers nothing."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from channel.protocol.errors import FatalError
from clients.commands.app import JsonOption, Who, app, connected, note, told
from clients.commands.looking import is_new, view_of
from clients.commands.parsing import json_line
from clients.commands.printing import Printer

if TYPE_CHECKING:
    from clients.core.events import Event, LeafSeen
    from clients.core.party import Party
    from clients.render import View


@app.command(epilog="Example: party -p russia watch")
def watch(
    context: typer.Context,
    json_output: JsonOption = False,
    control: Annotated[bool, typer.Option("--control", hidden=True)] = False,
) -> None:
    """Keep the connection, and print what happens, line by line, until Ctrl-C. It answers nothing by itself."""
    who: Who = context.obj
    with told(json_output):
        if control:
            from clients.core.control import run_control

            home = who.home()
            asyncio.run(run_control(home.path, home.settings().party, sys.stdin, sys.stdout))
            return
        with Printer() as printer:  # around the client: the connection is not held for a terminal that stands
            try:
                connected(who, lambda channel: _watch(channel, printer, json_output), fresh=False)
            except KeyboardInterrupt:
                return  # the way in which it ends


async def _watch(channel: Party, printer: Printer, json_output: bool) -> None:
    """First what is here and nobody was shown, then what happens; nothing is awaited, so nothing missed, in between."""
    from clients import events_shown

    loop, view = asyncio.get_running_loop(), view_of(channel)

    def failed(error: Exception) -> None:
        with suppress(RuntimeError):  # the client has ended before
            loop.call_soon_threadsafe(channel.runtime.fail, error)

    printer.failed = failed
    note(f"{view.me} is on watch in {view.ledger.charter.net}; Ctrl-C ends it")
    for leaf in _unshown(channel, view):
        printer.put(_text(view, leaf, json_output))
    async for event in channel.events():
        printer.put(_text(view_of(channel), event, json_output))
        if events_shown.ends(event):
            raise FatalError(
                "the relay showed two histories; fork-proof.json shows it (`channel verify` says how far): tell the "
                "others"
            )


def _unshown(channel: Party, view: View) -> list[LeafSeen]:
    """Notices, and words of them by voice, that are in the home already and that no person was shown.

    A watch that was cut off may have stored them and not printed them. What was withdrawn or superseded is told by
    what did it.
    """
    from clients import documents
    from clients.core.events import LeafSeen

    ledger, me = view.ledger, view.me
    notices = [one for one in ledger.notices.values() if one.author != me and one.ended_by is None]
    unshown = {one.index for one in notices if is_new(view, one)}
    unshown |= {one["index"] for one in documents.to_answer_by_voice(ledger, me) if not one["answered"]}
    leaves = [
        (n, ledger.entries[index]) for n, index in enumerate(channel.session.replica.feed(), 1) if index in unshown
    ]
    return [LeafSeen(n, entry.index, entry.stamp_ms, entry.opened) for n, entry in leaves]


def _text(view: View, event: Event, json_output: bool) -> str:
    """One event: a line or several for a person, one document for a program."""
    from clients import events_shown, render

    if json_output:
        return json_line(events_shown.document(view, event))
    screen = render.console(sys.stdout)
    with screen.capture() as lines:
        for text, style in events_shown.lines(view, event):
            screen.print(text, style=style)
    return lines.get()
