"""From an entry at its time to the act that a client is asked to do: labels become hashes, places become volumes.

An act is plain JSON with the member names of the statement that it asks for (docs/scenario.md S50). Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from channel.protocol import geometry, phrasebook
from channel.protocol.errors import UsageError
from channel.protocol.places import parse_place
from channel.protocol.statements import Circle, Line, Point, Polygon, Position, Shape, Volume
from channel.protocol.times import moment_ms, to_wire
from channel.scenario import entries
from channel.scenario.entries import Ack, Answer, Call, Check, Display, Forward, Resume, Send, Suspend, Where, Withdraw

Act = dict[str, Any]
"""JSON for a client's control line; its members are checked by the client's own models."""


def volumes(where: Sequence[Where], at_ms: int, places: Mapping[str, str]) -> tuple[Volume, ...]:
    """The volumes of a notice that is sent at `at_ms`. UsageError if a place or a time cannot be read."""
    return tuple(_volume(part, at_ms, places) for part in where)


def check_send(entry: Send, at_ms: int, places: Mapping[str, str]) -> None:
    """UsageError if this notice would be refused for its places or phrases, whatever the log says by then."""
    for element in entry.elements:
        phrasebook.element(element.code, element.values)
    problem = geometry.check_volumes(volumes(entry.places, at_ms, places), kind=entry.kind, issued_ms=at_ms)
    if problem is not None:
        raise UsageError(f"{problem[0]}: {problem[1]}")


def resolve(
    entry: Send | entries.Line | Call | Display | Answer | Forward | Withdraw | Check | Suspend | Resume,
    at_ms: int,
    desk: str,
    places: Mapping[str, str],
    tokens: Mapping[str, str],
    about: Send | entries.Line | None = None,
) -> Act:
    """The act of an entry. `tokens` gives the hash of each label signed so far; `about` is what it ends or accepts."""
    act: Act = {"do": entry.do, "desk": desk}
    for member in entry.references:
        act[member] = tokens[getattr(entry, member)]
    match entry:
        case Send():
            return act | _send(entry, at_ms, places)
        case Call():
            return act | _call(entry)
        case Answer():
            return act | _answer(entry, at_ms, places)
        case Forward():
            return act | _forward(entry, at_ms)
        case Withdraw():
            return act | _withdraw(entry, about if isinstance(about, Send) else None)
        case entries.Line():
            return act | _line(entry, about if isinstance(about, entries.Line) else entry, places)
        case Check():
            return act | {"state": entry.state}
        case Suspend() | Resume():
            return act | {"reason": entry.reason}
        case Display():
            return act


def acknowledge(entry: Ack, desk: str, alert: str) -> Act:
    """The act of an acknowledgement of an alert."""
    return {"do": "ack", "desk": desk, "alert": alert, "reason": entry.reason}


def _send(entry: Send, at_ms: int, places: Mapping[str, str]) -> Act:
    act: Act = {
        "to": [_addressee(name) for name in entry.to],
        "info": list(entry.info),
        "kind": entry.kind.value,
        "precedence": entry.precedence.value,
        "status": entry.status,
        "response": entry.owed.value,
        "how": entry.how,
        "volumes": [_json(volume) for volume in volumes(entry.places, at_ms, places)],
        "elements": [element.wire() for element in entry.elements],
        "text": entry.text,
        "read_back": entry.read_back,
    }
    return act | {name: value for name in ("unit", "alleged") if (value := getattr(entry, name)) is not None}


def _line(entry: entries.Line, proposal: entries.Line, places: Mapping[str, str]) -> Act:
    """Who accepts or withdraws repeats every term of the proposal."""
    paths = [[list(_position(name, places)[0]) for name in part] for part in proposal.parts]
    rings = [[list(_position(name, places)[0]) for name in ring] for ring in proposal.excluded]
    act: Act = {
        "to": [_addressee(name) for name in entry.to],
        "info": list(entry.info),
        "precedence": entry.precedence.value,
        "action": entry.action,
        "line": proposal.line,
        "version": proposal.version,
        "title": proposal.title,
        "parts": paths,
        "keeps": [{"party": party, "side": side} for party, side in proposal.keeps.items()],
        "excluded": rings,
        "precision_m": proposal.precision,
        "from_time": to_wire(proposal.from_ or 0),
        "beyond": proposal.beyond,
        "text": entry.text,
    }
    return act if proposal.until is None else act | {"until_time": to_wire(proposal.until)}


def check_line(entry: entries.Line, places: Mapping[str, str]) -> None:
    """UsageError if this line would be refused for its geometry."""
    parts = [[_position(name, places)[0] for name in part] for part in entry.parts]
    rings = [[_position(name, places)[0] for name in ring] for ring in entry.excluded]
    problem = geometry.check_line(parts, rings) if entry.action == "propose" else None
    if problem is not None:
        raise UsageError(f"{problem[0]}: {problem[1]}")


def _call(entry: Call) -> Act:
    desks = [name.partition("/") for name in entry.desks]
    return {
        "to": [_addressee(name) for name in entry.to],
        "info": list(entry.info),
        "precedence": entry.precedence.value,
        "level": entry.level.value,
        "began": to_wire(entry.began),
        "ended": to_wire(entry.ended),
        "desks": [{"party": party, "desk": desk} for party, _, desk in desks],
        "readout": entry.readout,
    }


def _answer(entry: Answer, at_ms: int, places: Mapping[str, str]) -> Act:
    act: Act = {"word": entry.word.value}
    if entry.reason is not None:
        act["reason"] = entry.reason
    if entry.until is not None:
        act["until"] = to_wire(moment_ms(entry.until, at_ms))
    if entry.readback_place is not None and entry.readback_time is not None:
        act["readback"] = _readback(entry.readback_place, entry.readback_time, at_ms, places)
    return act


def check_answer(entry: Answer, at_ms: int, places: Mapping[str, str]) -> None:
    """UsageError if what is read back is no place or time: whether it fits is found in the run."""
    _answer(entry, at_ms, places)


def _readback(place: str, time: str, at_ms: int, places: Mapping[str, str]) -> Act:
    """As a person types it: a name of the file is its place, a time that counts from the entry is an absolute one."""
    when = to_wire(moment_ms(time, at_ms))
    counts = time == "now" or time.startswith("+")
    return {
        "place": places.get(place, place),
        "time": when if counts else time,
        "at": list(_position(place, places)[0]),
        "when": when,
    }


def _forward(entry: Forward, at_ms: int) -> Act:
    act: Act = {"to": entry.to, "by": entry.how}
    if entry.how == "voice":
        act["voice"] = {
            "role": entry.role,
            "contact": entry.contact,
            "at": to_wire(at_ms),
            "readback": entry.readback,
        }
    return act


def _withdraw(entry: Withdraw, withdrawn: Send | None) -> Act:
    act: Act = {"text": entry.text, "response": entry.response.value}
    if withdrawn is not None:
        act["to"] = [_addressee(name) for name in withdrawn.to]
        act["info"] = list(withdrawn.info)
    precedence = entry.precedence or (withdrawn.precedence if withdrawn is not None else None)
    if precedence is not None:
        act["precedence"] = precedence.value
    return act


def _addressee(name: str) -> dict[str, str]:
    """`regime:russia` -> to the regime, via Russia."""
    party, _, via = name.partition(":")
    return {"party": party, "via": via} if via else {"party": party}


def _volume(where: Where, at_ms: int, places: Mapping[str, str]) -> Volume:
    until = where.until or "now"
    try:
        return Volume(
            shape=_shape(where, places),
            altitude=where.altitude,
            from_=to_wire(moment_ms(where.from_, at_ms)),
            until=to_wire(moment_ms(until, at_ms)),
        )
    except ValidationError as error:
        raise UsageError(f"a volume cannot be: {error.errors(include_url=False)[0]['msg']}") from error


def _shape(where: Where, places: Mapping[str, str]) -> Shape:
    if where.path is not None:
        return Line(path=tuple(_position(name, places)[0] for name in where.path), width_m=where.width or 0)
    if where.polygon is not None:
        return Polygon(rings=(tuple(_position(name, places)[0] for name in where.polygon),))
    position, accuracy_m = _position(where.place or "", places)
    if where.radius is not None:
        return Circle(center=position, radius_m=where.radius)
    return Point(at=position, accuracy_m=accuracy_m if where.accuracy is None else where.accuracy)


def _position(name: str, places: Mapping[str, str]) -> tuple[Position, int]:
    """A name of `[places]`, or any form that a person types -> position and accuracy in metres."""
    reading = parse_place(places.get(name, name))
    return reading.position, reading.accuracy_m


def _json(volume: Volume) -> dict[str, Any]:
    return volume.model_dump(mode="json", by_alias=True, exclude_none=True)
