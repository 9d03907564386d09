"""`channel picture`: the common picture of a log, or of the running channel, for people, scripts and any GIS."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from channel.commands.app import HomeOption, JsonOption, app, find_home, print_json, told
from channel.protocol.errors import UsageError

if TYPE_CHECKING:
    from channel.ledger import Ledger


@app.command(epilog="Example: channel picture DIR/log.sqlite --at 2017-09-16T00:30Z --geojson > picture.geojson")
def picture(
    log: Annotated[Path | None, typer.Argument(help="A log file, or a channel's directory.")] = None,
    live: Annotated[bool, typer.Option("--live", help="The channel of --home, as it is now.")] = False,
    at: Annotated[str | None, typer.Option(help="Leaf index or time. Default: the log's end, or now.")] = None,
    party: Annotated[str | None, typer.Option(help="Only what this party may read.")] = None,
    track: Annotated[str | None, typer.Option(help="The way of a unit: UNIT, or PARTY/UNIT.")] = None,
    since: Annotated[str | None, typer.Option(help="Of --track: from this time on.")] = None,
    geojson: Annotated[bool, typer.Option("--geojson", help="A FeatureCollection with styles, for any GIS.")] = False,
    home: HomeOption = None,
    json_output: JsonOption = False,
) -> None:
    """Who is where and means to do what, the agreed lines, the findings. Example: channel picture DIR --geojson"""
    with told(json_output or geojson):
        from channel.picture import features
        from channel.protocol.times import moment_ms

        if geojson and json_output:
            raise UsageError("--geojson and --json are two forms: give one of them")
        if since is not None and track is None:
            raise UsageError("--since is of --track: add --track UNIT, or ask for one moment with --at")
        ledger, at_ms = _read(log, live, at, home)
        if party is not None and party not in ledger.parties:
            raise UsageError(f"{party!r} is not a party to this net: {', '.join(ledger.parties)}")
        if track is not None:
            author, unit = _unit(features.units(ledger, party), track)
            since_ms = 0 if since is None else moment_ms(since, at_ms)
            collection = features.track(ledger, author, unit, since_ms, at_ms, party)
        else:
            collection = features.features(ledger, at_ms, party)
        if geojson:
            print_json(collection)
        elif json_output:
            print_json(_document(ledger, at_ms, party, collection))
        else:
            for line in _lines(ledger, at_ms, party, collection):
                sys.stdout.write(line + "\n")


def _read(log: Path | None, live: bool, at: str | None, home: Path | None) -> tuple[Ledger, int]:
    """The ledger up to the moment, and the moment. UsageError if it is not said of what."""
    from channel.relay.clock import SystemClock
    from channel.relay.home import ChannelHome
    from channel.replay.moment import Moment

    if live == (log is not None):
        raise UsageError("give a log (channel picture DIR/log.sqlite), or --live for the running channel")
    if at is not None and (at == "now" or at.startswith("+")):
        raise UsageError(f"--at takes a leaf index or a time like 2017-09-16T00:30Z, not {at!r}")
    if log is not None:
        ledger = _up_to(log / "log.sqlite" if log.is_dir() else log, at)
        _say_if_beyond(ledger, at)
        return ledger, Moment.of(at).ms or ledger.last_stamp_ms
    channel = ChannelHome.open(find_home(home))
    ledger = _up_to(channel.log_file, at)
    _say_if_beyond(ledger, at)
    now_ms = ledger.last_stamp_ms if at is not None else SystemClock.of_home(channel.path).now_ms()
    return ledger, Moment.of(at).ms or now_ms


def _say_if_beyond(ledger: Ledger, at: str | None) -> None:
    """A leaf that is not there yet is no mistake, as in `channel replay`: what is shown is the log's end."""
    from channel.replay.moment import Moment

    index = Moment.of(at).index
    if index is not None and index >= ledger.size:
        sys.stderr.write(f"channel: the log ends at leaf {ledger.size - 1}: there is no leaf {index}\n")


def _up_to(path: Path, at: str | None) -> Ledger:
    """The ledger of a log up to a moment. UsageError if that is before its first leaf."""
    from channel.replay import read_log

    return read_log(path, at).folded.ledger


def _unit(units: list[tuple[str, str]], wanted: str) -> tuple[str, str]:
    """`PARTY/UNIT`, or a unit that only one party names so. UsageError lists what there is."""
    found = [(author, unit) for author, unit in units if wanted in (unit, f"{author}/{unit}")]
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"{author}/{unit}" for author, unit in found or units)
    if not known:
        raise UsageError("no position here names a unit")
    raise UsageError(f"{wanted!r} is {'more than one unit' if found else 'no unit here'}: {known}")


def _document(ledger: Ledger, at_ms: int, party: str | None, collection: dict[str, Any]) -> dict[str, Any]:
    """What is on the picture, by what it is; styles are for maps. A finding's area is also as it was signed."""
    from channel.protocol.times import to_wire

    style = ("stroke", "fill", "marker", "title", "description")
    rows = []
    for feature in collection["features"]:
        said = {k: v for k, v in feature["properties"].items() if not k.startswith(style)}
        if said["what"] == "finding":
            body = ledger.findings[said["finding"]].body
            area = None if body.area is None else body.area.model_dump(mode="json")
            said |= {"detail": body.detail, "response": body.response.value, "area": area}
        rows.append({"id": feature["id"], **said, "geometry": feature["geometry"]})
    groups = ("position", "intent", "site", "incident", "line", "excluded", "finding", "track")
    return {
        "net": ledger.charter.net,
        "at": to_wire(at_ms),
        "at_ms": at_ms,
        "party": party,
        **{f"{group}s" if group != "excluded" else group: [r for r in rows if r["what"] == group] for group in groups},
    }


def _lines(ledger: Ledger, at_ms: int, party: str | None, collection: dict[str, Any]) -> list[str]:
    """One line a notice, line and finding."""
    from channel.ledger.alert_wording import cut, inert
    from channel.ledger.finding_wording import standing_line
    from channel.picture.features import standing
    from channel.protocol.times import dtg, from_wire

    lines = [f"{ledger.charter.net} at {dtg(at_ms)}" + (f", as {party} may read it" if party else "")]
    volumes = Counter(feature["properties"].get("nid") for feature in collection["features"])
    for feature in collection["features"]:
        said = feature["properties"]
        match said["what"]:
            case "line":
                kept = ", ".join(f"{name} {side}" for name, side in said["keeps"].items())
                lines.append(f"line {said['line']}, version {said['version']}: {kept}")
            case "track":
                lines.append(f"track of {said['title']}: {len(said['times'])} positions")
            case "finding" | "excluded":
                continue
            case _ if feature["id"].endswith("/1"):  # a notice's other volumes are counted
                window = f"{dtg(from_wire(said['from']))} to {dtg(from_wire(said['until']))}"
                more = f" ({volumes[said['nid']]} places)" if volumes[said["nid"]] > 1 else ""
                lines.append(f"{inert(said['title'])}{more}, {window}: {cut(inert(said['description']))}")
    if all(feature["properties"]["what"] != "track" for feature in collection["features"]):
        lines += [standing_line(ledger, record, at_ms) for record in standing(ledger, at_ms, party)]
    return lines
