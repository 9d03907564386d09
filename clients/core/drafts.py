"""What a person or a script wants to say -> the members of a statement. Pure: nothing is signed or numbered here.

Members that every statement has (`net`, `seq`, `seen`, ...) are added where it is signed. UsageError says what was
expected; whether the channel takes it is the relay's policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import ValidationError
from pydantic_core import to_json

from channel.ledger import NoticeRecord
from channel.protocol import ids, phrasebook, schema
from channel.protocol.errors import UsageError
from channel.protocol.forms import reason_of
from channel.protocol.statements import (
    Acknowledgement,
    Addressee,
    Answer,
    Call,
    Check,
    Element,
    Forwarding,
    Kind,
    Level,
    LineStatement,
    Notice,
    Precedence,
    Receiving,
    Response,
    Seen,
    Stage,
    Statement,
    Suspension,
    Volume,
    Word,
)
from channel.protocol.times import to_wire
from clients.defaults import Defaults

DIRECT = ":"  # `regime:` is the regime without the usual intermediary

Members = dict[str, object]


@dataclass(frozen=True, slots=True)
class Draft:
    """A statement before it is signed. `machine`: by the machine's key, else by the desk's."""

    model: type[Statement]
    members: Members = field(repr=False)
    desk: str = "operations"
    machine: bool = False
    sealed: bool = False
    """To be sealed when it is signed: the members are then what only the addressees read."""

    @property
    def nid(self) -> str | None:
        """The id of a notice, line or call."""
        nid = self.members.get("nid")
        return nid if isinstance(nid, str) else None

    def statement(self, *, net: str, party: str, now_ms: int, seen: Seen, seq: int, prev: ids.Hash) -> Statement:
        """The whole statement. UsageError names the member that cannot be."""
        common: Members = {
            "net": net,
            "from": party,
            "desk": self.desk,
            "issued": to_wire(now_ms),
            "seen": seen,
            "seq": seq,
            "prev": prev,
        }
        given = {name: value for name, value in self.members.items() if value is not None}
        try:
            return self.model.model_validate_json(to_json(common | given, by_alias=True, exclude_none=True))
        except ValidationError as error:
            raise UsageError(f"this {self.model.TYPE} cannot be: {schema.explain(error)}") from error


# --- reading what people type ---------------------------------------------------------------------------------------


def addressees(names: str | Sequence[str | Addressee], defaults: Defaults, parties: Iterable[str]) -> list[Addressee]:
    """`regime:russia` goes via Russia, `regime` by the usual route, `regime:` directly."""
    known = set(parties)
    found = []
    for name in [names] if isinstance(names, str) else names:
        if isinstance(name, Addressee):
            found.append(name)
            continue
        party, colon, via = name.partition(":")
        usual = defaults.via.get(party) if not colon else via or None
        if usual not in known and not colon:
            usual = None  # another net than the one that these habits are for
        try:
            found.append(Addressee(party=party, via=usual))
        except ValidationError:
            raise UsageError(f"an addressee is written PARTY or PARTY:INTERMEDIARY, not {name!r}") from None
    return found


def element(text: str) -> Element:
    """`CODE=VALUE|VALUE` -> a phrasebook element."""
    code, _, values = text.partition("=")
    return phrasebook.element(code, values.split("|") if values else [])


def one_of(kind: type[Kind] | type[Level] | type[Precedence] | type[Response] | type[Word], text: str) -> str:
    """The enum's own spelling of what was typed, whatever its case."""
    for member in kind:
        if member.value.lower() == str(text).lower():
            return str(member.value)
    raise UsageError(f"expected one of {', '.join(kind)}, not {text!r}")


# --- statements -----------------------------------------------------------------------------------------------------


def notice(
    nid: str,
    *,
    to: Sequence[Addressee | dict[str, str]],
    info: Sequence[str] = (),
    kind: str = "text",
    precedence: str = "ROUTINE",
    response: str | None = None,
    how: Literal["machine", "human", "voice", "relayed"] = "human",
    status: Literal["operation", "exercise", "test"] = "operation",
    volumes: Sequence[Volume | dict[str, object]] = (),
    elements: Sequence[str | Element | dict[str, object]] = (),
    text: str = "",
    desk: str = "operations",
    **optional: object,
) -> Draft:
    """A notice. Asked for by default: WILCO or UNABLE of an intent, ROGER else, nothing without action addressees.

    Nor of a unit's position: the next takes its place, while an answer to each would stay owed (protocol.md 6.2).
    """
    kind_ = Kind(one_of(Kind, kind))
    moves = kind_ is Kind.POSITION and optional.get("unit") is not None and not optional.get("read_back")
    usual = Response.WU if kind_ is Kind.INTENT else Response.NE if moves else Response.R
    members: Members = {
        "nid": nid,
        "to": tuple(to),
        "info": tuple(info),
        "kind": kind_,
        "precedence": Precedence(one_of(Precedence, precedence)),
        "response": Response(one_of(Response, response)) if response else (usual if to else Response.NE),
        "how": how,
        "status": status,
        "volumes": tuple(volumes),
        "elements": tuple(element(part) if isinstance(part, str) else part for part in elements),
        "text": text,
        **optional,
    }
    return Draft(Notice, members, desk, machine=how == "machine")


def withdrawal(nid: str, earlier: NoticeRecord, text: str, desk: str = "operations", **changes: object) -> Draft:
    """A notice that takes an earlier one back, to everybody whom that one went to."""
    members: Members = {
        "to": earlier.body.to,
        "info": earlier.body.info,
        "precedence": earlier.body.precedence.value,
        "response": Response.R.value,
    }
    return notice(nid, text=text, desk=desk, withdraws=earlier.of, **(members | changes))  # type: ignore[arg-type]


def displayed(of: ids.Hash, desk: str = "operations") -> Draft:
    """It was put before a person on watch at this desk."""
    return Draft(Receiving, {"of": of, "stage": Stage.DISPLAYED}, desk)


def answer(of: ids.Hash, word: str, desk: str = "operations", **optional: object) -> Draft:
    """ROGER, WILCO, UNABLE or STANDBY; `optional`: reason, until, readback, corrects, pt."""
    return Draft(Answer, {"of": of, "word": Word(one_of(Word, word)), **optional}, desk)


def forwarding(of: ids.Hash, to: str, voice: object = None, desk: str = "operations") -> Draft:
    """Passed on over the channel, or by voice if `voice` is given."""
    return Draft(Forwarding, {"of": of, "to": to, "by": "channel" if voice is None else "voice", "voice": voice}, desk)


def check(state: str = "on-watch", desk: str = "operations") -> Draft:
    return Draft(Check, {"state": state}, desk)


def acknowledgement(alert: str, reason: str, desk: str = "operations") -> Draft:
    """UsageError without a reason that can be read."""
    return Draft(Acknowledgement, {"alert": alert, "reason": reason_of(reason)}, desk)


def suspension(action: Literal["suspend", "resume"], reason: str, desk: str = "operations") -> Draft:
    return Draft(Suspension, {"action": action, "reason": reason}, desk)


def call(nid: str, desk: str = "operations", **members: object) -> Draft:
    """A phone call on record; members as in protocol.md 6.10."""
    return Draft(Call, {"nid": nid, "info": (), **members}, desk)


def line(nid: str, desk: str = "operations", **members: object) -> Draft:
    """A version of a line; members as in protocol.md 6.9."""
    return Draft(LineStatement, {"nid": nid, "info": (), **members}, desk)
