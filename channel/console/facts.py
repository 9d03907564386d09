"""What the channel says about leaves, findings and ends, as codes and values: pages put them into a viewer's language.

A code is a key of the pages' dictionaries; what is not in these is shown as it is. A value's name ends with its unit
(`_ms`, `_m`, `_s`, `_cm_s`, `_at`), or is a family of the dictionaries (`kind`), or stands as it is. The channel's own
sentence, in English, goes beside them. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from channel.console.shapes import Fact
from channel.ledger import Ledger, alert_wording, finding_wording
from channel.ledger.records import AlertRecord, Entry, FindingRecord
from channel.protocol.statements import (
    Accession,
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
    KeyStatement,
    LineStatement,
    Receiving,
    Refusal,
    Revocation,
    Start,
    Suspension,
)

Facts = tuple[Fact, ...]


def _fact(code: str, /, **values: str | int) -> Fact:
    return Fact(code=code, values=values)


def of_entry(ledger: Ledger, entry: Entry) -> Facts:
    """What one leaf says."""
    body, party = entry.opened.body, entry.opened.party
    match body:
        case Addressed():
            return _addressed(ledger, entry, body)
        case Alert():
            return of_alert(ledger, ledger.alerts[body.alert])
        case Finding():
            state = () if body.state == "raised" else (_fact("said.over"),)
            return (_fact(f"stage.{body.kind}"), *state, *of_finding(ledger, body))
        case Answer():
            return tuple(_answer(ledger, entry, body))
        case Forwarding():
            return (_fact(f"said.forwarded-{body.by}", party=party, to=body.to),)
        case Receiving():
            return (_fact(f"said.{body.stage.value}", party=party, desk=f"{party}/{body.desk}"),)
        case _:
            return (_other(party, body),)


def _addressed(ledger: Ledger, entry: Entry, body: Addressed) -> Facts:
    record = ledger.notices[entry.opened.of]
    to = ", ".join(one.party + (f" ({one.via})" if one.via else "") for one in body.to)
    first: Fact
    match body:
        case LineStatement():
            first = _fact(f"said.line-{body.action}", line=body.line, version=body.version)
        case Call():
            first = _fact("kind.call")
        case _:
            first = _fact(f"kind.{record.kind}" if record.unsealed or not _sealed(body) else "notice.sealed")
    told = (_fact("said.info", to=", ".join(body.info)),) if body.info else ()
    return (first, _fact("said.from-to", party=record.author, to=to), *told)


def _sealed(body: Addressed) -> bool:
    return getattr(body, "sealed", None) is not None


def of_alert(ledger: Ledger, record: AlertRecord) -> Facts:
    """What is wrong, and up to which rung it went."""
    body = record.body
    wrong = _fact(f"stage.{body.stage}", fault=body.fault, addressee=body.addressee or body.fault)
    over = (_fact("said.late", late_ms=record.raised_ms - alert_wording.due_ms(ledger, record)),)
    return (wrong, _fact(f"rung.{body.rung.value}"), *(over if body.addressee is not None else ()))


def of_finding(ledger: Ledger, body: Finding) -> Facts:
    """The notices that it rests on, as far as they are here, and what was measured."""
    known = [ledger.notices[of] for of in body.rests_on if of in ledger.notices]
    which = (_fact("said.notice-of", kind=record.kind, party=record.author) for record in known)
    return (*which, *measured(body.measures))


def measured(measures: Mapping[str, int]) -> Facts:
    """Each measure of a finding."""
    return tuple(_measure(name, value) for name, value in measures.items())


def _measure(name: str, value: int) -> Fact:
    unit = next((unit for unit in ("cm-s", "m", "s") if name.endswith(f"-{unit}")), "count")
    return Fact(code=f"measure.{name}", values={f"value_{unit.replace('-', '_')}": value})


def of_ending(ledger: Ledger, record: AlertRecord | FindingRecord) -> Facts:
    """Why an alert, or a finding, is over."""
    if isinstance(record, AlertRecord):
        over = alert_wording.ending(ledger, record)
    else:
        over = finding_wording.ending(ledger, record)
    why = _fact(f"end.{over.kind}", party=over.who, word=over.word)
    return (why, _fact("said.late", late_ms=over.late_ms)) if over.late_ms is not None else (why,)


def _answer(ledger: Ledger, entry: Entry, body: Answer) -> Iterator[Fact]:
    party = entry.opened.party
    yield _fact("said.answer", word=body.word.value, desk=f"{party}/{body.desk}")
    if body.until is not None:
        yield _fact("cell.until", time_at=body.until)
    if body.reason:
        yield _fact("said.reason", reason=body.reason)
    if entry.opened.of in ledger.misread:
        yield _fact("said.misread")


def _other(party: str, body: object) -> Fact:
    match body:
        case Charter():
            return _fact("said.charter", net=body.net)
        case Accession():
            return _fact("said.acceded", party=party)
        case Refusal():
            return _fact("said.refused", party=body.party, code=body.code)
        case Acknowledgement():
            return _fact("said.acknowledged", desk=f"{party}/{body.desk}", reason=body.reason)
        case Check():
            return _fact(f"said.{body.state}", desk=f"{party}/{body.desk}")
        case Suspension():
            return _fact(f"said.{body.action}", party=party)
        case KeyStatement():
            return _fact("said.key-enrolled", party=party, kid=body.key.kid)
        case Revocation():
            return _fact("said.key-withdrawn", party=party, kid=body.kid)
        case ClockStep():
            return _fact("said.clock", old_at=body.old, new_at=body.new)
        case Start():
            return _fact("said.started", down_ms=body.downtime_ms)
        case _:
            return _fact(f"type.{getattr(body, 'TYPE', 'leaf')}")
