"""What a party sees: `inbox`, `show`, `status`, `alerts`. What a person was shown is signed as displayed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from channel.protocol.errors import TransientError, UsageError
from clients.commands import findings
from clients.commands.app import (
    DESK,
    WAIT_S,
    DeskOption,
    JsonOption,
    WaitOption,
    app,
    before_a_person,
    connected,
    note,
    print_json,
    told,
)
from clients.commands.sending import report

if TYPE_CHECKING:
    from channel.ledger.records import NoticeRecord
    from clients.core.party import Party
    from clients.core.store import OutboxRow
    from clients.render import View

LINKS = {
    "up": "connected",
    "elsewhere": "another process of this home has the connection",
    "down": "NOT CONNECTED: what is sent waits in this home",
    "none": "NOT CONNECTED: what is sent waits in this home",
    "stopped": "STOPPED: the relay showed two histories of the log",
}
alerts_app = typer.Typer(help="Alerts told to this party; `ack` takes notice of one.", rich_markup_mode=None)
app.add_typer(alerts_app, name="alerts", invoke_without_command=True)


def view_of(channel: Party) -> View:
    """The party's screen as of now."""
    from clients.render import View

    witnessed = channel.session.witness.witnessed
    return View(channel.ledger, channel.party, channel.habits, channel.now_ms(), witnessed)


@app.command(epilog="Example: party -p regime inbox")
def inbox(
    context: typer.Context,
    wanted: Annotated[bool, typer.Option("--wanted", help="Only what still wants something from this party.")] = False,
    json_output: JsonOption = False,
) -> None:
    """What was sent to this party, or through it; at a terminal, what is new in full, and signed as displayed."""
    with told(json_output):

        async def act(channel: Party) -> None:
            from clients import documents

            view = view_of(channel)
            records = [record for record in view.ledger.notices.values() if record.author != view.me]
            if wanted:
                records = [record for record in records if documents.wanted(view.ledger, view.me, record)]
            records.sort(key=lambda record: record.index)
            voice = list(documents.to_answer_by_voice(view.ledger, view.me))
            if json_output:
                found = [_notice_document(view, one) for one in records]
                print_json([*found, *({"type": "told-by-voice", **one} for one in voice)])
                return
            await _print_inbox(channel, view, records, voice)

        connected(context.obj, act, quiet=False)


async def _print_inbox(channel: Party, view: View, records: list[NoticeRecord], voice: list[dict[str, Any]]) -> None:
    """What is done with first, on a line each; then in full what is new or wants something, nearest to the prompt."""
    from clients import documents, render

    screen = render.console(sys.stdout)
    open_ = [one for one in records if is_new(view, one) or documents.wanted(view.ledger, view.me, one)]
    for record in records:
        if record not in open_:
            screen.print(render.row(view, record))
    for record in open_:
        screen.print()
        for line in render.notice(view, record):
            screen.print(line)
    for one in voice:
        screen.print()
        for line in render.told_by_voice(view, one):
            screen.print(line)
    if not records and not voice:
        screen.print("nothing here")
    if before_a_person():
        for record in open_:
            await _displayed(channel, view, record)


def _notice_document(view: View, record: NoticeRecord) -> dict[str, Any]:
    from clients import documents

    document = documents.notice(view.ledger, view.me, record, view.habits.language)
    return {**document, "grade": view.grade(record)}


def is_new(view: View, record: NoticeRecord) -> bool:
    """Whether no person of this party has been shown it yet. What a desk answered, a person has seen.

    What is sealed to this party and not open is shown to nobody.
    """
    from channel.ledger import Custody
    from channel.ledger.delivery import FINAL
    from channel.protocol.statements import Notice

    sealed = isinstance(record.body, Notice) and record.body.sealed is not None and not record.unsealed
    if sealed and view.me in record.parties:
        return False
    for one in view.ledger.deliveries_of(record.of):
        if one.addressee == view.me and one.custody is not Custody.DISPLAYED and one.reply not in FINAL:
            return True
        if one.via == view.me and one.via_custody is not Custody.DISPLAYED:
            return True
    return False


async def _displayed(channel: Party, view: View, record: NoticeRecord) -> None:
    """Sign that a person has it before them. It is queued when the channel cannot be reached."""
    if is_new(view, record):
        try:
            await channel.displayed(record.of)
        except TransientError:
            note(f"that {record.nid} was displayed is signed and sent later")


@app.command(epilog="Example: party -p regime show 015e86a2-4b40")
def show(
    context: typer.Context,
    notice: Annotated[str, typer.Argument(help="Its id or token hash, or the beginning of one.")],
    geojson: Annotated[bool, typer.Option("--geojson", help="Only its places, as GeoJSON for a map.")] = False,
    json_output: JsonOption = False,
) -> None:
    """Everything about one notice: what it says, how it stands, who signed what when."""
    with told(json_output or geojson):

        async def act(channel: Party) -> None:
            from clients import documents, render

            view = view_of(channel)
            record = channel.record(notice)
            if geojson:
                print_json(_places(record))
                return
            lines = documents.timeline(view.ledger, view.me, record.of)
            if json_output:
                document = _notice_document(view, record)
                raised = [alert for alert in view.ledger.alerts.values() if alert.body.of == record.of]
                alerts = [documents.alert(view.ledger, view.me, alert) for alert in raised]
                print_json({**document, "alerts": alerts, "timeline": lines})
                return
            screen = render.console(sys.stdout)
            for line in render.notice(view, record):
                screen.print(line)
            screen.print(f"  token {record.of}", style=render.FAINT)
            for entry in lines:
                screen.print(f"  {entry['index']:>6}  {entry['text']}")
            if before_a_person():
                await _displayed(channel, view, record)

        connected(context.obj, act, quiet=False)


def _places(record: NoticeRecord) -> dict[str, Any]:
    """A notice's volumes as a FeatureCollection."""
    from channel.protocol.statements import Notice
    from clients.core.geojson import collection

    if not isinstance(record.body, Notice):
        raise UsageError(f"a {record.kind} has no volumes")
    return collection(record.body, record.of, record.author)


# --- alerts -----------------------------------------------------------------------------------------------------------


@alerts_app.callback(epilog='Example: party -p coalition alerts; party -p coalition alerts ack 7f3a --reason "Ringing"')
def alerts(
    context: typer.Context,
    standing: Annotated[bool, typer.Option("--standing", help="Only those whose cause still stands.")] = False,
    json_output: JsonOption = False,
) -> None:
    """Alerts told to this party: those not acknowledged last."""
    if context.invoked_subcommand is not None:
        return
    with told(json_output):

        async def act(channel: Party) -> None:
            from clients import documents

            view = view_of(channel)
            records = [one for one in view.ledger.alerts.values() if one.standing or not standing]
            records.sort(key=lambda one: (view.me not in one.acked and one.standing, one.index))
            if json_output:
                print_json([documents.alert(view.ledger, view.me, one) for one in records])
                return
            _print_alerts(view, records)

        connected(context.obj, act, quiet=False)


def _print_alerts(view: View, records: list[Any]) -> None:
    from channel.ledger import wording
    from clients import render

    screen = render.console(sys.stdout)
    for one in records:
        if not one.standing:
            screen.print(wording.cleared_line(view.ledger, one), style=render.DONE)
            continue
        acked = view.me in one.acked
        line = wording.alert_line(view.ledger, one, view.now_ms, view.command)
        screen.print(f"{line}{' (acknowledged)' if acked else ''}", style=render.FAINT if acked else render.ALARM)
    if not records:
        screen.print("no alerts")


@alerts_app.command(epilog='Example: party -p coalition alerts ack 7f3a --reason "Ringing the Russian staff desk"')
def ack(
    context: typer.Context,
    alert: Annotated[str, typer.Argument(help="The alert's id, or the beginning of it.")],
    reason: Annotated[str, typer.Option(help="What is being done about it.")],
    desk: DeskOption = DESK,
    wait: WaitOption = WAIT_S,
    json_output: JsonOption = False,
) -> None:
    """Take notice of an alert, as this desk. It is no longer repeated here; it clears when its cause ends."""
    with told(json_output):
        sent = connected(context.obj, lambda channel: channel.acknowledge(alert, reason, desk=desk, wait=wait))
        report(sent, json_output, "acknowledgement")


# --- standing ---------------------------------------------------------------------------------------------------------


@app.command(epilog="Example: party -p coalition status")
def status(context: typer.Context, json_output: JsonOption = False) -> None:
    """What this party owes, what it is owed, alerts, and whether the channel can be reached."""
    with told(json_output):

        async def act(channel: Party) -> None:
            if json_output:
                print_json(_status_document(channel))
            else:
                _print_status(channel)

        connected(context.obj, act)


def _status_document(channel: Party) -> dict[str, Any]:
    from channel.ledger.grade import Grade
    from clients import documents, render

    view, now = view_of(channel), channel.status()
    owed = [
        {"nid": record.nid, "token_sha256": record.of, "precedence": record.body.precedence.value, **want}
        for record in view.ledger.notices.values()
        for want in documents.wanted(view.ledger, view.me, record)
    ]
    return {
        "net": view.ledger.charter.net,
        "party": view.me,
        **render.now_document(view),
        "link": now.link,
        "tree_size": now.size,
        "root": now.root,
        "witnessed_size": now.witnessed,
        "queued": [_row(row) for row in now.waiting],
        "receipted": [{**_row(row), "grade": Grade.RECEIPTED.value} for row in now.receipted],
        "owed": sorted(owed, key=lambda one: one["due"]),
        "told_by_voice": list(documents.to_answer_by_voice(view.ledger, view.me)),
        "own": [render.document_of(view, one) for one in view.ledger.deliveries.values() if one.author == view.me],
        "alerts": [documents.alert(view.ledger, view.me, one) for one in view.ledger.alerts.values() if one.standing],
        **findings.documents(view),
        "alarms": [{"code": one.code, "subject": one.subject, "detail": one.detail} for one in now.alarms],
    }


def _row(row: OutboxRow) -> dict[str, Any]:
    return {"type": row.type, "nid": row.nid, "token_sha256": row.of}


def _print_status(channel: Party) -> None:
    from channel.ledger import wording
    from clients import documents, render

    view, now = view_of(channel), channel.status()
    screen = render.console(sys.stdout)
    link = LINKS[now.link] + (f" ({now.why_down})" if now.link == "down" and now.why_down else "")
    screen.print(f"{view.me} in {view.ledger.charter.net}, {render.clock_line(view)}: {link}")
    more = f", {len(now.receipted)} receipted" if now.receipted else ""
    screen.print(f"verified up to {now.size} leaves, root {now.root}; {len(now.waiting)} statements queued{more}")
    screen.print(f"witnessed by a quorum of parties up to {now.witnessed} leaves")
    for alarm in now.alarms:
        screen.print(f"!! ALARM {alarm.code} {alarm.subject}: {wording.inert(alarm.detail)}", style=render.ALARM)
    wants = [
        (want, record)
        for record in view.ledger.notices.values()
        for want in documents.wanted(view.ledger, view.me, record)
    ]
    screen.print(f"owed by us: {len(wants)}")
    for want, record in sorted(wants, key=lambda pair: pair[0]["due"]):
        screen.print(f"  {wording.notice_line(view.ledger, record)}")
        screen.print(render.wanted(view, record, want))
    own = [one for one in view.ledger.deliveries.values() if one.author == view.me and one.end.value == "open"]
    screen.print(f"owed to us: {len(own)}")
    for one in own:
        grade = view.grade(view.ledger.notices[one.of])
        ring = _ring(view, one.via or one.addressee)
        screen.print(f"  {wording.delivery_line(view.ledger, one, view.now_ms)}; {grade}{ring}")
    standing = [one for one in view.ledger.alerts.values() if one.standing]
    screen.print(f"alerts: {len(standing)}")
    if standing:
        _print_alerts(view, standing)
    findings.print_standing(view, screen)


def _ring(view: View, party: str) -> str:
    """Whom to ring about it: every line about what is owed says so."""
    desk = view.ledger.desk(party, "operations")
    return f"; ring {party}/{desk} {view.ledger.contact(party, desk)}"
