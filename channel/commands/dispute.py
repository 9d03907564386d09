"""`channel dispute`: who is proven to have known what about a place, and when. Reads the log and changes nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from channel.commands.app import JsonOption, app, print_json, told
from channel.protocol.errors import UsageError
from channel.protocol.times import moment_ms

if TYPE_CHECKING:
    from channel.log.report import Report
    from channel.replay.dispute import Dispute, Query
    from channel.replay.reading import Reading


@app.command()
def dispute(
    log: Annotated[Path, typer.Argument(help="A log file, or a channel's directory.")],
    area: Annotated[Path, typer.Option(help="The area in dispute: a GeoJSON file with polygons.")],
    from_: Annotated[str, typer.Option("--from", help="When the time in dispute begins, like 2017-09-16T00:30Z.")],
    until: Annotated[str, typer.Option(help="When it ends.")],
    party: Annotated[str | None, typer.Option(help="Only notices that this party wrote, or was to get.")] = None,
    charter: Annotated[Path | None, typer.Option(help="The charter that you have signed: pins the log.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the report to this file, as one page to print.")] = None,
    json_output: JsonOption = False,
) -> None:
    """Who is proven to have known what, when. Example: channel dispute LOG --area AREA --from TIME --until TIME"""
    with told(json_output):
        from channel.replay.area import read_area
        from channel.replay.dispute import Query

        if html is not None and json_output:
            raise UsageError("--json prints, --html writes a page: take one of the two at a time")
        query = Query(read_area(_bytes(area, "area")), moment("--from", from_), moment("--until", until), party)
        if query.until_ms < query.from_ms:
            raise UsageError("--until is before --from")
        path = log / "log.sqlite" if log.is_dir() else log
        if not path.is_file():
            raise UsageError(f"there is no log at {path}: name a log file, or a channel's directory")
        token = None if charter is None else _bytes(charter, "charter").strip()
        reading, found, report = judged(path, query, token)
        _put(reading, found, report, html, json_output)


def judged(path: Path, query: Query, charter: bytes | None) -> tuple[Reading, Dispute, Report]:
    """Fold, verify and judge the log. UsageError if it has no such party."""
    from channel.log.sqlite import SqliteLog
    from channel.log.verify import verify_log
    from channel.replay.dispute import judge
    from channel.replay.reading import read_log
    from channel.replay.witnessed import Witnessed

    reading = read_log(path)
    ledger = reading.folded.ledger
    if query.party is not None and query.party not in ledger.parties:
        raise UsageError(f"the log knows {', '.join(ledger.parties)}, not {query.party!r}")
    store = SqliteLog(path, "read")
    try:
        report = verify_log(store.rows(), store.notes(), charter, store.cosignatures)
        return reading, judge(reading, query, Witnessed(ledger, store)), report
    finally:
        store.close()


def _put(reading: Reading, found: Dispute, report: Report, html: Path | None, json_output: bool) -> None:
    from channel.replay.dispute_document import document
    from channel.replay.dispute_html import page

    if json_output:
        print_json(document(reading, found, report))
    elif html is None:
        _print(reading, found, report)
    else:
        try:
            html.write_text(page(reading, found, report), encoding="utf-8")
        except OSError as error:
            raise UsageError(
                f"cannot write {html}: {error.strerror}; name a file in a directory that is there"
            ) from error
        sys.stdout.write(f"{len(found.notices)} notices; the report is in {html}\n")


def _print(reading: Reading, found: Dispute, report: Report) -> None:
    """Plain lines, the log's order."""
    from channel.ledger import wording
    from channel.replay import dispute_claims as claims

    write, ledger = sys.stdout.write, reading.folded.ledger
    write(f"{claims.log_line(ledger, report)}\n")
    for notice in found.notices:
        write(f"leaf {notice.record.index}: {wording.notice_line(ledger, notice.record)}\n")
        for row in notice.told:
            best, via = row.at(), f" via {row.via}" if row.via else ""
            when = "" if best is None else f", {claims.interval(best)}; {claims.signature(best)}"
            write(f"  {row.party}{via} ({row.role}): {claims.level(best)}{when}\n")
            for line in claims.claims(found, notice, row):
                write(f"    - {line}\n")
        for done in notice.after:
            write(f"  then, leaf {done.entry.index}: {claims.act(ledger, done)}\n")
    if not found.notices:
        write("no notice in this log touches the area at that time\n")
    write("not proven:\n")
    for line in claims.unproven(ledger, found, report):
        write(f"  - {line}\n")


def _bytes(file: Path, name: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read the {name}'s file {file}: {error.strerror}") from error


def moment(option: str, text: str) -> int:
    """A time that a person typed; UsageError names the option."""
    if text.startswith("+") or text == "now":
        raise UsageError(f"{option} takes a time like 2017-09-16T00:30Z or 160030Z SEP 17, not {text!r}")
    return moment_ms(text, 0)
