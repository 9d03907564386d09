"""What happens, in lines for people: one a notice, an answer, a forwarding, an alert (docs/scenario.md S70).

Pure: leaves and the ledger right after them in, lines out. Colours, pace and the terminal are presentation.py's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from channel.ledger import delivery as dl
from channel.ledger import wording
from channel.ledger.finding_wording import finding_line
from channel.ledger.finding_wording import name as finding_name
from channel.ledger.ledger import Ledger
from channel.ledger.records import NoticeRecord
from channel.protocol.phrasebook import render
from channel.protocol.statements import (
    Acknowledgement,
    Addressed,
    Alert,
    Answer,
    Call,
    Charter,
    Check,
    ClockStep,
    Finding,
    Forwarding,
    LineStatement,
    Notice,
    Receiving,
    Refusal,
    Stage,
    Suspension,
    Word,
)
from channel.protocol.times import dtg, short
from channel.scenario.journal import Told

NID_CHARS = 13  # the milliseconds of a UUIDv7: what `party show` takes as a beginning
TEXT_CHARS = 110  # of a notice's text in its line: the whole is in the inbox


class Tone(StrEnum):
    """How much a line matters: what is held so that it can be read, and its colour."""

    ROUTINE = "routine"
    ANSWER = "answer"
    ALERT = "alert"
    FINDING = "finding"
    CLEARED = "cleared"
    REFUSED = "refused"
    ASIDE = "aside"


REFUSED_SIGN = "xx"  # before the time, for eyes without colour: as `!!` of an alert and `--` of one that ended
HELD = frozenset({Tone.ANSWER, Tone.ALERT, Tone.REFUSED})


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `mark` says what is invented and what it rests on; it is shown after the text, faintly."""

    text: str
    tone: Tone
    mark: str = ""


class Narrator:
    """Tells leaves as lines. It remembers labels, marks and what it has told as cleared; the rest is the ledger's."""

    def __init__(self) -> None:
        self._labels: dict[str, str] = {}
        self._marks: dict[str, str] = {}
        self._standing: dict[str, None] = {}
        self._watch: dict[tuple[str, str], str] = {}
        self._found: dict[tuple[object, ...], str] = {}
        """Findings that were told, by what they say -> the first leaf that said it."""

    def name(self, of: str, label: str, mark: str) -> None:
        """The statement with this hash has a label and a mark in the scenario."""
        self._labels[of] = label
        self._marks[of] = mark

    def label(self, of: str) -> str:
        """The scenario's label, the beginning of the notice's id, or the first letters of the hash."""
        return self._labels.get(of, of[:8])

    def tell(self, told: Told, ledger: Ledger) -> list[Line]:
        """The lines of one leaf; none for what only machines care about."""
        if isinstance(told.opened.body, Addressed):  # from outside the scenario: as much of the id as commands need
            self._labels.setdefault(told.opened.of, told.opened.body.nid[:NID_CHARS])
        if isinstance(told.opened.body, Alert):
            lines = [self._alert(told, ledger, told.opened.body)]
        elif isinstance(told.opened.body, Finding):
            lines = [self._finding(told, ledger, told.opened.body)]
        else:
            lines = [self._line(told, text, tone) for text, tone in self._of(told, ledger)]
        return [*lines, *self._cleared(ledger)]

    def _line(self, told: Told, text: str, tone: Tone) -> Line:
        sign = REFUSED_SIGN if tone is Tone.REFUSED else "  "
        return Line(f"{sign} {dtg(told.stamp_ms)} {text}", tone, self._marks.get(told.opened.of, ""))

    def _alert(self, told: Told, ledger: Ledger, body: Alert) -> Line:
        self._standing[body.alert] = None
        record, label = ledger.alerts[body.alert], self.label(body.of or "")
        return Line(wording.alert_line(ledger, record, told.stamp_ms, label=label), Tone.ALERT)

    def _finding(self, told: Told, ledger: Ledger, body: Finding) -> Line:
        """Raised or over, the notices that it rests on by their labels. Told to another too, it is not said again."""
        said = (body.kind, body.state, body.rests_on, body.line)
        if self._found.setdefault(said, told.opened.of) != told.opened.of and body.rests_on:
            also = ", ".join(dict.fromkeys(desk.party for desk in body.told))
            over = " is over" if body.state == "cleared" else ""
            about = ", ".join(self.label(of) for of in body.rests_on)
            return Line(
                f"   {dtg(told.stamp_ms)}   {finding_name(body)} [{about}]{over}, told to {also} too", Tone.ASIDE
            )
        text = finding_line(ledger, body, told.stamp_ms, self.label)
        return Line(text, Tone.FINDING if body.state == "raised" else Tone.CLEARED)

    # --- by type ----------------------------------------------------------------------------------------------------

    def _of(self, told: Told, ledger: Ledger) -> Iterator[tuple[str, Tone]]:
        party = told.opened.party
        match told.opened.body:
            case Charter(title=title, parties=parties):
                yield f"channel {ledger.charter.net}: {_cut(title)}; {', '.join(m.party for m in parties)}", Tone.ASIDE
            case Addressed() as body:
                yield self._notice(told.opened.of, party, body), Tone.ROUTINE
            case Answer() as body:
                yield self._answer(told, ledger, body), Tone.ANSWER
            case Forwarding() as body:
                yield f"  {party} passed {self.label(body.of)} on to {body.to}{_voice(body)}", Tone.ROUTINE
            case Receiving(of=of, stage=Stage.DISPLAYED):
                after = _since(ledger, of, told.stamp_ms)
                yield f"  {self.label(of)} is before a person at {party}{after}", Tone.ROUTINE
            case Check(desk=desk, state=state) if self._watch.get((party, desk)) != state:
                self._watch[party, desk] = state
                yield f"  {party}/{desk} is {state.replace('-', ' ')}", Tone.ASIDE
            case Acknowledgement() as body:
                who = f"{party}/{body.desk}"
                yield f"  {who} acknowledged {wording.alert_ref(ledger, body.alert)}: {_cut(body.reason)}", Tone.ROUTINE
            case Refusal() as body:
                yield f"REFUSED {self.label(body.of)} of {body.party}: {body.code}, {_cut(body.detail)}", Tone.REFUSED
            case Suspension(action=action, reason=reason):
                yield f"  {party} {action}s its part: {_cut(reason) or 'no reason given'}", Tone.ROUTINE
            case ClockStep(old=old, new=new):
                yield f"  the operator stepped the clock from {old} to {new}", Tone.ASIDE
            case _:
                return

    def _notice(self, of: str, author: str, body: Addressed) -> str:
        to = [f"{a.party} via {a.via}" if a.via else a.party for a in body.to]
        info = f" (info {', '.join(body.info)})" if body.info else ""
        head = f"{body.precedence.value:<9} {author} -> {', '.join(to) or '-'}{info} {_kind(body)} {self.label(of)}"
        match body:
            case Notice():
                said = " ".join((*(render(element, "en") for element in body.elements), body.text))
                ending = body.withdraws or body.amends
                about = f" {'withdraws' if body.withdraws else 'amends'} {self.label(ending)}" if ending else ""
                test = f" [{body.status.upper()}]" if body.status != "operation" else ""
                return f"{head}{about}{test}: {_cut(said)}"
            case Call():
                desks = ", ".join(f"{d.party}/{d.desk}" for d in body.desks)
                return f"{head} between {desks}: {_cut(body.readout)}"
            case LineStatement():
                return f"{head}: {body.action} {body.line} version {body.version}"
            case _:
                return head

    def _answer(self, told: Told, ledger: Ledger, body: Answer) -> str:
        party, record = told.opened.party, ledger.notices.get(body.of)
        delivery = ledger.deliveries.get((body.of, party))
        text = f"  {party} {body.word.value} to {self.label(body.of)}"
        if record is not None and delivery is not None:
            text = f"  {party} {body.word.value} to {record.author}'s {self.label(body.of)}"
            text += f" after {short(told.stamp_ms - delivery.base_ms)}"
            due_ms = dl.answer_due_ms(delivery, ledger.charter.deadlines.row(delivery.precedence))
            if body.word is not Word.STANDBY and delivery.answer_of == told.opened.of and told.stamp_ms > due_ms:
                text += f", {short(told.stamp_ms - due_ms)} late"
            if delivery.answer_of != told.opened.of and body.word is not Word.STANDBY:
                text += " (kept as evidence: it closes nothing)"
        if body.until is not None:
            text += f" until {body.until}"
        return text + (f": {_cut(body.reason)}" if body.reason else "")

    # --- what ends --------------------------------------------------------------------------------------------------

    def _cleared(self, ledger: Ledger) -> Iterator[Line]:
        """Alerts whose cause this leaf ended, one line a delivery."""
        ended = [alert for alert in self._standing if not ledger.alerts[alert].standing]
        for alert in ended:
            del self._standing[alert]
        for records in wording.together(ledger.alerts[alert] for alert in ended):
            label = self.label(records[0].body.of or "")
            yield Line(wording.cleared_line(ledger, *records, label=label), Tone.CLEARED)


def _kind(body: Addressed) -> str:
    return body.kind.value if isinstance(body, Notice) else body.TYPE


def _voice(body: Forwarding) -> str:
    if body.voice is None:
        return ""
    return f' by voice ({_cut(body.voice.role)}, {_cut(body.voice.contact)}; read back "{_cut(body.voice.readback)}")'


def _since(ledger: Ledger, of: str, at_ms: int) -> str:
    record: NoticeRecord | None = ledger.notices.get(of)
    return f", {short(at_ms - record.stamp_ms)} after it was sent" if record is not None else ""


def _cut(text: str) -> str:
    """One line of bounded length, inert."""
    return wording.cut(wording.inert(" ".join(text.split())), TEXT_CHARS)
