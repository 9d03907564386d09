"""Looking: status, alerts, replay, schema, doctor. All but `alerts ack` read the log and change nothing."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from channel.commands.app import HomeOption, JsonOption, app, find_home, print_json, told
from channel.protocol.errors import RefusedError, TransientError, UsageError

alerts_app = typer.Typer(
    help="Alerts: list them, or acknowledge one for the operator's desk.", invoke_without_command=True
)
app.add_typer(alerts_app, name="alerts")


@app.command()
def status(home: HomeOption = None, json_output: JsonOption = False) -> None:
    """What is open, unanswered and alerted. Example: channel status --home DIR"""
    with told(json_output):
        from channel.ledger import finding_wording
        from channel.ledger.grade import of_leaf
        from channel.relay import quarantine_file
        from channel.relay.clock import SystemClock
        from channel.relay.home import ChannelHome
        from channel.replay import account, read_log

        channel = ChannelHome.open(find_home(home))
        reading = read_log(channel.log_file)
        kept = quarantine_file.read(channel.path)
        ledger = reading.folded.ledger
        grades = {of: of_leaf(record.index, reading.witnessed).value for of, record in ledger.notices.items()}
        rows = [{**row, "grade": grades[row["of"]]} for row in account.deliveries(ledger)]
        document = {
            "net": ledger.charter.net,
            "home": str(channel.path),
            "log": str(channel.log_file),
            "in_force": ledger.in_force,
            "quarantine": None if kept is None else kept.document(),
            **reading.head(),
            "witnessed_size": reading.witnessed,
            "cosigned": list(reading.cosigned),
            "notices": len(ledger.notices),
            "grades": {of: {"nid": ledger.notices[of].nid, "grade": grade} for of, grade in grades.items()},
            "deliveries": account.outcomes(ledger),
            "open": [row for row in rows if row["end"] == "open"],
            "alerts_standing": sum(1 for record in ledger.alerts.values() if record.standing),
            "findings": [finding_wording.document(record) for record in finding_wording.standing(ledger)],
            "parties": _parties(reading),
        }
        if json_output:
            print_json(document)
        else:
            if kept is not None:
                sys.stdout.write(f"QUARANTINE, nothing is taken: {kept.line}\n")
            _print_status(document, ledger, SystemClock.of_home(channel.path).now_ms())


def _parties(reading: Any) -> list[dict[str, Any]]:
    from channel.protocol.times import to_wire

    ledger, rows = reading.folded.ledger, []
    for party, record in ledger.parties.items():
        link = reading.links.get(party)
        desk = ledger.desk(party, "operations")
        rows.append(
            {
                "party": party,
                "acceded": record.acceded,
                "suspended": record.suspended,
                "contact": ledger.contact(party, desk),
                "last_statement_at": None if record.heard_ms is None else to_wire(record.heard_ms),
                "feed": len(record.feed),
                "has": 0 if link is None else link.have_n,
                "last_heard_at": None if link is None else to_wire(link.heard_ms),
            }
        )
    return rows


def _print_status(document: dict[str, Any], ledger: Any, now_ms: int) -> None:
    from channel.ledger import finding_wording, wording

    write = sys.stdout.write
    force = "in force" if document["in_force"] else "NOT IN FORCE: parties have still to accede"
    write(f"net {document['net']} ({force}), {document['tree_size']} leaves, root {document['root']}\n")
    cosigned = ", ".join(document["cosigned"]) or "nobody"
    quorum = ledger.charter.terms.quorum
    write(
        f"witnessed by {quorum} parties up to {document['witnessed_size']} leaves; the newest cosigned by {cosigned}\n"
    )
    for row in document["parties"]:
        heard = row["last_heard_at"] or "never"
        write(f"  {row['party']:<12} has {row['has']} of {row['feed']} leaves, heard {heard}; ring {row['contact']}\n")
    counts = ", ".join(f"{number} {name}" for name, number in document["deliveries"].items() if number)
    graded = [row["grade"] for row in document["grades"].values()]
    grades = ", ".join(f"{graded.count(grade)} {grade}" for grade in dict.fromkeys(graded))
    write(f"{document['notices']} notices{f' ({grades})' if grades else ''}; deliveries: {counts or 'none'}\n")
    for key in ledger.open:
        grade = document["grades"][ledger.deliveries[key].of]["grade"]
        write(f"  open: {wording.delivery_line(ledger, ledger.deliveries[key], now_ms)}; {grade}\n")
    for finding in finding_wording.standing(ledger):
        write(f"  {finding_wording.standing_line(ledger, finding, now_ms)}\n")
    for record in ledger.alerts.values():
        if record.standing and "relay" not in record.acked:
            write(f"  {wording.alert_line(ledger, record, now_ms)}\n")


@alerts_app.callback()
def alerts(context: typer.Context, home: HomeOption = None, json_output: JsonOption = False) -> None:
    """All alerts, standing ones first marked. Example: channel alerts --home DIR --json"""
    if context.invoked_subcommand is not None:
        context.obj = home
        return
    with told(json_output):
        from channel.ledger import wording
        from channel.relay.home import ChannelHome
        from channel.replay import account, read_log

        ledger = read_log(ChannelHome.open(find_home(home)).log_file).folded.ledger
        if json_output:
            print_json(account.alerts(ledger))
            return
        for record in ledger.alerts.values():
            state = "standing" if record.standing else "cleared"
            acked = " acknowledged" if record.acked else ""
            if record.standing:
                line = wording.alert_line(ledger, record, ledger.last_stamp_ms)
            else:
                line = wording.cleared_line(ledger, record)
            sys.stdout.write(f"[{record.body.alert[:8]} {state}{acked}] {line}\n")
        if not ledger.alerts:
            sys.stdout.write("no alerts\n")


@alerts_app.command("ack")
def acknowledge(
    context: typer.Context,
    alert: Annotated[str, typer.Argument(help="The alert's id, or its first characters.")],
    reason: Annotated[str, typer.Option(help="Why it needs nothing more from this desk, or who has it in hand.")],
    home: HomeOption = None,
    json_output: JsonOption = False,
) -> None:
    """Acknowledge an alert for the operator's desk. Example: channel alerts ack 7f3a --reason "rang russia/staff" """
    with told(json_output):
        from channel.protocol.forms import reason_of
        from channel.protocol.statements import Acknowledgement
        from channel.relay.home import ChannelHome
        from channel.replay import read_log

        channel = ChannelHome.open(find_home(home or context.obj))
        folded = read_log(channel.log_file).folded
        found = [id_ for id_ in folded.ledger.alerts if id_.startswith(alert.lower())]
        if len(found) != 1:
            raise UsageError(f"{len(found)} alerts begin with {alert!r}: see them with `channel alerts`")
        _said(channel, folded, Acknowledgement, json_output, alert=found[0], reason=reason_of(reason))


@app.command()
def clock(
    apply: Annotated[str | None, typer.Option("--apply", help="Take over the wall clock's time; the reason.")] = None,
    home: HomeOption = None,
    json_output: JsonOption = False,
) -> None:
    """Does a step of the wall clock wait for the operator? Example: channel clock --apply "NTP was off, set right" """
    with told(json_output):
        from channel.protocol.forms import reason_of
        from channel.protocol.statements import ClockStep
        from channel.protocol.times import to_wire
        from channel.relay.clock import SystemClock
        from channel.relay.home import ChannelHome
        from channel.replay import read_log

        channel = ChannelHome.open(find_home(home))
        folded = read_log(channel.log_file).folded
        waiting = [folded.ledger.alerts[id_].body.detail for id_ in folded.ledger.alerts_on.get("clock/relay", ())]
        if apply is None:
            if json_output:
                print_json({"waiting": waiting})
            else:
                sys.stdout.write("\n".join(waiting or ["no step of the clock waits"]) + "\n")
            return
        now_ms = SystemClock.of_home(channel.path).now_ms()
        times = {"old": to_wire(folded.ledger.last_stamp_ms), "new": to_wire(now_ms), "reason": reason_of(apply)}
        _said(channel, folded, ClockStep, json_output, **times)


def _said(channel: Any, folded: Any, model: Any, json_output: bool, **members: str) -> None:
    """Have the running relay log a statement of the operator's desk, and print where it is."""
    from channel.relay.operator import say

    settled = say(channel, folded, model, **members)
    if settled is None:
        raise TransientError("the relay did not answer: start it with `channel up` or `channel relay`")
    if settled.code is not None:
        raise RefusedError(settled.code, settled.detail)
    if json_output:
        print_json({"index": settled.index, **members})
    else:
        sys.stdout.write(f"in the log at leaf {settled.index}\n")


@app.command()
def schema() -> None:
    """JSON Schema of every statement, by type. Example: channel schema > statements.json"""
    from channel.protocol.schema import schemas

    print_json(schemas())


@app.command()
def doctor(home: HomeOption = None, json_output: JsonOption = False) -> None:
    """Is everything in its place? Exit 1 if something is not. Example: channel doctor --home DIR"""
    from channel.commands.health import checks

    with told(json_output):
        found = checks(find_home(home))
    if json_output:
        print_json([{"check": name, "ok": ok, "detail": detail} for name, ok, detail in found])
    else:
        for name, ok, detail in found:
            sys.stdout.write(f"{'ok ' if ok else 'BAD'} {name}: {detail}\n")
    raise typer.Exit(0 if all(ok for _, ok, _ in found) else 1)
