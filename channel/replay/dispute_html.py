"""A dispute report as one page that can be printed and handed over: no script, nothing fetched, all text escaped.

What parties wrote stands in their own letters, made inert: it cannot turn the direction of reading or become markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from channel.ledger import wording
from channel.ledger.ledger import Ledger
from channel.log.claims import moment
from channel.log.report import Report, Verdict
from channel.protocol import phrasebook
from channel.protocol.places import format_place
from channel.protocol.statements import Circle, Line, Point, Polygon, Shape
from channel.replay import dispute_claims as claims
from channel.replay.dispute import Dispute, Disputed, Step, Told, shapes_of
from channel.replay.reading import Reading

_STYLE = """
@page { size: A4; margin: 18mm 16mm 20mm; @bottom-right { content: counter(page) " / " counter(pages); } }
* { box-sizing: border-box; }
body { font: 10.5pt/1.45 Georgia, "Times New Roman", serif; color: #111; }
body { max-width: 190mm; margin: 10mm auto; padding: 0 6mm; }
h1 { font-size: 19pt; margin: 0 0 1mm; } h2 { font-size: 13.5pt; margin: 9mm 0 2mm; border-bottom: 1px solid #111; }
h2 { break-after: avoid; } h2 + p, blockquote { break-after: avoid; } th .time { font-size: 8.5pt; }
h3 { font-size: 11.5pt; margin: 7mm 0 1.5mm; break-after: avoid; } p { margin: 0 0 2mm; } .sub { color: #444; }
table { border-collapse: collapse; width: 100%; margin: 2mm 0 3mm; font-size: 9.5pt; table-layout: fixed; }
th, td { border: 1px solid #888; padding: 1.2mm 1.8mm; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
th { background: #eee; font-weight: bold; } tr { break-inside: avoid; } thead { display: table-header-group; }
table.scope th { width: 24%; } ul, ol { margin: 0 0 2mm; padding-left: 5mm; } td ul { padding-left: 4mm; }
blockquote { margin: 1mm 0 2mm; padding: 1mm 3mm; border-left: 3px solid #888; } code { font-size: 8.5pt; }
.warning { border: 2px solid #111; padding: 2mm 3mm; font-weight: bold; } .level { font-weight: bold; }
.time { white-space: nowrap; }
@media print { body { margin: 0; padding: 0; max-width: none; } }
"""
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z")
_VERTICES_SHOWN = 40  # more is not read by anybody


def page(reading: Reading, dispute: Dispute, log: Report) -> str:
    """The whole page, as HTML."""
    ledger = reading.folded.ledger
    body = "\n".join(
        [
            *_scope(reading, dispute, log),
            *_method(),
            *_glance(dispute),
            *(
                line
                for number, notice in enumerate(dispute.notices, 1)
                for line in _notice(ledger, dispute, notice, number)
            ),
            "<h2>What this report does not show</h2>",
            _list(claims.unproven(ledger, dispute, log)),
        ]
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>Dispute report, {escape(ledger.charter.net)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n{_TIME.sub(_whole, body)}\n</body>\n</html>\n"
    )


def _whole(time: re.Match[str]) -> str:
    """A time that no line break cuts."""
    return f'<span class="time">{time[0]}</span>'


# --- scope, method, overview ------------------------------------------------------------------------------------------


def _scope(reading: Reading, dispute: Dispute, log: Report) -> Iterator[str]:
    ledger, query, head = reading.folded.ledger, dispute.query, reading.head()
    yield "<h1>Who is proven to have known what, and when</h1>"
    net = f"{_text(ledger.charter.title)} ({escape(ledger.charter.net)})"
    yield f'<p class="sub">Dispute report from the log of {net}</p>'
    if log.verdict is Verdict.REFUTED:
        yield (
            '<p class="warning">This log is not what was signed: see the reasons at the end. Nothing below can be '
            "relied on before that is explained.</p>"
        )
    if ledger.charter.trial:
        yield (
            '<p class="warning">By its charter this net is a trial, made by one hand: nothing in it is proven between '
            "parties.</p>"
        )
    west, south, east, north = query.area.corners()
    vertices = sum(len(ring) - 1 for rings in query.area.polygons for ring in rings)
    extent = f"latitude {south:.5f} to {north:.5f}, longitude {west:.5f} to {east:.5f}"
    rows = {
        "Time in dispute": f"{moment(query.from_ms)} to {moment(query.until_ms)} (UTC)",
        "Area in dispute": f"{len(query.area.polygons)} polygon(s), {vertices} vertices, within {extent} (WGS 84)",
        "Parties": f"only notices that {query.party} wrote or was to get" if query.party else "all, in both directions",
        "Log": f"{head['tree_size']} leaves, root {head['root']}: {claims.VERDICTS[log.verdict]}",
        "Charter": f"hash {ledger.charter_of}",
        "Found": f"{len(dispute.notices)} notice(s) whose area touches the area and whose time touches the time",
    }
    yield '<table class="scope">'
    yield from (f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows.items())
    yield "</table>"


def _method() -> Iterator[str]:
    yield "<h2>Method</h2>"
    yield "<ol>" + "".join(f"<li>{escape(sentence)}</li>" for sentence in claims.METHOD) + "</ol>"


def _glance(dispute: Dispute) -> Iterator[str]:
    yield "<h2>At a glance</h2>"
    if not dispute.notices:
        yield "<p>No notice in this log touches the area at that time.</p>"
        return
    start, end = moment(dispute.query.from_ms), moment(dispute.query.until_ms)
    yield (
        '<table><thead><tr><th style="width:8%">Notice</th><th style="width:11%">From</th><th style="width:20%">To</th>'
        f'<th style="width:21%">In the log by {escape(start)}</th>'
        f'<th style="width:21%">In the log by {escape(end)}</th>'
        "<th>In the end</th></tr></thead><tbody>"
    )
    for number, notice in enumerate(dispute.notices, 1):
        for told in notice.told:
            cells = (str(number), notice.record.author, _route(told), *_levels(dispute, told))
            yield "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
    yield "</tbody></table>"
    yield (
        '<p class="sub">A level marked * is not excluded to have been reached already by then: the statement came into '
        "the log later, and nothing shows that it was signed later.</p>"
    )


def _levels(dispute: Dispute, told: Told) -> tuple[str, str, str]:
    query = dispute.query
    by = [claims.level(told.at(at_ms)) + _maybe(told, at_ms) for at_ms in (query.from_ms, query.until_ms)]
    return by[0], by[1], claims.level(told.at())


def _maybe(told: Told, at_ms: int) -> str:
    then = told.at(at_ms)
    rank = -1 if then is None else then.level.rank
    later = [step for step in told.maybe_by(at_ms) if step.level.rank > rank]
    return f" ({', '.join(dict.fromkeys(claims.level(step) for step in later))}*)" if later else ""


def _route(told: Told) -> str:
    via = f" via {told.via}" if told.via is not None else ""
    role = {"action": "", "information": " (for information)", "intermediary": " (only to pass it on)"}[told.role]
    return f"{told.party}{via}{role}"


# --- one notice -------------------------------------------------------------------------------------------------------


def _notice(ledger: Ledger, dispute: Dispute, notice: Disputed, number: int) -> Iterator[str]:
    record, body = notice.record, notice.body
    status = f", {body.status}" if body.status != "operation" else ""
    kind = record.kind if body.sealed is None else "sealed notice"
    yield (
        f"<h2>Notice {number}: {escape(record.author)} to {escape(wording.addressees(body))}</h2>"
        f"<p>{escape(body.precedence.value)} {escape(kind)}{escape(status)}, "
        f"<code>{escape(record.nid)}</code>. {escape(_first(claims.interval(notice.step)))}. "
        f"Signed with {escape(claims.signature(notice.step))}.</p>"
    )
    said = [phrasebook.render(element, "en") for element in body.elements] + ([body.text] if body.text else [])
    if body.sealed is not None:
        yield "<p>It is sealed: only what its outer shows is known here.</p>"
    yield from (f'<blockquote dir="auto">{_text(line)}</blockquote>' for line in said)
    yield _list(_places(notice))
    yield (
        '<table><thead><tr><th style="width:15%">Party</th><th style="width:13%">Highest level proven</th>'
        '<th style="width:29%">Since when, on whose signature</th><th>What that shows</th></tr></thead><tbody>'
    )
    for told in notice.told:
        shown = _list(map(_first, claims.claims(dispute, notice, told)))
        yield (
            f'<tr><td>{escape(_route(told))}</td><td class="level">{escape(claims.level(told.at()))}</td>'
            f"<td>{''.join(_steps(told))}</td><td>{shown}</td></tr>"
        )
    yield "</tbody></table>"
    yield f"<h3>What {escape(record.author)} and the channel did then</h3>"
    if notice.after:
        acts = (
            f"{moment(act.entry.stamp_ms)}, leaf {act.entry.index}: {claims.act(ledger, act)}" for act in notice.after
        )
        yield _list(acts)
    else:
        yield "<p>No alert, amendment, withdrawal or call after it is in the log.</p>"


def _steps(told: Told) -> Iterator[str]:
    """The highest first; what led to it after it, shorter."""
    best = told.at()
    if best is None:
        yield "no statement"
        return
    yield f"<p>{escape(_first(claims.interval(best)))}.</p><p><code>{escape(claims.signature(best))}</code></p>"
    yield from (_earlier(step) for step in told.steps if step is not best and step.entry.opened.party == told.party)


def _earlier(step: Step) -> str:
    line = f"Also {claims.level(step)}: {moment(step.stamp_ms)}, leaf {step.entry.index}, {step.kid}."
    return f'<p class="sub">{escape(line)}</p>'


def _places(notice: Disputed) -> Iterator[str]:
    if not notice.placed:
        yield "an area of it means no place on the map; it is listed so that nothing is left out"
    body = notice.body
    for volume in body.volumes:
        band = volume.altitude
        height = f", {band.floor_m} to {band.ceiling_m} m {band.reference}" if band is not None else ""
        yield f"{_place(volume.shape)}{height}, from {_short(volume.from_)} to {_short(volume.until)}"
    if not body.volumes:
        yield from (f"area of warning: {_place(shape)}; no time is shown" for shape in shapes_of(body))


def _place(shape: Shape) -> str:
    match shape:
        case Point(at=place, accuracy_m=reach_m):
            return f"{format_place(place, 'latlon')}, within {reach_m} m"
        case Circle(center=place, radius_m=reach_m):
            return f"circle of {reach_m} m around {format_place(place, 'latlon')}"
        case Line(path=path, width_m=width_m):
            return f"line {width_m} m wide: " + _vertices(path)
        case Polygon(rings=rings):
            holes = f", with {len(rings) - 1} hole(s)" if len(rings) > 1 else ""
            return "polygon: " + _vertices(rings[0]) + holes


def _vertices(places: Sequence[tuple[int, int]]) -> str:
    shown = [format_place(place, "latlon") for place in places[:_VERTICES_SHOWN]]
    more = len(places) - len(shown)
    return "; ".join(shown) + (f"; and {more} more, which `--json` lists" if more else "")


def _short(time: str) -> str:
    return time.replace(".000Z", "Z")


def _first(sentence: str) -> str:
    """With a capital, unless it begins with a party's name or a key."""
    return (
        sentence[:1].upper() + sentence[1:]
        if sentence.startswith(("a ", "no ", "not ", "when ", "by ", "the ", "leaf "))
        else sentence
    )


def _text(text: str) -> str:
    """A party's own words, inert and escaped."""
    return escape(wording.inert(text))


def _list(lines: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{_text(line)}</li>" for line in lines) + "</ul>"
