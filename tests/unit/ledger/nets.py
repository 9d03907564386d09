"""A small net for tests of what is made of a ledger: leaves are taken in unsigned, alerts as the agenda gives them."""

from __future__ import annotations

from typing import Any

from channel.ledger.deadlines import Agenda
from channel.ledger.ledger import Ledger
from channel.protocol import charter as charters
from channel.protocol import ids
from channel.protocol.envelope import Opened
from channel.protocol.statements import Accession, Alert, Key, Member, Notice, Precedence, Statement
from channel.protocol.times import to_wire

START_MS = 1_505_521_800_000  # 160030Z SEP 17
NET = "river-line"
EMPTY = {"size": 0, "root": ids.sha256(b"")}


def _member(founder: charters.Founder) -> Member:
    labels = charters.key_labels(founder.desks)
    keys = tuple(
        Key(kid=f"{founder.party}/{label}", pub=ids.sha256(f"{founder.party}/{label}".encode()), held="machine")
        for label in labels
    )
    return Member(party=founder.party, name=founder.name, language=founder.language, keys=keys, desks=founder.desks)


def _relay() -> Member:
    desks = charters.OPERATOR_DESKS
    labels = charters.relay_labels(desks)
    keys = tuple(Key(kid=f"relay/{x}", pub=ids.sha256(f"relay/{x}".encode()), held="machine") for x in labels)
    return Member(party="relay", name="Operator", language="en", keys=keys, desks=desks)


class Net:
    """Four parties, in force from the start. `ledger` is the whole log's; `of(party)` is that party's own."""

    def __init__(self) -> None:
        parties = [_member(founder) for founder in charters.DEFAULT_PARTIES]
        terms = charters.default_terms(4).model_copy(update={"watch_ms": 0})
        charter = charters.draft(
            NET, _relay(), parties, issued_ms=START_MS, title="River line", trial=True, terms=terms
        )
        self.ledger = Ledger(charter, ids.sha256(b"charter"))
        self.agenda = Agenda(self.ledger)
        self._take("relay/sig/machine-1", charter, ids.sha256(b"charter"), START_MS)
        self._seq = 0
        for member in charter.parties:
            self.sign(member.party, Accession, START_MS, label="root/1", charter=ids.sha256(b"charter"))

    def _take(self, kid: str, body: Any, of: str, now_ms: int) -> None:
        self.ledger.apply(self.ledger.size, now_ms, Opened(b"", of, kid, body.TYPE, body))

    def sign(self, party: str, model: type[Statement], now_ms: int, /, *, label: str = "", **members: Any) -> str:
        """A statement of a party at its operations desk; its hash is made up."""
        self._seq += 1
        of = ids.sha256(f"{party}{self._seq}".encode())
        common = {"net": NET, "from": party, "desk": "operations", "issued": to_wire(now_ms), "seen": EMPTY, "seq": 1}
        body = model.model_validate({**common, "prev": ids.sha256(b""), **members}, strict=False)
        self._take(f"{party}/{label or 'sig/desk-operations'}", body, of, now_ms)
        return of

    def notice(self, party: str, now_ms: int, to: str, **members: Any) -> str:
        """A FLASH intent to `PARTY` or `PARTY:VIA`, several with blanks between; WILCO or UNABLE is asked for."""
        addressees = [dict(zip(("party", "via"), name.split(":"), strict=False)) for name in to.split()]
        plain: dict[str, Any] = {
            "nid": ids.uuid7(now_ms, bytes([self._seq % 256]) * 10),
            "precedence": "FLASH",
            "to": addressees,
            "info": [],
            "kind": "intent",
            "status": "operation",
            "response": "WU",
            "how": "human",
            "volumes": [],
            "elements": [],
            "text": "Strike north of the bridge",
        }
        return self.sign(party, Notice, now_ms, **plain | members)

    def alerts(self, now_ms: int) -> list[str]:
        """Raise everything that is due by then, each at its own time."""
        raised = []
        while (draft := self.agenda.due(now_ms)) is not None:
            members = {
                name: getattr(draft, name)
                for name in ("alert", "stage", "rung", "round", "fault", "told", "ring", "precedence", "detail")
            }
            optional = {name: getattr(draft, name) for name in ("of", "nid", "author", "addressee", "via")}
            members |= {name: value for name, value in optional.items() if value is not None}
            self.sign("relay", Alert, max(draft.due_ms, START_MS), due=to_wire(draft.due_ms), **members)
            raised.append(draft.alert)
        return raised

    def of(self, party: str) -> Ledger:
        """What that party's client has of it."""
        own = Ledger(self.ledger.charter, self.ledger.charter_of)
        for index in self.ledger.parties[party].feed:
            entry = self.ledger.entries[index]
            own.apply(index, entry.stamp_ms, entry.opened)
        return own


__all__ = ["NET", "START_MS", "Net", "Precedence"]
