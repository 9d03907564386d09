"""Lines on a party's screen: notices in its own language, coordinates and time. What others wrote is shown inert.

Pure: what it shows is handed in. Documents for `--json` are in documents.py, one-line wording in channel/ledger.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TextIO

from rich.console import Console
from rich.text import Text

from channel.ledger import delivery as dl
from channel.ledger import finding_wording, wording
from channel.ledger.grade import of_leaf
from channel.ledger.ledger import Ledger
from channel.ledger.records import NoticeRecord
from channel.protocol import phrasebook
from channel.protocol.forms import Circle, Line, Point, Polygon, Position, Shape, Volume
from channel.protocol.statements import Call, LineStatement, Notice
from channel.protocol.times import dtg, from_wire, short, to_wire
from clients import documents
from clients.documents import Document

POINTS_SHOWN = 6  # of a path or an area: more is for a map
STYLES = {"FLASH": "bold red", "IMMEDIATE": "bold yellow", "PRIORITY": "bold", "ROUTINE": ""}
ALARM, DONE, FAINT = "bold red", "green", "dim"
_ASKS = {"WU": "asks WILCO or UNABLE", "R": "asks ROGER", "NE": "asks no answer"}


class Habits(Protocol):
    """How a party reads: its language, and its own way with places and times (clients/defaults.py)."""

    @property
    def language(self) -> str: ...

    def show_place(self, position: tuple[int, int]) -> str: ...

    def show_time(self, ms: int) -> str: ...


@dataclass(frozen=True, slots=True)
class View:
    """Whose screen it is, what that party's ledger holds, and its time."""

    ledger: Ledger
    me: str
    habits: Habits
    now_ms: int
    witnessed: int = 0
    """Leaves below this index are witnessed (protocol.md 7.9)."""

    def grade(self, record: NoticeRecord) -> str:
        """How well a notice that is here is attested: `logged` or `witnessed`."""
        return of_leaf(record.index, self.witnessed).value

    @property
    def command(self) -> str:
        """What this party types before every command."""
        return f"party -p {self.me}"


def console(file: TextIO) -> Console:
    """Plain where nobody watches a terminal or NO_COLOR is set; never markup, since parties' words go through it."""
    return Console(file=file, markup=False, highlight=False, emoji=False, soft_wrap=True)


# --- one notice -------------------------------------------------------------------------------------------------------


def row(view: View, record: NoticeRecord) -> Text:
    """A notice on one line, with how it stands for this party."""
    line = Text(wording.notice_line(view.ledger, record), style=STYLES[record.body.precedence.value])
    states = [state(view, one) for one in documents.deliveries(view.ledger, view.me, record) if one.author != view.me]
    return line.append(f" [{'; '.join(states)}]", style=FAINT) if states else line


def state(view: View, one: dl.Delivery) -> str:
    """How a delivery stands, in words."""
    return wording.delivery_state(view.ledger, one, view.now_ms)


def notice(view: View, record: NoticeRecord) -> Iterator[Text]:
    """A notice in full: who, what, where and when in this party's own ways, and what is wanted from it."""
    body = record.body
    style = STYLES[body.precedence.value]
    ref = wording.notice_ref(view.ledger, record.nid)
    head = f"{body.precedence.value} {wording.sealed_kind(record)} {ref}  {record.author} -> {wording.addressees(body)}"
    yield Text(head, style=style)
    if isinstance(body, Notice) and body.status != "operation":
        yield Text(f"  {body.status.upper()}: NOT FOR REAL", style="bold reverse")
    asks = _ASKS[record.response.value]
    logged = f"leaf {record.index} ({view.grade(record)}), {view.habits.show_time(record.stamp_ms)}"
    yield Text(f"  {logged}; {asks}; id {record.nid}", style=FAINT)
    if doubt := wording.doubt(view.ledger, record.of):
        yield Text(f"  DOUBTFUL{doubt}: ring {record.author}", style=ALARM)
    for line in said(view, record):
        yield Text(f"  {line}")
    for finding in finding_wording.standing_on(view.ledger, record.of):
        text = finding_wording.finding_line(view.ledger, finding.body, finding.raised_ms)
        yield Text(f"  {text}", style=STYLES[finding.body.precedence.value])
    for one in documents.deliveries(view.ledger, view.me, record):
        at = DONE if one.end in (dl.End.ANSWERED, dl.End.TOLD) else ""
        yield Text(f"  {wording.route(one.author, one.addressee, one.via)}: {state(view, one)}", style=at)
    for want in documents.wanted(view.ledger, view.me, record):
        yield wanted(view, record, want)


def wanted(view: View, record: NoticeRecord, want: Document) -> Text:
    """What this party owes on a notice, by when, and what to type."""
    ref = wording.notice_ref(view.ledger, record.nid)
    left = want["due"] - view.now_ms
    when = f"due in {short(left)}" if left > 0 else f"{short(left)} OVERDUE"
    if want["do"] == "forward":
        typed = f"{view.command} forward {ref} --to {want['to']}"
        return Text(f"  > pass it on to {want['to']}, {when}: {typed}", style=ALARM if left <= 0 else "bold")
    word = "ROGER" if record.response.value == "R" else "WILCO"
    read = " --read-back PLACE,TIME" if isinstance(record.body, Notice) and record.body.read_back else ""
    typed = f"{view.command} answer {ref} {word}{read}|UNABLE|STANDBY"
    return Text(f"  > answer {want['to']}, {when}: {typed}", style=ALARM if left <= 0 else "bold")


def said(view: View, record: NoticeRecord) -> Iterator[str]:
    """What a notice says: words, phrases in this party's language, places and times in its own ways."""
    body = record.body
    match body:
        case Notice():
            if body.sealed is not None:
                yield sealed(view, record)
            if body.warn is not None:
                yield f"others may be warned of: {shape(view.habits, body.warn)}"
            yield from _prose(body.text)
            for element in body.elements:
                yield phrasebook.render(element, view.habits.language)
            for volume in body.volumes:
                yield volume_line(view.habits, volume)
            for word, of in (("amends", body.amends), ("withdraws", body.withdraws), ("replaces", body.replaces)):
                if of is not None:
                    earlier = view.ledger.notices.get(of)
                    yield f"{word} {earlier.nid if earlier is not None else of}"
        case Call():
            desks = ", ".join(wording.desk(of) for of in body.desks)
            began, ended = from_wire(body.began), from_wire(body.ended)
            yield f"call between {desks}, {view.habits.show_time(began)}, {short(ended - began)}"
            yield from _prose(body.readout)
        case LineStatement():
            yield f"{body.action} line {body.line} version {body.version}: {wording.inert(body.title)}"
            yield from _prose(body.text)
        case _:
            pass


def sealed(view: View, record: NoticeRecord) -> str:
    """Who can read a sealed notice, and whether this party is one of them."""
    if record.unsealed:
        return "sealed: only its author and its addressees can read what follows"
    if record.author == view.me:
        return "sealed, and what it says is not in this home any more"
    if view.me in record.parties:
        again = f"if it has none, this home has lost what was sealed: ask {record.author} to send it again"
        return f"sealed to this party, and not open here: see the alarms of `status`; {again}"
    return "sealed: this party passes it on and cannot read it"


def _prose(text: str) -> Iterator[str]:
    """A party's text line by line; nothing in it can leave its line or turn the reading direction."""
    return (wording.inert(line) for line in text.split("\n") if line)


def volume_line(habits: Habits, volume: Volume) -> str:
    """Where and when: `within 2 km of 37S FV 03672 10890, from 160040Z SEP 17 until 160110Z SEP 17`."""
    since, until = habits.show_time(from_wire(volume.from_)), habits.show_time(from_wire(volume.until))
    band = ""
    if volume.altitude is not None:
        band = f", {volume.altitude.floor_m} to {volume.altitude.ceiling_m} m {volume.altitude.reference.upper()}"
    return f"{shape(habits, volume.shape)}{band}, from {since} until {until}"


def shape(habits: Habits, of: Shape) -> str:
    """A shape in the party's own coordinates."""
    match of:
        case Point(at=at, accuracy_m=accuracy_m):
            return f"at {habits.show_place(at)} (within {metres(accuracy_m)})"
        case Circle(center=center, radius_m=radius_m):
            return f"within {metres(radius_m)} of {habits.show_place(center)}"
        case Line(path=path, width_m=width_m):
            return f"along {_points(habits, path)}, {metres(width_m)} wide"
        case Polygon(rings=rings):
            holes = f", without {len(rings) - 1} areas inside" if len(rings) > 1 else ""
            return f"area of {_points(habits, rings[0])}{holes}"


def _points(habits: Habits, path: Iterable[Position]) -> str:
    points = [habits.show_place(position) for position in path]
    more = f" and {len(points) - POINTS_SHOWN} more" if len(points) > POINTS_SHOWN else ""
    return "; ".join(points[:POINTS_SHOWN]) + more


def metres(count: int) -> str:
    """`500 m`, `2 km`, `2.5 km`."""
    return f"{count / 1000:g} km" if count >= 1000 else f"{count} m"


# --- what came by voice, what stands ----------------------------------------------------------------------------------


def told_by_voice(view: View, document: Document) -> Iterator[Text]:
    """A notice that this party was told on the telephone and may answer, though its text is not for its screen."""
    of = document["token_sha256"]
    by, contact = document["told_by"], wording.inert(document["contact"])
    at = view.habits.show_time(from_wire(document["at"]))
    yield Text(f"TOLD BY VOICE by {by} on {contact}, {at}; notice {of[:12]}", style="bold")
    for line in _prose(document["readback"]):
        yield Text(f"  read back: {line}")
    if document["answered"]:
        yield Text("  answered by us", style=DONE)
        return
    yield Text(f"  > confirm it: {view.command} answer {of[:12]} WILCO|UNABLE|ROGER", style="bold")


def document_of(view: View, one: dl.Delivery) -> Document:
    """A delivery for `status --json`: what `show` says of it, and the sentence."""
    grade = view.grade(view.ledger.notices[one.of])
    return {**documents.delivery(view.ledger, one), "grade": grade, "state": state(view, one)}


def clock_line(view: View) -> str:
    """The net's time, for everybody and in this party's style."""
    own = view.habits.show_time(view.now_ms)
    return dtg(view.now_ms) if own == dtg(view.now_ms) else f"{dtg(view.now_ms)} ({own})"


def now_document(view: View) -> Document:
    """The net's time in a document."""
    return {"now": view.now_ms, "now_time": to_wire(view.now_ms)}
